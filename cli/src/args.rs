//! The command line.

mod learning;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use keepset_wire::Epsilon;

use crate::adapt::AdaptArguments;
use crate::audit::AuditArguments;
use crate::choose::ChooseArguments;
use crate::figures::FiguresArguments;
use crate::plan;
use crate::sentiment::SentimentCommand;
pub use learning::{EvaluateArguments, ImportArguments, TableArguments, TrainArguments};

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
    /// Shows what a pack makes of a log: the sizes of segments over time and the values of features
    Survey(SurveyArguments),
    /// Tells why a person of a log is in each segment or out of it, and the nearest change that would turn it
    Explain(ExplainArguments),
    /// Lets so many devices report to a collector and compares its estimates with the truth; or tells what would change for a person of a
    /// log if these events happened next
    #[command(mut_args(SimulateArguments::one_of_two))]
    Simulate(SimulateArguments),
    /// Measures how often the 95 % intervals hold the truth when the replayed people report again and again
    Coverage(CoverageArguments),
    /// Learns a model of a pack from a log, tests it on a later time and writes its card
    Train(Box<TrainArguments>),
    /// Measures a trained model on a table, or learners on parts of one: AUC, log-loss, Brier, the reliability curve, groups, importance
    Evaluate(EvaluateArguments),
    /// Takes a model of LightGBM, XGBoost, scikit-learn or ONNX, for a pack or for tables
    Import(ImportArguments),
    /// Makes, measures and asks the lexicon that texts are scored by
    #[command(subcommand)]
    Sentiment(SentimentCommand),
    /// Measures models on public data, beside what others reached, for docs/models.md
    Figures(FiguresArguments),
    /// Learns from a log how far people differ from a model of a pack, and measures on a later time what a device gains that moves it with its person
    Adapt(Box<AdaptArguments>),
    /// Simulates a choice of a pack: what devices that learn lose to who knows each person's best variant, beside the default and chance
    Choose(ChooseArguments),
    /// Prints the plan of a pack: what a collector needs to know; or, for a number of devices, what a plan will be able to tell
    Plan(PlanArguments),
    /// Reads a pack and says whether it is right
    Check(PackArguments),
    /// Compiles a pack: a page that loads the compiled one needs nothing to read JSON with
    Compile(CompileArguments),
    /// Audits the shipped module of the mechanism (its law, its epsilon, its randomness), or, as `verify`, what a device did; prints what
    /// is claimed and what was found
    Audit(AuditArguments),
}

/// A pack.
#[derive(Debug, Args)]
pub struct PackArguments {
    /// The pack file
    #[arg(long)]
    pub pack: PathBuf,
}

/// A pack whose plan is printed, or a plan that is thought of and the devices that would answer it.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The pack file; alone its plan is printed, with --devices what the plan will be able to tell
    #[arg(long, required_unless_present = "devices")]
    pub pack: Option<PathBuf>,
    /// A file with a plan that takes the place of the pack's
    #[arg(long, requires = "pack")]
    pub plan: Option<PathBuf>,
    /// How many devices report in a window
    #[arg(long)]
    pub devices: Option<u64>,
    /// The price of a report, 0.1 to 8
    #[arg(long, value_parser = plan::epsilon, requires = "devices", conflicts_with = "pack", default_value = "2")]
    pub epsilon: Epsilon,
    /// How many segments a question asks about
    #[arg(long, requires = "devices", conflicts_with = "pack", required_unless_present = "pack")]
    pub segments: Option<u16>,
    /// At most this many memberships of a device count
    #[arg(long, requires = "devices", conflicts_with = "pack", default_value_t = 3)]
    pub cap: u8,
    /// How many questions of this shape share the devices
    #[arg(long, requires = "devices", conflicts_with = "pack", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub questions: u16,
    /// How many windows of a year are answered
    #[arg(long, requires = "devices", conflicts_with = "pack", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub windows: u32,
    /// The size of a segment to look at, as a share, such as 0.05; may be given several times
    #[arg(long, value_parser = plan::share, requires = "devices", default_values_t = [0.01, 0.05, 0.2])]
    pub frequency: Vec<f64>,
}

