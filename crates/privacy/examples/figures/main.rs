//! Measures what the mechanisms promise, side by side with what is asked of them, and writes it into a page of the docs.
//!
//! `cargo run --release -p keepset-privacy --example figures -- --write docs/privacy-figures.md`; without `--write` it prints,
//! and `--only A12` only the parts whose heading begins so. `--printed`, and `--printed --write docs/questions.md`, do the same for the table of what
//! is printed seldom and often.
//! Everything is drawn from fixed seeds, so that a run gives the same figures.

// A tool for those who work on the crate: the engine's rule of no files and no arguments is not meant for it.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

mod attack;
mod draw;
mod interval;
mod privacy;
mod released;
mod several;
mod variance;
mod windows;

use std::error::Error;
use std::fs;

/// What went wrong, in its own words.
type Failed = Box<dyn Error>;

/// One demand and what was measured.
struct Row {
    name: &'static str,
    what: String,
    asked: String,
    measured: String,
    kept: bool,
}

/// A part of the page: its heading and its rows.
type Part = (&'static str, fn() -> Result<Vec<Row>, Failed>);

const PARTS: [Part; 17] = [
    ("A1: no mechanism states more than it is asked for", privacy::stated),
    ("A2: draws have the exact law", privacy::laws),
    ("A4: errors are the stated ones", variance::errors),
    ("A5: one segment at most", variance::single),
    ("A6: several segments", variance::several),
    ("A6: overlaps of two segments", several::overlaps),
    ("The mean of a bounded number", variance::means),
    ("A7: intervals hold the truth in 95 of 100 cases", interval::coverage),
    ("A7: intervals of ratios", several::ratios),
    ("A7: every kind of number, as it is released", released::every_kind),
    ("A8: shares made consistent", several::consistency),
    ("A9: histograms of an ordered feature", interval::histograms),
    ("A10: a model's calibration curve and the area under its ROC curve", several::curves),
    ("A11: drift between two windows", windows::drift),
    ("A12: a share over time", windows::over_time),
    ("A13: what a shuffler would add", attack::shuffled),
    ("Fake reports", attack::fakes),
];

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => print!("{}", measured("")?),
        [only, heading] if only == "--only" => print!("{}", measured(heading)?),
        [write, page] if write == "--write" => {
            fs::write(page, replaced(&fs::read_to_string(page)?, "figures", &measured("")?)?)?;
        }
        [printed] if printed == "--printed" => print!("{}", released::by_print()?),
        [printed, write, page] if printed == "--printed" && write == "--write" => {
            fs::write(page, replaced(&fs::read_to_string(page)?, "printed", &released::by_print()?)?)?;
        }
        _ => return Err(
            "give nothing, --only and how a heading begins, --printed, or either with --write and the page"
                .into(),
        ),
    }
    Ok(())
}

/// Measures the parts whose heading begins so.
fn measured(heading: &str) -> Result<String, Failed> {
    let parts = PARTS.iter().filter(|(name, _)| name.starts_with(heading));
    parts.map(|(name, measure)| Ok(part(name, &measure()?))).collect()
}

fn part(heading: &str, rows: &[Row]) -> String {
    let line = |row: &Row| {
        let kept = if row.kept { "yes" } else { "**no**" };
        format!("| {} | {} | {} | {} | {kept} |\n", row.name, row.what, row.asked, row.measured)
    };
    let lines: String = rows.iter().map(line).collect();
    format!(
        "\n## {heading}\n\n| mechanism | setting | asked | measured | kept |\n| --- | --- | --- | --- | --- |\n{lines}"
    )
}

fn replaced(page: &str, place: &str, text: &str) -> Result<String, Failed> {
    let (begin, end) = (format!("<!-- {place}:begin -->"), format!("<!-- {place}:end -->"));
    let (before, rest) = page.split_once(&begin).ok_or("the page has no place for figures")?;
    let (_, after) = rest.split_once(&end).ok_or("the place for figures has no end")?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}
