//! How long chance goes on: a fixed number of cases that are the same every time, or for as long as `KEEPSET_FUZZ_SECONDS` says.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult, TestRunner};

/// The time that is asked for; nothing where it is not.
pub fn seconds() -> Option<u64> {
    std::env::var("KEEPSET_FUZZ_SECONDS").ok().map(|text| text.parse().unwrap())
}

/// Holds `check` to what `strategy` draws, and returns how many cases there were.
pub fn spend<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value) -> TestCaseResult) -> u64 {
    let told = std::cell::Cell::new(0_u64);
    let begun = Instant::now();
    let enough = || seconds().is_none_or(|seconds| begun.elapsed() > Duration::from_secs(seconds));
    loop {
        let rng_seed = if seconds().is_some() { RngSeed::Random } else { RngSeed::Fixed(2026) };
        let config =
            ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() };
        let counted = |value| {
            told.set(told.get() + 1);
            check(value)
        };
        TestRunner::new(config).run(strategy, counted).unwrap();
        if enough() {
            return told.get();
        }
    }
}
