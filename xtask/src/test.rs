//! `test`: every suite, its output as it comes, and one last line that sums them all.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::browser::Browser;
use crate::summary::{self, Count};
use crate::toolchain::Toolchain;
use crate::wasm_test::{self, Host, TestFile};
use crate::{docs, paths, pkg, planted, setup, shell};

/// One suite, and what became of it.
struct Outcome {
    suite: String,
    result: Result<Count>,
    /// Without what was built before.
    took: Duration,
}

impl Outcome {
    fn of(suite: impl Into<String>, run: impl FnOnce() -> Result<Count>) -> Self {
        let began = Instant::now();
        let result = run();
        Self { suite: suite.into(), result, took: began.elapsed() }
    }
}

/// Runs everything.
///
/// A failed test, a suite that could not run and a suite that ran nothing each make the exit code a failure.
pub(crate) fn run() -> ExitCode {
    shell::step("test: native, wasm in Node and in Chromium, the packed npm package, end to end");
    let outcomes = every_suite();
    let sum = report(&outcomes);
    // The last line, whatever happened.
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 && sum.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn every_suite() -> Vec<Outcome> {
    // Installing waits for the network, compiling for the processor.
    let (ready, compiled) = both(compile, || {
        setup::run()?;
        Ok((Toolchain::ensure()?, Browser::ensure()?))
    });
    let (toolchain, browser) = match ready {
        Ok(ready) => ready,
        Err(error) => return vec![Outcome::of("setup", || Err(error))],
    };
    // Native tests leave a part of two cores idle, on which the next ones are compiled.
    let (native, wasm) = both(
        || wasm_test::build(&toolchain, &wasm_test::CRATES),
        || Outcome::of("native", || compiled.and_then(|()| native())),
    );
    let mut outcomes = vec![native];
    // Either keeps one core busy.
    let (others, package) = both(package, || beside_package(wasm, &browser));
    outcomes.extend(others);
    match package {
        Ok(package) => {
            outcomes.push(Outcome::of("npm package", || node_files("package", &browser, &package)));
            outcomes.push(Outcome::of("end to end", || end_to_end(&browser, &package)));
        }
        Err(error) => outcomes.push(Outcome::of("npm package", || Err(error))),
    }
    outcomes
}

/// Does one thing in the background of another; returns what came of the other, and of the one.
fn both<T, U: Send>(
    background: impl FnOnce() -> Result<U> + Send,
    other: impl FnOnce() -> T,
) -> (T, Result<U>) {
    thread::scope(|scope| {
        let background = scope.spawn(background);
        let other = other();
        (other, background.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
    })
}

/// What needs no package, and leaves a core to building it.
fn beside_package(wasm: Result<Vec<TestFile>>, browser: &Browser) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    match wasm {
        Ok(files) => outcomes
            .extend([Host::Node, Host::Chromium].iter().flat_map(|host| run_wasm(&files, *host, browser))),
        Err(error) => outcomes.push(Outcome::of("wasm", || Err(error))),
    }
    // The checks inside are the site's own; that they all held counts as one.
    let one = Count { passed: 1, ..Count::default() };
    outcomes.push(Outcome::of("docs", || docs::run().map(|()| one)));
    outcomes.push(Outcome::of("xtask", own));
    outcomes
}

/// The table of suites, then the names of what failed; a suite without a result counts as one failure.
fn report(outcomes: &[Outcome]) -> Count {
    println!();
    for Outcome { suite, result, took } in outcomes {
        let seconds = took.as_secs();
        match result {
            Ok(Count { passed, failed, ignored, .. }) => println!(
                "{suite:<36} {passed:>6} passed {failed:>4} failed {ignored:>4} ignored {seconds:>6} s"
            ),
            Err(error) => println!("{suite:<36} FAILED: {error:#}"),
        }
    }
    for Outcome { suite, result, .. } in outcomes {
        let failures = result.iter().flat_map(|count| &count.failures);
        failures.for_each(|name| println!("failed, {suite}: {name}"));
    }
    let broken = Count { failed: 1, ..Count::default() };
    outcomes.iter().map(|outcome| outcome.result.as_ref().unwrap_or(&broken).clone()).sum()
}

/// Compiles the native tests.
fn compile() -> Result<()> {
    shell::step("compiling the native tests");
    shell::run(native_tests().arg("--no-run"))
}

fn native() -> Result<Count> {
    shell::step("native tests");
    finish(&mut native_tests())
}

fn native_tests() -> Command {
    let mut cargo = shell::cargo("test");
    cargo.args(["--workspace", "--exclude", "xtask", "--locked", "--no-fail-fast"]);
    cargo
}

/// This program's own tests, as it was built to run: its libraries are not built a second time for them.
fn own() -> Result<Count> {
    shell::step("tests of xtask");
    let mut cargo = shell::cargo("test");
    cargo.args(["--package", "xtask", "--profile", "dev", "--locked"]);
    finish(&mut cargo)
}

/// Each crate that runs on the device, in a host.
fn run_wasm(files: &[TestFile], host: Host, browser: &Browser) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for package in wasm_test::CRATES {
        shell::step(&format!("wasm tests of {package} in {host:?}"));
        let of_package = files.iter().filter(|file| file.package == package);
        outcomes.push(Outcome::of(format!("{package} as wasm in {host:?}"), || {
            let counts = of_package.map(|file| {
                let mut command = file.command(host, browser)?;
                finish(&mut command).with_context(|| format!("tests of {}", file.target))
            });
            counts.sum()
        }));
    }
    outcomes
}

