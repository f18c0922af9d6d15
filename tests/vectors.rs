//! The shared vectors: the same steps give the same bits natively, in Node and in a browser.
//!
//! A vector is a pack, steps in time (an event or just a moment) and what is expected after each: every feature and
//! score as the bits of its `f64`, memberships, changes and the next instant at which time alone changes an answer.
//! `KEEPSET_BLESS=1 cargo test --test vectors` writes the expectations of new vectors, and a sample of a new version of the stored
//! state; old ones are never edited.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::rc::Rc;

use keepset_engine::{Change, ChangeKind, Choice, ConsentChange, Engine, Pack, RawEvent};
use keepset_privacy::Answering;
#[cfg(not(target_arch = "wasm32"))]
use keepset_privacy::SeededCoins;
use keepset_privacy::mechanism::Channel;
#[cfg(not(target_arch = "wasm32"))]
use keepset_wire::DAY_MS;
use keepset_wire::{OpeningKey, Plan, Report, Sealed, Sealer, SealingKey, Timestamp, receipt};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

macro_rules! vectors {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("vectors/", $name, ".json")))),*]
    };
}

const VECTORS: &[(&str, &str)] = vectors![
    "count",
    "sum",
    "recency",
    "decayed_count",
    "distinct_days",
    "rules",
    "scores",
    "segments",
    "trees",
    "buying",
    "network",
    "unusual"
];

#[test]
fn every_vector_gives_the_same_bits() {
    for (name, text) in VECTORS {
        let vector: Value = serde_json::from_str(text).unwrap();
        let parsed =
            Pack::parse(&vector["pack"].to_string()).unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
        // As a page has it.
        let pack = Rc::new(Pack::load(&parsed.compile()).unwrap());
        let steps = vector["steps"].as_array().unwrap();
        let start = instant(&steps[0]);
        let mut engine = Engine::install(pack, start);
        engine.set_consent(&ConsentChange::all(Choice::Granted), start);
        let seen: Vec<Value> = steps.iter().map(|step| outcome(&mut engine, step)).collect();
        #[cfg(not(target_arch = "wasm32"))]
        if std::env::var_os("KEEPSET_BLESS").is_some() && vector["expected"].is_null() {
            bless(name, vector.clone(), &seen);
            continue;
        }
        for (index, (seen, expected)) in seen.iter().zip(vector["expected"].as_array().unwrap()).enumerate() {
            assert_eq!(seen, expected, "{name}, step {index}");
        }
        assert_eq!(seen.len(), vector["expected"].as_array().unwrap().len(), "{name}");
        explains_alike(&engine, instant(&steps[steps.len() - 1]));
    }
}

/// A page explains through a second engine that has a copy of the state.
fn explains_alike(engine: &Engine, now: Timestamp) {
    let pack = Pack::load(&engine.pack().compile()).unwrap();
    let (twin, error) = Engine::restore(Rc::new(pack), &engine.copy(), now);
    assert_eq!(error, None);
    for segment in engine.pack().segments() {
        assert_eq!(twin.explain(segment.id.as_str(), now), engine.explain(segment.id.as_str(), now));
    }
}

/// A pack compiled when a site was built is read by the same version of the format alone, so its number is raised
/// when this test fails: bytes 4 to 13 of each vector's compiled pack, the format and the checksum of the rest.
#[test]
fn compiled_packs_are_what_they_were() {
    let formats: Value = serde_json::from_str(include_str!("vectors/formats.json")).unwrap();
    for (name, text) in VECTORS {
        assert_eq!(compiled(text), formats["compiled"][name].as_str().unwrap(), "{name}");
    }
}

fn compiled(vector: &str) -> String {
    let vector: Value = serde_json::from_str(vector).unwrap();
    to_hex(&Pack::parse(&vector["pack"].to_string()).unwrap().compile()[4..13])
}

/// Formats that are sent and stored: a plan keeps its hash, a question its mechanism, a report its bytes, a stored
/// state its meaning. Samples are frozen: new versions add samples, old ones stay readable.
#[test]
fn sent_and_stored_formats_are_what_they_were() {
    #[cfg_attr(target_arch = "wasm32", expect(unused_mut))]
    let mut formats: Value = serde_json::from_str(include_str!("vectors/formats.json")).unwrap();
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("KEEPSET_BLESS").is_some() {
        bless_formats(&mut formats);
    }
    for sample in formats["plans"].as_array().unwrap() {
        let plan = Plan::parse(&sample["plan"].to_string()).unwrap();
        assert_eq!(plan.hash().to_string(), sample["hash"].as_str().unwrap());
        for (question, expected) in plan.questions.iter().zip(sample["mechanisms"].as_array().unwrap()) {
            let seen = mechanism(&Answering::for_question(plan.epsilon, question).unwrap());
            assert_eq!(&seen, expected);
        }
        for sent in sample["reports"].as_array().unwrap() {
            let bytes = from_hex(sent["bytes"].as_str().unwrap());
            let report = Report::decode(&plan, plan.hash(), &bytes).unwrap();
            let cells: Vec<u16> = report.answer.iter().collect();
            let seen = json!({"question": report.question, "epoch": report.epoch.0, "id": report.id.to_string(), "cells": cells});
            assert_eq!(seen, sent["decoded"]);
            assert_eq!(report.encode(&plan).unwrap(), bytes);
        }
    }
    for sample in formats["sealed"].as_array().unwrap() {
        let hex = |key: &str| from_hex(sample[key].as_str().unwrap());
        let array = |key: &str| -> [u8; 32] { hex(key).try_into().unwrap() };
        let plan = Plan::parse(&sample["plan"].to_string()).unwrap();
        let report = Report::decode(&plan, plan.hash(), &hex("report")).unwrap();
        let opening = OpeningKey::from_bytes(&array("private_key"));
        let id = u8::try_from(sample["key"].as_u64().unwrap()).unwrap();
        let key = SealingKey { id, public: opening.public(), from: Timestamp::MIN, until: Timestamp::MAX };
        let sealer = Sealer::new(&key, array("entropy")).unwrap();
        let sealed = sealer.seal(report.plan, report.epoch, &hex("report")).unwrap();
        assert_eq!(to_hex(&sealed), sample["sealed"].as_str().unwrap());
        assert_eq!(Sealed::decode(&plan, &sealed).unwrap().open(&opening).unwrap(), hex("report"));
    }
    for stored in formats["snapshots"].as_array().unwrap() {
        let pack = Rc::new(Pack::parse(&stored["pack"].to_string()).unwrap());
        let now = Timestamp::from_millis(stored["now"].as_i64().unwrap()).unwrap();
        let (mut engine, error) = Engine::restore(pack, &from_hex(stored["bytes"].as_str().unwrap()), now);
        assert_eq!(error, None);
        assert_eq!(outcome(&mut engine, &json!({"at": now.millis()})), stored["expected"]);
        assert_eq!(engine.ledger().len(), 1);
        assert_eq!(receipt::verify(engine.ledger().iter().map(|entry| &entry.receipt)), Ok(()));
        if let Some(expected) = stored.get("truths") {
            let due = engine.due(now).unwrap();
            let truths: Vec<String> = due.truths().iter().map(|truth| format!("{truth:?}")).collect();
            assert_eq!(&json!(truths), expected);
        }
        assert!(!engine.ledger()[0].sealed.is_empty());
    }
}

