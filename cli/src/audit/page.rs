//! The page an auditor can file: everything that was found, in one file of HTML without a script.

use anyhow::Context as _;
use askama::Template;

use super::Report;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    report: &'a Report<'a>,
    claims: usize,
    failed: usize,
}

/// Writes the page.
pub(super) fn page(report: &Report<'_>) -> anyhow::Result<String> {
    Page { report, claims: report.claims(), failed: report.failed() }
        .render()
        .context("the page could not be written")
}
