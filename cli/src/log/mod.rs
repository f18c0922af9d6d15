//! A behaviour log: one event of one person a line, as JSON lines or as CSV with a mapping, plain or gzipped.

mod csv;
mod instant;
mod jsonl;
mod mapping;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use keepset_engine::RawEvent;
use keepset_wire::Timestamp;

pub(crate) use instant::date as read_instant;
pub(crate) use jsonl::read_event;
/// Opens a file of plain bytes, unpacked when they are gzipped.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn unpacked(path: &std::path::Path) -> anyhow::Result<impl std::io::Read> {
    source::Source::open(path, &source::Progress::new(0))
}

pub use mapping::{Mapping, Property, PropertyKind};

use self::source::Source;

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The number of the line, 1 for the first; of a record over several lines, its first.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One event of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where it was read.
    pub place: Place,
    /// Whose event it is: any text that tells people apart.
    pub person: String,
    /// What happened, not yet checked against a pack.
    pub event: RawEvent,
    /// When it was heard of; the time of the event unless the log says otherwise.
    pub heard: Timestamp,
}

/// A line that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it was read.
    pub place: Place,
    /// One sentence.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Why the next line of a log cannot be given.
#[derive(Debug)]
pub enum LogError {
    /// This line is malformed; the ones after it can still be read.
    Malformed(Fault),
    /// The file cannot be read any further.
    Broken(anyhow::Error),
}

/// What a reader of one format gives beside the person and event: the number of a line, and what is wrong with it.
type Read = (u64, Result<(), String>);

/// The reader of one file.
enum Reader {
    Jsonl(jsonl::Jsonl),
    Csv(Box<csv::Csv>),
}

/// Reads files one after the other, one line at a time.
pub struct Log {
    waiting: Vec<PathBuf>,
    mapping: Option<Mapping>,
    open: Option<(Arc<Path>, Reader)>,
    progress: source::Progress,
}

impl Log {
    /// Opens a log of one or several files; with a mapping they are CSV, without they are JSON lines.
    ///
    /// # Errors
    /// When a file does not exist. Whether it can be read is told by the first line.
    pub fn open(files: &[PathBuf], mapping: Option<Mapping>) -> anyhow::Result<Self> {
        let mut size = 0;
        for file in files {
            let about = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
            anyhow::ensure!(about.is_file(), "{} is not a file", file.display());
            size += about.len();
        }
        let waiting = files.iter().rev().cloned().collect();
        Ok(Self { waiting, mapping, open: None, progress: source::Progress::new(size) })
    }

    /// Returns how many bytes of the files were read, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.progress.get()
    }

    fn open_next(&mut self) -> anyhow::Result<Option<()>> {
        let Some(path) = self.waiting.pop() else { return Ok(None) };
        let source = Source::open(&path, &self.progress)?;
        let reader = match &self.mapping {
            None => Reader::Jsonl(jsonl::Jsonl::new(source)),
            Some(mapping) => {
                let csv = csv::Csv::new(source, mapping)
                    .with_context(|| format!("the mapping does not fit {}", path.display()))?;
                Reader::Csv(Box::new(csv))
            }
        };
        self.open = Some((path.into(), reader));
        Ok(Some(()))
    }
}

impl Log {
    /// Reads the next line into `line`, whose buffers are used again; nothing at the end.
    pub fn read(&mut self, line: &mut Line) -> Option<Result<(), LogError>> {
        loop {
            let Some((file, reader)) = &mut self.open else {
                match self.open_next() {
                    Ok(opened) => opened?,
                    Err(error) => return Some(Err(LogError::Broken(error))),
                }
                continue;
            };
            let read = match reader {
                Reader::Jsonl(jsonl) => jsonl.read(line),
                Reader::Csv(csv) => csv.read(line),
            };
            return Some(match read {
                Ok(Some((number, Ok(())))) => {
                    line.place.line = number;
                    if !Arc::ptr_eq(&line.place.file, file) {
                        line.place.file = Arc::clone(file);
                    }
                    Ok(())
                }
                Ok(Some((number, Err(reason)))) => {
                    let place = Place { file: Arc::clone(file), line: number };
                    Err(LogError::Malformed(Fault { place, reason }))
                }
                Ok(None) => {
                    self.open = None;
                    continue;
                }
                Err(error) => {
                    let error =
                        anyhow::Error::new(error).context(format!("cannot read on in {}", file.display()));
                    // Nothing after this can be trusted: the log ends here.
                    self.open = None;
                    self.waiting.clear();
                    Err(LogError::Broken(error))
                }
            });
        }
    }
}

impl Iterator for Log {
    type Item = Result<Line, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line::default();
        self.read(&mut line).map(|read| read.map(|()| line))
    }
}

impl Default for Line {
    fn default() -> Self {
        let place = Place { file: Arc::from(Path::new("")), line: 0 };
        Self { place, person: String::new(), event: RawEvent::default(), heard: Timestamp::MIN }
    }
}
