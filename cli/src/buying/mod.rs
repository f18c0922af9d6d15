//! How often and for how much: a log teaches how often people buy, who of them still does and what a purchase is worth, and the device
//! says it of its person.
//!
//! The models are BG/NBD and Gamma-Gamma ([`keepset_engine::model::BgNbd`]); a device needs no more of its history than three or four
//! features: how often, how long ago last, how long ago first, and what a purchase was worth on average.

mod page;
mod worth;

use std::rc::Rc;

use anyhow::{Context as _, ensure};
use keepset_engine::Pack;
use keepset_engine::feature::definitions;
use keepset_engine::model::{BgNbd, Customer, GammaGamma};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use page::{card, summary};
pub use worth::{Beside, Fifth, Group, Spend, Tested};

pub(crate) use self::worth::correlation;
use self::worth::{Case, Measured};
use crate::learn::counts;
use crate::replay::Watch;
use crate::train::cohort::{Cohort, Row};
use crate::train::matters::Matters;
use crate::train::{Basis, six_digits};

/// What is learned from what.
#[derive(Clone, Debug)]
pub struct BuyingTraining {
    /// What every training is told. Its features are, in this order, how often, the days since the last time and the days since the
    /// first; and, where it is asked for how much, the mean worth.
    pub basis: Basis,
    /// The event.
    pub label: String,
    /// In how many days it is counted.
    pub within_days: u16,
}

/// A trained model of buying and what it is worth.
#[derive(Clone, Debug, Serialize)]
pub struct BuyingTrained {
    /// The name of the model of how often; `.alive` and `.spend` behind it name the others.
    pub id: String,
    /// The models, as a pack holds them.
    pub models: Map<String, Value>,
    /// The event.
    pub label: String,
    /// In how many days it is counted.
    pub within_days: u16,
    /// The day learned from.
    pub cut: String,
    /// The day tested on.
    pub test_cut: String,
    /// How many people the log has.
    pub people: usize,
    /// How many events were taken.
    pub events: u64,
    /// How many lines were not used.
    pub unused: u64,
    /// The features read.
    pub features: Vec<String>,
    /// What they look at that is sensitive.
    pub sensitive: Matters,
    /// How many customers were learned from, and how many of them came again.
    pub learned: (usize, usize),
    /// The log-likelihood of how often.
    pub log_likelihood: f64,
    /// The correlation of how often and for how much, which the second model takes for 0.
    pub dependence: Option<f64>,
    /// What it is worth on the customers tested on.
    pub tested: Tested,
}

/// So few customers, and so few who came again, teach nothing.
const LEAST_CUSTOMERS: usize = 100;
const LEAST_REPEATERS: usize = 20;
/// The kinds of features that may say how often.
const COUNTS: [&str; 3] = ["count", "formula", "distinct_days"];

/// A customer as the features have it.
struct Known {
    customer: Customer,
    /// The features, as the model reads them.
    values: Vec<f64>,
    row: Row,
}

impl Known {
    /// How often it came.
    fn times(&self) -> f64 {
        self.customer.repeats + 1.0
    }

    /// What it was worth on average, where that is above 0.
    fn mean(&self) -> Option<f64> {
        self.values.get(3).copied().filter(|mean| *mean > 0.0)
    }
}

impl BuyingTraining {
    /// Learns the models and tests them.
    ///
    /// # Errors
    /// When the settings contradict each other, the pack or the log; when a file fails; when there is nothing to learn; or, as
    /// [`crate::replay::Stopped`], when a strict training meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<BuyingTrained> {
        let pack = self.basis.read_pack()?;
        let places = self.check(&pack)?;
        let schedule = self.basis.schedule(self.within_days);
        let mut cohort =
            Cohort::new(Rc::clone(&pack), &self.label, schedule.all()).added_up(self.worth_of(&pack)?);
        let intake = self.basis.read_log(&mut cohort, watch)?;
        schedule.check_end(cohort.end())?;
        let known = |cut: usize| -> Vec<Known> {
            cohort.rows(cut).into_iter().filter_map(|row| known(row, &places)).collect()
        };
        let (learned, later) = (known(0), known(1));
        let again = learned.iter().filter(|one| one.customer.repeats > 0.0).count();
        ensure!(
            learned.len() >= LEAST_CUSTOMERS && again >= LEAST_REPEATERS,
            "{} customers, {again} of whom came again, are too few to learn from; {LEAST_CUSTOMERS} and {LEAST_REPEATERS} are needed",
            learned.len()
        );
        ensure!(!later.is_empty(), "nobody who came before is known at {}", self.basis.test_cut.date());

