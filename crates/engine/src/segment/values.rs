//! What rules compare: the value of each feature and model they name, kept up to date.
//!
//! A rule can only change when a value passes a threshold that the rule compares it with. So a value that moved
//! touches only the segments with a threshold on its way, and the engine need be woken only when time alone carries a
//! value past one: cost goes with what is affected, not with what is declared.

use keepset_wire::Timestamp;
use keepset_wire::codec;

use super::agenda::{Agenda, Marks};
use super::{Comparison, Subject};
use crate::feature::{Features, State, Stretch};
use crate::model::Linear;
use crate::zone::Moment;

/// Who compares what with what, in a pack.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// By the number of the subject.
    subjects: Vec<Option<Thresholds>>,
    /// By memory: the numbers of the subjects that read it.
    by_memory: Vec<Vec<usize>>,
}

codec!(struct Watched { subjects, by_memory });

/// Where comparisons of one subject change their answer.
#[derive(Debug)]
struct Thresholds {
    subject: Subject,
    /// The cuts, in rising order.
    values: Vec<f64>,
    /// For each of them the place of a segment that has it.
    places: Vec<usize>,
}

codec!(struct Thresholds { subject, values, places });

impl Watched {
    /// Indexes comparisons, each with the place of its segment.
    pub(super) fn new(comparisons: &[(Comparison, usize)], features: &Features, models: &[Linear]) -> Self {
        let mut pairs: Vec<Vec<(f64, usize)>> = vec![Vec::new(); features.list().len() + models.len()];
        let mut subjects: Vec<Option<Thresholds>> = pairs.iter().map(|_| None).collect();
        for (comparison, place) in comparisons {
            let number = comparison.subject.number(features);
            pairs[number].extend(comparison.cuts().into_iter().map(|cut| (cut, *place)));
            subjects[number] =
                Some(Thresholds { subject: comparison.subject, values: Vec::new(), places: Vec::new() });
        }
        let mut by_memory = vec![Vec::new(); features.memories()];
        for (number, mut pairs) in pairs.into_iter().enumerate() {
            let Some(thresholds) = &mut subjects[number] else { continue };
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            pairs.dedup();
            (thresholds.values, thresholds.places) = pairs.into_iter().unzip();
            let mut reads = |feature: usize| {
                features.memories_of(feature, &mut |memory| {
                    if by_memory[memory].last() != Some(&number) {
                        by_memory[memory].push(number);
                    }
                });
            };
            match thresholds.subject {
                Subject::Feature(feature) => reads(feature),
                Subject::Model(model) => models[model].terms().for_each(|(feature, _)| reads(feature)),
            }
        }
        Self { subjects, by_memory }
    }
}

impl Thresholds {
    /// Calls `touch` with the place of every segment with a cut between two values.
    fn between(&self, old: f64, new: f64, touch: impl FnMut(usize)) {
        let passed = |value: f64| self.values.partition_point(|cut| *cut <= value);
        let (from, to) = if old.is_nan() || new.is_nan() {
            (0, self.values.len())
        } else {
            let (old, new) = (passed(old), passed(new));
            (old.min(new), old.max(new))
        };
        self.places[from..to].iter().copied().for_each(touch);
    }
}

/// What values are made of, at a moment of one device.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) watched: &'a Watched,
    pub(crate) features: &'a Features,
    pub(crate) models: &'a [Linear],
    pub(crate) states: &'a [State],
    pub(crate) moment: Moment<'a>,
}

impl Sight<'_> {
    /// The value of every subject, from nothing.
    pub(crate) fn fresh(&self) -> Vec<f64> {
        let features = (0..self.features.list().len()).map(|feature| self.value(feature).unwrap_or(f64::NAN));
        features.chain(self.models.iter().map(|model| self.score(model))).collect()
    }

    fn score(&self, model: &Linear) -> f64 {
        model.score(|feature| self.value(feature))
    }

    fn value(&self, feature: usize) -> Option<f64> {
        self.features.value(feature, self.states, self.moment)
    }

    /// Tells whether a feature reads one of these memories.
    fn reads(&self, feature: usize, memories: &Marks) -> bool {
        let mut reads = false;
        self.features.memories_of(feature, &mut |memory| reads |= memories.has(memory));
        reads
    }

    fn is_compared(&self, number: usize) -> bool {
        self.watched.subjects[number].is_some()
    }

    /// The cuts of a subject; none where no rule compares it.
    fn cuts(&self, number: usize) -> &[f64] {
        self.watched.subjects[number].as_ref().map_or(&[], |thresholds| &thresholds.values)
    }
}

