//! CSV with a row of headings, read through a mapping.

use std::collections::BTreeMap;
use std::io;

use anyhow::Context as _;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use keepset_engine::{RawEvent, Scalar};
use keepset_wire::Mistake;

use super::Read;
use super::instant::TimeFormat;
use super::mapping::{EventName, Mapping, PropertyKind};
use super::source::Source;

/// A reader of CSV.
pub(super) struct Csv {
    reader: Reader<Source>,
    row: StringRecord,
    columns: Columns,
}

/// A mapping whose columns were found.
struct Columns {
    person: usize,
    time: usize,
    time_format: TimeFormat,
    event: EventCell,
    properties: Vec<(usize, String, PropertyKind)>,
}

enum EventCell {
    Always(String),
    Column(usize, BTreeMap<String, String>),
}

impl Csv {
    /// Reads the headings and finds the mapping's columns among them.
    pub(super) fn new(source: Source, mapping: &Mapping) -> anyhow::Result<Self> {
        let mut reader = ReaderBuilder::new().delimiter(mapping.separator).from_reader(source);
        let headings = reader.headers().context("the row of headings is not CSV in UTF-8")?;
        let columns = Columns::find(mapping, &headings.iter().collect::<Vec<_>>())?;
        Ok(Self { reader, row: StringRecord::new(), columns })
    }

    /// Gives the next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Read>> {
        match self.reader.read_record(&mut self.row) {
            Ok(true) => {
                let line = self.row.position().map_or(0, csv::Position::line);
                Ok(Some((line, self.columns.event(&self.row))))
            }
            Ok(false) => Ok(None),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                match error.into_kind() {
                    ErrorKind::Io(error) => Err(error),
                    ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        let reason = format!("the row has {len} cells, the headings are {expected_len}");
                        Ok(Some((line, Err(reason))))
                    }
                    ErrorKind::Utf8 { .. } => Ok(Some((line, Err("the row is not UTF-8".into())))),
                    _ => Ok(Some((line, Err("the row is not CSV".into())))),
                }
            }
        }
    }
}

impl Columns {
    fn find(mapping: &Mapping, headings: &[&str]) -> Result<Self, Mistake> {
        let event = match &mapping.event {
            EventName::Always(name) => EventCell::Always(name.clone()),
            EventName::Column(column, names) => EventCell::Column(column.find(headings)?, names.clone()),
        };
        let properties = mapping
            .properties
            .iter()
            .map(|property| Ok((property.column.find(headings)?, property.name.to_string(), property.kind)));
        Ok(Self {
            person: mapping.person.find(headings)?,
            time: mapping.time.find(headings)?,
            time_format: mapping.time_format,
            event,
            properties: properties.collect::<Result<_, Mistake>>()?,
        })
    }

    fn event(&self, row: &StringRecord) -> Result<(String, RawEvent), String> {
        let cell = |index: usize| row.get(index).unwrap_or_default();
        let person = cell(self.person);
        if person.is_empty() {
            return Err("the person is empty".into());
        }
        let at = self
            .time_format
            .read(cell(self.time))
            .ok_or_else(|| format!("{:?} is not {}", shown(cell(self.time)), self.time_format.expected()))?;
        let name = match &self.event {
            EventCell::Always(name) => name,
            EventCell::Column(index, names) => names.get(cell(*index)).map_or(cell(*index), String::as_str),
        };
        let mut properties = BTreeMap::new();
        for (index, name, kind) in &self.properties {
            if let Some(value) = scalar(cell(*index), *kind).map_err(|reason| format!("{name}: {reason}"))? {
                properties.insert(name.clone(), value);
            }
        }
        Ok((
            person.to_owned(),
            RawEvent { name: name.to_owned(), at: Some(at.millis()), properties, ..RawEvent::default() },
        ))
    }
}

fn scalar(cell: &str, kind: PropertyKind) -> Result<Option<Scalar>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    let wrong = |what| format!("{:?} is not {what}", shown(cell));
    match kind {
        PropertyKind::Text => Ok(Scalar::Text(cell.to_owned())),
        PropertyKind::Number => match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Scalar::Number(number)),
            _ => Err(wrong("a number")),
        },
        PropertyKind::Flag => match cell {
            "1" | "true" | "yes" => Ok(Scalar::Flag(true)),
            "0" | "false" | "no" => Ok(Scalar::Flag(false)),
            _ => Err(wrong("1 or 0, true or false, yes or no")),
        },
    }
    .map(Some)
}

/// Shortens a cell for a message.
fn shown(cell: &str) -> String {
    cell.chars().take(40).collect()
}
