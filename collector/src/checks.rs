//! Checks: what is counted of reports beside their votes, so that those that are made up stand out. Their shapes, and, where that is
//! chosen, their votes by the origin of the page that sent them.
//!
//! They are gathered in memory and written down once a minute ([`crate::store::Aside`]): a crash loses a minute of them and no vote. A body in which one
//! report was counted before is in none: which one it was is not known here.
//!
//! # Privacy
//! Sums alone, of answers that are noised already, and never beside an id. An origin is in no report: it is what the browser says when it
//! sends one, and is kept as a row of sums per window and question.

use std::sync::Arc;

use axum::http::HeaderValue;
use keepset_wire::{Epoch, Plan};

use crate::admit::Admitted;
use crate::estimate::Estimator;
use crate::store::Checks;

/// The part of the checks in which shapes are counted.
pub(crate) const SHAPES: &str = "shapes";
/// What the parts begin with in which votes are counted by origin.
const ORIGIN: &str = "origin ";
/// Of those who name none: apps, servers, and what comes through a relay.
const NONE: &str = "none";
/// Of those who name one that was not declared.
const OTHER: &str = "other";

/// The origins whose reports are compared.
#[derive(Clone, Debug)]
pub struct Origins(Vec<(HeaderValue, Arc<str>)>);

impl Origins {
    /// Compares these.
    #[must_use]
    pub fn new(declared: &[HeaderValue]) -> Self {
        let part = |origin: &HeaderValue| {
            let text = origin.to_str().unwrap_or(OTHER);
            (origin.clone(), Arc::from(format!("{ORIGIN}{text}")))
        };
        Self(declared.iter().map(part).collect())
    }

    /// Returns the part in which reports of an origin are counted: what else a sender writes is in no name.
    fn part(&self, named: Option<&HeaderValue>) -> Arc<str> {
        let Some(named) = named else { return Arc::from(format!("{ORIGIN}{NONE}")) };
        let declared = self.0.iter().find(|(origin, _)| origin == named).map(|(_, part)| Arc::clone(part));
        declared.unwrap_or_else(|| Arc::from(format!("{ORIGIN}{OTHER}")))
    }
}

/// Returns the origin that is counted in a part, if it is one of an origin.
pub(crate) fn origin_of(part: &str) -> Option<&str> {
    part.strip_prefix(ORIGIN)
}

/// What the reports of a body add to the checks once they are counted.
pub(crate) struct Noted {
    shapes: Arc<str>,
    origin: Option<Arc<str>>,
    reports: Vec<NotedReport>,
}

struct NotedReport {
    epoch: Epoch,
    question: u16,
    shape: Option<Vec<u16>>,
    votes: Vec<u16>,
}

impl Noted {
    /// Looks at reports that are to be counted.
    pub(crate) fn of(
        reports: &[Admitted],
        plan: &Plan,
        estimator: &Estimator,
        origins: Option<&Origins>,
        named: Option<&HeaderValue>,
    ) -> Self {
        let origin = origins.map(|origins| origins.part(named));
        let noted = |admitted: &Admitted| {
            let report = admitted.report();
            let raised = estimator.shapes(report.question).map(|shapes| shapes.raised(&report.answer));
            NotedReport {
                // Windows are what is looked at, and a row for each is enough.
                epoch: plan.first_epoch(admitted.window()),
                question: report.question,
                // A few thousand at most.
                shape: raised
                    .map(|raised| raised.into_iter().filter_map(|one| one.try_into().ok()).collect()),
                votes: if origin.is_some() { admitted.counted().to_vec() } else { Vec::new() },
            }
        };
        Self { shapes: Arc::from(SHAPES), reports: reports.iter().map(noted).collect(), origin }
    }

    /// Adds them.
    pub(crate) fn add_to(&self, checks: &mut Checks) {
        for report in &self.reports {
            let mut add = |part: &Arc<str>, raised: &[u16]| {
                let tally = checks.entry((report.epoch, report.question, Arc::clone(part))).or_default();
                tally.reports += 1;
                raised.iter().for_each(|counter| tally.vote(*counter, 1));
            };
            if let Some(shape) = &report.shape {
                add(&self.shapes, shape);
            }
            if let Some(origin) = &self.origin {
                add(origin, &report.votes);
            }
        }
    }
}
