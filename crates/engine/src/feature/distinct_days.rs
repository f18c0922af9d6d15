//! `distinct_days`: on how many of the last days (UTC, today included) there was an event.

use keepset_wire::{DAY_MS, Timestamp};

use super::{Compute, Kind, State, days};
use crate::event::Event;

pub(super) const KIND: Kind = Kind {
    name: "distinct_days",
    read: |fields, _| Ok(Box::new(DistinctDays { days: days(fields, "window_days")? / DAY_MS })),
};

struct DistinctDays {
    days: i64,
}

impl Compute for DistinctDays {
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp) {
        state.add(event.at.day(), 1, self.days, now.day());
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 730")]
    fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        Some(state.within(self.days, now.day()).count() as f64)
    }

    fn next_change(&self, state: &State, _watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        Timestamp::from_millis(state.next_leaving(self.days, now.day())? * DAY_MS)
    }
}
