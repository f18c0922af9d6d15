//! The law: is every answer drawn as often as the channel says, whatever was drawn before?

use super::{ALPHA, Audit, Size, grouped};
use crate::audit::draws::{Demand, joined};
use crate::audit::finding::{Finding, Section};
use crate::audit::statistics::chi_square;
use crate::audit::subject::Subject;

/// What draws are for that are for the law alone.
const PURPOSE: usize = 0;

/// Spreads the draws evenly over all inputs.
pub(super) fn demands(subjects: &[Subject], size: Size) -> impl Iterator<Item = Demand> {
    let each = size.law.div_ceil(inputs(subjects));
    let of = move |(subject, inputs): (usize, usize)| {
        (0..inputs).map(move |input| Demand { subject, input, purpose: PURPOSE, count: each })
    };
    subjects.iter().map(|subject| subject.dues.len()).enumerate().flat_map(of).collect::<Vec<_>>().into_iter()
}

/// Counts every output of every input.
pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let findings = each(audit, |counts, _, probabilities| chi_square(counts, probabilities))?;
    let method = format!(
        "Chi-square of the counts of every output against its exact probability, for every input by itself; \
         a sound module fails any of the {} with probability 1e-4 at most.",
        inputs(&audit.subjects)
    );
    Ok(Section { code: "law", title: "Answers follow the law that estimates invert", method, findings })
}

/// Counts every output with the one after it.
pub(super) fn order(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let judge = |_: &[u64], pairs: &[u64], probabilities: &[f64]| {
        let law: Vec<f64> =
            probabilities.iter().flat_map(|one| probabilities.iter().map(move |next| one * next)).collect();
        chi_square(pairs, &law)
    };
    let findings = each(audit, judge)?;
    let method = "Chi-square of the counts of pairs of successive answers of one instance against the product of their probabilities.";
    Ok(Section {
        code: "order",
        title: "Successive reports are independent",
        method: method.into(),
        findings,
    })
}

fn each(audit: &Audit<'_>, judge: impl Fn(&[u64], &[u64], &[f64]) -> f64) -> anyhow::Result<Vec<Finding>> {
    #[expect(clippy::cast_precision_loss)]
    let least_allowed = ALPHA / inputs(&audit.subjects) as f64;
    let mut findings = Vec::new();
    for (index, subject) in audit.subjects.iter().enumerate() {
        let (mut least, mut draws) = (1.0_f64, 0);
        for input in 0..subject.dues.len() {
            let meant = |demand: &Demand| demand.subject == index && demand.input == input;
            let tally = joined(&audit.demands, &audit.tallies, meant)?;
            draws += tally.draws();
            least = least.min(judge(&tally.counts, &tally.pairs, &subject.law.probabilities(input)));
        }
        findings.push(Finding {
            about: subject.title(),
            claimed: format!("p > {least_allowed:.1e} for every input"),
            measured: format!(
                "least p {least:.1e} of {} inputs, {} draws",
                subject.dues.len(),
                grouped(draws)
            ),
            holds: least > least_allowed,
        });
    }
    Ok(findings)
}

fn inputs(subjects: &[Subject]) -> u64 {
    subjects.iter().map(|subject| subject.dues.len() as u64).sum()
}
