//! A lane: a Node process that holds the package's report module and draws from it.
//!
//! The module runs where the package's users run it, with the glue it ships with (`harness.cjs`); counting and judging is here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use keepset_wire::hex;
use serde::Deserialize;
use serde_json::{Value, json};

const HARNESS: &str = include_str!("harness.cjs");

/// The oldest Node that the package itself takes.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// What the module finds in the place of the page's `crypto`.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The system's randomness.
    System,
    /// Bytes that follow from a seed and the number of the instance, see [`super::replay`].
    Known(String),
    /// One of the harness's bad sources.
    Bad(Value),
}

impl Source {
    fn to_json(&self) -> Value {
        match self {
            Self::System => json!({ "kind": "system" }),
            Self::Known(seed) => json!({ "kind": "known", "seed": seed }),
            Self::Bad(kind) => kind.clone(),
        }
    }
}

/// So many draws from one question.
#[derive(Clone, Debug)]
pub(super) struct Batch<'a> {
    /// The bytes that the core would hand over.
    pub(super) due: &'a [u8],
    pub(super) count: u32,
    pub(super) source: Source,
    /// The number of the first instance.
    pub(super) first: u64,
    /// Whether every draw is by an instance of its own.
    pub(super) fresh: bool,
}

/// What the module did with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It returned bytes.
    Returned(Vec<u8>),
    /// It threw, or was torn down.
    Threw(String),
}

/// How many bytes were asked of the random source.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Pulled {
    /// The fewest by a new instance up to its first answer.
    pub(super) instance: Option<u64>,
    /// The fewest by a later draw.
    pub(super) draw: Option<u64>,
    /// The most by a later draw.
    pub(super) most: u64,
}

/// What came of a [`Batch`].
#[derive(Debug)]
pub(super) struct Drawn {
    /// The outcomes, each once.
    pub(super) outcomes: Vec<Outcome>,
    /// Which of them each draw gave, in order.
    pub(super) order: Vec<u32>,
    pub(super) pulled: Pulled,
}

/// What the package says of itself, and whether it is so.
#[derive(Debug, Deserialize)]
pub(super) struct Files {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) node: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// How many files have the hash that the package states.
    pub(super) promised: u64,
    /// How many copies of the module are written into scripts.
    pub(super) copies: u64,
    pub(super) imports: u64,
    /// Imports that are no functions.
    pub(super) strange: u64,
    pub(super) wrong: Vec<String>,
}

