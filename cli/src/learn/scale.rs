//! From scores to probabilities: Platt's line and the isotonic staircase; and the losses that judge them.

use serde::{Deserialize, Serialize};

use super::Matrix;
use super::elastic::{Net, path};

/// The log-odds are `factor * score + shift`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Below 1 the scores were too sure.
    pub factor: f64,
    /// What is added.
    pub shift: f64,
}

impl Platt {
    /// Fits the line to scores of rows that were not learned from.
    #[must_use]
    pub fn fit(scores: &[f64], labels: &[bool]) -> Self {
        let matrix = Matrix::new(vec![scores.to_vec()]);
        let line = path(&matrix, labels, &[Net { penalty: 1e-6, sparse: 0.0 }]).remove(0);
        let factor = line.weights.first().copied().unwrap_or(1.0);
        // A line that falls would turn the order over.
        if factor > 0.0 { Self { factor, shift: line.intercept } } else { Self { factor: 1.0, shift: 0.0 } }
    }

    /// Applies it.
    #[must_use]
    pub fn apply(&self, score: f64) -> f64 {
        self.factor * score + self.shift
    }
}

/// A staircase that never falls: from each score on, a probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Staircase {
    /// The score a step begins at and the probability on it.
    pub steps: Vec<(f64, f64)>,
}

impl Staircase {
    /// Fits the staircase by pooling neighbours that fall (Ayer and others, 1955).
    #[must_use]
    pub fn fit(scores: &[f64], labels: &[bool]) -> Self {
        let mut pairs: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut pools: Vec<(f64, f64, f64)> = Vec::new();
        for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
            #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
            let (hits, count) = (tied.iter().filter(|pair| pair.1).count() as f64, tied.len() as f64);
            pools.push((tied[0].0, hits, count));
            while let [.., (_, below, of_below), (_, above, of_above)] = pools[..]
                && below / of_below >= above / of_above
            {
                pools.pop();
                if let Some(last) = pools.last_mut() {
                    *last = (last.0, below + above, of_below + of_above);
                }
            }
        }
        Self { steps: pools.into_iter().map(|(score, hits, count)| (score, hits / count)).collect() }
    }

    /// The probability of a score.
    #[must_use]
    pub fn apply(&self, score: f64) -> f64 {
        let above = self.steps.partition_point(|step| step.0 <= score);
        self.steps.get(above.saturating_sub(1)).map_or(0.5, |step| step.1)
    }
}

/// The probability of log-odds; for people to read, decisions compare scores.
#[must_use]
pub fn probability(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// The log-loss of log-odds: `ln(1 + e^-s)` for a yes and `ln(1 + e^s)` for a no, without overflow.
#[must_use]
pub fn loss(score: f64, label: bool) -> f64 {
    let against = if label { -score } else { score };
    against.max(0.0) + (-against.abs()).exp().ln_1p()
}

/// The mean log-loss of log-odds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
pub fn log_loss(scores: &[f64], labels: &[bool]) -> f64 {
    scores.iter().zip(labels).map(|(score, label)| loss(*score, *label)).sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares near 0 for most and up to 0.4 for few, of whom that share is a yes: full Newton steps on these never come to rest.
    #[test]
    fn skewed_shares_get_the_line_that_has_the_least_loss_near_it() {
        let rows = (0..2_000_u32).map(|row| {
            let share = if row % 5 == 0 { 0.1 + 0.3 * f64::from(row % 100) / 100.0 } else { 0.001 };
            (share, f64::from(row * 7_919 % 1_000) / 1_000.0 < share)
        });
        let (scores, labels): (Vec<f64>, Vec<bool>) = rows.unzip();
        let platt = Platt::fit(&scores, &labels);
        let loss = |factor: f64, shift: f64| {
            log_loss(&scores.iter().map(|score| factor * score + shift).collect::<Vec<_>>(), &labels)
        };
        let least = loss(platt.factor, platt.shift);
        for (factor, shift) in [(0.5, 0.0), (-0.5, 0.0), (0.0, 0.1), (0.0, -0.1)] {
            assert!(least < loss(platt.factor + factor, platt.shift + shift), "{platt:?}");
        }
    }
}
