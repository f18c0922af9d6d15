//! What a pack declares of its events: their channel, and the type and range of their properties.

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake, Name, Node, quoted};

use super::value::{decimal, joined, text};
use crate::sensitive::KEY;

/// The largest magnitude of a number property: its millionths stay exact in an `f64` and their sums in an `i64`.
const MAX_NUMBER: f64 = 1e9;
/// The largest magnitude of the weight of a word.
const MAX_WORD: f64 = 1e3;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// A page.
    #[default]
    Web,
    /// An app.
    App,
    /// A mail.
    Email,
    /// An advertisement.
    Ads,
    /// A social network.
    Social,
    /// A telephone call.
    Call,
    /// A shop of stone.
    Store,
    /// A file of past events.
    Import,
}

codec!(enum Channel { 0 => Web, 1 => App, 2 => Email, 3 => Ads, 4 => Social, 5 => Call, 6 => Store, 7 => Import });

impl Channel {
    /// Every channel by its name, in the order of their numbers.
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("web", Self::Web),
        ("app", Self::App),
        ("email", Self::Email),
        ("ads", Self::Ads),
        ("social", Self::Social),
        ("call", Self::Call),
        ("store", Self::Store),
        ("import", Self::Import),
    ];
}

/// What a pack declares of one event.
#[derive(Clone, Debug)]
pub struct EventSpec {
    /// Its name.
    pub name: Name,
    /// What it is called where people read it.
    pub title: String,
    /// Where it comes from.
    pub channel: Channel,
    /// Its properties, sorted by name.
    pub properties: Vec<PropertySpec>,
}

codec!(struct EventSpec { name, title, channel, properties });

/// What a pack declares of one property.
#[derive(Clone, Debug)]
pub struct PropertySpec {
    /// Its name.
    pub name: Name,
    /// Its type and range.
    pub kind: PropertyKind,
}

codec!(struct PropertySpec { name, kind });

/// The type and range of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyKind {
    /// A number between two bounds.
    Number {
        /// The smallest value accepted.
        min: f64,
        /// The largest value accepted.
        max: f64,
        /// The currency of an amount of money.
        currency: Option<String>,
    },
    /// True or false.
    Flag,
    /// One of a bounded list of texts.
    Category(Vec<String>),
    /// A text that is scored by the words it holds, in whole millionths each, and dropped.
    Text(Vec<(String, i64)>),
    /// A text of which a hash alone is looked at.
    Id,
}

codec!(enum PropertyKind { 0 => Number { min, max, currency }, 1 => Flag, 2 => Category(a), 3 => Text(a), 4 => Id });

/// Reads the keys of a type.
type Read = fn(&Fields<'_>) -> Result<PropertyKind, Mistake>;

impl EventSpec {
    pub(crate) fn read(name: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["title", "channel", "properties", KEY])?;
        let read = |name: Name, node: &Node<'_>| Ok(PropertySpec { name, kind: PropertyKind::read(node)? });
        let properties = match fields.get("properties") {
            Some(list) => list.each_member(read)?,
            None => Vec::new(),
        };
        Ok(Self {
            title: fields.get("title").map_or(Ok(name.as_str()), |title| title.text())?.to_owned(),
            channel: fields
                .get("channel")
                .map_or(Ok(Channel::default()), |node| node.one_of(Channel::ALL))?,
            name,
            properties,
        })
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
        let (keys, read) = node.need("type")?.one_of::<(&[&str], Read)>(&[
            ("number", (&["unit", "min", "max"], Self::read_number)),
            ("money", (&["currency", "min", "max"], Self::read_money)),
            ("flag", (&[], |_| Ok(Self::Flag))),
            ("category", (&["values"], Self::read_category)),
            ("text", (&["words"], Self::read_words)),
            ("id", (&[], |_| Ok(Self::Id))),
        ])?;
        read(&node.object_of(&[&["type", "title", KEY], keys])?)
    }

    fn read_number(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let bound = |key: &'static str| within(&fields.need(key)?, MAX_NUMBER);
        let (min, max) = (bound("min")?, bound("max")?);
        if min > max {
            return Err(fields.mistake("min is larger than max"));
        }
        Ok(Self::Number { min, max, currency: None })
    }

    fn read_money(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let node = fields.need("currency")?;
        let code = node.text()?;
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(node.mistake("expected a currency of ISO 4217 like EUR"));
        }
        let Self::Number { min, max, .. } = Self::read_number(fields)? else { return Ok(Self::Flag) };
        Ok(Self::Number { min, max, currency: Some(code.to_owned()) })
    }

    fn read_category(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let node = fields.need("values")?;
        let values = node.each(|value| Ok(value.text()?.to_owned()))?;
        if values.is_empty() || values.len() > 256 {
            return Err(node.mistake("expected 1 to 256 values"));
        }
        Ok(Self::Category(values))
    }

    /// The words are an author's text and need not be names.
    fn read_words(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let node = fields.need("words")?;
        let words = node.each_entry(|word, weight| {
            let bad = word.is_empty()
                || word.bytes().any(|b| b.is_ascii() && !b.is_ascii_lowercase() && !b.is_ascii_digit());
            if bad {
                return Err(weight.mistake("a word is a run of a-z, 0-9 and letters beyond ASCII"));
            }
            Ok((word.to_owned(), to_millionths(within(weight, MAX_WORD)?)))
        })?;
        Ok(Self::Text(words))
    }

    /// Says what a value of this type looks like.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Number { min, max, currency } => {
                let (unit, code) = currency.as_ref().map_or(("", ""), |code| (", in ", code));
                text(&["a number from ", &decimal(*min), " to ", &decimal(*max), unit, code])
            }
            Self::Flag => "true or false".into(),
            Self::Category(values) => text(&["one of ", &joined(&mut values.iter(), ", ")]),
            Self::Text(_) => "a text".into(),
            Self::Id => "a text of 1 to 200 bytes".into(),
        }
    }
}

/// Reads a number of at most a magnitude.
pub(crate) fn within(node: &Node<'_>, most: f64) -> Result<f64, Mistake> {
    let number = node.number()?;
    if number.abs() <= most {
        Ok(number)
    } else {
        Err(node.mistake(format!("expected a number within {}", decimal(most))))
    }
}

/// Rounds to whole millionths, half away from zero. By hand: wasm has no instruction for this rounding, and an event may have many
/// numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "within a billion, so at most 1e15, which an f64 holds exactly, and so what is left behind the point"
)]
pub(crate) fn to_millionths(number: f64) -> i64 {
    let millionths = number * 1e6;
    let whole = millionths as i64;
    let rest = millionths - whole as f64;
    whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
}