/// A pack and the file it is compiled to.
#[derive(Debug, Args)]
pub struct CompileArguments {
    /// The pack file
    #[arg(long)]
    pub pack: PathBuf,
    /// The keys of the collector, as /v1/keys serves them: reports are sealed to them, and without any there are none
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// The file to write; without it the pack's own name, ending in .keepset
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// A log, read with a pack.
// Of what holds a part, clap's derive makes an empty group: without this one, an optional log would never be there.
#[derive(Debug, Args)]
#[group(arg = "pack")]
pub struct LogArguments {
    /// The pack file
    #[arg(long)]
    pub pack: PathBuf,
    /// A file with a plan that takes the place of the pack's
    #[arg(long)]
    pub plan: Option<PathBuf>,
    /// Its files.
    #[command(flatten)]
    pub files: LogFiles,
}

/// The files of a log.
#[derive(Debug, Args)]
pub struct LogFiles {
    /// The log: JSON lines, or CSV when there is a mapping; may be gzipped, may be given several times
    #[arg(long, required = true)]
    pub events: Vec<PathBuf>,
    /// The mapping file that says which columns of a CSV log hold what
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Stop with exit code 2 at the first line that cannot be used
    #[arg(long)]
    pub strict: bool,
}

/// A run through a whole log.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The log.
    #[command(flatten)]
    pub log: LogArguments,
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
    /// The run.
    #[command(flatten)]
    pub run: RunArguments,
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

/// A survey.
#[derive(Debug, Args)]
pub struct SurveyArguments {
    /// The run.
    #[command(flatten)]
    pub run: RunArguments,
    /// Look at everyone once in so many days
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub every: u16,
}

/// A person of a log at one instant.
#[derive(Debug, Args)]
pub struct PersonArguments {
    /// Who, as the log names them
    #[arg(long)]
    pub person: String,
    /// The instant, as 2017-12-01 or 2017-12-01T18:30:00Z; without it the end of the log
    #[arg(long)]
    pub at: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A question why.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The log.
    #[command(flatten)]
    pub log: LogArguments,
    /// The person.
    #[command(flatten)]
    pub person: PersonArguments,
    /// The segment; without it every one
    #[arg(long)]
    pub segment: Option<String>,
}

/// Devices that report, or a question what if.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// The devices.
    #[command(flatten)]
    pub crowd: Option<CrowdArguments>,
    /// The log.
    #[command(flatten)]
    pub log: Option<LogArguments>,
    /// The person.
    #[command(flatten)]
    pub person: Option<PersonArguments>,
    /// The events that might happen to a person, JSON lines like those of a log; person and time may be left out
    #[arg(long)]
    pub then: Option<PathBuf>,
}

/// Devices that report to a collector.
#[derive(Debug, Args)]
pub struct CrowdArguments {
    /// How many devices report to a collector, each once
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub devices: u64,
    /// The address of the collector, which names the plan; where reading needs a token, KEEPSET_TOKEN holds it
    #[arg(long)]
    pub collector: String,
    /// Send reports unsealed, which a collector takes with --simulation alone
    #[arg(long)]
    pub plain: bool,
    /// Draw devices and noise from this seed; seeded noise is not private
    #[arg(long)]
    pub seed: Option<u64>,
    /// Show progress even when standard error is no terminal
    #[arg(long)]
    pub progress: bool,
}

impl SimulateArguments {
    /// Asks for what belongs to devices where they are named, and for what belongs to a person elsewhere.
    fn one_of_two(argument: clap::Arg) -> clap::Arg {
        match argument.get_id().as_str() {
            "devices" => argument.required(false).required_unless_present("person"),
            "collector" => argument.required(false).requires("devices").required_unless_present("person"),
            "plain" | "seed" | "progress" => argument.requires("devices"),
            "pack" | "events" | "person" | "then" => {
                argument.required(false).required_unless_present("devices")
            }
            _ => argument,
        }
    }
}

/// A measurement of coverage.
#[derive(Debug, Args)]
pub struct CoverageArguments {
    /// The run.
    #[command(flatten)]
    pub run: RunArguments,
    /// How many times everyone reports
    #[arg(long, default_value_t = 200)]
    pub seeds: u64,
    /// How many times everyone is there, so that a small log fills a plan of many questions
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub copies: u16,
}
