//! The rule of release: what is too uncertain is named so, and not printed as a number.
//!
//! The rule compares half the interval with the number itself, or with a range. It looks at a copy of the number with as much noise again, and
//! the interval that stands beside the answer is the one that holds *given* that answer (module `selection`).

use keepset_wire::Plan;

use crate::Estimate;
use crate::numbers::Z_95;
use crate::selection::Region;

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

/// The widest half of a plain 95 % interval that passes, as a share of the estimate: twice or half is the most one may be off.
pub const MAX_RELATIVE_HALF_WIDTH: f64 = 0.5;

/// The widest half of a plain 95 % interval of a number that is no share, as a part of the range it may lie in: a fifth of it is not
/// worth printing.
pub const MAX_RANGE_HALF_WIDTH: f64 = 0.1;

/// The standard deviation of the copy the rule looks at, in standard errors of the number: its own noise, and as much again.
pub const NOISE_OF_COPY: f64 = std::f64::consts::SQRT_2;

/// An estimate after the rule; the ends of its interval are those that hold given what the rule said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Release {
    /// Precise enough to print.
    Published(Estimate),
    /// Too few reports to say.
    NotEnough(Estimate),
}

/// Returns by how much half an interval is narrower than half the estimate; below 0 the rule is not passed.
///
/// What counts is the interval as it came out, before its ends were held within 0 to 1, beside the estimate or, where that lies above
/// it, the whole: an interval from 0 to 1 says nothing, however large the estimate.
#[must_use]
pub fn margin(estimate: &Estimate) -> f64 {
    MAX_RELATIVE_HALF_WIDTH * estimate.share.min(1.0) - estimate.half_width
}

/// Returns by how much half an interval is narrower than what is `widest`; below 0 the rule is not passed.
#[must_use]
pub fn margin_within(estimate: &Estimate, widest: f64) -> f64 {
    widest - estimate.half_width
}

/// What is left of a condition at a number, and if it came out one standard error lower and higher with everything that is independent of it where it is:
/// below 0 it fails, and nothing is where it cannot be told. A rule that hardly moves with the number hardly chooses among its noise.
pub(crate) type Left = [Option<f64>; 3];

/// So many standard errors to either side it is looked at.
pub(crate) const STEP: f64 = 2.0;

/// The two conditions of the rule: that something is told at all, and that it is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub sure: Left,
    pub margin: Left,
}

/// A number's conditions if a certain truth is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// How many standard errors it lies above the number, by the error that it gives the number.
    pub above: f64,
    pub conditions: Conditions,
}

/// Applies the rule to an estimate that lies between two `bounds`, of which something can always be told.
///
/// `margin` tells what is left of the rule if the estimate lay so many of its standard errors higher. `copied` is the noise of the copy, in standard errors. What rests
/// on fewer than [`MIN_REPORTS`] is not printed whatever it is, which chooses nothing.
#[must_use]
pub fn release(
    estimate: Estimate,
    (least, most): (f64, f64),
    margin: impl Fn(f64) -> Option<f64>,
    copied: f64,
) -> Release {
    if estimate.reports < MIN_REPORTS {
        return Release::NotEnough(estimate);
    }
    let margin = [-STEP, 0.0, STEP].map(margin);
    let passing = region(margin, margin);
    if passing.holds(copied) {
        Release::Published(estimate.with_ends(passing.ends(), (least, most)))
    } else {
        Release::NotEnough(estimate.with_ends(passing.complement().ends(), (least, most)))
    }
}

/// The same of an estimate of which nothing is told where it is not sure, and whose error and conditions depend on what is true: `given` tells them of a candidate.
pub(crate) fn release_given(
    estimate: Estimate,
    bounds: (f64, f64),
    given: impl Fn(f64) -> Option<Candidate>,
    copied: f64,
) -> Option<Release> {
    let here = given(estimate.share)?.conditions;
    let told = region(here.sure, here.sure);
    let passing = region(here.margin, here.margin);
    if !told.holds(copied) {
        return None;
    }
    let printed = estimate.reports >= MIN_REPORTS && passing.holds(copied);
    let said = |conditions: Conditions| {
        let (told, passing) = (region(here.sure, conditions.sure), region(here.margin, conditions.margin));
        match estimate.reports >= MIN_REPORTS {
            true if printed => told.and(passing),
            true => told.and(passing.complement()),
            false => told,
        }
    };
    let estimate = if said(here).is_far() {
        estimate
    } else {
        let below = |truth: f64| {
            let candidate = given(truth)?;
            Some(said(candidate.conditions).below(candidate.above))
        };
        let end = |rim: f64, beyond: f64| {
            halved(estimate.share, rim, |truth| {
                below(truth).is_some_and(|below| (below - beyond) * (beyond - 0.5) < 0.0)
            })
        };
        Estimate { low: end(bounds.0, 0.975), high: end(bounds.1, 0.025), ..estimate }
    };
    Some(if printed { Release::Published(estimate) } else { Release::NotEnough(estimate) })
}

