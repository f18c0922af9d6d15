//! The engine against a slow, obvious recomputation of every answer from the raw log of events.
//!
//! `oracle/reference` is written from `docs/features.md` alone. `KEEPSET_STORIES=100000` tells more stories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "oracle/by_hand.rs"]
mod by_hand;
#[path = "oracle/estimates.rs"]
mod estimates;
#[path = "oracle/memberships.rs"]
mod memberships;
#[path = "oracle/mutants.rs"]
mod mutants;
#[path = "oracle/mutations.rs"]
mod mutations;
#[path = "oracle/pair.rs"]
mod pair;
#[path = "oracle/reference/mod.rs"]
mod reference;
#[path = "oracle/saved.rs"]
mod saved;
#[path = "oracle/stories.rs"]
mod stories;
#[path = "oracle/values.rs"]
mod values;
#[path = "oracle/year.rs"]
mod year;

use serde_json::Value;

/// How long a story is.
const STEPS: usize = if cfg!(target_arch = "wasm32") { 600 } else { 10_000 };

/// The seeds of a test's stories, always the same: three, or one for every thousand that `KEEPSET_STORIES` asks for,
/// as these are long.
#[allow(clippy::disallowed_methods, reason = "the environment of a test run, not of an engine")]
fn seeds(first: u64) -> impl Iterator<Item = u64> {
    let asked: Option<u64> = std::env::var("KEEPSET_STORIES").ok().and_then(|stories| stories.parse().ok());
    let usual = if cfg!(target_arch = "wasm32") { 1 } else { 3 };
    first..first + asked.map_or(usual, |stories| stories.div_ceil(1000))
}

/// The shortest part of a story found that still goes wrong.
fn shrunk(mut steps: Vec<Value>, goes_wrong: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + size).min(steps.len()));
            if !fewer.is_empty() && goes_wrong(&fewer) {
                steps = fewer;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    steps
}
