//! Which words turn, strengthen, weaken or contrast others, and the terms of a text that follow.

#[cfg(test)]
use crate::words::word;
use crate::words::{Piece, pieces};

/// The strength of a term that nothing changes.
pub const ONE: i32 = 64;

/// So many words after one that negates are negated, within its clause.
const REACH: u32 = 4;
/// Words and marks beyond this many are not read: what a text costs is bounded.
const MOST_PIECES: usize = 2_000;

/// The words of a language that act on others, by their hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// "not", "never", "without".
    pub negators: Vec<u32>,
    /// "very", "extremely": what follows counts for a quarter more.
    pub boosters: Vec<u32>,
    /// "slightly", "kinda": what follows counts for a quarter less.
    pub dampeners: Vec<u32>,
    /// "but", "however": what stands before in the sentence counts for five eighths, what stands behind for a quarter more.
    pub contrasts: Vec<u32>,
}

/// What may weigh something in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A word.
    Word(u32),
    /// A word that is negated.
    Negated(u32),
    /// Two words one after the other.
    Pair(u32, u32),
}

impl Rules {
    /// Makes rules of words.
    #[cfg(test)]
    pub(crate) fn of_words(
        negators: &[&str],
        boosters: &[&str],
        dampeners: &[&str],
        contrasts: &[&str],
    ) -> Self {
        let hashes = |list: &[&str]| list.iter().filter_map(|text| word(text)).collect();
        Self {
            negators: hashes(negators),
            boosters: hashes(boosters),
            dampeners: hashes(dampeners),
            contrasts: hashes(contrasts),
        }
    }

    /// Hands `each` every term of a text and its strength.
    pub fn terms(&self, text: &str, mut each: impl FnMut(Term, i32)) {
        let mut sentence = Sentence::default();
        for piece in pieces(text).take(MOST_PIECES) {
            match piece {
                Piece::Word { hash, loud } => {
                    if sentence.exclamations > 0 {
                        sentence.end(&mut each);
                    }
                    self.word(&mut sentence, hash, loud);
                }
                Piece::Clause => sentence.clause(),
                Piece::Exclamation => {
                    sentence.exclamations += 1;
                    sentence.clause();
                }
                Piece::Sentence => sentence.end(&mut each),
            }
        }
        sentence.end(&mut each);
    }

    fn word(&self, sentence: &mut Sentence, hash: u32, loud: bool) {
        if self.contrasts.contains(&hash) {
            sentence.contrast();
        }
        let quarters = |strength: i32, quarters: i32| strength * quarters / 4;
        let mut strength = sentence.strength;
        let last = sentence.last;
        if last.is_some_and(|last| self.boosters.contains(&last)) {
            strength = quarters(strength, 5);
        }
        if last.is_some_and(|last| self.dampeners.contains(&last)) {
            strength = quarters(strength, 3);
        }
        if loud {
            strength = quarters(strength, 5);
        }
        let is_negated = sentence.negated > 0;
        sentence.terms.push((if is_negated { Term::Negated(hash) } else { Term::Word(hash) }, strength));
        if let Some(last) = last {
            sentence.terms.push((Term::Pair(last, hash), sentence.strength));
        }
        sentence.last = Some(hash);
        sentence.negated = sentence.negated.saturating_sub(1);
        if self.negators.contains(&hash) {
            sentence.negated = REACH;
        }
    }
}

/// A sentence while it is read.
struct Sentence {
    terms: Vec<(Term, i32)>,
    /// The word before, in the same sentence.
    last: Option<u32>,
    /// How many words are still negated.
    negated: u32,
    strength: i32,
    exclamations: i32,
}

impl Default for Sentence {
    fn default() -> Self {
        Self { terms: Vec::new(), last: None, negated: 0, strength: ONE, exclamations: 0 }
    }
}

impl Sentence {
    fn clause(&mut self) {
        self.negated = 0;
    }

    fn contrast(&mut self) {
        self.terms.iter_mut().for_each(|(_, strength)| *strength = *strength * 5 / 8);
        self.strength = ONE * 5 / 4;
        self.negated = 0;
    }

    /// Up to three exclamation marks add an eighth each.
    fn end(&mut self, each: &mut impl FnMut(Term, i32)) {
        let eighths = 8 + self.exclamations.min(3);
        for (term, strength) in self.terms.drain(..) {
            each(term, strength * eighths / 8);
        }
        *self = Self { terms: core::mem::take(&mut self.terms), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn strengths(text: &str) -> Vec<(Term, i32)> {
        let rules = Rules::of_words(&["not", "don't"], &["very"], &["slightly"], &["but"]);
        let mut terms = Vec::new();
        rules.terms(text, |term, strength| terms.push((term, strength)));
        terms
    }

    fn of(text: &str, looked_for: &str) -> Option<(bool, i32)> {
        let hash = word(looked_for).unwrap();
        strengths(text).into_iter().find_map(|(term, strength)| match term {
            Term::Word(word) if word == hash => Some((false, strength)),
            Term::Negated(word) if word == hash => Some((true, strength)),
            _ => None,
        })
    }

    #[test]
    fn negation_reaches_four_words_within_its_clause() {
        assert_eq!(of("I do not like it", "like"), Some((true, ONE)));
        assert_eq!(of("I don't at all ever like it", "it"), Some((false, ONE)));
        assert_eq!(of("not now, like it", "like"), Some((false, ONE)));
    }

    #[test]
    fn words_before_capitals_and_marks_strengthen_and_weaken() {
        assert_eq!(of("very good", "good"), Some((false, ONE * 5 / 4)));
        assert_eq!(of("slightly good", "good"), Some((false, ONE * 3 / 4)));
        assert_eq!(of("GOOD", "good"), Some((false, ONE * 5 / 4)));
        assert_eq!(of("good!!!!!", "good"), Some((false, ONE * 11 / 8)));
        assert_eq!(of("bad. good!", "bad"), Some((false, ONE)));
    }

    #[test]
    fn what_stands_behind_but_counts_for_more_than_what_stands_before() {
        assert_eq!(of("good but bad", "good"), Some((false, ONE * 5 / 8)));
        assert_eq!(of("good but bad", "bad"), Some((false, ONE * 5 / 4)));
        assert_eq!(of("good but bad. fine", "fine"), Some((false, ONE)));
    }

    #[test]
    fn pairs_stay_within_a_sentence() {
        let pairs =
            |text: &str| strengths(text).iter().filter(|(term, _)| matches!(term, Term::Pair(..))).count();
        assert_eq!(pairs("one two three"), 2);
        assert_eq!(pairs("one. two three"), 1);
    }

    #[test]
    fn a_very_long_text_costs_no_more_than_its_beginning() {
        assert_eq!(strengths(&"good ".repeat(5_000)).len(), 2 * MOST_PIECES - 1);
    }
}
