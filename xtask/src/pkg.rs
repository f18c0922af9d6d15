//! `pkg`: Rust to wasm, wasm to its JavaScript glue, both to the npm package in `target/pkg/keepset`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::toolchain::{TARGET, Toolchain};
use crate::{js, paths, setup, shell};

/// The floor of the browsers the package promises: every browser since 2021 has these, and anything beyond them is refused.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds the package and returns its folder.
pub(crate) fn run() -> Result<PathBuf> {
    shell::step("pkg: building the npm package into target/pkg/keepset");
    let toolchain = Toolchain::ensure()?;
    setup::js_tools()?;
    shell::alone("pkg", || {
        let core = paths::at("target/pkg-build");
        build_core(&toolchain, &core)?;
        assemble(&core)
    })
}

/// Builds `core.js`, `core.wasm` and `core.d.ts` into `out`.
fn build_core(toolchain: &Toolchain, out: &Path) -> Result<()> {
    let module = compile(toolchain)?;
    shell::empty_folder(out)?;
    bind(&module, out)?;
    optimise(out)
}

fn compile(toolchain: &Toolchain) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo_for_size("rustc")?;
    // The manifest says `rlib` only: a `cdylib` there would drop link-time optimisation.
    cargo.args(["--package", "keepset", "--lib", "--crate-type", "cdylib", "--profile", "wasm", "--locked"]);
    shell::run(&mut cargo)?;
    Ok(paths::wasm_target().join(TARGET).join("wasm/keepset.wasm"))
}

fn bind(module: &Path, out: &Path) -> Result<()> {
    println!("    wasm-bindgen {}", paths::shown(module));
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("core").web(true)?;
    bindgen.omit_default_module_path(true).typescript(true);
    // The names are for `size`; nothing of them ships.
    bindgen.remove_name_section(false).remove_producers_section(true);
    bindgen.generate(out).context("wasm-bindgen could not read the compiled module")
}

fn optimise(out: &Path) -> Result<()> {
    let bound = out.join("core_bg.wasm");
    let small = out.join("core.wasm");
    let mut opt = smallest()?;
    opt.args(["--strip-debug", "--strip-producers", "--strip-target-features", "-o"]).arg(&small).arg(&bound);
    shell::run(&mut opt)?;
    std::fs::rename(&bound, bound_with_names())?;
    std::fs::remove_file(out.join("core_bg.wasm.d.ts"))?;
    let bytes = std::fs::read(&small)?;
    println!("    core.wasm: {} bytes, sha256 {}", bytes.len(), js::hex(&bytes));
    Ok(())
}

/// The module that ships, its functions still named; [`run`] comes first.
pub(crate) fn named() -> Result<Vec<u8>> {
    let named = paths::at("target/core.named.wasm");
    let mut opt = smallest()?;
    opt.arg("-g").arg("-o").arg(&named).arg(bound_with_names());
    shell::run(&mut opt)?;
    std::fs::read(&named).with_context(|| paths::shown(&named))
}

fn bound_with_names() -> PathBuf {
    paths::at("target/core.bound.wasm")
}

/// `wasm-opt` with everything on that makes a module smaller.
fn smallest() -> Result<Command> {
    let mut opt = js::tool("wasm-opt")?;
    opt.args(["-Oz", "--converge", "--mvp-features"]).args(WASM_FEATURES);
    Ok(opt)
}

/// Lets the package's own build script put the package together.
fn assemble(core: &Path) -> Result<PathBuf> {
    let out = paths::at("target/pkg/keepset");
    ensure!(
        paths::at("pkg-template/build.mjs").is_file(),
        "pkg-template/build.mjs is missing: it puts the package together"
    );
    shell::empty_folder(&out)?;
    let mut node = shell::command("node");
    node.current_dir(paths::at("pkg-template"))
        .arg("build.mjs")
        .arg("--core")
        .arg(core)
        .arg("--out")
        .arg(&out);
    shell::run(&mut node)?;
    ensure!(out.join("package.json").is_file(), "{} holds no package.json", paths::shown(&out));
    println!("    {} is ready for `npm pack`", paths::shown(&out));
    Ok(out)
}
