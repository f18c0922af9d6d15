//! Tokens that were spent: a table for the last window in which they could come, dropped whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keepset_wire::Window;
use postgres::{GenericClient, Row, Transaction};

use super::super::StoreError;
use super::super::engine::{BATCH, Refusals, Spent};
use super::windows::SPENT;
use super::{Prepared, unrefused};
use crate::admit::Admitted;

/// A token and the last window in which it could come.
type Marked = (Window, [u8; 16]);

/// Binds the tokens of the requests that are not refused to their reports; where one is bound to another report already, its request is
/// refused, and nothing of it is bound.
pub(super) fn spend(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    requests: &[Vec<Admitted>],
    refused: &mut Refusals,
) -> Result<(), postgres::Error> {
    let wanted = by_window(requests, refused);
    if wanted.is_empty() {
        return Ok(());
    }
    let (mut new, mut bounds) = (BTreeSet::new(), HashMap::new());
    for (window, spent) in wanted {
        let rows = insert(transaction, prepared, window, &spent)?;
        new.extend(rows.iter().filter_map(mark).map(|mark| (window, mark)));
        // Asked after the rows above are ours, so that what another commit has bound is seen.
        let bound = format!("SELECT mark, bound FROM {} WHERE mark = ANY($1)", SPENT.table(window));
        let bound = prepared.statement(transaction, &bound)?;
        let rows = transaction.query(&bound, &[&marks(&spent)])?;
        bounds.extend(rows.iter().filter_map(read).map(|(mark, bound)| ((window, mark), bound)));
    }
    let kept = refuse_spent(requests, refused, &bounds);
    unbind(transaction, prepared, new.difference(&kept))
}

/// Gathers tokens, each with the first report that brings it, in one order everywhere, so that no two transactions wait in a circle.
fn by_window(requests: &[Vec<Admitted>], refused: &Refusals) -> BTreeMap<Window, Vec<Spent>> {
    let mut first: BTreeMap<Marked, [u8; 16]> = BTreeMap::new();
    for spend in unrefused(requests, refused).filter_map(Admitted::spend) {
        first.entry((spend.window, spend.mark)).or_insert(spend.bound);
    }
    let mut by_window: BTreeMap<Window, Vec<Spent>> = BTreeMap::new();
    first
        .into_iter()
        .for_each(|((window, mark), bound)| by_window.entry(window).or_default().push((mark, bound)));
    by_window
}

/// Refuses requests whose token is bound to another report, and returns the tokens of the others.
fn refuse_spent(
    requests: &[Vec<Admitted>],
    refused: &mut Refusals,
    bounds: &HashMap<Marked, [u8; 16]>,
) -> BTreeSet<Marked> {
    let elsewhere = |admitted: &Admitted| {
        admitted.spend().is_some_and(|spend| bounds.get(&(spend.window, spend.mark)) != Some(&spend.bound))
    };
    let mut kept = BTreeSet::new();
    for (request, refused) in requests.iter().zip(refused).filter(|(_, refused)| refused.is_none()) {
        match request.iter().position(elsewhere) {
            Some(index) => *refused = Some(StoreError::Spent { index }),
            None => kept
                .extend(request.iter().filter_map(Admitted::spend).map(|spend| (spend.window, spend.mark))),
        }
    }
    kept
}

/// Takes back what only refused requests brought.
fn unbind<'a>(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    marked: impl Iterator<Item = &'a Marked>,
) -> Result<(), postgres::Error> {
    for (window, mark) in marked {
        let delete = format!("DELETE FROM {} WHERE mark = $1", SPENT.table(*window));
        let delete = prepared.statement(transaction, &delete)?;
        transaction.execute(&delete, &[&&mark[..]])?;
    }
    Ok(())
}

/// Writes down those that are not there, and returns them.
pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    window: Window,
    spent: &[Spent],
) -> Result<Vec<Row>, postgres::Error> {
    let insert = format!(
        "INSERT INTO {} (mark, bound) SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[]) ON CONFLICT DO NOTHING RETURNING mark",
        SPENT.table(window)
    );
    let insert = prepared.statement(transaction, &insert)?;
    let bounds: Vec<&[u8]> = spent.iter().map(|(_, bound)| &bound[..]).collect();
    transaction.query(&insert, &[&marks(spent), &bounds])
}

/// Reads those of a window that come after the last one read.
pub(super) fn after(
    client: &mut impl GenericClient,
    window: Window,
    last: Option<&Spent>,
) -> Result<Vec<Spent>, postgres::Error> {
    let last = last.map_or(&[][..], |(mark, _)| mark);
    let after = format!(
        "SELECT mark, bound FROM {} WHERE mark > $1 ORDER BY mark LIMIT {BATCH}",
        SPENT.table(window)
    );
    Ok(client.query(&after, &[&last])?.iter().filter_map(read).collect())
}

fn marks(spent: &[Spent]) -> Vec<&[u8]> {
    spent.iter().map(|(mark, _)| &mark[..]).collect()
}

fn mark(row: &Row) -> Option<[u8; 16]> {
    row.get::<_, &[u8]>(0).try_into().ok()
}

fn read(row: &Row) -> Option<Spent> {
    Some((mark(row)?, row.get::<_, &[u8]>(1).try_into().ok()?))
}
