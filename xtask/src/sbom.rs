//! `sbom`: what the package and the collector are made of, as CycloneDX, and under which licences, with their texts.
//!
//! Both follow from the lock files alone: no time and no machine is in them, so that two builds give the same files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use cyclonedx_bom::prelude::{Bom, SpecVersion, Validate};
use serde_json::{Value, json};

use crate::toolchain::{TARGET, Toolchain};
use crate::{paths, shell};

/// The bill of materials, as it lies in the package.
const BILL: &str = "sbom.cdx.json";
/// The licences, as they lie in the package.
const LICENCES: &str = "THIRD-PARTY-LICENSES";

/// Something that ships.
struct Product {
    name: &'static str,
    /// How package URLs call its kind of package.
    registry: &'static str,
    kind: &'static str,
    /// What `cargo tree` is to look at.
    tree: &'static [&'static str],
}

const PACKAGE: Product = Product {
    name: "keepset",
    registry: "npm",
    kind: "library",
    tree: &[
        "--package",
        "keepset",
        "--no-default-features",
        "--features",
        "core,report,study",
        "--target",
        TARGET,
    ],
};
const COLLECTOR: Product = Product {
    name: "keepset-collector",
    registry: "cargo",
    kind: "application",
    tree: &["--package", "keepset-collector"],
};

/// Writes both into `target/sbom`.
pub(crate) fn run() -> Result<()> {
    shell::step("sbom: what ships is made of, and its licences, into target/sbom");
    for product in [PACKAGE, COLLECTOR] {
        let out = paths::at("target/sbom").join(product.name);
        shell::empty_folder(&out)?;
        write(&product, &out)?;
    }
    Ok(())
}

/// Writes those of the package into its folder.
pub(crate) fn of_package(out: &Path) -> Result<()> {
    write(&PACKAGE, out)
}

fn write(product: &Product, out: &Path) -> Result<()> {
    let parts = parts(product)?;
    let bill = bill(product, &parts)?;
    check(&bill)?;
    fs::write(out.join(BILL), format!("{bill:#}\n"))?;
    fs::write(out.join(LICENCES), licences(product, &parts)?)?;
    println!("    {} parts in {} and {LICENCES}", parts.len(), paths::shown(&out.join(BILL)));
    Ok(())
}

/// A crate's name and version.
type Id = (String, String);

/// A crate that something that ships is made of.
#[derive(Debug, Default)]
struct Part {
    /// The licence as an SPDX expression.
    licence: String,
    /// SHA-256 of the crate as the registry has it; our own have none.
    checksum: Option<String>,
    /// Where its source lies.
    folder: PathBuf,
    needs: BTreeSet<Id>,
}

/// Asks cargo what is compiled in; macros and build scripts run here and do not ship.
fn parts(product: &Product) -> Result<BTreeMap<Id, Part>> {
    let production = fs::read_to_string(paths::at("pkg-template/package.json"))?;
    let production: Value =
        serde_json::from_str(&production).context("pkg-template/package.json is no JSON")?;
    ensure!(
        production.get("dependencies").is_none(),
        "the package has npm dependencies now: they belong into its bill of materials"
    );
    let mut tree = shell::cargo("tree");
    tree.args(["--locked", "--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}"]);
    let tree = shell::read(tree.args(product.tree))?;
    let known = known()?;
    let mut parts: BTreeMap<Id, Part> = BTreeMap::new();
    let mut above: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let (depth, name, version) = (words.next(), words.next(), words.next());
        let depth: usize =
            depth.and_then(|depth| depth.parse().ok()).context("cargo tree printed no depth")?;
        let version =
            version.and_then(|version| version.strip_prefix('v')).context("cargo tree printed no version")?;
        let id = (name.context("cargo tree printed no name")?.to_owned(), version.to_owned());
        above.truncate(depth);
        if let Some(parent) = above.last() {
            parts.entry(parent.clone()).or_default().needs.insert(id.clone());
        }
        let part = parts.entry(id.clone()).or_default();
        let known = known.get(&id).with_context(|| format!("cargo knows nothing of {} {}", id.0, id.1))?;
        part.licence.clone_from(&known.licence);
        part.checksum.clone_from(&known.checksum);
        part.folder.clone_from(&known.folder);
        above.push(id);
    }
    Ok(parts)
}

/// Everything in the lock file.
fn known() -> Result<BTreeMap<Id, Part>> {
    let metadata = shell::read(shell::cargo("metadata").args(["--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let checksums = checksums(&fs::read_to_string(paths::at("Cargo.lock"))?);
    let clarified = clarified(&fs::read_to_string(paths::at("deny.toml"))?);
    let mut known = BTreeMap::new();
    for package in metadata["packages"].as_array().context("`cargo metadata` names no packages")? {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        let id = (text("name").unwrap_or_default(), text("version").unwrap_or_default());
        // The older way to write "or".
        let licence = text("license").map(|licence| licence.replace('/', " OR "));
        let manifest = PathBuf::from(text("manifest_path").unwrap_or_default());
        let part = Part {
            licence: licence.or_else(|| clarified.get(&id.0).cloned()).unwrap_or_default(),
            checksum: checksums.get(&id).cloned(),
            folder: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
            needs: BTreeSet::new(),
        };
        known.insert(id, part);
    }
    Ok(known)
}

/// The hashes in a lock file.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let blocks = lock.split("[[package]]").filter_map(|block| {
        Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    });
    blocks.collect()
}

