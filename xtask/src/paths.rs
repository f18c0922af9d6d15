//! Where things are: every path is under the workspace root, which is known when this program is compiled.

use std::path::{Path, PathBuf};

/// The workspace root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A path in the workspace.
pub(crate) fn at(relative: &str) -> PathBuf {
    root().join(relative)
}

/// The build folder of everything compiled to wasm: another compiler may be at work there, so it has its own cache.
pub(crate) fn wasm_target() -> PathBuf {
    at("target/wasm")
}

/// `path` as a person in the workspace root would write it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
