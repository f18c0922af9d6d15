//! `session`: visits, told apart by the pauses between them.
//!
//! Pairs of the current session first ([`START`] to [`ENTRY`]), then of each bucket of the window four amounts of the
//! sessions before it that began there ([`NUMBER`] to [`BOUNCES`]).

use keepset_wire::codec;
use keepset_wire::document::{Duration, Mistake};
use keepset_wire::{HOUR_MS, Timestamp};

use super::window::Window;
use super::{Compute, Definition, Kind, Made, Observation, State, WINDOW};
use crate::zone::Moment;

const GAP: Duration = Duration(["gap_days", "gap_hours", "gap_minutes"]);
const MINUTE: i64 = HOUR_MS / 60;

const START: i64 = i64::MIN;
const LAST: i64 = START + 1;
const DEPTH: i64 = START + 2;
const ENTRY: i64 = START + 3;

/// Amounts a bucket.
const AMOUNTS: i64 = 4;
const NUMBER: i64 = 0;
const EVENTS: i64 = 1;
const MILLIS: i64 = 2;
const BOUNCES: i64 = 3;

pub(super) const KINDS: &[Kind] =
    &[Kind { name: "session", keys: &[&WINDOW.0, &GAP.0, &["measure", "by"]], read }];

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Count,
    Depth,
    Duration,
    Bounces,
    CurrentDepth,
    CurrentDuration,
    Entry,
}

codec!(enum Measure { 0 => Count, 1 => Depth, 2 => Duration, 3 => Bounces, 4 => CurrentDepth, 5 => CurrentDuration, 6 => Entry });

fn read(def: &Definition<'_>) -> Result<Made, Mistake> {
    def.unweighted()?;
    let measure = def.fields.need("measure")?.one_of(&[
        ("count", Measure::Count),
        ("depth", Measure::Depth),
        ("duration", Measure::Duration),
        ("bounces", Measure::Bounces),
        ("current_depth", Measure::CurrentDepth),
        ("current_duration", Measure::CurrentDuration),
        ("entry", Measure::Entry),
    ])?;
    let gap = def.fields.duration(GAP)?.unwrap_or(30 * MINUTE);
    let labels = if measure == Measure::Entry { def.labels()? } else { Vec::new() };
    let compute = Session { gap, window: Window::read(&def.fields)?, measure }.into();
    Ok(Made { source: def.source("property")?, compute, labels })
}

pub(super) struct Session {
    gap: i64,
    window: Window,
    measure: Measure,
}

codec!(struct Session { gap, window, measure });

/// The latest session.
struct Current {
    start: i64,
    last: i64,
    depth: i64,
    ends: i64,
}

impl Session {
    fn latest(&self, state: &State) -> Option<Current> {
        let [(START, start), (LAST, last), (DEPTH, depth), ..] = *state.rows() else { return None };
        Some(Current { start, last, depth, ends: last + self.gap })
    }

    /// Returns the latest session; nothing while the clock stands before it.
    fn current(&self, state: &State, now: Timestamp) -> Option<Current> {
        self.latest(state).filter(|session| session.start <= now.millis())
    }

    fn bucket(&self, at: i64) -> i64 {
        Timestamp::from_millis(at).map_or(0, |at| self.window.bucket(at))
    }

    /// Puts the current session among those before it.
    fn close(&self, state: &mut State, session: &Current) {
        let key = self.bucket(session.start) * AMOUNTS;
        let bounce = i64::from(session.depth == 1);
        let amounts =
            [(NUMBER, 1), (EVENTS, session.depth), (MILLIS, session.last - session.start), (BOUNCES, bounce)];
        for (place, amount) in amounts {
            state.merge(key + place, amount, i64::saturating_add);
        }
    }

