//! The private keys of an issuer, and what is done with them (RFC 9474, section 4.3). The `rsa` crate computes, on numbers that it blinds
//! once more, against whoever measures its time, and checks the result, against faults of the machine that would give the key away.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keepset_wire::Timestamp;
use rand::rngs::SysRng;
use rsa::hazmat::rsa_decrypt_and_check;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, PrivateKey};

use crate::private;
use crate::report_tokens::TokenKeys;
use crate::report_tokens::keys::TokenKey;
use crate::report_tokens::token::{MODULUS, PublicKey, TOKEN_TYPE};

/// The length of a request: type, the last byte of the key's name, what is to be signed.
pub const REQUEST_LENGTH: usize = 2 + 1 + MODULUS;

/// The keys of an issuer, opened.
pub struct Signer {
    file: TokenKeys,
    keys: Vec<Opened>,
}

struct Opened {
    /// The last byte of its name: what requests call it by.
    short: u8,
    secret: PrivateKey,
    from: Timestamp,
    until: Timestamp,
}

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// The bytes are no request of type 2.
    Malformed,
    /// They name a key that is not in use.
    UnknownKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads the file of an issuer, which nobody else may read.
    ///
    /// # Errors
    /// One sentence that names the file and the place in it.
    pub fn load(path: &Path) -> Result<Self, String> {
        let file = read(path)?;
        let wrong = |what: &str| format!("{}: $.issuers[0].{what}", path.display());
        let [issuer] = file.issuers.as_slice() else {
            return Err(format!("{}: $.issuers: an issuer's file has one", path.display()));
        };
        let mut keys: Vec<Opened> = Vec::new();
        for (index, key) in issuer.keys.iter().enumerate() {
            let opened = open(key).ok_or_else(|| {
                wrong(&format!("keys[{index}].private_key: expected the one that belongs to token_key"))
            })?;
            if keys.iter().any(|other| {
                other.short == opened.short && other.from < opened.until && opened.from < other.until
            }) {
                return Err(wrong(&format!(
                    "keys[{index}]: its name ends as that of another key of the same time, and requests could not tell them apart; make another one"
                )));
            }
            keys.push(opened);
        }
        Ok(Self { file, keys })
    }

    /// Returns the name of the issuer, and the keys it publishes.
    #[must_use]
    pub fn file(&self) -> &TokenKeys {
        &self.file
    }

    /// Signs what a request holds, with the key it names, if that is in use at `now`.
    ///
    /// # Errors
    /// Why not.
    ///
    /// # Privacy
    /// What is signed is uniformly random to the issuer, whatever the token is.
    pub fn sign(&self, request: &[u8], now: Timestamp) -> Result<Vec<u8>, Unsigned> {
        let blinded =
            request.strip_prefix(&TOKEN_TYPE.to_be_bytes()).filter(|_| request.len() == REQUEST_LENGTH);
        let (short, blinded) = blinded.and_then(<[u8]>::split_first).ok_or(Unsigned::Malformed)?;
        let in_use = |key: &&Opened| key.short == *short && key.from <= now && now < key.until;
        let key = self.keys.iter().find(in_use).ok_or(Unsigned::UnknownKey)?;
        blind_sign(&key.secret, blinded).ok_or(Unsigned::Malformed)
    }
}

/// Signs a number below the modulus; nothing for a larger one, or without a source of chance.
fn blind_sign(secret: &PrivateKey, blinded: &[u8]) -> Option<Vec<u8>> {
    let message = BoxedUint::from_be_slice(blinded, secret.n_bits_precision()).ok()?;
    if message >= *secret.n().as_ref() {
        return None;
    }
    let signature = rsa_decrypt_and_check(secret, Some(&mut SysRng), &message).ok()?.to_be_bytes();
    // Numbers are written in whole limbs; a modulus of 2048 bits fills them.
    (signature.len() == MODULUS).then(|| signature.to_vec())
}

/// Reads the file of an issuer, whose keys need not be right.
///
/// # Errors
/// One sentence that names the file and the place in it.
pub fn read(path: &Path) -> Result<TokenKeys, String> {
    let text = private::read(path, "private keys")?;
    TokenKeys::parse(&text).map_err(|mistake| format!("{}: {mistake}", path.display()))
}

/// Makes a key of 2048 bits.
///
/// # Errors
/// One sentence when none comes about.
pub fn make(from: Timestamp, until: Timestamp) -> Result<TokenKey, String> {
    let failed = |_| "the key cannot be made".to_owned();
    let secret = PrivateKey::new(&mut SysRng, MODULUS * 8).map_err(failed)?;
    let der = secret.to_pkcs8_der().map_err(|_| "the key cannot be written")?;
    let public = public(&secret).ok_or("the key cannot be made")?;
    Ok(TokenKey { public, private: Some(BASE64_STANDARD.encode(der.as_bytes())), from, until })
}

fn public(secret: &PrivateKey) -> Option<PublicKey> {
    PublicKey::of_modulus(&secret.n().as_ref().to_be_bytes())
        .filter(|_| secret.e() == &BoxedUint::from(65_537_u32))
}

fn open(key: &TokenKey) -> Option<Opened> {
    let der = BASE64_STANDARD.decode(key.private.as_ref()?).ok()?;
    let secret = PrivateKey::from_pkcs8_der(&der).ok().filter(|secret| secret.validate().is_ok())?;
    let id = key.public.id();
    (public(&secret)? == key.public).then(|| Opened {
        short: id[31],
        secret,
        from: key.from,
        until: key.until,
    })
}
