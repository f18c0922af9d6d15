//! What a kind of store does, and what is the same in every kind.

use std::collections::BTreeMap;
use std::fmt;

use keepset_wire::{Epoch, ReportId, Window};

use super::kept::Kept;
use super::{Added, Checks, StoreError, Tallies};
use crate::admit::Admitted;

/// One connection to a store, used by one thread; several of one store may be used side by side.
pub(super) trait Engine: Send {
    /// Counts the reports of several requests in one transaction and returns when it is durable; a request is counted whole or not at all.
    ///
    /// # Errors
    /// When nothing of any request is known to be counted.
    fn count(&mut self, requests: &[Vec<Admitted>]) -> Result<Outcomes, Broken>;

    /// Closes every epoch below `epoch` for ever.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn close_before(&mut self, epoch: Epoch) -> Result<(), Broken>;

    /// Forgets some ids of closed windows; tells whether there may be more.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget_some(&mut self) -> Result<bool, Broken>;

    /// Forgets the counts of closed epochs below `epoch` for ever.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget_counts(&mut self, epoch: Epoch) -> Result<(), Broken>;

    /// Makes small what was closed: sums what was counted apart, and gives back what ids took.
    ///
    /// # Errors
    /// When the store cannot be written; then it is as it was.
    fn compact(&mut self) -> Result<(), Broken>;

    /// Adds to what is counted beside the votes.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn add_aside(&mut self, aside: &Aside) -> Result<(), Broken>;

    /// Returns everything but the ids, as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn contents(&mut self) -> Result<Contents, Broken>;

    /// Lists the closed windows whose answers are kept for the archive and not known to be in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn unsealed(&mut self) -> Result<Vec<Window>, Broken>;

    /// Returns some of the answers that are kept of a window, in the order of their ids, from behind `last`; none when there are no more.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn kept_after(&mut self, window: Window, last: Option<&Kept>) -> Result<Vec<Kept>, Broken>;

    /// Notes that the answers of a window are in the archive, all of them and durably.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn mark_sealed(&mut self, window: Window) -> Result<(), Broken>;

    /// Forgets some answers that are in the archive; tells whether there may be more.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn drop_sealed(&mut self) -> Result<bool, Broken>;

    /// Hands everything, as of one moment, to `receive`; a store that is left counts nothing from that moment on.
    ///
    /// # Errors
    /// When the store cannot be read or the receiver failed; then the store is as it was.
    fn hand_over(&mut self, leave: Leave, receive: &mut Receive<'_>) -> Result<(), Broken>;

    /// Fills a store that was made to be filled, in one transaction.
    ///
    /// # Errors
    /// When the store cannot be written or `parts` failed; then it holds nothing.
    fn receive(&mut self, contents: &Contents, parts: &mut Parts<'_>) -> Result<(), Broken>;
}

/// Whether a store that is copied stays in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It goes on counting.
    Open,
    /// Its copy goes on in its place.
    Moved,
}

/// Everything in a store but the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Epochs below this one are closed for ever.
    pub closed_before: Epoch,
    /// The counts.
    pub tallies: Tallies,
    /// What was counted beside them.
    pub aside: Aside,
}

impl Contents {
    /// Returns what a store holds in which nothing was counted.
    pub(crate) fn closed_before(epoch: Epoch) -> Self {
        Self { closed_before: epoch, tallies: Tallies::new(), aside: Aside::default() }
    }
}

/// What is counted beside the votes: gathered in memory and written down now and then, so that it costs no commits. A crash loses what was not written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// How many reports came when their epoch was closed.
    pub late: Late,
    /// What tells whether reports are honest.
    pub checks: Checks,
}

impl Aside {
    /// Tells whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.late.is_empty() && self.checks.is_empty()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.late.iter().for_each(|(epoch, reports)| *self.late.entry(*epoch).or_default() += reports);
        other.checks.iter().for_each(|(key, tally)| self.checks.entry(key.clone()).or_default().merge(tally));
    }
}

/// By epoch, how many reports came when it was closed. Arrivals, not devices: their ids are forgotten, so one that comes twice is two.
pub type Late = BTreeMap<Epoch, u64>;

