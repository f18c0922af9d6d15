//! The retry: is there ever a second draw in a window?

use std::collections::BTreeSet;

use anyhow::Context as _;
use keepset_engine::{Decided, Due, Withheld};
use keepset_wire::Epsilon;

use super::Audit;
use crate::audit::device::Survey;
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Batch, Lane, Outcome};

/// So often the same window is asked again.
const AGAIN: u32 = 20;
/// So often a collector is down.
const ATTEMPTS: u32 = 12;

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let mut lane = Lane::start(audit.lanes.package)?;
    let findings = vec![module(audit, &mut lane)?, package(&mut lane)?];
    let method = "The state that comes back with a report is put to the module again at the same instant; and the package's client \
                  sends to a collector that is down.";
    Ok(Section { code: "retry", title: "A window is answered once", method: method.into(), findings })
}

/// Puts the state that came back with a report to the module again.
fn module(audit: &Audit<'_>, lane: &mut Lane) -> anyhow::Result<Finding> {
    let (mut asked, mut refused) = (0_usize, 0_usize);
    for due in audit.subjects.iter().flat_map(|subject| &subject.dues) {
        let source = audit.lanes.source("retry");
        let first = lane.draw(&Batch { due, count: 1, source: source.clone(), first: 0, fresh: true })?;
        asked += usize::try_from(AGAIN)?;
        let Some(decided) = first.outcomes.first().and_then(decided) else { continue };
        if decided.report().is_err() {
            continue;
        }
        let again = Due::from_bytes(due)
            .context("the engine cannot read its own question")?
            .again(&decided)
            .to_bytes();
        let drawn = lane.draw(&Batch { due: &again, count: AGAIN, source, first: 1, fresh: true })?;
        let is_answered =
            |outcome: &Outcome| decided_as(outcome).is_some_and(|withheld| withheld == Withheld::Answered);
        let of = |number: &u32| usize::try_from(*number).ok().and_then(|number| drawn.outcomes.get(number));
        refused += drawn.order.iter().filter_map(of).filter(|outcome| is_answered(outcome)).count();
    }
    Ok(Finding {
        about: "the module, asked again after its report".into(),
        claimed: "refuses".into(),
        measured: format!("{refused} of {asked} refused"),
        holds: refused == asked,
    })
}

/// Lets the package's client send, with a plan that has a window a day.
fn package(lane: &mut Lane) -> anyhow::Result<Finding> {
    let survey = Survey::of_sizes(Epsilon::MIN, 3, 1, 1)?;
    let bodies = lane.retry(&survey.json, survey.start()?.millis(), survey.wait(), ATTEMPTS)?;
    let different: BTreeSet<&String> = bodies.iter().collect();
    Ok(Finding {
        about: "the package, its collector down".into(),
        claimed: "sends the same bytes".into(),
        measured: format!("{} attempts, {} different", bodies.len(), different.len()),
        holds: different.len() == 1 && bodies.len() == usize::try_from(ATTEMPTS)?,
    })
}

fn decided(outcome: &Outcome) -> Option<Decided> {
    match outcome {
        Outcome::Returned(bytes) => Decided::from_bytes(bytes),
        Outcome::Threw(_) => None,
    }
}

fn decided_as(outcome: &Outcome) -> Option<Withheld> {
    decided(outcome)?.report().err()
}
