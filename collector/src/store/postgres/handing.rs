//! What is in the tables, read out and written in whole.

use keepset_wire::{ReportId, Window};
use postgres::{Client, Transaction};

use super::super::Tallies;
use super::super::engine::{BATCH, Broken, Contents, Leave, Part, Parts, Receive};
use super::super::kept::Walk;
use super::super::made::{MOVED, OPEN};
use super::windows::{IDS, KEPT, SPENT};
use super::{Prepared, aside, counts, keeping, snapshot, spent, standing};

/// Reads everything but the ids.
pub(super) fn contents(transaction: &mut Transaction<'_>) -> Result<Contents, postgres::Error> {
    let mut contents = Contents::closed_before(standing(transaction, "")?.0);
    contents.tallies = counts::read(transaction)?;
    contents.aside = aside::read(transaction)?;
    Ok(contents)
}

/// Hands everything over; nobody counts meanwhile when the tables are to be left.
pub(super) fn hand_over(client: &mut Client, leave: Leave, receive: &mut Receive<'_>) -> Result<(), Broken> {
    let mut transaction = match leave {
        Leave::Open => snapshot(client)?,
        // Whoever counts holds a share of this row until the commit. What is read after the lock is what was committed before it.
        Leave::Moved => client.transaction()?,
    };
    if leave == Leave::Moved {
        standing(&mut transaction, "FOR UPDATE")?;
    }
    let contents = contents(&mut transaction)?;
    let mut ids = Walk::new(IDS.all(&mut transaction)?);
    let mut kept = Walk::new(KEPT.all(&mut transaction)?);
    let mut spent = Walk::new(SPENT.all(&mut transaction)?);
    receive(&contents, &mut || {
        if let Some((window, ids)) = ids.next(|window, last| ids_after(&mut transaction, window, last))? {
            return Ok(Some((window, Part::Ids(ids))));
        }
        if let Some((window, spent)) =
            spent.next(|window, last| spent::after(&mut transaction, window, last))?
        {
            return Ok(Some((window, Part::Spent(spent))));
        }
        let kept = kept.next(|window, last| keeping::after(&mut transaction, window, last))?;
        Ok(kept.map(|(window, kept)| (window, Part::Kept(kept))))
    })?;
    if leave == Leave::Moved {
        transaction.execute("UPDATE keepset_purpose SET state = $1", &[&MOVED])?;
    }
    Ok(transaction.commit()?)
}

/// Reads ids of a window that come after the last one read.
fn ids_after(
    transaction: &mut Transaction<'_>,
    window: Window,
    last: Option<&ReportId>,
) -> Result<Vec<ReportId>, postgres::Error> {
    let last = last.map_or(&[][..], |last| &last.0);
    let after = format!("SELECT id FROM {} WHERE id > $1 ORDER BY id LIMIT {BATCH}", IDS.table(window));
    let rows = transaction.query(&after, &[&last])?;
    Ok(rows.iter().filter_map(|row| row.get::<_, &[u8]>(0).try_into().ok().map(ReportId)).collect())
}

/// Writes everything; a crash leaves the tables as ones that are to be filled.
pub(super) fn receive(
    client: &mut Client,
    prepared: &mut Prepared,
    slot: i32,
    contents: &Contents,
    parts: &mut Parts<'_>,
) -> Result<(), Broken> {
    let mut transaction = client.transaction()?;
    counts::add(&mut transaction, prepared, slot, &contents.tallies, &Tallies::new())?;
    aside::add(&mut transaction, &contents.aside)?;
    while let Some((window, part)) = parts()? {
        match part {
            Part::Ids(ids) => {
                IDS.make(&mut transaction, window)?;
                let insert = format!("INSERT INTO {} (id) SELECT unnest($1::BYTEA[])", IDS.table(window));
                let ids: Vec<&[u8]> = ids.iter().map(|id| id.0.as_slice()).collect();
                transaction.execute(&insert, &[&ids])?;
            }
            Part::Kept(kept) => {
                KEPT.make(&mut transaction, window)?;
                keeping::keep(&mut transaction, prepared, window, &kept)?;
            }
            Part::Spent(spent) => {
                SPENT.make(&mut transaction, window)?;
                spent::insert(&mut transaction, prepared, window, &spent)?;
            }
        }
    }
    let done = "UPDATE keepset_purpose SET closed_before = $1, state = $2";
    transaction.execute(done, &[&i64::from(contents.closed_before.0), &OPEN])?;
    Ok(transaction.commit()?)
}
