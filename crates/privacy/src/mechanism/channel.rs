//! The channel of a cell, and its inverse: how often a member and a non-member are included, and what follows from a count.

use crate::numbers::{Z_95, float};

/// With what probability a report includes a cell, for devices that are members and for devices that are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    /// The inclusion probability of a member's cell.
    pub p: f64,
    /// The inclusion probability of a non-member's cell.
    pub q: f64,
}

/// With what probability a report includes both of two cells, by how many of the two are the device's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairChannel {
    /// Neither is own.
    pub neither: f64,
    /// One of them is.
    pub one: f64,
    /// Both are; 0 where a device has but one own cell.
    pub both: f64,
}

/// A share of the devices that reported, un-noised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The unbiased estimate; it may lie outside 0 to 1.
    pub share: f64,
    /// The lower end of the 95 % interval, at least 0.
    pub low: f64,
    /// The upper end of the 95 % interval, at most 1.
    pub high: f64,
    /// Half the width of the interval before its ends were held within 0 to 1.
    pub half_width: f64,
    /// The standard error of `share`.
    pub standard_error: f64,
    /// How many reports it rests on.
    pub reports: u64,
}

impl Channel {
    /// Inverts the channel: `support` of `reports` included the cell. Nothing when there is no report.
    ///
    /// The population is the devices that reported, so the noise is the only error: per report a share `f` has the
    /// variance `(q(1-q) + f(p-q)(1-p-q)) / (p-q)^2`. The interval is the score interval: all `f` whose own standard
    /// error puts the estimate within 1.96 of them (Wilson 1927, carried through the channel).
    #[must_use]
    pub fn estimate(&self, support: u64, reports: u64) -> Option<Estimate> {
        if reports == 0 {
            return None;
        }
        let share = (float(support) / float(reports) - self.q) / (self.p - self.q);
        Some(self.estimate_of(share, reports))
    }

    /// The estimate whose value is `share`.
    pub(crate) fn estimate_of(&self, share: f64, reports: u64) -> Estimate {
        Estimate::by_score(share, self.variance_line(), reports)
    }

    /// Returns the variance of one report's contribution when the share is `f`, held within 0 to 1.
    #[must_use]
    pub fn variance(&self, f: f64) -> f64 {
        let (at_zero, slope) = self.variance_line();
        at_zero + slope * f.clamp(0.0, 1.0)
    }

    /// Returns by how many devices, in reports, one fake report moves an estimate at most: `(1-q) / (p-q)` (Cao, Jia and Gong 2021).
    #[must_use]
    pub fn influence(&self) -> f64 {
        (1.0 - self.q) / (self.p - self.q)
    }

    /// Returns between what the share among the honest devices lies when a share `fakes` of the reports, below 1, are fakes that all push one way.
    ///
    /// A fake moves the estimate up by including the cell and down by leaving it out. What noise does comes on top: the interval's ends go
    /// in as the estimate.
    #[must_use]
    pub fn poisoned(&self, low: f64, high: f64, fakes: f64) -> (f64, f64) {
        let (up, down) = (self.influence(), -self.q / (self.p - self.q));
        ((low - fakes * up) / (1.0 - fakes), (high - fakes * down) / (1.0 - fakes))
    }

    /// The variance is a line in `f`: its value at 0 and its slope.
    fn variance_line(&self) -> (f64, f64) {
        let Self { p, q } = *self;
        let gap = p - q;
        (q * (1.0 - q) / (gap * gap), (1.0 - p - q) / gap)
    }
}

impl Estimate {
    /// Returns the standard error for the population that the devices which reported were drawn from: chance of the draw and noise.
    #[must_use]
    pub fn population_error(&self) -> f64 {
        (self.standard_error.powi(2) + Self::spread(self.share) / float(self.reports)).sqrt()
    }

    /// The variance of whether one device drawn from a population is a member.
    pub(crate) fn spread(share: f64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        share * (1.0 - share)
    }

