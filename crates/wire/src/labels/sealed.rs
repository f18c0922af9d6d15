//! The sealed message about labels: the form in which it travels, so that only the collector it is meant for can read it.
//!
//! ```text
//! version u8 | key id u8 | terms hash 16 | encapsulated key 32 | the message, encrypted | tag 16
//! ```
//! The first 18 bytes are authenticated with the message and the same for all who agreed to these terms. What is sealed here opens
//! as no report, and no report opens here: their keys are derived for different purposes.

use super::{LabelTerms, Labels, TermsHash};
use crate::plan::PlanHash;
use crate::seal::suite::{KEY, Receiver, Sender, TAG};
use crate::seal::{OpeningKey, SealedError, SealingKey};

/// The content type of one sealed message about labels.
pub const LABELS_TYPE: &str = "application/vnd.keepset.sealed-labels";

const VERSION: u8 = 1;
const HEADER: usize = 1 + 1 + 16;
/// What a key is derived for, so that what is sealed as labels opens as nothing else.
const INFO: &[u8] = b"keepset sealed labels 1";

/// A message about to be sealed: its key is drawn.
pub struct LabelSealer {
    key: u8,
    sender: Sender,
}

impl std::fmt::Debug for LabelSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LabelSealer to key {}", self.key)
    }
}

impl LabelSealer {
    /// Derives the message's own key from 32 fresh bytes; nothing when the collector's key is none to seal to.
    #[must_use]
    pub fn new(key: &SealingKey, entropy: [u8; 32]) -> Option<Self> {
        Some(Self { key: key.id, sender: Sender::new(&key.public, INFO, entropy)? })
    }

    /// Seals the bytes of a message under these terms.
    #[must_use]
    pub fn seal(mut self, terms: TermsHash, message: &[u8]) -> Option<Vec<u8>> {
        let header = [&[VERSION, self.key][..], &terms.0].concat();
        let text = self.sender.seal(message, &header)?;
        Some([&header[..], &self.sender.encapsulated, &text].concat())
    }
}

/// A sealed message, taken apart but not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedLabels<'a> {
    /// The number of the key it is sealed to.
    pub key: u8,
    /// The terms it names.
    pub terms: TermsHash,
    header: &'a [u8],
    encapsulated: [u8; KEY],
    text: &'a [u8],
}

impl<'a> SealedLabels<'a> {
    /// What sealing adds to a message.
    pub const OVERHEAD: usize = HEADER + KEY + TAG;

    /// Returns the length in bytes of every sealed message under `terms`.
    #[must_use]
    pub fn length(terms: &LabelTerms) -> usize {
        Self::OVERHEAD + Labels::length(terms)
    }

    /// Takes the bytes of one sealed message apart, whatever terms it names.
    ///
    /// # Errors
    /// [`SealedError::Length`] or [`SealedError::Version`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, SealedError> {
        let wrong = SealedError::Length { expected: Self::OVERHEAD };
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(wrong)?;
        let (encapsulated, text) = rest.split_first_chunk().ok_or(wrong)?;
        if text.len() < TAG {
            return Err(wrong);
        }
        if header[0] != VERSION {
            return Err(SealedError::Version);
        }
        let mut terms = [0; 16];
        terms.copy_from_slice(&header[2..]);
        Ok(Self { key: header[1], terms: PlanHash(terms), header, encapsulated: *encapsulated, text })
    }

    /// Opens it and returns the bytes of the message, which may still be none.
    ///
    /// # Errors
    /// [`SealedError::Unopened`].
    pub fn open(&self, key: &OpeningKey) -> Result<Vec<u8>, SealedError> {
        let receiver = Receiver::new(key, &self.encapsulated, INFO);
        receiver.and_then(|mut receiver| receiver.open(self.text, self.header)).ok_or(SealedError::Unopened)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::labels;
    use super::super::tests::sample;
    use super::*;
    use crate::labels::Secret;
    use crate::plan::tests::sample as plan;
    use crate::seal::{Sealed, Sealer};
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use crate::time::{Epoch, Timestamp};

    fn opening() -> OpeningKey {
        OpeningKey::from_bytes(&[9; 32])
    }

    fn key() -> SealingKey {
        SealingKey { id: 3, public: opening().public(), from: Timestamp::MIN, until: Timestamp::MAX }
    }

    fn sealed(message: &[u8], entropy: u8) -> Vec<u8> {
        LabelSealer::new(&key(), [entropy; 32]).unwrap().seal(sample().hash(), message).unwrap()
    }

    #[test]
    fn labels_and_their_erasure_have_one_length_and_open_with_the_key_alone() {
        let terms = sample();
        let messages = [
            labels([true; 3]).encode(),
            labels([false; 3]).encode(),
            Labels::erasure(&terms, &Secret([1; 32])),
        ];
        for (entropy, message) in (1..).zip(messages) {
            let bytes = sealed(&message, entropy);
            assert_eq!(bytes.len(), SealedLabels::length(&terms));
            let taken = SealedLabels::decode(&bytes).unwrap();
            assert_eq!((taken.key, taken.terms), (3, terms.hash()));
            assert_eq!(taken.open(&opening()), Ok(message));
            assert_eq!(taken.open(&OpeningKey::from_bytes(&[8; 32])), Err(SealedError::Unopened));
        }
    }

    #[test]
    fn any_bit_changed_keeps_it_shut() {
        let right = sealed(&labels([true; 3]).encode(), 1);
        for bit in 0..right.len() * 8 {
            let mut changed = right.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                SealedLabels::decode(&changed).and_then(|sealed| sealed.open(&opening())).is_err(),
                "{bit}"
            );
        }
        for short in 0..SealedLabels::OVERHEAD {
            assert!(SealedLabels::decode(&right[..short]).is_err());
        }
    }

    /// The same key, the same entropy, even the same header: only what the key is derived for differs.
    #[test]
    fn labels_never_open_as_a_report_nor_a_report_as_labels() {
        let report = Sealer::new(&key(), [1; 32]).unwrap().seal(plan().hash(), Epoch(9), &[7; 40]).unwrap();
        assert!(SealedLabels::decode(&report).and_then(|sealed| sealed.open(&opening())).is_err());
        let mut bytes = sealed(&labels([true; 3]).encode(), 1);
        bytes.truncate(Sealed::length(&plan()));
        assert!(Sealed::decode(&plan(), &bytes).and_then(|sealed| sealed.open(&opening())).is_err());
    }
}
