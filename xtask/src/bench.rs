//! `bench`: what the device pays for each step, natively and in the shipped package, and beside others.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::browser::Browser;
use crate::{markers, paths, pkg, setup, shell};

const PAGE: &str = "docs/benchmarks.md";
const FIGURES: &str = "docs/privacy-figures.md";

/// Measures, prints the tables, and writes them into docs/benchmarks.md when asked.
pub(crate) fn run(write: bool) -> Result<()> {
    let package = pkg::run()?;
    shell::step("bench: the engine, natively");
    let mut native = shell::cargo("bench");
    native.args(["--package", "keepset", "--bench", "device", "--locked"]);
    let native = table(&mut native)?;
    shell::step("bench: logs of shops, natively");
    let mut replay = shell::cargo("bench");
    replay.args(["--package", "keepset-cli", "--bench", "replay", "--locked"]);
    let replay = table(&mut replay)?;
    shell::step("bench: the shipped package in Node");
    let mut node = shell::command("node");
    node.arg("benches/package.mjs").env("KEEPSET_PACKAGE", package);
    let node = table(&mut node)?;
    let tables = format!(
        "## The engine, natively\n\n{native}\n## Logs of shops, natively\n\nThe retail pack, one engine a person, on one core; the log is read before. Every order concerns nearly all of the pack, and between two of a\nperson lie days in which time changes answers; a click concerns three features.\n\n{replay}\n## The shipped package in Node and Chromium\n\n{node}"
    );
    keep(write, PAGE, "bench", &tables)
}

/// Measures the package beside its peers from npm, in Node and in Chromium, and writes the tables when asked.
///
/// # Errors
/// Among others when the npm registry cannot be reached, which the script says in a sentence of its own.
pub(crate) fn peers(write: bool) -> Result<()> {
    let package = pkg::run()?;
    let browser = Browser::ensure()?;
    shell::step("bench: beside the peers from npm, which go into target/peers");
    let mut node = shell::command("node");
    node.arg("benches/peers/run.mjs").env("KEEPSET_PACKAGE", package);
    browser.tell(&mut node)?;
    let tables = compared(&mut node)?;
    keep(write, PAGE, "peers", &tables)
}

/// Measures what `track` costs the thread of a page, and writes the table when asked.
pub(crate) fn track(write: bool) -> Result<()> {
    let package = pkg::there()?;
    let browser = Browser::ensure()?;
    shell::step("bench: what `track` costs the thread of a page");
    let mut node = shell::command("node");
    node.arg("benches/track.mjs").env("KEEPSET_PACKAGE", package);
    browser.tell(&mut node)?;
    let table = table(&mut node)?;
    keep(write, PAGE, "track", &table)
}

/// Measures what scores cost beside peers from npm and PyPI, and writes the tables when asked.
///
/// # Errors
/// Among others when a registry cannot be reached, which the scripts say in a sentence of their own.
pub(crate) fn models(write: bool) -> Result<()> {
    let package = pkg::run()?;
    shell::run(shell::cargo("build").args(["--release", "--locked", "--package", "keepset-cli"]))?;
    shell::step("bench: what a score costs, beside peers from npm and PyPI, which go into target/models");
    let mut python = shell::command("python3");
    shell::run(python.arg("benches/models/prepare.py"))?;
    let mut node = shell::command("node");
    node.args(["--expose-gc", "benches/models/run.mjs"]).env("KEEPSET_PACKAGE", package);
    node.env("KEEPSET_BIN", shell::target_folder()?.join("release/keepset"));
    let tables = compared(&mut node)?;
    keep(write, PAGE, "models", &tables)
}

/// Counts what leaves a device beside trackers from npm, and writes the table and the chart when asked.
///
/// # Errors
/// Among others when the npm registry cannot be reached, which the script says in a sentence of its own.
pub(crate) fn leaving(write: bool) -> Result<()> {
    let package = pkg::there()?;
    let browser = Browser::ensure()?;
    shell::step("bench: what leaves, beside the trackers from npm, which go into target/leaving");
    let mut node = shell::command("node");
    node.arg("benches/leaving/run.mjs").env("KEEPSET_PACKAGE", package);
    if write {
        node.arg("--svg").arg(paths::at("docs/bytes-leaving.svg"));
    }
    browser.tell(&mut node)?;
    let tables = compared(&mut node)?;
    keep(write, PAGE, "leaving", &tables)
}

