//! Events: what a pack declares of them, and the only way in.

use std::collections::BTreeMap;
use std::fmt;

use keepset_wire::Timestamp;
use keepset_wire::document::{Fields, Mistake, Name, Node, quoted};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// The largest magnitude of a number property: its millionths stay exact in an `f64` and their sums in an `i64`.
const MAX_NUMBER: f64 = 1e9;

/// An event as the page or a log tells it, before anything is checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RawEvent {
    /// Its name, as the pack declares it.
    pub name: String,
    /// When it happened, in milliseconds since 1970; now when absent.
    #[serde(default)]
    pub at: Option<i64>,
    /// Its properties.
    #[serde(default)]
    pub properties: BTreeMap<String, Scalar>,
}

/// The value of a property before it is checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(ScalarVisitor)
    }
}

/// By hand, for an error that says what would be right.
struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, a number or a text")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is an f64 here")]
    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number is an f64 here")]
    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}

/// Why an event is refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventError {
    /// Its name is not declared in the pack.
    Undeclared,
    /// Its time is no instant between 1970 and 9999.
    Time,
    /// A property breaks its declaration.
    Property {
        /// The property's name.
        name: Name,
        /// What would be right.
        expected: String,
    },
}

impl EventError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Undeclared => "event_undeclared",
            Self::Time => "event_time",
            Self::Property { .. } => "event_property",
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undeclared => f.write_str("name: the pack declares no event of this name"),
            Self::Time => f.write_str("at: expected milliseconds between the years 1970 and 9999"),
            Self::Property { name, expected } => write!(f, "properties.{name}: expected {expected}"),
        }
    }
}

impl std::error::Error for EventError {}

/// What a pack declares of one event.
#[derive(Clone, Debug)]
pub struct EventSpec {
    /// Its name.
    pub name: Name,
    /// Its properties, by name.
    pub properties: Vec<PropertySpec>,
}

/// What a pack declares of one property.
#[derive(Clone, Debug)]
pub struct PropertySpec {
    /// Its name.
    pub name: Name,
    /// Its type and range.
    pub kind: PropertyKind,
}

/// The type and range of a property.
#[derive(Clone, Debug)]
pub enum PropertyKind {
    /// A number between two bounds.
    Number {
        /// The smallest value accepted.
        min: f64,
        /// The largest value accepted.
        max: f64,
    },
    /// True or false.
    Flag,
    /// One of a bounded list of texts.
    Category(Vec<String>),
}

/// A checked property value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number in whole millionths, so that sums are exact in any order.
    Millionths(i64),
    /// True or false.
    Flag(bool),
    /// The index of a category.
    Category(usize),
}

/// A checked event: a value of this type is proof that it keeps the pack's declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The index of its declaration.
    pub spec: usize,
    /// When it happened.
    pub at: Timestamp,
    /// One value per declared property, where it was given.
    pub values: Vec<Option<Value>>,
}

impl Event {
    /// Checks an event against the declarations of a pack. Undeclared properties are dropped unread; an event from
    /// the future, which only a clock set back can give, counts as of now.
    ///
    /// # Errors
    /// The first [`EventError`].
    pub fn parse(specs: &[EventSpec], raw: &RawEvent, now: Timestamp) -> Result<Self, EventError> {
        // Specs are sorted by name: they come from a sorted map.
        let spec = specs
            .binary_search_by(|spec| spec.name.as_str().cmp(&raw.name))
            .map_err(|_| EventError::Undeclared)?;
        let at = raw.at.map_or(Some(now), Timestamp::from_millis).ok_or(EventError::Time)?.min(now);
        let mut values = Vec::with_capacity(specs[spec].properties.len());
        for property in &specs[spec].properties {
            let given = raw.properties.get(property.name.as_str());
            let refused = |expected| EventError::Property { name: property.name.clone(), expected };
            values.push(match given {
                Some(scalar) => Some(property.kind.check(scalar).map_err(refused)?),
                None => None,
            });
        }
        Ok(Self { spec, at, values })
    }
}

impl EventSpec {
    pub(crate) fn read(name: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["title", "properties"])?;
        let read = |name: Name, node: &Node<'_>| Ok(PropertySpec { name, kind: PropertyKind::read(node)? });
        let properties = match fields.get("properties") {
            Some(list) => list.each_member(read)?,
            None => Vec::new(),
        };
        Ok(Self { name, properties })
    }

    /// Finds a property by the name in `node`.
    pub(crate) fn property(&self, node: &Node<'_>) -> Result<usize, Mistake> {
        let name = node.text()?;
        self.properties.iter().position(|property| property.name.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = self.properties.iter().map(|property| property.name.as_str()).collect();
            node.mistake(format!(
                "the event {} has no property {}; it has: {}",
                self.name,
                quoted(name),
                known.join(", ")
            ))
        })
    }
}

impl PropertyKind {
    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["type", "title", "unit", "min", "max", "values"])?;
        let read = fields.need("type")?.one_of(&[
            ("number", Self::read_number as fn(&Fields<'_>) -> Result<Self, Mistake>),
            ("flag", |_| Ok(Self::Flag)),
            ("category", Self::read_category),
        ])?;
        read(&fields)
    }

    fn read_number(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let bound = |key: &'static str| {
            let node = fields.need(key)?;
            let bound = node.number()?;
            if bound.abs() <= MAX_NUMBER {
                Ok(bound)
            } else {
                Err(node.mistake("expected a bound within a billion"))
            }
        };
        let (min, max) = (bound("min")?, bound("max")?);
        if min > max {
            return Err(fields.mistake("min is larger than max"));
        }
        Ok(Self::Number { min, max })
    }

    fn read_category(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let node = fields.need("values")?;
        let values = node.each(|value| Ok(value.text()?.to_owned()))?;
        if values.is_empty() || values.len() > 256 {
            return Err(node.mistake("expected 1 to 256 values"));
        }
        Ok(Self::Category(values))
    }

    /// Checks a value; the error says what would be right.
    fn check(&self, scalar: &Scalar) -> Result<Value, String> {
        match (self, scalar) {
            (Self::Number { min, max }, Scalar::Number(number)) if (min..=max).contains(&number) => {
                // Within a billion by `read_number`, so at most 1e15 in millionths, which an f64 holds exactly.
                #[expect(clippy::cast_possible_truncation)]
                Ok(Value::Millionths((number * 1e6).round() as i64))
            }
            (Self::Number { min, max }, _) => {
                Err(format!("a number from {} to {}", decimal(*min), decimal(*max)))
            }
            (Self::Flag, Scalar::Flag(flag)) => Ok(Value::Flag(*flag)),
            (Self::Flag, _) => Err("true or false".into()),
            (Self::Category(values), Scalar::Text(text)) if values.contains(text) => {
                Ok(Value::Category(values.iter().position(|value| value == text).unwrap_or(0)))
            }
            (Self::Category(values), _) => Err(format!("one of {}", values.join(", "))),
        }
    }
}

/// Writes a bound to the millionth. By hand: the float formatter would bring its tables into the wasm.
#[expect(clippy::cast_possible_truncation, reason = "bounds lie within a billion")]
fn decimal(bound: f64) -> String {
    let millionths = (bound * 1e6).round() as i64;
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, part) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn bounds_are_written_as_people_write_them() {
        for (bound, text) in
            [(0.0, "0"), (-5000.0, "-5000"), (0.25, "0.25"), (-0.000_001, "-0.000001"), (1e9, "1000000000")]
        {
            assert_eq!(decimal(bound), text);
        }
    }
}
