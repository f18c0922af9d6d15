//! Gradient boosting on the log-loss: each tree goes a small step down the slope that the trees before it left.

use super::Matrix;
use super::chance::Chance;
use super::scale::{log_loss, probability};
use super::split::{Bins, Growth};
use super::tree::{Ensemble, add};

/// How boosted trees are grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boosting {
    /// How many trees at most.
    pub trees: usize,
    /// How deep each is at most.
    pub depth: usize,
    /// How many leaves each has at most.
    pub leaves: usize,
    /// The part of a step that is taken.
    pub rate: f64,
    /// Fewer rows no leaf may have.
    pub least_rows: u32,
    /// The penalty on the squares of the leaves.
    pub l2: f64,
    /// The share of the columns that a tree may ask of.
    pub columns: f64,
    /// The share of the rows that a tree is grown on.
    pub rows: f64,
    /// The seed of both.
    pub seed: u64,
}

impl Default for Boosting {
    /// Small steps and shallow trees: what holds up over time. 100 trees of depth 6 fit in 30 kB.
    fn default() -> Self {
        Self {
            trees: 100,
            depth: 6,
            leaves: 24,
            rate: 0.08,
            least_rows: 20,
            l2: 5.0,
            columns: 0.6,
            rows: 0.7,
            seed: 0,
        }
    }
}

/// Grows trees.
#[must_use]
pub fn boost(matrix: &Matrix, labels: &[bool], how: Boosting) -> Ensemble {
    grow(matrix, labels, None, how).0
}

/// Grows trees; with rows set apart it ends when these have not gained for a while. Also returns with how many trees they lost
/// least.
#[must_use]
pub fn grow(
    matrix: &Matrix,
    labels: &[bool],
    apart: Option<(&Matrix, &[bool])>,
    how: Boosting,
) -> (Ensemble, usize) {
    let bins = Bins::new(matrix);
    let growth = Growth {
        depth: how.depth,
        leaves: how.leaves,
        least_rows: how.least_rows,
        least_curvature: 1e-3,
        l2: how.l2,
        columns_a_split: 0,
        by_chance: false,
    };
    let base = log_odds(labels);
    let mut scores = vec![base; matrix.rows];
    let mut held: Option<Vec<f64>> = apart.map(|(matrix, _)| vec![base; matrix.rows]);
    let (mut ensemble, mut best, mut chance) =
        (Ensemble { base, trees: Vec::new() }, (f64::INFINITY, 0), Chance::new(how.seed, 1));
    for _ in 0..how.trees {
        let slopes: Vec<(f64, f64)> =
            scores.iter().zip(labels).map(|(score, label)| slope(*score, *label)).collect();
        let columns = chance.some(matrix.columns.len(), share(matrix.columns.len(), how.columns));
        let rows = chance.some(matrix.rows, share(matrix.rows, how.rows));
        let rows = rows.into_iter().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        let tree = bins.grow(rows, &columns, &slopes, growth, how.rate, &mut chance);
        add(&tree, matrix, &mut scores);
        if let (Some(held), Some((apart, labels))) = (&mut held, apart) {
            add(&tree, apart, held);
            let loss = log_loss(held, labels);
            if loss < best.0 - 1e-6 {
                best = (loss, ensemble.trees.len() + 1);
            } else if ensemble.trees.len() + 1 > best.1 + PATIENCE {
                break;
            }
        }
        ensemble.trees.push(tree);
    }
    (ensemble, best.1.max(1))
}

/// So many trees may pass without a gain.
const PATIENCE: usize = 30;

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number"
)]
fn share(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).clamp(1, count.max(1))
}

fn slope(score: f64, label: bool) -> (f64, f64) {
    let p = probability(score);
    (p - f64::from(u8::from(label)), (p * (1.0 - p)).max(1e-9))
}

/// The log-odds of the share of labels that are yes.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
pub fn log_odds(labels: &[bool]) -> f64 {
    let yes = labels.iter().filter(|label| **label).count() as f64;
    (yes.max(0.5) / (labels.len() as f64 - yes).max(0.5)).ln()
}
