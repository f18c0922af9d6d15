//! The browser the tests and the demo drive: Chromium through ChromeDriver.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::{paths, setup, shell};

const CHROMIUM_NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// A browser and the driver that steers it.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chromium: PathBuf,
    /// The driver's program.
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// Finds Chromium and ChromeDriver, installing them when they are missing.
    ///
    /// # Errors
    /// Says what to install when they cannot be: a test without its browser is never skipped.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(found) = Self::there() {
            return Ok(found);
        }
        setup::apt_install(&["chromium", "chromium-driver"])
            .context("Chromium and ChromeDriver are needed")?;
        Self::there().context(
            "Chromium and ChromeDriver are needed: install both, or name them in CHROMIUM and CHROMEDRIVER",
        )
    }

    fn there() -> Option<Self> {
        Some(Self {
            chromium: named("CHROMIUM").or_else(|| shell::find(CHROMIUM_NAMES))?,
            driver: named("CHROMEDRIVER").or_else(|| shell::find(["chromedriver"]))?,
        })
    }

    /// Tells a wasm test runner or a Node script which browser to use and how to start it.
    pub(crate) fn tell(&self, command: &mut Command) -> Result<()> {
        let path = paths::at("target/webdriver.json");
        let options = json!({ "goog:chromeOptions": { "binary": self.chromium, "args": ARGUMENTS } });
        std::fs::write(&path, options.to_string())
            .with_context(|| format!("could not write {}", path.display()))?;
        command.env("CHROMIUM", &self.chromium).env("CHROMEDRIVER", &self.driver);
        command.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", path);
        Ok(())
    }
}

/// Runs as root in a container, draws nothing, and speaks to no one but the page under test.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}
