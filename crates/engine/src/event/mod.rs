//! Events: what a pack declares of them, and the only way in.

mod declare;
mod intake;
mod value;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use keepset_wire::Timestamp;
use keepset_wire::document::Name;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

pub use declare::{Channel, EventSpec, PropertyKind, PropertySpec};
pub(crate) use declare::{to_millionths, within};
pub use intake::Intake;
pub(crate) use intake::RecentIds;
pub use value::Value;
pub(crate) use value::{decimal, joined, spread, text, whole};

/// A weight of one, in whole millionths.
pub(crate) const ONE_MILLIONTHS: i64 = 1_000_000;

/// An event as the page or a log tells it, before anything is checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RawEvent {
    /// Its name, as the pack declares it.
    pub name: String,
    /// When it happened, in milliseconds since 1970; now when absent.
    #[serde(default)]
    pub at: Option<i64>,
    /// Its own id, when it may come twice.
    #[serde(default)]
    pub id: Option<String>,
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

/// The same as it is handed to the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(&'a str),
}

impl Scalar {
    fn given(&self) -> Given<'_> {
        match self {
            Self::Flag(flag) => Given::Flag(*flag),
            Self::Number(number) => Given::Number(*number),
            Self::Text(text) => Given::Text(text),
        }
    }
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
    /// Its name is not declared in the pack. An engine drops such an event and counts it.
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

    /// Returns the sentence: the place, and what would be right.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Undeclared => "name: the pack declares no event of this name".into(),
            Self::Time => "at: expected milliseconds between the years 1970 and 9999".into(),
            Self::Property { name, expected } => {
                text(&["properties.", name.as_str(), ": expected ", expected])
            }
        }
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for EventError {}

/// A checked event: a value of this type is proof that it keeps the pack's declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The index of its declaration.
    pub spec: usize,
    /// When it happened.
    pub at: Timestamp,
    /// One value per declared property, where it was given.
    pub values: Vec<Option<Value>>,
    /// How many of its properties are not declared; they were dropped unread.
    pub undeclared: u32,
}

impl Event {
    /// Finds the declaration of an event.
    #[must_use]
    pub fn declared(specs: &[EventSpec], name: &str) -> Option<usize> {
        // Specs are sorted by name: they come from a sorted map.
        specs.binary_search_by(|spec| spec.name.as_str().cmp(name)).ok()
    }

    /// Checks an event against the declarations of a pack. One from the future, which only a clock set back can give,
    /// counts as of now.
    ///
    /// # Errors
    /// The first [`EventError`].
    pub fn parse(specs: &[EventSpec], raw: &RawEvent, now: Timestamp) -> Result<Self, EventError> {
        Told::of(specs, raw).ok_or(EventError::Undeclared)?.check(specs, now)
    }
}

/// An event whose name and properties were found among the declarations, their values not yet checked.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The index of its declaration.
    pub spec: usize,
    /// When it happened, in milliseconds since 1970; now when absent.
    pub at: Option<i64>,
    /// Its own id, when it may come twice.
    pub id: Option<&'a str>,
    /// One value per declared property, where it was given.
    pub values: Vec<Option<Given<'a>>>,
    /// How many of its properties are not declared.
    pub undeclared: u32,
}

impl<'a> Told<'a> {
    /// Looks an event up among the declarations; nothing when its name is not declared.
    #[must_use]
    pub fn of(specs: &[EventSpec], raw: &'a RawEvent) -> Option<Self> {
        let spec = Event::declared(specs, &raw.name)?;
        let properties = &specs[spec].properties;
        // Both are in the order of their names.
        let mut given = raw.properties.iter().peekable();
        let mut undeclared = 0;
        let find = |property: &PropertySpec| {
            let name = property.name.as_str();
            loop {
                match given.peek()?.0.as_str().cmp(name) {
                    Ordering::Less => undeclared += 1,
                    Ordering::Equal => return given.next().map(|(_, scalar)| scalar.given()),
                    Ordering::Greater => return None,
                }
                given.next();
            }
        };
        let values = properties.iter().map(find).collect();
        undeclared += given.map(|_| 1).sum::<u32>();
        Some(Self { spec, at: raw.at, id: raw.id.as_deref(), values, undeclared })
    }

    /// Checks the time and every value.
    pub(crate) fn check(&self, specs: &[EventSpec], now: Timestamp) -> Result<Event, EventError> {
        let at = self.at.map_or(Some(now), Timestamp::from_millis).ok_or(EventError::Time)?.min(now);
        let mut values = Vec::with_capacity(self.values.len());
        for (property, given) in specs[self.spec].properties.iter().zip(&self.values) {
            let refused = |expected| EventError::Property { name: property.name.clone(), expected };
            values.push(given.map(|given| property.kind.check(given).map_err(refused)).transpose()?);
        }
        Ok(Event { spec: self.spec, at, values, undeclared: self.undeclared })
    }
}
