//! `docs`: the pages of docs/ as a site with search, built and held to what it promises.

use anyhow::Result;

use crate::browser::Browser;
use crate::{js, paths, setup, shell};

/// Builds the site into target/site and checks it.
///
/// # Errors
/// When a page cannot be built, a link is dead, the search does not find, axe finds something, or a page asks others for anything.
pub(crate) fn run() -> Result<()> {
    shell::step(
        "docs: a static site in target/site, with search, its links followed and its pages looked at",
    );
    setup::js_tools()?;
    js::install(&paths::at("site"))?;
    shell::run(shell::command("node").arg("site/build.mjs"))?;
    let mut check = shell::command("node");
    Browser::ensure()?.tell(check.arg("site/check.mjs"))?;
    shell::run(&mut check)?;
    println!("    open target/site/index.html through any server of static files");
    Ok(())
}
