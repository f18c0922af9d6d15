//! The part of the page that shows one question in one window: its charts, its numbers and how they changed.

use keepset_privacy::answering::Mechanism;
use keepset_privacy::drift::Drift;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::forecast::Forecast;
use keepset_privacy::release::least_reports;
use keepset_privacy::{Answering, SetSelect};
use keepset_wire::{Ask, Plan, Question};

use super::change::{self, ChangeLine};
use super::chart::{Bar, Scale, Tick};
use super::picture::{Curve, Heat};
use super::rollup::{self, RollupLine};
use super::trend::Trends;
use super::words::{count, decimals, label, percent, plain, probability, title};
use crate::context::Context;
use crate::estimate::{Estimator, QuestionEstimates, WindowEstimates};

/// A question, and what is known of it before any report.
pub(super) struct Asked<'a> {
    pub(super) plan: &'a Plan,
    pub(super) question: &'a Question,
    pub(super) index: usize,
    pub(super) task: &'a Answering,
    pub(super) estimator: &'a Estimator,
}

pub(super) struct QuestionPart {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) reason: String,
    pub(super) reports: String,
    pub(super) mechanism: String,
    pub(super) note: String,
    pub(super) panels: Vec<Panel>,
    pub(super) heat: Option<Heat>,
    pub(super) curve: Option<Curve>,
    pub(super) drift: Option<String>,
    pub(super) changes: Vec<ChangeLine>,
    pub(super) lines: Vec<Line>,
    pub(super) rollups: Vec<RollupLine>,
    pub(super) trust: Vec<Trust>,
    pub(super) smallest: Option<String>,
    pub(super) trends: Option<Trends>,
    pub(super) truncated: Option<String>,
}

/// Numbers on one axis.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) ticks: Vec<Tick>,
    pub(super) rows: Vec<Row>,
    /// Whether estimates are bars from 0 on, as in a histogram.
    pub(super) filled: bool,
    pub(super) unpublished: usize,
}

pub(super) struct Row {
    pub(super) title: String,
    pub(super) estimate: Option<String>,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) bar: Bar,
    /// Whether a difference is more than chance makes.
    pub(super) verdict: Option<&'static str>,
}

/// A number in the table.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) measure: &'static str,
    pub(super) estimate: Option<String>,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) error: String,
    pub(super) expected: String,
    pub(super) consistent: String,
    pub(super) support: String,
}

/// How far to trust a size.
pub(super) struct Trust {
    pub(super) title: String,
    pub(super) level: String,
    pub(super) with_fakes: String,
    pub(super) more_reports: String,
}

impl QuestionPart {
    pub(super) fn new(
        asked: &Asked<'_>,
        windows: &[WindowEstimates],
        shown: &WindowEstimates,
    ) -> Option<Self> {
        let estimates = shown.questions.get(asked.index)?;
        let question = asked.question;
        Some(Self {
            id: question.id.to_string(),
            title: title(question.id.as_str()),
            reason: question.reason.clone(),
            reports: count(estimates.reports),
            mechanism: mechanism(asked.task),
            note: note(&question.ask),
            panels: panels(question, &estimates.findings),
            heat: Heat::new(question, &estimates.findings),
            curve: Curve::new(question, &estimates.findings),
            drift: estimates.drift.map(|drift| changed(drift, question)),
            changes: change::lines(asked.question, estimates),
            lines: lines(asked, estimates),
            rollups: rollup::lines(asked.question, estimates),
            trust: trust(asked.question, estimates),
            smallest: smallest(asked, estimates),
            trends: Trends::new(asked, windows, shown.window),
            truncated: truncated(question, estimates),
        })
    }
}

