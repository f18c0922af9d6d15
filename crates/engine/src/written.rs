//! What a pack's reader writes into a pack for what is made of events, features and a segment: choices, and models that move with a person.
//!
//! So what they keep is stored, exported, explained and erased as all else is
//! ([ADR 15](../../../docs/adr/0015-a-choice-is-made-of-events-counts-and-a-segment.md)).

use keepset_wire::document::{Mistake, Name, Node, quoted};
use serde_json::{Map, Value, json};

/// What is written into a pack.
pub(crate) struct Parts {
    /// What makes them, for who reads of a name that is taken.
    pub(crate) maker: &'static str,
    pub(crate) events: Vec<(String, Value)>,
    pub(crate) features: Vec<(String, Value)>,
    pub(crate) segment: Value,
}

impl Parts {
    /// Adds it; what is no pack is left to the reader to refuse. `node` is where the pack asks for it.
    pub(crate) fn add_to(self, pack: &mut Value, node: &Node<'_>) -> Result<(), Mistake> {
        let Value::Object(pack) = pack else { return Ok(()) };
        let taken = |what: &str, name: &str| {
            node.mistake(format!(
                "{} makes the {what} {} itself; call the pack's own otherwise",
                self.maker,
                quoted(name)
            ))
        };
        add(pack, "events", self.events, &taken)?;
        add(pack, "features", self.features, &taken)?;
        if let Some(Value::Array(segments)) = pack.get_mut("segments") {
            let id = &self.segment["id"];
            if segments.iter().any(|segment| segment.get("id") == Some(id)) {
                return Err(taken("segment", id.as_str().unwrap_or_default()));
            }
            segments.push(self.segment);
        }
        Ok(())
    }
}

fn add(
    pack: &mut Map<String, Value>,
    list: &'static str,
    parts: Vec<(String, Value)>,
    taken: &impl Fn(&str, &str) -> Mistake,
) -> Result<(), Mistake> {
    let Value::Object(members) = pack.entry(list).or_insert_with(|| json!({})) else { return Ok(()) };
    for (name, part) in parts {
        if members.contains_key(&name) {
            return Err(taken(list.trim_end_matches('s'), &name));
        }
        members.insert(name, part);
    }
    Ok(())
}

/// Something that begins with an event and waits, for some time, for another.
pub(crate) struct Round<'a> {
    pub(crate) id: &'a Name,
    pub(crate) title: &'a str,
    /// The event that begins it.
    pub(crate) begins: &'a str,
    /// The event that it waits for, or several.
    pub(crate) outcome: &'a Value,
    /// The key of how long it waits, and the length.
    pub(crate) window: (&'a str, &'a Value),
}

impl Round<'_> {
    /// A feature of what makes the rounds.
    pub(crate) fn named(&self, name: &str, title: &str, mut feature: Value) -> (String, Value) {
        feature["title"] = format!("{}: {title}", self.title).into();
        (format!("{}.{name}", self.id), feature)
    }

    /// What is counted of rounds: those begun, whether the last has time left, and what came since.
    pub(crate) fn features(&self) -> Vec<(String, Value)> {
        let begun = json!({"kind": "count", "event": self.begins});
        let mut open = json!({"kind": "count", "event": self.begins, "exact": true});
        open[self.window.0] = self.window.1.clone();
        let outcomes = json!({"kind": "count", "event": self.outcome, "since": self.begins});
        vec![
            self.named("rounds", "rounds begun", begun),
            self.named("open", "the round has time left", open),
            self.named("outcomes", "outcomes since the round began", outcomes),
        ]
    }

    /// Who is in it did in time what the round waits for: noted at the instant, however late anybody asks.
    pub(crate) fn segment(&self) -> Value {
        let at_least_one =
            |name: &str| json!({"feature": format!("{}.{name}", self.id), "op": ">=", "value": 1});
        json!({"id": success(self.id), "title": format!("{}: succeeded", self.title),
            "reason": format!("{}: what the round waits for came in time.", self.title),
            "enter": {"all": [at_least_one("open"), at_least_one("outcomes")]}, "stay": at_least_one("outcomes")})
    }
}

/// Names the segment of who did, within the time, what the round waits for.
pub(crate) fn success(id: &Name) -> String {
    format!("{id}.won")
}
