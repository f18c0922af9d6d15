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
    pub fn score(&self, value: impl Fn(usize) -> Option<f64>) -> f64 {
        let part = |feature| value(feature).unwrap_or(self.missing);
        self.weights.iter().fold(self.intercept, |sum, (feature, weight)| sum + weight * part(*feature))
    }

    /// The same where every feature has a value; else not a number.
    pub(crate) fn score_all(&self, values: &[f64]) -> f64 {
        let mut sum = self.intercept;
        for (feature, weight) in &self.weights {
            sum += weight * values[*feature];
        }
        sum
    }

    /// The sum of the magnitudes of all that a score adds up.
    pub(crate) fn added(&self, values: &[f64]) -> f64 {
        self.weights.iter().fold(self.intercept.abs(), |sum, (feature, weight)| {
            let value = values[*feature];
            sum + (weight * if value.is_nan() { self.missing } else { value }).abs()
        })
    }

    /// How many features it names.
    pub(crate) fn size(&self) -> usize {
        self.weights.len()
    }

    /// Lists the indices of the features it names.
    pub(crate) fn features(&self) -> impl Iterator<Item = usize> + '_ {
        self.weights.iter().map(|(feature, _)| *feature)
    }

    /// Lists the indices of the features it reads and their weights, none of them zero.
    pub fn terms(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.weights.iter().copied().filter(|(_, weight)| *weight != 0.0)
    }
}
