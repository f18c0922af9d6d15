//! The slow, obvious reading of `docs/features.md`: every answer is recomputed from the raw log of events.
//!
//! It shares no code with the engine. It reads the pack as JSON, keeps every event for ever, and looks at all of them
//! again for every answer.

pub mod decay;
pub mod formula;
pub mod instants;
pub mod intake;
pub mod moments;
pub mod segments;
pub mod select;
pub mod sequence;
pub mod session;
pub mod time;
pub mod window;

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use intake::{Gate, Intake};
use segments::Member;
use select::Item;
use time::{DAY, Zone};

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This to the bit.
    Exactly(Option<f64>),
    /// This, but for rounding.
    Near {
        /// The value.
        value: f64,
        /// How far rounding may lead.
        within: f64,
    },
    /// An estimate of this count by 256 registers.
    Estimate(f64),
    /// One of these labels: rounding decides which.
    OneOf(Vec<f64>),
    /// Only rounding is left.
    Unknown,
}

impl Expected {
    pub const NONE: Self = Self::Exactly(None);

    pub fn some(value: f64) -> Self {
        Self::Exactly(Some(value))
    }

    /// Near a value, by a part of it.
    pub fn near(value: f64, part: f64) -> Self {
        Self::Near { value, within: part * value.abs().max(1.0) }
    }

    /// Whether what the engine says is right.
    pub fn agrees(&self, seen: Option<f64>) -> bool {
        match (self, seen) {
            (Self::Exactly(value), seen) => *value == seen,
            (Self::Near { value, within }, Some(seen)) => (value - seen).abs() <= *within,
            // Six standard errors: one estimate in a billion lies further off.
            (Self::Estimate(count), Some(seen)) => (seen - count).abs() <= 6.0 * 0.065 * count,
            (Self::OneOf(values), Some(seen)) => values.contains(&seen),
            (Self::Unknown, _) => true,
            (_, None) => false,
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Self::Exactly(value) => *value,
            Self::Near { value, .. } => Some(*value),
            Self::Estimate(value) => Some(*value),
            Self::OneOf(values) => values.first().copied(),
            Self::Unknown => None,
        }
    }

    fn within(&self) -> f64 {
        match self {
            Self::Exactly(_) => 0.0,
            Self::Near { within, .. } => *within,
            _ => f64::INFINITY,
        }
    }
}

/// Everything that was ever taken in, and what follows from it.
pub struct Oracle {
    pack: Value,
    zone: Zone,
    secret: Option<Vec<u8>>,
    gate: Gate,
    logs: BTreeMap<String, Vec<Item>>,
    members: Vec<Member>,
    /// How often a rule compared a rounded value with a threshold that lies within the rounding.
    pub too_close: Cell<u32>,
}

impl Oracle {
    pub fn new(pack: &Value) -> Self {
        let segments = pack["segments"].as_array().map_or(0, Vec::len);
        Self {
            pack: pack.clone(),
            zone: Zone(Vec::new()),
            secret: None,
            gate: Gate::default(),
            logs: BTreeMap::new(),
            members: vec![Member::default(); segments],
            too_close: Cell::new(0),
        }
    }

    pub fn set_zone(&mut self, zone: Zone) {
        self.zone = zone;
    }

    pub fn set_secret(&mut self, secret: &[u8]) {
        self.secret = Some(secret.to_vec());
    }

    /// Takes an event in; false when it was dropped.
    pub fn track(&mut self, raw: &Value, now: i64) -> Result<bool, ()> {
        let Some(event) = self.gate.pass(&self.pack, raw, now)? else { return Ok(false) };
        for (name, feature) in self.pack["features"].as_object().into_iter().flatten() {
            if feature["kind"] == "formula" {
                continue;
            }
            let Some(item) = select::look(&self.pack, feature, &event, &self.zone) else { continue };
            let log = self.logs.entry(name.clone()).or_default();
            decay::set_back(feature, log, now);
            log.push(item);
        }
        Ok(true)
    }

    /// Whether an event would be refused.
    pub fn refuses(&self, raw: &Value, now: i64) -> bool {
        self.gate.clone().pass(&self.pack, raw, now).is_err()
    }

    pub fn intake(&self) -> &Intake {
        &self.gate.counted
    }

    /// The names of the features, in order.
    pub fn features(&self) -> impl Iterator<Item = &String> {
        self.pack["features"].as_object().into_iter().flat_map(|features| features.keys())
    }

    /// The value of a feature. Where a formula reads a rounded one, `seen` says how it was rounded.
    pub fn value(&self, name: &str, now: i64, seen: &dyn Fn(&str) -> Option<f64>) -> Expected {
        let feature = &self.pack["features"][name];
        let empty = Vec::new();
        let log = self.logs.get(name).unwrap_or(&empty);
        match feature["kind"].as_str().unwrap() {
            "count" => window::count(feature, log, now),
            "sum" => window::sum(feature, log, now),
            "mean" => window::mean(feature, log, now),
            "min" => window::min(feature, log, now),
            "max" => window::max(feature, log, now),
            "first" => window::first(feature, log, now),
            "last" => window::last(feature, log, now),
            "distinct" => window::distinct(feature, log, now),
            "distinct_days" => moments::distinct_days(feature, log, now, &self.zone),
            "recency" => moments::recency(feature, log, now),
            "tenure" => moments::tenure(feature, log, now),
            "streak" => moments::streak(feature, log, now, &self.zone),
            "unusual" => moments::unusual(feature, log, now, &self.zone),
            "interval" => moments::interval(feature, log, now),
            "decayed_count" | "decayed_sum" => decay::decayed(feature, log, now),
            "affinity" => decay::affinity(&self.pack, feature, log, now),
            "session" => session::session(feature, log, now),
            "sequence" => sequence::sequence(feature, log, now),
            "formula" => Expected::Exactly(formula::formula(&feature["value"], &|name| match self
                .value(name, now, seen)
            {
                Expected::Exactly(value) => value,
                _ => seen(name),
            })),
            other => panic!("unknown kind {other}"),
        }
    }

    /// Every model's score: the weighted sum in the order of the features' names.
    pub fn score(&self, model: &str, now: i64, seen: &dyn Fn(&str) -> Option<f64>) -> f64 {
        let model = &self.pack["models"][model];
        let missing = model["missing"].as_f64().unwrap_or(0.0);
        let weights = model["weights"].as_object().unwrap().iter();
        weights.fold(model["intercept"].as_f64().unwrap(), |sum, (name, weight)| {
            let value = match self.value(name, now, seen) {
                Expected::Exactly(value) => value,
                _ => seen(name),
            };
            sum + weight.as_f64().unwrap() * value.unwrap_or(missing)
        })
    }

    /// When everything that came from events is forgotten.
    fn forgotten_at(&self) -> Option<i64> {
        Some(self.gate.latest()? + self.pack["retention_days"].as_i64().unwrap_or(730) * DAY)
    }
}
