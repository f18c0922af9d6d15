//! What a hazard is worth on people who were not learned from: the order in which they come, and the chances for each number of days, beside what needs no model.
//!
//! All of those tested on are watched for the same days, so of each number of days within them the share to whom the event came is known without
//! censoring: it is the Kaplan-Meier estimate. Numbers of days beyond are not measured.

use keepset_engine::model::Waiting;
use serde::Serialize;

use crate::learn::hazard::Wait;
use crate::train::quality::{Interval, RESAMPLES, percentiles, resample, resampled, wilson};

/// A scored person, and how long the person waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// The score.
    pub score: f64,
    /// The wait.
    pub wait: Wait,
}

/// What needs no model: by the number of a person the chance within so many days.
pub(super) struct Baseline<'a> {
    name: &'static str,
    chance: Box<dyn Fn(usize, u16) -> f64 + 'a>,
}

impl<'a> Baseline<'a> {
    pub(super) fn new(name: &'static str, chance: impl Fn(usize, u16) -> f64 + 'a) -> Self {
        Self { name, chance: Box::new(chance) }
    }
}

/// What the chances of one number of days are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Horizon {
    /// Within so many days.
    pub days: u16,
    /// The mean chance.
    pub foretold: f64,
    /// The share of people to whom the event came, with Wilson's interval.
    pub observed: Interval,
    /// The mean squared error of the chances (Brier).
    pub brier: Interval,
    /// The same of what needs no model.
    pub beside: Vec<Beside>,
    /// People in fifths by their score, the lowest first.
    pub fifths: Vec<Fifth>,
}

/// What a baseline is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// What it is.
    pub name: &'static str,
    /// Its mean squared error.
    pub brier: f64,
    /// That of the model less its own: below 0 the model is better.
    pub difference: Interval,
}

/// A fifth of the people by score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fifth {
    /// How many people.
    pub people: usize,
    /// Their mean chance.
    pub foretold: f64,
    /// The share of them to whom the event came, with Wilson's interval.
    pub observed: Interval,
}

const FIFTHS: usize = 5;

/// What is measured on.
pub(super) struct Measured<'a> {
    pub(super) tested: &'a [Tested],
    pub(super) waiting: &'a Waiting,
    pub(super) baselines: Vec<Baseline<'a>>,
    pub(super) seed: u64,
}

impl Measured<'_> {
    /// Measures the chances within so many days, for which everybody was watched.
    pub(super) fn horizon(&self, days: u16) -> Horizon {
        let came: Vec<bool> = self.tested.iter().map(|one| one.wait.came && one.wait.days <= days).collect();
        let chances: Vec<f64> = self.tested.iter().map(|one| self.waiting.chance(one.score, days)).collect();
        let square = |(chance, came): (f64, &bool)| (chance - f64::from(u8::from(*came))).powi(2);
        let squares: Vec<f64> = chances.iter().copied().zip(&came).map(square).collect();
        let beside = self.baselines.iter().map(|baseline| {
            let of = (0..came.len()).map(|person| (baseline.chance)(person, days));
            let theirs: Vec<f64> = of.zip(&came).map(square).collect();
            let differences: Vec<f64> =
                squares.iter().zip(&theirs).map(|(ours, theirs)| ours - theirs).collect();
            Beside { name: baseline.name, brier: mean(&theirs), difference: self.interval(&differences) }
        });
        Horizon {
            days,
            foretold: mean(&chances),
            observed: wilson(came.iter().filter(|came| **came).count(), came.len()),
            brier: self.interval(&squares),
            beside: beside.collect(),
            fifths: self.fifths(&chances, &came),
        }
    }

    /// The mean of a number of each person, with the interval of resamples of people.
    fn interval(&self, values: &[f64]) -> Interval {
        let value = mean(values);
        let of = |counts: Vec<u32>| {
            values.iter().zip(counts).map(|(value, times)| value * f64::from(times)).sum::<f64>()
                / count(values.len())
        };
        let means = (0..RESAMPLES).map(|round| of(resample(values.len(), self.seed, round))).collect();
        percentiles(value, means).unwrap_or(Interval { value, low: value, high: value })
    }

    fn fifths(&self, chances: &[f64], came: &[bool]) -> Vec<Fifth> {
        let mut order: Vec<usize> = (0..self.tested.len()).collect();
        order.sort_by(|a, b| self.tested[*a].score.total_cmp(&self.tested[*b].score).then(a.cmp(b)));
        let fifth = |number: usize| {
            let people = &order[order.len() * number / FIFTHS..order.len() * (number + 1) / FIFTHS];
            let foretold = people.iter().map(|person| chances[*person]).sum::<f64>() / count(people.len());
            let hits = people.iter().filter(|person| came[**person]).count();
            Fifth { people: people.len(), foretold, observed: wilson(hits, people.len()) }
        };
        (0..FIFTHS).map(fifth).collect()
    }
}

