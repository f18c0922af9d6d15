//! Objects that are made here to be handed to the page.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// An object made here: setting a member of it cannot fail, so nothing is caught.
    pub(crate) type Made;

    #[wasm_bindgen(method, structural, indexing_setter)]
    pub(crate) fn set(this: &Made, key: &str, value: &JsValue);
}
