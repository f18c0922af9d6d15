//! Models of other libraries: LightGBM's `model.txt`, XGBoost's JSON, what `tests/models/sklearn_json.py` writes of
//! scikit-learn, and ONNX. Each becomes a model that devices score to within 1e-9 of what it said.
//!
//! A question is always `value < cut`. Where the library asks `value <= cut`, the cut is the next float; where it first
//! rounds values to 32 bits, the cut is the float that rounding turns at.

mod form;
mod lightgbm;
mod onnx;
mod sklearn;
mod xgboost;

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::feature::definitions;
use keepset_wire::Name;
use serde_json::{Map, Value, json};

pub use form::{Activation, Form, Layer, Network};

use crate::learn::tree::{Ensemble, Node};
use crate::tabular::encode::{Encoded, Encoding, Kind, plain};
use crate::tabular::model::{Calibration, TableModel};

/// A model that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The names of its features, in order.
    pub features: Vec<String>,
    /// The model.
    pub form: Form,
}

/// Said of what is no model.
const NONE_OF_THEM: &str =
    "it is neither LightGBM's model.txt, nor XGBoost's JSON, nor what sklearn_json.py writes, nor ONNX";

/// Reads a model of another library; which one is seen from its bytes. `names` are those of its features, for files of ONNX that
/// do not name them.
///
/// # Errors
/// When it is none of those, or asks what devices cannot: categories by number, several classes, zeros as absent values; or
/// when `names` are missing, too many or not wanted.
pub fn read(path: &Path, names: &[String]) -> anyhow::Result<Imported> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&bytes, names).with_context(|| format!("the model {} is not taken", path.display()))
}

/// Reads a model of another library from its bytes.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], names: &[String]) -> anyhow::Result<Imported> {
    ensure!(!bytes.is_empty(), "it is empty");
    if onnx::is_onnx(bytes) {
        return onnx::parse(bytes, names);
    }
    ensure!(names.is_empty(), "it is no ONNX, and names its features itself: leave --features out");
    let text = std::str::from_utf8(bytes).ok().context(NONE_OF_THEM)?;
    if text.starts_with("tree\n") || text.starts_with("tree\r\n") {
        return lightgbm::parse(text);
    }
    let document: Value = serde_json::from_str(text).context(NONE_OF_THEM)?;
    if document.get("learner").is_some() {
        return xgboost::parse(&document);
    }
    if document.get("sklearn").is_some() {
        return sklearn::parse(&document);
    }
    bail!(NONE_OF_THEM)
}

impl Imported {
    /// Makes it a model of tables with columns of these names.
    #[must_use]
    pub fn of_table(&self, label: &str) -> TableModel {
        let encoded =
            |column: &String| Encoded { column: column.clone(), kind: Kind::Number { name: plain(column) } };
        let encoding = Encoding { columns: self.features.iter().map(encoded).collect() };
        let names = encoding.names();
        let model = self.form.member(&format!("log-odds of {label}"), &names, &|_| encoding.definitions());
        let absent = if let Form::Line(line) = &self.form { line.means.clone() } else { Vec::new() };
        TableModel::new(label, None, encoding, model, absent, Calibration::None)
    }

    /// Makes it a member of a pack's models: its features are the pack's.
    ///
    /// # Errors
    /// When the pack has no feature of a name, or does not take the model.
    pub fn of_pack(&self, pack: &Value, id: &Name, title: &str) -> anyhow::Result<Value> {
        let read = Pack::read(pack).context("the pack is wrong")?;
        for name in &self.features {
            ensure!(
                read.feature(name).is_some(),
                "the model reads {name}, and the pack has no feature of this name"
            );
        }
        let member = self.form.member(title, &self.features, &|names| definitions(pack, names));
        let mut with = pack.clone();
        let models = with
            .as_object_mut()
            .context("a pack is an object")?
            .entry("models")
            .or_insert_with(|| Value::Object(Map::new()));
        models[id.as_str()] = member.clone();
        Pack::read(&with).context("the pack does not take the model")?;
        Ok(json!({ id.as_str(): member }))
    }
}

