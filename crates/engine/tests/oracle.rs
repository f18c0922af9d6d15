//! A slow, obvious recomputation from the raw log, against the engine's bounded state; and a page that was asleep
//! against one that never slept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss, missing_docs)]

use std::rc::Rc;

use keepset_engine::{Change, Choice, ConsentChange, Engine, Pack, RawEvent, Scalar};
use keepset_wire::{DAY_MS, HOUR_MS, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PACK: &str = r#"{
  "id": "oracle", "version": 1, "title": "Oracle", "owner": "tests", "reason": "tests", "expires": "2031-01-01",
  "events": {"buy": {"properties": {"value": {"type": "number", "min": -100, "max": 100}, "gift": {"type": "flag"}}}},
  "features": {
    "count": {"kind": "count", "event": "buy", "window_days": 10},
    "gifts": {"kind": "count", "event": "buy", "window_days": 10, "where": {"property": "gift", "is": true}},
    "sum": {"kind": "sum", "event": "buy", "property": "value", "window_days": 10},
    "recency": {"kind": "recency", "event": "buy"},
    "decayed": {"kind": "decayed_count", "event": "buy", "half_life_days": 5},
    "days": {"kind": "distinct_days", "event": "buy", "window_days": 10}
  },
  "models": {"m": {"kind": "linear", "intercept": -2, "weights": {"count": 0.5, "decayed": 0.25, "recency": -0.1}, "missing": 3}},
  "segments": [
    {"id": "often", "title": "o", "reason": "r", "enter": {"feature": "count", "op": ">=", "value": 3}, "stay": {"feature": "count", "op": ">=", "value": 1}},
    {"id": "gone", "title": "g", "reason": "r", "enter": {"all": [{"feature": "recency", "op": ">", "value": 3}, {"feature": "recency", "op": "<=", "value": 6}]}},
    {"id": "habit", "title": "h", "reason": "r", "enter": {"feature": "decayed", "op": ">", "value": 2}, "stay": {"feature": "decayed", "op": ">=", "value": 1}},
    {"id": "between", "title": "b", "reason": "r", "enter": {"all": [{"feature": "decayed", "op": "<", "value": 1.5}, {"feature": "decayed", "op": ">", "value": 0.7}]}, "stay": {"feature": "days", "op": ">", "value": 0}},
    {"id": "liked", "title": "l", "reason": "r", "enter": {"model": "m", "op": ">", "value": 0}},
    {"id": "both", "title": "b", "reason": "r", "enter": {"all": [{"segment": "often"}, {"not": {"segment": "gone"}}]}}
  ]
}"#;

/// An event of the raw log: when it arrived, how late it was, its value in cents, and whether it was a gift.
#[derive(Clone, Debug)]
struct Logged {
    arrived: i64,
    happened: i64,
    cents: i64,
    gift: bool,
}

/// Steps of up to 30 hours; one event in four is up to 12 days late.
fn log() -> impl Strategy<Value = Vec<Logged>> {
    let step =
        (0..30 * HOUR_MS, prop_oneof![3 => Just(0), 1 => 0..12 * DAY_MS], -9_999..=9_999_i64, any::<bool>());
    proptest::collection::vec(step, 1..80).prop_map(|steps| {
        let mut clock = start().millis();
        let log = steps.into_iter().map(|(gap, late, cents, gift)| {
            clock += gap;
            Logged { arrived: clock, happened: clock - late, cents, gift }
        });
        log.collect()
    })
}

