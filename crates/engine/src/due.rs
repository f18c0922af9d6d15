//! A report that may be due: what the gate needs to decide on it, apart from the engine.
//!
//! The mechanism and its randomness are used once a window, so a page loads them then, as a module of their own. The
//! engine hands over a [`Due`] as bytes and takes a [`Decided`] back within one turn: nothing can happen in between.

use keepset_privacy::{Coins, Truth};
use keepset_wire::codec;
use keepset_wire::codec::{Codec, decode, encode};
use keepset_wire::{Consent, PackHash, Plan, PlanHash, SealingKey, Timestamp};

use crate::gate::{Cleared, Gate, Withheld};

/// What decides on a report: nothing here but what the device would answer says anything of the person.
#[derive(Debug)]
pub struct Due {
    pub(crate) gate: Gate,
    pub(crate) plan: Plan,
    pub(crate) hash: PlanHash,
    pub(crate) pack: PackHash,
    /// Whom the report is sealed for; only who looks at the draws alone leaves it away.
    pub(crate) key: Option<SealingKey>,
    pub(crate) consent: Consent,
    /// What the device would answer, by question: which of them it is asked, chance decides apart from this.
    pub(crate) truths: Vec<Truth>,
    pub(crate) now: Timestamp,
}

/// [`Due`] as it is written: the plan as bytes behind their length, as a compiled pack has it.
type Parts =
    (((Gate, Vec<u8>), (PlanHash, PackHash)), ((Option<SealingKey>, Consent), (Vec<Truth>, Timestamp)));

/// Writes what is due of a plan that is at hand as bytes.
pub(crate) fn write(
    gate: &Gate,
    (plan, hash): (&Vec<u8>, PlanHash),
    (pack, key): (PackHash, Option<&SealingKey>),
    consent: &Consent,
    truths: &Vec<Truth>,
    now: Timestamp,
) -> Vec<u8> {
    let mut out = encode(gate);
    plan.encode(&mut out);
    hash.encode(&mut out);
    pack.encode(&mut out);
    key.is_some().encode(&mut out);
    if let Some(key) = key {
        key.encode(&mut out);
    }
    consent.encode(&mut out);
    truths.encode(&mut out);
    now.encode(&mut out);
    out
}

/// What was decided, on a report or, see [`crate::Offer`], on labels.
#[derive(Debug)]
pub struct Decided {
    pub(crate) about: About,
    pub(crate) report: Result<Cleared, Withheld>,
}

codec!(struct Decided { about, report });

/// What the engine is to keep from now on.
#[derive(Debug)]
pub(crate) enum About {
    /// Of reports.
    Gate(Gate),
    /// Of labels.
    Labels(Vec<u8>),
}

codec!(enum About { 0 => Gate(gate), 1 => Labels(kept) });

impl Due {
    /// Reads what [`Due::to_bytes`] wrote; nothing from anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (((gate, plan), (hash, pack)), ((key, consent), (truths, now))): Parts = decode(bytes)?;
        let plan: Plan = decode(&plan).filter(|plan: &Plan| plan.is_sound() && plan.hash() == hash)?;
        Some(Self { gate, plan, hash, pack, key, consent, truths, now })
    }

    /// Writes everything.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { gate, plan, hash, pack, key, consent, truths, now } = self;
        write(gate, (&encode(plan), *hash), (*pack, key.as_ref()), consent, truths, *now)
    }

    /// Leaves the seal away, for whoever draws millions of reports to look at them. No engine takes what is then decided.
    #[must_use]
    pub fn unsealed(self) -> Self {
        Self { key: None, ..self }
    }

    /// Returns what the device would answer without noise, by question: what a replay sets beside the estimate.
    #[must_use]
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }

    /// Decides: draws the moment of the window, or charges, draws and seals the report, or says why neither.
    #[must_use]
    pub fn decide(self, coins: impl Coins + 'static) -> Decided {
        let Self { mut gate, plan, hash, pack, key, consent, truths, now } = self;
        let report = gate.clear(&plan, (hash, pack, key.as_ref()), &consent, &truths, now, coins);
        Decided { about: About::Gate(gate), report }
    }

    /// Returns the same question to a device that would answer this without noise.
    #[must_use]
    pub fn saying(self, truths: Vec<Truth>) -> Self {
        Self { truths, ..self }
    }

    /// Returns the same question as it is asked again once it was decided on: a second report would be one too many.
    #[must_use]
    pub fn again(self, decided: &Decided) -> Self {
        match &decided.about {
            About::Gate(gate) => Self { gate: gate.clone(), ..self },
            About::Labels(_) => self,
        }
    }

    /// Decides where there is nothing to draw from.
    #[must_use]
    pub fn without_entropy(self) -> Decided {
        Decided { about: About::Gate(self.gate), report: Err(Withheld::NoEntropy) }
    }
}

impl Decided {
    /// Reads what [`Decided::to_bytes`] wrote; nothing from anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        decode(bytes)
    }

    /// Writes everything.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Returns the bytes of the report, or says why there is none.
    ///
    /// # Errors
    /// [`Withheld`].
    pub fn report(&self) -> Result<&[u8], Withheld> {
        self.report.as_ref().map(|cleared| &cleared.bytes[..]).map_err(|withheld| *withheld)
    }

    /// Returns the secret the device has from now on; 32 bytes as its source gave them.
    #[must_use]
    pub fn secret(&self) -> Option<&[u8; 32]> {
        match &self.about {
            About::Gate(gate) => gate.secret(),
            About::Labels(_) => None,
        }
    }
}
