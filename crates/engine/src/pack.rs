//! The pack: one JSON document with everything a device is to compute and may be asked.

use keepset_wire::codec;
use keepset_wire::codec::{Decoder, decode, encode};
use keepset_wire::document::{self, Mistake, Name, Node};
use keepset_wire::labels::LabelTerms;
use keepset_wire::{Ask, CollectorKeys, DAY_MS, PackHash, Plan, PlanHash, SealingKeys, Timestamp};

use crate::adapting;
use crate::choosing;
use crate::event::EventSpec;
use crate::feature::{Feature, Features, definitions};
use crate::labels;
use crate::model::{Inputs, Model, Waiting};
use crate::segment::{Experiment, Segment, Segments};
use crate::{outcome, purposes, sensitive};

/// So long a profile in which nothing happens is kept, unless the pack says otherwise, in days.
const RETENTION_DAYS: u32 = 730;
/// So large the stored state may be, unless the pack says otherwise, in KiB.
const STATE_KIB: u32 = 64;

/// A checked pack.
#[derive(Debug)]
pub struct Pack {
    /// Its name.
    pub id: Name,
    /// Its version.
    pub version: u32,
    /// What it is called.
    pub title: String,
    /// From this instant on it computes nothing any more.
    pub expires: Timestamp,
    /// The events it declares, sorted by name.
    pub events: Vec<EventSpec>,
    /// The models, sorted by name.
    pub models: Vec<Model>,
    /// The experiments, sorted by name.
    pub experiments: Vec<Experiment>,
    /// The plan, when the pack asks for reports.
    pub plan: Option<Plan>,
    /// The same as bytes, which what decides on reports is handed; none without a plan.
    pub(crate) written: Vec<u8>,
    /// The keys of the collector, to which reports are sealed; without one there is no report.
    pub keys: SealingKeys,
    /// The keys of the collector's gateway as bytes, for [`Pack::gateway`] alone: a page without a relay has no use for them.
    gateway: Vec<u8>,
    /// After so long without any event everything derived from events is forgotten, in milliseconds.
    pub retention: i64,
    /// The stored state is at most so large, in bytes.
    pub state_limit: usize,
    /// What may be shared, written out; nothing where no labels are asked for.
    pub(crate) labels: Vec<u8>,
    /// The choices, and behind them how models move with a person where any does, written out: for [`Pack::choices`] and [`Pack::adaptations`] alone.
    choices: Vec<u8>,
    pub(crate) features: Features,
    pub(crate) segments: Segments,
    /// Names the pack in every receipt.
    pub(crate) hash: PackHash,
    /// The plan's hash, computed once: the gate asks for it at every event.
    plan_hash: Option<PlanHash>,
}

codec!(struct Pack {
    gateway, labels, keys, choices, id, version, title, expires, events, models, experiments, written, retention, state_limit, features, segments, plan_hash,
} without { hash, plan } then with_plan);

