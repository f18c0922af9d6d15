//! Findings: what the counts of one question say, number by number, each with its interval and put to the rule of release.
//!
//! Every kind of question becomes one list in a fixed order, so that whoever stores, prints or compares need not know the
//! mechanisms; and the same list can be made of exact truths, which is what a replay sets beside it.
//!
//! # Privacy
//! Functions of answers that were randomised on the devices: they reveal no more than the answers do.

mod exact;
mod expected;

use keepset_wire::{Ask, Millionths, Question};

use crate::answering::{Answering, Mechanism};
use crate::coins::SeededCoins;
use crate::consistent::{Total, consistent};
use crate::drift::{Counted, Drift};
use crate::mechanism::{Estimate, Group, Histogram, Joint, Overlaps, SetSelect, SquareWave};
use crate::numbers::{Z_95, float};
use crate::release::{MAX_RELATIVE_HALF_WIDTH, MIN_REPORTS, Release, release, release_in_range};
pub use exact::Exact;
pub use expected::Expected;

/// The quantiles that are told of a feature, in percent: quartiles, and where the upper tenth begins.
const QUANTILES: [u8; 4] = [25, 50, 75, 90];

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The share of devices in the segment of this index.
    Size(u16),
    /// The share of devices in both of two segments.
    Both(u16, u16),
    /// The share of devices in this bin; 0 is that of devices without a value, 1 the lowest.
    Bin(u16),
    /// The value that so many percent of the devices that have one do not exceed.
    Quantile(u8),
    /// The mean.
    Mean,
    /// The share of devices in this group; the number of groups is that of devices in none.
    Group(u16),
    /// The share of the group's devices whose outcome is yes.
    Rate(u16),
    /// By how much the rate of this group is above that of the first.
    Lift(u16),
    /// The share of the devices of all groups together whose outcome is yes.
    RateOfAll,
    /// By how much the rate of this group is above that of all groups together, itself among them.
    LiftOverAll(u16),
    /// The probability that a device whose outcome is yes has a higher score than one whose outcome is no.
    Auc,
}

impl Measure {
    /// Returns the name of what is measured, without of what.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Size(_) | Self::Group(_) => "share",
            Self::Both(..) => "overlap",
            Self::Bin(_) => "bin",
            Self::Quantile(_) => "quantile",
            Self::Mean => "mean",
            Self::Rate(_) => "rate",
            Self::Lift(_) => "lift",
            Self::RateOfAll => "rate_of_all",
            Self::LiftOverAll(_) => "lift_over_all",
            Self::Auc => "auc",
        }
    }

    /// Returns of what it is a measure, in letters that need no quotes: a segment's name, two of them, `bin_3`, `band_2`, `p50`.
    #[must_use]
    pub fn item(self, question: &Question) -> String {
        let segment = |index: u16| {
            question
                .ask
                .segments()
                .get(usize::from(index))
                .map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        match self {
            Self::Size(index) | Self::LiftOverAll(index) => segment(index),
            Self::Both(one, other) => format!("{}+{}", segment(one), segment(other)),
            Self::Bin(0) => "none".into(),
            Self::Bin(bin) => format!("bin_{bin}"),
            Self::Quantile(percent) => format!("p{percent}"),
            Self::Mean => "mean".into(),
            Self::Group(group) | Self::Rate(group) => match &question.ask {
                Ask::Calibration { .. } if group < question.ask.groups() => format!("band_{}", group + 1),
                _ => segment(group),
            },
            Self::Lift(group) => format!("{}+{}", segment(group), segment(0)),
            Self::RateOfAll => "all".into(),
            Self::Auc => "auc".into(),
        }
    }

    /// Tells whether it is by how much one rate is above another.
    #[must_use]
    pub fn is_difference(self) -> bool {
        matches!(self, Self::Lift(_) | Self::LiftOverAll(_))
    }

    /// Tells whether it is a share, from 0 to 1, or a difference of two; else it is a value of the feature.
    #[must_use]
    pub fn is_share(self) -> bool {
        !matches!(self, Self::Quantile(_) | Self::Mean)
    }
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// What it is of.
    pub measure: Measure,
    /// How many answers held its cell, where it has one.
    pub support: Option<u64>,
    /// The number after the rule of release; nothing without a report, and for a rate whose group is not surely there.
    pub release: Option<Release>,
    /// The share made consistent with the others of its question, where they must be together what the whole is.
    pub consistent: Option<f64>,
}

