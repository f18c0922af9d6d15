//! A logistic regression with an elastic net: a penalty on the weights' magnitudes and on their squares.
//!
//! Quadratic steps, each solved a weight at a time (Friedman, Hastie, Tibshirani, "Regularization paths for generalized
//! linear models via coordinate descent", 2010). Columns are standardised; what is absent counts as the mean.

use super::Matrix;
use super::boost::log_odds;
use super::scale::{loss, probability};

/// The penalty: on the mean log-loss, as in glmnet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net {
    /// How heavy it is.
    pub penalty: f64,
    /// The part of it that is on magnitudes, 0 to 1; the rest is on half the squares.
    pub sparse: f64,
}

/// A linear model of raw values.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The score where everything is 0.
    pub intercept: f64,
    /// A weight for each column.
    pub weights: Vec<f64>,
    /// What stands in for an absent value of each column: its mean.
    pub means: Vec<f64>,
}

impl Line {
    /// Scores every row.
    #[must_use]
    pub fn scores(&self, matrix: &Matrix) -> Vec<f64> {
        let mut scores = vec![self.intercept; matrix.rows];
        for ((column, weight), mean) in matrix.columns.iter().zip(&self.weights).zip(&self.means) {
            if *weight != 0.0 {
                for (score, value) in scores.iter_mut().zip(column) {
                    *score += weight * if value.is_nan() { *mean } else { *value };
                }
            }
        }
        scores
    }
}

/// Fits a line for each penalty, the heaviest first: each begins where the one before it ended.
#[must_use]
pub fn path(matrix: &Matrix, labels: &[bool], nets: &[Net]) -> Vec<Line> {
    weighed_path(matrix, labels, &vec![1.0; labels.len()], nets)
}

/// As [`path`], where a row counts as often as its weight says; the weights' mean is 1.
#[must_use]
pub fn weighed_path(matrix: &Matrix, labels: &[bool], rows: &[f64], nets: &[Net]) -> Vec<Line> {
    walk(matrix, labels, rows, &vec![0.0; labels.len()], log_odds(labels), nets)
}

/// As [`path`], where every row has a score already: the lines say what is to be added to it, and a penalty draws them to adding nothing.
#[must_use]
pub fn path_from(matrix: &Matrix, labels: &[bool], scores: &[f64], nets: &[Net]) -> Vec<Line> {
    walk(matrix, labels, &vec![1.0; labels.len()], scores, 0.0, nets)
}

fn walk(
    matrix: &Matrix,
    labels: &[bool],
    rows: &[f64],
    begun: &[f64],
    intercept: f64,
    nets: &[Net],
) -> Vec<Line> {
    let standard: Vec<(Vec<f64>, f64, f64)> =
        matrix.columns.iter().map(|column| standardised(column)).collect();
    let weights = vec![0.0; standard.len()];
    let mut fit = Fit { columns: &standard, labels, rows, begun, intercept, weights };
    nets.iter()
        .map(|net| {
            fit.descend(*net);
            fit.raw()
        })
        .collect()
}

struct Fit<'a> {
    columns: &'a [(Vec<f64>, f64, f64)],
    labels: &'a [bool],
    rows: &'a [f64],
    /// What rows score before anything is added.
    begun: &'a [f64],
    intercept: f64,
    weights: Vec<f64>,
}

/// The most quadratic steps and the most rounds of each: far more than any table asked for.
const STEPS: usize = 60;
const ROUNDS: usize = 200;
/// How often a step that leads up is halved.
const HALVINGS: usize = 30;
/// A weight that moves by less, in standard deviations of its column, has come to rest.
const REST: f64 = 1e-5;

