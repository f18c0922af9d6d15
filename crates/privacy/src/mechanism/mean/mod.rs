//! The mean of a bounded number: rounded by chance to one of a few levels, of which a band of outputs then speaks.
//!
//! Every output has a value, and a level is the mean of what its band of outputs says, so the estimate is unbiased at the
//! levels and, because the rounding is, between them. Two outputs are the mechanism of Duchi, Jordan and Wainwright
//! (2018), the choice at the smallest epsilons. From 0.5 on more outputs have the smaller worst case: at epsilon 1, 2 and 4 a
//! variance per report of 4.18, 0.90 and 0.135, where two outputs have 4.68, 1.72 and 1.08.
//!
//! # Privacy
//! Neighbours are any two states of a device. The rounding is a mixture of the rows of the band's table, and of these none makes
//! an output more than `e^epsilon` times likelier than another: pure epsilon, no delta. Levels and weights are whole numbers,
//! and a number takes two draws whatever it is.

use std::cell::RefCell;

use keepset_wire::Epsilon;
use opendp::core::Measurement;
use opendp::domains::AtomDomain;
use opendp::measures::MaxDivergence;
use opendp::metrics::DiscreteDistance;

use super::PrivacyError;
use super::band::Band;
use crate::coins::{Coins, NoEntropy};
use crate::numbers::{Z_95, float};

/// A bounded mean as OpenDP knows it: a number in units of 2^-20 in, the number of an output out.
pub type BoundedMeanMeasurement = Measurement<AtomDomain<i32>, DiscreteDistance, MaxDivergence, u16>;

/// Twice as many outputs would lower the worst case by 1 % up to epsilon 5 and by 10 % at 8, where it is 0.008.
const MAX_OUTPUTS: u16 = 32;

/// The values of outputs are bent outwards by up to twice a parabola, in quarters: what a bent line loses against
/// values found one by one is about 4 % at most from epsilon 1 to 8.
const MAX_BEND: i32 = 8;

/// The mechanism for the mean of a number between -1 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundedMean {
    band: Band,
    /// What the outputs say, in no unit: only their proportions count.
    values: Vec<i32>,
    /// What the bands say on average, in the same unit times their width; the last is the greatest and stands for 1.
    levels: Vec<i32>,
}

/// A mean, un-noised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanEstimate {
    /// The unbiased estimate; it may lie outside -1 to 1.
    pub mean: f64,
    /// The lower end of the 95 % interval, at least -1.
    pub low: f64,
    /// The upper end of the 95 % interval, at most 1.
    pub high: f64,
    /// The standard error of `mean`.
    pub standard_error: f64,
    /// How many reports it rests on.
    pub reports: u64,
}

impl BoundedMean {
    /// 1 in the fixed point of inputs; what lies beyond -1 or 1 counts as the end it is beyond.
    pub const ONE: i32 = 1 << 20;

    /// Chooses the outputs, the band and the values with the smallest worst-case variance.
    ///
    /// Device and collector compute the same: comparisons of sums, products and quotients in one order. What was chosen last is kept:
    /// looking through all shapes takes a thousand times as long as a draw.
    ///
    /// # Errors
    /// None for any epsilon there is.
    pub fn new(epsilon: Epsilon) -> Result<Self, PrivacyError> {
        thread_local! {
            static LAST: RefCell<Option<BoundedMean>> = const { RefCell::new(None) };
        }
        if let Some(last) = LAST.with_borrow(|last| last.clone().filter(|last| last.epsilon() == epsilon)) {
            return Ok(last);
        }
        let chosen = Self::choose(epsilon)?;
        LAST.set(Some(chosen.clone()));
        Ok(chosen)
    }

    fn choose(epsilon: Epsilon) -> Result<Self, PrivacyError> {
        let mut best: Option<(f64, Self)> = None;
        for outputs in 2..=MAX_OUTPUTS {
            for width in 1..=outputs / 2 {
                for bend in 0..=MAX_BEND {
                    let Some(candidate) = Self::with_shape(epsilon, outputs, width, bend) else { continue };
                    let variance = candidate.worst_variance();
                    if best.as_ref().is_none_or(|(least, _)| variance < *least) {
                        best = Some((variance, candidate));
                    }
                }
            }
        }
        best.map(|(_, mechanism)| mechanism).ok_or(PrivacyError::Shape)
    }

    /// Nothing unless every level says more than the one before it.
    fn with_shape(epsilon: Epsilon, outputs: u16, width: u16, bend: i32) -> Option<Self> {
        let band = Band::new(epsilon, outputs, width)?;
        let end = i32::from(outputs) - 1;
        let value = |at: i32| at * (4 * end + bend * (end - at.abs()));
        let values: Vec<i32> = (0..outputs).map(|output| value(2 * i32::from(output) - end)).collect();
        let levels: Vec<i32> = values.windows(width.into()).map(|band| band.iter().sum()).collect();
        levels.is_sorted_by(|one, next| one < next).then_some(Self { band, values, levels })
    }

