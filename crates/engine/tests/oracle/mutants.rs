//! A rule that is a little wrong gives other answers: the vector `segments` catches every mutant of its pack.
//!
//! Its steps were drawn at random, kept while they caught another mutant, and then left out one by one while none
//! escaped. That the expected answers are right is checked in `year`.

use keepset_engine::{Change, ChangeKind, Engine, Pack};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mutations::{Mutant, mutants};
use crate::pair::{at, install, instant, raw};

fn vector() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/segments.json")).unwrap()
}

/// What a step of a vector gives, as the vectors write it.
fn outcome(engine: &mut Engine, step: &Value) -> Value {
    let now = at(instant(step));
    let (changes, refused) = match step.get("event") {
        None => (engine.tick(now), None),
        Some(event) => match engine.track(&raw(event), now) {
            Ok(changes) => (changes, None),
            Err(error) => (Vec::new(), Some(error.code())),
        },
    };
    let bits = |value: f64| json!(format!("{:016x}", value.to_bits()));
    let features = engine.features(now).map(|(id, value)| (id.to_string(), value.map_or(Value::Null, bits)));
    let scores = engine.scores(now).map(|(id, score)| (id.to_string(), bits(score)));
    let memberships = engine.memberships().into_iter().map(|membership| membership.segment.to_string());
    json!({
        "features": features.collect::<serde_json::Map<_, _>>(),
        "scores": scores.collect::<serde_json::Map<_, _>>(),
        "memberships": memberships.collect::<Vec<_>>(),
        "changes": changes.iter().map(|made| change(made, engine.pack())).collect::<Vec<_>>(),
        "next": engine.next_tick(now).map(keepset_wire::Timestamp::millis),
        "refused": refused,
    })
}

fn change(change: &Change, pack: &Pack) -> String {
    let sign = if change.kind == ChangeKind::Entered { '+' } else { '-' };
    format!("{sign}{} {}", pack.segments()[change.segment].id, change.at.millis())
}

/// The parts of an outcome in which a mutant may betray itself. That a rule is asked at other instants is no other
/// answer; a feature that is a little wrong has other values, whether a rule notices or not.
fn answers(outcome: &Value, mutant: &Mutant) -> Value {
    let features = if mutant.of_segment { &Value::Null } else { &outcome["features"] };
    json!([outcome["memberships"], outcome["changes"], features])
}

fn survives(mutant: &Mutant, steps: &[Value], expected: &[Value]) -> bool {
    let mut engine = install(&mutant.pack, instant(&steps[0]), &mut Vec::new());
    let mut told = steps.iter().zip(expected);
    told.all(|(step, expected)| answers(&outcome(&mut engine, step), mutant) == answers(expected, mutant))
}

#[test]
fn every_mutant_of_a_rule_is_caught_by_the_vector() {
    let vector = vector();
    let (steps, expected) = (vector["steps"].as_array().unwrap(), vector["expected"].as_array().unwrap());
    let unchanged = Mutant { name: "none".into(), pack: vector["pack"].clone(), of_segment: false };
    let mut engine = install(&unchanged.pack, instant(&steps[0]), &mut Vec::new());
    for (index, (step, expected)) in steps.iter().zip(expected).enumerate() {
        let seen = outcome(&mut engine, step);
        assert_eq!(answers(&seen, &unchanged), answers(expected, &unchanged), "step {index}");
    }
    assert_eq!(steps.len(), expected.len());
    let all = mutants(&vector["pack"]);
    assert!(all.len() > 200, "only {} mutants", all.len());
    let alive = all.iter().filter(|mutant| survives(mutant, steps, expected));
    let names: Vec<&str> = alive.map(|mutant| mutant.name.as_str()).collect();
    assert!(names.is_empty(), "{} of {} survive:\n{}", names.len(), all.len(), names.join("\n"));
}
