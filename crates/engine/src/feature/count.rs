//! `count`: how many events in the last days.
//!
//! The window is kept as 32 buckets: an event leaves it up to a 32nd of the window early, never late.

use keepset_wire::Timestamp;

use super::{Compute, Kind, State, days};
use crate::event::Event;

/// Buckets in a window.
const BUCKETS: i64 = 32;

pub(super) const KIND: Kind = Kind {
    name: "count",
    read: |fields, _| Ok(Box::new(Count { window: Buckets::of(days(fields, "window_days")?) })),
};

struct Count {
    window: Buckets,
}

/// A sliding window of whole buckets.
#[derive(Clone, Copy)]
pub(super) struct Buckets {
    width: i64,
}

impl Buckets {
    /// Divides a window of `millis`, which is whole days and so a multiple of 32 milliseconds.
    pub(super) fn of(millis: i64) -> Self {
        Self { width: millis / BUCKETS }
    }

    pub(super) fn add(self, state: &mut State, at: Timestamp, amount: i64, now: Timestamp) {
        state.add(self.number(at), amount, BUCKETS, self.number(now));
    }

    /// Returns the whole amount in the window at `now`.
    pub(super) fn total(self, state: &State, now: Timestamp) -> i64 {
        state.within(BUCKETS, self.number(now)).fold(0, |sum, (_, amount)| sum.saturating_add(amount))
    }

    pub(super) fn next_change(self, state: &State, now: Timestamp) -> Option<Timestamp> {
        Timestamp::from_millis(state.next_leaving(BUCKETS, self.number(now))? * self.width)
    }

    fn number(self, at: Timestamp) -> i64 {
        at.millis() / self.width
    }
}

impl Compute for Count {
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp) {
        self.window.add(state, event.at, 1, now);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        Some(self.window.total(state, now) as f64)
    }

    fn next_change(&self, state: &State, _watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        self.window.next_change(state, now)
    }
}
