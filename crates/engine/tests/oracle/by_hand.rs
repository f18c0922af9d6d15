//! The reference implementation against small examples worked out by hand.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::reference::time::{DAY, HOUR, MINUTE, Zone};
use crate::reference::{Expected, Oracle};

/// 1 January 2026, a Thursday.
const START: i64 = 1_767_225_600_000;

fn pack(features: &Value, segments: &Value) -> Value {
    json!({
        "events": {
            "buy": { "channel": "store", "properties": {
                "value": { "type": "money", "currency": "GBP", "min": -100, "max": 100 },
                "aisle": { "type": "category", "values": ["fresh", "dry", "cold"] },
                "gift": { "type": "flag" },
                "review": { "type": "text", "words": { "great": 1.5, "Bad": -600 } },
                "sku": { "type": "id" }
            } },
            "visit": {},
            "mail": { "channel": "email" }
        },
        "features": features, "segments": segments,
        "experiments": { "x": { "salt": "s", "arms": { "b": 1, "a": 3 } } }
    })
}

/// Tells events, each with its hours since the start and its properties, and asks for feature `f` some hours later.
fn told(feature: &Value, events: &[(i64, &str, Value)], hours: i64) -> Option<f64> {
    let mut oracle = Oracle::new(&pack(&json!({ "f": feature }), &json!([])));
    for (hours, name, properties) in events {
        let event = json!({ "name": name, "at": START + hours * HOUR, "properties": properties });
        oracle.track(&event, START + 1000 * HOUR).unwrap();
    }
    match oracle.value("f", START + hours * HOUR, &|_| None) {
        Expected::Exactly(value) => value,
        Expected::Near { value, .. } => Some(value),
        other => panic!("{other:?}"),
    }
}

fn buys(hours: &[i64]) -> Vec<(i64, &'static str, Value)> {
    hours.iter().map(|hours| (*hours, "buy", json!({ "value": *hours }))).collect()
}

#[test]
fn a_window_of_32_hours_lets_an_event_go_after_31_to_32_hours() {
    let feature = json!({ "kind": "count", "event": "buy", "window_hours": 32 });
    for (hours, expected) in [(0, 2.0), (31, 2.0), (32, 1.0), (33, 0.0)] {
        assert_eq!(told(&feature, &buys(&[0, 1]), hours + i64::from(hours == 0)), Some(expected), "{hours}");
    }
    let exact = json!({ "kind": "count", "event": "buy", "window_hours": 3, "exact": true });
    assert_eq!(told(&exact, &buys(&[0, 1]), 2), Some(2.0));
    assert_eq!(told(&exact, &buys(&[0, 1]), 3), Some(1.0));
}

#[test]
fn sums_means_and_ends_are_those_of_the_events() {
    let kind = |kind: &str| json!({ "kind": kind, "event": "buy", "property": "value", "window_days": 10 });
    for (name, expected) in
        [("sum", 9.0), ("mean", 3.0), ("min", 1.0), ("max", 5.0), ("first", 1.0), ("last", 5.0)]
    {
        assert_eq!(told(&kind(name), &buys(&[3, 1, 5]), 5), Some(expected), "{name}");
    }
    for name in ["mean", "min", "max", "first", "last"] {
        assert_eq!(told(&kind(name), &[], 5), None, "{name}");
    }
    assert_eq!(told(&kind("sum"), &[], 5), Some(0.0));
}

#[test]
fn weights_signs_and_starts_change_what_counts() {
    let cart =
        json!({ "kind": "count", "event": { "visit": 1, "mail": -0.5 }, "since": "buy", "window_hours": 32 });
    let log =
        [(0, "visit", json!({})), (2, "buy", json!({})), (3, "visit", json!({})), (4, "mail", json!({}))];
    assert_eq!(told(&cart, &log, 5), Some(0.5));
    let signed = json!({ "kind": "count", "event": "buy", "signed_by": "value", "window_hours": 32 });
    assert_eq!(
        told(&signed, &[(0, "buy", json!({"value": 5})), (0, "buy", json!({"value": -5}))], 1),
        Some(0.0)
    );
    // What was told before the start, of the start's own hour, is gone although it happened after it.
    let minutes = |minutes: i64, name: &str| json!({ "name": name, "at": START + minutes * MINUTE });
    let mut oracle = Oracle::new(&pack(&json!({ "f": cart }), &json!([])));
    for (happened, name) in [(30, "visit"), (20, "buy"), (40, "visit"), (10, "visit")] {
        oracle.track(&minutes(happened, name), START + HOUR).unwrap();
    }
    assert_eq!(oracle.value("f", START + HOUR, &|_| None), Expected::some(1.0));
}

