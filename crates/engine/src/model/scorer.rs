//! A model: `intercept + sum(weight * feature)`, or the intercept and what trees add. Its score is a margin; decisions
//! compare margins.

use keepset_wire::codec;
use keepset_wire::document::{Mistake, Name, Node};

use super::{trees::Trees, waiting};
use crate::adapting;

/// A model of a pack.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    intercept: f64,
    /// Index of the feature and its weight, in the order of the features' names. Of trees: in the order of their features,
    /// and the weight is 1.
    weights: Vec<(usize, f64)>,
    /// What stands in for a feature that has no value yet, of a linear model.
    missing: f64,
    trees: Trees,
}

codec!(struct Model { id, title, intercept, weights, missing, trees });

/// What a model may read: the features of a pack, or the columns of a table.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Finds the index of an input by its name.
    pub position: &'a dyn Fn(&str) -> Option<usize>,
    /// Returns the hash of the definitions of inputs, in this order.
    pub definitions: &'a dyn Fn(&[&str]) -> String,
}

impl Inputs<'_> {
    fn find(&self, node: &Node<'_>, name: &str) -> Result<usize, Mistake> {
        (self.position)(name).ok_or_else(|| node.mistake("the pack has no feature of this name"))
    }

    /// Refuses a model that was made for other definitions than there are.
    fn check(&self, node: &Node<'_>, names: &[&str]) -> Result<(), Mistake> {
        let here = (self.definitions)(names);
        if node.text()? == here {
            return Ok(());
        }
        Err(node.mistake(format!(
            "the model was trained on other definitions of its features: theirs have another hash, those here {here}; train it again"
        )))
    }
}

impl Model {
    /// Reads a model.
    ///
    /// # Errors
    /// The first [`Mistake`]: its path and what would be right.
    pub fn read(id: Name, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let title = node.get("title").map_or(Ok(id.as_str()), |title| title.text())?.to_owned();
        match node.need("kind")?.one_of(&[("linear", false), ("trees", true)])? {
            false => Self::read_linear(id, title, node, inputs),
            true => Self::read_trees(id, title, node, inputs),
        }
    }

    fn read_linear(id: Name, title: String, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&[
            "kind",
            "title",
            "intercept",
            "weights",
            "missing",
            "definitions",
            waiting::KEY,
            adapting::KEY,
        ])?;
        let weights_node = fields.need("weights")?;
        let weigh = |name: Name, node: &Node<'_>| Ok((inputs.find(node, name.as_str())?, node.number()?));
        if let Some(node) = fields.get("definitions") {
            let names = weights_node.members()?;
            inputs.check(&node, &names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        }
        Ok(Self {
            title,
            intercept: fields.need("intercept")?.number()?,
            weights: weights_node.each_member(weigh)?,
            missing: fields.get("missing").map_or(Ok(0.0), |missing| missing.number())?,
            trees: Trees::default(),
            id,
        })
    }

    fn read_trees(id: Name, title: String, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let fields = node.object(Trees::KEYS)?;
        let features = fields.need("features")?;
        let weights = features.each(|node| Ok((inputs.find(node, node.text()?)?, 1.0)))?;
        if (1..weights.len()).any(|place| weights[..place].contains(&weights[place])) {
            return Err(features.mistake("a feature is listed once"));
        }
        let names: Vec<&str> =
            features.value().as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        inputs.check(&fields.need("definitions")?, &names)?;
        Ok(Self {
            title,
            intercept: fields.need("intercept")?.number()?,
            trees: Trees::read(&fields, weights.len())?,
            weights,
            missing: 0.0,
            id,
        })
    }

    /// Scores the values of a pack's features, by index.
    #[must_use]
    pub fn score(&self, value: impl Fn(usize) -> Option<f64>) -> f64 {
        let mut values = vec![f64::NAN; self.features().max().map_or(0, |last| last + 1)];
        self.features().for_each(|feature| values[feature] = value(feature).unwrap_or(f64::NAN));
        self.score_of(&values)
    }

    /// The same from a list of all values, which are not a number where there is none. One order of operations, so the same bits everywhere.
    pub(crate) fn score_of(&self, values: &[f64]) -> f64 {
        if !self.trees.is_empty() {
            let values: Vec<f64> = self.features().map(|feature| values[feature]).collect();
            return self.intercept + self.trees.sum(&values);
        }
        self.weights
            .iter()
            .fold(self.intercept, |sum, (feature, weight)| sum + weight * self.filled(values[*feature]))
    }

    fn filled(&self, value: f64) -> f64 {
        if value.is_nan() { self.missing } else { value }
    }

    /// The sum of the magnitudes of all that a score adds up.
    pub(crate) fn added(&self, values: &[f64]) -> f64 {
        self.weights.iter().fold(self.intercept.abs(), |sum, (feature, weight)| {
            sum + (weight * self.filled(values[*feature])).abs()
        })
    }

    /// How many features it names; of trees, which jump, more than any.
    pub(crate) fn size(&self) -> usize {
        if self.trees.is_empty() { self.weights.len() } else { usize::MAX }
    }

    /// Tells whether an engine with the usual kinds alone can read it.
    pub(crate) fn is_plain(&self) -> bool {
        self.trees.is_empty()
    }

    /// The trees, where it has any.
    pub(super) fn trees(&self) -> Option<&Trees> {
        Some(&self.trees).filter(|trees| !trees.is_empty())
    }

    /// The score of who has no feature.
    pub(super) fn intercept(&self) -> f64 {
        self.intercept
    }

    pub(super) fn missing(&self) -> f64 {
        self.missing
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
