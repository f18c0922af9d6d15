//! The configuration: one struct, whether a setting comes from the command line, the environment or a file; checked once at the start.

mod doors;
mod file;
mod keeping;
mod oidc;
mod shown;
mod sources;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use keepset_wire::Plan;

use crate::access::{Access, Issuer, ReadLog, Tokens};
use crate::archive::Archive;
use crate::clock::Clock;
use crate::commands::Command;
use crate::journal::Form;
use crate::keys::{Keyring, Use};
use crate::labels::Desk;
use crate::labels::export::read_terms;
use crate::labels::store::LabelStore;
use crate::labels::webhook::Webhook;
use crate::store::{Address, Purpose};

pub use doors::Doors;
pub use keeping::Keeping;
pub(crate) use keeping::days;
pub use oidc::Oidc;
pub use sources::{LoadError, Loaded, Sources};

/// Receives private reports, counts them durably and publishes estimates with their intervals.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "keepset-collector",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "To serve, every option may also stand in the environment (--rate-per-address as KEEPSET_RATE_PER_ADDRESS), or in the file of \
        --config (rate-per-address = 600). The command line has the last word, then the environment."
)]
pub struct Arguments {
    /// What to do other than serve.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Option<Config>,
    /// How connections are taken: beside the rest, for clap finds out whether optional arguments are there by a group, and groups do not nest.
    #[command(flatten)]
    pub doors: Doors,
    /// Who vouches for readers, beside the rest for the same reason.
    #[command(flatten)]
    pub oidc: Oidc,
    /// How long things are kept, beside the rest for the same reason.
    #[command(flatten)]
    pub keeping: Keeping,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// The plan: a JSON file; only reports that answer it are counted.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// The collector's keys, which `keepset-collector keys new` makes; may be left out with --simulation.
    #[arg(long, value_name = "FILE", required_unless_present = "simulation")]
    pub keys: Option<PathBuf>,
    /// The keys of the gateway, which `keepset-collector keys new --gateway` makes; with them, requests that come through a relay are answered.
    #[arg(long, value_name = "FILE")]
    pub gateway: Option<PathBuf>,
    /// A file of settings (TOML): the options by their names, without the hyphens before them.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the settings and where each comes from, without secrets, and end.
    #[arg(long)]
    pub print_config: bool,
    /// Where counts are kept: sqlite:PATH, a path alone, or postgres://USER@HOST/DATABASE.
    #[arg(long, value_name = "STORE", default_value = "sqlite:keepset.sqlite", value_parser = Address::parse)]
    pub store: Address,
    /// The password of the store, in a file that others than its owner may not use.
    #[arg(long, value_name = "FILE")]
    pub store_password_file: Option<PathBuf>,
    /// Keep the answers of open windows, and bring those of closed ones into this folder as Parquet, for counting by others; a store keeps
    /// doing so once it has begun.
    #[arg(long, value_name = "FOLDER")]
    pub archive: Option<PathBuf>,
    /// Take labels, too, of those who agreed to share them: the `labels` of a pack, or the pack; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub labels: Vec<PathBuf>,
    /// Where labels are kept: a file of its own, apart from the counts.
    #[arg(long, value_name = "FILE", default_value = "labels.sqlite")]
    pub label_store: PathBuf,
    /// Tell this address what changes in the labels: signed messages, of labels that enough people share, and of names that are gone.
    #[arg(long, value_name = "URL", requires_all = ["labels", "webhook_secret"])]
    pub webhook: Option<String>,
    /// The secret that the messages are signed with: whsec_ and the base64 of 24 to 64 bytes; a file that others than its owner may use is refused.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub webhook_secret: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// Let a replayed log bring its own time: every window of the plan stays open, reports need not be sealed, and every page says so.
    #[arg(long)]
    pub simulation: bool,
    /// Who may read estimates: the file that `keepset-collector tokens new` writes; what is read is written to --read-log.
    #[arg(long, value_name = "FILE", requires = "read_log", conflicts_with = "public_reading")]
    pub tokens: Option<PathBuf>,
    /// Let whoever reaches the port read estimates; a simulation does so without being told.
    #[arg(long)]
    pub public_reading: bool,
    /// Where it is written down who read what, and when: a line of JSON each.
    #[arg(long, value_name = "FILE")]
    pub read_log: Option<PathBuf>,
    /// How lines on standard output are written; as JSON, with a line each hour of what was counted.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub log: Form,
    /// Serve the files of this folder under /demo/.
    #[arg(long = "static", value_name = "FOLDER")]
    pub files: Option<PathBuf>,
}

