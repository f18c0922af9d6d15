//! The collector's keys: a file that only its operator may read, each key with the period in which devices seal to it.
//!
//! ```text
//! {"keys": [{"id": 1, "public_key": "...", "from": "2026-01-01", "until": "2027-02-05", "private_key": "..."}]}
//! {"gateway": [{"id": 1, "public_key": "...", "from": "2026-01-01", "until": "2027-02-05", "seed": "..."}]}
//! ```
//! A file holds keys for one use: those that reports are sealed to, or those of a gateway for relays. A retired key has no
//! `private_key` or `seed` any more: what was sealed to it stays shut for ever, and its number is not given again.

use std::path::Path;

use keepset_wire::document::{self, Mistake, Node};
use keepset_wire::hex;
use keepset_wire::seal::{MOST_KEYS, key_from_hex};
use keepset_wire::{OpeningKey, SealingKey, SealingKeys, Timestamp};
use serde_json::{Value, json};

use crate::private;

/// The keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    use_: Use,
    held: Vec<Held>,
}

/// What the keys of a file are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Use {
    /// Reports are sealed to them.
    #[default]
    Reports,
    /// Requests that go through a relay are encapsulated to them.
    Gateway,
}

impl Use {
    /// Returns the member of the file that lists the keys.
    fn list(self) -> &'static str {
        match self {
            Self::Reports => "keys",
            Self::Gateway => "gateway",
        }
    }

    /// Returns the member of a key that is nobody's business.
    fn secret(self) -> &'static str {
        match self {
            Self::Reports => "private_key",
            Self::Gateway => "seed",
        }
    }

    /// Returns the public half of a secret. That of a gateway is a seed (RFC 9180, section 7.1.3), as its library takes it.
    fn public(self, secret: &OpeningKey) -> [u8; 32] {
        match self {
            Self::Reports => secret.public(),
            Self::Gateway => OpeningKey::derived(&secret.to_bytes()).public(),
        }
    }
}

/// A key and, until it is retired, its secret.
#[derive(Clone, Debug)]
struct Held {
    key: SealingKey,
    secret: Option<OpeningKey>,
}

/// How a key stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its period begins later.
    ToCome,
    /// Devices seal to it.
    InUse,
    /// Devices do not seal to it any more; what they sealed before may still arrive.
    Over,
    /// It opens nothing any more.
    Retired,
}

impl Standing {
    /// Returns it in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ToCome => "to come",
            Self::InUse => "in use",
            Self::Over => "over",
            Self::Retired => "retired",
        }
    }
}

impl Keyring {
    /// Begins a file of keys for this use.
    #[must_use]
    pub fn of(use_: Use) -> Self {
        Self { use_, held: Vec::new() }
    }

    /// Returns what the keys are for.
    #[must_use]
    pub fn use_(&self) -> Use {
        self.use_
    }

