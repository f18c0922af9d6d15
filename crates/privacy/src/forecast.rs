//! What a question will be able to tell, before anyone is asked: the errors and the rule of release at a number of reports.
//!
//! Nothing here is drawn: the figures are those of the exact channel, put through the estimator and the rule of
//! release that the collector uses.

use crate::Channel;
use crate::numbers::{Z_95, float};
use crate::release::{MIN_REPORTS, NOISE_OF_COPY, margin};

/// A segment whose copy is this many of its standard deviations above the least that is published falls below it once in forty windows.
const NEARLY_ALWAYS: f64 = Z_95;

/// What `reports` reports through `channel` tell about a segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    channel: Channel,
    reports: u64,
}

impl Forecast {
    /// Looks ahead at `reports` answers to one question in one window.
    #[must_use]
    pub fn new(channel: Channel, reports: u64) -> Self {
        Self { channel, reports }
    }

    /// Returns the standard error of the estimate of a segment of the share `share`, relative to it.
    ///
    /// Noise only: the population is the devices that reported.
    #[must_use]
    pub fn relative_error(&self, share: f64) -> f64 {
        (self.channel.variance(share) / float(self.reports)).sqrt() / share
    }

    /// Returns the least estimate that passes the rule of release by itself; nothing when no share of a population does. A segment of this size
    /// is printed in one window of two.
    ///
    /// Found by the estimator and the rule themselves, over every count of inclusions there can be.
    #[must_use]
    pub fn least_published(&self) -> Option<f64> {
        // The larger the count the larger the estimate and, relative to it, the narrower its interval, up to an estimate of 1.
        let (mut below, mut least) = (0, self.support_of_everyone());
        self.published(least)?;
        while least - below > 1 {
            let middle = below + (least - below) / 2;
            if self.published(middle).is_some() {
                least = middle;
            } else {
                below = middle;
            }
        }
        self.published(least).filter(|share| *share <= 1.0)
    }

    /// Returns the least share of a segment whose estimate is printed in 39 windows of 40.
    #[must_use]
    pub fn nearly_always_published(&self) -> Option<f64> {
        let least = self.least_published()?;
        let falls_short = |share: f64| {
            let error = (self.channel.variance(share) / float(self.reports)).sqrt();
            share - NEARLY_ALWAYS * NOISE_OF_COPY * error < least
        };
        let (mut below, mut above) = (least, 1.0);
        if falls_short(above) {
            return None;
        }
        // 60 halvings of an interval within 0 to 1: as fine as an f64.
        for _ in 0..60 {
            let middle = f64::midpoint(below, above);
            if falls_short(middle) {
                below = middle;
            } else {
                above = middle;
            }
        }
        Some(above)
    }

    /// The greatest count of inclusions whose estimate is at most 1.
    // A probability times a count of reports: not negative and far below 2^53.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn support_of_everyone(&self) -> u64 {
        (self.channel.p * float(self.reports)).floor() as u64
    }

    /// The estimate from a count of inclusions, if it passes the rule.
    fn published(&self, support: u64) -> Option<f64> {
        let estimate = self.channel.estimate(support, self.reports)?;
        (self.reports >= MIN_REPORTS && margin(&estimate) >= 0.0).then_some(estimate.share)
    }
}

