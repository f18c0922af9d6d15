//! What is handed on: the names that have a label, as CSV, and only of labels that enough people share.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keepset_wire::document::{self, Node};
use keepset_wire::hex;
use keepset_wire::labels::LabelTerms;

use super::store::{Held, LabelStore};
use super::{date, sharing};

/// What can be done with labels.
#[derive(Clone, Debug, Subcommand)]
pub enum LabelsCommand {
    /// Lists the labels and how many have each, or that too few do
    List(LabelFiles),
    /// Prints the names that have each label, and the consent they were shared on, as CSV; a label that too few share is left out
    Export(LabelFiles),
}

/// A store of labels and the terms they were shared under.
#[derive(Clone, Debug, Args)]
pub struct LabelFiles {
    /// What may be shared: the `labels` of a pack, or the pack; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    pub labels: Vec<PathBuf>,
    /// The file that holds the labels.
    #[arg(long, value_name = "FILE", default_value = "labels.sqlite")]
    pub label_store: PathBuf,
}

/// Reads terms from files: each the `labels` of a pack, or a pack that holds them.
///
/// # Errors
/// One sentence that names the flag, the file and the place in it.
pub fn read_terms(paths: &[PathBuf]) -> Result<Vec<LabelTerms>, String> {
    let mut list: Vec<LabelTerms> = Vec::new();
    for path in paths {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("--labels: {shown} cannot be read: {error}"))?;
        let wrong = |mistake| format!("--labels: {shown}: {mistake}");
        let document = document::parse(&text).map_err(wrong)?;
        let node = Node::root(&document);
        if let Some(sensitive) = node.get("sensitive") {
            return Err(wrong(sensitive.mistake("a sensitive pack shares no labels")));
        }
        let inside = node.get("labels");
        let terms = LabelTerms::read(inside.as_ref().unwrap_or(&node)).map_err(wrong)?;
        if list.iter().any(|known| known.hash() == terms.hash()) {
            return Err(format!("--labels: {shown}: these terms are named twice"));
        }
        list.push(terms);
    }
    Ok(list)
}

impl LabelsCommand {
    /// Does it and returns what is to be printed.
    ///
    /// # Errors
    /// One sentence when it could not be done.
    pub fn run(&self) -> Result<String, String> {
        let (Self::List(files) | Self::Export(files)) = self;
        let store = LabelStore::read(&files.label_store)?;
        let unread =
            |error| format!("--label-store: {} cannot be read: {error}", files.label_store.display());
        let mut text = String::new();
        for terms in read_terms(&files.labels)? {
            let held = store.held(&terms).map_err(unread)?;
            match self {
                Self::List(_) => list(&terms, &held, &mut text),
                Self::Export(_) => export(&terms, &held, &mut text),
            }
        }
        Ok(text)
    }
}

/// Writing to a text cannot fail, here and below.
fn list(terms: &LabelTerms, held: &[Held], text: &mut String) {
    let _ = writeln!(text, "{} ({}), text version {}:", terms.id, terms.hash(), terms.text_version);
    for ((name, _), count) in terms.segments.iter().zip(sharing(terms, held)) {
        let told = count.map_or_else(|| format!("fewer than {}", terms.least), |count| count.to_string());
        let _ = writeln!(text, "{told:>16}  {name}");
    }
}

/// No field holds what CSV would have to quote: names, hexadecimal digits, dates, numbers.
fn export(terms: &LabelTerms, held: &[Held], text: &mut String) {
    if text.is_empty() {
        text.push_str("label,id,told,agreed,signal,text_version,terms,pack\n");
    }
    for ((index, (name, _)), count) in terms.segments.iter().enumerate().zip(sharing(terms, held)) {
        if count.is_none() {
            continue;
        }
        for one in held.iter().filter(|one| one.labels.get(index) == Some(&true)) {
            let _ = writeln!(
                text,
                "{name},{},{},{},{},{},{},{}",
                one.id,
                date(one.day),
                date(one.agreed),
                one.signal,
                terms.text_version,
                terms.hash(),
                hex(&one.pack)
            );
        }
    }
}
