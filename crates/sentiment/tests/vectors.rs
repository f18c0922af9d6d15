//! The scores of texts by the lexicon that ships, to the bit: here, as wasm in Node and in Chromium, and in the package.
#![allow(clippy::unwrap_used)]

use keepset_sentiment::{Lexicon, english};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const VECTORS: &str = include_str!("../../../tests/vectors/sentiment.json");

#[test]
fn every_text_has_the_score_of_its_vector_to_the_bit() {
    let vectors: Vec<(String, String)> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() > 30);
    let lexicon = Lexicon::from_bytes(english()).unwrap();
    for (text, score) in vectors {
        assert_eq!(lexicon.score(&text).to_bits(), score.parse::<f64>().unwrap().to_bits(), "{text}");
    }
}
