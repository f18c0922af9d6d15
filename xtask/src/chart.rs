//! A chart of shares over time as plain SVG, readable without colour: every line carries its name.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use keepset_wire::Timestamp;
use serde_json::Value;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 600.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 214.0;
/// Names stand at least so far apart.
const LINE: f64 = 15.0;
/// Okabe and Ito's colours, which most colour-blind people tell apart, dark enough for text on white.
const COLOURS: [&str; 5] = ["#0072b2", "#b34700", "#007a5a", "#a03d7b", "#555555"];
/// Lines differ in their dashes as well.
const DASHES: [&str; 5] = ["none", "7 3", "2 3", "9 3 2 3", "4 4"];

/// A segment's name and its share of the people at each look.
struct Series<'a> {
    name: &'a str,
    shares: Vec<f64>,
}

/// Draws the shares of segments at every look of a survey.
pub(crate) fn shares(title: &str, found: &Value, names: &[&str]) -> Result<String> {
    let looks = found["looks"].as_array().context("the survey has no looks")?;
    let segments = found["segments"].as_array().context("the survey has no segments")?;
    let series: Vec<Series<'_>> = names
        .iter()
        .map(|name| {
            let index = segments.iter().position(|segment| segment["id"] == **name);
            let index = index.with_context(|| format!("the pack has no segment {name}"))?;
            let share = |look: &Value| {
                let people = look["people"].as_f64().unwrap_or(0.0).max(1.0);
                look["members"][index].as_f64().unwrap_or(0.0) / people
            };
            Ok(Series { name, shares: looks.iter().map(share).collect() })
        })
        .collect::<Result<_>>()?;
    let instants: Vec<f64> = looks.iter().filter_map(|look| look["at"].as_f64()).collect();
    let (first, last) = (looks.first().context("no look")?, looks.last().context("no look")?);
    let dates = (day(&first["at"]), day(&last["at"]));
    Ok(draw(title, &series, &instants, &dates))
}

/// Writes milliseconds since 1970 as a day.
pub(crate) fn day(value: &Value) -> String {
    value.as_i64().and_then(Timestamp::from_millis).unwrap_or_default().date()
}

fn draw(title: &str, series: &[Series<'_>], instants: &[f64], dates: &(String, String)) -> String {
    let highest = series.iter().flat_map(|series| &series.shares).copied().fold(0.0, f64::max);
    let top = ceiling(highest);
    let (from, to) = (instants.first().copied().unwrap_or(0.0), instants.last().copied().unwrap_or(1.0));
    let x = |at: f64| LEFT + (RIGHT - LEFT) * (at - from) / (to - from).max(1.0);
    let y = |share: f64| BOTTOM - (BOTTOM - TOP) * share / top;
    let ends: Vec<String> = series
        .iter()
        .map(|series| format!("{} {}", series.name, percent(series.shares.last().copied().unwrap_or(0.0))))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{title}: share of everyone known by then who is in a segment</title>\n\
         <desc>From {} to {}. At the end: {}.</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n",
        dates.0,
        dates.1,
        ends.join(", ")
    );
    for step in 0..=4 {
        let share = top * f64::from(step) / 4.0;
        let height = y(share);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {height:.1}H{RIGHT}\" stroke=\"#d0d0d0\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{}</text>",
            LEFT - 6.0,
            height + 4.0,
            percent(share)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"236\" fill=\"#333333\">{}</text><text x=\"{RIGHT}\" y=\"236\" text-anchor=\"end\" fill=\"#333333\">{}</text>",
        dates.0, dates.1
    );
    let places = apart(
        &series.iter().map(|series| y(series.shares.last().copied().unwrap_or(0.0))).collect::<Vec<_>>(),
    );
    for (index, (series, place)) in series.iter().zip(places).enumerate() {
        let (colour, dash) = (COLOURS[index % COLOURS.len()], DASHES[index % DASHES.len()]);
        let points: Vec<String> = instants
            .iter()
            .zip(&series.shares)
            .map(|(at, share)| format!("{:.1},{:.1}", x(*at), y(*share)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            RIGHT + 8.0,
            place + 4.0,
            ends[index]
        );
    }
    svg + "</svg>"
}

/// Moves names apart that would stand on each other, keeping their order and inside the picture.
fn apart(places: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut moved = places.to_vec();
    let mut least = TOP;
    for index in &order {
        moved[*index] = moved[*index].max(least);
        least = moved[*index] + LINE;
    }
    let mut most = BOTTOM;
    for index in order.iter().rev() {
        moved[*index] = moved[*index].min(most);
        most = moved[*index] - LINE;
    }
    moved
}

/// The next of 4, 8, 20, 40, 60, 80 and 100 percent.
fn ceiling(share: f64) -> f64 {
    [0.04, 0.08, 0.2, 0.4, 0.6, 0.8].into_iter().find(|top| share <= *top).unwrap_or(1.0)
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_date() {
        for (millis, date) in
            [(0_i64, "1970-01-01"), (951_782_400_000, "2000-02-29"), (1_709_251_199_999, "2024-02-29")]
        {
            assert_eq!(day(&millis.into()), date);
        }
    }

    #[test]
    fn a_chart_says_in_words_what_it_draws_and_names_do_not_collide() {
        let found = serde_json::json!({
            "looks": [{"at": 0, "people": 10, "members": [1, 1]}, {"at": 86_400_000, "people": 20, "members": [5, 5]}],
            "segments": [{"id": "one"}, {"id": "two"}],
        });
        let svg = shares("A log", &found, &["one", "two"]).unwrap();
        assert!(
            svg.contains("<title>A log: share")
                && svg
                    .contains("<desc>From 1970-01-01 to 1970-01-02. At the end: one 25 %, two 25 %.</desc>")
        );
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(!svg.contains("\n\n"), "an empty line would end the picture inside a page");
        let places = apart(&[100.0, 101.0, 213.0, 214.0]);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-9), "{places:?}");
        shares("A log", &found, &["three"]).unwrap_err();
    }
}
