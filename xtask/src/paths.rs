//! Where things are: every path is under the workspace root, which is known when this program is compiled.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The variable that names another root: a copy of the workspace that [`crate::reproduce`] builds.
pub(crate) const ROOT: &str = "KEEPSET_ROOT";

static OTHER: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os(ROOT).map(PathBuf::from));

/// The workspace root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    OTHER.as_deref().unwrap_or(here.parent().unwrap_or(here))
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
