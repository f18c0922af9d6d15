//! Answers that the file keeps for an archive.

use keepset_wire::{Epoch, ReportId, Window};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::super::engine::{BATCH, Broken, Seen};
use super::super::kept::{Keeping, Kept};
use super::windows;
use crate::admit::Admitted;

/// Keeps a report that is new, or the second one of an id whose copies disagree, and tells what that makes of it.
pub(super) fn look(
    transaction: &Transaction<'_>,
    keeping: &Keeping,
    admitted: &Admitted,
    new: bool,
) -> rusqlite::Result<Seen> {
    let window = admitted.window();
    if new {
        keep(transaction, window, &Kept::of(admitted, 0))?;
        return Ok(Seen::New);
    }
    let first =
        "SELECT id, copy, epoch, question, answer FROM kept WHERE window = ?1 AND id = ?2 AND copy = 0";
    let mut first = transaction.prepare_cached(first)?;
    let first = first.query_row(params![window.0, admitted.report().id.0], read).optional()?;
    match first.map(|first| keeping.beside(&first, admitted)) {
        // The first dispute takes the votes back; of a third answer nothing needs to be known.
        Some(disputes @ Seen::Disputes { .. }) if keep(transaction, window, &Kept::of(admitted, 1))? => {
            Ok(disputes)
        }
        _ => Ok(Seen::Again),
    }
}

/// Keeps an answer; tells whether it was not there.
pub(super) fn keep(transaction: &Transaction<'_>, window: Window, kept: &Kept) -> rusqlite::Result<bool> {
    let mut insert =
        transaction.prepare_cached("INSERT OR IGNORE INTO kept VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let Kept { id, copy, epoch, question, answer } = kept;
    Ok(insert.execute(params![window.0, id.0, copy, epoch.0, question, answer])? > 0)
}

/// Lists the windows of which answers are kept and not sealed, in their order.
pub(super) fn unsealed(connection: &Connection) -> rusqlite::Result<Vec<Window>> {
    let (mut kept, sealed) = (windows(connection, "kept")?, windows(connection, "sealed")?);
    kept.retain(|window| !sealed.contains(window));
    Ok(kept)
}

/// Reads answers of one window from behind the last one read.
pub(super) fn after(
    connection: &Connection,
    window: Window,
    last: Option<&Kept>,
) -> Result<Vec<Kept>, Broken> {
    let after = "SELECT id, copy, epoch, question, answer FROM kept
        WHERE window = ?1 AND (id, copy) > (?2, ?3) ORDER BY id, copy LIMIT ?4";
    let mut after = connection.prepare_cached(after)?;
    let (id, copy) = last.map_or((Vec::new(), 0), |last| (last.id.0.to_vec(), last.copy));
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let rows = after.query_map(params![window.0, id, copy, limit], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let (id, copy, epoch) = (ReportId(row.get(0)?), row.get(1)?, Epoch(row.get(2)?));
    Ok(Kept { id, copy, epoch, question: row.get(3)?, answer: row.get(4)? })
}

/// Deletes some answers of sealed windows, and the mark of a window that has none left; returns how many were deleted.
pub(super) fn drop_sealed(connection: &mut Connection, most: usize) -> Result<usize, Broken> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dropped = transaction.execute(
        "DELETE FROM kept WHERE (window, id, copy) IN
         (SELECT window, id, copy FROM kept WHERE window IN (SELECT window FROM sealed) LIMIT ?1)",
        params![i64::try_from(most).unwrap_or(i64::MAX)],
    )?;
    transaction.execute(
        "DELETE FROM sealed WHERE NOT EXISTS (SELECT 1 FROM kept WHERE kept.window = sealed.window)",
        [],
    )?;
    transaction.commit()?;
    Ok(dropped)
}
