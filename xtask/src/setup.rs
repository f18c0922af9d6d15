//! `setup`: everything the other verbs need, found or installed.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::browser::Browser;
use crate::toolchain::Toolchain;
use crate::{engines, js, paths, shell};

/// Prepares everything and says what was found.
pub(crate) fn run() -> Result<()> {
    shell::step(
        "setup: the wasm compiler, Node, Chromium, PostgreSQL, DuckDB, Spark and the npm packages, installing what is missing",
    );
    println!("    wasm compiler: {}", Toolchain::ensure()?.describe()?);
    js_tools()?;
    println!("    Node {}", shell::read(shell::command("node").arg("--version"))?.trim());
    let browser = Browser::ensure()?;
    println!("    {}", shell::read(shell::command(&browser.chromium).arg("--version"))?.trim());
    println!("    {}", shell::read(shell::command(&browser.driver).arg("--version"))?.trim());
    println!("    {}", shell::read(shell::command(postgres()?).arg("--version"))?.trim());
    println!("    {}", engines::ensure()?);
    println!("everything is there");
    Ok(())
}

/// Finds the PostgreSQL that the collector's tests start, installing it when there is none.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(crate) fn postgres() -> Result<PathBuf> {
    if let Some(found) = postgres_there() {
        return Ok(found);
    }
    apt_install(&["postgresql"])?;
    postgres_there().context("apt installed postgresql, and there is no `initdb` under /usr/lib/postgresql")
}

/// Debian keeps the server's programs off the path, in a folder for each version; elsewhere they are on it.
fn postgres_there() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|entry| entry.path().join("bin/initdb")).find(|file| file.is_file());
    debian.or_else(|| shell::find(["initdb"]))
}

/// Prepares Node and the npm packages of the package's build and of the tests.
pub(crate) fn js_tools() -> Result<()> {
    js::ensure_node()?;
    js::install(&paths::at("pkg-template"))?;
    js::install(&paths::at("tests"))
}

/// Installs Debian packages.
///
/// # Errors
/// When this is no Debian, or apt could not do it.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    ensure!(shell::find(["apt-get"]).is_some(), "{wanted} cannot be installed: this machine has no apt-get");
    shell::step(&format!("installing {wanted} with apt"));
    apt(&["update"])
        .and_then(|()| {
            let mut install = vec!["install", "-y", "--no-install-recommends"];
            install.extend(packages);
            apt(&install)
        })
        .with_context(|| format!("apt could not install {wanted}: install them as root and run this again"))
}

fn apt(args: &[&str]) -> Result<()> {
    let root = shell::read(shell::command("id").arg("-u"))?.trim() == "0";
    let mut command = if root {
        shell::command("apt-get")
    } else {
        let mut sudo = shell::command("sudo");
        // sudo asks its password on the terminal, which is all it may read.
        sudo.stdin(Stdio::inherit()).args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    shell::run(command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(args))
}
