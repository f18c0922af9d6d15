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

use super::sharing;
use super::store::{Held, LabelStore, Shelf, bits, held, held_under};

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
pub struct Due<'a> {
    /// Whose it is.
    pub id: LabelId,
    /// What names the message, the same each time it is sent.
    pub message: [u8; 16],
    /// What to say: the terms and labels that hold now, or that the name was erased.
    pub news: News<'a>,
}

/// What a receiver is told of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// These labels replace whatever it was told before.
    Shares {
        /// What they were shared under.
        terms: &'a LabelTerms,
        /// What is held, of which only the labels that enough people share are `true`.
        held: Held,
    },
    /// The name is gone, and with it everything it stood for.
    Erased,
}

/// What is remembered of labels, so that those that did not change are not read again.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// As of when the queue says everything.
    queued: Option<Moment>,
    /// Per terms, which labels enough people share, and as of when.
    enough: Option<(Moment, Vec<Vec<bool>>)>,
}

/// A state of the file: how often others have changed it, and how often we have.
type Moment = (i64, u64);

fn moment(connection: &Connection, changes: u64) -> rusqlite::Result<Moment> {
    Ok((connection.pragma_query_value(None, "data_version", |row| row.get(0))?, changes))
}

/// Leaves of labels those that enough people share; nothing where that is none.
fn allowed(mut held: Held, enough: &[bool]) -> Option<Held> {
    held.labels.iter_mut().zip(enough).for_each(|(label, enough)| *label &= enough);
    held.labels.contains(&true).then_some(held)
}

