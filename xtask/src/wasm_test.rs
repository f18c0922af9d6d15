//! The crates' own tests as wasm, in Node and in headless Chromium: built once, run in each host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use wasm_bindgen_cli::wasm_bindgen_test_runner;

use crate::browser::Browser;
use crate::toolchain::Toolchain;
use crate::{js, paths, shell};

/// The crates that run on the device.
pub(crate) const CRATES: [&str; 5] =
    ["keepset-wire", "keepset-privacy", "keepset-engine", "keepset-sentiment", "keepset"];

/// A statistical test draws a hundred thousand reports; the runner's own limit is 20 seconds.
const SECONDS_PER_FILE: &str = "900";

/// What a test file says that is not meant for wasm; any other that runs no test there is a failure.
const NATIVE_ONLY: &str = "#![cfg(not(target_arch = \"wasm32\"))]";

/// Which wasm tests to run, and where.
#[derive(Args)]
pub(crate) struct Options {
    /// The crates to test; all that run on the device when none is named.
    #[arg(short, long = "package")]
    packages: Vec<String>,
    /// Run in this host only.
    #[arg(long, value_enum)]
    host: Option<Host>,
    /// Run only the tests whose names contain this text.
    filter: Option<String>,
}

/// Where a wasm test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Host {
    /// Node.
    Node,
    /// A worker of a page in headless Chromium.
    Chromium,
}

/// A compiled test file.
#[derive(Debug)]
pub(crate) struct TestFile {
    /// The crate it tests.
    pub(crate) package: String,
    /// The file's target in that crate.
    pub(crate) target: String,
    manifest_folder: PathBuf,
    wasm: PathBuf,
}

/// Builds and runs the chosen wasm tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    let packages: Vec<&str> = match options.packages.as_slice() {
        [] => CRATES.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let toolchain = Toolchain::ensure()?;
    js::ensure_node()?;
    let browser = Browser::ensure()?;
    let files = build(&toolchain, &packages)?;
    for host in [Host::Node, Host::Chromium] {
        if options.host.is_none_or(|chosen| chosen == host) {
            for file in &files {
                shell::step(&format!("{} {} in {host:?}", file.package, file.target));
                let mut command = file.command(host, &browser)?;
                shell::run(command.args(&options.filter))?;
            }
        }
    }
    Ok(())
}

/// Compiles the tests of some crates to wasm.
///
/// # Errors
/// When they do not compile, or a crate has no test file.
pub(crate) fn build(toolchain: &Toolchain, packages: &[&str]) -> Result<Vec<TestFile>> {
    shell::step(&format!("compiling the tests of {} to wasm", packages.join(", ")));
    let mut cargo = toolchain.cargo("test")?;
    cargo.args(["--profile", "wasm-test", "--no-run", "--lib", "--tests"]);
    cargo.arg("--message-format=json-render-diagnostics");
    for package in packages {
        cargo.args(["--package", package]);
    }
    let messages = shell::read_with_progress(&mut cargo)?;
    let files =
        messages.lines().filter_map(|line| test_file(line).transpose()).collect::<Result<Vec<_>>>()?;
    for package in packages {
        ensure!(files.iter().any(|file| file.package == *package), "{package} has no test file for wasm");
    }
    Ok(files)
}

/// The test file one of cargo's messages tells of, if it does.
fn test_file(line: &str) -> Result<Option<TestFile>> {
    let message: Value = serde_json::from_str(line).with_context(|| format!("cargo printed {line:?}"))?;
    let Some(wasm) = message["executable"].as_str().filter(|path| path.ends_with(".wasm")) else {
        return Ok(None);
    };
    let manifest = Path::new(message["manifest_path"].as_str().context("cargo named no manifest")?);
    let folder = manifest.parent().context("cargo named a manifest without a folder")?;
    let text = std::fs::read_to_string(manifest)?;
    let source = message["target"]["src_path"].as_str().context("cargo named no source")?;
    if std::fs::read_to_string(source)?.contains(NATIVE_ONLY) {
        return Ok(None);
    }
    let package = package_name(&text).with_context(|| format!("{} names no package", manifest.display()))?;
    let target = message["target"]["name"].as_str().context("cargo named no target")?;
    Ok(Some(TestFile {
        package: package.to_owned(),
        target: target.to_owned(),
        manifest_folder: folder.to_path_buf(),
        wasm: PathBuf::from(wasm),
    }))
}

fn package_name(manifest: &str) -> Option<&str> {
    let package = manifest.split("[package]").nth(1)?;
    let line = package.lines().find_map(|line| line.trim().strip_prefix("name"))?;
    line.split('"').nth(1)
}

impl TestFile {
    /// The command that runs this file in a host.
    pub(crate) fn command(&self, host: Host, browser: &Browser) -> Result<Command> {
        let mut command = shell::command(own_copy()?);
        command.arg("wasm-test-runner").arg(&self.wasm).current_dir(&self.manifest_folder);
        command.env("WASM_BINDGEN_TEST_TIMEOUT", SECONDS_PER_FILE);
        if host == Host::Chromium {
            // In a worker: a page that computes answers nothing, and its driver gives it up after half a minute.
            command.env("WASM_BINDGEN_USE_DEDICATED_WORKER", "1").env_remove("NO_HEADLESS");
            browser.tell(&mut command)?;
        }
        Ok(command)
    }
}

/// A copy of this program: the native tests rebuild the original, and its path would name another file.
fn own_copy() -> Result<&'static Path> {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    if let Some(copy) = COPY.get() {
        return Ok(copy);
    }
    let folder = paths::wasm_target();
    std::fs::create_dir_all(&folder)?;
    let copy = folder.join("xtask-runner");
    let fresh = folder.join(format!(".xtask-runner-{}", std::process::id()));
    // Linux keeps a running program's file under this name even when its path holds a newer one.
    std::fs::copy("/proc/self/exe", &fresh).or_else(|_| std::fs::copy(std::env::current_exe()?, &fresh))?;
    std::fs::rename(&fresh, &copy)?;
    Ok(COPY.get_or_init(|| copy))
}

/// Runs one compiled test file in the host that the environment names.
pub(crate) fn runner(args: Vec<OsString>) -> Result<()> {
    let program = OsString::from("wasm-bindgen-test-runner");
    match wasm_bindgen_test_runner::run_cli_with_args(std::iter::once(program).chain(args)) {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error:#}"),
    }
}
