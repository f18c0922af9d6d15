//! What a device would answer to every kind of question, and what it remembers for one that asks about two moments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

use std::rc::Rc;

use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent, Withheld};
use keepset_privacy::{BoundedMean, SeededCoins, Truth};
use keepset_wire::hex;
use keepset_wire::{HOUR_MS, OpeningKey, Timestamp};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Epochs of a day, windows of two. A question with a horizon of one epoch is answered on the second day about the start of the first.
const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "o", "reason": "r", "expires": "2031-01-01",
        "events": {"visit": {}, "buy": {}},
        "features": {
            "visits": {"kind": "count", "event": "visit", "window_days": 1},
            "since": {"kind": "recency", "event": "buy"}},
        "models": {"eager": {"kind": "linear", "intercept": -1, "weights": {"visits": 1}}},
        "segments": [
            {"id": "often", "title": "t", "reason": "r", "enter": {"feature": "visits", "op": ">=", "value": 2}},
            {"id": "once", "title": "t", "reason": "r", "enter": {"feature": "visits", "op": ">=", "value": 1}},
            {"id": "bought", "title": "t", "reason": "r", "enter": {"feature": "since", "op": "<", "value": 30}}],
        "plan": {"id": "q", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2,
            "epoch_days": 1, "window_epochs": 2, "windows_per_year": 366, "questions": [QUESTIONS]},
        "collector": {"keys": [{"id": 1, "public_key": "PUBLIC", "from": "2026-01-01", "until": "2030-01-01"}]}}"#;

fn pack(questions: &str) -> Rc<Pack> {
    let public = OpeningKey::from_bytes(&[7; 32]).public();
    Rc::new(Pack::parse(&PACK.replace("QUESTIONS", questions).replace("PUBLIC", &hex(&public))).unwrap())
}

const CONVERSION: &str = r#"{"id": "c", "reason": "r", "ask": "conversion", "segments": ["often", "once"], "outcome": "bought", "horizon_epochs": 1}"#;
const CALIBRATION: &str = r#"{"id": "k", "reason": "r", "ask": "calibration", "model": "eager", "cuts": [-0.5, 0, 1], "outcome": "bought", "horizon_epochs": 1}"#;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_date("2026-01-01").unwrap().saturating_add(hours * HOUR_MS)
}

fn started(questions: &str) -> Engine {
    let mut engine = Engine::install(pack(questions), at(0));
    engine.set_consent(&ConsentChange::all(Choice::Granted), at(0));
    engine.keep_secret([7; 32], at(0));
    engine
}

fn track(engine: &mut Engine, name: &str, hours: i64) {
    engine.track(&RawEvent { name: name.into(), ..RawEvent::default() }, at(hours)).unwrap();
}

/// Looks whether a report is due, drawing the slot where there is none; returns what would be said.
fn look(engine: &mut Engine, hours: i64) -> Option<Vec<Truth>> {
    let written = engine.due_bytes(at(hours));
    let due = engine.due(at(hours)).ok()?;
    // What a page hands over, which copies no plan.
    assert_eq!(written.unwrap(), due.to_bytes());
    let truths = due.truths().to_vec();
    match engine.decided(due.decide(SeededCoins::new(hours.unsigned_abs()))) {
        Ok(()) => Some(truths),
        Err(withheld) => {
            assert_eq!(withheld, Withheld::NotDue);
            None
        }
    }
}

fn stored(engine: &mut Engine) -> Vec<u8> {
    engine.rewrite();
    engine.save().unwrap().bytes
}

fn cell(cell: u16) -> Option<Vec<Truth>> {
    Some(vec![Truth::Cells(vec![cell])])
}

#[test]
fn every_kind_of_question_is_answered_from_what_the_device_keeps() {
    let questions = r#"{"id": "s", "reason": "r", "segments": ["bought", "once", "often"], "cap": 1},
        {"id": "o", "reason": "r", "ask": "overlaps", "segments": ["often", "bought", "once"], "cap": 2},
        {"id": "h", "reason": "r", "ask": "histogram", "feature": "visits", "low": 1, "high": 3, "bins": 4},
        {"id": "n", "reason": "r", "ask": "histogram", "feature": "since", "low": 0, "high": 10, "bins": 2},
        {"id": "m", "reason": "r", "ask": "mean", "feature": "visits", "low": 0, "high": 8},
        {"id": "w", "reason": "r", "ask": "mean", "feature": "since", "low": 0, "high": 8, "missing": 6},
        {"id": "c", "reason": "r", "ask": "conversion", "segments": ["once", "often"], "outcome": "bought"},
        {"id": "k", "reason": "r", "ask": "calibration", "model": "eager", "cuts": [-1, 0, 1, 2], "outcome": "bought"}"#;
    let one = i64::from(BoundedMean::ONE);
    let truths = |visits: i64, buys: i64| {
        let mut engine = started(questions);
        (0..visits).for_each(|_| track(&mut engine, "visit", 49));
        (0..buys).for_each(|_| track(&mut engine, "buy", 49));
        engine.due(at(50)).unwrap().truths().to_vec()
    };
    let cells = Truth::Cells;
    assert_eq!(
        truths(0, 0),
        [
            cells(vec![]),
            cells(vec![]),
            cells(vec![1]),
            cells(vec![0]),
            Truth::Number(-one),
            Truth::Number(one / 2),
            cells(vec![4]),
            cells(vec![2]),
        ]
    );
    assert_eq!(
        truths(2, 1),
        [
            cells(vec![0, 1, 2]),
            cells(vec![0, 1, 2]),
            cells(vec![3]),
            cells(vec![1]),
            Truth::Number(-one / 2),
            Truth::Number(-one),
            cells(vec![1]),
            cells(vec![7]),
        ]
    );
    // More than the range holds counts as its end.
    assert_eq!(truths(9, 0)[2..5], [cells(vec![4]), cells(vec![0]), Truth::Number(one)]);
}