impl Config {
    /// Reads the plan file.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn read_plan(&self) -> Result<Plan, String> {
        let shown = self.plan.display();
        let text = std::fs::read_to_string(&self.plan)
            .map_err(|error| format!("--plan: {shown} cannot be read: {error}"))?;
        Plan::parse(&text).map_err(|mistake| format!("--plan: {shown}: {mistake}"))
    }

    /// Returns where the store is, with its password.
    ///
    /// # Errors
    /// One sentence that names the flag and the file.
    pub fn store(&self) -> Result<Address, String> {
        self.store.clone().with_password_of("--store-password-file", self.store_password_file.as_deref())
    }

    /// Reads the file of keys; none where none is named.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn read_keys(&self) -> Result<Keyring, String> {
        read_ring("--keys", self.keys.as_deref(), Use::Reports)
    }

    /// Reads the file of the gateway's keys; none where none is named, and then there is no gateway.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn read_gateway(&self) -> Result<Keyring, String> {
        read_ring("--gateway", self.gateway.as_deref(), Use::Gateway)
    }

    /// Opens the desk for labels; none where no terms are named.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn open_labels(&self, keys: &Keyring) -> Result<Option<Desk>, String> {
        if self.labels.is_empty() {
            return Ok(None);
        }
        let (terms, store) = (read_terms(&self.labels)?, LabelStore::open(&self.label_store)?);
        let webhook = match (&self.webhook, &self.webhook_secret) {
            (Some(url), Some(secret)) => Some(Webhook::new(url, secret)?),
            _ => None,
        };
        Ok(Some(Desk::new(terms, keys.clone(), store, self.clock())?.telling(webhook)))
    }

    /// Returns who may read; public reading is chosen, never fallen into.
    ///
    /// # Errors
    /// One sentence that names the flag and what to do.
    pub fn access(&self, issuer: Option<Issuer>) -> Result<Access, String> {
        let log = self.read_log.as_deref().map(ReadLog::open).transpose();
        let log = log.map_err(|error| format!("--read-log: {error}"))?;
        let tokens = self.tokens.as_deref().map(Tokens::load).transpose();
        let tokens = tokens.map_err(|error| format!("--tokens: {error}"))?;
        match tokens.or_else(|| issuer.is_some().then(Tokens::default)) {
            Some(tokens) => Ok(Access::with_tokens(tokens, log).vouched_by(issuer)),
            None if self.public_reading || self.simulation => Ok(Access::public(log)),
            None => Err("--tokens: name the file of those who may read estimates, which `keepset-collector tokens new \
                --role analyst --name NAME` makes, an --oidc-issuer, or choose --public-reading"
                .into()),
        }
    }

    /// Checks that the folder of files exists.
    ///
    /// # Errors
    /// One sentence that names the flag and the folder.
    pub fn check_files(&self) -> Result<(), String> {
        match &self.files {
            Some(folder) if !folder.is_dir() => Err(format!("--static: {} is no folder", folder.display())),
            _ => Ok(()),
        }
    }

    /// Returns where the time comes from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        if self.simulation { Clock::Simulation } else { Clock::System }
    }

    /// Returns what the store is to be made for.
    #[must_use]
    pub fn purpose(&self, plan: &Plan) -> Purpose {
        Purpose { plan: plan.clone(), simulation: self.simulation, archived: self.archive.is_some() }
    }

    /// Opens the archive, or makes it; none where none is named.
    ///
    /// # Errors
    /// One sentence that names the flag and what is wrong.
    pub fn open_archive(&self, plan: &Plan) -> Result<Option<Archive>, String> {
        let open = |folder: &PathBuf| Archive::open(folder, plan, self.simulation);
        self.archive.as_ref().map(open).transpose().map_err(|error| format!("--archive: {error}"))
    }
}

fn read_ring(flag: &str, path: Option<&Path>, wanted: Use) -> Result<Keyring, String> {
    let Some(path) = path else { return Ok(Keyring::of(wanted)) };
    let ring = Keyring::load(path).map_err(|error| format!("{flag}: {error}"))?;
    if ring.use_() != wanted {
        return Err(format!("{flag}: {} holds keys for another use", path.display()));
    }
    Ok(ring)
}
