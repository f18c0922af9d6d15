//! A trained model of a table, as a file: the encoding, the model as a pack would hold it, and the way to a probability.

use std::path::Path;

use anyhow::{Context as _, ensure};
use keepset_engine::Pack;
use keepset_engine::feature::definitions;
use keepset_engine::model::{Inputs, Model};
use keepset_wire::Name;
use keepset_wire::document::Node;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::encode::Encoding;
use super::frame::Frame;
use super::select::Fitted;
use crate::learn::Matrix;
use crate::learn::scale::{Platt, Staircase, probability};

/// The version of the file.
const FORMAT: u32 = 1;

/// A model of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableModel {
    /// The version of the file.
    pub keepset_table_model: u32,
    /// The column it foretells.
    pub label: String,
    /// The text of it that is a yes.
    pub positive: Option<String>,
    /// How the columns become those of the model.
    pub encoding: Encoding,
    /// The model, as a pack holds it.
    pub model: Value,
    /// What stands in for an absent value of each of the model's columns, of weights; trees know their way without.
    pub absent: Vec<f64>,
    /// From scores to probabilities, for people to read; decisions compare scores.
    pub calibration: Calibration,
}

/// From scores to probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibration {
    /// Scores are log-odds.
    None,
    /// A line, which is in the model itself: scores are log-odds.
    Platt(Platt),
    /// A staircase over the scores.
    Isotonic(Staircase),
}

impl Calibration {
    /// The probability of a score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Self::None | Self::Platt(_) => probability(score),
            Self::Isotonic(stairs) => stairs.apply(score),
        }
    }
}

/// Writes a fitted model as a pack holds it.
#[must_use]
pub fn member(fitted: &Fitted, title: &str, encoding: &Encoding) -> Value {
    let names = encoding.names();
    match fitted {
        Fitted::Line(line) => {
            let weights: serde_json::Map<String, Value> = names
                .iter()
                .zip(&line.weights)
                .filter(|(_, weight)| **weight != 0.0)
                .map(|(name, weight)| (name.clone(), json!(weight)))
                .collect();
            json!({ "kind": "linear", "title": title, "intercept": line.intercept, "weights": weights })
        }
        Fitted::Trees(trees) => trees.member(title, &names, &|_| encoding.definitions(), LEAF_BITS, true),
    }
}

/// Leaves of 10 bits and a sign: 100 trees of depth 6 in 30 kB, at less than 0.001 of the largest leaf each.
pub(crate) const LEAF_BITS: i32 = 10;

impl TableModel {
    /// Puts the file together.
    #[must_use]
    pub fn new(
        label: &str,
        positive: Option<String>,
        encoding: Encoding,
        model: Value,
        absent: Vec<f64>,
        calibration: Calibration,
    ) -> Self {
        Self {
            keepset_table_model: FORMAT,
            label: label.to_owned(),
            positive,
            encoding,
            model,
            absent,
            calibration,
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is no such file or one of another version.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let model: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no model of a table", path.display()))?;
        ensure!(
            model.keepset_table_model == FORMAT,
            "{}: another version of keepset wrote this model; train it again",
            path.display()
        );
        model.scorer()?;
        Ok(model)
    }

    /// The scorer that devices run, reading the encoded columns.
    ///
    /// # Errors
    /// When the model reads a column that the encoding does not have, or was trained with another encoding.
    pub fn scorer(&self) -> anyhow::Result<Model> {
        let names = self.encoding.names();
        let position = |name: &str| names.iter().position(|known| known == name);
        let definitions = |_: &[&str]| self.encoding.definitions();
        let name = Name::parse("model").context("a name")?;
        Ok(Model::read(
            name,
            &Node::root(&self.model),
            Inputs { position: &position, definitions: &definitions },
        )?)
    }

    /// The model as a pack's, under the hash of the pack's features: those it reads are the table's columns of the same names.
    ///
    /// # Errors
    /// When the pack has no feature of a column's name, or a line reads a column with absent values: for those a line in a pack has one
    /// number, and here each column has its mean.
    pub fn of_pack(&self, pack: &Value, id: &Name, frame: &Frame) -> anyhow::Result<Value> {
        let mut model = self.model.clone();
        let names: Vec<String> = match model.get("features").and_then(Value::as_array) {
            Some(features) => features.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            None => self.read_by_line(frame)?,
        };
        let unknown: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| pack["features"].get(name).is_none()).collect();
        ensure!(
            unknown.is_empty(),
            "the pack has no feature {}: name the columns as the features, or leave them out with --ignore",
            unknown.join(", ")
        );
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        model["definitions"] = definitions(pack, &names).into();
        let mut document = pack.clone();
        let models = document.as_object_mut().context("a pack is an object")?.entry("models");
        models.or_insert_with(|| json!({}))[id.as_str()] = model.clone();
        Pack::read(&document).context("the pack does not take the model")?;
        Ok(model)
    }

    /// The names that a line reads, sorted, as a pack sorts them.
    fn read_by_line(&self, frame: &Frame) -> anyhow::Result<Vec<String>> {
        let matrix = self.encoding.apply(frame)?;
        let weights = self.model["weights"].as_object().context("a line has weights")?;
        for ((name, column), source) in
            self.encoding.names().iter().zip(&matrix.columns).zip(self.encoding.sources())
        {
            ensure!(
                !weights.contains_key(name) || column.iter().all(|value| !value.is_nan()),
                "the line reads {source}, of which some rows have no value: leave it out with --ignore, or choose trees with --learner boost"
            );
        }
        Ok(weights.keys().cloned().collect())
    }

    /// Scores every row of an encoded table.
    ///
    /// # Errors
    /// As [`TableModel::scorer`].
    pub fn scores(&self, matrix: &Matrix) -> anyhow::Result<Vec<f64>> {
        let scorer = self.scorer()?;
        let value = |row: usize, column: usize| {
            let value = matrix.columns[column][row];
            if value.is_nan() { self.absent.get(column).copied() } else { Some(value) }
        };
        Ok((0..matrix.rows).map(|row| scorer.score(|column| value(row, column))).collect())
    }

    /// Scores every row of a table.
    ///
    /// # Errors
    /// As [`Encoding::apply`] and [`TableModel::scorer`].
    pub fn scores_of(&self, frame: &Frame) -> anyhow::Result<Vec<f64>> {
        self.scores(&self.encoding.apply(frame)?)
    }
}
