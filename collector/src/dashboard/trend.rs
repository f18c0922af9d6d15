//! Numbers over the windows: a band of intervals and a line through the printed estimates.

use std::fmt::Write as _;

use keepset_privacy::finding::Finding;
use keepset_wire::Window;

use super::chart::Scale;
use super::words::{decimals, percent};

/// One share over the windows: a band of intervals, a line through the printed estimates.
pub(super) struct Trend {
    pub(super) title: String,
    /// The estimate of the window shown, or that there is none to print.
    pub(super) value: String,
    /// Outlines of the band, one per run of windows without a gap, in a square of 100.
    pub(super) bands: Vec<String>,
    /// Lines through printed estimates, one per run.
    pub(super) lines: Vec<String>,
    /// Printed estimates.
    pub(super) dots: Vec<Dot>,
    /// Windows whose interval stands alone, without a neighbour to make a band.
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
}

impl Trend {
    pub(super) fn new(title: String, series: &[(Window, Finding)], shown: Window, scale: &Scale) -> Self {
        let points = points(series, scale);
        let runs = runs(&points, |_| true);
        let printed = runs_of_printed(&points);
        let now =
            series.iter().find(|(window, _)| *window == shown).and_then(|(_, finding)| finding.published());
        Self {
            title,
            value: now
                .map_or_else(|| "not enough reports".into(), |e| percent(e.share, decimals(e.low, e.high))),
            bands: runs.iter().filter(|run| run.len() > 1).map(|run| band(run)).collect(),
            lines: printed.iter().filter(|run| run.len() > 1).map(|run| line(run)).collect(),
            dots: points.iter().filter_map(|point| dot(point, shown)).collect(),
            stems: runs.iter().filter(|run| run.len() == 1).map(|run| stem(&run[0])).collect(),
            marker: points.iter().find(|point| point.window == shown).map(|point| format!("{:.2}%", point.x)),
        }
    }
}

fn points(series: &[(Window, Finding)], scale: &Scale) -> Vec<Point> {
    let first = series.first().map_or(0, |(window, _)| window.0);
    let last = series.last().map_or(0, |(window, _)| window.0);
    let width = f64::from((last - first).max(1));
    let down = |share: f64| 100.0 - scale.position(share);
    series
        .iter()
        .filter_map(|(window, finding)| {
            let estimate = finding.estimate()?;
            Some(Point {
                window: *window,
                x: 3.0 + 94.0 * f64::from(window.0 - first) / width,
                low: down(estimate.low),
                high: down(estimate.high),
                estimate: finding.published().map(|estimate| down(estimate.share)),
            })
        })
        .collect()
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
}
