//! What every training on a log is told: what is read, when it is looked at, and by which features.

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::feature::definitions;
use keepset_engine::model::{Inputs, Model as Scorer};
use keepset_wire::document::Node;
use keepset_wire::{Name, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cohort::{Cohort, Cut, Intake, Schedule};
use super::matters::Matters;
use crate::log::Mapping;
use crate::replay::Watch;

/// What every training on a log is told.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The pack, as JSON.
    pub pack: Value,
    /// The log.
    pub events: Vec<PathBuf>,
    /// With a mapping the log is CSV, without it is JSON lines.
    pub mapping: Option<Mapping>,
    /// Ends the training at the first line that cannot be used.
    pub strict: bool,
    /// The cuts learned from.
    pub cuts: Vec<Timestamp>,
    /// The later cut tested on.
    pub test_cut: Timestamp,
    /// The features read.
    pub features: Vec<String>,
    /// The name of what is learned.
    pub model_id: Name,
    /// What stands in for a feature without a value.
    pub missing: f64,
    /// The seed of everything that chance decides.
    pub seed: u64,
}

impl Basis {
    /// Reads the pack.
    ///
    /// # Errors
    /// When it is wrong.
    pub fn read_pack(&self) -> anyhow::Result<Rc<Pack>> {
        Ok(Rc::new(Pack::read(&self.pack).context("the pack is wrong")?))
    }

    /// Finds the features' places in the pack, in the order in which they are named.
    ///
    /// # Errors
    /// When one is not there or named twice, or what stands in for a missing value is no number.
    pub fn places(&self, pack: &Pack) -> anyhow::Result<Vec<usize>> {
        ensure!(self.missing.is_finite(), "what stands in for a missing value must be a number");
        let mut places = Vec::with_capacity(self.features.len());
        for name in &self.features {
            let place = pack.features().iter().position(|feature| feature.id.as_str() == name);
            let place = place.with_context(|| format!("the pack has no feature {name:?}"))?;
            ensure!(!places.contains(&place), "the feature {name} is given twice");
            places.push(place);
        }
        Ok(places)
    }

    /// Lists the cuts, the one tested on last, as moments at which people are looked at and nothing that follows counts.
    #[must_use]
    pub fn looks(&self) -> Vec<Cut> {
        self.cuts.iter().chain([&self.test_cut]).map(|at| Cut { at: *at, until: *at }).collect()
    }

    /// Says when is learned and when is tested, where an event counts that comes within so many days.
    #[must_use]
    pub fn schedule(&self, within_days: u16) -> Schedule {
        Schedule { cuts: self.cuts.clone(), test_cut: self.test_cut, within_days }
    }

    /// Refuses a test that is not later than every cut.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_order(&self) -> anyhow::Result<()> {
        if let Some(late) = self.cuts.iter().find(|cut| **cut >= self.test_cut) {
            bail!("the test on {} is not later than the cut on {}", self.test_cut.date(), late.date());
        }
        Ok(())
    }

    /// Refuses an event that the pack does not declare.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_label(&self, pack: &Pack, label: &str) -> anyhow::Result<()> {
        let is_declared = pack.events.iter().any(|event| event.name.as_str() == label);
        ensure!(is_declared, "the pack declares no event {label:?} to foretell");
        Ok(())
    }

    /// Says what the features read look at that is sensitive.
    ///
    /// # Errors
    /// When the pack is wrong.
    pub fn matters(&self) -> anyhow::Result<Matters> {
        Matters::of_features(&self.pack, &self.features)
    }

    /// Lets the log go through a cohort.
    ///
    /// # Errors
    /// As [`Cohort::read`].
    pub fn read_log(&self, cohort: &mut Cohort, watch: &mut impl Watch) -> anyhow::Result<Intake> {
        cohort.read(&self.events, self.mapping.clone(), self.strict, watch)
    }

    /// Reads the model as a device reads it, whose pack has it: what is tested is what ships. `pack` is the one whose features are scored.
    ///
    /// # Errors
    /// When the pack does not take it.
    pub fn scorer(&self, pack: &Pack, model: &impl Serialize) -> anyhow::Result<Scorer> {
        let model = json!(model);
        let mut document = self.pack.clone();
        let fields = document.as_object_mut().context("a pack is an object")?;
        let models = fields.entry("models").or_insert_with(|| Value::Object(Map::new()));
        models[self.model_id.as_str()] = model.clone();
        Pack::read(&document).context("the pack does not take the model")?;
        // Which number a feature has depends on what else is in a pack: a model that moves with its person brings features of its own.
        let position = |name: &str| pack.features().iter().position(|feature| feature.id.as_str() == name);
        let hash = |names: &[&str]| definitions(&self.pack, names);
        let inputs = Inputs { position: &position, definitions: &hash };
        Ok(Scorer::read(self.model_id.clone(), &Node::root(&model), inputs)?)
    }
}