#[test]
fn a_day_is_unusual_by_the_days_before_it() {
    let feature = |floor: f64| json!({ "kind": "unusual", "event": "buy", "half_life_days": 700, "least_days": 4, "floor": floor });
    // One on each of four days, and five on the fifth: the days before do not differ at all.
    let five: Vec<i64> = [0, 24, 48, 72].into_iter().chain([96; 5]).collect();
    assert_eq!(told(&feature(1.0), &buys(&five), 72), None, "three days before are too few");
    let near =
        |value: Option<f64>, expected: f64| assert!((value.unwrap() - expected).abs() < 0.02, "{value:?}");
    near(told(&feature(1.0), &buys(&five), 96), 4.0);
    near(told(&feature(0.5), &buys(&five), 96), 8.0);
    // None on every other day of four, and none today: half a piece below, with half a piece of mean deviation.
    near(told(&feature(0.1), &buys(&[0, 48]), 96), -1.0);
    // By money: 2 and 4 a day, then 9.
    let money = json!({ "kind": "unusual", "event": "buy", "property": "value", "half_life_days": 700, "least_days": 2, "floor": 0.1 });
    let log: Vec<_> =
        [(0, 2), (24, 4), (48, 9)].map(|(hours, value)| (hours, "buy", json!({ "value": value }))).into();
    near(told(&money, &log, 48), 6.0);
}

#[test]
fn days_and_streaks_are_local() {
    let days = json!({ "kind": "distinct_days", "event": "buy", "window_days": 3 });
    let streak = |measure: &str| json!({ "kind": "streak", "event": "buy", "measure": measure });
    let log = buys(&[0, 23, 24, 72, 96]);
    assert_eq!(told(&days, &log, 96), Some(2.0));
    assert_eq!(told(&streak("current"), &log, 96), Some(2.0));
    assert_eq!(told(&streak("current"), &log, 96 + 47), Some(2.0));
    assert_eq!(told(&streak("current"), &log, 96 + 48), Some(0.0));
    assert_eq!(told(&streak("longest"), &buys(&[0, 24, 48, 96]), 900), Some(3.0));
    let weeks = json!({ "kind": "streak", "event": "buy", "unit": "week", "measure": "current" });
    // Sunday the 4th at 23:00, and Monday the 5th.
    assert_eq!(told(&weeks, &buys(&[95, 96]), 96), Some(2.0));
}

#[test]
fn a_day_does_not_begin_twice_and_may_have_23_hours() {
    let london = Zone(vec![(0, 0), (1_774_746_000_000, 60), (1_792_890_000_000, 0)]);
    let spring = 1_774_746_000_000;
    assert_eq!((london.hour(spring - 1), london.hour(spring)), (0, 2));
    assert_eq!(london.day(spring + 22 * HOUR - 1), london.day(spring));
    assert_eq!(london.day(spring + 22 * HOUR), london.day(spring) + 1);
    // Clocks that show 00:01 show 23:01 again.
    let back = START + MINUTE;
    let twice = Zone(vec![(0, 0), (back, -60)]);
    assert_eq!((twice.hour(back - 1), twice.hour(back)), (0, 23));
    assert_eq!(twice.day(back - MINUTE - 1) + 1, twice.day(back - 1));
    assert_eq!(twice.day(back), twice.day(back - 1));
    assert_eq!(twice.day(back + DAY), twice.day(back));
    assert_eq!(twice.day(back + DAY + 59 * MINUTE), twice.day(back) + 1);
}

