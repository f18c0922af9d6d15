//! Training: a log goes through the engine, a model learns from what the devices knew and is tested on a later time.

mod basis;
mod card;
pub mod cohort;
pub mod matters;
pub mod quality;
pub(crate) mod reach;
pub mod recalibrate;
pub mod stability;
mod summary;

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::feature::definitions;
use keepset_engine::model::Model as Scorer;
use keepset_engine::model::fit::{FitError, FitOptions, logistic};
use serde::Serialize;
use serde_json::Value;

pub use basis::Basis;
pub use card::card;
pub use reach::{Choice, curve};
pub use summary::summary;

use self::cohort::{Cohort, Row, Schedule};
use self::matters::Matters;
use self::quality::{Pick, Quality, Scored, mean_and_deviation, pick, rate, threshold_for};
use self::stability::{Moment, moments};
use crate::learn::Matrix;
use crate::learn::scale::Platt;
use crate::replay::Watch;
use crate::tabular::model::LEAF_BITS;
use crate::tabular::select::{self, Division, Fitted, Kind, Learner};

/// What is learned from what.
#[derive(Clone, Debug)]
pub struct Training {
    /// What every training is told.
    pub basis: Basis,
    /// The event to foretell.
    pub label: String,
    /// Whether it is to come, or to stay away.
    pub comes: bool,
    /// In how many days after a cut it must come.
    pub within_days: u16,
    /// What learns.
    pub learner: Learner,
    /// The penalty of [`FitOptions`].
    pub l2: f64,
    /// The precision that thresholds are chosen for.
    pub precision: Option<f64>,
}

/// A trained model and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct Trained {
    /// The model's name.
    pub id: String,
    /// The model, as a pack holds it.
    pub model: Member,
    /// How it was fitted, in words.
    pub way: String,
    /// What it foretells.
    pub label: String,
    /// In how many days.
    pub within_days: u16,
    /// The days learned from.
    pub cuts: Vec<String>,
    /// The day tested on.
    pub test_cut: String,
    /// How many people the log has.
    pub people: usize,
    /// How many events were taken.
    pub events: u64,
    /// How many lines could not be read.
    pub malformed: u64,
    /// How many events the pack refused.
    pub refused: u64,
    /// The penalty.
    pub l2: f64,
    /// The features read, in the order of their names.
    pub features: Vec<Input>,
    /// Its quality on the rows it learned from: flattering by nature.
    pub learned: Quality,
    /// Its quality on the later time.
    pub tested: Quality,
    /// Each cut learned from and the one tested on.
    pub stability: Vec<Moment>,
    /// What it reads that is sensitive.
    pub sensitive: Matters,
    /// The thresholds of a segment, when a precision was asked for.
    pub thresholds: Option<Thresholds>,
    /// Whom other thresholds pick, the fewest people first.
    pub choices: Vec<Choice>,
}

/// A model as a pack holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Member {
    /// Weights.
    Linear(Weights),
    /// Trees.
    Trees(Value),
}

/// A linear model as a pack holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    /// Always `linear`.
    pub kind: &'static str,
    /// What it is called where people read it.
    pub title: String,
    /// The log-odds where every feature is 0.
    pub intercept: f64,
    /// The weights of the raw feature values.
    pub weights: BTreeMap<String, f64>,
    /// What stands in for a feature without a value.
    pub missing: f64,
    /// Of a hazard: the last day of each stretch of days, and what is added to the score on one of its days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<(u16, f64)>>,
    /// How it moves with its person, where that was learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapt: Option<Value>,
}

impl Weights {
    /// Makes a line of these weights.
    #[must_use]
    pub fn new(title: String, intercept: f64, weights: BTreeMap<String, f64>, missing: f64) -> Self {
        Self { kind: "linear", title, intercept, weights, missing, waiting: None, adapt: None }
    }
}

/// A feature that a model reads.
#[derive(Clone, Debug, Serialize)]
pub struct Input {
    /// Its name.
    pub id: String,
    /// What it is called where people read it.
    pub title: String,
    /// Its weight, of a linear model.
    pub weight: Option<f64>,
    /// By how much the log-odds move when it moves by one standard deviation; of trees, by how much it moves them on average.
    pub strength: f64,
}

