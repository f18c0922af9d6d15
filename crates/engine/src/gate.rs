//! The gate: in this order consent, live plan, not yet answered, slot, key, budget, charge, noise, seal.
//!
//! Only the gate makes a [`Cleared`] report, and only a [`Cleared`] enters the outbox. What needs no chance is asked first, by
//! [`Gate::ready`]; the rest may stand in a module of its own, see [`crate::Due`].

use std::fmt;

use keepset_privacy::{Answering, Coins, Ledger, NoEntropy, Refusal, Truth};
use keepset_wire::codec;
use keepset_wire::receipt::{Kind, NOTHING_BEFORE};
use keepset_wire::{
    Consent, Epoch, PackHash, Plan, PlanHash, Purpose, Receipt, Report, ReportId, Sealer, SealingKey,
    Timestamp, Window, name16,
};

/// Why there is no report now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withheld {
    /// The pack asks nothing.
    NoPlan,
    /// Segmentation or reporting is not granted.
    NoConsent,
    /// Storage is not granted, so no charge could be kept.
    StorageNeeded,
    /// The plan has not started or has expired.
    PlanNotLive,
    /// The clock stands before an instant already seen.
    ClockBehind,
    /// This window is answered, or the device waits for the next one.
    Answered,
    /// The moment drawn for this window has not come.
    NotDue,
    /// The year's allowance is spent.
    Budget,
    /// There is no entropy.
    NoEntropy,
    /// The mechanism refused the question: the plan is larger than this engine can answer.
    Mechanism,
    /// The pack names no key of the collector to seal a report to at this time.
    NoKey,
}

impl Withheld {
    /// Returns the stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoPlan => "no_plan",
            Self::NoConsent => "no_consent",
            Self::StorageNeeded => "storage_needed",
            Self::PlanNotLive => "plan_not_live",
            Self::ClockBehind => "clock_behind",
            Self::Answered => "answered",
            Self::NotDue => "not_due",
            Self::Budget => "budget",
            Self::NoEntropy => "no_entropy",
            Self::Mechanism => "mechanism",
            Self::NoKey => "no_key",
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Withheld {}

impl From<NoEntropy> for Withheld {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

impl From<Refusal> for Withheld {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PlanNotLive => Self::PlanNotLive,
            Refusal::ClockBehind => Self::ClockBehind,
            Refusal::WindowTaken => Self::Answered,
            _ => Self::Budget,
        }
    }
}

codec!(enum Withheld {
    0 => NoPlan, 1 => NoConsent, 2 => StorageNeeded, 3 => PlanNotLive, 4 => ClockBehind, 5 => Answered, 6 => NotDue,
    7 => Budget, 8 => NoEntropy, 9 => Mechanism, 10 => NoKey,
});

/// A report that passed the gate, or a message about labels that passed its own.
#[derive(Debug)]
pub(crate) struct Cleared {
    /// Whole but for its place in the chain, the bytes it stands for and the consent it relies on, which the outbox writes into it.
    pub(crate) receipt: Receipt,
    pub(crate) id: ReportId,
    pub(crate) until: Timestamp,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

codec!(struct Cleared { receipt, id, until, bytes, sealed });

/// What the gate keeps between reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    ledger: Ledger,
    /// Names this device's reports and assigns it to experiments; never sent.
    secret: Option<[u8; 32]>,
    slot: Option<Slot>,
}

codec!(struct Gate { ledger, secret, slot });

/// When in a window, and to which question, a device reports: drawn by chance alone, before and apart from any behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    plan: [u8; 16],
    window: u32,
    pub(crate) epoch: u32,
    pub(crate) question: u16,
}

codec!(struct Slot { plan, window, epoch, question });