/// Returns how many reports bring the relative standard error of a segment of the share `share` down to `error`.
#[must_use]
pub fn reports_needed(channel: Channel, share: f64, error: f64) -> f64 {
    channel.variance(share) / (error * share * error * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SetSelect;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use keepset_wire::Epsilon;

    const SHARES: [f64; 3] = [0.01, 0.05, 0.2];

    fn channel(epsilon: u32, segments: u16, cap: u8) -> Channel {
        let epsilon = Epsilon::from_micro(epsilon * 1_000_000).unwrap();
        SetSelect::new(epsilon, segments, cap).unwrap().channel()
    }

    /// Tells whether `value` is `published` as far as that is written out: half a unit of the second of two figures is
    /// at most 4.5 % of the number.
    fn is_about(value: f64, published: f64) -> bool {
        (value / published - 1.0).abs() < 0.045
    }

    /// The sample-size table of the specification: relative standard errors in percent, noise only.
    #[test]
    fn relative_errors_are_those_of_the_published_table() {
        let capped = [
            (1, 1_000, [990.0, 202.0, 54.0]),
            (1, 10_000, [313.0, 64.0, 17.0]),
            (1, 100_000, [99.0, 20.0, 5.4]),
            (1, 1_000_000, [31.0, 6.4, 1.7]),
            (2, 1_000, [371.0, 82.0, 26.0]),
            (2, 10_000, [117.0, 26.0, 8.3]),
            (2, 100_000, [37.0, 8.2, 2.6]),
            (4, 1_000, [97.0, 28.0, 12.0]),
            (4, 10_000, [31.0, 8.9, 3.8]),
            (4, 100_000, [9.7, 2.8, 1.2]),
        ];
        let single = [
            (1, 1_000, [584.0, 117.0, 30.0]),
            (1, 100_000, [58.0, 12.0, 3.0]),
            (2, 1_000, [251.0, 52.0, 14.0]),
            (2, 100_000, [25.0, 5.2, 1.4]),
            (4, 1_000, [59.0, 15.0, 6.0]),
            (4, 100_000, [5.9, 1.5, 0.6]),
        ];
        let capped = capped.map(|(epsilon, reports, errors)| (channel(epsilon, 32, 3), reports, errors));
        // The table's 32 cells of a single choice are 31 segments and the cell for "none".
        let single = single.map(|(epsilon, reports, errors)| (channel(epsilon, 31, 1), reports, errors));
        for (channel, reports, errors) in capped.into_iter().chain(single) {
            for (share, published) in SHARES.into_iter().zip(errors) {
                let error = 100.0 * Forecast::new(channel, reports).relative_error(share);
                assert!(is_about(error, published), "{channel:?} {reports} {share}: {error} {published}");
            }
        }
    }

    #[test]
    fn the_reports_a_tenth_of_error_takes_are_those_published() {
        let table =
            [(1, 3, 4.1e5), (2, 3, 6.6e4), (4, 3, 7.9e3), (1, 1, 1.4e5), (2, 1, 2.7e4), (4, 1, 2.3e3)];
        for (epsilon, cap, published) in table {
            let channel = channel(epsilon, if cap == 1 { 31 } else { 32 }, cap);
            let reports = reports_needed(channel, 0.05, 0.1);
            assert!(is_about(reports, published), "{epsilon} {cap}: {reports} {published}");
        }
    }

    #[test]
    fn the_least_published_estimate_passes_the_rule_and_one_inclusion_less_does_not() {
        for reports in [500, 10_000, 1_000_000] {
            let channel = channel(2, 8, 2);
            let forecast = Forecast::new(channel, reports);
            let least = forecast.least_published().unwrap();
            let support =
                (0..=reports).find(|support| channel.estimate(*support, reports).unwrap().share >= least);
            assert!(forecast.published(support.unwrap()).is_some());
            assert!(forecast.published(support.unwrap() - 1).is_none());
            assert!(forecast.nearly_always_published().unwrap() > least);
        }
    }

    #[test]
    fn too_few_reports_publish_nothing() {
        for reports in [0, 1, 499] {
            assert_eq!(Forecast::new(channel(2, 8, 2), reports).least_published(), None);
        }
        // Heard only when nearly everyone is a member, and then not in 39 windows of 40.
        let hard = Forecast::new(channel(1, 32, 5), 500);
        assert!(hard.least_published().is_some_and(|share| share > 0.8));
        assert_eq!(hard.nearly_always_published(), None);
        // An interval of more than half of everything to either side is never printed.
        assert_eq!(Forecast::new(channel(1, 256, 8), 500).least_published(), None);
    }
}
