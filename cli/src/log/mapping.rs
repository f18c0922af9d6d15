//! The mapping: which columns of a CSV log hold the person, the time, the event and its properties.

use std::collections::BTreeMap;

use keepset_wire::document::{self, Node};
use keepset_wire::{Mistake, Name};

use super::instant::TimeFormat;

/// How the rows of a CSV log become events.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub(super) separator: u8,
    pub(super) person: Column,
    pub(super) id: Option<Column>,
    pub(super) time: Column,
    pub(super) heard: Option<Column>,
    pub(super) time_format: TimeFormat,
    pub(super) event: EventName,
    pub(super) properties: Vec<Property>,
}

/// A column by its heading, and the place in the mapping that names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) path: String,
}

/// Where the name of an event comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum EventName {
    /// Every row is this event.
    Always(String),
    /// The cell of a column, after the log's words were replaced by the pack's.
    Column(Column, BTreeMap<String, String>),
}

/// A property of an event and the column that holds it; an empty cell means the event has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The property's name in the pack.
    pub name: Name,
    /// What its cells hold.
    pub kind: PropertyKind,
    pub(super) column: Column,
}

/// What the cells of a property hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyKind {
    /// A number.
    Number,
    /// A word.
    Text,
    /// Yes or no, written as 1 or 0, true or false, yes or no.
    Flag,
}

impl Mapping {
    /// Reads a mapping from JSON text.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let value = document::parse(text)?;
        let fields = Node::root(&value).object(&[
            "separator",
            "person",
            "id",
            "time",
            "heard",
            "event",
            "properties",
        ])?;
        let time = fields.need("time")?.object(&["column", "format"])?;
        let formats = [
            ("date", TimeFormat::Date),
            ("seconds", TimeFormat::Seconds),
            ("milliseconds", TimeFormat::Milliseconds),
        ];
        Ok(Self {
            separator: fields.get("separator").map_or(Ok(b','), |node| separator(&node))?,
            person: column(&fields.need("person")?.object(&["column"])?.need("column")?)?,
            id: optional(fields.get("id"))?,
            heard: optional(fields.get("heard"))?,
            time: column(&time.need("column")?)?,
            time_format: time.get("format").map_or(Ok(TimeFormat::Date), |node| node.one_of(&formats))?,
            event: event_name(&fields.need("event")?)?,
            properties: fields.get("properties").map_or(Ok(Vec::new()), |node| properties(&node))?,
        })
    }

    /// Lists the properties that rows may give an event.
    #[must_use]
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }
}

impl Column {
    /// Finds the column among the headings of a log.
    pub(super) fn find(&self, headings: &[&str]) -> Result<usize, Mistake> {
        headings.iter().position(|heading| *heading == self.heading).ok_or_else(|| {
            let message = format!("the log has no column {:?}; it has {}", self.heading, headings.join(", "));
            Mistake::new(self.path.as_str(), message)
        })
    }
}

fn optional(node: Option<Node<'_>>) -> Result<Option<Column>, Mistake> {
    let Some(node) = node else { return Ok(None) };
    Ok(Some(column(&node.object(&["column"])?.need("column")?)?))
}

fn column(node: &Node<'_>) -> Result<Column, Mistake> {
    Ok(Column { heading: node.text()?.to_owned(), path: node.path() })
}

fn separator(node: &Node<'_>) -> Result<u8, Mistake> {
    match node.text()?.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err(node.mistake("expected one character, as \",\" or \";\"")),
    }
}

fn event_name(node: &Node<'_>) -> Result<EventName, Mistake> {
    let fields = node.object(&["column", "names", "always"])?;
    match (fields.get("column"), fields.get("always")) {
        (Some(cell), None) => {
            let names = fields.get("names").map_or(Ok(BTreeMap::new()), |node| words(&node))?;
            Ok(EventName::Column(column(&cell)?, names))
        }
        (None, Some(always)) if fields.get("names").is_none() => {
            Ok(EventName::Always(always.name()?.to_string()))
        }
        _ => Err(node.mistake("expected either a column (and names for its words) or one name for always")),
    }
}

/// Reads the log's words for events; they are any text, so they are not read as names.
fn words(node: &Node<'_>) -> Result<BTreeMap<String, String>, Mistake> {
    let serde_json::Value::Object(map) = node.value() else {
        return Err(node.mistake("expected an object from the log's words to the pack's events"));
    };
    let read = |(word, name): (&String, &serde_json::Value)| {
        let name = name.as_str().and_then(Name::parse).ok_or_else(|| {
            node.mistake(format!("{word:?} does not lead to the name of an event: a-z, 0-9, _, - and ."))
        })?;
        Ok((word.clone(), name.to_string()))
    };
    map.iter().map(read).collect()
}

fn properties(node: &Node<'_>) -> Result<Vec<Property>, Mistake> {
    let kinds =
        [("number", PropertyKind::Number), ("text", PropertyKind::Text), ("flag", PropertyKind::Flag)];
    let read = |(name, node): (Name, Node<'_>)| {
        let fields = node.object(&["column", "type"])?;
        let kind = fields.need("type")?.one_of(&kinds)?;
        Ok(Property { name, kind, column: column(&fields.need("column")?)? })
    };
    node.members()?.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"{"person": {"column": "who"}, "time": {"column": "when"}, "event": {"column": "what", "names": {"Order Completed": "purchase"}},
        "properties": {"value": {"column": "amount", "type": "number"}}}"#;

    #[test]
    fn a_mistake_in_a_mapping_names_its_place() {
        assert!(Mapping::parse(RIGHT).is_ok());
        for (from, to, path) in [
            (r#""person""#, r#""persons""#, "$.persons"),
            (r#"{"column": "who"}"#, r#""who""#, "$.person"),
            (r#""when"}"#, r#""when", "format": "hours"}"#, "$.time.format"),
            (r#""names""#, r#""always""#, "$.event"),
            (r#""purchase""#, "7", "$.event.names"),
            (r#""number""#, r#""float""#, "$.properties.value.type"),
            (r#"{"person""#, r#"{"separator": "::", "person""#, "$.separator"),
            (r#"{"person""#, r#"{"id": "number", "person""#, "$.id"),
        ] {
            let changed = RIGHT.replacen(from, to, 1);
            assert_ne!(changed, RIGHT, "{from}");
            assert_eq!(Mapping::parse(&changed).unwrap_err().path(), path, "{changed}");
        }
    }

    #[test]
    fn a_column_that_a_log_does_not_have_is_named_with_those_it_has() {
        let mapping = Mapping::parse(RIGHT).unwrap();
        let mistake = mapping.properties()[0].column.find(&["who", "when", "what"]).unwrap_err();
        assert_eq!(
            mistake.to_string(),
            "$.properties.value.column: the log has no column \"amount\"; it has who, when, what"
        );
    }
}
