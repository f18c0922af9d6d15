//! What rules compare: the value of each feature and model they name, watched as far as an answer hangs on it.
//!
//! A rule can only change when a comparison that was read when it was last evaluated changes, and that only when a value
//! passes one of the comparison's cuts. So a value that moved touches only the segments that read a comparison with a cut
//! on its way, the engine need be woken only when time alone carries a value past such a cut, and a value nobody read is
//! not even computed: cost goes with what is affected, not with what is declared.

use keepset_wire::Timestamp;
use keepset_wire::codec;

use super::Comparison;
use super::agenda::{Agenda, Marks};
use crate::feature::{Features, State, Stretch};
use crate::model::Model;
use crate::zone::Moment;

/// Who compares what with what, in a pack.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// By the number of the subject; nothing where no rule compares it.
    subjects: Vec<Option<Thresholds>>,
    /// By comparison: the place of its segment.
    places: Vec<usize>,
    /// By memory: the features that read it and matter to a rule.
    by_memory: Vec<Vec<usize>>,
    /// By feature: the numbers of the compared models that read it.
    readers: Vec<Vec<usize>>,
}

codec!(struct Watched { subjects, places, by_memory, readers });

/// Where comparisons of one subject change their answer.
#[derive(Debug, Default)]
struct Thresholds {
    /// The cuts, in rising order.
    cuts: Vec<f64>,
    /// For each of them the comparison that has it.
    comparisons: Vec<usize>,
}

codec!(struct Thresholds { cuts, comparisons });

impl Watched {
    /// Indexes comparisons, which are in the order of their numbers, each with the place of its segment.
    pub(super) fn new(comparisons: &[(Comparison, usize)], features: &Features, models: &[Model]) -> Self {
        let count = features.list().len();
        let mut pairs: Vec<Vec<(f64, usize)>> = vec![Vec::new(); count + models.len()];
        for (comparison, _) in comparisons {
            let cuts = comparison.cuts().into_iter().map(|cut| (cut, comparison.number));
            pairs[comparison.subject.number(features)].extend(cuts);
        }
        let mut readers = vec![Vec::new(); count];
        for (number, model) in (count..).zip(models).filter(|(number, _)| !pairs[*number].is_empty()) {
            model.terms().for_each(|(feature, _)| readers[feature].push(number));
        }
        let mut by_memory = vec![Vec::new(); features.memories()];
        let matters = |feature: &usize| !pairs[*feature].is_empty() || !readers[*feature].is_empty();
        for feature in (0..count).filter(matters) {
            features.memories_of(feature, &mut |memory| {
                if by_memory[memory].last() != Some(&feature) {
                    by_memory[memory].push(feature);
                }
            });
        }
        let subjects = pairs.into_iter().map(Thresholds::new).collect();
        let places = comparisons.iter().map(|(_, place)| *place).collect();
        Self { subjects, places, by_memory, readers }
    }
}

impl Thresholds {
    fn new(mut pairs: Vec<(f64, usize)>) -> Option<Self> {
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (cuts, comparisons) = pairs.into_iter().unzip();
        Some(Self { cuts, comparisons }).filter(|thresholds| !thresholds.cuts.is_empty())
    }

    /// How many cuts a value has passed; `passed` by the one before it, mostly nearly as many. None by what is no number.
    fn passed(&self, value: f64, mut passed: usize) -> usize {
        while self.cuts.get(passed).is_some_and(|cut| *cut <= value) {
            passed += 1;
        }
        while passed.checked_sub(1).is_some_and(|last| self.cuts[last] > value || value.is_nan()) {
            passed -= 1;
        }
        passed
    }
}

/// What values are made of, at a moment of one device.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) watched: &'a Watched,
    pub(crate) features: &'a Features,
    pub(crate) models: &'a [Model],
    pub(crate) states: &'a [State],
    pub(crate) moment: Moment<'a>,
}

impl<'a> Sight<'a> {
    /// The value of every subject, from nothing.
    pub(crate) fn fresh(&self) -> Vec<f64> {
        let mut values: Vec<f64> =
            (0..self.features.list().len()).map(|feature| self.value(feature)).collect();
        for model in self.models {
            values.push(model.score_of(&values));
        }
        values
    }

    fn value(&self, feature: usize) -> f64 {
        self.features.value(feature, self.states, self.moment).unwrap_or(f64::NAN)
    }

