//! The form of a report: does anything but the answer tell devices apart?

use super::{Audit, grouped};
use crate::audit::draws::joined;
use crate::audit::finding::{Finding, Section};

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let mut findings = Vec::new();
    for (index, subject) in audit.subjects.iter().enumerate() {
        let tally = joined(&audit.demands, &audit.tallies, |demand| demand.subject == index)?;
        let draws = tally.draws();
        let strange = tally.strange.iter().map(|(what, count)| format!("{} {what}", grouped(*count)));
        let strange: Vec<String> = strange.collect();
        findings.push(Finding {
            about: subject.title(),
            claimed: "only the answer differs".into(),
            measured: if strange.is_empty() {
                format!("all of {} from {} inputs", grouped(draws), subject.dues.len())
            } else {
                format!("of {}: {}", grouped(draws), strange.join("; "))
            },
            holds: strange.is_empty(),
        });
    }
    let method = "Every draw of the audit is read: it must be a report, whatever the input, as long as every other of its plan, with the bytes before the \
                  answer as this program's engine writes them, an answer that can be, and zeros behind it.";
    Ok(Section {
        code: "shape",
        title: "Reports differ in their answer alone",
        method: method.into(),
        findings,
    })
}
