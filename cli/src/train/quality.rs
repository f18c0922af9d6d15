//! How good a model is: its order of people (AUC), its probabilities (log-loss, calibration), and whom a threshold picks.

use serde::Serialize;

use crate::fleet::mix;
use crate::learn::scale::{loss, probability};

/// A scored person: the model's margin and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The log-odds the model gave.
    pub margin: f64,
    /// Whether the event came.
    pub label: bool,
}

/// A number and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What a model is worth on some people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// How many people.
    pub people: usize,
    /// How many of them did it.
    pub positives: usize,
    /// The share that did it.
    pub base_rate: f64,
    /// The chance that one who did it scores above one who did not.
    pub auc: Interval,
    /// The mean log-loss of the model's probabilities.
    pub log_loss: f64,
    /// The mean log-loss of giving everybody the rate of the rows learned from: what there is without a model.
    pub log_loss_of_known_rate: f64,
    /// The mean log-loss of giving everybody this set's own rate, which nobody knows beforehand.
    pub log_loss_of_own_rate: f64,
    /// People in fifths by their score, the lowest first.
    pub calibration: Vec<Bin>,
}

/// A fifth of the people by score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// How many people.
    pub people: usize,
    /// The mean probability the model gave them.
    pub predicted: f64,
    /// The share that did it, with Wilson's interval.
    pub observed: Interval,
}

/// Whom a threshold picks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pick {
    /// How many people score at least the threshold.
    pub people: usize,
    /// Their share of everybody.
    pub reach: f64,
    /// The share of them that did it, with Wilson's interval.
    pub precision: Interval,
    /// The share of those that did it which are among them.
    pub recall: f64,
}

/// How often people are resampled. The ends of an interval then rest on 25 resamples each.
pub(crate) const RESAMPLES: u64 = 1_000;
const BINS: usize = 5;
/// A 95 % interval of the normal distribution.
const Z: f64 = 1.959_964;
/// A precision measured on fewer people says nothing.
const LEAST_PICKED: usize = 20;

impl Quality {
    /// Measures a model on people; nothing when they all did the same.
    #[must_use]
    pub fn of(scored: &[Scored], known_rate: f64, seed: u64) -> Option<Self> {
        let base_rate = rate(scored);
        let probabilities: Vec<f64> = scored.iter().map(|one| probability(one.margin)).collect();
        Some(Self {
            people: scored.len(),
            positives: positives(scored),
            base_rate,
            auc: auc_with_interval(scored, seed)?,
            log_loss: mean_loss(scored, |one| one.margin),
            log_loss_of_known_rate: mean_loss(scored, |_| log_odds(known_rate)),
            log_loss_of_own_rate: mean_loss(scored, |_| log_odds(base_rate)),
            calibration: curve(scored, &probabilities, BINS),
        })
    }
}

/// What a model is worth on rows of any table, with intervals of all of it, and the curve of its probabilities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// How many rows.
    pub rows: usize,
    /// How many of them are a yes.
    pub positives: usize,
    /// The chance that a yes scores above a no.
    pub auc: Interval,
    /// The mean log-loss.
    pub log_loss: Interval,
    /// The mean squared error of the probabilities (Brier).
    pub brier: Interval,
    /// The same of giving every row this table's own rate.
    pub brier_of_own_rate: f64,
    /// The log-loss of giving every row this table's own rate.
    pub log_loss_of_own_rate: f64,
    /// The mean distance between foretold and observed over the curve's bins, by their rows.
    pub calibration_error: f64,
    /// The reliability curve: tenths of the rows by score.
    pub curve: Vec<Bin>,
}

/// The bins of a reliability curve.
const CURVE_BINS: usize = 10;

