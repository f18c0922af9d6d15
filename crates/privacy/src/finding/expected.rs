//! What can be expected of every number before anyone is asked: the deviation of one report, from the exact channel.

use keepset_wire::{Ask, Question};

use super::{Finding, Measure, range};
use crate::answering::{Answering, Mechanism};
use crate::mechanism::{Channel, SquareWave};
use crate::numbers::float;

/// So many reports make the counts that are expected exact to nine figures.
const MANY: f64 = 1e10;
/// So many reports are repeated for the quantiles of a feature, whose error has no formula.
const REPEATED: f64 = 10_000.0;
/// The rate of a conversion that is planned for.
const PLANNED_RATE: f64 = 0.1;

/// What is expected of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// What it is of.
    pub measure: Measure,
    /// The number that is planned for.
    pub value: f64,
    /// The standard error if there were one report: divided by the root of their number, it is that of so many.
    pub deviation: f64,
}

impl Expected {
    /// Returns the standard error expected of so many reports.
    #[must_use]
    pub fn standard_error(&self, reports: u64) -> f64 {
        self.deviation / float(reports).sqrt()
    }

    /// Returns how many reports bring the standard error down to `error`, a share of the number or, of a value of a feature and of an area, of
    /// the `range` it may lie in.
    #[must_use]
    pub fn reports_needed(&self, error: f64, range: f64) -> f64 {
        let unit = if self.is_relative() { self.value } else { range };
        (self.deviation / (error * unit)).powi(2)
    }

    /// Tells whether its error is told as a share of the number itself.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.measure.is_share() && self.measure != Measure::Auc && !self.measure.is_difference()
    }
}

impl Answering {
    /// Expects every number of a question that an answer can be had to, when segments and groups have the share `planned`, and without one
    /// that for which the mechanism was chosen: 5 %, or all cells equal where a device has but one.
    ///
    /// Overlaps are planned to be half of the smaller segment, conversions to be 10 %, scores to be right and of equal bands whose
    /// rates rise to twice 25 %, and a feature to be even over its range.
    #[must_use]
    pub fn expected(&self, question: &Question, planned: Option<f64>) -> Vec<Expected> {
        match self.mechanism() {
            Mechanism::Mean(mean) => {
                let (low, high) = range(&question.ask);
                let deviation = mean.worst_variance().sqrt() * (high - low) / 2.0;
                vec![Expected { measure: Measure::Mean, value: f64::midpoint(low, high), deviation }]
            }
            Mechanism::Wave(wave) => self.told(question, &even(wave), REPEATED),
            Mechanism::Sizes(select) => {
                let alone = if select.cap() == 1 { 1.0 / f64::from(select.cells()) } else { 0.05 };
                let share = planned.unwrap_or(alone);
                let counts = vec![included(select.channel(), share); select.segments().into()];
                self.told(question, &counts, MANY)
            }
            Mechanism::Overlaps(overlaps) => {
                let select = overlaps.select();
                let (both, size) = planned.map_or((0.025, 0.05), |both| (both, 2.0 * both.min(0.5)));
                let pairs = select.pairs();
                let together = pairs.neither
                    + 2.0 * size * (pairs.one - pairs.neither)
                    + both * (pairs.both - 2.0 * pairs.one + pairs.neither);
                let segments = usize::from(select.segments());
                let mut counts = vec![included(select.channel(), size); segments];
                counts.resize(overlaps.counters(), rounded(MANY * together));
                self.told(question, &counts, MANY)
            }
            Mechanism::Joint(joint) => {
                let shares = groups(&question.ask, joint.groups(), planned);
                let channel = joint.select().channel();
                let counts: Vec<u64> = shares.into_iter().map(|share| included(channel, share)).collect();
                self.told(question, &counts, MANY)
            }
        }
    }

    /// The errors of what these counts of so many reports tell, as if there were one.
    fn told(&self, question: &Question, counts: &[u64], reports: f64) -> Vec<Expected> {
        let findings = self.findings(question, counts, rounded(reports));
        let expected = |finding: &Finding| {
            let estimate = finding.estimate()?;
            let deviation = estimate.standard_error * reports.sqrt();
            Some(Expected { measure: finding.measure, value: estimate.share, deviation })
        };
        findings.iter().filter_map(expected).collect()
    }
}

/// The shares of the cells of groups: each the no and the yes, and the rest is in none.
fn groups(ask: &Ask, groups: u16, planned: Option<f64>) -> Vec<f64> {
    let count = f64::from(groups);
    let is_model = matches!(ask, Ask::Calibration { .. });
    let size = |group: f64| match planned {
        _ if is_model => 1.0 / count,
        // The first has the share asked about, the others have equal parts of a half of the rest.
        Some(planned) if group == 0.0 => planned,
        Some(planned) => (1.0 - planned) / (2.0 * count),
        None => 1.0 / (count + 1.0),
    };
    let rate = |group: f64| if is_model { (group + 0.5) / count * 0.5 } else { PLANNED_RATE };
    let cells = (0..groups).map(f64::from).flat_map(|group| {
        let (size, rate) = (size(group), rate(group));
        [size * (1.0 - rate), size * rate]
    });
    let mut cells: Vec<f64> = cells.collect();
    cells.push((1.0 - cells.iter().sum::<f64>()).max(0.0));
    cells
}

/// The counts of outputs expected of a feature that is even over its bins, and has a value.
fn even(wave: &SquareWave) -> Vec<u64> {
    let (inside, outside) = wave.probabilities();
    let (outputs, width, bins) = (wave.outputs(), wave.width(), wave.buckets() - 1);
    let favoured_by =
        |output: u16| (1..=bins).filter(|bucket| (*bucket..bucket + width).contains(&output)).count();
    let probability =
        |output: u16| outside + (inside - outside) * float(favoured_by(output) as u64) / f64::from(bins);
    (0..outputs).map(|output| rounded(REPEATED * probability(output))).collect()
}

fn included(Channel { p, q }: Channel, share: f64) -> u64 {
    rounded(MANY * (q + share * (p - q)))
}

/// A count that is expected; none is negative or beyond 2^53.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}