/// The chance that of two people, one of whom is seen to wait longer, the one who comes first has the higher score; equal scores count half (Harrell and others, *Journal
/// of the American Medical Association* 247, 1982). People are resampled for the interval; nothing where no two can be told apart.
#[must_use]
pub fn concordance(tested: &[Tested], seed: u64) -> Option<Interval> {
    let ranked = Ranked::new(tested);
    resampled(tested.len(), seed, |counts| ranked.concordance(counts))
}

/// People by how long they waited, and the places of their scores.
struct Ranked {
    /// Who waited longest comes first; of the same days, who was not seen to come.
    order: Vec<(usize, Wait)>,
    /// By person: the place of the score among those that differ, 1 for the lowest.
    places: Vec<usize>,
    scores: usize,
}

impl Ranked {
    fn new(tested: &[Tested]) -> Self {
        let mut by_score: Vec<usize> = (0..tested.len()).collect();
        by_score.sort_by(|a, b| tested[*a].score.total_cmp(&tested[*b].score));
        let (mut places, mut scores) = (vec![0; tested.len()], 0);
        for same in by_score.chunk_by(|a, b| tested[*a].score.total_cmp(&tested[*b].score).is_eq()) {
            scores += 1;
            same.iter().for_each(|person| places[*person] = scores);
        }
        let mut order: Vec<(usize, Wait)> = tested.iter().map(|one| one.wait).enumerate().collect();
        order.sort_by_key(|(_, wait)| (std::cmp::Reverse(wait.days), wait.came));
        Self { order, places, scores }
    }

    /// The concordance where each person counts so many times.
    fn concordance(&self, counts: &[u32]) -> Option<f64> {
        let (mut outlasting, mut won, mut pairs) = (Sums(vec![0.0; self.scores + 1]), 0.0, 0.0);
        for same in self.order.chunk_by(|a, b| a.1 == b.1) {
            if same[0].1.came {
                let all = outlasting.below(self.scores);
                for (person, _) in same {
                    let (times, place) = (f64::from(counts[*person]), self.places[*person]);
                    let (below, as_high) = (outlasting.below(place - 1), outlasting.below(place));
                    won += times * (below + as_high) / 2.0;
                    pairs += times * all;
                }
            }
            for (person, _) in same {
                outlasting.add(self.places[*person], f64::from(counts[*person]));
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }
}

/// Sums of everything up to a place, in a tree of halves (Fenwick, 1994).
struct Sums(Vec<f64>);

impl Sums {
    fn add(&mut self, mut place: usize, number: f64) {
        while let Some(sum) = self.0.get_mut(place) {
            *sum += number;
            place += place & place.wrapping_neg();
        }
    }

    fn below(&self, mut place: usize) -> f64 {
        let mut sum = 0.0;
        while place > 0 {
            sum += self.0[place];
            place &= place - 1;
        }
        sum
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "people stay far below 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::chance::Chance;

    fn people(count: usize) -> Vec<Tested> {
        let mut chance = Chance::new(3, 0);
        let mut draw = |below| u16::try_from(chance.below(below)).unwrap();
        let person = |_| {
            let (score, days, came) = (draw(12), 1 + draw(20), draw(3) > 0);
            Tested { score: f64::from(score), wait: Wait { days, came } }
        };
        (0..count).map(person).collect()
    }

    #[test]
    fn the_concordance_is_that_of_every_pair_of_whom_one_is_seen_to_wait_longer() {
        let people = people(300);
        let (mut won, mut pairs) = (0.0, 0.0);
        for first in people.iter().filter(|one| one.wait.came) {
            let outlasts = |other: &&Tested| {
                other.wait.days > first.wait.days || (other.wait.days == first.wait.days && !other.wait.came)
            };
            for other in people.iter().filter(outlasts) {
                pairs += 1.0;
                won += if first.score > other.score {
                    1.0
                } else if first.score < other.score {
                    0.0
                } else {
                    0.5
                };
            }
        }
        let found = concordance(&people, 0).unwrap();
        assert!((found.value - won / pairs).abs() < 1e-12, "{found:?}");
        assert!(found.low < found.value && found.value < found.high);
    }

    #[test]
    fn who_is_not_seen_to_come_says_only_how_long_somebody_waited_at_least() {
        let of = |pairs: &[(f64, u16, bool)]| {
            let tested = pairs
                .iter()
                .map(|(score, days, came)| Tested { score: *score, wait: Wait { days: *days, came: *came } });
            concordance(&tested.collect::<Vec<_>>(), 0).map(|found| found.value)
        };
        assert_eq!(of(&[(2.0, 3, true), (1.0, 3, false)]), Some(1.0));
        assert_eq!(
            of(&[(2.0, 3, true), (1.0, 2, false)]),
            None,
            "whoever left before may have come later or sooner"
        );
        assert_eq!(of(&[(2.0, 3, true), (1.0, 3, true)]), None, "both came on one day");
        assert_eq!(of(&[(1.0, 3, true), (2.0, 9, true), (1.0, 9, false)]), Some(0.5));
    }
}
