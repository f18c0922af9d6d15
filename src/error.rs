//! Errors as JavaScript sees them: an `Error` with a sentence and a stable `code`.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// Makes the `Error` to be thrown.
pub(crate) fn error(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    // Setting a property of an object made on the line above cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
