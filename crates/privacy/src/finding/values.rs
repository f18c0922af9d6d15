//! What is found of a feature: the shares of its bins, its quantiles, its mean.

use keepset_wire::Question;

use super::{Copies, Finding, Measure, range};
use crate::coins::SeededCoins;
use crate::mechanism::{BoundedMean, Estimate, Histogram, SquareWave};
use crate::numbers::{Z_95, float};
use crate::release::{MAX_RANGE_HALF_WIDTH, Release, margin, margin_within, release};

pub(super) fn buckets(
    wave: &SquareWave,
    question: &Question,
    measures: &[Measure],
    counts: &[u64],
    mut copies: Copies,
) -> Vec<Finding> {
    let reports: u64 = counts.iter().sum();
    let (low, high) = range(&question.ask);
    let statistics = |histogram: &Histogram| told(histogram, measures, low, high);
    // Which repetitions are drawn is no secret, and the same counts are to give the same page.
    let found = wave.repeated(counts, &mut SeededCoins::of_counts(counts), statistics).ok();
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
    let mut finding = |(index, measure): (usize, &Measure)| {
        let copied = copies.next();
        let put = |estimate| match measure {
            Measure::Bin(_) => bin(estimate, copied),
            _ => within(estimate, (low, high), copied),
        };
        Finding::new(*measure, estimate(index).map(put))
    };
    measures.iter().enumerate().map(&mut finding).collect()
}

pub(super) fn mean(mean: &BoundedMean, question: &Question, counts: &[u64], mut copies: Copies) -> Finding {
    let (low, high) = range(&question.ask);
    let scale = (high - low) / 2.0;
    let place = |x: f64| low + (x + 1.0) * scale;
    let estimate = mean.estimate(counts).map(|found| Estimate {
        share: place(found.mean),
        low: place(found.low),
        high: place(found.high),
        half_width: Z_95 * found.standard_error * scale,
        standard_error: found.standard_error * scale,
        reports: found.reports,
    });
    Finding::new(Measure::Mean, estimate.map(|estimate| within(estimate, (low, high), copies.next())))
}

/// Puts the share of a bin to the rule: what the repetitions say of its width is taken as the same for shares near it. A lower end at nobody stays
/// there, for repetitions tell of nothing beyond it.
fn bin(estimate: Estimate, copied: f64) -> Release {
    let moved =
        |errors: f64| Estimate { share: estimate.share + errors * estimate.standard_error, ..estimate };
    let held = |of: Estimate| Estimate { low: if estimate.low > 0.0 { of.low } else { 0.0 }, ..of };
    match release(estimate, (0.0, 1.0), |errors| Some(margin(&moved(errors))), copied) {
        Release::Published(of) => Release::Published(held(of)),
        Release::NotEnough(of) => Release::NotEnough(held(of)),
    }
}

/// Puts a value to the rule, which looks at how wide its interval is and hardly at where it lies.
fn within(estimate: Estimate, (low, high): (f64, f64), copied: f64) -> Release {
    let widest = MAX_RANGE_HALF_WIDTH * (high - low);
    release(estimate, (low, high), |_| Some(margin_within(&estimate, widest)), copied)
}

/// What a histogram over "no value" and the bins tells, measure by measure.
pub(super) fn told(histogram: &Histogram, measures: &[Measure], low: f64, high: f64) -> Vec<f64> {
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
