//! The random source: what is asked of it, and what happens when it is not one.

use anyhow::Context as _;
use keepset_engine::{Decided, Withheld};
use serde_json::{Value, json};

use super::Audit;
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Batch, Lane, Outcome, Source};

/// At least so many fresh bytes per report and per instance.
const FRESH: u64 = 32;
/// So many reports are asked for with each bad source.
const TRIES: u32 = 20;

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let mut lane = Lane::start(audit.lanes.package)?;
    let due =
        audit.subjects.first().and_then(|subject| subject.dues.first()).context("nothing is audited")?;
    let mut findings = vec![fresh(audit, &mut lane)?];
    for (name, source) in bad() {
        let batch = Batch { due, count: TRIES, source: Source::Bad(source), first: 0, fresh: true };
        let drawn = lane.draw(&batch)?;
        let of = |number: &u32| usize::try_from(*number).ok().and_then(|number| drawn.outcomes.get(number));
        let outcomes: Vec<&Outcome> = drawn.order.iter().filter_map(of).collect();
        let refused = outcomes.iter().filter(|outcome| is_refusal(outcome)).count();
        let stopped = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Threw(_))).count();
        let torn = if stopped == 0 { String::new() } else { format!(", {stopped} stopped in the middle") };
        findings.push(Finding {
            about: name.into(),
            claimed: "no report".into(),
            measured: format!("{refused} of {TRIES} refused{torn}"),
            holds: refused + stopped == outcomes.len() && drawn.order.len() == outcomes.len(),
        });
    }
    let method = "The module finds a source of ours in the place of crypto: bytes asked of a sound one are counted; with each of \
                  the others a new instance is asked for a report.";
    Ok(Section {
        code: "source",
        title: "Without randomness there is no report",
        method: method.into(),
        findings,
    })
}

fn fresh(audit: &Audit<'_>, lane: &mut Lane) -> anyhow::Result<Finding> {
    let mut pulled = Vec::new();
    for due in audit.subjects.iter().flat_map(|subject| &subject.dues) {
        let batch = Batch { due, count: 3, source: audit.lanes.source("fresh"), first: 0, fresh: false };
        pulled.push(lane.draw(&batch)?.pulled);
    }
    let instance = pulled.iter().filter_map(|pulled| pulled.instance).min();
    let report = pulled.iter().filter_map(|pulled| pulled.draw).min();
    let most = pulled.iter().map(|pulled| pulled.most).max();
    let enough = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes >= FRESH);
    let told = |bytes: Option<u64>| bytes.map_or("none".into(), |bytes| bytes.to_string());
    Ok(Finding {
        about: "bytes asked of a sound source".into(),
        claimed: format!("at least {FRESH}, the same for every input"),
        measured: format!("{} by an instance, {} by each later report", told(instance), told(report)),
        holds: enough(instance) && enough(report) && most == report,
    })
}

fn bad() -> Vec<(&'static str, Value)> {
    vec![
        ("a source that gives zeros", json!({ "kind": "zeros" })),
        ("a source that gives one byte for ever", json!({ "kind": "constant" })),
        ("a source that leaves the bytes as they are", json!({ "kind": "untouched" })),
        ("a source that repeats itself", json!({ "kind": "repeating" })),
        ("a source that throws", json!({ "kind": "throws" })),
        ("a source that throws at its second call", json!({ "kind": "ends", "after": 1 })),
        ("a source that throws at its third call", json!({ "kind": "ends", "after": 2 })),
        ("no source at all", json!({ "kind": "missing" })),
        ("a crypto without the function", json!({ "kind": "bare" })),
    ]
}

fn is_refusal(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Returned(bytes) => Decided::from_bytes(bytes)
            .is_some_and(|decided| matches!(decided.report(), Err(Withheld::NoEntropy))),
        Outcome::Threw(_) => false,
    }
}
