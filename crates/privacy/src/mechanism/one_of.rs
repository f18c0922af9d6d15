//! One of several cells: every device is in exactly one, and what comes back are their shares, sums and ratios.
//!
//! Subset selection (Ye and Barg 2018), the mechanism with the least worst-case error there is for one of `d`: SetSelect with a cap of 1
//! over `d - 1` segments, the last cell being that of the devices in none of them. No further "none" cell is needed.
//!
//! # Privacy
//! Neighbours are any two states of a device. An answer is one of [`SetSelect`], with its epsilon.

use keepset_wire::Epsilon;

use super::{Channel, Estimate, PairChannel, PrivacyError, SetSelect};
use crate::numbers::{Z_95, float};

/// A denominator is above 0 for certain only so many standard errors away from it; nearer, no ratio is told.
const SURE_OF_DENOMINATOR: f64 = 3.0;

/// The mechanism for one of several cells.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOf {
    select: SetSelect,
}

/// The shares of the cells among the devices that reported, un-noised, and how they vary together.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    channel: Channel,
    pairs: PairChannel,
    values: Vec<f64>,
    reports: u64,
}

/// The cells of a part and those of the whole it is a part of.
pub type Quotient<'a> = (&'a [usize], &'a [usize]);

impl OneOf {
    /// Makes the mechanism.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 2 to 257 cells.
    pub fn new(epsilon: Epsilon, cells: u16) -> Result<Self, PrivacyError> {
        let segments = cells.checked_sub(1).ok_or(PrivacyError::Shape)?;
        Ok(Self { select: SetSelect::new(epsilon, segments, 1)? })
    }

    /// Returns the mechanism a device draws its answer from.
    #[must_use]
    pub fn select(&self) -> &SetSelect {
        &self.select
    }

    /// Returns the number of cells.
    #[must_use]
    pub fn cells(&self) -> u16 {
        self.select.cells()
    }

    /// Returns what [`SetSelect`] is asked about for a device whose cell is `cell`: a flag for each cell but the last.
    ///
    /// A cell beyond the last is the last.
    #[must_use]
    pub fn memberships(&self, cell: u16) -> Vec<bool> {
        (0..self.select.segments()).map(|one| one == cell).collect()
    }

    /// Estimates the shares from how many answers included each cell. Nothing when there is no report or a count too few or many.
    #[must_use]
    pub fn estimate(&self, counts: &[u64], reports: u64) -> Option<Shares> {
        if reports == 0 || counts.len() != usize::from(self.cells()) {
            return None;
        }
        let channel = self.select.channel();
        let share = |count: &u64| (float(*count) / float(reports) - channel.q) / (channel.p - channel.q);
        Some(Shares {
            channel,
            pairs: self.select.pairs(),
            values: counts.iter().map(share).collect(),
            reports,
        })
    }
}