impl Finding {
    /// Returns the estimate whether or not it is precise enough to print.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) | Release::NotEnough(estimate) => Some(estimate),
        }
    }

    /// Returns the estimate when it is precise enough to print.
    #[must_use]
    pub fn published(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) => Some(estimate),
            Release::NotEnough(_) => None,
        }
    }

    /// Tells of a difference that is printed whether it is more than chance makes in 19 of 20 cases, looked at by itself.
    #[must_use]
    pub fn is_significant(&self) -> Option<bool> {
        let Estimate { low, high, .. } = self.published().filter(|_| self.measure.is_difference())?;
        Some(low > 0.0 || high < 0.0)
    }

    /// Takes back what rests on fewer reports than this: what a plan asks for beyond the rule of release.
    #[must_use]
    pub fn resting_on(self, least_reports: u64) -> Self {
        let few = |release| match release {
            Release::Published(estimate) if estimate.reports < least_reports => Release::NotEnough(estimate),
            other => other,
        };
        Self { release: self.release.map(few), ..self }
    }

    fn of_share(measure: Measure, estimate: Option<Estimate>) -> Self {
        let release = estimate.map(|estimate| release(estimate, MIN_REPORTS));
        Self { measure, support: None, release, consistent: None }
    }

    fn in_range(measure: Measure, estimate: Option<Estimate>, range: f64) -> Self {
        let release = estimate.map(|estimate| release_in_range(estimate, range, MIN_REPORTS));
        Self { measure, support: None, release, consistent: None }
    }

    fn supported(self, support: Option<&u64>) -> Self {
        Self { support: support.copied(), ..self }
    }

    /// A difference is printed when it is known to half the rate of all. Neither its own size nor the rate of its group decides: printed only
    /// where these came out large, both would be too large on average, and groups that convert seldom would never be compared.
    fn of_difference(measure: Measure, estimate: Option<Estimate>, of_all: &Self) -> Self {
        let widest = of_all.published().map_or(0.0, |all| MAX_RELATIVE_HALF_WIDTH * all.share);
        let release = |estimate: Estimate| {
            if estimate.half_width <= widest {
                Release::Published(estimate)
            } else {
                Release::NotEnough(estimate)
            }
        };
        Self { measure, support: None, release: estimate.map(release), consistent: None }
    }

    fn consistently(self, consistent: Option<f64>) -> Self {
        Self { consistent, ..self }
    }
}

impl Answering {
    /// Lists what can be said of a question, in the order of [`Answering::findings`].
    #[must_use]
    pub fn measures(&self, question: &Question) -> Vec<Measure> {
        let segments = u16::try_from(question.ask.segments().len()).unwrap_or(u16::MAX);
        let groups = question.ask.groups();
        match &self.mechanism() {
            Mechanism::Sizes(_) => (0..segments).map(Measure::Size).collect(),
            Mechanism::Overlaps(_) => {
                let pairs = (0..segments).flat_map(|one| (one + 1..segments).map(move |other| (one, other)));
                (0..segments)
                    .map(Measure::Size)
                    .chain(pairs.map(|(one, other)| Measure::Both(one, other)))
                    .collect()
            }
            Mechanism::Joint(_) => {
                let is_model = matches!(question.ask, Ask::Calibration { .. });
                // The only group there is is all of them.
                let has_all = !is_model && groups > 1;
                (0..=groups)
                    .map(Measure::Group)
                    .chain((0..groups).map(Measure::Rate))
                    .chain((1..groups).map(Measure::Lift).filter(|_| !is_model))
                    .chain(has_all.then_some(Measure::RateOfAll))
                    .chain((0..groups).map(Measure::LiftOverAll).filter(|_| has_all))
                    .chain(is_model.then_some(Measure::Auc))
                    .collect()
            }
            Mechanism::Wave(wave) => {
                (0..wave.buckets()).map(Measure::Bin).chain(QUANTILES.map(Measure::Quantile)).collect()
            }
            Mechanism::Mean(_) => vec![Measure::Mean],
        }
    }

