//! What an operator does with a store: back it up, restore it, move it, make it small.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Args;

use crate::config::days;
use crate::store::Address;
use crate::store::transfer::{self, Copied};

/// The store that is meant.
#[derive(Clone, Debug, Args)]
pub struct StoreFlag {
    /// The store: sqlite:PATH, a path alone, or postgres://USER@HOST/DATABASE.
    #[arg(long, env = "KEEPSET_STORE", hide_env_values = true, value_name = "STORE", value_parser = Address::parse)]
    pub store: Address,
    /// The password of the store, in a file that others than its owner may not use.
    #[arg(long, env = "KEEPSET_STORE_PASSWORD_FILE", value_name = "FILE")]
    pub store_password_file: Option<PathBuf>,
}

impl StoreFlag {
    /// Returns where the store is, with its password.
    ///
    /// # Errors
    /// One sentence that names the flag and the file.
    pub fn address(&self) -> Result<Address, String> {
        self.store.clone().with_password_of("--store-password-file", self.store_password_file.as_deref())
    }
}

/// A store to back up.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// The store.
    #[command(flatten)]
    pub from: StoreFlag,
    /// The file to make.
    pub file: PathBuf,
}

/// A store to make from a backup.
#[derive(Clone, Debug, Args)]
pub struct Restore {
    /// The store, which is not there yet.
    #[command(flatten)]
    pub to: StoreFlag,
    /// The backup.
    pub file: PathBuf,
}

/// A store to move.
#[derive(Clone, Debug, Args)]
pub struct Move {
    /// The store.
    #[command(flatten)]
    pub from: StoreFlag,
    /// Where to; there is no store yet.
    #[arg(long, value_name = "STORE", value_parser = Address::parse)]
    pub to: Address,
    /// The password of that one, in a file that others than its owner may not use.
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Option<PathBuf>,
}

/// A store to make small.
#[derive(Clone, Debug, Args)]
pub struct Compact {
    /// The store.
    #[command(flatten)]
    pub of: StoreFlag,
    /// Also forget the counts of windows that closed so many days ago; left out, as the plan's `retention` says.
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub keep_counts_days: Option<NonZeroU16>,
}

impl Backup {
    pub(super) fn run(&self) -> Result<String, String> {
        let file = Address::Sqlite(self.file.clone());
        transfer::copy(&self.from.address()?, &file)
            .map(|copied| done("backed up", &self.from.store, &file, copied))
    }
}

impl Restore {
    pub(super) fn run(&self) -> Result<String, String> {
        let file = Address::Sqlite(self.file.clone());
        transfer::copy(&file, &self.to.address()?)
            .map(|copied| done("restored", &file, &self.to.store, copied))
    }
}

impl Move {
    pub(super) fn run(&self) -> Result<String, String> {
        let from = self.from.address()?;
        let to = self.to.clone().with_password_of("--to-password-file", self.to_password_file.as_deref())?;
        transfer::relocate(&from, &to).map(|copied| done("moved", &from, &to, copied))
    }
}

impl Compact {
    pub(super) fn run(&self) -> Result<String, String> {
        let closed_before = transfer::compact(&self.of.address()?, self.keep_counts_days)?;
        Ok(format!("{}: epochs below {} are closed, their ids forgotten\n", self.of.store, closed_before.0))
    }
}

fn done(what: &str, from: &Address, to: &Address, Copied { reports, ids, spent }: Copied) -> String {
    let tokens = if spent > 0 { format!(", and {spent} spent tokens") } else { String::new() };
    format!("{what}: {reports} reports counted and {ids} ids{tokens}, from {from} to {to}\n")
}
