//! The collector's keys: a file that only its operator may read, each key with the period in which devices seal to it.
//!
//! ```text
//! {"keys": [{"id": 1, "public_key": "...", "from": "2026-01-01", "until": "2027-02-05", "private_key": "..."}]}
//! ```
//! A retired key has no `private_key` any more: what was sealed to it stays shut for ever, and its number is not given again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use keepset_wire::document::{self, Mistake, Node};
use keepset_wire::seal::{MOST_KEYS, hex_of, key_from_hex};
use keepset_wire::{OpeningKey, SealingKey, SealingKeys, Timestamp};
use serde_json::{Value, json};

/// The keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<Held>);

/// A key and, until it is retired, what opens for it.
#[derive(Clone, Debug)]
struct Held {
    key: SealingKey,
    opening: Option<OpeningKey>,
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
    /// Reads the text of a file of keys.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let document = document::parse(text)?;
        let node = Node::root(&document);
        let fields = node.object(&["keys"])?;
        let list = fields.need("keys")?;
        let ring = Self(list.each(Held::read)?);
        let again = |(index, held): &(usize, &Held)| ring.0[..*index].iter().any(|h| h.key.id == held.key.id);
        if let Some((_, held)) = ring.0.iter().enumerate().find(again) {
            return Err(list.mistake(format!("two keys have the number {}", held.key.id)));
        }
        if ring.held().count() > MOST_KEYS {
            return Err(list.mistake(format!("at most {MOST_KEYS} keys that are not retired")));
        }
        Ok(ring)
    }

    /// Writes the text of a file of keys, the private halves with it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let keys: Vec<Value> = self.0.iter().map(Held::to_json).collect();
        format!("{:#}\n", json!({ "keys": keys }))
    }

    /// Reads a file of keys that nobody else may read.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn load(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        check_mode(path)?;
        Self::parse(&text).map_err(|mistake| format!("{shown}: {mistake}"))
    }

    /// Writes the file anew, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let new = path.with_extension("new");
        let written = private_file(&new)
            .and_then(|mut file| file.write_all(self.to_text().as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, path));
        written.map_err(|error| {
            // Whatever of it was written holds private keys.
            let _ = fs::remove_file(&new);
            format!("{} cannot be written: {error}", path.display())
        })
    }

    /// Adds a key made of 32 bytes drawn by chance and returns its number.
    ///
    /// # Errors
    /// One sentence when there are too many, or the period is none.
    pub fn add(&mut self, secret: [u8; 32], from: Timestamp, until: Timestamp) -> Result<u8, String> {
        if until <= from {
            return Err("a key's last day comes after its first".into());
        }
        if self.held().count() >= MOST_KEYS {
            return Err(format!("{MOST_KEYS} keys are held already; retire one whose period is over"));
        }
        let last = self.0.iter().map(|held| held.key.id).max().unwrap_or(0);
        let id = last.checked_add(1).ok_or("all 255 numbers of keys were given; begin another file")?;
        let opening = OpeningKey::from_bytes(&secret);
        let key = SealingKey { id, public: opening.public(), from, until };
        self.0.push(Held { key, opening: Some(opening) });
        Ok(id)
    }

    /// Forgets the private half of a key: what was sealed to it stays shut from now on.
    ///
    /// # Errors
    /// One sentence when there is no such key.
    pub fn retire(&mut self, id: u8) -> Result<(), String> {
        let held = self.0.iter_mut().find(|held| held.key.id == id && held.opening.is_some());
        held.ok_or_else(|| format!("no key with the number {id} is held"))?.opening = None;
        Ok(())
    }

    /// Returns what opens for a key; nothing when it is not held, or retired.
    #[must_use]
    pub fn opening(&self, id: u8) -> Option<&OpeningKey> {
        self.0.iter().find(|held| held.key.id == id)?.opening.as_ref()
    }

    /// Returns the public halves of the keys that are not retired.
    #[must_use]
    pub fn public(&self) -> SealingKeys {
        // At most so many, each with its own number, by `Keyring::parse` and `Keyring::add`.
        SealingKeys::new(self.held().map(|held| held.key.clone()).collect()).unwrap_or_default()
    }

    /// Lists every key and how it stands at `now`.
    pub fn standings(&self, now: Timestamp) -> impl Iterator<Item = (&SealingKey, Standing)> {
        self.0.iter().map(move |held| (&held.key, held.standing(now)))
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.0.iter().filter(|held| held.opening.is_some())
    }
}

impl Held {
    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object_of(&[&SealingKey::FIELDS, &["private_key"]])?;
        let key = SealingKey::of(&fields)?;
        let Some(node) = fields.get("private_key") else { return Ok(Self { key, opening: None }) };
        let private = key_from_hex(node.text()?).map(|bytes| OpeningKey::from_bytes(&bytes));
        let private = private.ok_or_else(|| node.mistake("expected a private key: 64 of 0-9 and a-f"))?;
        if private.public() != key.public {
            return Err(node.mistake("this is not the private half of the public_key beside it"));
        }
        Ok(Self { key, opening: Some(private) })
    }

    fn to_json(&self) -> Value {
        let mut json = self.key.to_json();
        if let Some(opening) = &self.opening {
            json["private_key"] = hex_of(&opening.to_bytes()).into();
        }
        json
    }

    fn standing(&self, now: Timestamp) -> Standing {
        match &self.opening {
            None => Standing::Retired,
            Some(_) if now < self.key.from => Standing::ToCome,
            Some(_) if now < self.key.until => Standing::InUse,
            Some(_) => Standing::Over,
        }
    }
}

/// Opens a file that only its owner can read, in the place of what a write that failed has left.
fn private_file(path: &Path) -> io::Result<fs::File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Refuses a file that others than its owner can read or write.
#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let data = fs::metadata(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mode = data.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "{shown} holds private keys and others than its owner may use it (mode {mode:o}): chmod 600 {shown}"
    ))
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), String> {
    Ok(())
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
                "$.keys[1].private_key: this is not the private half",
            ),
            (
                "\"private_key\": \"0002",
                "\"private_key\": \"",
                "$.keys[1].private_key: expected a private key",
            ),
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
