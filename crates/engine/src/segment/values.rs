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
    fn value(&self, feature: usize) -> Option<f64> {
        self.features.value(feature, self.states, self.moment)
    }

    fn is_compared(&self, number: usize) -> bool {
        self.watched.subjects[number].is_some()
    }

    /// The cuts of a subject; none where no rule compares it.
    fn cuts(&self, number: usize) -> &[f64] {
        self.watched.subjects[number].as_ref().map_or(&[], |thresholds| &thresholds.values)
    }
}

/// The values of one device.
///
/// Each feature that is compared, or read by a model that is, has a stretch: as long as its value stays in it, no rule
/// changes. Its ends are the nearest cuts of rules that compare the feature itself, and what each model can bear: a
/// model's distance to the nearest cut is divided among its features, so while each stays within its part, the score
/// stays on its side. The engine is woken when time alone carries a value out of its stretch. An event makes anew the
/// stretches of what it concerns, and with them the parts of every model that reads it, whose score is then that of the very moment.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// By the number of the subject; not a number where there is none. Between wakes a value may lag behind, never out of its stretch.
    values: Vec<f64>,
    /// By feature.
    stretches: Vec<Stretch>,
    /// The subjects to be looked at, and when a feature may leave its stretch.
    agenda: Agenda,
    /// The memories that changed since the last update.
    changed: Marks,
    /// While an update runs: the features whose values are those of its moment.
    known: Marks,
    /// While an update runs: the features whose stretches changed, so that it must be asked anew when they end.
    asked: Marks,
}

impl Values {
    pub(crate) fn none(watched: &Watched, features: &Features) -> Self {
        let (subjects, count) = (watched.subjects.len(), features.list().len());
        Self {
            values: vec![f64::NAN; subjects],
            stretches: vec![Stretch::NONE; count],
            agenda: Agenda::new(subjects),
            changed: Marks::new(features.memories()),
            known: Marks::new(count),
            asked: Marks::new(count),
        }
    }

    pub(crate) fn all(&self) -> &[f64] {
        &self.values
    }

    /// Notes that a memory changed.
    pub(crate) fn touch_memory(&mut self, watched: &Watched, memory: usize) {
        self.changed.add(memory);
        watched.by_memory[memory].iter().for_each(|number| self.agenda.marks.add(*number));
    }

    pub(crate) fn touch_all(&mut self, watched: &Watched) {
        self.changed.add_all();
        let subjects = watched.subjects.iter().enumerate().filter(|(_, subject)| subject.is_some());
        subjects.for_each(|(number, _)| self.agenda.marks.add(number));
    }

    /// Notes what time alone may have changed by `now`.
    pub(crate) fn touch_due(&mut self, now: Timestamp) {
        self.agenda.add_due(now);
    }

    /// Returns the next instant at which time alone may carry a value past a threshold.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        self.agenda.wake()
    }

    /// Brings up to date what was touched; calls `touch` with the place of every segment it may matter to.
    pub(crate) fn update(&mut self, sight: &Sight<'_>, mut touch: impl FnMut(usize)) {
        let features = sight.features.list().len();
        // Models come behind all features, so a feature is looked at before a model reads it.
        while let Some(number) = self.agenda.marks.next() {
            let value = match number.checked_sub(features) {
                None => self.look(number, sight),
                Some(model) => self.rescore(&sight.models[model], sight.cuts(number), sight),
            };
            let old = std::mem::replace(&mut self.values[number], value);
            if let Some(thresholds) = &sight.watched.subjects[number]
                && old.to_bits() != value.to_bits()
            {
                thresholds.between(old, value, &mut touch);
            }
        }
        while let Some(feature) = self.asked.next() {
            let stretch = self.stretches[feature];
            let next = sight.features.next_change(feature, sight.states, stretch, sight.moment);
            self.agenda.set(feature, next.map(Timestamp::millis));
        }
        self.known.clear();
        self.changed.clear();
    }

    /// The value of a feature that changed or is due. It begins a new stretch, which every model that reads it is to narrow.
    fn look(&mut self, feature: usize, sight: &Sight<'_>) -> f64 {
        if self.agenda.is_due(feature, sight.moment.now) {
            let models = sight.models.iter().zip(sight.features.list().len()..);
            let readers = models.filter(|(model, number)| sight.is_compared(*number) && model.reads(feature));
            readers.for_each(|(_, number)| self.agenda.marks.add(number));
        }
        let value = sight.value(feature).unwrap_or(f64::NAN);
        self.stretches[feature] = Stretch::around(sight.cuts(feature), value);
        self.known.add(feature);
        self.asked.add(feature);
        value
    }

    /// The score of a model, with its distance to the nearest cut divided among its features.
    fn rescore(&mut self, model: &Linear, cuts: &[f64], sight: &Sight<'_>) -> f64 {
        for feature in model.features() {
            if !self.known.has(feature) {
                self.values[feature] = self.read(feature, sight);
            }
        }
        let value = |feature| {
            let value: f64 = self.values[feature];
            // One that is there and no number is not missing.
            if value.is_nan() { sight.value(feature) } else { Some(value) }
        };
        let score = model.score(value);
        let distance = cuts.iter().map(|cut| (cut - score).abs()).fold(f64::INFINITY, f64::min);
        let terms = model.terms().count();
        // Among many features the parts are too small to be worth looking for. A thousandth is left for rounding.
        let share = if terms > MOST_SHARES { 0.0 } else { distance * 0.999 / terms as f64 };
        model.terms().for_each(|(feature, weight)| self.narrow(feature, share / weight.abs()));
        score
    }

    /// The value of a model's feature, which has a new stretch if its memory changed.
    fn read(&mut self, feature: usize, sight: &Sight<'_>) -> f64 {
        let mut changed = false;
        sight.features.memories_of(feature, &mut |memory| changed |= self.changed.has(memory));
        if changed {
            return self.look(feature, sight);
        }
        self.known.add(feature);
        sight.value(feature).unwrap_or(f64::NAN)
    }

    /// Lets the stretch of a feature end where its value has moved by `reach`.
    fn narrow(&mut self, feature: usize, reach: f64) {
        let (value, stretch) = (self.values[feature], self.stretches[feature]);
        // That there is a value at all ends the stretch of one that is not there.
        if value.is_nan() || (value - reach <= stretch.low && stretch.high <= value + reach) {
            return;
        }
        // A stretch that would be left as it is gives up more than it must, so that it need not be asked at every event.
        let reach = if self.asked.has(feature) { reach } else { reach / 2.0 };
        let (low, high) = (value - reach, value + reach);
        // At a cut itself, or so near that a number cannot tell, every change counts.
        let apart = low < value && value < high;
        self.stretches[feature] = if apart {
            Stretch { low: low.max(stretch.low), high: high.min(stretch.high) }
        } else {
            Stretch::NONE
        };
        self.asked.add(feature);
    }
}

/// Among more features than this a model's distance is not divided.
const MOST_SHARES: usize = 8;

/// The values of all features and models at a moment, from nothing.
pub(crate) fn fresh(
    features: &Features,
    models: &[Linear],
    states: &[State],
    moment: Moment<'_>,
) -> Vec<f64> {
    let value = |feature| features.value(feature, states, moment);
    let scores = models.iter().map(|model| model.score(value));
    (0..features.list().len()).map(|feature| value(feature).unwrap_or(f64::NAN)).chain(scores).collect()
}
