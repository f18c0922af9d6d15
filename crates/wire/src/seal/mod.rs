//! The sealed report: the form in which a report travels, so that only the collector it is meant for can read it.
//!
//! ```text
//! version u8 | key id u8 | plan hash 16 | epoch u32 | encapsulated key 32 | the report, encrypted | tag 16
//! ```
//! The first 22 bytes are authenticated with the report. They repeat what stands in it and are the same for everyone who
//! reports in that week, so they tell a relay or an eavesdropper nothing of who reports. All sealed reports of a plan have one
//! length, as the reports have. A key that whoever sends drew for this one report makes equal reports unlike: nobody but the
//! collector can tell two devices' bytes apart, or two reports of one device together.

mod keys;
pub(crate) mod suite;

use std::fmt;

pub use keys::{CollectorKeys, MOST_KEYS, SealingKey, SealingKeys, key_from_hex};
pub use suite::OpeningKey;
use suite::{KEY, Receiver, Sender, TAG};

use crate::plan::{Plan, PlanHash};
use crate::report::Report;
use crate::time::Epoch;

/// The content type of one or many sealed reports, end to end.
pub const SEALED_TYPE: &str = "application/vnd.keepset.sealed-reports";

const VERSION: u8 = 1;
const HEADER: usize = 1 + 1 + 16 + 4;
/// What a key is derived for, so that what is sealed as a report opens as nothing else.
const INFO: &[u8] = b"keepset sealed report 1";

/// A report about to be sealed: its key is drawn, before anything is charged for it.
pub struct Sealer {
    key: u8,
    sender: Sender,
}

impl Sealer {
    /// Derives the report's own key from 32 fresh bytes; nothing when the collector's key is none to seal to.
    #[must_use]
    pub fn new(key: &SealingKey, entropy: [u8; 32]) -> Option<Self> {
        Some(Self { key: key.id, sender: Sender::new(&key.public, INFO, entropy)? })
    }

    /// Seals the bytes of a report that answers `plan` in `epoch`.
    #[must_use]
    pub fn seal(mut self, plan: PlanHash, epoch: Epoch, report: &[u8]) -> Option<Vec<u8>> {
        let header = [&[VERSION, self.key][..], &plan.0, &epoch.0.to_be_bytes()].concat();
        let text = self.sender.seal(report, &header)?;
        Some([&header[..], &self.sender.encapsulated, &text].concat())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer to key {}", self.key)
    }
}

/// A sealed report, taken apart but not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// The number of the key it is sealed to.
    pub key: u8,
    /// The plan it says it answers.
    pub plan: PlanHash,
    /// The epoch it says it was made in.
    pub epoch: Epoch,
    header: &'a [u8],
    encapsulated: [u8; KEY],
    text: &'a [u8],
}

/// Why bytes are no sealed report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedError {
    /// The bytes are not as long as this plan's sealed reports.
    Length {
        /// How long they are to be.
        expected: usize,
    },
    /// The version is not known.
    Version,
    /// They were not sealed to this key, or were changed since.
    Unopened,
}

impl fmt::Display for SealedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected } => write!(f, "a sealed report of this plan is {expected} bytes long"),
            Self::Version => f.write_str("the version of the seal is not known here"),
            Self::Unopened => f.write_str("the report does not open with this key"),
        }
    }
}

impl std::error::Error for SealedError {}

impl<'a> Sealed<'a> {
    /// Returns the length in bytes of every sealed report of `plan`.
    #[must_use]
    pub fn length(plan: &Plan) -> usize {
        HEADER + KEY + Report::length(plan) + TAG
    }

    /// Takes the bytes of one sealed report of `plan` apart.
    ///
    /// # Errors
    /// [`SealedError::Length`] or [`SealedError::Version`].
    pub fn decode(plan: &Plan, bytes: &'a [u8]) -> Result<Self, SealedError> {
        let expected = Self::length(plan);
        let wrong = SealedError::Length { expected };
        if bytes.len() != expected {
            return Err(wrong);
        }
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(wrong)?;
        let (encapsulated, text) = rest.split_first_chunk().ok_or(wrong)?;
        if header[0] != VERSION {
            return Err(SealedError::Version);
        }
        let (mut plan, mut epoch) = ([0; 16], [0; 4]);
        plan.copy_from_slice(&header[2..18]);
        epoch.copy_from_slice(&header[18..]);
        Ok(Self {
            key: header[1],
            plan: PlanHash(plan),
            epoch: Epoch(u32::from_be_bytes(epoch)),
            header,
            encapsulated: *encapsulated,
            text,
        })
    }

    /// Opens it and returns the bytes of the report, which may still be none of the plan, or of another epoch.
    ///
    /// # Errors
    /// [`SealedError::Unopened`].
    pub fn open(&self, key: &OpeningKey) -> Result<Vec<u8>, SealedError> {
        let receiver = Receiver::new(key, &self.encapsulated, INFO);
        receiver.and_then(|mut receiver| receiver.open(self.text, self.header)).ok_or(SealedError::Unopened)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::plan::tests::sample;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use crate::time::Timestamp;

    pub(crate) fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    fn opening() -> OpeningKey {
        OpeningKey::from_bytes(&[9; 32])
    }

    fn key() -> SealingKey {
        SealingKey { id: 3, public: opening().public(), from: Timestamp::MIN, until: Timestamp::MAX }
    }

    fn sealed(entropy: u8) -> (Plan, Vec<u8>, Vec<u8>) {
        let plan = sample();
        let report = vec![7; Report::length(&plan)];
        let bytes = Sealer::new(&key(), [entropy; 32]).unwrap().seal(plan.hash(), Epoch(9), &report).unwrap();
        (plan, report, bytes)
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_and_says_what_it_is_outside() {
        let (plan, report, bytes) = sealed(1);
        assert_eq!(bytes.len(), Sealed::length(&plan));
        let sealed = Sealed::decode(&plan, &bytes).unwrap();
        assert_eq!((sealed.key, sealed.plan, sealed.epoch), (3, plan.hash(), Epoch(9)));
        assert_eq!(sealed.open(&opening()), Ok(report));
        assert_eq!(sealed.open(&OpeningKey::from_bytes(&[8; 32])), Err(SealedError::Unopened));
    }

    #[test]
    fn one_report_sealed_twice_shares_nothing_but_what_everyone_shares() {
        let ((_, _, one), (_, _, two)) = (sealed(1), sealed(2));
        assert_eq!(one[..HEADER], two[..HEADER]);
        // 88 bytes of 256 values: eight or more equal by chance once in 10^8 pairs.
        let equal = one[HEADER..].iter().zip(&two[HEADER..]).filter(|(a, b)| a == b).count();
        assert!(equal < 8, "{equal}");
    }

    #[test]
    fn any_bit_changed_keeps_it_shut() {
        let (plan, _, bytes) = sealed(1);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // The highest bit of an X25519 key is not looked at by the curve (RFC 7748, section 5), but by the key schedule.
            let opened = Sealed::decode(&plan, &changed).and_then(|sealed| sealed.open(&opening()));
            assert!(opened.is_err(), "{bit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_refused_and_nothing_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..160), fit in any::<bool>()) {
            let plan = sample();
            if fit {
                bytes.resize(Sealed::length(&plan), 0);
                bytes[0] = VERSION;
            }
            let opened = Sealed::decode(&plan, &bytes).and_then(|sealed| sealed.open(&opening()));
            prop_assert!(opened.is_err());
        }
    }
}
