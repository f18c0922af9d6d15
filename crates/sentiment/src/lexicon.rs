//! A lexicon: what every term weighs, the rules of its language, and the score of a text.
//!
//! Terms are known by a hash of 22 bits, so that no words are carried along; among 7,000 entries a term that is none is taken
//! for one with probability 0.0017.

use crate::bits;
use crate::rules::{Rules, Term};
use crate::words::Hash;

/// The bits of a key.
const KEY_BITS: u32 = 22;
const MAGIC: &[u8; 4] = b"KSL1";

/// A term as a lexicon knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u32);

impl Key {
    /// Returns the key of a term.
    #[must_use]
    pub fn of(term: Term) -> Self {
        let (kind, one, other) = match term {
            Term::Word(word) => (0x2545_f491, word, 0),
            Term::Negated(word) => (0x9e37_79b1, word, 0),
            Term::Pair(one, other) => (0x85eb_ca6b, one, other),
        };
        // The finaliser of MurmurHash3 (Appleby) over both.
        let mut hash =
            (one ^ kind).wrapping_mul(0xcc9e_2d51).rotate_left(15) ^ other.wrapping_mul(0x1b87_3593);
        hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
        Self((hash ^ hash >> 16) >> (32 - KEY_BITS))
    }
}

/// What a lexicon weighs a text by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lexicon {
    rules: Rules,
    /// Ascending.
    keys: Vec<u32>,
    weights: Vec<i8>,
    /// The margin at which the score is `1 / sqrt(2)`.
    scale: u32,
}

/// Why bytes are no lexicon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// They do not begin as one does, or are of a later format.
    Format,
    /// They end too early, or something is left over.
    Length,
    /// They were changed.
    Checksum,
    /// Two entries have one key, a key is too large, or the scale is zero.
    Entries,
}

impl Refused {
    /// Returns a stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Length => "length",
            Self::Checksum => "checksum",
            Self::Entries => "entries",
        }
    }

    /// Says what is wrong.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Format => "these bytes are no lexicon of this version",
            Self::Length => "the lexicon is cut off or something follows it",
            Self::Checksum => "the lexicon was changed or damaged",
            Self::Entries => "the entries of the lexicon are out of order",
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Refused {}

impl Lexicon {
    /// Makes a lexicon; of two entries with one key the heavier stays, and an entry that weighs nothing is left out.
    #[must_use]
    pub fn new(rules: Rules, entries: impl IntoIterator<Item = (Key, i8)>, scale: u32) -> Self {
        let mut entries: Vec<(Key, i8)> = entries.into_iter().filter(|(_, weight)| *weight != 0).collect();
        entries.sort_by_key(|(key, weight)| (*key, core::cmp::Reverse(weight.unsigned_abs())));
        entries.dedup_by_key(|(key, _)| *key);
        let (keys, weights) = entries.into_iter().map(|(key, weight)| (key.0, weight)).unzip();
        Self { rules, keys, weights, scale: scale.max(1) }
    }

    /// Scores a text: below 0 for a complaint, above 0 for praise, always between -1 and 1.
    ///
    /// `margin / sqrt(margin^2 + scale^2)`, of whole numbers: the same bits on every machine.
    #[must_use]
    pub fn score(&self, text: &str) -> f64 {
        let (margin, scale) = (f64::from(self.margin(text)), f64::from(self.scale));
        margin / (margin * margin + scale * scale).sqrt()
    }

    /// Adds up what the terms of a text weigh.
    #[must_use]
    pub fn margin(&self, text: &str) -> i32 {
        let mut sum = 0_i32;
        self.rules.terms(text, |term, strength| sum = sum.saturating_add(self.weight(term) * strength));
        sum
    }

    /// What a term weighs, in strengths of [`ONE`]; a negated word that has no weight of its own turns five eighths of the word's.
    fn weight(&self, term: Term) -> i32 {
        let entry =
            |term| self.keys.binary_search(&Key::of(term).0).ok().map(|at| i32::from(self.weights[at]));
        match term {
            Term::Negated(word) => {
                entry(term).unwrap_or_else(|| -entry(Term::Word(word)).unwrap_or(0) * 5 / 8)
            }
            term => entry(term).unwrap_or(0),
        }
    }

