//! What a pack declares of its choices, and what is written into the pack for them.

use std::borrow::Cow;

use keepset_wire::document::{Duration, Fields, Mistake, Name, Node, quoted};
use serde_json::{Value, json};

use super::decide::REASONS;
use super::{Alternatives, Arm, Context};
use crate::written::{Parts, Round};

/// The key under which a pack declares them.
pub(crate) const KEY: &str = "choices";

/// At most so many arms: a device sees few outcomes.
const MOST_ARMS: usize = 32;
/// What is known beforehand weighs at most as much as so many rounds.
const MOST_PRIOR: u32 = 1_000;
/// In a million.
const MILLION: f64 = 1e6;

const WINDOW: Duration = Duration(["within_days", "within_hours", "within_minutes"]);
const KEYS: &[&str] = &["title", "default", "contexts", "outcome", "exploration", "holdout"];

/// Reads the choices of a pack.
///
/// # Errors
/// A [`Mistake`] at the first thing that is wrong with one.
pub(crate) fn read(pack: &Node<'_>) -> Result<Vec<Alternatives>, Mistake> {
    pack.get(KEY).map_or(Ok(Vec::new()), |node| node.each_member(Alternatives::read))
}

/// Writes out what choices are made of, into a copy of the pack that has any: two events, counts and a segment each.
///
/// # Errors
/// As [`read`], and where a choice names what the pack does not have, or needs a name that the pack has given to something else.
pub(crate) fn expand(document: &Value) -> Result<Cow<'_, Value>, Mistake> {
    let pack = Node::root(document);
    let Some(choices) = pack.get(KEY) else { return Ok(Cow::Borrowed(document)) };
    let mut whole = document.clone();
    for (alternatives, (_, node)) in read(&pack)?.iter().zip(choices.members()?) {
        let fields = node.object_of(&[KEYS, &WINDOW.0])?;
        check(&pack, &fields, alternatives)?;
        let title = fields.get("title").map_or(Ok(alternatives.id.as_str()), |title| title.text())?;
        let within = WINDOW.0.iter().find_map(|key| Some((*key, fields.get(key)?.value())));
        let (unit, length) = within.ok_or_else(|| node.mistake("how long a round lasts is missing"))?;
        let window = (unit.replace("within", "window"), length);
        let outcome = fields.need("outcome")?;
        alternatives.write(title, outcome.value(), (&window.0, window.1)).add_to(&mut whole, &node)?;
    }
    Ok(Cow::Owned(whole))
}

/// Checks what a choice names.
fn check(pack: &Node<'_>, fields: &Fields<'_>, alternatives: &Alternatives) -> Result<(), Mistake> {
    let outcome = fields.need("outcome")?;
    let name = outcome.name()?;
    if pack.get("events").is_none_or(|events| events.value().get(name.as_str()).is_none()) {
        return Err(outcome.mistake("the pack declares no event of this name"));
    }
    let segments = pack.value().get("segments").and_then(Value::as_array);
    let has = |id: &Name| {
        segments
            .into_iter()
            .flatten()
            .any(|segment| segment.get("id").and_then(Value::as_str) == Some(id.as_str()))
    };
    let contexts = fields.need("contexts")?;
    for (context, node) in alternatives.contexts.iter().zip(contexts.list()?) {
        if context.segment.as_ref().is_some_and(|segment| !has(segment)) {
            return Err(node.need("segment")?.mistake("the pack has no segment of this name"));
        }
    }
    Ok(())
}

impl Alternatives {
    fn read(id: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object_of(&[KEYS, &WINDOW.0])?;
        fields.need_duration(WINDOW)?;
        let default = fields.need("default")?.name()?;
        let contexts = fields.need("contexts")?;
        let read = contexts.each(|node| Context::read(node, &default))?;
        let alternatives = Self {
            default,
            holdout: fields.get("holdout").map_or(Ok(0), |node| millionths(&node))?,
            exploration: fields.need("exploration")?.whole(0, 1_000)?,
            contexts: read,
            id,
        };
        alternatives.check(&contexts)?;
        Ok(alternatives)
    }

