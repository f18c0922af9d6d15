//! `planted`: the package with one flaw each, for the tests of the audit: an audit that finds nothing there is worth nothing.
//!
//! The flaws are not in the source and no switch brings them in: they are changes to a copy of it, made here, built in
//! `target/planted` and named so that npm refuses to publish them. `pkg` knows nothing of any of this.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::pkg::{self, Origin};
use crate::toolchain::{TARGET, Toolchain};
use crate::{copy, paths, shell};

/// The one module that is audited.
const MODULE: &str = "report";

/// What cargo needs to see of the workspace.
const RUST: [&str; 4] = ["Cargo.lock", "*Cargo.toml", "*.rs", "*.ksl"];

/// A mistake someone could make in the source.
struct Flaw {
    name: &'static str,
    changes: &'static [Change],
}

/// A place in the source and what stands there instead.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const GATE: &str = "crates/engine/src/gate.rs";
const COINS: &str = "crates/privacy/src/coins.rs";

const FLAWS: [Flaw; 6] = [
    // Every answer is drawn with a tenth more epsilon than the plan says.
    Flaw {
        name: "epsilon",
        changes: &[Change {
            file: "crates/privacy/src/mechanism/exponential.rs",
            from: "let micro = u128::from(epsilon.micro());",
            to: "let micro = u128::from(epsilon.micro()) * 11 / 10;",
        }],
    },
    // The cells of others are taken in their order, so the answer's place tells which are one's own: the bitmap's form of a
    // subset that is sent unsorted.
    Flaw {
        name: "unsorted",
        changes: &[Change {
            file: "crates/privacy/src/mechanism/set_select/mod.rs",
            from: "coins.shuffle(&mut other_order)?;",
            to: "",
        }],
    },
    // The generator is asked, and what it gives is not used.
    Flaw {
        name: "constant",
        changes: &[
            Change {
                file: COINS,
                from: "fill_bytes(bytes).map_err(|_| NoEntropy)",
                to: "fill_bytes(bytes).map(|()| bytes.fill(7)).map_err(|_| NoEntropy)",
            },
            Change {
                file: COINS,
                from: "sample_uniform_uint_below::<u128, 16>(upper).map_err(|_| NoEntropy)",
                to: "sample_uniform_uint_below::<u128, 16>(upper).map(|_| upper / 3).map_err(|_| NoEntropy)",
            },
        ],
    },
    // A device in no segment has nothing to say and says so by its silence.
    Flaw {
        name: "silent",
        changes: &[Change {
            file: GATE,
            from: "        let charge = self.ledger.charge(plan, now)?;\n",
            to: "        if matches!(truth, Truth::Cells(cells) if cells.is_empty()) {\n            return Err(Withheld::NotDue);\n        }\n        \
                 let charge = self.ledger.charge(plan, now)?;\n",
        }],
    },
    // A device in no segment leaves out the end of its report.
    Flaw {
        name: "shorter",
        changes: &[Change {
            file: GATE,
            from: "        let bytes = report.encode(plan).map_err(|_| Withheld::Mechanism)?;\n",
            to: "        let mut bytes = report.encode(plan).map_err(|_| Withheld::Mechanism)?;\n        \
                 if matches!(truth, Truth::Cells(cells) if cells.is_empty()) {\n            bytes.pop();\n        }\n",
        }],
    },
    // The charge is made in a copy of the ledger: whoever asks again in the same window gets another draw.
    Flaw {
        name: "redrawn",
        changes: &[Change {
            file: GATE,
            from: "self.ledger.charge(plan, now)?;",
            to: "self.ledger.clone().charge(plan, now)?;",
        }],
    },
];

/// Builds every flawed package beside the sound one in `package`, and returns the folder they are in.
pub(crate) fn run(package: &Path) -> Result<PathBuf> {
    shell::step("planted: packages with one flaw each into target/planted, for the tests of the audit");
    let toolchain = Toolchain::ensure()?;
    shell::alone("pkg", || {
        let out = paths::at("target/planted");
        let source = out.join("source");
        let target = out.join("build");
        if !target.exists() {
            lend(&paths::wasm_target(), &target)?;
        }
        for flaw in &FLAWS {
            copy::source(&source, &RUST)?;
            for to_make in flaw.changes {
                change(&source, to_make)
                    .with_context(|| format!("the flaw {:?} cannot be planted", flaw.name))?;
            }
            let modules = out.join("modules");
            shell::empty_folder(&modules)?;
            pkg::build_large(&toolchain, &Origin { folder: &source, target: &target }, MODULE, &modules)?;
            pack(package, &modules, &out.join(flaw.name), flaw.name)?;
        }
        Ok(out)
    })
}

/// Puts beside the copy what was built for the package of others' crates and the standard library, which it has in common with it, and
/// nothing of ours. Where nothing was built, or it was removed since, cargo builds it here.
fn lend(built: &Path, target: &Path) -> Result<()> {
    let part = target.with_extension("part");
    shell::empty_folder(&part)?;
    for folder in [Path::new("wasm"), &Path::new(TARGET).join("wasm")] {
        let (from, to) = (built.join(folder), part.join(folder));
        if from.is_dir() {
            fs::create_dir_all(&to)?;
            // With their dates: by those cargo tells what is up to date.
            shell::run(shell::command("cp").arg("-a").arg(from.join(".")).arg(&to))?;
            remove_ours(&to)?;
        }
    }
    fs::rename(&part, target).with_context(|| paths::shown(target))
}

/// Removes whatever is named after one of our crates.
fn remove_ours(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| paths::shown(folder))? {
        let entry = entry?;
        let (path, is_folder) = (entry.path(), entry.file_type()?.is_dir());
        match (entry.file_name().to_string_lossy().contains("keepset"), is_folder) {
            (true, true) => fs::remove_dir_all(&path)?,
            (true, false) => fs::remove_file(&path)?,
            (false, true) => remove_ours(&path)?,
            (false, false) => {}
        }
    }
    Ok(())
}

fn change(source: &Path, Change { file, from, to }: &Change) -> Result<()> {
    let path = source.join(file);
    let text = fs::read_to_string(&path).with_context(|| paths::shown(&path))?;
    let found = text.matches(from).count();
    ensure!(
        found == 1,
        "{file} holds {from:?} {found} times and not once: plant the flaw where it belongs now"
    );
    fs::write(&path, text.replacen(from, to, 1)).with_context(|| paths::shown(&path))
}

/// Puts the flawed module into a copy of the sound package.
fn pack(package: &Path, modules: &Path, out: &Path, flaw: &str) -> Result<()> {
    shell::empty_folder(out)?;
    shell::run(shell::command("cp").arg("-R").arg(package.join(".")).arg(out))?;
    shell::run(pkg::build_script(modules, out).args(["--only", MODULE]))?;
    let manifest = out.join("package.json");
    let mut named: Value = serde_json::from_str(&fs::read_to_string(&manifest)?)?;
    named["name"] = json!(format!("keepset-planted-{flaw}"));
    // npm publishes nothing private.
    named["private"] = json!(true);
    fs::write(&manifest, format!("{named:#}\n")).with_context(|| paths::shown(&manifest))
}
