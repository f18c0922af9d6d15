//! When: a log teaches in how many days an event comes, as a line that the device scores and a table of what the score says of each number of days.
//!
//! What ships is a linear model: the chance that the event comes within so many days rises with the line, whatever their number, so a segment that asks for a
//! chance compares the line with a threshold. The table stands in the model for who reads the pack, and no device needs it.

mod page;
mod worth;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::model::{Model as Scorer, Waiting};
use keepset_wire::{DAY_MS, Timestamp};
use serde::Serialize;
use serde_json::Value;

pub use page::{card, summary};
pub use worth::{Beside, Fifth, Horizon, concordance};

use self::worth::{Baseline, Measured, Tested};
use crate::learn::hazard::{self, Hazard, Refusal, Wait};
use crate::replay::Watch;
use crate::train::cohort::{Cohort, Row};
use crate::train::matters::Matters;
use crate::train::quality::{Interval, mean_and_deviation};
use crate::train::{Basis, Member, Weights, six_digits};

/// The numbers of days that are looked at where none are named.
pub const DAYS: [u16; 5] = [7, 14, 28, 56, 90];

/// What is learned from what.
#[derive(Clone, Debug)]
pub struct HazardTraining {
    /// What every training is told.
    pub basis: Basis,
    /// The event to foretell.
    pub label: String,
    /// The numbers of days that matter, rising; waits are looked at up to the last.
    pub days: Vec<u16>,
    /// The penalty on the squares of the standardised weights.
    pub l2: f64,
}

/// A trained hazard and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct HazardTrained {
    /// The model's name.
    pub id: String,
    /// The model, as a pack holds it.
    pub model: Member,
    /// How it was fitted, in words.
    pub way: String,
    /// The event.
    pub label: String,
    /// The days learned from.
    pub cuts: Vec<String>,
    /// The day tested on.
    pub test_cut: String,
    /// How many people the log has.
    pub people: usize,
    /// How many events were taken.
    pub events: u64,
    /// How many lines were not used.
    pub unused: u64,
    /// The features read, in the order of their names.
    pub features: Vec<Term>,
    /// What it reads that is sensitive.
    pub sensitive: Matters,
    /// The rows learned from.
    pub learned: Seen,
    /// The people tested on.
    pub tested: Seen,
    /// For how many days those tested on were watched.
    pub watched: u16,
    /// The numbers of days that matter.
    pub days: Vec<u16>,
    /// What the chances of each number of days are worth, of those that the log is long enough for.
    pub horizons: Vec<Horizon>,
    /// The concordance of what needs no model: how long ago the event came last, where the pack has that.
    pub concordance_of_recency: Option<Interval>,
    /// What scores say: those that so many of a hundred rows learned from do not reach.
    pub scores: Vec<Said>,
    /// What a rule compares with, for chances and numbers of days.
    pub thresholds: Vec<Threshold>,
}

/// A feature that the line reads.
#[derive(Clone, Debug, Serialize)]
pub struct Term {
    /// Its name.
    pub id: String,
    /// What it is called where people read it.
    pub title: String,
    /// Its weight.
    pub weight: f64,
    /// The standard error of the weight, where rows are taken as independent.
    pub error: f64,
    /// By how much the log-odds of a day move when it moves by one standard deviation.
    pub strength: f64,
}

/// Rows and how many of them the event came to while they were watched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// How many rows.
    pub rows: usize,
    /// To how many of them the event came.
    pub came: usize,
    /// The chance that of two, one of whom is seen to wait longer, the model says which (Harrell).
    pub concordance: Interval,
}

/// What a score says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// So many of a hundred rows learned from have a lower score.
    pub above: u8,
    /// The score.
    pub score: f64,
    /// The chance for each number of days.
    pub chances: Vec<f64>,
    /// The day by which the event has come to half of such people; nothing beyond the last.
    pub median: Option<u16>,
}

/// What a rule compares with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// Within so many days.
    pub days: u16,
    /// The chance.
    pub chance: f64,
    /// The lowest score that has it.
    pub score: f64,
    /// The share of those tested on who score as high.
    pub reach: f64,
}

impl HazardTrained {
    /// Writes the model as a member of a pack's `models`.
    #[must_use]
    pub fn member(&self) -> String {
        self.model.written(&self.id)
    }
}

