//! Durations as a pack writes them, and the zone's days and hours.

use serde_json::Value;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Reads `<key>_days`, `<key>_hours` or `<key>_minutes`, in milliseconds.
pub fn duration(spec: &Value, key: &str) -> Option<i64> {
    [("days", DAY), ("hours", HOUR), ("minutes", MINUTE)]
        .into_iter()
        .find_map(|(unit, millis)| Some(spec[format!("{key}_{unit}")].as_i64()? * millis))
}

/// From which instant which offset (in minutes east) holds.
#[derive(Clone, Debug)]
pub struct Zone(pub Vec<(i64, i32)>);

impl Zone {
    fn clock(&self, t: i64) -> i64 {
        let holding = self.0.iter().rev().find(|(from, _)| *from <= t).or(self.0.first());
        t + holding.map_or(0, |(_, minutes)| i64::from(*minutes) * MINUTE)
    }

    /// The local day. A day that has begun does not begin again when the clocks go back over its midnight.
    pub fn day(&self, t: i64) -> i64 {
        let begun_before = self.0.iter().filter(|(from, _)| *from <= t).map(|(from, _)| self.clock(from - 1));
        begun_before.chain([self.clock(t)]).map(|clock| clock.div_euclid(DAY)).max().unwrap()
    }

    /// The coming midnights by every offset, and the coming changes of the clocks: a day begins at one of them.
    pub fn next_midnights(&self, t: i64) -> Vec<i64> {
        let offsets = self.0.iter().map(|(_, minutes)| i64::from(*minutes) * MINUTE).chain([0]);
        let midnights = offsets.map(|offset| ((t + offset).div_euclid(DAY) + 1) * DAY - offset);
        midnights.chain(self.0.iter().map(|(from, _)| *from)).collect()
    }

    /// What the hour hand shows.
    pub fn hour(&self, t: i64) -> i64 {
        self.clock(t).rem_euclid(DAY) / HOUR
    }
}

/// Monday is 0; the first day of 1970 was a Thursday.
pub fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Weeks begin on Monday.
pub fn week(day: i64) -> i64 {
    (day + 3).div_euclid(7)
}
