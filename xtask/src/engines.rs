//! Programs in Python that tests hold the collector to, each in a Python of its own: DuckDB and Apache Spark count an archive beside ours, with Java for the
//! latter, and schemathesis asks every route what its description allows.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::{paths, setup, shell};

/// A Python with packages; tests look for it in its folder.
struct Python {
    folder: &'static str,
    requirements: &'static str,
    what: &'static str,
}

const ENGINES: Python = Python {
    folder: "target/engines",
    requirements: "collector/tests/engines/requirements.txt",
    what: "DuckDB and Spark from PyPI, about 600 MB",
};
const ROUTES: Python = Python {
    folder: "target/routes",
    requirements: "collector/tests/engines/routes.txt",
    what: "schemathesis from PyPI, about 60 MB",
};

/// Finds them, installing what is missing, and says what was found.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn ensure() -> Result<String> {
    if shell::find(["java"]).is_none() {
        setup::apt_install(&["default-jre-headless"])?;
    }
    let engines = ENGINES.ensure()?.split_whitespace().collect::<Vec<_>>().join(", ");
    let routes = ROUTES.ensure()?;
    let schemathesis = routes.lines().find(|line| line.starts_with("schemathesis"));
    Ok(format!("{engines}, {}", schemathesis.unwrap_or_default()))
}

impl Python {
    /// Returns what is installed, which is what is asked for.
    fn ensure(&self) -> Result<String> {
        let wanted = std::fs::read_to_string(paths::at(self.requirements)).context(self.requirements)?;
        let (folder, stamp) = (paths::at(self.folder), paths::at(self.folder).join("installed.txt"));
        if std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
            self.install(&folder)?;
            std::fs::write(&stamp, &wanted)?;
        }
        Ok(wanted)
    }

    fn install(&self, folder: &Path) -> Result<()> {
        shell::step(&format!("installing {} into {}", self.what, paths::shown(folder)));
        if !make(folder)? {
            // Debian keeps what makes such a folder in a package of its own.
            setup::apt_install(&["python3-venv"])?;
            ensure!(make(folder)?, "python3 cannot make a folder of its own (`python3 -m venv`)");
        }
        let mut pip = shell::command(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        shell::run(pip.arg(paths::at(self.requirements)))
    }
}

fn make(folder: &Path) -> Result<bool> {
    shell::status(shell::command("python3").args(["-m", "venv", "--clear"]).arg(folder))
}