impl Fit<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
    fn descend(&mut self, net: Net) {
        let count = self.labels.len() as f64;
        let (magnitudes, squares) = (net.penalty * net.sparse, net.penalty * (1.0 - net.sparse));
        for _ in 0..STEPS {
            let scores = self.scores();
            let before = (self.objective(&scores, net), self.intercept, self.weights.clone());
            let mut weight = Vec::with_capacity(scores.len());
            let mut rest = Vec::with_capacity(scores.len());
            for ((score, label), row) in scores.iter().zip(self.labels).zip(self.rows) {
                let p = probability(*score);
                let curvature = (p * (1.0 - p)).max(1e-5);
                weight.push(curvature * row);
                // What is left of the working response.
                rest.push((f64::from(u8::from(*label)) - p) / curvature);
            }
            let total: f64 = weight.iter().sum();
            let squared: Vec<f64> = self
                .columns
                .iter()
                .map(|(column, ..)| column.iter().zip(&weight).map(|(x, w)| w * x * x).sum::<f64>() / count)
                .collect();
            let mut moved = 0.0_f64;
            for round in 0..ROUNDS {
                let mut largest = 0.0_f64;
                let step = rest.iter().zip(&weight).map(|(r, w)| r * w).sum::<f64>() / total;
                self.intercept += step;
                rest.iter_mut().for_each(|r| *r -= step);
                largest = largest.max(step.abs());
                for (place, (column, ..)) in self.columns.iter().enumerate() {
                    let old = self.weights[place];
                    if squared[place] == 0.0 || (round % 5 != 0 && old == 0.0) {
                        continue;
                    }
                    let pull: f64 =
                        column.iter().zip(&rest).zip(&weight).map(|((x, r), w)| w * x * r).sum::<f64>()
                            / count;
                    let pull = pull + squared[place] * old;
                    let new = (pull.abs() - magnitudes).max(0.0).copysign(pull) / (squared[place] + squares);
                    if new != old {
                        self.weights[place] = new;
                        let change = new - old;
                        column.iter().zip(rest.iter_mut()).for_each(|(x, r)| *r -= change * x);
                        largest = largest.max(change.abs());
                    }
                }
                moved = moved.max(largest);
                if largest < REST && round % 5 == 0 {
                    break;
                }
            }
            self.shorten(before, net);
            if moved < REST * 10.0 {
                break;
            }
        }
    }

    /// Halves the last step until it leads down: far from the optimum a full one may lead away from it, ever farther.
    fn shorten(&mut self, (least, intercept, weights): (f64, f64, Vec<f64>), net: Net) {
        for _ in 0..HALVINGS {
            if self.objective(&self.scores(), net) <= least {
                break;
            }
            self.intercept = f64::midpoint(self.intercept, intercept);
            for (new, old) in self.weights.iter_mut().zip(&weights) {
                *new = f64::midpoint(*new, *old);
            }
        }
    }

    /// What is to be made small: the mean log-loss and the penalty.
    #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
    fn objective(&self, scores: &[f64], net: Net) -> f64 {
        let size = |weight: &f64| net.sparse * weight.abs() + (1.0 - net.sparse) * weight * weight / 2.0;
        let losses = scores.iter().zip(self.labels).zip(self.rows);
        let lost: f64 = losses.map(|((score, label), row)| row * loss(*score, *label)).sum();
        lost / scores.len() as f64 + net.penalty * self.weights.iter().map(size).sum::<f64>()
    }

    fn scores(&self) -> Vec<f64> {
        let mut scores: Vec<f64> = self.begun.iter().map(|begun| begun + self.intercept).collect();
        for ((column, ..), weight) in
            self.columns.iter().zip(&self.weights).filter(|(_, weight)| **weight != 0.0)
        {
            scores.iter_mut().zip(column).for_each(|(score, x)| *score += weight * x);
        }
        scores
    }

    fn raw(&self) -> Line {
        let mut intercept = self.intercept;
        let mut weights = Vec::new();
        for ((_, mean, deviation), weight) in self.columns.iter().zip(&self.weights) {
            let raw = if *deviation > 0.0 { weight / deviation } else { 0.0 };
            intercept -= raw * mean;
            weights.push(raw);
        }
        Line { intercept, weights, means: self.columns.iter().map(|(_, mean, _)| *mean).collect() }
    }
}

/// A column with mean 0 and deviation 1, where it has any; with both.
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn standardised(column: &[f64]) -> (Vec<f64>, f64, f64) {
    let known = || column.iter().copied().filter(|value| !value.is_nan());
    let count = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / count;
    let deviation = (known().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
    if deviation <= mean.abs() * 1e-12 {
        return (vec![0.0; column.len()], mean, 0.0);
    }
    let apply = |value: &f64| if value.is_nan() { 0.0 } else { (value - mean) / deviation };
    (column.iter().map(apply).collect(), mean, deviation)
}