#[test]
fn decay_halves_and_affinity_ranks() {
    let decayed =
        json!({ "kind": "decayed_sum", "event": "buy", "property": "value", "half_life_hours": 64 });
    let near =
        |seen: Option<f64>, expected: f64| assert!((seen.unwrap() - expected).abs() < 1e-9, "{seen:?}");
    near(told(&decayed, &[(0, "buy", json!({"value": 8})), (64, "buy", json!({"value": 1}))], 128), 2.5);
    let affinity = |more: &Value| {
        let mut feature = json!({ "kind": "affinity", "event": "buy", "by": "aisle", "half_life_hours": 64 });
        feature.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        feature
    };
    let log = [
        (0, "buy", json!({"aisle": "cold"})),
        (0, "buy", json!({"aisle": "dry"})),
        (0, "buy", json!({"aisle": "cold"})),
    ];
    near(told(&affinity(&json!({"measure": "share", "of": "dry"})), &log, 300), 1.0 / 3.0);
    near(told(&affinity(&json!({"measure": "top_share"})), &log, 0), 2.0 / 3.0);
    assert_eq!(told(&affinity(&json!({"measure": "top"})), &log, 0), Some(2.0));
    assert_eq!(told(&affinity(&json!({"measure": "top", "rank": 2})), &log, 0), Some(1.0));
    assert_eq!(told(&affinity(&json!({"measure": "top", "rank": 3})), &log, 0), None);
    assert_eq!(told(&affinity(&json!({"measure": "top"})), &log[..2], 0), Some(1.0));
}

#[test]
fn intervals_recency_and_tenure_tell_time() {
    let interval = |measure: &str| json!({ "kind": "interval", "event": "buy", "measure": measure });
    assert_eq!(told(&interval("mean"), &buys(&[0]), 9), None);
    assert_eq!(told(&interval("mean"), &buys(&[0, 72, 24]), 99), Some(1.5));
    assert_eq!(told(&interval("deviation"), &buys(&[0, 24]), 99), None);
    assert_eq!(told(&interval("deviation"), &buys(&[0, 72, 24]), 99), Some(0.5));
    assert_eq!(told(&json!({ "kind": "recency", "event": "buy" }), &buys(&[0, 24]), 71), Some(1.0));
    assert_eq!(
        told(&json!({ "kind": "tenure", "event": "buy", "unit": "hours" }), &buys(&[0, 24]), 71),
        Some(71.0)
    );
}

#[test]
fn sessions_end_after_a_pause_and_begin_with_an_entry() {
    let session = |measure: &str| json!({ "kind": "session", "event": ["buy", "mail"], "gap_hours": 2, "measure": measure, "by": "channel" });
    let log = [
        (3, "mail", json!({})),
        (4, "buy", json!({})),
        (6, "buy", json!({})),
        (5, "mail", json!({})),
        (1, "buy", json!({})),
    ];
    // 3 and 4, then 6 with 5 before it; 1 lies before the current session and belongs to none.
    for (measure, hours, expected) in [
        ("count", 7, Some(2.0)),
        ("depth", 7, Some(2.0)),
        ("duration", 7, Some(60.0)),
        ("bounces", 7, Some(0.0)),
        ("current_depth", 7, Some(2.0)),
        ("current_depth", 8, Some(0.0)),
        ("current_duration", 7, Some(60.0)),
        ("entry", 9, Some(2.0)),
    ] {
        assert_eq!(told(&session(measure), &log, hours), expected, "{measure}");
    }
    assert_eq!(told(&session("bounces"), &buys(&[0]), 1), None);
    assert_eq!(told(&session("bounces"), &buys(&[0]), 2), Some(1.0));
}

#[test]
fn a_sequence_is_read_in_the_order_of_time() {
    let sequence = |measure: &str| {
        json!({
            "kind": "sequence", "measure": measure, "within_hours": 10, "without": { "event": "mail" },
            "steps": [{ "event": "visit" }, { "event": "buy", "where": { "property": "gift", "is": true } }, { "event": "buy" }]
        })
    };
    let gift = || json!({ "gift": true });
    let done = [(3, "buy", gift()), (0, "buy", gift()), (2, "visit", json!({})), (4, "buy", gift())];
    assert_eq!(told(&sequence("count"), &done, 5), Some(1.0));
    assert_eq!(told(&sequence("depth"), &done, 5), Some(0.0));
    assert_eq!(told(&sequence("depth"), &done[..3], 5), Some(2.0));
    assert_eq!(told(&sequence("depth"), &done[..3], 12), Some(2.0));
    assert_eq!(told(&sequence("depth"), &done[..3], 13), Some(0.0));
    let stopped = [(2, "visit", json!({})), (3, "buy", gift()), (4, "buy", gift()), (3, "mail", json!({}))];
    assert_eq!(told(&sequence("count"), &stopped, 5), Some(0.0));
    let slow = [(0, "visit", json!({})), (3, "buy", gift()), (11, "buy", gift())];
    assert_eq!(told(&sequence("count"), &slow, 11), Some(0.0));
}

