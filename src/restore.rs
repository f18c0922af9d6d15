//! Going on from a copy of the profile, a module of its own that is loaded where a copy is put back.

use keepset_engine::{Engine, Pack};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::time;

/// Returns the state to store from now on: what `copy` has counted, with the choices of `fresh` and every window up to `now` counted as
/// answered. `undefined` when the pack is none, or one of the two is not a state of it.
#[wasm_bindgen]
#[must_use]
pub fn recover(pack: &[u8], copy: &[u8], fresh: &[u8], now: f64) -> Option<Vec<u8>> {
    let pack = Pack::load(pack).ok()?;
    Engine::recover(&pack, copy, fresh, time::nearest(now)).ok()
}
