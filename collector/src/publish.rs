//! What is published: the plan, and the estimates as JSON and CSV, epsilon and mechanism always beside them.

mod csv;
mod views;

use keepset_privacy::drift::Drift;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::release::Release;
use keepset_privacy::together::Of;
use keepset_wire::{Ask, Epoch, Plan, PlanHash, Question, Timestamp, Window};
use serde_json::{Value, json};

use crate::clock::epochs_of;
use crate::context::Context;
use crate::estimate::{Estimator, WindowEstimates};
use crate::rollups::Rollup;
use crate::without::{Shift, Without};

pub use csv::csv;
pub use views::{
    ChangeView, ContextView, DriftView, EpsilonView, FigureView, LevelView, MechanismView, Publication,
    QuestionView, RollupView, SegmentView, ShapesView, ShiftView, WindowView, WithoutView,
};

/// Of whom an estimate speaks: not of a wider population they might stand for.
pub const POPULATION: &str = "the devices that reported";
/// How often an interval holds the truth.
pub const CONFIDENCE: f64 = 0.95;

/// Puts names, prices and mechanisms beside the estimates.
#[must_use]
pub fn publication(
    plan: &Plan,
    estimator: &Estimator,
    simulation: bool,
    windows: &[WindowEstimates],
) -> Publication {
    let windows = windows.iter().map(|window| window_view(plan, estimator, window)).collect();
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

fn window_view(plan: &Plan, estimator: &Estimator, window: &WindowEstimates) -> WindowView {
    let questions = plan.questions.iter().zip(&window.questions).enumerate();
    WindowView {
        window: window.window.0,
        starts: plan.window_start(window.window).date(),
        ends: last_day(plan, window.window).date(),
        state: if window.closed { "closed" } else { "open" },
        late: window.late,
        questions: questions
            .map(|(index, (question, estimates))| QuestionView {
                id: question.id.to_string(),
                ask: question.ask.kind(),
                reports: estimates.reports,
                epsilon: epsilon(plan),
                mechanism: MechanismView::new(&estimator.tasks()[index]),
                population: POPULATION,
                confidence: CONFIDENCE,
                truncated_at_most: estimates.truncated_at_most,
                segments: estimates
                    .findings
                    .iter()
                    .filter_map(|finding| segment_view(question, finding))
                    .collect(),
                figures: estimates
                    .findings
                    .iter()
                    .zip(estimates.contexts.iter().zip(&estimates.changes))
                    .map(|(finding, (context, change))| {
                        let expected = estimator.expected_error(index, finding.measure, estimates.reports);
                        let view = figure_view(question, finding, expected, *context);
                        FigureView { change: change.map(Into::into), ..view }
                    })
                    .collect(),
                rollups: estimates.rollups.iter().filter_map(|one| rollup_view(question, one)).collect(),
                drift: estimates.drift.map(|drift| drift_view(window.window, drift)),
                shapes: estimates.shapes.map(Into::into),
                without_origin: estimates.without.iter().map(|one| without_view(question, one)).collect(),
            })
            .collect(),
    }
}

fn rollup_view(question: &Question, rollup: &Rollup) -> Option<RollupView> {
    let together = rollup.together?;
    let (estimate, published) = match together.release {
        Release::Published(estimate) => (estimate, true),
        Release::NotEnough(estimate) => (estimate, false),
    };
    Some(RollupView {
        id: rollup.id.clone(),
        measure: match together.of {
            Of::Devices => "share",
            Of::Memberships => "memberships",
        },
        members: rollup.members.iter().map(|member| member.item(question)).collect(),
        chosen_by: rollup.chosen_by.name(),
        support: together.support,
        estimate: estimate.share,
        low: estimate.low,
        high: estimate.high,
        standard_error: estimate.standard_error,
        published,
    })
}

fn without_view(question: &Question, without: &Without) -> WithoutView {
    let shift = |shift: &Shift| ShiftView {
        measure: shift.measure.kind(),
        item: shift.measure.item(question),
        estimate: shift.estimate.share,
        low: shift.estimate.low,
        high: shift.estimate.high,
        moved: shift.moved,
    };
    WithoutView {
        origin: without.origin.clone(),
        reports: without.reports,
        figures: without.shifts.iter().map(shift).collect(),
    }
}

/// The entry of a segment whose size is asked for.
fn segment_view(question: &Question, finding: &Finding) -> Option<SegmentView> {
    let Measure::Size(_) = finding.measure else { return None };
    let estimate = finding.estimate();
    Some(SegmentView {
        id: finding.measure.item(question),
        support: finding.support.unwrap_or(0),
        estimate: estimate.map(|estimate| estimate.share),
        // Without a report, all that is known is that a share lies between 0 and 1.
        low: estimate.map_or(0.0, |estimate| estimate.low),
        high: estimate.map_or(1.0, |estimate| estimate.high),
        standard_error: estimate.map(|estimate| estimate.standard_error),
        published: finding.published().is_some(),
    })
}

fn figure_view(
    question: &Question,
    finding: &Finding,
    expected_error: Option<f64>,
    context: Option<Context>,
) -> FigureView {
    let estimate = finding.estimate();
    let (from, to) = ends(question, finding.measure);
    FigureView {
        measure: finding.measure.kind(),
        item: finding.measure.item(question),
        from,
        to,
        support: finding.support,
        estimate: estimate.map(|estimate| estimate.share),
        low: estimate.map(|estimate| estimate.low),
        high: estimate.map(|estimate| estimate.high),
        standard_error: estimate.map(|estimate| estimate.standard_error),
        expected_error,
        consistent: finding.consistent,
        published: finding.published().is_some(),
        significant: finding.is_significant(),
        context: context.map(Into::into),
        change: None,
    }
}

/// Returns the ends of a bin or of a band of scores.
#[must_use]
pub fn ends(question: &Question, measure: Measure) -> (Option<f64>, Option<f64>) {
    match (&question.ask, measure) {
        (Ask::Histogram { low, high, bins, .. }, Measure::Bin(bin)) if bin > 0 => {
            let edge =
                |bin: u16| low.value() + (high.value() - low.value()) * f64::from(bin) / f64::from(*bins);
            (Some(edge(bin - 1)), Some(edge(bin)))
        }
        (Ask::Calibration { cuts, .. }, Measure::Group(band) | Measure::Rate(band))
            if band < question.ask.groups() =>
        {
            let cut = |index: usize| cuts.get(index).map(|cut| cut.value());
            (usize::from(band).checked_sub(1).and_then(cut), cut(band.into()))
        }
        _ => (None, None),
    }
}

/// Below this probability a change is said to be more than chance.
const SIGNIFICANT: f64 = 0.05;

fn drift_view(window: Window, drift: Drift) -> DriftView {
    DriftView {
        against: window.0.saturating_sub(1),
        statistic: drift.statistic,
        degrees: drift.degrees,
        p_value: drift.p_value,
        significant: drift.p_value < SIGNIFICANT,
    }
}

/// Writes the plan as served: its JSON and its hash.
#[must_use]
pub fn plan_json(plan: &Plan, hash: PlanHash) -> Value {
    let mut document = plan.to_json();
    document["hash"] = json!(hash.to_string());
    document
}
