//! The receipt: what is written down of everything that leaves, before it leaves, each one holding the hash of the one before.
//!
//! A receipt says nothing of what a device did: when something was to leave, for what purpose, under which plan and pack, to
//! which question, by which mechanism, at what price, on which consent, and the SHA-256 and length of the exact bytes.
//! What became of them is known later and changes, so it is kept beside a receipt and not in it. `docs/ledger.md` spells
//! the bytes out.

use std::fmt;

use crate::codec;
use crate::codec::encode;
use crate::consent::{Consent, Purpose};
use crate::digest::sha256;
use crate::plan::PlanHash;
use crate::report::hex;

/// What stands before a receipt's bytes when they are hashed, so that a receipt is never taken for anything else.
const DOMAIN: &[u8] = b"keepset receipt 1";

/// The hash before the first receipt.
pub const NOTHING_BEFORE: [u8; 32] = [0; 32];

/// The first 16 bytes of the SHA-256 of eight zeros and a compiled pack's body: it names the pack that was in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackHash(pub [u8; 16]);

codec!(tuple PackHash);

impl fmt::Display for PackHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// What leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A differentially private report.
    Report,
    /// Segment labels, given out with consent to `sharing`.
    Label,
    /// The word that labels given out before are to be erased.
    Erasure,
}

codec!(enum Kind { 0 => Report, 1 => Label, 2 => Erasure });

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the chain, from 0.
    pub number: u32,
    /// When it was written, in milliseconds since 1970.
    pub at: i64,
    /// What leaves.
    pub kind: Kind,
    /// The purpose whose gate it passed.
    pub purpose: Purpose,
    /// The plan that permits it.
    pub plan: PlanHash,
    /// The pack that was in force.
    pub pack: PackHash,
    /// The name of the question it answers.
    pub question: String,
    /// The window of the plan it counts for.
    pub window: u32,
    /// The mechanism with its parameters.
    pub mechanism: String,
    /// What was charged, in micro-epsilons.
    pub epsilon_micro: u32,
    /// The consent it relied on: every gate, and since when.
    pub consent: Consent,
    /// The SHA-256 of the exact bytes that leave.
    pub sha256: [u8; 32],
    /// How many bytes that is.
    pub size: u32,
    /// The hash of the receipt before.
    pub before: [u8; 32],
}

codec!(struct Receipt {
    number, at, kind, purpose, plan, pack, question, window, mechanism, epsilon_micro, consent, sha256, size, before,
});

impl Receipt {
    /// Puts a receipt behind the last one, over the exact bytes that leave.
    #[inline(never)]
    #[must_use]
    pub fn chained(self, last: Option<&Self>, bytes: &[u8]) -> Self {
        Self {
            number: last.map_or(0, |last| last.number.saturating_add(1)),
            sha256: sha256(&[bytes]),
            size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            before: last.map_or(NOTHING_BEFORE, Self::hash),
            ..self
        }
    }

    /// Returns the hash that the next receipt holds: over every field, so none can be changed unseen.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[DOMAIN, &encode(self)])
    }
}

/// Where a chain of receipts is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The first receipt stands at the beginning of a chain and names one before it.
    Beginning,
    /// The number of the receipt at this index does not follow the one before: one is missing, or they changed places.
    Number(usize),
    /// The receipt at this index does not hold the hash of the one before: one of the two was changed.
    Hash(usize),
}

