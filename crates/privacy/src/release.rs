//! The rule of release: what is too uncertain is named so, and not printed as a number.

use keepset_wire::Plan;

use crate::Estimate;

/// Below this many reports nothing is released: at 500 the interval still covers as stated (docs/privacy.md), below we have not measured.
pub const MIN_REPORTS: u64 = 500;

/// Below this many reports nothing is released of a sensitive plan: at epsilon 1 instead of 2 an estimate needs about four times as
/// many reports to be as sure, and the fewer people stand behind a number, the more of them are known to somebody.
pub const MIN_REPORTS_SENSITIVE: u64 = 4 * MIN_REPORTS;

/// The least reports on which an estimate of this plan is to rest.
#[must_use]
pub fn least_reports(plan: &Plan) -> u64 {
    if plan.sensitive.is_empty() { MIN_REPORTS } else { MIN_REPORTS_SENSITIVE }
}

/// The widest half of a 95 % interval that is released, as a share of the estimate: twice or half is the most one may be off.
pub const MAX_RELATIVE_HALF_WIDTH: f64 = 0.5;

/// The widest half of a 95 % interval of a number that is no share, as a part of the range it may lie in: a fifth of it is not
/// worth printing.
pub const MAX_RANGE_HALF_WIDTH: f64 = 0.1;

/// An estimate after the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Release {
    /// Precise enough to print.
    Published(Estimate),
    /// Too few reports to say.
    NotEnough(Estimate),
}

/// Applies the rule to an estimate that is to rest on at least `least_reports`, which can raise [`MIN_REPORTS`] and not lower it.
///
/// What counts is the interval as it came out, before its ends were held within 0 to 1, beside the estimate or, where that lies above
/// it, the whole: an interval from 0 to 1 says nothing, however large the estimate.
#[must_use]
pub fn release(estimate: Estimate, least_reports: u64) -> Release {
    let precise = estimate.half_width <= MAX_RELATIVE_HALF_WIDTH * estimate.share.min(1.0);
    if precise && estimate.reports >= least_reports.max(MIN_REPORTS) {
        Release::Published(estimate)
    } else {
        Release::NotEnough(estimate)
    }
}

/// Applies the rule to a number that is no share, such as a mean: its interval is to be narrow beside the range it may lie in.
#[must_use]
pub fn release_in_range(estimate: Estimate, range: f64, least_reports: u64) -> Release {
    let precise = estimate.half_width <= MAX_RANGE_HALF_WIDTH * range;
    if precise && estimate.reports >= least_reports.max(MIN_REPORTS) {
        Release::Published(estimate)
    } else {
        Release::NotEnough(estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channel;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const GOOD: Estimate =
        Estimate { share: 0.2, low: 0.15, high: 0.25, half_width: 0.05, standard_error: 0.025, reports: 500 };

    #[test]
    fn few_reports_a_wide_interval_and_a_negative_estimate_are_not_released() {
        assert_eq!(release(GOOD, MIN_REPORTS), Release::Published(GOOD));
        for bad in [
            Estimate { reports: 499, ..GOOD },
            Estimate { half_width: 0.15, ..GOOD },
            Estimate { share: -0.01, low: 0.0, high: 0.0, ..GOOD },
        ] {
            assert_eq!(release(bad, MIN_REPORTS), Release::NotEnough(bad));
        }
    }

    #[test]
    fn a_plan_may_ask_for_more_reports_than_the_least_and_not_for_fewer() {
        assert_eq!(release(GOOD, 501), Release::NotEnough(GOOD));
        let few = Estimate { reports: 499, ..GOOD };
        assert_eq!(release(few, 0), Release::NotEnough(few));
    }

    #[test]
    fn a_sensitive_plan_needs_four_times_as_many_reports() {
        let text = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 1,
            "questions": [{"id": "q", "reason": "r", "segments": ["a"], "cap": 1}]}"#;
        let plain = Plan::parse(text).unwrap();
        let sensitive =
            Plan::parse(&text.replace("\"epsilon\"", "\"sensitive\": [\"health\"], \"epsilon\"")).unwrap();
        assert_eq!((least_reports(&plain), least_reports(&sensitive)), (500, 2_000));
        let estimate = |reports| Estimate { reports, ..GOOD };
        assert_eq!(release(estimate(1_999), least_reports(&sensitive)), Release::NotEnough(estimate(1_999)));
        assert_eq!(release(estimate(2_000), least_reports(&sensitive)), Release::Published(estimate(2_000)));
    }

    #[test]
    fn an_estimate_above_the_whole_with_an_interval_of_everything_is_not_released() {
        // Hardly a difference between members and others: 500 reports say nothing, and this count puts the estimate at 1.5.
        let estimate = Channel { p: 0.52, q: 0.5 }.estimate(265, 500).unwrap();
        assert!(estimate.share > 1.4 && (estimate.low, estimate.high) == (0.0, 1.0), "{estimate:?}");
        assert_eq!(release(estimate, MIN_REPORTS), Release::NotEnough(estimate));
    }
}
