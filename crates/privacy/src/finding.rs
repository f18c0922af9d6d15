//! Findings: what the counts of one question say, number by number, each with its interval and put to the rule of release.
//!
//! Every kind of question becomes one list in a fixed order, so that whoever stores, prints or compares need not know the
//! mechanisms; and the same list can be made of exact truths, which is what a replay sets beside it.
//!
//! # Privacy
//! Functions of answers that were randomised on the devices: they reveal no more than the answers do.

mod exact;
mod expected;
mod groups;
mod measure;
mod sets;
mod values;

use keepset_wire::{Ask, Millionths, Question};

use crate::answering::{Answering, Mechanism};
use crate::coins::SeededCoins;
use crate::drift::{Counted, Drift};
use crate::mechanism::Estimate;
use crate::numbers::float;
use crate::release::Release;
use crate::selection::copy_noise;
pub use exact::Exact;
pub use expected::Expected;
pub use measure::Measure;
use values::told;

/// The quantiles that are told of a feature, in percent: quartiles, and where the upper tenth begins.
const QUANTILES: [u8; 4] = [25, 50, 75, 90];

/// One number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// What it is of.
    pub measure: Measure,
    /// How many answers held its cell, where it has one.
    pub support: Option<u64>,
    /// The number after the rule of release; nothing without a report, and for a rate whose group is not surely there.
    pub release: Option<Release>,
    /// The share made consistent with the others of its question, where they must be together what the whole is.
    pub consistent: Option<f64>,
}

impl Finding {
    /// Returns the estimate whether or not it is precise enough to print.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) | Release::NotEnough(estimate) => Some(estimate),
        }
    }

    /// Returns the estimate when it is precise enough to print.
    #[must_use]
    pub fn published(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) => Some(estimate),
            Release::NotEnough(_) => None,
        }
    }

    /// Tells of a difference that is printed whether it is more than chance makes in 19 of 20 cases, looked at by itself.
    #[must_use]
    pub fn is_significant(&self) -> Option<bool> {
        let Estimate { low, high, .. } = self.published().filter(|_| self.measure.is_difference())?;
        Some(low > 0.0 || high < 0.0)
    }

    /// Takes back what rests on fewer reports than this: what a plan asks for beyond the rule of release.
    #[must_use]
    pub fn resting_on(self, least_reports: u64) -> Self {
        Self { release: self.release.map(|release| release.resting_on(least_reports)), ..self }
    }

    fn new(measure: Measure, release: Option<Release>) -> Self {
        Self { measure, support: None, release, consistent: None }
    }

    fn supported(self, support: Option<&u64>) -> Self {
        Self { support: support.copied(), ..self }
    }

    fn consistently(self, consistent: Option<f64>) -> Self {
        Self { consistent, ..self }
    }
}

/// The noise of the copies the rule of release looks at, one for every number of a question: the same counts are to give the same page.
struct Copies(SeededCoins);

impl Copies {
    fn of(counts: &[u64], reports: u64) -> Self {
        let mut seed = vec![reports];
        seed.extend(counts);
        Self(SeededCoins::of_counts(&seed))
    }

    fn next(&mut self) -> f64 {
        copy_noise(&mut self.0)
    }
}

impl Answering {
    /// Lists what can be said of a question, in the order of [`Answering::findings`].
    #[must_use]
    pub fn measures(&self, question: &Question) -> Vec<Measure> {
        let segments = u16::try_from(question.ask.segments().len()).unwrap_or(u16::MAX);
        let groups = question.ask.groups();
        match &self.mechanism() {
            Mechanism::Sizes(_) => (0..segments).map(Measure::Size).collect(),
            Mechanism::Overlaps(_) => {
                let pairs = (0..segments).flat_map(|one| (one + 1..segments).map(move |other| (one, other)));
                (0..segments)
                    .map(Measure::Size)
                    .chain(pairs.map(|(one, other)| Measure::Both(one, other)))
                    .collect()
            }
            Mechanism::Joint(_) => {
                let is_model = matches!(question.ask, Ask::Calibration { .. });
                // The only group there is is all of them.
                let has_all = !is_model && groups > 1;
                (0..=groups)
                    .map(Measure::Group)
                    .chain((0..groups).map(Measure::Rate))
                    .chain((1..groups).map(Measure::Lift).filter(|_| !is_model))
                    .chain(has_all.then_some(Measure::RateOfAll))
                    .chain((0..groups).map(Measure::LiftOverAll).filter(|_| has_all))
                    .chain(is_model.then_some(Measure::Auc))
                    .collect()
            }
            Mechanism::Wave(wave) => {
                (0..wave.buckets()).map(Measure::Bin).chain(QUANTILES.map(Measure::Quantile)).collect()
            }
            Mechanism::Mean(_) => vec![Measure::Mean],
        }
    }

    /// Says what the counts of a question's answers say: every measure, in one order. `counts` are those of
    /// [`Answering::counted`]; one that is missing is 0.
    #[must_use]
    pub fn findings(&self, question: &Question, counts: &[u64], reports: u64) -> Vec<Finding> {
        let mut counts = counts.to_vec();
        counts.resize(self.counters(), 0);
        let mut copies = Copies::of(&counts, reports);
        match self.mechanism() {
            Mechanism::Sizes(select) => sets::sizes(select, &counts, reports, &mut copies),
            Mechanism::Overlaps(overlaps) => {
                sets::overlaps(overlaps, &self.measures(question), &counts, reports, &mut copies)
            }
            Mechanism::Joint(joint) => {
                groups::findings(joint, &self.measures(question), &counts, reports, copies)
            }
            Mechanism::Wave(wave) => {
                values::buckets(wave, question, &self.measures(question), &counts, copies)
            }
            Mechanism::Mean(mean) => vec![values::mean(mean, question, &counts, copies)],
        }
    }

    /// Tests whether what a question is about changed from one window to another. Of sizes, each is tested by itself, and the one that
    /// changed most stands for all, its probability multiplied by their number (Bonferroni).
    #[must_use]
    pub fn drift(&self, before: Counted<'_>, after: Counted<'_>) -> Option<Drift> {
        let padded = |counted: Counted<'_>| {
            let mut counts = counted.counts.to_vec();
            counts.resize(self.counters(), 0);
            counts
        };
        let counts = [padded(before), padded(after)];
        match self.mechanism() {
            Mechanism::Joint(joint) => joint.one_of().drift(
                Counted { counts: &counts[0], reports: before.reports },
                Counted { counts: &counts[1], reports: after.reports },
            ),
            Mechanism::Wave(wave) => wave.drift(&counts[0], &counts[1]),
            Mechanism::Mean(mean) => mean.drift(&counts[0], &counts[1]),
            Mechanism::Sizes(_) | Mechanism::Overlaps(_) => {
                let select = self.select()?;
                let segments = usize::from(select.segments());
                let drift = |cell: usize| {
                    let (one, other) = ((counts[0][cell], before.reports), (counts[1][cell], after.reports));
                    select.channel().drift(one, other)
                };
                let all: Vec<Drift> = (0..segments).map(drift).collect::<Option<_>>()?;
                let most = all.into_iter().max_by(|one, other| one.statistic.total_cmp(&other.statistic))?;
                Some(Drift { p_value: (most.p_value * float(segments as u64)).min(1.0), ..most })
            }
        }
    }
}

/// The ends of the range of a question about a feature.
fn range(ask: &Ask) -> (f64, f64) {
    let ends = |low: &Millionths, high: &Millionths| (low.value(), high.value());
    match ask {
        Ask::Histogram { low, high, .. } | Ask::Mean { low, high, .. } => ends(low, high),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests;
