//! What cannot be so: a column that alone tells the outcome was written after it.

use anyhow::bail;

use crate::learn::Matrix;
use crate::train::quality::{Scored, auc};

/// Above this no honest fact of the past separates people; the best single columns of the tables in docs/models.md are below 0.92.
const TOO_GOOD: f64 = 0.985;

/// Refuses a column whose values, on their own, order the rows by outcome almost without a mistake.
///
/// # Errors
/// The first such column, by its name in the table.
pub fn check(matrix: &Matrix, sources: &[String], labels: &[bool], allowed: &[String]) -> anyhow::Result<()> {
    for (column, source) in matrix.columns.iter().zip(sources).filter(|(_, source)| !allowed.contains(source))
    {
        let score = |value: &f64| if value.is_nan() { f64::NEG_INFINITY } else { *value };
        let scored: Vec<Scored> = column
            .iter()
            .zip(labels)
            .map(|(value, label)| Scored { margin: score(value), label: *label })
            .collect();
        let area = auc(&scored).unwrap_or(0.5);
        if area.max(1.0 - area) > TOO_GOOD {
            bail!(
                "the column {source} alone tells the outcome (AUC {:.4}): it was most likely written after it, and a model of it would \
                 foretell nothing. Leave it out with --ignore {source}, or say that it is known beforehand with --allow {source}",
                area.max(1.0 - area)
            );
        }
    }
    Ok(())
}
