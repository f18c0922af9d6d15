//! The log of what was read: a line of JSON each, written before the answer goes out.
//!
//! ```text
//! {"when": "2026-11-26T09:04:56Z", "who": "alice", "role": "analyst", "route": "/v1/estimates", "allowed": true}
//! ```

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use keepset_wire::Timestamp;
use serde_json::json;

use super::{Role, Who};
use crate::clock::instant;
use crate::private;

/// A file that lines are added to.
///
/// # Privacy
/// Names who reads, and what: never a token, an address or what was answered.
#[derive(Debug)]
pub struct ReadLog {
    path: PathBuf,
}

impl ReadLog {
    /// Makes the file for its owner alone when there is none, and sees that it can be written.
    ///
    /// # Errors
    /// One sentence that names the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        let log = Self { path: path.to_owned() };
        log.append("").map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(log)
    }

    /// Adds a line and waits until it is on the disk. The file is opened anew each time, so that it can be moved away while
    /// the collector runs.
    pub(super) fn append(&self, line: &str) -> io::Result<()> {
        let mut file = private::options().append(true).create(true).open(&self.path)?;
        // One call, so that lines of several collectors do not mix.
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }
}

/// Writes one line; without a reader everybody reads. One with several roles has them joined by commas.
pub(super) fn line(now: Timestamp, who: Option<&Who>, route: &str, allowed: bool) -> String {
    let name = who.map(|who| who.name.as_str());
    let roles = who.map(|who| who.roles.iter().map(|role| Role::name(*role)).collect::<Vec<_>>().join(","));
    let line = json!({"when": instant(now), "who": name, "role": roles, "route": route, "allowed": allowed});
    format!("{line}\n")
}