        let customers: Vec<Customer> = learned.iter().map(|one| one.customer).collect();
        let often = rounded(counts::bg_nbd(&customers));
        let spent: Vec<(f64, f64)> =
            learned.iter().filter_map(|one| Some((one.times(), one.mean()?))).collect();
        let worth = (self.basis.features.len() == 4).then(|| rounded_worth(counts::gamma_gamma(&spent)));
        let models = self.models(&pack, often, worth, &typical(&learned));
        let score = |ending: &str| {
            let scorer = self.basis.scorer(&pack, &models[&self.name(ending)])?;
            let of = |one: &Known| scorer.score(|feature| one.row.values.get(feature).copied().flatten());
            anyhow::Ok(later.iter().map(of).collect::<Vec<f64>>())
        };
        let (purchases, alive) = (score("")?, score(".alive")?);
        let spend = worth.map(|_| score(".spend")).transpose()?;
        let case = |(place, one): (usize, &Known)| Case {
            customer: one.customer,
            purchases: purchases[place],
            alive: alive[place],
            spend: spend.as_ref().map(|spend| spend[place]),
            came: f64::from(one.row.later.times),
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            spent: one.row.later.amount as f64 / 1e6,
        };
        let cases: Vec<Case> = later.iter().enumerate().map(case).collect();
        let measured = Measured { cases: &cases, within_days: self.within_days, seed: self.basis.seed };
        let (times, means): (Vec<f64>, Vec<f64>) = spent.into_iter().unzip();
        Ok(BuyingTrained {
            id: self.basis.model_id.to_string(),
            cut: self.basis.cuts[0].date(),
            test_cut: self.basis.test_cut.date(),
            people: cohort.people(),
            events: intake.events,
            unused: intake.malformed + intake.refused,
            learned: (learned.len(), again),
            sensitive: self.basis.matters()?,
            log_likelihood: counts::log_likelihood(&often, &customers),
            dependence: worth.and_then(|_| correlation(&times, &means)),
            tested: measured.tested()?,
            features: self.basis.features,
            label: self.label,
            within_days: self.within_days,
            models,
        })
    }

    /// Checks the settings against each other and the pack; returns the features' places in the pack.
    fn check(&self, pack: &Pack) -> anyhow::Result<Vec<usize>> {
        self.basis.check_label(pack, &self.label)?;
        self.basis.check_order()?;
        ensure!((1..=366).contains(&self.within_days), "the number of days lies between 1 and 366");
        ensure!(self.basis.cuts.len() == 1, "BG/NBD looks at everybody once: give one --cut");
        let places = self.basis.places(pack)?;
        let names = &self.basis.features;
        ensure!(
            places.len() == 3 || places.len() == 4,
            "BG/NBD reads, in this order, how often, the days since the last time, the days since the first and, if for how much, the mean worth; give --features three or four"
        );
        let kind = |place: usize| self.declared(place)["kind"].as_str().unwrap_or_default();
        let (first, rest) = (&names[0], [(1, "recency"), (2, "tenure"), (3, "mean")]);
        ensure!(
            COUNTS.contains(&kind(0)),
            "{first} is of the kind {:?}; the first feature says how often",
            kind(0)
        );
        for (place, expected) in rest.into_iter().take(places.len() - 1) {
            let name = &names[place];
            ensure!(
                kind(place) == expected,
                "{name} is of the kind {:?}; the feature at place {} is a {expected}",
                kind(place),
                place + 1
            );
            let unit = &self.declared(place)["unit"];
            ensure!(unit.is_null() || unit == "days", "{name} is counted in {unit}, not in days");
        }
        for (place, name) in names.iter().enumerate() {
            let keys = ["window_days", "window_hours", "window_minutes", "since"];
            let window = keys.into_iter().find(|key| !self.declared(place)[*key].is_null());
            ensure!(
                window.is_none() || kind(place) == "distinct_days",
                "{name} has a {}, and forgets what BG/NBD reads",
                window.unwrap_or_default()
            );
        }
        Ok(places)
    }

    /// What the pack says of the feature at a place.
    fn declared(&self, place: usize) -> &Value {
        &self.basis.pack["features"][&self.basis.features[place]]
    }

    /// The property of the event that says what it is worth, by its number: the one whose mean is read.
    fn worth_of(&self, pack: &Pack) -> anyhow::Result<Option<usize>> {
        if self.basis.features.len() < 4 {
            return Ok(None);
        }
        let property = self.declared(3)["property"].as_str().unwrap_or_default();
        let event = pack.events.iter().find(|event| event.name.as_str() == self.label);
        let place =
            event.and_then(|event| event.properties.iter().position(|one| one.name.as_str() == property));
        place
            .map(Some)
            .with_context(|| format!("{} has no property {property:?}, whose mean is read", self.label))
    }

    fn name(&self, ending: &str) -> String {
        format!("{}{ending}", self.basis.model_id)
    }

    fn models(
        &self,
        pack: &Pack,
        often: BgNbd,
        worth: Option<GammaGamma>,
        typical: &[f64],
    ) -> Map<String, Value> {
        let title = pack.events.iter().find(|event| event.name.as_str() == self.label);
        let title = title.map_or(self.label.as_str(), |event| event.title.as_str());
        let days = self.within_days;
        let model = |score: &str, title: String, features: &[String]| {
            let names: Vec<&str> = features.iter().map(String::as_str).collect();
            json!({
                "kind": "bg_nbd", "title": title, "score": score, "features": features,
                "definitions": definitions(&self.basis.pack, &names),
                "r": often.r, "alpha": often.alpha, "a": often.a, "b": often.b,
                "typical": typical[..features.len()],
            })
        };
        let features = &self.basis.features;
        let mut purchases =
            model("purchases", format!("how often {title} is expected within {days} days"), &features[..3]);
        purchases["within_days"] = json!(days);
        let alive = model("alive", format!("the chance that {title} comes once more, ever"), &features[..3]);
        let mut models = Map::from_iter([(self.name(""), purchases), (self.name(".alive"), alive)]);
        if let Some(worth) = worth {
            let mut spend =
                model("spend", format!("what {title} is expected to bring within {days} days"), features);
            spend["within_days"] = json!(days);
            (spend["p"], spend["q"], spend["v"]) = (json!(worth.p), json!(worth.q), json!(worth.v));
            models.insert(self.name(".spend"), spend);
        }
        models
    }
}

