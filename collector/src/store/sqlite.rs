//! The embedded store: one SQLite file, one thread that writes, one connection that reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use keepset_wire::Epoch;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::writer::{Job, Writer};
use super::{Added, OpenError, Purpose, StoreError, Tallies};
use crate::admit::Admitted;

/// "kset", so that a file of another program is told apart.
const APPLICATION: i64 = 0x6b73_6574;
const FORMAT: i64 = 1;

/// The most reports that wait for a commit: about 30 MB. More are told to come again.
const MAX_WAITING: u32 = 262_144;

/// No table joins an id with an answer, and none holds a time or the order of arrival.
const TABLES: &str = "
    CREATE TABLE purpose (plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation INTEGER NOT NULL,
        closed_before INTEGER NOT NULL) STRICT;
    CREATE TABLE tally (epoch INTEGER NOT NULL, question INTEGER NOT NULL, reports INTEGER NOT NULL,
        PRIMARY KEY (epoch, question)) STRICT, WITHOUT ROWID;
    CREATE TABLE support (epoch INTEGER NOT NULL, question INTEGER NOT NULL, cell INTEGER NOT NULL,
        votes INTEGER NOT NULL, PRIMARY KEY (epoch, question, cell)) STRICT, WITHOUT ROWID;
    CREATE TABLE counted (window INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (window, id)) STRICT, WITHOUT ROWID;
";

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    waiting: Arc<Semaphore>,
    reader: Arc<Mutex<Option<Connection>>>,
    writer: Option<JoinHandle<()>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, purpose: &Purpose) -> Result<Self, OpenError> {
        let mut connection = Connection::open(path)?;
        prepare(&mut connection, purpose)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags)?;
        reader.busy_timeout(Duration::from_secs(5))?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let writer = Writer::new(connection, queue, purpose.plan.window_epochs);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || writer.run());
        Ok(Self {
            jobs: Some(jobs),
            waiting: Arc::new(Semaphore::new(MAX_WAITING as usize)),
            reader: Arc::new(Mutex::new(Some(reader))),
            writer: Some(thread.map_err(|error| OpenError::Engine(error.to_string()))?),
        })
    }

    pub(super) async fn add(&self, reports: Vec<Admitted>) -> Result<Added, StoreError> {
        let count = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.waiting).try_acquire_many_owned(count).map_err(|_| StoreError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Add { reports, answer, permit })?;
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }

    pub(super) async fn close_before(&self, epoch: Epoch) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::CloseBefore { epoch, answer })?;
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }

    pub(super) async fn tallies(&self) -> Result<Tallies, StoreError> {
        let reader = Arc::clone(&self.reader);
        let read = move || {
            let mut connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = connection.as_mut().ok_or(StoreError::Unavailable)?;
            read_tallies(connection).map_err(|_| StoreError::Unavailable)
        };
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Unavailable))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(StoreError::Unavailable)
    }
}

impl Drop for Sqlite {
    /// Lets the writer finish what is queued and close the file.
    fn drop(&mut self) {
        // The last connection to close folds the log into the file; it must be the one that may write.
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // The thread only ends by returning; had it panicked, its requests were answered with an error.
            let _ = writer.join();
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotAStore,
            _ => Self::Engine(error.to_string()),
        }
    }
}

fn prepare(connection: &mut Connection, purpose: &Purpose) -> Result<(), OpenError> {
    connection.busy_timeout(Duration::from_secs(5))?;
    check_file(connection)?;
    // FULL: a commit returns only after the log reached the disk. secure_delete: a forgotten id is overwritten.
    connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored = read_purpose(&transaction)?;
    match stored {
        Some((hash, simulation)) => check_purpose(purpose, hash, simulation)?,
        None => create(&transaction, purpose)?,
    }
    Ok(transaction.commit()?)
}

/// Looks before anything is written, so that another program's file is left as it is.
fn check_file(connection: &Connection) -> Result<(), OpenError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, format) = (number("application_id")?, number("user_version")?);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    let is_new = application == 0 && format == 0 && tables? == 0;
    match application {
        APPLICATION if format > FORMAT => Err(OpenError::Newer { format }),
        APPLICATION => Ok(()),
        _ if is_new => Ok(()),
        _ => Err(OpenError::NotAStore),
    }
}

fn read_purpose(connection: &Connection) -> Result<Option<(String, bool)>, OpenError> {
    let made = connection.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'purpose'", [], |_| Ok(()));
    if made.optional()?.is_none() {
        return Ok(None);
    }
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(Some(connection.query_row("SELECT plan_hash, simulation FROM purpose", [], row)?))
}

fn check_purpose(purpose: &Purpose, stored: String, simulation: bool) -> Result<(), OpenError> {
    let given = purpose.plan.hash().to_string();
    if stored != given {
        return Err(OpenError::OtherPlan { stored, given });
    }
    if simulation != purpose.simulation {
        return Err(OpenError::OtherMode { simulation });
    }
    Ok(())
}

fn create(connection: &Connection, purpose: &Purpose) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO purpose VALUES (?1, ?2, ?3, 0)",
        params![purpose.plan.hash().to_string(), purpose.plan.to_json().to_string(), purpose.simulation],
    )?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORMAT)
}

fn read_tallies(connection: &mut Connection) -> rusqlite::Result<Tallies> {
    // One transaction, so that the counts of reports and of cells belong to the same moment.
    let transaction = connection.transaction()?;
    let mut tallies = Tallies::new();
    let mut reports = transaction.prepare_cached("SELECT epoch, question, reports FROM tally")?;
    let mut rows = reports.query([])?;
    while let Some(row) = rows.next()? {
        tallies.entry((Epoch(row.get(0)?), row.get(1)?)).or_default().reports = row.get(2)?;
    }
    let mut support = transaction.prepare_cached("SELECT epoch, question, cell, votes FROM support")?;
    let mut rows = support.query([])?;
    while let Some(row) = rows.next()? {
        tallies.entry((Epoch(row.get(0)?), row.get(1)?)).or_default().vote(row.get(2)?, row.get(3)?);
    }
    Ok(tallies)
}
