//! Takes a text apart into words, marks and the ends of clauses and sentences.
//!
//! A word is a run of letters and digits; an apostrophe within is left out ("don't" is `dont`), three and more of a letter count as two, and
//! letters of ASCII count without case. An emoji is a word, and so is an emoticon, whatever its nose.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A word, by the hash of its letters.
    Word {
        /// FNV-1a over its bytes as they count.
        hash: u32,
        /// Whether it is three letters at least and all of them capitals.
        loud: bool,
    },
    /// A comma or another mark that ends a clause.
    Clause,
    /// An exclamation mark, which ends a sentence too.
    Exclamation,
    /// A full stop, a question mark or a new line.
    Sentence,
}

/// Takes a text apart.
pub fn pieces(text: &str) -> Pieces<'_> {
    Pieces { rest: text }
}

/// Returns the hash of a text that is exactly one word.
#[must_use]
pub fn word(text: &str) -> Option<u32> {
    let mut pieces = pieces(text);
    match (pieces.next(), pieces.next()) {
        (Some(Piece::Word { hash, .. }), None) => Some(hash),
        _ => None,
    }
}

/// The pieces of a text, in their order.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a str,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let first = self.rest.chars().next()?;
            if let Some((hash, length)) = emoticon(self.rest) {
                self.rest = &self.rest[length..];
                return Some(Piece::Word { hash, loud: false });
            }
            if is_letter(first) {
                return Some(self.word());
            }
            self.rest = &self.rest[first.len_utf8()..];
            match first {
                '!' => return Some(Piece::Exclamation),
                '.' | '?' | '\n' | '…' => return Some(Piece::Sentence),
                ',' | ';' | ':' | '(' | ')' | '–' | '—' => return Some(Piece::Clause),
                _ if is_picture(first) => {
                    return Some(Piece::Word { hash: hash_of(&[first]), loud: false });
                }
                _ => {}
            }
        }
    }
}

impl Pieces<'_> {
    /// The word that the rest begins with.
    fn word(&mut self) -> Piece {
        let mut hash = Hash::NEW;
        let (mut last, mut times) = ('\0', 0);
        let (mut letters, mut capitals) = (0, 0);
        let mut end = self.rest.len();
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, letter)) = chars.next() {
            let within = |next: Option<&(usize, char)>| next.is_some_and(|(_, next)| is_letter(*next));
            if is_apostrophe(letter) && within(chars.peek()) {
                continue;
            }
            if !is_letter(letter) {
                end = at;
                break;
            }
            letters += 1;
            capitals += u32::from(letter.is_ascii_uppercase());
            let letter = letter.to_ascii_lowercase();
            times = if letter == last { times + 1 } else { 1 };
            last = letter;
            if times <= 2 {
                hash.add(letter);
            }
        }
        self.rest = &self.rest[end..];
        Piece::Word { hash: hash.0, loud: letters >= 3 && capitals == letters }
    }
}

/// The hash of an emoticon that a text begins with, and its length: eyes, perhaps a nose, and a mouth.
fn emoticon(text: &str) -> Option<(u32, usize)> {
    let bytes = text.as_bytes();
    let eyes = *bytes.first()?;
    if text.starts_with("<3") {
        return Some((hash_of(&['<', '3']), 2));
    }
    if !matches!(eyes, b':' | b';' | b'=') {
        return None;
    }
    let at = if matches!(bytes.get(1), Some(b'-' | b'\'')) { 2 } else { 1 };
    let mouth = *bytes.get(at)?;
    let is_drawn = matches!(mouth, b')' | b'(' | b'/' | b'|' | b'\\' | b'*' | b'[' | b']');
    let is_letter = matches!(mouth, b'D' | b'P' | b'p' | b'o' | b'O')
        && !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    (is_drawn || is_letter).then(|| (hash_of(&[char::from(eyes), char::from(mouth)]), at + 1))
}

/// Letters and digits; beyond ASCII everything that is neither a mark nor a picture.
fn is_letter(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_alphanumeric();
    }
    !is_picture(letter)
        && !matches!(letter, '\u{1f3fb}'..='\u{1f3ff}' | '\u{80}'..='\u{bf}' | '×' | '÷' | '\u{2000}'..='\u{20cf}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{fe0f}' | '\u{ff00}'..='\u{ff0f}')
}

/// Emoji and symbols; a tone of skin is none of its own.
fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘')
}

fn hash_of(letters: &[char]) -> u32 {
    let mut hash = Hash::NEW;
    letters.iter().for_each(|letter| hash.add(*letter));
    hash.0
}

/// FNV-1a of 32 bits (Fowler, Noll and Vo).
#[derive(Clone, Copy)]
pub(crate) struct Hash(pub(crate) u32);

impl Hash {
    pub(crate) const NEW: Self = Self(0x811c_9dc5);

    pub(crate) fn with(self, byte: u8) -> Self {
        Self((self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    fn add(&mut self, letter: char) {
        *self = letter.encode_utf8(&mut [0; 4]).bytes().fold(*self, Self::with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn case_apostrophes_and_stretched_letters_make_no_other_word() {
        for (one, other) in [("Don't", "dont"), ("don’t", "DONT"), ("goood", "good"), ("Soooooo", "soo")] {
            assert_eq!(word(one), word(other), "{one}");
        }
        assert_ne!(word("god"), word("good"));
        assert_eq!(word("two words"), None);
        assert_eq!(word("!"), None);
        assert_eq!(word(""), None);
    }

    #[test]
    fn noses_do_not_matter_and_pictures_are_words() {
        assert_eq!(word(":-)"), word(":)"));
        assert_ne!(word(":)"), word(":("));
        assert!(word("😀").is_some() && word("😀") != word("😡"));
        // A tone of skin and the mark of a coloured picture add nothing.
        assert_eq!(pieces("👍🏽").count(), 1);
        assert_eq!(pieces("❤️").count(), 1);
    }

    #[test]
    fn marks_end_clauses_and_sentences() {
        let kinds: Vec<Piece> =
            pieces("A: b, c! D?\ne").filter(|piece| !matches!(piece, Piece::Word { .. })).collect();
        use Piece::{Clause, Exclamation, Sentence};
        assert_eq!(kinds, [Clause, Clause, Exclamation, Sentence, Sentence]);
        assert!(matches!(pieces("WOW").next(), Some(Piece::Word { loud: true, .. })));
        assert!(matches!(pieces("OK").next(), Some(Piece::Word { loud: false, .. })));
    }

    proptest::proptest! {
        #[test]
        fn every_text_ends_and_is_cut_between_letters(text in ".{0,200}") {
            proptest::prop_assert!(pieces(&text).count() <= text.chars().count());
        }
    }
}
