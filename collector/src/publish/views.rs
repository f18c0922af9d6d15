//! The shapes of what is published, each number with its name.

use keepset_privacy::answering::Mechanism;
use keepset_privacy::over_time::Level;
use keepset_privacy::shapes::ShapeTest;
use keepset_privacy::{Answering, SetSelect};
use serde::Serialize;
use utoipa::ToSchema;

use crate::changes::Change;
use crate::context::{ASSUMED_FAKES, Context};

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
    /// For sizes and overlaps: at most this share of the devices is in more of the segments than it answers for, so that their sizes are too small by what was cut
    /// off. The upper end of a 95 % interval, by what can be told of answers; 0 where nothing is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_at_most: Option<f64>,
    /// For sizes and overlaps, one entry per segment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentView>,
    /// Every number the answers tell.
    pub figures: Vec<FigureView>,
    /// Segments put together: those that an operator names, and `other`, those that are not printed by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollups: Vec<RollupView>,
    /// Whether it differs from the window before by more than chance; nothing without enough reports in both.
    pub drift: Option<DriftView>,
    /// Whether answers have the shapes that honest ones have, taken together; nothing where none was looked at.
    pub shapes: Option<ShapesView>,
    /// What is printed, without the reports of each origin; only where origins are compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_origin: Vec<WithoutView>,
}

/// One number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FigureView {
    /// What it is: `share`, `overlap`, `bin`, `quantile`, `mean`, `rate`, `lift`, `rate_of_all`, `lift_over_all` or `auc`.
    pub measure: &'static str,
    /// Of what: a segment, two of them joined by `+` (for a lift the first against the second), `bin_1`, `band_1`, `p50`, `none` or `all`.
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
    /// For a lift that is printed, whether it is more than chance makes in 19 of 20 cases, looked at by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub significant: Option<bool>,
    /// For a size, how far to trust it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextView>,
    /// For a share that is printed in this window and the one before, by how much it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeView>,
}

/// How a share differs from that of the window before.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// The window before.
    pub against: u32,
    /// The share less that of the window before.
    pub difference: f64,
    /// The lower end of its interval, with the chance of who reported in either.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
    /// Whether that is more than chance makes in 19 of 20 cases, looked at by itself.
    pub significant: bool,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        let Change { against, difference, low, high } = change;
        Self { against: against.0, difference, low, high, significant: change.is_significant() }
    }
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

/// Several segments together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RollupView {
    /// The name they have together.
    pub id: String,
    /// `share`: of devices in any of them. `memberships`: in how many of them a device is on average, where it may be in several.
    pub measure: &'static str,
    /// Their own names.
    pub members: Vec<String>,
    /// Who said that they belong together: `file`, `window-before` (those it could not print), or `this-window`, where there is none before; then the
    /// estimate leans low.
    pub chosen_by: &'static str,
    /// How many votes their cells have.
    pub support: u64,
    /// The sum as it came out.
    pub estimate: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
    /// The standard error of the sum.
    pub standard_error: f64,
    /// Whether the rule of release lets it be printed; otherwise there are not enough reports.
    pub published: bool,
}

/// What the shapes of answers say.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ShapesView {
    /// How many reports were looked at.
    pub reports: u64,
    /// At most the probability of as much where every report is honest.
    pub p_value: f64,
    /// What deviates most: `spread` over the cells, or `repetition` of a set.
    pub found: &'static str,
    /// Whether that happens to fewer than 1 in 1,000 windows of honest reports.
    pub unlikely: bool,
}

impl From<ShapeTest> for ShapesView {
    fn from(test: ShapeTest) -> Self {
        let ShapeTest { reports, p_value, found } = test;
        Self { reports, p_value, found: found.name(), unlikely: test.is_found() }
    }
}

/// The numbers of a question without the reports of one origin.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WithoutView {
    /// The origin that is left out; `none` for reports that name none, `other` for those that name one that was not declared.
    pub origin: String,
    /// How many reports it sent.
    pub reports: u64,
    /// What is printed with it, as it comes out without; none where too few reports are left.
    pub figures: Vec<ShiftView>,
}

/// One number without the reports of one origin.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShiftView {
    /// What it is.
    pub measure: &'static str,
    /// Of what.
    pub item: String,
    /// The estimate.
    pub estimate: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
    /// Whether it lies outside of the interval of all reports, by more than chance: the number is then that of this origin.
    pub moved: bool,
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
