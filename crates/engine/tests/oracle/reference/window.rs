//! Kinds that look at a window.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Expected;
use super::select::{Item, Key};
use super::time::duration;

/// How many of the latest instants an exact window keeps, and how many keys are told apart exactly.
const EXACT_INSTANTS: usize = 256;
const EXACT_KEYS: usize = 64;

/// A window, or everything when the pack gives none.
pub struct Window {
    length: Option<i64>,
    exact: bool,
}

impl Window {
    pub fn read(feature: &Value) -> Self {
        Self { length: duration(feature, "window"), exact: feature["exact"] == true }
    }

    pub fn bucket(&self, t: i64) -> i64 {
        self.length.map_or(0, |length| if self.exact { t } else { t.div_euclid(length / 32) })
    }

    pub fn holds(&self, t: i64, now: i64) -> bool {
        match self.length {
            None => true,
            Some(length) if self.exact => now - length < t && t <= now,
            Some(_) => (self.bucket(now) - 31..=self.bucket(now)).contains(&self.bucket(t)),
        }
    }
}

/// What of the log is in the window at `now`.
fn inside<'a>(feature: &Value, log: &'a [Item], now: i64) -> Vec<&'a Item> {
    let window = Window::read(feature);
    let mut kept: Vec<&Item> = Vec::new();
    let mut anew: Option<i64> = None;
    for item in log {
        if item.anew && anew.is_none_or(|before| before < item.t) {
            anew = Some(item.t);
            kept.retain(|earlier| window.bucket(earlier.t) > window.bucket(item.t));
        } else if !item.anew && anew.is_none_or(|anew| anew < item.t) {
            kept.push(item);
        }
    }
    if window.exact {
        let mut instants: Vec<i64> = kept.iter().map(|item| item.t).collect();
        instants.sort_unstable();
        instants.dedup();
        let oldest = instants.len().checked_sub(EXACT_INSTANTS).map_or(i64::MIN, |over| instants[over]);
        kept.retain(|item| item.t >= oldest);
    }
    kept.retain(|item| window.holds(item.t, now));
    kept
}

/// Millionths as the number they stand for.
#[expect(clippy::cast_precision_loss)]
pub fn decimal(millionths: i128) -> f64 {
    millionths as f64 / 1e6
}

pub fn count(feature: &Value, log: &[Item], now: i64) -> Expected {
    let signed = |item: &Item| if item.number < 0 && feature["signed_by"].is_string() { -1 } else { 1 };
    let inside = inside(feature, log, now).into_iter();
    Expected::some(decimal(inside.map(|item| i128::from(item.weight * signed(item))).sum()))
}

pub fn sum(feature: &Value, log: &[Item], now: i64) -> Expected {
    let products =
        inside(feature, log, now).into_iter().map(|item| i128::from(item.weight) * i128::from(item.number));
    let sum: i128 = products.sum();
    assert_eq!(sum % 1_000_000, 0, "the stories' weights and values leave whole millionths");
    Expected::some(decimal(sum / 1_000_000))
}

#[expect(clippy::cast_precision_loss)]
pub fn mean(feature: &Value, log: &[Item], now: i64) -> Expected {
    let inside = inside(feature, log, now);
    let sum: i128 = inside.iter().map(|item| i128::from(item.number)).sum();
    Expected::Exactly((!inside.is_empty()).then(|| decimal(sum) / inside.len() as f64))
}

pub fn min(feature: &Value, log: &[Item], now: i64) -> Expected {
    let numbers = inside(feature, log, now).into_iter().map(|item| item.number);
    Expected::Exactly(numbers.min().map(|number| decimal(number.into())))
}

pub fn max(feature: &Value, log: &[Item], now: i64) -> Expected {
    let numbers = inside(feature, log, now).into_iter().map(|item| item.number);
    Expected::Exactly(numbers.max().map(|number| decimal(number.into())))
}

/// Of equal times the first is the one that arrived first: `min_by_key` takes the first of equals.
pub fn first(feature: &Value, log: &[Item], now: i64) -> Expected {
    let first = inside(feature, log, now).into_iter().min_by_key(|item| item.t);
    Expected::Exactly(first.filter(|item| item.t <= now).map(number_or_label))
}

/// Of equal times the last is the one that arrived last. One that lies after now gives way to what comes in before it.
pub fn last(feature: &Value, log: &[Item], now: i64) -> Expected {
    let later = |last: &&Item, item: &&Item| item.t >= last.t || last.t > item.arrived;
    let last = log.iter().reduce(|last, item| if later(&last, &item) { item } else { last });
    let window = Window::read(feature);
    let seen = last.filter(|item| item.t <= now && window.holds(item.t, now));
    Expected::Exactly(seen.map(number_or_label))
}

#[expect(clippy::cast_precision_loss)]
pub fn number_or_label(item: &Item) -> f64 {
    match &item.key {
        None => decimal(item.number.into()),
        Some(Key::Label(place)) => *place as f64,
        Some(Key::Id(_)) => panic!("an id has no label"),
    }
}

/// Once more than 64 keys were in the window it is an estimate, until the window is empty.
#[expect(clippy::cast_precision_loss)]
pub fn distinct(feature: &Value, log: &[Item], now: i64) -> Expected {
    let window = Window::read(feature);
    let mut latest: BTreeMap<&Key, i64> = BTreeMap::new();
    let mut estimated = false;
    for item in log {
        let gone = |t: &i64| window.length.is_some() && window.bucket(*t) <= window.bucket(item.arrived) - 32;
        latest.retain(|_, t| !gone(t));
        estimated &= !latest.is_empty();
        let t = latest.entry(item.key.as_ref().unwrap()).or_insert(item.t);
        *t = if *t > item.arrived { item.t } else { item.t.max(*t) };
        latest.retain(|_, t| !gone(t));
        estimated |= latest.len() > EXACT_KEYS;
    }
    let keys = latest.values().filter(|t| window.holds(**t, now)).count();
    match estimated {
        true if keys > 0 => Expected::Estimate(keys as f64),
        _ => Expected::some(keys as f64),
    }
}
