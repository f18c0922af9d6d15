//! `keepset audit`: holds the shipped module of the mechanism to what is claimed of it, draw by draw.
//!
//! `lane` runs the module in Node, `device` makes the questions it is asked, `subject` and `law` know what may come of them,
//! `draws` counts, `checks` judge by `statistics`, `finding` writes down. All judging is here; the module runs as it ships.
//! `verify` is about a device instead: it holds captured traffic to the ledger the device exported.

mod checks;
mod device;
mod draws;
mod finding;
mod lane;
mod law;
mod page;
mod replay;
mod statistics;
mod subject;
mod verify;

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::{fs, path};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::markers;
use checks::Size;
use finding::{Section, table};
use lane::Files;

/// An audit: of the package, unless something else is named.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArguments {
    /// What to audit instead.
    #[command(subcommand)]
    pub other: Option<Other>,
    /// The package.
    #[command(flatten)]
    pub package: PackageArguments,
}

/// What can be audited beside the package.
#[derive(Debug, Subcommand)]
pub enum Other {
    /// Audits the package's module of the mechanism; the same as no word at all
    Wasm(PackageArguments),
    /// Confirms that captured traffic is exactly what a device's ledger says, and that the plan allowed it
    Verify(verify::VerifyArguments),
}

/// An audit of the package.
#[derive(Debug, Args)]
pub struct PackageArguments {
    /// The folder of the unpacked npm package
    #[arg(long, default_value = "target/pkg/keepset")]
    pub package: PathBuf,
    /// Ask every question at one price and draw far less than is asked of an audit: a short look, nothing to file
    #[arg(long)]
    pub quick: bool,
    /// Give the module bytes from this seed in the place of randomness, so that an audit can be repeated
    #[arg(long)]
    pub seed: Option<u64>,
    /// Also write a page to file
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Also write the findings as JSON
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Also write the table into this page, between <!-- audit:begin --> and <!-- audit:end -->
    #[arg(long)]
    pub write: Option<PathBuf>,
    /// Show progress even when standard error is no terminal
    #[arg(long)]
    pub progress: bool,
}

/// Everything an audit found.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Which package.
    package: String,
    version: String,
    /// SHA-256 of the module that was audited.
    sha256: String,
    node: String,
    /// The version of this tool.
    tool: &'static str,
    quick: bool,
    seed: Option<u64>,
    /// Whether every claim holds.
    holds: bool,
    sections: &'a [Section],
}

/// Audits what is named, and prints what was found.
///
/// # Errors
/// When the audit could not be made, or when a claim does not hold.
pub fn run(arguments: &AuditArguments) -> anyhow::Result<String> {
    match &arguments.other {
        None => package(&arguments.package),
        Some(Other::Wasm(arguments)) => package(arguments),
        Some(Other::Verify(arguments)) => verify::run(arguments),
    }
}

fn package(arguments: &PackageArguments) -> anyhow::Result<String> {
    lane::check(&arguments.package)?;
    let package = path::absolute(&arguments.package)?;
    let size = if arguments.quick { Size::QUICK } else { Size::FULL };
    let bar = bar(arguments.progress);
    let done = checks::run(&package, size, arguments.seed, &bar);
    bar.finish_and_clear();
    let (files, sections) = done?;
    let report = Report::new(arguments, files, &sections);
    if let Some(path) = &arguments.json {
        write(path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(path) = &arguments.html {
        write(path, &page::page(&report)?)?;
    }
    let text = report.text();
    if let Some(path) = &arguments.write {
        markers::write(path, "audit", &format!("```text\n{text}```\n"))?;
    }
    if report.holds {
        return Ok(text);
    }
    // What was found is the output of the command; that not all of it holds is its failure.
    let _ = stdout().write_all(text.as_bytes());
    bail!("{} of {} claims do not hold", report.failed(), report.claims())
}

impl<'a> Report<'a> {
    fn new(arguments: &PackageArguments, files: Files, sections: &'a [Section]) -> Self {
        Self {
            package: files.name,
            version: files.version,
            sha256: files.sha256,
            node: files.node,
            tool: env!("CARGO_PKG_VERSION"),
            quick: arguments.quick,
            seed: arguments.seed,
            holds: sections.iter().flat_map(|section| &section.findings).all(|finding| finding.holds),
            sections,
        }
    }

    fn claims(&self) -> usize {
        self.sections.iter().map(|section| section.findings.len()).sum()
    }

    fn failed(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.findings).filter(|finding| !finding.holds).count()
    }

    fn text(&self) -> String {
        let kind = if self.quick { "A quick look at" } else { "An audit of" };
        let end = if self.holds { "all hold".to_owned() } else { format!("{} do not hold", self.failed()) };
        format!(
            "{kind} {} {}, report.wasm sha256 {}, in Node {}{}\n\n{}\n\n{} claims, {end}\n",
            self.package,
            self.version,
            self.sha256,
            self.node,
            self.seed.map_or(String::new(), |seed| format!(", seed {seed}")),
            table(self.sections),
            self.claims(),
        )
    }
}

fn bar(progress: bool) -> ProgressBar {
    if !progress && !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{percent:>3} % {bar:40} {human_pos} draws in {elapsed}, {per_sec}, {eta} left";
    // The template is a constant that parses; the default style would do as well.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
