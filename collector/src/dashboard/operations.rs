//! The page for whoever keeps it running: what arrives, what is refused, what honest reports would not do, and how the machine stands.

use askama::Template;
use keepset_privacy::shapes::{Deviation, ShapeTest};
use keepset_wire::{Plan, PlanHash, Timestamp};

use super::period;
use super::words::{count, label, percent, probability, title};
use crate::alarms::{Alarm, AlarmKind, alarms};
use crate::counters::Counters;
use crate::estimate::WindowEstimates;
use crate::metrics::Durations;
use crate::report_tokens::redeem::Standings;
use crate::without::Without;

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
    /// How the keys stand whose tokens reports are paid with, and when the last of them ends; nothing where no token is needed.
    pub(crate) tokens: Option<(Standings, Option<Timestamp>)>,
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
    shapes: Vec<ShapeLine>,
    origins: Vec<OriginLine>,
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

struct ShapeLine {
    period: String,
    question: String,
    reports: String,
    p_value: String,
    verdict: &'static str,
}

struct OriginLine {
    period: String,
    question: String,
    origin: String,
    reports: String,
    moved: String,
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
            shapes: self.shapes(),
            origins: self.origins(),
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
            AlarmKind::Shapes { question, test } => {
                let how = match test.found {
                    Deviation::Repetition => "some answer comes back under too many names",
                    _ => "answers do not spread over the cells as chance spreads them",
                };
                format!(
                    "{}: {how} (p {}). Somebody may be making reports up.",
                    self.question(*question),
                    probability(test.p_value)
                )
            }
            AlarmKind::Origin { question, measure, origin, share, without } => {
                let asked = self.plan.questions.get(*question);
                let of = asked.map(|asked| label(asked, *measure)).unwrap_or_default();
                format!(
                    "{of}: {} with all reports, {} without those of {origin}. Its pages differ, or somebody makes reports up there.",
                    percent(*share, 1),
                    percent(*without, 1)
                )
            }
            AlarmKind::Changed { question, drift } => format!(
                "{}: answered otherwise than in the window before (p {}). A campaign or a season does that, and so does somebody who makes reports up.",
                self.question(*question),
                probability(drift.p_value)
            ),
            AlarmKind::Late { late, reports } => format!(
                "{} reports came when it was closed, beside {} in time: devices keep reports for too long, or clocks are wrong.",
                count(*late),
                count(*reports)
            ),
        };
        AlarmLine { period: period(self.plan, alarm.window), sentence }
    }

    fn question(&self, index: usize) -> String {
        self.plan.questions.get(index).map(|question| title(question.id.as_str())).unwrap_or_default()
    }

    /// What the shapes of answers say, newest window first.
    fn shapes(&self) -> Vec<ShapeLine> {
        let line = |window: &WindowEstimates, (index, test): (usize, ShapeTest)| ShapeLine {
            period: period(self.plan, window.window),
            question: self.question(index),
            reports: count(test.reports),
            p_value: probability(test.p_value),
            verdict: if test.is_found() { "unlikely" } else { "as honest ones" },
        };
        let of_window = |window: &WindowEstimates| {
            let tests = window.questions.iter().enumerate();
            let tests = tests.filter_map(|(index, question)| Some((index, question.shapes?)));
            tests.map(|test| line(window, test)).collect::<Vec<_>>()
        };
        self.windows.iter().rev().flat_map(of_window).collect()
    }

    /// How many numbers each origin moves, newest window first.
    fn origins(&self) -> Vec<OriginLine> {
        let line = |window: &WindowEstimates, index: usize, without: &Without| OriginLine {
            period: period(self.plan, window.window),
            question: self.question(index),
            origin: without.origin.clone(),
            reports: count(without.reports),
            moved: match without.shifts.iter().filter(|shift| shift.moved).count() {
                _ if without.shifts.is_empty() => "too few are left".into(),
                moved => format!("{moved} of {}", without.shifts.len()),
            },
        };
        let of_window = |window: &WindowEstimates| {
            let questions = window.questions.iter().enumerate();
            let all =
                questions.flat_map(|(index, question)| question.without.iter().map(move |one| (index, one)));
            all.map(|(index, without)| line(window, index, without)).collect::<Vec<_>>()
        };
        self.windows.iter().rev().flat_map(of_window).collect()
    }

    fn machine(&self) -> Vec<(&'static str, String)> {
        let mut machine =
            vec![("Version", env!("CARGO_PKG_VERSION").to_owned()), ("Store", self.kind.to_owned())];
        if let Some((windows, failures)) = self.archived {
            let how =
                format!("{} windows brought there, {} attempts failed", count(windows), count(failures));
            machine.push(("Archive", how));
        }
        if let Some(([(_, to_come), (_, in_use), (_, over)], ends)) = &self.tokens {
            let ends = ends.map(Timestamp::date).unwrap_or_default();
            let how = format!(
                "needed; {in_use} keys in use, {to_come} to come, {over} over; the last one is over on {ends}"
            );
            machine.push(("Tokens of reports", how));
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
