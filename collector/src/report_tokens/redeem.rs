//! The check at the door: a report brings a token that an issuer signed for this collector, in a period in which its key is used.

use axum::http::HeaderValue;
use keepset_wire::{Plan, PlanHash, Timestamp, Window, sha256};

use super::Spend;
use super::keys::{TokenKey, TokenKeys};
use super::token::{self, Token};
use crate::admit::Admitted;
use crate::problem::{Kind, Problem};

/// What tokens are checked with.
#[derive(Clone, Debug)]
pub struct Redeemer {
    plan: PlanHash,
    keys: Vec<Key>,
    file: TokenKeys,
}

#[derive(Clone, Debug)]
struct Key {
    key: TokenKey,
    id: [u8; 32],
    challenge: [u8; 32],
    window: Window,
}

/// How many keys stand how: to come, in use, over.
pub(crate) type Standings = [(&'static str, u64); 3];

/// A token that was found right, until its report is known.
#[derive(Clone, Debug)]
pub struct Paid {
    key: [u8; 32],
    nonce: Vec<u8>,
    window: Window,
}

impl Redeemer {
    /// Takes the tokens of these keys for the reports of `plan`.
    #[must_use]
    pub fn new(plan: &Plan, file: TokenKeys) -> Self {
        let mut keys = Vec::new();
        for issuer in &file.issuers {
            let challenge = sha256(&[&issuer.challenge(&file.origin)]);
            keys.extend(issuer.keys.iter().map(|key| Key {
                key: key.clone(),
                id: key.public.id(),
                challenge,
                window: key.last_window(plan),
            }));
        }
        Self { plan: plan.hash(), keys, file }
    }

    /// Checks that there is a token for each of so many reports: `brought` are the fields `Authorization`, in the order of the reports.
    ///
    /// # Errors
    /// [`Kind::ReportTokenNeeded`] where one is missing or there is one too many, [`Kind::ReportTokenRefused`] where one is none of ours.
    pub(crate) fn check(
        &self,
        brought: &[HeaderValue],
        reports: usize,
        now: Timestamp,
    ) -> Result<Vec<Paid>, Problem> {
        if brought.len() != reports {
            return Err(Problem::from(Kind::ReportTokenNeeded).at(brought.len().min(reports)));
        }
        let check = |(index, value)| {
            let token = presented(value).ok_or_else(|| Problem::from(Kind::ReportTokenNeeded).at(index))?;
            self.find(&token, now).ok_or_else(|| Problem::from(Kind::ReportTokenRefused).at(index))
        };
        brought.iter().enumerate().map(check).collect()
    }

    fn find(&self, token: &[u8], now: Timestamp) -> Option<Paid> {
        let token = Token::read(token)?;
        let key = self.keys.iter().find(|key| key.id == token.key() && key.challenge == token.challenge())?;
        let right = key.key.is_in_use(now) && token.is_signed_by(&key.key.public);
        right.then(|| Paid { key: key.id, nonce: token.nonce().to_vec(), window: key.window })
    }

    /// Puts beside each report what is to be written down of its token.
    pub(crate) fn bind(&self, reports: Vec<Admitted>, paid: &[Paid]) -> Vec<Admitted> {
        let bind = |(admitted, paid): (Admitted, &Paid)| {
            let Paid { key, nonce, window } = paid;
            let spend = Spend::new(self.plan, key, nonce, admitted.report().id, *window);
            admitted.paid_with(spend)
        };
        reports.into_iter().zip(paid).map(bind).collect()
    }

    /// Writes what whoever brought no token is told: for every issuer with a key in use a challenge and that key (RFC 9577, section 2.1).
    pub(crate) fn challenges(&self, now: Timestamp) -> Vec<HeaderValue> {
        let challenge = |issuer: &super::keys::Issuer| {
            let (challenge, key) = (issuer.challenge(&self.file.origin), issuer.current(now)?);
            let (challenge, key) = (token::text(&challenge), token::text(key.public.spki()));
            HeaderValue::try_from(format!("PrivateToken challenge=\"{challenge}\", token-key=\"{key}\"")).ok()
        };
        self.file.issuers.iter().filter_map(challenge).collect()
    }

    /// Counts the keys by how they stand: to come, in use, over.
    pub(crate) fn standings(&self, now: Timestamp) -> Standings {
        let count =
            |right: &dyn Fn(&TokenKey) -> bool| self.keys.iter().filter(|key| right(&key.key)).count() as u64;
        [
            ("to_come", count(&|key| now < key.from)),
            ("in_use", count(&|key| key.is_in_use(now))),
            ("over", count(&|key| key.until <= now)),
        ]
    }

    /// Returns from when on no token will be taken, if no key is added.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        self.keys.iter().map(|key| key.key.until).max()
    }
}

/// Reads the token in `PrivateToken token="..."` (RFC 9577, section 2.2).
fn presented(value: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let (name, token) = rest.trim().split_once('=')?;
    if !scheme.eq_ignore_ascii_case("PrivateToken") || !name.trim().eq_ignore_ascii_case("token") {
        return None;
    }
    let token = token.trim();
    let quoted = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
    token::bytes(quoted.unwrap_or(token))
}
