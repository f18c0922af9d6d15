//! The tokens of those who may read: a file that only the operator may use, which holds their hashes.
//!
//! ```text
//! {"tokens": [{"name": "alice", "role": "analyst", "made": "2026-11-26", "sha256": "..."}]}
//! ```
//! A token is 256 bits drawn by chance, so a hash without salt or stretching gives nothing away.

use std::path::Path;

use keepset_wire::document::{self, Mistake, Node};
use keepset_wire::hex;
use keepset_wire::seal::key_from_hex;
use keepset_wire::{Timestamp, sha256};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::private;

/// What every token begins with, so that one that was left lying about is found.
const PREFIX: &str = "keepset_";
/// The longest name.
const MAX_NAME: usize = 64;
const NAME_RULE: &str = "a name is 1 to 64 of letters, digits, and . _ - @";

/// What a reader is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at the dashboard.
    Viewer,
    /// Works with the estimates, too.
    Analyst,
    /// Sees to it that what is read is what was promised.
    PrivacyOfficer,
    /// Keeps the collector running.
    Operator,
}

impl Role {
    /// Every role and its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("viewer", Self::Viewer),
        ("analyst", Self::Analyst),
        ("privacy-officer", Self::PrivacyOfficer),
        ("operator", Self::Operator),
    ];

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Reads a name.
    ///
    /// # Errors
    /// One sentence that lists the names there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, role)| role);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(|(name, _)| name).join(", ")))
    }
}

/// One who may read.
#[derive(Clone, Debug)]
pub struct Reader {
    /// What the log calls them.
    pub name: String,
    /// What they read.
    pub role: Role,
    made: Timestamp,
    hash: [u8; 32],
}

/// Those who may read.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    readers: Vec<Reader>,
}

impl Tokens {
    /// Reads the text of a file of tokens.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let document = document::parse(text)?;
        let fields = Node::root(&document).object(&["tokens"])?;
        let list = fields.need("tokens")?;
        let tokens = Self { readers: list.each(Reader::read)? };
        let again = |(index, reader): (usize, &Reader)| {
            tokens.readers[..index].iter().any(|earlier| earlier.name == reader.name)
        };
        match tokens.readers.iter().enumerate().any(again) {
            true => Err(list.mistake("two tokens have one name")),
            false => Ok(tokens),
        }
    }

    /// Reads a file of tokens that nobody else may use.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = private::read(path, "who may read")?;
        Self::parse(&text).map_err(|mistake| format!("{}: {mistake}", path.display()))
    }

    /// Writes the file anew, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let tokens: Vec<Value> = self.readers.iter().map(Reader::to_json).collect();
        private::write(path, &format!("{:#}\n", json!({ "tokens": tokens })))
    }

    /// Adds a reader and returns their token, made of 32 bytes drawn by chance, which is kept nowhere.
    ///
    /// # Errors
    /// One sentence when the name is none, or taken.
    pub fn add(
        &mut self,
        name: &str,
        role: Role,
        secret: [u8; 32],
        made: Timestamp,
    ) -> Result<String, String> {
        if !is_name(name) {
            return Err(NAME_RULE.into());
        }
        if self.readers.iter().any(|reader| reader.name == name) {
            return Err(format!("{name} has a token; revoke it first"));
        }
        let token = format!("{PREFIX}{}", hex(&secret));
        self.readers.push(Reader { name: name.to_owned(), role, made, hash: hash(&token) });
        Ok(token)
    }

    /// Forgets a reader.
    ///
    /// # Errors
    /// One sentence when there is none of this name.
    pub fn revoke(&mut self, name: &str) -> Result<(), String> {
        let before = self.readers.len();
        self.readers.retain(|reader| reader.name != name);
        if self.readers.len() == before { Err(format!("nobody named {name} has a token")) } else { Ok(()) }
    }

    /// Returns whose token this is. It is held against every hash, each in the same time, whether one fits or not.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<&Reader> {
        let wanted = hash(token);
        self.readers.iter().fold(None, |found, reader| {
            let fits = bool::from(reader.hash.ct_eq(&wanted));
            if fits { Some(reader) } else { found }
        })
    }

    /// Lists who may read: name, role, and the day their token was made.
    pub fn list(&self) -> impl Iterator<Item = (&str, Role, String)> {
        self.readers.iter().map(|reader| (reader.name.as_str(), reader.role, reader.made.date()))
    }
}

