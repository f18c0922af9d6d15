//! Overlaps: how many devices are in both of two segments, for every two of a question at once.
//!
//! SetSelect over the segments and `cap` cells for "none", with the set size and the threshold that make the variance of
//! overlaps smallest: often sets that must share two or more cells. Of two cells, the answer of a device that owns `h` includes both
//! with the probability `a_h`, and one of them with `p` or `q`; counts of pairs and of single cells then give
//! `f_jl = (O_jl/n - a_0 - (a_1 - a_0)(f_j + f_l)) / (a_2 - 2 a_1 + a_0)`.
//!
//! # Privacy
//! Neighbours are any two states of a device. An answer is one of [`SetSelect`], with its epsilon: asking for all overlaps costs
//! what asking for sizes costs. What is counted here, pairs of cells, is a function of answers that are already noised.

use keepset_wire::{Epsilon, Subset};

use super::{Channel, Estimate, PairChannel, PrivacyError, SetSelect};
use crate::numbers::float;

/// The planned size of a segment and of an overlap: 5 %, as for sizes, and as many as two of them share by chance.
const PLANNED: (f64, f64) = (0.05, 0.0025);

/// The mechanism and the estimator of the overlaps of one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlaps {
    select: SetSelect,
}

/// The devices in both of two segments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// The segment that comes first in the question.
    pub one: u16,
    /// The other.
    pub other: u16,
    /// The share of devices in both.
    pub both: Estimate,
}

/// What the answers to one question say.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlapEstimate {
    /// The sizes of the segments, in the order of the question.
    pub sizes: Vec<Estimate>,
    /// The overlaps of every two, in the order (0, 1), (0, 2), ... (1, 2), ...
    pub overlaps: Vec<Overlap>,
}

impl Overlaps {
    /// The most segments: 64 of them have 2,016 overlaps, each a count the collector keeps.
    pub const MAX_SEGMENTS: u16 = 64;

    /// Chooses the set size and the threshold with the smallest variance of an overlap.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 2 to 64 segments and a cap of 2 to 8 that is at most their number.
    pub fn new(epsilon: Epsilon, segments: u16, cap: u8) -> Result<Self, PrivacyError> {
        let cap = u16::from(cap);
        if !(2..=Self::MAX_SEGMENTS).contains(&segments) || !(2..=8).contains(&cap) || cap > segments {
            return Err(PrivacyError::Shape);
        }
        let (size, both) = PLANNED;
        let select =
            SetSelect::least(epsilon, segments, cap, |select| Self::line(select, size, size).at(both))?;
        Ok(Self { select })
    }

    /// Returns the mechanism a device draws its answer from.
    #[must_use]
    pub fn select(&self) -> &SetSelect {
        &self.select
    }

    /// Returns how many numbers are counted: one for every segment, then one for every two.
    #[must_use]
    pub fn counters(&self) -> usize {
        let segments = usize::from(self.select.segments());
        segments + segments * (segments - 1) / 2
    }

    /// Returns which of the counters an answer raises.
    #[must_use]
    pub fn counted(&self, answer: &Subset) -> Vec<usize> {
        let segments = self.select.segments();
        let held: Vec<usize> = answer.iter().filter(|cell| *cell < segments).map(usize::from).collect();
        let pairs = held
            .iter()
            .enumerate()
            .flat_map(|(at, one)| held[at + 1..].iter().map(|other| self.counter(*one, *other)));
        held.iter().copied().chain(pairs).collect()
    }

    /// The counter of a pair of segments, the first below the second.
    fn counter(&self, one: usize, other: usize) -> usize {
        let segments = usize::from(self.select.segments());
        segments + one * (2 * segments - one - 1) / 2 + other - one - 1
    }

    /// Estimates sizes and overlaps. Nothing when there is no report or a count too few or many.
    ///
    /// The population is the devices that reported; the intervals are score intervals as those of [`Channel::estimate`].
    #[must_use]
    pub fn estimate(&self, counts: &[u64], reports: u64) -> Option<OverlapEstimate> {
        if counts.len() != self.counters() {
            return None;
        }
        let (channel, pairs) = (self.select.channel(), self.select.pairs());
        let segments = self.select.segments();
        let sizes = counts[..usize::from(segments)]
            .iter()
            .map(|count| channel.estimate(*count, reports))
            .collect::<Option<Vec<_>>>()?;
        let overlap = |one: u16, other: u16| {
            let (j, l) = (usize::from(one), usize::from(other));
            let together = float(counts[self.counter(j, l)]) / float(reports);
            let alone = sizes[j].share + sizes[l].share;
            let share = (together - pairs.neither - (pairs.one - pairs.neither) * alone) / curvature(pairs);
            Overlap { one, other, both: self.estimate_of(share, sizes[j].share, sizes[l].share, reports) }
        };
        let overlaps = (0..segments)
            .flat_map(|one| (one + 1..segments).map(move |other| (one, other)))
            .map(|(one, other)| overlap(one, other))
            .collect();
        Some(OverlapEstimate { sizes, overlaps })
    }

    /// The estimate whose value is `both`, of segments of the shares `one` and `other`.
    pub(crate) fn estimate_of(&self, both: f64, one: f64, other: f64, reports: u64) -> Estimate {
        let Line { at_zero, slope } = Self::line(&self.select, one, other);
        Estimate::by_score(both, (at_zero, slope), reports)
    }

    /// Returns the variance of one report's contribution to an overlap of the share `both` of segments of the shares `one` and `other`.
    #[must_use]
    pub fn variance(&self, one: f64, other: f64, both: f64) -> f64 {
        Self::line(&self.select, one, other).at(both)
    }

    /// The variance of one report's contribution, exact for the devices that reported.
    ///
    /// A report contributes `X = (B - c (J + L)) / (a_2 - 2 a_1 + a_0)`, with `B`, `J` and `L` whether both, the one and the other cell
    /// are included and `c = (a_1 - a_0) / (p - q)`; `B J = B L = J L = B`, so that `E[X^2]` needs no more than `a_h`, `p` and `q`.
    fn line(select: &SetSelect, one: f64, other: f64) -> Line {
        let (Channel { p, q }, pairs) = (select.channel(), select.pairs());
        let c = (pairs.one - pairs.neither) / (p - q);
        let contribution = |both: f64, alone: f64| {
            let square = both * (1.0 + 2.0 * c * c - 4.0 * c) + c * c * alone;
            (square - (both - c * alone).powi(2)) / curvature(pairs).powi(2)
        };
        let neither = contribution(pairs.neither, 2.0 * q);
        let single = contribution(pairs.one, p + q);
        let double = contribution(pairs.both, 2.0 * p);
        // Of all devices `both` are in both, `one + other - 2 both` in one of them, and the rest in neither.
        let members = (one.clamp(0.0, 1.0) + other.clamp(0.0, 1.0)).min(1.0);
        Line { at_zero: neither * (1.0 - members) + single * members, slope: neither - 2.0 * single + double }
    }
}

/// How much likelier a pair is for devices that own both than what the single cells account for.
fn curvature(pairs: PairChannel) -> f64 {
    pairs.both - 2.0 * pairs.one + pairs.neither
}

/// A variance as a line in the share of the overlap.
struct Line {
    at_zero: f64,
    slope: f64,
}

impl Line {
    fn at(&self, both: f64) -> f64 {
        let variance = self.at_zero + self.slope * both;
        // Where members and others cannot be told apart the quotient is no number: such a shape is never the least.
        if variance.is_finite() { variance } else { f64::INFINITY }
    }
}

#[cfg(test)]
mod tests;
