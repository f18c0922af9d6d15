//! A table as a file holds it: texts in named columns.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::log::unpacked;

/// What stands for no value in tables of others.
const ABSENT: [&str; 8] = ["", "NA", "N/A", "nan", "NaN", "NULL", "null", "?"];

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The names of the columns.
    pub names: Vec<String>,
    /// By column: its texts, a row each.
    pub cells: Vec<Vec<String>>,
}

impl Frame {
    /// Reads CSV with a line of names, gzipped or not.
    ///
    /// # Errors
    /// When the file cannot be read, two columns have one name, or a line has another number of fields.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("the table {} is wrong", path.display());
        let mut reader = csv::Reader::from_reader(unpacked(path)?);
        let names: Vec<String> = reader.headers().with_context(place)?.iter().map(str::to_owned).collect();
        if let Some(twice) = (1..names.len()).find(|place| names[..*place].contains(&names[*place])) {
            bail!("{}: two columns are named {}", place(), names[twice]);
        }
        let mut cells: Vec<Vec<String>> = vec![Vec::new(); names.len()];
        for record in reader.records() {
            let record = record.with_context(place)?;
            cells.iter_mut().zip(&record).for_each(|(column, cell)| column.push(cell.trim().to_owned()));
        }
        ensure!(cells.first().is_some_and(|column| !column.is_empty()), "{}: it has no rows", place());
        Ok(Self { names, cells })
    }

    /// Puts a table together from columns.
    #[must_use]
    pub fn of(columns: Vec<(&str, Vec<String>)>) -> Self {
        let (names, cells) = columns.into_iter().map(|(name, cells)| (name.to_owned(), cells)).unzip();
        Self { names, cells }
    }

    /// Returns how many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.cells.first().map_or(0, Vec::len)
    }

    /// Returns the texts of a column.
    ///
    /// # Errors
    /// When there is no such column; the message lists those there are.
    pub fn column(&self, name: &str) -> anyhow::Result<&[String]> {
        let place = self.names.iter().position(|known| known == name);
        let place = place
            .with_context(|| format!("the table has no column {name:?}; it has {}", self.names.join(", ")))?;
        Ok(&self.cells[place])
    }

    /// Returns these rows, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let cells = self.cells.iter().map(|column| rows.iter().map(|row| column[*row].clone()).collect());
        Self { names: self.names.clone(), cells: cells.collect() }
    }

    /// Reads a column of yes and no: yes is the text `positive`, or without one 1, true, yes or y.
    ///
    /// # Errors
    /// When there is no such column, a cell is absent, or all say the same.
    pub fn labels(&self, name: &str, positive: Option<&str>) -> anyhow::Result<Vec<bool>> {
        let cells = self.column(name)?;
        if let Some(row) = cells.iter().position(|cell| is_absent(cell)) {
            bail!("row {} has no {name}: a row without an outcome teaches nothing; leave it out", row + 1);
        }
        let yes = |cell: &String| match positive {
            Some(positive) => cell == positive,
            None => ["1", "1.0", "true", "yes", "y"].contains(&cell.to_lowercase().as_str()),
        };
        let labels: Vec<bool> = cells.iter().map(yes).collect();
        let count = labels.iter().filter(|label| **label).count();
        if count == 0 || count == labels.len() {
            let mut seen: Vec<&str> = cells.iter().map(String::as_str).collect();
            seen.sort_unstable();
            seen.dedup();
            seen.truncate(5);
            bail!(
                "{name} says {} in every row, so there is nothing to tell apart; it holds {}{}",
                if count == 0 { "no" } else { "yes" },
                seen.join(", "),
                if positive.is_none() { "; which of them is yes? --positive TEXT" } else { "" }
            );
        }
        Ok(labels)
    }
}

/// Tells whether a cell holds no value.
#[must_use]
pub fn is_absent(cell: &str) -> bool {
    ABSENT.contains(&cell)
}
