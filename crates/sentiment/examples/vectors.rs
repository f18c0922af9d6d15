//! Writes `tests/vectors/sentiment.json` anew: its own texts, scored by the lexicon that ships.
//!
//! `cargo run -p keepset-sentiment --example vectors`, after the lexicon was learned anew.
#![allow(clippy::unwrap_used)]

use keepset_sentiment::{Lexicon, english};

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/sentiment.json");
    let vectors: Vec<(String, String)> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let lexicon = Lexicon::from_bytes(english()).unwrap();
    let lines: Vec<String> = vectors
        .iter()
        .map(|(text, _)| {
            format!("  {}", serde_json::to_string(&(text, lexicon.score(text).to_string())).unwrap())
        })
        .collect();
    std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}
