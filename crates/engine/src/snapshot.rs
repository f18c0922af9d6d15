//! The snapshot: everything a device remembers, as bytes with a version and a checksum.
//!
//! ```text
//! "KSST" | version u8 | SHA-256 of the rest, first 8 bytes | postcard
//! ```
//! The format is frozen: `tests/vectors/snapshots` holds one sample per version, for ever.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::consent::Consent;
use crate::feature::State;
use crate::gate::Gate;
use crate::outbox::Outbox;

const MAGIC: [u8; 4] = *b"KSST";
const VERSION: u8 = 1;
const HEADER: usize = 4 + 1 + 8;

/// Why stored bytes cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// They are no snapshot, or a damaged one.
    Corrupt,
    /// They were written by a later version.
    Newer,
    /// They belong to another pack.
    OtherPack,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the stored state is damaged: it starts empty, with this year's budget counted as spent",
            Self::Newer => "the stored state is of a later version: it starts empty, with this year's budget counted as spent",
            Self::OtherPack => "the stored state is another pack's: it starts empty, with this year's budget counted as spent",
        })
    }
}

impl std::error::Error for StateError {}

/// What a device remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    pub(crate) pack: String,
    /// The last instant at which memberships were evaluated.
    pub(crate) evaluated: i64,
    /// By feature: its name, the fingerprint of its definition and its state.
    pub(crate) features: Vec<(String, u64, State)>,
    /// By membership: the segment's name and since when.
    pub(crate) memberships: Vec<(String, i64)>,
    pub(crate) consent: Consent,
    pub(crate) gate: Gate,
    pub(crate) outbox: Outbox,
}

impl Snapshot {
    /// Writes the snapshot.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Writing plain data to a growing vector cannot fail.
        let body = postcard::to_allocvec(self).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&Sha256::digest(&body)[..8]);
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a snapshot.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (header, body) = bytes.split_at_checked(HEADER).ok_or(StateError::Corrupt)?;
        if header[..4] != MAGIC {
            return Err(StateError::Corrupt);
        }
        match header[4] {
            VERSION => {}
            newer if newer > VERSION => return Err(StateError::Newer),
            _ => return Err(StateError::Corrupt),
        }
        if header[5..] != Sha256::digest(body)[..8] {
            return Err(StateError::Corrupt);
        }
        match postcard::take_from_bytes(body) {
            Ok((snapshot, [])) => Ok(snapshot),
            _ => Err(StateError::Corrupt),
        }
    }
}