/// Some of what is handed over one by one, all of it of one window.
pub(super) enum Part {
    /// Ids of counted reports.
    Ids(Vec<ReportId>),
    /// Answers that are kept for the archive.
    Kept(Vec<Kept>),
    /// Tokens that were spent, and the reports they are bound to.
    Spent(Vec<Spent>),
}

/// What is kept of a token: its name, and that of it and its report together.
pub(super) type Spent = ([u8; 16], [u8; 16]);

/// The next part; none when there are no more.
pub(super) type Parts<'a> = dyn FnMut() -> Result<Option<(Window, Part)>, Broken> + 'a;

/// What takes everything in a store.
pub(super) type Receive<'a> = dyn FnMut(&Contents, &mut Parts<'_>) -> Result<(), Broken> + 'a;

/// The most ids or answers that are handed over at once.
pub(super) const BATCH: usize = 16_384;

/// What became of each request, in their order.
pub(super) type Outcomes = Vec<Result<Added, StoreError>>;

/// The engine's own words when it failed.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What requests come to when they are counted.
pub(super) struct Settled {
    /// What to answer each.
    pub(super) outcomes: Outcomes,
    /// What to add to the counts.
    pub(super) tallies: Tallies,
    /// What to take from them: an id whose copies disagree counts for none.
    pub(super) retracted: Tallies,
}

/// What is known of a report that is to be counted.
pub(super) enum Seen {
    /// Nothing.
    New,
    /// It has been counted, or its id counts for none.
    Again,
    /// Under its id another one was counted, which now counts no more: that one, and what it raised.
    Disputes {
        /// The epoch it counted in.
        epoch: Epoch,
        /// Its question.
        question: u16,
        /// The counters it raised.
        counted: Vec<u16>,
    },
}

/// Why a request is refused before anything of it is counted; nothing where it is not.
pub(super) type Refusals = Vec<Option<StoreError>>;

/// Refuses whole the requests with a closed epoch, and those with a token of which it is forgotten whether it was spent: its window is closed.
pub(super) fn refuse_closed(
    requests: &[Vec<Admitted>],
    closed_before: Epoch,
    window_epochs: u32,
) -> Refusals {
    let first_open = Window(closed_before.0.div_ceil(window_epochs));
    let refuse = |request: &Vec<Admitted>| {
        let closed = request.iter().position(|admitted| admitted.report().epoch < closed_before);
        let over = |admitted: &Admitted| admitted.spend().is_some_and(|spend| spend.window < first_open);
        let closed = closed.map(|index| StoreError::Closed { index });
        closed.or_else(|| request.iter().position(over).map(|index| StoreError::Spent { index }))
    };
    requests.iter().map(refuse).collect()
}

/// Goes through requests in their order, but for those that are refused, and counts each report of the others that is `Seen::New`.
pub(super) fn settle<E>(
    requests: &[Vec<Admitted>],
    refused: &[Option<StoreError>],
    mut look: impl FnMut(&Admitted) -> Result<Seen, E>,
) -> Result<Settled, E> {
    let (outcomes, tallies, retracted) = (Vec::with_capacity(requests.len()), Tallies::new(), Tallies::new());
    let mut settled = Settled { outcomes, tallies, retracted };
    for (request, refused) in requests.iter().zip(refused) {
        let outcome = match refused {
            Some(refusal) => Err(*refusal),
            None => Ok(settle_one(request, &mut settled, &mut look)?),
        };
        settled.outcomes.push(outcome);
    }
    Ok(settled)
}

fn settle_one<E>(
    request: &[Admitted],
    settled: &mut Settled,
    look: &mut impl FnMut(&Admitted) -> Result<Seen, E>,
) -> Result<Added, E> {
    let mut added = Added::default();
    for admitted in request {
        let report = admitted.report();
        match look(admitted)? {
            Seen::New => {
                added.accepted += 1;
                count(&mut settled.tallies, (report.epoch, report.question), admitted.counted());
            }
            seen => {
                added.known += 1;
                if let Seen::Disputes { epoch, question, counted } = seen {
                    count(&mut settled.retracted, (epoch, question), &counted);
                }
            }
        }
    }
    Ok(added)
}

fn count(tallies: &mut Tallies, key: (Epoch, u16), counted: &[u16]) {
    let tally = tallies.entry(key).or_default();
    tally.reports += 1;
    counted.iter().for_each(|counter| tally.vote(*counter, 1));
}
