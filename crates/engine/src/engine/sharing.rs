//! Labels on their way out: when they are to be decided on, and what was decided.

use keepset_privacy::Coins;
use keepset_wire::receipt::Kind;
use keepset_wire::{Purpose, Timestamp};

use super::Engine;
use crate::gate;
use crate::gate::Withheld;
use crate::labels::{APART_MS, Offer};
use crate::outbox::{Entry, Status};

impl Engine {
    /// Does what a page does about labels when they are due.
    ///
    /// # Errors
    /// [`Withheld`]: why nothing is to leave.
    pub fn share(&mut self, now: Timestamp, coins: impl Coins) -> Result<(), Withheld> {
        self.advance(now);
        let kept = self.labels(now).ok_or(Withheld::NotDue)?.to_vec();
        let last = self.ledger().iter().rev().find(|entry| entry.receipt.kind == Kind::Label);
        let offer = Offer {
            front: self.pack.front(),
            kept,
            granted: gate::check(&self.consent, Purpose::Sharing).is_ok(),
            within: self.memberships().iter().map(|held| held.segment.to_string()).collect(),
            arrived: last.is_none_or(|last| matches!(last.status, Status::Accepted | Status::Refused)),
            now,
        };
        self.decided(offer.decide(coins))
    }

    /// Returns what is kept about labels, for [`Offer::new`], if they are to be decided on now: with consent when they are due and no report
    /// waits, without it at once if there is something to take back. [`Engine::decided`] takes in what was.
    #[must_use]
    pub fn labels(&self, now: Timestamp) -> Option<&[u8]> {
        let next = self.sharing.next();
        let due = if gate::check(&self.consent, Purpose::Sharing).is_err() {
            next.is_some()
        } else if let Some(next) = next {
            next <= now.millis() && !self.outbox.holds(Kind::Report)
        } else {
            !self.pack.labels.is_empty()
        };
        due.then_some(&self.sharing.0[..])
    }

    /// Hands out what may leave at this moment: it is durable, and consent to what it is for holds. After a report labels rest.
    pub fn hand_out(&mut self, now: Timestamp) -> Option<&Entry> {
        let entry = self.outbox.next(&self.consent, self.durable, now)?;
        if entry.receipt.kind == Kind::Report {
            self.sharing.rest_until(now.saturating_add(APART_MS));
        }
        Some(entry)
    }
}
