//! Groups: people of a log divided by k-means, each group a segment of the pack, whose rule says exactly whose centre is the nearest.
//!
//! Of two centres the nearer one is told by a line, for the squares cancel; so each pair of groups is a linear model, and a group is all
//! pairs won. The engine computes it as it does any rule.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::model::fit::centroids::{Centroids, centroids};
use keepset_engine::model::fit::{FitError, FitOptions};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::replay::Watch;
use crate::table::{aligned, percent};
use crate::train::cohort::Cohort;
use crate::train::{Basis, Weights};

/// What is divided by what.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// What every training is told: its features say who is alike, and its name stands before those of the groups.
    pub basis: Basis,
    /// In how many groups.
    pub groups: usize,
}

/// Groups and what they are worth.
#[derive(Clone, Debug, Serialize)]
pub struct Grouped {
    /// How many people the log has.
    pub people: usize,
    /// How many rows were learned from, a person at a cut each.
    pub rows: usize,
    /// How many people were looked at later.
    pub tested: usize,
    /// The share of the features' spread that lies between groups and not within, of the rows learned from.
    pub explained: f64,
    /// The same of the later rows, around the same centres.
    pub explained_later: f64,
    /// The groups, the largest first.
    pub groups: Vec<Group>,
    /// What goes into the pack: `models`, one for each pair of groups, and `segments`.
    pub parts: Value,
}

/// A group.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The name of its segment.
    pub id: String,
    /// Its share of the rows learned from.
    pub share: f64,
    /// Its share of the people later.
    pub share_later: f64,
    /// How far its centre lies from everybody's mean, by feature, in standard deviations.
    pub centre: BTreeMap<String, f64>,
}

/// With more, rules grow long: a group is compared with each other one.
const MOST: usize = 12;

