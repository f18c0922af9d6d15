//! Ingest: the bytes of a body become admitted reports, all of them or none.

use keepset_privacy::Answering;
use keepset_wire::{Plan, PlanHash, Report, ReportError};

use crate::admit::{Admitted, Refusal, admit};
use crate::clock::Openings;
use crate::problem::{Kind, Problem};

/// The most reports of one body: a device sends one, a relay or a replay many.
pub const MAX_REPORTS: usize = 4_096;

/// Reads a body as reports of `plan` that may be counted now.
///
/// # Errors
/// The first [`Problem`]; then no report of the body is counted.
///
/// # Privacy
/// A problem names a place and what the plan expects, never what was sent.
pub fn read_body(
    plan: &Plan,
    hash: PlanHash,
    tasks: &[Answering],
    open: Openings,
    body: &[u8],
) -> Result<Vec<Admitted>, Problem> {
    let length = Report::length(plan);
    if body.is_empty() {
        return Err(Kind::EmptyBody.into());
    }
    if body.len() > length * MAX_REPORTS {
        return Err(Kind::BodyTooLarge.into());
    }
    if !body.len().is_multiple_of(length) {
        return Err(Problem::from(Kind::WrongLength).at(body.len() / length).expecting(length));
    }
    body.chunks_exact(length)
        .enumerate()
        .map(|(index, bytes)| read_one(plan, hash, tasks, open, bytes).map_err(|problem| problem.at(index)))
        .collect()
}

fn read_one(
    plan: &Plan,
    hash: PlanHash,
    tasks: &[Answering],
    open: Openings,
    bytes: &[u8],
) -> Result<Admitted, Problem> {
    let report = Report::decode(plan, hash, bytes).map_err(undecodable)?;
    admit(plan, tasks, open, report).map_err(inadmissible)
}

fn undecodable(error: ReportError) -> Problem {
    match error {
        ReportError::Length { expected } => Problem::from(Kind::WrongLength).expecting(expected),
        ReportError::Version => Kind::UnknownVersion.into(),
        ReportError::Plan => Kind::UnknownPlan.into(),
        ReportError::Question => Kind::UnknownQuestion.into(),
        ReportError::Answer => Kind::MalformedAnswer.into(),
    }
}

fn inadmissible(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Closed => Kind::WindowClosed.into(),
        Refusal::Ahead => Kind::EpochAhead.into(),
        Refusal::Shape { expected } => Problem::from(Kind::MalformedAnswer).expecting(expected.into()),
    }
}
