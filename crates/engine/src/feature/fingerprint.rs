//! The meaning of a definition as a number: state made under another definition is not used.

use keepset_wire::document::Node;
use keepset_wire::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sensitive::KEY;

/// Keys that change how a memory is read, or what it is called, and not what it holds.
const NOT_MEMORY: &[&str] = &["title", "measure", "of", "rank", KEY];

/// The first 8 bytes of the SHA-256 of what a definition remembers.
pub(crate) fn fingerprint(node: &Node<'_>) -> u64 {
    let mut sponge = Sha256::new();
    if let Value::Object(map) = node.value() {
        map.iter().filter(|(key, _)| !NOT_MEMORY.contains(&key.as_str())).for_each(|(key, value)| {
            absorb_text(&mut sponge, b'k', key);
            absorb(&mut sponge, value);
        });
    }
    sponge.finalize().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Returns the hash of what features of a pack are, in this order, as 16 hexadecimal digits: a model that was trained on
/// other definitions is not used. What a feature is called changes nothing, what it is computed from does.
#[must_use]
pub fn definitions(pack: &Value, names: &[&str]) -> String {
    let mut sponge = Sha256::new();
    names.iter().for_each(|name| define(&mut sponge, &pack["features"], name));
    hex(&sponge.finalize()[..8])
}

/// Takes in a definition, and behind a formula those it reads.
fn define(sponge: &mut Sha256, features: &Value, name: &str) {
    absorb_text(sponge, b'd', name);
    let Some(Value::Object(definition)) = features.get(name) else { return };
    for (key, value) in definition.iter().filter(|(key, _)| !["title", KEY].contains(&key.as_str())) {
        absorb_text(sponge, b'k', key);
        absorb(sponge, value);
    }
    if definition.get("kind").is_some_and(|kind| kind == "formula") {
        texts(&definition["value"], &mut |text| {
            if text != name && features.get(text).is_some() {
                define(sponge, features, text);
            }
        });
    }
}

fn texts<'a>(value: &'a Value, each: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(map) => map.values().for_each(|item| texts(item, each)),
        _ => {}
    }
}

/// Takes in a document, every part with its kind and length; objects are sorted by key, so one meaning has one digest.
fn absorb(sponge: &mut Sha256, value: &Value) {
    match value {
        Value::Null => sponge.update(b"n"),
        Value::Bool(flag) => sponge.update([b'b', u8::from(*flag)]),
        Value::Number(number) => {
            sponge.update(b"f");
            sponge.update(number.as_f64().unwrap_or(f64::NAN).to_bits().to_be_bytes());
        }
        Value::String(text) => absorb_text(sponge, b's', text),
        Value::Array(items) => {
            sponge.update(b"a");
            sponge.update((items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| absorb(sponge, item));
        }
        Value::Object(map) => {
            sponge.update(b"o");
            sponge.update((map.len() as u64).to_be_bytes());
            map.iter().for_each(|(key, value)| {
                absorb_text(sponge, b'k', key);
                absorb(sponge, value);
            });
        }
    }
}

fn absorb_text(sponge: &mut Sha256, kind: u8, text: &str) {
    sponge.update([kind]);
    sponge.update((text.len() as u64).to_be_bytes());
    sponge.update(text.as_bytes());
}