    /// Wraps the mechanism as an OpenDP measurement that draws from `coins`.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] when OpenDP refuses the space, which it does not for whole numbers.
    pub fn measurement(self, coins: impl Coins + 'static) -> Result<BoundedMeanMeasurement, PrivacyError> {
        let band = self.band.clone();
        band.measurement(coins, move |number: &i32, coins| self.place(*number, coins), |output| output)
    }

    /// Rounds a number to one of the two levels around it, so that on average it stays what it is.
    fn place(&self, number: i32, coins: &mut impl Coins) -> Result<u16, NoEntropy> {
        let one = i64::from(Self::ONE);
        let number = i64::from(number.clamp(-Self::ONE, Self::ONE));
        // Values are below 2^15, levels below 2^19: products with 2^20 are far inside 64 bits.
        let level = |row: usize| i64::from(self.levels[row]) * one;
        let last = self.levels.len() - 1;
        let at = number * i64::from(self.levels[last]);
        // Every level is looked at, so that the time says nothing.
        let row: u16 = (1..last).map(|row| u16::from(level(row) <= at)).sum();
        let (below, above) = (level(row.into()), level(usize::from(row) + 1));
        let drawn = coins.below((above - below).unsigned_abs().into())?;
        Ok(row + u16::from(drawn < u128::from((at - below).unsigned_abs())))
    }

    /// Estimates the mean from how many reports had each output. Nothing when there is no report or a count too few or many.
    ///
    /// The population is the one the devices that reported are drawn from; for the mean of just these devices
    /// the interval is on the wide side.
    #[must_use]
    pub fn estimate(&self, counts: &[u64]) -> Option<MeanEstimate> {
        let reports: u64 = counts.iter().sum();
        if reports == 0 || counts.len() != self.values.len() {
            return None;
        }
        let n = float(reports);
        let (mut sum, mut squares) = (0.0, 0.0);
        for (count, value) in counts.iter().zip(self.scaled()) {
            sum += float(*count) * value;
            squares += float(*count) * value * value;
        }
        let mean = sum / n;
        let standard_error = ((squares / n - mean * mean).max(0.0) / n).sqrt();
        Some(MeanEstimate {
            mean,
            low: (mean - Z_95 * standard_error).clamp(-1.0, 1.0),
            high: (mean + Z_95 * standard_error).clamp(-1.0, 1.0),
            standard_error,
            reports,
        })
    }

    /// Returns the greatest variance of one report's contribution over all numbers there are.
    #[must_use]
    pub fn worst_variance(&self) -> f64 {
        let last = self.levels.last().map_or(1.0, |level| f64::from(*level));
        let (inside, outside) = self.band.probabilities();
        let squares: Vec<f64> = self.scaled().map(|value| value * value).collect();
        let all: f64 = squares.iter().sum();
        let moments = squares
            .windows(self.band.width().into())
            .map(|band| outside * all + (inside - outside) * band.iter().sum::<f64>());
        let points: Vec<(f64, f64)> =
            self.levels.iter().map(|level| f64::from(*level) / last).zip(moments).collect();
        points.windows(2).fold(0.0, |worst, pair| worst.max(worst_between(pair[0], pair[1])))
    }

    /// Returns the probability of an output that a number favours and of one that it does not.
    #[must_use]
    pub fn probabilities(&self) -> (f64, f64) {
        self.band.probabilities()
    }

    /// Returns how many outputs there are.
    #[must_use]
    pub fn outputs(&self) -> u16 {
        self.band.outputs()
    }

    /// Returns how many neighbouring outputs a level favours.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.band.width()
    }

    /// Returns what every level stands for, in no unit: only their proportions count, and the last stands for 1.
    #[must_use]
    pub fn levels(&self) -> &[i32] {
        &self.levels
    }

    /// Returns the epsilon stated by the privacy map.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        self.band.epsilon()
    }

    /// What each output says, so that the last level says 1.
    fn scaled(&self) -> impl Iterator<Item = f64> {
        let (inside, outside) = self.band.probabilities();
        // All values together are 0, so a level says on average its sum times the difference of the probabilities.
        let unit = (inside - outside) * self.levels.last().map_or(1.0, |level| f64::from(*level));
        self.values.iter().map(move |value| f64::from(*value) / unit)
    }
}

/// The greatest variance between two levels, each with its second moment: between them the moment is a line.
fn worst_between((low, low_moment): (f64, f64), (high, high_moment): (f64, f64)) -> f64 {
    let slope = (high_moment - low_moment) / (high - low);
    let worst = (slope / 2.0).clamp(low, high);
    low_moment + slope * (worst - low) - worst * worst
}

#[cfg(test)]
mod tests;
