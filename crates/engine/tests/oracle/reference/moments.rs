//! Kinds that look at days and at the time between events.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Expected;
use super::select::Item;
use super::time::{DAY, HOUR, MINUTE, Zone, week};

/// How many streaks are remembered, how many events an interval looks at, and the most that recency says.
const STREAKS: usize = 16;
const EVENTS: usize = 32;
const MOST: i64 = 3_650;
/// How many days are looked back.
const HISTORY: i64 = 64;

#[expect(clippy::cast_precision_loss)]
fn since(feature: &Value, then: Option<i64>, now: i64) -> Expected {
    let unit = match feature["unit"].as_str() {
        None | Some("days") => DAY,
        Some("hours") => HOUR,
        Some("minutes") => MINUTE,
        Some(other) => panic!("unknown unit {other}"),
    };
    Expected::Exactly(then.filter(|then| *then <= now).map(|then| ((now - then) / unit).min(MOST) as f64))
}

pub fn recency(feature: &Value, log: &[Item], now: i64) -> Expected {
    // One that lies after now gives way to what comes in before it.
    let latest = log.iter().map(|item| (item.t, item.arrived));
    let latest = latest.reduce(|last, item| if item.0 >= last.0 || last.0 > item.1 { item } else { last });
    since(feature, latest.map(|(t, _)| t), now)
}

pub fn tenure(feature: &Value, log: &[Item], now: i64) -> Expected {
    since(feature, log.iter().map(|item| item.t).min(), now)
}

#[expect(clippy::cast_precision_loss)]
pub fn distinct_days(feature: &Value, log: &[Item], now: i64, zone: &Zone) -> Expected {
    let (today, days) = (zone.day(now), feature["window_days"].as_i64().unwrap());
    let seen: BTreeSet<i64> = log.iter().map(|item| item.day).collect();
    Expected::some(seen.range(today - days + 1..=today).count() as f64)
}

#[expect(clippy::cast_precision_loss)]
pub fn streak(feature: &Value, log: &[Item], now: i64, zone: &Zone) -> Expected {
    let weeks = feature["unit"] == "week";
    let unit = |day: i64| if weeks { week(day) } else { day };
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    for item in log {
        seen.insert(unit(item.day));
        let streaks = runs(&seen);
        if streaks.len() > STREAKS {
            seen.retain(|day| *day >= streaks[1].0);
        }
    }
    let today = unit(zone.day(now));
    seen.retain(|day| *day <= today);
    let streaks = runs(&seen);
    let length = |(from, to): &(i64, i64)| to - from + 1;
    Expected::some(match feature["measure"].as_str() {
        Some("longest") => streaks.iter().map(length).max().unwrap_or(0) as f64,
        Some("current") => streaks.last().filter(|(_, to)| *to >= today - 1).map(length).unwrap_or(0) as f64,
        other => panic!("unknown measure {other:?}"),
    })
}

/// How far today lies from the days before. Every event is looked at again for every day; 2^(-k / half-life) is rounded by the engine to
/// a 64th of the half-life, downwards in age, which is done here alike, and to a 2^-32th, which is allowed for.
#[expect(clippy::cast_precision_loss)]
pub fn unusual(feature: &Value, log: &[Item], now: i64, zone: &Zone) -> Expected {
    let today = zone.day(now);
    let Some(first) = log.iter().map(|item| item.day).min() else { return Expected::NONE };
    let days: Vec<i64> = (first.max(today - HISTORY)..today).collect();
    if (days.len() as i64) < feature["least_days"].as_i64().unwrap_or(14) {
        return Expected::NONE;
    }
    let amount = |day: i64| -> f64 {
        let of = |item: &Item| {
            if feature["property"].is_string() { item.number * item.weight / 1_000_000 } else { item.weight }
        };
        log.iter().filter(|item| item.day == day).map(of).sum::<i64>() as f64 / 1e6
    };
    let half_life = feature["half_life_days"].as_i64().unwrap();
    let weight = |day: i64| 0.5_f64.powf(((today - day) * 64 / half_life) as f64 / 64.0);
    let mean = |of: &dyn Fn(i64) -> f64| -> f64 {
        let total: f64 = days.iter().map(|day| weight(*day) * of(*day)).sum();
        total / days.iter().map(|day| weight(*day)).sum::<f64>()
    };
    let usual = mean(&amount);
    let deviation = mean(&|day| (amount(day) - usual).abs()).max(feature["floor"].as_f64().unwrap_or(1.0));
    // Weights are off by at most a 2^-32th, the largest is 2^(-1 / half-life) or more, and so a mean by a millionth of the largest amount.
    let largest = days.iter().chain([&today]).map(|day| amount(*day).abs()).fold(0.0, f64::max);
    let value = (amount(today) - usual) / deviation;
    Expected::Near { value, within: 1e-6 * (1.0 + value.abs()) * (largest / deviation).max(1.0) }
}

/// The first and last of every run of consecutive numbers.
fn runs(seen: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &day in seen {
        match runs.last_mut() {
            Some((_, to)) if *to == day - 1 => *to = day,
            _ => runs.push((day, day)),
        }
    }
    runs
}

/// Days between the latest 32 events. No order of operations is defined, so a last bit may differ.
#[expect(clippy::cast_precision_loss)]
pub fn interval(feature: &Value, log: &[Item], now: i64) -> Expected {
    let mut times: Vec<i64> = log.iter().map(|item| item.t).collect();
    times.sort_unstable();
    let times: Vec<i64> =
        times[times.len().saturating_sub(EVENTS)..].iter().copied().filter(|t| *t <= now).collect();
    let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / DAY as f64).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let value = match feature["measure"].as_str() {
        Some("mean") if gaps.is_empty() => return Expected::NONE,
        Some("mean") => mean,
        Some("deviation") if gaps.len() < 2 => return Expected::NONE,
        Some("deviation") => {
            (gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / gaps.len() as f64).sqrt()
        }
        other => panic!("unknown measure {other:?}"),
    };
    Expected::near(value, 1e-9)
}
