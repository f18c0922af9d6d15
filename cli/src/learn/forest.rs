//! Random forests and extremely randomised trees: many deep trees on resampled rows, each split among some of the columns.
//! A score is the mean share of yes in the leaves, brought to log-odds by the rows that a tree was not grown on.

use super::Matrix;
use super::chance::Chance;
use super::scale::Platt;
use super::split::{Bins, Growth};
use super::tree::{Ensemble, Node};

/// How a forest is grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foresting {
    /// How many trees.
    pub trees: usize,
    /// How deep each is at most.
    pub depth: usize,
    /// Fewer rows no leaf may have.
    pub least_rows: u32,
    /// Whether each split is tried at one cut of chance a column (extra trees), on all the rows.
    pub extra: bool,
    /// The seed.
    pub seed: u64,
}

impl Default for Foresting {
    fn default() -> Self {
        Self { trees: 100, depth: 10, least_rows: 10, extra: false, seed: 0 }
    }
}

/// Grows a forest whose scores are log-odds.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of rows and columns"
)]
pub fn forest(matrix: &Matrix, labels: &[bool], how: Foresting) -> Ensemble {
    let bins = Bins::new(matrix);
    let growth = Growth {
        depth: how.depth,
        leaves: 1 << how.depth.min(12),
        least_rows: how.least_rows,
        least_curvature: 0.0,
        l2: 0.0,
        columns_a_split: (matrix.columns.len() as f64).sqrt().ceil() as usize,
        by_chance: how.extra,
    };
    // With these a leaf is worth the share of yes among its rows.
    let slopes: Vec<(f64, f64)> = labels.iter().map(|label| (-f64::from(u8::from(*label)), 1.0)).collect();
    let columns: Vec<usize> = (0..matrix.columns.len()).collect();
    let mut chance = Chance::new(how.seed, 2);
    let mut outside = vec![(0.0, 0_u32); matrix.rows];
    let mut ensemble = Ensemble::default();
    for _ in 0..how.trees {
        let mut drawn = vec![false; matrix.rows];
        let rows: Vec<u32> = (0..matrix.rows)
            .map(|_| {
                let row = chance.below(matrix.rows);
                drawn[row] = true;
                row as u32
            })
            .collect();
        let tree = bins.grow(rows, &columns, &slopes, growth, 1.0, &mut chance);
        let mut scores = vec![0.0; matrix.rows];
        super::tree::add(&tree, matrix, &mut scores);
        for ((outside, score), _) in outside.iter_mut().zip(scores).zip(&drawn).filter(|(_, drawn)| !**drawn)
        {
            *outside = (outside.0 + score, outside.1 + 1);
        }
        ensemble.trees.push(tree);
    }
    let trees = how.trees as f64;
    for node in ensemble.trees.iter_mut().flatten() {
        if let Node::Leaf { value, .. } = node {
            *value /= trees;
        }
    }
    let seen: Vec<(f64, bool)> = outside
        .iter()
        .zip(labels)
        .filter(|(outside, _)| outside.1 > 0)
        .map(|((sum, count), label)| (sum / f64::from(*count), *label))
        .collect();
    let (scores, labels): (Vec<f64>, Vec<bool>) = seen.into_iter().unzip();
    let platt = Platt::fit(&scores, &labels);
    ensemble.stretch(platt.factor, platt.shift);
    ensemble
}
