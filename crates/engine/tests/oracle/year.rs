//! A year in jumps: the shared vectors, then nothing but time.

use keepset_engine::Change;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::memberships::moments;
use crate::pair::{Pair, Wrong, install, instant, turns};
use crate::reference::Oracle;
use crate::reference::segments::Turn;
use crate::reference::time::DAY;
use crate::stories::{Dice, Manner, story};
use crate::{seeds, shrunk};

macro_rules! vectors {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../tests/vectors/", $name, ".json")))),*]
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
    "unusual"
];

/// Engine and oracle, and what each said so far.
struct Told {
    pair: Pair,
    clock: i64,
    changes: Vec<Change>,
    expected: Vec<Turn>,
}

impl Told {
    fn step(&mut self, step: &Value) -> Result<(), Wrong> {
        let now = instant(step);
        // Nothing happens when an event is refused; the clock may have been set back.
        if !step.get("event").is_some_and(|event| self.pair.oracle.refuses(event, now)) {
            self.expected.extend(self.pair.oracle.pass(self.clock, now));
            self.expected.extend(self.pair.oracle.evaluate(now, "time"));
            self.clock = now;
        }
        let taken = self.pair.oracle.intake().accepted;
        self.changes.extend(self.pair.step(step)?);
        if self.pair.oracle.intake().accepted > taken {
            self.expected.extend(self.pair.oracle.evaluate(now, "event"));
        }
        Ok(())
    }

    fn agrees(&mut self) -> Result<(), String> {
        self.pair.compare(self.clock).map_err(|wrong| wrong.how)?;
        self.expected.sort();
        let seen = turns(&self.changes, self.pair.engine.pack());
        let alike = seen.iter().zip(&self.expected).take_while(|(seen, expected)| seen == expected).count();
        let (seen, expected) = (seen.get(alike), self.expected.get(alike));
        if seen != expected {
            return Err(format!("engine {seen:?}, expected {expected:?}"));
        }
        let memberships = self.pair.engine.memberships().into_iter();
        let seen: Vec<_> = memberships.map(|one| (one.segment.to_string(), one.since.millis())).collect();
        let expected = self.pair.oracle.memberships();
        if seen == expected { Ok(()) } else { Err(format!("engine in {seen:?}, expected {expected:?}")) }
    }
}

/// Tells the steps and compares whenever nothing but time passed. False when rounding would decide what is right.
fn agrees(pack: &Value, steps: &[Value]) -> Result<bool, String> {
    let start = instant(&steps[0]);
    let mut changes = Vec::new();
    let engine = install(pack, start, &mut changes);
    let mut oracle = Oracle::new(pack);
    let expected = oracle.evaluate(start, "consent");
    let mut told = Told { pair: Pair { engine, oracle }, clock: start, changes, expected };
    for step in steps {
        told.step(step).map_err(|wrong| wrong.how)?;
        if told.pair.oracle.too_close.get() > 0 {
            return Ok(false);
        }
        if step.get("event").is_none() {
            told.agrees()?;
        }
    }
    Ok(true)
}

/// The steps, and then a year of nothing but time.
fn a_year_passes(name: &str, pack: &Value, mut steps: Vec<Value>, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut now = instant(steps.last().unwrap());
    let end = now + 366 * DAY;
    while now < end {
        let longest = dice.one(&[DAY / 20, 3 * DAY, 40 * DAY]);
        now += dice.below(longest);
        steps.push(json!({ "at": now }));
    }
    match agrees(pack, &steps) {
        Ok(decided) => assert!(decided, "{name}: rounding decides"),
        Err(how) => {
            let alike = |other: String| other.split(' ').take(6).eq(how.split(' ').take(6));
            let steps = shrunk(steps, |steps| agrees(pack, steps).is_err_and(alike));
            let shown: Vec<String> = steps.iter().map(Value::to_string).collect();
            panic!("{name}: {how}\nnow {:?}\nafter\n{}", agrees(pack, &steps), shown.join("\n"));
        }
    }
}

#[test]
fn a_year_in_jumps_gives_what_the_recomputation_gives_on_every_vector() {
    for (name, text) in VECTORS {
        let vector: Value = serde_json::from_str(text).unwrap();
        let mut clock = 0;
        let mut forward = |step: &&Value| {
            let later = instant(step) >= clock;
            clock = clock.max(instant(step));
            later
        };
        // Clocks that are set back have a test of their own.
        let steps: Vec<Value> =
            vector["steps"].as_array().unwrap().iter().filter(|step| forward(step)).cloned().collect();
        for seed in seeds(800) {
            a_year_passes(name, &vector["pack"], steps.clone(), seed);
        }
    }
}

#[test]
fn a_year_in_jumps_gives_what_the_recomputation_gives_on_every_form_of_rule() {
    let pack = moments();
    for seed in seeds(900) {
        let steps = if cfg!(target_arch = "wasm32") { 40 } else { 300 };
        let steps = story(&pack, seed, steps, Manner { hourly: false, clock_back: false });
        a_year_passes("moments", &pack, steps, seed);
    }
}
