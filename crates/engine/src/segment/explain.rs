//! Why someone is in or out: the rule that decides, each condition with its value and whether it holds.

use keepset_wire::Timestamp;
use serde::Serialize;

use super::{Op, Rule, Segment, View};

/// Why this device is in a segment, or out of it. Computed and kept on the device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The segment.
    pub segment: String,
    /// What it is called.
    pub title: String,
    /// Why it exists.
    pub reason: String,
    /// Whether the device is in.
    pub member: bool,
    /// Since when it is in, in milliseconds since 1970.
    pub since: Option<i64>,
    /// The rule that decides: who is out must meet `enter`, who is in must meet `stay`.
    pub decided_by: &'static str,
    /// The rule, part by part.
    pub condition: Condition,
}

/// A part of a rule and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Condition {
    /// All parts must hold.
    All {
        /// Whether they do.
        holds: bool,
        /// The parts.
        parts: Vec<Condition>,
    },
    /// One part must hold.
    Any {
        /// Whether one does.
        holds: bool,
        /// The parts.
        parts: Vec<Condition>,
    },
    /// The part must not hold.
    Not {
        /// Whether it does not.
        holds: bool,
        /// The part.
        part: Box<Condition>,
    },
    /// A feature is compared.
    Feature(Compared),
    /// A model's score is compared.
    Model(Compared),
    /// Another segment is asked.
    Segment {
        /// Whether the device is in it.
        holds: bool,
        /// Its name.
        id: String,
        /// What it is called.
        title: String,
    },
}

/// A comparison with the value it saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Whether it holds.
    pub holds: bool,
    /// The name of the feature or model.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The value now; none when there is none yet.
    pub value: Option<f64>,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub threshold: f64,
}

impl Condition {
    /// Tells whether this part of the rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::All { holds, .. }
            | Self::Any { holds, .. }
            | Self::Not { holds, .. }
            | Self::Segment { holds, .. } => *holds,
            Self::Feature(compared) | Self::Model(compared) => compared.holds,
        }
    }
}

/// Explains a segment to the device's own person.
pub(crate) fn explain(
    segments: &[Segment],
    index: usize,
    view: &View<'_>,
    since: &impl Fn(usize) -> Option<Timestamp>,
) -> Explanation {
    let segment = &segments[index];
    let member = since(index);
    let (decided_by, rule) =
        if member.is_some() { ("stay", &segment.stay) } else { ("enter", &segment.enter) };
    Explanation {
        segment: segment.id.to_string(),
        title: segment.title.clone(),
        reason: segment.reason.clone(),
        member: member.is_some(),
        since: member.map(Timestamp::millis),
        decided_by,
        condition: condition(rule, segments, view, &|other| since(other).is_some()),
    }
}

fn condition(
    rule: &Rule,
    segments: &[Segment],
    view: &View<'_>,
    is_in: &impl Fn(usize) -> bool,
) -> Condition {
    let holds = rule.holds(view, is_in);
    let all = |parts: &[Rule]| parts.iter().map(|part| condition(part, segments, view, is_in)).collect();
    match rule {
        Rule::All(parts) => Condition::All { holds, parts: all(parts) },
        Rule::Any(parts) => Condition::Any { holds, parts: all(parts) },
        Rule::Not(part) => Condition::Not { holds, part: Box::new(condition(part, segments, view, is_in)) },
        Rule::Feature(comparison) => {
            let feature = &view.features[comparison.index];
            Condition::Feature(Compared {
                holds,
                id: feature.id.to_string(),
                title: feature.title.clone(),
                value: view.feature(comparison.index),
                op: comparison.op,
                threshold: comparison.threshold,
            })
        }
        Rule::Model(comparison) => {
            let model = &view.models[comparison.index];
            Condition::Model(Compared {
                holds,
                id: model.id.to_string(),
                title: model.title.clone(),
                value: Some(view.score(comparison.index)),
                op: comparison.op,
                threshold: comparison.threshold,
            })
        }
        Rule::Segment(other) => {
            let other = &segments[*other];
            Condition::Segment { holds, id: other.id.to_string(), title: other.title.clone() }
        }
    }
}
