//! Segments put together: what counts say of several of them at once.
//!
//! How many of the cells of a group an answer holds has a mean that is a line in how many of the group a device is in, so that the sum of the counts is un-noised like
//! one count. Its variance is not the sum of theirs: cells of one answer hold or lack each other. For a device that is in `a` of the group it is
//! exact (`shapes::law`); how many devices are in how many is known by its mean alone, so the variance is the greatest that this mean leaves: its
//! least concave majorant. With a cap of 1 a device is in one of them or in none, and that is exact.
//!
//! # Privacy
//! Post-processing of answers that were randomised on the devices.

use keepset_wire::{Ask, Question};

use crate::Answering;
use crate::answering::Mechanism;
use crate::coins::SeededCoins;
use crate::finding::Measure;
use crate::mechanism::{Channel, Estimate, SetSelect};
use crate::numbers::{Z_95, float};
use crate::release::{Release, margin, release};
use crate::selection::copy_noise;
use crate::shapes::law;

/// What is known of several segments together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Together {
    /// What it is a number of.
    pub of: Of,
    /// How many votes their cells have.
    pub support: u64,
    /// The number after the rule of release.
    pub release: Release,
}

/// What a sum over segments is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The share of devices in any of them: a device is in one at most.
    Devices,
    /// In how many of them a device is on average, of as many as the cap lets count: a device may be in several.
    Memberships,
}

impl Answering {
    /// Puts segments or groups together, by their numbers; `counts` are those of [`Answering::counted`]. Nothing without a report, and for a question that
    /// is about no segments.
    #[must_use]
    pub fn together(&self, members: &[u16], counts: &[u64], reports: u64, least: u64) -> Option<Together> {
        let cells: Vec<u16> = match self.mechanism() {
            Mechanism::Joint(_) => members.iter().flat_map(|group| [2 * group, 2 * group + 1]).collect(),
            _ => members.to_vec(),
        };
        let select = self.select().filter(|select| cells.iter().all(|cell| *cell < select.segments()))?;
        let support = cells.iter().map(|cell| counts.get(usize::from(*cell)).copied().unwrap_or(0)).sum();
        let number = u16::try_from(cells.len()).ok()?;
        let estimate = select.together(number, support, reports)?;
        let of = if select.cap() == 1 { Of::Devices } else { Of::Memberships };
        let majorant = select.majorant(number);
        let moved = |errors: f64| estimate.share + errors * estimate.standard_error;
        let copied = copy_noise(&mut SeededCoins::of_counts(&[support, reports, number.into()]));
        let bounds = (0.0, most(&majorant));
        let passed = release(
            estimate,
            bounds,
            |errors| Some(margin(&of_mean(moved(errors), &majorant, reports))),
            copied,
        );
        Some(Together { of, support, release: passed.resting_on(least) })
    }

    /// Bounds the share of devices that are in more of a question's segments than they answer for.
    ///
    /// Each of them tells as many segments as the cap lets it, so there are no more of them than the mean number of segments that a device tells, divided by the
    /// cap (Markov's inequality); of the mean it is the upper end of its 95 % interval. Nothing without a report, and where there is no cap.
    #[must_use]
    pub fn truncated_at_most(&self, question: &Question, counts: &[u64], reports: u64) -> Option<f64> {
        let (Ask::Sizes { segments, cap } | Ask::Overlaps { segments, cap }) = &question.ask else {
            return None;
        };
        let (number, select) = (u16::try_from(segments.len()).ok()?, self.select()?);
        let support = counts.get(..segments.len())?.iter().sum();
        let told = select.together(number, support, reports)?;
        let cut = usize::from(*cap) < segments.len();
        Some(if cut { (told.high / f64::from(*cap)).min(1.0) } else { 0.0 })
    }

    /// Lists the measures of a question that can be put together, each with its number among segments or groups.
    #[must_use]
    pub fn summable(&self, question: &Question) -> Vec<(u16, Measure)> {
        let number = |measure: Measure| match measure {
            Measure::Size(segment) => Some((segment, measure)),
            Measure::Group(group) if group < question.ask.groups() => Some((group, measure)),
            _ => None,
        };
        self.measures(question).into_iter().filter_map(number).collect()
    }
}

impl SetSelect {
    /// Estimates in how many of `cells` segments a device is on average, from how many votes they have together. Nothing without a report or a segment.
    ///
    /// The interval is a score interval, as in [`Channel::estimate`]: all means whose own standard error puts the estimate within 1.96 of them.
    #[must_use]
    pub fn together(&self, cells: u16, support: u64, reports: u64) -> Option<Estimate> {
        if reports == 0 || cells == 0 {
            return None;
        }
        let Channel { p, q } = self.channel();
        let n = float(reports);
        let mean = (float(support) / n - f64::from(cells) * q) / (p - q);
        Some(of_mean(mean, &self.majorant(cells), reports))
    }

    /// The least concave majorant of the variance of one report's contribution, for a device in 0, 1, ... of the cells.
    fn majorant(&self, cells: u16) -> Vec<f64> {
        let Channel { p, q } = self.channel();
        let variance = |own: u16| {
            let law = law(self, cells, own);
            let moment = |power: i32| {
                (0_u32..)
                    .zip(&law)
                    .map(|(held, probability)| probability * f64::from(held).powi(power))
                    .sum::<f64>()
            };
            (moment(2) - moment(1).powi(2)) / (p - q).powi(2)
        };
        let values: Vec<f64> = (0..=cells.min(self.cap())).map(variance).collect();
        let chord = |from: usize, to: usize, at: usize| {
            let part = (at - from) as f64 / (to - from).max(1) as f64;
            values[from] + (values[to] - values[from]) * part
        };
        let above = |place: usize| {
            let from_to = (0..=place).flat_map(|from| (place..values.len()).map(move |to| (from, to)));
            from_to.map(|(from, to)| chord(from, to, place)).fold(f64::NEG_INFINITY, f64::max)
        };
        (0..values.len()).map(above).collect()
    }
}

