//! Acceptance A14: random schedules of crashes, second tabs, clock jumps, lost, damaged and restored state, counted.
//!
//! `KEEPSET_STORIES=100000 cargo test --release -p keepset-engine --test schedules -- --nocapture` prints the row of
//! docs/privacy-figures.md; without it 400 are told, always the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]
#![cfg(not(target_arch = "wasm32"))]

#[expect(dead_code, reason = "the laws need more of this world")]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use keepset_engine::{Choice, ConsentChange};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use world::{Op, World};

/// What was counted over all stories.
#[derive(Default)]
struct Counted {
    stories: u32,
    steps: usize,
    /// Reports handed to the network, retries included.
    handed_out: usize,
    /// Windows that any report of a state was for.
    windows: usize,
    /// The most different reports of one state for one window.
    most: usize,
    /// The same where old states were put back, by the names under which the collector counts.
    most_names: usize,
}

impl Counted {
    /// Tells one story to its end; the world itself asserts the ledger's limits at every step.
    fn tell(&mut self, ops: &[Op], with_backups: bool) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
            world.check_every_tab();
        }
        // A state that survives goes on under the number of its install; one that is lost ends there.
        let mut reports: BTreeMap<(u32, u32), BTreeSet<&[u8]>> = BTreeMap::new();
        let mut names: BTreeMap<(u32, u32), BTreeSet<[u8; 16]>> = BTreeMap::new();
        for sent in &world.sent {
            reports.entry((sent.install, sent.window)).or_default().insert(&sent.bytes);
            names.entry((sent.install, sent.window)).or_default().insert(sent.id);
        }
        let most = reports.values().map(BTreeSet::len).max().unwrap_or(0);
        let most_names = names.values().map(BTreeSet::len).max().unwrap_or(0);
        self.stories += 1;
        self.steps += ops.len();
        self.handed_out += world.sent.len();
        self.windows += reports.len();
        self.most_names = self.most_names.max(most_names);
        if !with_backups {
            self.most = self.most.max(most);
        }
    }
}

/// A device that has consented and drawn its secret: from there on most stories come to a report.
fn consented() -> Vec<Op> {
    vec![
        Op::Open(0),
        Op::Consent(0, ConsentChange::all(Choice::Granted)),
        Op::Prepare(0),
        Op::Save(0),
        Op::Hours(72),
    ]
}

/// Half of the stories put old states back. There the device may draw again, under the same name: the collector counts one.
#[test]
fn no_schedule_makes_two_reports_of_one_state_for_one_window() {
    let stories =
        std::env::var("KEEPSET_STORIES").ok().and_then(|stories| stories.parse().ok()).unwrap_or(400);
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(14), ..Config::default() });
    let mut counted = Counted::default();
    for story in 0..stories {
        let with_backups = story % 2 == 1;
        let rest = proptest::collection::vec(world::op(with_backups), 1..160).new_tree(&mut runner).unwrap();
        counted.tell(&[consented(), rest.current()].concat(), with_backups);
    }
    let Counted { stories, steps, handed_out, windows, most, most_names } = counted;
    assert!(handed_out > 0, "stories that never reach a report show nothing");
    let kept = most <= 1 && most_names <= 1;
    println!("| what | asked | measured | kept |\n| --- | --- | --- | --- |");
    println!(
        "| {stories} schedules of {steps} steps, in which {handed_out} reports for {windows} windows were handed out, retries included | \
         at most one distinct report per window and state; one name where an old state was put back | {most} and {most_names} at most | {} |",
        if kept { "yes" } else { "**no**" }
    );
    assert!(kept, "{most} reports, {most_names} names");
}