/// Checks that receipts, oldest first, are one unbroken chain. It may begin later than with number 0: a device forgets
/// the oldest, and the first that is left still names the last that is gone.
///
/// # Errors
/// The first [`Break`].
pub fn verify<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Result<(), Break> {
    let mut last: Option<&Receipt> = None;
    for (index, receipt) in receipts.into_iter().enumerate() {
        match last {
            None if receipt.number == 0 && receipt.before != NOTHING_BEFORE => return Err(Break::Beginning),
            Some(last) if receipt.number != last.number.saturating_add(1) => {
                return Err(Break::Number(index));
            }
            Some(last) if receipt.before != last.hash() => return Err(Break::Hash(index)),
            _ => last = Some(receipt),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Choice, Standing};
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn receipt(at: i64) -> Receipt {
        let granted = Standing { choice: Choice::Granted, since: 1_767_225_600_000 };
        Receipt {
            number: 0,
            at,
            kind: Kind::Report,
            purpose: Purpose::Reporting,
            plan: PlanHash([0x61; 16]),
            pack: PackHash([0x70; 16]),
            question: "sizes".into(),
            window: 3,
            mechanism: "set_select(n=5, m=2, k=1, tau=1)".into(),
            epsilon_micro: 2_000_000,
            consent: Consent {
                segmentation: granted,
                storage: granted,
                reporting: granted,
                ..Consent::default()
            },
            sha256: [0; 32],
            size: 0,
            before: NOTHING_BEFORE,
        }
    }

    fn chain(length: i64) -> Vec<Receipt> {
        let mut chain: Vec<Receipt> = Vec::new();
        for at in 0..length {
            chain.push(receipt(1_770_000_000_000 + at).chained(chain.last(), &[7, at.to_le_bytes()[0]]));
        }
        chain
    }

    /// The sample of docs/ledger.md: its bytes and its hash may be computed by anyone with that page alone.
    #[test]
    fn the_bytes_of_a_receipt_are_those_of_the_page_about_them() {
        let first = receipt(1_770_000_000_000).chained(None, b"the bytes that leave");
        let bytes = [
            "00",
            "8090c5c38367",
            "00",
            "02",
            &"61".repeat(16),
            &"70".repeat(16),
            "0573697a6573",
            "03",
            "207365745f73656c656374286e3d352c206d3d322c206b3d312c207461753d3129",
            "80897a",
            "0080a0d5edee66",
            "0080a0d5edee66",
            "0080a0d5edee66",
            "0200",
            &hex(&sha256(&[b"the bytes that leave"])),
            "14",
            &"00".repeat(32),
        ]
        .concat();
        assert_eq!(hex(&encode(&first)), bytes);
        assert_eq!(hex(&first.hash()), "6ac4b5953c3037a551aad6ab99572217a4ee0e70980ff77c3036a469afb35576");
    }

    #[test]
    fn a_chain_verifies_from_wherever_it_begins() {
        let chain = chain(5);
        for start in 0..=5 {
            assert_eq!(verify(&chain[start..]), Ok(()));
        }
    }

    #[test]
    fn what_is_left_out_changed_or_put_elsewhere_breaks_the_chain() {
        let whole = chain(5);
        let mut gap = whole.clone();
        gap.remove(2);
        assert_eq!(verify(&gap), Err(Break::Number(2)));
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(verify(&swapped), Err(Break::Number(1)));
        let mut renumbered = gap;
        renumbered.iter_mut().zip(0..).for_each(|(receipt, number)| receipt.number = number);
        assert_eq!(verify(&renumbered), Err(Break::Hash(2)));
        let mut begun = whole;
        begun[0].before = [1; 32];
        assert_eq!(verify(&begun), Err(Break::Beginning));
    }

    #[test]
    fn every_field_is_held_by_the_hash() {
        let changes: [fn(&mut Receipt); 17] = [
            |r| r.number += 1,
            |r| r.at += 1,
            |r| r.kind = Kind::Label,
            |r| r.purpose = Purpose::Sharing,
            |r| r.plan.0[15] ^= 1,
            |r| r.pack.0[0] ^= 1,
            |r| r.question.push('2'),
            |r| r.window += 1,
            |r| r.mechanism.push('2'),
            |r| r.epsilon_micro += 1,
            |r| r.consent.segmentation.since += 1,
            |r| r.consent.storage.choice = Choice::Pending,
            |r| r.consent.reporting.choice = Choice::Denied,
            |r| r.consent.sharing.since += 1,
            |r| r.sha256[31] ^= 1,
            |r| r.size += 1,
            |r| r.before[31] ^= 1,
        ];
        let chain = chain(2);
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = chain.clone();
            change(&mut changed[0]);
            assert!(verify(&changed).is_err(), "change {index}");
        }
    }
}
