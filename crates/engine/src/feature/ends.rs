//! `first` and `last`: what the earliest and the latest event said.
//!
//! Pairs of an instant and what was said then. `last` keeps one; `first` keeps the earliest of each bucket of its
//! window, for the earliest in the window is the next one when it leaves.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::Mistake;

use super::window::Window;
use super::{Compute, Definition, Keys, Kind, Made, Observation, State, WINDOW};
use crate::zone::Moment;

const KEYS: Keys = &[&WINDOW.0, &["exact", "property", "by"]];

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "first", keys: KEYS, read: |def| read(def, false) },
    Kind { name: "last", keys: KEYS, read: |def| read(def, true) },
];

fn read(def: &Definition<'_>, last: bool) -> Result<Made, Mistake> {
    def.unweighted()?;
    let by = def.fields.get("by").is_some();
    if by == def.fields.get("property").is_some() {
        return Err(def.fields.mistake("expected either \"property\" or \"by\""));
    }
    let labels = if by { def.labels()? } else { Vec::new() };
    let compute = Ends { window: Window::read(&def.fields)?, last, by }.into();
    Ok(Made { source: def.source("property")?, compute, labels })
}

pub(super) struct Ends {
    window: Window,
    last: bool,
    by: bool,
}

codec!(struct Ends { window, last, by });

impl Ends {
    fn shown<'a>(&self, state: &'a State, now: Timestamp) -> Option<&'a (i64, i64)> {
        let first = self.window.first(now);
        let mut rows = state.rows().iter();
        rows.find(|(at, _)| {
            *at <= now.millis()
                && Timestamp::from_millis(*at).is_some_and(|at| self.window.bucket(at) >= first)
        })
    }

    fn bucket(&self, at: i64) -> i64 {
        Timestamp::from_millis(at).map_or(0, |at| self.window.bucket(at))
    }
}

impl Compute for Ends {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        self.prune(state, moment);
        let (at, said) = (seen.at.millis(), if self.by { seen.key } else { seen.amount });
        let bucket = self.window.bucket(seen.at);
        if bucket < self.window.first(moment.now) {
            return;
        }
        if self.last {
            if state.rows().first().is_none_or(|(last, _)| at >= *last || *last > moment.now.millis()) {
                state.keep_only((at, said));
            }
            return;
        }
        let rows = state.rows_mut();
        let place = rows.partition_point(|(kept, _)| self.bucket(*kept) < bucket);
        match rows.get_mut(place) {
            Some(kept) if self.bucket(kept.0) == bucket => {
                if at < kept.0 {
                    *kept = (at, said);
                }
            }
            _ => rows.insert(place, (at, said)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let (_, said) = *self.shown(state, moment.now)?;
        Some(if self.by { said as f64 } else { said as f64 / 1e6 })
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let leaving = self.shown(state, moment.now).and_then(|(at, _)| self.window.leaves(self.bucket(*at)));
        let ahead = state.rows().iter().find(|(at, _)| *at > moment.now.millis());
        super::earliest([leaving, ahead.and_then(|(at, _)| Timestamp::from_millis(*at))])
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        let first = self.window.first(moment.now);
        state.rows_mut().retain(|(at, _)| self.bucket(*at) >= first);
    }
}
