//! The store: what was counted, and which reports have been.
//!
//! A report is one random id and one vote per counter: its cells, and for overlaps every two of them. Once it is counted only the
//! counts per (epoch, question, counter) and the id remain, and nothing joins the two; ids go when their window closes. An id counts once in a
//! window: a device restored from a backup may answer it again in a later epoch, under the same name.

mod sqlite;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use keepset_wire::{Epoch, Plan};

use crate::admit::Admitted;
use sqlite::Sqlite;

/// Where a store is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// One SQLite file on a local disk.
    Sqlite(PathBuf),
}

impl Address {
    /// Reads `sqlite:PATH`, or a path alone.
    ///
    /// # Errors
    /// One sentence when the scheme is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path,
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(format!(
                    "the store {scheme:?} is not known here; expected sqlite:PATH or a path"
                ));
            }
            _ => text,
        };
        if path.is_empty() || path == ":memory:" {
            return Err("a store is a file on a local disk; expected sqlite:PATH or a path".into());
        }
        Ok(Self::Sqlite(path.into()))
    }
}

/// What a store is made for; a store of anything else is refused.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// The plan whose reports are counted.
    pub plan: Plan,
    /// Whether the reports are a simulation's.
    pub simulation: bool,
}

/// Why a store cannot be opened.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is no store of a collector.
    NotAStore,
    /// A later version wrote it.
    Newer {
        /// The format of the file.
        format: i64,
    },
    /// It counts the reports of another plan.
    OtherPlan {
        /// The hash of the plan it was made for.
        stored: String,
        /// The hash of the plan given now.
        given: String,
    },
    /// It holds a simulation's counts and now is none, or the other way round.
    OtherMode {
        /// Whether the file holds a simulation's.
        simulation: bool,
    },
    /// The storage engine's own words.
    Engine(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAStore => f.write_str("the file holds something else than a collector's store"),
            Self::Newer { format } => {
                write!(
                    f,
                    "a later version of the collector wrote this store (format {format}); update the collector"
                )
            }
            Self::OtherPlan { stored, given } => write!(
                f,
                "this store counts the plan {stored}, not {given}; give the old plan, or another file for the new one"
            ),
            Self::OtherMode { simulation: true } => {
                f.write_str("this store holds a simulation; add --simulation, or give another file")
            }
            Self::OtherMode { simulation: false } => {
                f.write_str("this store holds real reports; leave --simulation away, or give another file")
            }
            Self::Engine(words) => write!(f, "the store cannot be opened: {words}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a store did not do what it was asked; nothing of the request was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// Too many reports are waiting.
    Busy,
    /// A window closed between admission and counting.
    Closed {
        /// The position of its first report in the request.
        index: usize,
    },
    /// The storage engine failed: disk full, file locked, file gone.
    Unavailable,
}

/// What became of the reports of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Reports counted now.
    pub accepted: u64,
    /// Reports counted before, which changed nothing.
    pub known: u64,
}

/// The counts of one question in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many reports answered it.
    pub reports: u64,
    /// Per counter of the question, how many answers raised it: held a cell, or for overlaps two.
    pub support: Vec<u64>,
}

impl Tally {
    /// Adds `votes` for a counter.
    pub fn vote(&mut self, counter: u16, votes: u64) {
        let counter = usize::from(counter);
        if self.support.len() <= counter {
            self.support.resize(counter + 1, 0);
        }
        self.support[counter] += votes;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.reports += other.reports;
        (0..).zip(&other.support).for_each(|(counter, votes)| self.vote(counter, *votes));
    }
}

/// The counts of every epoch and question that has any.
pub type Tallies = BTreeMap<(Epoch, u16), Tally>;

/// A store of one of the kinds known.
#[derive(Debug)]
#[non_exhaustive]
pub enum Store {
    /// The embedded store.
    Sqlite(Sqlite),
}

impl Store {
    /// Opens the store at `address`, or makes it.
    ///
    /// # Errors
    /// When the file is no store, or the store of another plan or mode.
    pub fn open(address: &Address, purpose: &Purpose) -> Result<Self, OpenError> {
        match address {
            Address::Sqlite(path) => Sqlite::open(path, purpose).map(Self::Sqlite),
        }
    }

    /// Counts `reports`, all of them or none, and returns when they are durable.
    ///
    /// # Errors
    /// When nothing was counted.
    pub async fn add(&self, reports: Vec<Admitted>) -> Result<Added, StoreError> {
        match self {
            Self::Sqlite(store) => store.add(reports).await,
        }
    }

    /// Closes every epoch below `epoch` for ever, whatever the clock says later, and forgets their ids.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn close_before(&self, epoch: Epoch) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.close_before(epoch).await,
        }
    }

    /// Returns every count, as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tallies(&self) -> Result<Tallies, StoreError> {
        match self {
            Self::Sqlite(store) => store.tallies().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_with_or_without_its_scheme() {
        let sqlite = |path: &str| Ok(Address::Sqlite(path.into()));
        assert_eq!(Address::parse("a/b.sqlite"), sqlite("a/b.sqlite"));
        assert_eq!(Address::parse("sqlite:a/b.sqlite"), sqlite("a/b.sqlite"));
        assert_eq!(Address::parse(r"C:\b.sqlite"), sqlite(r"C:\b.sqlite"));
        for text in ["", "sqlite:", ":memory:", "postgres://host/db"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
