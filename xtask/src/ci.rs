//! `ci`: what must hold before a change is merged.

use std::process::Command;

use anyhow::Result;

use crate::toolchain::Toolchain;
use crate::{shell, test, wasm_test};

/// Runs every check, the cheap ones first, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    shell::step("ci: formatting, lints on native and wasm, docs, dependencies, then every test");
    shell::run(shell::cargo("fmt").args(["--all", "--check"]))?;
    lint()?;
    shell::step("docs");
    shell::run(
        shell::cargo("doc").args(["--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    dependencies()?;
    test::run()
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

/// Licences, advisories, duplicate versions and sources, by the rules in `deny.toml`.
fn dependencies() -> Result<()> {
    shell::step("dependencies: cargo deny");
    if shell::find(["cargo-deny"]).is_none() {
        let mut install: Command = shell::cargo("install");
        shell::run(install.args(["cargo-deny", "--locked"]))?;
    }
    shell::run(shell::cargo("deny").args(["--locked", "check"]))
}
