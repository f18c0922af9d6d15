//! The thread that writes: what arrives while one commit is under way shares the next one.

use keepset_wire::Epoch;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Added, StoreError, Tallies};
use crate::admit::Admitted;

/// The most reports of one commit: enough that fsync costs little, few enough that nobody waits long.
const MAX_COMMIT: usize = 16_384;
/// The most ids forgotten in one transaction, so that forgetting never holds up counting.
const MAX_FORGET: usize = 16_384;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Count these reports, all or none.
    Add {
        reports: Vec<Admitted>,
        answer: Answer<Added>,
        /// The place in the queue, given back when the job is done.
        permit: OwnedSemaphorePermit,
    },
    /// Close every epoch below `epoch`.
    CloseBefore { epoch: Epoch, answer: Answer<()> },
}

/// The writing end of the store.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    queue: UnboundedReceiver<Job>,
    /// A job taken from the queue that does not belong in the commit being gathered.
    held: Option<Job>,
    forgetting: bool,
    /// Epochs in a window.
    window_epochs: u32,
}

/// Reports of one request and the one who waits for them.
struct Request {
    reports: Vec<Admitted>,
    answer: Answer<Added>,
    _permit: OwnedSemaphorePermit,
}

impl Writer {
    pub(super) fn new(connection: Connection, queue: UnboundedReceiver<Job>, window_epochs: u32) -> Self {
        // A crash may have left ids of closed windows behind, so it begins by looking.
        Self { connection, queue, held: None, forgetting: true, window_epochs }
    }

    /// Works until the last sender is gone and the queue is empty.
    pub(super) fn run(mut self) {
        loop {
            match self.next() {
                Ok(Job::Add { reports, answer, permit }) => {
                    self.count(Request { reports, answer, _permit: permit });
                }
                Ok(Job::CloseBefore { epoch, answer }) => {
                    // Whoever asked may be gone; the work is done all the same.
                    let _ = answer.send(self.close_before(epoch).map_err(|_| StoreError::Unavailable));
                }
                Err(TryRecvError::Empty) => self.forgetting = self.forget_some().unwrap_or(false),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Takes the next job; finds the queue empty only when there are ids to forget meanwhile.
    fn next(&mut self) -> Result<Job, TryRecvError> {
        if let Some(job) = self.held.take() {
            return Ok(job);
        }
        if self.forgetting {
            return self.queue.try_recv();
        }
        self.queue.blocking_recv().ok_or(TryRecvError::Disconnected)
    }

    /// Gathers what else is waiting and commits it together.
    fn count(&mut self, first: Request) {
        let mut total = first.reports.len();
        let mut requests = vec![first];
        while total < MAX_COMMIT {
            match self.queue.try_recv() {
                Ok(Job::Add { reports, answer, permit }) => {
                    total += reports.len();
                    requests.push(Request { reports, answer, _permit: permit });
                }
                other => {
                    self.held = other.ok();
                    break;
                }
            }
        }
        self.commit(requests);
    }

    /// Answers only after the commit: an acknowledged report is on the disk.
    fn commit(&mut self, requests: Vec<Request>) {
        let outcome = self.write(&requests);
        let failed = vec![Err(StoreError::Unavailable); requests.len()];
        for (request, outcome) in requests.into_iter().zip(outcome.unwrap_or(failed)) {
            // A sender that hung up will send the same id again, and it will change nothing.
            let _ = request.answer.send(outcome);
        }
    }

    /// Writes ids and counts in one transaction; on an error it is rolled back and nothing was counted.
    fn write(&mut self, requests: &[Request]) -> rusqlite::Result<Vec<Result<Added, StoreError>>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let closed_before =
            Epoch(transaction.query_row("SELECT closed_before FROM purpose", [], |r| r.get(0))?);
        let mut tallies = Tallies::new();
        let outcomes = requests
            .iter()
            .map(|request| {
                let is_closed = |report: &Admitted| report.report().epoch < closed_before;
                match request.reports.iter().position(is_closed) {
                    Some(index) => Ok(Err(StoreError::Closed { index })),
                    None => add_all(&transaction, &request.reports, &mut tallies).map(Ok),
                }
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        add_tallies(&transaction, &tallies)?;
        transaction.commit()?;
        Ok(outcomes)
    }

    fn close_before(&mut self, epoch: Epoch) -> rusqlite::Result<()> {
        let only_forward = "UPDATE purpose SET closed_before = ?1 WHERE closed_before < ?1";
        self.connection.execute(only_forward, params![epoch.0])?;
        self.forgetting = true;
        Ok(())
    }

    /// Forgets some ids of closed epochs; tells whether there may be more.
    fn forget_some(&mut self) -> rusqlite::Result<bool> {
        let forgotten = self.connection.execute(
            // A window is closed when its first epoch is; the last of a plan may be cut short, hence the rounding up.
            "DELETE FROM counted WHERE (window, id) IN (SELECT window, id FROM counted
             WHERE window < (SELECT (closed_before + ?1 - 1) / ?1 FROM purpose) LIMIT ?2)",
            params![self.window_epochs, i64::try_from(MAX_FORGET).unwrap_or(i64::MAX)],
        )?;
        if forgotten > 0 && forgotten < MAX_FORGET {
            // The log holds copies of the pages that were overwritten.
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(forgotten == MAX_FORGET)
    }
}

fn add_all(
    transaction: &Transaction<'_>,
    reports: &[Admitted],
    tallies: &mut Tallies,
) -> rusqlite::Result<Added> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO counted VALUES (?1, ?2)")?;
    let mut added = Added::default();
    for admitted in reports {
        let report = admitted.report();
        if insert.execute(params![admitted.window().0, report.id.0])? == 0 {
            added.known += 1;
            continue;
        }
        added.accepted += 1;
        let tally = tallies.entry((report.epoch, report.question)).or_default();
        tally.reports += 1;
        admitted.counted().iter().for_each(|counter| tally.vote(*counter, 1));
    }
    Ok(added)
}

fn add_tallies(transaction: &Transaction<'_>, tallies: &Tallies) -> rusqlite::Result<()> {
    let mut reports = transaction.prepare_cached(
        "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
    )?;
    let mut support = transaction.prepare_cached(
        "INSERT INTO support VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET votes = votes + excluded.votes",
    )?;
    for ((epoch, question), tally) in tallies {
        reports.execute(params![epoch.0, question, tally.reports])?;
        for (cell, votes) in tally.support.iter().enumerate().filter(|(_, votes)| **votes > 0) {
            support.execute(params![epoch.0, question, cell, votes])?;
        }
    }
    Ok(())
}
