//! Copies of the source, built apart from it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{paths, shell};

/// Makes what `patterns` choose of the workspace's own files the same in `to`; all of them when there is no pattern. A file that
/// is the same already keeps its date, so that cargo builds little.
pub(crate) fn source(to: &Path, patterns: &[&str]) -> Result<()> {
    let mut list = shell::command("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).args(patterns);
    for file in shell::read(&mut list)?.lines() {
        let (from, to) = (paths::at(file), to.join(file));
        // What was deleted and not yet committed is listed too.
        if !from.is_file() {
            continue;
        }
        let bytes = fs::read(&from).with_context(|| paths::shown(&from))?;
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file is in no folder")?)?;
        fs::write(&to, bytes).with_context(|| paths::shown(&to))?;
    }
    Ok(())
}
