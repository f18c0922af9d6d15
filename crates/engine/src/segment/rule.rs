//! Rules: comparisons joined by all, any, not and "at least so many of".

use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake, Node};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Memberships, Names};
use crate::feature::Features;
use crate::model::Waiting;

/// Rules nest at most this deep: nobody reads deeper ones, and evaluation must not exhaust the stack.
const MAX_DEPTH: u32 = 16;

/// What a rule may be; exactly one of these keys is used.
const FORMS: [&str; 8] = ["all", "any", "not", "at_least", "feature", "model", "segment", "experiment"];

/// The keys that go with a form.
const COMPANIONS: [&str; 6] = ["op", "value", "between", "in", "of", "within_days"];

const OPS: &[(&str, Op)] = &[
    ("<", Op::Less),
    ("<=", Op::AtMost),
    (">", Op::Greater),
    (">=", Op::AtLeast),
    ("=", Op::Equal),
    ("!=", Op::NotEqual),
];

/// How numbers are compared.
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
    /// Anything but.
    #[serde(rename = "!=")]
    NotEqual,
    /// From the first to the second, both included.
    #[serde(rename = "between")]
    Between,
    /// One of them.
    #[serde(rename = "in")]
    In,
}

codec!(enum Op { 0 => Less, 1 => AtMost, 2 => Greater, 3 => AtLeast, 4 => Equal, 5 => NotEqual, 6 => Between, 7 => In });

/// What is compared, by its index in the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A feature.
    Feature(usize),
    /// A model's score.
    Model(usize),
}

codec!(enum Subject { 0 => Feature(a), 1 => Model(a) });

/// A comparison of something with constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Its number among those of the pack, in the order of evaluation.
    pub(super) number: usize,
    /// What is compared.
    pub subject: Subject,
    /// How.
    pub op: Op,
    /// With what: two for [`Op::Between`], any number for [`Op::In`], else one.
    pub thresholds: Vec<f64>,
}

codec!(struct Comparison { number, subject, op, thresholds });

/// A rule; it either holds or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// All parts hold.
    All(Vec<Rule>),
    /// At least one part holds.
    Any(Vec<Rule>),
    /// At least so many parts hold.
    AtLeast(usize, Vec<Rule>),
    /// The part does not hold.
    Not(Box<Rule>),
    /// Something has a value and it compares so.
    Compare(Comparison),
    /// The device is in this segment.
    Segment(usize),
    /// The device is in one of these arms of an experiment.
    Experiment(usize, Vec<usize>),
}

codec!(enum Rule { 0 => All(a), 1 => Any(a), 2 => AtLeast(a, b), 3 => Not(a), 4 => Compare(a), 5 => Segment(a), 6 => Experiment(a, b) });

/// Who answers what a rule asks of a moment of one device.
pub(crate) trait Look {
    /// The value a comparison compares; not a number where there is none.
    fn see(&mut self, comparison: &Comparison) -> f64;

    /// The same for who wants to show it: the value of that moment, whatever the comparison needs.
    fn show(&mut self, comparison: &Comparison) -> f64;

    fn is_in(&self, segment: usize) -> bool;

    /// The device's arm in an experiment; none without a secret.
    fn arm(&self, experiment: usize) -> Option<usize>;
}

/// A moment of one device at which every value is known.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) features: &'a Features,
    /// The value of every subject, by its number; not a number where there is none.
    pub(crate) values: &'a [f64],
    pub(crate) memberships: &'a Memberships,
    pub(crate) arms: &'a [usize],
}

impl Subject {
    /// Numbers the subjects of a pack: its features, then its models.
    pub(crate) fn number(self, features: &Features) -> usize {
        match self {
            Self::Feature(index) => index,
            Self::Model(index) => features.list().len() + index,
        }
    }
}

impl View<'_> {
    pub(crate) fn value(&self, subject: Subject) -> Option<f64> {
        Some(self.values[subject.number(self.features)]).filter(|value| !value.is_nan())
    }
}

impl Look for View<'_> {
    fn see(&mut self, comparison: &Comparison) -> f64 {
        self.values[comparison.subject.number(self.features)]
    }

    fn show(&mut self, comparison: &Comparison) -> f64 {
        self.see(comparison)
    }

    fn is_in(&self, segment: usize) -> bool {
        self.memberships.is_in(segment)
    }

    fn arm(&self, experiment: usize) -> Option<usize> {
        self.arms.get(experiment).copied()
    }
}

