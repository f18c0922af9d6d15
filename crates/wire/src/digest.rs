//! SHA-256, in one place: a device carries its code once.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of these parts, one behind the other.
#[inline(never)]
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut sponge = Sha256::new();
    parts.iter().for_each(|part| sponge.update(part));
    sponge.finalize().into()
}

/// Returns the first 16 bytes of that: enough to name a thing by.
#[must_use]
pub fn name16(parts: &[&[u8]]) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&sha256(parts)[..16]);
    name
}
