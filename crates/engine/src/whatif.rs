//! What if: the nearest change that would turn an answer.

use keepset_wire::{DAY_MS, HOUR_MS, Timestamp};
use serde::Serialize;

use crate::engine::Engine;
use crate::event::{Event, EventSpec, PropertyKind, Value};
use crate::segment::{date, number};

/// So many events of one kind are tried.
const MOST_EVENTS: usize = 12;
/// So far ahead waiting is tried.
const MOST_WAIT: i64 = 366 * DAY_MS;
/// So many days ahead it is said until when an event would do.
const NOTICE_DAYS: i64 = 92;
const MINUTE_MS: i64 = HOUR_MS / 60;
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
    for candidate in candidates(&engine) {
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
        return Some(candidate.said(&engine, times, first_not(now, enough)));
    }
    let at = turns_by_itself(&engine, now.saturating_add(MOST_WAIT), turned)?;
    Some(Nearest::Time { at: at.millis(), sentence: format!("by itself on {}", date(at)) })
}

/// Returns when waiting alone turns the answer.
fn turns_by_itself(engine: &Engine, end: Timestamp, turned: impl Fn(&Engine) -> bool) -> Option<Timestamp> {
    let mut waiting = engine.clone();
    for _ in 0..MOST_STEPS {
        let next = waiting.wake(end).filter(|next| *next <= end)?;
        waiting.tick(next);
        if turned(&waiting) {
            return Some(next);
        }
    }
    None
}

/// Returns when something that is so ceases to be, to the minute, if it does within the notice: a look a day, then halving.
fn first_not(now: Timestamp, so: impl Fn(Timestamp) -> bool) -> Option<Timestamp> {
    let at = |minutes: i64| now.saturating_add(minutes * MINUTE_MS);
    let day = DAY_MS / MINUTE_MS;
    let late = (1..=NOTICE_DAYS).find(|days| !so(at(days * day)))?;
    let (mut before, mut after) = ((late - 1) * day, late * day);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if so(at(middle)) { before = middle } else { after = middle }
    }
    Some(at(after))
}

/// An event that might do it.
struct Candidate {
    spec: usize,
    values: Vec<Option<Value>>,
    amount: Option<i64>,
    /// What is not plain about it, for people.
    with: String,
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
            sentence: format!("{times} × “{}”{worth}{}{by}", spec.title, self.with),
        }
    }
}

/// Lists events that might do it: of every declared event one for each value of each of its properties, the other
/// properties at their plainest.
fn candidates(engine: &Engine) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (spec, declared) in engine.pack().events.iter().enumerate() {
        all.push(Candidate { spec, values: plain(declared), amount: None, with: String::new() });
        for (index, property) in declared.properties.iter().enumerate() {
            let with = |value: Value, amount: Option<i64>, said: &str| {
                let mut values = plain(declared);
                values[index] = Some(value);
                let with =
                    if said.is_empty() { String::new() } else { format!(" ({}: {said})", property.name) };
                Candidate { spec, values, amount, with }
            };
            match &property.kind {
                PropertyKind::Flag => all.push(with(Value::Flag(true), None, "yes")),
                PropertyKind::Category(values) => {
                    all.extend(
                        (1..values.len().min(16))
                            .map(|value| with(Value::Category(value), None, &values[value])),
                    );
                }
                PropertyKind::Number { min, max, .. } => {
                    all.extend(AMOUNTS.iter().filter(|a| (*min..=*max).contains(*a)).map(|amount| {
                        let millionths = crate::event::to_millionths(*amount);
                        with(Value::Millionths(millionths), Some(millionths), "")
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use crate::{Choice, ConsentChange, Pack, RawEvent, Scalar};

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"order": {"title": "an order", "properties": {
            "value": {"type": "number", "min": 0, "max": 500}, "trip": {"type": "category", "values": ["quick", "fuel"]}}}},
        "features": {
            "orders": {"kind": "count", "event": "order", "window_days": 32},
            "fuel": {"kind": "count", "event": "order", "window_days": 32, "where": {"property": "trip", "is": "fuel"}},
            "spent": {"kind": "sum", "event": "order", "property": "value", "window_days": 32},
            "quiet": {"kind": "recency", "event": "order"}
        },
        "segments": [
            {"id": "often", "title": "O", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 3}},
            {"id": "driver", "title": "D", "reason": "r", "enter": {"feature": "fuel", "op": ">=", "value": 2}},
            {"id": "big", "title": "B", "reason": "r", "enter": {"feature": "spent", "op": ">=", "value": 150}},
            {"id": "gone", "title": "G", "reason": "r", "enter": {"feature": "quiet", "op": ">=", "value": 10}}
        ]}"#;

    fn engine() -> (Engine, Timestamp) {
        let now = Timestamp::from_date("2026-03-01").unwrap();
        let mut engine = Engine::install(Rc::new(Pack::parse(PACK).unwrap()), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        let properties =
            [("value".to_owned(), Scalar::Number(10.0)), ("trip".to_owned(), Scalar::Text("fuel".into()))];
        engine
            .track(
                &RawEvent { name: "order".into(), properties: properties.into(), ..RawEvent::default() },
                now,
            )
            .unwrap();
        (engine, now)
    }

    fn sentence(segment: &str) -> String {
        let (engine, now) = engine();
        match engine.explain(segment, now).unwrap().nearest.unwrap() {
            Nearest::Event { sentence, .. } | Nearest::Time { sentence, .. } => sentence,
        }
    }

    #[test]
    fn the_nearest_change_is_the_fewest_events_and_says_until_when_they_would_do() {
        // The order of 1 March leaves its window on 1 April, 32 days later in whole buckets.
        assert_eq!(sentence("often"), "2 × “an order” before 2 April");
        assert_eq!(sentence("driver"), "1 × “an order” (trip: fuel) before 2 April");
        assert_eq!(sentence("big"), "1 × “an order” of 200");
    }

    #[test]
    fn where_no_event_would_do_the_nearest_change_is_waiting() {
        assert_eq!(sentence("gone"), "by itself on 11 March");
    }

    #[test]
    fn what_is_found_turns_the_answer_when_it_is_done() {
        let (engine, now) = engine();
        let Some(Nearest::Event { times, .. }) = engine.explain("often", now).unwrap().nearest else {
            unreachable!()
        };
        let order = RawEvent { name: "order".into(), ..RawEvent::default() };
        let entered = |times| engine.simulate(&vec![order.clone(); times], now).unwrap().len();
        assert_eq!((entered(times - 1), entered(times)), (0, 1));
        assert!(!engine.is_in(0), "nothing changed");
    }
}