/// Measures the mechanisms beside the peers from PyPI on the same true data, and writes the tables when asked.
///
/// # Errors
/// Among others when PyPI cannot be reached, which the script says in a sentence of its own.
pub(crate) fn ldp(write: bool) -> Result<()> {
    shell::step("bench: local differential privacy beside its peers from PyPI, which go into target/ldp");
    shell::run(shell::cargo("build").args([
        "--release",
        "--locked",
        "--package",
        "keepset-privacy",
        "--example",
        "ldp",
    ]))?;
    let mut python = shell::command("python3");
    let own = shell::target_folder()?.join("release/examples/ldp");
    python.arg("benches/ldp/run.py").env("KEEPSET_LDP", own);
    let tables = compared(&mut python)?;
    keep(write, FIGURES, "ldp", &tables)
}

/// Tells random schedules of what can happen to a device, times the noise of a report in the shipped module, and writes both when asked.
pub(crate) fn reports(write: bool) -> Result<()> {
    let package = pkg::run()?;
    shell::step("bench: 100,000 schedules of crashes, tabs, clocks and restored states");
    let mut schedules = shell::cargo("test");
    schedules.args([
        "--release",
        "--locked",
        "--package",
        "keepset-engine",
        "--test",
        "schedules",
        "--",
        "--nocapture",
    ]);
    let schedules = table(schedules.env("KEEPSET_STORIES", "100000"))?;
    shell::step("bench: the noise of a report in the shipped module, in Node");
    let mut node = shell::command("node");
    node.arg("benches/report.mjs").env("KEEPSET_PACKAGE", package);
    let speed = table(&mut node)?;
    keep(write, FIGURES, "schedules", &schedules)?;
    keep(write, FIGURES, "speed", &speed)
}

/// What else than the device can be measured.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Of {
    /// The collector on both kinds of store: what it acknowledges in a second beside what bounds it.
    Collector,
    /// A million simulated devices that report to a collector over HTTP.
    Crowd,
    /// What leaves a device per 1,000 events, beside trackers from npm, against a sink of this machine.
    Leaving,
    /// What a score costs: of trees, of a line, of a text, beside peers from npm and PyPI.
    Models,
    /// What `track` costs the thread of a page: in the page, in a worker, without WebAssembly.
    Track,
}

/// Measures the collector beside what bounds it, and writes the table when asked.
pub(crate) fn collector(write: bool) -> Result<()> {
    setup::postgres()?;
    shell::step("bench: the collector, its senders and a PostgreSQL on this machine");
    let release = ["--release", "--locked", "--package", "keepset-collector"];
    shell::run(shell::cargo("build").args(release).args(["--bins", "--example", "load"]))?;
    let mut load = shell::command(shell::target_folder()?.join("release/examples/load"));
    let table = table(&mut load)?;
    keep(write, PAGE, "collector", &table)
}

/// Writes what was measured between the markers of a page, when that is asked.
fn keep(write: bool, page: &str, markers: &str, tables: &str) -> Result<()> {
    if write {
        markers::write(&paths::at(page), markers, tables)?;
        println!("    wrote {markers} in {page}");
    }
    Ok(())
}

/// What a comparison with peers printed.
fn compared(command: &mut Command) -> Result<String> {
    let finished = shell::tee(command)?;
    ensure!(finished.success, "nothing was compared");
    Ok(finished.output)
}

/// The table a benchmark printed.
fn table(command: &mut Command) -> Result<String> {
    let finished = shell::tee(command)?;
    ensure!(finished.success, "the benchmark failed");
    let rows: Vec<&str> = finished.output.lines().filter(|line| line.starts_with('|')).collect();
    // A heading, a rule, and at least one figure.
    rows.get(2).context("the benchmark printed no table")?;
    Ok(rows.join("\n") + "\n")
}
