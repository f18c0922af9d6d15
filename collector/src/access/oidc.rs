//! Readers whom another service vouches for: bearer tokens of an OpenID Connect issuer, which are JWTs (RFC 7519) signed with a key of its JWK set.
//!
//! A token counts when it is signed with an asymmetric algorithm by a key the issuer publishes now, names this issuer and this audience, has
//! begun and not expired, and says in one claim what its bearer is there for. The `jsonwebtoken` crate checks all of it but the last.
//!
//! # Privacy
//! The issuer is asked for its keys and told nothing: not who reads, nor what.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::signatures::{self, ALGORITHMS};
use super::{Role, Who};
use crate::outgoing;
use crate::problem::Kind;

/// The clocks of issuer and collector may be so many seconds apart.
const LEEWAY: u64 = 60;
/// The issuer is not asked more often than this, whatever comes: tokens of nobody are no way to make us call it.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Keys are asked for anew after this, so that one the issuer took back does not serve for ever.
const FRESH: Duration = Duration::from_secs(600);
/// An issuer that does not answer has its old keys so long, and then none.
const LASTING: Duration = Duration::from_secs(3_600);
/// How much an issuer may say.
const MOST_BYTES: u64 = 256 << 10;
/// The longest token looked at.
const LONGEST: usize = 16 << 10;
/// The longest name of a bearer (OpenID Connect Core 1.0, section 2).
const LONGEST_NAME: usize = 255;

/// What is expected of a token.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Who vouches: the address its documents are found under, and `iss` of every token.
    pub issuer: String,
    /// For whom: `aud` of every token.
    pub audience: String,
    /// The claim that holds roles; dots lead into objects.
    pub claim: String,
    /// What each value of the claim stands for; without any, roles are called as they are here.
    pub roles: Vec<(String, Role)>,
}

/// An issuer whose word is taken.
pub struct Issuer {
    expected: Expected,
    agent: ureq::Agent,
    held: Mutex<Held>,
}

/// The keys of an issuer.
#[derive(Default)]
struct Held {
    keys: Option<(Arc<JwkSet>, Instant)>,
    asked: Option<Instant>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Issuer").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Takes the word of an issuer and asks for its keys, for a few seconds; where it does not answer it is asked again later.
    ///
    /// # Errors
    /// One sentence that names the flag.
    pub fn new(expected: Expected) -> Result<Self, String> {
        if !outgoing::is_safe(&expected.issuer) {
            return Err("--oidc-issuer: expected an address that begins with https://".into());
        }
        signatures::install();
        let issuer = Self { expected, agent: outgoing::agent(), held: Mutex::default() };
        // Not counted as asking: a key that comes right after it is found.
        issuer.ask();
        Ok(issuer)
    }

