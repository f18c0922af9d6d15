//! The outbox: reports whose bytes are fixed, handed out only when their charge is durable, and the ledger of all of them.
//!
//! The ledger is a chain of [`Receipt`]s: nothing is handed out that is not in it, and no receipt changes once it is. The
//! oldest are forgotten; the first that is left still holds the hash of the last that is gone. What became of a report stands
//! beside its receipt, for it is known later, changes, and is the network's word and not the device's.

use keepset_wire::codec;
use keepset_wire::codec::{Codec, Decoder};
use keepset_wire::receipt::Kind;
use keepset_wire::{Consent, PackHash, Purpose, Receipt, ReportId, Timestamp};
use serde::Serialize;

use crate::gate::Cleared;

/// So many entries are remembered: more than four years of windows.
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

/// A report ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its random name.
    pub id: ReportId,
    /// Its exact bytes, sealed.
    pub bytes: Vec<u8>,
}

/// The next report, byte for byte, before it is sent.
pub type Pending = Entry;

/// Every report of this device, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox(Vec<Entry>);

codec!(tuple Outbox);

impl Outbox {
    /// Takes in a report that passed the gate; it waits until state `charged_in` is durable.
    pub(crate) fn push(&mut self, cleared: Cleared, charged_in: u64) {
        let Cleared { receipt, id, until, bytes, sealed } = cleared;
        self.0.push(Entry {
            receipt: self.chained(receipt, &sealed),
            id: id.0,
            until: until.millis(),
            status: Status::Queued,
            attempts: 0,
            bytes,
            sealed,
            charged_in,
        });
        let surplus = self.0.len().saturating_sub(MAX_ENTRIES);
        self.0.drain(..surplus);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(crate) fn pending(&self) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.status == Status::Queued)
    }

    /// Returns the oldest report that may be sent: its charge durable, its window open.
    pub(crate) fn next_upload(&self, durable: u64, now: Timestamp) -> Option<Upload> {
        let ready = |entry: &&Entry| {
            entry.status == Status::Queued && entry.charged_in <= durable && now.millis() < entry.until
        };
        self.0.iter().find(ready).map(|entry| Upload { id: ReportId(entry.id), bytes: entry.sealed.clone() })
    }

    /// Records what the network made of a report; one that is not waiting stays as it is.
    pub(crate) fn settle(&mut self, id: ReportId, outcome: Outcome) {
        if let Some(entry) =
            self.0.iter_mut().find(|entry| entry.id == id.0 && entry.status == Status::Queued)
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

    /// Stops every hand-out.
    pub(crate) fn withdraw(&mut self) {
        self.end_queued(Status::Withdrawn, |_| true);
    }

    /// Forgets every report's bytes; the receipts stay, for they say nothing about behaviour.
    pub(crate) fn erase(&mut self) {
        self.withdraw();
        for entry in &mut self.0 {
            entry.bytes.clear();
            entry.sealed.clear();
        }
    }

    /// Counts everything on record as charged in a state that is durable: it was just read from one. What waits in a state of
    /// before reports were sealed is given up: nothing leaves that others than the collector can read.
    pub(crate) fn restored(&mut self, revision: u64) {
        self.0.iter_mut().for_each(|entry| entry.charged_in = revision);
        self.end_queued(Status::Withdrawn, |entry| entry.sealed.is_empty());
    }

    /// Reads reports as they were recorded before there were receipts, and gives them theirs. Of the mechanism, the pack and
    /// the consent nothing is on record, and the receipts say so.
    pub(crate) fn recorded(from: &mut Decoder<'_>) -> Self {
        let mut outbox = Self::default();
        for _ in 0..from.length() {
            let id = Codec::decode(from);
            let receipt = Receipt {
                number: 0,
                at: Codec::decode(from),
                kind: Kind::Report,
                purpose: Purpose::Reporting,
                plan: Codec::decode(from),
                pack: PackHash::default(),
                question: Codec::decode(from),
                window: Codec::decode(from),
                mechanism: String::new(),
                epsilon_micro: Codec::decode(from),
                consent: Consent::default(),
                sha256: [0; 32],
                size: 0,
                before: [0; 32],
            };
            let (until, status) = Codec::decode(from);
            let (attempts, bytes): (u32, Vec<u8>) = Codec::decode(from);
            outbox.0.push(Entry {
                receipt: outbox.chained(receipt, &bytes),
                id,
                until,
                status,
                attempts,
                bytes,
                sealed: Vec::new(),
                charged_in: Codec::decode(from),
            });
        }
        outbox
    }

    fn chained(&self, receipt: Receipt, bytes: &[u8]) -> Receipt {
        receipt.chained(self.0.last().map(|last| &last.receipt), bytes)
    }

    /// Ends what waits and is meant, and tells whether anything was.
    fn end_queued(&mut self, status: Status, which: impl Fn(&Entry) -> bool) -> bool {
        let mut ended = false;
        for entry in self.0.iter_mut().filter(|entry| entry.status == Status::Queued && which(entry)) {
            entry.status = status;
            ended = true;
        }
        ended
    }
}
