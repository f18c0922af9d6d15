//! Surveys, explanations and simulations as text that whoever wrote the pack reads.

use std::fmt::Write as _;

use keepset_engine::segment::Explanation;
use keepset_engine::{Compared, Condition, Nearest};
use keepset_wire::Timestamp;

use crate::person::{Known, WouldChange, shown};
use crate::survey::Found;
use crate::table::{aligned, intake, percent};

/// Writes what a survey found: the sizes of segments over time, then the values of features.
pub(crate) fn survey(found: &Found) -> String {
    let day = |millis: i64| Timestamp::from_millis(millis).map_or(String::new(), Timestamp::date);
    let mut text = format!(
        "{} people, {} events from {} to {}; {} lines could not be read.\n{}\n",
        found.people,
        found.intake.accepted,
        day(found.first),
        day(found.last),
        found.malformed,
        intake(&found.intake),
    );
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{:.1} s, {:.0} events a second, reading included.\n",
        found.seconds,
        found.intake.accepted as f64 / found.seconds.max(1e-9)
    );
    let headings = ["segment", "members", "share", "entered", "left", "by time alone"];
    let rows = found.segments.iter().map(|segment| {
        let share = segment.members as f64 / found.people.max(1) as f64;
        let counts = [segment.members, segment.entered, segment.left, segment.by_time].map(|n| n.to_string());
        let [members, entered, left, by_time] = counts;
        vec![segment.id.clone(), members, percent(share), entered, left, by_time]
    });
    let _ = writeln!(text, "{}\n", aligned(&headings, rows.collect()));
    let headings: Vec<&str> =
        ["date", "people"].into_iter().chain(found.segments.iter().map(|s| s.id.as_str())).collect();
    let rows = found.looks.iter().map(|look| {
        let counts = look.members.iter().map(ToString::to_string);
        [day(look.at), look.people.to_string()].into_iter().chain(counts).collect()
    });
    let _ = writeln!(text, "{}\n", aligned(&headings, rows.collect()));
    let headings = ["feature", "people", "sum", "quarter", "half", "three quarters", "largest"];
    let numbers = found.features.iter().filter(|feature| feature.labels.is_empty()).map(|feature| {
        let cell = |value: Option<&f64>| value.map_or("-".to_owned(), |value| number(*value));
        let quartile = |index: usize| cell(feature.quartiles.get(index));
        vec![
            feature.id.clone(),
            feature.people.to_string(),
            cell(feature.sum.as_ref()),
            quartile(0),
            quartile(1),
            quartile(2),
            cell(feature.range.last()),
        ]
    });
    let _ = writeln!(text, "{}", aligned(&headings, numbers.collect()));
    for feature in found.features.iter().filter(|feature| !feature.labels.is_empty()) {
        let labels: Vec<String> =
            feature.labels.iter().map(|(label, count)| format!("{label} {count}")).collect();
        let _ = writeln!(text, "{}: {}", feature.id, labels.join(", "));
    }
    text
}

/// Writes why a person is in segments or out of them.
pub(crate) fn explained(known: &Known, explained: &[Explanation]) -> String {
    let mut text = heading(known);
    for explanation in explained {
        let _ =
            writeln!(text, "\n{} ({}): {}", explanation.title, explanation.segment, standing(explanation));
        condition(&mut text, &explanation.condition, 1);
        if let Some(held) = &explanation.held {
            let until = held.until.and_then(Timestamp::from_millis);
            let until = until.map_or(String::new(), |until| format!(" until {}", shown(until)));
            let by = match held.by {
                "minimum_stay" => "stays whatever the rule says: the minimum stay".to_owned(),
                "cool_down" => "stays out whatever the rule says: the cool-down".to_owned(),
                "ttl" => {
                    "stays out until there is a new occasion: the last membership ended by age".to_owned()
                }
                _ => format!(
                    "stays out: {} comes first in its group",
                    held.segment.as_deref().unwrap_or("another")
                ),
            };
            let _ = writeln!(text, "  Held:       {by}{until}");
        }
        let _ = writeln!(text, "  Decides:    {}", explanation.sentence);
        let _ = writeln!(text, "  To them:    {}", explanation.visitor);
        let nearest = match &explanation.nearest {
            Some(Nearest::Event { sentence, .. } | Nearest::Time { sentence, .. }) => sentence.as_str(),
            None => "neither twelve events of one kind nor a year of waiting would turn it",
        };
        let _ = writeln!(text, "  To turn it: {nearest}");
    }
    text
}