impl Worth {
    /// Measures scores and the probabilities that go with them; nothing when all rows are alike.
    #[must_use]
    pub fn of(scored: &[Scored], probabilities: &[f64], seed: u64) -> Option<Self> {
        let losses: Vec<(f64, f64)> = scored
            .iter()
            .zip(probabilities)
            .map(|(one, p)| {
                let (p, y) = (p.clamp(1e-12, 1.0 - 1e-12), f64::from(u8::from(one.label)));
                (-(y * p.ln() + (1.0 - y) * (1.0 - p).ln()), (p - y) * (p - y))
            })
            .collect();
        let ranked = Ranked::new(scored);
        let whole = vec![1; scored.len()];
        let area = ranked.auc(&whole)?;
        let mean = |counts: &[u32], of: &dyn Fn(&(f64, f64)) -> f64| {
            losses.iter().zip(counts).map(|(loss, times)| of(loss) * f64::from(*times)).sum::<f64>()
                / count(losses.len())
        };
        let (mut areas, mut logs, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..RESAMPLES {
            let counts = resample(scored.len(), seed, round);
            areas.extend(ranked.auc(&counts));
            logs.push(mean(&counts, &|loss| loss.0));
            squares.push(mean(&counts, &|loss| loss.1));
        }
        let base_rate = rate(scored);
        let mut curve = curve(scored, probabilities, CURVE_BINS);
        curve.retain(|bin| bin.people > 0);
        let distance = |bin: &Bin| (bin.predicted - bin.observed.value).abs() * count(bin.people);
        Some(Self {
            rows: scored.len(),
            positives: positives(scored),
            auc: percentiles(area, areas)?,
            log_loss: percentiles(mean(&whole, &|loss| loss.0), logs)?,
            brier: percentiles(mean(&whole, &|loss| loss.1), squares)?,
            brier_of_own_rate: base_rate * (1.0 - base_rate),
            log_loss_of_own_rate: mean_loss(scored, |_| log_odds(base_rate)),
            calibration_error: curve.iter().map(distance).sum::<f64>() / count(scored.len()),
            curve,
        })
    }
}

/// Rows in so many equal parts by probability, the lowest first.
fn curve(scored: &[Scored], probabilities: &[f64], bins: usize) -> Vec<Bin> {
    let mut order: Vec<usize> = (0..scored.len()).collect();
    order.sort_by(|a, b| {
        probabilities[*a].total_cmp(&probabilities[*b]).then(scored[*a].margin.total_cmp(&scored[*b].margin))
    });
    let bin = |number: usize| {
        let rows = &order[order.len() * number / bins..order.len() * (number + 1) / bins];
        let hits = rows.iter().filter(|row| scored[**row].label).count();
        let predicted = rows.iter().map(|row| probabilities[*row]).sum::<f64>() / count(rows.len());
        Bin { people: rows.len(), predicted, observed: wilson(hits, rows.len()) }
    };
    (0..bins).map(bin).collect()
}

/// Rows by rank, so that a resample needs no sorting.
pub(crate) struct Ranked<'a> {
    scored: &'a [Scored],
    order: Vec<usize>,
}

impl<'a> Ranked<'a> {
    pub(crate) fn new(scored: &'a [Scored]) -> Self {
        let mut order: Vec<usize> = (0..scored.len()).collect();
        order.sort_by(|a, b| scored[*a].margin.total_cmp(&scored[*b].margin));
        Self { scored, order }
    }

    /// The AUC where each row counts so many times; nothing unless both labels occur.
    pub(crate) fn auc(&self, counts: &[u32]) -> Option<f64> {
        let (mut below, mut won, mut all) = (0.0, 0.0, 0.0);
        let same = |a: &usize, b: &usize| self.scored[*a].margin.total_cmp(&self.scored[*b].margin).is_eq();
        for tied in self.order.chunk_by(same) {
            let (mut hits, mut misses) = (0.0, 0.0);
            for row in tied {
                let times = f64::from(counts[*row]);
                if self.scored[*row].label { hits += times } else { misses += times }
            }
            won += hits * (below + misses / 2.0);
            below += misses;
            all += hits + misses;
        }
        let pairs = below * (all - below);
        (pairs > 0.0).then(|| won / pairs)
    }
}

/// How often each row is drawn in a round of resampling.
pub(crate) fn resample(rows: usize, seed: u64, round: u64) -> Vec<u32> {
    let start = mix(seed ^ mix(round));
    let mut counts = vec![0; rows];
    for place in 0..rows as u64 {
        counts[below(mix(start.wrapping_add(mix(place))), rows)] += 1;
    }
    counts
}

/// A number of rows that count so many times each, and its interval when they are drawn again with replacement, from the 2.5th to the 97.5th
/// percentile; nothing where it does not exist.
pub(crate) fn resampled(rows: usize, seed: u64, of: impl Fn(&[u32]) -> Option<f64>) -> Option<Interval> {
    let value = of(&vec![1; rows])?;
    percentiles(value, (0..RESAMPLES).filter_map(|round| of(&resample(rows, seed, round))).collect())
}

