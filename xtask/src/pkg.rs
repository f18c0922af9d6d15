//! `pkg`: Rust to three wasm modules, each to its JavaScript glue, all to the npm package in `target/pkg/keepset`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::toolchain::{TARGET, Toolchain};
use crate::{js, paths, sbom, setup, shell};

/// The floor of the browsers the package promises: every browser since 2021 has these, and anything beyond them is refused.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The module that every page loads.
pub(crate) const CORE: &str = "core";
/// The modules of the package, each named as the feature of the root crate that it is built from.
const MODULES: [&str; 3] = [CORE, "report", "study"];

/// Builds the package and returns its folder.
pub(crate) fn run() -> Result<PathBuf> {
    shell::step("pkg: building the npm package into target/pkg/keepset");
    let toolchain = Toolchain::ensure()?;
    setup::js_tools()?;
    shell::alone("pkg", || {
        let modules = paths::at("target/pkg-build");
        shell::empty_folder(&modules)?;
        for name in MODULES {
            build(&toolchain, name, &modules)?;
        }
        assemble(&modules)
    })
}

/// Builds `name.js`, `name.wasm` and `name.d.ts` into `out`.
fn build(toolchain: &Toolchain, name: &str, out: &Path) -> Result<()> {
    bind(&compile(toolchain, name)?, name, out)?;
    optimise(name, out)
}

/// Compiles a module; the next one takes its place.
fn compile(toolchain: &Toolchain, name: &str) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo_for_size("rustc")?;
    // The manifest says `rlib` only: a `cdylib` there would drop link-time optimisation.
    cargo.args(["--package", "keepset", "--lib", "--crate-type", "cdylib", "--profile", "wasm", "--locked"]);
    cargo.args(["--no-default-features", "--features", name]);
    shell::run(&mut cargo)?;
    Ok(paths::wasm_target().join(TARGET).join("wasm/keepset.wasm"))
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
    let bound = out.join(format!("{name}_bg.wasm"));
    let small = out.join(format!("{name}.wasm"));
    let mut opt = smallest()?;
    opt.args(["--strip-debug", "--strip-producers", "--strip-target-features", "-o"]).arg(&small).arg(&bound);
    shell::run(&mut opt)?;
    std::fs::rename(&bound, bound_with_names(name))?;
    std::fs::remove_file(out.join(format!("{name}_bg.wasm.d.ts")))?;
    let bytes = std::fs::read(&small)?;
    println!("    {name}.wasm: {} bytes, sha256 {}", bytes.len(), js::hex(&bytes));
    Ok(())
}

/// A module that ships, its functions still named; [`run`] comes first.
pub(crate) fn named(name: &str) -> Result<Vec<u8>> {
    let named = paths::at(&format!("target/{name}.named.wasm"));
    let mut opt = smallest()?;
    opt.arg("-g").arg("-o").arg(&named).arg(bound_with_names(name));
    shell::run(&mut opt)?;
    std::fs::read(&named).with_context(|| paths::shown(&named))
}

fn bound_with_names(name: &str) -> PathBuf {
    paths::at(&format!("target/{name}.bound.wasm"))
}

/// `wasm-opt` with everything on that makes a module smaller.
fn smallest() -> Result<Command> {
    let mut opt = js::tool("wasm-opt")?;
    opt.args(["-Oz", "--converge", "--mvp-features"]).args(WASM_FEATURES);
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
    let mut node = shell::command("node");
    node.current_dir(paths::at("pkg-template"))
        .arg("build.mjs")
        .arg("--modules")
        .arg(modules)
        .arg("--out")
        .arg(&out);
    shell::run(&mut node)?;
    ensure!(out.join("package.json").is_file(), "{} holds no package.json", paths::shown(&out));
    sbom::of_package(&out)?;
    println!("    {} is ready for `npm pack`", paths::shown(&out));
    Ok(out)
}
