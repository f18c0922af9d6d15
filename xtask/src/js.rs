//! Node, npm and the packages the build and the tests use from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::{paths, setup, shell};

const OLDEST_NODE: u32 = 20;

/// Finds Node and npm, installing them when they are missing.
///
/// # Errors
/// When they cannot be installed, or the Node found is too old.
pub(crate) fn ensure_node() -> Result<()> {
    if shell::find(["node"]).is_none() || shell::find(["npm"]).is_none() {
        setup::apt_install(&["nodejs", "npm"])
            .context("Node 20 or newer and npm are needed: install them and run this again")?;
    }
    let version = shell::read(shell::command("node").arg("--version"))?;
    let version = version.trim();
    let major = major(version)
        .with_context(|| format!("`node --version` printed {version:?}, which is no version"))?;
    ensure!(
        major >= OLDEST_NODE,
        "Node {OLDEST_NODE} or newer is needed and {version} is here: install a newer one"
    );
    Ok(())
}

/// Installs what the folder's lock file names, when it is not there yet.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    if !folder.join("package.json").is_file() {
        return Ok(());
    }
    let Ok(wanted) = std::fs::read(&lock) else {
        bail!("{} is missing: run `npm install` in its folder and commit it", paths::shown(&lock));
    };
    let wanted = hex(&wanted);
    // npm has no quick way to say "all there"; the lock file's hash beside what it installed does.
    let stamp = folder.join("node_modules/.keepset-lock");
    shell::alone("npm", || {
        if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        shell::step(&format!("installing the npm packages of {}", paths::shown(folder)));
        shell::run(shell::command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
        std::fs::create_dir_all(folder.join("node_modules"))?;
        std::fs::write(&stamp, &wanted).with_context(|| format!("could not write {}", stamp.display()))
    })
}

/// A program that npm installed for the package's build.
pub(crate) fn tool(name: &str) -> Result<Command> {
    let path: PathBuf = paths::at("pkg-template/node_modules/.bin").join(name);
    ensure!(
        path.is_file(),
        "{} is missing: `npm ci` in pkg-template should have installed it",
        paths::shown(&path)
    );
    Ok(shell::command(path))
}

/// The SHA-256 of some bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn node_s_major_version_is_read_from_what_it_prints() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("20"), None);
    }
}
