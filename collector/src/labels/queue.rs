//! What a receiver of labels is still to be told, and what it was told already: two tables beside the labels, in the same transactions.
//!
//! Nobody appends to a list of events. [`LabelStore::reconcile`] holds what the receiver may know now against what it was told, and queues
//! the difference, one entry a name; what is sent is looked up when it is sent. So a queue that waited for a week tells no label that
//! was taken back meanwhile.
//!
//! # Privacy
//! A name is written down as told before it is sent: an erasure that comes while it is on its way finds it, and sends word after it.
//! Of a name that is erased, the queue keeps nothing but that the receiver is to be told so, until it was; and not even that where it never heard of it.

use std::collections::BTreeMap;

use keepset_wire::labels::{LabelId, LabelTerms};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::store::{Held, LabelStore, held};

/// The tables of the queue.
pub(super) const TABLES: &str = "
CREATE TABLE told (id BLOB PRIMARY KEY, terms BLOB NOT NULL, labels BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE queue (
  id BLOB PRIMARY KEY, message BLOB NOT NULL, erased INTEGER NOT NULL, tries INTEGER NOT NULL, due INTEGER NOT NULL
) WITHOUT ROWID;
";

/// The first wait after a failure, in seconds; each further one is twice as long.
const FIRST_WAIT: i64 = 5;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 3_600;

/// One entry that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub id: LabelId,
    /// What names the message, the same each time it is sent.
    pub message: [u8; 16],
    /// What to say: the terms and labels that hold now, or that the name was erased.
    pub news: News,
}

/// What a receiver is told of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These labels replace whatever it was told before.
    Shares {
        /// The position of the terms among those that are given.
        terms: usize,
        /// What is held, of which only the labels that enough people share are `true`.
        held: Held,
    },
    /// The name is gone, and with it everything it stood for.
    Erased,
}

/// What the receiver may know: the names with at least one label that enough people share, and those labels alone.
fn allowed(
    connection: &Connection,
    terms: &[LabelTerms],
) -> rusqlite::Result<BTreeMap<[u8; 16], (usize, Held)>> {
    let mut may = BTreeMap::new();
    for (position, terms) in terms.iter().enumerate() {
        let list = held(connection, terms)?;
        let enough: Vec<bool> = (0..terms.segments.len())
            .map(|label| {
                let sharing = list.iter().filter(|one| one.labels.get(label) == Some(&true)).count();
                u32::try_from(sharing).unwrap_or(u32::MAX) >= terms.least
            })
            .collect();
        for mut one in list {
            one.labels.iter_mut().zip(&enough).for_each(|(label, enough)| *label &= enough);
            if one.labels.contains(&true) {
                may.insert(one.id.0, (position, one));
            }
        }
    }
    Ok(may)
}

fn bits(labels: &[bool]) -> Vec<u8> {
    labels.iter().map(|label| u8::from(*label)).collect()
}

