//! Rows in order of time: which facts only tell how late it is, and how fast what is long ago stops counting.
//!
//! A fact that tells later rows from earlier ones (adversarial validation) will say something new again when the model is
//! used: what was learned of it is what happened to happen then.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::learn::Matrix;
use crate::tabular::select::area;

/// How rows in order of time are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Facts that tell the later half of the rows from the earlier one with an AUC of this or more are left out.
    pub steady: f64,
    /// After this share of all rows, counted back from the last, a row counts half.
    pub fade: Option<f64>,
}

impl Look {
    /// Reads every fact of every row alike.
    pub const PLAIN: Self = Self { steady: f64::INFINITY, fade: None };

    /// What is tried on rows in order of time; the first is the plainest.
    pub const OF_TIME: [Self; 7] = [
        Self { steady: 0.8, fade: None },
        Self { steady: 0.8, fade: Some(0.25) },
        Self { steady: 0.9, fade: None },
        Self { steady: 0.9, fade: Some(0.25) },
        Self { steady: 0.9, fade: Some(0.1) },
        Self::PLAIN,
        Self { steady: f64::INFINITY, fade: Some(0.1) },
    ];

    /// The weights of so many rows, of mean 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
    pub fn weights(self, rows: usize) -> Vec<f64> {
        let Some(fade) = self.fade else { return vec![1.0; rows] };
        let half = (rows as f64 * fade).max(1.0);
        let raw: Vec<f64> = (0..rows).map(|row| (-((rows - 1 - row) as f64) / half).exp2()).collect();
        let mean = raw.iter().sum::<f64>() / rows as f64;
        raw.iter().map(|weight| weight / mean).collect()
    }
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.steady.is_finite() {
            write!(f, "; without what tells later rows from earlier ones (AUC {} and more)", self.steady)?;
        }
        self.fade.map_or(Ok(()), |fade| write!(f, "; a row counts half after {fade} of the rows"))
    }
}

/// A numeric column of more different values is read in so many steps.
const STEPS: usize = 20;

/// The columns of rows in order of time, and how well each one's fact tells later rows from earlier ones; those of one source are one fact.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    matrix: &'a Matrix,
    sources: &'a [String],
    /// Measured when a look first asks.
    telling: OnceCell<Vec<f64>>,
}

impl<'a> Columns<'a> {
    /// Takes columns; `sources` names, for each, the fact it comes from.
    #[must_use]
    pub fn new(matrix: &'a Matrix, sources: &'a [String]) -> Self {
        Self { matrix, sources, telling: OnceCell::new() }
    }

    /// Returns the matrix in which the columns that a look leaves out say nothing.
    #[must_use]
    pub fn masked(&self, look: Look) -> Cow<'a, Matrix> {
        if look.steady.is_infinite() {
            return Cow::Borrowed(self.matrix);
        }
        let kept = |(column, telling): (&Vec<f64>, &f64)| {
            if *telling < look.steady { column.clone() } else { vec![0.0; column.len()] }
        };
        Cow::Owned(Matrix::new(self.matrix.columns.iter().zip(self.telling()).map(kept).collect()))
    }

    /// For each column: the AUC with which its fact tells the later half of the rows from the earlier one.
    #[must_use]
    pub fn telling(&self) -> &[f64] {
        self.telling.get_or_init(|| {
            let mut of_source: BTreeMap<&String, Vec<&[f64]>> = BTreeMap::new();
            for (source, column) in self.sources.iter().zip(&self.matrix.columns) {
                of_source.entry(source).or_default().push(column);
            }
            let told: BTreeMap<&String, f64> =
                of_source.into_iter().map(|(source, columns)| (source, telling(&columns))).collect();
            self.sources.iter().map(|source| told[source]).collect()
        })
    }
}

/// The AUC with which the later half is told by the share of later rows among those with the same values.
fn telling(columns: &[&[f64]]) -> f64 {
    let rows = columns.first().map_or(0, |column| column.len());
    let steps: Vec<Vec<u64>> = columns.iter().map(|column| in_steps(column)).collect();
    let key = |row: usize| steps.iter().map(|column| column[row]).collect::<Vec<u64>>();
    let is_late = |row: usize| row >= rows / 2;
    let mut counts: BTreeMap<Vec<u64>, (f64, f64)> = BTreeMap::new();
    for row in 0..rows {
        let count = counts.entry(key(row)).or_default();
        *count = (count.0 + 1.0, count.1 + f64::from(u8::from(is_late(row))));
    }
    let scores: Vec<f64> = (0..rows).map(|row| counts[&key(row)]).map(|(all, late)| late / all).collect();
    area(&scores, &(0..rows).map(is_late).collect::<Vec<_>>())
}

/// A column's values by number, or where there are many by the step of equally many rows that they lie in.
fn in_steps(column: &[f64]) -> Vec<u64> {
    let mut sorted: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut cuts = sorted.clone();
    cuts.dedup();
    if cuts.len() > STEPS {
        cuts = (1..STEPS).map(|step| sorted[sorted.len() * step / STEPS]).collect();
        cuts.dedup();
    }
    let place = |value: &f64| {
        if value.is_nan() { u64::MAX } else { cuts.partition_point(|cut| cut <= value) as u64 }
    };
    column.iter().map(place).collect()
}
