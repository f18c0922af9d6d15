//! What an operator does with an archive: bring answers there, count it, release what was counted.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use keepset_wire::{Plan, Window};

use super::store::StoreFlag;
use crate::archive::{Label, SQL, Table, contents};
use crate::estimate::Estimator;
use crate::publish;
use crate::rollups::Rollups;
use crate::store::{Address, Contents, transfer};

/// What can be done with an archive.
#[derive(Clone, Debug, Subcommand)]
pub enum Archived {
    /// Prints the SQL text that counts an archive, in whatever engine
    Sql,
    /// Brings the closed windows of a store into its archive; a running collector does so by itself
    Seal(Seal),
    /// Counts an archive on this machine, and prints the lines that the SQL text gives anywhere
    Count(Count),
    /// Un-noises what was counted and prints what may be released, as /v1/estimates would
    Release(Release),
}

/// Windows to bring into an archive.
#[derive(Clone, Debug, Args)]
pub struct Seal {
    /// The store.
    #[command(flatten)]
    pub of: StoreFlag,
    /// The folder of the archive.
    #[arg(long, value_name = "FOLDER")]
    pub archive: PathBuf,
    /// Close this window and those before it for ever, although the clock has not; a simulation's windows close no other way.
    #[arg(long, value_name = "WINDOW")]
    pub close_through: Option<u32>,
}

/// What is to be counted.
#[derive(Clone, Debug, Args)]
pub struct Count {
    /// The folder of the archive.
    #[arg(long, value_name = "FOLDER", required_unless_present = "store")]
    pub archive: Option<PathBuf>,
    /// A store: what it keeps and has not brought into its archive yet.
    #[arg(long, value_name = "STORE", value_parser = Address::parse, conflicts_with = "archive")]
    pub store: Option<Address>,
}

/// What is to be released.
#[derive(Clone, Debug, Args)]
pub struct Release {
    /// The folder of the archive; it is counted here where no counts are named.
    #[arg(long, value_name = "FOLDER", required_unless_present = "plan")]
    pub archive: Option<PathBuf>,
    /// The plan, where the archive is not at hand.
    #[arg(long, value_name = "FILE", conflicts_with = "archive", requires = "counts")]
    pub plan: Option<PathBuf>,
    /// What the SQL text gave, as CSV with a line of names.
    #[arg(long, value_name = "FILE")]
    pub counts: Option<PathBuf>,
    /// Also show these segments together: a JSON file, as the collector takes it.
    #[arg(long, value_name = "FILE")]
    pub rollups: Option<PathBuf>,
    /// Print CSV.
    #[arg(long)]
    pub csv: bool,
}

impl Archived {
    pub(super) fn run(&self) -> Result<String, String> {
        match self {
            Self::Sql => Ok(SQL.to_owned()),
            Self::Seal(seal) => seal.run(),
            Self::Count(count) => count.run(),
            Self::Release(release) => release.run(),
        }
    }
}

impl Seal {
    fn run(&self) -> Result<String, String> {
        let windows = transfer::archive(&self.of.address()?, &self.archive, self.close_through.map(Window))?;
        Ok(format!("{}: {windows} windows brought into {}\n", self.of.store, self.archive.display()))
    }
}

impl Count {
    fn run(&self) -> Result<String, String> {
        match (&self.archive, &self.store) {
            (Some(folder), _) => Label::read(folder).and_then(|_| Table::of_archive(folder))?.count(),
            (None, Some(store)) => Table::of_store(store)?.count(),
            (None, None) => Err("--archive: name the folder".into()),
        }
    }
}

impl Release {
    fn run(&self) -> Result<String, String> {
        let (plan, simulation) = self.of()?;
        let load = |path: &PathBuf| Rollups::load(path, &plan).map_err(|error| format!("--rollups: {error}"));
        let rollups = self.rollups.as_ref().map(load).transpose()?.unwrap_or_default();
        let estimator = Estimator::new(&plan)?.rolling_up(rollups);
        let windows = estimator.windows(&plan, &self.counted(&plan, &estimator)?);
        let publication = publish::publication(&plan, &estimator, simulation, &windows);
        if self.csv {
            return Ok(publish::csv(&publication));
        }
        serde_json::to_string(&publication).map(|text| text + "\n").map_err(|error| error.to_string())
    }

    /// Returns what was counted; where it is counted here, with the shapes of answers.
    fn counted(&self, plan: &Plan, estimator: &Estimator) -> Result<Contents, String> {
        let read_as = |counts: &str, name: &Path| {
            contents(plan, counts).map_err(|mistake| format!("{}: {mistake}", name.display()))
        };
        match (&self.counts, &self.archive) {
            (Some(file), _) => read_as(&read(file)?, file).map_err(|error| format!("--counts: {error}")),
            (None, Some(folder)) => {
                let table = Table::of_archive(folder)?;
                let mut counted = read_as(&table.count()?, folder)?;
                counted.aside.checks = table.shapes(plan, estimator)?;
                Ok(counted)
            }
            (None, None) => Err("--counts: name what was counted".into()),
        }
    }

    /// Returns the plan, and whether its reports are a simulation's.
    fn of(&self) -> Result<(Plan, bool), String> {
        match (&self.archive, &self.plan) {
            (Some(folder), _) => Label::read(folder).map(|label| (label.plan, label.simulation)),
            (None, Some(path)) => {
                let plan = Plan::parse(&read(path)?);
                Ok((plan.map_err(|mistake| format!("--plan: {}: {mistake}", path.display()))?, false))
            }
            (None, None) => Err("--archive: name the folder".into()),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}
