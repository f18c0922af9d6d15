//! Training, import and evaluation on the command line.

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Args, ValueEnum as _};

use crate::family::Aim;
use crate::tabular::select::Learner;
use crate::tabular::train::Calibrate;
use crate::train::recalibrate::ReleaseArguments;

/// A training.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// A table to learn from instead of a log: CSV with a line of names, may be gzipped
    #[arg(long, conflicts_with_all = ["events", "mapping", "cut", "test_cut", "features", "each"])]
    pub table: Option<PathBuf>,
    /// The pack file; with a table, the pack that the model is put into
    #[arg(long, required_unless_present = "table", requires = "model_id")]
    pub pack: Option<PathBuf>,
    /// The log: JSON lines, or CSV when there is a mapping; may be gzipped, may be given several times
    #[arg(long, required_unless_present_any = ["table", "from_release"])]
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
    /// The event the model is to foretell, or an outcome that the pack defines; of a table the column
    #[arg(
        long,
        required = false,
        required_unless_present_any = ["from_release", "groups"],
        default_value_ifs([("from_release", ArgPredicate::IsPresent, ""), ("groups", ArgPredicate::IsPresent, "")])
    )]
    pub label: String,
    /// Instead of foretelling: divide people into so many groups by their features (k-means), a segment for each
    #[arg(long, conflicts_with_all = ["label", "table", "from_release", "each", "precision", "learner", "curve", "card"])]
    pub groups: Option<usize>,
    /// A release to bring a model to instead.
    #[command(flatten)]
    pub of_release: ReleaseArguments,
    /// How a table is read and learned from.
    #[command(flatten)]
    pub of_table: TableArguments,
    /// The share of a table's rows that is held back to test on: the later ones with --time, other people's with --person
    #[arg(long, default_value_t = 0.25)]
    pub test_share: f64,
    /// Write the model as it was tested, instead of one fitted again on all rows
    #[arg(long)]
    pub as_tested: bool,
    /// The event counts when it comes within so many days after a cut (28); several numbers ask when it comes, which a hazard learns
    /// (7,14,28,56,90)
    #[arg(long, value_delimiter = ',')]
    pub within_days: Vec<u16>,
    /// A day, YYYY-MM-DD: learn from what is known at its midnight (UTC); may be given several times
    #[arg(long, required_unless_present_any = ["table", "from_release"])]
    pub cut: Vec<String>,
    /// The later day at which the model is tested
    #[arg(long, required_unless_present_any = ["table", "from_release"])]
    pub test_cut: Option<String>,
    /// The features the model reads; with --each, those that every model reads besides its own
    #[arg(long, value_delimiter = ',')]
    pub features: Vec<String>,
    /// Learn a model for each value of these properties of the event: categories or items
    #[arg(long, value_delimiter = ',')]
    pub each: Vec<String>,
    /// With --each: after how many days an event counts half, a feature for each number; 28,168 unless others are named
    #[arg(long, value_delimiter = ',')]
    pub half_life: Vec<u16>,
    /// The model's name in the pack
    #[arg(long, required_unless_present = "table", requires = "pack")]
    pub model_id: Option<String>,
    /// The file for the model, as a member of a pack's "models", with --each features, models and segments; its card is written beside it
    #[arg(long, required_unless_present_any = ["into", "pack"])]
    pub out: Option<PathBuf>,
    /// The pack with the model in it is written to this file, which may be that of --pack; with a table it is, unless another is named
    #[arg(long, requires = "pack", required_unless_present_any = ["out", "table"])]
    pub into: Option<PathBuf>,
    /// Another file for the card
    #[arg(long)]
    pub card: Option<PathBuf>,
    /// Also draw whom each threshold picks, and with what precision, as SVG into this file; of a log alone
    #[arg(long, conflicts_with = "table")]
    pub curve: Option<PathBuf>,
    /// What stands in for a feature without a value; only a recency has none
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub missing: f64,
    /// The penalty on the squares of the weights
    #[arg(long, default_value_t = 1.0)]
    pub l2: f64,
    /// Choose the thresholds of a segment of whom at least this share shall do it
    #[arg(long)]
    pub precision: Option<f64>,
    /// With --each, instead of a precision: a segment for each value, of this share of people, those with the highest scores
    #[arg(long, conflicts_with = "precision")]
    pub reach: Option<f64>,
    /// With --each: choose the way to fit for who comes to a value, or for what is in a person's next basket
    #[arg(long, value_enum, default_value = "values")]
    pub aim: Aim,
    /// Also learn how far people differ from the model by the test cut, so that it moves with its person, as `keepset adapt` does; the label
    /// is an outcome of the pack
    #[arg(long, conflicts_with_all = ["table", "from_release", "groups", "each"])]
    pub adapt: bool,
    /// The seed of the resampling behind the intervals
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// How a table is read and learned from.
#[derive(Debug, Args)]
pub struct TableArguments {
    /// The text in the label's column that is a yes; without it 1, true, yes or y
    #[arg(long)]
    pub positive: Option<String>,
    /// The column that says whose row it is: nobody is learned from and tested on
    #[arg(long)]
    pub person: Option<String>,
    /// The column that orders the rows in time: later rows are tested on
    #[arg(long)]
    pub time: Option<String>,
    /// The rows are in order of time already
    #[arg(long, conflicts_with = "time")]
    pub in_order: bool,
    /// Columns left out: names of rows, and what is known only afterwards
    #[arg(long, value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Columns of numbers that are names, such as codes
    #[arg(long, value_delimiter = ',')]
    pub text: Vec<String>,
    /// Columns that tell the outcome almost alone and are known beforehand all the same
    #[arg(long, value_delimiter = ',')]
    pub allow: Vec<String>,
    /// The learner: of a log logistic unless another is named or it is asked when, of a table auto. bg-nbd asks of a log how often, and reads how
    /// often so far, the days since the last time, the days since the first and, for how much, the mean worth
    #[arg(long, value_enum)]
    pub learner: Option<Learner>,
    /// How scores become probabilities, on rows held out
    #[arg(long, value_enum, default_value_t)]
    pub calibrate: Calibrate,
}

