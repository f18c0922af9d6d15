//! A model that moves with its person: a pack with one, a device that asks, and what it learns. The driver does what `keepset/adapt` does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::rc::Rc;

use keepset_engine::adapting::{Adapted, Learned};
use keepset_engine::choosing::Known;
use keepset_engine::{Adaptation, Choice, ConsentChange, Engine, Pack, RawEvent, Scalar};
use keepset_wire::{DAY_MS, Timestamp};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// 1 January 2026.
const START: i64 = 1_767_225_600_000;
const LIMIT: f64 = 1.5;

fn document() -> Value {
    json!({
        "id": "shop", "version": 1, "title": "Shop", "owner": "The shop", "reason": "To test.", "expires": "2041-01-01",
        "events": { "visit": {}, "purchase": {} },
        "features": {
            "orders": { "kind": "count", "event": "purchase", "window_days": 84 },
            "visits": { "kind": "count", "event": "visit", "window_days": 28 }
        },
        "outcomes": {
            "buys": { "event": "purchase", "within_days": 14 },
            "stays_away": { "event": "purchase", "comes": false, "within_days": 14 }
        },
        "models": {
            "buys": {
                "kind": "linear", "title": "buys within 14 days", "intercept": -1.25, "weights": { "orders": 0.3, "visits": 0.05 },
                "adapt": {
                    "outcome": "buys", "limit": LIMIT, "offset": 0.7, "slope": { "variance": 0.05, "centre": -1 },
                    "weights": { "visits": { "variance": 0.1, "centre": 3, "scale": 2.5 } }
                }
            }
        },
        "segments": [{ "id": "likely", "title": "Likely", "reason": "They buy.", "enter": { "model": "buys", "op": ">=", "value": -1.25 } }]
    })
}

/// A device that asks for the score.
struct Device {
    engine: Engine,
    model: Adaptation,
    now: Timestamp,
}

