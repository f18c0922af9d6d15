//! Random stories, the same for the same seed: who tells what, and when.

use serde_json::{Value, json};

use crate::reference::time::{DAY, HOUR, MINUTE};

/// 1 January 2026.
pub const START: i64 = 1_767_225_600_000;

/// A small generator of numbers (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from 0 up to, not including, `end`.
    #[expect(clippy::cast_possible_wrap)]
    pub fn below(&mut self, end: i64) -> i64 {
        (self.roll() % end.unsigned_abs()) as i64
    }

    pub fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    pub fn one<T: Clone>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(i64::try_from(list.len()).unwrap())).unwrap()].clone()
    }
}

/// How a story goes.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Everything happens on the hour.
    pub hourly: bool,
    /// The clock is sometimes set back.
    pub clock_back: bool,
}

/// A story of so many steps about the events of `pack`; each step is `{"at", "event"?}` as in the vectors.
pub fn story(pack: &Value, seed: u64, steps: usize, manner: Manner) -> Vec<Value> {
    let mut dice = Dice::new(seed);
    let mut now = START;
    let mut told: Vec<Value> = Vec::new();
    let mut step = |_| {
        now += gap(&mut dice, manner.hourly);
        if manner.clock_back && dice.below(300) == 0 {
            let back = dice.one(&[20 * MINUTE, 9 * HOUR, 5 * DAY]);
            now = START.max(now - dice.below(back));
        }
        if dice.percent(8) {
            return json!({ "at": now });
        }
        let event = match dice.below(100) {
            // Sent again; an id is remembered for as long as 128 others.
            0..5 if !told.is_empty() => {
                let back = dice.one(&[3, 140, 900]);
                dice.one(&told[told.len().saturating_sub(back)..])
            }
            _ => event(pack, &mut dice, now, manner.hourly, &told),
        };
        told.push(event.clone());
        json!({ "at": now, "event": event })
    };
    (0..steps).map(&mut step).collect()
}

fn gap(dice: &mut Dice, hourly: bool) -> i64 {
    let gap = match dice.below(1000) {
        0..100 => 0,
        100..750 => dice.below(10 * MINUTE),
        750..950 => dice.below(2 * HOUR),
        950..995 => dice.below(DAY),
        _ => dice.below(20 * DAY),
    };
    // On the hour, time passes in larger steps.
    if hourly { gap * 8 / HOUR * HOUR } else { gap }
}

fn event(pack: &Value, dice: &mut Dice, now: i64, hourly: bool, told: &[Value]) -> Value {
    let names: Vec<&String> = pack["events"].as_object().unwrap().keys().collect();
    let with_properties: Vec<&String> =
        names.iter().copied().filter(|name| pack["events"][*name]["properties"].is_object()).collect();
    let name = if dice.percent(60) { dice.one(&with_properties) } else { dice.one(&names) };
    let mut event = json!({ "name": name });
    if dice.percent(2) {
        event["name"] = json!("stranger");
    }
    let align = |t: i64| if hourly { t / HOUR * HOUR } else { t };
    let at = match dice.below(100) {
        0..70 => None,
        70..82 => Some(now - dice.below(HOUR)),
        82..90 => Some(now - dice.below(3 * DAY)),
        90..93 => Some(now - dice.below(60 * DAY)),
        93..95 => Some(now + dice.below(30 * DAY)),
        95..98 => told.last().and_then(|last| last["at"].as_i64()),
        _ => Some(now),
    };
    if let Some(at) = at {
        event["at"] = json!(align(at));
    }
    if dice.percent(30) {
        event["id"] = json!(format!("e{}", dice.roll()));
    }
    let declared = pack["events"][name]["properties"].as_object();
    for (property, declared) in declared.into_iter().flatten() {
        if dice.percent(85) {
            event["properties"][property] = value(declared, dice);
        }
    }
    if dice.percent(3) {
        event["properties"]["colour"] = json!("blue");
    }
    event
}

#[expect(clippy::cast_precision_loss)]
fn value(declared: &Value, dice: &mut Dice) -> Value {
    if dice.below(200) == 0 {
        return dice.one(&[json!(true), json!("12.50 USD"), json!("nonsense"), json!(6000.5), json!(-6000)]);
    }
    match declared["type"].as_str().unwrap() {
        "flag" => json!(dice.percent(40)),
        "category" => dice.one(declared["values"].as_array().unwrap()),
        "id" => json!(format!("sku {}", dice.below(90))),
        "text" => {
            let words =
                ["great", "Great!", "refund,", "not", "STRASSE", "straße", "shop24", "greatest", "shop24/24"];
            let count = dice.below(5);
            json!((0..count).map(|_| dice.one(&words)).collect::<Vec<_>>().join(" "))
        }
        "money" => {
            let pence = dice.below(12_000) - 2_000;
            if dice.percent(25) {
                let sign = if pence < 0 { "-" } else { "" };
                json!(format!("{sign}{}.{:02} GBP", pence.abs() / 100, pence.abs() % 100))
            } else {
                json!(pence as f64 / 100.0)
            }
        }
        _ => match dice.below(4) {
            0 => json!(dice.below(20)),
            1 => json!(dice.below(900_000_000) as f64 / 1e7),
            _ => json!(dice.below(2_000) as f64 / 100.0),
        },
    }
}
