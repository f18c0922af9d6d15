//! How good a model's scores are: the rate of yes in every bin, the area under the ROC curve, and how far rates are from what was predicted.

use super::{Estimate, Group, Joint, Shares};
use crate::numbers::Z_95;

/// What the answers say of a model whose score bins are the groups, from the lowest scores to the highest.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The bins, in their order.
    pub bins: Vec<Group>,
    /// The probability that a yes has a higher score than a no, half of it when they share a bin; nothing unless both yes and no are more
    /// than 3 standard errors above nobody.
    pub auc: Option<Estimate>,
}

/// The mean square of the distance from predicted to true rates, the noise of the reports taken off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationError {
    /// The mean square, weighed by the size of bins; unbiased, so it may be below 0 when the predictions are right.
    pub square: f64,
    /// Its root, 0 when it is below: how far a prediction is off, in the unit of rates.
    pub root: f64,
    /// The share of devices in the bins that have a rate; the others are left out.
    pub covered: f64,
}

impl Joint {
    /// Estimates the calibration curve and the area under the ROC curve. Nothing when there is no report or a count too few or many.
    #[must_use]
    pub fn curve(&self, counts: &[u64], reports: u64) -> Option<Curve> {
        let shares = self.shares(counts, reports)?;
        Some(Curve { bins: self.estimate(counts, reports)?.groups, auc: self.auc(&shares) })
    }

    /// The area and its interval by the delta method, as a smooth function of the shares whose covariance is known.
    pub(crate) fn auc(&self, shares: &Shares) -> Option<Estimate> {
        let sure = |first: usize| {
            let sum = shares.sum(&self.outcomes(first));
            sum.share > 3.0 * sum.standard_error
        };
        if !(sure(0) && sure(1)) {
            return None;
        }
        let (share, slope) = self.area(shares, 0.0);
        let standard_error = shares.covariance(&slope, &slope).max(0.0).sqrt();
        let half_width = Z_95 * standard_error;
        Some(Estimate {
            share,
            low: (share - half_width).clamp(0.0, 1.0),
            high: (share + half_width).clamp(0.0, 1.0),
            half_width,
            standard_error,
            reports: shares.reports(),
        })
    }

    /// The area and how it moves with each share, if it is truly so much `higher` than it came out: with the shares `p_b` and `n_b` of yes and no in bin `b`, in all `P` and `N`, it is
    /// `sum p_b (n_1 + ... + n_(b-1) + n_b / 2) / (P N)`.
    pub(crate) fn area(&self, shares: &Shares, higher: f64) -> (f64, Vec<f64>) {
        let values = shares.values();
        let all = |first: usize| self.outcomes(first).into_iter().map(|cell| values[cell]).sum::<f64>();
        let (all_no, all_yes) = (all(0), all(1));
        let groups = usize::from(self.groups);
        let mut area = 0.0;
        let mut slope = vec![0.0; values.len()];
        let (mut no_below, mut yes_above) = (0.0, all_yes);
        for group in 0..groups {
            let (no, yes) = (values[2 * group], values[2 * group + 1]);
            yes_above -= yes;
            area += yes * (no_below + no / 2.0);
            slope[2 * group] = yes_above + yes / 2.0;
            slope[2 * group + 1] = no_below + no / 2.0;
            no_below += no;
        }
        let share = area / (all_yes * all_no);
        for group in 0..groups {
            slope[2 * group] = slope[2 * group] / (all_yes * all_no) - (share + higher) / all_no;
            slope[2 * group + 1] = slope[2 * group + 1] / (all_yes * all_no) - (share + higher) / all_yes;
        }
        (share, slope)
    }

    /// The cells of one outcome in all groups: 0 the no, 1 the yes.
    fn outcomes(&self, first: usize) -> Vec<usize> {
        (0..usize::from(self.groups)).map(|group| 2 * group + first).collect()
    }
}

impl Curve {
    /// Returns how far the rates are from `predicted`, the mean prediction of every bin. Nothing when no bin has a rate or a prediction is
    /// missing.
    ///
    /// The square of a noisy distance is too large by the variance of the noise, which is taken off: without that, noise would
    /// look like a model that is off.
    #[must_use]
    pub fn calibration_error(&self, predicted: &[f64]) -> Option<CalibrationError> {
        if predicted.len() != self.bins.len() {
            return None;
        }
        let (mut square, mut covered) = (0.0, 0.0);
        for (bin, predicted) in self.bins.iter().zip(predicted) {
            let Some(rate) = bin.rate else { continue };
            square += bin.size.share * ((rate.share - predicted).powi(2) - rate.standard_error.powi(2));
            covered += bin.size.share;
        }
        if covered <= 0.0 {
            return None;
        }
        let square = square / covered;
        Some(CalibrationError { square, root: square.max(0.0).sqrt(), covered })
    }
}