/// The last place between two that is `inside`, which the first is taken for.
fn halved(from: f64, to: f64, inside: impl Fn(f64) -> bool) -> f64 {
    if (to - from) * (to - from) == 0.0 || inside(to) {
        return to;
    }
    let (mut inner, mut outer) = (from, to);
    for _ in 0..20 {
        let middle = f64::midpoint(inner, outer);
        if inside(middle) {
            inner = middle;
        } else {
            outer = middle;
        }
    }
    inner
}

/// Where a copy passes a condition: `here` says what the copy gains by its own noise, `along` what the number does if a candidate is true.
fn region(here: Left, along: Left) -> Region {
    let gain = |[below, at, above]: Left| match (below, at, above) {
        (Some(below), _, Some(above)) => (above - below) / (2.0 * STEP),
        (None, Some(at), Some(above)) => (above - at) / STEP,
        (Some(below), Some(at), None) => (at - below) / STEP,
        _ => 0.0,
    };
    Region::where_positive(here[1].unwrap_or(f64::NEG_INFINITY), gain(here), gain(along))
}

impl Release {
    /// Takes back what rests on fewer reports than this: what a plan asks for beyond the rule.
    #[must_use]
    pub fn resting_on(self, least_reports: u64) -> Self {
        match self {
            Self::Published(estimate) if estimate.reports < least_reports => Self::NotEnough(estimate),
            other => other,
        }
    }
}

impl Estimate {
    /// Moves the ends of the interval to so many standard errors from the estimate; what is [`Z_95`] of them is as far as a plain end lies, on its
    /// side. The estimate stays inside, and the ends within the bounds.
    fn with_ends(self, (low, high): (f64, f64), (least, most): (f64, f64)) -> Self {
        let whole = 2.0 * self.half_width;
        // Where an end was held within the bounds, it lay a whole interval from the other; where both were, around the estimate.
        let (plain_low, plain_high) = match (self.low > least, self.high < most) {
            (true, true) => (self.low, self.high),
            (false, true) if self.high > least => (self.high - whole, self.high),
            (true, false) if self.low < most => (self.low, self.low + whole),
            _ => (self.share - self.half_width, self.share + self.half_width),
        };
        let (down, up) = ((self.share - plain_low) / Z_95, (plain_high - self.share) / Z_95);
        let place = |end: f64| self.share + end * if end < 0.0 { down } else { up };
        let (low, high) = (place(low).min(self.share), place(high).max(self.share));
        Self { low: low.clamp(least, most), high: high.clamp(least, most), ..self }
    }
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::Channel;

    const GOOD: Estimate =
        Estimate { share: 0.2, low: 0.15, high: 0.25, half_width: 0.05, standard_error: 0.025, reports: 500 };
    const SHARE: (f64, f64) = (0.0, 1.0);

    /// The rule for a share with an interval of one width, and no noise on the copy.
    fn released(estimate: Estimate) -> Release {
        let at =
            |errors: f64| Estimate { share: estimate.share + errors * estimate.standard_error, ..estimate };
        release(estimate, SHARE, |errors| Some(margin(&at(errors))), 0.0)
    }

    fn is_printed(estimate: Estimate) -> bool {
        matches!(released(estimate), Release::Published(_))
    }

    #[test]
    fn few_reports_a_wide_interval_and_a_negative_estimate_are_not_released() {
        assert!(is_printed(GOOD));
        let few = Estimate { reports: 499, ..GOOD };
        assert_eq!(released(few), Release::NotEnough(few));
        for bad in
            [Estimate { half_width: 0.15, ..GOOD }, Estimate { share: -0.01, low: 0.0, high: 0.0, ..GOOD }]
        {
            assert!(!is_printed(bad));
        }
    }

