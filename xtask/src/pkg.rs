//! `pkg`: Rust to eight wasm modules, each to its JavaScript glue and to JavaScript as well, all to the npm package in `target/pkg/keepset`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::toolchain::{TARGET, Toolchain};
use crate::{js, nowasm, order, paths, sbom, setup, shell};

/// The floor of the browsers the package promises: every browser since 2021 has these, and anything beyond them is refused.
pub(crate) const WASM_FEATURES: [&str; 6] = [
    "bulk-memory",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// The module that every page loads whose pack names usual kinds of features alone.
pub(crate) const CORE: &str = "core";
/// The one in its place for every other pack.
const CORE_FULL: &str = "core-full";
/// What a page loads, and in the place of what: here every byte is worth a while of the optimiser's.
const WEIGHED: [&str; 3] = [CORE, CORE_FULL, "report"];
/// The modules of the package, each named as the feature of the root crate that it is built from.
const MODULES: [&str; 8] = [CORE, CORE_FULL, "report", "study", "sentiment", "choose", "adapt", "restore"];

/// The package as it was built last; it is built when there is none.
pub(crate) fn there() -> Result<PathBuf> {
    let package = paths::at("target/pkg/keepset");
    if package.join("package.json").is_file() { Ok(package) } else { run() }
}

/// Builds the package and returns its folder.
pub(crate) fn run() -> Result<PathBuf> {
    shell::step("pkg: building the npm package into target/pkg/keepset");
    let toolchain = Toolchain::ensure()?;
    setup::js_tools()?;
    shell::alone("pkg", || {
        let modules = paths::at("target/pkg-build");
        shell::empty_folder(&modules)?;
        let here = Origin { folder: paths::root(), target: &paths::wasm_target() };
        for name in MODULES {
            let compiled = build(&toolchain, &here, name, &modules)?;
            match name {
                CORE => {}
                // As JavaScript there is one core, for every pack.
                CORE_FULL => nowasm::build(&compiled, CORE, &modules)?,
                _ => nowasm::build(&compiled, name, &modules)?,
            }
            fs::rename(bound(name, &modules), bound_with_names(name))?;
        }
        assemble(&modules)
    })
}

/// The source a module is built from.
pub(crate) struct Origin<'a> {
    /// The workspace.
    pub(crate) folder: &'a Path,
    /// Where cargo builds it. A copy of the workspace has a folder of its own: cargo tells two workspaces apart by nothing in them, and
    /// would take what was built of one for the other's.
    pub(crate) target: &'a Path,
}

/// Builds `name.js`, `name.wasm` and `name.d.ts` into `out`, and the module as it was before it was made small; returns what the
/// compiler wrote.
fn build(toolchain: &Toolchain, origin: &Origin<'_>, name: &str, out: &Path) -> Result<PathBuf> {
    let compiled = compile(toolchain, origin, name)?;
    bind(&compiled, name, out)?;
    optimise(name, out)?;
    Ok(compiled)
}

/// The same, left as large as it is.
pub(crate) fn build_large(toolchain: &Toolchain, origin: &Origin<'_>, name: &str, out: &Path) -> Result<()> {
    bind(&compile(toolchain, origin, name)?, name, out)?;
    fs::rename(bound(name, out), out.join(format!("{name}.wasm"))).with_context(|| paths::shown(out))
}

/// Compiles a module; the next one takes its place.
fn compile(toolchain: &Toolchain, origin: &Origin<'_>, name: &str) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo_for_size("rustc", origin.target)?;
    cargo.current_dir(origin.folder);
    // The manifest says `rlib` only: a `cdylib` there would drop link-time optimisation.
    cargo.args(["--package", "keepset", "--lib", "--crate-type", "cdylib", "--profile", "wasm", "--locked"]);
    cargo.args(["--no-default-features", "--features", name]);
    // Loops that count an address beside a place, and values computed on one path for the sake of another, are larger and no faster here.
    cargo.args(["--", "-Cllvm-args=-disable-lsr -enable-pre=false"]);
    shell::run(&mut cargo)?;
    Ok(origin.target.join(TARGET).join("wasm/keepset.wasm"))
}

