//! HPKE (RFC 9180) as everything here uses it: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
//!
//! The only file that imports `hpke`. What a device runs is [`Sender`]; [`Receiver`] is the collector's side.

use std::convert::Infallible;

use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm128};
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _, setup_receiver, setup_sender_with_rng};
use rand_core::{TryCryptoRng, TryRng};

/// Bytes of an X25519 key and of an encapsulated key.
pub(crate) const KEY: usize = 32;
/// Bytes an authentication tag adds to a text.
pub(crate) const TAG: usize = 16;

type Secret = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The sending end: a key was drawn for one message and encapsulated to the receiver's.
pub(crate) struct Sender {
    pub(crate) encapsulated: [u8; KEY],
    context: AeadCtxS<AesGcm128, HkdfSha256, X25519HkdfSha256>,
}

impl Sender {
    /// Derives the message's key from `entropy`, 32 fresh bytes of which no other use is made; nothing when `public` is a
    /// point of small order, which everyone could open for.
    pub(crate) fn new(public: &[u8; KEY], info: &[u8], entropy: [u8; 32]) -> Option<Self> {
        let public = Public::from_bytes(public).ok()?;
        let mut drawn = Drawn { bytes: entropy, taken: 0 };
        let (encapsulated, context): (Encapsulated, _) =
            setup_sender_with_rng(&OpModeS::Base, &public, info, &mut drawn).ok()?;
        // A library that drew less would have other randomness than ours, and one that drew more would have had zeros.
        (drawn.taken == entropy.len()).then(|| Self { encapsulated: encapsulated.to_bytes().into(), context })
    }

    /// Seals the next text and authenticates `aad` with it.
    pub(crate) fn seal(&mut self, text: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        self.context.seal(text, aad).ok()
    }

    /// Derives a secret that both ends share, for this use alone.
    pub(crate) fn export<const N: usize>(&self, what_for: &[u8]) -> Option<[u8; N]> {
        let mut secret = [0; N];
        self.context.export(what_for, &mut secret).ok().map(|()| secret)
    }
}

/// The receiving end.
pub(crate) struct Receiver(AeadCtxR<AesGcm128, HkdfSha256, X25519HkdfSha256>);

impl Receiver {
    /// Recovers the message's key; nothing when it is a point of small order.
    pub(crate) fn new(key: &OpeningKey, encapsulated: &[u8; KEY], info: &[u8]) -> Option<Self> {
        let encapsulated = Encapsulated::from_bytes(encapsulated).ok()?;
        setup_receiver(&OpModeR::Base, &key.0, &encapsulated, info).ok().map(Self)
    }

    /// Opens the next text; nothing when it or `aad` is not what was sealed.
    pub(crate) fn open(&mut self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        self.0.open(sealed, aad).ok()
    }

    /// Derives a secret that both ends share, for this use alone.
    #[cfg(test)]
    pub(crate) fn export<const N: usize>(&self, what_for: &[u8]) -> Option<[u8; N]> {
        let mut secret = [0; N];
        self.0.export(what_for, &mut secret).ok().map(|()| secret)
    }
}

/// The private half of a collector's key. It is overwritten when it is dropped, and never shown.
#[derive(Clone)]
pub struct OpeningKey(Secret);

impl OpeningKey {
    /// Takes 32 bytes that were drawn by chance, or read from where such were kept.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY]) -> Self {
        // Any 32 bytes are a key of X25519; only another length is none.
        Self(Secret::from_bytes(bytes).unwrap_or_else(|_| X25519HkdfSha256::derive_keypair(bytes).0))
    }

    /// Derives a key from 32 bytes drawn by chance (RFC 9180, section 7.1.3): the form in which a gateway keeps its own.
    #[must_use]
    pub fn derived(seed: &[u8; KEY]) -> Self {
        Self(X25519HkdfSha256::derive_keypair(seed).0)
    }

    /// Returns the bytes to be kept where nobody else reads them.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; KEY] {
        self.0.to_bytes().into()
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> [u8; KEY] {
        X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into()
    }
}

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpeningKey")
    }
}

/// Hands out bytes that were drawn elsewhere, once.
struct Drawn {
    bytes: [u8; 32],
    taken: usize,
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.bytes.get(self.taken).copied().unwrap_or(0);
            self.taken += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::unhex;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    /// RFC 9180, appendix A.1.1: base mode of exactly this suite.
    #[test]
    fn the_suite_gives_the_answers_of_rfc_9180() {
        let info = unhex("4f6465206f6e2061204772656369616e2055726e");
        let text = unhex("4265617574792069732074727574682c20747275746820626561757479");
        let entropy = unhex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
        let public = unhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
        let private = unhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
        let encapsulated = unhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
        let sealed = [
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
            "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
            "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180",
        ];
        let array = |bytes: &[u8]| -> [u8; 32] { bytes.try_into().unwrap() };
        let mut sender = Sender::new(&array(&public), &info, array(&entropy)).unwrap();
        assert_eq!(sender.encapsulated[..], encapsulated);
        let key = OpeningKey::from_bytes(&array(&private));
        assert_eq!(key.public()[..], public);
        let mut receiver = Receiver::new(&key, &sender.encapsulated, &info).unwrap();
        for (count, expected) in sealed.into_iter().enumerate() {
            let aad = format!("Count-{count}");
            assert_eq!(sender.seal(&text, aad.as_bytes()).unwrap(), unhex(expected));
            assert_eq!(receiver.open(&unhex(expected), aad.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn a_key_that_everyone_could_open_for_seals_nothing() {
        // The points of small order on Curve25519 (RFC 7748, section 6.1, asks for this check): 0, 1, and one of order eight.
        let one = {
            let mut one = [0; 32];
            one[0] = 1;
            one
        };
        let eighth = unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
        for public in [[0; 32], one, eighth.try_into().unwrap()] {
            assert!(Sender::new(&public, b"", [7; 32]).is_none());
        }
    }

    #[test]
    fn an_opening_key_shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", OpeningKey::from_bytes(&[7; 32])), "OpeningKey");
    }
}
