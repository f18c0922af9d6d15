//! The file itself: what it is made of, how it is told apart from others, and older formats.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::made::{FILLING, Made, OPEN};
use super::super::{OpenError, Purpose};
use crate::sqlite_file::{FileKind, PATIENCE, mark};

/// "kset", so that a file of another program is told apart.
const APPLICATION: i64 = 0x6b73_6574;
const FORMAT: i64 = 5;

/// None holds a time or the order of arrival. No table joins an id with an answer but `kept`, which is filled for an archive alone.
const TABLES: &str = "
    CREATE TABLE purpose (plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation INTEGER NOT NULL,
        closed_before INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'open', archived INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE tally (epoch INTEGER NOT NULL, question INTEGER NOT NULL, reports INTEGER NOT NULL,
        PRIMARY KEY (epoch, question)) STRICT, WITHOUT ROWID;
    CREATE TABLE support (epoch INTEGER NOT NULL, question INTEGER NOT NULL, cell INTEGER NOT NULL,
        votes INTEGER NOT NULL, PRIMARY KEY (epoch, question, cell)) STRICT, WITHOUT ROWID;
    CREATE TABLE counted (window INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (window, id)) STRICT, WITHOUT ROWID;
    CREATE TABLE late (epoch INTEGER PRIMARY KEY, reports INTEGER NOT NULL) STRICT;
    CREATE TABLE kept (window INTEGER NOT NULL, id BLOB NOT NULL, copy INTEGER NOT NULL, epoch INTEGER NOT NULL,
        question INTEGER NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (window, id, copy)) STRICT, WITHOUT ROWID;
    CREATE TABLE sealed (window INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE checks (epoch INTEGER NOT NULL, question INTEGER NOT NULL, part TEXT NOT NULL, counter INTEGER NOT NULL,
        votes INTEGER NOT NULL, PRIMARY KEY (epoch, question, part, counter)) STRICT, WITHOUT ROWID;
    CREATE TABLE spent (window INTEGER NOT NULL, mark BLOB NOT NULL, bound BLOB NOT NULL, PRIMARY KEY (window, mark)) STRICT, WITHOUT ROWID;
";

/// What format 2 has that format 1 had not.
const SINCE_FORMAT_1: &str = "
    ALTER TABLE purpose ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
    CREATE TABLE late (epoch INTEGER PRIMARY KEY, reports INTEGER NOT NULL) STRICT;
    PRAGMA user_version = 2;
";

/// What format 3 has that format 2 had not.
const SINCE_FORMAT_2: &str = "
    ALTER TABLE purpose ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE kept (window INTEGER NOT NULL, id BLOB NOT NULL, copy INTEGER NOT NULL, epoch INTEGER NOT NULL,
        question INTEGER NOT NULL, answer BLOB NOT NULL, PRIMARY KEY (window, id, copy)) STRICT, WITHOUT ROWID;
    CREATE TABLE sealed (window INTEGER PRIMARY KEY) STRICT;
    PRAGMA user_version = 3;
";

/// What format 4 has that format 3 had not.
const SINCE_FORMAT_3: &str = "
    CREATE TABLE checks (epoch INTEGER NOT NULL, question INTEGER NOT NULL, part TEXT NOT NULL, counter INTEGER NOT NULL,
        votes INTEGER NOT NULL, PRIMARY KEY (epoch, question, part, counter)) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 4;
";

/// What format 5 has that format 4 had not.
const SINCE_FORMAT_4: &str = "
    CREATE TABLE spent (window INTEGER NOT NULL, mark BLOB NOT NULL, bound BLOB NOT NULL, PRIMARY KEY (window, mark)) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 5;
";

/// Opens a store for this purpose, or makes it.
pub(super) fn open(path: &Path, purpose: &Purpose) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path)?;
    prepare(&mut connection, |connection| match read_made(connection)? {
        Some(made) => {
            if made.check_open_for(purpose, || has_ids(connection))? {
                connection.execute("UPDATE purpose SET archived = 1", [])?;
            }
            Ok(())
        }
        None => make(connection, purpose, OPEN),
    })?;
    Ok(connection)
}

/// Opens a store that is there.
pub(super) fn open_existing(path: &Path) -> Result<(Connection, Purpose), OpenError> {
    if !path.is_file() {
        return Err(OpenError::Missing);
    }
    let mut connection = Connection::open(path)?;
    let mut found = None;
    prepare(&mut connection, |connection| {
        found = Some(read_made(connection)?.ok_or(OpenError::Missing)?.open_purpose()?);
        Ok(())
    })?;
    found.map(|purpose| (connection, purpose)).ok_or(OpenError::Missing)
}

/// Makes a store that is to be filled; one that was never filled is begun anew.
pub(super) fn create(path: &Path, purpose: &Purpose) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path)?;
    prepare(&mut connection, |connection| match read_made(connection)? {
        None => make(connection, purpose, FILLING),
        Some(made) => made.check_filling_for(purpose),
    })?;
    Ok(connection)
}

/// Sets the connection up and does `work` in one transaction.
fn prepare(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    connection.busy_timeout(PATIENCE)?;
    check_file(connection)?;
    // FULL: a commit returns only after the log reached the disk. secure_delete: a forgotten id is overwritten.
    connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (format, changes) in
        [(1, SINCE_FORMAT_1), (2, SINCE_FORMAT_2), (3, SINCE_FORMAT_3), (4, SINCE_FORMAT_4)]
    {
        if transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == format {
            transaction.execute_batch(changes)?;
        }
    }
    work(&transaction)?;
    Ok(transaction.commit()?)
}

/// Looks before anything is written, so that another program's file is left as it is.
fn check_file(connection: &Connection) -> Result<(), OpenError> {
    match FileKind::of(connection, APPLICATION)? {
        FileKind::Ours(format) if format > FORMAT => Err(OpenError::Newer { format }),
        FileKind::Ours(_) | FileKind::New => Ok(()),
        FileKind::Foreign => Err(OpenError::NotAStore),
    }
}

/// Reads what a file says of itself; nothing where there are no tables.
fn read_made(connection: &Connection) -> Result<Option<Made>, OpenError> {
    let there = connection.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'purpose'", [], |_| Ok(()));
    if there.optional()?.is_none() {
        return Ok(None);
    }
    let row = |row: &rusqlite::Row<'_>| {
        let (plan_hash, plan, simulation) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Made { plan_hash, plan, simulation, state: row.get(3)?, archived: row.get(4)? })
    };
    let made = "SELECT plan_hash, plan, simulation, state, archived FROM purpose";
    Ok(Some(connection.query_row(made, [], row)?))
}

fn has_ids(connection: &Connection) -> Result<bool, OpenError> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM counted)", [], |row| row.get(0))?)
}

fn make(connection: &Connection, purpose: &Purpose, state: &str) -> Result<(), OpenError> {
    connection.execute_batch(TABLES)?;
    let (hash, plan) = (purpose.plan.hash().to_string(), purpose.plan.to_json().to_string());
    connection.execute(
        "INSERT INTO purpose VALUES (?1, ?2, ?3, 0, ?4, ?5)",
        params![hash, plan, purpose.simulation, state, purpose.archived],
    )?;
    Ok(mark(connection, APPLICATION, FORMAT)?)
}
