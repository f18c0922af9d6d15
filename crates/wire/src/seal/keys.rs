//! The public keys of a collector, as a pack names them and a collector publishes them.

use serde_json::{Value, json};

use super::suite::KEY;
use crate::codec;
use crate::document::{Fields, Mistake, Node};
use crate::report::hex;
use crate::time::Timestamp;

/// So many keys at most: the one in use, the one to come, and some whose reports may still arrive.
pub const MOST_KEYS: usize = 8;

/// A public key of the collector and when devices seal to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingKey {
    /// Its number, which travels with what is sealed to it.
    pub id: u8,
    /// The X25519 public key.
    pub public: [u8; KEY],
    /// From this instant on devices seal to it.
    pub from: Timestamp,
    /// From this instant on they do not any more.
    pub until: Timestamp,
}

codec!(struct SealingKey { id, public, from, until });

impl SealingKey {
    /// The members of a key in a document.
    pub const FIELDS: [&'static str; 4] = ["id", "public_key", "from", "until"];

    /// Reads a key of a document.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        Self::of(&node.object(&Self::FIELDS)?)
    }

    /// Reads a key of an object that may hold more.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn of(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let public = fields.need("public_key")?;
        let key = Self {
            // At most 255.
            id: u8::try_from(fields.need("id")?.whole(1, 255)?).unwrap_or(u8::MAX),
            public: key_from_hex(public.text()?)
                .ok_or_else(|| public.mistake("expected a public key: 64 of 0-9 and a-f, not all zeros"))?,
            from: fields.need("from")?.date()?,
            until: fields.need("until")?.date()?,
        };
        if key.until <= key.from {
            return Err(fields.need("until")?.mistake("a key's last day comes after its first"));
        }
        Ok(key)
    }

    /// Writes the JSON that [`SealingKey::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id, "public_key": hex(&self.public), "from": self.from.date(), "until": self.until.date(),
        })
    }
}

/// The keys of a collector: at most [`MOST_KEYS`], each with its own number. None seal nothing, so nothing leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealingKeys(Vec<SealingKey>);

codec!(tuple SealingKeys);

impl SealingKeys {
    /// Takes keys that keep the rules of [`SealingKeys::read`]; nothing of others.
    #[must_use]
    pub fn new(keys: Vec<SealingKey>) -> Option<Self> {
        Some(Self(keys)).filter(Self::is_sound)
    }

    /// Reads a list of keys.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn read(list: &Node<'_>) -> Result<Self, Mistake> {
        let keys = list.each(SealingKey::read)?;
        if !(1..=MOST_KEYS).contains(&keys.len()) {
            return Err(list.mistake(format!("expected 1 to {MOST_KEYS} keys")));
        }
        if let Some(twice) = repeated(&keys) {
            return Err(list.mistake(format!("two keys have the number {twice}; give each its own")));
        }
        Ok(Self(keys))
    }

    /// Writes the JSON that [`SealingKeys::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.iter().map(SealingKey::to_json).collect()
    }

    /// Tells whether keys that were read from elsewhere keep the rules of [`SealingKeys::read`].
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.0.len() <= MOST_KEYS
            && repeated(&self.0).is_none()
            && self.0.iter().all(|key| key.id > 0 && key.from < key.until)
    }

    /// Returns the key to seal to at `now`: of those in use the one that came last.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<&SealingKey> {
        let in_use = self.0.iter().filter(|key| key.from <= now && now < key.until);
        in_use.max_by_key(|key| (key.from, key.id))
    }

    /// Returns the first instant from `now` on at which there is a key to seal to.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let begins = |key: &SealingKey| key.from.max(now);
        self.0.iter().filter(|key| now < key.until).map(begins).min()
    }

    /// Lists the keys.
    #[must_use]
    pub fn list(&self) -> &[SealingKey] {
        &self.0
    }
}

/// What a pack names of its collector, and a collector publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorKeys {
    /// The keys that reports are sealed to.
    pub reports: SealingKeys,
    /// The keys of its gateway, to which requests are encapsulated that go through a relay; none where it has no gateway.
    pub gateway: SealingKeys,
}

impl CollectorKeys {
    /// Reads `{"keys": [...], "gateway": [...]}`, the latter or not.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["keys", "gateway"])?;
        let gateway = fields.get("gateway").map(|list| SealingKeys::read(&list)).transpose()?;
        Ok(Self { reports: SealingKeys::read(&fields.need("keys")?)?, gateway: gateway.unwrap_or_default() })
    }

    /// Writes the JSON that [`CollectorKeys::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({ "keys": self.reports.to_json() });
        if !self.gateway.list().is_empty() {
            json["gateway"] = self.gateway.to_json();
        }
        json
    }
}

