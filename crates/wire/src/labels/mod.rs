//! Labels: memberships that a person agreed to share under a name of their own, the terms they agreed to, and the bytes that travel.
//!
//! A label is no differentially private report: it says of one pseudonym that it is in a segment. What bounds it are the [`LabelTerms`],
//! consent to `sharing`, a name that nothing else is derived from, and the secret with which a device takes everything back.

mod message;
mod sealed;

use serde_json::{Value, json};

use crate::codec;
use crate::codec::encode;
use crate::digest::name16;
use crate::document::{Mistake, Name, Node};
use crate::plan::PlanHash;
use crate::question::first_repeated;
use crate::report::hex;

pub use message::{Labels, MessageError, Proof, Secret};
pub use sealed::{LABELS_TYPE, LabelSealer, SealedLabels};

/// So many segments may be shared at most.
pub const MOST_LABELS: usize = 64;

/// The first 16 bytes of the SHA-256 of the terms: it travels with every message, and consent was given to no other.
pub type TermsHash = PlanHash;

/// The name a collector knows a device's labels by: whoever has it can neither change nor erase them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(pub [u8; 16]);

impl std::fmt::Display for LabelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// What a person agrees to who shares labels.
///
/// # Privacy
/// Only the segments listed here are ever in a message, whatever else a device is in; the length of a message depends on nothing
/// but their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTerms {
    /// Its name.
    pub id: Name,
    /// Who answers for it: the controller.
    pub owner: String,
    /// What the labels are used for, in the words the person was shown.
    pub purpose: String,
    /// The version of the text the person was shown.
    pub text_version: u32,
    /// A message is made once in so many days on average, at a moment drawn by chance.
    pub every_days: u32,
    /// After so many days a device takes a new name.
    pub rotate_days: u32,
    /// So many days after the last message the collector forgets the labels.
    pub keep_days: u32,
    /// A label is handed on only when at least so many have it.
    pub least: u32,
    /// The segments, each with the reason why it is shared.
    pub segments: Vec<(Name, String)>,
}

codec!(struct LabelTerms {
    id, owner, purpose, text_version, every_days, rotate_days, keep_days, least, segments,
});