    #[test]
    fn the_rule_looks_at_the_copy_and_the_interval_leans_to_where_the_number_was_not_chosen_from() {
        // Four errors of half the estimate: 2 of its own beyond the rim.
        let margin = |errors: f64| Some(0.5 * (0.2 + errors * 0.025) - 0.05);
        let with = |copied| release(GOOD, SHARE, margin, copied);
        let (Release::Published(printed), Release::NotEnough(not)) = (with(-3.9), with(-4.1)) else {
            panic!("the rim is 4 errors below")
        };
        assert_eq!((printed.share, not.share), (0.2, 0.2));
        assert!(printed.low <= GOOD.low && printed.high <= GOOD.high + 1e-6, "{printed:?}");
        assert!(not.low >= GOOD.low && not.high > GOOD.high + 0.01, "{not:?}");
        // A rule that falls with the number leans the other way.
        let mirrored = |errors: f64| Some(0.5 * (0.2 - errors * 0.025) - 0.099);
        let Release::Published(falling) = release(GOOD, SHARE, mirrored, 0.0) else { panic!("printed") };
        assert!(falling.high > GOOD.high + 0.001 && falling.low >= GOOD.low - 1e-6, "{falling:?}");
    }

    #[test]
    fn a_rule_that_does_not_look_at_the_number_leaves_its_interval_alone() {
        let of = |margin: f64| release(GOOD, SHARE, |_| Some(margin), -3.0);
        assert_eq!(of(0.01), Release::Published(GOOD));
        assert_eq!(of(0.0), Release::Published(GOOD));
        assert_eq!(of(-0.01), Release::NotEnough(GOOD));
        assert_eq!(release(GOOD, SHARE, |_| None, 3.0), Release::NotEnough(GOOD));
    }

    #[test]
    fn a_plan_may_ask_for_more_reports_than_the_least_and_not_for_fewer() {
        assert_eq!(Release::Published(GOOD).resting_on(501), Release::NotEnough(GOOD));
        assert_eq!(Release::Published(GOOD).resting_on(500), Release::Published(GOOD));
        assert_eq!(Release::NotEnough(GOOD).resting_on(0), Release::NotEnough(GOOD));
    }

    #[test]
    fn a_sensitive_plan_needs_four_times_as_many_reports() {
        let text = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 1,
            "questions": [{"id": "q", "reason": "r", "segments": ["a"], "cap": 1}]}"#;
        let plain = Plan::parse(text).unwrap();
        let sensitive =
            Plan::parse(&text.replace("\"epsilon\"", "\"sensitive\": [\"health\"], \"epsilon\"")).unwrap();
        assert_eq!((least_reports(&plain), least_reports(&sensitive)), (500, 2_000));
        let published = |reports| Release::Published(Estimate { reports, ..GOOD });
        let least = least_reports(&sensitive);
        assert!(matches!(published(1_999).resting_on(least), Release::NotEnough(_)));
        assert_eq!(published(2_000).resting_on(least), published(2_000));
    }

    #[test]
    fn an_estimate_above_the_whole_with_an_interval_of_everything_is_not_released() {
        // Hardly a difference between members and others: 500 reports say nothing, and this count puts the estimate at 1.5.
        let estimate = Channel { p: 0.52, q: 0.5 }.estimate(265, 500).unwrap();
        assert!(estimate.share > 1.4 && (estimate.low, estimate.high) == (0.0, 1.0), "{estimate:?}");
        assert!(!is_printed(estimate));
    }

    #[test]
    fn ends_that_were_held_within_the_bounds_are_moved_from_where_they_lay() {
        let held =
            Estimate { share: 0.04, low: 0.0, high: 0.1, half_width: 0.06, standard_error: 0.03, ..GOOD };
        assert_eq!(held.with_ends((-Z_95, Z_95), SHARE), held);
        // The lower end lay at -0.02: half as far below the estimate is 0.01.
        let half = held.with_ends((-Z_95 / 2.0, Z_95), SHARE);
        assert!((half.low - 0.01).abs() < 1e-12 && half.high == held.high, "{half:?}");
        // An interval that would leave the estimate out holds it.
        let beyond = held.with_ends((-3.0, -0.5), SHARE);
        assert_eq!((beyond.low, beyond.high), (0.0, 0.04));
    }
}
