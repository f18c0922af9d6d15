//! `reproduce`: is the package what the source gives, wherever it is built?

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::{copy, js, paths, shell};

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An unpacked package, such as the published one, to compare one clean build with; without it two clean builds are compared
    #[arg(long)]
    package: Option<PathBuf>,
}

/// Two places whose paths differ in length and depth: neither may be found in what is built there.
const PLACES: [&str; 2] = ["target/reproduce/a", "target/reproduce/another/place/further/down"];

/// Builds anew and compares every file.
pub(crate) fn run(options: &Options) -> Result<()> {
    shell::step("reproduce: the package built anew from a copy of the source, every file compared");
    let first = match &options.package {
        Some(package) => fs::canonicalize(package).with_context(|| package.display().to_string())?,
        None => build(PLACES[0])?,
    };
    let second = build(PLACES[1])?;
    let (one, other) = (hashes(&first)?, hashes(&second)?);
    let different = different(&one, &other);
    for file in one.keys().filter(|file| file.ends_with(".wasm")) {
        println!("    {file}: sha256 {}", one[file]);
    }
    ensure!(different.is_empty(), "these files differ: {}", different.join(", "));
    println!("    {} files, all the same in both", one.len());
    // What is published is not a folder but an archive of it.
    let (one, other) = (archive(&first)?, archive(&second)?);
    ensure!(one == other, "npm packs the same files into different archives: {one} and {other}");
    println!("    the archive npm makes of them: sha256 {one}");
    Ok(())
}

/// Builds the package from nothing in a folder of its own.
fn build(place: &str) -> Result<PathBuf> {
    let folder = paths::at(place);
    shell::empty_folder(&folder)?;
    copy::source(&folder, &[])?;
    let mut xtask = shell::command(env::current_exe().context("this program does not know where it is")?);
    xtask.current_dir(&folder).arg("pkg").env(paths::ROOT, &folder).env_remove("CARGO_TARGET_DIR");
    shell::run(&mut xtask)?;
    Ok(folder.join("target/pkg/keepset"))
}

/// The hash of every file, by its path in the package.
fn hashes(package: &Path) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    let mut folders = vec![package.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(package).unwrap_or(&path).display().to_string();
                hashes.insert(name, js::hex(&fs::read(&path)?));
            }
        }
    }
    ensure!(!hashes.is_empty(), "{} holds nothing", package.display());
    Ok(hashes)
}

/// The files that are missing on one side or are not the same on both.
fn different(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

/// The hash of what `npm pack` makes of a package.
fn archive(package: &Path) -> Result<String> {
    let folder = paths::at("target/reproduce/packed");
    shell::empty_folder(&folder)?;
    let mut npm = shell::command("npm");
    let told = shell::read(npm.args(["pack", "--json", "--pack-destination"]).arg(&folder).arg(package))?;
    let told: Value = serde_json::from_str(&told).context("`npm pack` printed no JSON")?;
    let Some(file) = told[0]["filename"].as_str() else { bail!("`npm pack` names no file") };
    Ok(js::hex(&fs::read(folder.join(file))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_another_is_named() {
        let map =
            |files: &[(&str, &str)]| files.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let one: BTreeMap<_, _> = map(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(different(&one, &map(&[("a", "1"), ("b", "0"), ("d", "4")])), ["b", "c", "d"]);
        assert!(different(&one, &one.clone()).is_empty());
    }
}
