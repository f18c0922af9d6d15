//! Pictures of two dimensions: a table of overlaps that darkens with their share, and a curve of rates over bands of scores.

use keepset_privacy::finding::{Finding, Measure};
use keepset_wire::{Ask, Question};

use super::chart::{Scale, Tick};
use super::words::{decimals, label, percent, title};
use crate::publish::ends;

/// The overlaps of all segments as a table: sizes on the diagonal, each pair once below it.
pub(super) struct Heat {
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Vec<HeatCell>>,
}

pub(super) struct HeatCell {
    /// The class of the style sheet, from 0 to 9 by the share.
    pub(super) class: String,
    pub(super) text: String,
    pub(super) title: String,
}

impl Heat {
    pub(super) fn new(question: &Question, findings: &[Finding]) -> Option<Self> {
        if !matches!(question.ask, Ask::Overlaps { .. }) {
            return None;
        }
        let count = u16::try_from(question.ask.segments().len()).ok()?;
        let names = (0..count).map(|index| title(&Measure::Size(index).item(question))).collect();
        let find = |measure| findings.iter().find(|finding| finding.measure == measure);
        let most = findings
            .iter()
            .filter_map(Finding::published)
            .fold(0.01, |most: f64, estimate| most.max(estimate.share));
        let cell = |row: u16, column: u16| {
            let measure = if row == column { Measure::Size(row) } else { Measure::Both(column, row) };
            HeatCell::new(question, find(measure), measure, most)
        };
        Some(Self {
            names,
            rows: (0..count).map(|row| (0..=row).map(|column| cell(row, column)).collect()).collect(),
        })
    }

    /// Rows with their names.
    pub(super) fn named(&self) -> impl Iterator<Item = (&String, &Vec<HeatCell>)> {
        self.names.iter().zip(&self.rows)
    }
}

impl HeatCell {
    fn new(question: &Question, finding: Option<&Finding>, measure: Measure, most: f64) -> Self {
        let estimate = finding.and_then(Finding::estimate);
        let (low, high) = estimate.map_or((0.0, 1.0), |estimate| (estimate.low, estimate.high));
        let digits = decimals(low, high);
        let interval = format!("{} – {}", percent(low, digits), percent(high, digits));
        match finding.and_then(Finding::published) {
            Some(published) => {
                let depth = (published.share / most * 9.0).round().clamp(0.0, 9.0);
                Self {
                    class: format!("heat-{depth}"),
                    text: percent(published.share, digits),
                    title: format!("{}: {interval}", label(question, measure)),
                }
            }
            None => Self {
                class: "heat-none".into(),
                text: "?".into(),
                title: format!("{}: not enough reports, {interval}", label(question, measure)),
            },
        }
    }
}

/// Observed rates over bands of scores, and where they would be if the scores were the log-odds of the outcome.
pub(super) struct Curve {
    pub(super) ticks: Vec<Tick>,
    pub(super) points: Vec<Point>,
    /// The line through the printed rates, in a square of 100.
    pub(super) line: String,
}

pub(super) struct Point {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) dot: Option<String>,
    /// The band of rates that log-odds of these scores mean.
    pub(super) left: String,
    pub(super) top: String,
    pub(super) width: String,
    pub(super) height: String,
}

impl Curve {
    pub(super) fn new(question: &Question, findings: &[Finding]) -> Option<Self> {
        if !matches!(question.ask, Ask::Calibration { .. }) {
            return None;
        }
        let rates: Vec<&Finding> =
            findings.iter().filter(|finding| matches!(finding.measure, Measure::Rate(_))).collect();
        let predicted = |finding: &Finding| {
            let (from, to) = ends(question, finding.measure);
            (from.map_or(0.0, logistic), to.map_or(1.0, logistic))
        };
        // One uncertain band would flatten every other: only printed rates set the scale, where there are any.
        let printed = rates.iter().any(|finding| finding.published().is_some());
        let highs = rates
            .iter()
            .filter_map(|finding| if printed { finding.published() } else { finding.estimate() })
            .map(|estimate| estimate.high);
        let cuts = rates
            .iter()
            .map(|finding| predicted(finding))
            .map(|(low, high)| if high < 1.0 { high } else { low });
        let scale = Scale::covering(highs.chain(cuts));
        let step = 100.0 / rates.len() as f64;
        let down = |share: f64| 100.0 - scale.position(share);
        let at = |y: f64| format!("{y:.2}%");
        let x = |index: usize| (index as f64 + 0.5) * step;
        let point = |(index, finding): (usize, &&Finding)| {
            let (from, to) = predicted(finding);
            let estimate = finding.estimate();
            let published = finding.published();
            let (low, high) = estimate.map_or((0.0, 1.0), |estimate| (estimate.low, estimate.high));
            Point {
                title: label(question, finding.measure),
                x: at(x(index)),
                low: at(down(low)),
                high: at(down(high)),
                dot: published.map(|estimate| at(down(estimate.share))),
                left: at(index as f64 * step),
                top: at(down(to)),
                width: at(step),
                height: at(down(from) - down(to)),
            }
        };
        let line = rates.iter().enumerate().filter_map(|(index, finding)| {
            Some(format!("{:.2},{:.2}", x(index), down(finding.published()?.share)))
        });
        Some(Self {
            ticks: scale
                .ticks()
                .into_iter()
                .map(|tick| Tick {
                    at: at(100.0 - tick.at.trim_end_matches('%').parse().unwrap_or(0.0)),
                    ..tick
                })
                .collect(),
            points: rates.iter().enumerate().map(point).collect(),
            line: line.collect::<Vec<_>>().join(" "),
        })
    }
}

/// The probability that a log-odds means.
fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}