    /// The score interval of a share whose variance per report is a line in the share itself: its value at 0 and its slope.
    pub(crate) fn by_score(share: f64, (at_zero, slope): (f64, f64), reports: u64) -> Self {
        let n = float(reports);
        let c = Z_95 * Z_95 / n;
        let centre = share + c * slope / 2.0;
        let reach = (c * (at_zero + slope * share) + c * c * slope * slope / 4.0).max(0.0).sqrt();
        Self {
            share,
            low: (centre - reach).clamp(0.0, 1.0),
            high: (centre + reach).clamp(0.0, 1.0),
            half_width: reach,
            standard_error: ((at_zero + slope * share.clamp(0.0, 1.0)).max(0.0) / n).sqrt(),
            reports,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn the_expected_support_gives_back_the_share() {
        let channel = Channel { p: 0.6, q: 0.2 };
        // 10,000 devices, 30 % members: 3,000 * 0.6 + 7,000 * 0.2 = 3,200 inclusions.
        let estimate = channel.estimate(3_200, 10_000).unwrap();
        assert!((estimate.share - 0.3).abs() < 1e-12);
        assert!(estimate.low < 0.3 && 0.3 < estimate.high);
        assert!((estimate.high - estimate.low - 2.0 * Z_95 * estimate.standard_error).abs() < 1e-4);
        assert_eq!(channel.estimate(0, 0), None);
    }

    /// Section 7 of the specification, for randomised response, one of 32 cells and up to 3 of 32 segments.
    #[test]
    fn one_fake_report_moves_an_estimate_as_much_as_published() {
        use crate::{RandomisedResponse, SetSelect};
        use keepset_wire::Epsilon;
        let table = [(1, [1.58, 3.0, 10.7]), (2, [1.16, 2.2, 8.3]), (4, [1.02, 1.58, 3.6])];
        for (epsilon, published) in table {
            let epsilon = Epsilon::from_micro(epsilon * 1_000_000).unwrap();
            let channels = [
                RandomisedResponse::new(epsilon).unwrap().channel(),
                SetSelect::new(epsilon, 31, 1).unwrap().channel(),
                SetSelect::new(epsilon, 32, 3).unwrap().channel(),
            ];
            for (channel, published) in channels.iter().zip(published) {
                let influence = channel.influence();
                assert!((influence / published - 1.0).abs() < 0.02, "{epsilon:?}: {influence} {published}");
            }
        }
    }

    /// 10,000 reports of which a hundred are fakes: both kinds of attack bring the estimate to an end of the band, with no noise about.
    #[test]
    fn the_band_of_poisoning_ends_where_all_fakes_push_one_way() {
        let channel = Channel { p: 0.6, q: 0.2 };
        // Of 9,900 honest devices 30 % are members: 9,900 * (0.2 + 0.3 * 0.4) = 3,168 inclusions.
        for (support, end) in [(3_168 + 100, 0), (3_168, 1)] {
            let share = channel.estimate(support, 10_000).unwrap().share;
            let band = channel.poisoned(share, share, 0.01);
            let ends = [band.0, band.1];
            assert!((ends[end] - 0.3).abs() < 1e-12 && ends[0] < ends[1], "{ends:?}");
        }
    }

    #[test]
    fn every_end_of_an_interval_puts_the_estimate_exactly_at_its_rim() {
        let channel = Channel { p: 0.7, q: 0.1 };
        for support in 110..700 {
            let estimate = channel.estimate(support, 1_000).unwrap();
            for end in [estimate.low, estimate.high].into_iter().filter(|end| *end > 0.0 && *end < 1.0) {
                let distance = (end - estimate.share).abs() / (channel.variance(end) / 1_000.0).sqrt();
                assert!((distance - Z_95).abs() < 1e-9, "{support}: {distance}");
            }
        }
    }
}
