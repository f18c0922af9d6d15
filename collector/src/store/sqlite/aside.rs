//! What is counted beside the votes, in the file.

use keepset_wire::Epoch;
use rusqlite::{Transaction, params};

use super::super::Checks;
use super::super::engine::{Aside, Late};
use super::super::tally::{check_rows, read_check};

/// Adds to it.
pub(super) fn add(transaction: &Transaction<'_>, aside: &Aside) -> rusqlite::Result<()> {
    let mut late = transaction.prepare_cached(
        "INSERT INTO late VALUES (?1, ?2) ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
    )?;
    for (epoch, reports) in &aside.late {
        late.execute(params![epoch.0, reports])?;
    }
    let mut checks = transaction.prepare_cached(
        "INSERT INTO checks VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET votes = votes + excluded.votes",
    )?;
    for (epoch, question, part, counter, votes) in check_rows(&aside.checks) {
        checks.execute(params![epoch.0, question, part, counter, votes])?;
    }
    Ok(())
}

/// Reads it.
pub(super) fn read(transaction: &Transaction<'_>) -> rusqlite::Result<Aside> {
    let (mut late, mut checks) = (Late::new(), Checks::new());
    let mut select = transaction.prepare_cached("SELECT epoch, reports FROM late")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        late.insert(Epoch(row.get(0)?), row.get(1)?);
    }
    let mut select =
        transaction.prepare_cached("SELECT epoch, question, part, counter, votes FROM checks")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let key = (Epoch(row.get(0)?), row.get(1)?, row.get::<_, String>(2)?.into());
        read_check(&mut checks, key, row.get(3)?, row.get(4)?);
    }
    Ok(Aside { late, checks })
}
