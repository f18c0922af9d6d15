//! From the store into the archive: the answers of closed windows, and only then are they forgotten.
//!
//! A crash before a window is marked leaves it to be brought there again, as the same files under the same names; a crash after it
//! leaves answers to be forgotten. Nothing is lost on the way and nothing is there twice.

use super::engine::{Broken, Engine};
use crate::archive::Archive;

/// Brings every closed window there that is not known to be there, and forgets the answers; returns how many windows it brought.
pub(super) fn seal(engine: &mut dyn Engine, archive: &Archive) -> Result<u64, Broken> {
    let mut sealed = 0;
    for window in engine.unsealed()? {
        let mut files = archive.window(window);
        let mut kept = engine.kept_after(window, None)?;
        while let Some(last) = kept.last() {
            kept.iter().try_for_each(|kept| files.push(kept)).map_err(Broken)?;
            kept = engine.kept_after(window, Some(last))?;
        }
        files.finish().map_err(Broken)?;
        engine.mark_sealed(window)?;
        sealed += 1;
    }
    while engine.drop_sealed()? {}
    Ok(sealed)
}
