//! An engine that is saved and restored goes on as the one that was never closed.

use keepset_engine::{Change, Engine, RawEvent};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::memberships::moments;
use crate::pair::{at, give_secret, install, instant, parsed, raw};
use crate::stories::{Dice, Manner, START, story};
use crate::{STEPS, seeds};

/// What is stored of an engine.
#[derive(Default)]
struct Store(Vec<u8>);

impl Store {
    fn save(&mut self, engine: &mut Engine) {
        let Some(saved) = engine.save() else { return };
        if !saved.appends {
            self.0.clear();
        }
        self.0.extend(&saved.bytes);
        engine.stored(saved.revision);
    }

    fn restore(&self, pack: &Value, now: i64) -> Engine {
        let (engine, error) = Engine::restore(parsed(pack), &self.0, at(now));
        assert_eq!(error, None);
        engine
    }
}

fn tell(engine: &mut Engine, event: Option<&RawEvent>, now: i64) -> Vec<Change> {
    match event {
        Some(event) => engine.track(event, at(now)).unwrap_or_default(),
        None => engine.tick(at(now)),
    }
}

/// Everything that can be asked of an engine, but for when it wants to be asked next: one that stayed open knows what it read
/// before, and need not be asked at the same instants.
fn answers(engine: &Engine, now: i64) -> Vec<String> {
    let bits = |value: f64| format!("{value:?} {:016x}", value.to_bits());
    let features = engine.features(at(now)).map(|(name, value)| format!("{name} {:?}", value.map(bits)));
    let scores = engine.scores(at(now)).map(|(name, score)| format!("{name} {}", bits(score)));
    let memberships = engine.memberships().into_iter().map(|membership| format!("{membership:?}"));
    features.chain(scores).chain(memberships).chain([format!("{:?}", engine.intake())]).collect()
}

fn same_answers(seen: &Engine, expected: &Engine, now: i64, when: &str) {
    let (seen, expected) = (answers(seen, now), answers(expected, now));
    let differs = seen.iter().zip(&expected).find(|(seen, expected)| seen != expected);
    assert_eq!(differs, None, "{when}");
    assert_eq!(seen.len(), expected.len(), "{when}");
}

/// A story told to an engine that stays open and to one that is saved with one chance and then closed with another.
fn goes_on(pack: &Value, seed: u64, steps: usize, saves: i64, closes: i64) {
    let steps = story(pack, seed, steps, Manner { hourly: false, clock_back: false });
    let mut dice = Dice::new(seed);
    let mut store = Store::default();
    let [mut open, mut closed] = [(); 2].map(|()| install(pack, START, &mut Vec::new()));
    for engine in [&mut open, &mut closed] {
        give_secret(engine, 7, START, &mut Vec::new());
    }
    let mut restored = 0;
    for (index, step) in steps.iter().enumerate() {
        let now = instant(step);
        let event = step.get("event").map(raw);
        let (seen, expected) = (tell(&mut closed, event.as_ref(), now), tell(&mut open, event.as_ref(), now));
        assert_eq!(seen, expected, "seed {seed}, step {index}");
        if dice.percent(saves) {
            store.save(&mut closed);
            if dice.percent(closes) {
                closed = store.restore(pack, now);
                restored += 1;
                // It may ask to be asked at once; nothing comes of it.
                assert_eq!(
                    closed.tick(at(now)),
                    open.tick(at(now)),
                    "seed {seed}, restored after step {index}"
                );
                same_answers(&closed, &open, now, &format!("seed {seed}, restored after step {index}"));
            }
        }
    }
    assert!(restored > 0, "seed {seed}: never restored");
    let end = instant(steps.last().unwrap());
    same_answers(&closed, &open, end, &format!("seed {seed}, in the end"));
}

fn values() -> Value {
    serde_json::from_str(include_str!("values.json")).unwrap()
}

#[test]
fn an_engine_restored_at_random_points_goes_on_as_if_it_had_stayed_open() {
    for seed in seeds(600) {
        goes_on(&values(), seed, STEPS / 5, 20, 30);
        goes_on(&moments(), seed, STEPS / 5, 20, 30);
    }
}

#[test]
fn an_engine_restored_after_every_step_goes_on_as_if_it_had_stayed_open() {
    for seed in seeds(700) {
        goes_on(&values(), seed, STEPS / 20, 100, 100);
        goes_on(&moments(), seed, STEPS / 20, 100, 100);
    }
}
