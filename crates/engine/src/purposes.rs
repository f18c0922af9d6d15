//! What of the consent signals decides which gate, as a pack declares it: checked here, and used by the page that follows the signals.
//!
//! Nothing of it enters a compiled pack: the engine is told of choices, never of signals. docs/consent.md says what it means.

use keepset_wire::document::{Mistake, Node};
use serde_json::Value as Json;

/// The key under which a pack declares it.
pub(crate) const KEY: &str = "consent";
const GATES: [&str; 4] = ["segmentation", "storage", "reporting", "sharing"];
/// The purposes that fit into a TC string.
const LAST_PURPOSE: u32 = 24;
/// Purposes for which TCF 2.2 and later know consent only.
const CONSENT_ONLY: [u32; 5] = [1, 3, 4, 5, 6];
const GPP_FIELDS: &[(&str, ())] =
    &[("SaleOptOut", ()), ("SharingOptOut", ()), ("TargetedAdvertisingOptOut", ()), ("Gpc", ())];
const GCM_TYPES: &[(&str, ())] = &[
    ("analytics_storage", ()),
    ("functionality_storage", ()),
    ("personalization_storage", ()),
    ("ad_storage", ()),
    ("ad_user_data", ()),
    ("ad_personalization", ()),
];

/// Checks what a pack declares.
///
/// # Errors
/// A [`Mistake`] at the signal, gate or code that is not known.
pub(crate) fn check(node: &Node<'_>) -> Result<(), Mistake> {
    let fields = node.object(&["tcf", "gpp", "gpc", "gcm"])?;
    let each_gate = |signal, read: fn(&Node<'_>) -> Result<(), Mistake>| {
        fields.get(signal).map_or(Ok(()), |node| gates(&node, read))
    };
    each_gate("tcf", purpose)?;
    each_gate("gpp", |node| node.one_of(GPP_FIELDS))?;
    each_gate("gcm", |node| node.one_of(GCM_TYPES))?;
    let gate = |node: &Node<'_>| node.one_of(&GATES.map(|gate| (gate, ())));
    fields.get("gpc").map_or(Ok(()), |list| list.each(gate).map(drop))
}

/// Reads the list of every gate that is named.
fn gates(node: &Node<'_>, read: fn(&Node<'_>) -> Result<(), Mistake>) -> Result<(), Mistake> {
    let fields = node.object(&GATES)?;
    for gate in GATES {
        if let Some(list) = fields.get(gate) {
            list.each(read)?;
        }
    }
    Ok(())
}

/// A purpose, or a list of which any is enough.
fn purpose(node: &Node<'_>) -> Result<(), Mistake> {
    match node.value() {
        Json::Array(any) if any.is_empty() => Err(node.mistake("expected at least one purpose")),
        Json::Array(_) => node.each(basis).map(drop),
        _ => basis(node),
    }
}

/// Consent to a purpose, by its number, or a legitimate interest in it, `"li8"`.
fn basis(node: &Node<'_>) -> Result<(), Mistake> {
    let Json::String(text) = node.value() else { return node.whole(1, LAST_PURPOSE).map(drop) };
    let number = text.strip_prefix("li").and_then(|digits| digits.parse().ok());
    match number.filter(|number| (1..=LAST_PURPOSE).contains(number) && *text == format!("li{number}")) {
        Some(number) if CONSENT_ONLY.contains(&number) => Err(node
            .mistake(format!("TCF allows purpose {number} with consent only, so an interest never counts"))),
        Some(_) => Ok(()),
        None => Err(node
            .mistake("expected the number of a purpose, or \"li\" and the number for a legitimate interest")),
    }
}

#[cfg(test)]
mod tests {
    use keepset_wire::document::Node;
    use serde_json::json;

    use super::check;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn a_mapping_names_signals_gates_and_codes_that_exist() {
        let whole = json!({
            "tcf": { "segmentation": [3, 5], "storage": [1], "reporting": [[8, 9, "li8"]], "sharing": [] },
            "gpp": { "sharing": ["SaleOptOut", "Gpc"] },
            "gpc": ["sharing", "reporting"],
            "gcm": { "storage": ["functionality_storage"] },
        });
        check(&Node::root(&whole)).unwrap();
        check(&Node::root(&json!({}))).unwrap();
    }

    #[test]
    fn a_mapping_that_is_wrong_is_refused_at_its_place() {
        for (mapping, path) in [
            (json!([]), "$"),
            (json!({ "usp": {} }), "$.usp"),
            (json!({ "tcf": { "tracking": [1] } }), "$.tcf.tracking"),
            (json!({ "tcf": { "storage": 1 } }), "$.tcf.storage"),
            (json!({ "tcf": { "storage": [0] } }), "$.tcf.storage[0]"),
            (json!({ "tcf": { "storage": [25] } }), "$.tcf.storage[0]"),
            (json!({ "tcf": { "reporting": [8, []] } }), "$.tcf.reporting[1]"),
            (json!({ "tcf": { "reporting": [[8, "li08"]] } }), "$.tcf.reporting[0][1]"),
            (json!({ "tcf": { "segmentation": ["li5"] } }), "$.tcf.segmentation[0]"),
            (json!({ "gpp": { "sharing": ["OptOut"] } }), "$.gpp.sharing[0]"),
            (json!({ "gpc": ["labels"] }), "$.gpc[0]"),
            (json!({ "gcm": { "storage": ["cookies"] } }), "$.gcm.storage[0]"),
        ] {
            assert_eq!(check(&Node::root(&mapping)).unwrap_err().path(), path, "{mapping}");
        }
    }
}