/// The title of a panel, and what belongs on it.
type Kind = (&'static str, fn(Measure) -> bool);

fn panels(question: &Question, findings: &[Finding]) -> Vec<Panel> {
    let kinds: [Kind; 8] = [
        ("Share of the devices that reported", |measure| {
            matches!(measure, Measure::Size(_) | Measure::Group(_))
        }),
        ("Share of the devices that reported, by value", |measure| matches!(measure, Measure::Bin(_))),
        ("Of those that have a value", |measure| matches!(measure, Measure::Quantile(_))),
        ("The value of a device, on average", |measure| measure == Measure::Mean),
        ("Of the devices of each group, those with the outcome", |measure| {
            matches!(measure, Measure::Rate(_) | Measure::RateOfAll)
        }),
        ("How much higher their rate is than that of the first group", |measure| {
            matches!(measure, Measure::Lift(_))
        }),
        ("How much higher their rate is than that of all groups together", |measure| {
            matches!(measure, Measure::LiftOverAll(_))
        }),
        ("How well scores tell the two outcomes apart", |measure| measure == Measure::Auc),
    ];
    let panel = |(title, belongs): &Kind| {
        let members: Vec<&Finding> = findings.iter().filter(|finding| belongs(finding.measure)).collect();
        let first = members.first()?;
        let scale = match (&question.ask, first.measure) {
            (Ask::Histogram { low, high, .. } | Ask::Mean { low, high, .. }, measure)
                if !measure.is_share() =>
            {
                Scale::over(low.value(), high.value())
            }
            (_, Measure::Auc) => Scale::covering([1.0].into_iter()),
            (_, measure) if measure.is_difference() => Scale::around_nothing(
                members.iter().filter_map(|finding| finding.estimate()).flat_map(|e| [e.low, e.high]),
            ),
            _ => Scale::covering(members.iter().filter_map(|finding| finding.estimate()).map(|e| e.high)),
        };
        let rows: Vec<Row> = members.iter().map(|finding| row(question, finding, &scale)).collect();
        Some(Panel {
            title,
            ticks: scale.ticks(),
            filled: matches!(first.measure, Measure::Bin(_)),
            unpublished: rows.iter().filter(|row| row.estimate.is_none()).count(),
            rows,
        })
    };
    kinds.iter().filter_map(panel).collect()
}

fn row(question: &Question, finding: &Finding, scale: &Scale) -> Row {
    let (low, high) = bounds(question, finding);
    let write = writer(finding.measure, low, high);
    Row {
        title: label(question, finding.measure),
        estimate: finding.published().map(|estimate| write(estimate.share)),
        low: write(low),
        high: write(high),
        bar: scale.bar(low, high, finding.published().map(|estimate| estimate.share)),
        verdict: verdict(finding),
    }
}

/// Says of a difference that is printed whether it is more than chance makes in 19 of 20 cases.
fn verdict(finding: &Finding) -> Option<&'static str> {
    Some(if finding.is_significant()? { "more than chance" } else { "not significant" })
}

/// The interval; where there is none, all that may be.
fn bounds(question: &Question, finding: &Finding) -> (f64, f64) {
    match (finding.estimate(), &question.ask) {
        (Some(estimate), _) => (estimate.low, estimate.high),
        (None, Ask::Histogram { low, high, .. } | Ask::Mean { low, high, .. })
            if !finding.measure.is_share() =>
        {
            (low.value(), high.value())
        }
        _ if finding.measure.is_difference() => (-1.0, 1.0),
        _ => (0.0, 1.0),
    }
}

/// How a number with such an interval is written.
fn writer(measure: Measure, low: f64, high: f64) -> impl Fn(f64) -> String {
    let digits = decimals(low, high);
    move |value| match measure {
        Measure::Quantile(_) | Measure::Mean => plain(value),
        Measure::Auc => format!("{value:.3}"),
        _ => percent(value, digits),
    }
}

fn lines(asked: &Asked<'_>, estimates: &QuestionEstimates) -> Vec<Line> {
    let line = |finding: &Finding| {
        let (low, high) = bounds(asked.question, finding);
        let write = writer(finding.measure, low, high);
        let error =
            |error: Option<f64>| error.map_or_else(|| "–".into(), |error| format!("± {}", write(error)));
        let expected = asked.estimator.expected_error(asked.index, finding.measure, estimates.reports);
        Line {
            id: finding.measure.item(asked.question),
            title: label(asked.question, finding.measure),
            measure: finding.measure.kind(),
            estimate: finding.published().map(|estimate| write(estimate.share)),
            low: write(low),
            high: write(high),
            error: error(finding.estimate().map(|estimate| estimate.standard_error)),
            expected: error(expected),
            consistent: finding
                .consistent
                .filter(|_| finding.published().is_some())
                .map_or_else(|| "–".into(), &write),
            support: finding.support.map_or_else(|| "–".into(), count),
        }
    };
    estimates.findings.iter().map(line).collect()
}

fn trust(question: &Question, estimates: &QuestionEstimates) -> Vec<Trust> {
    let trust = |(finding, context): (&Finding, &Option<Context>)| {
        let context = (*context)?;
        let (low, high) = context.with_fakes;
        let digits = decimals(low, high);
        let interval = |low: f64, high: f64| {
            format!("{} – {}", percent(low.max(0.0), digits), percent(high.min(1.0), digits))
        };
        Some(Trust {
            title: label(question, finding.measure),
            level: context.level.map_or_else(|| "–".into(), |level| interval(level.low, level.high)),
            with_fakes: interval(low, high),
            more_reports: match context.more_reports {
                None => "not enough to tell".into(),
                Some(0) => "none".into(),
                Some(more) => count(more),
            },
        })
    };
    estimates.findings.iter().zip(&estimates.contexts).filter_map(trust).collect()
}

