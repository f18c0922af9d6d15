//! The rule of release: what is too uncertain is named so, and not printed as a number.

use crate::Estimate;

/// Below this many reports nothing is released: at 500 the interval still covers as stated (docs/privacy.md), below we have not measured.
pub const MIN_REPORTS: u64 = 500;

/// The widest half of a 95 % interval that is released, as a share of the estimate: twice or half is the most one may be off.
pub const MAX_RELATIVE_HALF_WIDTH: f64 = 0.5;

/// An estimate after the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Release {
    /// Precise enough to print.
    Published(Estimate),
    /// Too few reports to say.
    NotEnough(Estimate),
}

/// Applies the rule to an estimate.
#[must_use]
pub fn release(estimate: Estimate) -> Release {
    let half_width = (estimate.high - estimate.low) / 2.0;
    let precise = half_width <= MAX_RELATIVE_HALF_WIDTH * estimate.share;
    if precise && estimate.reports >= MIN_REPORTS {
        Release::Published(estimate)
    } else {
        Release::NotEnough(estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn few_reports_a_wide_interval_and_a_negative_estimate_are_not_released() {
        let good = Estimate { share: 0.2, low: 0.15, high: 0.25, standard_error: 0.025, reports: 500 };
        assert_eq!(release(good), Release::Published(good));
        for bad in [
            Estimate { reports: 499, ..good },
            Estimate { low: 0.05, high: 0.35, ..good },
            Estimate { share: -0.01, low: 0.0, high: 0.0, ..good },
        ] {
            assert_eq!(release(bad), Release::NotEnough(bad));
        }
    }
}
