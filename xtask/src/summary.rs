//! Reading what test runners say of themselves: a garbled summary and a suite that ran nothing are failures, never zeros.

use std::iter::Sum;

use anyhow::{Context, Result, bail, ensure};

/// How many tests ran, and how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that someone marked as not to run.
    pub(crate) ignored: u64,
    /// The names of those that failed, as far as the runner gave them.
    pub(crate) failures: Vec<String>,
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, count| {
            sum.passed += count.passed;
            sum.failed += count.failed;
            sum.ignored += count.ignored;
            sum.failures.extend(count.failures);
            sum
        })
    }
}

/// Reads the output of Rust's test harness or of wasm-bindgen's: any number of files, each announcing and then judging its tests.
///
/// # Errors
/// When a file announced tests and never gave its result, or the two numbers differ.
pub(crate) fn harness(output: &str) -> Result<Count> {
    let mut announced = None;
    let mut counts = Vec::new();
    for line in output.lines().map(str::trim) {
        if let Some(number) = announcement(line) {
            ensure!(announced.is_none(), "a test file announced its tests and never gave its result");
            announced = Some(number);
        } else if let Some(result) = line.strip_prefix("test result: ") {
            let expected =
                announced.take().context("a test result came without its tests being announced")?;
            let count = verdict(result).with_context(|| format!("the summary {line:?} cannot be read"))?;
            let ran = count.passed + count.failed + count.ignored;
            ensure!(ran == expected, "a test file announced {expected} tests and gave results for {ran}");
            counts.push(count);
        }
    }
    ensure!(announced.is_none(), "a test file announced its tests and never gave its result");
    let failures = output.lines().filter_map(failure).map(str::to_owned).collect();
    Ok(Count { failures, ..counts.into_iter().sum() })
}

/// `test a_thing::holds ... FAILED`; wasm-bindgen says `FAIL`
fn failure(line: &str) -> Option<&str> {
    let (name, verdict) = line.trim().strip_prefix("test ")?.rsplit_once(" ... ")?;
    verdict.starts_with("FAIL").then_some(name)
}

