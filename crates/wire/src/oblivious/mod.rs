//! Oblivious HTTP (RFC 9458), the device's side: a request goes through a relay that sees who asks and not what, to a gateway
//! that sees what is asked and not who.
//!
//! ```text
//! request:  key id u8 | 0x0020 | 0x0001 | 0x0001 | encapsulated key 32 | binary HTTP, encrypted | tag 16
//! answer:   nonce 16 | binary HTTP, encrypted | tag 16
//! ```
//! A request is encapsulated anew for every attempt, though what it carries stays the same bytes: the RFC asks for it (sections
//! 6.1 and 6.5), since one key schedule used twice would give the relay two answers under one secret.

mod message;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
pub use message::{AUTHORIZATION, BLOCK, Request, Response};
use sha2::Sha256;

use crate::seal::SealingKey;
use crate::seal::suite::{KEY, Sender};

/// The content type of an encapsulated request.
pub const REQUEST_TYPE: &str = "message/ohttp-req";
/// The content type of an encapsulated answer.
pub const RESPONSE_TYPE: &str = "message/ohttp-res";
/// The content type of a list of key configurations.
pub const KEYS_TYPE: &str = "application/ohttp-keys";

/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
const ALGORITHMS: [u8; 6] = [0, 0x20, 0, 1, 0, 1];
/// The longer of an AEAD's key and nonce.
const SECRET: usize = 16;

/// A key of a gateway, as a device encapsulates to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayKey {
    id: u8,
    public: [u8; KEY],
}

impl From<&SealingKey> for GatewayKey {
    fn from(key: &SealingKey) -> Self {
        Self { id: key.id, public: key.public }
    }
}

/// What opens the answer to one request.
#[derive(Clone)]
pub struct Exchange {
    encapsulated: [u8; KEY],
    secret: [u8; SECRET],
}

impl Exchange {
    /// Encapsulates a request, with 32 fresh bytes; nothing when the key is none to encapsulate to.
    #[must_use]
    pub fn begin(key: GatewayKey, request: &Request<'_>, entropy: [u8; 32]) -> Option<(Vec<u8>, Self)> {
        let header = [&[key.id][..], &ALGORITHMS].concat();
        let mut sender = Sender::new(&key.public, &info(&header), entropy)?;
        let text = sender.seal(&request.encode(), b"")?;
        let secret = sender.export(EXPORTED)?;
        let encapsulated = sender.encapsulated;
        Some(([&header[..], &encapsulated, &text].concat(), Self { encapsulated, secret }))
    }

