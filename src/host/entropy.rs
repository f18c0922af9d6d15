//! Whether the page has randomness to draw from, asked before anything is drawn.

#[cfg(feature = "report")]
use js_sys::{Reflect, global};
use keepset_privacy::NoEntropy;
#[cfg(feature = "report")]
use keepset_privacy::SystemCoins;
#[cfg(feature = "report")]
use wasm_bindgen::JsCast;
#[cfg(feature = "report")]
use web_sys::Crypto;

/// Opens the page's source of randomness for OpenDP's samplers.
///
/// # Errors
/// [`NoEntropy`] when `crypto.getRandomValues` is missing, throws, stands still or gives zeros.
///
/// # Privacy
/// Fail closed: no entropy, no report. The page's own source is asked, not only the generator that was seeded from it:
/// seeded with zeros, that one looks alive and can be foretold. And the samplers reach the source through a binding
/// that cannot catch, so a page whose `getRandomValues` throws would tear the engine down in the middle of a draw;
/// here it is called with a net.
#[cfg(feature = "report")]
pub(crate) fn open() -> Result<SystemCoins, NoEntropy> {
    secret()?;
    SystemCoins::open()
}

/// Draws 32 bytes from the page's own source.
///
/// # Errors
/// As [`open`].
#[cfg(feature = "report")]
pub(crate) fn secret() -> Result<[u8; 32], NoEntropy> {
    let crypto = Reflect::get(&global(), &"crypto".into()).map_err(|_| NoEntropy)?;
    // Not `dyn_into`: in another realm the class is another one that works as well.
    let crypto: Crypto = if crypto.is_object() { crypto.unchecked_into() } else { return Err(NoEntropy) };
    sound(&[draw(&crypto)?, draw(&crypto)?].concat())
}

/// Returns the first of two draws of 32 bytes, one behind the other.
///
/// # Errors
/// [`NoEntropy`] when they are not two, or not those of a sound source, which fails this with probability below 2^-254.
pub(crate) fn sound(drawn: &[u8]) -> Result<[u8; 32], NoEntropy> {
    let (first, second) = drawn.split_at_checked(32).ok_or(NoEntropy)?;
    if first == second || first == [0; 32] || second == [0; 32] {
        return Err(NoEntropy);
    }
    let is_two = second.len() == first.len();
    first.try_into().ok().filter(|_| is_two).ok_or(NoEntropy)
}

#[cfg(feature = "report")]
fn draw(crypto: &Crypto) -> Result<[u8; 32], NoEntropy> {
    let mut bytes = [0; 32];
    crypto.get_random_values_with_u8_array(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}
