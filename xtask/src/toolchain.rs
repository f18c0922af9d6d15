//! Which compiler builds wasm: the default toolchain when it has the target, else Debian's.
//!
//! Either builds the standard library from source with the same flags: a third of what ships is the standard library, and
//! it is much smaller when it is built for size.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{paths, setup, shell};

/// The target everything on the device is built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CLIPPY: &str = "/usr/bin/clippy-driver";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "lld-22"];
const DEBIAN_CLIPPY_PACKAGE: &str = "rust-web-clippy";
/// The workspace's `rust-version`: an older compiler on the path is as good as none.
const OLDEST: (u32, u32) = (1, 90);

/// A panic traps in wasm either way; these leave out the texts that no one would ever see, and SHA-256's unrolled loop.
const SMALL: [&str; 5] = [
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "--cfg=sha2_backend=\"soft\"",
    "--cfg=sha2_backend_soft=\"compact\"",
];

/// A compiler that can build for [`TARGET`].
#[derive(Debug, Clone)]
pub(crate) enum Toolchain {
    /// The toolchain that runs this program, with the target and the sources of the standard library.
    Rustup,
    /// Debian's compiler and sources, driven by this toolchain's cargo.
    Debian {
        /// The linker for wasm.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds a toolchain, installing one when there is none.
    ///
    /// # Errors
    /// Says what to install when nothing here can be made to work.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(found) = Self::there() {
            return Ok(found);
        }
        if (Self::add_with_rustup() || Self::add_with_apt())
            && let Some(found) = Self::there()
        {
            return Ok(found);
        }
        bail!(
            "no compiler for {TARGET}: install one with `rustup target add {TARGET}` and `rustup component add rust-src`, \
             or on Debian with `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )
    }

    fn there() -> Option<Self> {
        // Lets a developer try the second path on a machine that has the first.
        let wanted = std::env::var("KEEPSET_WASM_TOOLCHAIN").unwrap_or_default();
        if wanted != "debian" && rustup_is_complete() {
            return Some(Self::Rustup);
        }
        if wanted != "rustup" {
            return debian_linker().map(|linker| Self::Debian { linker });
        }
        None
    }

    fn add_with_rustup() -> bool {
        if shell::find(["rustup"]).is_none() {
            return false;
        }
        shell::step("asking rustup for the wasm target");
        let added = shell::run(shell::command("rustup").args(["target", "add", TARGET]))
            .and_then(|()| shell::run(shell::command("rustup").args(["component", "add", "rust-src"])));
        if added.is_err() {
            println!("    rustup could not add {TARGET}; trying Debian's packages");
        }
        added.is_ok()
    }

    fn add_with_apt() -> bool {
        match setup::apt_install(&DEBIAN_PACKAGES) {
            Ok(()) => true,
            Err(error) => {
                println!("    {error:#}");
                false
            }
        }
    }

    /// A cargo that builds for [`TARGET`] into the wasm build folder.
    pub(crate) fn cargo(&self, verb: &str) -> Result<Command> {
        self.cargo_with(verb, &paths::wasm_target(), &[])
    }

    /// The same into the folder `target`, with everything on that makes what ships smaller without changing what it does.
    pub(crate) fn cargo_for_size(&self, verb: &str, target: &Path) -> Result<Command> {
        let mut cargo = self.cargo_with(verb, target, &SMALL)?;
        cargo.arg("-Zbuild-std-features=optimize_for_size");
        Ok(cargo)
    }

