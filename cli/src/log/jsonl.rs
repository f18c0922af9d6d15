//! JSON lines: `{"person": "900", "time": "2017-01-01T11:53:26Z", "event": "purchase", "id": "4711", "properties": {"value": 0.5}}`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use keepset_engine::{RawEvent, Scalar};
use keepset_wire::Timestamp;
use serde::Deserialize;

use super::source::Source;
use super::{Line, Read, instant};

/// The longest line that is read; a longer one is malformed, and its bytes are skipped without being kept.
const LONGEST: usize = 1 << 16;

/// Said of what is no time.
const NO_TIME: &str = "the time is not like 2017-01-31T09:30:00Z, nor milliseconds since 1970";

/// A reader of JSON lines.
pub(super) struct Jsonl {
    source: Source,
    line: u64,
    text: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    person: TextOrNumber,
    time: TextOrNumber,
    #[serde(default)]
    heard: Option<TextOrNumber>,
    event: String,
    #[serde(default)]
    id: Option<TextOrNumber>,
    #[serde(default)]
    properties: BTreeMap<String, Scalar>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alone {
    /// Lines of a log may be handed in as they are.
    #[serde(default, rename = "person")]
    _person: Option<TextOrNumber>,
    #[serde(default, rename = "heard")]
    _heard: Option<TextOrNumber>,
    #[serde(default)]
    time: Option<TextOrNumber>,
    event: String,
    #[serde(default)]
    id: Option<TextOrNumber>,
    #[serde(default)]
    properties: BTreeMap<String, Scalar>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a number")]
enum TextOrNumber {
    Text(String),
    Whole(u64),
    Number(f64),
}

impl Jsonl {
    pub(super) fn new(source: Source) -> Self {
        Self { source, line: 0, text: Vec::new() }
    }

    /// Reads the next line that is not empty into what is handed in.
    pub(super) fn read(&mut self, into: &mut Line) -> io::Result<Option<Read>> {
        while self.read_line()? {
            self.line += 1;
            if self.text.len() > LONGEST {
                return Ok(Some((self.line, Err(format!("the line is longer than {LONGEST} bytes")))));
            }
            if !self.text.iter().all(u8::is_ascii_whitespace) {
                let read = parse(&self.text).map(|read| (into.person, into.event, into.heard) = read);
                return Ok(Some((self.line, read)));
            }
        }
        Ok(None)
    }

    /// Reads one line into `text`, at most one byte more than [`LONGEST`] of it; false at the end.
    fn read_line(&mut self) -> io::Result<bool> {
        self.text.clear();
        let read = (&mut self.source).take(LONGEST as u64 + 1).read_until(b'\n', &mut self.text)?;
        if self.text.last() == Some(&b'\n') {
            self.text.pop();
        } else if self.text.len() > LONGEST {
            self.skip_line()?;
        }
        Ok(read > 0)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let amount = end.map_or(buffer.len(), |end| end + 1);
            let done = end.is_some() || buffer.is_empty();
            self.source.consume(amount);
            if done {
                return Ok(());
            }
        }
    }
}

fn parse(line: &[u8]) -> Result<(String, RawEvent, Timestamp), String> {
    let Written { person, time, heard, event, id, properties } =
        serde_json::from_slice(line).map_err(|error| told(&error))?;
    let person = name(person).ok_or("a person is a text or a whole number")?;
    let id = id.map(|id| name(id).ok_or("an id is a text or a whole number")).transpose()?;
    if person.is_empty() {
        return Err("the person is empty".into());
    }
    let at = read_time(&time).ok_or(NO_TIME)?;
    let heard = heard.map_or(Some(at), |heard| read_time(&heard)).ok_or(NO_TIME)?;
    Ok((person, RawEvent { name: event, at: Some(at.millis()), id, properties }, heard))
}

/// Reads an event of nobody in particular, which may leave out its time.
///
/// # Errors
/// A sentence, when the line is no such event.
pub(crate) fn read_event(line: &str) -> Result<RawEvent, String> {
    let Alone { time, event, id, properties, .. } =
        serde_json::from_str(line).map_err(|error| told(&error))?;
    let id = id.map(|id| name(id).ok_or("an id is a text or a whole number")).transpose()?;
    let at = time.map(|time| read_time(&time).ok_or(NO_TIME)).transpose()?;
    Ok(RawEvent { name: event, at: at.map(Timestamp::millis), id, properties })
}

fn told(error: &serde_json::Error) -> String {
    // serde_json counts lines too, but this is always its first.
    error.to_string().replace(" at line 1 column ", " at column ")
}

fn name(name: TextOrNumber) -> Option<String> {
    match name {
        TextOrNumber::Text(text) => Some(text),
        TextOrNumber::Whole(number) => Some(number.to_string()),
        TextOrNumber::Number(_) => None,
    }
}

fn read_time(time: &TextOrNumber) -> Option<Timestamp> {
    match time {
        TextOrNumber::Text(text) => instant::date(text),
        TextOrNumber::Whole(millis) => Timestamp::from_millis(i64::try_from(*millis).ok()?),
        TextOrNumber::Number(millis) => instant::from_number(*millis),
    }
}