    /// Says what the counts of a question's answers say: every measure, in one order. `counts` are those of
    /// [`Answering::counted`]; one that is missing is 0.
    #[must_use]
    pub fn findings(&self, question: &Question, counts: &[u64], reports: u64) -> Vec<Finding> {
        let mut counts = counts.to_vec();
        counts.resize(self.counters(), 0);
        match self.mechanism() {
            Mechanism::Sizes(select) => sizes(select, &counts, reports),
            Mechanism::Overlaps(overlaps) => self.overlaps(question, overlaps, &counts, reports),
            Mechanism::Joint(joint) => self.groups(question, joint, &counts, reports),
            Mechanism::Wave(wave) => self.buckets(question, wave, &counts),
            Mechanism::Mean(mean) => {
                let estimate = mean.estimate(&counts);
                let (low, high) = range(&question.ask);
                let scale = (high - low) / 2.0;
                let place = |x: f64| low + (x + 1.0) * scale;
                let estimate = estimate.map(|found| Estimate {
                    share: place(found.mean),
                    low: place(found.low),
                    high: place(found.high),
                    half_width: Z_95 * found.standard_error * scale,
                    standard_error: found.standard_error * scale,
                    reports: found.reports,
                });
                vec![Finding::in_range(Measure::Mean, estimate, high - low)]
            }
        }
    }

    /// Tests whether what a question is about changed from one window to another. Of sizes, each is tested by itself, and the one that
    /// changed most stands for all, its probability multiplied by their number (Bonferroni).
    #[must_use]
    pub fn drift(&self, before: Counted<'_>, after: Counted<'_>) -> Option<Drift> {
        let padded = |counted: Counted<'_>| {
            let mut counts = counted.counts.to_vec();
            counts.resize(self.counters(), 0);
            counts
        };
        let counts = [padded(before), padded(after)];
        match self.mechanism() {
            Mechanism::Joint(joint) => joint.one_of().drift(
                Counted { counts: &counts[0], reports: before.reports },
                Counted { counts: &counts[1], reports: after.reports },
            ),
            Mechanism::Wave(wave) => wave.drift(&counts[0], &counts[1]),
            Mechanism::Mean(mean) => mean.drift(&counts[0], &counts[1]),
            Mechanism::Sizes(_) | Mechanism::Overlaps(_) => {
                let select = self.select()?;
                let segments = usize::from(select.segments());
                let drift = |cell: usize| {
                    let (one, other) = ((counts[0][cell], before.reports), (counts[1][cell], after.reports));
                    select.channel().drift(one, other)
                };
                let all: Vec<Drift> = (0..segments).map(drift).collect::<Option<_>>()?;
                let most = all.into_iter().max_by(|one, other| one.statistic.total_cmp(&other.statistic))?;
                Some(Drift { p_value: (most.p_value * float(segments as u64)).min(1.0), ..most })
            }
        }
    }

    fn overlaps(
        &self,
        question: &Question,
        overlaps: &Overlaps,
        counts: &[u64],
        reports: u64,
    ) -> Vec<Finding> {
        let found = overlaps.estimate(counts, reports);
        let mut all = sizes(overlaps.select(), counts, reports);
        let pairs = self.measures(question).into_iter().skip(all.len());
        for (index, measure) in pairs.enumerate() {
            let estimate = found.as_ref().map(|found| found.overlaps[index].both);
            let support = counts.get(usize::from(overlaps.select().segments()) + index);
            all.push(Finding::of_share(measure, estimate).supported(support));
        }
        all
    }

    fn groups(&self, question: &Question, joint: &Joint, counts: &[u64], reports: u64) -> Vec<Finding> {
        let (found, shares) = (joint.estimate(counts, reports), joint.shares(counts, reports));
        let consistent = shares.as_ref().map(|shares| consistent(shares.values(), Total::One));
        let group = |group: u16| found.as_ref()?.groups.get(usize::from(group)).copied();
        let cells = |group: u16| {
            let no = consistent.as_ref()?[usize::from(group) * 2];
            Some((no, consistent.as_ref()?.get(usize::from(group) * 2 + 1).copied().unwrap_or(0.0)))
        };
        let auc = joint.curve(counts, reports).and_then(|curve| curve.auc);
        let rate =
            |index: u16| Finding::of_share(Measure::Rate(index), group(index).and_then(|group| group.rate));
        let of_all =
            Finding::of_share(Measure::RateOfAll, found.as_ref().and_then(|found| found.together.rate));
        let finding = |measure| match measure {
            Measure::Group(index) if index == joint.groups() => {
                let none = usize::from(joint.groups()) * 2;
                Finding::of_share(measure, shares.as_ref().map(|shares| shares.sum(&[none])))
                    .consistently(cells(index).map(|(none, _)| none))
            }
            Measure::Group(index) => Finding::of_share(measure, group(index).map(|group: Group| group.size))
                .consistently(cells(index).map(|(no, yes)| no + yes)),
            Measure::Rate(index) => rate(index).consistently(
                cells(index).filter(|(no, yes)| no + yes > 0.0).map(|(no, yes)| yes / (no + yes)),
            ),
            Measure::Lift(index) => {
                let lift = shares.as_ref().and_then(|shares| joint.lift(shares, index, 0));
                Finding::of_difference(measure, lift, &of_all)
            }
            Measure::RateOfAll => of_all,
            Measure::LiftOverAll(index) => {
                let lift = shares.as_ref().and_then(|shares| joint.lift_over_all(shares, index));
                Finding::of_difference(measure, lift, &of_all)
            }
            _ => Finding::in_range(measure, auc, 1.0),
        };
        self.measures(question).into_iter().map(finding).collect()
    }

    fn buckets(&self, question: &Question, wave: &SquareWave, counts: &[u64]) -> Vec<Finding> {
        let reports: u64 = counts.iter().sum();
        let (low, high) = range(&question.ask);
        let measures = self.measures(question);
        let statistics = |histogram: &Histogram| told(histogram, &measures, low, high);
        // Which repetitions are drawn is no secret, and the same counts are to give the same page.
        let mut coins = SeededCoins::new(
            counts.iter().fold(0, |sum: u64, count| sum.wrapping_mul(31).wrapping_add(*count)),
        );
        let found = wave.repeated(counts, &mut coins, statistics).ok();
        let estimate = |index: usize| {
            let mut repeated = *found.as_ref()?.get(index)?;
            // Shares by expectation and maximisation near 0 and never reach it: less than one device is none.
            if matches!(measures[index], Measure::Bin(_)) && repeated.low * float(reports) < 1.0 {
                repeated.low = 0.0;
            }
            let half_width = (repeated.high - repeated.low) / 2.0;
            Some(Estimate {
                share: repeated.value,
                low: repeated.low,
                high: repeated.high,
                half_width,
                standard_error: half_width / Z_95,
                reports,
            })
        };
        let finding = |(index, measure): (usize, &Measure)| match measure {
            Measure::Bin(_) => Finding::of_share(*measure, estimate(index)),
            _ => Finding::in_range(*measure, estimate(index), high - low),
        };
        measures.iter().enumerate().map(finding).collect()
    }
}

