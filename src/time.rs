//! Instants as JavaScript hands them over.

use keepset_wire::Timestamp;
use wasm_bindgen::JsValue;

use crate::error::error;

/// Reads milliseconds since 1970.
pub(crate) fn instant(millis: f64) -> Result<Timestamp, JsValue> {
    // A float that fits no integer saturates, and no instant lies there; what is no number would become 1970.
    #[expect(clippy::cast_possible_truncation)]
    let instant = if millis.is_nan() { None } else { Timestamp::from_millis(millis as i64) };
    instant.ok_or_else(|| error("time", "expected milliseconds between the years 1970 and 9999"))
}
