//! What happens to an event on its way in.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

/// What was counted on the way in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    pub accepted: u32,
    pub late: u32,
    pub duplicates: u32,
    pub undeclared_events: u32,
    pub undeclared_properties: u32,
    pub refused: u32,
}

/// A property that keeps its declaration.
#[derive(Clone, Debug, PartialEq)]
pub enum Property {
    /// Number, money or a scored text, in millionths.
    Number(i64),
    Flag(bool),
    /// The place of a category in its list, and its text.
    Category(usize, String),
    /// An id: the hash is only compared, so the text does as well.
    Id(String),
}

/// An event that was taken in.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: String,
    /// When it happened; never after it arrived.
    pub t: i64,
    /// When it arrived.
    pub arrived: i64,
    pub properties: BTreeMap<String, Property>,
}

/// The way in.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    pub counted: Intake,
    ids: VecDeque<String>,
    latest: Option<i64>,
}

impl Gate {
    /// Takes an event in, or says that it is dropped (`Ok(None)`) or refused (`Err`).
    pub fn pass(&mut self, pack: &Value, raw: &Value, now: i64) -> Result<Option<Event>, ()> {
        let name = raw["name"].as_str().unwrap();
        let Some(declared) = pack["events"].get(name) else {
            self.counted.undeclared_events += 1;
            return Ok(None);
        };
        let id = raw["id"].as_str().map(str::to_owned);
        if id.as_ref().is_some_and(|id| self.ids.contains(id)) {
            self.counted.duplicates += 1;
            return Ok(None);
        }
        let empty = serde_json::Map::new();
        let given = raw["properties"].as_object().unwrap_or(&empty);
        let mut properties = BTreeMap::new();
        let mut undeclared = 0;
        for (property, value) in given {
            match declared["properties"].get(property) {
                None => undeclared += 1,
                Some(declared) => match read(declared, value) {
                    Some(value) => drop(properties.insert(property.clone(), value)),
                    None => {
                        self.counted.refused += 1;
                        return Err(());
                    }
                },
            }
        }
        let t = raw["at"].as_i64().unwrap_or(now).min(now);
        self.counted.undeclared_properties += undeclared;
        self.counted.accepted += 1;
        self.counted.late += u32::from(self.latest.is_some_and(|latest| t < latest));
        self.latest = self.latest.max(Some(t));
        self.ids.extend(id);
        if self.ids.len() > 128 {
            self.ids.pop_front();
        }
        Ok(Some(Event { name: name.to_owned(), t, arrived: now, properties }))
    }

    /// When the latest event happened.
    pub fn latest(&self) -> Option<i64> {
        self.latest
    }

    /// Forgets what came from events, and how many there were.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

fn read(declared: &Value, value: &Value) -> Option<Property> {
    match declared["type"].as_str().unwrap() {
        "number" => number(declared, value.as_f64()?),
        "money" => match value.as_str() {
            None => number(declared, value.as_f64()?),
            Some(text) => {
                let (amount, currency) = text.split_once(' ')?;
                number(declared, amount.parse().ok().filter(|_| currency == declared["currency"])?)
            }
        },
        "flag" => Some(Property::Flag(value.as_bool()?)),
        "category" => {
            let values = declared["values"].as_array().unwrap();
            let text = value.as_str()?;
            values
                .iter()
                .position(|known| known == text)
                .map(|place| Property::Category(place, text.to_owned()))
        }
        "text" => Some(Property::Number(score(declared, value.as_str()?))),
        "id" => Some(Property::Id(value.as_str().filter(|text| (1..=200).contains(&text.len()))?.to_owned())),
        other => panic!("unknown type {other}"),
    }
}

/// Within the bounds as it was given, then rounded to whole millionths, half away from zero.
fn number(declared: &Value, number: f64) -> Option<Property> {
    let (min, max) = (declared["min"].as_f64().unwrap(), declared["max"].as_f64().unwrap());
    (min <= number && number <= max).then(|| Property::Number(millionths(number)))
}

#[expect(clippy::cast_possible_truncation)]
pub fn millionths(number: f64) -> i64 {
    (number * 1e6).round() as i64
}

/// The weights of the words, each as often as it stands there, within 1000 either way.
fn score(declared: &Value, text: &str) -> i64 {
    let words = declared["words"].as_object().unwrap();
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
    let weight = |word: &str| {
        let found = words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        found.map_or(0, |(_, weight)| millionths(weight.as_f64().unwrap()))
    };
    let sum: i64 = text.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()).map(weight).sum();
    sum.clamp(-1_000_000_000, 1_000_000_000)
}
