//! What is in the file, read out and written in whole.

use keepset_wire::{Epoch, ReportId, Window};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::super::engine::{BATCH, Broken, Contents, Leave, Part, Parts, Receive};
use super::super::kept::Walk;
use super::super::made::{MOVED, OPEN};
use super::{add_tallies, aside, keeping, spent, windows};

/// Reads everything but the ids.
pub(super) fn contents(transaction: &Transaction<'_>) -> Result<Contents, Broken> {
    let closed_before = transaction.query_row("SELECT closed_before FROM purpose", [], |row| row.get(0))?;
    let mut contents = Contents::closed_before(Epoch(closed_before));
    let mut reports =
        transaction.prepare_cached("SELECT epoch, question, reports FROM tally WHERE reports > 0")?;
    let mut rows = reports.query([])?;
    while let Some(row) = rows.next()? {
        contents.tallies.entry((Epoch(row.get(0)?), row.get(1)?)).or_default().reports = row.get(2)?;
    }
    let mut support =
        transaction.prepare_cached("SELECT epoch, question, cell, votes FROM support WHERE votes > 0")?;
    let mut rows = support.query([])?;
    while let Some(row) = rows.next()? {
        let tally = contents.tallies.entry((Epoch(row.get(0)?), row.get(1)?)).or_default();
        tally.vote(row.get(2)?, row.get(3)?);
    }
    contents.aside = aside::read(transaction)?;
    Ok(contents)
}

/// Hands everything over; nobody else writes meanwhile when the file is to be left.
pub(super) fn hand_over(
    connection: &mut Connection,
    leave: Leave,
    receive: &mut Receive<'_>,
) -> Result<(), Broken> {
    let behavior = match leave {
        Leave::Open => TransactionBehavior::Deferred,
        Leave::Moved => TransactionBehavior::Immediate,
    };
    let transaction = connection.transaction_with_behavior(behavior)?;
    let contents = contents(&transaction)?;
    let mut ids = Walk::new(windows(&transaction, "counted")?);
    let mut kept = Walk::new(keeping::unsealed(&transaction)?);
    let mut spent = Walk::new(windows(&transaction, "spent")?);
    receive(&contents, &mut || {
        if let Some((window, ids)) = ids.next(|window, last| ids_after(&transaction, window, last))? {
            return Ok(Some((window, Part::Ids(ids))));
        }
        if let Some((window, spent)) = spent.next(|window, last| spent::after(&transaction, window, last))? {
            return Ok(Some((window, Part::Spent(spent))));
        }
        let kept = kept.next(|window, last| keeping::after(&transaction, window, last))?;
        Ok(kept.map(|(window, kept)| (window, Part::Kept(kept))))
    })?;
    if leave == Leave::Moved {
        transaction.execute("UPDATE purpose SET state = ?1", params![MOVED])?;
    }
    Ok(transaction.commit()?)
}

/// Reads ids of a window that come after the last one read.
fn ids_after(
    transaction: &Transaction<'_>,
    window: Window,
    last: Option<&ReportId>,
) -> Result<Vec<ReportId>, Broken> {
    let after = "SELECT id FROM counted WHERE window = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut after = transaction.prepare_cached(after)?;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let last = last.map_or(&[][..], |last| &last.0);
    let ids = after.query_map(params![window.0, last, limit], |row| row.get(0).map(ReportId))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Writes everything; a crash leaves the file as one that is to be filled.
pub(super) fn receive(
    connection: &mut Connection,
    contents: &Contents,
    parts: &mut Parts<'_>,
) -> Result<(), Broken> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    add_tallies(&transaction, &contents.tallies)?;
    aside::add(&transaction, &contents.aside)?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO counted VALUES (?1, ?2)")?;
        while let Some((window, part)) = parts()? {
            match part {
                Part::Ids(ids) => {
                    ids.iter().try_for_each(|id| insert.execute(params![window.0, id.0]).map(|_| ()))?
                }
                Part::Kept(kept) => {
                    kept.iter().try_for_each(|kept| keeping::keep(&transaction, window, kept).map(|_| ()))?;
                }
                Part::Spent(spent) => {
                    spent.iter().try_for_each(|spent| spent::write(&transaction, window, spent))?;
                }
            }
        }
    }
    let done = "UPDATE purpose SET closed_before = ?1, state = ?2";
    transaction.execute(done, params![contents.closed_before.0, OPEN])?;
    Ok(transaction.commit()?)
}