impl Shares {
    /// Returns the unbiased share of every cell; together they are 1, and one may lie outside 0 to 1.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns how many reports they rest on.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.reports
    }

    /// Returns the share of the devices in any of `cells`, with the score interval of [`Channel::estimate`].
    #[must_use]
    pub fn sum(&self, cells: &[usize]) -> Estimate {
        let (Channel { p, q }, PairChannel { neither, one, .. }) = (self.channel, self.pairs);
        // The moments of how many of the cells an answer includes, for a device in one of them and for one in none.
        let size = cells.len() as f64;
        let others = size - 1.0;
        let moments = [
            (p + others * q, others * (2.0 * one + (others - 1.0) * neither)),
            (size * q, size * others * neither),
        ];
        let [inside, outside] = moments.map(|(mean, pairs)| (mean + pairs - mean * mean) / (p - q).powi(2));
        let share = cells.iter().map(|cell| self.values[*cell]).sum();
        Estimate::by_score(share, (outside, inside - outside), self.reports)
    }

    /// Returns the quotient of the shares of `part` and `whole` with Fieller's 95 % interval (Fieller 1954), its ends held within 0 to 1.
    ///
    /// Nothing unless the share of `whole` is more than 3 standard errors above 0. The estimate's standard error is that of the
    /// delta method.
    #[must_use]
    pub fn ratio(&self, part: &[usize], whole: &[usize]) -> Option<Estimate> {
        let (part, whole) = (self.indicator(part), self.indicator(whole));
        let (above, below) = (self.value(&part), self.value(&whole));
        let variance_below = self.covariance(&whole, &whole);
        if below <= SURE_OF_DENOMINATOR * variance_below.sqrt() {
            return None;
        }
        let (variance_above, together) = (self.covariance(&part, &part), self.covariance(&part, &whole));
        // All ratios r with (above - r below)^2 <= z^2 Var(above - r below): between the roots of a quadratic that opens upwards.
        let z2 = Z_95 * Z_95;
        let (a, b, c) = (
            below * below - z2 * variance_below,
            above * below - z2 * together,
            above * above - z2 * variance_above,
        );
        let (centre, reach) = (b / a, (b * b - a * c).max(0.0).sqrt() / a);
        let share = above / below;
        let variance = variance_above - 2.0 * share * together + share * share * variance_below;
        Some(Estimate {
            share,
            low: (centre - reach).clamp(0.0, 1.0),
            high: (centre + reach).clamp(0.0, 1.0),
            half_width: reach,
            standard_error: variance.max(0.0).sqrt() / below,
            reports: self.reports,
        })
    }

    /// Returns by how much the quotient of the shares of one `part` and `whole` is above that of another, with the 95 % interval of the delta
    /// method, its ends held within -1 to 1.
    ///
    /// Nothing unless both quotients are told; being that sure of the denominators is what makes the delta method hold.
    #[must_use]
    pub fn difference_of_ratios(&self, one: Quotient<'_>, other: Quotient<'_>) -> Option<Estimate> {
        let [above, below] = [self.ratio(one.0, one.1)?.share, self.ratio(other.0, other.1)?.share];
        let weights: Vec<f64> =
            self.slope(one, 0.0).iter().zip(self.slope(other, 0.0)).map(|(up, down)| up - down).collect();
        let standard_error = self.covariance(&weights, &weights).max(0.0).sqrt();
        let (share, half_width) = (above - below, Z_95 * standard_error);
        Some(Estimate {
            share,
            low: (share - half_width).clamp(-1.0, 1.0),
            high: (share + half_width).clamp(-1.0, 1.0),
            half_width,
            standard_error,
            reports: self.reports,
        })
    }

    /// How a quotient moves with each share, if it is truly so much higher than it came out (as in [`Self::ratio`]).
    pub(crate) fn slope(&self, (part, whole): Quotient<'_>, higher: f64) -> Vec<f64> {
        let (part, whole) = (self.indicator(part), self.indicator(whole));
        let size = self.value(&whole);
        let ratio = self.value(&part) / size + higher;
        part.iter().zip(&whole).map(|(part, whole)| (part - ratio * whole) / size).collect()
    }

    /// The sum of the shares, each times its weight.
    pub(crate) fn value(&self, weights: &[f64]) -> f64 {
        weights.iter().zip(&self.values).map(|(weight, share)| weight * share).sum()
    }

    /// The covariance of two weighted sums of the shares, for the devices that reported.
    pub(crate) fn covariance(&self, u: &[f64], v: &[f64]) -> f64 {
        u.iter().zip(self.covariances(v)).map(|(u, with)| u * with).sum()
    }

    /// The covariance of every share with a weighted sum of them, for the devices that reported.
    ///
    /// A device in cell `o` includes it with `p`, another with `q`, it and another with `a_1` and two others with `a_0`. Sums of these over
    /// cells and pairs of cells give, for a cell and weights `v`, `E[c v]` and `E[c] E[v]` of one answer; their difference, averaged over
    /// the devices by their estimated shares, is what noise alone makes.
    fn covariances(&self, v: &[f64]) -> Vec<f64> {
        let (Channel { p, q }, PairChannel { neither, one, .. }) = (self.channel, self.pairs);
        let all: f64 = v.iter().sum();
        let mean = |own: f64| q * all + (p - q) * own;
        // What the answer of a device whose cell has the weight `own` adds to that of another cell, and beyond that to its own.
        let elsewhere = |own: f64| (one - neither) * own - q * mean(own);
        let at_home = |own: f64| (p - q) * own + (one - neither) * (all - 2.0 * own) - (p - q) * mean(own);
        let devices: f64 = self.values.iter().sum();
        let everywhere: f64 = self.values.iter().zip(v).map(|(share, own)| share * elsewhere(*own)).sum();
        let cell = |(share, own): (&f64, &f64)| {
            let each = devices * (q * own + neither * (all - own)) + everywhere + share * at_home(*own);
            each / (p - q).powi(2) / float(self.reports)
        };
        self.values.iter().zip(v).map(cell).collect()
    }

    /// Returns the shares as they would be if the sum of `weights` times them lay `errors` of its standard errors higher and everything that is
    /// independent of it where it is: each share moves by its covariance with the sum.
    pub(crate) fn moved(&self, weights: &[f64], errors: f64) -> Self {
        let with = self.covariances(weights);
        let variance: f64 = weights.iter().zip(&with).map(|(weight, with)| weight * with).sum();
        if variance <= 0.0 {
            return self.clone();
        }
        let step = errors / variance.sqrt();
        let values = self.values.iter().zip(with).map(|(share, with)| share + step * with).collect();
        Self { values, ..self.clone() }
    }

    /// The weights of a sum of some of the shares.
    pub(crate) fn indicator(&self, cells: &[usize]) -> Vec<f64> {
        let mut weights = vec![0.0; self.values.len()];
        cells.iter().for_each(|cell| weights[*cell] = 1.0);
        weights
    }
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
