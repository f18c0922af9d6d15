//! Whole stores: backed up, restored, moved, made small and brought into an archive, whatever kind they are.
//!
//! All of it is one step: everything is read as of one moment and written in one transaction. A backup is a store of the embedded kind.

use std::num::NonZeroU16;
use std::path::Path;

use keepset_wire::{Epoch, Plan, Retention, Window};

use super::engine::{Broken, Engine, Leave, Part};
use super::sealing::seal;
use super::{Address, Kept, OpenError, Purpose, postgres, sqlite};
use crate::archive::Archive;
use crate::clock::{Clock, Expired, system_now};

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Reports counted.
    pub reports: u64,
    /// Ids of windows that are not closed.
    pub ids: u64,
    /// Tokens that were spent and could come again.
    pub spent: u64,
}

/// Copies a store that stays in use; it may be in use meanwhile.
///
/// # Errors
/// One sentence; then the copy is not there, or says that it was not finished.
pub fn copy(from: &Address, to: &Address) -> Result<Copied, String> {
    hand_over(from, to, Leave::Open)
}

/// Moves a store: nothing is counted in it from the moment of the copy on, even by collectors that have it open.
///
/// # Errors
/// One sentence; then the store is in use as before.
pub fn relocate(from: &Address, to: &Address) -> Result<Copied, String> {
    hand_over(from, to, Leave::Moved)
}

/// Closes what the plan and the clock say is over, forgets the ids of it, and the counts of what closed `counts_days` ago, or as long ago as
/// the plan keeps them, and makes the store small; returns up to where it is closed.
///
/// # Errors
/// One sentence.
pub fn compact(address: &Address, counts_days: Option<NonZeroU16>) -> Result<Epoch, String> {
    let (mut engine, purpose) = existing(address).map_err(|error| format!("{address}: {error}"))?;
    let clock = if purpose.simulation { Clock::Simulation } else { Clock::System };
    let mut work = || {
        engine.close_before(clock.openings(&purpose.plan).closed_before)?;
        while engine.forget_some()? {}
        let retention = Retention { counts_days, ..Retention::default() };
        let expired = Expired::at(&purpose.plan, retention, system_now()).counts;
        expired.filter(|_| !purpose.simulation).map_or(Ok(()), |epoch| engine.forget_counts(epoch))?;
        engine.compact()?;
        engine.contents()
    };
    work().map(|contents| contents.closed_before).map_err(|broken| format!("{address}: {broken}"))
}

/// Brings the closed windows of a store into the archive in a folder, and first closes those up to `through` for ever; returns how many it
/// brought there.
///
/// # Errors
/// One sentence.
pub fn archive(address: &Address, folder: &Path, through: Option<Window>) -> Result<u64, String> {
    let (mut engine, purpose) = existing(address).map_err(|error| format!("{address}: {error}"))?;
    if !purpose.archived {
        return Err(format!(
            "{address}: this store keeps no answers; a collector that is started with --archive does"
        ));
    }
    let archive = Archive::open(folder, &purpose.plan, purpose.simulation)?;
    let mut work = || {
        if let Some(through) = through {
            engine.close_before(purpose.plan.first_epoch(Window(through.0.saturating_add(1))))?;
        }
        seal(engine.as_mut(), &archive)
    };
    work().map_err(|broken| format!("{address}: {broken}"))
}

/// Reads every answer that a store keeps and has not brought into its archive; returns the plan they answer.
///
/// # Errors
/// One sentence, or the first of `take`.
pub(crate) fn each_kept(
    address: &Address,
    take: &mut dyn FnMut(&Plan, Window, &Kept) -> Result<(), String>,
) -> Result<Plan, String> {
    let (mut engine, purpose) = existing(address).map_err(|error| format!("{address}: {error}"))?;
    let outcome = engine.hand_over(Leave::Open, &mut |_, parts| {
        while let Some((window, part)) = parts()? {
            if let Part::Kept(kept) = part {
                kept.iter().try_for_each(|kept| take(&purpose.plan, window, kept)).map_err(Broken)?;
            }
        }
        Ok(())
    });
    outcome.map_err(|broken| format!("{address}: {broken}"))?;
    Ok(purpose.plan)
}

fn hand_over(from: &Address, to: &Address, leave: Leave) -> Result<Copied, String> {
    let (mut source, purpose) = existing(from).map_err(|error| format!("{from}: {error}"))?;
    let mut target = create(to, &purpose).map_err(|error| format!("{to}: {error}"))?;
    let mut copied = Copied::default();
    let outcome = source.hand_over(leave, &mut |contents, parts| {
        copied.reports = contents.tallies.values().map(|tally| tally.reports).sum();
        target.receive(contents, &mut || {
            let some = parts()?;
            match &some {
                Some((_, Part::Ids(ids))) => copied.ids += ids.len() as u64,
                Some((_, Part::Spent(spent))) => copied.spent += spent.len() as u64,
                _ => {}
            }
            Ok(some)
        })
    });
    outcome.map(|()| copied).map_err(|broken| format!("{from} to {to}: {broken}"))
}

fn existing(address: &Address) -> Result<(Box<dyn Engine>, Purpose), OpenError> {
    match address {
        Address::Sqlite(path) => sqlite::open_existing(path),
        Address::Postgres(database) => postgres::open_existing(database),
    }
}

fn create(address: &Address, purpose: &Purpose) -> Result<Box<dyn Engine>, OpenError> {
    match address {
        Address::Sqlite(path) => sqlite::create(path, purpose),
        Address::Postgres(database) => postgres::create(database, purpose),
    }
}
