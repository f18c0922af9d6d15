//! Segments put together, as a table.

use keepset_privacy::release::Release;
use keepset_privacy::together::Of;
use keepset_wire::Question;

use super::words::{decimals, label, percent, plain, title};
use crate::estimate::QuestionEstimates;
use crate::rollups::{ChosenBy, Rollup};

/// A line of the table.
pub(super) struct RollupLine {
    pub(super) title: String,
    pub(super) members: String,
    pub(super) estimate: Option<String>,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) note: &'static str,
}

/// Writes what is put together of a question.
pub(super) fn lines(question: &Question, estimates: &QuestionEstimates) -> Vec<RollupLine> {
    estimates.rollups.iter().filter_map(|rollup| line(question, rollup)).collect()
}

fn line(question: &Question, rollup: &Rollup) -> Option<RollupLine> {
    let together = rollup.together?;
    let (estimate, printed) = match together.release {
        Release::Published(estimate) => (estimate, true),
        Release::NotEnough(estimate) => (estimate, false),
    };
    let shown = |value: f64| match together.of {
        Of::Devices => percent(value, decimals(estimate.low, estimate.high)),
        Of::Memberships => plain(value),
    };
    let members: Vec<String> = rollup.members.iter().map(|member| label(question, *member)).collect();
    Some(RollupLine {
        title: title(&rollup.id),
        members: members.join(", "),
        estimate: printed.then(|| shown(estimate.share)),
        low: shown(estimate.low),
        high: shown(estimate.high),
        note: match (together.of, rollup.chosen_by) {
            (Of::Devices, ChosenBy::ThisWindow) => "share of devices; leans low",
            (Of::Devices, _) => "share of devices",
            (Of::Memberships, ChosenBy::ThisWindow) => "memberships of a device, on average; leans low",
            (Of::Memberships, _) => "memberships of a device, on average",
        },
    })
}
