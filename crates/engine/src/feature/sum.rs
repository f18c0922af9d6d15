//! `sum`: the sum of a number property in the last days, exact to the millionth in any order of arrival.
//!
//! The window is that of `count`: an event leaves up to a 32nd of it early, never late.

use keepset_wire::Timestamp;

use super::count::Buckets;
use super::{Compute, Kind, State, days, millionths, number_property};
use crate::event::Event;

pub(super) const KIND: Kind = Kind {
    name: "sum",
    read: |fields, event| {
        let window = Buckets::of(days(fields, "window_days")?);
        Ok(Box::new(Sum { window, property: number_property(fields, event)? }))
    },
};

struct Sum {
    window: Buckets,
    property: usize,
}

impl Compute for Sum {
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp) {
        self.window.add(state, event.at, millionths(event, self.property), now);
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 to the exact sum is what is meant")]
    fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        Some(self.window.total(state, now) as f64 / 1e6)
    }

    fn next_change(&self, state: &State, _watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        self.window.next_change(state, now)
    }
}
