//! How the signature of a token is verified: `jsonwebtoken` with the cryptography that TLS here has already (`ring`).
//!
//! Only public keys verify: with a secret shared with us, whoever reads our memory would be the issuer.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature as verified;

/// What an issuer may sign with.
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // For making keys out of others, which nobody here does: these functions are never called.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets `jsonwebtoken` verify with it; the second time it does so already.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn jsonwebtoken::crypto::JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if !ALGORITHMS.contains(algorithm) || key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Asymmetric { algorithm: *algorithm, key: key.clone() }))
}

/// A public key, and what was signed with its private half.
struct Asymmetric {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for Asymmetric {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let outcome = match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                let key = verified::RsaPublicKeyComponents { n, e };
                rsa(self.algorithm).map(|rsa| key.verify(rsa, message, signed))
            }
            DecodingKeyKind::SecretOrDer(point) => curve(self.algorithm)
                .map(|curve| verified::UnparsedPublicKey::new(curve, point).verify(message, signed)),
        };
        outcome.and_then(Result::ok).ok_or_else(signature::Error::new)
    }
}

impl JwtVerifier for Asymmetric {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// The algorithms of RFC 7518, sections 3.3 and 3.5; a modulus of less than 2048 bits verifies nothing.
fn rsa(algorithm: Algorithm) -> Option<&'static verified::RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &verified::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &verified::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &verified::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &verified::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &verified::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &verified::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// The algorithms of RFC 7518, section 3.4, whose signatures are two numbers one after the other, and of RFC 8037.
fn curve(algorithm: Algorithm) -> Option<&'static dyn verified::VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::ES256 => &verified::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &verified::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &verified::ED25519,
        _ => return None,
    })
}