/// On the third day, the start of the second window, the device is in "often", or its score is 1; by the fourth that is over.
#[test]
fn a_question_with_a_horizon_is_answered_with_the_group_of_then_and_the_outcome_of_now() {
    for (question, then, gone) in [(CONVERSION, 0, 4), (CALIBRATION, 3, 8)] {
        let story = |awake: bool, buys: bool| {
            let mut engine = started(question);
            track(&mut engine, "visit", 40);
            track(&mut engine, "visit", 41);
            assert_eq!(look(&mut engine, 48), None);
            if awake {
                (49..72).for_each(|hour| assert_eq!(look(&mut engine, hour), None));
            }
            if buys {
                track(&mut engine, "buy", 70);
            }
            look(&mut engine, 72)
        };
        for awake in [true, false] {
            assert_eq!(
                story(awake, true),
                cell(2 * then + 1),
                "a page that sleeps answers like one that does not"
            );
            assert_eq!(story(awake, false), cell(2 * then));
        }
        let mut late = started(question);
        track(&mut late, "visit", 70);
        assert_eq!(
            look(&mut late, 72),
            cell(gone),
            "the slot is drawn when the moment asked about has passed"
        );
    }
}

#[test]
fn a_slot_that_is_known_lets_a_page_sleep_through_the_moment_that_is_asked_about() {
    // One window later than the first answer: the slot is drawn at its beginning, and the page is opened again after its end.
    let mut engine = started(CALIBRATION);
    track(&mut engine, "visit", 47);
    assert_eq!(look(&mut engine, 48), None);
    let bytes = stored(&mut engine);
    let (mut engine, error) = Engine::restore(pack(CALIBRATION), &bytes, at(90));
    assert_eq!(error, None);
    // What happened after that moment does not count.
    track(&mut engine, "visit", 90);
    assert_eq!(look(&mut engine, 91), cell(4));
}

#[test]
fn the_group_is_stored_and_forgotten_once_it_is_answered() {
    let mut engine = started(CONVERSION);
    track(&mut engine, "visit", 40);
    assert_eq!(look(&mut engine, 48), None);
    engine.tick(at(49));
    let latched = stored(&mut engine);
    let (mut restored, error) = Engine::restore(pack(CONVERSION), &latched, at(49));
    assert_eq!(error, None);
    assert_eq!(look(&mut restored, 73), cell(2));
    // An answered question leaves no more behind than one whose group was never known.
    let mut silent = started(CONVERSION);
    assert_eq!(look(&mut silent, 72), cell(4));
    let length = |engine: &mut Engine| stored(engine).len();
    assert_eq!(length(&mut restored), {
        let mut same = started(CONVERSION);
        track(&mut same, "visit", 40);
        assert_eq!(look(&mut same, 73), cell(4));
        length(&mut same)
    });
}

#[test]
fn withdrawal_and_erasure_forget_the_group() {
    let denied = ConsentChange { reporting: Some(Choice::Denied), ..ConsentChange::default() };
    let granted = ConsentChange::all(Choice::Granted);
    let erase = |engine: &mut Engine| drop(engine.erase(at(60)));
    let withdraw = |engine: &mut Engine| {
        engine.set_consent(&denied, at(60));
        engine.set_consent(&granted, at(71));
    };
    let keep = |_: &mut Engine| {};
    // By 60 hours the device is in no group any more: what is latched anew then is that.
    for (act, expected) in [(&keep as &dyn Fn(&mut Engine), 2), (&erase, 4), (&withdraw, 4)] {
        let mut engine = started(CONVERSION);
        track(&mut engine, "visit", 30);
        assert_eq!(look(&mut engine, 48), None);
        engine.tick(at(49));
        engine.tick(at(60));
        act(&mut engine);
        assert_eq!(look(&mut engine, 72), cell(expected));
    }
}

#[test]
fn a_plan_is_refused_where_it_asks_about_what_the_pack_has_not() {
    for (question, path) in [
        (CONVERSION.replace("often", "never"), "$.plan.questions[0].segments"),
        (CONVERSION.replace("bought", "sold"), "$.plan.questions[0].outcome"),
        (CALIBRATION.replace("eager", "lazy"), "$.plan.questions[0].model"),
        (
            r#"{"id": "m", "reason": "r", "ask": "mean", "feature": "views", "low": 0, "high": 1}"#.into(),
            "$.plan.questions[0].feature",
        ),
    ] {
        let refused = Pack::parse(&PACK.replace("QUESTIONS", &question)).unwrap_err();
        assert_eq!(refused.path(), path, "{refused}");
    }
}
