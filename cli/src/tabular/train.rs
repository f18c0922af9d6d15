//! Training on a table: what is held back is neither encoded from, chosen on nor calibrated with.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::encode::Encoding;
use super::evaluate::{Evaluation, evaluate};
use super::frame::Frame;
use super::leak;
use super::model::{Calibration, TableModel, member};
use super::select::{Division, Fitted, Learner, Tried, choose, divide, fit};
use crate::learn::Matrix;
use crate::learn::scale::{Platt, Staircase};
use crate::log::Fault;
use crate::replay::{Unwatched, Watch};
use crate::train::matters::Matters;

/// What is learned from a table.
#[derive(Clone, Debug, Default)]
pub struct TableTraining {
    /// The column to foretell.
    pub label: String,
    /// The text of it that is a yes.
    pub positive: Option<String>,
    /// The column that says whose row it is: nobody is learned from and tested on.
    pub person: Option<String>,
    /// The column that orders rows in time, as numbers or as text; empty for rows that are in order already.
    pub time: Option<String>,
    /// Columns left out.
    pub ignore: Vec<String>,
    /// Columns of numbers that are names.
    pub texts: Vec<String>,
    /// Columns that tell the outcome and are known beforehand all the same.
    pub allow: Vec<String>,
    /// The learner.
    pub learner: Learner,
    /// How scores become probabilities.
    pub calibrate: Calibrate,
    /// The share of the rows that is held back to test on.
    pub test_share: f64,
    /// Whether the model is chosen and fitted again on all rows after it was tested.
    pub refit: bool,
    /// The seed of everything that chance decides.
    pub seed: u64,
}

/// Watches what is said, and nothing else.
struct Saying<'a>(&'a mut dyn FnMut(&str));

impl Watch for Saying<'_> {
    fn fault(&mut self, _fault: &Fault) {}

    fn progress(&mut self, _read: u64, _size: u64, _events: u64) {}

    fn say(&mut self, line: &str) {
        (self.0)(line);
    }
}

/// How scores become probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Calibrate {
    /// Scores are log-odds as they come.
    None,
    /// By a line, on rows held out.
    #[default]
    Platt,
    /// By a staircase, on rows held out.
    Isotonic,
}

/// A trained model of a table and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct TableTrained {
    /// The model.
    pub model: TableModel,
    /// How it was fitted.
    pub way: String,
    /// What else was tried.
    pub tried: Vec<Tried>,
    /// How many rows were learned from.
    pub rows: usize,
    /// How it was fitted again on all rows once it was tested.
    pub again: Option<String>,
    /// By how much a score may differ from that of the model before its leaves were rounded, over the rows learned from.
    pub rounding: f64,
    /// How the test part was held back.
    pub held_back: String,
    /// What it is worth on the part held back.
    pub tested: Option<Evaluation>,
    /// The columns that say who somebody is, by their names.
    pub sensitive: Matters,
}

/// So few rows teach nothing: the standard error of an AUC passes 0.05.
const LEAST_ROWS: usize = 100;
/// In so many parts the rows learned from are divided to choose on.
const PARTS: usize = 5;
/// Above so many rows fewer parts say as much.
const MANY_ROWS: usize = 20_000;
const FEW_PARTS: usize = 3;

impl TableTraining {
    /// Learns and tests.
    ///
    /// # Errors
    /// When a column is not there, there is nothing to learn, or a column tells the outcome.
    pub fn run(&self, frame: &Frame, say: &mut dyn FnMut(&str)) -> anyhow::Result<TableTrained> {
        self.run_watched(frame, &mut Saying(say))
    }

    /// Learns and tests, and tells how far it is.
    ///
    /// # Errors
    /// As [`TableTraining::run`].
    pub fn run_watched(&self, frame: &Frame, watch: &mut dyn Watch) -> anyhow::Result<TableTrained> {
        let frame = self.ordered(frame)?;
        self.learner.check_asks_whether()?;
        ensure!((0.0..0.9).contains(&self.test_share), "the share held back lies between 0 and 0.9");
        let (learned, held) = self.hold_back(&frame)?;
        let known = frame.take(&learned);
        let (model, way, tried, rounding) = self.learn(&known, watch)?;
        let tested =
            if held.is_empty() { None } else { Some(evaluate(&model, &frame.take(&held), &[], self.seed)?) };
        let (model, again, rounding) = if self.refit && !held.is_empty() {
            watch.say("tested; now on all rows");
            let (model, way, _, rounding) = self.learn(&frame, watch)?;
            (model, Some(way), rounding)
        } else {
            (model, None, rounding)
        };
        let sensitive =
            Matters::of_columns(model.encoding.columns.iter().map(|column| column.column.as_str()));
        Ok(TableTrained {
            sensitive,
            model,
            way,
            tried,
            rows: learned.len(),
            again,
            rounding,
            held_back: self.held_back(),
            tested,
        })
    }

    /// Divides the table into parts, each foretold by a model of the others, and judges all of it at once.
    ///
    /// # Errors
    /// As [`TableTraining::run`].
    pub fn cross(
        &self,
        frame: &Frame,
        parts: usize,
        say: &mut dyn FnMut(&str),
    ) -> anyhow::Result<(Vec<f64>, Vec<Evaluation>)> {
        let frame = self.ordered(frame)?;
        self.learner.check_asks_whether()?;
        let division = Division::Chance { groups: self.groups(&frame)?, parts };
        let mut evaluations = Vec::new();
        for (number, (learned, held)) in divide(frame.rows(), &division, self.seed).into_iter().enumerate() {
            say(&format!("part {} of {parts}", number + 1));
            let (model, ..) = self.learn(&frame.take(&learned), &mut Unwatched)?;
            evaluations.push(evaluate(&model, &frame.take(&held), &[], self.seed)?);
        }
        Ok((evaluations.iter().map(|one| one.worth.auc.value).collect(), evaluations))
    }

