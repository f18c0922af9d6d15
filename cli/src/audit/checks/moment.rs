//! The moment: does when a device reports depend on anything but chance?

use keepset_engine::{Decided, Withheld};
use keepset_wire::Epsilon;

use super::{ALPHA, Audit, grouped};
use crate::audit::device::Survey;
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Batch, Outcome};
use crate::audit::statistics::chi_square;

/// A window of four weeks, as plans have it by default.
const EPOCHS: u32 = 4;
/// Two segments: none, one, the other, both.
const INPUTS: [(u32, &str); 4] = [(0, "in no segment"), (1, "in one"), (2, "in the other"), (3, "in both")];

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let survey = Survey::of_sizes(Epsilon::MAX, 2, 1, EPOCHS)?;
    let source = audit.lanes.source("moment");
    let least = ALPHA / 4.0;
    let device = |(members, name): (u32, _)| anyhow::Ok((members, name, survey.due(members)?));
    let devices = INPUTS.into_iter().map(device).collect::<anyhow::Result<Vec<(u32, &str, Vec<u8>)>>>()?;
    let findings = audit.lanes.each(devices, |lane, (members, name, due)| {
        let count = u32::try_from(audit.size.moments)?;
        let drawn = lane.draw(&Batch {
            due: &due,
            count,
            source: source.clone(),
            first: members.into(),
            fresh: false,
        })?;
        let kinds: Vec<usize> = drawn.outcomes.iter().map(kind).collect();
        let mut counts = [0; 3];
        let of = |number: &u32| usize::try_from(*number).ok().and_then(|number| kinds.get(number)).copied();
        drawn.order.iter().filter_map(of).for_each(|kind| counts[kind] += 1);
        let p = chi_square(&counts, &[0.25, 0.75, 0.0]);
        Ok(Finding {
            about: format!("a device {name}"),
            claimed: format!("a quarter, p > {least:.1e}"),
            measured: format!("{} of {}, p {p:.4}", grouped(counts[0]), grouped(u64::from(count))),
            holds: p > least,
        })
    })?;
    let method = "How many devices report in the first epoch of a window of four, by chi-square.";
    Ok(Section {
        code: "moment",
        title: "When a device reports is chance alone",
        method: method.into(),
        findings,
    })
}

/// A report, none yet, or something else.
fn kind(outcome: &Outcome) -> usize {
    let Outcome::Returned(bytes) = outcome else { return 2 };
    match Decided::from_bytes(bytes).as_ref().map(Decided::report) {
        Some(Ok(_)) => 0,
        Some(Err(Withheld::NotDue)) => 1,
        _ => 2,
    }
}
