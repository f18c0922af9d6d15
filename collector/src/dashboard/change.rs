//! By how much shares differ from the window before, as a table.

use keepset_privacy::finding::Finding;
use keepset_wire::Question;

use super::words::{decimals, label};
use crate::changes::Change;
use crate::estimate::QuestionEstimates;

/// A line of the table.
pub(super) struct ChangeLine {
    pub(super) title: String,
    pub(super) difference: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) verdict: &'static str,
}

/// Writes what changed in a question.
pub(super) fn lines(question: &Question, estimates: &QuestionEstimates) -> Vec<ChangeLine> {
    let line = |(finding, change): (&Finding, &Option<Change>)| {
        let change = (*change)?;
        let digits = decimals(change.low, change.high);
        let points = |value: f64| format!("{:+.digits$}", value * 100.0);
        Some(ChangeLine {
            title: label(question, finding.measure),
            difference: points(change.difference),
            low: points(change.low),
            high: points(change.high),
            verdict: if change.is_significant() { "more than chance" } else { "not significant" },
        })
    };
    estimates.findings.iter().zip(&estimates.changes).filter_map(line).collect()
}
