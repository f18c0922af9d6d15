//! The store of labels: one SQLite file of its own, from which what is erased is gone to the byte.
//!
//! `held` has a row a pseudonym: its labels, the day they were told, and its consent receipt. `erased` remembers for a while which
//! pseudonyms were taken back, as a hash, so that a message on its way or played again brings none of them back. [`super::queue`] has two more tables.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keepset_wire::labels::{LabelId, LabelTerms, Labels};
use keepset_wire::sha256;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::queue;
use crate::sqlite_file::{FORGETFUL, FileKind, PATIENCE, make, open_to_read};

/// Marks the file as ours: "KSLB".
const APPLICATION: i64 = 0x4b53_4c42;
const FORMAT: i64 = 2;
/// The format before, which had no queue.
const WITHOUT_QUEUE: i64 = 1;
/// A message is taken for 29 days after it was made; twice that long its name stays marked as erased.
const MARK_DAYS: u32 = 60;
/// Terms last no longer: what was told under terms that are not given any more is forgotten after it.
const LONGEST_DAYS: u32 = 366;

const TABLES: &str = "
CREATE TABLE held (
  id BLOB PRIMARY KEY, terms BLOB NOT NULL, day INTEGER NOT NULL, agreed INTEGER NOT NULL, signal TEXT NOT NULL,
  pack BLOB NOT NULL, labels BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE erased (mark BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
";

/// What became of labels that were shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// They are kept.
    Kept,
    /// Later ones are kept already.
    Known,
    /// Their name was erased, and stays so.
    Erased,
}

/// One pseudonym under some terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub id: LabelId,
    /// The day it told its labels.
    pub day: u32,
    /// The day consent was given.
    pub agreed: u32,
    /// How.
    pub signal: String,
    /// The pack that was in force.
    pub pack: Vec<u8>,
    /// For each segment of the terms whether it has the label.
    pub labels: Vec<bool>,
}

/// Labels in a file.
#[derive(Debug)]
pub struct LabelStore(Mutex<Shelf>);

/// The file, and what the queue remembers of it.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) connection: Connection,
    /// How much was changed here other than in the queue.
    pub(super) changes: u64,
    pub(super) seen: queue::Seen,
}

