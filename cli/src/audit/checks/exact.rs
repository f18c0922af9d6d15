//! The whole numbers: can any answer be likelier than `e^epsilon` allows?

use super::{Audit, grouped};
use crate::audit::finding::{Finding, Section};

pub(super) fn check(audit: &Audit<'_>) -> Section {
    let findings = audit.subjects.iter().map(|subject| {
        let epsilon = subject.epsilon.value();
        let worst = subject.law.worst();
        let measured = worst.as_ref().map_or("inputs weigh differently together".into(), |worst| {
            format!("{:.9} over {} ratios", worst.epsilon, grouped(worst.compared))
        });
        Finding {
            about: subject.title(),
            claimed: format!("log ratio at most {epsilon}"),
            measured,
            holds: worst.is_some_and(|worst| worst.epsilon <= epsilon && worst.epsilon > epsilon - 1e-9),
        }
    });
    let method = "The largest ratio of probabilities, over every pair of inputs and every output, with the mechanism's whole-number weights, from its definition. That the \
                  shipped module draws by these weights is what the replay and the counts below show.";
    Section {
        code: "exact",
        title: "The channel keeps its epsilon",
        method: method.into(),
        findings: findings.collect(),
    }
}
