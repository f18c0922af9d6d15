//! The page for whoever keeps it running: what arrives, what is refused, what honest reports would not do, and how the machine stands.

use askama::Template;
use keepset_wire::{Plan, PlanHash};

use super::period;
use super::words::{count, label, title};
use crate::alarms::{Alarm, AlarmKind, alarms};
use crate::counters::Counters;
use crate::estimate::WindowEstimates;
use crate::metrics::Durations;

/// How the collector is doing.
pub(crate) struct Running<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) hash: PlanHash,
    pub(crate) simulation: bool,
    pub(crate) windows: &'a [WindowEstimates],
    pub(crate) counters: &'a Counters,
    pub(crate) durations: &'a Durations,
    /// The kind of store.
    pub(crate) kind: &'static str,
    /// Windows brought into the archive, and attempts that failed.
    pub(crate) archived: Option<(u64, u64)>,
    /// Messages to the receiver of labels by what became of them, and those that wait.
    pub(crate) webhook: Option<([(&'static str, u64); 2], u64)>,
}

#[derive(Template)]
#[template(path = "operations.html")]
struct Page<'a> {
    plan: &'a Plan,
    title: String,
    hash: String,
    simulation: bool,
    alarms: Vec<AlarmLine>,
    windows: Vec<WindowLine>,
    reports: Vec<(&'static str, String)>,
    refused: Vec<ProblemLine>,
    machine: Vec<(&'static str, String)>,
    durations: Vec<DurationLine>,
}

struct AlarmLine {
    period: String,
    sentence: String,
}

struct WindowLine {
    period: String,
    state: &'static str,
    reports: String,
    late: String,
}

struct ProblemLine {
    slug: &'static str,
    title: &'static str,
    count: String,
}

struct DurationLine {
    route: &'static str,
    requests: String,
    half: String,
    most: String,
}

impl Running<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// When a value refuses to be formatted; none of ours does.
    pub(crate) fn page(&self) -> Result<String, askama::Error> {
        let found = alarms(self.windows);
        let refused = self.counters.refused().filter(|(_, requests)| *requests > 0);
        Page {
            plan: self.plan,
            title: title(self.plan.id.as_str()),
            hash: self.hash.to_string(),
            simulation: self.simulation,
            alarms: found.iter().rev().map(|alarm| self.alarm(alarm)).collect(),
            windows: self.windows.iter().rev().map(|window| self.window(window)).collect(),
            reports: self.counters.reports().map(|(result, reports)| (result, count(reports))).to_vec(),
            refused: refused
                .map(|(kind, requests)| ProblemLine {
                    slug: kind.slug(),
                    title: kind.title(),
                    count: count(requests),
                })
                .collect(),
            machine: self.machine(),
            durations: self.durations.summary().into_iter().map(duration).collect(),
        }
        .render()
    }

    fn window(&self, window: &WindowEstimates) -> WindowLine {
        WindowLine {
            period: period(self.plan, window.window),
            state: if window.closed { "closed" } else { "open" },
            reports: count(window.reports()),
            late: count(window.late),
        }
    }

    fn alarm(&self, alarm: &Alarm) -> AlarmLine {
        let sentence = match &alarm.kind {
            AlarmKind::Impossible { question, measure, share, standard_error } => {
                let asked = self.plan.questions.get(*question);
                let of = asked.map(|asked| label(asked, *measure)).unwrap_or_default();
                let (far, side) =
                    if *share < 0.0 { (-share, "below nobody") } else { (share - 1.0, "above everybody") };
                format!(
                    "{of}: {:.0} standard errors {side}, which no honest reports give. Somebody may be making reports up.",
                    far / standard_error
                )
            }
            AlarmKind::Late { late, reports } => format!(
                "{} reports came when it was closed, beside {} in time: devices keep reports for too long, or clocks are wrong.",
                count(*late),
                count(*reports)
            ),
        };
        AlarmLine { period: period(self.plan, alarm.window), sentence }
    }

    fn machine(&self) -> Vec<(&'static str, String)> {
        let mut machine =
            vec![("Version", env!("CARGO_PKG_VERSION").to_owned()), ("Store", self.kind.to_owned())];
        if let Some((windows, failures)) = self.archived {
            let how =
                format!("{} windows brought there, {} attempts failed", count(windows), count(failures));
            machine.push(("Archive", how));
        }
        if let Some((told, waiting)) = &self.webhook {
            let told: Vec<String> =
                told.iter().map(|(result, messages)| format!("{} {result}", count(*messages))).collect();
            machine.push(("Receiver of labels", format!("{}, {} waiting", told.join(", "), count(*waiting))));
        }
        machine
    }
}

fn duration((route, requests, [half, most]): (&'static str, u64, [Option<u64>; 2])) -> DurationLine {
    let within = |bound: Option<u64>| {
        bound.map_or_else(|| "over 10 s".to_owned(), |millis| format!("{} ms", count(millis)))
    };
    DurationLine { route, requests: count(requests), half: within(half), most: within(most) }
}
