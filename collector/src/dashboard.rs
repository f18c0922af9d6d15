//! The dashboard: one page of HTML and SVG, no script.

use keepset_wire::{Plan, PlanHash, Window};

use crate::estimate::WindowEstimates;
use crate::task::Task;

/// The style sheet.
pub const STYLE: &str = "";

/// Writes the page.
///
/// # Errors
/// Never in practice.
pub fn page(
    plan: &Plan,
    _hash: PlanHash,
    _tasks: &[Task],
    _simulation: bool,
    _windows: &[WindowEstimates],
    _wanted: Option<Window>,
) -> Result<String, askama::Error> {
    Ok(plan.id.to_string())
}
