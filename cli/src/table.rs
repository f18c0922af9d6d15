//! The results as an aligned table for a terminal.

use std::fmt::Write as _;

use crate::coverage::Coverage;
use crate::crowd::Outcome;
use crate::fleet::Totals;
use crate::replay::Summary;
use crate::tally::{QuestionResult, SegmentResult};

/// Writes a summary: what was replayed, at what price, and a line per segment of the window shown.
#[must_use]
pub fn replay(summary: &Summary) -> String {
    let window = &summary.window;
    let mut text = String::new();
    let mut line = |line: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format!(
        "{} people, {} events, {} reports; consent was taken as given at each person's first event.",
        summary.people, summary.events, summary.reports
    ));
    line(intake(&summary.intake));
    line(format!(
        "Epsilon {} per report, {} per window, at most {} a year. Noise: {}. Estimated by {}.",
        summary.epsilon,
        summary.epsilon,
        summary.epsilon * f64::from(summary.windows_per_year),
        summary.noise,
        summary.estimated_by
    ));
    let complete = if window.complete { "" } else { ", not complete" };
    line(format!("\nWindow {}: {} until {}{complete}", window.window, window.starts, window.ends));
    if !summary.segments.is_empty() {
        line(aligned(
            &HEADINGS,
            summary.segments.iter().map(|segment| row(segment, segment.id.clone())).collect(),
        ));
    }
    if !summary.figures.is_empty() {
        line(aligned(&HEADINGS, summary.figures.iter().map(figure).collect()));
    }
    let questions = || summary.windows.iter().flat_map(|window| &window.questions);
    let over: u64 = questions().map(|question| question.over_cap).sum();
    line(format!(
        "{over} of {} reports came from devices in more segments than a report may name.",
        summary.reports
    ));
    text + &others(questions())
}

/// Says how many reports a collector holds of others; nothing when there are none.
fn others<'a>(questions: impl Iterator<Item = &'a QuestionResult>) -> String {
    let others: u64 = questions.map(|question| question.reports.saturating_sub(question.replayed)).sum();
    if others == 0 {
        return String::new();
    }
    format!("The collector holds {others} more reports: its estimates are of them too, the truth is not.\n")
}

const HEADINGS: [&str; 7] =
    ["segment", "truth", "estimate", "95 % interval", "rel. error", "reports", "release"];

/// One number: the truth beside the estimate.
fn row(result: &SegmentResult, name: String) -> Vec<String> {
    let write = |value: f64| if result.is_share() { percent(value) } else { format!("{value:.2}") };
    let error = result.relative_error.map_or("-".into(), percent);
    let release = if result.published { "published" } else { "not enough reports" };
    let interval = format!("{} to {}", write(result.low), write(result.high));
    let numbers = [write(result.truth), write(result.estimate), interval, error, result.reports.to_string()];
    [&[name][..], &numbers, &[release.to_owned()]].concat()
}

/// A number that is no size, with what it measures.
fn figure(result: &SegmentResult) -> Vec<String> {
    row(result, format!("{} {}", result.measure, result.id))
}

/// Writes what a collector made of a crowd beside the truth, and how many intervals hold it.
#[must_use]
pub fn crowd(outcome: &Outcome) -> String {
    let questions = &outcome.window.questions;
    let size = |result: &SegmentResult| row(result, result.id.clone());
    let rows = questions
        .iter()
        .flat_map(|question| question.segments.iter().map(size).chain(question.figures.iter().map(figure)));
    let table = aligned(&HEADINGS, rows.collect());
    let (held, intervals) = outcome.coverage();
    let seconds = outcome.took.as_secs_f64();
    // A crowd is far smaller than 2^53.
    #[expect(clippy::cast_precision_loss)]
    let (rate, share) = (outcome.devices as f64 / seconds, held as f64 / intervals as f64);
    let others = others(questions.iter());
    let form = if outcome.sealed { "sealed" } else { "not sealed" };
    format!(
        "{table}\n\n{} devices reported in {seconds:.1} s, {rate:.0} a second, {form}; the collector acknowledged every report.\n\
         {held} of {intervals} intervals of 95 % hold the truth ({}).\n{others}",
        outcome.devices,
        percent(share)
    )
}

/// Says what became of the events on their way in.
#[must_use]
pub fn intake(totals: &Totals) -> String {
    let Totals { late, duplicates, undeclared_events, undeclared_properties, refused, evicted, .. } = totals;
    let evicted = if *evicted > 0 { format!(", {evicted} rows of memory evicted") } else { String::new() };
    format!(
        "Intake: {late} late, {duplicates} duplicates (counted once), {undeclared_events} of undeclared names, \
         {refused} refused, {undeclared_properties} undeclared properties dropped{evicted}."
    )
}

/// Writes how often intervals held the truth.
#[must_use]
pub fn coverage(coverage: &Coverage) -> String {
    let or_none = |share: Option<f64>| share.map_or("-".into(), percent);
    let rows = coverage.segments.iter().map(|segment| {
        vec![
            segment.id.clone(),
            percent(segment.truth),
            percent(segment.coverage),
            segment.intervals.to_string(),
            or_none(segment.coverage_in_print),
            segment.printed.to_string(),
        ]
    });
    let headings = ["segment", "mean truth", "coverage", "intervals", "in print", "printed"];
    let table = aligned(&headings, rows.collect());
    let whole = |share: f64| format!("{:.0} %", share * 100.0);
    let rows = coverage.by_print.iter().map(|class| {
        vec![
            class.measure.to_owned(),
            format!("{} to {}", whole(class.from), whole(class.to)),
            class.numbers.to_string(),
            class.printed.to_string(),
            percent(class.coverage_in_print),
            percent(class.coverage),
        ]
    });
    let headings = ["measure", "printed of seeds", "numbers", "printed", "in print", "coverage"];
    let classes = aligned(&headings, rows.collect());
    format!(
        "{table}\n\n{classes}\n\n{} reports drawn with each of {} seeds: the 95 % intervals held the truth {} of the time, those of printed numbers {}.\n",
        coverage.reports,
        coverage.seeds,
        percent(coverage.pooled),
        or_none(coverage.pooled_in_print)
    )
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The columns of words, beside the first; the others hold numbers.
const WORDS: [&str; 4] = ["release", "claimed", "measured", "verdict"];

/// Headings and rows.
pub(crate) type Table = (Vec<String>, Vec<Vec<String>>);

/// Writes a table as Markdown, the first column to the left.
pub(crate) fn markdown((headings, rows): &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("| --- |{}\n", " ---: |".repeat(headings.len() - 1));
    line(headings) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// Aligns columns: words to the left, numbers to the right.
pub(crate) fn aligned(headings: &[&str], mut rows: Vec<Vec<String>>) -> String {
    rows.insert(0, headings.iter().map(ToString::to_string).collect());
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let left = |column: usize| column == 0 || WORDS.contains(&headings[column]);
    let write = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if left(column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(write).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = aligned(
            &["segment", "truth", "release"],
            vec![vec!["a".into(), "12.5 %".into(), "published".into()]],
        );
        assert_eq!(table, "segment   truth  release\na        12.5 %  published");
    }
}
