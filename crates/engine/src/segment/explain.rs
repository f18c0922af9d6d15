//! Why someone is in or out: the rule that decides, each condition with its value and whether it holds.

use keepset_wire::Timestamp;
use serde::Serialize;

use super::{Comparison, Memberships, Op, Rule, Segments, Subject, View, sentence};
use crate::model::Model;
use crate::pack::Pack;
use crate::whatif::Nearest;

/// Why this device is in a segment, or out of it. Computed and kept on the device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The segment.
    pub segment: String,
    /// What it is called.
    pub title: String,
    /// Why it exists, with the values of now filled in.
    pub reason: String,
    /// Whether the device is in.
    pub member: bool,
    /// Since when it is in, in milliseconds since 1970.
    pub since: Option<i64>,
    /// The rule that decides: who is out must meet `enter`, who is in must meet `stay`.
    pub decided_by: &'static str,
    /// The rule, part by part.
    pub condition: Condition,
    /// What else keeps the device where it is, beside the rule.
    pub held: Option<Held>,
    /// What decided, in one sentence for who wrote the segment.
    pub sentence: String,
    /// The same for the device's own person.
    pub visitor: String,
    /// The nearest change that would turn the answer; none was found within a year of waiting and twelve events.
    pub nearest: Option<Nearest>,
}

/// What keeps a device in or out, whatever the rule says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// `minimum_stay`, `cool_down`, `ttl` (a new occasion is needed) or `group`.
    pub by: &'static str,
    /// Until when, in milliseconds since 1970, where that is known.
    pub until: Option<i64>,
    /// The segment of its group that holds.
    pub segment: Option<String>,
}

/// A part of a rule and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
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
    /// At least so many parts must hold.
    AtLeast {
        /// Whether they do.
        holds: bool,
        /// How many.
        needed: usize,
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
    /// The arm of an experiment is asked.
    Experiment {
        /// Whether the device is in one of the arms.
        holds: bool,
        /// The experiment's name.
        id: String,
        /// What it is called.
        title: String,
        /// The device's arm.
        arm: Option<String>,
        /// The arms that pass.
        arms: Vec<String>,
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
    /// What the value stands for, where it is the number of a label.
    pub label: Option<String>,
    /// How it is compared.
    pub op: Op,
    /// With what: of `between` the lower bound, of `in` the first.
    pub threshold: f64,
    /// All it is compared with, as people read it.
    pub thresholds: Vec<String>,
    /// Of a model: what moves its score most, the strongest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// What a feature adds to a model's score.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The feature.
    pub feature: String,
    /// By how much it moves the score: of a linear model weight times value, of others the Shapley value.
    pub adds: f64,
    /// The same in words.
    pub sentence: String,
}

/// So many reasons are given: more are not read.
const REASONS: usize = 3;

impl Condition {
    /// Tells whether this part of the rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::All { holds, .. }
            | Self::Any { holds, .. }
            | Self::AtLeast { holds, .. }
            | Self::Not { holds, .. }
            | Self::Segment { holds, .. }
            | Self::Experiment { holds, .. } => *holds,
            Self::Feature(compared) | Self::Model(compared) => compared.holds,
        }
    }
}

/// Explains a segment to the device's own person.
pub(crate) fn explain(pack: &Pack, index: usize, mut view: View<'_>, now: Timestamp) -> Explanation {
    let memberships = view.memberships;
    let segment = &pack.segments.list[index];
    let member = memberships.since(index);
    let (decided_by, rule) =
        if member.is_some() { ("stay", segment.staying()) } else { ("enter", &segment.enter) };
    let condition = Explainer { pack, view }.condition(rule);
    let reason = sentence::filled(&segment.reason, &view);
    let mut evidence = Vec::new();
    rule.evidence(&mut view, &mut evidence);
    let sentence = sentence::deciding(rule, pack, &evidence);
    Explanation {
        segment: segment.id.to_string(),
        title: segment.title.clone(),
        member: member.is_some(),
        since: member.map(Timestamp::millis),
        decided_by,
        held: held(&pack.segments, index, memberships, now),
        visitor: sentence::for_visitor(&segment.title, &reason, member.is_some(), &sentence),
        sentence,
        reason,
        condition,
        nearest: None,
    }
}

