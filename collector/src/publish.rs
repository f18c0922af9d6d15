//! What is published: the plan, and the estimates as JSON and CSV, epsilon and mechanism always beside them.

use std::fmt::Write as _;

use keepset_privacy::answering::Mechanism;
use keepset_privacy::drift::Drift;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::over_time::Level;
use keepset_privacy::{Answering, SetSelect};
use keepset_wire::{Ask, Epoch, Plan, PlanHash, Question, Timestamp, Window};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::clock::epochs_of;
use crate::context::{ASSUMED_FAKES, Context};
use crate::estimate::{Estimator, WindowEstimates};

/// Of whom an estimate speaks: not of a wider population they might stand for.
pub const POPULATION: &str = "the devices that reported";
/// How often an interval holds the truth.
pub const CONFIDENCE: f64 = 0.95;

/// All estimates of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Publication {
    /// The plan's hash.
    pub plan: String,
    /// Whether the reports are a simulation's.
    pub simulation: bool,
    /// The windows that have reports, oldest first.
    pub windows: Vec<WindowView>,
}

/// The estimates of one window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WindowView {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub starts: String,
    /// Its last day.
    pub ends: String,
    /// `open` while its counts can still change, then `closed`.
    pub state: &'static str,
    /// How many reports came when it was closed; they are in no estimate.
    pub late: u64,
    /// One entry per question of the plan.
    pub questions: Vec<QuestionView>,
}

/// The estimates of one question in one window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuestionView {
    /// Its name.
    pub id: String,
    /// What it asks: `sizes`, `overlaps`, `histogram`, `mean`, `conversion` or `calibration`.
    pub ask: &'static str,
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
    /// For sizes and overlaps, one entry per segment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentView>,
    /// Every number the answers tell.
    pub figures: Vec<FigureView>,
    /// Whether it differs from the window before by more than chance; nothing without enough reports in both.
    pub drift: Option<DriftView>,
}

/// One number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FigureView {
    /// What it is: `share`, `overlap`, `bin`, `quantile`, `mean`, `rate`, `lift` or `auc`.
    pub measure: &'static str,
    /// Of what: a segment, two of them joined by `+` (for a lift the first against the second), `bin_1`, `band_1`, `p50`, or `none`.
    pub item: String,
    /// The lower end of a bin or of a band of scores; nothing where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// The upper end of a bin or of a band of scores; nothing where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// How many answers held its cell, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<u64>,
    /// The estimate as it came out; a share may lie outside 0 to 1. Nothing without a report, or where a rate's group is not surely there.
    pub estimate: Option<f64>,
    /// The lower end of the interval; nothing where there is none.
    pub low: Option<f64>,
    /// The upper end of the interval; nothing where there is none.
    pub high: Option<f64>,
    /// The standard error of the estimate.
    pub standard_error: Option<f64>,
    /// The standard error that was to be expected of so many reports before anyone was asked.
    pub expected_error: Option<f64>,
    /// The share made consistent with the others of its question: none below 0 and together no more than a whole. Biased; intervals are
    /// those of the estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent: Option<f64>,
    /// Whether the rule of release lets it be printed; otherwise there are not enough reports.
    pub published: bool,
    /// For a size, how far to trust it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextView>,
}

/// What stands beside a size.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ContextView {
    /// The best estimate from this window and those before it: a share that drifts from window to window.
    pub level: Option<LevelView>,
    /// The share of the reports that is assumed to be fakes in what follows.
    pub assumed_fakes: f64,
    /// The lower end of the interval with so many fakes.
    pub low_with_fakes: f64,
    /// The upper end of the interval with so many fakes.
    pub high_with_fakes: f64,
    /// How many reports more bring the standard error to a tenth of the size; nothing for a size that is not printed.
    pub more_reports: Option<u64>,
}

/// A share that windows have told together.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct LevelView {
    /// The estimate.
    pub estimate: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
}

impl From<Context> for ContextView {
    fn from(context: Context) -> Self {
        let held = |end: f64| end.clamp(0.0, 1.0);
        let level =
            |level: Level| LevelView { estimate: level.value, low: held(level.low), high: held(level.high) };
        Self {
            level: context.level.map(level),
            assumed_fakes: ASSUMED_FAKES,
            low_with_fakes: context.with_fakes.0,
            high_with_fakes: context.with_fakes.1,
            more_reports: context.more_reports,
        }
    }
}

