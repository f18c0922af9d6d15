//! `cargo xtask`: builds, tests, measures and demonstrates the project with what one clone holds.
//!
//! One file per verb; each verb prints what it will do, and one clear sentence when it cannot.

// This is a terminal program: printing is its output, not a forgotten trace.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bench;
mod blame;
mod browser;
mod chart;
mod ci;
mod copy;
mod crowd;
mod demo;
mod docs;
mod engines;
mod js;
mod logs;
mod markers;
mod nowasm;
mod order;
mod paths;
mod pkg;
mod planted;
mod reproduce;
mod sbom;
mod server;
mod setup;
mod shell;
mod size;
mod summary;
mod test;
mod toolchain;
mod wasm_test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Checks for every tool the other verbs need and installs what is missing.
    Setup,
    /// Builds the npm package into target/pkg/keepset, ready for `npm pack`.
    Pkg,
    /// Builds the package anew elsewhere, and says whether it is the same to the byte.
    Reproduce(reproduce::Options),
    /// Writes what the package and the collector are made of, and their licences, into target/sbom.
    Sbom,
    /// Builds packages with one flaw each into target/planted: what the audit must find.
    Planted,
    /// Replays a real log into a local collector and serves the shop page and the dashboard.
    Demo(demo::Options),
    /// Builds docs/ into a site with search in target/site, and checks its links, its search and its pages.
    Docs,
    /// Prints what a page loads, file by file, and fails over the budget.
    Size {
        /// Also writes the table into docs/size.md.
        #[arg(long)]
        write: bool,
    },
    /// Measures what each step costs, natively and in the shipped package.
    Bench {
        /// Measures something else instead.
        #[arg(value_enum)]
        of: Option<bench::Of>,
        /// Measures beside the peers from npm instead: the same work in one run, in Node and in Chromium.
        #[arg(long)]
        peers: bool,
        /// Measures beside the peers of local differential privacy from PyPI instead, in accuracy and speed.
        #[arg(long, conflicts_with = "peers")]
        ldp: bool,
        /// Tells 100,000 random schedules of crashes and tabs, and times the noise of a report in the shipped module, instead.
        #[arg(long, conflicts_with_all = ["peers", "ldp"])]
        reports: bool,
        /// Also writes the tables into docs/benchmarks.md, or with `--ldp` and `--reports` into docs/privacy-figures.md.
        #[arg(long)]
        write: bool,
    },
    /// Surveys real logs with the packs and prints what was found, as tables and charts.
    Logs {
        /// Also writes them into docs/real-logs.md.
        #[arg(long)]
        write: bool,
    },
    /// Runs every test there is; the last line is their sum.
    Test,
    /// Checks formatting, lints, docs and dependencies with warnings denied, then runs every test.
    Ci,
    /// Runs the wasm tests of chosen crates in Node and in headless Chromium.
    WasmTest(wasm_test::Options),
    /// Runs one wasm test file, as cargo calls a target's runner.
    #[command(hide = true)]
    WasmTestRunner {
        /// The test file and the arguments of the test harness.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        args: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    let done = match verb {
        Verb::Setup => setup::run(),
        Verb::Pkg => pkg::run().map(|_| ()),
        Verb::Reproduce(options) => reproduce::run(&options),
        Verb::Sbom => sbom::run(),
        Verb::Planted => pkg::there().and_then(|package| planted::run(&package)).map(|_| ()),
        Verb::Demo(options) => demo::run(&options),
        Verb::Docs => docs::run(),
        Verb::Bench { of: Some(bench::Of::Collector), write, .. } => bench::collector(write),
        Verb::Bench { of: Some(bench::Of::Crowd), write, .. } => crowd::run(write),
        Verb::Bench { of: Some(bench::Of::Leaving), write, .. } => bench::leaving(write),
        Verb::Bench { of: Some(bench::Of::Models), write, .. } => bench::models(write),
        Verb::Bench { of: Some(bench::Of::Track), write, .. } => bench::track(write),
        Verb::Bench { peers: true, write, .. } => bench::peers(write),
        Verb::Bench { ldp: true, write, .. } => bench::ldp(write),
        Verb::Bench { reports: true, write, .. } => bench::reports(write),
        Verb::Bench { write, .. } => bench::run(write),
        Verb::Size { write } => size::run(write),
        Verb::Logs { write } => logs::run(write),
        Verb::Test => return Ok(test::run()),
        Verb::Ci => return ci::run(),
        Verb::WasmTest(options) => wasm_test::run(&options),
        Verb::WasmTestRunner { args } => wasm_test::runner(args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
