//! What a message about labels says: the labels held now, or that all of them are to be erased.
//!
//! ```text
//! version u8 | kind u8 | terms hash 16 | proof or secret 32 | day u32 | agreed u32 | signal u8 | pack hash 16 | bitmap
//! ```
//! Numbers are big-endian. Both kinds have one length for all who agreed to the same terms: what a withdrawal does not say is
//! zeros. Days are counted from 1970: an instant to the millisecond would be a second name.
//!
//! A device draws a secret. The [`Proof`] is the SHA-256 of it, and the [`LabelId`] that of the proof: whoever knows the name alone can do
//! nothing, whoever holds the proof can change the labels, and whoever holds the secret, which leaves the device with the withdrawal
//! alone, can erase them.

use std::fmt;

use super::{LabelId, LabelTerms, TermsHash};
use crate::consent::Signal;
use crate::digest::{name16, sha256};
use crate::receipt::PackHash;
use crate::report::take;
use crate::time::Timestamp;

const VERSION: u8 = 1;
const SHARE: u8 = 0;
const ERASE: u8 = 1;
/// What stands before the bitmap.
const HEADER: usize = 1 + 1 + 16 + 32 + 4 + 4 + 1 + 16;
/// Where the proof stands.
const PROOF: std::ops::Range<usize> = 18..50;

/// What a device keeps for the day it wants its labels erased: 32 bytes drawn by chance, of which no other use is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Returns what shows that a message comes from whoever holds the secret.
    #[must_use]
    pub fn proof(&self) -> Proof {
        Proof(sha256(&[b"keepset label proof 1", &self.0]))
    }
}

/// What a message carries so that nobody else can change the labels of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof(pub [u8; 32]);

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

impl Proof {
    /// Returns the name that the collector knows.
    #[must_use]
    pub fn id(&self) -> LabelId {
        LabelId(name16(&[b"keepset label id 1", &self.0]))
    }
}

/// The labels of a device, with what its consent receipt needs (ISO/IEC TS 27560): the terms hold the purpose, the controller and
/// the version of the text, and this the day, the signal and the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The terms that were agreed to.
    pub terms: TermsHash,
    /// Shows whose they are.
    pub proof: Proof,
    /// The day the message was made.
    pub day: u32,
    /// The day consent was given.
    pub agreed: u32,
    /// The signal by which it was given.
    pub signal: Signal,
    /// The pack in force.
    pub pack: PackHash,
    /// For each segment of the terms whether the device is in it now.
    pub held: Vec<bool>,
}

/// Why bytes are no message about labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// They are not as long as a message under these terms.
    Length {
        /// How long they are to be.
        expected: usize,
    },
    /// The version is not known.
    Version,
    /// They are of another kind.
    Kind,
    /// They name other terms.
    Terms,
    /// They hold something no honest device writes.
    Malformed,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected } => write!(f, "a message under these terms is {expected} bytes long"),
            Self::Version => f.write_str("the version of the message is not known here"),
            Self::Kind => f.write_str("the message is of another kind"),
            Self::Terms => f.write_str("the message names other terms"),
            Self::Malformed => f.write_str("the message holds what no honest device writes"),
        }
    }
}

impl std::error::Error for MessageError {}

/// Returns the day of an instant as messages count days.
#[must_use]
pub(crate) fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.day()).unwrap_or(0)
}

impl Labels {
    /// The length in bytes of the longest message under any terms.
    pub const LONGEST: usize = HEADER + super::MOST_LABELS / 8;

    /// Returns the length in bytes of every message under `terms`.
    #[must_use]
    pub fn length(terms: &LabelTerms) -> usize {
        HEADER + terms.segments.len().div_ceil(8)
    }

    /// Returns the day of an instant as messages count days.
    #[must_use]
    pub fn day(at: Timestamp) -> u32 {
        day_of(at)
    }

