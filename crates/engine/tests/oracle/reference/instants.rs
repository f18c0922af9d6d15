//! The instants at which time alone may change an answer: far more than those at which it does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::time::{DAY, HOUR, MINUTE, duration};
use super::{Oracle, formula};

impl Oracle {
    /// The first instant after `clock` at which a segment may change without an event.
    pub fn next_instant(&self, clock: i64) -> i64 {
        let of_features =
            self.features_of_segments().into_iter().map(|name| self.next_of_feature(&name, clock));
        let lifecycles = self.lifecycle_instants().into_iter().chain(self.forgotten_at());
        of_features.chain(lifecycles).filter(|instant| *instant > clock).min().unwrap_or(i64::MAX)
    }

    /// The features that rules read, through models and formulas too.
    fn features_of_segments(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for segment in self.segments() {
            let mut open = texts(segment, "feature");
            for model in texts(segment, "model") {
                open.extend(self.pack["models"][&model]["weights"].as_object().unwrap().keys().cloned());
            }
            while let Some(name) = open.pop() {
                open.extend(formula::inputs(&self.pack["features"][&name]["value"]));
                found.insert(name);
            }
        }
        found
    }

    fn next_of_feature(&self, name: &str, clock: i64) -> i64 {
        let feature = &self.pack["features"][name];
        let empty = Vec::new();
        let times = || self.logs.get(name).unwrap_or(&empty).iter().map(|item| item.t);
        // What lies after now, because the clock was set back, is seen when its time comes.
        let mut instants: Vec<i64> = times().collect();
        let window = duration(feature, "window");
        if let Some(length) = window {
            let width = length / 32;
            instants.push((clock.div_euclid(width) + 1) * width);
            instants.extend(times().map(|t| t + length));
        }
        for span in ["gap", "within"].iter().filter_map(|key| duration(feature, key)) {
            instants.extend(times().flat_map(|t| [t + span, t + span + 1]));
        }
        if feature["kind"] == "session" && duration(feature, "gap").is_none() {
            instants.extend(times().map(|t| t + 30 * MINUTE));
        }
        if let Some(half_life) = duration(feature, "half_life") {
            let step = half_life / 64;
            instants.push((clock.div_euclid(step) + 1) * step);
        }
        if ["recency", "tenure"].iter().any(|kind| feature["kind"] == *kind) {
            let unit = match feature["unit"].as_str() {
                Some("hours") => HOUR,
                Some("minutes") => MINUTE,
                _ => DAY,
            };
            let whole = |t: i64| t + ((clock - t).div_euclid(unit) + 1) * unit;
            instants.extend(times().min().map(whole).into_iter().chain(times().max().map(whole)));
        }
        if ["distinct_days", "streak", "unusual"].iter().any(|kind| feature["kind"] == *kind) {
            instants.extend(self.zone.next_midnights(clock));
        }
        instants.into_iter().filter(|instant| *instant > clock).min().unwrap_or(i64::MAX)
    }
}

/// Every text under `key`, however deep.
fn texts(value: &Value, key: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let here = fields.get(key).and_then(Value::as_str).map(str::to_owned);
            here.into_iter().chain(fields.values().flat_map(|part| texts(part, key))).collect()
        }
        Value::Array(list) => list.iter().flat_map(|part| texts(part, key)).collect(),
        _ => Vec::new(),
    }
}
