//! CSV with a row of headings, read through a mapping.

use std::collections::BTreeMap;
use std::io;

use anyhow::Context as _;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use keepset_engine::Scalar;
use keepset_wire::Mistake;

use super::instant::TimeFormat;
use super::mapping::{EventName, Mapping, PropertyKind};
use super::source::Source;
use super::{Line, Read};

/// A reader of CSV.
pub(super) struct Csv {
    reader: Reader<Source>,
    row: StringRecord,
    columns: Columns,
}

/// A mapping whose columns were found.
struct Columns {
    person: usize,
    id: Option<usize>,
    time: usize,
    heard: Option<usize>,
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

    /// Reads the next row into what is handed in.
    pub(super) fn read(&mut self, into: &mut Line) -> io::Result<Option<Read>> {
        match self.reader.read_record(&mut self.row) {
            Ok(true) => {
                let line = self.row.position().map_or(0, csv::Position::line);
                Ok(Some((line, self.columns.read(&self.row, into))))
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
            id: mapping.id.as_ref().map(|id| id.find(headings)).transpose()?,
            time: mapping.time.find(headings)?,
            heard: mapping.heard.as_ref().map(|heard| heard.find(headings)).transpose()?,
            time_format: mapping.time_format,
            event,
            properties: properties.collect::<Result<_, Mistake>>()?,
        })
    }

    /// Reads a row into a line, whose buffers are used again: most rows look like the one before.
    fn read(&self, row: &StringRecord, into: &mut Line) -> Result<(), String> {
        let Line { person, event, heard, .. } = into;
        let cell = |index: usize| row.get(index).unwrap_or_default();
        set(person, cell(self.person));
        if person.is_empty() {
            return Err("the person is empty".into());
        }
        let instant = |index: usize| {
            let wrong = || format!("{:?} is not {}", shown(cell(index)), self.time_format.expected());
            self.time_format.read(cell(index)).ok_or_else(wrong)
        };
        let at = instant(self.time)?;
        event.at = Some(at.millis());
        *heard = match self.heard.filter(|index| !cell(*index).is_empty()) {
            Some(index) => instant(index)?,
            None => at,
        };
        event.id = self.id.map(cell).filter(|id| !id.is_empty()).map(str::to_owned);
        set(
            &mut event.name,
            match &self.event {
                EventCell::Always(name) => name,
                EventCell::Column(index, names) => {
                    names.get(cell(*index)).map_or(cell(*index), String::as_str)
                }
            },
        );
        for (index, name, kind) in &self.properties {
            property(&mut event.properties, name, cell(*index), *kind)
                .map_err(|reason| format!("{name}: {reason}"))?;
        }
        Ok(())
    }
}

/// Writes a text into a buffer that holds another.
fn set(buffer: &mut String, text: &str) {
    buffer.clear();
    buffer.push_str(text);
}

/// Puts a cell in the place of the property an earlier row left; an empty one means there is none.
fn property(
    properties: &mut BTreeMap<String, Scalar>,
    name: &str,
    cell: &str,
    kind: PropertyKind,
) -> Result<(), String> {
    if cell.is_empty() {
        properties.remove(name);
        return Ok(());
    }
    match properties.get_mut(name) {
        Some(Scalar::Text(text)) if kind == PropertyKind::Text => set(text, cell),
        Some(value) => *value = scalar(cell, kind)?,
        None => drop(properties.insert(name.to_owned(), scalar(cell, kind)?)),
    }
    Ok(())
}

fn scalar(cell: &str, kind: PropertyKind) -> Result<Scalar, String> {
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
}

/// Shortens a cell for a message.
fn shown(cell: &str) -> String {
    cell.chars().take(40).collect()
}
