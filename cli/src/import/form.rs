//! What was read of another library, and how a pack holds it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::learn::elastic::Line;
use crate::learn::tree::Ensemble;

/// A model that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A line.
    Line(Line),
    /// Trees.
    Trees(Ensemble),
    /// A small network.
    Network(Network),
}

/// A network as a pack holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Of each feature what is taken off, which also stands in for it, and what the rest is divided by.
    pub scaling: Vec<(f64, f64)>,
    /// The layers, the last of them one unit.
    pub layers: Vec<Layer>,
}

/// A layer of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// What a unit gives of its sum.
    pub activation: Activation,
    /// Of each unit the bias and the weights.
    pub units: Vec<Vec<f64>>,
}

/// What a unit gives of its sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The sum itself.
    Identity,
    /// Nothing below 0.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function.
    Logistic,
}

/// The version of the format that packs write networks in.
const FORMAT: u32 = 1;
/// Leaves to within 2^-41 of the largest: the sum of 1,000 is exact to 1e-9 of it.
const LEAF_BITS: i32 = 40;

impl Form {
    /// Writes it as a pack holds it, reading features of these names, whose definitions have the hash that is found.
    pub(super) fn member(
        &self,
        title: &str,
        names: &[String],
        definitions: &dyn Fn(&[&str]) -> String,
    ) -> Value {
        match self {
            Self::Trees(trees) => trees.member(title, names, definitions, LEAF_BITS, false),
            Self::Line(line) => {
                let weights: Map<String, Value> = names
                    .iter()
                    .zip(&line.weights)
                    .map(|(name, weight)| (name.clone(), json!(weight)))
                    .collect();
                json!({ "kind": "linear", "title": title, "intercept": line.intercept, "weights": weights })
            }
            Self::Network(Network { scaling, layers }) => {
                let listed: Vec<&str> = names.iter().map(String::as_str).collect();
                json!({
                    "kind": "network", "format": FORMAT, "title": title, "features": names,
                    "definitions": definitions(&listed), "scaling": scaling, "layers": layers,
                })
            }
        }
    }
}