/// The licences of crates that do not say theirs, as `cargo deny` is told them.
fn clarified(rules: &str) -> BTreeMap<String, String> {
    let blocks = rules.split("[[licenses.clarify]]").skip(1);
    blocks.filter_map(|block| Some((value(block, "crate")?, value(block, "expression")?))).collect()
}

/// The text that stands behind a key of a block of TOML.
fn value(block: &str, key: &str) -> Option<String> {
    let line = block.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))?;
    Some(line.trim().trim_matches('"').to_owned())
}

fn bill(product: &Product, parts: &BTreeMap<Id, Part>) -> Result<Value> {
    let root = (product.name.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    // The npm package and the crate it is built from have one name.
    let reference = |id: &Id| {
        let registry = if *id == root { product.registry } else { "cargo" };
        format!("pkg:{registry}/{}@{}", id.0, id.1)
    };
    let component = |id: &Id, kind: &str| -> Result<Value> {
        let part = parts.get(id).with_context(|| format!("{} is made of nothing", id.0))?;
        ensure!(!part.licence.is_empty(), "{} {} states no licence: clarify it in deny.toml", id.0, id.1);
        let hash = |checksum: &String| json!({ "alg": "SHA-256", "content": checksum });
        Ok(json!({
            "type": kind, "bom-ref": reference(id), "name": id.0, "version": id.1, "purl": reference(id),
            "licenses": [{ "expression": part.licence }],
            "hashes": part.checksum.iter().map(hash).collect::<Vec<_>>(),
        }))
    };
    let mut components: Vec<Value> =
        parts.keys().filter(|id| **id != root).map(|id| component(id, "library")).collect::<Result<_>>()?;
    let mut needs: Vec<Value> = parts
        .iter()
        .map(|(id, part)| json!({ "ref": reference(id), "dependsOn": part.needs.iter().map(reference).collect::<Vec<_>>() }))
        .collect();
    let standard = standard_library()?;
    needs.push(json!({ "ref": standard["bom-ref"], "dependsOn": [] }));
    components.push(standard);
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(&root, product.kind)? },
        "components": components,
        "dependencies": needs,
    }))
}

/// The part that no lock file names.
fn standard_library() -> Result<Value> {
    let version = Toolchain::ensure()?.version()?;
    Ok(json!({
        "type": "library", "bom-ref": format!("pkg:generic/rust-std@{version}"), "name": "rust-std", "version": version,
        "purl": format!("pkg:generic/rust-std@{version}"), "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }))
}

/// Holds a bill to the specification.
fn check(bill: &Value) -> Result<()> {
    let read =
        Bom::parse_from_json_v1_5(bill.to_string().as_bytes()).context("the bill is no CycloneDX 1.5")?;
    let result = read.validate_version(SpecVersion::V1_5);
    ensure!(result.passed(), "the bill breaks CycloneDX 1.5: {result:?}");
    Ok(())
}

/// Every part with its licence, then every text once, with those it belongs to.
fn licences(product: &Product, parts: &BTreeMap<Id, Part>) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    // Our own licences lie beside this file.
    for (id, part) in parts.iter().filter(|(_, part)| part.checksum.is_some()) {
        list.push_str(&format!("{} {}: {}\n", id.0, id.1, part.licence));
        for text in texts_in(&part.folder)? {
            texts.entry(text).or_default().push(format!("{} {}", id.0, id.1));
        }
    }
    list.push_str("the standard library of Rust: MIT OR Apache-2.0\n");
    let apache = fs::read_to_string(paths::at("LICENSE-APACHE"))?.trim().to_owned();
    texts.entry(apache).or_default().push("the standard library of Rust".into());
    let mut blocks: Vec<(Vec<String>, String)> = texts.into_iter().map(|(text, of)| (of, text)).collect();
    blocks.sort();
    let rule = "-".repeat(80);
    let blocks: String =
        blocks.iter().map(|(of, text)| format!("\n{rule}\n{}\n{rule}\n{text}\n", of.join(", "))).collect();
    Ok(format!("What is compiled into {}, each under a licence of its own.\n\n{list}{blocks}", product.name))
}

/// The licence texts that a crate brings along.
fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| paths::shown(folder))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let is_licence = |file: &PathBuf| {
        let name = file.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
        let known = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"];
        file.is_file() && known.iter().any(|known| name.starts_with(known))
    };
    let read = |file: PathBuf| {
        let bytes = fs::read(&file).with_context(|| paths::shown(&file))?;
        Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim().to_owned())
    };
    files.into_iter().filter(is_licence).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_and_the_rules_of_licences_are_read() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        assert_eq!(checksums(lock), BTreeMap::from([(("a".into(), "1.0.0".into()), "00ff".into())]));
        let rules =
            "allow = []\n[[licenses.clarify]]\ncrate = \"a\"\nexpression = \"MIT\"\nlicense-files = []\n";
        assert_eq!(clarified(rules), BTreeMap::from([("a".into(), "MIT".into())]));
    }

    #[test]
    fn a_bill_that_breaks_the_specification_is_refused() {
        let with = |licence: &str| {
            json!({
                "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
                "components": [{ "type": "library", "name": "a", "version": "1.0.0", "licenses": [{ "expression": licence }] }],
            })
        };
        check(&with("MIT OR Apache-2.0")).unwrap();
        assert!(check(&with("whatever you like")).is_err());
        assert!(check(&json!({ "bomFormat": "CycloneDX" })).is_err());
    }
}