/// The thresholds of a segment: who is out comes in at `enter`, who is in stays down to `stay`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Thresholds {
    /// The precision asked for.
    pub precision: f64,
    /// The lowest margin at which that share of the rows learned from did it.
    pub enter: f64,
    /// The lowest margin at which three quarters of that share did it: a score near the line does not flicker.
    pub stay: f64,
    /// Whom `enter` picks among the rows learned from.
    pub learned: Pick,
    /// Whom `enter` picks at the later time.
    pub tested: Pick,
}

/// Who is in stays while the precision is at least this part of the one asked for.
const STAY_PART: f64 = 0.75;

impl Training {
    /// Learns the model and tests it.
    ///
    /// # Errors
    /// When the settings contradict each other, the pack or the log; when a file fails; when there is nothing to
    /// learn; or, as [`crate::replay::Stopped`], when a strict training meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<Trained> {
        let pack = self.basis.read_pack()?;
        let columns = self.check(&pack)?;
        let schedule = self.schedule();
        let mut cohort = Cohort::new(Rc::clone(&pack), &self.label, schedule.all());
        let intake = self.basis.read_log(&mut cohort, watch)?;
        schedule.check_end(cohort.end())?;

        let rows = |cut: usize| {
            let told = |row: Row| Row { label: row.label == self.comes, ..row };
            cohort.rows(cut).into_iter().map(told)
        };
        let by_cut: Vec<Vec<Row>> = (0..self.basis.cuts.len()).map(|cut| rows(cut).collect()).collect();
        let counts: Vec<usize> = by_cut.iter().map(Vec::len).collect();
        let learned: Vec<Row> = by_cut.into_iter().flatten().collect();
        let tested: Vec<Row> = rows(self.basis.cuts.len()).collect();
        let Learned { model, way, strengths } = match self.learner {
            Learner::Logistic => self.fit(&pack, &columns, &learned)?,
            _ => self.choose(&pack, &columns, &learned, watch)?,
        };
        let scorer = self.basis.scorer(&pack, &model)?;
        let (learned, tested) = (score(&scorer, &learned), score(&scorer, &tested));
        let constant =
            |set: &str| format!("whether {} comes is the same for everyone in the {set}", self.label);
        let own_rate = rate(&learned);
        let measure = |scored: &[Scored]| Quality::of(scored, own_rate, self.basis.seed);
        let inputs = columns.iter().zip(&strengths).map(|(column, strength)| {
            let feature = &pack.features()[*column];
            let weight = model.linear().and_then(|line| line.weights.get(feature.id.as_str()).copied());
            Input { id: feature.id.to_string(), title: feature.title.clone(), weight, strength: *strength }
        });
        Ok(Trained {
            id: self.basis.model_id.to_string(),
            label: self.label.clone(),
            within_days: self.within_days,
            cuts: self.basis.cuts.iter().map(|cut| cut.date()).collect(),
            test_cut: self.basis.test_cut.date(),
            people: cohort.people(),
            events: intake.events,
            malformed: intake.malformed,
            refused: intake.refused,
            l2: self.l2,
            way,
            features: inputs.collect(),
            stability: self.stability(&learned, &counts, &tested),
            sensitive: self.basis.matters()?,
            learned: measure(&learned).with_context(|| constant("time learned from"))?,
            tested: measure(&tested).with_context(|| constant("time tested on"))?,
            thresholds: self.precision.map(|wanted| thresholds(&learned, &tested, wanted)).transpose()?,
            choices: reach::choices(&learned, &tested),
            model,
        })
    }

    /// Checks the settings against each other and the pack; returns the features' places in the pack.
    fn check(&self, pack: &Pack) -> anyhow::Result<Vec<usize>> {
        self.learner.check_asks_whether()?;
        self.schedule().check()?;
        if let Some(precision) = self.precision {
            ensure!(precision > 0.0 && precision < 1.0, "a precision lies between 0 and 1");
        }
        self.basis.check_label(pack, &self.label)?;
        let mut columns = self.basis.places(pack)?;
        ensure!(!columns.is_empty() && !self.basis.cuts.is_empty(), "a model needs a feature and a cut");
        columns.sort_unstable();
        Ok(columns)
    }

    /// Looks at the rows of each cut, of which there are so many, and at those tested on.
    fn stability(&self, learned: &[Scored], counts: &[usize], tested: &[Scored]) -> Vec<Moment> {
        let mut rest = learned;
        let mut parts = Vec::new();
        for (cut, count) in self.basis.cuts.iter().zip(counts) {
            let (part, after) = rest.split_at(*count);
            parts.push((cut.date(), part));
            rest = after;
        }
        parts.push((self.basis.test_cut.date(), tested));
        moments(learned, parts, self.basis.seed)
    }

    fn schedule(&self) -> Schedule {
        self.basis.schedule(self.within_days)
    }

    /// Fits the weights.
    fn fit(&self, pack: &Pack, columns: &[usize], rows: &[Row]) -> anyhow::Result<Learned> {
        let name = |column: usize| pack.features()[columns[column]].id.to_string();
        let value = |row: &Row, column: usize| row.values[column].unwrap_or(self.basis.missing);
        let matrix: Vec<Vec<f64>> =
            rows.iter().map(|row| columns.iter().map(|column| value(row, *column)).collect()).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row.label).collect();
        let fitted = match logistic(&matrix, &labels, FitOptions { l2: self.l2, ..FitOptions::default() }) {
            Ok(fitted) => fitted,
            Err(FitError::ConstantColumn { column }) => {
                bail!("the feature {} has the same value for everyone; leave it out", name(column))
            }
            Err(error) => return Err(error.into()),
        };
        let weights =
            fitted.weights.iter().enumerate().map(|(column, w)| (name(column), six_digits(*w))).collect();
        let model = Weights::new(self.title(), six_digits(fitted.intercept), weights, self.basis.missing);
        let strengths = (0..columns.len())
            .map(|column| {
                model.weights.get(&name(column)).unwrap_or(&0.0)
                    * mean_and_deviation(&matrix.iter().map(|row| row[column]).collect::<Vec<_>>()).1
            })
            .collect();
        let way = format!("logistic regression on standardised features, L2 penalty {}", self.l2);
        Ok(Learned { model: Member::Linear(model), way, strengths })
    }

    /// Chooses a learner on the rows learned from and fits it.
    fn choose(
        &self,
        pack: &Pack,
        columns: &[usize],
        rows: &[Row],
        watch: &mut impl Watch,
    ) -> anyhow::Result<Learned> {
        let names: Vec<String> =
            columns.iter().map(|column| pack.features()[*column].id.to_string()).collect();
        let value = |row: &Row, column: usize| row.values[column].unwrap_or(f64::NAN);
        let matrix = Matrix::new(
            columns.iter().map(|column| rows.iter().map(|row| value(row, *column)).collect()).collect(),
        );
        let labels: Vec<bool> = rows.iter().map(|row| row.label).collect();
        ensure!(
            rows.len() >= FitOptions::default().least_rows,
            "{}",
            FitError::TooFewRows { rows: rows.len(), least: 100 }
        );
        ensure!(labels.contains(&true) && labels.contains(&false), "{}", FitError::ConstantLabel);
        // A line gives what is absent the number that stands in for it.
        let filled = Matrix::new(
            matrix
                .columns
                .iter()
                .map(|column| {
                    column.iter().map(|v| if v.is_nan() { self.basis.missing } else { *v }).collect()
                })
                .collect(),
        );
        // Rows come cut by cut; within one cut there is no order of time.
        let division = if self.basis.cuts.len() > 2 {
            Division::Time
        } else {
            Division::Chance { groups: None, parts: 5 }
        };
        let mut step = |done, all| watch.step(done, all, "fits of learners to choose from");
        let chosen =
            select::choose(&filled, &names, &labels, self.learner, &division, self.basis.seed, &mut step);
        let platt = Platt::fit(&chosen.held_out.0, &chosen.held_out.1);
        let read = if matches!(chosen.way.kind, Kind::Line(_)) { &filled } else { &matrix };
        let mut fitted = select::fit(read, &names, &labels, chosen.way);
        fitted.stretch(platt);
        let title = self.title();
        let model = match &fitted {
            Fitted::Line(line) => {
                let weights = names
                    .iter()
                    .cloned()
                    .zip(line.weights.iter().map(|weight| six_digits(*weight)))
                    .collect();
                Member::Linear(Weights::new(title, six_digits(line.intercept), weights, self.basis.missing))
            }
            Fitted::Trees(trees) => Member::Trees(trees.member(
                &title,
                &names,
                &|names| definitions(&self.basis.pack, names),
                LEAF_BITS,
                true,
            )),
        };
        let strengths = match &fitted {
            Fitted::Line(line) => (0..columns.len())
                .map(|column| line.weights[column] * mean_and_deviation(&filled.columns[column]).1)
                .collect(),
            Fitted::Trees(_) => self.mean_contributions(pack, &model, columns, rows)?,
        };
        Ok(Learned { model, way: format!("{}, brought to log-odds on rows held out", chosen.way), strengths })
    }

    /// By how much each feature moves the scores of rows, on average.
    #[expect(clippy::cast_precision_loss, reason = "people stay far below 2^53")]
    fn mean_contributions(
        &self,
        pack: &Pack,
        model: &Member,
        columns: &[usize],
        rows: &[Row],
    ) -> anyhow::Result<Vec<f64>> {
        let scorer = self.basis.scorer(pack, model)?;
        let mut sums = BTreeMap::new();
        for row in rows {
            let found = scorer.contributions(|feature| row.values.get(feature).copied().flatten());
            for (feature, adds) in found.map_or(Vec::new(), |found| found.parts) {
                *sums.entry(feature).or_insert(0.0) += adds.abs() / rows.len() as f64;
            }
        }
        Ok(columns.iter().map(|column| sums.get(column).copied().unwrap_or(0.0)).collect())
    }

    fn title(&self) -> String {
        let no = if self.comes { "" } else { "no " };
        format!("log-odds of {no}{} within {} days", self.label, self.within_days)
    }
}

