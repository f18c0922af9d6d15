//! The receipt of an erasure: signed, so that whoever has it can show that the collector said so.
//!
//! Ed25519 (RFC 8032) over `keepset label erasure 1` (23 bytes of ASCII), the pseudonym (16 bytes) and the day (4 bytes, big-endian,
//! counted from 1970). The signing key is made of the newest key that reports are sealed to, so that there is one file to keep:
//! its seed is the SHA-256 of `keepset erasure receipt 1` and the private half.

use ed25519_dalek::{Signer as _, SigningKey};
use keepset_wire::hex;
use keepset_wire::labels::LabelId;
use keepset_wire::sha256;
use serde_json::{Value, json};

use super::date;
use crate::keys::Keyring;

const DOMAIN: &[u8] = b"keepset label erasure 1";

/// Signs receipts.
#[derive(Debug)]
pub struct Signer {
    /// The number of the key that the signing key is made of.
    id: u8,
    key: SigningKey,
}

impl Signer {
    /// Makes it of the newest key that is held; nothing where none is.
    #[must_use]
    pub fn of(keys: &Keyring) -> Option<Self> {
        let (id, opening) = keys.newest()?;
        let seed = sha256(&[b"keepset erasure receipt 1", &opening.to_bytes()]);
        Some(Self { id, key: SigningKey::from_bytes(&seed) })
    }

    /// Signs that a name was erased on a day.
    #[must_use]
    pub fn erased(&self, id: LabelId, day: u32) -> Value {
        let signature = self.key.sign(&[DOMAIN, &id.0, &day.to_be_bytes()].concat());
        json!({
            "format": "keepset-label-erasure", "version": 1, "id": id.to_string(), "erased": date(day),
            "key": self.id, "signature": hex(&signature.to_bytes()),
        })
    }

    /// Returns the public half, with which anyone can check a receipt.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"key": self.id, "algorithm": "Ed25519", "public_key": hex(self.key.verifying_key().as_bytes())})
    }
}
