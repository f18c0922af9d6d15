//! Changes: by how much a share differs from that of the window before, and whether by more than chance.
//!
//! Who reports in a window is drawn anew, so the error of a difference holds the chance of both draws beside both noises. Each change is looked at by itself: of
//! twenty shares that keep still one is called more than chance. Whether anything changed at all is what drift says.
//!
//! Both shares are printed, and their intervals count that: the interval of the difference is put together from the ends of theirs, the lower from the
//! lower of this window and the upper of the one before (Zou and Donner 2008).

use keepset_privacy::Z_95;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::mechanism::Estimate;
use keepset_wire::Window;

/// By how much a share changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The window before.
    pub against: Window,
    /// The share less that of the window before.
    pub difference: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Change {
    /// Tells whether it is more than chance makes in 19 of 20 cases.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Puts a change beside each finding that is a share of all devices and printed in both windows.
pub(crate) fn changes(findings: &[Finding], before: Option<(Window, &[Finding])>) -> Vec<Option<Change>> {
    let change = |(place, now): (usize, &Finding)| {
        let (against, before) = before?;
        let then = before.get(place).filter(|then| then.measure == now.measure)?;
        let of_all = matches!(now.measure, Measure::Size(_) | Measure::Both(..) | Measure::Group(_));
        let (now, then) = (now.published().filter(|_| of_all)?, then.published()?);
        let difference = now.share - then.share;
        let drawn = Z_95 * chance_of_draw(&now).hypot(chance_of_draw(&then));
        let reach = |up: f64, down: f64| up.hypot(down).hypot(drawn);
        let low = difference - reach(now.share - now.low, then.high - then.share);
        let high = difference + reach(now.high - now.share, then.share - then.low);
        Some(Change { against, difference, low: low.max(-1.0), high: high.min(1.0) })
    };
    findings.iter().enumerate().map(change).collect()
}

/// The part of a share's error that is not noise: which devices reported.
fn chance_of_draw(estimate: &Estimate) -> f64 {
    (estimate.population_error().powi(2) - estimate.standard_error.powi(2)).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use keepset_privacy::release::Release;

    use super::*;

    fn finding(measure: Measure, share: f64, printed: bool) -> Finding {
        let [low, high] = [-1.0, 1.0].map(|side| share + side * Z_95 * 0.009);
        let estimate =
            Estimate { share, low, high, half_width: 0.018, standard_error: 0.009, reports: 10_000 };
        let release = if printed { Release::Published(estimate) } else { Release::NotEnough(estimate) };
        Finding { measure, support: None, release: Some(release), consistent: None }
    }

    #[test]
    fn a_change_has_the_error_of_both_windows_and_of_who_reported_in_them() {
        let size = |share| [finding(Measure::Size(0), share, true)];
        let changed = |share| changes(&size(share), Some((Window(3), &size(0.3))))[0].unwrap();
        // Of each window the noise, 0.009, and of 10,000 devices of which 0.3 are members 0.0046.
        let error = (2.0 * (0.009_f64.powi(2) + 0.3 * 0.7 / 1e4)).sqrt();
        let same = changed(0.3);
        assert!((same.high - Z_95 * error).abs() < 1e-12 && (same.low + same.high).abs() < 1e-12, "{same:?}");
        assert_eq!(
            [0.3, 0.32, 0.335, 0.26].map(|share| changed(share).is_significant()),
            [false, false, true, true]
        );
        assert_eq!(same.against, Window(3));
    }

    #[test]
    fn only_what_is_printed_in_both_windows_is_compared() {
        let (printed, not) = (finding(Measure::Size(0), 0.3, true), finding(Measure::Size(0), 0.3, false));
        for (now, then) in [(printed, not), (not, printed)] {
            assert_eq!(changes(&[now], Some((Window(0), &[then]))), [None]);
        }
        assert_eq!(changes(&[printed], None), [None]);
        let rate = finding(Measure::Rate(0), 0.3, true);
        assert_eq!(changes(&[rate], Some((Window(0), &[rate]))), [None]);
    }
}