impl LabelTerms {
    /// Reads terms from JSON text.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        Self::read(&Node::root(&crate::document::parse(text)?))
    }

    /// Reads terms that are part of a larger document.
    ///
    /// # Errors
    /// The first [`Mistake`] in it.
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&[
            "id",
            "owner",
            "purpose",
            "text_version",
            "every_days",
            "rotate_days",
            "keep_days",
            "least",
            "segments",
        ])?;
        let whole = |key: &'static str, default, low, high| {
            fields.get(key).map_or(Ok(default), |node| node.whole(low, high))
        };
        let list = fields.need("segments")?;
        let segments = list.each(|node| {
            let fields = node.object(&["id", "reason"])?;
            Ok((fields.need("id")?.name()?, fields.need("reason")?.text()?.to_owned()))
        })?;
        if !(1..=MOST_LABELS).contains(&segments.len()) {
            return Err(list.mistake(format!("expected 1 to {MOST_LABELS} segments")));
        }
        let names: Vec<Name> = segments.iter().map(|(name, _)| name.clone()).collect();
        if let Some(twice) = first_repeated(&names) {
            return Err(list.mistake(format!("the segment {twice} is listed twice")));
        }
        // A week: a label is for days, and a message a day would draw a picture of visits.
        let every_days = whole("every_days", 7, 1, 28)?;
        let terms = Self {
            id: fields.need("id")?.name()?,
            owner: fields.need("owner")?.text()?.to_owned(),
            purpose: fields.need("purpose")?.text()?.to_owned(),
            text_version: fields.need("text_version")?.whole(1, u32::MAX)?,
            every_days,
            // Three months: what one name gathers is a season.
            rotate_days: whole("rotate_days", 90, 1, 366)?,
            // Two months: two messages may be lost before labels are.
            keep_days: whole("keep_days", 60, 1, 366)?,
            // Twenty: the usual floor of a cell in official statistics' microdata.
            least: whole("least", 20, 2, u32::MAX)?,
            segments,
        };
        if terms.rotate_days < every_days {
            let node = fields.get("rotate_days").map_or_else(|| fields.need("segments"), Ok)?;
            return Err(node.mistake("a name lasts at least as long as the days between two messages"));
        }
        if terms.keep_days < 2 * every_days {
            let node = fields.get("keep_days").map_or_else(|| fields.need("segments"), Ok)?;
            return Err(node.mistake("labels are kept at least twice the days between two messages"));
        }
        Ok(terms)
    }

    /// Tells whether terms that were read from elsewhere keep the limits of [`LabelTerms::read`].
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let names: Vec<Name> = self.segments.iter().map(|(name, _)| name.clone()).collect();
        (1..=MOST_LABELS).contains(&names.len())
            && first_repeated(&names).is_none()
            && self.text_version > 0
            && (1..=28).contains(&self.every_days)
            && (self.every_days..=366).contains(&self.rotate_days)
            && (2 * self.every_days..=366).contains(&self.keep_days)
            && self.least >= 2
    }

    /// Writes the JSON that [`LabelTerms::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let segments =
            self.segments.iter().map(|(name, reason)| json!({"id": name.as_str(), "reason": reason}));
        json!({
            "id": self.id.as_str(), "owner": self.owner, "purpose": self.purpose,
            "text_version": self.text_version, "every_days": self.every_days, "rotate_days": self.rotate_days,
            "keep_days": self.keep_days, "least": self.least, "segments": segments.collect::<Vec<_>>(),
        })
    }

    /// Returns the hash that names these terms and no others.
    #[must_use]
    pub fn hash(&self) -> TermsHash {
        PlanHash(name16(&[b"keepset label terms 1", &encode(self)]))
    }

    /// Says in a receipt what stands in place of a mechanism: nothing is noised, and this is the text that was agreed to.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("consented(text={})", self.text_version)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    const TERMS: &str = r#"{"id": "offers", "owner": "Sample shop", "purpose": "To send you offers that fit.", "text_version": 3,
        "segments": [{"id": "fresh", "reason": "New here."}, {"id": "habit", "reason": "Comes often."}, {"id": "gone", "reason": "Was here."}]}"#;

    pub(crate) fn sample() -> LabelTerms {
        LabelTerms::parse(TERMS).unwrap()
    }

    #[test]
    fn terms_read_back_what_they_write() {
        let terms = sample();
        assert_eq!((terms.every_days, terms.rotate_days, terms.keep_days, terms.least), (7, 90, 60, 20));
        assert_eq!(LabelTerms::parse(&terms.to_json().to_string()), Ok(terms.clone()));
        assert!(terms.is_sound());
        assert_eq!(codec::decode::<LabelTerms>(&encode(&terms)), Some(terms));
    }

    #[test]
    fn every_member_of_the_terms_is_in_their_hash() {
        let terms = sample();
        let changes: [fn(&mut LabelTerms); 10] = [
            |t| t.id = Name::parse("other").unwrap(),
            |t| t.owner.push('!'),
            |t| t.purpose.push('!'),
            |t| t.text_version += 1,
            |t| t.every_days += 1,
            |t| t.rotate_days += 1,
            |t| t.keep_days += 1,
            |t| t.least += 1,
            |t| t.segments.swap(0, 1),
            |t| t.segments[0].1.push('!'),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = terms.clone();
            change(&mut changed);
            assert_ne!(changed.hash(), terms.hash(), "change {index}");
        }
    }

    #[test]
    fn terms_that_are_wrong_are_refused_at_their_place() {
        let wrong = |from: &str, to: &str| {
            let text = TERMS.replacen(from, to, 1);
            assert_ne!(text, TERMS, "{from}");
            LabelTerms::parse(&text).unwrap_err().to_string()
        };
        for (from, to, sentence) in [
            ("\"text_version\": 3", "\"text_version\": 0", "$.text_version: expected a whole number from 1"),
            (
                "\"text_version\": 3",
                "\"text_version\": 3, \"every_days\": 29",
                "$.every_days: expected a whole number",
            ),
            (
                "\"text_version\": 3",
                "\"text_version\": 3, \"rotate_days\": 6",
                "$.rotate_days: a name lasts at least",
            ),
            (
                "\"text_version\": 3",
                "\"text_version\": 3, \"keep_days\": 13",
                "$.keep_days: labels are kept at least",
            ),
            (
                "\"text_version\": 3",
                "\"text_version\": 3, \"least\": 1",
                "$.least: expected a whole number from 2",
            ),
            ("\"id\": \"habit\"", "\"id\": \"fresh\"", "$.segments: the segment fresh is listed twice"),
            ("\"reason\": \"New here.\"", "\"why\": \"New here.\"", "$.segments[0].why: unknown key"),
            ("\"purpose\": \"To send you offers that fit.\", ", "", "$: the key \"purpose\" is missing"),
        ] {
            assert!(wrong(from, to).starts_with(sentence), "{}", wrong(from, to));
        }
    }
}
