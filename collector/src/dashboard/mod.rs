//! The dashboard: a page of estimates in HTML and SVG, one of what is asked and kept, one of how the collector is doing; no script, readable on a
//! phone, in the dark and on paper.

mod change;
mod chart;
mod operations;
mod picture;
mod privacy;
mod question;
mod rollup;
mod trend;
mod words;

use askama::Template;
use keepset_wire::{Plan, PlanHash, Window};

use crate::estimate::{Estimator, WindowEstimates};
use crate::publish::{epsilon, last_day};
use question::{Asked, QuestionPart};
use words::{count, number, span, title};

pub(crate) use operations::Running;
pub(crate) use privacy::Policy;

/// The style sheet, served beside the page.
pub const STYLE: &str = include_str!("../../templates/style.css");

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
    estimator: &Estimator,
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
        window: shown.map(|window| window_part(plan, estimator, windows, window)),
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
    estimator: &Estimator,
    windows: &[WindowEstimates],
    shown: &WindowEstimates,
) -> WindowPart {
    let questions = plan.questions.iter().zip(estimator.tasks()).enumerate();
    WindowPart {
        number: shown.window.0,
        period: period(plan, shown.window),
        closed: shown.closed,
        questions: questions
            .filter_map(|(index, (question, task))| {
                let asked = Asked { plan, question, index, task, estimator };
                QuestionPart::new(&asked, windows, shown)
            })
            .collect(),
    }
}