    /// Adds up an amount of the sessions before the current one in the window.
    fn total(&self, state: &State, place: i64, now: Timestamp) -> i64 {
        let keys = (self.window.first(now) * AMOUNTS, (self.window.bucket(now) + 1) * AMOUNTS);
        let rows = state.between(keys.0, keys.1).iter().filter(|(key, _)| key % AMOUNTS == place);
        rows.fold(0, |sum: i64, (_, amount)| sum.saturating_add(*amount))
    }
}

impl Compute for Session {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        self.prune(state, moment);
        let at = seen.at.millis();
        if let Some(ahead) = self.latest(state).filter(|session| session.start > moment.now.millis()) {
            // A clock that ran ahead was set back.
            self.close(state, &ahead);
            state.rows_mut().retain(|(key, _)| *key >= 0);
        }
        let current = self.current(state, moment.now);
        let (start, last, depth, entry) = match &current {
            Some(now) if at < now.start && at <= now.start - self.gap => return,
            Some(now) if at < now.start => (at, now.last, now.depth + 1, seen.key),
            Some(now) if at < now.last + self.gap => {
                (now.start, now.last.max(at), now.depth + 1, state.get(ENTRY).unwrap_or(seen.key))
            }
            _ => (at, at, 1, seen.key),
        };
        if let Some(before) = &current
            && start > before.last
        {
            self.close(state, before);
            self.prune(state, moment);
        }
        for (key, value) in [(START, start), (LAST, last), (DEPTH, depth), (ENTRY, entry)] {
            state.put(key, value);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let now = moment.now;
        let current = self.current(state, now);
        let running = current.as_ref().filter(|session| now.millis() < session.ends);
        match self.measure {
            Measure::CurrentDepth => return Some(running.map_or(0, |session| session.depth) as f64),
            Measure::CurrentDuration => {
                return Some(
                    running.map_or(0, |session| session.last - session.start) as f64 / MINUTE as f64,
                );
            }
            Measure::Entry => return current.and(state.get(ENTRY)).map(|key| key as f64),
            _ => {}
        }
        let counted = current.filter(|session| self.bucket(session.start) >= self.window.first(now));
        let counted =
            counted.filter(|session| self.measure != Measure::Bounces || now.millis() >= session.ends);
        let number = self.total(state, NUMBER, now) + i64::from(counted.is_some());
        let (place, of_current) = match self.measure {
            Measure::Depth => (EVENTS, counted.map_or(0, |session| session.depth)),
            Measure::Duration => (MILLIS, counted.map_or(0, |session| session.last - session.start)),
            Measure::Bounces => (BOUNCES, i64::from(counted.is_some_and(|session| session.depth == 1))),
            _ => return Some(number as f64),
        };
        let total = self.total(state, place, now).saturating_add(of_current) as f64;
        let scale = if self.measure == Measure::Duration { MINUTE as f64 } else { 1.0 };
        (number > 0).then(|| total / scale / number as f64)
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let now = moment.now;
        let current = self.current(state, now);
        let (first, today) = (self.window.first(now), self.window.bucket(now));
        let oldest =
            state.between(first * AMOUNTS, (today + 1) * AMOUNTS).first().map(|(key, _)| key / AMOUNTS);
        let of_current =
            current.as_ref().map(|session| self.bucket(session.start)).filter(|bucket| *bucket >= first);
        let leaving = [oldest, of_current].map(|bucket| self.window.leaves(bucket?));
        let ends = current.as_ref().map(|session| session.ends).filter(|ends| *ends > now.millis());
        // What a clock set back has not reached yet comes in view again.
        let begins = state.get(START).filter(|start| *start > now.millis());
        let ahead =
            state.rows().iter().map(|(key, _)| key.div_euclid(AMOUNTS)).find(|bucket| *bucket > today);
        let ahead = ahead.and_then(|bucket| self.window.begins(bucket));
        let instants = [ends, begins].map(|at| Timestamp::from_millis(at?));
        super::earliest([instants[0], instants[1], leaving[0], leaving[1], ahead])
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        state.drop_before(0, self.window.first(moment.now) * AMOUNTS);
    }
}
