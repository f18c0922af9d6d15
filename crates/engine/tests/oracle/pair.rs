//! The engine and the oracle, told the same.

use std::collections::BTreeMap;
use std::rc::Rc;

use keepset_engine::{Change, ChangeKind, Choice, ConsentChange, Engine, Pack, RawEvent, Zone};
use keepset_wire::Timestamp;
use serde_json::Value;

use crate::reference::segments::Turn;
use crate::reference::{Oracle, time};

/// An engine beside the oracle.
pub struct Pair {
    pub engine: Engine,
    pub oracle: Oracle,
}

/// Where engine and oracle differ.
#[derive(Debug)]
pub struct Wrong {
    /// The feature, the model, or the intake.
    pub what: String,
    pub how: String,
}

impl Wrong {
    fn new(what: &str, how: String) -> Self {
        Self { what: what.to_owned(), how }
    }
}

/// How many bytes the device's secret has.
pub const SECRET: usize = 32;

impl Pair {
    pub fn new(pack: &Value, start: i64) -> Self {
        Self { engine: install(pack, start, &mut Vec::new()), oracle: Oracle::new(pack) }
    }

    pub fn set_zone(&mut self, offsets: &[(i64, i32)], now: i64) {
        self.engine.set_zone(Zone::new(offsets).unwrap(), at(now));
        self.oracle.set_zone(time::Zone(offsets.to_vec()));
    }

    /// Tells a step to both. The changes are the engine's.
    pub fn step(&mut self, step: &Value) -> Result<Vec<Change>, Wrong> {
        let now = instant(step);
        let Some(event) = step.get("event") else { return Ok(self.engine.tick(at(now))) };
        let taken = self.oracle.track(event, now);
        match (self.engine.track(&raw(event), at(now)), taken) {
            (Ok(changes), Ok(_)) => Ok(changes),
            (Err(_), Err(())) => Ok(Vec::new()),
            (Ok(_), Err(())) => Err(Wrong::new("intake", format!("the engine takes in {event}"))),
            (Err(error), Ok(_)) => Err(Wrong::new("intake", format!("the engine refuses {event}: {error}"))),
        }
    }

    /// Compares every feature, score and count of the intake.
    pub fn compare(&self, now: i64) -> Result<(), Wrong> {
        compare(&self.engine, &self.oracle, now)
    }

    /// Compares the features that `are_defined` says, and nothing else.
    pub fn compare_some(&self, now: i64, are_defined: &dyn Fn(&str) -> bool) -> Result<(), Wrong> {
        compare_features(&self.engine, &self.oracle, now, are_defined)
    }
}

/// Compares every feature, score and count of the intake; an error names what differs, and how.
pub fn compare(engine: &Engine, oracle: &Oracle, now: i64) -> Result<(), Wrong> {
    compare_features(engine, oracle, now, &|_| true)?;
    let seen = values(engine, now);
    let rounded = |name: &str| seen[name];
    for (name, score) in engine.scores(at(now)) {
        let expected = oracle.score(name.as_str(), now, &rounded);
        if expected.to_bits() != score.to_bits() {
            return Err(Wrong::new(
                name.as_str(),
                format!("{name} at {now}: engine {score}, expected {expected}"),
            ));
        }
    }
    let (counted, expected) = (engine.intake(), oracle.intake());
    let seen = [
        counted.accepted,
        counted.late,
        counted.duplicates,
        counted.undeclared_events,
        counted.undeclared_properties,
        counted.refused,
    ];
    let expected = [
        expected.accepted,
        expected.late,
        expected.duplicates,
        expected.undeclared_events,
        expected.undeclared_properties,
        expected.refused,
    ];
    let named = "accepted, late, duplicates, undeclared events, undeclared properties, refused";
    if seen == expected {
        Ok(())
    } else {
        Err(Wrong::new("intake", format!("{named} at {now}: engine {seen:?}, expected {expected:?}")))
    }
}

fn values(engine: &Engine, now: i64) -> BTreeMap<String, Option<f64>> {
    engine.features(at(now)).map(|(name, value)| (name.to_string(), value)).collect()
}

fn compare_features(
    engine: &Engine,
    oracle: &Oracle,
    now: i64,
    are_compared: &dyn Fn(&str) -> bool,
) -> Result<(), Wrong> {
    let seen = values(engine, now);
    assert!(seen.keys().eq(oracle.features()), "the engine has the pack's features");
    for (name, value) in seen.iter().filter(|(name, _)| are_compared(name)) {
        let expected = oracle.value(name, now, &|name| seen[name]);
        if !expected.agrees(*value) {
            return Err(Wrong::new(
                name,
                format!("{name} at {now}: engine {value:?}, expected {expected:?}"),
            ));
        }
    }
    Ok(())
}

/// An engine that may compute; what changes by that goes to `changes`.
pub fn install(pack: &Value, start: i64, changes: &mut Vec<Change>) -> Engine {
    let mut engine = Engine::install(parsed(pack), at(start));
    changes.extend(engine.set_consent(&ConsentChange::all(Choice::Granted), at(start)));
    engine
}

pub fn parsed(pack: &Value) -> Rc<Pack> {
    Rc::new(Pack::parse(&pack.to_string()).unwrap_or_else(|mistake| panic!("{mistake}")))
}

/// Gives the engine a secret, and says which; what changes by it goes to `changes`.
pub fn give_secret(engine: &mut Engine, byte: u8, now: i64, changes: &mut Vec<Change>) -> Vec<u8> {
    changes.extend(engine.keep_secret([byte; SECRET], at(now)));
    vec![byte; SECRET]
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub fn instant(step: &Value) -> i64 {
    step["at"].as_i64().unwrap()
}

pub fn raw(event: &Value) -> RawEvent {
    serde_json::from_value(event.clone()).unwrap()
}

/// The engine's changes in the oracle's words; changes of one instant in the order of the segments' names.
pub fn turns(changes: &[Change], pack: &Pack) -> Vec<Turn> {
    let mut turns: Vec<Turn> = changes.iter().map(|change| turn(change, pack)).collect();
    turns.sort();
    turns
}

fn turn(change: &Change, pack: &Pack) -> Turn {
    Turn {
        at: change.at.millis(),
        segment: pack.segments()[change.segment].id.to_string(),
        entered: change.kind == ChangeKind::Entered,
        cause: change.cause.code().to_owned(),
    }
}
