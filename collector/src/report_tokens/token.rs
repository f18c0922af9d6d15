//! The bytes of a challenge (RFC 9577, section 2.1.1), of a token of type 2 (RFC 9578, section 6.3), and of the key that verifies it
//! (section 6.5).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keepset_wire::sha256;
use ring::signature::{RSA_PSS_2048_8192_SHA384, RsaPublicKeyComponents};

/// Blind RSA of 2048 bits, publicly verifiable.
pub const TOKEN_TYPE: u16 = 2;
/// The length of a token: type, nonce, digest of the challenge, name of the key, signature.
pub const TOKEN_LENGTH: usize = SIGNED + MODULUS;
/// What of a token is signed.
const SIGNED: usize = 2 + 32 + 32 + 32;
/// Bytes of a modulus and of a signature.
pub const MODULUS: usize = 256;

/// Padded as RFC 9577 writes it; read either way.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Writes bytes as challenges, keys and tokens are written.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads what [`text`] writes, with its padding or without; nothing from anything else.
#[must_use]
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Returns the challenge that a token answers. It names an issuer and the origin that redeems, and has no context of its own: the same for
/// everybody, so that tokens are fetched long before they are needed and no challenge tells devices apart.
#[must_use]
pub fn challenge(issuer: &str, origin: &str) -> Vec<u8> {
    // Both are host names, whose length `keys` has looked at.
    let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes();
    let no_context = [0_u8];
    let (issuer_length, origin_length) = (length(issuer), length(origin));
    [
        &TOKEN_TYPE.to_be_bytes()[..],
        &issuer_length,
        issuer.as_bytes(),
        &no_context,
        &origin_length,
        origin.as_bytes(),
    ]
    .concat()
}

/// A token, taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    bytes: &'a [u8],
}

impl<'a> Token<'a> {
    /// Reads a token of type 2; nothing from anything else.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() == TOKEN_LENGTH && bytes[..2] == TOKEN_TYPE.to_be_bytes()).then_some(Self { bytes })
    }

    /// Returns what the device drew.
    #[must_use]
    pub fn nonce(self) -> &'a [u8] {
        &self.bytes[2..34]
    }

    /// Returns the SHA-256 of the challenge that it answers.
    #[must_use]
    pub fn challenge(self) -> &'a [u8] {
        &self.bytes[34..66]
    }

    /// Returns the name of the key that verifies it.
    #[must_use]
    pub fn key(self) -> &'a [u8] {
        &self.bytes[66..98]
    }

    /// Tells whether the key signed it (RFC 9578, section 6.4).
    #[must_use]
    pub fn is_signed_by(self, key: &PublicKey) -> bool {
        let (signed, signature) = self.bytes.split_at(SIGNED);
        let parts = RsaPublicKeyComponents { n: key.modulus(), e: &EXPONENT };
        parts.verify(&RSA_PSS_2048_8192_SHA384, signed, signature).is_ok()
    }
}

/// A key as RFC 9578 publishes it: a `SubjectPublicKeyInfo` of RSASSA-PSS with SHA-384, MGF1 of it, and a salt of 48 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads one of 2048 bits with the exponent 65537, in the one encoding that DER allows; nothing from anything else.
    #[must_use]
    pub fn read(spki: &[u8]) -> Option<Self> {
        let modulus = spki.strip_prefix(&BEFORE)?.strip_suffix(&BEHIND)?;
        (modulus.len() == MODULUS && modulus[0] >= 0x80 && modulus[MODULUS - 1] % 2 == 1)
            .then(|| Self(spki.to_vec()))
    }

    /// Encodes the key with this modulus; nothing when it is none of 2048 bits.
    #[must_use]
    pub fn of_modulus(modulus: &[u8]) -> Option<Self> {
        Self::read(&[&BEFORE, modulus, &BEHIND].concat())
    }

    /// Returns the encoding.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.0
    }

    /// Returns its name: the SHA-256 of the encoding.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        sha256(&[&self.0])
    }

    fn modulus(&self) -> &[u8] {
        &self.0[BEFORE.len()..BEFORE.len() + MODULUS]
    }
}

const EXPONENT: [u8; 3] = [1, 0, 1];

/// What stands before the modulus: a sequence of 338 bytes, the algorithm with its parameters (RFC 4055, section 3.1), a bit string with a
/// sequence, and a positive whole number of 257 bytes.
const BEFORE: [u8; 81] = *b"\x30\x82\x01\x52\x30\x3d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\
    \xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\
    \xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\
    \xa2\x03\x02\x01\x30\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
/// What stands behind it: the exponent.
const BEHIND: [u8; 5] = [2, 3, 1, 0, 1];
