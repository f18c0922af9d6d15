//! Precision against reach: what each threshold gains and gives up, as a table to read and a curve to look at.

use std::fmt::Write as _;

use serde::Serialize;

use super::Trained;
use super::quality::{Pick, Scored, pick};
use super::summary::range;
use crate::table::{aligned, percent};

/// The shares of people, the highest scores first, that thresholds are given for.
const REACHES: [f64; 12] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0];

/// A threshold, and whom it picks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// The margin, in hundredths.
    pub threshold: f64,
    /// Whom it picks among the rows learned from.
    pub learned: Pick,
    /// Whom it picks at the later time.
    pub tested: Pick,
}

/// Lists thresholds by how many of the rows learned from they pick, the fewest first; each picks others than the one before.
pub(super) fn choices(learned: &[Scored], tested: &[Scored]) -> Vec<Choice> {
    let mut margins: Vec<f64> = learned.iter().map(|one| one.margin).collect();
    margins.sort_by(|a, b| b.total_cmp(a));
    let mut thresholds: Vec<f64> = REACHES.iter().filter_map(|reach| lowest(&margins, *reach)).collect();
    thresholds.dedup();
    let choice =
        |threshold| Choice { threshold, learned: pick(learned, threshold), tested: pick(tested, threshold) };
    thresholds.into_iter().map(choice).collect()
}

/// The threshold, in hundredths, that at least this share of falling margins reaches.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn lowest(margins: &[f64], reach: f64) -> Option<f64> {
    // People stay far below 2^53, and a share of them is none of them at least.
    let last = ((margins.len() as f64 * reach).ceil() as usize).checked_sub(1)?;
    margins.get(last).map(|margin| (margin * 100.0).floor() / 100.0)
}

/// Writes the table of a training's thresholds.
pub(super) fn table(choices: &[Choice]) -> String {
    let rows = choices.iter().map(|Choice { threshold, learned, tested }| {
        vec![
            format!("{threshold:.2}"),
            percent(learned.reach),
            percent(learned.precision.value),
            percent(tested.reach),
            percent(tested.precision.value),
            range(tested.precision),
            percent(tested.recall),
        ]
    });
    let headings =
        ["enter at", "reach", "precision", "reach later", "precision later", "95 % interval", "recall later"];
    aligned(&headings, rows.collect())
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 272.0;
/// Two of Okabe and Ito's colours, dark enough for text on white; the lines differ in their dashes as well.
const LATER: &str = "#0072b2";
const BEFORE: &str = "#b34700";

/// Draws the curve as SVG: reach from left to right, precision upwards, at the later time with its interval and among those learned from.
#[must_use]
pub fn curve(trained: &Trained) -> String {
    let Trained { label, within_days, choices, tested, .. } = trained;
    let ends =
        choices.iter().flat_map(|choice| [choice.learned.precision.high, choice.tested.precision.high]);
    let highest = ends.fold(tested.base_rate, f64::max);
    let top = ((highest * 10.0).ceil() / 10.0).clamp(0.1, 1.0);
    let x = |reach: f64| LEFT + (RIGHT - LEFT) * reach;
    let y = |precision: f64| BOTTOM - (BOTTOM - TOP) * precision.min(top) / top;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Whom each threshold picks, and the share of them for whom {label} came within {within_days} days</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let (height, place) = (y(top * part), x(part));
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {height:.1}H{RIGHT}\" stroke=\"#d0d0d0\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{}</text>\
             <text x=\"{place:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">{}</text>",
            LEFT - 6.0,
            height + 4.0,
            percent(top * part),
            BOTTOM + 18.0,
            percent(part)
        );
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT:.0}\" y=\"{:.0}\" fill=\"#333333\">precision: the share of those picked for whom it came</text>\
         <text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#333333\">reach: the share of people picked, highest scores first</text>",
        TOP - 10.0,
        BOTTOM + 38.0
    );
    let later =
        |end: fn(&Pick) -> f64| choices.iter().map(move |at| (x(at.tested.reach), y(end(&at.tested))));
    let band = later(|pick| pick.precision.low).chain(later(|pick| pick.precision.high).rev());
    let _ = writeln!(svg, "<polygon points=\"{}\" fill=\"{LATER}\" opacity=\"0.15\"/>", points(band));
    let base = y(tested.base_rate);
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {base:.1}H{RIGHT}\" stroke=\"#555555\" stroke-dasharray=\"2 3\"/>\
         <text x=\"{:.0}\" y=\"{:.1}\" fill=\"#555555\">everybody: {}</text>",
        RIGHT + 8.0,
        base + 4.0,
        percent(tested.base_rate)
    );
    let before = choices.iter().map(|at| (x(at.learned.reach), y(at.learned.precision.value)));
    let lines: [(&str, &str, &str, f64, String); 2] = [
        (LATER, "none", "tested later", TOP + 12.0, points(later(|pick| pick.precision.value))),
        (BEFORE, "7 3", "learned from", TOP + 30.0, points(before)),
    ];
    for (colour, dash, name, place, line) in lines {
        let _ = writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <path d=\"M{:.0} {place:.0}h24\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{name}</text>",
            RIGHT + 8.0,
            RIGHT + 38.0,
            place + 4.0
        );
    }
    if let Some(chosen) = &trained.thresholds {
        let (across, up) = (x(chosen.tested.reach), y(chosen.tested.precision.value));
        let _ = writeln!(
            svg,
            "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"5\" fill=\"none\" stroke=\"#222222\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#222222\">enter at {}</text>",
            across + 9.0,
            up - 6.0,
            chosen.enter
        );
    }
    svg + "</svg>\n"
}

fn points(places: impl Iterator<Item = (f64, f64)>) -> String {
    places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred people whose margins fall from 0.99 to 0.00, of whom the first ten did it.
    fn people() -> Vec<Scored> {
        (0..100_u32).map(|n| Scored { margin: f64::from(99 - n) / 100.0, label: n < 10 }).collect()
    }

    #[test]
    fn each_threshold_picks_at_least_its_share_and_the_next_picks_more() {
        let choices = choices(&people(), &people());
        let picked: Vec<usize> = choices.iter().map(|choice| choice.learned.people).collect();
        assert_eq!(picked, [2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100]);
        let tenth = &choices[2].tested;
        assert_eq!((tenth.precision.value, tenth.recall), (1.0, 1.0));
        assert_eq!(choices[4].tested.precision.value, 0.5);
    }

    #[test]
    fn people_with_one_score_leave_one_threshold() {
        let alike = vec![Scored { margin: -1.234, label: true }, Scored { margin: -1.234, label: false }];
        let choices = choices(&alike, &alike);
        assert_eq!(choices.len(), 1);
        assert_eq!((choices[0].threshold, choices[0].learned.people), (-1.24, 2));
    }
}
