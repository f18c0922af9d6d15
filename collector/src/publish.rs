//! What is published: the plan, and the estimates as JSON and CSV, epsilon and mechanism always beside them.

use std::fmt::Write as _;

use keepset_privacy::{Answering, SetSelect};
use keepset_wire::{Epoch, Plan, PlanHash, Timestamp, Window};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::epochs_of;
use crate::estimate::{QuestionEstimates, SegmentEstimate, WindowEstimates};

/// Of whom an estimate speaks: not of a wider population they might stand for.
pub const POPULATION: &str = "the devices that reported";
/// How often an interval holds the truth.
pub const CONFIDENCE: f64 = 0.95;

/// All estimates of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Publication {
    /// The plan's hash.
    pub plan: String,
    /// Whether the reports are a simulation's.
    pub simulation: bool,
    /// The windows that have reports, oldest first.
    pub windows: Vec<WindowView>,
}

/// The estimates of one window.
#[derive(Clone, Debug, Serialize)]
pub struct WindowView {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub starts: String,
    /// Its last day.
    pub ends: String,
    /// `open` while its counts can still change, then `closed`.
    pub state: &'static str,
    /// One entry per question of the plan.
    pub questions: Vec<QuestionView>,
}

/// The estimates of one question in one window.
#[derive(Clone, Debug, Serialize)]
pub struct QuestionView {
    /// Its name.
    pub id: String,
    /// How many devices answered it.
    pub reports: u64,
    /// What the answers cost.
    pub epsilon: EpsilonView,
    /// How the answers were randomised.
    pub mechanism: MechanismView,
    /// Of whom the estimates speak.
    pub population: &'static str,
    /// How often an interval holds the truth.
    pub confidence: f64,
    /// One entry per segment.
    pub segments: Vec<SegmentView>,
}

/// The price of an answer, in the three numbers that belong together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EpsilonView {
    /// For one report.
    pub per_report: f64,
    /// For one window: a device reports at most once in it.
    pub per_window: f64,
    /// At most, for one year.
    pub per_year: f64,
}

/// The mechanism of a question with everything needed to invert it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MechanismView {
    /// Its name.
    pub name: &'static str,
    /// How many cells an answer ranges over.
    pub cells: u16,
    /// How many cells every answer holds.
    pub subset: u16,
    /// How many own cells an answer must hold to be the likelier kind.
    pub threshold: u16,
    /// The chance that a member's cell is held.
    pub p: f64,
    /// The chance that a non-member's cell is held.
    pub q: f64,
}

/// The estimate of one segment in one window.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentView {
    /// Its name.
    pub id: String,
    /// How many answers held its cell.
    pub support: u64,
    /// The unbiased share; it may lie outside 0 to 1. Nothing without a report.
    pub estimate: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// The standard error of the estimate.
    pub standard_error: Option<f64>,
    /// Whether the rule of release lets it be printed; otherwise there are not enough reports.
    pub published: bool,
}

/// Puts names, prices and mechanisms beside the estimates.
#[must_use]
pub fn publication(
    plan: &Plan,
    tasks: &[Answering],
    simulation: bool,
    windows: &[WindowEstimates],
) -> Publication {
    let windows = windows.iter().map(|window| window_view(plan, tasks, window)).collect();
    Publication { plan: plan.hash().to_string(), simulation, windows }
}

/// Returns the price of an answer to `plan`.
#[must_use]
pub fn epsilon(plan: &Plan) -> EpsilonView {
    let micro = u64::from(plan.epsilon.micro()) * u64::from(plan.windows_per_year);
    // Whole micro-epsilons below 2^53, so the sum over a year has no rounding noise.
    #[expect(clippy::cast_precision_loss)]
    let per_year = micro as f64 / 1e6;
    EpsilonView { per_report: plan.epsilon.value(), per_window: plan.epsilon.value(), per_year }
}

