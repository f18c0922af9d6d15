//! The threads that use a store: what arrives while one commit is under way shares the next one.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

use keepset_wire::Epoch;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::engine::{Aside, Broken, Contents, Engine};
use super::sealing::seal;
use super::{Added, StoreError};
use crate::admit::Admitted;
use crate::archive::Archive;

/// The most reports of one commit: enough that fsync costs little, few enough that nobody waits long.
const MAX_COMMIT: usize = 16_384;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a thread is asked to do.
pub(super) enum Job {
    /// Count these reports, all or none.
    Add(Request),
    /// Close every epoch below `epoch`.
    CloseBefore { epoch: Epoch, answer: Answer<()> },
    /// Read everything but the ids.
    Contents { answer: Answer<Contents> },
    /// Add to what is counted beside the votes.
    AddAside { aside: Aside, answer: Answer<()> },
    /// Forget the counts of closed epochs below `epoch`.
    ForgetCounts { epoch: Epoch, answer: Answer<()> },
    /// Make small what was closed.
    Compact { answer: Answer<()> },
    /// Bring what was closed into the archive.
    Seal { archive: Archive, answer: Answer<u64> },
}

/// Reports of one request and the one who waits for them.
pub(super) struct Request {
    pub(super) reports: Vec<Admitted>,
    pub(super) answer: Answer<Added>,
    /// The place in the queue, given back when the request is answered.
    pub(super) permit: OwnedSemaphorePermit,
}

/// A queue of jobs and the threads that take them, each with an engine of its own.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: Option<UnboundedSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Queue {
    /// Starts a thread for every engine.
    pub(super) fn start(engines: Vec<Box<dyn Engine>>) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let line = Arc::new(Mutex::new(Line { queue, held: None }));
        let start = |engine| {
            // A crash may have left ids of closed windows behind, so each begins by looking.
            let worker = Worker { engine, line: Arc::clone(&line), forgetting: true };
            std::thread::Builder::new().name("store".into()).spawn(move || worker.run())
        };
        let threads = engines.into_iter().map(start).collect::<std::io::Result<_>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    /// Hands in a job and waits until it is done.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.as_ref().and_then(|jobs| jobs.send(job(answer)).ok());
        sent.ok_or(StoreError::Unavailable)?;
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }

    /// Lets the threads finish what is queued, and waits until their engines are closed.
    pub(super) fn finish(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A thread only ends by returning; had it panicked, its requests were answered with an error.
            let _ = thread.join();
        }
    }
}

/// Where the threads stand in line for jobs.
struct Line {
    queue: UnboundedReceiver<Job>,
    /// A job taken from the queue that did not belong in the commit being gathered.
    held: Option<Job>,
}

impl Line {
    fn next(&mut self, waiting: bool) -> Result<Job, TryRecvError> {
        match self.held.take() {
            Some(job) => Ok(job),
            None if waiting => self.queue.blocking_recv().ok_or(TryRecvError::Disconnected),
            None => self.queue.try_recv(),
        }
    }

    /// Takes what else waits to be counted, up to a full commit.
    fn gather(&mut self, first: Request) -> Vec<Request> {
        let mut total = first.reports.len();
        let mut requests = vec![first];
        while total < MAX_COMMIT {
            match self.queue.try_recv() {
                Ok(Job::Add(request)) => {
                    total += request.reports.len();
                    requests.push(request);
                }
                other => {
                    self.held = other.ok();
                    break;
                }
            }
        }
        requests
    }
}

/// What one thread does at a time.
enum Work {
    Count(Vec<Request>),
    Other(Job),
    Forget,
}

struct Worker {
    engine: Box<dyn Engine>,
    line: Arc<Mutex<Line>>,
    /// Whether there may be ids of closed windows.
    forgetting: bool,
}

impl Worker {
    /// Works until the last sender is gone and the queue is empty.
    fn run(mut self) {
        while let Some(work) = self.next() {
            match work {
                Work::Count(requests) => self.count(requests),
                // Whoever asked may be gone; the work is done all the same.
                Work::Other(Job::CloseBefore { epoch, answer }) => {
                    let _ = answer.send(self.engine.close_before(epoch).map_err(unavailable));
                    self.forgetting = true;
                }
                Work::Other(Job::Contents { answer }) => {
                    let _ = answer.send(self.engine.contents().map_err(unavailable));
                }
                Work::Other(Job::AddAside { aside, answer }) => {
                    let _ = answer.send(self.engine.add_aside(&aside).map_err(unavailable));
                }
                Work::Other(Job::ForgetCounts { epoch, answer }) => {
                    let _ = answer.send(self.engine.forget_counts(epoch).map_err(unavailable));
                }
                Work::Other(Job::Compact { answer }) => {
                    let _ = answer.send(self.engine.compact().map_err(unavailable));
                }
                Work::Other(Job::Seal { archive, answer }) => {
                    let _ = answer.send(seal(self.engine.as_mut(), &archive).map_err(unavailable));
                }
                Work::Other(Job::Add(request)) => self.count(vec![request]),
                // What fails is tried again when the clock is asked next.
                Work::Forget => self.forgetting = self.engine.forget_some().unwrap_or(false),
            }
        }
    }

    /// Takes the next work; there is some in an empty queue only while there are ids to forget.
    fn next(&self) -> Option<Work> {
        let mut line = match self.line.try_lock() {
            Ok(line) => line,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread waits in line for work; until it has some, nothing but forgetting is to be done.
            Err(TryLockError::WouldBlock) if self.forgetting => return Some(Work::Forget),
            Err(TryLockError::WouldBlock) => self.line.lock().unwrap_or_else(PoisonError::into_inner),
        };
        match line.next(!self.forgetting) {
            Ok(Job::Add(request)) => Some(Work::Count(line.gather(request))),
            Ok(job) => Some(Work::Other(job)),
            Err(TryRecvError::Empty) => Some(Work::Forget),
            Err(TryRecvError::Disconnected) => None,
        }
    }

    /// Answers only after the commit: an acknowledged report is on the disk.
    fn count(&mut self, requests: Vec<Request>) {
        let (reports, waiting): (Vec<_>, Vec<_>) =
            requests.into_iter().map(|request| (request.reports, (request.answer, request.permit))).unzip();
        let outcomes = self.engine.count(&reports);
        let failed = vec![Err(StoreError::Unavailable); reports.len()];
        for ((answer, _permit), outcome) in waiting.into_iter().zip(outcomes.unwrap_or(failed)) {
            // A sender that hung up will send the same id again, and it will change nothing.
            let _ = answer.send(outcome);
        }
    }
}

fn unavailable(_: Broken) -> StoreError {
    StoreError::Unavailable
}
