//! Why a score of trees is what it is: what each feature adds to it, exactly.
//!
//! It is the Shapley value of the game in which a feature that is not known is averaged out by how many of those learned from went
//! each way: the algorithm TreeSHAP (Lundberg, Erion, Lee, "Consistent individualized feature attribution for tree ensembles",
//! 2018, algorithm 2), as `shap.TreeExplainer` has it.

use super::trees::{At, Trees};

impl Trees {
    /// Divides a score among the values: what it is when none is known, and what each adds. Nothing where it is not known whom the
    /// trees learned from.
    pub(super) fn contributions(&self, values: &[f64]) -> Option<(f64, Vec<f64>)> {
        if self.covers.is_empty() {
            return None;
        }
        let mut shapley =
            Shapley { trees: self, values, covers: self.node_covers(), parts: vec![0.0; values.len()] };
        let mut base = 0.0;
        for root in self.roots() {
            base += shapley.mean(*root);
            shapley.walk(*root, &[], 1.0, 1.0, usize::MAX);
        }
        Some((base, shapley.parts))
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
