//! What was found: a claim, what was measured, and whether the claim holds.

use serde::Serialize;

use crate::table::aligned;

/// One claim beside what was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    /// What the claim is about.
    pub(super) about: String,
    pub(super) claimed: String,
    pub(super) measured: String,
    pub(super) holds: bool,
}

/// Claims of one kind.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Section {
    /// A stable word for the kind.
    pub(super) code: &'static str,
    /// What is asked.
    pub(super) title: &'static str,
    /// How it is measured.
    pub(super) method: String,
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    /// The word for the verdict.
    pub(super) fn verdict(&self) -> &'static str {
        if self.holds { "holds" } else { "FAILS" }
    }
}

/// Writes the sections as one table.
pub(super) fn table(sections: &[Section]) -> String {
    let mut rows = Vec::new();
    for section in sections {
        rows.push(vec![section.title.to_owned()]);
        for finding in &section.findings {
            rows.push(vec![
                format!("  {}", finding.about),
                finding.claimed.clone(),
                finding.measured.clone(),
                finding.verdict().into(),
            ]);
        }
    }
    // A heading may be longer than any claim; it widens no column.
    let headings: Vec<String> = rows.iter().filter(|row| row.len() == 1).map(|row| row[0].clone()).collect();
    rows.iter_mut().filter(|row| row.len() == 1).for_each(|row| row[0].clear());
    let mut headings = headings.into_iter();
    let lines = aligned(&["", "claimed", "measured", "verdict"], rows);
    let write =
        |line: &str| if line.is_empty() { headings.next().unwrap_or_default() } else { line.to_owned() };
    lines.lines().map(write).collect::<Vec<_>>().join("\n")
}
