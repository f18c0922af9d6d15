//! Reports: one a window, charged before it is drawn, handed out once its charge is durable.

use std::rc::Rc;

use keepset_privacy::{Budget, Coins};
use keepset_wire::{Plan, PlanHash, Purpose, ReportId, SealingKey, Timestamp};

use super::Engine;
use crate::due::{self, About, Decided, Due};
use crate::gate;
use crate::gate::Withheld;
use crate::labels::Sharing;
use crate::outbox::{Entry, Outcome, Pending, Upload};
use crate::pack::Pack;
use crate::segment::{Cause, Change};

impl Engine {
    /// Gives a device that has none its secret: 32 bytes drawn by chance. It names reports and assigns to experiments, and
    /// never leaves. Without one the device is in no arm.
    pub fn keep_secret(&mut self, secret: [u8; 32], now: Timestamp) -> Vec<Change> {
        if self.gate.secret().is_none() {
            self.gate.keep_secret(secret, self.pack.plan.as_ref(), now);
            self.stored = None;
            self.find_arms();
        }
        std::mem::take(&mut self.changes)
    }

    pub(super) fn find_arms(&mut self) {
        if let Some(secret) = self.gate.secret() {
            self.arms = self.pack.experiments.iter().map(|experiment| experiment.arm(secret)).collect();
            self.touch_all();
            if !self.waiting {
                self.evaluate(self.evaluated, Cause::Start);
            }
        }
    }

    /// Makes the one report of a window when it is due; the gate decides. Changes it meets on the way are handed out
    /// by the next [`Engine::tick`].
    ///
    /// # Errors
    /// [`Withheld`]: why there is no report now.
    pub fn prepare(&mut self, now: Timestamp, coins: impl Coins + 'static) -> Result<(), Withheld> {
        let due = self.due(now)?;
        self.decided(due.decide(coins))
    }

    /// Returns what is to be decided on a report now.
    ///
    /// # Errors
    /// [`Withheld`]: why there is none, where that needs no chance.
    pub fn due(&mut self, now: Timestamp) -> Result<Due, Withheld> {
        let pack = Rc::clone(&self.pack);
        let (plan, hash, key) = self.ready(&pack, now)?;
        Ok(Due {
            gate: self.gate.clone(),
            plan: plan.clone(),
            hash,
            pack: pack.hash,
            key: Some(key.clone()),
            consent: self.consent,
            truths: self.truths(plan, now),
            now,
        })
    }

    /// Returns the bytes of [`Engine::due`], for which nothing of the pack is copied.
    ///
    /// # Errors
    /// As [`Engine::due`].
    pub fn due_bytes(&mut self, now: Timestamp) -> Result<Vec<u8>, Withheld> {
        let pack = Rc::clone(&self.pack);
        let (plan, hash, key) = self.ready(&pack, now)?;
        let truths = self.truths(plan, now);
        Ok(due::write(&self.gate, (&pack.written, hash), (pack.hash, Some(key)), &self.consent, &truths, now))
    }

    /// Lets time pass, and returns what of the pack is needed where a report may be due.
    fn ready<'a>(
        &mut self,
        pack: &'a Pack,
        now: Timestamp,
    ) -> Result<(&'a Plan, PlanHash, &'a SealingKey), Withheld> {
        self.advance(now);
        if self.outbox.expire(now) {
            self.stored = None;
        }
        let (plan, hash) = pack.asked().ok_or(Withheld::NoPlan)?;
        self.gate.ready(plan, hash, &self.consent, now)?;
        let key = pack.keys.at(now).ok_or(Withheld::NoKey)?;
        Ok((plan, hash, key))
    }

    /// Takes in what was decided; [`Engine::due`] was asked within the same turn.
    ///
    /// # Errors
    /// [`Withheld`]: why there is no report now; [`Withheld::ClockBehind`] when more was charged since,
    /// [`Withheld::NoKey`] when the report is not sealed.
    pub fn decided(&mut self, decided: Decided) -> Result<(), Withheld> {
        let Decided { about, report } = decided;
        let gate = match about {
            About::Gate(gate) => gate,
            About::Labels(kept) => {
                let kept = Sharing(kept);
                if report.is_ok() || kept != self.sharing {
                    self.stored = None;
                }
                self.sharing = kept;
                self.outbox.push(report?, self.revision + 1, &self.consent);
                return Ok(());
            }
        };
        if report.as_ref().is_ok_and(|cleared| cleared.sealed.is_empty()) {
            return Err(Withheld::NoKey);
        }
        if !gate.follows(&self.gate) {
            return Err(Withheld::ClockBehind);
        }
        if report.is_ok() || gate.differs(&self.gate) {
            // Charges are in whole sections alone.
            self.stored = None;
        }
        let secret = self.gate.secret().is_some();
        self.gate = gate;
        // What was latched is for the slot that is now answered, or for one that is no more.
        let slot = self.slot().filter(|_| report.is_err());
        self.latch = self.latch.filter(|latch| Some(latch.slot) == slot);
        if !secret {
            self.find_arms();
        }
        // The next state saved is the first to hold the charge.
        self.outbox.push(report?, self.revision + 1, &self.consent);
        Ok(())
    }

    /// Takes in what the network made of an upload.
    pub fn uploaded(&mut self, id: ReportId, outcome: Outcome) {
        self.stored = None;
        self.outbox.settle(id, outcome);
    }

    /// Returns what may be sent next: consent holds at this moment, and it is durable.
    pub fn next_upload(&mut self, now: Timestamp) -> Option<Upload> {
        self.hand_out(now).map(Entry::upload)
    }

    /// Returns what waits to be sent, byte for byte.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.outbox.pending()
    }

    /// Lists the ledger of this device, oldest first: a chain of receipts, and what became of each report.
    #[must_use]
    pub fn ledger(&self) -> &[Entry] {
        self.outbox.entries()
    }

    /// Returns what is spent and what may be; nothing when the pack asks nothing.
    #[must_use]
    pub fn budget(&self, now: Timestamp) -> Option<Budget> {
        self.pack.plan.as_ref().map(|plan| self.gate.ledger().budget(plan, now))
    }

    /// Returns the first instant from `now` on at which [`Engine::prepare`] may make a report; nothing while consent, a plan or a
    /// key to seal to is missing.
    #[must_use]
    pub fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        gate::check(&self.consent, Purpose::Reporting).ok()?;
        let (plan, hash) = self.pack.asked()?;
        self.pack.keys.next(self.gate.next_due(plan, hash, now)).filter(|due| *due < plan.expires)
    }
}
