//! Learning from a table of numbers: linear models with an elastic net, boosted trees and forests.
//!
//! Written here, and not taken from a crate, where a learner must give its trees away as plain numbers, know what is
//! absent, and give the same bits from the same seed: docs/adr/0013 says why.

pub mod bayes;
pub mod boost;
pub mod chance;
pub mod counts;
pub mod elastic;
pub mod forest;
pub mod hazard;
pub mod scale;
mod split;
pub mod tree;

/// Numbers in columns of one length; what is absent is not a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// The columns.
    pub columns: Vec<Vec<f64>>,
    /// How many rows each has.
    pub rows: usize,
}

impl Matrix {
    /// Takes columns of one length.
    #[must_use]
    pub fn new(columns: Vec<Vec<f64>>) -> Self {
        Self { rows: columns.first().map_or(0, Vec::len), columns }
    }

    /// Returns these rows, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| rows.iter().map(|row| column[*row]).collect());
        Self { columns: columns.collect(), rows: rows.len() }
    }
}
