//! Reads a JSON document by path, so that every mistake names its place and what would be right.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::{DAY_MS, HOUR_MS, Timestamp};

/// What is wrong in a document, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake(Box<(String, String)>);

impl Mistake {
    /// Names a place and says in one sentence what is wrong there and what would be right.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new((path.into(), message.into())))
    }

    /// Returns the JSON path of the place, `$` for the whole document.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.0
    }

    /// Returns the sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.path(), ": ", self.message()] {
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {}

/// The name of a thing in a document: 1 to 64 of `a-z 0-9 _ - .`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Accepts `text` when it keeps the alphabet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b));
        (starts && rest && text.len() <= 64).then(|| Self(text.into()))
    }

    /// What a decoder that failed gives in a name's place.
    pub(crate) fn none() -> Self {
        Self("none".into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Parses `text` as JSON.
///
/// # Errors
/// A [`Mistake`] at `$` with line and column when the text is not JSON.
pub fn parse(text: &str) -> Result<Value, Mistake> {
    serde_json::from_str(text).map_err(|error| Mistake::new("$", format!("this is not JSON: {error}")))
}

/// A value of a document and the way that leads to it; the path is only written out for a mistake.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    value: &'a Value,
    parent: Option<&'a Node<'a>>,
    step: Step<'a>,
}

/// The last step of a path.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Node<'a> {
    /// Begins at the root of a document.
    #[must_use]
    pub fn root(value: &'a Value) -> Self {
        Self { value, parent: None, step: Step::Root }
    }

    /// Returns the JSON path of this value.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = self.parent.map_or_else(String::new, Node::path);
        match self.step {
            Step::Root => path.push('$'),
            Step::Key(key) => {
                path.push('.');
                path.push_str(&shown(key));
            }
            Step::Index(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
        }
        path
    }

    /// Returns the value itself.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Makes a mistake at this place.
    #[cold]
    #[must_use]
    pub fn mistake(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(self.path(), message)
    }

    /// Reads an object that may hold the keys in `known` and no others.
    ///
    /// # Errors
    /// When this is no object, or a key is unknown.
    pub fn object(&self, known: &[&'static str]) -> Result<Fields<'a>, Mistake> {
        self.object_of(&[known])
    }

    /// Reads an object that may hold the keys in one of the lists `known` and no others.
    ///
    /// # Errors
    /// When this is no object, or a key is unknown.
    pub fn object_of(&self, known: &[&[&'static str]]) -> Result<Fields<'a>, Mistake> {
        for (key, value) in self.map()? {
            if !known.iter().any(|keys| keys.contains(&key.as_str())) {
                let unknown = format!("unknown key; known here: {}", known.concat().join(", "));
                return Err(self.child(Step::Key(key), value).mistake(unknown));
            }
        }
        Ok(Fields { node: *self })
    }

    /// Lists the members of an object whose keys are names chosen by its author.
    ///
    /// # Errors
    /// When this is no object, or a key is not a [`Name`].
    pub fn members(&self) -> Result<Vec<(Name, Node<'_>)>, Mistake> {
        let mut members = Vec::new();
        for (key, value) in self.map()? {
            let child = self.child(Step::Key(key), value);
            members.push((Name::parse(key).ok_or_else(|| child.mistake(NAME_RULE))?, child));
        }
        Ok(members)
    }

    /// Reads every member of an object whose keys are names chosen by its author.
    ///
    /// # Errors
    /// When this is no object, a key is not a [`Name`], or a member cannot be read.
    pub fn each_member<T>(
        &self,
        mut read: impl FnMut(Name, &Node<'_>) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        let mut all = Vec::new();
        for (name, node) in self.members()? {
            all.push(read(name, &node)?);
        }
        Ok(all)
    }

    /// Reads every member of an object whose keys are an author's texts.
    ///
    /// # Errors
    /// When this is no object, or a member cannot be read.
    pub fn each_entry<T>(
        &self,
        mut read: impl FnMut(&str, &Node<'_>) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        let mut all = Vec::new();
        for (key, value) in self.map()? {
            all.push(read(key, &self.child(Step::Key(key), value))?);
        }
        Ok(all)
    }

    /// Lists the items of a list.
    ///
    /// # Errors
    /// When this is no list.
    pub fn list(&self) -> Result<Vec<Node<'_>>, Mistake> {
        let Value::Array(items) = self.value else { return Err(self.expected("a list")) };
        let mut nodes = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            nodes.push(self.child(Step::Index(index), value));
        }
        Ok(nodes)
    }

    /// Reads every item of a list.
    ///
    /// # Errors
    /// When this is no list, or an item cannot be read.
    pub fn each<T>(&self, mut read: impl FnMut(&Node<'_>) -> Result<T, Mistake>) -> Result<Vec<T>, Mistake> {
        let mut all = Vec::new();
        for node in self.list()? {
            all.push(read(&node)?);
        }
        Ok(all)
    }

    /// Reads a text of 1 to 400 bytes.
    ///
    /// # Errors
    /// When this is no text or has another length.
    pub fn text(&self) -> Result<&'a str, Mistake> {
        match self.value {
            Value::String(text) if (1..=400).contains(&text.len()) => Ok(text),
            Value::String(_) => Err(self.mistake("expected a text of 1 to 400 bytes")),
            _ => Err(self.expected("a text")),
        }
    }

    /// Reads a [`Name`].
    ///
    /// # Errors
    /// When this is no text or breaks the alphabet of names.
    pub fn name(&self) -> Result<Name, Mistake> {
        Name::parse(self.text()?).ok_or_else(|| self.mistake(NAME_RULE))
    }

    /// Reads one of `choices`.
    ///
    /// # Errors
    /// When this is another text, or none.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Mistake> {
        let text = self.text()?;
        choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.mistake(format!("{} is not known here; expected one of {}", quoted(text), names.join(", ")))
        })
    }

    /// Reads a finite number.
    ///
    /// # Errors
    /// When this is no number.
    pub fn number(&self) -> Result<f64, Mistake> {
        self.value.as_f64().filter(|x| x.is_finite()).ok_or_else(|| self.expected("a number"))
    }

    /// Reads a whole number between `low` and `high`, both included.
    ///
    /// # Errors
    /// When this is no whole number or lies outside.
    pub fn whole(&self, low: u32, high: u32) -> Result<u32, Mistake> {
        let whole = self.value.as_u64().and_then(|x| u32::try_from(x).ok());
        whole
            .filter(|x| (low..=high).contains(x))
            .ok_or_else(|| self.expected(&format!("a whole number from {low} to {high}")))
    }

    /// Reads true or false.
    ///
    /// # Errors
    /// When this is neither.
    pub fn flag(&self) -> Result<bool, Mistake> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// Reads a calendar date as its midnight, UTC.
    ///
    /// # Errors
    /// When this is no date `YYYY-MM-DD` that exists.
    pub fn date(&self) -> Result<Timestamp, Mistake> {
        Timestamp::from_date(self.text()?).ok_or_else(|| self.expected("a date like 2026-11-21"))
    }

    #[cold]
    fn expected(&self, what: &str) -> Mistake {
        let got = match self.value {
            Value::Null => "null".into(),
            Value::Bool(flag) => flag.to_string(),
            // Writing a fraction would bring the float formatter into the wasm.
            Value::Number(number) => number.as_i64().map_or("a fraction".into(), |whole| whole.to_string()),
            Value::String(_) => "a text".into(),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.mistake(format!("expected {what}, found {got}"))
    }

    fn map(&self) -> Result<&'a serde_json::Map<String, Value>, Mistake> {
        let Value::Object(map) = self.value else { return Err(self.expected("an object")) };
        Ok(map)
    }

    /// Returns the member under a key, or nothing when it is absent or this is no object.
    #[must_use]
    pub fn get(&self, key: &'static str) -> Option<Node<'_>> {
        self.value.get(key).map(|value| self.child(Step::Key(key), value))
    }

    /// Returns the member under a key.
    ///
    /// # Errors
    /// When it is absent.
    pub fn need(&self, key: &'static str) -> Result<Node<'_>, Mistake> {
        self.get(key).ok_or_else(|| self.mistake(format!("the key {} is missing", quoted(key))))
    }

    fn child<'n>(&'n self, step: Step<'n>, value: &'n Value) -> Node<'n> {
        Node { value, parent: Some(self), step }
    }
}

/// Puts an author's text in quotes.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// Keeps an author's text to one line and 64 characters, whatever it holds.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

const NAME_RULE: &str = "a name is 1 to 64 of a-z, 0-9, _, - and ., beginning with a letter";

/// The longest duration a document may name.
const MAX_DURATION_DAYS: i64 = 730;

/// The keys that may hold a duration: in days, in hours and in minutes.
#[derive(Clone, Copy, Debug)]
pub struct Duration(pub [&'static str; 3]);

/// The fields of an object whose keys were checked.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    node: Node<'a>,
}

impl Fields<'_> {
    /// Returns the field, or nothing when it is absent.
    #[must_use]
    pub fn get(&self, key: &'static str) -> Option<Node<'_>> {
        self.node.get(key)
    }

    /// Returns the field.
    ///
    /// # Errors
    /// When it is absent.
    pub fn need(&self, key: &'static str) -> Result<Node<'_>, Mistake> {
        self.node.need(key)
    }

    /// Reads a duration in milliseconds, written with its unit in the key; nothing when it is absent.
    ///
    /// # Errors
    /// When it is written twice, or is no whole number of its unit within 730 days.
    pub fn duration(&self, keys: Duration) -> Result<Option<i64>, Mistake> {
        let mut found = None;
        for (key, unit) in keys.0.into_iter().zip([DAY_MS, HOUR_MS, HOUR_MS / 60]) {
            let Some(node) = self.get(key) else { continue };
            if found.is_some() {
                return Err(node.mistake(format!("expected only one of {}", keys.0.join(", "))));
            }
            // At most 1,051,200 minutes.
            let most = u32::try_from(MAX_DURATION_DAYS * DAY_MS / unit).unwrap_or(u32::MAX);
            found = Some(i64::from(node.whole(1, most)?) * unit);
        }
        Ok(found)
    }

    /// Reads a duration in milliseconds.
    ///
    /// # Errors
    /// As [`Fields::duration`], and when it is absent.
    pub fn need_duration(&self, keys: Duration) -> Result<i64, Mistake> {
        let absent = || self.mistake(format!("one of the keys {} is missing", keys.0.join(", ")));
        self.duration(keys)?.ok_or_else(absent)
    }

    /// Makes a mistake about the object as a whole.
    #[must_use]
    pub fn mistake(&self, message: impl Into<String>) -> Mistake {
        self.node.mistake(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn a_mistake_names_its_place_and_what_would_be_right() {
        let value = parse(r#"{"list": [1, {"size": 70000, "typo": 1}]}"#).unwrap();
        let fields = Node::root(&value).object(&["list"]).unwrap();
        let node = fields.need("list").unwrap();
        let list = node.list().unwrap();
        let unknown = list[1].object(&["size"]).unwrap_err();
        assert_eq!(unknown.to_string(), "$.list[1].typo: unknown key; known here: size");
        let fields = list[1].object(&["size", "typo"]).unwrap();
        let size = fields.need("size").unwrap();
        assert_eq!(
            size.whole(1, 65_535).unwrap_err().to_string(),
            "$.list[1].size: expected a whole number from 1 to 65535, found 70000"
        );
        assert_eq!(list[0].text().unwrap_err().message(), "expected a text, found 1");
    }

    #[test]
    fn names_keep_their_alphabet() {
        assert!(Name::parse("orders_30d").is_some() && Name::parse("a").is_some());
        for text in ["", "A", "1a", "a b", "é", &"a".repeat(65)] {
            assert!(Name::parse(text).is_none(), "{text}");
        }
    }
}
