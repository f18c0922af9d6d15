//! People divided into groups: whom the rules of the pack put where, beside who is nearest to which centre.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::common::Scratch;
use keepset_cli::groups::{Grouped, Grouping, summary};
use keepset_cli::learn::chance::Chance;
use keepset_cli::log::Log;
use keepset_cli::replay::Unwatched;
use keepset_cli::train::Basis;
use keepset_engine::{Choice, ConsentChange, Engine, Pack};
use keepset_wire::{DAY_MS, Name, Timestamp};
use serde_json::{Value, json};

fn day(text: &str) -> Timestamp {
    Timestamp::from_date(text).unwrap()
}

fn pack() -> Value {
    json!({
        "id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01", "events": {"visit": {}, "buy": {}},
        "features": {
            "visits": {"kind": "count", "event": "visit", "window_days": 28, "title": "visits"},
            "buys": {"kind": "count", "event": "buy", "window_days": 28, "title": "orders"},
            "never": {"kind": "count", "event": "buy", "window_days": 1, "title": "orders today"}
        },
        "segments": []
    })
}

/// 300 people over two months: half seldom come, a third come often and buy little, a sixth buy on most visits.
fn log() -> String {
    let (mut chance, mut log) = (Chance::new(4, 0), String::new());
    for person in 0..300_usize {
        let (visits, buys) = match person % 6 {
            0..=2 => (3, 0),
            3 | 4 => (20, 2),
            _ => (18, 15),
        };
        let events = [("visit", visits + chance.below(4)), ("buy", buys + chance.below(3))];
        for month in 0..2 {
            for (name, count) in events {
                for _ in 0..count {
                    let at = day("2020-01-01").millis()
                        + (month * 28 + chance.below(28)) as i64 * DAY_MS
                        + DAY_MS / 2;
                    writeln!(log, "{{\"person\": {person}, \"time\": {at}, \"event\": \"{name}\"}}").unwrap();
                }
            }
        }
    }
    log
}

/// The same with something else told to it.
fn based(mut training: Grouping, change: impl FnOnce(&mut Basis)) -> Grouping {
    change(&mut training.basis);
    training
}

fn grouping(events: &Scratch) -> Grouping {
    Grouping {
        basis: Basis {
            pack: pack(),
            events: vec![events.0.clone()],
            mapping: None,
            strict: true,
            features: vec!["visits".into(), "buys".into()],
            cuts: vec![day("2020-01-29")],
            test_cut: day("2020-02-26"),
            model_id: Name::parse("kind").unwrap(),
            missing: 0.0,
            seed: 0,
        },
        groups: 3,
    }
}

fn run(grouping: Grouping) -> anyhow::Result<Grouped> {
    grouping.run(&mut Unwatched)
}

#[test]
fn three_kinds_of_people_are_found_and_every_device_is_in_the_one_group_of_its_nearest_centre() {
    let events = Scratch::new("groups.jsonl", log());
    let grouped = run(grouping(&events)).unwrap();
    assert_eq!((grouped.people, grouped.rows, grouped.tested), (300, 300, 300));
    let shares: Vec<f64> = grouped.groups.iter().map(|group| (group.share * 300.0).round()).collect();
    assert_eq!(shares, [150.0, 100.0, 50.0]);
    assert!(grouped.explained > 0.9 && grouped.explained_later > 0.9, "{grouped:?}");
    assert!(
        grouped.groups[2].centre["buys"] > 1.0 && grouped.groups[0].centre["visits"] < -0.5,
        "{grouped:?}"
    );
    assert!(summary(&grouped).contains("kind.3"));
    let mut document = pack();
    document["models"] = grouped.parts["models"].clone();
    document["segments"] = grouped.parts["segments"].clone();
    let pack = Rc::new(Pack::read(&document).unwrap());
    let mut devices: std::collections::BTreeMap<String, Engine> = std::collections::BTreeMap::new();
    for line in Log::open(std::slice::from_ref(&events.0), None).unwrap() {
        let Ok(line) = line else { panic!("the log is right") };
        let device = devices.entry(line.person).or_insert_with(|| {
            let mut engine = Engine::install(Rc::clone(&pack), day("2020-01-01"));
            let yes = ConsentChange { segmentation: Some(Choice::Granted), ..ConsentChange::default() };
            engine.set_consent(&yes, day("2020-01-01"));
            engine
        });
        device.track(&line.event, day("2020-02-26")).unwrap();
    }
    for (person, device) in &mut devices {
        device.tick(day("2020-02-26"));
        let own = match person.parse::<usize>().unwrap() % 6 {
            0..=2 => "kind.1",
            3 | 4 => "kind.2",
            _ => "kind.3",
        };
        let held: Vec<String> = device.memberships().iter().map(|one| one.segment.to_string()).collect();
        assert_eq!(held, [own], "person {person}");
    }
}

#[test]
fn settings_and_logs_that_give_no_groups_are_refused_with_the_reason() {
    let events = Scratch::new("groups-refused.jsonl", log());
    let base = || grouping(&events);
    let few: String = log().lines().take(400).fold(String::new(), |all, line| all + line + "\n");
    let few = Scratch::new("groups-few.jsonl", few);
    for (grouping, reason) in [
        (Grouping { groups: 1, ..base() }, "the number of groups lies between 2 and 12"),
        (Grouping { groups: 13, ..base() }, "the number of groups lies between 2 and 12"),
        (
            based(base(), |basis| {
                basis.features = vec![];
            }),
            "groups need a feature and a cut",
        ),
        (
            based(base(), |basis| {
                basis.features = vec!["vists".into()];
            }),
            "the pack has no feature \"vists\"",
        ),
        (
            based(base(), |basis| {
                basis.features = vec!["buys".into(); 2];
            }),
            "the feature buys is given twice",
        ),
        (
            based(base(), |basis| {
                basis.test_cut = day("2020-01-29");
            }),
            "the test on 2020-01-29 is not later than the cut on 2020-01-29",
        ),
        (
            based(base(), |basis| {
                basis.test_cut = day("2020-06-01");
            }),
            "the log ends on 2020-02-25, before the test on 2020-06-01",
        ),
        (
            based(base(), |basis| {
                basis.missing = f64::NAN;
            }),
            "what stands in for a missing value must be a number",
        ),
        (
            based(base(), |basis| {
                basis.events = vec![few.0.clone()];
                basis.test_cut = day("2020-02-20");
            }),
            "rows are too few to learn from; 100 are needed",
        ),
    ] {
        let error = format!("{:#}", run(grouping).expect_err(reason));
        assert!(error.contains(reason), "{error}");
    }
}
