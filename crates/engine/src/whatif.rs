//! What if: the nearest change that would turn an answer.

use keepset_wire::{DAY_MS, Timestamp};
use serde::Serialize;

use crate::engine::Engine;
use crate::event::{Event, EventSpec, PropertyKind, Value};
use crate::segment::{date, number};

/// So many events of one kind are tried.
const MOST_EVENTS: usize = 12;
/// So far ahead waiting is tried.
const MOST_WAIT: i64 = 366 * DAY_MS;
/// So far ahead it is said until when an event would do.
const MOST_NOTICE: i64 = 92 * DAY_MS;
/// So many instants are looked at.
const MOST_STEPS: usize = 400;

/// The nearest change that would turn an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Nearest {
    /// So many more events of one kind, now or before an instant.
    Event {
        /// The event.
        event: String,
        /// What it is called.
        title: String,
        /// How many.
        times: usize,
        /// What its number must come to each time, where that matters.
        amount: Option<f64>,
        /// From when on it would not be enough any more, in milliseconds since 1970.
        before: Option<i64>,
        /// The same as a sentence.
        sentence: String,
    },
    /// Time alone.
    Time {
        /// When, in milliseconds since 1970.
        at: i64,
        /// The same as a sentence.
        sentence: String,
    },
}

/// Finds the nearest change that would turn the answer of a segment: the fewest events, else waiting.
pub(crate) fn nearest(engine: &Engine, segment: usize, now: Timestamp) -> Option<Nearest> {
    let mut engine = engine.clone();
    engine.tick(now);
    let turned = |other: &Engine| other.is_in(segment) != engine.is_in(segment);
    let mut best: Option<(usize, Candidate)> = None;
    for candidate in candidates(&engine, now) {
        let most = best.as_ref().map_or(MOST_EVENTS, |(times, _)| times - 1);
        let mut copy = engine.clone();
        for times in 1..=most {
            copy.take_in(&candidate.event(now), now);
            if turned(&copy) {
                best = Some((times, candidate));
                break;
            }
        }
    }
    if let Some((times, candidate)) = best {
        let enough = |at: Timestamp| {
            let mut copy = engine.clone();
            copy.tick(at);
            (0..times).for_each(|_| copy.take_in(&candidate.event(at), at));
            turned(&copy)
        };
        let before = until(&engine, now.saturating_add(MOST_NOTICE), |at, _| !enough(at));
        return Some(candidate.said(&engine, times, before));
    }
    let at = until(&engine, now.saturating_add(MOST_WAIT), |_, waited| turned(waited))?;
    Some(Nearest::Time { at: at.millis(), sentence: format!("by itself on {}", date(at)) })
}

/// Waits from instant to instant until something is so.
fn until(engine: &Engine, end: Timestamp, so: impl Fn(Timestamp, &Engine) -> bool) -> Option<Timestamp> {
    let mut waiting = engine.clone();
    for _ in 0..MOST_STEPS {
        let next = waiting.wake().filter(|next| *next <= end)?;
        waiting.tick(next);
        if so(next, &waiting) {
            return Some(next);
        }
    }
    None
}

/// An event that might do it.
struct Candidate {
    spec: usize,
    values: Vec<Option<Value>>,
    amount: Option<i64>,
}

impl Candidate {
    fn event(&self, at: Timestamp) -> Event {
        Event { spec: self.spec, at, values: self.values.clone(), undeclared: 0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "an amount to be shown")]
    fn said(&self, engine: &Engine, times: usize, before: Option<Timestamp>) -> Nearest {
        let spec = &engine.pack().events[self.spec];
        let amount = self.amount.map(|amount| amount as f64 / 1e6);
        let worth = amount.map_or(String::new(), |amount| format!(" of {}", number(amount)));
        let by = before.map_or(String::new(), |at| format!(" before {}", date(at)));
        Nearest::Event {
            event: spec.name.to_string(),
            title: spec.title.clone(),
            times,
            amount,
            before: before.map(Timestamp::millis),
            sentence: format!("{times} × “{}”{worth}{by}", spec.title),
        }
    }
}

/// Lists events that might do it: of every declared event one for each value of each of its properties, the other
/// properties at their plainest.
fn candidates(engine: &Engine, _now: Timestamp) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (spec, declared) in engine.pack().events.iter().enumerate() {
        all.push(Candidate { spec, values: plain(declared), amount: None });
        for (index, property) in declared.properties.iter().enumerate() {
            let with = |value: Value, amount: Option<i64>| {
                let mut values = plain(declared);
                values[index] = Some(value);
                Candidate { spec, values, amount }
            };
            match &property.kind {
                PropertyKind::Flag => all.push(with(Value::Flag(true), None)),
                PropertyKind::Category(values) => {
                    all.extend((1..values.len().min(16)).map(|value| with(Value::Category(value), None)));
                }
                PropertyKind::Number { min, max, .. } => {
                    all.extend(AMOUNTS.iter().filter(|a| (*min..=*max).contains(*a)).map(|amount| {
                        let millionths = crate::event::to_millionths(*amount);
                        with(Value::Millionths(millionths), Some(millionths))
                    }));
                }
                PropertyKind::Text(_) | PropertyKind::Id => {}
            }
        }
    }
    all
}

/// Amounts as people say them.
const AMOUNTS: [f64; 9] = [1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

/// One value for each property: false, the first category, a number near nothing.
fn plain(declared: &EventSpec) -> Vec<Option<Value>> {
    let value = |kind: &PropertyKind| match kind {
        PropertyKind::Flag => Some(Value::Flag(false)),
        PropertyKind::Category(_) => Some(Value::Category(0)),
        PropertyKind::Number { min, max, .. } => {
            Some(Value::Millionths(crate::event::to_millionths(0.0_f64.clamp(*min, *max))))
        }
        PropertyKind::Text(_) | PropertyKind::Id => None,
    };
    declared.properties.iter().map(|property| value(&property.kind)).collect()
}