    /// Whether its keys are known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.held().is_some()
    }

    /// Tells whose token this is. May wait for the issuer.
    ///
    /// # Errors
    /// `token-needed` when it is nobody's, `issuer-unavailable` when nobody can tell.
    pub(super) fn find(&self, token: &str) -> Result<Who, Kind> {
        let header = readable(token).ok_or(Kind::TokenNeeded)?;
        let key = self.key(&header)?.ok_or(Kind::TokenNeeded)?;
        self.read(token, &header, &key).ok_or(Kind::TokenNeeded)
    }

    fn read(&self, token: &str, header: &Header, key: &DecodingKey) -> Option<Who> {
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.expected.issuer]);
        validation.set_audience(&[&self.expected.audience]);
        let claims = decode::<Value>(token, key, &validation).ok()?.claims;
        let name = claims["sub"].as_str().filter(|name| (1..=LONGEST_NAME).contains(&name.len()))?;
        Some(Who { name: name.to_owned(), roles: self.expected.roles(&claims) })
    }

    /// Returns the key that a token names; nothing where the issuer has no such key.
    fn key(&self, header: &Header) -> Result<Option<DecodingKey>, Kind> {
        let wanted = |keys: &JwkSet| {
            let key = keys.find(header.kid.as_deref()?)?;
            may_sign(key, header).then(|| DecodingKey::from_jwk(key).ok()).flatten()
        };
        let held = self.held();
        let fresh = held.as_ref().is_some_and(|(_, age)| *age < FRESH);
        let found = held.as_ref().and_then(|(keys, _)| wanted(keys));
        if fresh && found.is_some() {
            return Ok(found);
        }
        let (answered, held) = if self.may_ask() { (self.ask(), self.held()) } else { (fresh, held) };
        match held.filter(|(_, age)| *age < LASTING).and_then(|(keys, _)| wanted(&keys)) {
            Some(key) => Ok(Some(key)),
            None if answered => Ok(None),
            None => Err(Kind::IssuerUnavailable),
        }
    }

    /// Returns the keys and their age.
    fn held(&self) -> Option<(Arc<JwkSet>, Duration)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.keys.as_ref().map(|(keys, since)| (Arc::clone(keys), since.elapsed()))
    }

    /// Whether whoever wants to know may ask the issuer: one at a time, and seldom. Nobody waits for the answer to another, so that a flood of tokens
    /// holds up nothing.
    fn may_ask(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let may = held.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if may {
            held.asked = Some(Instant::now());
        }
        may
    }

    /// Asks the issuer for its keys and keeps them; tells whether it answered.
    fn ask(&self) -> bool {
        let now = Instant::now();
        let Some(keys) = self.fetch() else { return false };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).keys = Some((Arc::new(keys), now));
        true
    }

    /// Asks where the keys are (OpenID Connect Discovery 1.0, section 4), and for them.
    fn fetch(&self) -> Option<JwkSet> {
        let issuer = &self.expected.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document: Value = self.get(&place)?;
        let same = document["issuer"].as_str() == Some(issuer);
        let place = document["jwks_uri"].as_str().filter(|place| same && outgoing::is_safe(place))?;
        // The keys are as good as the way they came: an issuer behind TLS names no place that is not.
        let encrypted = place.starts_with("https://") || !issuer.starts_with("https://");
        encrypted.then(|| self.get(place)).flatten()
    }

    fn get<T: serde::de::DeserializeOwned>(&self, address: &str) -> Option<T> {
        let mut answer = self.agent.get(address).call().ok().filter(|answer| answer.status().is_success())?;
        let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_string().ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// Reads the head of a token that could be one; what must be understood (`crit`) is not understood here (RFC 7515, section 4.1.11).
fn readable(token: &str) -> Option<Header> {
    let header = (token.len() <= LONGEST).then(|| decode_header(token).ok()).flatten()?;
    (ALGORITHMS.contains(&header.alg) && header.crit.is_none() && header.kid.is_some()).then_some(header)
}

/// Whether the issuer means a key for this (RFC 7517, sections 4.2 and 4.4).
fn may_sign(key: &Jwk, header: &Header) -> bool {
    let use_ = key.common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature);
    use_ && key.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg))
}

impl Expected {
    /// Reads what the bearer is there for; a claim may be one text or a list of them.
    fn roles(&self, claims: &Value) -> Vec<Role> {
        let claim = self.claim.split('.').try_fold(claims, |value, key| value.get(key));
        let listed = claim.and_then(Value::as_array).map(Vec::as_slice);
        let values = listed.unwrap_or_else(|| claim.map(std::slice::from_ref).unwrap_or_default());
        let means = |value: &str| match self.roles.is_empty() {
            true => Role::parse(value).ok(),
            false => self.roles.iter().find(|(name, _)| name == value).map(|(_, role)| *role),
        };
        let mut roles: Vec<Role> = values.iter().filter_map(Value::as_str).filter_map(means).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use serde_json::json;

    use super::*;

    fn expected(claim: &str, roles: &[(&str, Role)]) -> Expected {
        let roles = roles.iter().map(|(value, role)| ((*value).to_owned(), *role)).collect();
        Expected {
            issuer: "https://i.example".into(),
            audience: "keepset".into(),
            claim: claim.into(),
            roles,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        #[test]
        fn any_token_is_read_or_not_and_nothing_panics(
            head in "[ -~]{0,60}|\\{\"alg\":\"(ES256|none|HS256)\",\"kid\":\"[a-c]{0,2}\"(,\"crit\":\\[\\])?\\}",
            encoded in any::<bool>(),
            rest in "[A-Za-z0-9._-]{0,40}",
        ) {
            let head = if encoded { BASE64_URL_SAFE_NO_PAD.encode(head) } else { head };
            let header = readable(&format!("{head}.{rest}"));
            prop_assert!(header.is_none_or(|header| header.kid.is_some() && header.crit.is_none()));
        }
    }

    #[test]
    fn roles_are_read_from_a_text_or_a_list_wherever_the_claim_is() {
        let claims = json!({"role": "viewer", "realm_access": {"roles": ["analyst", "other"]}, "groups": ["g-42", "g-7", "g-42"], "n": 3});
        assert_eq!(expected("role", &[]).roles(&claims), [Role::Viewer]);
        assert_eq!(expected("realm_access.roles", &[]).roles(&claims), [Role::Analyst]);
        let mapped = expected("groups", &[("g-42", Role::Operator), ("g-9", Role::Analyst)]);
        assert_eq!(mapped.roles(&claims), [Role::Operator]);
        for none in ["missing", "n", "realm_access", "role.deeper", ""] {
            assert!(expected(none, &[]).roles(&claims).is_empty(), "{none}");
        }
        let mapped = expected("role", &[("x", Role::Operator)]);
        assert!(mapped.roles(&claims).is_empty(), "what is not mapped is no role");
    }
}
