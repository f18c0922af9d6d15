//! Drift between two windows: whether what was counted in them differs by more than chance.
//!
//! Wald's test: the difference of the two windows' counts, weighed by the inverse of the covariance it has when nothing has changed, is a
//! chi-square. The covariance is that of the exact channel, and of devices drawn anew in each window: who reports differs by chance.

use crate::consistent::{Total, consistent};
use crate::mechanism::{BoundedMean, Channel, OneOf, PairChannel, SquareWave};
use crate::numbers::{chi_square_tail, float};

/// The result of a test for drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The statistic; on average it is `degrees` when nothing has changed.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// The probability of a statistic at least as large when nothing has changed.
    pub p_value: f64,
}

/// The counts of one window and how many reports they are of.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// How many reports included each cell or had each output.
    pub counts: &'a [u64],
    /// How many reports there were.
    pub reports: u64,
}

impl Drift {
    fn new(statistic: f64, degrees: usize) -> Self {
        Self { statistic, degrees, p_value: chi_square_tail(statistic, degrees) }
    }
}

impl OneOf {
    /// Tests whether the shares of the cells changed. Nothing when a window has no report or a count too few or many.
    #[must_use]
    pub fn drift(&self, before: Counted<'_>, after: Counted<'_>) -> Option<Drift> {
        let shares =
            [self.estimate(before.counts, before.reports)?, self.estimate(after.counts, after.reports)?];
        let (n, m) = (float(before.reports), float(after.reports));
        let pooled: Vec<f64> = shares[0]
            .values()
            .iter()
            .zip(shares[1].values())
            .map(|(one, other)| (n * one + m * other) / (n + m))
            .collect();
        // Every answer has the same size, so the last count follows from the others and is left away, which comes to the same as the
        // pseudo-inverse of the whole.
        let degrees = pooled.len() - 1;
        let covariance =
            covariance(self.select().channel(), self.select().pairs(), &consistent(&pooled, Total::One));
        let difference: Vec<f64> =
            (0..degrees).map(|cell| float(before.counts[cell]) / n - float(after.counts[cell]) / m).collect();
        let statistic = weighed(covariance, &difference)? / (1.0 / n + 1.0 / m);
        Some(Drift::new(statistic, degrees))
    }
}

impl SquareWave {
    /// Tests whether the distribution of the feature changed, by the outputs' frequencies. Nothing when a window has no report or a count
    /// too few or many.
    ///
    /// One report has one output: the covariance is that of draws from a set of outputs, and Wald's test is Pearson's of
    /// homogeneity.
    #[must_use]
    pub fn drift(&self, before: &[u64], after: &[u64]) -> Option<Drift> {
        let outputs = usize::from(self.outputs());
        let (n, m) = (float(before.iter().sum()), float(after.iter().sum()));
        if n == 0.0 || m == 0.0 || before.len() != outputs || after.len() != outputs {
            return None;
        }
        let seen: Vec<(f64, f64)> = before
            .iter()
            .zip(after)
            .map(|(one, other)| (float(*one), float(*other)))
            .filter(|(one, other)| one + other > 0.0)
            .collect();
        let term = |(one, other): &(f64, f64)| (one / n - other / m).powi(2) / ((one + other) / (n + m));
        let statistic = seen.iter().map(term).sum::<f64>() / (1.0 / n + 1.0 / m);
        Some(Drift::new(statistic, seen.len() - 1))
    }
}

impl BoundedMean {
    /// Tests whether the mean changed. Nothing when a window has no report, a count too few or many, or outputs that are all the same.
    #[must_use]
    pub fn drift(&self, before: &[u64], after: &[u64]) -> Option<Drift> {
        let (before, after) = (self.estimate(before)?, self.estimate(after)?);
        let variance = before.standard_error.powi(2) + after.standard_error.powi(2);
        (variance > 0.0).then(|| Drift::new((before.mean - after.mean).powi(2) / variance, 1))
    }
}

impl Channel {
    /// Tests whether the size of one segment changed: `support` of `reports` answers included its cell, in each window.
    ///
    /// Whoever tests `k` segments at once compares each p-value with the `k`-th part of the level wanted (Bonferroni).
    #[must_use]
    pub fn drift(&self, before: (u64, u64), after: (u64, u64)) -> Option<Drift> {
        let ((one, n), (other, m)) = (before, after);
        if n == 0 || m == 0 {
            return None;
        }
        let pooled = float(one + other) / float(n + m);
        let variance = pooled * (1.0 - pooled) * (1.0 / float(n) + 1.0 / float(m));
        let difference = float(one) / float(n) - float(other) / float(m);
        // Every answer or none included the cell: nothing differs.
        let statistic = if variance > 0.0 { difference * difference / variance } else { 0.0 };
        Some(Drift::new(statistic, 1))
    }
}

/// The covariance of one report's inclusions of the cells but the last, for devices drawn from cells of the shares `shares`.
fn covariance(channel: Channel, pairs: PairChannel, shares: &[f64]) -> Vec<Vec<f64>> {
    let Channel { p, q } = channel;
    let included: Vec<f64> = shares.iter().map(|share| q + share * (p - q)).collect();
    let entry = |row: usize, column: usize| {
        let both = if row == column {
            included[row]
        } else {
            pairs.neither + (shares[row] + shares[column]) * (pairs.one - pairs.neither)
        };
        both - included[row] * included[column]
    };
    let cells = shares.len() - 1;
    (0..cells).map(|row| (0..=row).map(|column| entry(row, column)).collect()).collect()
}

/// The square of a vector in the metric of the inverse of a positive matrix, given by its lower triangle (Cholesky). Nothing when it is not
/// positive.
fn weighed(mut matrix: Vec<Vec<f64>>, vector: &[f64]) -> Option<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(vector.len());
    for row in 0..vector.len() {
        for column in 0..=row {
            let known: f64 =
                matrix[row][..column].iter().zip(&matrix[column]).map(|(one, other)| one * other).sum();
            let rest = matrix[row][column] - known;
            matrix[row][column] = if column < row {
                rest / matrix[column][column]
            } else {
                (rest > 0.0).then(|| rest.sqrt())?
            };
        }
        let known: f64 = matrix[row].iter().zip(&solved).map(|(one, other)| one * other).sum();
        solved.push((vector[row] - known) / matrix[row][row]);
    }
    Some(solved.iter().map(|value| value * value).sum())
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