/// Writes what would change.
pub(crate) fn simulated(known: &Known, events: usize, changes: &[WouldChange]) -> String {
    let mut text = heading(known);
    let plural = if events == 1 { "this event" } else { "these events" };
    if changes.is_empty() {
        let _ = writeln!(text, "\nWith {plural} no membership would change.");
        return text;
    }
    let _ = writeln!(text, "\nWith {plural}:");
    for change in changes {
        let verb = if change.change == "entered" { "would enter" } else { "would leave" };
        let at = Timestamp::from_millis(change.at).map_or(String::new(), shown);
        let because = if change.because.is_empty() { &change.cause } else { &change.because };
        let _ = writeln!(text, "  {at}  {verb} {} ({}): {because}", change.title, change.segment);
    }
    text
}

fn heading(known: &Known) -> String {
    let memberships = known.engine.memberships();
    let names: Vec<&str> = memberships.iter().map(|membership| membership.segment.as_str()).collect();
    let inside =
        if names.is_empty() { "in no segment".to_owned() } else { format!("in {}", names.join(", ")) };
    format!("{} at {}, after {} events: {inside}\n", known.person, shown(known.at), known.intake.accepted)
}

fn standing(explanation: &Explanation) -> String {
    match explanation.since.and_then(Timestamp::from_millis) {
        Some(since) => format!("IN since {}", shown(since)),
        None => "OUT".to_owned(),
    }
}

/// Writes a part of a rule a line, its parts below it.
fn condition(text: &mut String, part: &Condition, depth: usize) {
    let indent = "  ".repeat(depth);
    let mark = if part.holds() { "yes" } else { "no " };
    let mut line = |what: &str| {
        let _ = writeln!(text, "{indent}{mark}  {what}");
    };
    let parts: &[Condition] = match part {
        Condition::All { parts, .. } => {
            line("all of:");
            parts
        }
        Condition::Any { parts, .. } => {
            line("any of:");
            parts
        }
        Condition::AtLeast { parts, needed, .. } => {
            line(&format!("at least {needed} of:"));
            parts
        }
        Condition::Not { part, .. } => {
            line("not:");
            std::slice::from_ref(part.as_ref())
        }
        Condition::Feature(compared) | Condition::Model(compared) => {
            line(&comparison(compared));
            &[]
        }
        Condition::Segment { id, title, .. } => {
            line(&format!("in {title} ({id})"));
            &[]
        }
        Condition::Experiment { title, arm, arms, .. } => {
            let arm = arm.as_deref().unwrap_or("none");
            line(&format!("{title}: arm {arm}, asked {}", arms.join(" or ")));
            &[]
        }
    };
    parts.iter().for_each(|part| condition(text, part, depth + 1));
}

fn comparison(compared: &Compared) -> String {
    let value = match (&compared.label, compared.value) {
        (Some(label), _) => label.clone(),
        (None, Some(value)) => number(value),
        (None, None) => "no value yet".to_owned(),
    };
    let op = serde_json::to_value(compared.op).ok();
    let op = op.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let joint = if op == "between" { " and " } else { ", " };
    format!("{} ({}): {value}, asked {op} {}", compared.title, compared.id, compared.thresholds.join(joint))
}

/// Writes a number to at most three decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
