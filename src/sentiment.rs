//! The sentiment of texts, a module of its own that only a page that asks for it loads: scores texts by lexicons it was given.

use std::cell::RefCell;

use keepset_sentiment::{Lexicon, english};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::error;

thread_local! {
    static LEXICONS: RefCell<Vec<Lexicon>> = const { RefCell::new(Vec::new()) };
}

/// Takes in a lexicon and returns its number; no bytes are the one for English.
///
/// # Errors
/// When the bytes are no lexicon.
#[wasm_bindgen]
pub fn lexicon(bytes: &[u8]) -> Result<usize, JsValue> {
    let bytes = if bytes.is_empty() { english() } else { bytes };
    let lexicon = Lexicon::from_bytes(bytes).map_err(|refused| error(refused.code(), refused.sentence()))?;
    Ok(LEXICONS.with_borrow_mut(|lexicons| {
        lexicons.push(lexicon);
        lexicons.len() - 1
    }))
}

/// Scores a text by the lexicon of a number, from -1 to 1; a number that was not given out scores 0.
#[wasm_bindgen]
#[must_use]
pub fn score(lexicon: usize, text: &str) -> f64 {
    LEXICONS.with_borrow(|lexicons| lexicons.get(lexicon).map_or(0.0, |lexicon| lexicon.score(text)))
}