pub(crate) fn percentiles(value: f64, mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let at = |thousandths: usize| {
        values.get((values.len() * thousandths / 1_000).min(values.len().checked_sub(1)?)).copied()
    };
    Some(Interval { value, low: at(25)?, high: at(975)? })
}

/// Counts whom a threshold picks.
#[must_use]
pub fn pick(scored: &[Scored], threshold: f64) -> Pick {
    let picked = scored.iter().filter(|one| one.margin >= threshold);
    let (people, hits) =
        picked.fold((0, 0), |(people, hits), one| (people + 1, hits + usize::from(one.label)));
    Pick {
        people,
        reach: share(people, scored.len()),
        precision: wilson(hits, people),
        recall: share(hits, positives(scored)),
    }
}

/// Finds the lowest threshold, in hundredths, that picks people of whom at least this share did it.
#[must_use]
pub fn threshold_for(scored: &[Scored], precision: f64) -> Option<f64> {
    let hundredths = |margin: f64| (margin * 100.0).ceil() / 100.0;
    let mut candidates: Vec<f64> = scored.iter().map(|one| hundredths(one.margin)).collect();
    candidates.sort_by(f64::total_cmp);
    candidates.dedup();
    candidates.into_iter().find(|threshold| {
        let pick = pick(scored, *threshold);
        pick.people >= LEAST_PICKED && pick.precision.value >= precision
    })
}

/// The mean of numbers and their standard deviation.
#[must_use]
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / count(values.len());
    (
        mean,
        (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count(values.len()))
            .sqrt(),
    )
}

fn log_odds(rate: f64) -> f64 {
    (rate / (1.0 - rate)).ln()
}

/// The share of those that did it.
#[must_use]
pub fn rate(scored: &[Scored]) -> f64 {
    share(positives(scored), scored.len())
}

fn positives(scored: &[Scored]) -> usize {
    scored.iter().filter(|one| one.label).count()
}

fn mean_loss(scored: &[Scored], margin: impl Fn(&Scored) -> f64) -> f64 {
    scored.iter().map(|one| loss(margin(one), one.label)).sum::<f64>() / count(scored.len())
}

/// The AUC by ranks (Mann and Whitney), a tie counting half; nothing unless both labels occur.
#[must_use]
pub fn auc(scored: &[Scored]) -> Option<f64> {
    Ranked::new(scored).auc(&vec![1; scored.len()])
}

/// The AUC, with the interval of resamples of people.
pub(crate) fn auc_with_interval(scored: &[Scored], seed: u64) -> Option<Interval> {
    let ranked = Ranked::new(scored);
    resampled(scored.len(), seed, |counts| ranked.auc(counts))
}

/// The mean AUC of several outcomes of the same people, in the same order in each; people are resampled with all their outcomes.
/// An outcome that is the same for everyone is left out.
#[must_use]
pub fn mean_auc(outcomes: &[Vec<Scored>], seed: u64) -> Option<Interval> {
    let ranked: Vec<Ranked<'_>> = outcomes.iter().map(|scored| Ranked::new(scored)).collect();
    let people = outcomes.first()?.len();
    let mean = |counts: &[u32]| {
        let areas: Vec<f64> = ranked.iter().filter_map(|one| one.auc(counts)).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / count(areas.len()))
    };
    resampled(people, seed, mean)
}

/// Wilson's interval of a share: it stays within 0 and 1 and holds its confidence for rare events.
pub(crate) fn wilson(hits: usize, people: usize) -> Interval {
    if people == 0 {
        return Interval { value: 0.0, low: 0.0, high: 1.0 };
    }
    let (value, people) = (share(hits, people), count(people));
    let spread = Z * (value * (1.0 - value) / people + Z * Z / (4.0 * people * people)).sqrt();
    let scale = 1.0 + Z * Z / people;
    let middle = value + Z * Z / (2.0 * people);
    Interval { value, low: ((middle - spread) / scale).max(0.0), high: ((middle + spread) / scale).min(1.0) }
}