    /// The model of this number, where it is none of a feature.
    fn model(&self, number: usize) -> Option<&'a Model> {
        number.checked_sub(self.features.list().len()).map(|model| &self.models[model])
    }
}

/// The last evaluation read a comparison.
const READ: u8 = 1;
/// The one before it did, while it runs.
const READ_BEFORE: u8 = 2;

/// Among more features than this a model's distances are not divided: it is scored at every change of one.
const MOST_SHARES: usize = 8;

/// The values of one device.
///
/// A comparison is *watched* when it was read at the last evaluation of its segment. Each feature of which a comparison is
/// watched, or which a model reads of which one is, has a stretch: as long as its value stays in it, no rule changes. Its
/// ends are the nearest watched cuts of the feature itself, and what each watched model can bear: a model's distance to
/// the next watched cut on either side is divided among its features, so while each stays within its part, the score stays
/// where it is, and need not be computed. The engine is woken when time alone carries a value out of its stretch. A value
/// out of its stretch, by time or by an event, begins a new one, and every watched model that reads it is scored and
/// divides its distances anew. What comes to be watched narrows the stretches there are.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// By the number of the subject; not a number where there is none. A value may lag behind, never out of its stretch;
    /// what is not watched is of no moment.
    values: Vec<f64>,
    /// By the number of the subject: how many of its cuts its value has passed.
    passed: Vec<usize>,
    /// By feature.
    stretches: Vec<Stretch>,
    /// The subjects to be looked at, and when a feature may leave its stretch.
    agenda: Agenda,
    /// By place: the number of the first comparison of its segment, behind which lie its others.
    firsts: Vec<usize>,
    /// By comparison: whether the last evaluation of its segment read it, and, while one runs, whether the one before did.
    read: Vec<u8>,
    /// The features that a model of many features reads: their stretches are single values.
    strict: Marks,
    /// The features that time carries out of their stretch at the instant of the agenda or later.
    later: Marks,
    /// While an update runs: the subjects whose values are those of its moment.
    known: Marks,
    /// While an update runs: the features that left their stretch.
    left: Marks,
    /// While an update runs: the subjects with a comparison that was not watched before.
    fresh: Marks,
    /// While an update runs: the models of few features that are to divide their distances.
    scored: Marks,
    /// While an update runs: the features of which it must be asked anew when they leave their stretch.
    asked: Marks,
}

impl Values {
    pub(crate) fn none(watched: &Watched, features: &Features, models: &[Model], places: usize) -> Self {
        let (subjects, count) = (watched.subjects.len(), features.list().len());
        let mut strict = Marks::new(count);
        for (number, model) in (count..).zip(models).filter(|(_, model)| model.size() > MOST_SHARES) {
            if watched.subjects[number].is_some() {
                model.terms().for_each(|(feature, _)| strict.add(feature));
            }
        }
        Self {
            values: vec![f64::NAN; subjects],
            passed: vec![0; subjects],
            stretches: vec![Stretch::UNWATCHED; count],
            agenda: Agenda::new(subjects),
            firsts: (0..=places).map(|place| watched.places.partition_point(|of| *of < place)).collect(),
            read: vec![0; watched.places.len()],
            strict,
            later: Marks::new(subjects),
            known: Marks::new(subjects),
            left: Marks::new(count),
            fresh: Marks::new(subjects),
            scored: Marks::new(subjects),
            asked: Marks::new(count),
        }
    }

    /// Notes that a memory changed.
    pub(crate) fn touch_memory(&mut self, watched: &Watched, memory: usize) {
        self.agenda.marks.add_each(&watched.by_memory[memory]);
    }

    /// Notes that everything may have changed: nothing is watched until it is read again.
    pub(crate) fn touch_all(&mut self) {
        self.stretches.fill(Stretch::UNWATCHED);
        self.agenda.clear();
        self.later.clear();
        self.read.fill(0);
    }

    /// Notes what time alone may have changed by `now`.
    pub(crate) fn touch_due(&mut self, now: Timestamp) {
        self.agenda.add_due(now);
    }

