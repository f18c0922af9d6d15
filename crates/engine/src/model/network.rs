//! Small neural networks: features brought to a common scale, layers of units, and a score that is the last layer's one number.
//!
//! A unit adds its bias and its weights times what the layer before gave, in this order, and gives its activation of the sum; so every
//! target gives the same bits.

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake, Node};

use super::elementary::exp;
use super::game;

/// The version of the format that packs write networks in.
const FORMAT: u32 = 1;
/// A network of this size takes some 20 us and 60 kB of a pack.
const MOST_WEIGHTS: usize = 8_192;
const MOST_LAYERS: usize = 8;

/// What a unit gives of its sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    /// The sum itself.
    Identity,
    /// Nothing below 0.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function.
    Logistic,
}

codec!(enum Activation { 0 => Identity, 1 => Relu, 2 => Tanh, 3 => Logistic });

impl Activation {
    fn of(self, sum: f64) -> f64 {
        match self {
            Self::Identity => sum,
            Self::Relu => {
                if sum > 0.0 {
                    sum
                } else {
                    0.0
                }
            }
            Self::Tanh => {
                let below = exp(-2.0 * sum.abs());
                (1.0 - below) / (1.0 + below) * if sum < 0.0 { -1.0 } else { 1.0 }
            }
            Self::Logistic => 1.0 / (1.0 + exp(-sum)),
        }
    }
}

/// A layer: of each unit the bias and the weights of what the layer before gave.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    activation: Activation,
    units: Vec<(f64, Vec<f64>)>,
}

codec!(struct Layer { activation, units });

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    /// Of each feature what is taken off and what the rest is divided by.
    scaling: Vec<(f64, f64)>,
    layers: Vec<Layer>,
}

codec!(struct Network { scaling, layers });

impl Network {
    /// The keys that a network has beside those of every model.
    pub(super) const KEYS: &[&str] =
        &["kind", "title", "format", "features", "definitions", "scaling", "layers", crate::adapting::KEY];

    /// Reads a network that reads so many features.
    pub(super) fn read(fields: &Fields<'_>, features: usize) -> Result<Self, Mistake> {
        fields.need("format")?.whole(FORMAT, FORMAT)?;
        let scaling_node = fields.need("scaling")?;
        let scaling = scaling_node.each(|node| match &node.list()?[..] {
            [centre, scale] => {
                let number = scale.number()?;
                if number > 0.0 {
                    Ok((centre.number()?, number))
                } else {
                    Err(scale.mistake("a scale is above 0"))
                }
            }
            _ => Err(node.mistake("expected [what stands in and is taken off, what the rest is divided by]")),
        })?;
        if scaling.len() != features || features == 0 {
            return Err(scaling_node.mistake("expected a pair for each feature"));
        }
        let layers_node = fields.need("layers")?;
        let mut inputs = features;
        let layers = layers_node.each(|node| {
            let layer = Layer::read(node, inputs)?;
            inputs = layer.units.len();
            Ok(layer)
        })?;
        let weights: usize =
            layers.iter().flat_map(|layer| &layer.units).map(|(_, weights)| weights.len() + 1).sum();
        let ends = layers
            .last()
            .is_some_and(|last| last.units.len() == 1 && last.activation == Activation::Identity);
        if !ends || layers.len() > MOST_LAYERS || weights > MOST_WEIGHTS {
            return Err(layers_node.mistake(
                "expected 1 to 8 layers with at most 8,192 weights, the last of them one unit without an activation",
            ));
        }
        Ok(Self { scaling, layers })
    }

    /// Scores values, by the places of the model's features; one that is not there is in the middle.
    pub(super) fn score(&self, values: &[f64]) -> f64 {
        let scaled = |(value, (centre, scale)): (&f64, &(f64, f64))| {
            if value.is_nan() { 0.0 } else { (value - centre) / scale }
        };
        let mut given: Vec<f64> = values.iter().zip(&self.scaling).map(scaled).collect();
        for layer in &self.layers {
            let unit = |(bias, weights): &(f64, Vec<f64>)| {
                let sum = weights.iter().zip(&given).fold(*bias, |sum, (weight, value)| sum + weight * value);
                layer.activation.of(sum)
            };
            given = layer.units.iter().map(unit).collect();
        }
        given.first().copied().unwrap_or(0.0)
    }

    /// Divides a score among the features, where somebody in the middle has the centre of each.
    pub(super) fn contributions(&self, values: &[f64]) -> (f64, Vec<f64>) {
        let middle: Vec<f64> = self.scaling.iter().map(|(centre, _)| *centre).collect();
        game::divide(&middle, values, |values| self.score(values))
    }
}