    /// Reads the text of a file of keys.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let document = document::parse(text)?;
        let node = Node::root(&document);
        let use_ = if document.get(Use::Gateway.list()).is_some() { Use::Gateway } else { Use::Reports };
        let fields = node.object(&[use_.list()])?;
        let list = fields.need(use_.list())?;
        let ring = Self { use_, held: list.each(|node| Held::read(node, use_))? };
        let again =
            |(index, held): &(usize, &Held)| ring.held[..*index].iter().any(|h| h.key.id == held.key.id);
        if let Some((_, held)) = ring.held.iter().enumerate().find(again) {
            return Err(list.mistake(format!("two keys have the number {}", held.key.id)));
        }
        if ring.live().count() > MOST_KEYS {
            return Err(list.mistake(format!("at most {MOST_KEYS} keys that are not retired")));
        }
        Ok(ring)
    }

    /// Writes the text of a file of keys, the secrets with it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let keys: Vec<Value> = self.held.iter().map(|held| held.to_json(self.use_)).collect();
        format!("{:#}\n", json!({ self.use_.list(): keys }))
    }

    /// Reads a file of keys that nobody else may read.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = private::read(path, "private keys")?;
        Self::parse(&text).map_err(|mistake| format!("{}: {mistake}", path.display()))
    }

    /// Writes the file anew, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        private::write(path, &self.to_text())
    }

    /// Adds a key made of 32 bytes drawn by chance and returns its number.
    ///
    /// # Errors
    /// One sentence when there are too many, or the period is none.
    pub fn add(&mut self, secret: [u8; 32], from: Timestamp, until: Timestamp) -> Result<u8, String> {
        if until <= from {
            return Err("a key's last day comes after its first".into());
        }
        if self.live().count() >= MOST_KEYS {
            return Err(format!("{MOST_KEYS} keys are held already; retire one whose period is over"));
        }
        let last = self.held.iter().map(|held| held.key.id).max().unwrap_or(0);
        let id = last.checked_add(1).ok_or("all 255 numbers of keys were given; begin another file")?;
        let secret = OpeningKey::from_bytes(&secret);
        let key = SealingKey { id, public: self.use_.public(&secret), from, until };
        self.held.push(Held { key, secret: Some(secret) });
        Ok(id)
    }

    /// Forgets the secret of a key: what was sealed to it stays shut from now on.
    ///
    /// # Errors
    /// One sentence when there is no such key.
    pub fn retire(&mut self, id: u8) -> Result<(), String> {
        let held = self.held.iter_mut().find(|held| held.key.id == id && held.secret.is_some());
        held.ok_or_else(|| format!("no key with the number {id} is held"))?.secret = None;
        Ok(())
    }

    /// Returns what opens reports for a key; nothing when it is not held, or retired, or a gateway's.
    #[must_use]
    pub fn opening(&self, id: u8) -> Option<&OpeningKey> {
        let found = self.live().find(|(key, _)| key.id == id).map(|(_, secret)| secret);
        found.filter(|_| self.use_ == Use::Reports)
    }

    /// Returns the newest key that is not retired, by its number, and what opens for it.
    #[must_use]
    pub fn newest(&self) -> Option<(u8, &OpeningKey)> {
        let held = self.held.iter().filter_map(|held| Some((held.key.id, held.secret.as_ref()?)));
        held.max_by_key(|(id, _)| *id)
    }

    /// Returns the public halves of the keys that are not retired.
    #[must_use]
    pub fn public(&self) -> SealingKeys {
        // At most so many, each with its own number, by `Keyring::parse` and `Keyring::add`.
        SealingKeys::new(self.live().map(|(key, _)| key.clone()).collect()).unwrap_or_default()
    }

    /// Writes the public halves as JSON, under the name that a pack's `collector` has for them.
    #[must_use]
    pub fn public_json(&self) -> Value {
        json!({ self.use_.list(): self.public().to_json() })
    }

    /// Lists every key and how it stands at `now`.
    pub fn standings(&self, now: Timestamp) -> impl Iterator<Item = (&SealingKey, Standing)> {
        self.held.iter().map(move |held| (&held.key, held.standing(now)))
    }

    /// Lists the keys that are not retired, with their secrets.
    pub(crate) fn live(&self) -> impl Iterator<Item = (&SealingKey, &OpeningKey)> {
        self.held.iter().filter_map(|held| Some((&held.key, held.secret.as_ref()?)))
    }
}

impl Held {
    fn read(node: &Node<'_>, use_: Use) -> Result<Self, Mistake> {
        let fields = node.object_of(&[&SealingKey::FIELDS, &[use_.secret()]])?;
        let key = SealingKey::of(&fields)?;
        let Some(node) = fields.get(use_.secret()) else { return Ok(Self { key, secret: None }) };
        let secret = key_from_hex(node.text()?).map(|bytes| OpeningKey::from_bytes(&bytes));
        let secret = secret.ok_or_else(|| node.mistake("expected 64 of 0-9 and a-f"))?;
        if use_.public(&secret) != key.public {
            return Err(node.mistake("this does not belong to the public_key beside it"));
        }
        Ok(Self { key, secret: Some(secret) })
    }

    fn to_json(&self, use_: Use) -> Value {
        let mut json = self.key.to_json();
        if let Some(secret) = &self.secret {
            json[use_.secret()] = hex(&secret.to_bytes()).into();
        }
        json
    }