impl Grouping {
    /// Finds the groups and looks at them again later.
    ///
    /// # Errors
    /// When the settings contradict each other, the pack or the log; when a file fails; when people cannot be divided; or, as
    /// [`crate::replay::Stopped`], when a strict training meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<Grouped> {
        let pack = self.basis.read_pack()?;
        let columns = self.check(&pack)?;
        let mut cohort = Cohort::new(Rc::clone(&pack), "", self.basis.looks());
        self.basis.read_log(&mut cohort, watch)?;
        let end = cohort.end().context("the log holds no event")?;
        ensure!(
            self.basis.test_cut.day() <= end.day() + 1,
            "the log ends on {}, before the test on {}",
            end.date(),
            self.basis.test_cut.date()
        );
        let rows = |cut: usize| -> Vec<Vec<f64>> {
            let values = |values: Vec<Option<f64>>| {
                columns.iter().map(|column| values[*column].unwrap_or(self.basis.missing)).collect()
            };
            cohort.rows(cut).into_iter().map(|row| values(row.values)).collect()
        };
        let learned: Vec<Vec<f64>> = (0..self.basis.cuts.len()).flat_map(rows).collect();
        let tested = rows(self.basis.cuts.len());
        ensure!(!tested.is_empty(), "nobody is known at {}", self.basis.test_cut.date());
        let least = FitOptions::default().least_rows;
        let found = match centroids(&learned, self.groups, least, self.basis.seed) {
            Ok(found) => found,
            Err(FitError::ConstantColumn { column }) => {
                bail!(
                    "the feature {} has the same value for everyone; leave it out",
                    self.basis.features[column]
                )
            }
            Err(error) => return Err(error.into()),
        };
        let parts = json!({ "models": self.models(&found), "segments": self.segments(&pack, &found) });
        Ok(Grouped {
            people: cohort.people(),
            rows: learned.len(),
            tested: tested.len(),
            explained: explained(&found, &learned),
            explained_later: explained(&found, &tested),
            groups: self.groups(&found, &learned, &tested),
            parts,
        })
    }

    fn check(&self, pack: &Pack) -> anyhow::Result<Vec<usize>> {
        ensure!((2..=MOST).contains(&self.groups), "the number of groups lies between 2 and {MOST}");
        ensure!(
            !self.basis.features.is_empty() && !self.basis.cuts.is_empty(),
            "groups need a feature and a cut"
        );
        self.basis.check_order()?;
        self.basis.places(pack)
    }

    fn id(&self, group: usize) -> String {
        format!("{}.{}", self.basis.model_id, group + 1)
    }

    /// For each pair of groups the line that is at least 0 where the first centre is no farther than the second.
    fn models(&self, found: &Centroids) -> Map<String, Value> {
        let mut models = Map::new();
        for second in 1..self.groups {
            for first in 0..second {
                let line = found.between(first, second);
                let title = format!("how much nearer to group {} than to group {}", first + 1, second + 1);
                let weights = self
                    .basis
                    .features
                    .iter()
                    .cloned()
                    .zip(line.weights.iter().map(|w| ten_digits(*w)))
                    .collect();
                let model = Weights::new(title, ten_digits(line.intercept), weights, self.basis.missing);
                models.insert(self.pair(first, second), json!(model));
            }
        }
        models
    }

    fn pair(&self, first: usize, second: usize) -> String {
        format!("{}_{}", self.id(first), second + 1)
    }

    fn segments(&self, pack: &Pack, found: &Centroids) -> Vec<Value> {
        let segment = |group: usize| {
            let wins = (0..self.groups).filter(|other| *other != group).map(|other| {
                // Of two centres at one distance the first wins.
                let (first, second, op) =
                    if group < other { (group, other, ">=") } else { (other, group, "<") };
                json!({ "model": self.pair(first, second), "op": op, "value": 0 })
            });
            let likeness = self.likeness(pack, &found.centres[group]);
            json!({
                "id": self.id(group), "title": format!("Group {}: {likeness}", group + 1),
                "reason": format!("because you are most like people with {likeness}"),
                "enter": { "all": wins.collect::<Vec<_>>() }
            })
        };
        (0..self.groups).map(segment).collect()
    }

    /// The two features by which a centre stands out, in words.
    fn likeness(&self, pack: &Pack, centre: &[f64]) -> String {
        let mut order: Vec<(f64, &String)> = centre.iter().copied().zip(&self.basis.features).collect();
        order.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let word = |(value, name): &(f64, &String)| {
            let feature = pack.features().iter().find(|feature| feature.id.as_str() == *name);
            let title = feature.map_or(name.as_str(), |feature| feature.title.as_str());
            format!("{} \"{title}\"", if *value >= 0.0 { "more" } else { "less" })
        };
        order.iter().take(2).map(word).collect::<Vec<_>>().join(" and ")
    }

    fn groups(&self, found: &Centroids, learned: &[Vec<f64>], tested: &[Vec<f64>]) -> Vec<Group> {
        let group = |number: usize| Group {
            id: self.id(number),
            share: share(found, learned, number),
            share_later: share(found, tested, number),
            centre: self.basis.features.iter().cloned().zip(found.centres[number].iter().copied()).collect(),
        };
        (0..self.groups).map(group).collect()
    }
}

/// Short, and near enough: whoever lies closer to a border than 1e-9 of the distance is in either group, or in none.
fn ten_digits(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn share(found: &Centroids, rows: &[Vec<f64>], group: usize) -> f64 {
    rows.iter().filter(|row| found.nearest(row) == group).count() as f64 / rows.len() as f64
}

fn explained(found: &Centroids, rows: &[Vec<f64>]) -> f64 {
    let sum = |sums: (f64, f64), row: &Vec<f64>| {
        let (within, all) = found.squares(row);
        (sums.0 + within, sums.1 + all)
    };
    let (within, all) = rows.iter().fold((0.0, 0.0), sum);
    1.0 - within / all
}

/// Writes what was found.
#[must_use]
pub fn summary(grouped: &Grouped) -> String {
    let rows = grouped.groups.iter().map(|group| {
        let mut order: Vec<(&String, &f64)> = group.centre.iter().collect();
        order.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let centre =
            order.iter().map(|(name, value)| format!("{name} {value:+.1}")).collect::<Vec<_>>().join(", ");
        vec![group.id.clone(), percent(group.share), percent(group.share_later), centre]
    });
    format!(
        "{} people; {} rows learned from, {} looked at later; between the groups lies {} of the spread, later {}\n\n{}\n",
        grouped.people,
        grouped.rows,
        grouped.tested,
        percent(grouped.explained),
        percent(grouped.explained_later),
        aligned(&["group", "share", "later", "centre, in standard deviations from the mean"], rows.collect())
    )
}