fn start() -> Timestamp {
    Timestamp::from_date("2026-01-01").unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn engine() -> Engine {
    let mut engine = Engine::install(Rc::new(Pack::parse(PACK).unwrap()), start());
    engine.set_consent(&ConsentChange::all(Choice::Granted), start());
    engine
}

fn track(engine: &mut Engine, logged: &Logged) -> Vec<Change> {
    let properties =
        [("value", Scalar::Number(logged.cents as f64 / 100.0)), ("gift", Scalar::Flag(logged.gift))];
    let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let raw = RawEvent { name: "buy".into(), at: Some(logged.happened), properties };
    engine.track(&raw, at(logged.arrived)).unwrap()
}

/// Every feature from the whole log, as its documentation defines it.
fn recompute(log: &[Logged], now: i64) -> [Option<f64>; 6] {
    let width = 10 * DAY_MS / 32;
    let in_window = |logged: &&Logged| logged.happened / width > now / width - 32;
    let day = |millis: i64| millis.div_euclid(DAY_MS);
    let mut days: Vec<i64> =
        log.iter().map(|logged| day(logged.happened)).filter(|d| *d > day(now) - 10).collect();
    days.sort_unstable();
    days.dedup();
    let step = 5 * DAY_MS / 64;
    let weight = |logged: &Logged| 0.5_f64.powf((now / step - logged.happened / step) as f64 / 64.0);
    [
        Some(log.iter().filter(in_window).count() as f64),
        Some(days.len() as f64),
        Some(log.iter().map(weight).sum()),
        Some(log.iter().filter(in_window).filter(|logged| logged.gift).count() as f64),
        log.iter().map(|logged| (now - logged.happened) / DAY_MS).min().map(|days| days as f64),
        Some(log.iter().filter(in_window).map(|logged| logged.cents).sum::<i64>() as f64 / 100.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn every_feature_equals_its_recomputation_from_the_raw_log(log in log(), pause in 0..20 * DAY_MS) {
        let mut engine = engine();
        for (index, logged) in log.iter().enumerate() {
            track(&mut engine, logged);
            for now in [logged.arrived, logged.arrived + pause] {
                let names: Vec<String> = engine.features(at(now)).map(|(id, _)| id.to_string()).collect();
                prop_assert_eq!(&names, &["count", "days", "decayed", "gifts", "recency", "sum"]);
                let expected = recompute(&log[..=index], now);
                for ((id, value), expected) in engine.features(at(now)).zip(expected) {
                    if id.as_str() == "decayed" {
                        // The engine rounds every weight down to a 2^-32th, the recomputation is smooth.
                        prop_assert!((value.unwrap() - expected.unwrap()).abs() < 1e-6, "{:?} {:?}", value, expected);
                    } else {
                        prop_assert_eq!(value, expected, "{}", id);
                    }
                }
            }
        }
    }

    /// Time passes the same whether the engine is asked every hour, only when it said so, or once in the end.
    #[test]
    fn a_page_that_slept_gives_the_answers_of_one_that_stayed_awake(log in log(), weeks in 1..20_i64) {
        let (mut asleep, mut awake, mut woken) = (engine(), engine(), engine());
        let (mut slept, mut waked, mut called) = (Vec::new(), Vec::new(), Vec::new());
        let end = log.last().unwrap().arrived + weeks * 7 * DAY_MS;
        let mut clock = start().millis();
        let mut pass = |until: i64, awake: &mut Engine, woken: &mut Engine, waked: &mut Vec<Change>, called: &mut Vec<Change>| {
            let mut seen = woken.next_tick(at(clock));
            while clock < until {
                clock = (clock + 6 * HOUR_MS).min(until);
                waked.extend(awake.tick(at(clock)));
            }
            while let Some(next) = seen.filter(|next| next.millis() <= until) {
                called.extend(woken.tick(next));
                seen = woken.next_tick(next).filter(|later| *later > next);
            }
        };
        for logged in &log {
            pass(logged.arrived, &mut awake, &mut woken, &mut waked, &mut called);
            slept.extend(track(&mut asleep, logged));
            waked.extend(track(&mut awake, logged));
            called.extend(track(&mut woken, logged));
        }
        pass(end, &mut awake, &mut woken, &mut waked, &mut called);
        slept.extend(asleep.tick(at(end)));
        waked.extend(awake.tick(at(end)));
        called.extend(woken.tick(at(end)));
        prop_assert_eq!(&slept, &waked);
        prop_assert_eq!(&slept, &called);
        prop_assert_eq!(asleep.memberships(), awake.memberships());
    }

    /// What was stored and read back goes on as if nothing had happened.
    #[test]
    fn a_restored_engine_goes_on_as_the_one_that_was_saved(log in log(), cut in any::<prop::sample::Index>()) {
        let mut whole = engine();
        let mut parted = engine();
        for (index, logged) in log.iter().enumerate() {
            if index == cut.index(log.len()) {
                let saved = parted.save().unwrap();
                let (restored, error) = Engine::restore(Rc::new(Pack::parse(PACK).unwrap()), &saved.bytes, at(logged.arrived));
                prop_assert_eq!(error, None);
                parted = restored;
            }
            prop_assert_eq!(track(&mut whole, logged), track(&mut parted, logged));
        }
        let end = at(log.last().unwrap().arrived + 30 * DAY_MS);
        prop_assert_eq!(whole.tick(end), parted.tick(end));
        prop_assert_eq!(whole.save().unwrap().bytes.len(), parted.save().unwrap().bytes.len());
    }
}
