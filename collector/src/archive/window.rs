//! A window on its way into the archive: every file of it is whole and on the disk before the first gets its name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keepset_privacy::{Coins as _, SystemCoins};
use keepset_wire::{Epoch, Window, hex};
use parquet::file::writer::SerializedFileWriter;
use sha2::{Digest as _, Sha256};

use super::rows::{self, Row};
use super::{Archive, sync_folder};
use crate::store::Kept;

/// Rows that are written together: 3 MB of memory for each question and epoch.
const GROUP: usize = 32_768;
/// Rows of a file: about 100 MB.
const BUCKET: usize = 128 * GROUP;
/// A file that was not finished is no one's after so long.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// The files of a window that are being written.
#[derive(Debug)]
pub(crate) struct WindowFiles<'a> {
    archive: &'a Archive,
    window: Window,
    parts: BTreeMap<(u16, Epoch), Part>,
    finished: Vec<Finished>,
}

/// The answers to one question made in one epoch.
#[derive(Debug, Default)]
struct Part {
    rows: Vec<Row>,
    file: Option<Unfinished>,
    /// Files of it that are finished.
    buckets: usize,
}

/// A file without its name.
struct Unfinished {
    path: PathBuf,
    writer: SerializedFileWriter<Hashed>,
    rows: usize,
}

/// A file that is whole and on the disk, and the name it is to have.
#[derive(Debug)]
struct Finished {
    path: PathBuf,
    name: PathBuf,
}

/// A file that is hashed as it is written: files that hold the same have the same name, and no others have.
struct Hashed {
    file: File,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl std::fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unfinished")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<'a> WindowFiles<'a> {
    pub(super) fn new(archive: &'a Archive, window: Window) -> Self {
        Self { archive, window, parts: BTreeMap::new(), finished: Vec::new() }
    }

    /// Takes an answer; answers come in the order of their ids, so that the files are the same whenever they are written.
    pub(crate) fn push(&mut self, kept: &Kept) -> Result<(), String> {
        let paired = self.archive.paired.get(usize::from(kept.question));
        let paired = *paired.ok_or("an answer to a question that the plan has not")?;
        let key = (kept.question, kept.epoch);
        let part = self.parts.entry(key).or_default();
        part.rows.push(rows::row(self.window, paired, kept));
        if part.rows.len() < GROUP {
            return Ok(());
        }
        let folder = folder(&self.archive.folder, key);
        part.write(&folder).map_err(|error| failed(&folder, &error))?;
        if part.file.as_ref().is_some_and(|file| file.rows >= BUCKET) {
            self.finished.extend(part.finish(&folder).map_err(|error| failed(&folder, &error))?);
        }
        Ok(())
    }

    /// Finishes every file, then names them, then makes the names durable.
    ///
    /// # Errors
    /// One sentence; then some files may have their names, and will get them again.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        for (key, mut part) in std::mem::take(&mut self.parts) {
            let folder = folder(&self.archive.folder, key);
            let finished = part.write(&folder).and_then(|()| part.finish(&folder));
            self.finished.extend(finished.map_err(|error| failed(&folder, &error))?);
        }
        for Finished { path, name } in std::mem::take(&mut self.finished) {
            let folder = name.parent().unwrap_or(&name).to_path_buf();
            fs::rename(&path, &name)
                .and_then(|()| settle(&folder))
                .map_err(|error| failed(&folder, &error))?;
        }
        Ok(())
    }
}

impl Drop for WindowFiles<'_> {
    /// Takes away what will never have a name.
    fn drop(&mut self) {
        let unfinished = self.parts.values().filter_map(|part| Some(&part.file.as_ref()?.path));
        for path in unfinished.chain(self.finished.iter().map(|file| &file.path)) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Part {
    fn write(&mut self, folder: &Path) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => Unfinished::create(folder)?,
        };
        let written = rows::write(&mut file.writer, &self.rows).map_err(io::Error::other);
        file.rows += self.rows.len();
        self.rows.clear();
        self.file = Some(file);
        written
    }

    fn finish(&mut self, folder: &Path) -> io::Result<Option<Finished>> {
        let Some(Unfinished { path, writer, .. }) = self.file.take() else { return Ok(None) };
        let Hashed { file, hash } = writer.into_inner().map_err(io::Error::other)?;
        file.sync_all()?;
        let hash = hex(&hash.finalize()[..8]);
        let name = folder.join(format!("bucket-{:04}-{hash}.parquet", self.buckets));
        self.buckets += 1;
        Ok(Some(Finished { path, name }))
    }
}

impl Unfinished {
    /// Begins a file under a name that nobody else uses and that readers leave out.
    fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        remove_abandoned(folder)?;
        let secret = SystemCoins::open().and_then(|mut coins| coins.secret()).map_err(io::Error::other)?;
        let path = folder.join(format!(".{}.new", hex(&secret[..8])));
        let file = File::options().write(true).create_new(true).open(&path)?;
        let writer = rows::writer(Hashed { file, hash: Sha256::new() }).map_err(io::Error::other)?;
        Ok(Self { path, writer, rows: 0 })
    }
}

/// Removes what a crash has left.
fn remove_abandoned(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name();
        let is_new = name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(".new"));
        let changed = entry.metadata().and_then(|data| data.modified()).unwrap_or_else(|_| SystemTime::now());
        if is_new && changed.elapsed().is_ok_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn folder(archive: &Path, (question, epoch): (u16, Epoch)) -> PathBuf {
    archive.join(format!("task={question}")).join(format!("epoch={}", epoch.0))
}

/// Makes the names of a folder, of the folder itself and of the one around it durable.
fn settle(folder: &Path) -> io::Result<()> {
    folder.ancestors().take(3).try_for_each(sync_folder)
}

fn failed(folder: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", folder.display())
}