    fn learn(
        &self,
        frame: &Frame,
        watch: &mut dyn Watch,
    ) -> anyhow::Result<(TableModel, String, Vec<Tried>, f64)> {
        ensure!(
            frame.rows() >= LEAST_ROWS,
            "{} rows are too few to learn from; {LEAST_ROWS} are needed",
            frame.rows()
        );
        let labels = frame.labels(&self.label, self.positive.as_deref())?;
        let encoding = Encoding::learn(frame, &self.columns(frame)?, &self.texts, &labels)?;
        let matrix = encoding.apply_to_own(frame, &labels, self.seed)?;
        let sources = encoding.sources();
        leak::check(&matrix, &sources, &labels, &self.allow)?;
        watch.say(&format!("{} rows, {} columns of numbers; choosing", matrix.rows, matrix.columns.len()));
        let division = self.division(frame)?;
        let mut step = |done, all| watch.step(done, all, "fits of learners to choose from");
        let chosen = choose(&matrix, &sources, &labels, self.learner, &division, self.seed, &mut step);
        watch.say(&format!("fitting: {}", chosen.way));
        let mut fitted = fit(&matrix, &sources, &labels, chosen.way);
        let (scores, outcomes) = &chosen.held_out;
        let calibration = match self.calibrate {
            Calibrate::None => Calibration::None,
            Calibrate::Platt => {
                let platt = Platt::fit(scores, outcomes);
                fitted.stretch(platt);
                Calibration::Platt(platt)
            }
            Calibrate::Isotonic => Calibration::Isotonic(Staircase::fit(scores, outcomes)),
        };
        let exact = fitted.scores(&matrix);
        let member = member(&fitted, &format!("log-odds of {}", self.label), &encoding);
        let absent = if let Fitted::Line(line) = &fitted { line.means.clone() } else { Vec::new() };
        let model =
            TableModel::new(&self.label, self.positive.clone(), encoding, member, absent, calibration);
        Ok((model.clone(), chosen.way.to_string(), chosen.tried, rounding(&model, &matrix, &exact)?))
    }

    /// Puts rows in order of time, where a column says it.
    fn ordered(&self, frame: &Frame) -> anyhow::Result<Frame> {
        let Some(time) = self.time.as_ref().filter(|time| !time.is_empty()) else { return Ok(frame.clone()) };
        let cells = frame.column(time)?;
        let mut rows: Vec<usize> = (0..frame.rows()).collect();
        let numbers: Option<Vec<f64>> =
            cells.iter().map(|cell| cell.parse().ok().filter(|time: &f64| time.is_finite())).collect();
        match numbers {
            Some(times) => rows.sort_by(|a, b| times[*a].total_cmp(&times[*b])),
            None => rows.sort_by(|a, b| cells[*a].cmp(&cells[*b])),
        }
        Ok(frame.take(&rows))
    }

    /// The rows learned from and those tested on: later ones, other people's, or dealt out by chance.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of rows"
    )]
    fn hold_back(&self, frame: &Frame) -> anyhow::Result<(Vec<usize>, Vec<usize>)> {
        let all = || (0..frame.rows()).collect();
        if let Some(groups) = self.groups(frame)? {
            let people: BTreeSet<&String> = groups.iter().collect();
            ensure!(
                people.len() >= 2 * PARTS,
                "{} is {} only: what is learned of so few people holds for them alone",
                self.person.as_deref().unwrap_or_default(),
                if people.len() == 1 { "one person".to_owned() } else { format!("{} people", people.len()) }
            );
        }
        if self.test_share == 0.0 {
            return Ok((all(), Vec::new()));
        }
        if self.time.is_some() {
            let cut = (frame.rows() as f64 * (1.0 - self.test_share)).round() as usize;
            return Ok(((0..cut).collect(), (cut..frame.rows()).collect()));
        }
        let parts = (1.0 / self.test_share).round().max(2.0) as usize;
        let division = Division::Chance { groups: self.groups(frame)?, parts };
        divide(frame.rows(), &division, self.seed.wrapping_add(1))
            .into_iter()
            .next()
            .context("no part is held back")
    }

    fn held_back(&self) -> String {
        match (&self.time, &self.person) {
            _ if self.test_share == 0.0 => "nothing was held back".into(),
            (Some(_), _) => "the later rows".into(),
            (None, Some(person)) => format!("the rows of other people ({person})"),
            (None, None) => "rows dealt out by chance".into(),
        }
    }

    fn division(&self, frame: &Frame) -> anyhow::Result<Division> {
        if self.time.is_some() {
            return Ok(Division::Time);
        }
        let parts = if frame.rows() > MANY_ROWS { FEW_PARTS } else { PARTS };
        Ok(Division::Chance { groups: self.groups(frame)?, parts })
    }

    fn groups(&self, frame: &Frame) -> anyhow::Result<Option<Vec<String>>> {
        self.person.as_ref().map(|person| frame.column(person).map(<[String]>::to_vec)).transpose()
    }

    fn columns(&self, frame: &Frame) -> anyhow::Result<Vec<String>> {
        for named in self.ignore.iter().chain(&self.texts).chain(&self.allow) {
            frame.column(named)?;
        }
        let aside = [Some(&self.label), self.person.as_ref(), self.time.as_ref()];
        let is_read = |name: &&String| !aside.contains(&Some(name)) && !self.ignore.contains(name);
        Ok(frame.names.iter().filter(is_read).cloned().collect())
    }
}

fn rounding(model: &TableModel, matrix: &Matrix, exact: &[f64]) -> anyhow::Result<f64> {
    Ok(model.scores(matrix)?.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
}
