//! The file that says whose tokens count: the public keys of one or more issuers, each with the period in which it is used.
//!
//! ```text
//! {"origin": "reports.example.com",
//!  "issuers": [{"name": "tokens.example.com", "keys": [{"token_key": "MIIBUj...", "from": "2026-11-01", "until": "2027-01-31"}]}]}
//! ```
//! `token_key` is the base64url of a key as RFC 9578 publishes it. Devices and collectors are given the same file. That of an issuer has
//! one issuer, and beside each key its `private_key`.

use std::path::Path;

use keepset_wire::document::{self, Fields, Mistake, Node};
use keepset_wire::{Plan, Timestamp};
use serde_json::{Value, json};

use super::token::{self, PublicKey, challenge};

/// The longest name of a host (RFC 1035).
const MAX_NAME: usize = 253;

/// Whose tokens count, and for whom they are made.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    /// The host that redeems: a token made for another one is not taken.
    pub origin: String,
    /// Those who issue.
    pub issuers: Vec<Issuer>,
}

/// One who issues tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its host name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<TokenKey>,
}

/// A key of an issuer.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// What verifies.
    pub public: PublicKey,
    /// What signs, as base64 of PKCS #8; only the issuer's own file holds it.
    pub private: Option<String>,
    /// From when on it is used.
    pub from: Timestamp,
    /// From when on its tokens are not taken any more.
    pub until: Timestamp,
}

impl TokenKeys {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let document = document::parse(text)?;
        let fields = Node::root(&document).object(&["origin", "issuers"])?;
        let list = fields.need("issuers")?;
        let keys = Self { origin: host(&fields, "origin")?, issuers: list.each(Issuer::read)? };
        if let Some(twice) = keys
            .issuers
            .iter()
            .enumerate()
            .find(|(at, one)| keys.issuers[..*at].iter().any(|other| other.name == one.name))
        {
            return Err(list.mistake(format!("two issuers are called {}", twice.1.name)));
        }
        let mut seen: Vec<[u8; 32]> = keys.keys().map(|key| key.public.id()).collect();
        seen.sort_unstable();
        if seen.windows(2).any(|two| two[0] == two[1]) {
            return Err(list.mistake("one key is there twice"));
        }
        if seen.is_empty() {
            return Err(list.mistake("expected an issuer with a key"));
        }
        Ok(keys)
    }

    /// Reads the file that a collector is given.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong, such as a private key: whoever holds it makes tokens.
    pub fn load_public(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let keys = Self::parse(&text).map_err(|mistake| format!("{shown}: {mistake}"))?;
        if keys.keys().any(|key| key.private.is_some()) {
            return Err(format!(
                "{shown} holds an issuer's private keys, with which a collector could make tokens itself: give it the public halves, \
                 which `keepset-collector keys list --json` prints"
            ));
        }
        Ok(keys)
    }

    /// Lists every key.
    pub fn keys(&self) -> impl Iterator<Item = &TokenKey> {
        self.issuers.iter().flat_map(|issuer| &issuer.keys)
    }

    /// Writes the public halves, as devices and collectors are given them.
    #[must_use]
    pub fn public_json(&self) -> Value {
        self.json(false)
    }

    /// Writes the file of an issuer, the private halves with it.
    #[must_use]
    pub fn private_text(&self) -> String {
        format!("{:#}\n", self.json(true))
    }

    fn json(&self, private: bool) -> Value {
        let key = |key: &TokenKey| {
            let (from, until) = (key.from.date(), key.until.date());
            let mut json = json!({"token_key": token::text(key.public.spki()), "from": from, "until": until});
            if let Some(secret) = key.private.as_ref().filter(|_| private) {
                json["private_key"] = secret.as_str().into();
            }
            json
        };
        let keys = |issuer: &Issuer| issuer.keys.iter().map(key).collect::<Vec<_>>();
        let issuer = |issuer: &Issuer| json!({"name": issuer.name, "keys": keys(issuer)});
        json!({"origin": self.origin, "issuers": self.issuers.iter().map(issuer).collect::<Vec<_>>()})
    }
}

impl Issuer {
    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["name", "keys"])?;
        Ok(Self { name: host(&fields, "name")?, keys: fields.need("keys")?.each(TokenKey::read)? })
    }

    /// Returns the challenge that its tokens answer.
    #[must_use]
    pub fn challenge(&self, origin: &str) -> Vec<u8> {
        challenge(&self.name, origin)
    }

    /// Returns the key that it signs with at `now`: of those in use, the one that came last.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<&TokenKey> {
        self.keys.iter().filter(|key| key.is_in_use(now)).max_by_key(|key| (key.from, key.public.id()))
    }
}

impl TokenKey {
    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["token_key", "from", "until", "private_key"])?;
        let node = fields.need("token_key")?;
        let public = token::bytes(long(&node)?).and_then(|spki| PublicKey::read(&spki));
        let public = public.ok_or_else(|| {
            node.mistake("expected the base64url of an RSASSA-PSS key of 2048 bits with SHA-384, a salt of 48 bytes and the exponent 65537")
        })?;
        let private = fields.get("private_key").map(|node| long(&node).map(str::to_owned)).transpose()?;
        let (from, until) = (fields.need("from")?.date()?, fields.need("until")?.date()?);
        if until <= from {
            return Err(fields.need("until")?.mistake("a key's last day comes after its first"));
        }
        Ok(Self { public, private, from, until })
    }

    /// Tells whether it is used at `now`.
    #[must_use]
    pub fn is_in_use(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Returns the last window of `plan` in which one of its tokens can come.
    #[must_use]
    pub(super) fn last_window(&self, plan: &Plan) -> keepset_wire::Window {
        // The last of a plan where the key outlives it, the first where the plan is yet to begin.
        let last = self.until.min(plan.expires).max(plan.starts).saturating_add(-1);
        plan.window_of(plan.epoch_at(last).unwrap_or(keepset_wire::Epoch(0)))
    }
}

/// Reads a text that is longer than what people write.
fn long<'a>(node: &Node<'a>) -> Result<&'a str, Mistake> {
    node.value().as_str().ok_or_else(|| node.mistake("expected a text"))
}

/// Reads the name of a host, in small letters.
fn host(fields: &Fields<'_>, key: &'static str) -> Result<String, Mistake> {
    let node = fields.need(key)?;
    let name = node.text()?;
    let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte);
    match (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(right) {
        true => Ok(name.to_owned()),
        false => {
            Err(node.mistake("expected the name of a host in small letters, with a port where it has one"))
        }
    }
}
