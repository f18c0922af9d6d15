//! Bad input anywhere is an error that names its place: packs, plans, events and consent, cut, bent and swapped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::rc::Rc;

use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent, Scalar};
use keepset_wire::{Epsilon, Plan, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const RETAIL: &str = include_str!("../../../packs/retail/pack.json");

thread_local! {
    static COMPILED: Vec<u8> = Pack::parse(RETAIL).unwrap().compile();
}

/// Any JSON value, small.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("purchase")),
        Just(json!({"feature": "orders_28d", "op": ">=", "value": 1})),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-z_]{1,8}", inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// Every place of a document, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| places(item, &format!("{here}/{index}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| places(item, &format!("{here}/{key}"), found))
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn a_bent_pack_is_read_or_refused_at_a_place(place in any::<prop::sample::Index>(), bent in anything(), drop in any::<bool>()) {
        let mut pack: Value = serde_json::from_str(RETAIL).unwrap();
        let mut found = Vec::new();
        places(&pack, "", &mut found);
        let pointer = &found[place.index(found.len())];
        match pointer.rsplit_once('/') {
            Some((parent, key)) if drop && pack.pointer(parent).is_some_and(Value::is_object) => {
                pack.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
            }
            _ => *pack.pointer_mut(pointer).unwrap() = bent,
        }
        match Pack::parse(&pack.to_string()) {
            Err(mistake) => {
                prop_assert!(mistake.path().starts_with('$'), "{}", mistake);
                prop_assert!(!mistake.message().is_empty() && !mistake.to_string().contains('\n'));
            }
            // What is read can be run.
            Ok(pack) => {
                let now = Timestamp::from_date("2026-01-01").unwrap();
                let mut engine = Engine::install(Rc::new(pack), now);
                engine.set_consent(&ConsentChange::all(Choice::Granted), now);
                engine.tick(Timestamp::MAX);
            }
        }
    }

    /// Once as it comes, once with a checksum that agrees: damage, and malice as far as reading goes.
    #[test]
    fn a_bent_compiled_pack_is_refused_and_a_forged_one_read_without_harm(
        place in any::<prop::sample::Index>(), bits in 1..=255_u8, cut in any::<bool>(),
    ) {
        let mut compiled = COMPILED.with(Clone::clone);
        let place = place.index(compiled.len());
        if cut {
            compiled.truncate(place);
        } else {
            compiled[place] ^= bits;
        }
        prop_assert!(Pack::load(&compiled).is_err());
        if let Some((header, body)) = compiled.split_at_mut_checked(13) {
            header[5..].copy_from_slice(&Sha256::new().chain_update([0; 8]).chain_update(&*body).finalize()[..8]);
            if let Ok(pack) = Pack::load(&compiled) {
                let plan = pack.plan.unwrap();
                prop_assert!(plan.epsilon <= Epsilon::MAX && plan.is_sound());
            }
        }
    }

    #[test]
    fn any_text_is_a_pack_and_a_plan_or_a_mistake(text in ".{0,200}", cut in any::<prop::sample::Index>()) {
        prop_assert!(Pack::parse(&text).is_err());
        prop_assert!(Plan::parse(&text).is_err());
        let end = (0..=cut.index(RETAIL.len())).rev().find(|end| RETAIL.is_char_boundary(*end)).unwrap();
        if end + 2 < RETAIL.len() {
            prop_assert_eq!(Pack::parse(&RETAIL[..end]).unwrap_err().path().to_owned(), "$");
        }
    }

    #[test]
    fn any_event_is_taken_or_refused_and_a_refused_one_changes_nothing(
        name in prop_oneof![Just("purchase".to_owned()), Just("mailing".to_owned()), ".{0,8}"],
        at in proptest::option::of(any::<i64>()),
        key in prop_oneof![Just("value".to_owned()), Just("trip".to_owned()), Just("fresh".to_owned()), ".{0,8}"],
        scalar in prop_oneof![
            any::<f64>().prop_map(Scalar::Number), any::<bool>().prop_map(Scalar::Flag), ".{0,8}".prop_map(Scalar::Text),
        ],
        now in 0..=Timestamp::MAX.millis(),
    ) {
        let now = Timestamp::from_millis(now).unwrap();
        let mut engine = Engine::install(Rc::new(Pack::parse(RETAIL).unwrap()), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        let before: Vec<_> = engine.features(now).map(|(_, value)| value).collect();
        let event = RawEvent { name, at, properties: [(key, scalar)].into(), ..RawEvent::default() };
        if let Err(refused) = engine.track(&event, now) {
            prop_assert!(!refused.to_string().is_empty());
            let after: Vec<_> = engine.features(now).map(|(_, value)| value).collect();
            prop_assert_eq!(before, after);
        }
    }
}

#[test]
fn a_loop_of_segments_is_refused_and_its_members_are_named() {
    let mut pack: Value = serde_json::from_str(RETAIL).unwrap();
    pack["plan"] = Value::Null;
    pack.as_object_mut().unwrap().remove("plan");
    let reads = |other: &str| json!({"segment": other});
    pack["segments"] = json!([
        {"id": "a", "title": "A", "reason": "r", "enter": reads("b")},
        {"id": "b", "title": "B", "reason": "r", "enter": {"not": reads("c")}},
        {"id": "c", "title": "C", "reason": "r", "enter": reads("b")},
    ]);
    let mistake = Pack::parse(&pack.to_string()).unwrap_err();
    assert_eq!(mistake.to_string(), "$.segments: segments read each other in a loop: b -> c -> b");
}
