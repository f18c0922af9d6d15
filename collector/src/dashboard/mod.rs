//! The dashboard: one page of HTML and SVG, no script, readable on a phone, in the dark and on paper.

mod chart;
mod words;

use askama::Template;
use keepset_privacy::{Answering, SetSelect};
use keepset_wire::{Plan, PlanHash, Question, Window};

use crate::estimate::{QuestionEstimates, SegmentEstimate, WindowEstimates};
use crate::publish::{epsilon, last_day};
use chart::{Bar, Scale, Tick, Trend};
use words::{count, decimals, number, percent, span, title};

/// The style sheet, served beside the page.
pub const STYLE: &str = include_str!("../../templates/style.css");

/// The most windows a trend shows: a year of weeks still fits a phone.
const MAX_TREND: usize = 53;

/// Writes the page for `wanted`, or for the latest window that looks complete.
///
/// # Errors
/// When a value refuses to be formatted; none of ours does.
///
/// # Privacy
/// Shows post-processed, already private counts; what misses the rule of release is named, not numbered.
pub fn page(
    plan: &Plan,
    hash: PlanHash,
    tasks: &[Answering],
    simulation: bool,
    windows: &[WindowEstimates],
    wanted: Option<Window>,
) -> Result<String, askama::Error> {
    let chosen = wanted.or_else(|| latest_full(windows));
    let shown = windows.iter().find(|window| Some(window.window) == chosen);
    let price = epsilon(plan);
    Page {
        plan,
        title: title(plan.id.as_str()),
        hash: hash.to_string(),
        simulation,
        per_report: number(price.per_report),
        per_window: number(price.per_window),
        per_year: number(price.per_year),
        window_days: plan.epoch_days * plan.window_epochs,
        links: windows.iter().rev().map(|window| link(plan, window, chosen)).collect(),
        wanted: chosen.map(|window| period(plan, window)),
        window: shown.map(|window| window_part(plan, tasks, windows, window)),
    }
    .render()
}

/// The latest window with at least half the reports of the fullest: one that has just begun says little yet.
fn latest_full(windows: &[WindowEstimates]) -> Option<Window> {
    let most = windows.iter().map(WindowEstimates::reports).max()?;
    windows.iter().rev().find(|window| window.reports() * 2 >= most).map(|window| window.window)
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Page<'a> {
    plan: &'a Plan,
    title: String,
    hash: String,
    simulation: bool,
    per_report: String,
    per_window: String,
    per_year: String,
    window_days: u32,
    links: Vec<Link>,
    wanted: Option<String>,
    window: Option<WindowPart>,
}

struct Link {
    number: u32,
    period: String,
    reports: String,
    current: bool,
}

struct WindowPart {
    number: u32,
    period: String,
    closed: bool,
    questions: Vec<QuestionPart>,
}

struct QuestionPart {
    id: String,
    title: String,
    reason: String,
    reports: String,
    mechanism: String,
    cap: String,
    ticks: Vec<Tick>,
    rows: Vec<Row>,
    unpublished: usize,
    trends: Vec<Trend>,
    trend_top: String,
    trend_span: String,
}

struct Row {
    id: String,
    title: String,
    estimate: Option<String>,
    low: String,
    high: String,
    support: String,
    bar: Bar,
}

fn period(plan: &Plan, window: Window) -> String {
    span(plan.window_start(window), last_day(plan, window))
}

fn link(plan: &Plan, window: &WindowEstimates, chosen: Option<Window>) -> Link {
    Link {
        number: window.window.0,
        period: period(plan, window.window),
        reports: count(window.reports()),
        current: Some(window.window) == chosen,
    }
}

fn window_part(
    plan: &Plan,
    tasks: &[Answering],
    windows: &[WindowEstimates],
    shown: &WindowEstimates,
) -> WindowPart {
    let questions = plan.questions.iter().zip(tasks).enumerate();
    WindowPart {
        number: shown.window.0,
        period: period(plan, shown.window),
        closed: shown.closed,
        questions: questions
            .filter_map(|(index, (question, task))| {
                let estimates = shown.questions.get(index)?;
                let mut part = question_part(question, task, estimates);
                add_trends(&mut part, plan, question, index, windows, shown.window);
                Some(part)
            })
            .collect(),
    }
}

