//! Sensitive matters in a pack: what it declares, and that it hides none under a neutral name.
//!
//! An event, a property or a feature may be declared sensitive. Whatever looks at it is as sensitive: a feature by its events, filters
//! and properties, and by the features a formula is made of; through them models, segments and questions. Since all of these look
//! at features and at nothing else, a pack whose features hide nothing hides nothing.

use keepset_wire::document::{Mistake, Node};
use keepset_wire::sensitive::{MAX_EPSILON, Sensitive, TOO_DEAR};
use keepset_wire::{Name, Plan};
use serde_json::Value as Json;

/// The key under which all of this is declared.
pub(crate) const KEY: &str = "sensitive";
/// Keys of a feature whose texts are no names.
const NO_NAMES: [&str; 6] = ["kind", "title", "is", "in", "unit", KEY];

/// Reads what a pack declares, before anything else of it is read.
///
/// # Privacy
/// A sensitive pack sends no labels, which are shared under a name: the key is refused, whatever it holds.
///
/// # Errors
/// A [`Mistake`] where a matter is not known, or labels are declared.
pub(crate) fn declared(pack: &Node<'_>) -> Result<Sensitive, Mistake> {
    let Some(list) = pack.get(KEY) else { return Ok(Sensitive::NONE) };
    let declared = Sensitive::read_list(&list)?;
    match pack.get("labels") {
        Some(labels) => Err(labels.mistake("a pack about a sensitive matter shares no labels")),
        None => Ok(declared),
    }
}

/// Says of each feature of a pack which sensitive matters it looks at, itself or through the features that it is made of.
///
/// # Errors
/// A [`Mistake`] where a declaration cannot be read.
pub fn looked_at(pack: &Node<'_>) -> Result<Vec<(Name, Sensitive)>, Mistake> {
    let (Some(events), Some(features)) = (pack.get("events"), pack.get("features")) else {
        return Ok(Vec::new());
    };
    let events = events.each_member(Event::read)?;
    let features = features.members()?;
    let names: Vec<Vec<&str>> = features.iter().map(|(_, node)| names_in(node.value())).collect();
    let mut seen = Vec::new();
    for ((name, node), names) in features.iter().zip(&names) {
        let of_events = events.iter().filter(|event| names.contains(&event.name.as_str()));
        let of_events = of_events.flat_map(|event| event.seen_by(names));
        seen.push((name.clone(), of_events.fold(one(node)?, Sensitive::and)));
    }
    // A formula names features, every other kind events and their properties; where both are called alike both count.
    for _ in 0..seen.len() {
        let before = seen.clone();
        for ((_, matters), names) in seen.iter_mut().zip(&names) {
            let named = before.iter().filter(|(name, _)| names.contains(&name.as_str()));
            *matters = named.fold(*matters, |all, (_, matter)| all.and(*matter));
        }
        if seen == before {
            break;
        }
    }
    Ok(seen)
}

/// Checks that features look at nothing sensitive that the pack does not declare.
///
/// # Errors
/// A [`Mistake`] at the first feature that does.
pub(crate) fn check_features(pack: &Node<'_>, declared: Sensitive) -> Result<(), Mistake> {
    let Some(features) = pack.get("features") else { return Ok(()) };
    for ((_, matters), (_, feature)) in looked_at(pack)?.into_iter().zip(features.members()?) {
        if let [hidden, ..] = matters.without(declared).names()[..] {
            return Err(feature.mistake(format!(
                "this looks at something declared sensitive ({hidden}); the pack has to say so: \"{KEY}\": [\"{hidden}\"]"
            )));
        }
    }
    Ok(())
}

/// Gives the plan what the pack declares.
///
/// # Privacy
/// A report costs at most epsilon 1, and the collector, which sees the plan alone, asks for more reports before it prints.
///
/// # Errors
/// A [`Mistake`] where a report costs more, or the plan says something else.
pub(crate) fn bind(plan: &mut Plan, node: &Node<'_>, declared: Sensitive) -> Result<(), Mistake> {
    if !plan.sensitive.without(declared).is_empty() {
        return Err(node.need(KEY)?.mistake("the pack declares this; a plan says what its pack says"));
    }
    if !declared.is_empty() && plan.epsilon > MAX_EPSILON {
        return Err(node.need("epsilon")?.mistake(TOO_DEAR));
    }
    plan.sensitive = declared;
    Ok(())
}

