//! `keepset audit verify`: holds captured traffic to the ledger a device exported, and the ledger to the plan.
//!
//! `ledger` reads the export, `capture` the traffic, `check` finds what does not agree. The chain is verified by the code that
//! writes it on the device, and the budget by the device's own ledger, charged anew entry by entry.

mod capture;
mod check;
mod ledger;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use keepset_engine::Pack;
use keepset_wire::document::{self, Node};
use keepset_wire::labels::LabelTerms;
use keepset_wire::{PackHash, Plan, PlanHash};
use serde_json::json;

use crate::table::aligned;
use capture::Capture;
use check::{Found, Weight};
use ledger::Line;

/// A ledger, the plan it is held to, and what was captured.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The ledger: the file that a page's export writes
    pub ledger: PathBuf,
    /// The plan: as GET /v1/plan of a collector gives it, as `keepset plan` prints it, or a pack; may be given several times
    #[arg(long, required = true)]
    pub plan: Vec<PathBuf>,
    /// The terms that labels were shared under: the `labels` of a pack, or the pack; may be given several times
    #[arg(long)]
    pub labels: Vec<PathBuf>,
    /// A pack that may have been in force; given any, every entry has to name one of them
    #[arg(long)]
    pub pack: Vec<PathBuf>,
    /// What was captured: a HAR file, a file that is the body of a request, or a folder of such; may be given several times
    #[arg(long, required = true)]
    pub capture: Vec<PathBuf>,
    /// Of a HAR file look only at requests whose address begins so; without it at all that carry a body
    #[arg(long)]
    pub to: Option<String>,
    /// Also write what was found as JSON to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Verifies.
///
/// # Errors
/// When a file cannot be read, or when anything deviates.
pub(super) fn run(arguments: &VerifyArguments) -> anyhow::Result<String> {
    let lines = ledger::read(&text(&arguments.ledger)?).with_context(|| shown(&arguments.ledger))?;
    let plans = arguments.plan.iter().map(|path| plan(path)).collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let terms = arguments.labels.iter().map(|path| terms(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let packs = arguments.pack.iter().map(|path| pack(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let capture = capture::read(&arguments.capture, arguments.to.as_deref())?;
    let (found, captured) = check::all(&lines, &plans, &terms, &packs, &capture);
    let deviations = found.iter().filter(|found| found.weight == Weight::Deviation).count();
    if let Some(path) = &arguments.json {
        let all = json!({"holds": deviations == 0, "entries": lines.len(), "requests": capture.requests.len(), "found": found});
        fs::write(path, format!("{all:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let told = story(&lines, &captured, &found, &capture);
    if deviations == 0 {
        return Ok(told + &verdict(&lines, &captured, &capture));
    }
    // What was found is the output of the command; that it deviates is its failure.
    let _ = stdout().write_all(told.as_bytes());
    let s = if deviations == 1 { "" } else { "s" };
    bail!("{deviations} deviation{s}: the ledger, the plan and the captured traffic do not agree")
}

/// The table, then a sentence for everything found.
fn story(lines: &[Line], captured: &[usize], found: &[Found], capture: &Capture) -> String {
    let headings =
        ["entry", "written", "question", "window", "epsilon", "bytes", "outcome", "captured", "verdict"];
    let rows = lines.iter().zip(captured).map(|(line, captured)| {
        let receipt = &line.receipt;
        let own = || found.iter().filter(|found| found.entry == Some(receipt.number));
        let deviates = own().any(|found| found.weight == Weight::Deviation);
        let verdict = if deviates {
            "DEVIATES"
        } else if own().next().is_some() {
            "look"
        } else {
            "holds"
        };
        vec![
            receipt.number.to_string(),
            Timestamp::from_millisecond(receipt.at).map_or("-".into(), |at| format!("{at:.0}")),
            receipt.question.clone(),
            receipt.window.to_string(),
            (f64::from(receipt.epsilon_micro) / 1e6).to_string(),
            receipt.size.to_string(),
            line.outcome.word().to_owned(),
            captured.to_string(),
            verdict.to_owned(),
        ]
    });
    let mut text = aligned(&headings, rows.collect()) + "\n";
    if capture.elsewhere > 0 {
        // Writing to a text cannot fail.
        let _ =
            writeln!(text, "{} captured requests went elsewhere and were not looked at.", capture.elsewhere);
    }
    for Found { weight, code, sentence, .. } in found {
        let note = if *weight == Weight::Warning { "warning: " } else { "" };
        let _ = writeln!(text, "{note}{sentence} [{code}]");
    }
    text
}

fn verdict(lines: &[Line], captured: &[usize], capture: &Capture) -> String {
    let known = captured.iter().filter(|times| **times > 0).count();
    format!(
        "The chain of {} entries is unbroken, the plan allowed every one, and the {} captured bodies are exactly {known} of them.\n",
        lines.len(),
        capture.requests.len()
    )
}

/// Reads a plan, alone, with its hash, or within a pack.
fn plan(path: &Path) -> anyhow::Result<(PlanHash, Plan)> {
    let mut value = document::parse(&text(path)?).with_context(|| shown(path))?;
    if let Some(inside) = value.get_mut("plan") {
        value = inside.take();
    }
    let said = value.as_object_mut().and_then(|plan| plan.remove("hash"));
    let plan = Plan::read(&Node::root(&value)).with_context(|| shown(path))?;
    let hash = plan.hash();
    if said.is_some_and(|said| said != hash.to_string()) {
        bail!("{}: $.hash: the hash of this plan is {hash}", path.display());
    }
    Ok((hash, plan))
}

/// Reads terms, alone or within a pack.
fn terms(path: &Path) -> anyhow::Result<LabelTerms> {
    let value = document::parse(&text(path)?).with_context(|| shown(path))?;
    let node = Node::root(&value);
    let inside = node.get("labels");
    LabelTerms::read(inside.as_ref().unwrap_or(&node)).with_context(|| shown(path))
}

/// Reads a pack, compiled or not, for its hash.
fn pack(path: &Path) -> anyhow::Result<PackHash> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let pack = if Pack::is_compiled(&bytes) {
        Pack::load(&bytes)
    } else {
        Pack::parse(&String::from_utf8_lossy(&bytes))
    };
    Ok(pack.with_context(|| shown(path))?.hash())
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
