//! `sequence`: this, then that, within so long, and nothing else in between.
//!
//! Pairs of an instant and the steps the event matched, a bit each, in the order of the instants and, among equal
//! ones, of arrival. The value is read from the whole list, so a late event takes its place.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Duration, Mistake};

use super::source::BREAKS;
use super::{Compute, Definition, Kind, Made, Observation, State, WINDOW};
use crate::zone::Moment;

/// So many events are kept.
const MOST: usize = 64;
const WITHIN: Duration = Duration(["within_days", "within_hours", "within_minutes"]);

pub(super) const KINDS: &[Kind] =
    &[Kind { name: "sequence", keys: &[&WINDOW.0, &WITHIN.0, &["steps", "without", "measure"]], read }];

fn read(def: &Definition<'_>) -> Result<Made, Mistake> {
    if let Some(node) = def.fields.get("event").or(def.fields.get("where")) {
        return Err(node.mistake("a sequence names its events in \"steps\""));
    }
    let depth = def.fields.need("measure")?.one_of(&[("count", false), ("depth", true)])?;
    let (source, steps) = def.steps()?;
    let (within, window) = (def.fields.need_duration(WITHIN)?, def.fields.duration(WINDOW)?);
    Made::new(source, Sequence { steps, within, window, depth })
}

pub(super) struct Sequence {
    steps: usize,
    within: i64,
    window: Option<i64>,
    depth: bool,
}

codec!(struct Sequence { steps, within, window, depth });

impl Sequence {
    /// Walks through the list: calls `completed` with the instant of every completion, and returns for each step when
    /// the latest attempt that has reached it began.
    fn walk(&self, state: &State, now: Timestamp, mut completed: impl FnMut(i64)) -> [Option<i64>; 8] {
        let mut reached = [None; 8];
        for &(at, marks) in state.rows().iter().take_while(|(at, _)| *at <= now.millis()) {
            if marks & BREAKS != 0 {
                reached = [None; 8];
            }
            for step in (0..self.steps).filter(|step| marks >> step & 1 == 1).rev() {
                let began = match step.checked_sub(1) {
                    None => Some(at),
                    Some(before) => reached[before].filter(|began| at - began <= self.within),
                };
                reached[step] = reached[step].max(began);
                if step + 1 == self.steps && began.is_some() {
                    completed(at);
                    reached = [None; 8];
                    break;
                }
            }
        }
        reached
    }

    fn in_window(&self, at: i64, now: Timestamp) -> bool {
        self.window.is_none_or(|window| now.millis() - window < at)
    }
}

impl Compute for Sequence {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        self.prune(state, moment);
        let at = seen.at.millis();
        let rows = state.rows_mut();
        rows.insert(rows.partition_point(|(kept, _)| *kept <= at), (at, seen.steps));
        if rows.len() > MOST {
            rows.remove(0);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 64")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let now = moment.now;
        let mut completions = 0;
        let reached = self.walk(state, now, |at| completions += usize::from(self.in_window(at, now)));
        if !self.depth {
            return Some(completions as f64);
        }
        let open = |began: &Option<i64>| began.is_some_and(|began| now.millis() - began <= self.within);
        Some(reached.iter().rposition(open).map_or(0, |step| step + 1) as f64)
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let now = moment.now.millis();
        let mut instants = Vec::new();
        let reached =
            self.walk(state, moment.now, |at| instants.extend(self.window.map(|window| at + window)));
        if self.depth {
            instants = reached.iter().flatten().map(|began| began + self.within + 1).collect();
        }
        instants.extend(state.rows().iter().map(|(at, _)| *at));
        instants.into_iter().filter(|at| *at > now).min().and_then(Timestamp::from_millis)
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        let now = moment.now.millis();
        if let Some(window) = self.window {
            // What is older can be no part of a completion in the window, nor of an attempt that is open.
            state.rows_mut().retain(|(at, _)| now - at <= window + self.within);
        }
    }
}
