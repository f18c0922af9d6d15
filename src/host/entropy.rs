//! Whether the page has randomness to draw from, asked before anything is drawn.

use js_sys::{Reflect, global};
use keepset_privacy::{NoEntropy, SystemCoins};
use wasm_bindgen::JsCast;
use web_sys::Crypto;

/// Opens the page's source of randomness for OpenDP's samplers.
///
/// # Errors
/// [`NoEntropy`] when `crypto.getRandomValues` is missing, throws, or stands still.
///
/// # Privacy
/// Fail closed: no entropy, no report. The samplers call `getRandomValues` through a binding that cannot catch, so a
/// page that replaced it with something that throws would tear the engine down in the middle of a draw; here it is
/// called once with a net.
pub(crate) fn open() -> Result<SystemCoins, NoEntropy> {
    let crypto = Reflect::get(&global(), &"crypto".into()).map_err(|_| NoEntropy)?;
    // Not `dyn_into`: in a frame or a test the class may be another one that works as well.
    let crypto: Crypto = if crypto.is_object() { crypto.unchecked_into() } else { return Err(NoEntropy) };
    crypto.get_random_values_with_u8_array(&mut [0; 32]).map_err(|_| NoEntropy)?;
    SystemCoins::open()
}
