//! The sentiment of a text as a number between -1 and 1: a lexicon of words and pairs of words, small enough for a page.
//!
//! [`words`] takes a text apart, [`Rules`] say which words turn, strengthen or weaken others and give its [`Term`]s, a
//! [`Lexicon`] holds what every term weighs and adds up. A text is read once and nothing of it is kept.
//!
//! The rules are those of VADER (Hutto and Gilbert 2014) in spirit: negation within a clause, words that strengthen and weaken, what
//! stands behind "but", capitals, exclamation marks, emoji. Weights are learned (`keepset sentiment train`), with a lexicon made by people as
//! what is believed of a word before any text is seen. All of it is whole numbers and one square root: the same bits everywhere.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bits;
mod lexicon;
mod rules;
pub mod words;

pub use lexicon::{Key, Lexicon, Refused};
pub use rules::{ONE, Rules, Term};

/// Texts in English: reviews of products, of films and of services.
///
/// Made by `keepset sentiment train`, see `docs/sentiment.md` for the texts and lexicons it was made of.
#[must_use]
pub fn english() -> &'static [u8] {
    include_bytes!("../models/en.ksl")
}

#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
