//! `keepset audit`: what it says when there is nothing to audit, or nothing to audit it with.
//!
//! What it finds in the real package, and in packages with a planted flaw, is tested in `tests/package/audit.test.mjs`.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

fn audit(package: &str, path: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepset"));
    command.args(["audit", "--quick", "--package", package]);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// A folder that looks like the package, with this in the place of the module.
fn package(name: &str, module: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("dist")).unwrap();
    for file in ["package.json", "dist/integrity.json", "dist/report.cjs", "dist/node.cjs"] {
        fs::write(folder.join(file), "{}").unwrap();
    }
    fs::write(folder.join("dist/report.wasm"), module).unwrap();
    folder
}

#[test]
fn a_folder_that_is_not_the_package_is_named_with_what_it_lacks() {
    assert!(audit("no/such/folder", None).contains("no/such/folder is no folder"));
    let here = env!("CARGO_MANIFEST_DIR");
    assert!(audit(here, None).contains("is not the npm package: it holds no package.json"));
}

#[test]
fn a_module_that_is_none_is_named() {
    let folder = package("no-module", b"<html>");
    assert!(audit(folder.to_str().unwrap(), None).contains("dist/report.wasm is no WebAssembly module"));
    // The magic number and nothing that Node could compile.
    let folder = package("broken-module", b"\0asm\x01\0\0\0\xff\xff");
    let said = audit(folder.to_str().unwrap(), None);
    assert!(said.contains("the package could not be used: "), "{said}");
}

#[test]
fn without_node_it_says_what_to_install() {
    let folder = package("no-node", b"\0asm\x01\0\0\0");
    let said = audit(folder.to_str().unwrap(), Some("/nowhere"));
    assert!(said.contains("Node could not be started") && said.contains("20.19 or newer"), "{said}");
}