    fn standing(&self, now: Timestamp) -> Standing {
        match &self.secret {
            None => Standing::Retired,
            Some(_) if now < self.key.from => Standing::ToCome,
            Some(_) if now < self.key.until => Standing::InUse,
            Some(_) => Standing::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Timestamp {
        Timestamp::from_date(text).unwrap()
    }

    fn two() -> Keyring {
        let mut ring = Keyring::default();
        assert_eq!(ring.add([1; 32], date("2026-01-01"), date("2027-01-01")), Ok(1));
        assert_eq!(ring.add([2; 32], date("2026-12-01"), date("2028-01-01")), Ok(2));
        ring
    }

    #[test]
    fn a_ring_reads_back_what_it_writes_and_publishes_no_private_half() {
        let ring = two();
        let again = Keyring::parse(&ring.to_text()).unwrap();
        assert_eq!(again.to_text(), ring.to_text());
        let public = ring.public().to_json().to_string();
        assert!(!public.contains("private") && !public.contains(&"01".repeat(30)), "{public}");
        assert_eq!(again.public(), ring.public());
    }

    #[test]
    fn a_gateways_keys_are_seeds_in_a_file_of_their_own_and_open_no_report() {
        let mut ring = Keyring::of(Use::Gateway);
        ring.add([1; 32], date("2026-01-01"), date("2027-01-01")).unwrap();
        let text = ring.to_text();
        assert!(
            text.contains("\"gateway\"") && text.contains("\"seed\"") && !text.contains("private_key"),
            "{text}"
        );
        let again = Keyring::parse(&text).unwrap();
        assert_eq!((again.use_(), again.public()), (Use::Gateway, ring.public()));
        assert!(again.opening(1).is_none() && again.live().count() == 1);
        assert_ne!(
            again.public().list()[0].public,
            two().public().list()[0].public,
            "drawn alike, used apart"
        );
        assert!(Keyring::parse(&text.replace("seed", "private_key")).is_err());
        assert!(Keyring::parse(&text.replace("\"gateway\"", "\"keys\"")).is_err());
        ring.retire(1).unwrap();
        assert!(!ring.to_text().contains(&"01".repeat(30)));
    }

    #[test]
    fn a_retired_key_opens_nothing_is_not_published_and_its_number_is_not_given_again() {
        let mut ring = two();
        ring.retire(2).unwrap();
        assert!(ring.opening(1).is_some() && ring.opening(2).is_none());
        assert_eq!(ring.public().list().len(), 1);
        assert!(!ring.to_text().contains(&"02".repeat(30)));
        assert!(ring.retire(2).is_err() && ring.retire(9).is_err());
        assert_eq!(ring.add([3; 32], date("2028-01-01"), date("2029-01-01")), Ok(3));
        let standings: Vec<Standing> =
            ring.standings(date("2027-06-01")).map(|(_, standing)| standing).collect();
        assert_eq!(standings, [Standing::Over, Standing::Retired, Standing::ToCome]);
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_at_its_place() {
        let right = two().to_text();
        for (from, to, sentence) in [
            ("\"id\": 2", "\"id\": 1", "$.keys: two keys"),
            (
                "\"private_key\": \"0002",
                "\"private_key\": \"0003",
                "$.keys[1].private_key: this does not belong to the public_key",
            ),
            ("\"private_key\": \"0002", "\"private_key\": \"", "$.keys[1].private_key: expected 64 of 0-9"),
            ("\"from\": \"2026-12-01\"", "\"from\": \"2026-13-01\"", "$.keys[1].from: "),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_ne!(wrong, right, "{from}");
            let said = Keyring::parse(&wrong).unwrap_err().to_string();
            assert!(said.starts_with(sentence), "{said}");
        }
    }

    #[test]
    fn at_most_eight_keys_are_held() {
        let mut ring = Keyring::default();
        for secret in 1..=8 {
            ring.add([secret; 32], date("2026-01-01"), date("2027-01-01")).unwrap();
        }
        let said = ring.add([9; 32], date("2026-01-01"), date("2027-01-01")).unwrap_err();
        assert!(said.contains("retire one"), "{said}");
        assert!(two().add([1; 32], date("2026-01-01"), date("2026-01-01")).is_err());
    }
}