impl Comparison {
    /// Compares; false for anything that is not a number.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "exactly is what the author asked for")]
    pub fn holds(&self, value: f64) -> bool {
        let Some(&threshold) = self.thresholds.first() else { return false };
        match self.op {
            Op::Less => value < threshold,
            Op::AtMost => value <= threshold,
            Op::Greater => value > threshold,
            Op::AtLeast => value >= threshold,
            Op::Equal => value == threshold,
            Op::NotEqual => value != threshold && !value.is_nan(),
            Op::Between => value >= threshold && self.thresholds.get(1).is_some_and(|upper| value <= *upper),
            Op::In => self.thresholds.contains(&value),
        }
    }

    /// Lists the cuts at which the answer changes: it is the same for all values from one cut up to, not including, the next.
    pub(super) fn cuts(&self) -> Vec<f64> {
        let at = |threshold: &f64| match self.op {
            Op::Less | Op::AtLeast => vec![*threshold],
            Op::AtMost | Op::Greater => vec![threshold.next_up()],
            _ => vec![*threshold, threshold.next_up()],
        };
        match (self.op, &self.thresholds[..]) {
            (Op::Between, [low, high]) => vec![*low, high.next_up()],
            (_, thresholds) => thresholds.iter().flat_map(at).collect(),
        }
    }

    fn read(subject: Subject, fields: &Fields<'_>, labels: &[String]) -> Result<Self, Mistake> {
        Self::read_with(subject, fields, &|node| match node.value() {
            Json::String(text) if !labels.is_empty() => {
                let index = labels.iter().position(|label| label == text);
                let unknown = || node.mistake(format!("expected one of {}", labels.join(", ")));
                index.and_then(|index| u32::try_from(index).ok()).map(f64::from).ok_or_else(unknown)
            }
            _ => node.number(),
        })
    }

    /// Reads a comparison of a model: of its score, or of the chance that it gives within some days, which is one of the score.
    fn read_of_model(index: usize, fields: &Fields<'_>, waiting: Option<&Waiting>) -> Result<Self, Mistake> {
        let Some(within) = fields.get("within_days") else {
            return Self::read(Subject::Model(index), fields, &[]);
        };
        if matches!(fields.get("op").map(|op| op.one_of(OPS)), Some(Ok(Op::Equal | Op::NotEqual)))
            || fields.get("in").is_some()
        {
            return Err(within.mistake("a chance is compared by <, <=, >, >= or between"));
        }
        let unknown = || within.mistake("the model's score says nothing of when: it has no \"waiting\"");
        let waiting = waiting.ok_or_else(unknown)?;
        Self::read_with(Subject::Model(index), fields, &|node| {
            waiting.threshold(node.number()?, &within, node)
        })
    }

