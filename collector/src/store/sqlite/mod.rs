//! The embedded store: one SQLite file, one connection that writes, one that reads.

mod aside;
mod file;
mod handing;
mod keeping;
mod spent;

use std::path::Path;

use keepset_wire::{Epoch, Window};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::engine::{
    Aside, Broken, Contents, Engine, Leave, Outcomes, Parts, Receive, Seen, refuse_closed, settle,
};
use super::kept::{Keeping, Kept};
use super::made;
use super::{Engines, OpenError, Purpose, Tallies};
use crate::admit::Admitted;
use crate::sqlite_file::open_to_read;

/// The most ids or answers forgotten in one transaction, so that forgetting never holds up counting.
const MAX_FORGET: usize = 16_384;

/// A connection to one SQLite file.
struct Sqlite {
    connection: Connection,
    /// Epochs in a window.
    window_epochs: u32,
    /// Whether the log holds copies of pages that were overwritten.
    traces: bool,
    /// What whoever counts needs where answers are kept.
    keeping: Option<Keeping>,
}

/// Opens the file, or makes it.
pub(super) fn open(path: &Path, purpose: &Purpose) -> Result<Engines, OpenError> {
    let writer = file::open(path, purpose)?;
    let reader = open_to_read(path)?;
    let archivist = purpose.archived.then(|| file::open(path, purpose)).transpose()?;
    let engine = |connection| Sqlite::boxed(connection, purpose, None);
    Ok(Engines {
        writers: vec![Sqlite::boxed(writer, purpose, Keeping::of(purpose)?)],
        reader: engine(reader),
        archivist: archivist.map(engine),
    })
}

/// Opens a file that is there, whatever it was made for.
pub(super) fn open_existing(path: &Path) -> Result<(Box<dyn Engine>, Purpose), OpenError> {
    let (connection, purpose) = file::open_existing(path)?;
    Ok((Sqlite::boxed(connection, &purpose, None), purpose))
}

/// Makes a file that is to be filled.
pub(super) fn create(path: &Path, purpose: &Purpose) -> Result<Box<dyn Engine>, OpenError> {
    Ok(Sqlite::boxed(file::create(path, purpose)?, purpose, None))
}

impl Sqlite {
    fn boxed(connection: Connection, purpose: &Purpose, keeping: Option<Keeping>) -> Box<dyn Engine> {
        Box::new(Self { connection, window_epochs: purpose.plan.window_epochs, traces: false, keeping })
    }

    /// Overwrites what the log still holds of what was deleted, once all of it is.
    fn wipe(&mut self, deleted: usize) -> Result<bool, Broken> {
        self.traces |= deleted > 0;
        let more = deleted == MAX_FORGET;
        if self.traces && !more {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            self.traces = false;
        }
        Ok(more)
    }
}

