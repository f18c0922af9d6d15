//! From counted outputs to the shares of buckets: the likeliest histogram, its quantiles and how far they can be off.

use super::super::PrivacyError;
use super::super::band::Band;
use crate::coins::Coins;
use crate::numbers::float;

/// After so many rounds the rest of the way is far below the noise.
const MAX_ROUNDS: u32 = 2_000;

/// A round that makes the reports likelier by less than a factor of 1.01 is the last: the rounds after it fit the noise.
///
/// With 100,000 reports at epsilon 1 the distance to the true histogram is 0.0052 to 0.0068 of the range, against 0.0064 to
/// 0.0079 for a factor of 1.0001 and 0.0078 to 0.0086 for 1.1 (40 seeds; beta, lognormal, spike).
const LEAST_GAIN: f64 = 1e-2;

/// Repetitions behind an interval: its ends are then the 5th and the 196th of 200.
const REPETITIONS: usize = 200;

/// The shares of the buckets among the devices that reported, un-noised.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The share of every bucket; none is negative and together they are 1.
    pub shares: Vec<f64>,
    /// How many reports it rests on.
    pub reports: u64,
}

/// A quantile with its interval, as a place in the range: 0 is its lower end, 1 its upper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// The share of devices below it.
    pub level: f64,
    /// The estimate.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
}

/// A number told by a histogram, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeated {
    /// The estimate.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
}

impl Histogram {
    /// Finds the likeliest histogram by expectation and maximisation, from equal shares on, without smoothing.
    pub(super) fn estimate(band: &Band, counts: &[u64]) -> Result<Self, PrivacyError> {
        let reports: u64 = counts.iter().sum();
        if reports == 0 || counts.len() != usize::from(band.outputs()) {
            return Err(PrivacyError::Input);
        }
        let counts: Vec<f64> = counts.iter().map(|count| float(*count)).collect();
        Ok(Self { shares: likeliest(band, &counts), reports })
    }

    /// Returns the place below which `level` of the devices are; within a bucket they lie evenly.
    #[must_use]
    pub fn quantile(&self, level: f64) -> f64 {
        let buckets = self.shares.len() as f64;
        let mut below = 0.0;
        for (bucket, share) in self.shares.iter().enumerate() {
            if below + share >= level && *share > 0.0 {
                return (bucket as f64 + ((level - below) / share).clamp(0.0, 1.0)) / buckets;
            }
            below += share;
        }
        1.0
    }

    /// Returns the mean place.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let middle = |bucket: usize| (bucket as f64 + 0.5) / self.shares.len() as f64;
        self.shares.iter().enumerate().map(|(bucket, share)| share * middle(bucket)).sum()
    }
}

/// Estimates quantiles with the percentile interval of the bootstrap, of the population that the devices that reported are drawn from.
pub(super) fn quantiles(
    band: &Band,
    counts: &[u64],
    levels: &[f64],
    coins: &mut impl Coins,
) -> Result<Vec<Quantile>, PrivacyError> {
    let statistics = |histogram: &Histogram| levels.iter().map(|level| histogram.quantile(*level)).collect();
    let found = repeated(band, counts, coins, statistics)?;
    let quantile = |(level, repeated): (&f64, Repeated)| {
        let Repeated { value, low, high } = repeated;
        Quantile { level: *level, value, low, high }
    };
    Ok(levels.iter().zip(found).map(quantile).collect())
}

/// Estimates numbers told by a histogram, each with the percentile interval of the bootstrap.
pub(super) fn repeated(
    band: &Band,
    counts: &[u64],
    coins: &mut impl Coins,
    statistics: impl Fn(&Histogram) -> Vec<f64>,
) -> Result<Vec<Repeated>, PrivacyError> {
    let values = statistics(&Histogram::estimate(band, counts)?);
    let reports = unfold(counts);
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); values.len()];
    for _ in 0..REPETITIONS {
        let again = statistics(&Histogram::estimate(band, &resample(&reports, counts.len(), coins)?)?);
        all.iter_mut().zip(again).for_each(|(repeated, value)| repeated.push(value));
    }
    let interval = |(mut repeated, value): (Vec<f64>, f64)| {
        repeated.sort_by(f64::total_cmp);
        let cut = REPETITIONS / 40;
        Repeated { value, low: repeated[cut - 1], high: repeated[REPETITIONS - cut] }
    };
    Ok(all.into_iter().zip(values).map(interval).collect())
}

/// The rounds: each weighs every bucket by how well it explains the outputs.
fn likeliest(band: &Band, counts: &[f64]) -> Vec<f64> {
    let (inside, outside) = band.probabilities();
    let (rows, width) = (usize::from(band.rows()), usize::from(band.width()));
    let reports: f64 = counts.iter().sum();
    let mut shares = vec![1.0 / rows as f64; rows];
    let mut likelihood = f64::NEG_INFINITY;
    for _ in 0..MAX_ROUNDS {
        // An output is favoured by the buckets up to `width - 1` before it.
        let sums = running(&shares);
        let favouring =
            |output: usize| sums[(output + 1).min(rows)] - sums[(output + 1).saturating_sub(width)];
        let expected: Vec<f64> = (0..counts.len())
            .map(|output| outside * sums[rows] + (inside - outside) * favouring(output))
            .collect();
        let now: f64 = counts.iter().zip(&expected).map(|(count, expected)| count * expected.ln()).sum();
        if now - likelihood < LEAST_GAIN {
            break;
        }
        likelihood = now;
        let surprise: Vec<f64> =
            counts.iter().zip(&expected).map(|(count, expected)| count / (reports * expected)).collect();
        let sums = running(&surprise);
        for (bucket, share) in shares.iter_mut().enumerate() {
            *share *=
                outside * sums[counts.len()] + (inside - outside) * (sums[bucket + width] - sums[bucket]);
        }
    }
    shares
}

/// The sums of the first 0, 1, 2 and so on.
fn running(numbers: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let rest = numbers.iter().map(|number| {
        sum += number;
        sum
    });
    std::iter::once(0.0).chain(rest).collect()
}

/// The outputs of the reports, one by one.
fn unfold(counts: &[u64]) -> Vec<usize> {
    let each = |(output, count): (usize, &u64)| {
        std::iter::repeat_n(output, usize::try_from(*count).unwrap_or(usize::MAX))
    };
    counts.iter().enumerate().flat_map(each).collect()
}

/// Draws as many reports from the reports, with replacement, and counts their outputs.
fn resample(reports: &[usize], outputs: usize, coins: &mut impl Coins) -> Result<Vec<u64>, PrivacyError> {
    let mut counts = vec![0; outputs];
    let mut bytes = [0; 4_096];
    for part in reports.chunks(bytes.len() / 8) {
        coins.fill(&mut bytes)?;
        for (eight, _) in bytes.as_chunks::<8>().0.iter().zip(part) {
            // 64 random bits spread over the reports: uneven by less than one in 2^40 for a million of them, and no noise of privacy.
            let chosen = (u128::from(u64::from_le_bytes(*eight)) * reports.len() as u128) >> 64;
            // Below the number of reports, which is a usize.
            counts[reports[usize::try_from(chosen).unwrap_or(0)]] += 1;
        }
    }
    Ok(counts)
}
