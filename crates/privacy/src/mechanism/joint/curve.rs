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

    /// The area and its interval by the delta method: with the shares `p_b` and `n_b` of yes and no in bin `b`, in all `P` and `N`, it is
    /// `sum p_b (n_1 + ... + n_(b-1) + n_b / 2) / (P N)`, a smooth function of the shares whose covariance is known.
    fn auc(&self, shares: &Shares) -> Option<Estimate> {
        let groups = usize::from(self.groups);
        let no: Vec<usize> = (0..groups).map(|group| 2 * group).collect();
        let yes: Vec<usize> = no.iter().map(|cell| cell + 1).collect();
        let sure = |cells: &[usize]| {
            let sum = shares.sum(cells);
            (sum.share > 3.0 * sum.standard_error).then_some(sum.share)
        };
        let (all_yes, all_no) = (sure(&yes)?, sure(&no)?);
        let values = shares.values();
        let area: f64 = {
            let mut below = 0.0;
            let bin = |group: usize| {
                let (no, yes) = (values[2 * group], values[2 * group + 1]);
                let term = yes * (below + no / 2.0);
                below += no;
                term
            };
            (0..groups).map(bin).sum()
        };
        let share = area / (all_yes * all_no);
        let mut gradient = vec![0.0; values.len()];
        let (mut no_below, mut yes_above) = (0.0, all_yes);
        for group in 0..groups {
            let (no, yes) = (values[2 * group], values[2 * group + 1]);
            yes_above -= yes;
            gradient[2 * group] = (yes_above + yes / 2.0) / (all_yes * all_no) - share / all_no;
            gradient[2 * group + 1] = (no_below + no / 2.0) / (all_yes * all_no) - share / all_yes;
            no_below += no;
        }
        let standard_error = shares.covariance(&gradient, &gradient).max(0.0).sqrt();
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