/// An import.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The model: LightGBM's model.txt, XGBoost's model.json, what tests/models/sklearn_json.py writes, or ONNX
    #[arg(long)]
    pub from: PathBuf,
    /// The names of its features in order, of an ONNX model that does not name them
    #[arg(long, value_delimiter = ',')]
    pub features: Vec<String>,
    /// The pack whose features it reads; without one it becomes a model of tables
    #[arg(long, requires = "model_id")]
    pub pack: Option<PathBuf>,
    /// Its name in the pack
    #[arg(long, requires = "pack")]
    pub model_id: Option<String>,
    /// What it foretells: of tables the column
    #[arg(long)]
    pub label: String,
    /// The file for the model
    #[arg(long)]
    pub out: PathBuf,
}

/// An evaluation.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The table: CSV with a line of names, may be gzipped
    #[arg(long)]
    pub table: PathBuf,
    /// The model that `keepset train --table` wrote
    #[arg(long, conflicts_with_all = ["label", "folds"])]
    pub model: Option<PathBuf>,
    /// Without a model: the column to foretell, by models of the other parts of the table
    #[arg(long, required_unless_present = "model")]
    pub label: Option<String>,
    /// In how many parts the table is divided, by person with --person
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=50))]
    pub folds: u16,
    /// How the table is read and learned from.
    #[command(flatten)]
    pub of_table: TableArguments,
    /// Also write every row's score and probability to this file, as CSV
    #[arg(long, requires = "model")]
    pub scores: Option<PathBuf>,
    /// Also show the errors of the rows by the texts of these columns
    #[arg(long, value_delimiter = ',')]
    pub by: Vec<String>,
    /// Also write the results as JSON to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// The seed of everything that chance decides
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl TableArguments {
    fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        options.extend(self.positive.as_ref().map(|positive| ("positive", positive.clone())));
        options.extend(self.person.as_ref().map(|person| ("person", person.clone())));
        options.extend(self.time.as_ref().map(|time| ("time", time.clone())));
        for (name, list) in [("ignore", &self.ignore), ("text", &self.text), ("allow", &self.allow)] {
            options.extend((!list.is_empty()).then(|| (name, list.join(","))));
        }
        let named = |value: Option<clap::builder::PossibleValue>| {
            value.map_or(String::new(), |value| value.get_name().to_owned())
        };
        options.extend(self.learner.map(|learner| ("learner", named(learner.to_possible_value()))));
        options.push(("calibrate", named(self.calibrate.to_possible_value())));
        options
    }
}