impl LabelStore {
    /// Queues whatever the receiver is to be told: labels that are new or changed, or that too few share by now, and names that are gone.
    /// `message` names each.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reconcile(
        &self,
        terms: &[LabelTerms],
        mut message: impl FnMut() -> [u8; 16],
    ) -> rusqlite::Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let may = allowed(&transaction, terms)?;
        let mut told = told(&transaction)?;
        for (id, (position, one)) in &may {
            let hash = terms.get(*position).map(|terms| terms.hash().0.to_vec()).unwrap_or_default();
            if told.remove(id) != Some((hash, bits(&one.labels))) {
                queue(&transaction, *id, false, message())?;
            }
        }
        for (id, _) in told {
            queue(&transaction, id, true, message())?;
        }
        transaction.commit()
    }

    /// Lists what is due, at most `most`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn due(&self, terms: &[LabelTerms], now: i64, most: u32) -> rusqlite::Result<Vec<Due>> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rows: Vec<([u8; 16], [u8; 16], bool)> = transaction
            .prepare(
                "SELECT id, message, erased FROM queue WHERE due <= ?1 ORDER BY erased DESC, id LIMIT ?2",
            )?
            .query_map(params![now, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut may = allowed(&transaction, terms)?;
        let mut due = Vec::new();
        for (id, message, erased) in rows {
            let news = match may.remove(&id).filter(|_| !erased) {
                Some((position, held)) => News::Shares { terms: position, held },
                // Too few share any of its labels by now: to the receiver it is gone.
                None => News::Erased,
            };
            let known = transaction
                .query_row("SELECT 1 FROM told WHERE id = ?1", [id], |_| Ok(()))
                .optional()?
                .is_some();
            if news == News::Erased && !known && !erased {
                transaction.execute("DELETE FROM queue WHERE id = ?1", [id])?;
            } else {
                due.push(Due { id: LabelId(id), message, news });
            }
        }
        transaction.commit()?;
        Ok(due)
    }

    /// Writes an entry down as told, which is about to be sent; not when its name was erased, or forgotten, since it was listed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(&self, due: &Due, terms: &[LabelTerms]) -> rusqlite::Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let there = |query: &str, of: &[&dyn rusqlite::ToSql]| {
            transaction.query_row(query, of, |_| Ok(())).optional().map(|found| found.is_some())
        };
        if !there("SELECT 1 FROM queue WHERE id = ?1 AND message = ?2", params![due.id.0, due.message])? {
            return Ok(false);
        }
        if let News::Shares { terms: position, held } = &due.news {
            if !there("SELECT 1 FROM held WHERE id = ?1", params![due.id.0])? {
                return Ok(false);
            }
            let hash = terms.get(*position).map(|terms| terms.hash().0.to_vec()).unwrap_or_default();
            let told = params![due.id.0, hash, bits(&held.labels)];
            transaction.execute("INSERT OR REPLACE INTO told VALUES (?1, ?2, ?3)", told)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Forgets an entry that was told, unless another took its place meanwhile.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn delivered(&self, due: &Due) -> rusqlite::Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ours = params![due.id.0, due.message];
        let gone = transaction.execute("DELETE FROM queue WHERE id = ?1 AND message = ?2", ours)?;
        if gone == 1 && due.news == News::Erased {
            transaction.execute("DELETE FROM told WHERE id = ?1", [due.id.0])?;
        }
        transaction.commit()
    }

    /// Puts an entry off, each time for twice as long, to within half of that by `chance` from 0 to 1: entries that failed together do not come
    /// again together.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn failed(&self, due: &Due, now: i64, chance: f64) -> rusqlite::Result<()> {
        let connection = self.lock();
        let ours = params![due.id.0, due.message];
        let tries = "SELECT tries FROM queue WHERE id = ?1 AND message = ?2";
        let Some(tries) = connection.query_row(tries, ours, |row| row.get::<_, u32>(0)).optional()? else {
            return Ok(());
        };
        connection.execute(
            "UPDATE queue SET tries = tries + 1, due = ?3 WHERE id = ?1 AND message = ?2",
            params![due.id.0, due.message, now.saturating_add(wait(tries, chance))],
        )?;
        Ok(())
    }

    /// Returns how many entries wait.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn waiting(&self) -> rusqlite::Result<u64> {
        self.lock().query_row("SELECT count(*) FROM queue", [], |row| row.get(0))
    }
}

/// Takes a name that is erased out of the queue, and queues that it was where the receiver has heard of it.
pub(super) fn erase(transaction: &Transaction<'_>, id: LabelId, message: [u8; 16]) -> rusqlite::Result<()> {
    // That it was erased before and is still to be told stays.
    transaction.execute("DELETE FROM queue WHERE id = ?1 AND erased = 0", [id.0])?;
    if transaction.execute("DELETE FROM told WHERE id = ?1", [id.0])? == 1 {
        queue(transaction, id.0, true, message)?;
    }
    Ok(())
}

/// Queues an entry, due at once. One that says the same and waits already keeps its name and its place.
fn queue(
    transaction: &Transaction<'_>,
    id: [u8; 16],
    erased: bool,
    message: [u8; 16],
) -> rusqlite::Result<usize> {
    transaction.execute(
        "INSERT INTO queue VALUES (?1, ?2, ?3, 0, 0) ON CONFLICT (id) DO UPDATE SET
         message = excluded.message, erased = excluded.erased, tries = 0, due = 0 WHERE excluded.erased <> queue.erased",
        params![id, message, erased],
    )
}

/// What the receiver was told of each name: the terms and the labels.
type Told = BTreeMap<[u8; 16], (Vec<u8>, Vec<u8>)>;

fn told(connection: &Connection) -> rusqlite::Result<Told> {
    let mut list = connection.prepare("SELECT id, terms, labels FROM told")?;
    list.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
}

#[expect(clippy::cast_possible_truncation, reason = "within half and one and a half hours of seconds")]
fn wait(tries: u32, chance: f64) -> i64 {
    let wait =
        FIRST_WAIT.saturating_mul(1_i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX)).min(LONGEST_WAIT);
    (wait as f64 * (0.5 + chance.clamp(0.0, 1.0))).ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_are_spread_by_chance() {
        assert_eq!([0, 1, 2, 9, 10, 200].map(|tries| wait(tries, 0.5)), [5, 10, 20, 2_560, 3_600, 3_600]);
        assert_eq!((wait(3, 0.0), wait(3, 1.0)), (20, 60));
    }
}