    /// Returns the next instant at which time alone may carry a value past a watched cut, if it is no later than `by`; one after that
    /// may be too early.
    pub(crate) fn wake(&mut self, by: Timestamp, sight: &Sight<'_>) -> Timestamp {
        while let Some(feature) = self.agenda.first(by).filter(|first| self.later.has(*first)) {
            self.asked.add(feature);
            self.ask(sight);
        }
        self.agenda.wake()
    }

    /// Looks at what was touched; calls `touch` with the place of every segment it may matter to. [`Values::settle`] is to
    /// follow when those are evaluated.
    pub(crate) fn update(&mut self, sight: &Sight<'_>, mut touch: impl FnMut(usize)) {
        // Models come behind all features, so a feature is looked at before a model reads it.
        while let Some(number) = self.agenda.marks.next() {
            let (old, passed) = (self.values[number], self.passed[number]);
            let moved = match sight.model(number) {
                None => self.leaves(number, sight),
                Some(model) => self.rescored(number, model, sight),
            };
            if let (true, Some(thresholds)) = (moved, &sight.watched.subjects[number]) {
                let now = self.passed[number];
                // With a value comes and goes every answer.
                let known = !old.is_nan() && !self.values[number].is_nan();
                let way = if known { passed.min(now)..passed.max(now) } else { 0..thresholds.cuts.len() };
                for &comparison in &thresholds.comparisons[way] {
                    if self.is_watched(comparison) {
                        touch(sight.watched.places[comparison]);
                    }
                }
            }
        }
    }

    /// Takes in the value of a feature that changed or is due, and tells whether it left its stretch.
    fn leaves(&mut self, feature: usize, sight: &Sight<'_>) -> bool {
        let stretch = self.stretches[feature];
        if stretch.is_unwatched() {
            return false;
        }
        let value = self.refresh(feature, sight);
        if stretch.holds(Some(value).filter(|value| !value.is_nan())) {
            let Sight { features, states, moment, .. } = *sight;
            let until = self.agenda.instant(feature);
            let later =
                until > moment.now.millis() && features.lasts(feature, states, stretch, until, moment);
            if later { &mut self.later } else { &mut self.asked }.add(feature);
            return false;
        }
        self.asked.add(feature);
        self.left.add(feature);
        self.agenda.marks.add_each(&sight.watched.readers[feature]);
        true
    }

    /// Scores a model of which a feature left its stretch, if it is watched.
    fn rescored(&mut self, number: usize, model: &Model, sight: &Sight<'_>) -> bool {
        let watched = self.around(number, sight.watched).is_some();
        if watched && model.size() > MOST_SHARES {
            // Each of its features is its own stretch, and what changed has been looked at: all values are those of now.
            self.score(number, model, sight.watched);
        } else if watched {
            self.scored.add(number);
            self.of_now(number, sight);
        }
        watched
    }

    /// Begins an evaluation of the segment at a place: what it reads from now on is watched, and nothing else.
    pub(super) fn begin(&mut self, place: usize) {
        for read in &mut self.read[self.firsts[place]..self.firsts[place + 1]] {
            *read = (*read & READ) * READ_BEFORE;
        }
    }

    /// Returns the value a comparison compares, and watches it.
    pub(super) fn see(&mut self, comparison: &Comparison, sight: &Sight<'_>) -> f64 {
        let number = comparison.subject.number(sight.features);
        let read = &mut self.read[comparison.number];
        let watched = *read != 0;
        *read |= READ;
        if watched {
            // It was watched, so the value is on the same side of its cuts as that of now.
            return self.values[number];
        }
        self.fresh.add(number);
        self.of_now(number, sight)
    }

    /// Returns the value of now.
    pub(super) fn of_now(&mut self, number: usize, sight: &Sight<'_>) -> f64 {
        if self.known.has(number) {
            return self.values[number];
        }
        let Some(model) = sight.model(number) else { return self.feature_of_now(number, sight) };
        for feature in model.features() {
            self.feature_of_now(feature, sight);
        }
        self.score(number, model, sight.watched)
    }

    /// Scores a model of values that are those of now.
    fn score(&mut self, number: usize, model: &Model, watched: &Watched) -> f64 {
        self.known.add(number);
        self.set(number, model.score_of(&self.values), watched)
    }

    fn feature_of_now(&mut self, feature: usize, sight: &Sight<'_>) -> f64 {
        let value = self.values[feature];
        // What changed has been looked at, so a value that is its own stretch is that of now.
        let is_of_now = self.stretches[feature].is(value) || self.known.has(feature);
        if is_of_now { value } else { self.refresh(feature, sight) }
    }