impl Reader {
    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["name", "role", "made", "sha256"])?;
        let (name, digest) = (fields.need("name")?, fields.need("sha256")?);
        let text = name.text()?;
        if !is_name(text) {
            return Err(name.mistake(NAME_RULE));
        }
        let hash = key_from_hex(digest.text()?);
        Ok(Self {
            name: text.to_owned(),
            role: fields.need("role")?.one_of(&Role::ALL)?,
            made: fields.need("made")?.date()?,
            hash: hash.ok_or_else(|| digest.mistake("expected 64 of 0-9 and a-f"))?,
        })
    }

    fn to_json(&self) -> Value {
        json!({"name": self.name, "role": self.role.name(), "made": self.made.date(), "sha256": hex(&self.hash)})
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(allowed)
}

fn hash(token: &str) -> [u8; 32] {
    sha256(&[token.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Timestamp {
        Timestamp::from_date("2026-11-26").unwrap()
    }

    #[test]
    fn a_token_is_found_by_its_text_alone_and_its_file_does_not_hold_it() {
        let mut tokens = Tokens::default();
        let alice = tokens.add("alice", Role::Analyst, [1; 32], day()).unwrap();
        let bob = tokens.add("bob", Role::Operator, [2; 32], day()).unwrap();
        let file = std::env::temp_dir().join(format!("keepset-tokens-{}.json", std::process::id()));
        tokens.save(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let read = Tokens::load(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(!text.contains(PREFIX) && !text.contains(&"01".repeat(30)), "{text}");
        let name = |token: &str| read.find(token).map(|reader| (reader.name.clone(), reader.role));
        assert_eq!(name(&alice), Some(("alice".into(), Role::Analyst)));
        assert_eq!(name(&bob), Some(("bob".into(), Role::Operator)));
        assert_eq!((name(&alice[..alice.len() - 1]), name(""), name("alice")), (None, None, None));
    }

    #[test]
    fn a_name_has_one_token_until_it_is_revoked() {
        let mut tokens = Tokens::default();
        let first = tokens.add("alice", Role::Viewer, [1; 32], day()).unwrap();
        assert!(tokens.add("alice", Role::Operator, [2; 32], day()).unwrap_err().contains("revoke"));
        for name in ["", "a b", "a\n", "é", &"a".repeat(65)] {
            assert_eq!(tokens.add(name, Role::Viewer, [3; 32], day()).unwrap_err(), NAME_RULE);
        }
        tokens.revoke("alice").unwrap();
        assert!(tokens.find(&first).is_none() && tokens.revoke("alice").is_err());
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_at_its_place() {
        let entry = |name: &str, role: &str, hash: &str| {
            format!(r#"{{"name": "{name}", "role": "{role}", "made": "2026-11-26", "sha256": "{hash}"}}"#)
        };
        let (good, hash) = (entry("a", "viewer", &"a".repeat(64)), "a".repeat(64));
        for (second, place) in [
            (entry("a b", "viewer", &hash), "$.tokens[1].name"),
            (entry("b", "root", &hash), "$.tokens[1].role"),
            (entry("b", "viewer", "abc"), "$.tokens[1].sha256"),
            (entry("a", "viewer", &hash), "$.tokens: two"),
        ] {
            let said =
                Tokens::parse(&format!(r#"{{"tokens": [{good}, {second}]}}"#)).unwrap_err().to_string();
            assert!(said.starts_with(place), "{said}");
        }
    }
}