fn repeated(keys: &[SealingKey]) -> Option<u8> {
    let again = |(index, key): &(usize, &SealingKey)| keys[..*index].iter().any(|other| other.id == key.id);
    keys.iter().enumerate().find(again).map(|(_, key)| key.id)
}

/// Reads a key of 64 lower-case hexadecimal digits; nothing from anything else, nor from zeros, which are what is left where
/// a key was to be filled in.
#[must_use]
pub fn key_from_hex(text: &str) -> Option<[u8; KEY]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * KEY {
        return None;
    }
    let mut key = [0; KEY];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    (key != [0; KEY]).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn keys(periods: &[(u8, &str, &str)]) -> SealingKeys {
        let date = |text: &str| Timestamp::from_date(text).unwrap();
        let key = |(id, from, until): &(u8, &str, &str)| SealingKey {
            id: *id,
            public: [*id; 32],
            from: date(from),
            until: date(until),
        };
        SealingKeys::new(periods.iter().map(key).collect()).unwrap()
    }

    #[test]
    fn keys_read_back_what_they_write() {
        let keys = keys(&[(1, "2026-01-01", "2027-01-01"), (9, "2026-12-01", "2028-01-01")]);
        for gateway in [SealingKeys::default(), keys.clone()] {
            let both = CollectorKeys { reports: keys.clone(), gateway };
            assert_eq!(CollectorKeys::read(&Node::root(&both.to_json())), Ok(both));
        }
    }

    #[test]
    fn where_periods_overlap_the_newest_key_is_taken_and_outside_of_all_there_is_none() {
        let keys = keys(&[
            (2, "2026-12-01", "2028-01-01"),
            (1, "2026-01-01", "2027-01-01"),
            (3, "2029-01-01", "2030-01-01"),
        ]);
        let at = |date: &str| keys.at(Timestamp::from_date(date).unwrap()).map(|key| key.id);
        assert_eq!(at("2025-12-31"), None);
        assert_eq!(at("2026-01-01"), Some(1));
        assert_eq!(at("2026-11-30"), Some(1));
        assert_eq!(at("2026-12-01"), Some(2));
        assert_eq!(at("2027-06-01"), Some(2));
        assert_eq!(at("2028-01-01"), None);
        let next = |date: &str| keys.next(Timestamp::from_date(date).unwrap()).map(Timestamp::date);
        assert_eq!(next("2025-01-01").as_deref(), Some("2026-01-01"));
        assert_eq!(next("2026-05-05").as_deref(), Some("2026-05-05"));
        assert_eq!(next("2028-01-01").as_deref(), Some("2029-01-01"));
        assert_eq!(next("2030-01-01"), None);
    }

    #[test]
    fn keys_that_are_wrong_are_refused_at_their_place() {
        let two = keys(&[(1, "2026-01-01", "2027-01-01"), (2, "2026-01-01", "2027-01-01")]);
        let right = CollectorKeys { reports: two, gateway: SealingKeys::default() }.to_json().to_string();
        let one = "0".repeat(63) + "1";
        let wrong = |from: &str, to: &str| {
            let text = right.replacen(from, to, 1);
            assert_ne!(text, right, "{from}");
            let value = document::parse(&text).unwrap();
            CollectorKeys::read(&Node::root(&value)).unwrap_err().to_string()
        };
        let second = format!("\"{}\"", "02".repeat(32));
        for (from, to, sentence) in [
            ("\"id\":2", "\"id\":1", "$.keys: two keys have the number 1"),
            ("\"id\":2", "\"id\":256", "$.keys[1].id: expected a whole number from 1 to 255"),
            (&second, "\"02\"", "$.keys[1].public_key: expected a public key"),
            (&second, &format!("\"{}\"", "0".repeat(64)), "$.keys[1].public_key: expected a public key"),
            (&second, &format!("\"{}\"", "A".repeat(64)), "$.keys[1].public_key: expected a public key"),
            ("\"until\":\"2027-01-01\"", "\"until\":\"2026-01-01\"", "$.keys[0].until: a key's last day"),
            ("\"from\"", "\"private_key\":\"x\",\"from\"", "$.keys[0].private_key: unknown key"),
            ("{\"keys\"", "{\"gateway\":[],\"keys\"", "$.gateway: expected 1 to 8 keys"),
            ("{\"keys\"", "{\"relay\":[],\"keys\"", "$.relay: unknown key"),
        ] {
            assert!(wrong(from, to).starts_with(sentence), "{}", wrong(from, to));
        }
        assert!(key_from_hex(&one).is_some());
        let empty = document::parse(r#"{"keys": []}"#).unwrap();
        assert!(CollectorKeys::read(&Node::root(&empty)).is_err());
    }
}
