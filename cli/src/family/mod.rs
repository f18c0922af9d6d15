//! A family of models, one for each value of an event's properties: who will come to which category, or to which item, next.
//!
//! A log goes through the engine as in any training; the features that look at each value are added to the pack for it, and what
//! was learned is features, models and segments of that pack, which the engine computes as it does any other.

pub mod learn;
mod member;
mod named;
mod page;
mod worth;

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, ensure};
use keepset_engine::Pack;
use keepset_engine::model::Model as Scorer;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use member::Member;
pub use page::{card, summary};
pub use worth::{BasketWorth, Beside, ValueWorth};

pub use self::learn::Aim;
use self::learn::{Facts, Score, Tried};
use self::named::NAMED;
use crate::replay::{Reading, Watch};
use crate::train::cohort::{Apart, Cohort, Cut, Intake, Row, Schedule};
use crate::train::matters::Matters;
use crate::train::quality::{Interval, Scored};
use crate::train::reach::lowest;
use crate::train::{Basis, Weights, six_digits, thresholds};

/// What is learned from what.
#[derive(Clone, Debug)]
pub struct FamilyTraining {
    /// What every training is told: its features are those that every model reads besides, and its name is the family's.
    pub basis: Basis,
    /// The event to foretell.
    pub label: String,
    /// The properties of it whose values are told apart.
    pub each: Vec<String>,
    /// In how many days after a cut a value must come.
    pub within_days: u16,
    /// After how many days an event counts half, in the features of a value.
    pub half_lives: Vec<u16>,
    /// The precision that thresholds are chosen for.
    pub precision: Option<f64>,
    /// Or the share of people, the highest scores first, that thresholds pick among the rows learned from.
    pub reach: Option<f64>,
    /// What the way to fit is chosen for.
    pub aim: Aim,
}

/// A trained family and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyTrained {
    /// Its name.
    pub id: String,
    /// The event.
    pub label: String,
    /// The properties whose values are told apart.
    pub each: Vec<String>,
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
    /// How many lines were not used.
    pub unused: u64,
    /// How many rows were learned from, a person at a cut each.
    pub rows: usize,
    /// How many people were tested on.
    pub tested: usize,
    /// How it was fitted.
    pub way: String,
    /// All that was tried on rows held out of those learned from.
    pub tried: Vec<Tried>,
    /// What each value's model is worth.
    pub values: Vec<ValueWorth>,
    /// The mean AUC over the values, of the models and of what needs none.
    pub auc: Beside<Interval>,
    /// What the order of the values is worth for a person, of more values than fit in twenty.
    pub basket: Option<BasketWorth>,
    /// What it reads that is sensitive.
    pub sensitive: Matters,
    /// What goes into the pack: `features`, `models` and, where a precision was asked for, `segments`.
    pub parts: Value,
}

/// So few rows teach nothing.
const LEAST_ROWS: usize = 100;
/// Who is in stays while among so many times as many: a score near the line does not flicker.
const STAY_REACH: f64 = 1.5;