    fn cargo_with(&self, verb: &str, target: &Path, flags: &[&str]) -> Result<Command> {
        let mut cargo = shell::cargo(verb);
        cargo.args(["--target", TARGET, "--target-dir"]).arg(target);
        cargo.arg("-Zbuild-std=std,panic_abort");
        let remaps = self.remaps()?;
        let flags: Vec<&str> = remaps.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        // The compilers are stable ones; building the standard library is an unstable cargo flag.
        cargo.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTC");
        if let Self::Debian { linker } = self {
            cargo.env("RUSTC", DEBIAN_RUSTC).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(cargo)
    }

    /// A cargo that lints for [`TARGET`] with the clippy of this toolchain and denies its warnings.
    ///
    /// # Errors
    /// When that clippy is missing and cannot be installed.
    pub(crate) fn clippy(&self) -> Result<Command> {
        let mut cargo = if matches!(self, Self::Rustup) {
            self.cargo("clippy")?
        } else {
            if !Path::new(DEBIAN_CLIPPY).is_file() {
                setup::apt_install(&[DEBIAN_CLIPPY_PACKAGE])?;
            }
            // `cargo clippy` would call the clippy of cargo's own toolchain, which cannot read what Debian's compiler wrote.
            let mut cargo = self.cargo("check")?;
            cargo.env("RUSTC_WORKSPACE_WRAPPER", DEBIAN_CLIPPY);
            cargo
        };
        // clippy-driver's own variable: unlike RUSTFLAGS it concerns our crates only and keeps every cache.
        cargo.env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
        Ok(cargo)
    }

    /// Flags that keep this machine's paths out of the bytes: a build elsewhere gives the same file.
    fn remaps(&self) -> Result<Vec<String>> {
        let cargo_home = match std::env::var_os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => PathBuf::from(std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?)
                .join(".cargo"),
        };
        let sysroot = PathBuf::from(shell::read(self.rustc().args(["--print", "sysroot"]))?.trim());
        let source = sysroot.join("lib/rustlib/src/rust");
        // The compiler takes the last match, so the more precise paths come later.
        let mut pairs = vec![
            (paths::root().to_path_buf(), "keepset"),
            (cargo_home, "cargo"),
            (sysroot, "rust"),
            (source.clone(), "rust/src"),
        ];
        // Debian links the sources to a folder elsewhere; cargo may name either.
        let library = source.join("library").canonicalize();
        if let Some(parent) = library.ok().as_deref().and_then(Path::parent) {
            pairs.push((parent.to_path_buf(), "rust/src"));
        }
        Ok(pairs
            .into_iter()
            .map(|(from, to)| format!("--remap-path-prefix={}=/{to}", from.display()))
            .collect())
    }

    fn rustc(&self) -> Command {
        match self {
            Self::Rustup => shell::command("rustc"),
            Self::Debian { .. } => shell::command(DEBIAN_RUSTC),
        }
    }

    /// The compiler's version, which is that of its standard library.
    pub(crate) fn version(&self) -> Result<String> {
        let text = shell::read(self.rustc().arg("-vV"))?;
        let release = text.lines().find_map(|line| line.strip_prefix("release: "));
        Ok(release.context("`rustc -vV` prints no release")?.to_owned())
    }

    /// One line for people: which compiler it is.
    pub(crate) fn describe(&self) -> Result<String> {
        let version = shell::read(self.rustc().arg("--version"))?;
        let version = version.trim();
        Ok(match self {
            Self::Rustup => format!("{version} from rustup"),
            Self::Debian { linker } => format!("{version} from Debian, linker {}", linker.display()),
        })
    }
}

fn rustup_is_complete() -> bool {
    let rustc = || shell::command("rustc");
    let libraries = shell::read(rustc().args(["--target", TARGET, "--print", "target-libdir"]));
    let sysroot = shell::read(rustc().args(["--print", "sysroot"]));
    libraries.is_ok_and(|folder| has_core(Path::new(folder.trim())))
        && sysroot.is_ok_and(|folder| has_sources(Path::new(folder.trim())))
}

/// Whether a toolchain has the sources of its standard library.
fn has_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
}

fn has_core(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

/// Debian's linker, when Debian's compiler is recent enough and its sources and linker are there.
fn debian_linker() -> Option<PathBuf> {
    let text = shell::read(shell::command(DEBIAN_RUSTC).arg("-vV")).ok()?;
    let sysroot = shell::read(shell::command(DEBIAN_RUSTC).args(["--print", "sysroot"])).ok()?;
    if version(&text, "release: ")? < OLDEST || !has_sources(Path::new(sysroot.trim())) {
        return None;
    }
    let (llvm, _) = version(&text, "LLVM version: ")?;
    shell::find([format!("wasm-ld-{llvm}").as_str(), "wasm-ld"])
}

/// The first two numbers of the version that `rustc -vV` prints after `key`.
fn version(text: &str, key: &str) -> Option<(u32, u32)> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let mut numbers = line.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::version;

    const PRINTED: &str =
        "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    #[test]
    fn a_compiler_s_versions_are_read_from_what_it_prints() {
        assert_eq!(version(PRINTED, "release: "), Some((1, 96)));
        assert_eq!(version(PRINTED, "LLVM version: "), Some((22, 1)));
    }

    #[test]
    fn an_unreadable_version_is_no_version() {
        assert_eq!(version("release: unknown\n", "release: "), None);
        assert_eq!(version("", "release: "), None);
    }
}