fn mechanism(answering: &Answering) -> Value {
    let mut seen = json!({"cells": answering.cells(), "size": answering.held()});
    if let Some(select) = answering.select() {
        let Channel { p, q } = select.channel();
        seen["threshold"] = json!(select.threshold());
        seen["p"] = json!(format!("{:016x}", p.to_bits()));
        seen["q"] = json!(format!("{:016x}", q.to_bits()));
    }
    seen
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn instant(step: &Value) -> Timestamp {
    Timestamp::from_millis(step["at"].as_i64().unwrap()).unwrap()
}

fn outcome(engine: &mut Engine, step: &Value) -> Value {
    let now = instant(step);
    let (changes, refused) = match step.get("event") {
        None => (engine.tick(now), None),
        Some(event) => {
            let raw: RawEvent = serde_json::from_value(event.clone()).unwrap();
            match engine.track(&raw, now) {
                Ok(changes) => (changes, None),
                Err(error) => (Vec::new(), Some(error.code())),
            }
        }
    };
    let bits = |value: f64| json!(format!("{:016x}", value.to_bits()));
    let features: serde_json::Map<String, Value> =
        engine.features(now).map(|(id, value)| (id.to_string(), value.map_or(Value::Null, bits))).collect();
    let scores: serde_json::Map<String, Value> =
        engine.scores(now).map(|(id, score)| (id.to_string(), bits(score))).collect();
    let memberships: Vec<String> =
        engine.memberships().iter().map(|membership| membership.segment.to_string()).collect();
    json!({
        "features": features, "scores": scores, "memberships": memberships,
        "changes": changes.iter().map(|made| change(made, engine.pack())).collect::<Vec<_>>(),
        "next": engine.next_tick(now).map(Timestamp::millis), "refused": refused,
    })
}

fn change(change: &Change, pack: &Pack) -> String {
    let sign = if change.kind == ChangeKind::Entered { '+' } else { '-' };
    format!("{sign}{} {}", pack.segments()[change.segment].id, change.at.millis())
}

#[cfg(not(target_arch = "wasm32"))]
fn bless(name: &str, mut vector: Value, seen: &[Value]) {
    vector["expected"] = json!(seen);
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(path, serde_json::to_string_pretty(&vector).unwrap() + "\n").unwrap();
}

/// Writes what packs compile to, and adds a sample of the version that is stored now, where there is none: a device that did something
/// and reported once.
#[cfg(not(target_arch = "wasm32"))]
fn bless_formats(formats: &mut Value) {
    for (name, text) in VECTORS {
        formats["compiled"][name] = compiled(text).into();
    }
    let samples = formats["snapshots"].as_array_mut().unwrap();
    let pack = samples.last().unwrap()["pack"].clone();
    let parsed = Rc::new(Pack::parse(&pack.to_string()).unwrap());
    let mut now = Timestamp::from_date("2026-01-05").unwrap();
    let mut engine = Engine::install(Rc::clone(&parsed), now);
    engine.set_consent(&ConsentChange::all(Choice::Granted), now);
    for day in 0..60 {
        now = now.saturating_add(DAY_MS);
        let name = if day % 3 == 0 { "buy" } else { "visit" };
        engine.track(&RawEvent { name: name.into(), ..RawEvent::default() }, now).unwrap();
        if engine.pending().is_none() {
            // Why there is none yet is no matter here.
            let _ = engine.prepare(now, SeededCoins::new(day));
        }
    }
    let bytes = to_hex(&engine.save().unwrap().bytes);
    if samples.iter().all(|sample| sample["bytes"].as_str().unwrap()[..10] != bytes[..10]) {
        let expected =
            outcome(&mut Engine::restore(parsed, &from_hex(&bytes), now).0, &json!({"at": now.millis()}));
        samples.push(json!({"pack": pack, "now": now.millis(), "bytes": bytes, "expected": expected}));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/formats.json");
    std::fs::write(path, serde_json::to_string_pretty(&formats).unwrap() + "\n").unwrap();
}