impl BuyingTrained {
    /// Writes the models as members of a pack's `models`.
    #[must_use]
    pub fn members(&self) -> String {
        // Texts and finite numbers under text keys: there is nothing JSON cannot hold.
        serde_json::to_string_pretty(&self.models).unwrap_or_default()
    }
}

/// Takes a row of somebody who has come at least once.
fn known(row: Row, places: &[usize]) -> Option<Known> {
    let values: Vec<f64> =
        places.iter().map(|place| row.values.get(*place).copied().flatten().unwrap_or(f64::NAN)).collect();
    Some(Known { customer: Customer::new(values[0], values[1], values[2])?, values, row })
}

/// Of each feature the value that half of the customers do not exceed.
fn typical(learned: &[Known]) -> Vec<f64> {
    let count = learned.first().map_or(0, |one| one.values.len());
    let middle = |place: usize| {
        let mut values: Vec<f64> =
            learned.iter().map(|one| one.values[place]).filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        six_digits(values.get(values.len() / 2).copied().unwrap_or(0.0))
    };
    (0..count).map(middle).collect()
}

fn rounded(BgNbd { r, alpha, a, b }: BgNbd) -> BgNbd {
    BgNbd { r: six_digits(r), alpha: six_digits(alpha), a: six_digits(a), b: six_digits(b) }
}

fn rounded_worth(GammaGamma { p, q, v }: GammaGamma) -> GammaGamma {
    GammaGamma { p: six_digits(p), q: six_digits(q), v: six_digits(v) }
}