/// `running 3 tests`
fn announcement(line: &str) -> Option<u64> {
    let (number, rest) = line.strip_prefix("running ")?.split_once(' ')?;
    matches!(rest, "test" | "tests").then(|| number.parse().ok())?
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn verdict(result: &str) -> Option<Count> {
    let (word, numbers) = result.split_once(". ")?;
    let number = |name: &str| -> Option<u64> {
        numbers.split(';').find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
    };
    let count = Count {
        passed: number("passed")?,
        failed: number("failed")?,
        ignored: number("ignored")? + number("measured").unwrap_or(0),
        failures: Vec::new(),
    };
    ((word == "ok") == (count.failed == 0)).then_some(count)
}

/// Reads the TAP that Node's test runner wrote.
///
/// # Errors
/// When the closing numbers are missing or do not add up, when a test was skipped, and when a file held no test: Node counts such a file as a test that passed.
pub(crate) fn node(tap: &str) -> Result<Count> {
    let number = |name: &str| -> Result<u64> {
        let prefix = format!("# {name} ");
        let line = tap.lines().rev().find_map(|line| line.strip_prefix(&prefix));
        let text = line.with_context(|| format!("Node's summary has no line `# {name}`"))?;
        text.trim().parse().with_context(|| format!("Node's summary says `# {name} {text}`"))
    };
    let passed = number("pass")?;
    let failed = number("fail")? + number("cancelled")?;
    let skipped = number("skipped")? + number("todo")?;
    let tests = number("tests")?;
    ensure!(
        passed + failed + skipped == tests,
        "Node announced {tests} tests and gave results for {}",
        passed + failed + skipped
    );
    ensure!(skipped == 0, "{skipped} tests were skipped: what a test needs is installed, never skipped");
    if let Some(file) = empty_file(tap) {
        bail!("{file} holds no test");
    }
    let named = tap.lines().filter_map(|line| line.strip_prefix("not ok ")?.split_once(" - "));
    let failures = named.map(|(_, name)| name.to_owned()).collect();
    Ok(Count { passed, failed, ignored: 0, failures })
}

/// A file that holds no test is reported as one test named by its whole path.
fn empty_file(tap: &str) -> Option<&str> {
    let names = tap.lines().filter_map(|line| line.strip_prefix("# Subtest: "));
    names.map(str::trim).find(|name| name.starts_with('/') && name.ends_with(".test.mjs"))
}

#[cfg(test)]
mod tests {
    use super::{Count, harness, node};

    const NATIVE: &str = "\nrunning 2 tests\ntest a ... ok\ntest b ... ignored\n\ntest result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    const WASM: &str = "running 1 test\ntest a ... FAIL\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 filtered out; finished in 0.05s\n";
    const TAP: &str = "TAP version 13\n# Subtest: adds\nok 1 - adds\n1..1\n# tests 1\n# suites 0\n# pass 1\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n# duration_ms 7\n";

    #[test]
    fn the_results_of_all_test_files_are_added_up() {
        let count = harness(&format!("{NATIVE}{WASM}")).unwrap();
        assert_eq!((count.passed, count.failed, count.ignored), (1, 1, 1));
    }

    #[test]
    fn those_that_failed_are_named() {
        let native = NATIVE
            .replace("test b ... ignored", "test b::c ... FAILED")
            .replace("ok. 1 passed; 0 failed; 1 ignored", "FAILED. 1 passed; 1 failed; 0 ignored");
        assert_eq!(harness(&format!("{native}{WASM}")).unwrap().failures, ["b::c", "a"]);
        let tap = TAP.replace("ok 1 - adds", "not ok 1 - adds - and more").replace("# pass 1", "# pass 0");
        assert_eq!(node(&tap.replace("# fail 0", "# fail 1")).unwrap().failures, ["adds - and more"]);
    }

    #[test]
    fn output_without_a_test_file_counts_nothing() {
        assert_eq!(harness("no tests to run!\n").unwrap(), Count::default());
    }

    #[test]
    fn a_file_that_never_gave_its_result_is_an_error() {
        harness("running 3 tests\ntest a ... ok\n").unwrap_err();
        harness(&format!("running 3 tests\n{NATIVE}")).unwrap_err();
    }

    #[test]
    fn a_summary_that_does_not_match_its_announcement_is_an_error() {
        harness(&NATIVE.replace("running 2", "running 3")).unwrap_err();
        harness(&NATIVE.replace("running 2 tests", "")).unwrap_err();
    }

    #[test]
    fn a_garbled_summary_is_an_error() {
        harness(&NATIVE.replace("1 passed", "one passed")).unwrap_err();
        harness(&NATIVE.replace("0 failed", "")).unwrap_err();
        harness(&WASM.replace("FAILED", "ok")).unwrap_err();
    }

    #[test]
    fn node_s_numbers_are_read_and_cancelled_tests_have_failed() {
        assert_eq!(node(TAP).unwrap(), Count { passed: 1, ..Count::default() });
        let cancelled = TAP.replace("# pass 1", "# pass 0").replace("# cancelled 0", "# cancelled 1");
        assert_eq!(node(&cancelled).unwrap(), Count { failed: 1, ..Count::default() });
    }

    #[test]
    fn a_skipped_node_test_is_an_error() {
        node(&TAP.replace("# pass 1", "# pass 0").replace("# skipped 0", "# skipped 1")).unwrap_err();
    }

    #[test]
    fn node_s_summary_must_be_whole_and_add_up() {
        node(&TAP.replace("# fail 0\n", "")).unwrap_err();
        node(&TAP.replace("# tests 1", "# tests 2")).unwrap_err();
        node("").unwrap_err();
    }

    #[test]
    fn a_node_file_without_a_test_is_an_error() {
        node(&TAP.replace("adds", "/home/me/keepset/tests/package/empty.test.mjs")).unwrap_err();
    }
}
