//! `recency`: whole days since the last event, 3,650 at most; no value before the first.

use keepset_wire::{DAY_MS, Timestamp};

use super::{Compute, Kind, State};
use crate::event::Event;

/// After ten years "long ago" is all there is to say, and the engine need not be woken for it.
const MAX_DAYS: i64 = 3_650;

pub(super) const KIND: Kind = Kind { name: "recency", read: |_, _| Ok(Box::new(Recency)) };

struct Recency;

impl Compute for Recency {
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp) {
        let later = |(last, _)| event.at.millis() > last || last > now.millis();
        if state.latest().is_none_or(later) {
            state.set(event.at.millis(), 1);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 3,650")]
    fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        state.latest().map(|(last, _)| days_between(last, now) as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 3,650")]
    fn next_change(&self, state: &State, watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        let (last, _) = state.latest()?;
        let days = days_between(last, now);
        // A comparison with w can change when the days reach w and when they pass it.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float cast saturates, and what is past the cap is dropped"
        )]
        let day = match watched {
            Some(watched) if days as f64 > watched => return None,
            Some(watched) => (days + 1).max(watched.ceil() as i64),
            None => days + 1,
        };
        (day <= MAX_DAYS).then(|| Timestamp::from_millis(last + day * DAY_MS))?
    }
}

fn days_between(last: i64, now: Timestamp) -> i64 {
    ((now.millis() - last) / DAY_MS).clamp(0, MAX_DAYS)
}
