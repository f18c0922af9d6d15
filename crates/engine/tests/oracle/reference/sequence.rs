//! Sequences: step after step within a time.

use serde_json::Value;

use super::Expected;
use super::select::Item;
use super::time::duration;

/// How many events are kept.
const KEPT: usize = 64;

#[expect(clippy::cast_precision_loss)]
pub fn sequence(feature: &Value, log: &[Item], now: i64) -> Expected {
    let steps = feature["steps"].as_array().unwrap().len();
    let within = duration(feature, "within").unwrap();
    let mut list: Vec<&Item> = log.iter().collect();
    list.sort_by_key(|item| item.t);
    let mut completions: Vec<i64> = Vec::new();
    // When the attempt began that has reached a step.
    let mut reached: Vec<Option<i64>> = vec![None; steps + 1];
    for item in list[list.len().saturating_sub(KEPT)..].iter().filter(|item| item.t <= now) {
        // Step 0 stands for `without`.
        if item.steps.contains(&0) {
            reached.fill(None);
        }
        for &step in item.steps.iter().rev().filter(|step| **step > 0) {
            let attempt =
                if step > 1 { reached[step - 1].filter(|began| item.t - began <= within) } else { None };
            if step == 1 {
                reached[1] = Some(item.t);
            } else if attempt.is_some() && step == steps {
                completions.push(item.t);
                reached.fill(None);
                break;
            } else if attempt.is_some() {
                reached[step] = reached[step].max(attempt);
                reached[step - 1] = None;
            }
        }
    }
    let alive = |step: &usize| reached[*step].is_some_and(|began| now - began <= within);
    Expected::some(match feature["measure"].as_str() {
        Some("count") => {
            let window = duration(feature, "window").unwrap_or(i64::MAX);
            completions.iter().filter(|t| now.saturating_sub(window) < **t).count() as f64
        }
        Some("depth") => (1..steps).rev().find(alive).unwrap_or(0) as f64,
        other => panic!("unknown measure {other:?}"),
    })
}
