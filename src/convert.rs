//! What crosses the border to and from the engine's modules.

use js_sys::{Array, Object};
use keepset_engine::Zone;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::error;
use crate::made::Made;

/// Milliseconds since 1970 as JavaScript counts them: every instant the engine knows is exact in a double.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn millis(millis: i64) -> f64 {
    millis as f64
}

/// Makes an object of these members. What is absent is `undefined`.
///
/// By hand: a serializer for a dozen small objects would be a twentieth of the wasm that every page loads.
pub(crate) fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object: Made = Object::new().unchecked_into();
    for (key, value) in members {
        object.set(key, value);
    }
    object.into()
}

/// Makes a list.
pub(crate) fn list<T>(items: &[T], write: impl Fn(&T) -> JsValue) -> JsValue {
    let list = Array::new();
    for item in items {
        list.push(&write(item));
    }
    list.into()
}

/// Reads the offsets of a time zone: pairs of the millisecond from which one holds and its minutes east of UTC.
pub(crate) fn zone(offsets: &[f64]) -> Result<Zone, JsValue> {
    // Floats that fit no integer saturate, and no zone has such offsets.
    #[expect(clippy::cast_possible_truncation)]
    let pairs: Vec<(i64, i32)> =
        offsets.chunks_exact(2).map(|pair| (pair[0] as i64, pair[1] as i32)).collect();
    Zone::new(&pairs).ok_or_else(|| error("argument", "these are not the offsets of a time zone"))
}
