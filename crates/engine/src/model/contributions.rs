//! Why a score is what it is: what each feature adds to it, exactly.
//!
//! Of a linear model that is weight times value. Of trees it is the Shapley value of the game in which a feature that is not
//! known is averaged out by how many of those learned from went each way: the algorithm TreeSHAP (Lundberg, Erion, Lee,
//! "Consistent individualized feature attribution for tree ensembles", 2018, algorithm 2), as `shap.TreeExplainer` has it.

use super::scorer::Model;
use super::trees::{At, Trees};

/// What a score is made of: `base + sum(parts)` is the score, up to rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// The score before anything is known.
    pub base: f64,
    /// The index of each feature that the model reads and what it adds.
    pub parts: Vec<(usize, f64)>,
}

impl Model {
    /// Divides a score among the features; nothing for trees of which it is not known whom they learned from.
    #[must_use]
    pub fn contributions(&self, value: impl Fn(usize) -> Option<f64>) -> Option<Contributions> {
        let features: Vec<usize> = self.features().collect();
        let Some(trees) = self.trees() else {
            let parts = self
                .terms()
                .map(|(feature, weight)| (feature, weight * value(feature).unwrap_or(self.missing())));
            return Some(Contributions { base: self.intercept(), parts: parts.collect() });
        };
        if trees.covers.is_empty() {
            return None;
        }
        let values: Vec<f64> = features.iter().map(|feature| value(*feature).unwrap_or(f64::NAN)).collect();
        let mut shapley =
            Shapley { trees, values: &values, covers: trees.node_covers(), parts: vec![0.0; values.len()] };
        let mut base = self.intercept();
        for root in trees.roots() {
            base += shapley.mean(*root);
            shapley.walk(*root, &[], 1.0, 1.0, usize::MAX);
        }
        Some(Contributions { base, parts: features.into_iter().zip(shapley.parts).collect() })
    }
}

/// A feature on the way from the root: the share of ways that go on when it is not known, whether its value goes on, and the
/// weight of the subsets of that many features.
#[derive(Clone, Copy)]
struct Step {
    slot: usize,
    unknown: f64,
    known: f64,
    weight: f64,
}

struct Shapley<'a> {
    trees: &'a Trees,
    values: &'a [f64],
    covers: Vec<f64>,
    parts: Vec<f64>,
}

impl Shapley<'_> {
    /// The mean worth of a branch over those who came to it.
    fn mean(&self, at: usize) -> f64 {
        match self.trees.at(at, self.values) {
            At::Leaf(leaf) => self.trees.worth(leaf),
            At::Split { taken, other, .. } => {
                [taken, other].map(|branch| self.mean(branch) * self.covers[branch]).iter().sum::<f64>()
                    / self.covers[at]
            }
        }
    }

    fn walk(&mut self, at: usize, path: &[Step], unknown: f64, known: f64, slot: usize) {
        let mut path = extended(path, unknown, known, slot);
        match self.trees.at(at, self.values) {
            At::Leaf(leaf) => {
                let worth = self.trees.worth(leaf);
                for place in 1..path.len() {
                    let step = path[place];
                    self.parts[step.slot] += unwound_sum(&path, place) * (step.known - step.unknown) * worth;
                }
            }
            At::Split { slot, taken, other } => {
                let (mut unknown, mut known) = (1.0, 1.0);
                if let Some(place) = path.iter().skip(1).position(|step| step.slot == slot) {
                    (unknown, known) = (path[place + 1].unknown, path[place + 1].known);
                    unwind(&mut path, place + 1);
                }
                let share = |branch: usize| self.covers[branch] / self.covers[at];
                let (taken_share, other_share) = (share(taken), share(other));
                self.walk(taken, &path, taken_share * unknown, known, slot);
                self.walk(other, &path, other_share * unknown, 0.0, slot);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the length of a path")]
fn extended(path: &[Step], unknown: f64, known: f64, slot: usize) -> Vec<Step> {
    let mut path = path.to_vec();
    let length = path.len();
    path.push(Step { slot, unknown, known, weight: if length == 0 { 1.0 } else { 0.0 } });
    for place in (0..length).rev() {
        path[place + 1].weight += known * path[place].weight * (place + 1) as f64 / (length + 1) as f64;
        path[place].weight *= unknown * (length - place) as f64 / (length + 1) as f64;
    }
    path
}

/// Takes the step at a place back.
#[expect(clippy::cast_precision_loss, reason = "the length of a path")]
fn unwind(path: &mut Vec<Step>, place: usize) {
    let last = path.len() - 1;
    let Step { unknown, known, .. } = path[place];
    let mut next = path[last].weight;
    for at in (0..last).rev() {
        if known == 0.0 {
            path[at].weight *= (last + 1) as f64 / (unknown * (last - at) as f64);
        } else {
            let weight = path[at].weight;
            path[at].weight = next * (last + 1) as f64 / ((at + 1) as f64 * known);
            next = weight - path[at].weight * unknown * (last - at) as f64 / (last + 1) as f64;
        }
    }
    for at in place..last {
        path[at] = Step { weight: path[at].weight, ..path[at + 1] };
    }
    path.pop();
}

/// The sum of the weights that would be left without the step at a place.
fn unwound_sum(path: &[Step], place: usize) -> f64 {
    let mut rest = path.to_vec();
    unwind(&mut rest, place);
    rest.iter().map(|step| step.weight).sum()
}
