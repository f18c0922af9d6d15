//! Errors as JavaScript sees them: an `Error` with a sentence and a stable `code`.

use wasm_bindgen::{JsCast, JsValue};

use crate::made::Made;

/// Makes the `Error` to be thrown.
pub(crate) fn error(code: &str, message: &str) -> JsValue {
    let error: Made = js_sys::Error::new(message).unchecked_into();
    error.set("code", &code.into());
    error.into()
}