/// Among more features than this a model's distances are not divided: it is scored at every change of one.
const MOST_SHARES: usize = 8;

/// The values of one device.
///
/// Each feature that is compared, or read by a model that is, has a stretch: as long as its value stays in it, no rule
/// changes. Its ends are the nearest cuts of rules that compare the feature itself, and what each model can bear: a
/// model's distance to the next cut on either side is divided among its features, so while each stays within its part, the
/// score stays where it is, and need not be computed. The engine is woken when time alone carries a value out of its
/// stretch. A value out of its stretch, by time or by an event, begins a new one, and every model that reads it is scored and
/// divides its distances anew.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// By the number of the subject; not a number where there is none. Between wakes a value may lag behind, never out of its stretch.
    values: Vec<f64>,
    /// By feature.
    stretches: Vec<Stretch>,
    /// The subjects to be looked at, and when a feature may leave its stretch.
    agenda: Agenda,
    /// The features that models read.
    shared: Marks,
    /// Those of them that a model of many features reads: their stretches are single values.
    strict: Marks,
    /// The memories that changed since the last update.
    changed: Marks,
    /// Everything is to be looked at as if for the first time.
    anew: bool,
    /// While an update runs: the features whose values are those of its moment.
    known: Marks,
    /// While an update runs: the features that left their stretch.
    left: Marks,
    /// While an update runs: the features whose stretches changed, so that it must be asked anew when they end.
    asked: Marks,
}

impl Values {
    pub(crate) fn none(watched: &Watched, features: &Features, models: &[Linear]) -> Self {
        let (subjects, count) = (watched.subjects.len(), features.list().len());
        let (mut shared, mut strict) = (Marks::new(count), Marks::new(count));
        for (model, _) in
            models.iter().zip(&watched.subjects[count..]).filter(|(_, subject)| subject.is_some())
        {
            model.terms().for_each(|(feature, _)| shared.add(feature));
            if model.size() > MOST_SHARES {
                model.terms().for_each(|(feature, _)| strict.add(feature));
            }
        }
        Self {
            values: vec![f64::NAN; subjects],
            stretches: vec![Stretch::NONE; count],
            agenda: Agenda::new(subjects),
            shared,
            strict,
            changed: Marks::new(features.memories()),
            anew: true,
            known: Marks::new(count),
            left: Marks::new(count),
            asked: Marks::new(count),
        }
    }

    pub(crate) fn all(&self) -> &[f64] {
        &self.values
    }

    /// Notes that a memory changed.
    pub(crate) fn touch_memory(&mut self, watched: &Watched, memory: usize) {
        self.changed.add(memory);
        self.agenda.marks.add_each(&watched.by_memory[memory]);
    }

    /// Notes that everything may have changed.
    pub(crate) fn touch_all(&mut self, watched: &Watched) {
        self.changed.add_all();
        self.anew = true;
        let subjects = watched.subjects.iter().enumerate().filter(|(_, subject)| subject.is_some());
        subjects.for_each(|(number, _)| self.agenda.marks.add(number));
    }

    /// Notes what time alone may have changed by `now`.
    pub(crate) fn touch_due(&mut self, now: Timestamp) {
        self.agenda.add_due(now);
    }

    /// Returns the next instant at which time alone may carry a value past a threshold.
    pub(crate) fn wake(&self) -> Timestamp {
        self.agenda.wake()
    }

    /// Brings up to date what was touched; calls `touch` with the place of every segment it may matter to.
    pub(crate) fn update(&mut self, sight: &Sight<'_>, mut touch: impl FnMut(usize)) {
        let features = sight.features.list().len();
        let mut scored = false;
        // Models come behind all features, so a feature is looked at before a model reads it.
        while let Some(number) = self.agenda.marks.next() {
            let old = match number.checked_sub(features) {
                None => self.look(number, sight),
                Some(model) => {
                    if !std::mem::replace(&mut scored, true) {
                        self.look_at_strict(sight);
                    }
                    self.rescore(number, &sight.models[model], sight)
                }
            };
            if let (Some(old), Some(thresholds)) = (old, &sight.watched.subjects[number]) {
                thresholds.between(old, self.values[number], &mut touch);
            }
        }
        while let Some(feature) = self.asked.next() {
            let stretch = self.stretches[feature];
            let next = sight.features.next_change(feature, sight.states, stretch, sight.moment);
            self.agenda.set(feature, next.map(Timestamp::millis));
        }
        for marks in [&mut self.known, &mut self.left, &mut self.changed] {
            marks.clear();
        }
        self.anew = false;
    }

