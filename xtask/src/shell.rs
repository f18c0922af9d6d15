//! Running other programs: what is run is printed, and a failure says which program failed and how.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::paths;

/// A program that reads nothing from the terminal and starts in the workspace root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(paths::root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(verb);
    cargo
}

/// Where cargo puts native programs.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = read(cargo("metadata").args(["--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let folder = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// Says what the verb is about to do.
pub(crate) fn step(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\x1b[1m==> {text}\x1b[0m");
    } else {
        println!("==> {text}");
    }
}

/// Runs a program to its end with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("    $ {}", line(command));
    let status = command.status().with_context(|| format!("could not start `{}`", name(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", line(command));
    Ok(())
}

/// Runs a program quietly and returns what it printed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("could not start `{}`", name(command)))?;
    ensure!(
        output.status.success(),
        "`{}` failed: {}\n{}",
        line(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed bytes that are no text", name(command)))
}

/// Runs a program with its progress on the terminal and returns what it wrote to its standard output.
pub(crate) fn read_with_progress(command: &mut Command) -> Result<String> {
    println!("    $ {}", line(command));
    command.stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("could not start `{}`", name(command)))?;
    ensure!(output.status.success(), "`{}` failed: {}", line(command), output.status);
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed bytes that are no text", name(command)))
}

/// Runs a program with its output on the terminal and returns whether it ended well.
pub(crate) fn status(command: &mut Command) -> Result<bool> {
    println!("    $ {}", line(command));
    let status = command.status().with_context(|| format!("could not start `{}`", name(command)))?;
    Ok(status.success())
}

/// What a program left behind: its standard output, and whether it ended well.
pub(crate) struct Finished {
    /// Everything the program wrote to its standard output.
    pub(crate) output: String,
    /// Whether its exit code was zero.
    pub(crate) success: bool,
}

/// Runs a program, showing its output as it comes and keeping it for reading afterwards.
pub(crate) fn tee(command: &mut Command) -> Result<Finished> {
    println!("    $ {}", line(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", name(command)))?;
    let Some(stdout) = child.stdout.take() else { bail!("`{}` has no output to read", name(command)) };
    let mut output = String::new();
    for part in BufReader::new(stdout).split(b'\n') {
        let text = String::from_utf8_lossy(&part?).into_owned();
        println!("{text}");
        output.push_str(&text);
        output.push('\n');
    }
    let success = child.wait()?.success();
    Ok(Finished { output, success })
}

/// The first of `names` that is on the PATH.
pub(crate) fn find<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .into_iter()
        .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// Runs `work` while no other xtask runs work under the same name, so that two shells cannot garble one output folder.
pub(crate) fn alone<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let folder = paths::at("target");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!(".{name}.lock"));
    let lock = File::create(&path).with_context(|| format!("could not create {}", path.display()))?;
    if lock.try_lock().is_err() {
        println!("    waiting for another xtask to finish with {name}");
        lock.lock()?;
    }
    work()
}

/// Makes an empty folder, removing what was there.
pub(crate) fn empty_folder(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path).with_context(|| format!("could not clear {}", path.display()))?;
    }
    std::fs::create_dir_all(path).with_context(|| format!("could not create {}", path.display()))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let mut words = vec![name(command)];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