impl Engine for Sqlite {
    /// On an error the transaction is rolled back, and nothing was counted.
    fn count(&mut self, requests: &[Vec<Admitted>]) -> Result<Outcomes, Broken> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut refused = refuse_closed(requests, closed_before(&transaction)?, self.window_epochs);
        for (request, refused) in requests.iter().zip(&mut refused).filter(|(_, refused)| refused.is_none()) {
            *refused = spent::spend(&transaction, request)?;
        }
        let settled = {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO counted VALUES (?1, ?2)")?;
            let look = |admitted: &Admitted| -> rusqlite::Result<Seen> {
                let new = insert.execute(params![admitted.window().0, admitted.report().id.0])? > 0;
                match &self.keeping {
                    Some(keeping) => keeping::look(&transaction, keeping, admitted, new),
                    None if new => Ok(Seen::New),
                    None => Ok(Seen::Again),
                }
            };
            settle(requests, &refused, look)?
        };
        add_tallies(&transaction, &settled.tallies)?;
        retract_tallies(&transaction, &settled.retracted)?;
        transaction.commit()?;
        Ok(settled.outcomes)
    }

    fn close_before(&mut self, epoch: Epoch) -> Result<(), Broken> {
        let only_forward = "UPDATE purpose SET closed_before = ?1 WHERE closed_before < ?1";
        self.connection.execute(only_forward, params![epoch.0])?;
        Ok(())
    }

    fn forget_some(&mut self) -> Result<bool, Broken> {
        let most = i64::try_from(MAX_FORGET).unwrap_or(i64::MAX);
        let forget = |table: &str, name: &str| {
            // A window is closed when its first epoch is; the last of a plan may be cut short, hence the rounding up.
            let forget = format!(
                "DELETE FROM {table} WHERE (window, {name}) IN (SELECT window, {name} FROM {table}
                 WHERE window < (SELECT (closed_before + ?1 - 1) / ?1 FROM purpose) LIMIT ?2)"
            );
            self.connection.execute(&forget, params![self.window_epochs, most])
        };
        let (ids, marks) = (forget("counted", "id")?, forget("spent", "mark")?);
        self.traces |= marks > 0;
        self.wipe(ids.max(marks))
    }

    fn forget_counts(&mut self, epoch: Epoch) -> Result<(), Broken> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let below = epoch.min(closed_before(&transaction)?).0;
        let mut forgotten = 0;
        for table in ["tally", "support", "late", "checks"] {
            forgotten +=
                transaction.execute(&format!("DELETE FROM {table} WHERE epoch < ?1"), params![below])?;
        }
        transaction.commit()?;
        self.traces |= forgotten > 0;
        self.wipe(0).map(|_| ())
    }

    /// Writes the file anew when more than half of it is empty; otherwise what is empty will be used again.
    fn compact(&mut self) -> Result<(), Broken> {
        let pages = |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        if pages("freelist_count")? * 2 > pages("page_count")? {
            self.connection.execute_batch("VACUUM")?;
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn add_aside(&mut self, aside: &Aside) -> Result<(), Broken> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        aside::add(&transaction, aside)?;
        Ok(transaction.commit()?)
    }

    fn contents(&mut self) -> Result<Contents, Broken> {
        // One transaction, so that the counts of reports and of cells belong to the same moment.
        handing::contents(&self.connection.transaction()?)
    }

    fn unsealed(&mut self) -> Result<Vec<Window>, Broken> {
        // A window is closed when its first epoch is; the last of a plan may be cut short, hence the rounding up.
        let closed = "SELECT (closed_before + ?1 - 1) / ?1 FROM purpose";
        let closed = self.connection.query_row(closed, [self.window_epochs], |row| row.get(0).map(Window))?;
        let mut windows = keeping::unsealed(&self.connection)?;
        windows.retain(|window| *window < closed);
        Ok(windows)
    }

    fn kept_after(&mut self, window: Window, last: Option<&Kept>) -> Result<Vec<Kept>, Broken> {
        keeping::after(&self.connection, window, last)
    }

    fn mark_sealed(&mut self, window: Window) -> Result<(), Broken> {
        self.connection.execute("INSERT OR IGNORE INTO sealed VALUES (?1)", params![window.0])?;
        Ok(())
    }

    fn drop_sealed(&mut self) -> Result<bool, Broken> {
        let dropped = keeping::drop_sealed(&mut self.connection, MAX_FORGET)?;
        self.wipe(dropped)
    }

    fn hand_over(&mut self, leave: Leave, receive: &mut Receive<'_>) -> Result<(), Broken> {
        handing::hand_over(&mut self.connection, leave, receive)
    }

    fn receive(&mut self, contents: &Contents, parts: &mut Parts<'_>) -> Result<(), Broken> {
        handing::receive(&mut self.connection, contents, parts)
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

/// Reads up to where epochs are closed; a store that was moved counts nothing more.
fn closed_before(transaction: &Transaction<'_>) -> Result<Epoch, Broken> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
    let (closed_before, state) =
        transaction.query_row("SELECT closed_before, state FROM purpose", [], row)?;
    if state == made::OPEN { Ok(Epoch(closed_before)) } else { Err(Broken(OpenError::Moved.to_string())) }
}

/// Lists the windows of a table in their order: one step in its index each, however many rows they have.
fn windows(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Window>> {
    let mut next = connection.prepare(&format!("SELECT min(window) FROM {table} WHERE window > ?1"))?;
    let (mut windows, mut last) = (Vec::new(), -1);
    while let Some(window) = next.query_row([last], |row| row.get::<_, Option<u32>>(0))? {
        windows.push(Window(window));
        last = i64::from(window);
    }
    Ok(windows)
}

fn add_tallies(transaction: &Transaction<'_>, tallies: &Tallies) -> rusqlite::Result<()> {
    change_tallies(
        transaction,
        tallies,
        "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
        "INSERT INTO support VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET votes = votes + excluded.votes",
    )
}

/// Takes votes back.
fn retract_tallies(transaction: &Transaction<'_>, tallies: &Tallies) -> rusqlite::Result<()> {
    change_tallies(
        transaction,
        tallies,
        "UPDATE tally SET reports = reports - ?3 WHERE epoch = ?1 AND question = ?2",
        "UPDATE support SET votes = votes - ?4 WHERE epoch = ?1 AND question = ?2 AND cell = ?3",
    )
}

fn change_tallies(
    transaction: &Transaction<'_>,
    tallies: &Tallies,
    reports: &str,
    votes: &str,
) -> rusqlite::Result<()> {
    let mut change_reports = transaction.prepare_cached(reports)?;
    let mut change_votes = transaction.prepare_cached(votes)?;
    for ((epoch, question), tally) in tallies {
        change_reports.execute(params![epoch.0, question, tally.reports])?;
        for (cell, votes) in tally.votes() {
            change_votes.execute(params![epoch.0, question, cell, votes])?;
        }
    }
    Ok(())
}