/// A Node process.
#[derive(Debug)]
pub(super) struct Lane {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Lane {
    /// Starts Node on the package in a folder.
    pub(super) fn start(package: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new("node")
            .args(["--eval", HARNESS])
            .arg(package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("Node could not be started: the audit runs the module in Node, install version 20.19 or newer")?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.context("Node was started without its pipes")?;
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Draws.
    pub(super) fn draw(&mut self, batch: &Batch<'_>) -> anyhow::Result<Drawn> {
        let Batch { due, count, source, first, fresh } = batch;
        let (head, payload) = self.ask(&json!({
            "is": "draw", "due": hex(due), "count": count, "source": source.to_json(), "first": first, "fresh": fresh,
        }))?;
        let pulled = Pulled::deserialize(&head["pulled"])?;
        let mut rest = &payload[..];
        let mut outcomes = Vec::new();
        for _ in 0..head["entries"].as_u64().unwrap_or(0) {
            let size = number(&mut rest)?;
            let (entry, left) =
                rest.split_at_checked(usize::try_from(size)?).context("the harness broke off an answer")?;
            rest = left;
            outcomes.push(outcome(entry)?);
        }
        let order = (0..*count).map(|_| number(&mut rest)).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(
            order.iter().all(|number| outcomes.len() as u64 > u64::from(*number)),
            "the harness miscounted"
        );
        Ok(Drawn { outcomes, order, pulled })
    }

    /// Looks at the package's files.
    pub(super) fn files(&mut self) -> anyhow::Result<Files> {
        let (head, _) = self.ask(&json!({ "is": "files" }))?;
        Ok(Files::deserialize(&head)?)
    }

    /// Lets the package's client try to send so often, while the collector is down; returns what it sent.
    pub(super) fn retry(
        &mut self,
        pack: &Value,
        from: i64,
        later: i64,
        attempts: u32,
    ) -> anyhow::Result<Vec<String>> {
        let (head, _) = self
            .ask(&json!({ "is": "retry", "pack": pack, "day": from, "days": later, "attempts": attempts }))?;
        Ok(Vec::deserialize(&head["bodies"])?)
    }

    fn ask(&mut self, command: &Value) -> anyhow::Result<(Value, Vec<u8>)> {
        let mut line = command.to_string();
        line.push('\n');
        let mut answer = String::new();
        let told = self.input.write_all(line.as_bytes()).and_then(|()| self.input.flush());
        if told.and_then(|()| self.output.read_line(&mut answer)).unwrap_or(0) == 0 {
            bail!("Node ended in the middle of the audit: what it said stands above");
        }
        let head: Value = serde_json::from_str(&answer).context("the harness wrote no JSON")?;
        let mut payload = vec![0; usize::try_from(head["payload"].as_u64().unwrap_or(0))?];
        self.output.read_exact(&mut payload).context("Node ended in the middle of an answer")?;
        if let Some(error) = head["error"].as_str() {
            bail!("the package could not be used: {error}");
        }
        Ok((head, payload))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // It waits for its next line and would end by itself; whether it has ended already makes no difference.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says why a folder is no package whose module can be audited, or why there is nothing to run it with.
pub(super) fn check(package: &Path) -> anyhow::Result<()> {
    let place = package.display();
    ensure!(
        package.is_dir(),
        "{place} is no folder: give the folder of the unpacked npm package with --package"
    );
    for file in
        ["package.json", "dist/integrity.json", "dist/report.wasm", "dist/report.cjs", "dist/node.cjs"]
    {
        ensure!(package.join(file).is_file(), "{place} is not the npm package: it holds no {file}");
    }
    let wasm = package.join("dist/report.wasm");
    let bytes = std::fs::read(&wasm).with_context(|| format!("{} cannot be read", wasm.display()))?;
    ensure!(bytes.starts_with(b"\0asm\x01\0\0\0"), "{} is no WebAssembly module", wasm.display());
    let output = Command::new("node").arg("--version").output().context(
        "Node could not be started: the audit runs the module in Node, install version 20.19 or newer",
    )?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = version(text.trim());
    ensure!(
        found.is_some_and(|found| found >= OLDEST_NODE),
        "the Node here says its version is {:?}: the package needs 20.19 or newer",
        text.trim()
    );
    Ok(())
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v')?.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn outcome(entry: &[u8]) -> anyhow::Result<Outcome> {
    match entry.split_first() {
        Some((1, bytes)) => Ok(Outcome::Returned(bytes.to_vec())),
        Some((0, text)) => Ok(Outcome::Threw(String::from_utf8_lossy(text).into_owned())),
        _ => bail!("the harness wrote an answer of no kind"),
    }
}

fn number(rest: &mut &[u8]) -> anyhow::Result<u32> {
    let (number, left) = rest.split_first_chunk().context("the harness broke off an answer")?;
    *rest = left;
    Ok(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_version_is_read_and_compared() {
        assert_eq!(version("v20.19.1"), Some((20, 19)));
        assert!(version("v22.0.0") > Some(OLDEST_NODE) && version("v20.9.0") < Some(OLDEST_NODE));
        assert_eq!(version("20.19.1"), None);
    }

    #[test]
    fn a_folder_that_is_no_package_is_refused_by_what_it_lacks() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let refused = |path: &Path| check(path).unwrap_err().to_string();
        assert!(refused(here).contains("it holds no package.json"));
        assert!(refused(&here.join("nowhere")).contains("is no folder"));
    }
}
