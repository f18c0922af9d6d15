//! The counts: one row for each epoch, question and slot, whatever the question counts, so that a commit changes one row and not one a cell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keepset_wire::Epoch;
use postgres::{Client, Row, Transaction};

use super::super::{Tallies, Tally};
use super::{Prepared, bigint, narrow, standing};

/// The slot of what was summed.
const FOLDED: i32 = -1;

/// Adds to the counts of a slot, and takes from them what is retracted.
pub(super) fn add(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    slot: i32,
    tallies: &Tallies,
    retracted: &Tallies,
) -> Result<(), postgres::Error> {
    let mut changes = Changes::default();
    tallies.iter().for_each(|(key, tally)| changes.add(*key, tally, 1));
    retracted.iter().for_each(|(key, tally)| changes.add(*key, tally, -1));
    changes.write(transaction, prepared, slot)
}

/// Reads the counts: a slot alone may be below nothing where what another one counted was retracted.
pub(super) fn read(transaction: &mut Transaction<'_>) -> Result<Tallies, postgres::Error> {
    let changes = Changes::read(&transaction.query(READ, &[])?);
    let tally = |change: Change| {
        let mut tally = Tally { reports: narrow(change.reports), support: Vec::new() };
        (0..)
            .zip(change.votes)
            .filter(|(_, votes)| *votes > 0)
            .for_each(|(cell, votes)| tally.vote(cell, narrow(votes)));
        tally
    };
    Ok(changes
        .0
        .into_iter()
        .filter(|(_, change)| change.reports > 0)
        .map(|(key, change)| (key, tally(change)))
        .collect())
}

/// Sums the slots of closed epochs into one; nobody adds to them any more.
pub(super) fn fold(client: &mut Client, prepared: &mut Prepared) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    // Others who fold wait here, and find nothing left to do.
    let (closed_before, _) = standing(&mut transaction, "FOR UPDATE")?;
    let closed = i64::from(closed_before.0);
    let rows = transaction.query(&format!("{READ} WHERE epoch < $1 AND slot >= 0"), &[&closed])?;
    transaction.execute("DELETE FROM keepset_tally WHERE epoch < $1 AND slot >= 0", &[&closed])?;
    Changes::read(&rows).write(&mut transaction, prepared, FOLDED)?;
    transaction.commit()
}

/// Forgets the counts of closed epochs below `epoch`.
pub(super) fn forget(client: &mut Client, epoch: Epoch) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    // Others who fold or forget wait here: what is read to be summed is not forgotten meanwhile.
    let (closed_before, _) = standing(&mut transaction, "FOR UPDATE")?;
    let below = i64::from(epoch.min(closed_before).0);
    for table in ["keepset_tally", "keepset_late", "keepset_checks"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE epoch < $1"), &[&below])?;
    }
    transaction.commit()
}

const READ: &str = "SELECT epoch, question, reports, votes FROM keepset_tally";

/// What counts are raised by.
#[derive(Default)]
struct Changes(BTreeMap<(Epoch, u16), Change>);

#[derive(Default)]
struct Change {
    reports: i64,
    votes: Vec<i64>,
}

impl Changes {
    fn read(rows: &[Row]) -> Self {
        let mut changes = Self::default();
        for row in rows {
            let key = (Epoch(narrow(row.get::<_, i64>(0))), narrow(row.get::<_, i32>(1)));
            changes.0.entry(key).or_default().raise(row.get(2), &row.get::<_, Vec<i64>>(3));
        }
        changes
    }

    fn add(&mut self, key: (Epoch, u16), tally: &Tally, sign: i64) {
        let votes: Vec<i64> = tally.support.iter().map(|votes| sign * bigint(*votes)).collect();
        self.0.entry(key).or_default().raise(sign * bigint(tally.reports), &votes);
    }

    /// Writes all of it in one statement.
    fn write(
        &self,
        transaction: &mut Transaction<'_>,
        prepared: &mut Prepared,
        slot: i32,
    ) -> Result<(), postgres::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let epochs: Vec<i64> = self.0.keys().map(|(epoch, _)| i64::from(epoch.0)).collect();
        let questions: Vec<i32> = self.0.keys().map(|(_, question)| i32::from(*question)).collect();
        let reports: Vec<i64> = self.0.values().map(|change| change.reports).collect();
        let votes: Vec<String> = self.0.values().map(Change::literal).collect();
        let add = prepared.statement(
            transaction,
            "INSERT INTO keepset_tally AS t (epoch, question, slot, reports, votes)
             SELECT e, q, $5, r, CAST(v AS BIGINT[]) FROM unnest($1::BIGINT[], $2::INTEGER[], $3::BIGINT[], $4::TEXT[]) AS new (e, q, r, v)
             ON CONFLICT (epoch, question, slot) DO UPDATE SET reports = t.reports + excluded.reports, votes = ARRAY(
                 SELECT coalesce(a, 0) + coalesce(b, 0) FROM unnest(t.votes, excluded.votes) WITH ORDINALITY AS both_of (a, b, place)
                 ORDER BY place)",
        )?;
        transaction.execute(&add, &[&epochs, &questions, &reports, &votes, &slot])?;
        Ok(())
    }
}

impl Change {
    fn raise(&mut self, reports: i64, votes: &[i64]) {
        self.reports += reports;
        self.votes.resize(self.votes.len().max(votes.len()), 0);
        self.votes.iter_mut().zip(votes).for_each(|(sum, votes)| *sum += votes);
    }

    /// Writes the votes as the database reads an array: a list of arrays is not one of its types.
    fn literal(&self) -> String {
        let mut text = String::from("{");
        for (place, votes) in self.votes.iter().enumerate() {
            // Writing to a text cannot fail.
            let _ = write!(text, "{}{votes}", if place > 0 { "," } else { "" });
        }
        text + "}"
    }
}
