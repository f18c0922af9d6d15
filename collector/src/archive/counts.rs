//! What is counted in an archive: the one SQL text, the lines it gives, and the counts they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use keepset_privacy::Answering;
use keepset_wire::{Epoch, Plan, Subset, Window};
use rusqlite::{Connection, params_from_iter};

use super::paired;
use super::rows::{self, Row};
use crate::store::transfer::each_kept;
use crate::store::{Address, Contents, Tallies};

/// The SQL text that counts an archive, whatever engine runs it.
pub const SQL: &str = include_str!("count.sql");
/// The names of what it gives.
const HEAD: &str = "task,epoch,one,other,reports";

/// The answers of an archive in a table of SQLite, which is gone with it: the embedded engine that counts.
#[derive(Debug)]
pub struct Table {
    pub(super) connection: Connection,
}

impl Table {
    /// Reads the archive in `folder`.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn of_archive(folder: &Path) -> Result<Self, String> {
        Self::filled(|table| {
            for (task, epoch, path) in files(folder)? {
                rows::read(&path, &mut |row| table.push(task, epoch, row))?;
            }
            Ok(())
        })
    }

    /// Reads the answers that a store keeps and has not brought into its archive yet.
    ///
    /// # Errors
    /// One sentence that names the store and what is wrong.
    pub fn of_store(store: &Address) -> Result<Self, String> {
        Self::filled(|table| {
            each_kept(store, &mut |plan, window, kept| {
                let question = plan.questions.get(usize::from(kept.question));
                let question = question.ok_or("an answer to a question that the plan has not")?;
                table.push(kept.question, kept.epoch.0, &rows::row(window, paired(question), kept))
            })
            .map(drop)
        })
    }

    /// Makes the table and fills it in one transaction. It lies in a file without a name where it does not fit into memory.
    fn filled(fill: impl FnOnce(&Self) -> Result<(), String>) -> Result<Self, String> {
        let table = Self { connection: Connection::open("").map_err(failed)? };
        let columns: String = rows::columns().map(|name| format!(", {name} INTEGER NOT NULL")).collect();
        let make = format!(
            "BEGIN; CREATE TABLE reports (task INTEGER NOT NULL, epoch INTEGER NOT NULL{columns}) STRICT"
        );
        table.connection.execute_batch(&make).map_err(failed)?;
        fill(&table)?;
        table.connection.execute_batch("COMMIT").map_err(failed)?;
        Ok(table)
    }

    fn push(&self, task: u16, epoch: u32, row: &Row) -> Result<(), String> {
        let places = ",?".repeat(row.len());
        let insert = format!("INSERT INTO reports VALUES (?,?{places})");
        let values = [i64::from(task), i64::from(epoch)].into_iter().chain(row.iter().copied());
        let mut insert = self.connection.prepare_cached(&insert).map_err(failed)?;
        insert.execute(params_from_iter(values)).map(drop).map_err(failed)
    }

    /// Runs the SQL text, and returns its lines as CSV.
    ///
    /// # Errors
    /// One sentence.
    pub fn count(&self) -> Result<String, String> {
        let mut lines = format!("{HEAD}\n");
        let mut counted = self.connection.prepare(SQL).map_err(failed)?;
        let mut counted = counted.query([]).map_err(failed)?;
        while let Some(row) = counted.next().map_err(failed)? {
            let numbers = (0..5).map(|column| row.get::<_, i64>(column).map(|number| number.to_string()));
            let numbers = numbers.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            // Writing to a text cannot fail.
            let _ = writeln!(lines, "{}", numbers.join(","));
        }
        Ok(lines)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn failed(error: rusqlite::Error) -> String {
    format!("the answers cannot be counted: {error}")
}

/// Lists the files of an archive with the question and the epoch their place tells.
fn files(folder: &Path) -> Result<Vec<(u16, u32, PathBuf)>, String> {
    let mut files = Vec::new();
    for (task, folder) in numbered(folder, "task=")? {
        for (epoch, folder) in numbered(&folder, "epoch=")? {
            for path in listed(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.starts_with("bucket-") && name.ends_with(".parquet") {
                    files.push((u16::try_from(task).unwrap_or(u16::MAX), epoch, path));
                }
            }
        }
    }
    Ok(files)
}

/// Lists the folders whose names are a word and a number.
fn numbered(folder: &Path, word: &str) -> Result<Vec<(u32, PathBuf)>, String> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix(word)?.parse().ok();
    Ok(listed(folder)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect())
}

