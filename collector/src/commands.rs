//! The commands beside serving: making, listing and retiring keys and tokens; listing and exporting labels; what an operator does with a store.

mod archive;
mod issuer;
mod store;
mod tokens;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keepset_privacy::{Coins as _, SystemCoins};
use keepset_wire::hex;
use keepset_wire::{DAY_MS, Timestamp};

use crate::clock::system_now;
use crate::keys::{Keyring, Standing, Use};
use crate::labels::export::LabelsCommand;

/// So long devices seal to a key unless told otherwise: a year, and five weeks in which the next one is already there.
const KEY_DAYS: i64 = 400;

/// What the program can do beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Makes, lists and retires the keys that reports are sealed to, those of a gateway for relays, and those of an issuer of tokens
    #[command(subcommand)]
    Keys(Keys),
    /// Makes, lists and revokes the tokens of those who may read
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    /// Copies a store into a new file; the collector may be running
    Backup(store::Backup),
    /// Makes a new store from a backup
    Restore(store::Restore),
    /// Moves everything into a new store, of the other kind or elsewhere; the old one counts nothing from then on
    Move(store::Move),
    /// Forgets the ids of windows that are closed, and gives back what they took; a running collector does so once a day
    Compact(store::Compact),
    /// Brings answers into an archive, counts what is in it, and releases what was counted
    #[command(subcommand)]
    Archive(archive::Archived),
    /// Issues tokens that reports are paid with, for a site's backend that says for whom: another process than the collector, with another key
    Issuer(issuer::IssuerCommand),
    /// Lists and exports the labels that people agreed to share
    #[command(subcommand)]
    Labels(LabelsCommand),
}

/// What can be done with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// Makes a key, in a new file or beside those in it, and prints the public halves, which belong into the pack
    New(NewKey),
    /// Lists the keys and how they stand
    List(ListKeys),
    /// Forgets the private half of a key: what was sealed to it stays shut from now on
    Retire(RetireKey),
}

/// A file of keys.
#[derive(Clone, Debug, Args)]
pub struct KeysFile {
    /// The file of keys.
    #[arg(long, value_name = "FILE", default_value = "keys.json")]
    pub keys: PathBuf,
}

/// A key to make.
#[derive(Clone, Debug, Args)]
pub struct NewKey {
    /// The file.
    #[command(flatten)]
    pub file: KeysFile,
    /// Begin a file of a gateway's keys, for requests that come through a relay; a file holds keys for one use.
    #[arg(long)]
    pub gateway: bool,
    /// Begin a file of an issuer's keys, or add one to it: tokens that reports are paid with are signed with them.
    #[arg(long, conflicts_with = "gateway")]
    pub issuer: bool,
    /// The host name of the issuer.
    #[arg(long, value_name = "HOST", requires_all = ["issuer", "origin"])]
    pub name: Option<String>,
    /// The host name of the collector that its tokens are for.
    #[arg(long, value_name = "HOST", requires_all = ["issuer", "name"])]
    pub origin: Option<String>,
    /// The first day on which devices seal to it, YYYY-MM-DD; today when left out.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<Timestamp>,
    /// The day from which they do not any more; 400 days after the first when left out, 91 for a key of an issuer.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<Timestamp>,
}

/// Keys to list.
#[derive(Clone, Debug, Args)]
pub struct ListKeys {
    /// The file.
    #[command(flatten)]
    pub file: KeysFile,
    /// Print the public halves of those not retired as JSON, as /v1/keys serves them.
    #[arg(long)]
    pub json: bool,
}

/// A key to retire.
#[derive(Clone, Debug, Args)]
pub struct RetireKey {
    /// The file.
    #[command(flatten)]
    pub file: KeysFile,
    /// The number of the key.
    pub id: u8,
    /// Retire it although devices still seal to it: their reports will be refused.
    #[arg(long)]
    pub in_use: bool,
}

fn date(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_date(text).ok_or_else(|| "expected a date like 2026-11-21".into())
}

impl Command {
    /// Does it and returns what is to be printed.
    ///
    /// # Errors
    /// One sentence when it could not be done; nothing has changed then.
    pub fn run(&self) -> Result<String, String> {
        match self {
            Self::Keys(Keys::New(new)) => new.run(system_now()),
            Self::Keys(Keys::List(list)) => list.run(system_now()),
            Self::Keys(Keys::Retire(retire)) => retire.run(system_now()),
            Self::Tokens(tokens) => tokens.run(),
            Self::Backup(backup) => backup.run(),
            Self::Restore(restore) => restore.run(),
            Self::Move(moving) => moving.run(),
            Self::Compact(compact) => compact.run(),
            Self::Archive(archived) => archived.run(),
            Self::Issuer(issuer) => issuer.run(),
            Self::Labels(labels) => labels.run(),
        }
    }
}

impl NewKey {
    fn run(&self, now: Timestamp) -> Result<String, String> {
        let path = &self.file.keys;
        let today = Timestamp::from_date(&now.date()).unwrap_or(now);
        let from = self.from.unwrap_or(today);
        if self.issuer {
            let names = self.name.as_deref().zip(self.origin.as_deref());
            return issuer::new_key(path, names, (from, self.until));
        }
        let wanted = if self.gateway { Use::Gateway } else { Use::Reports };
        let mut ring = if path.exists() { Keyring::load(path)? } else { Keyring::of(wanted) };
        if self.gateway && ring.use_() != wanted {
            return Err(format!(
                "{} holds keys that reports are sealed to; name another file for those of the gateway",
                path.display()
            ));
        }
        let secret =
            SystemCoins::open().and_then(|mut coins| coins.secret()).map_err(|error| error.to_string())?;
        ring.add(secret, from, self.until.unwrap_or_else(|| from.saturating_add(KEY_DAYS * DAY_MS)))?;
        ring.save(path)?;
        Ok(public(&ring))
    }
}

impl ListKeys {
    fn run(&self, now: Timestamp) -> Result<String, String> {
        if issuer::is_issuers(&self.file.keys) {
            return issuer::list(&self.file.keys, self.json, now);
        }
        let ring = Keyring::load(&self.file.keys)?;
        if self.json {
            return Ok(public(&ring));
        }
        let mut text =
            format!("{:>3}  {:<10}  {:<10}  {:<8}  public key\n", "id", "from", "until", "standing");
        for (key, standing) in ring.standings(now) {
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "{:>3}  {:<10}  {:<10}  {:<8}  {}",
                key.id,
                key.from.date(),
                key.until.date(),
                standing.words(),
                hex(&key.public)
            );
        }
        Ok(text)
    }
}

impl RetireKey {
    fn run(&self, now: Timestamp) -> Result<String, String> {
        if issuer::is_issuers(&self.file.keys) {
            return issuer::retire(&self.file.keys, self.id, self.in_use);
        }
        let mut ring = Keyring::load(&self.file.keys)?;
        let standing = ring.standings(now).find(|(key, _)| key.id == self.id).map(|(_, standing)| standing);
        if matches!(standing, Some(Standing::InUse | Standing::ToCome)) && !self.in_use {
            return Err(format!(
                "key {} is {}: devices whose pack names it would lose their reports; add --in-use to retire it all the same",
                self.id,
                standing.map_or("", Standing::words)
            ));
        }
        ring.retire(self.id)?;
        ring.save(&self.file.keys)?;
        Ok(format!("key {} is retired: restart the collector, and compile packs anew without it\n", self.id))
    }
}

fn public(ring: &Keyring) -> String {
    format!("{:#}\n", ring.public_json())
}
