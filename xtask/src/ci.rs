//! `ci`: what must hold before a change is merged.

use std::process::ExitCode;

use anyhow::Result;

use crate::toolchain::Toolchain;
use crate::{shell, test, wasm_test};

/// Runs every check, the cheap ones first, and stops at the first that fails.
pub(crate) fn run() -> Result<ExitCode> {
    shell::step("ci: formatting, lints on native and wasm, docs, dependencies, then every test");
    shell::run(shell::cargo("fmt").args(["--all", "--check"]))?;
    lint()?;
    shell::step("docs");
    shell::run(
        shell::cargo("doc")
            .args(["--workspace", "--lib", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    if let Some(unchecked) = dependencies()? {
        eprintln!("warning: {unchecked}");
    }
    Ok(test::run())
}

fn lint() -> Result<()> {
    shell::step("clippy, native");
    let mut native = shell::cargo("clippy");
    native.args(["--workspace", "--all-targets", "--locked", "--", "-Dwarnings"]);
    shell::run(&mut native)?;
    shell::step("clippy, wasm");
    let mut wasm = Toolchain::ensure()?.clippy()?;
    wasm.args(["--lib", "--tests", "--locked"]);
    for package in wasm_test::CRATES {
        wasm.args(["--package", package]);
    }
    shell::run(&mut wasm)
}

/// Licences, sources and known weaknesses, by the rules in `deny.toml`.
///
/// Returns what could not be checked.
fn dependencies() -> Result<Option<&'static str>> {
    shell::step("dependencies: cargo deny");
    if shell::find(["cargo-deny"]).is_none() {
        shell::run(shell::cargo("install").args(["cargo-deny", "--locked"]))?;
    }
    shell::run(shell::cargo("deny").args(["--locked", "check", "bans", "licenses", "sources"]))?;
    // The advisories are fetched anew each time; everything else is in the clone.
    if shell::run(shell::cargo("deny").args(["--locked", "fetch", "db"])).is_err() {
        return Ok(Some(
            "the advisory database could not be fetched: dependencies were NOT checked for known weaknesses",
        ));
    }
    shell::run(shell::cargo("deny").args(["--locked", "check", "--disable-fetch", "advisories"]))?;
    Ok(None)
}
