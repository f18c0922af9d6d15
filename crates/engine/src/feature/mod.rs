//! Features: constant time per event, bounded state, no raw events kept.
//!
//! A kind is one file and one line of `KINDS`. All kinds keep their state as a short list of dated whole numbers
//! ([`State`]), and every value is a step function of time, so the engine can say when it next changes.

mod count;
mod decayed_count;
mod distinct_days;
mod filter;
mod recency;
mod state;
mod sum;

use std::fmt;

use keepset_wire::document::{Fields, Mistake, Name, Node, quoted};
use keepset_wire::{DAY_MS, Timestamp};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::event::{Event, EventSpec, Value};
use filter::Filter;
pub use state::State;

/// Every kind a pack may name.
const KINDS: &[Kind] = &[count::KIND, sum::KIND, recency::KIND, decayed_count::KIND, distinct_days::KIND];

/// The longest window and half-life, in days.
const MAX_DAYS: u32 = 730;

/// A kind of feature: its name in packs and how its definition is read.
struct Kind {
    name: &'static str,
    read: Read,
}

/// Reads a definition: the kind's own keys, and the event it looks at.
type Read = fn(&Fields<'_>, &EventSpec) -> Result<Box<dyn Compute>, Mistake>;

/// How a kind turns events into a value.
pub trait Compute {
    /// Takes in an event that passed the feature's filter.
    fn observe(&self, state: &mut State, event: &Event, now: Timestamp);

    /// Returns the value at `now`; nothing when there is none yet.
    fn value(&self, state: &State, now: Timestamp) -> Option<f64>;

    /// Returns the first instant after `now` at which time alone may change the value, or, when only a comparison
    /// with `watched` matters, at which it may change that comparison.
    fn next_change(&self, state: &State, watched: Option<f64>, now: Timestamp) -> Option<Timestamp>;
}

/// A feature of a pack.
pub struct Feature {
    /// Its name.
    pub id: Name,
    /// What it is called where people read it.
    pub title: String,
    /// The first 8 bytes of the SHA-256 of its definition: state made under another definition is not used.
    pub fingerprint: u64,
    event: usize,
    filter: Option<Filter>,
    compute: Box<dyn Compute>,
}

/// By hand: `Debug` on every kind would stay in the wasm behind the trait object.
impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.as_str())
    }
}

impl Feature {
    pub(crate) fn read(id: Name, node: &Node<'_>, events: &[EventSpec]) -> Result<Self, Mistake> {
        let fields =
            node.object(&["kind", "title", "event", "property", "where", "window_days", "half_life_days"])?;
        let event_node = fields.need("event")?;
        let name = event_node.text()?;
        let event = events
            .iter()
            .position(|event| event.name.as_str() == name)
            .ok_or_else(|| event_node.mistake(format!("the pack declares no event {}", quoted(name))))?;
        let kinds: Vec<(&str, &Kind)> = KINDS.iter().map(|kind| (kind.name, kind)).collect();
        let kind = fields.need("kind")?.one_of(&kinds)?;
        Ok(Self {
            title: fields.get("title").map_or(Ok(id.as_str()), |title| title.text())?.to_owned(),
            fingerprint: fingerprint(node),
            event,
            filter: fields.get("where").map(|node| Filter::read(&node, &events[event])).transpose()?,
            compute: (kind.read)(&fields, &events[event])?,
            id,
        })
    }

    /// Takes in an event if it concerns this feature; tells whether it did.
    pub fn observe(&self, state: &mut State, event: &Event, now: Timestamp) -> bool {
        let concerns =
            event.spec == self.event && self.filter.as_ref().is_none_or(|filter| filter.passes(event));
        if concerns {
            self.compute.observe(state, event, now);
        }
        concerns
    }

    /// Returns the value at `now`; nothing when there is none yet.
    #[must_use]
    pub fn value(&self, state: &State, now: Timestamp) -> Option<f64> {
        self.compute.value(state, now)
    }

    /// See [`Compute::next_change`].
    #[must_use]
    pub fn next_change(&self, state: &State, watched: Option<f64>, now: Timestamp) -> Option<Timestamp> {
        self.compute.next_change(state, watched, now)
    }
}

/// The title is not part of the meaning.
fn fingerprint(node: &Node<'_>) -> u64 {
    let mut sponge = Sha256::new();
    if let Json::Object(map) = node.value() {
        map.iter().filter(|(key, _)| *key != "title").for_each(|(key, value)| {
            absorb_text(&mut sponge, b'k', key);
            absorb(&mut sponge, value);
        });
    }
    sponge.finalize().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Takes in a document, every part with its kind and length; objects are sorted by key, so one meaning has one digest.
fn absorb(sponge: &mut Sha256, value: &Json) {
    match value {
        Json::Null => sponge.update(b"n"),
        Json::Bool(flag) => sponge.update([b'b', u8::from(*flag)]),
        Json::Number(number) => {
            sponge.update(b"f");
            sponge.update(number.as_f64().unwrap_or(f64::NAN).to_bits().to_be_bytes());
        }
        Json::String(text) => absorb_text(sponge, b's', text),
        Json::Array(items) => {
            sponge.update(b"a");
            sponge.update((items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| absorb(sponge, item));
        }
        Json::Object(map) => {
            sponge.update(b"o");
            sponge.update((map.len() as u64).to_be_bytes());
            map.iter().for_each(|(key, value)| {
                absorb_text(sponge, b'k', key);
                absorb(sponge, value);
            });
        }
    }
}

fn absorb_text(sponge: &mut Sha256, kind: u8, text: &str) {
    sponge.update([kind]);
    sponge.update((text.len() as u64).to_be_bytes());
    sponge.update(text.as_bytes());
}

/// Reads a key that holds days as milliseconds.
fn days(fields: &Fields<'_>, key: &'static str) -> Result<i64, Mistake> {
    Ok(i64::from(fields.need(key)?.whole(1, MAX_DAYS)?) * DAY_MS)
}

/// Reads the number property a feature sums.
fn number_property(fields: &Fields<'_>, event: &EventSpec) -> Result<usize, Mistake> {
    let node = fields.need("property")?;
    let index = event.property(&node)?;
    match event.properties[index].kind {
        crate::event::PropertyKind::Number { .. } => Ok(index),
        _ => Err(node.mistake("expected the name of a number property")),
    }
}

/// Returns the whole millionths of a property, 0 when it was not given.
fn millionths(event: &Event, property: usize) -> i64 {
    match event.values.get(property) {
        Some(Some(Value::Millionths(amount))) => *amount,
        _ => 0,
    }
}