/// A tree as tables of nodes, as libraries keep them.
struct Nodes<'a> {
    /// Nothing at a leaf.
    split: &'a dyn Fn(usize) -> Option<Split>,
    value: &'a dyn Fn(usize) -> f64,
    cover: &'a dyn Fn(usize) -> u32,
}

struct Split {
    column: usize,
    cut: f64,
    absent_left: bool,
    left: usize,
    right: usize,
}

impl Nodes<'_> {
    /// Writes the tree that begins at a node, each node before its branches.
    fn tree(&self, root: usize) -> anyhow::Result<Vec<Node>> {
        let mut tree = Vec::new();
        self.write(root, 0, &mut tree)?;
        Ok(tree)
    }

    fn write(&self, at: usize, depth: usize, tree: &mut Vec<Node>) -> anyhow::Result<()> {
        ensure!(depth <= 64, "a tree is deeper than 64, or a node is below itself");
        let Some(Split { column, cut, absent_left, left, right }) = (self.split)(at) else {
            let value = (self.value)(at);
            ensure!(value.is_finite(), "a leaf is no number");
            tree.push(Node::Leaf { value, cover: (self.cover)(at) });
            return Ok(());
        };
        ensure!(cut.is_finite(), "a cut is no number");
        let place = tree.len();
        tree.push(Node::Leaf { value: 0.0, cover: 0 });
        self.write(left, depth + 1, tree)?;
        tree[place] = Node::Split { column, cut, absent_left, right: tree.len() };
        self.write(right, depth + 1, tree)
    }
}

fn check_columns(trees: &Ensemble, features: usize) -> anyhow::Result<()> {
    let last = trees.columns().last().copied();
    ensure!(
        last.is_none_or(|last| last < features),
        "a tree asks of feature {} of {features}",
        last.unwrap_or(0)
    );
    Ok(())
}

/// The cut for which `value < cut` is `value <= at`.
fn at_most(at: f64) -> f64 {
    at.next_up()
}

/// The cut for which `value < cut` is `(value as f32) < at`: half-way to the float below, which rounding to even gives to
/// one of the two.
fn below_in_f32(at: f32) -> f64 {
    let middle = f64::midpoint(f64::from(at.next_down()), f64::from(at));
    if at.to_bits() & 1 == 0 { middle } else { middle.next_up() }
}

/// The cut for which `value < cut` is `(value as f32) <= at`.
fn at_most_in_f32(at: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded on purpose, and corrected")]
    let near = at as f32;
    let largest = if f64::from(near) > at { near.next_down() } else { near };
    below_in_f32(largest.next_up())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "what the libraries do")]
    fn cuts_turn_where_rounding_to_32_bits_does() {
        for at in [0.1_f32, 1.0, 1.0_f32.next_up(), -3.7, 12345.678, 1e-20, 0.0, -0.5] {
            let cut = below_in_f32(at);
            for value in [cut, cut.next_down(), cut.next_up(), f64::from(at), f64::from(at.next_down()), 0.0]
            {
                assert_eq!(value < cut, (value as f32) < at, "{value:e} {at:e}");
            }
            for threshold in [f64::from(at), f64::from(at).next_up(), f64::from(at).next_down()] {
                let cut = at_most_in_f32(threshold);
                for value in [cut, cut.next_down(), cut.next_up(), threshold, threshold.next_up()] {
                    assert_eq!(value < cut, f64::from(value as f32) <= threshold, "{value:e} {threshold:e}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_model_is_refused() {
        for text in ["", "{}", "[]", "tree\nversion=v4\n", "{\"learner\": {}}", "{\"sklearn\": 1}", "pickle"]
        {
            assert!(parse(text.as_bytes(), &[]).is_err(), "{text}");
        }
    }
}
