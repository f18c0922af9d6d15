//! The outbox: reports and labels whose bytes are fixed, handed out only when they are durable, and the ledger of all of them. An
//! erasure goes also where nothing may be stored any more.
//!
//! The ledger is a chain of [`Receipt`]s: nothing is handed out that is not in it, and no receipt changes once it is. The
//! oldest are forgotten; the first that is left still holds the hash of the last that is gone. What became of a report stands
//! beside its receipt, for it is known later, changes, and is the network's word and not the device's.

use keepset_wire::codec;
use keepset_wire::receipt::Kind;
use keepset_wire::{Consent, Purpose, Receipt, ReportId, Timestamp};
use serde::Serialize;

use crate::gate;
use crate::gate::Cleared;
use crate::labels::APART_MS;

/// So many entries are remembered: more than four years of windows, or about one with labels.
pub const MAX_ENTRIES: usize = 64;

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Charged and waiting to be handed out.
    Queued,
    /// The collector has it.
    Accepted,
    /// The collector refused it for good.
    Refused,
    /// Consent was withdrawn, or the person erased it, before it was received.
    Withdrawn,
    /// Its window closed before it was received.
    Expired,
}

codec!(enum Status { 0 => Queued, 1 => Accepted, 2 => Refused, 3 => Withdrawn, 4 => Expired });

/// What the network made of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The collector has it.
    Accepted,
    /// The collector refused it for good: never sent again.
    Refused,
    /// Not received as far as we know: the same bytes are sent again.
    Failed,
}

/// A line of the person's own ledger, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is in the chain; it never changes.
    pub receipt: Receipt,
    /// Its random name.
    pub id: [u8; 16],
    /// After this instant it is not handed out any more.
    pub until: i64,
    /// What became of it.
    pub status: Status,
    /// How often it was handed out without a known end.
    pub attempts: u32,
    /// The report itself; gone once the person erased it.
    pub bytes: Vec<u8>,
    /// The exact bytes that travel: the report, sealed to the collector's key. Gone with it.
    pub sealed: Vec<u8>,
    /// The first state that holds the charge; the report waits until that state is durable.
    charged_in: u64,
}

codec!(struct Entry { receipt, id, until, status, attempts, bytes, sealed, charged_in });

impl Entry {
    fn clear(&mut self) {
        self.bytes.clear();
        self.sealed.clear();
    }

    /// Returns what is to be sent.
    #[must_use]
    pub fn upload(&self) -> Upload {
        Upload { id: ReportId(self.id), bytes: self.sealed.clone() }
    }
}

/// A report, or a message about labels, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its random name.
    pub id: ReportId,
    /// Its exact bytes, sealed.
    pub bytes: Vec<u8>,
}

/// The next report, byte for byte, before it is sent.
pub type Pending = Entry;

/// All that left this device or is to leave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    /// The oldest first.
    entries: Vec<Entry>,
    /// Before this instant no report leaves: labels, or their erasure, have left.
    quiet_until: i64,
}

codec!(struct Outbox { entries, quiet_until });

impl Outbox {
    /// Takes in what passed the gate; it waits until state `charged_in` is durable.
    pub(crate) fn push(&mut self, cleared: Cleared, charged_in: u64, consent: &Consent) {
        let Cleared { mut receipt, id, until, bytes, sealed } = cleared;
        receipt.consent = *consent;
        let receipt = receipt.chained(self.entries.last().map(|last| &last.receipt), &sealed);
        // Already now, for a device may stop between handing out and noting it.
        self.rest_after(receipt.kind, receipt.at);
        self.entries.push(Entry {
            receipt,
            id: id.0,
            until: until.millis(),
            status: Status::Queued,
            attempts: 0,
            bytes,
            sealed,
            charged_in,
        });
        let surplus = self.entries.len().saturating_sub(MAX_ENTRIES);
        self.entries.drain(..surplus);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn pending(&self) -> Option<&Entry> {
        self.queued().next()
    }

    /// Tells whether a message of this kind waits.
    pub(crate) fn holds(&self, kind: Kind) -> bool {
        self.queued().any(|entry| entry.receipt.kind == kind)
    }

    fn queued(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.status == Status::Queued)
    }

    /// Hands out the oldest that may leave: it is durable, its time is not over, consent to what it is for holds. A report waits until
    /// labels are long gone and their erasure has arrived. An erasure needs no consent, for it is how consent ends, and
    /// where nothing may be stored it needs no store.
    pub(crate) fn next(&mut self, consent: &Consent, durable: u64, now: Timestamp) -> Option<&Entry> {
        let quiet = now.millis() < self.quiet_until || self.holds(Kind::Erasure);
        let ready = |entry: &Entry| {
            let Receipt { kind, purpose, .. } = entry.receipt;
            let erases = kind == Kind::Erasure;
            entry.status == Status::Queued
                && now.millis() < entry.until
                && !(quiet && kind == Kind::Report)
                && (entry.charged_in <= durable || erases && !consent.grants(Purpose::Storage))
                && (erases || gate::check(consent, purpose).is_ok())
        };
        let index = self.entries.iter().position(ready)?;
        self.rest_after(self.entries.get(index)?.receipt.kind, now.millis());
        self.entries.get(index)
    }

    /// No report leaves soon after labels or their erasure do.
    fn rest_after(&mut self, kind: Kind, at: i64) {
        if kind != Kind::Report {
            self.quiet_until = self.quiet_until.max(at.saturating_add(APART_MS));
        }
    }

    /// Records what the network made of a report; one that is not waiting stays as it is.
    pub(crate) fn settle(&mut self, id: ReportId, outcome: Outcome) {
        if let Some(entry) =
            self.entries.iter_mut().find(|entry| entry.id == id.0 && entry.status == Status::Queued)
        {
            match outcome {
                Outcome::Accepted => entry.status = Status::Accepted,
                Outcome::Refused => entry.status = Status::Refused,
                Outcome::Failed => entry.attempts = entry.attempts.saturating_add(1),
            }
        }
    }

    /// Gives up what waits past its window, and tells whether anything did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        self.end_queued(Status::Expired, |entry| now.millis() >= entry.until)
    }

    /// Stops the hand-out of what this consent does not allow; erasures go on.
    pub(crate) fn withdraw(&mut self, consent: &Consent) {
        self.end_queued(Status::Withdrawn, |entry| {
            entry.receipt.kind != Kind::Erasure && gate::check(consent, entry.receipt.purpose).is_err()
        });
    }

    /// Forgets the bytes of everything but the erasures that wait; the receipts stay, for they say nothing about behaviour.
    pub(crate) fn erase(&mut self) {
        self.withdraw(&Consent::default());
        self.entries.iter_mut().filter(|entry| entry.status != Status::Queued).for_each(Entry::clear);
    }

    /// Counts everything on record as charged in a state that is durable: it was just read from one.
    pub(crate) fn restored(&mut self, revision: u64) {
        self.entries.iter_mut().for_each(|entry| entry.charged_in = revision);
    }

    /// Ends what waits and is meant, and tells whether anything was.
    fn end_queued(&mut self, status: Status, which: impl Fn(&Entry) -> bool) -> bool {
        let mut ended = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.status == Status::Queued && which(entry)) {
            entry.status = status;
            ended = true;
        }
        ended
    }
}
