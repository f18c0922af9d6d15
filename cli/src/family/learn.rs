//! Learning a family: one line for all values together, and from it, as far as later rows bear it out, one of its own for each.
//!
//! The common line knows a value by how often it comes. What a value's own line adds to it is fitted with the common score as
//! the start and a penalty that draws it to adding nothing, so a value that few people have keeps to the common line. What
//! people do who have other values enters there: the counts of the values whose people most often do, or do not, turn to this one.

use std::collections::BTreeSet;

use serde::Serialize;

use super::named::Named;
use crate::fleet::mix;
use crate::learn::Matrix;
use crate::learn::elastic::{Line, Net, path_from, weighed_path};
use crate::learn::scale::{log_loss, probability};

/// What is known of people at cuts, and which values came after.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// By value: the columns that look at it, of the shortest half-life first.
    pub own: Vec<Vec<Vec<f64>>>,
    /// The columns that look at no value.
    pub shared: Vec<Vec<f64>>,
    /// By value: whether it came.
    pub came: Vec<Vec<bool>>,
    /// By row: the number of its cut.
    pub cuts: Vec<usize>,
    /// By row: the values of the next basket, where it came while the row's label was open.
    pub next: Vec<Option<BTreeSet<usize>>>,
}

/// What a family is chosen for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Aim {
    /// Who comes to a value: by the log-loss over all values.
    #[default]
    Values,
    /// What somebody comes to next: by how many next baskets hold one of the ten values that score highest.
    Basket,
}

/// The score of a value: a line over its own columns, the shared ones, and the last column of some other values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The score where everything is 0.
    pub intercept: f64,
    /// The weights of the value's own columns.
    pub own: Vec<f64>,
    /// The weights of the shared ones.
    pub shared: Vec<f64>,
    /// Other values, and the weights of their last columns.
    pub others: Vec<(usize, f64)>,
}

/// A way to fit, and what it was worth on the rows held out.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// In words.
    pub way: String,
    /// The mean log-loss over all values.
    pub log_loss: f64,
    /// The share of next baskets with one of the ten values that score highest, where it was chosen by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_rate: Option<f64>,
}

/// A fitted family.
pub struct Chosen {
    /// How it was fitted, in words.
    pub way: String,
    /// All that was tried.
    pub tried: Vec<Tried>,
    /// By value: its score.
    pub scores: Vec<Score>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Common,
    Own { net: Net, neighbours: bool },
}

/// The penalties on what a value's own line adds.
const PENALTIES: [f64; 5] = [0.03, 0.01, 0.003, 0.001, 0.0003];
/// Half of a penalty is on magnitudes: a weight that adds little is none, and costs no bytes.
const SPARSE: f64 = 0.5;
/// At most so many other values are looked at by the line of one.
const NEIGHBOURS: usize = 8;
/// Only those whose counts tell something that the common line does not, in standard errors: of 20 values that tell nothing, one in 19 passes.
const TELLING: f64 = 3.0;
/// The common line is fitted on about so many pairs of a row and a value; of those in which nothing was and nothing came, some stand for all.
const PAIRS: usize = 600_000;

/// Chooses a way on the rows of the last cut, or of one cut on half of the people, and fits it on all rows.
#[must_use]
pub fn choose(facts: &Facts, aim: Aim, seed: u64) -> Chosen {
    let (learned, held) = divide(facts, seed);
    let (learned, held) = (facts.take(&learned), facts.take(&held));
    let common = Common::fit(&learned, seed);
    let mut ways = vec![Way::Common];
    for neighbours in [false, true] {
        ways.extend(PENALTIES.map(|penalty| Way::Own { net: Net { penalty, sparse: SPARSE }, neighbours }));
    }
    let mut judged = vec![Judged::new(&held, aim); ways.len()];
    for value in 0..facts.came.len() {
        judged[0].take(&held, value, &common.score(value));
        for (half, neighbours) in [false, true].into_iter().enumerate() {
            let refined = common.refine(&learned, value, &nets(), neighbours);
            for (place, score) in refined.iter().enumerate() {
                judged[1 + half * PENALTIES.len() + place].take(&held, value, score);
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of values")]
    let count = facts.came.len() as f64;
    let tried: Vec<Tried> = ways
        .iter()
        .zip(&judged)
        .map(|(way, judged)| Tried {
            way: way.to_string(),
            log_loss: judged.loss / count,
            hit_rate: judged.hit_rate(&held),
        })
        .collect();
    // Of equal ways the plainest, which stands first.
    let order = |a: &Tried, b: &Tried| match (a.hit_rate, b.hit_rate) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        _ => a.log_loss.total_cmp(&b.log_loss),
    };
    let best = (0..ways.len()).min_by(|a, b| order(&tried[*a], &tried[*b])).unwrap_or(0);
    let common = Common::fit(facts, seed);
    let scores = (0..facts.came.len()).map(|value| match ways[best] {
        Way::Common => common.score(value),
        Way::Own { net, neighbours } => {
            let heavier: Vec<Net> = nets().into_iter().filter(|one| one.penalty >= net.penalty).collect();
            common.refine(facts, value, &heavier, neighbours).pop().unwrap_or_else(|| common.score(value))
        }
    });
    Chosen { way: ways[best].to_string(), scores: scores.collect(), tried }
}

fn nets() -> Vec<Net> {
    PENALTIES.iter().map(|penalty| Net { penalty: *penalty, sparse: SPARSE }).collect()
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Common => f.write_str("one logistic regression for all values"),
            Self::Own { net, neighbours } => {
                let others = if *neighbours { ", with counts of other values" } else { "" };
                write!(
                    f,
                    "a logistic regression for each value, drawn to one for all by a penalty of {}{others}",
                    net.penalty
                )
            }
        }
    }
}