impl Gate {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, secret: None, slot: None }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Goes on from a copy: see [`Ledger::assume_spent`]. The moment that was drawn is of a window that is over or counts as answered.
    #[cfg(feature = "recover")]
    pub(crate) fn assume_spent(&mut self, plan: Option<&Plan>, now: Timestamp) {
        self.ledger.assume_spent(plan, now);
        self.slot = None;
    }

    /// Says why there is no report now, as far as that can be said without chance. Remembers `now` as seen.
    pub(crate) fn ready(
        &mut self,
        plan: &Plan,
        hash: PlanHash,
        consent: &Consent,
        now: Timestamp,
    ) -> Result<(), Withheld> {
        check(consent, Purpose::Reporting)?;
        // Without a secret the window is left out, which is for `clear` to note.
        if self.secret.is_none() {
            return Ok(());
        }
        let window = self.ledger.permits(plan, now)?;
        let epoch = plan.epoch_at(now).ok_or(Withheld::PlanNotLive)?;
        match self.slot_of(hash, window) {
            Some(slot) if epoch < Epoch(slot.epoch) => Err(Withheld::NotDue),
            _ => Ok(()),
        }
    }

    /// Lets one report through, sealed to `key`, or says why not. `truths` are what the device would say to each of the plan's
    /// questions.
    ///
    /// # Privacy
    /// Whether and when a report is made depends on consent, the clock and chance, never on behaviour: a device in
    /// no segment draws and reports like any other.
    pub(crate) fn clear<C: Coins + 'static>(
        &mut self,
        plan: &Plan,
        (hash, pack, key): (PlanHash, PackHash, Option<&SealingKey>),
        consent: &Consent,
        truths: &[Truth],
        now: Timestamp,
        mut coins: C,
    ) -> Result<Cleared, Withheld> {
        check(consent, Purpose::Reporting)?;
        if self.secret.is_none() {
            self.keep_secret(coins.secret()?, Some(plan), now);
        }
        let secret = self.secret.ok_or(Withheld::NoEntropy)?;
        let window = self.ledger.permits(plan, now)?;
        let epoch = plan.epoch_at(now).ok_or(Withheld::PlanNotLive)?;
        let slot = self.slot(plan, hash, window, &mut coins)?;
        if epoch < Epoch(slot.epoch) {
            return Err(Withheld::NotDue);
        }
        let index = usize::from(slot.question);
        let (question, truth) =
            plan.questions.get(index).zip(truths.get(index)).ok_or(Withheld::Mechanism)?;
        let answering = Answering::for_question(plan.epsilon, question).map_err(|_| Withheld::Mechanism)?;
        let mechanism = answering.describe();
        // Before the charge, as everything is that can fail.
        let sealer = match key {
            Some(key) => Some(Sealer::new(key, coins.secret()?).ok_or(Withheld::NoKey)?),
            None => None,
        };
        let charge = self.ledger.charge(plan, now)?;
        let answer = answering.answer(charge, plan.epsilon, truth, coins).map_err(|_| Withheld::NoEntropy)?;
        let id = report_id(&secret, hash, window);
        let report = Report { plan: hash, question: slot.question, epoch, id, answer };
        let bytes = report.encode(plan).map_err(|_| Withheld::Mechanism)?;
        let sealed = sealer
            .map_or(Some(Vec::new()), |sealer| sealer.seal(hash, epoch, &bytes))
            .ok_or(Withheld::NoKey)?;
        // A collector admits a report until one epoch after its window.
        let until =
            plan.epoch_start(Epoch(plan.first_epoch(Window(window.0.saturating_add(1))).0.saturating_add(1)));
        let receipt = Receipt {
            number: 0,
            at: now.millis(),
            kind: Kind::Report,
            purpose: Purpose::Reporting,
            plan: hash,
            pack,
            question: question.id.to_string(),
            window: window.0,
            mechanism,
            epsilon_micro: plan.epsilon.micro(),
            consent: Consent::default(),
            sha256: [0; 32],
            size: 0,
            before: NOTHING_BEFORE,
        };
        Ok(Cleared { receipt, id, until, bytes, sealed })
    }

    /// Returns the first instant from `now` on at which [`Gate::clear`] may let a report through.
    pub(crate) fn next_due(&self, plan: &Plan, hash: PlanHash, now: Timestamp) -> Timestamp {
        if self.secret.is_none() {
            return now;
        }
        let from = self.ledger.free_from(plan).max(plan.starts).max(now);
        let due = self.drawn(hash).map(|slot| plan.epoch_start(Epoch(slot.epoch)));
        // Without a slot for the window of `from` the gate is to be asked then, to draw one.
        let same_window = |due: &Timestamp| {
            let window = |at| plan.epoch_at(at).map(|epoch| plan.window_of(epoch));
            window(*due) == window(from)
        };
        due.filter(same_window).map_or(from, |due| due.max(from))
    }

    /// Returns the slot drawn last, if it is one of this plan.
    pub(crate) fn drawn(&self, hash: PlanHash) -> Option<Slot> {
        self.slot.filter(|slot| slot.plan == hash.0)
    }

    fn slot_of(&self, hash: PlanHash, window: Window) -> Option<Slot> {
        self.drawn(hash).filter(|slot| slot.window == window.0)
    }

    /// Returns the slot of this window, drawing it if there is none yet.
    fn slot(
        &mut self,
        plan: &Plan,
        hash: PlanHash,
        window: Window,
        coins: &mut impl Coins,
    ) -> Result<Slot, NoEntropy> {
        if let Some(slot) = self.slot_of(hash, window) {
            return Ok(slot);
        }
        let offset = coins.below(plan.window_epochs.into())?;
        let question = plan.question_at(coins.below(plan.total_weight())?);
        let horizon = plan.questions.get(usize::from(question)).map_or(0, |question| question.horizon);
        let offset = if horizon == 0 {
            offset
        } else {
            // What is asked about then must lie in the window, so the answer is in one of the epochs after its horizon.
            u128::from(horizon) + coins.below(plan.window_epochs.saturating_sub(horizon).into())?
        };
        // The offset is below `window_epochs`, a u32.
        let epoch = plan.first_epoch(window).0.saturating_add(u32::try_from(offset).unwrap_or(0));
        let slot = Slot { plan: hash.0, window: window.0, epoch, question };
        self.slot = Some(slot);
        Ok(slot)
    }

    /// Tells whether this can be another gate some time later: an old one is not to be put in a new one's place.
    pub(crate) fn follows(&self, other: &Self) -> bool {
        self.ledger.follows(&other.ledger) && (other.secret.is_none() || self.secret == other.secret)
    }

    /// Tells whether another gate differs in more than the latest instant its ledger has seen.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        !self.ledger.same_charges(&other.ledger) || self.secret != other.secret || self.slot != other.slot
    }

    pub(crate) fn secret(&self) -> Option<&[u8; 32]> {
        self.secret.as_ref()
    }

    /// Keeps the secret that was drawn. A state stored before may be put back later and would draw another one, so the
    /// window of the draw is left unanswered: every state that may answer a window holds the same secret.
    pub(crate) fn keep_secret(&mut self, secret: [u8; 32], plan: Option<&Plan>, now: Timestamp) {
        if let Some(plan) = plan {
            self.ledger.leave_out(plan, now);
        }
        self.secret = Some(secret);
    }
}

/// The consent that what leaves for this purpose needs, asked when it is made and again when it is handed out.
pub(crate) fn check(consent: &Consent, purpose: Purpose) -> Result<(), Withheld> {
    if !consent.grants(Purpose::Segmentation) || !consent.grants(purpose) {
        return Err(Withheld::NoConsent);
    }
    if !consent.grants(Purpose::Storage) {
        return Err(Withheld::StorageNeeded);
    }
    Ok(())
}

/// Names the report of a window: random to everyone but this device, and the same if an old state is put back, so
/// that a collector counts the window once even then.
fn report_id(secret: &[u8; 32], plan: PlanHash, window: Window) -> ReportId {
    ReportId(name16(&[b"keepset report id 1", secret, &plan.0, &window.0.to_be_bytes()]))
}
