//! Every feature against its recomputation, over long random stories.

use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::pair::{Pair, Wrong, instant};
use crate::reference::time::HOUR;
use crate::stories::{Manner, START, story};
use crate::{STEPS, seeds, shrunk};

const FREE: Manner = Manner { hourly: false, clock_back: false };
const JUMPY: Manner = Manner { hourly: false, clock_back: true };

/// London: an hour ahead from 29 March to 25 October 2026, and the years after.
const LONDON: &[(i64, i32)] = &[
    (0, 0),
    (1_774_746_000_000, 60),
    (1_792_890_000_000, 0),
    (1_806_195_600_000, 60),
    (1_824_944_400_000, 0),
];

/// Clocks jump from 00:00 to 01:00 on 29 March 2026 and from 00:00 back to 23:00 on 25 October 2026.
const BEIRUT: &[(i64, i32)] = &[(0, 120), (1_774_735_200_000, 180), (1_792_875_600_000, 120)];

/// Clocks that show 00:01 show 23:01 again: the day has begun by then.
const NEWFOUNDLAND: &[(i64, i32)] = &[(0, -210), (1_774_755_060_000, -150), (1_792_895_460_000, -210)];

fn values() -> Value {
    serde_json::from_str(include_str!("values.json")).unwrap()
}

/// Tells the steps and compares after every so many, and at the end. An error says after how many steps what differs.
fn told(pack: &Value, zone: &[(i64, i32)], steps: &[Value], every: usize) -> Result<(), (usize, Wrong)> {
    let mut pair = Pair::new(pack, START);
    pair.set_zone(zone, START);
    for (index, step) in steps.iter().enumerate() {
        let now = instant(step);
        let mut wrong = pair.step(step).err();
        if (index + 1) % every == 0 || index + 1 == steps.len() {
            // Also for somebody who looks later.
            wrong = wrong.or(pair.compare(now).err()).or(pair.compare(now + 31 * HOUR).err());
        }
        wrong.map_or(Ok(()), |wrong| Err((index + 1, wrong)))?;
    }
    Ok(())
}

fn every_value_agrees(zone: &[(i64, i32)], manner: Manner, seeds: impl Iterator<Item = u64>) {
    let pack = values();
    for seed in seeds {
        let mut steps = story(&pack, seed, STEPS, manner);
        if let Err((length, wrong)) = told(&pack, zone, &steps, 83) {
            steps.truncate(length);
            let goes_wrong = |steps: &[Value]| {
                told(&pack, zone, steps, usize::MAX).is_err_and(|(_, other)| other.what == wrong.what)
            };
            let steps = shrunk(steps, goes_wrong);
            let shown: Vec<String> = steps.iter().map(Value::to_string).collect();
            let wrong = told(&pack, zone, &steps, usize::MAX).err().map_or(wrong, |(_, wrong)| wrong);
            panic!("seed {seed}: {}\nafter\n{}", wrong.how, shown.join("\n"));
        }
    }
}

#[test]
fn every_feature_equals_its_recomputation_from_the_raw_log() {
    every_value_agrees(&[(0, 0)], FREE, seeds(1));
}

#[test]
fn every_feature_is_right_where_clocks_change() {
    every_value_agrees(LONDON, FREE, seeds(100));
    every_value_agrees(BEIRUT, FREE, seeds(200).take(1));
    every_value_agrees(NEWFOUNDLAND, FREE, seeds(300).take(1));
}

/// The features whose memory a clock that is set back cannot have lost: those that look at everything. What had left a
/// window or a list while the clock ran ahead may be gone, and the page does not say when; nor how far a weight that
/// counts in full goes on to decay once others come in before it.
fn look_at_everything(pack: &Value) -> impl Fn(&str) -> bool {
    let kinds = ["session", "sequence", "distinct_days", "formula", "interval", "streak"];
    let bounded = move |feature: &Value| {
        kinds.iter().any(|kind| feature["kind"] == *kind)
            || feature
                .as_object()
                .unwrap()
                .keys()
                .any(|key| key.starts_with("window_") || key.starts_with("half_life_"))
    };
    move |name| !bounded(&pack["features"][name])
}

#[test]
fn what_looks_at_everything_is_right_when_the_clock_is_set_back() {
    let pack = values();
    for seed in seeds(400) {
        let steps = story(&pack, seed, STEPS, JUMPY);
        let mut pair = Pair::new(&pack, START);
        pair.set_zone(LONDON, START);
        for (index, step) in steps.iter().enumerate() {
            let now = instant(step);
            pair.step(step).unwrap_or_else(|wrong| panic!("seed {seed}, step {index}: {}", wrong.how));
            if index % 83 == 0 || index + 1 == steps.len() {
                let differs = pair.compare_some(now, &look_at_everything(&pack)).err();
                assert!(differs.is_none(), "seed {seed}, step {index}: {}", differs.unwrap().how);
            }
        }
    }
}