impl TrainArguments {
    /// The file that the pack goes to with the model in it.
    #[must_use]
    pub fn into_pack(&self) -> Option<&PathBuf> {
        self.into.as_ref().or(self.pack.as_ref().filter(|_| self.table.is_some()))
    }

    fn shipped(&self) -> Vec<(&'static str, String)> {
        let files = [("out", &self.out), ("into", &self.into)];
        files
            .into_iter()
            .filter_map(|(name, file)| Some((name, file.as_ref()?.display().to_string())))
            .collect()
    }

    /// Writes the command again, an option a line; a word a shell would take apart is quoted.
    #[must_use]
    pub fn command(&self) -> String {
        let path = |path: &PathBuf| path.display().to_string();
        let write = |(name, value): (&str, String)| format!(" \\\n    --{name} {}", quoted(&value));
        if let Some(table) = &self.table {
            let mut options = vec![("table", path(table)), ("label", self.label.clone())];
            options.extend(self.of_table.options());
            options.extend(self.pack.as_ref().map(|pack| ("pack", path(pack))));
            options.extend(self.model_id.as_ref().map(|id| ("model-id", id.clone())));
            options.push(("test-share", self.test_share.to_string()));
            options.push(("seed", self.seed.to_string()));
            options.extend(self.shipped());
            let flags = [(self.of_table.in_order, " --in-order"), (self.as_tested, " --as-tested")];
            let flags: String = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
            return format!("keepset train{flags}{}", options.into_iter().map(write).collect::<String>());
        }
        let mut options: Vec<(&str, String)> = Vec::new();
        options.extend(self.pack.as_ref().map(|pack| ("pack", path(pack))));
        options.extend(self.mapping.as_ref().map(|mapping| ("mapping", path(mapping))));
        options.extend(self.events.iter().map(|events| ("events", path(events))));
        options.push(("label", self.label.clone()));
        options.extend(self.cut.iter().map(|cut| ("cut", cut.clone())));
        options.extend(self.test_cut.as_ref().map(|cut| ("test-cut", cut.clone())));
        let numbers = |numbers: &[u16]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let lists = [
            ("within-days", numbers(&self.within_days)),
            ("each", self.each.join(",")),
            ("half-life", numbers(&self.half_life)),
            ("features", self.features.join(",")),
        ];
        options.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()));
        options.extend(self.model_id.as_ref().map(|id| ("model-id", id.clone())));
        options.push(("missing", self.missing.to_string()));
        options.push(("l2", self.l2.to_string()));
        options.extend(self.precision.map(|precision| ("precision", precision.to_string())));
        options.extend(self.reach.map(|reach| ("reach", reach.to_string())));
        options.extend((self.aim == Aim::Basket).then(|| ("aim", "basket".to_owned())));
        options.extend(self.of_table.options().into_iter().filter(|(name, _)| *name == "learner"));
        options.push(("seed", self.seed.to_string()));
        options.extend(self.shipped());
        options.extend(self.card.as_ref().map(|card| ("card", path(card))));
        let flag = if self.adapt { " --adapt" } else { "" };
        format!("keepset train{flag}{}", options.into_iter().map(write).collect::<String>())
    }
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/,:+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
