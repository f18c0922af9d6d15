//! What a family is worth beside what needs no model: how common a value is, how often and how lately a person had it.

use serde::Serialize;

use super::learn::Facts;
use super::named::{NAMED, Named};
use super::{Columns, Member};
use crate::train::cohort::Row;
use crate::train::quality::{Interval, Scored, auc, mean_auc, wilson};

/// A figure of the models and of what needs none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Beside<T> {
    /// Of the models.
    pub ours: T,
    /// Of how common a value is among everybody.
    pub popularity: T,
    /// Of how often a person had it.
    pub frequency: T,
    /// Of how often, where the longer ago counts less: the best of the half-lives, in the order of a basket with the best share of
    /// popularity added, both chosen on the people tested on, in favour of this figure.
    pub recency: T,
}

/// What the model of a value is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueWorth {
    /// The value.
    pub value: String,
    /// The name of its model.
    pub id: String,
    /// In what share of the rows learned from it came.
    pub rate: f64,
    /// To how many of the people tested on it came.
    pub came: usize,
    /// The AUC of each; none where all people are alike.
    pub auc: Option<Beside<f64>>,
}

/// For what share of people at least one of the first ten values is in their next basket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BasketWorth {
    /// How many people came again.
    pub people: usize,
    /// The share of them.
    pub hit_rate: Beside<Interval>,
}

/// What share of the most common value's weight is added to a person's own counts.
const POPULARITY: [f64; 6] = [1e-6, 0.05, 0.1, 0.3, 1.0, 3.0];

/// The people tested on.
pub(super) struct Measured<'a> {
    pub(super) columns: &'a Columns,
    pub(super) rows: &'a [Row],
    /// By value: the score of every row.
    pub(super) scores: &'a [Vec<Scored>],
    pub(super) seed: u64,
}

impl Measured<'_> {
    /// Measures each value.
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    pub(super) fn values(&self, members: &[Member], facts: &Facts) -> Vec<ValueWorth> {
        let best = self.best_half_life();
        let value = |(number, member): (usize, &Member)| {
            let came = &facts.came[number];
            ValueWorth {
                value: member.value.clone(),
                id: member.id.clone(),
                rate: came.iter().filter(|came| **came).count() as f64 / came.len() as f64,
                came: self.scores[number].iter().filter(|one| one.label).count(),
                auc: auc(&self.scores[number]).map(|ours| Beside {
                    ours,
                    popularity: 0.5,
                    frequency: auc(&self.by_frequency(number)).unwrap_or(0.5),
                    recency: auc(&self.by_recency(number, best)).unwrap_or(0.5),
                }),
            }
        };
        members.iter().enumerate().map(value).collect()
    }

    /// The mean AUC over the values.
    pub(super) fn mean(&self) -> Option<Beside<Interval>> {
        let best = self.best_half_life();
        let of = |by: &dyn Fn(usize) -> Vec<Scored>| {
            mean_auc(&(0..self.scores.len()).map(by).collect::<Vec<_>>(), self.seed)
        };
        Some(Beside {
            ours: mean_auc(self.scores, self.seed)?,
            // To how common a value is all people are alike.
            popularity: Interval { value: 0.5, low: 0.5, high: 0.5 },
            frequency: of(&|value| self.by_frequency(value))?,
            recency: of(&|value| self.by_recency(value, best))?,
        })
    }

    /// Names ten values to everyone who came again.
    pub(super) fn basket(&self) -> Option<BasketWorth> {
        let values = self.scores.len();
        if values <= 2 * NAMED {
            return None;
        }
        let people = self.rows.iter().filter(|row| row.told.next.is_some()).count();
        let common: Vec<f64> =
            (0..values).map(|value| self.rows.iter().map(|row| known(row, value)).sum::<f64>()).collect();
        let most = common.iter().copied().fold(1.0, f64::max);
        let common: Vec<f64> = common.into_iter().map(|count| count / most).collect();
        let rate = |rank: &dyn Fn(usize, usize) -> f64| wilson(self.hits(rank), people);
        let by_recency =
            (0..self.half_lives()).flat_map(|half_life| POPULARITY.map(|share| (half_life, share)));
        let recency = by_recency.map(|(half_life, share)| {
            rate(&|row, value| self.decayed(row, value, half_life) + share * common[value])
        });
        Some(BasketWorth {
            people,
            hit_rate: Beside {
                ours: rate(&|row, value| self.scores[value][row].margin),
                popularity: rate(&|_, value| common[value]),
                frequency: rate(&|row, value| known(&self.rows[row], value) + POPULARITY[0] * common[value]),
                recency: recency.max_by(|a, b| a.value.total_cmp(&b.value))?,
            },
        })
    }

    /// How many people find one of the ten values of the highest rank in their next basket.
    fn hits(&self, rank: &dyn Fn(usize, usize) -> f64) -> usize {
        let hit = |(number, row): &(usize, &Row)| {
            let Some((_, basket)) = &row.told.next else { return false };
            let mut named = Named::default();
            (0..self.scores.len()).for_each(|value| named.offer(rank(*number, value), value));
            named.hits(basket)
        };
        self.rows.iter().enumerate().filter(hit).count()
    }

    fn half_lives(&self) -> usize {
        self.columns.own.first().map_or(0, Vec::len)
    }

    /// The half-life whose counts order people best.
    fn best_half_life(&self) -> usize {
        let mean = |half_life: usize| -> f64 {
            (0..self.scores.len()).filter_map(|value| auc(&self.by_recency(value, half_life))).sum()
        };
        (0..self.half_lives()).max_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap_or(0)
    }

    /// The feature is n / (n + 1).
    fn decayed(&self, row: usize, value: usize, half_life: usize) -> f64 {
        let bounded = self.rows[row].values[self.columns.own[value][half_life]].unwrap_or(0.0);
        bounded / (1.0 - bounded)
    }

    fn by_frequency(&self, value: usize) -> Vec<Scored> {
        self.by(value, |row| known(&self.rows[row], value))
    }

    fn by_recency(&self, value: usize, half_life: usize) -> Vec<Scored> {
        self.by(value, |row| self.decayed(row, value, half_life))
    }

    fn by(&self, value: usize, margin: impl Fn(usize) -> f64) -> Vec<Scored> {
        let labels = self.scores[value].iter().map(|one| one.label);
        labels.enumerate().map(|(row, label)| Scored { margin: margin(row), label }).collect()
    }
}

fn known(row: &Row, value: usize) -> f64 {
    row.told.known.get(&value).copied().map_or(0.0, f64::from)
}
