//! What is handed on: the names that have a label, as CSV or Parquet, and only of labels that enough people share.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keepset_wire::document::{self, Node};
use keepset_wire::labels::LabelTerms;

use super::consent::records;
use super::rows::{Row, csv, rows, write_parquet};
use super::sharing;
use super::store::{Held, LabelStore};

/// What can be done with labels.
#[derive(Clone, Debug, Subcommand)]
pub enum LabelsCommand {
    /// Lists the labels and how many have each, or that too few do
    List(LabelFiles),
    /// Prints the names that have each label, and the consent they were shared on, as CSV or Parquet; a label that too few share is left out
    Export(Export),
    /// Prints the consent of every name as a record, a JSON line each with the fields of ISO/IEC TS 27560; which labels a name has is in none
    Consents(LabelFiles),
}

/// What is to be handed on.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// The labels.
    #[command(flatten)]
    pub of: LabelFiles,
    /// Write them as Parquet into this file, which is made for its owner alone, in place of printing CSV.
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
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
        match self {
            Self::List(files) => {
                let mut text = String::new();
                files.read()?.iter().for_each(|(terms, held)| list(terms, held, &mut text));
                Ok(text)
            }
            Self::Export(export) => export.run(),
            Self::Consents(files) => {
                let read = files.read()?;
                let records = read.iter().flat_map(|(terms, held)| records(terms, held));
                Ok(records.map(|record| format!("{record}\n")).collect())
            }
        }
    }
}

impl LabelFiles {
    /// Reads what is held under each of the terms.
    fn read(&self) -> Result<Vec<(LabelTerms, Vec<Held>)>, String> {
        let store = LabelStore::read(&self.label_store)?;
        let unread = |error| format!("--label-store: {} cannot be read: {error}", self.label_store.display());
        let held = |terms: LabelTerms| store.held(&terms).map_err(unread).map(|held| (terms, held));
        read_terms(&self.labels)?.into_iter().map(held).collect()
    }
}

impl Export {
    fn run(&self) -> Result<String, String> {
        let read = self.of.read()?;
        let all: Vec<Row<'_>> = read.iter().flat_map(|(terms, held)| rows(terms, held)).collect();
        let Some(path) = &self.parquet else { return Ok(csv(&all)) };
        write_parquet(&all, path)?;
        Ok(format!("{} rows written to {}\n", all.len(), path.display()))
    }
}

/// Writing to a text cannot fail.
fn list(terms: &LabelTerms, held: &[Held], text: &mut String) {
    let _ = writeln!(text, "{} ({}), text version {}:", terms.id, terms.hash(), terms.text_version);
    for ((name, _), count) in terms.segments.iter().zip(sharing(terms, held)) {
        let told = count.map_or_else(|| format!("fewer than {}", terms.least), |count| count.to_string());
        let _ = writeln!(text, "{told:>16}  {name}");
    }
}
