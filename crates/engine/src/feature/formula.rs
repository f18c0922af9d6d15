//! `formula`: arithmetic of other features.

use keepset_wire::codec;
use keepset_wire::document::{Mistake, Name, Node, quoted};
use serde_json::Value as Json;

/// Formulas nest at most this deep.
const MAX_DEPTH: u32 = 16;
const FORMS: [&str; 8] = ["add", "multiply", "min", "max", "subtract", "divide", "cut", "or"];

/// A formula.
#[derive(Clone, Debug)]
pub(super) enum Formula {
    Number(f64),
    Feature(usize),
    /// Joins its parts from the first to the last.
    Fold(Join, Vec<Formula>),
    Divide(Box<(Formula, Formula)>),
    /// How many of the cut points are at most the value, plus one.
    Cut(Box<Formula>, Vec<f64>),
    /// The first that has a value.
    Or(Box<(Formula, Formula)>),
}

codec!(enum Formula { 0 => Number(a), 1 => Feature(a), 2 => Fold(a, b), 3 => Divide(a), 4 => Cut(a, b), 5 => Or(a) });

/// How two values become one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    Add,
    Subtract,
    Multiply,
    Min,
    Max,
}

codec!(enum Join { 0 => Add, 1 => Subtract, 2 => Multiply, 3 => Min, 4 => Max });

impl Join {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

impl Formula {
    pub(super) fn read(node: &Node<'_>, names: &[Name], depth: u32) -> Result<Self, Mistake> {
        if depth > MAX_DEPTH {
            return Err(node.mistake("formulas nest at most 16 deep"));
        }
        match node.value() {
            Json::Number(_) => return Ok(Self::Number(node.number()?)),
            Json::String(name) => {
                let index = names.iter().position(|known| known.as_str() == name);
                let unknown = || node.mistake(format!("the pack has no feature {}", quoted(name)));
                return index.map(Self::Feature).ok_or_else(unknown);
            }
            _ => {}
        }
        let fields = node.object(&FORMS)?;
        let mut used = FORMS.into_iter().filter_map(|form| Some((form, fields.get(form)?)));
        let (Some((form, inner)), None) = (used.next(), used.next()) else {
            return Err(node.mistake(format!("expected a number, a feature or one of {}", FORMS.join(", "))));
        };
        let wrong = |what: &str| inner.mistake(format!("expected {what}"));
        if form == "cut" {
            let [value, points] = &inner.list()?[..] else {
                return Err(wrong("a formula and a list of cut points"));
            };
            let cuts = points.each(|point| point.number())?;
            if cuts.is_empty() || !cuts.is_sorted() {
                return Err(points.mistake("expected cut points in rising order"));
            }
            return Ok(Self::Cut(Box::new(Self::read(value, names, depth + 1)?), cuts));
        }
        let mut parts = inner.each(|part| Self::read(part, names, depth + 1))?;
        let fold = |join, parts: Vec<Self>| {
            if parts.is_empty() { Err(wrong("at least one formula")) } else { Ok(Self::Fold(join, parts)) }
        };
        match form {
            "add" => return fold(Join::Add, parts),
            "multiply" => return fold(Join::Multiply, parts),
            "min" => return fold(Join::Min, parts),
            "max" => return fold(Join::Max, parts),
            _ => {}
        }
        let (Some(second), Some(first), None) = (parts.pop(), parts.pop(), parts.pop()) else {
            return Err(wrong("two formulas"));
        };
        Ok(match form {
            "subtract" => Self::Fold(Join::Subtract, vec![first, second]),
            "divide" => Self::Divide(Box::new((first, second))),
            _ => Self::Or(Box::new((first, second))),
        })
    }

    /// Returns the value, given those of the features.
    pub(super) fn value(&self, feature: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Feature(index) => feature(*index),
            Self::Fold(join, parts) => {
                let (first, rest) = parts.split_first()?;
                rest.iter()
                    .try_fold(first.value(feature)?, |sum, part| Some(join.of(sum, part.value(feature)?)))
            }
            Self::Divide(parts) => {
                let (above, below) = (parts.0.value(feature)?, parts.1.value(feature)?);
                (below != 0.0).then(|| above / below)
            }
            Self::Cut(value, cuts) => {
                let value = value.value(feature)?;
                let passed = u32::try_from(cuts.iter().filter(|cut| **cut <= value).count()).ok()?;
                Some(f64::from(passed + 1))
            }
            Self::Or(parts) => parts.0.value(feature).or_else(|| parts.1.value(feature)),
        }
    }

    /// Calls `visitor` with every feature it reads.
    pub(super) fn visit(&self, visitor: &mut dyn FnMut(usize)) {
        match self {
            Self::Number(_) => {}
            Self::Feature(index) => visitor(*index),
            Self::Fold(_, parts) => parts.iter().for_each(|part| part.visit(visitor)),
            Self::Cut(value, _) => value.visit(visitor),
            Self::Divide(parts) | Self::Or(parts) => {
                parts.0.visit(visitor);
                parts.1.visit(visitor);
            }
        }
    }
}
