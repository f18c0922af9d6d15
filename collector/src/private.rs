//! Files that belong to the operator alone: written whole or not at all, refused when others may use them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Reads a file that nobody else may read; `held` says in words what makes it private.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub(crate) fn read(path: &Path, held: &str) -> Result<String, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    check_mode(path, held)?;
    Ok(text)
}

/// Writes the file anew, whole or not at all, for its owner alone.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    write_bytes(path, text.as_bytes())
}

/// The same for what is no text.
///
/// # Errors
/// One sentence that names the file and what is wrong.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let new = path.with_extension("new");
    let written = make(&new)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        // Whatever of it was written is private, too.
        let _ = fs::remove_file(&new);
        format!("{} cannot be written: {error}", path.display())
    })
}

/// Returns the options that make a new file its owner's alone.
pub(crate) fn options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Opens a file that only its owner can read, in the place of what a write that failed has left.
fn make(path: &Path) -> io::Result<fs::File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    options().write(true).create_new(true).open(path)
}

/// Refuses a file that others than its owner can read or write. A group may read one that is root's or ours: that is how a cluster hands out a secret
/// to a process that is not root (`fsGroup` of Kubernetes, mode 0440).
#[cfg(unix)]
pub(crate) fn check_mode(path: &Path, held: &str) -> Result<(), String> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let shown = path.display();
    let data = fs::metadata(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let mode = data.permissions().mode() & 0o777;
    let group_reads = data.uid() == 0 || Some(data.uid()) == our_id();
    if mode & 0o077 == 0 || group_reads && mode & 0o037 == 0 {
        return Ok(());
    }
    Err(format!(
        "{shown} holds {held} and others than its owner may use it (mode {mode:o}): chmod 600 {shown}"
    ))
}

/// Who this process is, where the system says so in its files; else nobody's group reads anything.
#[cfg(unix)]
fn our_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(unix))]
pub(crate) fn check_mode(_: &Path, _: &str) -> Result<(), String> {
    Ok(())
}
