//! Oblivious HTTP (RFC 9458): a request goes through a relay that sees who asks and not what, to a gateway that sees what is
//! asked and not who.
//!
//! ```text
//! request:  key id u8 | 0x0020 | 0x0001 | 0x0001 | encapsulated key 32 | binary HTTP, encrypted | tag 16
//! answer:   nonce 16 | binary HTTP, encrypted | tag 16
//! ```
//! The gateway is the collector, and its keys are those that reports are sealed to: what is sealed for one purpose opens for no
//! other, for each derives its keys under words of its own.

mod message;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
pub use message::{Request, Response};
use sha2::Sha256;

use crate::seal::suite::{KEY, Receiver, Sender, TAG};
use crate::seal::{OpeningKey, SealingKey};

/// The content type of an encapsulated request.
pub const REQUEST_TYPE: &str = "message/ohttp-req";
/// The content type of an encapsulated answer.
pub const RESPONSE_TYPE: &str = "message/ohttp-res";
/// The content type of a list of key configurations.
pub const KEYS_TYPE: &str = "application/ohttp-keys";

const HEADER: usize = 7;
/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
const ALGORITHMS: [u8; 6] = [0, 0x20, 0, 1, 0, 1];
/// The longer of an AEAD's key and nonce.
const SECRET: usize = 16;

/// What opens, or seals, the answer to one request.
#[derive(Clone)]
pub struct Exchange {
    encapsulated: [u8; KEY],
    secret: [u8; SECRET],
}

impl Exchange {
    /// The bytes of [`Exchange::to_bytes`].
    pub const LENGTH: usize = KEY + SECRET;

    /// Encapsulates a request to a gateway's key, with 32 fresh bytes; nothing when the key is none.
    #[must_use]
    pub fn request(key: &SealingKey, request: &Request, entropy: [u8; 32]) -> Option<(Vec<u8>, Self)> {
        let header = [&[key.id][..], &ALGORITHMS].concat();
        let mut sender = Sender::new(&key.public, &info(&header), entropy)?;
        let text = sender.seal(&request.encode(), b"")?;
        let secret = sender.export(RESPONSE)?;
        let encapsulated = sender.encapsulated;
        Some(([&header[..], &encapsulated, &text].concat(), Self { encapsulated, secret }))
    }

    /// Opens a request at the gateway; nothing when it is none for a key that `opening` finds.
    #[must_use]
    pub fn open<'k>(
        bytes: &[u8],
        opening: impl FnOnce(u8) -> Option<&'k OpeningKey>,
    ) -> Option<(Request, Self)> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let (encapsulated, text) = rest.split_first_chunk()?;
        let (id, algorithms) = header.split_first()?;
        if *algorithms != ALGORITHMS {
            return None;
        }
        let mut receiver = Receiver::new(opening(*id)?, encapsulated, &info(header))?;
        let request = Request::decode(&receiver.open(text, b"")?)?;
        Some((request, Self { encapsulated: *encapsulated, secret: receiver.export(RESPONSE)? }))
    }

    /// Encapsulates the answer at the gateway, with 16 fresh bytes.
    #[must_use]
    pub fn respond(&self, response: &Response, nonce: [u8; SECRET]) -> Option<Vec<u8>> {
        let (cipher, iv) = self.cipher(&nonce)?;
        let text = cipher.encrypt(&Nonce::from(iv), &*response.encode()).ok()?;
        Some([&nonce[..], &text].concat())
    }

    /// Opens the answer; nothing when it is none to this request.
    #[must_use]
    pub fn response(&self, bytes: &[u8]) -> Option<Response> {
        let (nonce, text) = bytes.split_first_chunk()?;
        let (cipher, iv) = self.cipher(nonce)?;
        Response::decode(&cipher.decrypt(&Nonce::from(iv), text).ok()?)
    }

    /// RFC 9458, section 4.4.
    fn cipher(&self, nonce: &[u8; SECRET]) -> Option<(Aes128Gcm, [u8; 12])> {
        let salt = [&self.encapsulated[..], nonce].concat();
        let derived = Hkdf::<Sha256>::new(Some(&salt), &self.secret);
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        derived.expand(b"key", &mut key).ok()?;
        derived.expand(b"nonce", &mut iv).ok()?;
        Some((Aes128Gcm::new(&key.into()), iv))
    }

    /// Writes what is needed to open the answer.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.encapsulated[..], &self.secret].concat()
    }

    /// Reads what [`Exchange::to_bytes`] wrote; nothing from another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (encapsulated, secret) = bytes.split_first_chunk()?;
        Some(Self { encapsulated: *encapsulated, secret: secret.try_into().ok()? })
    }
}

const RESPONSE: &[u8] = b"message/bhttp response";

/// RFC 9458, section 4.3.
fn info(header: &[u8]) -> Vec<u8> {
    [b"message/bhttp request\0", header].concat()
}

/// Writes keys as a list of key configurations (RFC 9458, section 3), each with the one pair of algorithms used here.
#[must_use]
pub fn key_configurations(keys: &[SealingKey]) -> Vec<u8> {
    let one = |key: &SealingKey| {
        let [kem @ .., kdf_1, kdf_2, aead_1, aead_2] = ALGORITHMS;
        let body = [&[key.id][..], &kem, &key.public, &[0, 4, kdf_1, kdf_2, aead_1, aead_2]].concat();
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&length[..], &body].concat()
    };
    keys.iter().flat_map(one).collect()
}

/// Returns the length of an encapsulated request that holds so many bytes of binary HTTP.
#[must_use]
pub fn request_length(message: usize) -> usize {
    HEADER + KEY + message + TAG
}