fn held(segments: &Segments, index: usize, memberships: &Memberships, now: Timestamp) -> Option<Held> {
    let segment = &segments.list[index];
    let standing = memberships.standings()[index];
    let ahead = |end: &i64| now.millis() < *end;
    let held = |by, until| Some(Held { by, until, segment: None });
    if let Some(end) = standing.must_stay_until(segment).filter(ahead) {
        return held("minimum_stay", Some(end));
    }
    if let Some(end) = standing.cools_until(segment).filter(ahead) {
        return held("cool_down", Some(end));
    }
    if standing.spent {
        return held("ttl", None);
    }
    let higher = memberships.higher(segment)?;
    Some(Held { by: "group", until: None, segment: Some(segments.list[higher].id.to_string()) })
}

/// What an explanation is made of.
struct Explainer<'a> {
    pack: &'a Pack,
    view: View<'a>,
}

impl Explainer<'_> {
    fn condition(&self, rule: &Rule) -> Condition {
        let holds = rule.holds(&mut { self.view });
        let all = |parts: &[Rule]| parts.iter().map(|part| self.condition(part)).collect();
        match rule {
            Rule::All(parts) => Condition::All { holds, parts: all(parts) },
            Rule::Any(parts) => Condition::Any { holds, parts: all(parts) },
            Rule::AtLeast(needed, parts) => Condition::AtLeast { holds, needed: *needed, parts: all(parts) },
            Rule::Not(part) => Condition::Not { holds, part: Box::new(self.condition(part)) },
            Rule::Compare(comparison) => self.compared(comparison, holds),
            Rule::Segment(other) => {
                let other = &self.pack.segments()[*other];
                Condition::Segment { holds, id: other.id.to_string(), title: other.title.clone() }
            }
            Rule::Experiment(index, arms) => {
                let experiment = &self.pack.experiments[*index];
                let name = |arm: usize| experiment.arms[arm].0.to_string();
                Condition::Experiment {
                    holds,
                    id: experiment.id.to_string(),
                    title: experiment.title.clone(),
                    arm: self.view.arms.get(*index).map(|arm| name(*arm)),
                    arms: arms.iter().map(|arm| name(*arm)).collect(),
                }
            }
        }
    }

    /// The strongest of what a score is made of.
    fn reasons(&self, model: &Model) -> Vec<Reason> {
        let known = |feature| self.view.value(Subject::Feature(feature));
        let mut parts = model.contributions(known).map_or(Vec::new(), |contributions| contributions.parts);
        parts.retain(|(_, adds)| *adds != 0.0);
        parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let reason = |(index, adds): (usize, f64)| {
            let feature = &self.pack.features()[index];
            let sentence = sentence::adding(feature, known(index), adds);
            Reason { feature: feature.id.to_string(), adds, sentence }
        };
        parts.into_iter().take(REASONS).map(reason).collect()
    }

    fn compared(&self, comparison: &Comparison, holds: bool) -> Condition {
        let value = self.view.value(comparison.subject);
        let (id, title, feature) = match comparison.subject {
            Subject::Feature(index) => {
                let feature = &self.pack.features()[index];
                (&feature.id, &feature.title, Some(feature))
            }
            Subject::Model(index) => {
                let model = &self.pack.models[index];
                (&model.id, &model.title, None)
            }
        };
        let compared = Compared {
            holds,
            id: id.to_string(),
            title: title.clone(),
            value,
            label: value.zip(feature).and_then(|(value, feature)| feature.label(value)).map(str::to_owned),
            op: comparison.op,
            threshold: comparison.thresholds.first().copied().unwrap_or_default(),
            thresholds: comparison.thresholds.iter().map(|value| sentence::shown(feature, *value)).collect(),
            reasons: match comparison.subject {
                Subject::Feature(_) => Vec::new(),
                Subject::Model(index) => self.reasons(&self.pack.models[index]),
            },
        };
        match comparison.subject {
            Subject::Feature(_) => Condition::Feature(compared),
            Subject::Model(_) => Condition::Model(compared),
        }
    }
}
