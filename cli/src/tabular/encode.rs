//! From texts to numbers: learned on the rows of a training, kept with the model, applied to any other table alike.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use keepset_wire::sha256;
use serde::{Deserialize, Serialize};

use super::frame::{Frame, is_absent};
use crate::learn::Matrix;
use crate::learn::chance::Chance;

/// How the columns of a table become those of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// The columns, in the order of the table learned from.
    pub columns: Vec<Encoded>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoded {
    /// Its name in the table.
    pub column: String,
    /// How it is read.
    pub kind: Kind,
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// As a number; `name` is the model's.
    Number {
        /// The model's name of it.
        name: String,
    },
    /// As texts, each of the frequent ones a column of 0 and 1, under the model's name.
    Levels {
        /// The texts and the model's names of them.
        names: Vec<(String, String)>,
    },
    /// As texts, each a number: the smoothed share of yes among the rows learned from.
    Shares {
        /// The model's name of it.
        name: String,
        /// By text.
        shares: BTreeMap<String, f64>,
        /// Of every other text.
        other: f64,
    },
}

/// A text that fewer rows have is one of the others.
const LEAST_ROWS: usize = 20;
/// So many texts of a column get a column of their own.
const MOST_LEVELS: usize = 40;
/// Columns with more texts than this are also read as shares.
const MANY_LEVELS: usize = 12;
/// The whole table's share weighs as much as so many rows.
const SMOOTHING: f64 = 30.0;
/// Shares of the rows learned from are those of other rows than their own, in so many parts.
const PARTS: usize = 5;

impl Encoding {
    /// Learns the encoding of these columns; `texts` names those that hold numbers but mean none.
    ///
    /// # Errors
    /// When a column is not there, or a number is infinite.
    pub fn learn(
        frame: &Frame,
        columns: &[String],
        texts: &[String],
        labels: &[bool],
    ) -> anyhow::Result<Self> {
        let mut encoding = Self::default();
        let mut taken: Vec<String> = Vec::new();
        let mut name = |text: &str| {
            let name = unique(&plain(text), &taken);
            taken.push(name.clone());
            name
        };
        for column in columns {
            let cells = frame.column(column)?;
            let is_number = !texts.contains(column)
                && cells.iter().all(|cell| is_absent(cell) || cell.parse::<f64>().is_ok());
            if is_number {
                if cells.iter().all(|cell| is_absent(cell)) {
                    continue;
                }
                encoding
                    .columns
                    .push(Encoded { column: column.clone(), kind: Kind::Number { name: name(column) } });
                continue;
            }
            let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
            for (cell, label) in cells.iter().zip(labels) {
                let count = counts.entry(cell).or_default();
                *count = (count.0 + 1, count.1 + usize::from(*label));
            }
            let mut frequent: Vec<(&str, usize)> = counts
                .iter()
                .map(|(text, count)| (*text, count.0))
                .filter(|(_, count)| *count >= LEAST_ROWS)
                .collect();
            frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            frequent.truncate(MOST_LEVELS);
            let many = counts.len() > MANY_LEVELS;
            // Of two texts that are all there is, one says it.
            if counts.len() == 2 && frequent.len() == 2 {
                frequent.truncate(1);
            }
            let names: Vec<(String, String)> = frequent
                .iter()
                .map(|(text, _)| ((*text).to_owned(), name(&format!("{column}.{text}"))))
                .collect();
            if !names.is_empty() {
                encoding.columns.push(Encoded { column: column.clone(), kind: Kind::Levels { names } });
            }
            if many {
                let other = share(labels);
                let shares = smoothed(&counts, other);
                let kind = Kind::Shares { name: name(&format!("{column}.share")), shares, other };
                encoding.columns.push(Encoded { column: column.clone(), kind });
            }
        }
        ensure!(!encoding.columns.is_empty(), "no column is left to learn from");
        Ok(encoding)
    }