/// What is sensitive about an event.
struct Event {
    name: Name,
    whole: Sensitive,
    properties: Vec<(Name, Sensitive)>,
}

impl Event {
    fn read(name: Name, node: &Node<'_>) -> Result<Self, Mistake> {
        let properties = match node.get("properties") {
            Some(list) => list.each_member(|name, node| Ok((name, one(node)?)))?,
            None => Vec::new(),
        };
        Ok(Self { name, whole: one(node)?, properties })
    }

    /// What whoever names these of its properties sees of it.
    fn seen_by<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = Sensitive> + 'a {
        let named = self.properties.iter().filter(|(name, _)| names.contains(&name.as_str()));
        [self.whole].into_iter().chain(named.map(|(_, matter)| *matter))
    }
}

/// The matter that a declaration names.
fn one(node: &Node<'_>) -> Result<Sensitive, Mistake> {
    node.get(KEY).map_or(Ok(Sensitive::NONE), |node| Sensitive::read(&node))
}

/// Every text of a feature that may be a name, and the events of which it gives weights.
fn names_in(json: &Json) -> Vec<&str> {
    match json {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().flat_map(names_in).collect(),
        Json::Object(fields) => {
            let texts = fields.iter().filter(|(key, _)| !NO_NAMES.contains(&key.as_str()));
            texts
                .flat_map(|(key, inner)| if key == "event" { keys_and_names(inner) } else { names_in(inner) })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn keys_and_names(json: &Json) -> Vec<&str> {
    json.as_object().map_or_else(|| names_in(json), |weights| weights.keys().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Pack;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    /// A pack in which nothing is sensitive, with an event, a property, features over both, a formula, a model, segments and questions.
    fn neutral() -> Value {
        json!({
            "id": "clinic", "version": 1, "title": "Clinic", "owner": "The clinic", "reason": "To test.", "expires": "2031-01-01",
            "events": {
                "page": { "properties": { "topic": { "type": "category", "values": ["news", "heart"] }, "depth": { "type": "number", "min": 0, "max": 9 } } },
                "booking": {},
            },
            "features": {
                "pages": { "kind": "count", "event": "page", "window_days": 28 },
                "topics": { "kind": "count", "event": "page", "where": { "property": "topic", "is": "heart" }, "window_days": 28 },
                "bookings": { "kind": "count", "event": { "page": 1, "booking": 3 }, "window_days": 28 },
                "steps": { "kind": "sequence", "steps": [{ "event": "page" }, { "event": "booking" }], "within_days": 7, "measure": "count" },
                "interest": { "kind": "formula", "value": { "add": ["pages", 1] } },
            },
            "models": { "keen": { "kind": "linear", "intercept": 0, "weights": { "interest": 1 } } },
            "segments": [{ "id": "engaged", "title": "Engaged", "reason": "r", "enter": { "model": "keen", "op": ">", "value": 1 } }],
            "plan": {
                "id": "sizes", "owner": "The clinic", "reason": "r", "starts": "2025-01-01", "expires": "2031-01-01", "epsilon": 1,
                "questions": [{ "id": "sizes", "reason": "r", "segments": ["engaged"], "cap": 1 }],
            },
        })
    }

    /// The neutral pack with a value at a place.
    fn with(changes: &[(&str, Value)]) -> Value {
        let mut pack = neutral();
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            pack.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        pack
    }

    fn refused(changes: &[(&str, Value)]) -> (String, String) {
        let mistake = Pack::read(&with(changes)).unwrap_err();
        (mistake.path().to_owned(), mistake.message().to_owned())
    }

    #[test]
    fn a_pack_that_looks_at_something_sensitive_and_does_not_declare_it_is_refused_at_the_feature_that_looks()
    {
        Pack::read(&neutral()).unwrap();
        // The first that looks, in the order of names: `interest` is made of `pages`.
        for (declared, feature) in [
            ("/events/page/sensitive", "bookings"),
            ("/events/booking/sensitive", "bookings"),
            ("/events/page/properties/topic/sensitive", "topics"),
            ("/features/interest/sensitive", "interest"),
            ("/features/pages/sensitive", "interest"),
        ] {
            let (path, message) = refused(&[(declared, json!("health"))]);
            assert_eq!(path, format!("$.features.{feature}"), "{declared}");
            assert!(message.contains("\"sensitive\": [\"health\"]"), "{message}");
            let pack = with(&[(declared, json!("health")), ("/sensitive", json!(["health"]))]);
            assert_eq!(Pack::read(&pack).unwrap().plan.unwrap().sensitive.names(), ["health"]);
        }
    }

    #[test]
    fn what_a_feature_looks_at_it_looks_at_through_formulas_of_formulas_too() {
        let mut pack = with(&[
            ("/events/page/sensitive", json!("health")),
            ("/features/bookings/sensitive", json!("children")),
            ("/features/deep", json!({ "kind": "formula", "value": { "add": ["interest", "bookings"] } })),
            ("/features/again", json!({ "kind": "formula", "value": { "multiply": ["deep", 2] } })),
        ]);
        pack["features"]["steps"]["steps"] = json!([{ "event": "booking" }, { "event": "booking" }]);
        let found = super::looked_at(&keepset_wire::document::Node::root(&pack)).unwrap();
        let of = |name: &str| found.iter().find(|(id, _)| id.as_str() == name).unwrap().1.names();
        assert_eq!(of("interest"), ["health"]);
        assert_eq!(of("again"), ["health", "children"]);
        assert_eq!(of("steps"), [""; 0]);
    }

    #[test]
    fn a_formula_over_a_sensitive_feature_is_as_sensitive_and_another_matter_does_not_cover_it() {
        let (path, _) =
            refused(&[("/features/pages/sensitive", json!("religion")), ("/sensitive", json!(["health"]))]);
        assert_eq!(path, "$.features.interest");
    }

    #[test]
    fn what_nothing_looks_at_and_what_is_only_called_alike_need_no_declaration() {
        Pack::read(&with(&[("/events/page/properties/depth/sensitive", json!("health"))])).unwrap();
        // A value of a filter that is called as a sensitive event.
        Pack::read(&with(&[
            ("/events/heart", json!({ "sensitive": "health" })),
            ("/features/pages/title", json!("heart")),
        ]))
        .unwrap();
    }

    #[test]
    fn a_sensitive_pack_pays_at_most_one_per_report_shares_no_labels_and_its_plan_has_a_hash_of_its_own() {
        let sensitive = ("/sensitive", json!(["health", "children"]));
        assert_eq!(refused(&[sensitive.clone(), ("/plan/epsilon", json!(1.000_001))]).0, "$.plan.epsilon");
        let (path, message) = refused(&[sensitive.clone(), ("/labels", json!({ "engaged": {} }))]);
        assert_eq!((path.as_str(), message.contains("no labels")), ("$.labels", true));
        let of = |pack: &Value| Pack::read(pack).unwrap().plan.unwrap();
        let plan = of(&with(std::slice::from_ref(&sensitive)));
        assert_ne!(plan.hash(), of(&neutral()).hash());
        assert_eq!(plan.to_json()["sensitive"], json!(["health", "children"]));
        // The same said in the plan as well.
        assert_eq!(of(&with(&[sensitive, ("/plan/sensitive", json!(["health"]))])), plan);
    }

    #[test]
    fn a_matter_that_is_not_known_and_a_plan_that_says_more_than_its_pack_are_refused() {
        assert_eq!(refused(&[("/sensitive", json!(["wealth"]))]).0, "$.sensitive[0]");
        assert_eq!(refused(&[("/sensitive", json!([]))]).0, "$.sensitive");
        assert_eq!(refused(&[("/events/page/sensitive", json!("wealth"))]).0, "$.events.page.sensitive");
        assert_eq!(
            refused(&[("/events/booking/sensitive", json!(["health"]))]).0,
            "$.events.booking.sensitive"
        );
        assert_eq!(refused(&[("/plan/sensitive", json!(["health"]))]).0, "$.plan.sensitive");
    }

    #[test]
    fn a_compiled_sensitive_pack_keeps_what_it_declares_and_one_that_was_made_dearer_is_refused() {
        let mut pack = Pack::read(&with(&[("/sensitive", json!(["health"]))])).unwrap();
        assert_eq!(Pack::load(&pack.compile()).unwrap().plan, pack.plan);
        let mut plan = pack.plan.clone().unwrap();
        plan.epsilon = keepset_wire::Epsilon::MAX;
        pack.written = keepset_wire::codec::encode(&plan);
        Pack::load(&pack.compile()).unwrap_err();
    }
}