impl FamilyTraining {
    /// Learns the models and tests them.
    ///
    /// # Errors
    /// When the settings contradict each other, the pack or the log; when a file fails; when there is nothing to learn; or, as
    /// [`crate::replay::Stopped`], when a strict training meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<FamilyTrained> {
        let schedule = self.basis.schedule(self.within_days);
        self.check(&schedule)?;
        let plain = self.basis.read_pack()?;
        let (members, apart) =
            member::members(&plain, &self.label, &self.each, &self.basis.model_id, &self.half_lives)?;
        ensure!(
            self.aim == Aim::Values || members.len() > 2 * NAMED,
            "{NAMED} of {} values say little of a basket: it is aimed at from {} on",
            members.len(),
            2 * NAMED + 1
        );
        let features = member::features(&members, &self.label, &self.half_lives);
        let mut document = self.basis.pack.clone();
        put_in(&mut document, "features", features.clone())?;
        let pack = Rc::new(Pack::read(&document).context("the pack does not take the family's features")?);
        let columns = Columns::find(&pack, &members, self.basis.places(&pack)?)?;
        let Found { mut rows, people, intake } = self.look(&pack, &apart, &schedule, watch)?;
        let tested = rows.pop().context("a test")?;
        let rows: Vec<(usize, Row)> = rows
            .into_iter()
            .enumerate()
            .flat_map(|(cut, rows)| rows.into_iter().map(move |row| (cut, row)))
            .collect();
        let facts = columns.facts(&rows, &schedule.all(), self.basis.missing);
        self.check_facts(&facts, &members)?;
        let chosen = learn::choose(&facts, self.aim, self.basis.seed);
        let models = self.models(&members, &chosen.scores);
        put_in(&mut document, "models", models.clone())?;
        let scorers = scorers(&document, &members)?;
        let of = |rows: &mut dyn Iterator<Item = &Row>| scored(&scorers, rows);
        let (learned_scores, tested_scores) =
            (of(&mut rows.iter().map(|(_, row)| row)), of(&mut tested.iter()));
        let segments = self.segments(&members, &learned_scores, &tested_scores);
        let parts = json!({ "features": features, "models": models, "segments": segments });
        let measured = worth::Measured {
            columns: &columns,
            rows: &tested,
            scores: &tested_scores,
            seed: self.basis.seed,
        };
        let sensitive = self.matters(&parts)?;
        Ok(FamilyTrained {
            id: self.basis.model_id.to_string(),
            label: self.label,
            each: self.each,
            within_days: self.within_days,
            cuts: self.basis.cuts.iter().map(|cut| cut.date()).collect(),
            test_cut: self.basis.test_cut.date(),
            people,
            events: intake.events,
            unused: intake.malformed + intake.refused,
            rows: rows.len(),
            tested: tested.len(),
            way: chosen.way,
            tried: chosen.tried,
            values: measured.values(&members, &facts),
            auc: measured
                .mean()
                .context("whichever value is looked at, it is the same for everyone in the time tested on")?,
            basket: measured.basket(),
            sensitive,
            parts,
        })
    }

    /// What the features read look at, and one of the counts of values, which are alike in this.
    fn matters(&self, parts: &Value) -> anyhow::Result<Matters> {
        let mut pack = self.basis.pack.clone();
        let mut features = self.basis.features.clone();
        if let Some((name, count)) = parts["features"].as_object().and_then(|counts| counts.iter().next()) {
            pack["features"][name] = count.clone();
            features.push(name.clone());
        }
        Matters::of_features(&pack, &features)
    }

    /// Looks at everyone at each cut. The log is read anew for each: of a thousand values the engines of one cut hold a gigabyte.
    fn look(
        &self,
        pack: &Rc<Pack>,
        apart: &Apart,
        schedule: &Schedule,
        watch: &mut impl Watch,
    ) -> anyhow::Result<Found> {
        let cuts = schedule.all();
        let of = cuts.len() as u64;
        let mut found = Found::default();
        for (number, cut) in (0..).zip(cuts) {
            let mut cohort = Cohort::new(Rc::clone(pack), &self.label, vec![cut]).told_apart(apart.clone());
            found.intake = self.basis.read_log(&mut cohort, &mut Reading { watch, number, of })?;
            schedule.check_end(cohort.end())?;
            found.people = cohort.people();
            found.rows.push(cohort.rows(0));
        }
        Ok(found)
    }

    fn check(&self, schedule: &Schedule) -> anyhow::Result<()> {
        schedule.check()?;
        if let Some(precision) = self.precision {
            ensure!(precision > 0.0 && precision < 1.0, "a precision lies between 0 and 1");
        }
        if let Some(reach) = self.reach {
            ensure!(reach > 0.0 && reach <= 0.5, "a reach lies between 0 and 0.5");
        }
        ensure!(!self.basis.cuts.is_empty(), "a family needs a cut");
        Ok(())
    }

    fn check_facts(&self, facts: &Facts, members: &[Member]) -> anyhow::Result<()> {
        let rows = facts.cuts.len();
        ensure!(rows >= LEAST_ROWS, "{rows} rows are too few to learn from; {LEAST_ROWS} are needed");
        ensure!(
            facts.came.iter().any(|came| came.contains(&true)),
            "no {} with one of the {} values came after a cut: there is nothing to tell apart",
            self.label,
            members.len()
        );
        Ok(())
    }

    /// A line of the pack for each value.
    fn models(&self, members: &[Member], scores: &[Score]) -> Map<String, Value> {
        let model = |(member, score): (&Member, &Score)| {
            let own = member.features.iter().zip(&score.own);
            let shared = self.basis.features.iter().zip(&score.shared);
            let others = score.others.iter().filter_map(|(other, weight)| {
                members.get(*other)?.features.last().map(|feature| (feature, weight))
            });
            let weights: BTreeMap<String, f64> = own
                .chain(shared)
                .chain(others)
                .filter(|(_, weight)| **weight != 0.0)
                .map(|(feature, weight)| (feature.clone(), six_digits(*weight)))
                .collect();
            let title = format!("log-odds of {} within {} days", member.value, self.within_days);
            let intercept = six_digits(score.intercept);
            (member.id.clone(), json!(Weights::new(title, intercept, weights, self.basis.missing)))
        };
        members.iter().zip(scores).map(model).collect()
    }

    /// Where a value's segment begins and ends; nothing where no threshold keeps the precision asked for, or none picks people apart.
    fn thresholds(&self, learned: &[Scored], tested: &[Scored]) -> Option<(f64, f64)> {
        if let Some(precision) = self.precision {
            return thresholds(learned, tested, precision).ok().map(|found| (found.enter, found.stay));
        }
        let mut margins: Vec<f64> = learned.iter().map(|one| one.margin).collect();
        margins.sort_by(|a, b| b.total_cmp(a));
        let (enter, stay) = (lowest(&margins, self.reach?)?, lowest(&margins, self.reach? * STAY_REACH)?);
        (enter > lowest(&margins, 1.0)?).then_some((enter, stay))
    }

    /// A segment for each value that thresholds can be chosen for.
    fn segments(&self, members: &[Member], learned: &[Vec<Scored>], tested: &[Vec<Scored>]) -> Vec<Value> {
        let segment = |((member, learned), tested): ((&Member, &Vec<Scored>), &Vec<Scored>)| {
            let (enter, stay) = self.thresholds(learned, tested)?;
            let rule = |value: f64| json!({ "model": member.id, "op": ">=", "value": value });
            Some(json!({
                "id": member.id,
                "title": format!("{} next", member.value),
                "reason": format!("because people whose history looks like yours often choose {} within {} days", member.value, self.within_days),
                "enter": rule(enter),
                "stay": rule(stay)
            }))
        };
        members.iter().zip(learned).zip(tested).filter_map(segment).collect()
    }
}

