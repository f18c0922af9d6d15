//! Reports: one a window, charged before it is drawn, handed out once its charge is durable.

use std::rc::Rc;

use keepset_privacy::{Budget, Coins, NoEntropy};
use keepset_wire::{Name, ReportId, Timestamp};

use super::Engine;
use crate::gate;
use crate::gate::Withheld;
use crate::outbox::{Entry, Outcome, Pending, Upload};
use crate::segment::{Cause, Change};

impl Engine {
    /// Draws the secret of a device that has none: it names reports and assigns to experiments, and never leaves.
    ///
    /// # Errors
    /// [`NoEntropy`]; the device is in no arm then and makes no report.
    pub fn draw_secret(&mut self, coins: &mut impl Coins, now: Timestamp) -> Result<Vec<Change>, NoEntropy> {
        if self.gate.secret().is_none() {
            self.gate.draw_secret(self.pack.plan.as_ref(), now, coins)?;
            self.stored = None;
            self.find_arms();
        }
        Ok(std::mem::take(&mut self.changes))
    }

    pub(super) fn find_arms(&mut self) {
        if let Some(secret) = self.gate.secret() {
            self.arms = self.pack.experiments.iter().map(|experiment| experiment.arm(secret)).collect();
            self.touch_all();
            if !self.waiting {
                self.evaluate(self.evaluated, &|| Cause::Start);
            }
        }
    }

    /// Makes the one report of a window when it is due; the gate decides. Changes it meets on the way are handed out
    /// by the next [`Engine::tick`].
    ///
    /// # Errors
    /// [`Withheld`]: why there is no report now.
    pub fn prepare(&mut self, now: Timestamp, coins: impl Coins + 'static) -> Result<(), Withheld> {
        let pack = Rc::clone(&self.pack);
        let (plan, hash) = pack.asked().ok_or(Withheld::NoPlan)?;
        self.advance(now);
        let before = self.gate.clone();
        let expired = self.outbox.expire(now);
        let memberships = &self.memberships;
        let is_in = |asked: &Name| {
            let index = pack.segments.list.iter().position(|segment| segment.id == *asked);
            index.is_some_and(|index| memberships.since(index).is_some())
        };
        let secret = self.gate.secret().is_some();
        let cleared = self.gate.clear(plan, hash, &self.consent, is_in, now, coins);
        if !secret {
            self.find_arms();
        }
        // The next state saved is the first to hold the charge.
        let made = cleared.map(|cleared| self.outbox.push(cleared, self.revision + 1));
        if expired || made.is_ok() || self.gate.differs(&before) {
            // Charges are in whole sections alone.
            self.stored = None;
        }
        made
    }

    /// Takes in what the network made of an upload.
    pub fn uploaded(&mut self, id: ReportId, outcome: Outcome) {
        self.stored = None;
        self.outbox.settle(id, outcome);
    }

    /// Returns the next report that may be sent: consent holds at this moment and its charge is durable.
    #[must_use]
    pub fn next_upload(&self, now: Timestamp) -> Option<Upload> {
        gate::check(&self.consent).ok()?;
        self.outbox.next_upload(self.durable, now)
    }

    /// Returns the report that waits to be sent, byte for byte.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.outbox.pending()
    }

    /// Lists every report of this device on record, oldest first.
    #[must_use]
    pub fn ledger(&self) -> &[Entry] {
        self.outbox.entries()
    }

    /// Returns what is spent and what may be; nothing when the pack asks nothing.
    #[must_use]
    pub fn budget(&self, now: Timestamp) -> Option<Budget> {
        self.pack.plan.as_ref().map(|plan| self.gate.ledger().budget(plan, now))
    }

    /// Returns the first instant from `now` on at which [`Engine::prepare`] may make a report; nothing while consent or a plan is missing.
    #[must_use]
    pub fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        gate::check(&self.consent).ok()?;
        let (plan, hash) = self.pack.asked()?;
        Some(self.gate.next_due(plan, hash, now)).filter(|due| *due < plan.expires)
    }
}
