//! The embedded store: one SQLite file, one connection that writes, one that reads.

use std::path::Path;
use std::time::Duration;

use keepset_wire::Epoch;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::engine::{Broken, Engine, Outcomes, settle};
use super::{Engines, OpenError, Purpose, Tallies};
use crate::admit::Admitted;

/// "kset", so that a file of another program is told apart.
const APPLICATION: i64 = 0x6b73_6574;
const FORMAT: i64 = 1;

/// The most ids forgotten in one transaction, so that forgetting never holds up counting.
const MAX_FORGET: usize = 16_384;

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

/// A connection to one SQLite file.
struct Sqlite {
    connection: Connection,
    /// Epochs in a window.
    window_epochs: u32,
    /// Whether the log holds copies of pages that were overwritten.
    traces: bool,
}

/// Opens the file, or makes it.
pub(super) fn open(path: &Path, purpose: &Purpose) -> Result<Engines, OpenError> {
    let mut writer = Connection::open(path)?;
    prepare(&mut writer, purpose)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(Duration::from_secs(5))?;
    let engine = |connection| -> Box<dyn Engine> {
        Box::new(Sqlite { connection, window_epochs: purpose.plan.window_epochs, traces: false })
    };
    Ok(Engines { writers: vec![engine(writer)], reader: engine(reader) })
}

impl Engine for Sqlite {
    /// On an error the transaction is rolled back, and nothing was counted.
    fn count(&mut self, requests: &[Vec<Admitted>]) -> Result<Outcomes, Broken> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let closed_before =
            transaction.query_row("SELECT closed_before FROM purpose", [], |row| row.get(0))?;
        let settled = {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO counted VALUES (?1, ?2)")?;
            let is_new = |admitted: &Admitted| -> rusqlite::Result<bool> {
                Ok(insert.execute(params![admitted.window().0, admitted.report().id.0])? > 0)
            };
            settle(requests, Epoch(closed_before), is_new)?
        };
        add_tallies(&transaction, &settled.tallies)?;
        transaction.commit()?;
        Ok(settled.outcomes)
    }

    fn close_before(&mut self, epoch: Epoch) -> Result<(), Broken> {
        let only_forward = "UPDATE purpose SET closed_before = ?1 WHERE closed_before < ?1";
        self.connection.execute(only_forward, params![epoch.0])?;
        Ok(())
    }

    fn forget_some(&mut self) -> Result<bool, Broken> {
        let forgotten = self.connection.execute(
            // A window is closed when its first epoch is; the last of a plan may be cut short, hence the rounding up.
            "DELETE FROM counted WHERE (window, id) IN (SELECT window, id FROM counted
             WHERE window < (SELECT (closed_before + ?1 - 1) / ?1 FROM purpose) LIMIT ?2)",
            params![self.window_epochs, i64::try_from(MAX_FORGET).unwrap_or(i64::MAX)],
        )?;
        self.traces |= forgotten > 0;
        let more = forgotten == MAX_FORGET;
        if self.traces && !more {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            self.traces = false;
        }
        Ok(more)
    }

    fn tallies(&mut self) -> Result<Tallies, Broken> {
        // One transaction, so that the counts of reports and of cells belong to the same moment.
        let transaction = self.connection.transaction()?;
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
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
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
    match read_purpose(&transaction)? {
        Some((hash, simulation)) => purpose.check(hash, simulation)?,
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

fn create(connection: &Connection, purpose: &Purpose) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO purpose VALUES (?1, ?2, ?3, 0)",
        params![purpose.plan.hash().to_string(), purpose.plan.to_json().to_string(), purpose.simulation],
    )?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORMAT)
}

fn add_tallies(transaction: &Transaction<'_>, tallies: &Tallies) -> rusqlite::Result<()> {
    let mut reports = transaction.prepare_cached(
        "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
    )?;
    let mut support = transaction.prepare_cached(
        "INSERT INTO support VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET votes = votes + excluded.votes",
    )?;
    for ((epoch, question), tally) in tallies {
        reports.execute(params![epoch.0, question, tally.reports])?;
        for (cell, votes) in tally.votes() {
            support.execute(params![epoch.0, question, cell, votes])?;
        }
    }
    Ok(())
}