impl LabelStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// One sentence that names the flag and the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let unusable = |error: rusqlite::Error| format!("--label-store: {shown} cannot be used: {error}");
        let mut connection = Connection::open(path).map_err(unusable)?;
        connection.busy_timeout(PATIENCE).map_err(unusable)?;
        match FileKind::of(&connection, APPLICATION).map_err(unusable)? {
            FileKind::Ours(FORMAT) => {}
            FileKind::Ours(WITHOUT_QUEUE) => add_queue(&mut connection).map_err(unusable)?,
            FileKind::Ours(format) => {
                return Err(format!(
                    "--label-store: {shown} is of a later version ({format}) of this program"
                ));
            }
            FileKind::New => {
                make(&mut connection, &[TABLES, queue::TABLES], APPLICATION, FORMAT).map_err(unusable)?;
            }
            FileKind::Foreign => {
                return Err(format!("--label-store: {shown} is no store of labels; name a file of its own"));
            }
        }
        connection.execute_batch(FORGETFUL).map_err(unusable)?;
        Ok(Self::over(connection))
    }

    /// Opens the file of a collector that may be running, to read it.
    ///
    /// # Errors
    /// One sentence that names the flag and the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let unusable = |error| format!("--label-store: {} cannot be read: {error}", path.display());
        let connection = open_to_read(path).map_err(unusable)?;
        match FileKind::of(&connection, APPLICATION).map_err(unusable)? {
            FileKind::Ours(FORMAT | WITHOUT_QUEUE) => Ok(Self::over(connection)),
            _ => Err(format!("--label-store: {} is no store of labels of this version", path.display())),
        }
    }

    fn over(connection: Connection) -> Self {
        Self(Mutex::new(Shelf { connection, changes: 0, seen: queue::Seen::default() }))
    }

    /// Keeps labels in place of what their name told before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn share(&self, labels: &Labels) -> rusqlite::Result<Shared> {
        let id = labels.proof.id();
        self.change(|transaction| {
            let erased =
                transaction.query_row("SELECT 1 FROM erased WHERE mark = ?1", [mark(id)], |_| Ok(()));
            if erased.optional()?.is_some() {
                return Ok(Shared::Erased);
            }
            let changed = transaction.execute(
                "INSERT INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET
                 terms = excluded.terms, day = excluded.day, agreed = excluded.agreed, signal = excluded.signal,
                 pack = excluded.pack, labels = excluded.labels WHERE excluded.day >= held.day",
                params![
                    id.0,
                    labels.terms.0,
                    labels.day,
                    labels.agreed,
                    labels.signal.name(),
                    labels.pack.0,
                    bits(&labels.held)
                ],
            )?;
            Ok(if changed == 1 { Shared::Kept } else { Shared::Known })
        })
    }

    /// Erases everything a name stands for; durable when it returns. One that is not there is marked as erased all the same: its message
    /// may be on its way.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn erase(&self, id: LabelId, today: u32) -> rusqlite::Result<()> {
        self.change(|transaction| {
            transaction.execute("DELETE FROM held WHERE id = ?1", [id.0])?;
            transaction.execute("INSERT OR REPLACE INTO erased VALUES (?1, ?2)", params![mark(id), today])?;
            queue::erase(transaction, id)
        })
    }

    /// Forgets what was not renewed for as long as its terms keep it, and marks no message can meet any more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&self, terms: &[LabelTerms], today: u32) -> rusqlite::Result<()> {
        self.change(|transaction| {
            for terms in terms {
                let since = today.saturating_sub(terms.keep_days);
                transaction.execute(
                    "DELETE FROM held WHERE terms = ?1 AND day < ?2",
                    params![terms.hash().0, since],
                )?;
            }
            transaction.execute("DELETE FROM held WHERE day < ?1", [today.saturating_sub(LONGEST_DAYS)])?;
            transaction.execute("DELETE FROM erased WHERE day < ?1", [today.saturating_sub(MARK_DAYS)])?;
            Ok(())
        })
    }

    /// Changes labels, in one transaction.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut shelf = self.lock();
        let before = shelf.connection.total_changes();
        let transaction = shelf.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        shelf.changes += shelf.connection.total_changes() - before;
        Ok(done)
    }

    /// Lists every name under these terms, in the order of the names, which is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn held(&self, terms: &LabelTerms) -> rusqlite::Result<Vec<Held>> {
        held(&self.lock().connection, terms)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shelf> {
        // A transaction that panicked was rolled back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists every name under these terms.
pub(super) fn held(connection: &Connection, terms: &LabelTerms) -> rusqlite::Result<Vec<Held>> {
    let mut list = connection
        .prepare("SELECT id, day, agreed, signal, pack, labels FROM held WHERE terms = ?1 ORDER BY id")?;
    list.query_map([terms.hash().0], read)?.collect()
}

/// Finds what a name stands for, and the hash of the terms it is under.
pub(super) fn held_under(
    connection: &Connection,
    id: [u8; 16],
) -> rusqlite::Result<Option<(Held, [u8; 16])>> {
    let one = "SELECT id, day, agreed, signal, pack, labels, terms FROM held WHERE id = ?1";
    connection.query_row(one, [id], |row| Ok((read(row)?, row.get(6)?))).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Held> {
    let bits: Vec<u8> = row.get(5)?;
    Ok(Held {
        id: LabelId(row.get(0)?),
        day: row.get(1)?,
        agreed: row.get(2)?,
        signal: row.get(3)?,
        pack: row.get(4)?,
        labels: bits.iter().map(|bit| *bit == 1).collect(),
    })
}

/// Writes labels as a file keeps them.
pub(super) fn bits(labels: &[bool]) -> Vec<u8> {
    labels.iter().map(|label| u8::from(*label)).collect()
}

/// Gives a store of the format before its queue.
fn add_queue(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(queue::TABLES)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// What is remembered of a name that was erased: nobody can find the name in it.
fn mark(id: LabelId) -> [u8; 32] {
    sha256(&[b"keepset label erased 1", &id.0])
}