fn question_part(question: &Question, task: &Answering, estimates: &QuestionEstimates) -> QuestionPart {
    let scale = Scale::covering(estimates.segments.iter().filter_map(|s| s.estimate()).map(|e| e.high));
    let rows: Vec<Row> = question
        .ask
        .segments()
        .iter()
        .zip(&estimates.segments)
        .map(|(name, segment)| row(name.as_str(), segment, &scale))
        .collect();
    QuestionPart {
        id: question.id.to_string(),
        title: title(question.id.as_str()),
        reason: question.reason.clone(),
        reports: count(estimates.reports),
        mechanism: mechanism(task),
        cap: count(question.ask.cap().unwrap_or(1).into()),
        ticks: scale.ticks(),
        unpublished: rows.iter().filter(|row| row.estimate.is_none()).count(),
        rows,
        trends: Vec::new(),
        trend_top: String::new(),
        trend_span: String::new(),
    }
}

fn row(name: &str, segment: &SegmentEstimate, scale: &Scale) -> Row {
    let estimate = segment.estimate();
    let (low, high) = estimate.map_or((0.0, 1.0), |estimate| (estimate.low, estimate.high));
    let digits = decimals(low, high);
    Row {
        id: name.to_owned(),
        title: title(name),
        estimate: segment.published().map(|estimate| percent(estimate.share, digits)),
        low: percent(low, digits),
        high: percent(high, digits),
        support: count(segment.support),
        bar: scale.bar(low, high, segment.published().map(|estimate| estimate.share)),
    }
}

fn mechanism(task: &Answering) -> String {
    let (cells, subset, threshold) =
        (task.cells(), task.held(), task.select().map_or(0, SetSelect::threshold));
    let Some(channel) = task.select().map(SetSelect::channel) else { return String::new() };
    let held = if subset == 1 { "1 cell".into() } else { format!("{subset} cells") };
    format!(
        "SetSelect: every answer holds {held} of {cells}, threshold {threshold}. A member's cell is held with \
         probability {:.4}, a non-member's with {:.4}; the estimate inverts exactly this.",
        channel.p, channel.q
    )
}

fn add_trends(
    part: &mut QuestionPart,
    plan: &Plan,
    question: &Question,
    index: usize,
    windows: &[WindowEstimates],
    shown: Window,
) {
    // Windows far from the one shown would squeeze the others together.
    let near = |window: &WindowEstimates| {
        usize::try_from(window.window.0.abs_diff(shown.0)).is_ok_and(|far| far < MAX_TREND)
    };
    let near: Vec<&WindowEstimates> = windows.iter().filter(|window| near(window)).collect();
    let recent = &near[near.len().saturating_sub(MAX_TREND)..];
    let of_question = |window: &WindowEstimates| window.questions.get(index).map(|q| q.segments.clone());
    let series: Vec<(Window, Vec<SegmentEstimate>)> =
        recent.iter().filter_map(|window| Some((window.window, of_question(window)?))).collect();
    let (Some(first), Some(last)) = (series.first(), series.last()) else { return };
    if first.0 == last.0 {
        return;
    }
    let highs = series.iter().flat_map(|(_, segments)| segments.iter().filter_map(|s| s.estimate()));
    // One window with a handful of reports would flatten every other: only printed cells set the scale.
    let printed = series.iter().flat_map(|(_, segments)| segments.iter().filter_map(|s| s.published()));
    let any_printed = printed.clone().next().is_some();
    let scale = if any_printed {
        Scale::covering(printed.map(|estimate| estimate.high))
    } else {
        Scale::covering(highs.map(|estimate| estimate.high))
    };
    part.trend_top = scale.top_label();
    part.trend_span = span(plan.window_start(first.0), last_day(plan, last.0));
    part.trends = question
        .ask
        .segments()
        .iter()
        .enumerate()
        .map(|(cell, name)| {
            let points = series.iter().filter_map(|(window, segments)| Some((*window, *segments.get(cell)?)));
            Trend::new(name.as_str(), &points.collect::<Vec<_>>(), shown, &scale)
        })
        .collect();
}