/// A fitted model, how it was fitted, and how strong each column is in it.
struct Learned {
    model: Member,
    way: String,
    strengths: Vec<f64>,
}

impl Member {
    /// The weights, of a linear model.
    #[must_use]
    pub fn linear(&self) -> Option<&Weights> {
        if let Self::Linear(weights) = self { Some(weights) } else { None }
    }

    /// Lets it move with its person.
    pub fn move_by(&mut self, adapt: Value) {
        match self {
            Self::Linear(weights) => weights.adapt = Some(adapt),
            Self::Trees(trees) => trees["adapt"] = adapt,
        }
    }

    /// Writes it as a member of a pack's `models`.
    #[must_use]
    pub fn written(&self, id: &str) -> String {
        let member = BTreeMap::from([(id, self)]);
        // Texts and finite numbers under text keys: there is nothing JSON cannot hold.
        let text = match self {
            Self::Linear(_) => serde_json::to_string_pretty(&member),
            Self::Trees(_) => serde_json::to_string(&member),
        };
        text.unwrap_or_default()
    }
}

impl Trained {
    /// Writes the model as a member of a pack's `models`.
    #[must_use]
    pub fn member(&self) -> String {
        self.model.written(&self.id)
    }
}

fn score(model: &Scorer, rows: &[Row]) -> Vec<Scored> {
    let margin = |row: &Row| model.score(|feature| row.values.get(feature).copied().flatten());
    rows.iter().map(|row| Scored { margin: margin(row), label: row.label }).collect()
}

pub(crate) fn thresholds(
    learned: &[Scored],
    tested: &[Scored],
    precision: f64,
) -> anyhow::Result<Thresholds> {
    let find = |precision| threshold_for(learned, precision);
    let enter = find(precision).with_context(|| {
        format!("no threshold picks 20 people of whom {precision} did it; ask for a lower precision")
    })?;
    // A lower precision is kept at `enter` too, so there is always such a threshold.
    let stay = find(precision * STAY_PART).unwrap_or(enter);
    Ok(Thresholds { precision, enter, stay, learned: pick(learned, enter), tested: pick(tested, enter) })
}

/// Weights that people can read and compare; the model is tested with them as they are written.
pub(crate) fn six_digits(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
