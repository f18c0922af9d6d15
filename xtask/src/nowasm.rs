//! The modules for where WebAssembly is forbidden: the same compiled code, bound without reference types and written as JavaScript by `wasm2js`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::pkg::{WASM_FEATURES, bound, smallest};
use crate::{paths, shell};

/// What `wasm2js` has no words for, or says at length: tables of objects, and functions with several results.
const LEFT_OUT: [&str; 2] = ["reference-types", "multivalue"];

/// What is put in the place of younger instructions, which `wasm2js` cannot write.
const LOWERED: [&str; 3] =
    ["--signext-lowering", "--llvm-memory-copy-fill-lowering", "--llvm-nontrapping-fptoint-lowering"];

/// Builds `name-nowasm.js`, the glue, and `name-nowasm.wasm`, what `wasm2js` is to write, of a compiled module into `out`.
pub(crate) fn build(compiled: &Path, name: &str, out: &Path) -> Result<()> {
    let features = WASM_FEATURES.into_iter().filter(|feature| !LEFT_OUT.contains(feature));
    let mut opt = smallest(name, features)?;
    let name = format!("{name}-nowasm");
    bind(compiled, &name, out)?;
    let bound = bound(&name, out);
    opt.args(LOWERED).args(["--strip-debug", "--strip-producers", "--strip-target-features", "-o"]);
    shell::run(opt.arg(out.join(format!("{name}.wasm"))).arg(&bound))?;
    std::fs::remove_file(&bound).with_context(|| paths::shown(&bound))
}

fn bind(compiled: &Path, name: &str, out: &Path) -> Result<()> {
    println!("    wasm-bindgen {} without {}", paths::shown(compiled), LEFT_OUT.join(" and "));
    let mut module = std::fs::read(compiled)?;
    for feature in LEFT_OUT {
        deny(&mut module, feature)?;
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes(name, module).out_name(name).web(true)?;
    bindgen.omit_default_module_path(true).typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(out).context("wasm-bindgen could not read the compiled module")
}

/// Turns the sign before a feature in a module's custom section `target_features`, from "used" to "not to be used".
fn deny(module: &mut [u8], feature: &str) -> Result<()> {
    let length = u8::try_from(feature.len()).context("a feature's name is short")?;
    let used = [&[b'+', length], feature.as_bytes()].concat();
    let found: Vec<usize> = module
        .windows(used.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == used)
        .map(|(at, _)| at)
        .collect();
    ensure!(found.len() == 1, "the module says {} times that it uses {feature}", found.len());
    module[found[0]] = b'-';
    Ok(())
}