impl Device {
    fn new(document: &Value) -> Self {
        let compiled = Pack::read(document).unwrap_or_else(|mistake| panic!("{mistake}")).compile();
        let model = Pack::adaptations(&compiled).remove(0);
        let now = Timestamp::from_millis(START).unwrap();
        let mut engine = Engine::install(Rc::new(Pack::load(&compiled).unwrap()), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        Self { engine, model, now }
    }

    fn wait(&mut self, days: i64) {
        self.now = Timestamp::from_millis(self.now.millis() + days * DAY_MS).unwrap();
        self.engine.tick(self.now);
    }

    fn track(&mut self, name: &str, id: Option<String>, properties: &[(String, Scalar)]) {
        let properties = properties.iter().cloned().collect();
        let event = RawEvent { name: name.to_owned(), id, properties, ..RawEvent::default() };
        self.engine.track(&event, self.now).unwrap();
    }

    fn does(&mut self, name: &str) {
        self.track(name, None, &[]);
    }

    fn value(&self, feature: &str) -> f64 {
        let mut features = self.engine.features(self.now);
        let found = features.find(|(name, _)| name.as_str() == feature);
        found.unwrap_or_else(|| panic!("no feature {feature}")).1.unwrap_or(f64::NAN)
    }

    fn with<T>(&self, of: impl Fn(&Adaptation, Known<'_>) -> T) -> T {
        let values: Vec<f64> = self.model.reads().iter().map(|feature| self.value(feature)).collect();
        let members = self.engine.memberships();
        let within: Vec<&str> = members.iter().map(|member| member.segment.as_str()).collect();
        of(&self.model, Known { within: &within, values: &values })
    }

    fn told(&mut self, kind: usize, round: u32, names: &[String], numbers: &[f64]) {
        let event = self.model.events()[kind].clone();
        let mut properties = vec![("of".to_owned(), Scalar::Text(self.model.of.clone()))];
        properties.extend(names.iter().cloned().zip(numbers.iter().copied().map(Scalar::Number)));
        self.track(&event, Some(format!("{event} {round}")), &properties);
    }

    /// Asks as a page does: what comes due and what begins is told to the engine, and the score is what the engine says then.
    fn ask(&mut self) -> Adapted {
        let Adapted { settled, begun, round, .. } = self.with(Adaptation::decide);
        let names = [self.model.asked(), self.model.settled()];
        if let Some(settled) = settled {
            self.told(1, round, &names[1], &settled);
        }
        if let Some(begun) = begun {
            self.told(0, round, &names[0], &begun);
        }
        self.with(Adaptation::decide)
    }

    fn reset(&mut self) {
        let round = self.with(Adaptation::decide).round;
        if let Some(broken) = self.with(Adaptation::break_off) {
            let names = self.model.settled();
            self.told(1, round, &names, &broken);
        }
        let [_, _, forgotten] = self.model.events();
        self.track(&forgotten, None, &[]);
    }

    /// The score that segments and reports go by.
    fn shipped(&self) -> f64 {
        self.engine.scores(self.now).find(|(name, _)| name.as_str() == "buys").unwrap().1
    }

    /// Lives through two weeks in which the person buys, or not, and asks.
    fn fortnight(&mut self, buys: bool) -> Adapted {
        self.wait(3);
        if buys {
            self.does("purchase");
        }
        self.wait(12);
        self.ask()
    }
}

#[test]
fn a_prediction_is_learned_from_when_its_time_is_over_and_once() {
    let mut device = Device::new(&document());
    let first = device.ask();
    assert_eq!((first.score.to_bits(), first.learned), (device.shipped().to_bits(), 0));
    for _ in 0..13 {
        device.wait(1);
        assert_eq!(device.ask().learned, 0);
    }
    assert_eq!(device.value("buys.rounds"), 1.0);
    device.wait(1);
    let second = device.ask();
    assert_eq!((second.learned, device.value("buys.rounds")), (1, 2.0));
    assert!(second.score < second.shipped, "nothing was bought: {second:?}");
    assert_eq!(device.ask(), second);
    device.does("purchase");
    assert_eq!(
        device.ask().learned,
        1,
        "an outcome that came is learned from when its time is over, as one that did not"
    );
}

#[test]
fn what_came_in_time_counts_however_late_anybody_asks_and_what_came_after_it_does_not() {
    let moved = |story: &[(i64, bool)]| {
        let mut device = Device::new(&document());
        device.ask();
        for (days, buys) in story {
            device.wait(*days);
            if *buys {
                device.does("purchase");
            }
        }
        let told = device.ask();
        assert_eq!(told.learned, 1);
        told.score - told.shipped
    };
    assert!(moved(&[(13, true), (80, false)]) > 0.0);
    assert!(moved(&[(15, true), (80, false)]) < 0.0);
}

#[test]
fn an_event_that_is_to_stay_away_is_learned_the_other_way_round() {
    let mut document = document();
    document["models"]["buys"]["adapt"]["outcome"] = json!("stays_away");
    let mut device = Device::new(&document);
    device.ask();
    assert!(device.fortnight(false).score > device.shipped());
    let before = device.with(Adaptation::decide);
    let after = device.fortnight(true);
    assert!(after.score - after.shipped < before.score - before.shipped);
}

#[test]
fn segments_and_reports_go_by_the_shipped_score() {
    let mut device = Device::new(&document());
    device.ask();
    let mut last = None;
    for _ in 0..12 {
        last = Some(device.fortnight(false));
    }
    let last = last.unwrap();
    assert!(last.score < -1.5 && last.shipped == device.shipped(), "{last:?}");
    // Nothing was bought, so the shipped score is at the cut, which the adapted one is below.
    assert!(device.engine.memberships().iter().any(|member| member.segment.as_str() == "likely"));
}

#[test]
fn forgetting_gives_the_shipped_score_to_the_bit_and_the_running_prediction_says_nothing() {
    let mut device = Device::new(&document());
    device.ask();
    for round in 0..9 {
        device.fortnight(round % 3 != 0);
    }
    let before = device.ask();
    assert!(before.learned == 9 && before.score != before.shipped);
    device.wait(2);
    device.reset();
    let told = device.with(Adaptation::decide);
    assert_eq!((told.score.to_bits(), told.learned), (device.shipped().to_bits(), 0));
    let rounds = device.value("buys.rounds");
    device.ask();
    assert_eq!(device.value("buys.rounds"), rounds + 1.0, "the next prediction begins at once");
    device.wait(13);
    assert_eq!(device.ask().learned, 0, "the one before was broken off");
    device.wait(2);
    assert_eq!(device.ask().learned, 1, "and it learns anew");
}

#[test]
fn a_second_tab_that_settles_or_begins_the_same_round_changes_nothing() {
    let mut device = Device::new(&document());
    device.ask();
    device.wait(15);
    let due = device.with(Adaptation::decide);
    let (names, asked) = (device.model.settled(), device.model.asked());
    for _ in 0..2 {
        device.told(1, due.round, &names, due.settled.as_ref().unwrap());
        device.told(0, due.round, &asked, due.begun.as_ref().unwrap());
    }
    let told = device.ask();
    assert_eq!((told.learned, told.round, device.value("buys.pending")), (1, 2, 1.0));
}

#[test]
fn a_withdrawal_erases_what_was_learned_and_so_does_an_erasure() {
    let mut device = Device::new(&document());
    device.ask();
    assert_eq!(device.fortnight(false).learned, 1);
    let copy = device.engine.copy();
    let refusal = ConsentChange { segmentation: Some(Choice::Denied), ..ConsentChange::default() };
    device.engine.set_consent(&refusal, device.now);
    device.engine.set_consent(&ConsentChange::all(Choice::Granted), device.now);
    assert_eq!(device.with(Adaptation::decide).learned, 0, "withdrawal erased what was learned");
    let pack = Pack::load(&Pack::read(&document()).unwrap().compile()).unwrap();
    let (stored, error) = Engine::restore(Rc::new(pack), &copy, device.now);
    assert_eq!(error, None);
    device.engine = stored;
    assert_eq!(device.with(Adaptation::decide).learned, 1, "what was stored held what was learned");
    device.engine.erase(device.now);
    let told = device.with(Adaptation::decide);
    assert_eq!((told.learned, told.score.to_bits()), (0, device.shipped().to_bits()));
}

#[test]
fn another_model_another_prior_and_another_horizon_begin_anew_and_another_title_does_not() {
    let kept = |change: &dyn Fn(&mut Value)| {
        let mut device = Device::new(&document());
        device.ask();
        device.fortnight(false);
        device.wait(20);
        let mut changed = document();
        change(&mut changed);
        let pack = Pack::read(&changed).unwrap().compile();
        device.model = Pack::adaptations(&pack).remove(0);
        let (engine, error) =
            Engine::restore(Rc::new(Pack::load(&pack).unwrap()), &device.engine.copy(), device.now);
        assert_eq!(error, None);
        device.engine = engine;
        let told = device.ask();
        // A prediction of the model before is never held against this one.
        assert!(told.learned == 2 || (told.learned == 0 && told.score == told.shipped), "{told:?}");
        told.learned == 2
    };
    assert!(kept(&|_| ()));
    assert!(kept(&|pack| pack["models"]["buys"]["title"] = json!("buys soon")));
    assert!(!kept(&|pack| pack["models"]["buys"]["intercept"] = json!(-1.0)));
    assert!(!kept(&|pack| pack["models"]["buys"]["adapt"]["offset"] = json!(0.5)));
    assert!(!kept(&|pack| pack["outcomes"]["buys"]["within_days"] = json!(21)));
}

/// A small generator, so that stories are the same everywhere.
struct Draws(u64);

impl Draws {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// 150 stories of 60 operations each, crashes back to a stored state among them. What is learned is held to a second bookkeeping: the rule, applied to what the device was asked and did.
#[test]
fn in_any_story_a_score_stays_within_the_limit_and_is_the_rule_applied_to_each_outcome_once() {
    for seed in 0..150 {
        let mut draws = Draws(seed);
        let mut device = Device::new(&document());
        let terms = device.model.rule.terms.len();
        let nothing = || vec![Learned::default(); terms];
        let (mut learned, mut outcomes, mut running) = (nothing(), 0, None::<(i64, f64, Vec<f64>, bool)>);
        let mut stored = None;
        for _ in 0..60 {
            match draws.below(8) {
                0 | 1 => {
                    let days = i64::try_from(draws.below(9)).unwrap();
                    device.wait(days);
                }
                2 => device.does("visit"),
                3 => {
                    device.does("purchase");
                    let now = device.now.millis();
                    // What happens in the millisecond in which a round began is taken to be before it.
                    if let Some((at, .., came)) = &mut running {
                        *came |= now > *at && now < *at + 14 * DAY_MS;
                    }
                }
                4 => {
                    stored =
                        Some((device.engine.copy(), device.now, learned.clone(), outcomes, running.clone()))
                }
                5 => {
                    // The process is killed and what was stored is found; the clock goes on.
                    if let Some((bytes, _, was, had, ran)) = stored.clone() {
                        let pack = Rc::new(Pack::load(&device.engine.pack().compile()).unwrap());
                        let (engine, error) = Engine::restore(pack, &bytes, device.now);
                        assert_eq!(error, None);
                        device.engine = engine;
                        device.engine.tick(device.now);
                        (learned, outcomes, running) = (was, had, ran);
                    }
                }
                6 if draws.below(6) == 0 => {
                    device.reset();
                    (learned, outcomes, running) = (nothing(), 0, None);
                    // The next millisecond: what is learned in this one is forgotten with it.
                    device.now = Timestamp::from_millis(device.now.millis() + 1).unwrap();
                }
                _ => {
                    let told = device.ask();
                    if let Some((_, score, inputs, came)) =
                        running.take_if(|(at, ..)| device.now.millis() >= *at + 14 * DAY_MS)
                    {
                        let steps = device.model.rule.step(&learned, score, &inputs, came);
                        for (learned, step) in learned.iter_mut().zip(steps) {
                            learned.moved += step.moved;
                            learned.weight += step.weight;
                        }
                        outcomes += 1;
                    }
                    let rule = &device.model.rule;
                    let visits = device.value("visits");
                    let inputs =
                        vec![1.0, rule.terms[1].input(Some(told.shipped)), rule.terms[2].input(Some(visits))];
                    running.get_or_insert_with(|| (device.now.millis(), told.shipped, inputs.clone(), false));
                    let expected = told.shipped + rule.moves(&learned, &inputs);
                    assert!((told.score - expected).abs() < 1e-5, "story {seed}: {told:?} for {expected}");
                    assert_eq!(told.learned, outcomes, "story {seed}");
                    assert!((told.score - told.shipped).abs() <= LIMIT + 1e-12, "story {seed}: {told:?}");
                    assert_eq!(told.shipped.to_bits(), device.shipped().to_bits());
                }
            }
        }
    }
}

/// The same in `tests/package/adapt.test.mjs`, through the installed package.
#[test]
fn the_vector_gives_the_same_bits() {
    let vector: Value = serde_json::from_str(include_str!("../../../tests/vectors/adapt.json")).unwrap();
    let mut device = Device::new(&vector["pack"]);
    let mut seen = Vec::new();
    for step in vector["steps"].as_array().unwrap() {
        device.wait(step["days"].as_i64().unwrap());
        for event in step["events"].as_array().unwrap() {
            device.does(event.as_str().unwrap());
        }
        let told = device.ask();
        let bits = |number: f64| format!("{:016x}", number.to_bits());
        seen.push(json!([bits(told.shipped), bits(told.score), told.learned]));
    }
    assert_eq!(json!(seen), vector["expected"]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut document = document();
        change(&mut document);
        Pack::read(&document).unwrap_err().to_string()
    };
    let adapt = |change: &dyn Fn(&mut Value)| refused(&|pack| change(&mut pack["models"]["buys"]["adapt"]));
    for (path, seen) in [
        ("$.models.buys.adapt.outcome: ", adapt(&|adapt| adapt["outcome"] = json!("sells"))),
        ("$.models.buys.adapt.limit: ", adapt(&|adapt| adapt["limit"] = json!(6))),
        ("$.models.buys.adapt.offset: ", adapt(&|adapt| adapt["offset"] = json!(0))),
        ("$.models.buys.adapt.slope.variance: ", adapt(&|adapt| adapt["slope"]["variance"] = json!(-1))),
        ("$.models.buys.adapt.memory: ", adapt(&|adapt| adapt["memory"] = json!(1))),
        ("$.models.buys.adapt: ", adapt(&|adapt| drop(adapt.as_object_mut().unwrap().remove("offset")))),
        (
            "$.models.buys.adapt.weights: ",
            adapt(&|adapt| adapt["weights"]["clicks"] = json!({"variance": 1, "centre": 0, "scale": 1})),
        ),
        (
            "$.models.buys.adapt.weights.visits.scale: ",
            adapt(&|adapt| adapt["weights"]["visits"]["scale"] = json!(0)),
        ),
        (
            "$.models.buys.adapt: the adaptation makes the feature",
            refused(&|pack| pack["features"]["buys.rounds"] = json!({"kind": "count", "event": "visit"})),
        ),
    ] {
        assert!(seen.starts_with(path), "{seen}");
    }
}

#[test]
fn a_pack_in_which_nothing_adapts_has_none_and_damaged_bytes_have_none() {
    let mut plain = document();
    plain["models"]["buys"].as_object_mut().unwrap().remove("adapt");
    let compiled = Pack::read(&plain).unwrap().compile();
    assert!(Pack::adaptations(&compiled).is_empty());
    assert_eq!(Pack::load(&compiled).unwrap().features().len(), 2);
    let mut compiled = Pack::read(&document()).unwrap().compile();
    assert_eq!(Pack::adaptations(&compiled).len(), 1);
    let last = compiled.len() - 1;
    compiled[last] ^= 1;
    assert!(Pack::adaptations(&compiled).is_empty() && Pack::adaptations(b"KSPK").is_empty());
}