/// What a way is worth on the rows held out, as one value after the other is scored.
#[derive(Clone)]
struct Judged {
    loss: f64,
    /// By row, where that is what is looked at.
    named: Option<Vec<Named>>,
}

impl Judged {
    fn new(held: &Facts, aim: Aim) -> Self {
        let named = (aim == Aim::Basket).then(|| vec![Named::default(); held.next.len()]);
        Self { loss: 0.0, named }
    }

    fn take(&mut self, held: &Facts, value: usize, score: &Score) {
        let scores = score.of_rows(held, value);
        self.loss += log_loss(&scores, &held.came[value]);
        for (named, score) in self.named.iter_mut().flatten().zip(scores) {
            named.offer(score, value);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    fn hit_rate(&self, held: &Facts) -> Option<f64> {
        let rows = self.named.as_ref()?.iter().zip(&held.next);
        let hits: Vec<bool> =
            rows.filter_map(|(named, next)| next.as_ref().map(|basket| named.hits(basket))).collect();
        let hit = hits.iter().filter(|hit| **hit).count();
        (!hits.is_empty()).then(|| hit as f64 / hits.len() as f64)
    }
}

/// The rows learned from and those held out.
fn divide(facts: &Facts, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let last = facts.cuts.iter().max().copied().unwrap_or(0);
    let is_held = |row: &usize| {
        if last > 0 { facts.cuts[*row] == last } else { mix(seed ^ mix(*row as u64)).is_multiple_of(2) }
    };
    let (held, learned) = (0..facts.cuts.len()).partition(is_held);
    (learned, held)
}

impl Facts {
    fn take(&self, rows: &[usize]) -> Self {
        let of = |column: &Vec<f64>| rows.iter().map(|row| column[*row]).collect::<Vec<f64>>();
        Self {
            own: self.own.iter().map(|columns| columns.iter().map(of).collect()).collect(),
            shared: self.shared.iter().map(of).collect(),
            came: self.came.iter().map(|came| rows.iter().map(|row| came[*row]).collect()).collect(),
            cuts: rows.iter().map(|row| self.cuts[*row]).collect(),
            next: rows.iter().map(|row| self.next[*row].clone()).collect(),
        }
    }

    /// The columns that the line of a value reads.
    fn read_by(&self, value: usize, others: &[usize]) -> Vec<&Vec<f64>> {
        let others = others.iter().filter_map(|other| self.own[*other].last());
        self.own[value].iter().chain(&self.shared).chain(others).collect()
    }
}

impl Score {
    /// Scores every row.
    #[must_use]
    pub fn of_rows(&self, facts: &Facts, value: usize) -> Vec<f64> {
        let others: Vec<usize> = self.others.iter().map(|(other, _)| *other).collect();
        let weights = self.own.iter().chain(&self.shared).chain(self.others.iter().map(|(_, weight)| weight));
        let mut scores = vec![self.intercept; facts.cuts.len()];
        for (column, weight) in facts.read_by(value, &others).into_iter().zip(weights) {
            if *weight != 0.0 {
                scores.iter_mut().zip(column).for_each(|(score, x)| *score += weight * x);
            }
        }
        scores
    }

    /// Adds a line over the same columns and those of other values.
    fn plus(&self, line: &Line, others: &[usize]) -> Self {
        let (own, rest) = line.weights.split_at(self.own.len());
        let (shared, of_others) = rest.split_at(self.shared.len());
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect();
        Self {
            intercept: self.intercept + line.intercept,
            own: sum(&self.own, own),
            shared: sum(&self.shared, shared),
            others: others
                .iter()
                .copied()
                .zip(of_others.iter().copied())
                .filter(|(_, weight)| *weight != 0.0)
                .collect(),
        }
    }
}

/// The line of all values: own columns, shared ones, and the log-odds at which a value comes.
struct Common {
    line: Line,
    /// By value: those log-odds.
    rates: Vec<f64>,
    own: usize,
}

impl Common {
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    fn fit(facts: &Facts, seed: u64) -> Self {
        let rates: Vec<f64> = facts
            .came
            .iter()
            .map(|came| {
                let hits = came.iter().filter(|came| **came).count() as f64;
                ((hits + 0.5) / (came.len() as f64 - hits + 0.5)).ln()
            })
            .collect();
        let own = facts.own.first().map_or(0, Vec::len);
        let mut columns = vec![Vec::new(); own + facts.shared.len() + 1];
        let (mut labels, mut weights) = (Vec::new(), Vec::new());
        let stands_for = (facts.cuts.len() * facts.came.len()).div_ceil(PAIRS) as u64;
        for (value, came) in facts.came.iter().enumerate() {
            for (row, label) in came.iter().enumerate() {
                let dull = !label && facts.own[value].iter().all(|column| column[row] == 0.0);
                let chance = mix(seed ^ mix((value * came.len() + row) as u64));
                if dull && !chance.is_multiple_of(stands_for) {
                    continue;
                }
                let read = facts.own[value].iter().chain(&facts.shared).map(|column| column[row]);
                columns.iter_mut().zip(read.chain([rates[value]])).for_each(|(column, x)| column.push(x));
                labels.push(*label);
                weights.push(if dull { stands_for as f64 } else { 1.0 });
            }
        }
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        weights.iter_mut().for_each(|weight| *weight /= mean);
        let nets = [Net { penalty: 1e-4, sparse: 0.0 }];
        let line = weighed_path(&Matrix::new(columns), &labels, &weights, &nets).remove(0);
        Self { line, rates, own }
    }

    fn score(&self, value: usize) -> Score {
        let (own, rest) = self.line.weights.split_at(self.own);
        let (shared, of_rate) = rest.split_at(rest.len().saturating_sub(1));
        Score {
            intercept: self.line.intercept + of_rate.first().unwrap_or(&0.0) * self.rates[value],
            own: own.to_vec(),
            shared: shared.to_vec(),
            others: Vec::new(),
        }
    }

    /// What each penalty makes of a value, the heaviest first; of one that came to nobody, or to all, the common line.
    fn refine(&self, facts: &Facts, value: usize, nets: &[Net], neighbours: bool) -> Vec<Score> {
        let (common, came) = (self.score(value), &facts.came[value]);
        if !came.contains(&true) || !came.contains(&false) {
            return vec![common; nets.len()];
        }
        let begun = common.of_rows(facts, value);
        let others = if neighbours { telling(facts, value, &begun) } else { Vec::new() };
        let columns = facts.read_by(value, &others).into_iter().cloned().collect();
        let lines = path_from(&Matrix::new(columns), came, &begun, nets);
        lines.iter().map(|line| common.plus(line, &others)).collect()
    }
}

/// The other values whose last column goes most with what the scores leave unexplained (Rao's score test of one weight more).
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn telling(facts: &Facts, value: usize, scores: &[f64]) -> Vec<usize> {
    let left: Vec<(f64, f64)> = scores
        .iter()
        .zip(&facts.came[value])
        .map(|(score, came)| {
            let p = probability(*score);
            (f64::from(u8::from(*came)) - p, p * (1.0 - p))
        })
        .collect();
    let mut found: Vec<(f64, usize)> = Vec::new();
    for (other, column) in facts.own.iter().enumerate().filter(|(other, _)| *other != value) {
        let Some(column) = column.last() else { continue };
        let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
        let (mut slope, mut spread) = (0.0, 0.0);
        for (x, (rest, curvature)) in column.iter().zip(&left) {
            slope += (x - mean) * rest;
            spread += (x - mean) * (x - mean) * curvature;
        }
        let errors = if spread > 0.0 { slope.abs() / spread.sqrt() } else { 0.0 };
        if errors >= TELLING {
            found.push((errors, other));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(NEIGHBOURS).map(|(_, other)| other).collect()
}
