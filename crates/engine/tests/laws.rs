//! The laws of DESIGN (docs/architecture.md) as properties over random lists of operations: crashes, second tabs,
//! clock jumps, lost, damaged and restored state included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub
)]

mod world;

use std::collections::BTreeMap;

use keepset_engine::{Choice, ConsentChange, Entry, Outcome, Status, Withheld};
use keepset_privacy::SeededCoins;
use keepset_wire::receipt::Kind;
use keepset_wire::{DAY_MS, Timestamp, receipt};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
use world::{Host, Op, World};

/// Every list of operations of a shape, for every law that must hold after each operation.
fn run(ops: &[Op]) -> World {
    let mut world = World::new();
    for op in ops {
        world.apply(op);
        world.check_every_tab();
    }
    world
}

fn ops(with_backups: bool) -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(world::op(with_backups), 1..160)
}

/// The same stories every time, so that a failure is one of the change at hand; `KEEPSET_STORIES=100000` tells new ones.
fn config() -> ProptestConfig {
    let hunt = std::env::var("KEEPSET_STORIES").ok().and_then(|cases| cases.parse().ok());
    let rng_seed = hunt.map_or(RngSeed::Fixed(2026), |_: u32| RngSeed::Random);
    ProptestConfig {
        cases: hunt.unwrap_or(400),
        rng_seed,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// Laws (a), (b), (c), (d), (f) and (h): `World` asserts them as it goes; here (d) and (f) over the whole story.
    #[test]
    fn no_story_overspends_or_answers_a_window_twice(ops in ops(false)) {
        let world = run(&ops);
        let mut per_window: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for sent in &world.sent {
            let bytes = per_window.entry(sent.window).or_insert_with(|| sent.bytes.clone());
            prop_assert_eq!(&*bytes, &sent.bytes, "one window, one report, the same bytes on every retry");
        }
    }

    /// Law (f) where an old state is put back: the device may answer again, but under the same name, so that the
    /// collector counts the window once.
    #[test]
    fn a_restored_backup_cannot_be_counted_twice(ops in ops(true)) {
        let world = run(&ops);
        let mut names: BTreeMap<(u32, u32), [u8; 16]> = BTreeMap::new();
        for sent in &world.sent {
            let name = names.entry((sent.install, sent.window)).or_insert(sent.id);
            prop_assert_eq!(*name, sent.id);
        }
    }

    /// Law (e): after erase the state is that of a device that never saw an event.
    #[test]
    fn after_erase_nothing_derived_from_events_remains(ops in ops(false)) {
        let mut world = run(&ops);
        let now = world.now();
        let Some(host) = world.tabs.iter_mut().flatten().next() else { return Ok(()) };
        let receipts: Vec<_> = world::chain(&host.engine).cloned().collect();
        host.engine.erase(now);
        // The word to erase labels says nothing of events, and is the one thing that still leaves.
        let waits = |entry: &&Entry| entry.receipt.kind == Kind::Erasure && entry.status == Status::Queued;
        let (erasures, rest): (Vec<_>, Vec<_>) = host.engine.ledger().iter().partition(waits);
        prop_assert!(erasures.iter().all(|entry| entry.bytes.is_empty()));
        prop_assert!(rest.iter().all(|entry| entry.bytes.is_empty() && entry.sealed.is_empty()));
        let mut blank = Host::install(now).engine;
        blank.set_consent(&ConsentChange { segmentation: Some(host.engine.consent().segmentation.choice), ..ConsentChange::default() }, now);
        prop_assert!(host.engine.features(now).eq(blank.features(now)));
        prop_assert_eq!(host.engine.memberships().len(), blank.memberships().len());
        prop_assert_eq!(host.engine.ledger().len(), receipts.len());
        prop_assert!(world::chain(&host.engine).eq(&receipts), "the receipts stay, and they stay what they were");
        prop_assert!(host.engine.pending().is_none_or(|entry| entry.receipt.kind == Kind::Erasure));
    }

    /// Law (g): the same clock, chance and consent give the same hand-outs, whatever happened on the device.
    #[test]
    fn a_device_with_nothing_to_say_is_indistinguishable(events in proptest::collection::vec((0..2_u8, 0..72_i64), 1..60)) {
        let outline = |busy: bool| {
            let mut world = World::new();
            world.apply(&Op::Open(0));
            world.apply(&Op::Consent(0, ConsentChange::all(Choice::Granted)));
            for (event, hours) in &events {
                if busy {
                    world.apply(&Op::Track(0, *event));
                }
                for op in [Op::Hours(*hours), Op::Prepare(0), Op::Save(0), Op::Upload(0, Outcome::Accepted)] {
                    world.apply(&op);
                }
            }
            let sent = world.sent.iter().map(|sent| (sent.at, sent.id, sent.window, sent.bytes.len()));
            let shared = world.shared.iter().map(|sent| (sent.at, sent.id, 0, sent.bytes.len()));
            sent.chain(shared).collect::<Vec<_>>()
        };
        prop_assert_eq!(outline(true), outline(false));
    }

    /// Whatever bytes are stored, the engine starts, and unreadable ones never buy a report.
    #[test]
    fn any_stored_bytes_are_a_state_or_a_spent_budget(bytes in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<(u16, u8)>()) {
        let mut world = run(&[Op::Open(0), Op::Consent(0, ConsentChange::all(Choice::Granted)), Op::Track(0, 1), Op::Save(0)]);
        let mut damaged = world.storage.clone().unwrap().bytes;
        let at = usize::from(flip.0) % damaged.len();
        damaged[at] ^= flip.1.max(1);
        let (whole, _) = Host::restore(&world.storage.clone().unwrap().bytes, world.now());
        for stored in [bytes, damaged] {
            let (engine, error) = Host::restore(&stored, world.now());
            let budget = engine.budget(world.now()).unwrap();
            if error.is_some() {
                prop_assert_eq!(budget.spent_in_year, budget.per_year);
            } else {
                // A last change that reads as cut short is left out, and holds no charge.
                prop_assert_eq!(engine.consent(), whole.consent());
                prop_assert_eq!(Some(budget), whole.budget(world.now()));
                prop_assert_eq!(engine.intake().accepted, 0);
            }
        }
        world.apply(&Op::Close(0));
    }
}

/// A plain story, told once, so that the properties above are known to reach a report.
#[test]
fn a_consenting_device_sends_one_report_per_window() {
    let mut ops = vec![Op::Open(0), Op::Consent(0, ConsentChange::all(Choice::Granted)), Op::Track(0, 0)];
    for _ in 0..24 {
        ops.extend([
            Op::Hours(24),
            Op::Prepare(0),
            Op::Save(0),
            Op::Upload(0, Outcome::Failed),
            Op::Upload(0, Outcome::Accepted),
        ]);
    }
    let world = run(&ops);
    let mut windows: Vec<u32> = world.sent.iter().map(|sent| sent.window).collect();
    assert_eq!(windows.len(), 14, "seven windows, each sent twice: the first try failed");
    windows.dedup();
    assert_eq!(windows, [1, 2, 3, 4, 5, 6, 7]);
}

/// The secret drawn and stored in one window, a report charged in the next and not yet stored.
fn a_report_charged() -> Vec<Op> {
    vec![
        Op::Open(0),
        Op::Consent(0, ConsentChange::all(Choice::Granted)),
        Op::Prepare(0),
        Op::Save(0),
        Op::Hours(24 * 5),
        Op::Prepare(0),
    ]
}

/// Law (c) by hand: between the charge and its durability there is nothing to hand out.
#[test]
fn nothing_is_handed_out_before_the_charge_is_durable() {
    let mut world = run(&a_report_charged());
    let now = world.now();
    let host = world.tabs[0].as_mut().unwrap();
    let pending = host.engine.pending().expect("charged and waiting").sealed.clone();
    assert_eq!(host.engine.next_upload(now), None);
    let saved = host.engine.save().unwrap();
    assert_eq!(host.engine.next_upload(now), None, "saved is not yet durable");
    host.engine.stored(saved.revision);
    assert_eq!(host.engine.next_upload(now).unwrap().bytes, pending);
}

/// Withdrawal is for good: a report that waited is gone, and consent given again does not bring it back.
#[test]
fn a_report_that_waited_when_consent_was_withdrawn_never_leaves() {
    for purpose in 0..3 {
        let mut world = run(&[a_report_charged(), vec![Op::Save(0)]].concat());
        let now = world.now();
        let host = world.tabs[0].as_mut().unwrap();
        assert!(host.engine.next_upload(now).is_some());
        let mut withdrawn = ConsentChange::default();
        *[&mut withdrawn.segmentation, &mut withdrawn.storage, &mut withdrawn.reporting][purpose] =
            Some(Choice::Denied);
        host.engine.set_consent(&withdrawn, now);
        host.engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        assert_eq!(host.engine.ledger()[0].status, Status::Withdrawn);
        assert!(host.engine.pending().is_none() && host.engine.next_upload(now).is_none());
    }
}

/// Law (h) by hand: of a long chain the oldest receipts are forgotten, and the rest still verifies and goes on, erased or not.
#[test]
fn the_chain_goes_on_when_its_oldest_receipts_are_forgotten() {
    let start = Timestamp::from_date("2026-01-01").unwrap();
    let mut engine = Host::install_eager(start);
    let mut first = Vec::new();
    for day in 1..=300 {
        let now = start.saturating_add(day * DAY_MS);
        world::prepare(&mut engine, now, SeededCoins::new(day.unsigned_abs()));
        if day == 150 {
            engine.erase(now);
        }
        let stored = engine.save().unwrap();
        engine = Host::restore_eager(&engine.copy(), now);
        engine.stored(stored.revision);
        assert_eq!(receipt::verify(world::chain(&engine)), Ok(()), "day {day}");
        first.extend(world::chain(&engine).next().map(|receipt| receipt.number));
    }
    first.dedup();
    // A hundred windows of three days, besides that of the first draw, which is left out.
    assert_eq!(first, (0..=100 - 64).collect::<Vec<u32>>());
    assert_eq!(world::chain(&engine).count(), 64);
    let oldest = world::chain(&engine).next().unwrap();
    assert_ne!(oldest.before, receipt::NOTHING_BEFORE, "it holds the hash of the last that is gone");
}

/// A state stored before the device had its secret may be put back in the very window that a later one answered.
#[test]
fn a_backup_older_than_the_first_draw_answers_nothing() {
    let world = run(&[
        Op::Open(0),
        Op::Consent(0, ConsentChange::all(Choice::Granted)),
        Op::Hours(96),
        Op::Backup,
        Op::Prepare(0),
        Op::Save(0),
        Op::Upload(0, Outcome::Accepted),
        Op::PutBackupBack,
        Op::Open(0),
        Op::Prepare(0),
        Op::Save(0),
        Op::Upload(0, Outcome::Accepted),
    ]);
    assert!(world.sent.is_empty(), "the window in which the secret is drawn is left out");
}

/// No key of the collector, no report: nothing is charged, nothing waits, and the engine says when there will be one.
#[test]
fn without_a_key_to_seal_to_nothing_is_charged_and_nothing_leaves() {
    let keys = |from: &str, until: &str| {
        format!(
            r#"{{"keys": [{{"id": 1, "public_key": "{}", "from": "{from}", "until": "{until}"}}]}}"#,
            "09".repeat(32)
        )
    };
    let date = |text| keepset_wire::Timestamp::from_date(text).unwrap();
    for (collector, again) in
        [(keys("2026-02-01", "2027-01-01"), Some("2026-02-01")), (keys("2025-01-01", "2026-01-02"), None)]
    {
        let mut engine = world::engine_with(&collector, date("2026-01-01"));
        engine.set_consent(&ConsentChange::all(Choice::Granted), date("2026-01-01"));
        engine.keep_secret([1; 32], date("2026-01-01"));
        let later = date("2026-01-20");
        assert_eq!(engine.prepare(later, keepset_privacy::SeededCoins::new(1)), Err(Withheld::NoKey));
        assert_eq!(engine.budget(later).unwrap().spent_in_year, 0);
        assert!(engine.pending().is_none() && engine.ledger().is_empty());
        assert_eq!(engine.next_report(later), again.map(date));
    }
}

/// A key that is no point to agree with is met before the charge.
#[test]
fn a_key_everyone_could_open_for_withholds_the_report_before_the_charge() {
    let date = |text| keepset_wire::Timestamp::from_date(text).unwrap();
    let small = format!(
        r#"{{"keys": [{{"id": 1, "public_key": "01{}", "from": "2026-01-01", "until": "2027-01-01"}}]}}"#,
        "00".repeat(31)
    );
    let mut engine = world::engine_with(&small, date("2026-01-01"));
    engine.set_consent(&ConsentChange::all(Choice::Granted), date("2026-01-01"));
    engine.keep_secret([1; 32], date("2026-01-01"));
    // The last epoch of a window: its moment has come, whatever was drawn.
    let later = date("2026-01-21");
    assert_eq!(engine.prepare(later, keepset_privacy::SeededCoins::new(1)), Err(Withheld::NoKey));
    assert_eq!(engine.budget(later).unwrap().spent_in_year, 0);
}
