//! The pack: one JSON document with everything a device is to compute and may be asked.

use keepset_wire::document::{self, Mistake, Name, Node};
use keepset_wire::{Plan, PlanHash, Timestamp};

use crate::event::EventSpec;
use crate::feature::Feature;
use crate::model::Linear;
use crate::segment::{self, Segment};

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
    /// The features, sorted by name.
    pub features: Vec<Feature>,
    /// The models, sorted by name.
    pub models: Vec<Linear>,
    /// The segments, in the pack's order.
    pub segments: Vec<Segment>,
    /// The plan, when the pack asks for reports.
    pub plan: Option<Plan>,
    /// The plan's hash, computed once: the gate asks for it at every event.
    plan_hash: Option<PlanHash>,
    pub(crate) order: Vec<usize>,
}

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
        let node = Node::root(document);
        let fields = node.object(&[
            "$schema", "id", "version", "title", "owner", "reason", "expires", "events", "features",
            "models", "segments", "plan",
        ])?;
        let events = fields.need("events")?.each_member(EventSpec::read)?;
        let features = match fields.get("features") {
            Some(node) => node.each_member(|id, node| Feature::read(id, node, &events))?,
            None => Vec::new(),
        };
        let models = match fields.get("models") {
            Some(node) => node.each_member(|id, node| Linear::read(id, node, &features))?,
            None => Vec::new(),
        };
        let (segments, order) = segment::read(&fields.need("segments")?, &features, &models)?;
        let plan = fields.get("plan").map(|node| read_plan(&node, &segments)).transpose()?;
        fields.need("owner")?.text()?;
        fields.need("reason")?.text()?;
        Ok(Self {
            id: fields.need("id")?.name()?,
            version: fields.need("version")?.whole(1, u32::MAX)?,
            title: fields.need("title")?.text()?.to_owned(),
            expires: fields.need("expires")?.date()?,
            events,
            features,
            models,
            segments,
            plan_hash: plan.as_ref().map(Plan::hash),
            plan,
            order,
        })
    }
}

impl Pack {
    /// Returns the plan with its hash.
    pub(crate) fn asked(&self) -> Option<(&Plan, PlanHash)> {
        self.plan.as_ref().zip(self.plan_hash)
    }
}

/// Reads the plan and checks that every segment it asks about is one of the pack's.
fn read_plan(node: &Node<'_>, segments: &[Segment]) -> Result<Plan, Mistake> {
    let plan = Plan::read(node)?;
    for asked in plan.questions.iter().flat_map(|question| &question.segments) {
        if !segments.iter().any(|segment| segment.id == *asked) {
            return Err(
                node.mistake(format!("a question asks about {asked}, which is no segment of this pack"))
            );
        }
    }
    Ok(plan)
}