/// So few rows, and so few people, teach nothing.
const LEAST_ROWS: usize = 100;
const LEAST_PEOPLE: usize = 20;
/// Of which a table says what scores mean, and the chances that one has thresholds for.
const ABOVE: [u8; 7] = [5, 25, 50, 75, 90, 95, 99];
const CHANCES: [f64; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];

/// A row at one of the cuts, and how long it waited.
struct Case {
    row: Row,
    wait: Wait,
}

impl HazardTraining {
    /// Learns the hazard and tests it.
    ///
    /// # Errors
    /// When the settings contradict each other, the pack or the log; when a file fails; when there is nothing to learn; or, as
    /// [`crate::replay::Stopped`], when a strict training meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<HazardTrained> {
        let pack = self.basis.read_pack()?;
        let columns = self.check(&pack)?;
        let mut cohort = Cohort::new(std::rc::Rc::clone(&pack), &self.label, self.basis.looks());
        let intake = self.basis.read_log(&mut cohort, watch)?;
        let watched = self.watched(cohort.end())?;

        // Nothing of the time tested on is learned: whoever waits then counts as waiting until then.
        let until = |cut: &Timestamp| self.longest().min(days_between(*cut, self.basis.test_cut));
        let learned: Vec<Case> = self
            .basis
            .cuts
            .iter()
            .enumerate()
            .flat_map(|(number, cut)| cases(&cohort, number, *cut, until(cut)))
            .collect();
        let tested: Vec<Case> = cases(&cohort, self.basis.cuts.len(), self.basis.test_cut, watched).collect();
        ensure!(
            learned.len() >= LEAST_ROWS,
            "{} rows are too few to learn from; {LEAST_ROWS} are needed",
            learned.len()
        );
        ensure!(
            cohort.people() >= LEAST_PEOPLE,
            "{} people are too few to learn from; {LEAST_PEOPLE} are needed",
            cohort.people()
        );
        let ends = hazard::stretches(&waits(&learned), self.longest());
        let fitted = self.fit(&pack, &columns, &learned, &ends)?;
        let (model, waiting) = self.model(&pack, &columns, &fitted)?;
        let scorer = self.basis.scorer(&pack, &model)?;
        let (scored, later) = (scored(&scorer, &learned), scored(&scorer, &tested));
        let recency = self.recency(&pack, &learned, &tested, &ends)?;
        let measured = Measured {
            tested: &later,
            waiting: &waiting,
            baselines: self.baselines(&learned, &ends, recency.as_ref())?,
            seed: self.basis.seed,
        };
        let mut scores: Vec<f64> = scored.iter().map(|one| one.score).collect();
        scores.sort_by(f64::total_cmp);
        Ok(HazardTrained {
            id: self.basis.model_id.to_string(),
            way: self.way(&ends),
            cuts: self.basis.cuts.iter().map(|cut| cut.date()).collect(),
            test_cut: self.basis.test_cut.date(),
            people: cohort.people(),
            events: intake.events,
            unused: intake.malformed + intake.refused,
            features: self.terms(&pack, &columns, &learned, &fitted),
            sensitive: self.basis.matters()?,
            learned: self.seen(&scored, "learned from")?,
            tested: self.seen(&later, "tested on")?,
            watched,
            horizons: self
                .days
                .iter()
                .filter(|days| **days <= watched)
                .map(|days| measured.horizon(*days))
                .collect(),
            concordance_of_recency: recency
                .as_ref()
                .and_then(|(scores, _)| concordance(scores, self.basis.seed)),
            scores: ABOVE.iter().map(|above| said(*above, &scores, &waiting, &self.days)).collect(),
            thresholds: thresholds(&later, &waiting, &self.days),
            days: self.days,
            label: self.label,
            model,
        })
    }

    fn check(&self, pack: &Pack) -> anyhow::Result<Vec<usize>> {
        let Basis { cuts, features, .. } = &self.basis;
        self.basis.check_label(pack, &self.label)?;
        ensure!(self.l2.is_finite() && self.l2 > 0.0, "the penalty must be a number above 0");
        let rises = self.days.is_sorted_by(|a, b| a < b);
        let within = self.days.iter().all(|days| (1..=366).contains(days));
        ensure!(
            rises && within && !self.days.is_empty(),
            "the numbers of days rise and lie between 1 and 366"
        );
        ensure!(!features.is_empty() && !cuts.is_empty(), "a model needs a feature and a cut");
        self.basis.check_order()?;
        let mut columns = self.basis.places(pack)?;
        columns.sort_unstable();
        Ok(columns)
    }

    fn longest(&self) -> u16 {
        self.days.last().copied().unwrap_or(1)
    }

    /// For how many days a log that ends then lets those tested on be watched.
    fn watched(&self, end: Option<Timestamp>) -> anyhow::Result<u16> {
        let end = end.context("the log holds no event")?;
        let first = self.days.first().copied().unwrap_or(1);
        let after = end.day() + 1 - self.basis.test_cut.day();
        let watched = u16::try_from(after.clamp(0, i64::from(self.longest()))).unwrap_or(0);
        ensure!(
            watched >= first,
            "the log ends on {}, {watched} days after the test on {} begins: {first} are needed",
            end.date(),
            self.basis.test_cut.date()
        );
        Ok(watched)
    }

    fn columns(&self, columns: &[usize], cases: &[Case]) -> Vec<Vec<f64>> {
        let value = |case: &Case, column: usize| case.row.values[column].unwrap_or(self.basis.missing);
        columns.iter().map(|column| cases.iter().map(|case| value(case, *column)).collect()).collect()
    }

    fn fit(&self, pack: &Pack, columns: &[usize], cases: &[Case], ends: &[u16]) -> anyhow::Result<Hazard> {
        match hazard::fit(&self.columns(columns, cases), &waits(cases), ends, self.l2) {
            Ok(fitted) => Ok(fitted),
            Err(Refusal::Constant(column)) => bail!(
                "the feature {} has the same value for everyone; leave it out",
                pack.features()[columns[column]].id
            ),
            Err(error) => Err(error.into()),
        }
    }

    /// The line as a pack holds it, and what its score says of when: the score is the log-odds of a day of the first stretch.
    fn model(&self, pack: &Pack, columns: &[usize], fitted: &Hazard) -> anyhow::Result<(Member, Waiting)> {
        let first = fitted.stretches.first().context("there is a stretch")?;
        let shifts: Vec<(u16, f64)> =
            fitted.stretches.iter().map(|(until, base)| (*until, six_digits(base - first.1))).collect();
        let names = columns.iter().map(|column| pack.features()[*column].id.to_string());
        let title = format!("log-odds that {} comes on a day of the first {}", self.label, first.0);
        let weights = names.zip(fitted.weights.iter().map(|weight| six_digits(*weight))).collect();
        let line = Weights::new(title, six_digits(first.1), weights, self.basis.missing);
        let model = Weights { waiting: Some(shifts.clone()), ..line };
        Ok((Member::Linear(model), Waiting::new(shifts).context("the days rise")?))
    }

    fn terms(&self, pack: &Pack, columns: &[usize], cases: &[Case], fitted: &Hazard) -> Vec<Term> {
        let values = self.columns(columns, cases);
        let term = |place: usize| {
            let feature = &pack.features()[columns[place]];
            let weight = six_digits(fitted.weights[place]);
            Term {
                id: feature.id.to_string(),
                title: feature.title.clone(),
                weight,
                error: fitted.errors[place],
                strength: weight * mean_and_deviation(&values[place]).1,
            }
        };
        (0..columns.len()).map(term).collect()
    }

    fn way(&self, ends: &[u16]) -> String {
        format!(
            "a discrete-time hazard: the log-odds of a day are a number of its stretch (of {}, each with ten events at least) plus a line of standardised features, L2 penalty {}",
            ends.len(),
            self.l2
        )
    }

    fn seen(&self, scored: &[Tested], which: &str) -> anyhow::Result<Seen> {
        let concordance = concordance(scored, self.basis.seed);
        let alike =
            || format!("nobody in the time {which} is seen to wait longer than another for {}", self.label);
        Ok(Seen {
            rows: scored.len(),
            came: scored.iter().filter(|one| one.wait.came).count(),
            concordance: concordance.with_context(alike)?,
        })
    }

    /// The hazard of how long ago the event came last, and nothing else: the scores of those tested on and what they say. Nothing where the pack has no such feature.
    fn recency(
        &self,
        pack: &Pack,
        learned: &[Case],
        tested: &[Case],
        ends: &[u16],
    ) -> anyhow::Result<Option<(Vec<Tested>, Waiting)>> {
        let is_recency = |name: &str| {
            let declared = self.basis.pack["features"][name].as_object();
            let plain = |key: &str| matches!(key, "kind" | "event" | "title");
            declared.is_some_and(|of| {
                of.get("kind").and_then(Value::as_str) == Some("recency")
                    && of.get("event").and_then(Value::as_str) == Some(&self.label)
                    && of.keys().all(|key| plain(key))
            })
        };
        let Some(column) = pack.features().iter().position(|feature| is_recency(feature.id.as_str())) else {
            return Ok(None);
        };
        let Ok(fitted) = hazard::fit(&self.columns(&[column], learned), &waits(learned), ends, self.l2)
        else {
            return Ok(None);
        };
        let values = self.columns(&[column], tested);
        let scores = values[0]
            .iter()
            .zip(tested)
            .map(|(value, case)| Tested { score: fitted.weights[0] * value, wait: case.wait });
        let waiting = Waiting::new(fitted.stretches).context("the days rise")?;
        Ok(Some((scores.collect(), waiting)))
    }

    /// What needs no model, for each of those tested on the chance within so many days.
    fn baselines<'a>(
        &self,
        learned: &[Case],
        ends: &[u16],
        recency: Option<&'a (Vec<Tested>, Waiting)>,
    ) -> anyhow::Result<Vec<Baseline<'a>>> {
        let alike = |ends: &[u16]| -> anyhow::Result<Waiting> {
            let fitted = hazard::fit(&[], &waits(learned), ends, self.l2)?;
            Waiting::new(fitted.stretches).context("the days rise")
        };
        let (constant, stretched) = (alike(&[self.longest()])?, alike(ends)?);
        let mut baselines = vec![
            Baseline::new("every day and everybody alike", move |_, days| constant.chance(0.0, days)),
            Baseline::new("everybody alike", move |_, days| stretched.chance(0.0, days)),
        ];
        if let Some((scores, waiting)) = recency {
            baselines.push(Baseline::new("how long ago it came last", |person, days| {
                waiting.chance(scores[person].score, days)
            }));
        }
        Ok(baselines)
    }
}

