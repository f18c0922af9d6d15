//! Instants as JavaScript hands them over.

use keepset_wire::Timestamp;
#[cfg(any(feature = "report", feature = "study"))]
use wasm_bindgen::JsValue;

#[cfg(any(feature = "report", feature = "study"))]
use crate::error::error;

/// Reads milliseconds since 1970; what is no instant is the nearest one, and what is no number the first.
#[cfg(any(feature = "core", feature = "restore"))]
pub(crate) fn nearest(millis: f64) -> Timestamp {
    // Floats saturate.
    #[expect(clippy::cast_possible_truncation)]
    Timestamp::MIN.saturating_add(millis as i64)
}

/// Reads milliseconds since 1970.
#[cfg(any(feature = "report", feature = "study"))]
pub(crate) fn instant(millis: f64) -> Result<Timestamp, JsValue> {
    // A float that fits no integer saturates, and no instant lies there; what is no number would become 1970.
    #[expect(clippy::cast_possible_truncation)]
    let instant = if millis.is_nan() { None } else { Timestamp::from_millis(millis as i64) };
    instant.ok_or_else(|| error("time", "expected milliseconds between the years 1970 and 9999"))
}