    fn read_with(
        subject: Subject,
        fields: &Fields<'_>,
        number: &dyn Fn(&Node<'_>) -> Result<f64, Mistake>,
    ) -> Result<Self, Mistake> {
        let forms = [fields.get("op"), fields.get("between"), fields.get("in")];
        if forms.iter().flatten().count() > 1 || (fields.get("value").is_some() && forms[0].is_none()) {
            return Err(fields.mistake("expected only one of op with value, between, in"));
        }
        let (op, thresholds) = match forms {
            [_, Some(bounds), _] => (Op::Between, (bounds, bounds.each(number)?)),
            [_, _, Some(list)] => (Op::In, (list, list.each(number)?)),
            _ => {
                let op = fields.need("op")?.one_of(OPS)?;
                let value = fields.need("value")?;
                (op, (value, vec![number(&value)?]))
            }
        };
        let (node, thresholds) = thresholds;
        if op == Op::Between && !(thresholds.len() == 2 && thresholds[0] <= thresholds[1]) {
            return Err(node.mistake("expected two numbers, the smaller first"));
        }
        if thresholds.is_empty() {
            return Err(node.mistake("expected at least one value"));
        }
        Ok(Self { number: 0, subject, op, thresholds })
    }
}

impl Rule {
    pub(super) fn read(node: &Node<'_>, names: &Names<'_>, depth: u32) -> Result<Self, Mistake> {
        if depth > MAX_DEPTH {
            return Err(node.mistake("rules nest at most 16 deep"));
        }
        let fields = node.object_of(&[&FORMS, &COMPANIONS])?;
        let mut used = FORMS.into_iter().filter_map(|form| Some((form, fields.get(form)?)));
        let (Some((form, inner)), None) = (used.next(), used.next()) else {
            return Err(node.mistake(format!("expected exactly one of {}", FORMS.join(", "))));
        };
        let companions: &[&str] = match form {
            "feature" => &["op", "value", "between", "in"],
            "model" => &["op", "value", "between", "in", "within_days"],
            "at_least" => &["of"],
            "experiment" => &["in"],
            _ => &[],
        };
        if let Some(stray) =
            COMPANIONS.iter().find(|key| fields.get(key).is_some() && !companions.contains(key))
        {
            return Err(node.mistake(format!("\"{form}\" takes no {stray}")));
        }
        let parts = |list: Node<'_>| {
            let parts = list.each(|part| Self::read(part, names, depth + 1))?;
            if parts.is_empty() { Err(list.mistake("expected at least one rule")) } else { Ok(parts) }
        };
        match form {
            "all" => return parts(inner).map(Self::All),
            "any" => return parts(inner).map(Self::Any),
            "not" => return Ok(Self::Not(Box::new(Self::read(&inner, names, depth + 1)?))),
            "at_least" => {
                let parts = parts(fields.need("of")?)?;
                let most = u32::try_from(parts.len()).unwrap_or(u32::MAX);
                return Ok(Self::AtLeast(inner.whole(1, most)? as usize, parts));
            }
            _ => {}
        }
        let index = names.position(form, inner.text()?);
        let index = index.ok_or_else(|| inner.mistake(format!("the pack has no {form} of this name")))?;
        match form {
            "segment" => Ok(Self::Segment(index)),
            "experiment" => {
                let known = &names.experiments[index].arms;
                let arm = |node: &Node<'_>| {
                    let name = node.text()?;
                    let arm = known.iter().position(|(arm, _)| arm.as_str() == name);
                    arm.ok_or_else(|| node.mistake("the experiment has no arm of this name"))
                };
                Ok(Self::Experiment(index, fields.need("in")?.each(arm)?))
            }
            "model" => {
                let waiting = names.waits[index].as_ref();
                Ok(Self::Compare(Comparison::read_of_model(index, &fields, waiting)?))
            }
            _ => {
                let labels = &names.features.list()[index].labels;
                Ok(Self::Compare(Comparison::read(Subject::Feature(index), &fields, labels)?))
            }
        }
    }

    /// Tells whether the rule holds. It asks for no more than it needs, and for what costs least first, for what it asked for
    /// is watched.
    pub(crate) fn holds(&self, look: &mut impl Look) -> bool {
        match self {
            Self::All(parts) => !Self::find(parts, look, false),
            Self::Any(parts) => Self::find(parts, look, true),
            Self::AtLeast(needed, parts) => {
                parts.iter().filter(|part| part.holds(look)).take(*needed).count() == *needed
            }
            Self::Not(part) => !part.holds(look),
            Self::Compare(comparison) => comparison.holds(look.see(comparison)),
            Self::Segment(segment) => look.is_in(*segment),
            Self::Experiment(experiment, arms) => {
                look.arm(*experiment).is_some_and(|arm| arms.contains(&arm))
            }
        }
    }

    /// Tells whether a part holds, or does not.
    fn find(parts: &[Self], look: &mut impl Look, holds: bool) -> bool {
        let mut others = false;
        for part in parts {
            if !part.is_cheap() {
                others = true;
            } else if part.holds(look) == holds {
                return true;
            }
        }
        others && parts.iter().any(|part| !part.is_cheap() && part.holds(look) == holds)
    }

    fn is_cheap(&self) -> bool {
        matches!(self, Self::Compare(Comparison { subject: Subject::Feature(_), .. }) | Self::Segment(_))
    }

    /// Appends what decides the rule at this moment, part by part: the values of comparisons, 1 or 0 for being in a segment or
    /// not, and the number of an arm.
    #[expect(clippy::cast_precision_loss, reason = "experiments have few arms")]
    pub(super) fn evidence(&self, look: &mut impl Look, evidence: &mut Vec<f64>) {
        self.visit(&mut |part| match part {
            Self::Compare(comparison) => evidence.push(look.show(comparison)),
            Self::Segment(segment) => evidence.push(f64::from(u8::from(look.is_in(*segment)))),
            Self::Experiment(experiment, _) => {
                evidence.push(look.arm(*experiment).map_or(f64::NAN, |arm| arm as f64));
            }
            _ => {}
        });
    }

    /// Calls `visitor` with this rule and every part of it.
    pub(crate) fn visit(&self, visitor: &mut impl FnMut(&Self)) {
        visitor(self);
        match self {
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                parts.iter().for_each(|part| part.visit(visitor));
            }
            Self::Not(part) => part.visit(visitor),
            Self::Compare(_) | Self::Segment(_) | Self::Experiment(..) => {}
        }
    }

    /// Numbers the comparisons in it from `next` on.
    pub(super) fn number(&mut self, next: &mut usize) {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                parts.iter_mut().for_each(|part| part.number(next));
            }
            Self::Not(part) => part.number(next),
            Self::Compare(comparison) => {
                comparison.number = *next;
                *next += 1;
            }
            Self::Segment(_) | Self::Experiment(..) => {}
        }
    }

    pub(super) fn segment(&self) -> Option<usize> {
        if let Self::Segment(segment) = self { Some(*segment) } else { None }
    }
}
