//! Explanations as sentences.

use keepset_wire::Timestamp;

use super::explain::{Compared, Condition, Explainer};
use super::{Cause, Memberships, Op, Rule, Segments, View};
use crate::event::decimal;
use crate::feature::Feature;

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
                let value = view.value(super::Subject::Feature(index));
                let feature = &view.features.list()[index];
                filled.push_str(&value.map_or("no".to_owned(), |value| shown(Some(feature), value)));
            }
            None => filled.push_str(name),
        }
        rest = after;
    }
    filled + rest
}

/// Says which conditions decided.
pub(super) fn deciding(
    rule: &Rule,
    segments: &Segments,
    view: &View<'_>,
    memberships: &Memberships,
) -> String {
    of(&Explainer { segments, view, memberships }.condition(rule))
}

/// Says what ended a membership, where that is no rule.
pub(super) fn of_cause(cause: &Cause, segments: &Segments) -> String {
    match cause {
        Cause::Ttl => "the membership lasted as long as it may".to_owned(),
        Cause::Group(higher) => {
            let title =
                segments.list.iter().find(|segment| segment.id == *higher).map(|segment| &segment.title);
            format!("“{}” comes first", title.map_or("", String::as_str))
        }
        _ => String::new(),
    }
}

/// Says which conditions decided that the whole holds or does not: of what holds the parts that hold, of what does
/// not those that do not.
pub(super) fn of(condition: &Condition) -> String {
    let holds = condition.holds();
    let join = |parts: &[Condition], word: &str| {
        let decisive = parts.iter().filter(|part| part.holds() == holds);
        let parts: Vec<String> = decisive.map(of).collect();
        parts.join(word)
    };
    match condition {
        Condition::All { parts, .. } => join(parts, ", and "),
        Condition::Any { parts, .. } => join(parts, if holds { ", or " } else { ", and " }),
        Condition::AtLeast { parts, needed, .. } => {
            let holding = parts.iter().filter(|part| part.holds()).count();
            format!("{holding} of {needed} conditions hold: {}", join(parts, "; "))
        }
        // Its own conditions say what is so.
        Condition::Not { part, .. } => of(part),
        Condition::Feature(compared) | Condition::Model(compared) => comparison(compared),
        Condition::Segment { holds, title, .. } => {
            format!("{} “{title}”", if *holds { "in" } else { "not in" })
        }
        Condition::Experiment { title, arm, .. } => {
            format!("{title}: {}", arm.as_deref().unwrap_or("in no arm"))
        }
    }
}

/// Writes a value, or what it stands for.
pub(super) fn shown(feature: Option<&Feature>, value: f64) -> String {
    let label = feature.and_then(|feature| feature.label(value));
    label.map_or_else(|| number(value), str::to_owned)
}

fn comparison(compared: &Compared) -> String {
    let Compared { title, value, label, op, thresholds, .. } = compared;
    let value = value.map_or("none yet".to_owned(), |value| label.clone().unwrap_or_else(|| number(value)));
    let first = thresholds.first().map_or("", String::as_str);
    let asked = match op {
        Op::Less => format!("below {first}"),
        Op::AtMost => format!("at most {first}"),
        Op::Greater => format!("above {first}"),
        Op::AtLeast => format!("at least {first}"),
        Op::Equal => first.to_owned(),
        Op::NotEqual => format!("anything but {first}"),
        Op::Between => format!("from {}", thresholds.join(" to ")),
        Op::In => format!("one of {}", thresholds.join(", ")),
    };
    format!("{title}: {value} (asked: {asked})")
}

/// Says it to the device's own person.
pub(super) fn for_visitor(title: &str, reason: &str, member: bool, condition: &Condition) -> String {
    if member {
        return format!("You are in “{title}” {reason}.");
    }
    format!("You are not in “{title}”. What decides: {}.", of(condition))
}
