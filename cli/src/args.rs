//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Keepset's native tool: replays behaviour logs through the engine that runs on devices.
#[derive(Debug, Parser)]
#[command(name = "keepset", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the tool can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Replays a log, one engine per person, and compares the private estimates with the truth
    Replay(ReplayArguments),
    /// Measures how often the 95 % intervals hold the truth when the replayed people report again and again
    Coverage(CoverageArguments),
    /// Prints the plan of a pack: what a collector needs to know
    Plan(PackArguments),
    /// Reads a pack and says whether it is right
    Check(PackArguments),
}

/// A pack.
#[derive(Debug, Args)]
pub struct PackArguments {
    /// The pack file
    #[arg(long)]
    pub pack: PathBuf,
}

/// A log.
#[derive(Debug, Args)]
pub struct LogArguments {
    /// The pack file
    #[arg(long)]
    pub pack: PathBuf,
    /// The log: JSON lines, or CSV when there is a mapping; may be gzipped, may be given several times
    #[arg(long, required = true)]
    pub events: Vec<PathBuf>,
    /// The mapping file that says which columns of a CSV log hold what
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Stop with exit code 2 at the first line that cannot be used
    #[arg(long)]
    pub strict: bool,
    /// Show progress even when standard error is no terminal
    #[arg(long)]
    pub progress: bool,
    /// Also write the results as JSON to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// A replay.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// The log.
    #[command(flatten)]
    pub log: LogArguments,
    /// The address of a collector that gets the reports and gives the estimates; without it nothing leaves this process
    #[arg(long)]
    pub collector: Option<String>,
    /// The window to show, instead of the last complete one
    #[arg(long)]
    pub window: Option<u32>,
    /// Draw the noise from this seed, so that a run can be repeated; seeded noise is not private
    #[arg(long)]
    pub seed: Option<u64>,
}

/// A measurement of coverage.
#[derive(Debug, Args)]
pub struct CoverageArguments {
    /// The log.
    #[command(flatten)]
    pub log: LogArguments,
    /// How many times everyone reports
    #[arg(long, default_value_t = 200)]
    pub seeds: u64,
}