impl Pack {
    /// The largest pack accepted, in bytes of text.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a pack from JSON text.
    ///
    /// # Errors
    /// The first [`Mistake`]: its path and what would be right.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        if text.len() > Self::MAX_BYTES {
            return Err(Mistake::new("$", "a pack is at most 1 MiB of text"));
        }
        Self::read(&document::parse(text)?)
    }

    /// Reads a pack that is JSON already.
    ///
    /// # Errors
    /// The first [`Mistake`]: its path and what would be right.
    pub fn read(document: &serde_json::Value) -> Result<Self, Mistake> {
        let chosen = choosing::expand(document)?;
        let expanded = adapting::expand(&chosen)?;
        let document = &*expanded;
        let node = Node::root(document);
        let declared = sensitive::declared(&node)?;
        let fields = node.object(&[
            "$schema",
            "id",
            "version",
            "title",
            "owner",
            "reason",
            "expires",
            "retention_days",
            "state_limit_kib",
            "events",
            "features",
            "models",
            "experiments",
            "segments",
            "plan",
            outcome::KEY,
            sensitive::KEY,
            purposes::KEY,
            "labels",
            choosing::KEY,
            "collector",
        ])?;
        let events = fields.need("events")?.each_member(EventSpec::read)?;
        let features = match fields.get("features") {
            Some(node) => Features::read(&node, &events)?,
            None => Features::default(),
        };
        let definitions = |names: &[&str]| definitions(document, names);
        let inputs = Inputs { position: &|name| features.position(name), definitions: &definitions };
        let models = match fields.get("models") {
            Some(node) => node.each_member(|id, node| Model::read(id, node, inputs))?,
            None => Vec::new(),
        };
        // In the order of the models.
        let waits = fields
            .get("models")
            .map_or(Ok(Vec::new()), |node| node.each_member(|_, node| Waiting::of_model(node)))?;
        let experiments = match fields.get("experiments") {
            Some(node) => node.each_member(Experiment::read)?,
            None => Vec::new(),
        };
        let segments = Segments::read(&fields.need("segments")?, &features, (&models, &waits), &experiments)?;
        fields.get(outcome::KEY).map_or(Ok(()), |node| outcome::check(&node, &events))?;
        sensitive::check_features(&node, declared)?;
        fields.get(purposes::KEY).map_or(Ok(()), |node| purposes::check(&node))?;
        let mut plan = fields
            .get("plan")
            .map(|node| read_plan(&node, &features, &models, &segments.list))
            .transpose()?;
        if let Some((plan, node)) = plan.as_mut().zip(fields.get("plan")) {
            sensitive::bind(plan, &node, declared)?;
        }
        let labels =
            fields.get("labels").map_or(Ok(Vec::new()), |node| read_labels(&node, &segments.list))?;
        fields.need("owner")?.text()?;
        fields.need("reason")?.text()?;
        let whole =
            |key, default, low, high| fields.get(key).map_or(Ok(default), |node| node.whole(low, high));
        let mut choices = encode(&choosing::read(&node)?);
        let adaptations = adapting::read(&node, &models, &features)?;
        if !adaptations.is_empty() {
            choices.extend(encode(&adaptations));
        }
        let collector = fields.get("collector").map(|node| CollectorKeys::read(&node)).transpose()?;
        let collector = collector.unwrap_or_default();
        let mut pack = Self {
            id: fields.need("id")?.name()?,
            version: fields.need("version")?.whole(1, u32::MAX)?,
            title: fields.need("title")?.text()?.to_owned(),
            expires: fields.need("expires")?.date()?,
            retention: i64::from(whole("retention_days", RETENTION_DAYS, 1, 3_650)?) * DAY_MS,
            state_limit: whole("state_limit_kib", STATE_KIB, 8, 1_024)? as usize * 1_024,
            events,
            models,
            experiments,
            plan_hash: plan.as_ref().map(Plan::hash),
            written: plan.as_ref().map_or_else(Vec::new, encode),
            plan,
            keys: collector.reports,
            gateway: encode(&collector.gateway),
            labels,
            choices,
            features,
            segments,
            hash: PackHash::default(),
        };
        pack.name();
        Ok(pack)
    }

    /// Reads the plan out of its bytes.
    fn with_plan(mut self, from: &mut Decoder<'_>) -> Self {
        if !self.written.is_empty() {
            self.plan = decode(&self.written);
            if self.plan.is_none() {
                from.fail();
            }
        }
        self
    }

    /// Tells whether a pack that was read from elsewhere asks nothing that [`Pack::parse`] would refuse to ask.
    pub(crate) fn is_sound(&self) -> bool {
        self.plan
            .as_ref()
            .is_none_or(|plan| plan.is_sound() && (plan.sensitive.is_empty() || self.labels.is_empty()))
            && self.plan_hash == self.plan.as_ref().map(|plan| plan.hash_as(&self.written))
            && self.keys.is_sound()
    }

    /// Puts the keys of a collector into the pack, in the place of those it names.
    pub fn name_keys(&mut self, keys: CollectorKeys) {
        self.gateway = encode(&keys.gateway);
        self.keys = keys.reports;
        self.name();
    }

    /// Lists the features, sorted by name.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        self.features.list()
    }

    /// Lists the segments, in the pack's order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments.list
    }

    /// Returns the index of a feature.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<usize> {
        self.features.position(name)
    }

    /// Returns the hash that names the compiled form of this pack and no other.
    #[must_use]
    pub fn hash(&self) -> PackHash {
        self.hash
    }

    /// Returns what labels may be shared, and for what; nothing where the pack asks for none.
    #[must_use]
    pub fn labels(&self) -> Option<LabelTerms> {
        labels::read_terms(&self.labels)
    }

    /// Returns the plan with its hash.
    pub(crate) fn asked(&self) -> Option<(&Plan, PlanHash)> {
        self.plan.as_ref().zip(self.plan_hash)
    }
}

/// Reads what labels may be shared and checks that they are segments of the pack.
fn read_labels(node: &Node<'_>, segments: &[Segment]) -> Result<Vec<u8>, Mistake> {
    let terms = LabelTerms::read(node)?;
    for (node, (name, _)) in node.need("segments")?.list()?.iter().zip(&terms.segments) {
        if !segments.iter().any(|segment| segment.id == *name) {
            let message = format!("{name} is no segment of this pack, so it cannot be shared");
            return Err(node.need("id")?.mistake(message));
        }
    }
    Ok(encode(&terms))
}

/// Reads the plan and checks that all it asks about is the pack's.
fn read_plan(
    node: &Node<'_>,
    features: &Features,
    models: &[Model],
    segments: &[Segment],
) -> Result<Plan, Mistake> {
    let plan = Plan::read(node)?;
    let list = node.need("questions")?;
    for (question, node) in plan.questions.iter().zip(list.list()?) {
        let unknown = |key, name: &Name, what| {
            let message = format!("a question asks about {name}, which is no {what} of this pack");
            node.need(key).map_or_else(|absent| absent, |node| node.mistake(message))
        };
        let is_segment = |name: &Name| segments.iter().any(|segment| segment.id == *name);
        if let Some(segment) = question.ask.segments().iter().find(|name| !is_segment(name)) {
            return Err(unknown("segments", segment, "segment"));
        }
        if let Some(outcome) = question.ask.outcome().filter(|name| !is_segment(name)) {
            return Err(unknown("outcome", outcome, "segment"));
        }
        match &question.ask {
            Ask::Histogram { feature: name, .. } | Ask::Mean { feature: name, .. } => {
                let feature = features.list().iter().find(|feature| feature.id == *name);
                if !feature.ok_or_else(|| unknown("feature", name, "feature"))?.labels.is_empty() {
                    let message = "the values of this feature are labels, which have no order";
                    return Err(node.need("feature")?.mistake(message));
                }
            }
            Ask::Calibration { model: name, .. } if !models.iter().any(|model| model.id == *name) => {
                return Err(unknown("model", name, "model"));
            }
            _ => {}
        }
    }
    Ok(plan)
}