/// Returns the last day of a window.
#[must_use]
pub fn last_day(plan: &Plan, window: Window) -> Timestamp {
    let next = plan.window_start(Window(window.0.saturating_add(1)));
    next.min(plan.expires).saturating_add(-1)
}

/// Tells whether the plan has this window.
#[must_use]
pub fn has_window(plan: &Plan, window: Window) -> bool {
    let last = Epoch(epochs_of(plan).0.saturating_sub(1));
    window <= plan.window_of(last)
}

fn window_view(plan: &Plan, tasks: &[Answering], window: &WindowEstimates) -> WindowView {
    let questions = plan.questions.iter().zip(tasks).zip(&window.questions);
    WindowView {
        window: window.window.0,
        starts: plan.window_start(window.window).date(),
        ends: last_day(plan, window.window).date(),
        state: if window.closed { "closed" } else { "open" },
        questions: questions
            .map(|((question, task), estimates)| {
                let ids = question.ask.segments().iter().map(ToString::to_string);
                question_view(plan, question.id.to_string(), ids, task, estimates)
            })
            .collect(),
    }
}

fn question_view(
    plan: &Plan,
    id: String,
    segments: impl Iterator<Item = String>,
    task: &Answering,
    estimates: &QuestionEstimates,
) -> QuestionView {
    QuestionView {
        id,
        reports: estimates.reports,
        epsilon: epsilon(plan),
        mechanism: MechanismView {
            name: "set-select",
            cells: task.cells(),
            subset: task.held(),
            threshold: task.select().map_or(0, SetSelect::threshold),
            p: task.select().map_or(0.0, |select| select.channel().p),
            q: task.select().map_or(0.0, |select| select.channel().q),
        },
        population: POPULATION,
        confidence: CONFIDENCE,
        segments: segments.zip(&estimates.segments).map(|(id, segment)| segment_view(id, segment)).collect(),
    }
}

fn segment_view(id: String, segment: &SegmentEstimate) -> SegmentView {
    let estimate = segment.estimate();
    SegmentView {
        id,
        support: segment.support,
        estimate: estimate.map(|estimate| estimate.share),
        // Without a report, all that is known is that a share lies between 0 and 1.
        low: estimate.map_or(0.0, |estimate| estimate.low),
        high: estimate.map_or(1.0, |estimate| estimate.high),
        standard_error: estimate.map(|estimate| estimate.standard_error),
        published: segment.published().is_some(),
    }
}

/// Writes the plan as served: its JSON and its hash.
#[must_use]
pub fn plan_json(plan: &Plan, hash: PlanHash) -> Value {
    let mut document = plan.to_json();
    document["hash"] = json!(hash.to_string());
    document
}

/// Writes a publication as CSV, one line per window, question and segment.
#[must_use]
pub fn csv(publication: &Publication) -> String {
    let mut text = String::from(
        "window,starts,ends,state,question,segment,reports,support,estimate,low,high,standard_error,published,\
         epsilon_per_report,epsilon_per_window,epsilon_per_year,mechanism,p,q\n",
    );
    for window in &publication.windows {
        for question in &window.questions {
            for segment in &question.segments {
                write_line(&mut text, window, question, segment);
            }
        }
    }
    text
}

/// Names hold only `a-z 0-9 _ - .` and begin with a letter: no cell needs quotes, none can be a formula.
fn write_line(text: &mut String, window: &WindowView, question: &QuestionView, segment: &SegmentView) {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (epsilon, mechanism) = (question.epsilon, question.mechanism);
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        window.window,
        window.starts,
        window.ends,
        window.state,
        question.id,
        segment.id,
        question.reports,
        segment.support,
        number(segment.estimate),
        segment.low,
        segment.high,
        number(segment.standard_error),
        segment.published,
        epsilon.per_report,
        epsilon.per_window,
        epsilon.per_year,
        mechanism.name,
        mechanism.p,
        mechanism.q,
    );
}