    /// Takes in the value of a feature that changed or is due. If it left its stretch it begins a new one, which every
    /// model that reads it is to narrow, and its value until then is returned.
    fn look(&mut self, feature: usize, sight: &Sight<'_>) -> Option<f64> {
        let seen = sight.value(feature);
        let value = seen.unwrap_or(f64::NAN);
        self.known.add(feature);
        self.asked.add(feature);
        let old = std::mem::replace(&mut self.values[feature], value);
        if !self.anew && self.stretches[feature].holds(seen) {
            return None;
        }
        self.left.add(feature);
        if self.shared.has(feature) && self.agenda.is_due(feature, sight.moment.now) {
            let models = sight.models.iter().zip(sight.features.list().len()..);
            let readers = models.filter(|(model, number)| sight.is_compared(*number) && model.reads(feature));
            readers.for_each(|(_, number)| self.agenda.marks.add(number));
        }
        let strict = self.strict.has(feature);
        self.stretches[feature] =
            if strict { Stretch::of(value) } else { Stretch::around(sight.cuts(feature), value) };
        Some(old)
    }

    /// Looks at a feature of a model if its memory changed and no rule compares it.
    fn look_if_changed(&mut self, feature: usize, sight: &Sight<'_>) {
        if !self.known.has(feature) && sight.reads(feature, &self.changed) {
            self.look(feature, sight);
        }
    }

    /// Looks at what models of many features read, once for all of them.
    fn look_at_strict(&mut self, sight: &Sight<'_>) {
        let mut from = 0;
        while let Some(feature) = self.strict.first_from(from) {
            self.look_if_changed(feature, sight);
            from = feature + 1;
        }
    }

    /// Scores a model if one of its features left its stretch, for else the score is where it was, divides the distances to
    /// the next cuts among the features, and returns the score until then.
    fn rescore(&mut self, number: usize, model: &Linear, sight: &Sight<'_>) -> Option<f64> {
        let divides = model.size() <= MOST_SHARES;
        let mut left = false;
        for (feature, _) in model.terms() {
            if divides {
                self.look_if_changed(feature, sight);
            }
            left |= self.left.has(feature);
            if left && !divides {
                break;
            }
        }
        if !left {
            return None;
        }
        if divides {
            for (feature, _) in model.terms() {
                if !self.known.has(feature) {
                    self.known.add(feature);
                    self.values[feature] = sight.value(feature).unwrap_or(f64::NAN);
                }
            }
        }
        let mut score = model.score_all(&self.values);
        if score.is_nan() {
            // A feature has no value, or one that is no number.
            score = sight.score(model);
        }
        if divides {
            self.divide(model, Stretch::around(sight.cuts(number), score), score);
        }
        Some(std::mem::replace(&mut self.values[number], score))
    }

    /// Divides the distances of a score to the ends of its stretch among the features of its model.
    fn divide(&mut self, model: &Linear, stretch: Stretch, score: f64) {
        // Sums of so few are rounded by far less than a millionth of a millionth of what is added up.
        let rounding = model.added(&self.values) * 1e-12;
        let parts = model.size() as f64;
        let part = |room: f64| (room * 0.999 - rounding).max(0.0) / parts;
        let (down, up) = (part(score - stretch.low), part(stretch.high - score));
        for (feature, weight) in model.terms() {
            let (less, more) = if weight > 0.0 { (down, up) } else { (up, down) };
            self.narrow(feature, less / weight.abs(), more / weight.abs());
        }
    }

    /// Lets the stretch of a feature end where its value has fallen by more than `less` or risen by more than `more`.
    fn narrow(&mut self, feature: usize, less: f64, more: f64) {
        let (value, stretch) = (self.values[feature], self.stretches[feature]);
        // That there is a value at all ends the stretch of one that is not there.
        if value.is_nan() || (value - less <= stretch.low && stretch.high <= value + more) {
            return;
        }
        // A stretch that goes on gives up more than it must, so that it need not do so at every event.
        let part = if self.left.has(feature) { 1.0 } else { 0.5 };
        let (low, high) = (value - less * part, (value + more * part).max(value.next_up()));
        self.stretches[feature] = Stretch { low: low.max(stretch.low), high: high.min(stretch.high) };
        self.asked.add(feature);
    }
}