fn sizes(select: &SetSelect, counts: &[u64], reports: u64) -> Vec<Finding> {
    let estimates: Vec<Option<Estimate>> = counts
        .iter()
        .take(select.segments().into())
        .map(|support| select.channel().estimate(*support, reports))
        .collect();
    let shares: Option<Vec<f64>> =
        estimates.iter().map(|estimate| estimate.map(|estimate| estimate.share)).collect();
    // At most 8, by the limits of a question.
    let total = Total::AtMost(u8::try_from(select.cap()).unwrap_or(u8::MAX));
    let together = shares.map(|shares| consistent(&shares, total));
    (0..)
        .zip(estimates)
        .zip(counts)
        .map(|((index, estimate), support)| {
            Finding::of_share(Measure::Size(index), estimate)
                .supported(Some(support))
                .consistently(together.as_ref().map(|together| together[usize::from(index)]))
        })
        .collect()
}

/// What a histogram over "no value" and the bins tells, measure by measure.
fn told(histogram: &Histogram, measures: &[Measure], low: f64, high: f64) -> Vec<f64> {
    let valued: f64 = histogram.shares.iter().skip(1).sum();
    let shares = histogram.shares.iter().skip(1).map(|share| share / valued).collect();
    let with_value = Histogram { shares, reports: histogram.reports };
    let tell = |measure: &Measure| match measure {
        Measure::Bin(bin) => histogram.shares[usize::from(*bin)],
        Measure::Quantile(percent) if valued > 0.0 => {
            low + (high - low) * with_value.quantile(f64::from(*percent) / 100.0)
        }
        _ => low,
    };
    measures.iter().map(tell).collect()
}

/// The ends of the range of a question about a feature.
fn range(ask: &Ask) -> (f64, f64) {
    let ends = |low: &Millionths, high: &Millionths| (low.value(), high.value());
    match ask {
        Ask::Histogram { low, high, .. } | Ask::Mean { low, high, .. } => ends(low, high),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests;