/// Says which sizes so many reports print, as the planner foretold it; nothing where no size is asked for.
fn smallest(asked: &Asked<'_>, estimates: &QuestionEstimates) -> Option<String> {
    let sizes = estimates.findings.iter().any(|finding| matches!(finding.measure, Measure::Size(_)));
    let channel = asked.task.select().filter(|_| sizes)?.channel();
    let forecast = Forecast::new(channel, estimates.reports);
    let least =
        (estimates.reports >= least_reports(asked.plan)).then(|| forecast.least_published()).flatten();
    let Some(least) = least else { return Some("So many reports print no size.".into()) };
    let nearly_always = forecast.nearly_always_published().map_or_else(
        || "none is printed nearly always".into(),
        |share| format!("one of {} is printed in 39 windows of 40", percent(share, 1)),
    );
    Some(format!("A size of {} is printed in one window of two; {nearly_always}.", percent(least, 1)))
}

/// Says of how many devices the cap may have cut something off; nothing where there is no cap, or no report.
fn truncated(question: &Question, estimates: &QuestionEstimates) -> Option<String> {
    let (Ask::Sizes { cap, .. } | Ask::Overlaps { cap, .. }) = &question.ask else { return None };
    let most = estimates.truncated_at_most?;
    Some(if most > 0.0 {
        format!(
            "At most {} of the devices are in more segments than the {cap} they answer for.",
            percent(most, 1)
        )
    } else {
        "No device is in more segments than it answers for.".into()
    })
}

/// Says whether the window differs from the one before by more than chance.
fn changed(drift: Drift, question: &Question) -> String {
    let Drift { statistic, degrees, p_value } = drift;
    let what = match question.ask {
        Ask::Sizes { .. } | Ask::Overlaps { .. } => "the size that changed most",
        Ask::Histogram { .. } | Ask::Mean { .. } => "the feature",
        _ => "groups and outcomes",
    };
    let numbers = format!(
        "chi-square {statistic:.1} with {degrees} degree{} of freedom, p {}",
        if degrees == 1 { "" } else { "s" },
        probability(p_value)
    );
    if p_value < 0.05 {
        format!(
            "Against the window before, {what} differs by more than chance makes in 19 of 20 windows without a change: {numbers}."
        )
    } else {
        format!(
            "Against the window before, the difference is not significant; chance alone may have made it ({what}: {numbers})."
        )
    }
}

/// What is to be known of the kind of question.
fn note(ask: &Ask) -> String {
    match ask {
        Ask::Sizes { cap, .. } | Ask::Overlaps { cap, .. } => format!(
            "Votes are the randomised answers that named the segment, members or not; the estimate takes the chance votes out. A device \
             in more than {cap} of these segments answers for {cap} of them, drawn at random."
        ),
        Ask::Histogram { .. } => "Each device named one place near its own; the likeliest shares of all bins together are shown, with \
             intervals from 200 repetitions. A device without a value has a bin of its own."
            .into(),
        Ask::Mean { missing, .. } => format!(
            "What lies outside the axis counts as its end, and a device without a value as {}.",
            plain(missing.value())
        ),
        Ask::Conversion { outcome, .. } => format!(
            "A device counts in the first of these segments it was in; a rate is told only of groups that are surely there. \
             The outcome is being in {outcome:?}. All groups together are the devices in any of them. Each comparison is looked at by \
             itself: of twenty groups that are like all of them, one is called more than chance.",
            outcome = title(outcome.as_str())
        ),
        Ask::Calibration { outcome, .. } => format!(
            "Groups are bands of the model's score; the outcome is being in {outcome:?}. Devices that were not looked at when their \
             score was asked about are in none.",
            outcome = title(outcome.as_str())
        ),
    }
}

fn mechanism(task: &Answering) -> String {
    let (cells, subset) = (task.cells(), task.held());
    match task.mechanism() {
        Mechanism::Wave(wave) => format!(
            "Square wave: every answer is one of {cells} places, and a bin favours the {} around it.",
            wave.width()
        ),
        Mechanism::Mean(mean) => format!(
            "Bounded mean: every answer is one of {cells} levels, and a number favours {} of them.",
            mean.width()
        ),
        _ => {
            let threshold = task.select().map_or(0, SetSelect::threshold);
            let (p, q) = task.select().map_or((0.0, 0.0), |select| (select.channel().p, select.channel().q));
            let held = if subset == 1 { "1 cell".into() } else { format!("{subset} cells") };
            format!(
                "SetSelect: every answer holds {held} of {cells}, threshold {threshold}. A member\u{27}s cell is held with \
                 probability {p:.4}, a non-member\u{27}s with {q:.4}; the estimate inverts exactly this."
            )
        }
    }
}
