//! Kinds whose weights halve with time.

use serde_json::Value;

use super::Expected;
use super::select::{Item, Key, labels};
use super::time::duration;
use super::window::decimal;

/// How many keys an affinity keeps.
const KEYS: usize = 32;

/// What the weights of up to 32 keys may be off by: each is rounded to a 2^-32th at every event.
const WITHIN: f64 = 1e-7;

/// What is added up may be off by: every event rounds what is there, and itself, down to a 2^-32th, or of an amount to a 2^-10th
/// of a millionth, which is less than a 2^-29th for the two, and multiplies what is there by a factor that is good to a 2^-32th;
/// that then decays like the event itself.
const ROUNDING: [f64; 2] = [1.0 / (1_u64 << 31) as f64, 1.0 / (1_u64 << 29) as f64];

/// One event's weight at `now`, in 64ths of a half-life.
fn weight(feature: &Value, item: &Item, now: i64) -> f64 {
    let number = if feature["property"].is_string() { decimal(item.number.into()) } else { 1.0 };
    decimal(item.weight.into()) * number * left(age(feature, item, now))
}

/// What is left of a weight; one that lies after now counts in full.
#[expect(clippy::cast_precision_loss)]
fn left(steps: i64) -> f64 {
    0.5_f64.powf(steps.max(0) as f64 / 64.0)
}

/// How many 64ths of the half-life, in whole milliseconds, have begun since.
fn age(feature: &Value, item: &Item, now: i64) -> i64 {
    let step = duration(feature, "half_life").unwrap() / 64;
    now.div_euclid(step) - item.t.div_euclid(step)
}

/// A weight dated after now counts in full, and the others as they did beside it.
fn not_before(log: &[Item], now: i64) -> i64 {
    log.iter().map(|item| item.t).fold(now, i64::max)
}

pub fn decayed(feature: &Value, log: &[Item], now: i64) -> Expected {
    let now = not_before(log, now);
    let weights: Vec<f64> = log.iter().map(|item| weight(feature, item, now)).collect();
    if log.iter().all(|item| age(feature, item, now) == 0) {
        return Expected::some(weights.iter().sum());
    }
    let size: f64 = weights.iter().map(|weight| weight.abs()).sum();
    // Rounding happens when an event arrives, however late it comes.
    let arrived = |item: &Item| Item { t: item.arrived, ..item.clone() };
    let events: f64 = log.iter().map(|item| left(age(feature, &arrived(item), now))).sum();
    let rounding = ROUNDING[usize::from(feature["property"].is_string())];
    Expected::Near { value: weights.iter().sum(), within: (1.0 + events) * (rounding + ROUNDING[0] * size) }
}

/// When the clock was set back, weights dated after now count as of now from the next event on.
pub fn set_back(feature: &Value, log: &mut [Item], now: i64) {
    let Some(half_life) = duration(feature, "half_life") else { return };
    let step = half_life / 64;
    let newest = log.iter().map(|item| item.t.div_euclid(step)).max().unwrap_or(i64::MIN);
    let ahead = newest.saturating_sub(now.div_euclid(step));
    if ahead > 0 {
        log.iter_mut().for_each(|item| item.t -= ahead * step);
    }
}

pub fn affinity(pack: &Value, feature: &Value, log: &[Item], now: i64) -> Expected {
    let now = not_before(log, now);
    let mut kept: Vec<(&Key, Vec<&Item>)> = Vec::new();
    for item in log {
        let key = item.key.as_ref().unwrap();
        match kept.iter_mut().find(|(known, _)| *known == key) {
            Some((_, items)) => items.push(item),
            None => {
                if kept.len() == KEYS {
                    let weighed: Vec<f64> =
                        kept.iter().map(|(_, items)| total(feature, items, item.arrived)).collect();
                    let lightest =
                        (0..KEYS).reduce(|a, b| if precedes(&kept, &weighed, b, a) { a } else { b });
                    kept.remove(lightest.unwrap());
                }
                kept.push((key, vec![item]));
            }
        }
    }
    if kept.is_empty() {
        return Expected::NONE;
    }
    let weighed: Vec<f64> = kept.iter().map(|(_, items)| total(feature, items, now)).collect();
    let sum: f64 = weighed.iter().sum();
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by(|a, b| {
        if precedes(&kept, &weighed, *a, *b) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
    });
    let rank = usize::try_from(feature["rank"].as_u64().unwrap_or(1)).unwrap();
    let share = |weight: f64| {
        // What is left of a sum that has all but gone is rounding.
        if kept.len() == 1 && sum > 1e-6 {
            Expected::some(weight / sum)
        } else if sum.abs() < 1e-6 {
            Expected::Unknown
        } else {
            Expected::Near { value: weight / sum, within: WITHIN / sum.abs() }
        }
    };
    match feature["measure"].as_str() {
        Some("share") => {
            let of = Key::Label(
                labels(pack, feature).iter().position(|label| feature["of"] == label.as_str()).unwrap(),
            );
            share(
                kept.iter()
                    .zip(&weighed)
                    .find(|((key, _), _)| **key == of)
                    .map_or(0.0, |(_, weight)| *weight),
            )
        }
        Some("top_share") => share(weighed[order[rank - 1]]),
        Some("top") if order.len() < rank => Expected::NONE,
        Some("top") => top(&kept, &weighed, order[rank - 1]),
        other => panic!("unknown measure {other:?}"),
    }
}

fn total(feature: &Value, items: &[&Item], now: i64) -> f64 {
    items.iter().map(|item| weight(feature, item, now)).sum()
}

/// The heavier stands first, of equal ones the smaller key.
fn precedes(kept: &[(&Key, Vec<&Item>)], weighed: &[f64], a: usize, b: usize) -> bool {
    if close(weighed[a], weighed[b]) { kept[a].0 < kept[b].0 } else { weighed[a] > weighed[b] }
}

/// Equal but for the order in which the oracle adds.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// A label, or any of those so near in weight that rounding decides; of single events of one moment it does not.
#[expect(clippy::cast_precision_loss)]
fn top(kept: &[(&Key, Vec<&Item>)], weighed: &[f64], chosen: usize) -> Expected {
    let label = |index: usize| match kept[index].0 {
        Key::Label(place) => *place as f64,
        Key::Id(_) => panic!("an id has no label"),
    };
    let near = |other: &usize| (weighed[*other] - weighed[chosen]).abs() <= WITHIN;
    let single = |other: &usize| kept[*other].1.len() == 1;
    let rivals: Vec<usize> = (0..kept.len()).filter(near).collect();
    if weighed[chosen].abs() <= WITHIN {
        return Expected::Unknown;
    }
    if rivals.len() == 1
        || rivals.iter().all(|rival| single(rival) && close(weighed[*rival], weighed[chosen]))
    {
        return Expected::some(label(chosen));
    }
    Expected::OneOf([chosen].into_iter().chain(rivals).map(label).collect())
}
