//! The mechanism and its randomness, a module of its own that is loaded when a report may be due: once or twice a window.

use keepset_engine::Due;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::error;
use crate::host::entropy;

/// Decides on what `Core.due` gave, for `Core.decided`: draws the moment of the window, or charges and draws the report, or says
/// why neither.
///
/// # Errors
/// When the bytes are none of `Core.due`.
#[wasm_bindgen]
pub fn decide(due: &[u8]) -> Result<Vec<u8>, JsValue> {
    let due = Due::from_bytes(due).ok_or_else(|| error("argument", "these bytes are not from Core.due"))?;
    let decided = match entropy::open() {
        Ok(coins) => due.decide(coins),
        Err(_) => due.without_entropy(),
    };
    Ok(decided.to_bytes())
}