    /// Lists the model's names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names = |encoded: &Encoded| match &encoded.kind {
            Kind::Number { name } | Kind::Shares { name, .. } => vec![name.clone()],
            Kind::Levels { names } => names.iter().map(|(_, name)| name.clone()).collect(),
        };
        self.columns.iter().flat_map(names).collect()
    }

    /// For each of the model's names, the column of the table.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let sources = |encoded: &Encoded| match &encoded.kind {
            Kind::Levels { names } => vec![encoded.column.clone(); names.len()],
            _ => vec![encoded.column.clone()],
        };
        self.columns.iter().flat_map(sources).collect()
    }

    /// Returns the hash of what the columns mean: a model of another encoding is refused.
    #[must_use]
    pub fn definitions(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        sha256(&[text.as_bytes()]).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Encodes a table.
    ///
    /// # Errors
    /// When a column is missing, or holds a text where the model was trained on numbers.
    pub fn apply(&self, frame: &Frame) -> anyhow::Result<Matrix> {
        self.encode(frame, |shares, other, cells| {
            cells.iter().map(|cell| shares.get(cell.as_str()).copied().unwrap_or(other)).collect()
        })
    }

    /// Encodes the table learned from: shares are those of the other rows.
    ///
    /// # Errors
    /// As [`Encoding::apply`].
    pub fn apply_to_own(&self, frame: &Frame, labels: &[bool], seed: u64) -> anyhow::Result<Matrix> {
        let mut chance = Chance::new(seed, 3);
        let part: Vec<usize> = (0..frame.rows()).map(|_| chance.below(PARTS)).collect();
        self.encode(frame, |_, other, cells| {
            let mut values = vec![other; cells.len()];
            for own in 0..PARTS {
                let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
                for ((cell, label), _) in
                    cells.iter().zip(labels).zip(&part).filter(|(_, part)| **part != own)
                {
                    let count = counts.entry(cell).or_default();
                    *count = (count.0 + 1, count.1 + usize::from(*label));
                }
                let shares = smoothed(&counts, other);
                for ((value, cell), _) in
                    values.iter_mut().zip(cells).zip(&part).filter(|(_, part)| **part == own)
                {
                    *value = shares.get(cell.as_str()).copied().unwrap_or(other);
                }
            }
            values
        })
    }

    fn encode(
        &self,
        frame: &Frame,
        shared: impl Fn(&BTreeMap<String, f64>, f64, &[String]) -> Vec<f64>,
    ) -> anyhow::Result<Matrix> {
        let mut columns = Vec::new();
        for Encoded { column, kind } in &self.columns {
            let cells = frame.column(column).context("the model reads a column that is not there")?;
            match kind {
                Kind::Number { .. } => columns.push(numbers(column, cells)?),
                Kind::Levels { names } => {
                    for (text, _) in names {
                        columns.push(cells.iter().map(|cell| f64::from(u8::from(cell == text))).collect());
                    }
                }
                Kind::Shares { shares, other, .. } => columns.push(shared(shares, *other, cells)),
            }
        }
        Ok(Matrix::new(columns))
    }
}

fn numbers(column: &str, cells: &[String]) -> anyhow::Result<Vec<f64>> {
    let read = |(row, cell): (usize, &String)| {
        if is_absent(cell) {
            return Ok(f64::NAN);
        }
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => bail!("row {}: {column} is infinite", row + 1),
            Err(_) => bail!("row {}: {column} is {cell:?}, where the model reads a number", row + 1),
        }
    };
    cells.iter().enumerate().map(read).collect()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn smoothed(counts: &BTreeMap<&str, (usize, usize)>, other: f64) -> BTreeMap<String, f64> {
    let frequent = counts.iter().filter(|(_, count)| count.0 >= 5);
    frequent
        .map(|(text, (rows, hits))| {
            let share = (*hits as f64 + SMOOTHING * other) / (*rows as f64 + SMOOTHING);
            ((*text).to_owned(), (share * 1e6).round() / 1e6)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn share(labels: &[bool]) -> f64 {
    labels.iter().filter(|label| **label).count() as f64 / labels.len() as f64
}

/// A name that packs take, made of a text.
pub(crate) fn plain(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '_' })
        .take(48)
        .collect();
    if plain.starts_with(|first: char| first.is_ascii_lowercase()) { plain } else { format!("c_{plain}") }
}

fn unique(name: &str, taken: &[String]) -> String {
    let numbered = |number: usize| if number == 1 { name.to_owned() } else { format!("{name}.{number}") };
    (1..).map(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}
