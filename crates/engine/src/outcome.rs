//! What models of a pack may be trained to foretell: that an event comes within some days, that it stays away, or when it comes.
//!
//! For the trainer, and for models that move with their person (`adapting`): of an outcome that neither looks at nothing enters a compiled pack.

use keepset_wire::document::{Mistake, Name, Node};
use serde_json::Value;

use crate::event::{EventSpec, PropertyKind};

/// The key under which a pack declares them.
pub(crate) const KEY: &str = "outcomes";

/// What is to be foretold at a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event.
    pub event: Name,
    /// Whether it is to come, or to stay away.
    pub comes: bool,
    /// Within how many days of the cut; where it is asked when the event comes, within how many at most.
    pub within_days: u16,
    /// Where it is asked when: the numbers of days that matter, rising; none where it is only whether it comes.
    pub when: Vec<u16>,
    /// The properties of the event whose values are foretold apart; none where it is only whether it comes.
    pub each: Vec<Name>,
}

impl Outcome {
    /// Finds an outcome that a pack, which was read without a mistake, declares.
    #[must_use]
    pub fn of_pack(pack: &Value, name: &str) -> Option<Self> {
        let declared = pack.get(KEY)?.get(name)?;
        Self::read(&Node::root(declared)).ok()
    }

    fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        let fields = node.object(&["title", "event", "comes", "within_days", "each"])?;
        fields.get("title").map_or(Ok(()), |title| title.text().map(drop))?;
        let days = fields.need("within_days")?;
        let comes = fields.get("comes").map_or(Ok(true), |comes| comes.flag())?;
        // At most 366.
        let whole = |node: &Node<'_>| Ok(u16::try_from(node.whole(1, 366)?).unwrap_or(u16::MAX));
        let when = if days.value().is_array() { days.each(whole)? } else { Vec::new() };
        let within_days = when.last().map_or_else(|| whole(&days), |last| Ok(*last))?;
        if !when.is_sorted_by(|a, b| a < b) || (!when.is_empty() && !comes) {
            return Err(days.mistake("expected rising numbers of days, of an event that comes"));
        }
        let each = fields.get("each").map_or(Ok(Vec::new()), |each| each.each(|name| name.name()))?;
        if let Some(node) = fields.get("each").filter(|_| !comes || each.is_empty() || !when.is_empty()) {
            return Err(node.mistake(
                "expected properties of the event, one at least, of an outcome that comes within one number of days",
            ));
        }
        Ok(Self { event: fields.need("event")?.name()?, comes, each, within_days, when })
    }
}

/// Checks what a pack declares.
///
/// # Errors
/// A [`Mistake`] at an outcome that is none, or whose event the pack does not declare.
pub(crate) fn check(node: &Node<'_>, events: &[EventSpec]) -> Result<(), Mistake> {
    node.each_member(|_, node| {
        let outcome = Outcome::read(node)?;
        let event = events.iter().find(|event| event.name == outcome.event);
        let unknown = || Ok(node.need("event")?.mistake("the pack declares no event of this name"));
        let Some(event) = event else { return Err(unknown()?) };
        let is_category = |name: &Name| {
            let mut known = event.properties.iter().filter(|property| property.name == *name);
            known.any(|property| matches!(property.kind, PropertyKind::Category(_)))
        };
        if outcome.each.iter().all(is_category) {
            return Ok(());
        }
        Err(node.need("each")?.mistake("expected categories that the event declares"))
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Pack;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn an_outcome_is_an_event_that_comes_or_stays_away_and_its_mistakes_are_named() {
        let mut pack = json!({
            "id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01", "events": {"visit": {}}, "segments": [],
            "outcomes": {"lapses": {"title": "no visit for 60 days", "event": "visit", "comes": false, "within_days": 60}}
        });
        let with = Pack::read(&pack).unwrap();
        let lapses = Outcome {
            event: Name::parse("visit").unwrap(),
            comes: false,
            within_days: 60,
            when: vec![],
            each: vec![],
        };
        assert_eq!(Outcome::of_pack(&pack, "lapses"), Some(lapses));
        pack["outcomes"]["next"] = json!({"event": "visit", "within_days": [7, 28]});
        let next = Outcome::of_pack(&pack, "next").unwrap();
        assert_eq!((next.within_days, next.when), (28, vec![7, 28]));
        pack["outcomes"].as_object_mut().unwrap().remove("next");
        assert_eq!(Outcome::of_pack(&pack, "returns"), None);
        for (path, outcome) in [
            ("$.outcomes.lapses.event", json!({"event": "purchase", "within_days": 60})),
            ("$.outcomes.lapses.within_days", json!({"event": "visit", "within_days": 0})),
            ("$.outcomes.lapses.cut", json!({"event": "visit", "within_days": 6, "cut": 1})),
            ("$.outcomes.lapses.each", json!({"event": "visit", "within_days": 6, "each": ["aisle"]})),
            ("$.outcomes.lapses.each", json!({"event": "visit", "within_days": 6, "each": []})),
            ("$.outcomes.lapses.within_days", json!({"event": "visit", "within_days": []})),
            ("$.outcomes.lapses.within_days", json!({"event": "visit", "within_days": [7, 7]})),
            ("$.outcomes.lapses.within_days[1]", json!({"event": "visit", "within_days": [7, 367]})),
            ("$.outcomes.lapses.within_days", json!({"event": "visit", "within_days": [7], "comes": false})),
            ("$.outcomes.lapses.each", json!({"event": "visit", "within_days": [7], "each": ["aisle"]})),
            ("$.outcomes.lapses", json!({"event": "visit"})),
        ] {
            pack["outcomes"]["lapses"] = outcome;
            assert_eq!(Pack::read(&pack).unwrap_err().path(), path);
        }
        pack.as_object_mut().unwrap().remove("outcomes");
        assert_eq!(Pack::read(&pack).unwrap().hash(), with.hash(), "nothing of it enters a compiled pack");
    }
}