    /// Returns how many terms weigh something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells whether no term weighs anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Writes the lexicon.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let rules = &self.rules;
        for list in [&rules.negators, &rules.boosters, &rules.dampeners, &rules.contrasts] {
            let length = u8::try_from(list.len()).unwrap_or(u8::MAX);
            out.push(length);
            list.iter().take(length.into()).for_each(|word| out.extend(word.to_le_bytes()));
        }
        out.extend(self.scale.to_le_bytes());
        let count = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let low = ((1 << KEY_BITS) / count.max(1)).checked_ilog2().unwrap_or(0);
        let keys = bits::write(&self.keys, low);
        out.extend(count.to_le_bytes());
        out.push(u8::try_from(low).unwrap_or(0));
        out.extend(u32::try_from(keys.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(keys);
        out.extend(self.weights.iter().map(|weight| weight.cast_unsigned()));
        out.extend(checksum(&out).to_le_bytes());
        out
    }

    /// Reads a lexicon.
    ///
    /// # Errors
    /// When the bytes are not those of one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        let (body, sum) = bytes.split_last_chunk().ok_or(Refused::Format)?;
        let mut rest = body.strip_prefix(MAGIC).ok_or(Refused::Format)?;
        if checksum(body) != u32::from_le_bytes(*sum) {
            return Err(Refused::Checksum);
        }
        let mut list = || {
            let [length] = take(&mut rest)?;
            (0..length)
                .map(|_| take(&mut rest).map(u32::from_le_bytes))
                .collect::<Result<Vec<u32>, Refused>>()
        };
        let rules = Rules { negators: list()?, boosters: list()?, dampeners: list()?, contrasts: list()? };
        let scale = u32::from_le_bytes(take(&mut rest)?);
        let count = u32::from_le_bytes(take(&mut rest)?) as usize;
        let [low] = take(&mut rest)?;
        let length = u32::from_le_bytes(take(&mut rest)?) as usize;
        let (keys, weights) = rest.split_at_checked(length).ok_or(Refused::Length)?;
        // A key takes a bit at least, and a weight a byte: nothing is made for entries that are not there.
        if weights.len() != count {
            return Err(Refused::Length);
        }
        let keys = bits::read(keys, count, low.into()).ok_or(Refused::Length)?;
        let is_ascending = keys.is_sorted_by(|one, next| one < next);
        if !is_ascending || keys.last().is_some_and(|last| last >> KEY_BITS != 0) || scale == 0 {
            return Err(Refused::Entries);
        }
        let weights = weights.iter().map(|weight| weight.cast_signed()).collect();
        Ok(Self { rules, keys, weights, scale })
    }
}

/// Takes the next bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refused> {
    let (taken, after) = rest.split_first_chunk().ok_or(Refused::Length)?;
    *rest = after;
    Ok(*taken)
}

/// Finds damage, not malice.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(Hash::NEW, |hash, byte| hash.with(*byte)).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ONE;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use crate::words::word;

    fn lexicon() -> Lexicon {
        let key = |text: &str| Key::of(Term::Word(word(text).unwrap()));
        let rules = Rules::of_words(&["not"], &["very"], &["slightly"], &["but"]);
        Lexicon::new(rules, [(key("good"), 40), (key("bad"), -50), (key("dull"), 0)], 64 * 60)
    }

    #[test]
    fn praise_is_above_zero_complaint_below_and_negation_turns_less_than_all() {
        let lexicon = lexicon();
        assert_eq!(lexicon.margin(""), 0);
        assert_eq!(lexicon.margin("Good"), 40 * ONE);
        assert_eq!(lexicon.margin("not good"), -25 * ONE);
        assert!(lexicon.score("very bad!") < lexicon.score("bad"));
        assert!(lexicon.score(&"good ".repeat(9_999)) < 1.0);
    }

    #[test]
    fn a_lexicon_is_read_as_it_was_written() {
        let lexicon = lexicon();
        assert_eq!(lexicon.len(), 2);
        assert_eq!(Lexicon::from_bytes(&lexicon.to_bytes()), Ok(lexicon));
        let empty = Lexicon::new(Rules::default(), [], 0);
        assert_eq!(Lexicon::from_bytes(&empty.to_bytes()).unwrap().score("good"), 0.0);
    }

    #[test]
    fn a_lexicon_that_is_cut_bent_or_of_another_format_is_refused_with_a_code() {
        let bytes = lexicon().to_bytes();
        for length in 0..bytes.len() {
            Lexicon::from_bytes(&bytes[..length]).unwrap_err();
        }
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 0x10;
            Lexicon::from_bytes(&bent).unwrap_err();
        }
        assert_eq!(Lexicon::from_bytes(b"{}").unwrap_err().code(), "format");
    }

    #[test]
    fn the_lexicon_that_ships_knows_praise_from_complaint() {
        let english = Lexicon::from_bytes(crate::english()).unwrap();
        for (praise, complaint) in [
            ("I love it, works great", "I hate it, it broke after a week"),
            ("great phone!!!", "terrible phone!!!"),
            ("the food was delicious and the staff friendly", "the food was cold and the waiter rude"),
            ("😀", "😡"),
        ] {
            assert!(english.score(praise) > 0.1, "{praise}: {}", english.score(praise));
            assert!(english.score(complaint) < -0.1, "{complaint}: {}", english.score(complaint));
        }
        assert!(english.score("not bad at all") > english.score("not good at all"));
        assert_eq!(english.score("xyzzy"), 0.0);
        // Whose thumb it is says nothing.
        assert_eq!(english.score("👍🏿"), english.score("👍🏻"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_lexicon_or_refused_and_any_text_has_a_score(bytes in proptest::collection::vec(0_u8.., 0..200), text in ".{0,80}") {
            let mut framed = MAGIC.to_vec();
            framed.extend(&bytes);
            framed.extend(checksum(&framed).to_le_bytes());
            if let Ok(lexicon) = Lexicon::from_bytes(&framed) {
                proptest::prop_assert!(lexicon.score(&text).abs() <= 1.0);
            }
        }
    }
}