    /// Writes the message that shares them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, SHARE];
        bytes.extend(self.terms.0);
        bytes.extend(self.proof.0);
        bytes.extend(self.day.to_be_bytes());
        bytes.extend(self.agreed.to_be_bytes());
        bytes.push(self.signal.byte());
        bytes.extend(self.pack.0);
        for eight in self.held.chunks(8) {
            bytes.push(eight.iter().rev().fold(0, |byte, held| byte << 1 | u8::from(*held)));
        }
        bytes
    }

    /// Writes the same with zeros in place of the proof: what a person may look at and hand on.
    #[must_use]
    pub fn shown(&self) -> Vec<u8> {
        Self { proof: Proof([0; 32]), ..self.clone() }.encode()
    }

    /// Writes the message that erases everything a secret stands for.
    #[must_use]
    pub fn erasure(terms: &LabelTerms, secret: &Secret) -> Vec<u8> {
        let mut bytes = vec![0; Self::length(terms)];
        (bytes[0], bytes[1]) = (VERSION, ERASE);
        bytes[2..18].copy_from_slice(&terms.hash().0);
        bytes[PROOF].copy_from_slice(&secret.0);
        bytes
    }

    /// Reads a message that shares labels under `terms`.
    ///
    /// # Errors
    /// The first [`MessageError`], in the order of its variants.
    pub fn decode(terms: &LabelTerms, bytes: &[u8]) -> Result<Self, MessageError> {
        let expected = Self::length(terms);
        if bytes.len() != expected {
            return Err(MessageError::Length { expected });
        }
        check(bytes, SHARE)?;
        let mut rest = &bytes[2..];
        let hash = terms.hash();
        if take::<16>(&mut rest) != hash.0 {
            return Err(MessageError::Terms);
        }
        let proof = Proof(take(&mut rest));
        let (day, agreed) = (u32::from_be_bytes(take(&mut rest)), u32::from_be_bytes(take(&mut rest)));
        let signal = Signal::from_byte(take::<1>(&mut rest)[0]).ok_or(MessageError::Malformed)?;
        let pack = PackHash(take(&mut rest));
        let held = (0..terms.segments.len()).map(|index| rest[index / 8] >> (index % 8) & 1 == 1).collect();
        let labels = Self { terms: hash, proof, day, agreed, signal, pack, held };
        // The bits behind the last segment are zeros, and nobody agrees after having shared.
        if agreed > day || labels.encode() != bytes {
            return Err(MessageError::Malformed);
        }
        Ok(labels)
    }

    /// Reads a message that erases, under whatever terms: what was once agreed to may be taken back for ever.
    ///
    /// # Errors
    /// The first [`MessageError`], in the order of its variants.
    pub fn decode_erasure(bytes: &[u8]) -> Result<Secret, MessageError> {
        if !(HEADER + 1..=Self::LONGEST).contains(&bytes.len()) {
            return Err(MessageError::Length { expected: HEADER + 1 });
        }
        check(bytes, ERASE)?;
        if bytes[PROOF.end..].iter().any(|byte| *byte != 0) {
            return Err(MessageError::Malformed);
        }
        let mut secret = &bytes[PROOF];
        Ok(Secret(take(&mut secret)))
    }
}

fn check(bytes: &[u8], kind: u8) -> Result<(), MessageError> {
    if bytes[0] != VERSION {
        return Err(MessageError::Version);
    }
    if bytes[1] == kind { Ok(()) } else { Err(MessageError::Kind) }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::super::tests::sample;
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    pub(crate) fn labels(held: [bool; 3]) -> Labels {
        Labels {
            terms: sample().hash(),
            proof: Secret([9; 32]).proof(),
            day: 20_485,
            agreed: 20_480,
            signal: Signal::Page,
            pack: PackHash([7; 16]),
            held: held.to_vec(),
        }
    }

    #[test]
    fn a_message_reads_back_what_it_writes_and_shows_all_but_the_proof() {
        let terms = sample();
        for (held, signal) in
            [([false; 3], Signal::Tcf), ([true, false, true], Signal::Gpp), ([true; 3], Signal::Gcm)]
        {
            let labels = Labels { signal, ..labels(held) };
            let bytes = labels.encode();
            assert_eq!(bytes.len(), Labels::length(&terms));
            assert_eq!(Labels::decode(&terms, &bytes).as_ref(), Ok(&labels));
            let shown = labels.shown();
            assert_eq!((&shown[..18], &shown[50..]), (&bytes[..18], &bytes[50..]));
            assert_eq!(shown[PROOF], [0; 32]);
        }
        let erasure = Labels::erasure(&terms, &Secret([9; 32]));
        assert_eq!(erasure.len(), Labels::length(&terms));
        assert_eq!(Labels::decode_erasure(&erasure), Ok(Secret([9; 32])));
        assert_eq!(Secret([9; 32]).proof().id(), labels([true; 3]).proof.id());
    }

    #[test]
    fn each_way_of_being_wrong_has_its_own_error() {
        let terms = sample();
        let right = labels([true; 3]).encode();
        let wrong = |at: usize, byte: u8| {
            let mut bytes = right.clone();
            bytes[at] = byte;
            Labels::decode(&terms, &bytes).unwrap_err()
        };
        assert_eq!(wrong(0, 2), MessageError::Version);
        assert_eq!(wrong(1, 1), MessageError::Kind);
        assert_eq!(wrong(2, !right[2]), MessageError::Terms);
        assert_eq!(wrong(58, 4), MessageError::Malformed, "a signal that is none");
        assert_eq!(wrong(54, 1), MessageError::Malformed, "agreed after the message");
        assert_eq!(wrong(75, 0x0f), MessageError::Malformed, "a bit behind the last segment");
        assert_eq!(Labels::decode(&terms, &right[1..]), Err(MessageError::Length { expected: 76 }));
        assert_eq!(Labels::decode_erasure(&right), Err(MessageError::Kind));
        let mut more = Labels::erasure(&terms, &Secret([9; 32]));
        more[60] = 1;
        assert_eq!(Labels::decode_erasure(&more), Err(MessageError::Malformed));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_either_decode_to_what_encodes_to_them_or_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..96), honest in any::<bool>()) {
            let terms = sample();
            if honest && bytes.len() >= 76 {
                bytes.truncate(76);
                (bytes[0], bytes[1], bytes[50], bytes[54], bytes[58]) = (1, 0, 1, 0, 0);
                bytes[2..18].copy_from_slice(&terms.hash().0);
                bytes[75] &= 7;
            }
            if let Ok(labels) = Labels::decode(&terms, &bytes) {
                prop_assert_eq!(labels.encode(), bytes);
            } else {
                prop_assert!(!honest || bytes.len() < 76);
                let _ = Labels::decode_erasure(&bytes);
            }
        }
    }
}