/// A place in `0..length`, of 64 uniform bits.
fn below(bits: u64, length: usize) -> usize {
    // Below `length`, which is a usize.
    usize::try_from((u128::from(bits) * length as u128) >> 64).unwrap_or(0)
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "people stay far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(pairs: &[(f64, bool)]) -> Vec<Scored> {
        pairs.iter().map(|(margin, label)| Scored { margin: *margin, label: *label }).collect()
    }

    /// People whose event follows the probability their margin says.
    fn honest(people: u64) -> Vec<Scored> {
        let uniform = |number: u64| (mix(number) >> 11) as f64 / (1_u64 << 53) as f64;
        let person = |number| {
            let margin = uniform(number) * 6.0 - 4.0;
            Scored { margin, label: uniform(number + people) < probability(margin) }
        };
        (0..people).map(person).collect()
    }

    #[test]
    fn auc_counts_the_pairs_in_the_right_order_and_a_tie_as_half() {
        let of = |pairs: &[(f64, bool)]| auc(&scored(pairs));
        assert_eq!(of(&[(1.0, false), (2.0, true)]), Some(1.0));
        assert_eq!(of(&[(1.0, true), (2.0, false)]), Some(0.0));
        assert_eq!(of(&[(1.0, true), (1.0, false)]), Some(0.5));
        // Pairs: 3 over 1, 3 over 2, 2 over 1 won, 2 with 2 tied.
        assert_eq!(of(&[(1.0, false), (2.0, true), (2.0, false), (3.0, true)]), Some(3.5 / 4.0));
        assert_eq!(of(&[(1.0, true), (2.0, true)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn auc_by_ranks_is_auc_by_every_pair() {
        let people = honest(500);
        let (mut won, mut pairs) = (0.0, 0.0);
        for hit in people.iter().filter(|one| one.label) {
            for miss in people.iter().filter(|one| !one.label) {
                pairs += 1.0;
                won += if hit.margin > miss.margin { 1.0 } else { 0.0 };
            }
        }
        assert!((auc(&people).unwrap() - won / pairs).abs() < 1e-12);
    }

    #[test]
    fn the_interval_holds_the_value_repeats_with_its_seed_and_narrows_with_people() {
        let measure = |people, seed| auc_with_interval(&honest(people), seed).unwrap();
        let (few, many) = (measure(300, 1), measure(4_800, 1));
        assert_eq!(measure(300, 1), few);
        assert_ne!(measure(300, 2), few);
        assert!(few.low < few.value && few.value < few.high);
        // Sixteen times the people: a quarter of the width.
        let ratio = (few.high - few.low) / (many.high - many.low);
        assert!((3.0..5.5).contains(&ratio), "{ratio}");
    }

    /// 5,000 people in each fifth: a share has a standard error of at most 0.7 points. The people are fixed.
    #[test]
    fn honest_probabilities_are_found_calibrated_and_better_than_the_rate_alone() {
        let people = honest(25_000);
        let quality = Quality::of(&people, 0.2, 0).unwrap();
        for bin in &quality.calibration {
            assert_eq!(bin.people, 5_000);
            assert!((bin.predicted - bin.observed.value).abs() < 0.025, "{bin:?}");
        }
        assert!(quality.log_loss < quality.log_loss_of_own_rate);
        assert!(quality.log_loss_of_own_rate < quality.log_loss_of_known_rate);
    }

    #[test]
    fn log_loss_of_a_coin_is_ln_2_and_no_margin_overflows_it() {
        let coin = scored(&[(0.0, true), (0.0, false)]);
        assert!((mean_loss(&coin, |one| one.margin) - std::f64::consts::LN_2).abs() < 1e-15);
        let sure = scored(&[(1e6, true), (-1e6, false), (1e6, false)]);
        assert!((mean_loss(&sure, |one| one.margin) - 1e6 / 3.0).abs() < 1.0);
    }

    #[test]
    fn a_threshold_is_the_lowest_that_keeps_the_precision() {
        let people = honest(5_000);
        let threshold = threshold_for(&people, 0.5).unwrap();
        assert!(pick(&people, threshold).precision.value >= 0.5);
        assert!(pick(&people, threshold - 0.011).precision.value < 0.5);
        assert_eq!(threshold_for(&people, 1.1), None);
    }

    /// The interval of 1 in 20 from the formula worked by hand.
    #[test]
    fn a_share_of_few_people_has_a_wide_interval_within_0_and_1() {
        let share = wilson(1, 20);
        assert!((share.low - 0.008_9).abs() < 1e-4 && (share.high - 0.236_1).abs() < 1e-4, "{share:?}");
        assert_eq!(wilson(0, 20).low, 0.0);
        assert_eq!(wilson(20, 20).high, 1.0);
    }
}
