//! The discrete square wave (Li et al. 2020): an ordered feature in buckets, answered by a bucket that is likely near the true one.
//!
//! There are `d + 2 w` outputs for `d` buckets, and bucket `b` favours the outputs from `b` to `b + 2 w`: near is likelier than
//! far, which keeps the order where choosing among `d` cells would lose it. The formula for `w` stands beside
//! [`half_width`]. From epsilon 4 on SetSelect over the buckets is as good or better.
//!
//! # Privacy
//! Neighbours are any two states of a device. An output has one of two whole-number weights, `floor(e^epsilon (1 - 2^-48) 2^40)` and
//! `2^40`, of one total for every bucket, and is drawn exactly with one draw: pure epsilon, no delta.

mod histogram;

use keepset_wire::Epsilon;
use opendp::core::Measurement;
use opendp::domains::AtomDomain;
use opendp::measures::MaxDivergence;
use opendp::metrics::DiscreteDistance;

use super::PrivacyError;
use super::band::Band;
use super::exponential::{UNIT, exponential};
use crate::coins::Coins;
pub use histogram::{Histogram, Quantile, Repeated};

/// A square wave as OpenDP knows it: a bucket in, an output out.
pub type SquareWaveMeasurement = Measurement<AtomDomain<u16>, DiscreteDistance, MaxDivergence, u16>;

/// The mechanism for one ordered feature; device and collector make the same one from its buckets and epsilon.
#[derive(Clone, Debug, PartialEq)]
pub struct SquareWave {
    band: Band,
}

impl SquareWave {
    /// Makes the mechanism for `buckets` buckets.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 2 to 256 buckets.
    pub fn new(epsilon: Epsilon, buckets: u16) -> Result<Self, PrivacyError> {
        if !(2..=256).contains(&buckets) {
            return Err(PrivacyError::Shape);
        }
        let half = half_width(epsilon, buckets);
        let band = Band::new(epsilon, buckets + 2 * half, 2 * half + 1).ok_or(PrivacyError::Shape)?;
        Ok(Self { band })
    }

    /// Wraps the mechanism as an OpenDP measurement that draws from `coins`; a bucket beyond the last is the last.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] when OpenDP refuses the space, which it does not for whole numbers.
    pub fn measurement(self, coins: impl Coins + 'static) -> Result<SquareWaveMeasurement, PrivacyError> {
        self.band.measurement(coins, |bucket: &u16, _| Ok(*bucket), |output| output)
    }

    /// Estimates the shares of the buckets from how many reports had each output.
    ///
    /// # Errors
    /// [`PrivacyError::Input`] when there is no report or a count too few or many.
    pub fn histogram(&self, counts: &[u64]) -> Result<Histogram, PrivacyError> {
        Histogram::estimate(&self.band, counts)
    }

    /// Estimates quantiles, each with the 95 % interval of 200 repetitions drawn from the reports with replacement.
    ///
    /// # Errors
    /// As [`Self::histogram`], or [`PrivacyError::NoEntropy`].
    pub fn quantiles(
        &self,
        counts: &[u64],
        levels: &[f64],
        coins: &mut impl Coins,
    ) -> Result<Vec<Quantile>, PrivacyError> {
        histogram::quantiles(&self.band, counts, levels, coins)
    }

    /// Estimates numbers told by the histogram, each with an interval as [`Self::quantiles`] has it.
    ///
    /// # Errors
    /// As [`Self::quantiles`].
    pub fn repeated(
        &self,
        counts: &[u64],
        coins: &mut impl Coins,
        statistics: impl Fn(&Histogram) -> Vec<f64>,
    ) -> Result<Vec<Repeated>, PrivacyError> {
        histogram::repeated(&self.band, counts, coins, statistics)
    }

    /// Returns the probability of an output that the bucket favours and of one that it does not.
    #[must_use]
    pub fn probabilities(&self) -> (f64, f64) {
        self.band.probabilities()
    }

    /// Returns the number of buckets.
    #[must_use]
    pub fn buckets(&self) -> u16 {
        self.band.rows()
    }

    /// Returns how many outputs there are.
    #[must_use]
    pub fn outputs(&self) -> u16 {
        self.band.outputs()
    }

    /// Returns how many neighbouring outputs a bucket favours.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.band.width()
    }

    /// Returns the epsilon stated by the privacy map.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        self.band.epsilon()
    }
}

/// Half the band in buckets: six tenths of `b d`, rounded, with `b = (eps E - E + 1) / (2 E (E - 1 - eps))`, which maximises
/// the mutual information of a uniform input and its output (Li et al. 2020).
///
/// Six tenths, because what is wanted is a near histogram: at epsilon 1, 32 buckets and 100,000 reports its distance to the
/// true one is 0.0058 of the range on average over beta, lognormal and spike, against 0.0063 with the whole (40 seeds).
///
/// Only sums, products and quotients of the mechanism's own fixed-point `E`, so that device and collector agree.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn half_width(epsilon: Epsilon, buckets: u16) -> u16 {
    let ratio = exponential(epsilon) as f64 / UNIT as f64;
    let epsilon = epsilon.value();
    let half = (epsilon * ratio - ratio + 1.0) / (2.0 * ratio * (ratio - 1.0 - epsilon));
    // Between 0 and 3/10 of the buckets, and then one half more to round.
    (0.6 * half.clamp(0.0, 0.5) * f64::from(buckets) + 0.5) as u16
}

#[cfg(test)]
mod tests;
