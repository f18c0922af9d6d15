//! A model: `intercept + sum(weight * feature)`, the intercept and what trees add, how often somebody will buy, or what a network says. Decisions
//! compare its score.

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake, Name, Node};

use super::waiting;
#[cfg(feature = "every-kind")]
use super::{buying::Buying, network::Network, trees::Trees};
use crate::adapting;

/// A model of a pack.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    intercept: f64,
    /// Index of the feature and its weight, in the order of the features' names. Of what is no line: in the order in which its
    /// form reads them, and the weight is 1.
    weights: Vec<(usize, f64)>,
    /// What stands in for a feature that has no value yet, of a linear model.
    missing: f64,
    form: Form,
}

codec!(struct Model { id, title, intercept, weights, missing, form });

/// What makes a score of features.
#[derive(Clone, Debug)]
enum Form {
    Line,
    #[cfg(feature = "every-kind")]
    Trees(Trees),
    #[cfg(feature = "every-kind")]
    Buying(Buying),
    #[cfg(feature = "every-kind")]
    Network(Network),
}

codec!(enum Form {
    0 => Line,
    #[cfg(feature = "every-kind")] 1 => Trees(trees),
    #[cfg(feature = "every-kind")] 2 => Buying(buying),
    #[cfg(feature = "every-kind")] 3 => Network(network),
});

/// What reads a kind of model.
type Read = fn(Name, String, &Node<'_>, Inputs<'_>) -> Result<Model, Mistake>;

/// What a score is made of: `base + sum(parts)` is the score, up to rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// The score before anything is known.
    pub base: f64,
    /// The index of each feature that the model reads and what it adds.
    pub parts: Vec<(usize, f64)>,
}

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
        let kind = node.need("kind")?;
        let read: Read = kind.one_of(&[
            ("linear", Self::read_linear as Read),
            #[cfg(feature = "every-kind")]
            ("trees", Self::read_trees as Read),
            #[cfg(feature = "every-kind")]
            ("bg_nbd", Self::read_buying as Read),
            #[cfg(feature = "every-kind")]
            ("network", Self::read_network as Read),
        ])?;
        read(id, title, node, inputs)
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
            form: Form::Line,
            id,
        })
    }

    #[cfg(feature = "every-kind")]
    fn read_trees(id: Name, title: String, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let fields = node.object(Trees::KEYS)?;
        let weights = Self::read_features(&fields, inputs)?;
        let intercept = fields.need("intercept")?.number()?;
        let form = Form::Trees(Trees::read(&fields, weights.len())?);
        Ok(Self { title, intercept, weights, missing: 0.0, form, id })
    }

    #[cfg(feature = "every-kind")]
    fn read_buying(id: Name, title: String, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let fields = node.object(Buying::KEYS)?;
        let weights = Self::read_features(&fields, inputs)?;
        let form = Form::Buying(Buying::read(&fields, weights.len())?);
        Ok(Self { title, intercept: 0.0, weights, missing: 0.0, form, id })
    }

    #[cfg(feature = "every-kind")]
    fn read_network(id: Name, title: String, node: &Node<'_>, inputs: Inputs<'_>) -> Result<Self, Mistake> {
        let fields = node.object(Network::KEYS)?;
        let weights = Self::read_features(&fields, inputs)?;
        let form = Form::Network(Network::read(&fields, weights.len())?);
        Ok(Self { title, intercept: 0.0, weights, missing: 0.0, form, id })
    }

    /// Reads the features of what is no line, in the order in which it reads them.
    #[cfg(feature = "every-kind")]
    fn read_features(fields: &Fields<'_>, inputs: Inputs<'_>) -> Result<Vec<(usize, f64)>, Mistake> {
        let features = fields.need("features")?;
        let weights = features.each(|node| Ok((inputs.find(node, node.text()?)?, 1.0)))?;
        if (1..weights.len()).any(|place| weights[..place].contains(&weights[place])) {
            return Err(features.mistake("a feature is listed once"));
        }
        let names: Vec<&str> =
            features.value().as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        inputs.check(&fields.need("definitions")?, &names)?;
        Ok(weights)
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
        match &self.form {
            Form::Line => self
                .weights
                .iter()
                .fold(self.intercept, |sum, (feature, weight)| sum + weight * self.filled(values[*feature])),
            #[cfg(feature = "every-kind")]
            Form::Trees(trees) => self.intercept + trees.sum(&self.read_from(values)),
            #[cfg(feature = "every-kind")]
            Form::Buying(buying) => buying.score(&self.read_from(values)),
            #[cfg(feature = "every-kind")]
            Form::Network(network) => network.score(&self.read_from(values)),
        }
    }

    /// The values of the features that are read, in this order.
    #[cfg(feature = "every-kind")]
    fn read_from(&self, values: &[f64]) -> Vec<f64> {
        self.features().map(|feature| values[feature]).collect()
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

    /// How many features it names; of what is no line, more than any.
    pub(crate) fn size(&self) -> usize {
        if self.is_plain() { self.weights.len() } else { usize::MAX }
    }

    /// Tells whether an engine with the usual kinds alone can read it.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Line)
    }

    /// Divides a score among the features; nothing where it is not known of whom the model was learned.
    #[must_use]
    pub fn contributions(&self, value: impl Fn(usize) -> Option<f64>) -> Option<Contributions> {
        let values: Vec<f64> = self.features().map(|feature| value(feature).unwrap_or(f64::NAN)).collect();
        let (base, parts): (f64, Vec<f64>) = match &self.form {
            Form::Line => {
                let adds = |((_, weight), value): (&(usize, f64), &f64)| weight * self.filled(*value);
                (0.0, self.weights.iter().zip(&values).map(adds).collect())
            }
            #[cfg(feature = "every-kind")]
            Form::Trees(trees) => trees.contributions(&values)?,
            #[cfg(feature = "every-kind")]
            Form::Buying(buying) => buying.contributions(&values)?,
            #[cfg(feature = "every-kind")]
            Form::Network(network) => network.contributions(&values),
        };
        Some(Contributions { base: self.intercept + base, parts: self.features().zip(parts).collect() })
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