/// One report from a device to the dashboard, through the programs that ship.
fn end_to_end(browser: &Browser, package: &Package) -> Result<Count> {
    let programs = programs()?;
    for name in ["keepset", "keepset-collector"] {
        let program = programs.join(name);
        ensure!(program.is_file(), "{} is missing: the native tests should have built it", program.display());
    }
    node_files("e2e", browser, package)
}

/// Where the native tests built the programs they start.
fn programs() -> Result<PathBuf> {
    Ok(shell::target_folder()?.join("debug"))
}

/// The Node tests in one folder of `tests/`.
fn node_files(folder: &str, browser: &Browser, package: &Package) -> Result<Count> {
    shell::step(&format!("Node tests in tests/{folder}"));
    let files = test_files(&paths::at("tests").join(folder))?;
    let tap = paths::at("target").join(format!("test-{folder}.tap"));
    let mut node = shell::command("node");
    node.args([
        "--test",
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=tap",
    ]);
    // A file waits for its browser more than it computes: as many at once as there are cores, where Node itself takes one less.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    node.arg(format!("--test-concurrency={cores}"));
    node.arg(format!("--test-reporter-destination={}", tap.display())).args(&files);
    node.env("KEEPSET_PACKAGE", &package.built).env("KEEPSET_PACKED", &package.packed);
    node.env("KEEPSET_BIN", programs()?);
    browser.tell(&mut node)?;
    let success = shell::status(&mut node)?;
    let written =
        std::fs::read_to_string(&tap).with_context(|| format!("Node wrote no {}", paths::shown(&tap)))?;
    something(judged(summary::node(&written)?, success)?)
}

/// The npm package: the folder it was built into, and the one where npm packed it.
struct Package {
    built: PathBuf,
    packed: PathBuf,
}

/// Builds it, and beside it those with a flaw each.
fn package() -> Result<Package> {
    let built = pkg::run().context("the package was not built")?;
    let packed = packed(&built)?;
    planted::run(&built)?;
    Ok(Package { built, packed })
}

/// Packs and installs the package as npm does, once for all files, beside what npm said of it.
fn packed(package: &Path) -> Result<PathBuf> {
    let folder = paths::at("target").join("packed");
    shell::empty_folder(&folder)?;
    let mut npm = shell::command("npm");
    npm.args(["pack", "--json", "--pack-destination"]).arg(&folder).arg(package);
    let said = shell::read(&mut npm)?;
    let packed: Value = serde_json::from_str(&said).context("`npm pack` printed no JSON")?;
    let tarball = packed[0]["filename"].as_str().context("`npm pack` named no file")?;
    std::fs::write(folder.join("packed.json"), &said)?;
    std::fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#)?;
    let mut npm = shell::command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--offline"]);
    shell::run(npm.arg(folder.join(tarball)).current_dir(&folder))?;
    Ok(folder)
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("{} is missing", paths::shown(folder)))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no *.test.mjs", paths::shown(folder));
    Ok(files)
}

/// What a Rust test harness counted.
fn finish(command: &mut Command) -> Result<Count> {
    let finished = shell::tee(command)?;
    something(judged(summary::harness(&finished.output)?, finished.success)?)
}

/// A runner that failed without a failed test has not run everything: its count is not to be trusted.
fn judged(count: Count, success: bool) -> Result<Count> {
    match (success, count.failed) {
        (false, 0) => {
            Err(anyhow!("the runner failed after {} passed tests, without naming a failed one", count.passed))
        }
        (true, 1..) => bail!("the runner succeeded although {} tests failed", count.failed),
        _ => Ok(count),
    }
}

/// A suite that ran no test is a failure.
fn something(count: Count) -> Result<Count> {
    ensure!(count.passed + count.failed > 0, "no test ran");
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::{Count, Outcome, judged, report, something};

    const PASSED: Count = Count { passed: 2, failed: 0, ignored: 0, failures: Vec::new() };

    #[test]
    fn a_suite_that_ran_no_test_is_a_failure() {
        something(Count { ignored: 3, ..Count::default() }).unwrap_err();
        assert_eq!(something(PASSED).unwrap(), PASSED);
    }

    #[test]
    fn a_runner_and_its_summary_must_agree() {
        judged(PASSED, false).unwrap_err();
        judged(Count { failed: 1, ..PASSED }, true).unwrap_err();
        assert_eq!(judged(PASSED, true).unwrap(), PASSED);
    }

    #[test]
    fn a_suite_without_a_result_counts_as_one_failure() {
        let outcomes = [Outcome::of("a", || Ok(PASSED)), Outcome::of("b", || Err(anyhow::anyhow!("broken")))];
        assert_eq!(report(&outcomes), Count { failed: 1, ..PASSED });
    }
}