/// How many midnights lie between two instants.
fn days_between(from: Timestamp, until: Timestamp) -> u16 {
    u16::try_from(until.day() - from.day()).unwrap_or(0)
}

/// Everyone known at a cut, each watched for so many days.
fn cases(cohort: &Cohort, number: usize, cut: Timestamp, watched: u16) -> impl Iterator<Item = Case> {
    cohort.rows(number).into_iter().map(move |row| {
        let next = row.told.next.as_ref().map(|(at, _)| (at.millis() - cut.millis()) / DAY_MS + 1);
        let came = next.and_then(|day| u16::try_from(day).ok()).filter(|day| *day <= watched);
        Case { row, wait: Wait { days: came.unwrap_or(watched), came: came.is_some() } }
    })
}

fn waits(cases: &[Case]) -> Vec<Wait> {
    cases.iter().map(|case| case.wait).collect()
}

fn scored(scorer: &Scorer, cases: &[Case]) -> Vec<Tested> {
    let score = |row: &Row| scorer.score(|feature| row.values.get(feature).copied().flatten());
    cases.iter().map(|case| Tested { score: score(&case.row), wait: case.wait }).collect()
}

/// What the score says that so many of a hundred do not reach.
fn said(above: u8, rising: &[f64], waiting: &Waiting, days: &[u16]) -> Said {
    let score = rising[(rising.len() * usize::from(above) / 100).min(rising.len() - 1)];
    let chances = days.iter().map(|days| waiting.chance(score, *days)).collect();
    Said { above, score, chances, median: waiting.median(score) }
}

#[expect(clippy::cast_precision_loss, reason = "people stay far below 2^53")]
fn thresholds(tested: &[Tested], waiting: &Waiting, days: &[u16]) -> Vec<Threshold> {
    let threshold = |days: u16, chance: f64| {
        let score = waiting.score_of(chance, days);
        let reached = tested.iter().filter(|one| one.score >= score).count();
        Threshold { days, chance, score, reach: reached as f64 / tested.len() as f64 }
    };
    CHANCES.iter().flat_map(|chance| days.iter().map(move |days| threshold(*days, *chance))).collect()
}
