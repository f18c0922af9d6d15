//! Estimates with the reports of one origin left out: whether a number is that of all pages or of one.
//!
//! The reports of all origins hold those of one and of the others, so with the others alone an estimate moves by chance with the difference of the two
//! variances.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::{Answering, Estimate};
use keepset_wire::Question;

use crate::alarms::FAR;
use crate::checks::origin_of;
use crate::store::Tally;

/// The estimates of a question without one origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Without {
    /// The origin that is left out, `none` or `other`.
    pub origin: String,
    /// How many reports it sent.
    pub reports: u64,
    /// Every number that is printed with it, as it comes out without it; none where too few reports are left.
    pub shifts: Vec<Shift>,
}

/// One number without one origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// What it is of.
    pub measure: Measure,
    /// The estimate from all other reports.
    pub estimate: Estimate,
    /// Whether it is outside of the interval of all reports, and by more than chance: by five standard errors of the difference.
    pub moved: bool,
}

/// Estimates a question without each origin; `checks` are the parts counted of it, and `findings` what all reports say.
pub(crate) fn without(
    task: &Answering,
    question: &Question,
    all: &Tally,
    findings: &[Finding],
    checks: &BTreeMap<Arc<str>, Tally>,
    least: u64,
) -> Vec<Without> {
    // Of a histogram and a mean the estimates have no shares to compare.
    if task.select().is_none() {
        return Vec::new();
    }
    let origins = checks.iter().filter_map(|(part, tally)| Some((origin_of(part)?, tally)));
    let each = origins.map(|(origin, tally)| {
        let rest = rest(all, tally);
        let enough = rest.reports >= least && tally.reports > 0;
        let found = if enough { task.findings(question, &rest.support, rest.reports) } else { Vec::new() };
        let shifts = findings.iter().zip(&found).filter_map(|(with, without)| shift(with, without));
        Without { origin: origin.to_owned(), reports: tally.reports, shifts: shifts.collect() }
    });
    each.collect()
}

/// What is left of all without some of them.
fn rest(all: &Tally, some: &Tally) -> Tally {
    let mut rest = Tally { reports: all.reports.saturating_sub(some.reports), support: all.support.clone() };
    for (votes, less) in rest.support.iter_mut().zip(&some.support) {
        *votes = votes.saturating_sub(*less);
    }
    rest
}

fn shift(with: &Finding, without: &Finding) -> Option<Shift> {
    let (all, rest) = (with.published().filter(|_| with.measure.is_share())?, without.estimate()?);
    let off = (rest.share - all.share).abs();
    let chance = (rest.standard_error.powi(2) - all.standard_error.powi(2)).max(0.0).sqrt();
    let moved = off > all.half_width && off > FAR * chance;
    Some(Shift { measure: with.measure, estimate: rest, moved })
}