    fn check(&self, node: &Node<'_>) -> Result<(), Mistake> {
        let labels = self.labels();
        if labels.is_empty() || labels.len() > MOST_ARMS {
            return Err(node.mistake(format!("expected 1 to {MOST_ARMS} variants in all contexts together")));
        }
        if let Some(twice) = (1..labels.len()).find(|index| labels[..*index].contains(&labels[*index])) {
            return Err(node
                .mistake(format!("two contexts have {}; each segment stands once", quoted(&labels[twice]))));
        }
        let everybody = self.contexts.iter().position(|context| context.segment.is_none());
        if everybody.is_some_and(|index| index + 1 < self.contexts.len()) {
            return Err(node.mistake("a context without a segment is for everybody, so it comes last"));
        }
        match self.reads().iter().find(|name| Name::parse(name).is_none()) {
            Some(long) => {
                Err(node.mistake(format!("{} is longer than a name may be; shorten its parts", quoted(long))))
            }
            None => Ok(()),
        }
    }

    /// Writes what the choice is made of.
    fn write(&self, title: &str, outcome: &Value, window: (&str, &Value)) -> Parts {
        let (id, [shown, settled]) = (&self.id, self.events());
        let labels = self.labels();
        let reasons = REASONS.map(|(_, code)| code);
        let arm = json!({"type": "category", "values": labels});
        let events = vec![
            (
                shown.clone(),
                json!({"title": format!("{title}: a round begins"),
                "properties": {"arm": arm, "why": {"type": "category", "values": reasons}}}),
            ),
            (
                settled.clone(),
                json!({"title": format!("{title}: a round is settled"),
                "properties": {"arm": arm, "won": {"type": "flag"}}}),
            ),
        ];
        let round = Round { id, title, begins: &shown, outcome, window };
        let begun =
            |why: &str| json!({"kind": "count", "event": shown, "where": {"property": "why", "in": [why]}});
        let last = |by: &str| json!({"kind": "last", "event": shown, "by": by});
        let is_settled = json!({"kind": "count", "event": settled, "since": shown});
        let mut features = round.features();
        features.extend([
            round.named("arm", "shown last, and to whom", last("arm")),
            round.named("why", "why it was shown", last("why")),
            round.named("explored", "rounds in which another was tried", begun("explore")),
            round.named("held_out", "held out", begun("holdout")),
            round.named("settled", "the round is settled", is_settled),
        ]);
        for label in &labels {
            let of = json!({"property": "arm", "in": [label]});
            let won = json!([of, {"property": "won", "is": true}]);
            features.push((
                self.tried(label),
                json!({"title": format!("{title}: {label} shown and settled"),
                "kind": "count", "event": settled, "where": of}),
            ));
            features.push((
                self.won(label),
                json!({"title": format!("{title}: {label} shown and succeeded"),
                "kind": "count", "event": settled, "where": won}),
            ));
        }
        Parts { maker: "the choice", events, features, segment: round.segment() }
    }
}

impl Context {
    fn read(node: &Node<'_>, default: &Name) -> Result<Self, Mistake> {
        let fields = node.object(&["segment", "variants"])?;
        let variants = fields.need("variants")?;
        let mut arms = variants.each_member(Arm::read)?;
        let first = arms.iter().position(|arm| arm.variant == *default);
        let first = first
            .ok_or_else(|| variants.mistake(format!("the default, {default}, is a variant everywhere")))?;
        arms[..=first].rotate_right(1);
        Ok(Self { segment: fields.get("segment").map(|segment| segment.name()).transpose()?, arms })
    }
}

impl Arm {
    fn read(variant: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["title", "successes", "failures"])?;
        fields.get("title").map_or(Ok(()), |title| title.text().map(drop))?;
        let prior = |key| fields.get(key).map_or(Ok(0), |node| node.whole(0, MOST_PRIOR));
        Ok(Self { variant, successes: prior("successes")?, failures: prior("failures")? })
    }
}

/// Reads a share from 0 to 1.
fn millionths(node: &Node<'_>) -> Result<u32, Mistake> {
    let share = node.number()?;
    if !(0.0..=1.0).contains(&share) {
        return Err(node.mistake("expected a share from 0 to 1"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
    Ok((share * MILLION).round() as u32)
}