    fn refresh(&mut self, feature: usize, sight: &Sight<'_>) -> f64 {
        self.known.add(feature);
        self.set(feature, sight.value(feature), sight.watched)
    }

    fn set(&mut self, number: usize, value: f64, watched: &Watched) -> f64 {
        self.values[number] = value;
        if let Some(thresholds) = &watched.subjects[number] {
            self.passed[number] = thresholds.passed(value, self.passed[number]);
        }
        value
    }

    fn is_watched(&self, comparison: usize) -> bool {
        self.read[comparison] & READ != 0
    }

    /// The stretch between the watched cuts around the value of a subject; nothing when none is watched.
    fn around(&self, number: usize, watched: &Watched) -> Option<Stretch> {
        let thresholds = watched.subjects[number].as_ref()?;
        let is_watched = |place: &usize| self.is_watched(thresholds.comparisons[*place]);
        let passed = self.passed[number];
        let below = (0..passed).rev().find(is_watched);
        let above = (passed..thresholds.cuts.len()).find(is_watched);
        below.or(above)?;
        if self.values[number].is_nan() {
            return Some(Stretch::ABSENT);
        }
        let cut = |place: Option<usize>, end: f64| place.map_or(end, |place| thresholds.cuts[place]);
        Some(Stretch { low: cut(below, f64::NEG_INFINITY), high: cut(above, f64::INFINITY) })
    }

    /// Gives every value that left its stretch a new one, narrows those of what came to be watched, and asks when they end.
    pub(crate) fn settle(&mut self, sight: &Sight<'_>) {
        let mut from = 0;
        while let Some(feature) = self.left.first_from(from) {
            let own = || self.around(feature, sight.watched).unwrap_or(Stretch::UNWATCHED);
            let strict = self.strict.has(feature);
            self.stretches[feature] = if strict { Stretch::of(self.values[feature]) } else { own() };
            from = feature + 1;
        }
        while let Some(number) = self.fresh.next() {
            match (sight.model(number), self.around(number, sight.watched)) {
                (_, None) => {}
                (None, Some(stretch)) => self.end(number, stretch),
                (Some(model), _) if model.size() > MOST_SHARES => {
                    model
                        .terms()
                        .for_each(|(feature, _)| self.end(feature, Stretch::of(self.values[feature])));
                }
                (Some(_), _) => self.scored.add(number),
            }
        }
        while let Some(number) = self.scored.next() {
            if let (Some(model), Some(stretch)) = (sight.model(number), self.around(number, sight.watched)) {
                self.divide(model, stretch, self.values[number]);
            }
        }
        self.ask(sight);
        self.known.clear();
        self.left.clear();
    }

    /// Asks when time carries values out of their stretches.
    fn ask(&mut self, sight: &Sight<'_>) {
        while let Some(feature) = self.asked.next() {
            self.later.remove(feature);
            let stretch = self.stretches[feature];
            let next = if stretch.is_unwatched() {
                None
            } else {
                sight.features.next_change(feature, sight.states, stretch, sight.moment)
            };
            self.agenda.set(feature, next.map(Timestamp::millis));
        }
    }

    /// Divides the distances of a score to the ends of its stretch among the features of its model.
    fn divide(&mut self, model: &Model, stretch: Stretch, score: f64) {
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
        if value - less <= stretch.low && stretch.high <= value + more {
            return;
        }
        // A stretch that goes on gives up more than it must, so that it need not do so at every event.
        let begins = stretch.is_unwatched() || self.left.has(feature);
        let part = if begins { 1.0 } else { 0.5 };
        let (low, high) = (value - less * part, (value + more * part).max(value.next_up()));
        // That there is a value at all ends the stretch of one that is not there.
        self.end(feature, if value.is_nan() { Stretch::ABSENT } else { Stretch { low, high } });
    }

    /// Lets the stretch of a feature lie within another that its value lies in.
    fn end(&mut self, feature: usize, within: Stretch) {
        let stretch = self.stretches[feature];
        let is_within = within.low <= stretch.low && stretch.high <= within.high;
        if !is_within && !stretch.low.is_nan() {
            self.stretches[feature] = stretch.and(within);
            self.asked.add(feature);
        }
    }
}
