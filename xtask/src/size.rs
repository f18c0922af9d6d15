//! `size`: what a page loads, in bytes: raw, gzip and brotli, against the promise of 60 kB a page and 4 kB an add-on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::{blame, markers, paths, pkg, shell};

/// What a page may load, wasm and JavaScript together, in bytes of gzip.
const BUDGET: usize = 59_300;
/// The same where the pack needs every kind of feature.
const FULL_BUDGET: usize = 68_000;
/// What an add-on may weigh, in bytes of gzip.
const ADDON_BUDGET: usize = 4000;
/// What a page loads in the place of WebAssembly, to the report that leaves, in bytes of gzip.
const NOWASM_BUDGET: usize = 180 * 1000;
/// The engine as JavaScript: the only entry that is no add-on.
const NOWASM: &str = "nowasm.js";
const ENTRY: &str = "index.js";
const WASM: &str = "core.wasm";
/// In its place for a pack that needs every kind of feature.
const FULL: &str = "core-full.wasm";
const PAGE: &str = "docs/size.md";

/// Who loads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loaded {
    Always,
    ForMore,
    ForReports,
    WhenAsked,
    AsAddOn,
    WithoutWasm,
    Elsewhere,
}

impl Loaded {
    /// Each of the two parts that a page loads later is a module and its glue.
    fn later(name: &str) -> Self {
        match name {
            FULL => Self::ForMore,
            "report.js" | "report.wasm" => Self::ForReports,
            "study.js" | "study.wasm" => Self::WhenAsked,
            NOWASM | "nowasm-report.js" => Self::WithoutWasm,
            _ => Self::Elsewhere,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Always => "every page",
            Self::ForMore => "in the place of `core.wasm`, a page whose pack needs it",
            Self::ForReports => "a page with a report due",
            Self::WhenAsked => "a page that asks why",
            Self::AsAddOn => "a page that imports it",
            Self::WithoutWasm => "a page without WebAssembly",
            Self::Elsewhere => "some",
        }
    }
}

/// One file of the package.
#[derive(Debug, Clone)]
struct Size {
    name: String,
    loaded: Loaded,
    raw: usize,
    gzip: usize,
    /// Not measured of what only some load: it takes most of the time here.
    brotli: Option<usize>,
}

/// Builds the package, prints its sizes and holds them to the budget.
pub(crate) fn run(write: bool) -> Result<()> {
    let package = pkg::run()?;
    shell::step("size: what a page loads");
    let sizes = measure(&package.join("dist"), &add_ons(&package.join("package.json"))?)?;
    let table = table(&sizes);
    println!("{table}");
    let blame = blame::table(&pkg::named(pkg::CORE)?)?;
    println!("{blame}");
    if write {
        markers::write(&paths::at(PAGE), "size", &table)?;
        markers::write(&paths::at(PAGE), "blame", &blame)?;
        println!("    wrote the tables in {PAGE}");
    }
    let total = total(&sizes, Loaded::Always).gzip;
    ensure!(total <= BUDGET, "a page loads {total} bytes of gzip, which is over the budget of {BUDGET}");
    let total = full(&sizes).gzip;
    ensure!(
        total <= FULL_BUDGET,
        "a page whose pack needs {FULL} loads {total} bytes of gzip, which is over the budget of {FULL_BUDGET}"
    );
    let total = self::total(&sizes, Loaded::WithoutWasm).gzip;
    ensure!(
        (1..=NOWASM_BUDGET).contains(&total),
        "without WebAssembly a page loads {total} bytes of gzip in its place, which is over the budget of {NOWASM_BUDGET}"
    );
    within_add_on_budget(&sizes)
}

fn within_add_on_budget(sizes: &[Size]) -> Result<()> {
    let add_ons = || sizes.iter().filter(|size| size.loaded == Loaded::AsAddOn);
    ensure!(add_ons().next().is_some(), "the manifest of the package names no add-on");
    let heavy = add_ons().find(|size| size.gzip > ADDON_BUDGET);
    heavy.map_or(Ok(()), |Size { name, gzip, .. }| {
        bail!("{name} is {gzip} bytes of gzip, which is over the budget of {ADDON_BUDGET} of an add-on")
    })
}

/// The modules that a page imports by a name of their own, `keepset/capture`, out of the exports map; one is an engine.
fn add_ons(manifest: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read(manifest).with_context(|| format!("{} is missing", paths::shown(manifest)))?;
    let manifest: Value = serde_json::from_slice(&text)?;
    let entries = manifest["exports"].as_object().context("the manifest has no exports map")?;
    let named = entries.iter().filter(|(name, _)| *name != "." && *name != "./nowasm");
    let files = named.filter_map(|(_, entry)| entry["import"]["default"].as_str()?.strip_prefix("./dist/"));
    Ok(files.map(str::to_owned).collect())
}