/// How a window differs from the one before.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DriftView {
    /// The window before.
    pub against: u32,
    /// Wald's chi-square; for sizes that of the segment that changed most.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// The probability of as much when nothing changed; for sizes times their number.
    pub p_value: f64,
    /// Whether that is below 5 %.
    pub significant: bool,
}

/// The price of an answer, in the three numbers that belong together.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct EpsilonView {
    /// For one report.
    pub per_report: f64,
    /// For one window: a device reports at most once in it.
    pub per_window: f64,
    /// At most, for one year.
    pub per_year: f64,
}

/// The mechanism of a question with everything needed to invert it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MechanismView {
    /// Its name: `set-select`, `square-wave` or `bounded-mean`.
    pub name: &'static str,
    /// How many cells an answer ranges over.
    pub cells: u16,
    /// How many cells every answer holds.
    pub subset: u16,
    /// How many own cells an answer must hold to be the likelier kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u16>,
    /// The chance that a member's cell is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The chance that a non-member's cell is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
    /// How many neighbouring cells a number favours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
}

impl MechanismView {
    /// Describes how a question is answered.
    #[must_use]
    pub fn new(task: &Answering) -> Self {
        let channel = task.select().map(SetSelect::channel);
        let (name, width) = match task.mechanism() {
            Mechanism::Wave(wave) => ("square-wave", Some(wave.width())),
            Mechanism::Mean(mean) => ("bounded-mean", Some(mean.width())),
            _ => ("set-select", None),
        };
        Self {
            name,
            cells: task.cells(),
            subset: task.held(),
            threshold: task.select().map(SetSelect::threshold),
            p: channel.map(|channel| channel.p),
            q: channel.map(|channel| channel.q),
            width,
        }
    }
}

/// The estimate of one segment in one window.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
                segments: estimates
                    .findings
                    .iter()
                    .filter_map(|finding| segment_view(question, finding))
                    .collect(),
                figures: estimates
                    .findings
                    .iter()
                    .zip(&estimates.contexts)
                    .map(|(finding, context)| {
                        let expected = estimator.expected_error(index, finding.measure, estimates.reports);
                        figure_view(question, finding, expected, *context)
                    })
                    .collect(),
                drift: estimates.drift.map(|drift| drift_view(window.window, drift)),
            })
            .collect(),
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
        context: context.map(Into::into),
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

/// Writes a publication as CSV, one line per window, question and number.
#[must_use]
pub fn csv(publication: &Publication) -> String {
    let mut text = String::from(
        "window,starts,ends,state,question,segment,reports,support,estimate,low,high,standard_error,published,\
         epsilon_per_report,epsilon_per_window,epsilon_per_year,mechanism,p,q,ask,measure,from,to,expected_error,consistent,level,level_low,level_high,assumed_fakes,low_with_fakes,high_with_fakes,more_reports\n",
    );
    for window in &publication.windows {
        for question in &window.questions {
            for figure in &question.figures {
                write_line(&mut text, window, question, figure);
            }
        }
    }
    text
}

/// Names hold only `a-z 0-9 _ - . +` and begin with a letter: no cell needs quotes, none can be a formula.
fn write_line(text: &mut String, window: &WindowView, question: &QuestionView, figure: &FigureView) {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let (epsilon, mechanism) = (question.epsilon, question.mechanism);
    let level = figure.context.and_then(|context| context.level);
    let cells = [
        window.window.to_string(),
        window.starts.clone(),
        window.ends.clone(),
        window.state.to_owned(),
        question.id.clone(),
        figure.item.clone(),
        question.reports.to_string(),
        figure.support.map(|support| support.to_string()).unwrap_or_default(),
        number(figure.estimate),
        number(figure.low),
        number(figure.high),
        number(figure.standard_error),
        figure.published.to_string(),
        epsilon.per_report.to_string(),
        epsilon.per_window.to_string(),
        epsilon.per_year.to_string(),
        mechanism.name.to_owned(),
        number(mechanism.p),
        number(mechanism.q),
        question.ask.to_owned(),
        figure.measure.to_owned(),
        number(figure.from),
        number(figure.to),
        number(figure.expected_error),
        number(figure.consistent),
        number(level.map(|level| level.estimate)),
        number(level.map(|level| level.low)),
        number(level.map(|level| level.high)),
        number(figure.context.map(|context| context.assumed_fakes)),
        number(figure.context.map(|context| context.low_with_fakes)),
        number(figure.context.map(|context| context.high_with_fakes)),
        figure
            .context
            .and_then(|context| context.more_reports)
            .map(|more| more.to_string())
            .unwrap_or_default(),
    ];
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}", cells.join(","));
}
