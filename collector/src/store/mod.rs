//! The store: what was counted, and which reports have been.
//!
//! A report is one random id and one vote per counter: its cells, and for overlaps every two of them. Once it is counted only the
//! counts per (epoch, question, counter) and the id remain, and nothing joins the two; ids go when their window closes. An id counts once in a
//! window: a device restored from a backup may answer it again in a later epoch, under the same name.
//!
//! Where reports are paid with tokens, what names a spent token is written in the transaction that counts its report, and is forgotten as ids
//! are: when the last window is closed in which the token could come.
//!
//! With an archive the answers of open windows are kept, too, under their ids, until `sealing` has brought them there.
//!
//! `engine` is what a kind of store does, `sqlite` and `postgres` are the two kinds, `queue` the threads that use them.

mod address;
mod engine;
mod kept;
mod made;
mod postgres;
mod queue;
mod sealing;
mod sqlite;
mod tally;
pub mod transfer;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use keepset_wire::{Epoch, Plan};
use tokio::sync::Semaphore;

use crate::admit::Admitted;
use crate::archive::Archive;
use crate::clock::Expired;
use engine::Engine;
use queue::{Job, Queue, Request};

pub use address::{Address, Database};
pub use engine::{Aside, Contents, Late};
pub(crate) use kept::Kept;
pub use tally::{Checks, Tallies, Tally};

/// The most reports that wait for a commit: about 30 MB. More are told to come again.
const MAX_WAITING: u32 = 262_144;