fn measure(dist: &Path, add_ons: &BTreeSet<String>) -> Result<Vec<Size>> {
    let eager = loaded_by_every_page(dist)?;
    let mut sizes = Vec::new();
    for entry in std::fs::read_dir(dist).with_context(|| format!("{} is missing", paths::shown(dist)))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && (name.ends_with(".js") || name.ends_with(".cjs") || name.ends_with(".wasm")) {
            let bytes = std::fs::read(&path)?;
            let loaded = match name.as_str() {
                name if eager.contains(name) => Loaded::Always,
                name if add_ons.contains(name) => Loaded::AsAddOn,
                name => Loaded::later(name),
            };
            let brotli = (loaded != Loaded::Elsewhere).then(|| brotli(&bytes)).transpose()?;
            sizes.push(Size { name, loaded, raw: bytes.len(), gzip: gzip(&bytes)?, brotli });
        }
    }
    sizes.sort_by(|a, b| a.loaded.cmp(&b.loaded).then(b.gzip.cmp(&a.gzip)).then(a.name.cmp(&b.name)));
    Ok(sizes)
}

/// The wasm file, the entry and everything the entry imports before it runs.
fn loaded_by_every_page(dist: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = vec![ENTRY.to_owned()];
    while let Some(name) = open.pop() {
        let path = dist.join(&name);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("{} is missing", paths::shown(&path)))?;
        open.extend(static_imports(&text).into_iter().filter(|next| !found.contains(next)));
        found.insert(name);
    }
    ensure!(dist.join(WASM).is_file(), "{} is missing", paths::shown(&dist.join(WASM)));
    found.insert(WASM.to_owned());
    Ok(found)
}

/// The files beside it that a module names in `import "./x"` and `from "./x"`; what `import()` names is loaded later, if at all.
fn static_imports(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for keyword in ["from", "import"] {
        for (at, _) in text.match_indices(keyword) {
            let rest = text[at + keyword.len()..].trim_start();
            let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
                continue;
            };
            let specifier = rest[1..].split(quote).next().unwrap_or_default();
            names.extend(specifier.strip_prefix("./").map(str::to_owned));
        }
    }
    names
}

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

fn brotli(bytes: &[u8]) -> Result<usize> {
    let mut out = Vec::new();
    let quality = 11;
    let window = 22;
    brotli::CompressorWriter::new(&mut out, 4096, quality, window).write_all(bytes)?;
    Ok(out.len())
}

fn total(sizes: &[Size], loaded: Loaded) -> Size {
    let empty = Size { name: String::new(), loaded, raw: 0, gzip: 0, brotli: Some(0) };
    sizes.iter().filter(|size| size.loaded == loaded).fold(empty, |sum, size| Size {
        raw: sum.raw + size.raw,
        gzip: sum.gzip + size.gzip,
        brotli: sum.brotli.zip(size.brotli).map(|(sum, size)| sum + size),
        ..sum
    })
}

/// What a page loads whose pack needs every kind of feature.
fn full(sizes: &[Size]) -> Size {
    let with = |size: &&Size| size.name != WASM;
    let loaded = sizes.iter().filter(with).cloned().map(|size| match size.loaded {
        Loaded::ForMore => Size { loaded: Loaded::Always, ..size },
        _ => size,
    });
    total(&loaded.collect::<Vec<_>>(), Loaded::Always)
}

fn table(sizes: &[Size]) -> String {
    let mut table =
        String::from("| file | loaded by | raw | gzip 9 | brotli 11 |\n| --- | --- | ---: | ---: | ---: |\n");
    for size in sizes {
        push_row(&mut table, &format!("`{}`", size.name), size.loaded.words(), size);
    }
    push_row(&mut table, "**what a page loads**", &format!("budget {BUDGET}"), &total(sizes, Loaded::Always));
    push_row(&mut table, "the same with `core-full.wasm`", &format!("budget {FULL_BUDGET}"), &full(sizes));
    for (name, loaded) in
        [("on top for a report", Loaded::ForReports), ("on top to ask why", Loaded::WhenAsked)]
    {
        push_row(&mut table, name, "", &total(sizes, loaded));
    }
    let budget = format!("budget {NOWASM_BUDGET}");
    push_row(&mut table, "in the place of wasm, with a report", &budget, &total(sizes, Loaded::WithoutWasm));
    table
}

fn push_row(table: &mut String, name: &str, loaded: &str, size: &Size) {
    let brotli = size.brotli.map_or_else(String::new, |bytes| bytes.to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(table, "| {name} | {loaded} | {} | {} | {brotli} |", size.raw, size.gzip);
}

#[cfg(test)]
mod tests {
    use super::{Loaded, Size, static_imports, within_add_on_budget};

    #[test]
    fn an_add_on_over_its_budget_is_named() {
        let size =
            |name: &str, loaded, gzip| Size { name: name.to_owned(), loaded, raw: 0, gzip, brotli: None };
        let sizes = [size("a.js", Loaded::AsAddOn, 4000), size("index.js", Loaded::Always, 9000)];
        within_add_on_budget(&sizes).unwrap();
        let error = within_add_on_budget(&[size("b.js", Loaded::AsAddOn, 4001)]).unwrap_err().to_string();
        assert!(error.starts_with("b.js is 4001 bytes"), "{error}");
        within_add_on_budget(&sizes[1..]).unwrap_err();
    }

    #[test]
    fn only_what_a_module_imports_before_it_runs_is_loaded_by_every_page() {
        let text = "import{a}from\"./a.js\";import './b.js';export * from './c.js';const d=()=>import(\"./d.js\");import x from 'npm';";
        assert_eq!(static_imports(text), ["a.js", "c.js", "b.js"]);
    }
}