fn bind(module: &Path, name: &str, out: &Path) -> Result<()> {
    println!("    wasm-bindgen {}", paths::shown(module));
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).web(true)?;
    bindgen.omit_default_module_path(true).typescript(true);
    // The names are for `size`; nothing of them ships.
    bindgen.remove_name_section(false).remove_producers_section(true);
    bindgen.generate(out).context("wasm-bindgen could not read the compiled module")
}

fn optimise(name: &str, out: &Path) -> Result<()> {
    let bound = bound(name, out);
    let small = out.join(format!("{name}.wasm"));
    let mut opt = smallest(name, WASM_FEATURES)?;
    // How a load or a store is aligned is a hint that no engine heeds; without it more of them read alike.
    opt.args(["--dealign", "--strip-debug", "--strip-producers", "--strip-target-features", "-o"]);
    opt.arg(&small).arg(&bound);
    shell::run(&mut opt)?;
    fs::remove_file(out.join(format!("{name}_bg.wasm.d.ts")))?;
    let mut bytes = fs::read(&small)?;
    if [CORE, CORE_FULL].contains(&name) {
        bytes = order::by_likeness(&bytes)?;
        fs::write(&small, &bytes)?;
    }
    println!("    {name}.wasm: {} bytes, sha256 {}", bytes.len(), js::hex(&bytes));
    Ok(())
}

/// The module as wasm-bindgen writes it.
pub(crate) fn bound(name: &str, out: &Path) -> PathBuf {
    out.join(format!("{name}_bg.wasm"))
}

/// A module that ships, its functions still named; [`run`] comes first.
pub(crate) fn named(name: &str) -> Result<Vec<u8>> {
    let named = paths::at(&format!("target/{name}.named.wasm"));
    let mut opt = smallest(name, WASM_FEATURES)?;
    opt.arg("-g").arg("-o").arg(&named).arg(bound_with_names(name));
    shell::run(&mut opt)?;
    fs::read(&named).with_context(|| paths::shown(&named))
}

fn bound_with_names(name: &str) -> PathBuf {
    paths::at(&format!("target/{name}.bound.wasm"))
}

/// `wasm-opt` with what makes a module small, for a module with these features and no others.
pub(crate) fn smallest<'a>(module: &str, features: impl IntoIterator<Item = &'a str>) -> Result<Command> {
    let mut opt = js::tool("wasm-opt")?;
    if WEIGHED.contains(&module) {
        // Taken apart first, and put together until nothing more is gained: up to a hundredth less, in five times the time.
        opt.args(["--flatten", "--rereloop", "-Oz", "--converge"]);
    }
    opt.arg("-Oz");
    // A function that is called once stays one unless it is small, and a value is worked out again rather than kept: both read alike in
    // more places, which compresses better.
    opt.args([
        "--skip-pass=local-cse",
        "--one-caller-inline-max-function-size=30",
        "--always-inline-max-function-size=4",
    ]);
    // The lowest kilobyte is the far end of the stack, where no address is added to.
    opt.args(["--low-memory-unused", "--mvp-features"]);
    opt.args(features.into_iter().map(|feature| format!("--enable-{feature}")));
    Ok(opt)
}

/// Lets the package's own build script put the package together.
fn assemble(modules: &Path) -> Result<PathBuf> {
    let out = paths::at("target/pkg/keepset");
    ensure!(
        paths::at("pkg-template/build.mjs").is_file(),
        "pkg-template/build.mjs is missing: it puts the package together"
    );
    shell::empty_folder(&out)?;
    shell::run(&mut build_script(modules, &out))?;
    ensure!(out.join("package.json").is_file(), "{} holds no package.json", paths::shown(&out));
    sbom::of_package(&out)?;
    println!("    {} is ready for `npm pack`", paths::shown(&out));
    Ok(out)
}

/// The package's own build script, from the modules in one folder to the package in another.
pub(crate) fn build_script(modules: &Path, out: &Path) -> Command {
    let mut node = shell::command("node");
    node.current_dir(paths::at("pkg-template")).arg("build.mjs");
    node.arg("--modules").arg(modules).arg("--out").arg(out);
    node
}
