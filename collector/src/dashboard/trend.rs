//! Numbers over the windows: a band and a line each, and the same as a table.
//!
//! A size is followed by a filter: its band and line are the best estimate from every window up to each, and what a window tells by itself stands
//! beside them. Other numbers have bands of their own intervals and a line through what is printed.

use std::fmt::Write as _;

use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::over_time::Level;
use keepset_wire::Window;

use super::chart::Scale;
use super::question::Asked;
use super::words::{decimals, label, percent, span};
use crate::estimate::WindowEstimates;
use crate::publish::last_day;

/// The most windows a trend shows: a year of weeks still fits a phone.
const MAX_WINDOWS: usize = 53;

/// What of a question is followed.
pub(super) struct Trends {
    pub(super) panels: Vec<Trend>,
    /// The top of every panel.
    pub(super) top: String,
    /// From when until when.
    pub(super) span: String,
    /// Whether bands and lines are those of a filter.
    pub(super) filtered: bool,
    /// The same numbers, the latest window of each first.
    pub(super) lines: Vec<SeriesLine>,
}

/// A number in one window, in the table.
pub(super) struct SeriesLine {
    pub(super) title: String,
    pub(super) period: String,
    pub(super) estimate: Option<String>,
    pub(super) low: String,
    pub(super) high: String,
    /// The interval with the windows before.
    pub(super) level: String,
}

/// One number over the windows.
pub(super) struct Trend {
    pub(super) title: String,
    /// The estimate of the window shown, or that there is none to print.
    pub(super) value: String,
    /// Outlines of the band, one per run of windows without a gap, in a square of 100.
    pub(super) bands: Vec<String>,
    /// Lines through what the filter says, or through printed estimates, one per run.
    pub(super) lines: Vec<String>,
    /// Printed estimates.
    pub(super) dots: Vec<Dot>,
    /// Intervals that stand by themselves: beside a filter, or without a neighbour to make a band.
    pub(super) stems: Vec<Stem>,
    /// Where the window shown lies.
    pub(super) marker: Option<String>,
}

/// A printed estimate in a trend.
pub(super) struct Dot {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) current: bool,
}