#[test]
fn what_comes_in_is_counted() {
    let mut oracle = Oracle::new(&pack(&json!({}), &json!([])));
    let mut tell = |event: &Value, hours: i64| oracle.track(event, START + hours * HOUR);
    assert_eq!(
        tell(&json!({ "name": "buy", "id": "1", "properties": { "value": "-12.50 GBP", "size": 3 } }), 0),
        Ok(true)
    );
    assert_eq!(tell(&json!({ "name": "buy", "id": "1" }), 0), Ok(false));
    assert_eq!(tell(&json!({ "name": "stranger" }), 0), Ok(false));
    for (property, value) in [
        ("value", json!(100.5)),
        ("value", json!("1 USD")),
        ("gift", json!(1)),
        ("aisle", json!("wet")),
        ("sku", json!("")),
    ] {
        assert_eq!(
            tell(&json!({ "name": "buy", "properties": { property: value } }), 0),
            Err(()),
            "{property}"
        );
    }
    assert_eq!(tell(&json!({ "name": "visit", "at": START - 1 }), 0), Ok(true));
    let counted = oracle.intake();
    assert_eq!((counted.accepted, counted.late, counted.duplicates), (2, 1, 1));
    assert_eq!((counted.undeclared_events, counted.undeclared_properties, counted.refused), (1, 1, 5));
    let review = json!({ "kind": "last", "event": "buy", "property": "review" });
    let words = "GREAT, great! greater bad";
    assert_eq!(told(&review, &[(0, "buy", json!({ "review": words }))], 1), Some(-597.0));
    assert_eq!(told(&review, &[(0, "buy", json!({ "review": "bad bad" }))], 1), Some(-1000.0));
}

#[test]
fn a_membership_keeps_its_times() {
    let count = json!({ "count": { "kind": "count", "event": "visit", "window_hours": 32 } });
    let segment = |id: &str, least: i64, more: &Value| {
        let mut segment = json!({ "id": id, "enter": { "feature": "count", "op": ">=", "value": least } });
        segment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        segment
    };
    let segments = json!([
        segment("held", 1, &json!({ "minimum_stay_hours": 40, "cool_down_hours": 10 })),
        segment("short", 1, &json!({ "ttl_hours": 5 })),
        segment("first", 2, &json!({ "group": "g" })),
        segment("second", 1, &json!({ "group": "g" })),
    ]);
    let mut oracle = Oracle::new(&pack(&count, &segments));
    let mut turns = Vec::new();
    for hour in 0..100 {
        let now = START + hour * HOUR;
        turns.extend(oracle.evaluate(now, "time"));
        if [0, 1, 42, 43].contains(&hour) {
            oracle.track(&json!({ "name": "visit" }), now).unwrap();
            turns.extend(oracle.evaluate(now, "event"));
        }
    }
    let text = |turn: &crate::reference::segments::Turn| {
        format!(
            "{}{} {} {}",
            if turn.entered { "+" } else { "-" },
            turn.segment,
            (turn.at - START) / HOUR,
            turn.cause
        )
    };
    let seen: Vec<String> = turns.iter().map(text).collect();
    assert_eq!(
        seen,
        [
            "+held 0 event",
            "+short 0 event",
            "+second 0 event",
            "+first 1 event",
            "-second 1 group",
            "-short 5 ttl",
            "-first 32 time",
            "+second 32 time",
            "-second 33 time",
            "-held 40 time",
            "+short 42 event",
            "+second 42 event",
            "+first 43 event",
            "-second 43 group",
            "-short 47 ttl",
            "+held 50 time",
            "-first 74 time",
            "+second 74 time",
            "-second 75 time",
            "-held 90 time",
        ]
    );
}

#[test]
fn an_arm_needs_a_secret() {
    let mut oracle = Oracle::new(&pack(&json!({}), &json!([])));
    assert_eq!(oracle.arm("x"), None);
    let mut arms = [0, 0];
    for device in 0..4000_u32 {
        oracle.set_secret(&device.to_le_bytes());
        arms[usize::from(oracle.arm("x").unwrap() == "a")] += 1;
    }
    // Three in four: 3,000 with a standard deviation of 27.
    assert!((2850..=3150).contains(&arms[1]), "{arms:?}");
}