/// The estimate whose value is `mean`, when a device's part of the variance is at most `majorant`.
fn of_mean(mean: f64, majorant: &[f64], reports: u64) -> Estimate {
    let (n, most) = (float(reports), most(majorant));
    let error = |mean: f64| (at(majorant, mean).max(0.0) / n).sqrt();
    let far = |end: f64| (mean - end).abs() - Z_95 * error(end);
    let (low, high) = (rim(mean, -1.0, far), rim(mean, 1.0, far));
    Estimate {
        share: mean,
        low: low.clamp(0.0, most),
        high: high.clamp(0.0, most),
        half_width: (high - low) / 2.0,
        standard_error: error(mean.clamp(0.0, most)),
        reports,
    }
}

/// The most of the cells a device can be in.
fn most(majorant: &[f64]) -> f64 {
    majorant.len().saturating_sub(1) as f64
}

/// A line through the values at 0, 1, ..., between two of which, and beyond the last on either side, it is straight. There are at least two.
fn at(values: &[f64], place: f64) -> f64 {
    let before = (0..values.len() - 1).rev().find(|index| *index as f64 <= place).unwrap_or(0);
    values[before] + (values[before + 1] - values[before]) * (place - before as f64)
}

/// Where `far` turns from below 0, as it is at `inside`, to above, on this side of it: by 100 halvings, as fine as an f64.
fn rim(inside: f64, side: f64, far: impl Fn(f64) -> f64) -> f64 {
    // The error grows as a root at most, and the distance as a line: it is overtaken.
    let mut reach = 1e-3;
    while far(inside + side * reach) <= 0.0 && reach < 1e9 {
        reach *= 2.0;
    }
    let (mut inside, mut outside) = (inside, inside + side * reach);
    for _ in 0..100 {
        let middle = f64::midpoint(inside, outside);
        if far(middle) <= 0.0 {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use keepset_wire::Epsilon;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::OneOf;
    use crate::coins::SeededCoins;

    fn epsilon(micro: u32) -> Epsilon {
        Epsilon::from_micro(micro).unwrap()
    }

    #[test]
    fn where_a_device_is_in_one_it_is_the_sum_of_shares_with_their_covariance() {
        let one_of = OneOf::new(epsilon(2_000_000), 20).unwrap();
        let counts: Vec<u64> = (0..20).map(|cell| 900 + 37 * (cell % 5)).collect();
        let shares = one_of.estimate(&counts, 6_000).unwrap();
        for members in [&[0_usize][..], &[1, 4], &[0, 2, 3, 7, 8, 11, 18]] {
            let (expected, votes) = (shares.sum(members), members.iter().map(|cell| counts[*cell]).sum());
            let found =
                one_of.select().together(u16::try_from(members.len()).unwrap(), votes, 6_000).unwrap();
            for (one, other) in [
                (found.share, expected.share),
                (found.low, expected.low),
                (found.high, expected.high),
                (found.half_width, expected.half_width),
                (found.standard_error, expected.standard_error),
            ] {
                assert!((one - other).abs() < 1e-9, "{members:?}: {found:?} {expected:?}");
            }
        }
    }

    /// 1,200 intervals of 95 % in each of two worlds: with right intervals, fewer than 93 % hold once in 1,500 runs. They may be too wide, never too narrow.
    #[test]
    fn intervals_of_memberships_hold_the_truth_however_they_are_spread_over_devices() {
        let select = SetSelect::new(epsilon(2_000_000), 16, 3).unwrap();
        let measurement = select.clone().measurement(SeededCoins::new(5)).unwrap();
        let mut random = StdRng::seed_from_u64(5);
        let members = 8_u16;
        // Half of the devices are in three of the group and half in none; or each is in it by chance alone.
        for crowded in [true, false] {
            let mut held = 0;
            for _ in 0..1_200 {
                let (mut truth, mut votes) = (0_u64, 0);
                for device in 0..600 {
                    let own: Vec<usize> = if !crowded {
                        (0..16).filter(|_| random.random_bool(0.08)).take(3).collect()
                    } else if device % 2 == 0 {
                        vec![1, 3, 6]
                    } else {
                        vec![12]
                    };
                    truth += own.iter().filter(|segment| **segment < usize::from(members)).count() as u64;
                    let flags = (0..16).map(|segment| own.contains(&segment)).collect();
                    let answer = measurement.invoke(&flags).unwrap();
                    votes += answer.iter().filter(|cell| *cell < members).count() as u64;
                }
                let found = select.together(members, votes, 600).unwrap();
                let truth = float(truth) / 600.0;
                held += u32::from(found.low <= truth && truth <= found.high);
            }
            assert!(held >= 1_116, "{held} of 1,200, crowded: {crowded}");
        }
    }

    #[test]
    fn nothing_is_said_of_no_report_and_of_no_segment() {
        let select = SetSelect::new(epsilon(2_000_000), 5, 2).unwrap();
        assert_eq!((select.together(0, 0, 10), select.together(2, 0, 0)), (None, None));
    }
}
