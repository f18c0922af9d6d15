//! A linear model: `intercept + sum(weight * feature)`. Its score is a margin; decisions compare margins.

use keepset_wire::codec;
use keepset_wire::document::{Mistake, Name, Node};

use crate::feature::Features;

/// A linear model of a pack.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    intercept: f64,
    /// Index of the feature and its weight, in the order of the features' names.
    weights: Vec<(usize, f64)>,
    /// What stands in for a feature that has no value yet.
    missing: f64,
}

codec!(struct Linear { id, title, intercept, weights, missing });

impl Linear {
    pub(crate) fn read(id: Name, node: &Node<'_>, features: &Features) -> Result<Self, Mistake> {
        let fields = node.object(&["kind", "title", "intercept", "weights", "missing"])?;
        fields.need("kind")?.one_of(&[("linear", ())])?;
        let weights_node = fields.need("weights")?;
        let weigh = |name: Name, node: &Node<'_>| {
            let index = features.position(name.as_str());
            let index = index.ok_or_else(|| node.mistake("the pack has no feature of this name"))?;
            Ok((index, node.number()?))
        };
        Ok(Self {
            title: fields.get("title").map_or(Ok(id.as_str()), |title| title.text())?.to_owned(),
            intercept: fields.need("intercept")?.number()?,
            weights: weights_node.each_member(weigh)?,
            missing: fields.get("missing").map_or(Ok(0.0), |missing| missing.number())?,
            id,
        })
    }

    /// Scores the values of a pack's features, by index. One order of operations, so the same bits everywhere.
    #[must_use]
    pub fn score(&self, value: impl FnMut(usize) -> Option<f64>) -> f64 {
        self.sums(value).0
    }

    /// The score, and the sum of all that was added up without its signs, which says how far rounding may move the score.
    pub(crate) fn sums(&self, mut value: impl FnMut(usize) -> Option<f64>) -> (f64, f64) {
        let start = (self.intercept, self.intercept.abs());
        self.weights.iter().fold(start, |(sum, plain), (feature, weight)| {
            let part = weight * value(*feature).unwrap_or(self.missing);
            (sum + part, plain + part.abs())
        })
    }

    /// Tells whether a feature makes a difference to the score.
    pub(crate) fn reads(&self, feature: usize) -> bool {
        let place = self.weights.binary_search_by_key(&feature, |(feature, _)| *feature);
        place.is_ok_and(|place| self.weights[place].1 != 0.0)
    }

    /// Lists the indices of the features it reads and their weights, none of them zero.
    pub fn terms(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.weights.iter().copied().filter(|(_, weight)| *weight != 0.0)
    }
}
