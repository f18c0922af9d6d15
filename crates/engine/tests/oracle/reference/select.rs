//! Which events a feature looks at, and what it sees of them.

use serde_json::Value;

use super::intake::{Event, Property, millionths};
use super::time::{Zone, weekday};

pub const CHANNELS: [&str; 8] = ["web", "app", "email", "ads", "social", "call", "store", "import"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What tells events apart for `by`; labels in the order of their declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Label(usize),
    Id(String),
}

/// What a feature sees of one event.
#[derive(Clone, Debug)]
pub struct Item {
    pub t: i64,
    pub arrived: i64,
    /// The local day of `t`.
    pub day: i64,
    /// In millionths.
    pub weight: i64,
    /// The `property`, or the property that signs, in millionths.
    pub number: i64,
    pub key: Option<Key>,
    /// It starts the count anew and is not counted.
    pub anew: bool,
    /// The steps of a sequence that it matches; `without` is step 0.
    pub steps: Vec<usize>,
}

/// What the feature sees of an event, if it looks at it.
pub fn look(pack: &Value, feature: &Value, event: &Event, zone: &Zone) -> Option<Item> {
    let mut item = Item {
        t: event.t,
        arrived: event.arrived,
        day: zone.day(event.t),
        weight: 1_000_000,
        number: 0,
        key: None,
        anew: feature["since"] == event.name.as_str(),
        steps: Vec::new(),
    };
    if item.anew {
        return Some(item);
    }
    if feature["kind"] == "sequence" {
        let ways = [&feature["without"]].into_iter().chain(feature["steps"].as_array().unwrap());
        let matching = ways.enumerate().filter(|(_, way)| matches(way, event, zone));
        item.steps = matching.map(|(step, _)| step).collect();
        return (!item.steps.is_empty()).then_some(item);
    }
    item.weight = weight(&feature["event"], &event.name)?;
    if let Some(property) = feature["property"].as_str().or(feature["signed_by"].as_str()) {
        match event.properties.get(property)? {
            Property::Number(number) => item.number = *number,
            other => panic!("{property} is {other:?}"),
        }
    }
    if let Some(by) = feature["by"].as_str() {
        item.key = Some(key(pack, by, event)?);
    }
    passes(&feature["where"], event, zone).then_some(item)
}

/// The labels of `by`, in the order of their values.
pub fn labels(pack: &Value, feature: &Value) -> Vec<String> {
    let by = feature["by"].as_str().unwrap();
    if by == "channel" {
        return CHANNELS.iter().map(ToString::to_string).collect();
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let events = pack["events"].as_object().unwrap().iter();
    let named = events.filter(|(name, _)| weight(&feature["event"], name).is_some());
    let mut lists = named.filter_map(|(_, event)| event["properties"][by]["values"].as_array());
    lists.next().unwrap().iter().map(text).collect()
}

fn weight(events: &Value, name: &str) -> Option<i64> {
    match events {
        Value::String(one) => (one == name).then_some(1_000_000),
        Value::Array(list) => list.iter().any(|one| one == name).then_some(1_000_000),
        weights => Some(millionths(weights.get(name)?.as_f64().unwrap())),
    }
}

fn key(pack: &Value, by: &str, event: &Event) -> Option<Key> {
    if by == "channel" {
        let channel = pack["events"][&event.name]["channel"].as_str().unwrap_or("web");
        return CHANNELS.iter().position(|known| *known == channel).map(Key::Label);
    }
    match event.properties.get(by)? {
        Property::Category(place, _) => Some(Key::Label(*place)),
        Property::Id(text) => Some(Key::Id(text.clone())),
        other => panic!("{by} is {other:?}"),
    }
}

/// Whether an event is one of a step, or of `without`.
fn matches(way: &Value, event: &Event, zone: &Zone) -> bool {
    match way {
        Value::Null => false,
        Value::Object(fields) if fields.contains_key("event") => {
            weight(&way["event"], &event.name).is_some() && passes(&way["where"], event, zone)
        }
        names => weight(names, &event.name).is_some(),
    }
}

fn passes(filter: &Value, event: &Event, zone: &Zone) -> bool {
    match filter {
        Value::Null => true,
        Value::Array(filters) => filters.iter().all(|filter| passes(filter, event, zone)),
        one => passes_one(one, event, zone),
    }
}

fn passes_one(filter: &Value, event: &Event, zone: &Zone) -> bool {
    if let Some(hours) = filter["hours"].as_array() {
        let (from, to) = (hours[0].as_i64().unwrap(), hours[1].as_i64().unwrap());
        let hour = zone.hour(event.t);
        return if from <= to { from <= hour && hour < to } else { hour >= from || hour < to };
    }
    if let Some(days) = filter["weekdays"].as_array() {
        let today = weekday(zone.day(event.t));
        return (0..)
            .zip(WEEKDAYS)
            .any(|(number, name)| number == today && days.iter().any(|day| day == name));
    }
    let property = filter["property"].as_str().unwrap();
    match event.properties.get(property) {
        None => false,
        Some(Property::Number(number)) => {
            filter["min"].as_f64().is_none_or(|min| millionths(min) <= *number)
                && filter["max"].as_f64().is_none_or(|max| *number <= millionths(max))
        }
        Some(Property::Flag(flag)) => one_of(filter, &Value::Bool(*flag)),
        Some(Property::Category(_, text) | Property::Id(text)) => {
            one_of(filter, &Value::String(text.clone()))
        }
    }
}

fn one_of(filter: &Value, value: &Value) -> bool {
    filter["is"] == *value || filter["in"].as_array().is_some_and(|list| list.contains(value))
}