/// An interval in a trend.
pub(super) struct Stem {
    pub(super) x: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// A window of a trend in a square of 100, y downwards.
struct Point {
    window: Window,
    x: f64,
    low: f64,
    high: f64,
    estimate: Option<f64>,
    /// What the filter says, and the ends of its interval.
    level: Option<Held>,
}

#[derive(Clone, Copy)]
struct Held {
    value: f64,
    low: f64,
    high: f64,
}

/// A number in a window, and what the filter says of it.
type Told = (Window, Finding, Option<Level>);

impl Trends {
    /// Follows a question; nothing where there are not two windows of it.
    pub(super) fn new(asked: &Asked<'_>, windows: &[WindowEstimates], shown: Window) -> Option<Self> {
        let all = followed(asked, windows, shown);
        let (first, last) = (all.first()?.first()?.0, all.first()?.last()?.0);
        if first == last {
            return None;
        }
        let told = || all.iter().flatten();
        // One window with a handful of reports would flatten every other: only printed numbers set the scale.
        let printed: Vec<f64> =
            told().filter_map(|(_, finding, _)| finding.published()).map(|estimate| estimate.high).collect();
        let scale = if printed.is_empty() {
            Scale::covering(
                told().filter_map(|(_, finding, _)| finding.estimate()).map(|estimate| estimate.high),
            )
        } else {
            Scale::covering(printed.into_iter())
        };
        Some(Self {
            top: scale.top_label(),
            span: span(asked.plan.window_start(first), last_day(asked.plan, last)),
            filtered: told().any(|(_, _, level)| level.is_some()),
            panels: all.iter().map(|series| Trend::new(asked, series, shown, &scale)).collect(),
            lines: all
                .iter()
                .flat_map(|series| series.iter().rev())
                .map(|told| series_line(asked, told))
                .collect(),
        })
    }
}

/// The numbers that are followed over time, each over its windows: what the question is about, one for each of its segments, groups or scores.
fn followed(asked: &Asked<'_>, windows: &[WindowEstimates], shown: Window) -> Vec<Vec<Told>> {
    // Windows far from the one shown would squeeze the others together.
    let near = |window: &&WindowEstimates| {
        usize::try_from(window.window.0.abs_diff(shown.0)).is_ok_and(|far| far < MAX_WINDOWS)
    };
    let near: Vec<&WindowEstimates> = windows.iter().filter(near).collect();
    let recent = &near[near.len().saturating_sub(MAX_WINDOWS)..];
    let mut all: Vec<Vec<Told>> = Vec::new();
    for window in recent {
        let Some(estimates) = window.questions.get(asked.index) else { continue };
        let followed = estimates.findings.iter().zip(&estimates.contexts).filter(|(finding, _)| {
            matches!(finding.measure, Measure::Size(_) | Measure::Rate(_) | Measure::Auc)
        });
        for (number, (finding, context)) in followed.enumerate() {
            if all.len() == number {
                all.push(Vec::new());
            }
            all[number].push((window.window, *finding, context.and_then(|context| context.level)));
        }
    }
    all
}

fn series_line(asked: &Asked<'_>, (window, finding, level): &Told) -> SeriesLine {
    let (low, high) = finding.estimate().map_or((0.0, 1.0), |estimate| (estimate.low, estimate.high));
    let digits = decimals(low, high);
    SeriesLine {
        title: label(asked.question, finding.measure),
        period: span(asked.plan.window_start(*window), last_day(asked.plan, *window)),
        estimate: finding.published().map(|estimate| percent(estimate.share, digits)),
        low: percent(low, digits),
        high: percent(high, digits),
        level: level.map_or_else(
            || "–".into(),
            |level| {
                format!("{} – {}", percent(level.low.max(0.0), digits), percent(level.high.min(1.0), digits))
            },
        ),
    }
}

impl Trend {
    fn new(asked: &Asked<'_>, series: &[Told], shown: Window, scale: &Scale) -> Self {
        let points = points(series, scale);
        let filtered = points.iter().any(|point| point.level.is_some());
        let runs = runs(&points, |point| !filtered || point.level.is_some());
        let (bands, lines): (Vec<_>, Vec<_>) = if filtered {
            let level = |point: &Point| point.level.map(|level| (point.x, level.value));
            (joined(&runs, level_band), joined(&runs, |run| outline(run.iter().filter_map(level))))
        } else {
            (joined(&runs, band), joined(&runs_of_printed(&points), line))
        };
        let alone = runs.iter().filter(|run| filtered || run.len() == 1);
        let now = series.iter().find(|(window, ..)| *window == shown);
        let printed = now.and_then(|(_, finding, _)| finding.published());
        Self {
            title: series
                .first()
                .map_or_else(String::new, |(_, finding, _)| label(asked.question, finding.measure)),
            value: printed
                .map_or_else(|| "not enough reports".into(), |e| percent(e.share, decimals(e.low, e.high))),
            bands,
            lines,
            dots: points.iter().filter_map(|point| dot(point, shown)).collect(),
            stems: alone.flat_map(|run| run.iter()).map(stem).collect(),
            marker: points.iter().find(|point| point.window == shown).map(|point| format!("{:.2}%", point.x)),
        }
    }
}

fn points(series: &[Told], scale: &Scale) -> Vec<Point> {
    let first = series.first().map_or(0, |(window, ..)| window.0);
    let last = series.last().map_or(0, |(window, ..)| window.0);
    let width = f64::from((last - first).max(1));
    let down = |share: f64| 100.0 - scale.position(share);
    series
        .iter()
        .filter_map(|(window, finding, level)| {
            let estimate = finding.estimate()?;
            Some(Point {
                window: *window,
                x: 3.0 + 94.0 * f64::from(window.0 - first) / width,
                low: down(estimate.low),
                high: down(estimate.high),
                estimate: finding.published().map(|estimate| down(estimate.share)),
                level: level.map(|level| Held {
                    value: down(level.value),
                    low: down(level.low),
                    high: down(level.high),
                }),
            })
        })
        .collect()
}

/// Draws what takes two windows or more.
fn joined(runs: &[&[Point]], draw: impl Fn(&[Point]) -> String) -> Vec<String> {
    runs.iter().filter(|run| run.len() > 1).map(|run| draw(run)).collect()
}

/// Splits points into runs of consecutive windows that all pass.
fn runs(points: &[Point], pass: impl Fn(&Point) -> bool) -> Vec<&[Point]> {
    points
        .chunk_by(|a, b| a.window.0 + 1 == b.window.0 && pass(a) == pass(b))
        .filter(|run| run.first().is_some_and(&pass))
        .collect()
}

fn runs_of_printed(points: &[Point]) -> Vec<&[Point]> {
    runs(points, |point| point.estimate.is_some())
}

fn band(run: &[Point]) -> String {
    let upper = run.iter().map(|point| (point.x, point.high));
    let lower = run.iter().rev().map(|point| (point.x, point.low));
    outline(upper.chain(lower))
}

fn level_band(run: &[Point]) -> String {
    let end = |point: &Point, of: fn(Held) -> f64| point.level.map(|level| (point.x, of(level)));
    let upper = run.iter().filter_map(|point| end(point, |level| level.high));
    let lower = run.iter().rev().filter_map(|point| end(point, |level| level.low));
    outline(upper.chain(lower))
}

fn line(run: &[Point]) -> String {
    outline(run.iter().filter_map(|point| Some((point.x, point.estimate?))))
}

fn outline(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.fold(String::new(), |mut text, (x, y)| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{x:.2},{y:.2} ");
        text
    })
}

fn dot(point: &Point, shown: Window) -> Option<Dot> {
    let y = point.estimate?;
    Some(Dot { x: format!("{:.2}%", point.x), y: format!("{y:.2}%"), current: point.window == shown })
}

fn stem(point: &Point) -> Stem {
    let at = |y: f64| format!("{y:.2}%");
    Stem { x: at(point.x), from: at(point.low), to: at(point.high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_window_breaks_the_band_and_an_unprinted_one_only_the_line() {
        let point = |window: u32, estimate: Option<f64>| Point {
            window: Window(window),
            x: 0.0,
            low: 0.0,
            high: 0.0,
            estimate,
            level: None,
        };
        let points = [
            point(0, Some(1.0)),
            point(1, None),
            point(2, Some(1.0)),
            point(3, Some(1.0)),
            point(5, Some(1.0)),
        ];
        let lengths = |runs: Vec<&[Point]>| runs.iter().map(|run| run.len()).collect::<Vec<_>>();
        assert_eq!(lengths(runs(&points, |_| true)), [4, 1]);
        assert_eq!(lengths(runs_of_printed(&points)), [1, 2, 1]);
    }

    #[test]
    fn a_band_of_a_filter_runs_along_its_upper_ends_and_back_along_its_lower_ones() {
        let level = |value: f64| Some(Held { value, low: value + 1.0, high: value - 1.0 });
        let point =
            |x: f64, level| Point { window: Window(0), x, low: 0.0, high: 0.0, estimate: None, level };
        let run = [point(3.0, level(50.0)), point(97.0, level(40.0))];
        assert_eq!(level_band(&run), "3.00,49.00 97.00,39.00 97.00,41.00 3.00,51.00 ");
    }
}
