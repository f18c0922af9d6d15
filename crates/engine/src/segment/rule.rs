//! Rules: comparisons joined by all, any and not.

use keepset_wire::Timestamp;
use keepset_wire::document::{Mistake, Node};
use serde::Serialize;

use super::Names;
use crate::feature::{Feature, State};
use crate::model::Linear;

/// Rules nest at most this deep: nobody reads deeper ones, and evaluation must not exhaust the stack.
const MAX_DEPTH: u32 = 16;

/// What a rule may be; exactly one of these keys is used.
const FORMS: [&str; 6] = ["all", "any", "not", "feature", "model", "segment"];

const OPS: &[(&str, Op)] =
    &[("<", Op::Less), ("<=", Op::AtMost), (">", Op::Greater), (">=", Op::AtLeast), ("=", Op::Equal)];

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Op {
    /// Less than.
    #[serde(rename = "<")]
    Less,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// Greater than.
    #[serde(rename = ">")]
    Greater,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// Exactly.
    #[serde(rename = "=")]
    Equal,
}

/// A comparison of something with a constant; the index is that of a feature or a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub index: usize,
    /// How.
    pub op: Op,
    /// With what.
    pub threshold: f64,
}

/// A rule; it either holds or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// All parts hold.
    All(Vec<Rule>),
    /// At least one part holds.
    Any(Vec<Rule>),
    /// The part does not hold.
    Not(Box<Rule>),
    /// A feature has a value and it compares so.
    Feature(Comparison),
    /// A model's score compares so.
    Model(Comparison),
    /// The device is in this segment.
    Segment(usize),
}

/// What a rule looks at: a moment of one device.
pub(crate) struct View<'a> {
    pub(crate) features: &'a [Feature],
    pub(crate) models: &'a [Linear],
    pub(crate) states: &'a [State],
    pub(crate) now: Timestamp,
}

impl View<'_> {
    pub(crate) fn feature(&self, index: usize) -> Option<f64> {
        self.features[index].value(&self.states[index], self.now)
    }

    pub(crate) fn score(&self, index: usize) -> f64 {
        self.models[index].score(|feature| self.feature(feature))
    }
}

impl Op {
    /// Compares; false for anything that is not a number.
    #[must_use]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Less => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Greater => value > threshold,
            Self::AtLeast => value >= threshold,
            #[expect(clippy::float_cmp, reason = "exactly is what the author asked for")]
            Self::Equal => value == threshold,
        }
    }
}

impl Rule {
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, depth: u32) -> Result<Self, Mistake> {
        if depth > MAX_DEPTH {
            return Err(node.mistake("rules nest at most 16 deep"));
        }
        let fields = node.object(&["all", "any", "not", "feature", "model", "segment", "op", "value"])?;
        let mut used = None;
        for form in FORMS {
            if let Some(inner) = fields.get(form) {
                if used.is_some() {
                    return Err(node.mistake(format!("expected only one of {}", FORMS.join(", "))));
                }
                used = Some((form, inner));
            }
        }
        let Some((form, inner)) = used else {
            return Err(node.mistake(format!("expected one of {}", FORMS.join(", "))));
        };
        let compares = matches!(form, "feature" | "model");
        if !compares && (fields.get("op").is_some() || fields.get("value").is_some()) {
            return Err(node.mistake(format!("\"{form}\" takes no op and no value")));
        }
        match form {
            "all" | "any" => {
                let parts = inner.each(|part| Self::read(part, names, depth + 1))?;
                if parts.is_empty() {
                    return Err(inner.mistake("expected at least one rule"));
                }
                return Ok(if form == "all" { Self::All(parts) } else { Self::Any(parts) });
            }
            "not" => return Ok(Self::Not(Box::new(Self::read(&inner, names, depth + 1)?))),
            _ => {}
        }
        let index = names.position(form, inner.text()?);
        let index = index.ok_or_else(|| inner.mistake(format!("the pack has no {form} of this name")))?;
        if !compares {
            return Ok(Self::Segment(index));
        }
        let op = fields.need("op")?.one_of(OPS)?;
        let comparison = Comparison { index, op, threshold: fields.need("value")?.number()? };
        Ok(if form == "feature" { Self::Feature(comparison) } else { Self::Model(comparison) })
    }

    /// Tells whether the rule holds, given who is in the other segments.
    pub(crate) fn holds(&self, view: &View<'_>, is_in: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(view, is_in)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view, is_in)),
            Self::Not(part) => !part.holds(view, is_in),
            Self::Feature(comparison) => view
                .feature(comparison.index)
                .is_some_and(|value| comparison.op.holds(value, comparison.threshold)),
            Self::Model(comparison) => {
                comparison.op.holds(view.score(comparison.index), comparison.threshold)
            }
            Self::Segment(segment) => is_in(*segment),
        }
    }

    /// Returns the first instant after the view's at which time alone may change the answer.
    ///
    /// Segments this rule reads are not looked into: they have their own instants.
    pub(crate) fn next_change(&self, view: &View<'_>) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        let mut offer = |instant: Option<Timestamp>| next = next.into_iter().chain(instant).min();
        self.visit(&mut |rule| match rule {
            Self::Feature(c) => {
                offer(view.features[c.index].next_change(&view.states[c.index], Some(c.threshold), view.now));
            }
            Self::Model(c) => view.models[c.index].inputs().for_each(|feature| {
                offer(view.features[feature].next_change(&view.states[feature], None, view.now));
            }),
            _ => {}
        });
        next
    }

    /// Calls `visitor` with this rule and every part of it.
    pub(crate) fn visit(&self, visitor: &mut impl FnMut(&Self)) {
        visitor(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(visitor)),
            Self::Not(part) => part.visit(visitor),
            Self::Feature(_) | Self::Model(_) | Self::Segment(_) => {}
        }
    }

    pub(super) fn segment(&self) -> Option<usize> {
        if let Self::Segment(segment) = self { Some(*segment) } else { None }
    }
}
