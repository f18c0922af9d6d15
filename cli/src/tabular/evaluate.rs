//! What a model is worth on a table it was not trained on.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Serialize;

use super::frame::Frame;
use super::model::TableModel;
use super::select::area;
use crate::learn::Matrix;
use crate::learn::chance::Chance;
use crate::train::quality::{Scored, Worth};

/// What a model is worth.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// On all rows.
    pub worth: Worth,
    /// On the rows of each group: the column, its text, and what the model is worth there; nothing where all are alike.
    pub groups: Vec<Group>,
    /// By how much the AUC falls when a column is shuffled, the largest first.
    pub importance: Vec<(String, f64)>,
}

/// The rows of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The column.
    pub column: String,
    /// Its text.
    pub text: String,
    /// How many rows.
    pub rows: usize,
    /// The share that is a yes.
    pub rate: f64,
    /// The mean probability foretold.
    pub foretold: f64,
    /// The AUC within the group, where it has both outcomes.
    pub auc: Option<f64>,
}

/// Smaller groups are not shown: their figures are noise.
const LEAST_ROWS: usize = 50;
/// A column is shuffled so many times.
const SHUFFLES: u64 = 3;
/// Above so many rows a part of them is enough for importances.
const MOST_ROWS: usize = 5_000;

/// Measures a model on a table, and on its rows by the texts of columns.
///
/// # Errors
/// When a column is not there, or all outcomes are the same.
pub fn evaluate(model: &TableModel, frame: &Frame, by: &[String], seed: u64) -> anyhow::Result<Evaluation> {
    let labels = frame.labels(&model.label, model.positive.as_deref())?;
    let matrix = model.encoding.apply(frame)?;
    let scores = model.scores(&matrix)?;
    let probabilities: Vec<f64> = scores.iter().map(|score| model.calibration.probability(*score)).collect();
    let scored: Vec<Scored> =
        scores.iter().zip(&labels).map(|(margin, label)| Scored { margin: *margin, label: *label }).collect();
    let mut groups = Vec::new();
    for column in by {
        groups.extend(of_groups(column, frame.column(column)?, &scores, &probabilities, &labels));
    }
    Ok(Evaluation {
        worth: Worth::of(&scored, &probabilities, seed).context("every outcome is the same")?,
        groups,
        importance: importance(model, &matrix, &labels, seed)?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn of_groups(
    column: &str,
    cells: &[String],
    scores: &[f64],
    probabilities: &[f64],
    labels: &[bool],
) -> Vec<Group> {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    cells.iter().enumerate().for_each(|(row, cell)| rows.entry(cell).or_default().push(row));
    let group = |(text, rows): (&str, Vec<usize>)| {
        let count = rows.len() as f64;
        let own: Vec<bool> = rows.iter().map(|row| labels[*row]).collect();
        let own_scores: Vec<f64> = rows.iter().map(|row| scores[*row]).collect();
        let both = own.contains(&true) && own.contains(&false);
        Group {
            column: column.to_owned(),
            text: text.to_owned(),
            rows: rows.len(),
            rate: own.iter().filter(|label| **label).count() as f64 / count,
            foretold: rows.iter().map(|row| probabilities[*row]).sum::<f64>() / count,
            auc: both.then(|| area(&own_scores, &own)),
        }
    };
    rows.into_iter().filter(|(_, rows)| rows.len() >= LEAST_ROWS).map(group).collect()
}

/// Shuffles the columns of the model that come from one column of the table, together.
#[expect(clippy::cast_precision_loss, reason = "a number of shuffles")]
fn importance(
    model: &TableModel,
    matrix: &Matrix,
    labels: &[bool],
    seed: u64,
) -> anyhow::Result<Vec<(String, f64)>> {
    let rows = Chance::new(seed, 5).some(matrix.rows, MOST_ROWS);
    let mut matrix = matrix.take(&rows);
    let labels: Vec<bool> = rows.iter().map(|row| labels[*row]).collect();
    let whole = area(&model.scores(&matrix)?, &labels);
    let mut sources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (column, source) in model.encoding.sources().into_iter().enumerate() {
        sources.entry(source).or_default().push(column);
    }
    let mut falls = Vec::new();
    for (source, columns) in sources {
        let mut fall = 0.0;
        for round in 0..SHUFFLES {
            let order = Chance::new(seed, 6 + round).shuffled(matrix.rows);
            let kept: Vec<Vec<f64>> = columns.iter().map(|column| matrix.columns[*column].clone()).collect();
            for (column, kept) in columns.iter().zip(&kept) {
                matrix.columns[*column] = order.iter().map(|row| kept[*row]).collect();
            }
            fall += whole - area(&model.scores(&matrix)?, &labels);
            columns.iter().zip(kept).for_each(|(column, kept)| matrix.columns[*column] = kept);
        }
        falls.push((source, fall / SHUFFLES as f64));
    }
    falls.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(falls)
}
