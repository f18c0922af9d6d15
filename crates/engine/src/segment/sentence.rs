//! Explanations as sentences.

use keepset_wire::Timestamp;

use super::{Comparison, Op, Rule, Subject, View};
use crate::event::{decimal, joined, text, whole};
use crate::feature::Feature;
use crate::pack::Pack;

/// Writes a number as people read it, to two decimals.
pub(crate) fn number(value: f64) -> String {
    // Beyond a billion nobody reads the last digits.
    decimal((value.clamp(-1e9, 1e9) * 100.0).round() / 100.0)
}

/// Writes a day like "12 March".
pub(crate) fn date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let date = at.date();
    let part =
        |range: std::ops::Range<usize>| date.get(range).and_then(|digits| digits.parse::<usize>().ok());
    let (day, month) = (part(8..10).unwrap_or(1), part(5..7).unwrap_or(1));
    format!("{day} {}", MONTHS[(month + 11) % 12])
}

/// Puts the values of now in the place of `{feature}`.
pub(super) fn filled(text: &str, view: &View<'_>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        match view.features.position(name) {
            Some(index) => {
                let value = view.value(Subject::Feature(index));
                let feature = &view.features.list()[index];
                filled.push_str(&value.map_or("no".to_owned(), |value| shown(Some(feature), value)));
            }
            None => filled.push_str(name),
        }
        rest = after;
    }
    filled + rest
}

/// Says which conditions decided that a rule holds or does not: of what holds the parts that hold, of what does not those
/// that do not. `evidence` is what the rule saw, part by part.
pub(super) fn deciding(rule: &Rule, pack: &Pack, evidence: &[f64]) -> String {
    Said { pack, evidence: evidence.iter() }.of(rule).1
}

/// What is being said.
struct Said<'a> {
    pack: &'a Pack,
    evidence: std::slice::Iter<'a, f64>,
}

impl Said<'_> {
    /// Tells whether a rule holds, and what decides it.
    fn of(&mut self, rule: &Rule) -> (bool, String) {
        let pack = self.pack;
        match rule {
            Rule::All(parts) => {
                let parts = self.each(parts);
                let holds = parts.iter().all(|(holds, _)| *holds);
                (holds, decisive(&parts, holds, ", and "))
            }
            Rule::Any(parts) => {
                let parts = self.each(parts);
                let holds = parts.iter().any(|(holds, _)| *holds);
                (holds, decisive(&parts, holds, if holds { ", or " } else { ", and " }))
            }
            Rule::AtLeast(needed, parts) => {
                let parts = self.each(parts);
                let holding = parts.iter().filter(|(holds, _)| *holds).count();
                let holds = holding >= *needed;
                let deciding = decisive(&parts, holds, "; ");
                (holds, text(&[&whole(holding), " of ", &whole(*needed), " conditions hold: ", &deciding]))
            }
            Rule::Not(part) => {
                // Its own conditions say what is so.
                let (holds, said) = self.of(part);
                (!holds, said)
            }
            Rule::Compare(comparison) => {
                let value = self.next();
                (comparison.holds(value), compared(comparison, value, pack))
            }
            Rule::Segment(segment) => {
                let holds = self.next() > 0.0;
                let title = &pack.segments()[*segment].title;
                (holds, text(&[if holds { "in" } else { "not in" }, " “", title, "”"]))
            }
            Rule::Experiment(experiment, arms) => {
                let value = self.next();
                // A device in no arm gave no number.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let arm = (!value.is_nan()).then_some(value as usize);
                let experiment = &pack.experiments[*experiment];
                let name =
                    arm.and_then(|arm| experiment.arms.get(arm)).map_or("in no arm", |arm| arm.0.as_str());
                (arm.is_some_and(|arm| arms.contains(&arm)), text(&[&experiment.title, ": ", name]))
            }
        }
    }

    fn each(&mut self, parts: &[Rule]) -> Vec<(bool, String)> {
        parts.iter().map(|part| self.of(part)).collect()
    }

    fn next(&mut self) -> f64 {
        self.evidence.next().copied().unwrap_or(f64::NAN)
    }
}

/// Joins what those parts say that hold, or that do not.
fn decisive(parts: &[(bool, String)], holds: bool, word: &str) -> String {
    joined(&mut parts.iter().filter(|part| part.0 == holds).map(|part| &part.1), word)
}

/// Writes a value, or what it stands for.
pub(super) fn shown(feature: Option<&Feature>, value: f64) -> String {
    let label = feature.and_then(|feature| feature.label(value));
    label.map_or_else(|| number(value), str::to_owned)
}

/// Says what a feature adds to a score.
pub(super) fn adding(feature: &Feature, value: Option<f64>, adds: f64) -> String {
    let value = value.map_or("none yet".to_owned(), |value| shown(Some(feature), value));
    let does = if adds > 0.0 { "raises" } else { "lowers" };
    format!("{}: {value} {does} the score by {}", feature.title, number(adds.abs()))
}

fn compared(comparison: &Comparison, value: f64, pack: &Pack) -> String {
    let (title, feature) = match comparison.subject {
        Subject::Feature(index) => (&pack.features()[index].title, Some(&pack.features()[index])),
        Subject::Model(index) => (&pack.models[index].title, None),
    };
    let value = if value.is_nan() { "none yet".to_owned() } else { shown(feature, value) };
    let thresholds: Vec<String> = comparison.thresholds.iter().map(|value| shown(feature, *value)).collect();
    let joined = |word| joined(&mut thresholds.iter(), word);
    let (how, asked) = match comparison.op {
        Op::Less => ("below ", joined("")),
        Op::AtMost => ("at most ", joined("")),
        Op::Greater => ("above ", joined("")),
        Op::AtLeast => ("at least ", joined("")),
        Op::Equal => ("", joined("")),
        Op::NotEqual => ("anything but ", joined("")),
        Op::Between => ("from ", joined(" to ")),
        Op::In => ("one of ", joined(", ")),
    };
    text(&[title, ": ", &value, " (asked: ", how, &asked, ")"])
}

/// Says it to the device's own person.
pub(super) fn for_visitor(title: &str, reason: &str, member: bool, deciding: &str) -> String {
    if member {
        return format!("You are in “{title}” {reason}.");
    }
    format!("You are not in “{title}”. What decides: {deciding}.")
}
