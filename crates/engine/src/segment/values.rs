//! What rules compare: the value of each feature and model they name, kept up to date.
//!
//! A rule can only change when a value passes a threshold that the rule compares it with. So a value that moved
//! touches only the segments with a threshold on its way, and the engine need be woken only when time alone carries a
//! value past one: cost goes with what is affected, not with what is declared.

use keepset_wire::Timestamp;
use keepset_wire::codec;

use super::agenda::Agenda;
use super::{Comparison, Subject};
use crate::feature::{Features, State, Watch};
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

/// The values of one device.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// By the number of the subject; not a number where there is none. Between wakes a value may lag behind, never past a threshold.
    values: Vec<f64>,
    /// The numbers of subjects to be looked at.
    agenda: Agenda,
}

impl Values {
    pub(crate) fn none(watched: &Watched) -> Self {
        let subjects = watched.subjects.len();
        Self { values: vec![f64::NAN; subjects], agenda: Agenda::new(subjects) }
    }

    pub(crate) fn all(&self) -> &[f64] {
        &self.values
    }

    /// Notes that a memory changed.
    pub(crate) fn touch_memory(&mut self, watched: &Watched, memory: usize) {
        watched.by_memory[memory].iter().for_each(|number| self.agenda.add(*number));
    }

    pub(crate) fn touch_all(&mut self, watched: &Watched) {
        let subjects = watched.subjects.iter().enumerate().filter(|(_, subject)| subject.is_some());
        subjects.for_each(|(number, _)| self.agenda.add(number));
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
    pub(crate) fn update(
        &mut self,
        watched: &Watched,
        features: &Features,
        models: &[Linear],
        states: &[State],
        moment: Moment<'_>,
        mut touch: impl FnMut(usize),
    ) {
        while let Some(number) = self.agenda.next() {
            let Some(thresholds) = &watched.subjects[number] else { continue };
            let (value, next) = look(thresholds, features, models, states, moment);
            self.agenda.set(number, next.map(Timestamp::millis));
            let old = std::mem::replace(&mut self.values[number], value);
            if old.to_bits() != value.to_bits() {
                thresholds.between(old, value, &mut touch);
            }
        }
    }
}

/// Among more inputs than this the parts are too small to be worth looking for.
const MOST_SHARES: usize = 8;

/// The value of a subject, and when time alone may carry it past a threshold.
fn look(
    thresholds: &Thresholds,
    features: &Features,
    models: &[Linear],
    states: &[State],
    moment: Moment<'_>,
) -> (f64, Option<Timestamp>) {
    let value = |feature| features.value(feature, states, moment);
    match thresholds.subject {
        Subject::Feature(feature) => {
            let next = features.next_change(feature, states, Watch::Cuts(&thresholds.values), moment);
            (value(feature).unwrap_or(f64::NAN), next)
        }
        Subject::Model(model) => {
            let model = &models[model];
            let score = model.score(value);
            let distance = thresholds.values.iter().map(|t| (t - score).abs()).fold(f64::INFINITY, f64::min);
            // While every input stays within its part of the distance, the score stays on its side of every cut;
            // a thousandth is left for rounding.
            let terms = model.terms().count();
            let share = distance * 0.999 / f64::from(u32::try_from(terms).unwrap_or(u32::MAX));
            let change = |(feature, weight): (usize, f64)| {
                let change = |watch| features.next_change(feature, states, watch, moment);
                if terms > MOST_SHARES {
                    return change(Watch::Everything);
                }
                let Some(value) = value(feature) else { return change(Watch::Everything) };
                let reach = share / weight.abs();
                let (low, high) = (value - reach, value + reach);
                // At a cut itself, or so near that a number cannot tell, every change counts.
                let apart = low < value && value < high;
                if apart { change(Watch::Cuts(&[low, high])) } else { change(Watch::Everything) }
            };
            (score, model.terms().filter_map(change).min())
        }
    }
}

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
