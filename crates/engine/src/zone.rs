//! Local time: which day, hour and weekday it is where the device is.

use keepset_wire::{DAY_MS, HOUR_MS, Timestamp};

/// The offsets of a time zone: from which instant on which one holds. The host knows them; the engine carries no table of zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(Vec<(i64, i64)>);

/// A moment of a device: an instant, and the zone it is looked at in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    /// The instant.
    pub now: Timestamp,
    /// The zone.
    pub zone: &'a Zone,
}

/// Clocks are set back by at most so much at a time; only then may a day begin twice.
const LONGEST_SHIFT: i64 = 3 * HOUR_MS;

impl Zone {
    /// Returns the zone without an offset.
    #[must_use]
    pub fn utc() -> Self {
        Self(vec![(0, 0)])
    }

    /// Takes in offsets in minutes east of UTC, each with the millisecond since 1970 from which it holds; before the
    /// first its own offset holds. Nothing when there is none, they are out of order, or one is beyond 18 hours.
    #[must_use]
    pub fn new(offsets: &[(i64, i32)]) -> Option<Self> {
        let in_order = offsets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let bounded = offsets.iter().all(|(_, minutes)| minutes.unsigned_abs() <= 18 * 60);
        let offsets = offsets.iter().map(|(from, minutes)| (*from, i64::from(*minutes) * HOUR_MS / 60));
        Some(Self(offsets.collect())).filter(|zone| in_order && bounded && !zone.0.is_empty())
    }

    /// Returns the number of the local day, 0 for 1970-01-01. It never falls: a day does not begin twice.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> i64 {
        let at = at.millis();
        let offset = self.offset(at);
        let day = (at + offset.1).div_euclid(DAY_MS);
        if at - offset.0 < LONGEST_SHIFT { day.max(self.raw_day(offset.0 - 1)) } else { day }
    }

    /// Returns the local hour of the day.
    #[must_use]
    pub fn hour(&self, at: Timestamp) -> i64 {
        let at = at.millis();
        (at + self.offset(at).1).rem_euclid(DAY_MS) / HOUR_MS
    }

    /// Returns the first instant of a local day.
    #[must_use]
    pub fn start_of_day(&self, day: i64) -> Option<Timestamp> {
        // It begins at midnight by one of the offsets, or where the clock jumps over midnight.
        let midnights = self.0.iter().map(|(_, offset)| day * DAY_MS - offset);
        let jumps = self.0.iter().map(|(from, _)| *from);
        let begins = |at: &i64| {
            let at = Timestamp::from_millis(*at);
            at.is_some_and(|at| self.day(at) >= day && self.day(at.saturating_add(-1)) < day)
        };
        midnights.chain(jumps).filter(begins).min().and_then(Timestamp::from_millis)
    }

    fn raw_day(&self, at: i64) -> i64 {
        (at + self.offset(at).1).div_euclid(DAY_MS)
    }

    /// The offset that holds at an instant, and since when.
    fn offset(&self, at: i64) -> (i64, i64) {
        let later = self.0.partition_point(|(from, _)| *from <= at);
        match later.checked_sub(1) {
            Some(index) => self.0[index],
            None => (i64::MIN / 2, self.0[0].1),
        }
    }
}

impl Moment<'_> {
    /// Returns the number of the local day.
    #[must_use]
    pub(crate) fn day(&self) -> i64 {
        self.zone.day(self.now)
    }

    /// Returns the same zone at another instant.
    #[must_use]
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        Self { now, ..*self }
    }
}

/// Returns the day of the week, 0 for Monday.
#[must_use]
pub(crate) fn weekday(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (day + 3).rem_euclid(7)
}

/// Returns the number of the week, which begins on Monday.
#[must_use]
pub(crate) fn week(day: i64) -> i64 {
    (day + 3).div_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn instant(text: &str, millis: i64) -> Timestamp {
        Timestamp::from_date(text).unwrap().saturating_add(millis)
    }

    /// London in 2026: an hour ahead from 29 March 01:00 UTC to 25 October 01:00 UTC.
    fn london() -> Zone {
        let spring = instant("2026-03-29", HOUR_MS).millis();
        let autumn = instant("2026-10-25", HOUR_MS).millis();
        Zone::new(&[(0, 0), (spring, 60), (autumn, 0)]).unwrap()
    }

    #[test]
    fn days_of_23_and_25_hours_are_one_day_each() {
        let zone = london();
        for (date, hours) in [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
        {
            let day = Timestamp::from_date(date).unwrap().day();
            let start = zone.start_of_day(day).unwrap();
            let end = zone.start_of_day(day + 1).unwrap();
            assert_eq!(end.since(start), hours * HOUR_MS, "{date}");
        }
        assert_eq!(zone.hour(instant("2026-07-01", 23 * HOUR_MS)), 0);
        assert_eq!(zone.day(instant("2026-07-01", 23 * HOUR_MS)), instant("2026-07-02", 0).day());
    }

    #[test]
    fn a_day_that_clocks_set_back_would_begin_again_begins_once() {
        // Clocks go from 00:00 of the 10th back to 23:00 of the 9th.
        let back = instant("2026-06-10", 4 * HOUR_MS);
        let zone = Zone::new(&[(0, -240), (back.millis(), -300)]).unwrap();
        let tenth = instant("2026-06-10", 0).day();
        assert_eq!(zone.day(back.saturating_add(-1)), tenth - 1);
        let days: Vec<i64> = (-3..30).map(|hour| zone.day(back.saturating_add(hour * HOUR_MS))).collect();
        assert!(days.is_sorted());
        assert_eq!(zone.start_of_day(tenth), Some(back.saturating_add(HOUR_MS)));
    }

    #[test]
    fn offsets_out_of_order_or_beyond_the_globe_are_no_zone() {
        assert_eq!(Zone::new(&[]), None);
        assert_eq!(Zone::new(&[(5, 0), (5, 60)]), None);
        assert_eq!(Zone::new(&[(0, 2_000)]), None);
    }

    #[test]
    fn weeks_begin_on_monday() {
        let monday = instant("2026-11-16", 0).day();
        assert_eq!((weekday(monday), weekday(monday + 6)), (0, 6));
        assert_eq!((week(monday - 1), week(monday + 6)), (week(monday) - 1, week(monday)));
    }
}
