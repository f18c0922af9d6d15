//! The engines that count an archive beside ours: DuckDB and Apache Spark from PyPI, in a Python of their own, and Java for the latter.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::{paths, setup, shell};

/// Where they are; tests look for the Python in it.
const FOLDER: &str = "target/engines";
const REQUIREMENTS: &str = "collector/tests/engines/requirements.txt";

/// Finds them, installing what is missing, and says what was found.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn ensure() -> Result<String> {
    if shell::find(["java"]).is_none() {
        setup::apt_install(&["default-jre-headless"])?;
    }
    let wanted = std::fs::read_to_string(paths::at(REQUIREMENTS)).context(REQUIREMENTS)?;
    let (folder, stamp) = (paths::at(FOLDER), paths::at(FOLDER).join("installed.txt"));
    if std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        install(&folder)?;
        std::fs::write(&stamp, &wanted)?;
    }
    Ok(wanted.split_whitespace().collect::<Vec<_>>().join(", "))
}

fn install(folder: &Path) -> Result<()> {
    shell::step(&format!(
        "installing DuckDB and Spark from PyPI into {}: about 600 MB",
        paths::shown(folder)
    ));
    if !make(folder)? {
        // Debian keeps what makes such a folder in a package of its own.
        setup::apt_install(&["python3-venv"])?;
        ensure!(make(folder)?, "python3 cannot make a folder of its own (`python3 -m venv`)");
    }
    let mut pip = shell::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::run(pip.arg(paths::at(REQUIREMENTS)))
}

fn make(folder: &Path) -> Result<bool> {
    shell::status(shell::command("python3").args(["-m", "venv", "--clear"]).arg(folder))
}