    /// Opens the answer, a message for [`Response::decode`]; nothing when it is none to this request.
    #[must_use]
    pub fn open(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = bytes.split_first_chunk()?;
        let (cipher, iv) = self.cipher(nonce)?;
        let mut message = text.to_vec();
        cipher.decrypt_in_place(&Nonce::from(iv), b"", &mut message).ok().map(|()| message)
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

    /// Writes it, to be kept until the answer is there.
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

/// Tells whether bytes begin as an encapsulated request does, which holds for one in 2^48 of other bytes.
#[must_use]
pub fn is_request(bytes: &[u8]) -> bool {
    bytes.get(1..7).is_some_and(|algorithms| *algorithms == ALGORITHMS)
}

const EXPORTED: &[u8] = b"message/bhttp response";

/// RFC 9458, section 4.3.
fn info(header: &[u8]) -> Vec<u8> {
    [b"message/bhttp request\0", header].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::seal::OpeningKey;
    use crate::seal::suite::Receiver;
    use crate::seal::tests::unhex;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn opening() -> OpeningKey {
        OpeningKey::from_bytes(&[9; 32])
    }

    fn exchange(entropy: u8) -> (Vec<u8>, Exchange) {
        let key = GatewayKey { id: 3, public: opening().public() };
        Exchange::begin(key, &request(), [entropy; 32]).unwrap()
    }

    fn request() -> Request<'static> {
        let (method, scheme, authority, path) = (b"POST", b"https", b"r.example", b"/v1/reports");
        let content = b"what is sealed";
        Request { method, scheme, authority, path, kind: b"text/plain", authorization: b"", content }
    }

    /// The gateway's side, as far as the tests here need one; the collector's is another implementation.
    fn decapsulate(bytes: &[u8], key: &OpeningKey) -> Option<(Vec<u8>, Exchange)> {
        let (header, rest) = bytes.split_at_checked(7)?;
        let (encapsulated, text) = rest.split_first_chunk()?;
        let mut receiver = Receiver::new(key, encapsulated, &info(header))?;
        let message = receiver.open(text, b"")?;
        Some((message, Exchange { encapsulated: *encapsulated, secret: receiver.export(EXPORTED)? }))
    }

    fn answer(exchange: &Exchange, nonce: [u8; SECRET], message: &[u8]) -> Vec<u8> {
        let (cipher, iv) = exchange.cipher(&nonce).unwrap();
        let mut text = message.to_vec();
        cipher.encrypt_in_place(&Nonce::from(iv), b"", &mut text).unwrap();
        [&nonce[..], &text].concat()
    }

    /// RFC 9458, appendix A. The sender's key is given there as such and not as what it was derived from, so that the
    /// request is opened here and not made.
    #[test]
    fn the_exchange_gives_the_answers_of_rfc_9458() {
        let secret = unhex("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a");
        let key = OpeningKey::from_bytes(&secret.try_into().unwrap());
        let configuration = unhex(concat!(
            "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e",
            "79815500080001000100010003"
        ));
        assert_eq!(key.public()[..], configuration[3..35]);
        let request = unhex(concat!(
            "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad1",
            "9dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e796",
            "5e7d86b83dd440b2c0185204b4d63525"
        ));
        assert!(is_request(&request) && !is_request(&request[1..]) && !is_request(&request[..6]));
        assert_eq!(info(&request[..7]), unhex("6d6573736167652f626874747020726571756573740001002000010001"));
        let (message, exchange) = decapsulate(&request, &key).unwrap();
        assert_eq!(message, unhex("00034745540568747470730b6578616d706c652e636f6d012f"));
        assert_eq!(exchange.secret[..], unhex("62d87a6ba569ee81014c2641f52bea36"));
        let response = unhex("c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd");
        let nonce = response[..16].try_into().unwrap();
        assert_eq!(answer(&exchange, nonce, &unhex("0140c8")), response);
        let kept = Exchange::from_bytes(&exchange.to_bytes()).unwrap();
        assert_eq!(kept.open(&response), Some(unhex("0140c8")));
    }

    #[test]
    fn what_was_encapsulated_opens_with_the_key_alone_and_so_does_its_answer_with_the_exchange() {
        let (request, exchange) = exchange(1);
        // One block, whatever stands in it.
        assert_eq!(request.len(), 7 + KEY + BLOCK + 16);
        assert!(decapsulate(&request, &OpeningKey::from_bytes(&[8; 32])).is_none());
        let (message, theirs) = decapsulate(&request, &opening()).unwrap();
        assert_eq!(message, super::tests::request().encode());
        let bytes = answer(&theirs, [5; 16], b"\x01\x40\xc8\x00\x02ok");
        assert_eq!(Response::decode(&exchange.open(&bytes).unwrap()).unwrap().content, b"ok");
        assert_eq!(super::tests::exchange(2).1.open(&bytes), None, "the answer to another request");
    }

    #[test]
    fn one_request_encapsulated_twice_shares_nothing_but_its_header() {
        let ((one, _), (two, _)) = (exchange(1), exchange(2));
        assert_eq!(one[..7], two[..7]);
        // 1,072 bytes of 256 values: 20 or more equal by chance once in 10^8 pairs.
        let equal = one[7..].iter().zip(&two[7..]).filter(|(a, b)| a == b).count();
        assert!(equal < 20, "{equal}");
    }

    #[test]
    fn any_bit_changed_keeps_request_and_answer_shut() {
        let (request, exchange) = exchange(1);
        // Every bit of what is outside, and one of every byte of the text.
        for bit in (0..39 * 8).chain((39 * 8..request.len() * 8).step_by(8)) {
            let mut changed = request.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decapsulate(&changed, &opening()).is_none(), "{bit}");
        }
        let (_, theirs) = decapsulate(&request, &opening()).unwrap();
        let bytes = answer(&theirs, [5; 16], b"\x01\x40\xc8");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(exchange.open(&changed), None, "{bit}");
        }
    }

    #[test]
    fn a_key_that_everyone_could_open_for_encapsulates_nothing() {
        let none = GatewayKey { id: 1, public: [0; 32] };
        assert!(Exchange::begin(none, &request(), [7; 32]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_no_answer_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120), kept in proptest::collection::vec(any::<u8>(), 40..56)) {
            prop_assert_eq!(exchange(1).1.open(&bytes), None);
            prop_assert_eq!(Exchange::from_bytes(&kept).is_some(), kept.len() == KEY + SECRET);
        }
    }
}
