//! Answers that the database keeps for an archive: a table per window, dropped whole.

use std::collections::{BTreeMap, HashMap, HashSet};

use keepset_wire::{Epoch, ReportId, Window};
use postgres::{GenericClient, Row, Transaction};

use super::super::StoreError;
use super::super::engine::{BATCH, Seen, Settled, settle};
use super::super::kept::{Keeping, Kept};
use super::windows::KEPT;
use super::{Named, Prepared, ids_by_window, narrow};
use crate::admit::Admitted;

/// Reads answers of a window from behind the last one read.
pub(super) fn after(
    client: &mut impl GenericClient,
    window: Window,
    last: Option<&Kept>,
) -> Result<Vec<Kept>, postgres::Error> {
    let (id, copy) = last.map_or((Vec::new(), 0), |last| (last.id.0.to_vec(), i32::from(last.copy)));
    let after = format!(
        "SELECT id, copy, epoch, question, answer FROM {} WHERE (id, copy) > ($1, $2) ORDER BY id, copy LIMIT {BATCH}",
        KEPT.table(window)
    );
    Ok(client.query(&after, &[&id, &copy])?.iter().filter_map(read).collect())
}

fn read(row: &Row) -> Option<Kept> {
    Some(Kept {
        id: ReportId(row.get::<_, &[u8]>(0).try_into().ok()?),
        copy: narrow(row.get::<_, i32>(1)),
        epoch: Epoch(narrow(row.get::<_, i64>(2))),
        question: narrow(row.get::<_, i32>(3)),
        answer: row.get(4),
    })
}

/// Counts reports and keeps those that are `new`, and the second ones of ids whose copies disagree.
pub(super) fn settle_keeping(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    keeping: &Keeping,
    (requests, refused): (&[Vec<Admitted>], &[Option<StoreError>]),
    new: &mut HashSet<Named>,
) -> Result<Settled, postgres::Error> {
    let mut known = Known::read(transaction, prepared, (requests, refused), new)?;
    let settled = settle(requests, refused, |admitted| Ok(known.look(keeping, admitted, new)))?;
    for (window, kept) in &known.to_keep {
        keep(transaction, prepared, *window, kept)?;
    }
    Ok(settled)
}

/// What is known of the ids of a commit.
#[derive(Default)]
struct Known {
    firsts: HashMap<Named, Kept>,
    disputed: HashSet<Named>,
    to_keep: BTreeMap<Window, Vec<Kept>>,
}

impl Known {
    /// Reads what is kept under the ids that are not new, and holds it until the commit: two commits do not take back the same votes.
    fn read(
        transaction: &mut Transaction<'_>,
        prepared: &mut Prepared,
        (requests, refused): (&[Vec<Admitted>], &[Option<StoreError>]),
        new: &HashSet<Named>,
    ) -> Result<Self, postgres::Error> {
        let mut known = Self::default();
        for (window, ids) in ids_by_window(requests, refused, |named| !new.contains(named)) {
            let table = KEPT.table(window);
            let firsts = format!(
                "SELECT id, copy, epoch, question, answer FROM {table} WHERE id = ANY($1) AND copy = 0 ORDER BY id FOR UPDATE"
            );
            let firsts = prepared.statement(transaction, &firsts)?;
            let firsts = transaction.query(&firsts, &[&ids])?;
            known.firsts.extend(firsts.iter().filter_map(read).map(|first| ((window, first.id.0), first)));
            // Asked after the rows above are held, so that what another commit has disputed is seen.
            let seconds = format!("SELECT id FROM {table} WHERE id = ANY($1) AND copy = 1");
            let seconds = prepared.statement(transaction, &seconds)?;
            let seconds = transaction.query(&seconds, &[&ids])?;
            let seconds = seconds.iter().filter_map(|row| row.get::<_, &[u8]>(0).try_into().ok());
            known.disputed.extend(seconds.map(|id| (window, id)));
        }
        Ok(known)
    }

    fn look(&mut self, keeping: &Keeping, admitted: &Admitted, new: &mut HashSet<Named>) -> Seen {
        let named = (admitted.window(), admitted.report().id.0);
        if new.remove(&named) {
            let first = Kept::of(admitted, 0);
            self.to_keep.entry(named.0).or_default().push(first.clone());
            self.firsts.insert(named, first);
            return Seen::New;
        }
        match self.firsts.get(&named).map(|first| keeping.beside(first, admitted)) {
            // The first dispute takes the votes back; of a third answer nothing needs to be known.
            Some(disputes @ Seen::Disputes { .. }) if self.disputed.insert(named) => {
                self.to_keep.entry(named.0).or_default().push(Kept::of(admitted, 1));
                disputes
            }
            _ => Seen::Again,
        }
    }
}

/// Keeps answers of a window.
pub(super) fn keep(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    window: Window,
    kept: &[Kept],
) -> Result<(), postgres::Error> {
    let keep = format!(
        "INSERT INTO {} SELECT * FROM unnest($1::BYTEA[], $2::INTEGER[], $3::BIGINT[], $4::INTEGER[], $5::BYTEA[])",
        KEPT.table(window)
    );
    let ids: Vec<&[u8]> = kept.iter().map(|kept| kept.id.0.as_slice()).collect();
    let copies: Vec<i32> = kept.iter().map(|kept| i32::from(kept.copy)).collect();
    let epochs: Vec<i64> = kept.iter().map(|kept| i64::from(kept.epoch.0)).collect();
    let questions: Vec<i32> = kept.iter().map(|kept| i32::from(kept.question)).collect();
    let answers: Vec<&[u8]> = kept.iter().map(|kept| kept.answer.as_slice()).collect();
    let keep = prepared.statement(transaction, &keep)?;
    transaction.execute(&keep, &[&ids, &copies, &epochs, &questions, &answers])?;
    Ok(())
}