/// What a store is made for; a store of anything else is refused.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// The plan whose reports are counted.
    pub plan: Plan,
    /// Whether the reports are a simulation's.
    pub simulation: bool,
    /// Whether answers are kept until they are in an archive.
    pub archived: bool,
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
    /// An earlier version wrote it, and this one does not read it any more.
    Older {
        /// The format of the store.
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
    /// It keeps answers for an archive, and none is named.
    Archived,
    /// It has counted reports of open windows without keeping their answers for an archive.
    Unarchived,
    /// There is none.
    Missing,
    /// There is one, where a new one was to be made.
    Exists,
    /// Its copy is used in its place.
    Moved,
    /// It was to be filled from another store, and that was not finished.
    Unfinished,
    /// What is acknowledged would not be durable.
    Volatile,
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
            Self::Older { format } => write!(
                f,
                "an earlier version of the collector wrote this store (format {format}), and this one does not read it; back it up with that version and restore the backup into another database"
            ),
            Self::OtherPlan { stored, given } => write!(
                f,
                "this store counts the plan {stored}, not {given}; give the old plan, or another store for the new one"
            ),
            Self::OtherMode { simulation: true } => {
                f.write_str("this store holds a simulation; add --simulation, or give another store")
            }
            Self::OtherMode { simulation: false } => {
                f.write_str("this store holds real reports; leave --simulation away, or give another store")
            }
            Self::Archived => f.write_str("this store keeps answers that are not in their archive yet; name it with --archive"),
            Self::Unarchived => f.write_str(
                "this store has counted reports that no archive would hold; begin an archive with a new store, or when every window that was counted in is closed",
            ),
            Self::Missing => f.write_str("there is no store"),
            Self::Exists => f.write_str("there is a store already; name one that is not there yet"),
            Self::Moved => f.write_str("this store was moved, and its copy is used in its place; name the copy"),
            Self::Unfinished => f.write_str(
                "this store was to be filled from another one, and that was not finished; do it again, or delete it",
            ),
            Self::Volatile => f.write_str(
                "the database runs with fsync off: what it acknowledges would not outlive a power cut; switch fsync on",
            ),
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
    /// A token came with another report before.
    Spent {
        /// The position of its report in the request.
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

/// A store in use: one queue of those who write, one of those who read.
#[derive(Debug)]
pub struct Store {
    kind: &'static str,
    writing: Queue,
    reading: Queue,
    /// Brings answers into the archive, where there is one.
    sealing: Option<Queue>,
    archive: Option<Archive>,
    archived: Archived,
    waiting: Arc<Semaphore>,
    /// What was counted beside the votes and is not written down yet.
    aside: Mutex<Aside>,
}

/// What came of bringing answers into the archive.
#[derive(Debug, Default)]
struct Archived {
    windows: AtomicU64,
    failures: AtomicU64,
}

/// The connections to a store.
struct Engines {
    /// Those that write; each makes commits of its own.
    writers: Vec<Box<dyn Engine>>,
    /// The one that reads.
    reader: Box<dyn Engine>,
    /// The one that brings answers into an archive.
    archivist: Option<Box<dyn Engine>>,
}

impl Store {
    /// Opens the store at `address`, or makes it.
    ///
    /// # Errors
    /// When there is no store, or the store of another plan or mode.
    pub fn open(address: &Address, purpose: &Purpose) -> Result<Self, OpenError> {
        let Engines { writers, reader, archivist } = match address {
            Address::Sqlite(path) => sqlite::open(path, purpose)?,
            Address::Postgres(database) => postgres::open(database, purpose)?,
        };
        let start = |engines| Queue::start(engines).map_err(|error| OpenError::Engine(error.to_string()));
        let (writing, reading) = (start(writers)?, start(vec![reader])?);
        let sealing = archivist.map(|archivist| start(vec![archivist])).transpose()?;
        Ok(Self {
            kind: address.kind(),
            writing,
            reading,
            sealing,
            archive: None,
            archived: Archived::default(),
            waiting: Arc::new(Semaphore::new(MAX_WAITING as usize)),
            aside: Mutex::default(),
        })
    }

    /// Brings answers into this archive, once their window is closed; for a store that was opened to keep them.
    #[must_use]
    pub fn with_archive(mut self, archive: Option<Archive>) -> Self {
        self.archive = archive;
        self
    }

    /// Tells how many windows were brought into the archive since the start, and how often that failed; nothing without an archive.
    #[must_use]
    pub fn archived(&self) -> Option<(u64, u64)> {
        let Archived { windows, failures } = &self.archived;
        self.archive.as_ref().map(|_| (windows.load(Relaxed), failures.load(Relaxed)))
    }

    /// Names its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Counts `reports`, all of them or none, and returns when they are durable.
    ///
    /// # Errors
    /// When nothing was counted, or nothing is known to be: sent again, what was counted after all is `known`.
    pub async fn add(&self, reports: Vec<Admitted>) -> Result<Added, StoreError> {
        let count = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.waiting).try_acquire_many_owned(count).map_err(|_| StoreError::Busy)?;
        self.writing.ask(|answer| Job::Add(Request { reports, answer, permit })).await
    }

    /// Closes every epoch below `epoch` for ever, whatever the clock says later, and forgets their ids.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn close_before(&self, epoch: Epoch) -> Result<(), StoreError> {
        self.writing.ask(|answer| Job::CloseBefore { epoch, answer }).await
    }

    /// Notes what is counted beside the votes; [`Self::write_aside`] writes it down, so that a flood of it costs no commits.
    pub fn note(&self, note: impl FnOnce(&mut Aside)) {
        note(&mut self.aside.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes down what was noted.
    ///
    /// # Errors
    /// When the store cannot be written; then it is tried again the next time.
    pub async fn write_aside(&self) -> Result<(), StoreError> {
        let mut aside = Aside::default();
        self.note(|noted| std::mem::swap(noted, &mut aside));
        if aside.is_empty() {
            return Ok(());
        }
        let written = self.writing.ask(|answer| Job::AddAside { aside: aside.clone(), answer }).await;
        if written.is_err() {
            self.note(|noted| noted.merge(&aside));
        }
        written
    }

    /// Forgets what is kept no longer: the counts of closed windows, and their answers in the archive.
    ///
    /// # Errors
    /// When the store or the archive cannot be written; then it is tried again the next time.
    pub async fn forget(&self, expired: Expired) -> Result<(), StoreError> {
        if let Some(epoch) = expired.counts {
            self.writing.ask(|answer| Job::ForgetCounts { epoch, answer }).await?;
        }
        if let Some((epoch, archive)) = expired.answers.zip(self.archive.clone()) {
            let forgotten = tokio::task::spawn_blocking(move || archive.forget_before(epoch)).await;
            forgotten.ok().and_then(Result::ok).ok_or(StoreError::Unavailable)?;
        }
        Ok(())
    }

    /// Makes small what was closed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn compact(&self) -> Result<(), StoreError> {
        self.writing.ask(|answer| Job::Compact { answer }).await
    }

    /// Brings the answers of closed windows into the archive, where there is one, and forgets them when they are on its disk.
    ///
    /// # Errors
    /// When the archive or the store cannot be written; then what was not brought there whole is brought there the next time.
    pub async fn seal(&self) -> Result<(), StoreError> {
        let Some((sealing, archive)) = self.sealing.as_ref().zip(self.archive.as_ref()) else {
            return Ok(());
        };
        let sealed = sealing.ask(|answer| Job::Seal { archive: archive.clone(), answer }).await;
        match &sealed {
            Ok(windows) => self.archived.windows.fetch_add(*windows, Relaxed),
            Err(_) => self.archived.failures.fetch_add(1, Relaxed),
        };
        sealed.map(|_| ())
    }

    /// Returns everything but the ids, as of one moment, with what is noted here and not written down yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn contents(&self) -> Result<Contents, StoreError> {
        let mut contents = self.reading.ask(|answer| Job::Contents { answer }).await?;
        self.note(|noted| contents.aside.merge(noted));
        Ok(contents)
    }
}

impl Drop for Store {
    /// Lets the writers finish what is queued and close the store.
    fn drop(&mut self) {
        // The last connection to close a SQLite file folds the log into it; it must be the one that may write.
        self.reading.finish();
        self.sealing.iter_mut().for_each(Queue::finish);
        self.writing.finish();
    }
}