impl LabelStore {
    /// Queues whatever the receiver is to be told: labels that are new or changed, or that too few share by now, and names that are gone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reconcile(&self, terms: &[LabelTerms]) -> rusqlite::Result<()> {
        let mut shelf = self.lock();
        let Shelf { connection, changes, seen } = &mut *shelf;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = moment(&transaction, *changes)?;
        if seen.queued == Some(now) {
            return Ok(());
        }
        let mut told = told(&transaction)?;
        for terms in terms {
            let list = held(&transaction, terms)?;
            let enough = enough(terms, &list);
            for one in list.into_iter().filter_map(|one| allowed(one, &enough)) {
                if told.remove(&one.id.0) != Some((terms.hash().0, bits(&one.labels))) {
                    queue(&transaction, one.id.0, false)?;
                }
            }
        }
        told.keys().try_for_each(|id| queue(&transaction, *id, true))?;
        transaction.commit()?;
        seen.queued = Some(now);
        Ok(())
    }

    /// Lists what is due, at most `most`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn due<'a>(&self, terms: &'a [LabelTerms], now: i64, most: u32) -> rusqlite::Result<Vec<Due<'a>>> {
        let mut shelf = self.lock();
        let Shelf { connection, changes, seen } = &mut *shelf;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rows: Vec<([u8; 16], [u8; 16], bool)> = transaction
            .prepare_cached(
                "SELECT id, message, erased FROM queue WHERE due <= ?1 ORDER BY erased DESC, id LIMIT ?2",
            )?
            .query_map(params![now, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let enough = seen.enough(&transaction, *changes, terms)?;
        let mut due = Vec::new();
        for (id, message, erased) in rows {
            let news = if erased { News::Erased } else { news(&transaction, id, terms, enough)? };
            // That a name is gone of which it never heard, nobody is told.
            if news == News::Erased && !erased && !is_told(&transaction, id)? {
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
    pub fn begin(&self, due: &Due<'_>) -> rusqlite::Result<bool> {
        let mut shelf = self.lock();
        let transaction = shelf.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let there = |query: &str, of: &[&dyn rusqlite::ToSql]| {
            transaction.query_row(query, of, |_| Ok(())).optional().map(|found| found.is_some())
        };
        if !there("SELECT 1 FROM queue WHERE id = ?1 AND message = ?2", params![due.id.0, due.message])? {
            return Ok(false);
        }
        if let News::Shares { terms, held } = &due.news {
            if !there("SELECT 1 FROM held WHERE id = ?1", params![due.id.0])? {
                return Ok(false);
            }
            let told = params![due.id.0, terms.hash().0, bits(&held.labels)];
            transaction.execute("INSERT OR REPLACE INTO told VALUES (?1, ?2, ?3)", told)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Forgets an entry that was told, unless another took its place meanwhile.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn delivered(&self, due: &Due<'_>) -> rusqlite::Result<()> {
        let mut shelf = self.lock();
        let Shelf { connection, seen, .. } = &mut *shelf;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ours = params![due.id.0, due.message];
        let gone = transaction.execute("DELETE FROM queue WHERE id = ?1 AND message = ?2", ours)?;
        if gone == 1 && due.news == News::Erased {
            transaction.execute("DELETE FROM told WHERE id = ?1", [due.id.0])?;
            // Enough may share its labels again since that was queued: then the receiver is to be told anew.
            seen.queued = None;
        }
        transaction.commit()
    }

    /// Puts an entry off, each time for twice as long, to within half of that by `chance` from 0 to 1: entries that failed together do not come
    /// again together.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn failed(&self, due: &Due<'_>, now: i64, chance: f64) -> rusqlite::Result<()> {
        let connection = &self.lock().connection;
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
        self.lock().connection.query_row("SELECT count(*) FROM queue", [], |row| row.get(0))
    }
}

/// Takes a name that is erased out of the queue, and queues that it was where the receiver has heard of it.
pub(super) fn erase(transaction: &Transaction<'_>, id: LabelId) -> rusqlite::Result<()> {
    // That it was erased before and is still to be told stays.
    transaction.execute("DELETE FROM queue WHERE id = ?1 AND erased = 0", [id.0])?;
    if transaction.execute("DELETE FROM told WHERE id = ?1", [id.0])? == 1 {
        queue(transaction, id.0, true)?;
    }
    Ok(())
}

impl Seen {
    /// Tells per terms which labels enough people share, and counts them only where labels were changed.
    fn enough(
        &mut self,
        transaction: &Transaction<'_>,
        changes: u64,
        terms: &[LabelTerms],
    ) -> rusqlite::Result<&[Vec<bool>]> {
        let now = moment(transaction, changes)?;
        let enough = match self.enough.take() {
            Some((then, enough)) if then == now => enough,
            _ => terms
                .iter()
                .map(|terms| Ok(enough(terms, &held(transaction, terms)?)))
                .collect::<rusqlite::Result<_>>()?,
        };
        Ok(&self.enough.insert((now, enough)).1)
    }
}

/// Tells which labels enough people share.
fn enough(terms: &LabelTerms, held: &[Held]) -> Vec<bool> {
    sharing(terms, held).iter().map(Option::is_some).collect()
}

/// Looks up what the receiver may know of a name now. One without a label that enough people share is gone to it.
fn news<'a>(
    transaction: &Transaction<'_>,
    id: [u8; 16],
    terms: &'a [LabelTerms],
    enough: &[Vec<bool>],
) -> rusqlite::Result<News<'a>> {
    let news = held_under(transaction, id)?.and_then(|(held, hash)| {
        let (terms, enough) = terms.iter().zip(enough).find(|(terms, _)| terms.hash().0 == hash)?;
        Some(News::Shares { terms, held: allowed(held, enough)? })
    });
    Ok(news.unwrap_or(News::Erased))
}

/// Queues an entry, due at once, under a name drawn by chance. One that says the same and waits already keeps its name and its place.
fn queue(transaction: &Transaction<'_>, id: [u8; 16], erased: bool) -> rusqlite::Result<()> {
    let mut queue = transaction.prepare_cached(
        "INSERT INTO queue VALUES (?1, randomblob(16), ?2, 0, 0) ON CONFLICT (id) DO UPDATE SET
         message = excluded.message, erased = excluded.erased, tries = 0, due = 0 WHERE excluded.erased <> queue.erased",
    )?;
    queue.execute(params![id, erased]).map(drop)
}

/// Tells whether the receiver has heard of a name.
fn is_told(transaction: &Transaction<'_>, id: [u8; 16]) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM told WHERE id = ?1")?.exists([id])
}

/// What the receiver was told of each name: the terms and the labels.
type Told = BTreeMap<[u8; 16], ([u8; 16], Vec<u8>)>;

fn told(connection: &Connection) -> rusqlite::Result<Told> {
    let mut list = connection.prepare("SELECT id, terms, labels FROM told")?;
    list.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
}

#[expect(clippy::cast_possible_truncation, reason = "within half and one and a half hours of seconds")]
fn wait(tries: u32, chance: f64) -> i64 {
    let wait = (FIRST_WAIT << tries.min(20)).min(LONGEST_WAIT);
    (wait as f64 * (0.5 + chance.clamp(0.0, 1.0))).ceil() as i64
}

#[cfg(test)]
mod tests {
    use keepset_wire::labels::{Labels, Proof};
    use keepset_wire::{PackHash, Signal};

    use super::super::store::Shared;
    use super::*;

    /// What is needed to share: two labels, of which each counts once two have it.
    struct Desk {
        path: std::path::PathBuf,
        store: LabelStore,
        terms: Vec<LabelTerms>,
    }

    impl Desk {
        fn open(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("keepset-{name}-{}.sqlite", std::process::id()));
            let _ = std::fs::remove_file(&path);
            let terms = LabelTerms::parse(
                r#"{"id": "i", "owner": "o", "purpose": "p", "text_version": 1, "least": 2,
                    "segments": [{"id": "a", "reason": "r"}, {"id": "b", "reason": "r"}]}"#,
            );
            Self { store: LabelStore::open(&path).unwrap(), path, terms: vec![terms.unwrap()] }
        }

        fn share(&self, store: &LabelStore, name: u8) {
            let labels = Labels {
                terms: self.terms[0].hash(),
                proof: Proof([name; 32]),
                day: 20_000,
                agreed: 20_000,
                signal: Signal::default(),
                pack: PackHash([0; 16]),
                held: vec![true, false],
            };
            assert_eq!(store.share(&labels).unwrap(), Shared::Kept);
        }

        fn reconcile(&self) -> u64 {
            self.store.reconcile(&self.terms).unwrap();
            self.store.waiting().unwrap()
        }

        /// Tells everything that is due; returns how many were told that a name is gone, and how many what it shares.
        fn tell(&self) -> (usize, usize) {
            let due = self.store.due(&self.terms, 1, 99).unwrap();
            for due in &due {
                assert!(self.store.begin(due).unwrap());
                self.store.delivered(due).unwrap();
            }
            let gone = due.iter().filter(|due| due.news == News::Erased).count();
            (gone, due.len() - gone)
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    #[test]
    fn what_another_collector_changes_in_the_file_is_seen_also_where_nothing_was_to_be_done_before() {
        let desk = Desk::open("label-queue");
        let other = LabelStore::open(&desk.path).unwrap();
        assert_eq!((desk.reconcile(), desk.reconcile()), (0, 0));
        desk.share(&other, 1);
        assert_eq!(desk.reconcile(), 0, "one is too few");
        desk.share(&other, 2);
        assert_eq!(desk.reconcile(), 2);
        desk.store.forget(&desk.terms, 20_000).unwrap();
        let due = desk.store.due(&desk.terms, 1, 99).unwrap();
        assert!(due.len() == 2 && due[0].message != due[1].message, "each has a name of its own");
        // One takes it back before anything was sent: too few are left, also for what was listed already.
        other.erase(due[0].id, 20_000).unwrap();
        assert!(!desk.store.begin(&due[0]).unwrap());
        assert_eq!((desk.tell(), desk.reconcile()), ((0, 0), 0));
    }

    #[test]
    fn who_is_told_that_a_name_is_gone_is_told_of_it_again_when_enough_share_its_labels_by_then() {
        let desk = Desk::open("label-queue-again");
        [1, 2].iter().for_each(|name| desk.share(&desk.store, *name));
        assert_eq!((desk.reconcile(), desk.tell(), desk.reconcile()), (2, (0, 2), 0));
        desk.store.erase(Proof([2; 32]).id(), 20_000).unwrap();
        assert_eq!(desk.reconcile(), 2, "the one that is erased, and the one that is left alone");
        desk.share(&desk.store, 3);
        desk.reconcile();
        assert_eq!(desk.tell(), (2, 1));
        assert_eq!((desk.reconcile(), desk.tell(), desk.reconcile()), (1, (0, 1), 0));
    }

    #[test]
    fn waits_double_up_to_an_hour_and_are_spread_by_chance() {
        assert_eq!([0, 1, 2, 9, 10, 200].map(|tries| wait(tries, 0.5)), [5, 10, 20, 2_560, 3_600, 3_600]);
        assert_eq!((wait(3, 0.0), wait(3, 1.0)), (20, 60));
    }
}