/// What a log holds.
#[derive(Default)]
struct Found {
    /// By cut: everyone who was known.
    rows: Vec<Vec<Row>>,
    people: usize,
    /// Of the last reading, which let the engines have the most.
    intake: Intake,
}

/// Where features stand among those of the pack.
pub(crate) struct Columns {
    /// By value.
    own: Vec<Vec<usize>>,
    shared: Vec<usize>,
}

impl Columns {
    fn find(pack: &Pack, members: &[Member], shared: Vec<usize>) -> anyhow::Result<Self> {
        let find = |name: &String| {
            let place = pack.features().iter().position(|feature| feature.id.as_str() == name);
            place.with_context(|| format!("the pack has no feature {name:?}"))
        };
        Ok(Self {
            own: members
                .iter()
                .map(|member| member.features.iter().map(find).collect())
                .collect::<anyhow::Result<_>>()?,
            shared,
        })
    }

    fn facts(&self, rows: &[(usize, Row)], cuts: &[Cut], missing: f64) -> Facts {
        let column = |place: &usize| -> Vec<f64> {
            rows.iter().map(|(_, row)| row.values[*place].unwrap_or(missing)).collect()
        };
        // One that came after the label was settled may be of the time tested on.
        let next = |(cut, row): &(usize, Row)| match &row.told.next {
            Some((at, basket)) if *at < cuts[*cut].until => Some(basket.clone()),
            _ => None,
        };
        Facts {
            own: self.own.iter().map(|places| places.iter().map(column).collect()).collect(),
            shared: self.shared.iter().map(column).collect(),
            came: (0..self.own.len())
                .map(|value| rows.iter().map(|(_, row)| row.told.came.contains(&value)).collect())
                .collect(),
            cuts: rows.iter().map(|(cut, _)| *cut).collect(),
            next: rows.iter().map(next).collect(),
        }
    }
}

/// Adds members to a part of a pack; those that are there already are replaced.
fn put_in(document: &mut Value, part: &str, members: Map<String, Value>) -> anyhow::Result<()> {
    let pack = document.as_object_mut().context("a pack is an object")?;
    let part = pack.entry(part).or_insert_with(|| Value::Object(Map::new()));
    part.as_object_mut().context("the pack is wrong")?.extend(members);
    Ok(())
}

/// Takes the models out of the pack again, as the device reads them: what is tested is what ships.
fn scorers(document: &Value, members: &[Member]) -> anyhow::Result<Vec<Scorer>> {
    let models = Pack::read(document).context("the pack does not take the models")?.models;
    let mut by_name: BTreeMap<String, Scorer> =
        models.into_iter().map(|model| (model.id.to_string(), model)).collect();
    members.iter().map(|member| by_name.remove(&member.id).context("the pack lost a model")).collect()
}

/// By value: the score of every row, and whether the value came.
fn scored(scorers: &[Scorer], rows: &mut dyn Iterator<Item = &Row>) -> Vec<Vec<Scored>> {
    let mut scores = vec![Vec::new(); scorers.len()];
    for row in rows {
        for (value, scorer) in scorers.iter().enumerate() {
            let margin = scorer.score(|feature| row.values.get(feature).copied().flatten());
            scores[value].push(Scored { margin, label: row.told.came.contains(&value) });
        }
    }
    scores
}
