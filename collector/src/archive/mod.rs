//! The archive: a folder of plain Parquet that holds the admitted, randomised answers of closed windows, for whatever counts at the size
//! of a fleet.
//!
//! ```text
//! _archive.json                              the plan, and whether its reports are a simulation's
//! task=0/epoch=12/bucket-0000-6f9c….parquet  the answers to question 0 made in epoch 12, in the order of their ids
//! ```
//! `window` writes a window, `rows` is what a row is, `counts` is what the one SQL text makes of them. From there on the code is that of
//! the store: `release` hands its counts to the same estimator.
//!
//! # Privacy
//! An archive keeps what the store forgets: each answer, with the id that makes it count once. Both were made on the device to be told:
//! the answer is randomised, the id is another one in every window. There is no time, no address and no order of arrival in it.

mod counts;
mod rows;
mod shapes;
mod window;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepset_wire::document::Node;
use keepset_wire::{Ask, Epoch, Plan, Question, Window, document};
use serde_json::json;

pub use counts::{SQL, Table, contents};
pub(crate) use window::WindowFiles;

/// What says whose answers they are; readers of Parquet leave out names that begin like this.
const LABEL: &str = "_archive.json";
const FORMAT: u64 = 1;

/// An archive that answers are brought into.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
    /// By question, how many cells of its answers are counted in twos.
    paired: Arc<[u16]>,
}

/// What an archive says of itself.
#[derive(Clone, Debug)]
pub struct Label {
    /// The plan that is answered.
    pub plan: Plan,
    /// Whether the reports are a simulation's.
    pub simulation: bool,
}

impl Archive {
    /// Opens the archive of a plan in `folder`, or makes it there.
    ///
    /// # Errors
    /// One sentence when the folder cannot be used, or holds the answers to another plan.
    pub fn open(folder: &Path, plan: &Plan, simulation: bool) -> Result<Self, String> {
        let shown = folder.display();
        if folder.join(LABEL).exists() {
            let label = Label::read(folder)?;
            if label.plan.hash() != plan.hash() || label.simulation != simulation {
                let of = if label.simulation { "a simulation of the plan" } else { "the plan" };
                return Err(format!(
                    "{shown} is the archive of {of} {}; name another folder",
                    label.plan.hash()
                ));
            }
        } else {
            Label { plan: plan.clone(), simulation }
                .write(folder)
                .map_err(|error| format!("{shown} cannot be made an archive: {error}"))?;
        }
        Ok(Self { folder: folder.to_path_buf(), paired: plan.questions.iter().map(paired).collect() })
    }

    /// Deletes the answers of every epoch below `epoch`.
    pub(crate) fn forget_before(&self, epoch: Epoch) -> io::Result<()> {
        for task in folders(&self.folder, "task=")? {
            for (folder, number) in folders(&task.0, "epoch=")? {
                if number < epoch.0 {
                    fs::remove_dir_all(&folder)?;
                    sync_folder(&task.0)?;
                }
            }
        }
        Ok(())
    }

    /// Begins to bring a window there.
    pub(crate) fn window(&self, window: Window) -> WindowFiles<'_> {
        WindowFiles::new(self, window)
    }
}

/// Lists the folders in a folder that are called so, with their numbers.
fn folders(within: &Path, name: &str) -> io::Result<Vec<(PathBuf, u32)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(within)? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|text| text.strip_prefix(name)?.parse().ok());
        found.extend(number.map(|number| (entry.path(), number)));
    }
    Ok(found)
}

/// Returns how many of the first cells are counted in twos: the segments of a question about overlaps, at most 64.
fn paired(question: &Question) -> u16 {
    match &question.ask {
        Ask::Overlaps { segments, .. } => u16::try_from(segments.len()).unwrap_or(u16::MAX),
        _ => 0,
    }
}

impl Label {
    /// Reads what the archive in `folder` says of itself.
    ///
    /// # Errors
    /// One sentence.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(LABEL);
        let shown = path.display();
        let text = fs::read_to_string(&path).map_err(|error| {
            format!("{} is no archive: {LABEL} cannot be read: {error}", folder.display())
        })?;
        let read = || {
            let document = document::parse(&text)?;
            let fields = Node::root(&document);
            let fields = fields.object(&["format", "plan", "simulation"])?;
            let format = fields.need("format")?.whole(1, u32::MAX)?;
            let plan = Plan::read(&fields.need("plan")?)?;
            Ok((format, Self { plan, simulation: document["simulation"] == true }))
        };
        let (format, label) = read().map_err(|mistake: document::Mistake| format!("{shown}: {mistake}"))?;
        if u64::from(format) > FORMAT {
            return Err(format!("{shown}: a later version of the collector wrote it (format {format})"));
        }
        Ok(label)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let text = json!({"format": FORMAT, "plan": self.plan.to_json(), "simulation": self.simulation});
        let new = folder.join(format!("{LABEL}.new"));
        let mut file = File::create(&new)?;
        file.write_all(text.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, folder.join(LABEL))?;
        sync_folder(folder)?;
        folder.canonicalize()?.parent().map_or(Ok(()), sync_folder)
    }
}

/// Makes the names in a folder durable: a file that was synced may still be lost by its name.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems than Unix sync names with their files.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