impl Layer {
    fn read(node: &Node<'_>, inputs: usize) -> Result<Self, Mistake> {
        let fields = node.object(&["activation", "units"])?;
        let activation = fields.get("activation").map_or(Ok(Activation::Identity), |node| {
            node.one_of(&[
                ("identity", Activation::Identity),
                ("relu", Activation::Relu),
                ("tanh", Activation::Tanh),
                ("logistic", Activation::Logistic),
            ])
        })?;
        let units = fields.need("units")?.each(|node| {
            let numbers = node.each(|node| node.number())?;
            match numbers.split_first() {
                Some((bias, weights)) if weights.len() == inputs => Ok((*bias, weights.to_vec())),
                _ => Err(node.mistake(format!(
                    "expected the bias and {inputs} weights, one for each number that comes in"
                ))),
            }
        })?;
        Ok(Self { activation, units })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Model;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const FEATURES: [&str; 3] = ["orders", "recency", "visits"];

    fn read(document: &Value) -> Result<Model, Mistake> {
        super::super::read_of(&FEATURES, document)
    }

    fn document(activation: &str) -> Value {
        json!({
            "kind": "network", "format": 1, "features": ["visits", "orders"], "definitions": "visits+orders", "scaling": [[4, 2], [1, 0.5]],
            "layers": [{"activation": activation, "units": [[0.5, 1, -1], [-2, 0.25, 2], [0, -1, 0]]}, {"units": [[0.75, 2, -1, 3]]}]
        })
    }

    #[test]
    fn a_score_is_the_last_sum_of_what_units_give() {
        // Brought to a scale, 7 visits and 2 orders are 1.5 and 2, so the units add up to 0, 2.375 and -1.5.
        let values = [Some(2.0), None, Some(7.0)];
        let of = |activation: fn(f64) -> f64| {
            0.75 + 2.0 * activation(0.0) - activation(2.375) + 3.0 * activation(-1.5)
        };
        let logistic = |sum: f64| 1.0 / (1.0 + (-sum).exp());
        for (name, activation) in [
            ("identity", (|sum| sum) as fn(f64) -> f64),
            ("relu", |sum| sum.max(0.0)),
            ("tanh", f64::tanh),
            ("logistic", logistic),
        ] {
            let model = read(&document(name)).unwrap();
            let score = model.score(|feature| values[feature]);
            assert!((score - of(activation)).abs() < 1e-14, "{name}: {score}");
            // What is absent is in the middle.
            let middle = model.score(|feature| [Some(1.0), None, Some(4.0)][feature]);
            assert_eq!(model.score(|_| None), middle);
            let found = model.contributions(|feature| values[feature]).unwrap();
            assert_eq!(found.base, middle);
            assert!((found.base + found.parts.iter().map(|part| part.1).sum::<f64>() - score).abs() < 1e-12);
            assert_eq!(found.parts.iter().map(|part| part.0).collect::<Vec<_>>(), [2, 0]);
        }
        let far = read(&document("tanh")).unwrap().score(|_| Some(1e12));
        assert!(far.is_finite());
    }

    #[test]
    fn a_network_that_cannot_be_is_refused_with_its_place() {
        let wide: Vec<Vec<f64>> = vec![vec![0.0; 3]; 3_000];
        let layer = |units: Value| json!([{ "units": units }]);
        for (path, change) in [
            ("$.format", json!({"format": 2})),
            ("$.features", json!({"features": ["visits", "visits"]})),
            ("$.definitions", json!({"definitions": "orders+visits"})),
            ("$.scaling", json!({"scaling": [[4, 2]]})),
            ("$.scaling[1][1]", json!({"scaling": [[4, 2], [1, 0]]})),
            ("$.scaling[0]", json!({"scaling": [[4], [1, 0.5]]})),
            ("$.layers", json!({"layers": []})),
            ("$.layers", json!({"layers": layer(json!([[0, 1, 1], [0, 1, 1]]))})),
            ("$.layers", json!({"layers": [{"activation": "relu", "units": [[0, 1, 1]]}]})),
            (
                "$.layers",
                json!({"layers": [{"activation": "relu", "units": wide}, {"units": [vec![0.0; 3_001]]}]}),
            ),
            ("$.layers[0].units[0]", json!({"layers": layer(json!([[0, 1]]))})),
            ("$.layers[0].units[0][1]", json!({"layers": layer(json!([[0, "1", 1]]))})),
            ("$.layers[0].activation", json!({"layers": [{"activation": "gelu", "units": [[0, 1, 1]]}]})),
            ("$.layers[0].bias", json!({"layers": [{"bias": [1], "units": [[0, 1, 1]]}]})),
            ("$.weights", json!({"weights": []})),
        ] {
            let mut spoiled = document("relu");
            for (key, value) in change.as_object().unwrap() {
                spoiled[key] = value.clone();
            }
            assert_eq!(read(&spoiled).unwrap_err().path(), path, "{change}");
        }
    }
}