fn listed(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| format!("{} cannot be read: {error}", folder.display()))
}

/// Reads the lines that the SQL text gave, from whatever engine, as what a store of closed windows would hold.
///
/// # Errors
/// One sentence that names the line.
pub fn contents(plan: &Plan, csv: &str) -> Result<Contents, String> {
    let answerings = Answering::of_plan(plan).map_err(|error| error.to_string())?;
    let mut lines = csv.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    if lines.next().is_none_or(|(head, _)| head.trim() != HEAD) {
        return Err(format!("line 1: expected {HEAD}"));
    }
    let (mut tallies, mut seen) = (Tallies::new(), BTreeSet::new());
    for (line, number) in lines {
        let line = Line::read(line).ok_or_else(|| format!("line {number}: expected five whole numbers"))?;
        if !seen.insert(line.key()) {
            return Err(format!("line {number}: this was counted in another line"));
        }
        line.add(plan, &answerings, &mut tallies).map_err(|mistake| format!("line {number}: {mistake}"))?;
    }
    for ((epoch, question), tally) in &tallies {
        if tally.support.iter().any(|votes| *votes > tally.reports) {
            return Err(format!("task {question}, epoch {}: more votes than reports", epoch.0));
        }
    }
    let last = tallies.keys().map(|(epoch, _)| plan.window_of(*epoch)).max();
    // What is in an archive is closed.
    let closed_before = last.map_or(Epoch(0), |last| plan.first_epoch(Window(last.0.saturating_add(1))));
    Ok(Contents { tallies, ..Contents::closed_before(closed_before) })
}

/// One line of what was counted.
struct Line {
    task: u16,
    epoch: u32,
    one: i64,
    other: i64,
    reports: u64,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.trim().split(',').collect();
        let [task, epoch, one, other, reports] = cells[..] else { return None };
        Some(Self {
            task: task.parse().ok()?,
            epoch: epoch.parse().ok()?,
            one: one.parse().ok()?,
            other: other.parse().ok()?,
            reports: reports.parse().ok()?,
        })
    }

    fn key(&self) -> (u16, u32, i64, i64) {
        (self.task, self.epoch, self.one, self.other)
    }

    /// Adds the line to the counter it is of.
    fn add(&self, plan: &Plan, answerings: &[Answering], tallies: &mut Tallies) -> Result<(), &'static str> {
        let task = usize::from(self.task);
        let (question, answering) =
            plan.questions.get(task).zip(answerings.get(task)).ok_or("the plan has no such question")?;
        let tally = tallies.entry((Epoch(self.epoch), self.task)).or_default();
        let mut answer = Subset::empty(question.cells());
        match (self.one, self.other) {
            (-1, -1) => {
                tally.reports = self.reports;
                return Ok(());
            }
            (one, -1) => put(&mut answer, one)?,
            (one, other) => {
                put(&mut answer, one)?;
                put(&mut answer, other)?;
            }
        }
        // What an answer of these cells alone would raise: the cell, or the two of them and then the pair. A cell that stands for
        // "none of them" raises nothing where overlaps are asked for.
        let raised = answering.counted(&answer);
        let counter = match (self.other, &raised[..]) {
            (-1, [] | [_]) => raised.first(),
            (_, [_, _, pair]) => Some(pair),
            _ => return Err("no two cells of this question are counted together"),
        };
        if let Some(counter) = counter.and_then(|counter| u16::try_from(*counter).ok()) {
            tally.vote(counter, self.reports);
        }
        Ok(())
    }
}

fn put(answer: &mut Subset, cell: i64) -> Result<(), &'static str> {
    let cell = u16::try_from(cell).ok().filter(|cell| *cell < answer.cells());
    answer.insert(cell.ok_or("this question has no such cell")?);
    Ok(())
}
