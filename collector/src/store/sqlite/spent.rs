//! Tokens that were spent, in the file.

use std::collections::BTreeMap;

use keepset_wire::Window;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::super::StoreError;
use super::super::engine::{BATCH, Broken, Spent};
use crate::admit::Admitted;
use crate::report_tokens::Spend;

/// Binds the tokens of a request to its reports; where one is bound to another report already, the request is refused and binds none.
pub(super) fn spend(
    transaction: &Transaction<'_>,
    request: &[Admitted],
) -> rusqlite::Result<Option<StoreError>> {
    let mut new: BTreeMap<(Window, [u8; 16]), [u8; 16]> = BTreeMap::new();
    for (index, admitted) in request.iter().enumerate() {
        let Some(Spend { mark, bound, window }) = admitted.spend() else { continue };
        let known = match new.get(&(window, mark)) {
            Some(bound) => Some(*bound),
            None => read(transaction, window, &mark)?,
        };
        match known {
            Some(known) if known != bound => return Ok(Some(StoreError::Spent { index })),
            Some(_) => {}
            None => {
                new.insert((window, mark), bound);
            }
        }
    }
    new.iter().try_for_each(|((window, mark), bound)| write(transaction, *window, &(*mark, *bound)))?;
    Ok(None)
}

fn read(transaction: &Transaction<'_>, window: Window, mark: &[u8]) -> rusqlite::Result<Option<[u8; 16]>> {
    let mut read = transaction.prepare_cached("SELECT bound FROM spent WHERE window = ?1 AND mark = ?2")?;
    read.query_row(params![window.0, mark], |row| row.get(0)).optional()
}

/// Writes one down.
pub(super) fn write(
    transaction: &Transaction<'_>,
    window: Window,
    (mark, bound): &Spent,
) -> rusqlite::Result<()> {
    let mut write = transaction.prepare_cached("INSERT INTO spent VALUES (?1, ?2, ?3)")?;
    write.execute(params![window.0, mark, bound]).map(|_| ())
}

/// Reads those of a window that come after the last one read.
pub(super) fn after(
    transaction: &Transaction<'_>,
    window: Window,
    last: Option<&Spent>,
) -> Result<Vec<Spent>, Broken> {
    let after = "SELECT mark, bound FROM spent WHERE window = ?1 AND mark > ?2 ORDER BY mark LIMIT ?3";
    let mut after = transaction.prepare_cached(after)?;
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let last = last.map_or(&[][..], |(mark, _)| mark);
    let spent = after.query_map(params![window.0, last, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(spent.collect::<Result<_, _>>()?)
}
