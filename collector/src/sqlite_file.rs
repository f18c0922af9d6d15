//! What a file of SQLite is: ours and of which format, new, or another program's; looked at before anything is written.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// How long a connection waits for another's lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a file is told from which what is deleted is gone to the byte, durably: a log beside it would keep what is erased, so a journal is cut to
/// nothing with each commit, and what is deleted is overwritten with zeros.
pub(crate) const FORGETFUL: &str =
    "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Nothing is in it.
    New,
    /// One of ours, of this format.
    Ours(i64),
    /// Another program's, or another of ours.
    Foreign,
}

impl FileKind {
    /// Looks whose a file is, by the number its programs mark it with.
    pub(crate) fn of(connection: &Connection, application: i64) -> rusqlite::Result<Self> {
        let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (marked, format) = (number("application_id")?, number("user_version")?);
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        Ok(match marked {
            _ if marked == application => Self::Ours(format),
            0 if format == 0 && tables? == 0 => Self::New,
            _ => Self::Foreign,
        })
    }
}

/// Makes a new file one of ours, whole or not at all.
pub(crate) fn make(
    file: &mut Connection,
    tables: &[&str],
    application: i64,
    format: i64,
) -> rusqlite::Result<()> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tables.iter().try_for_each(|tables| transaction.execute_batch(tables))?;
    mark(&transaction, application, format)?;
    transaction.commit()
}

/// Marks a file as one of ours, of this format.
pub(crate) fn mark(connection: &Connection, application: i64, format: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", application)?;
    connection.pragma_update(None, "user_version", format)
}

/// Opens a file beside the connection that writes.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(PATIENCE)?;
    Ok(reader)
}
