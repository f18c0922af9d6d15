//! Consent records: whoever has to show that labels were agreed to has one for each name, with the fields of ISO/IEC TS 27560:2023.
//!
//! What the device and the terms know is filled in; places, recipients and rights are the controller's own to add. What is not in the standard stands
//! under `keepset`.

use keepset_wire::hex;
use keepset_wire::labels::LabelTerms;
use keepset_wire::sha256;
use serde_json::{Value, json};

use super::date;
use super::store::Held;

/// Writes the consent of every name under these terms.
///
/// # Privacy
/// A record says what was agreed to, not which of the labels a name has.
pub(super) fn records<'a>(terms: &'a LabelTerms, held: &'a [Held]) -> impl Iterator<Item = Value> + use<'a> {
    held.iter().map(|held| record(terms, held))
}

fn record(terms: &LabelTerms, held: &Held) -> Value {
    let attributes: Vec<Value> = terms
        .segments
        .iter()
        .map(|(segment, reason)| {
            json!({"pii_type": "segment", "pii_attribute_id": segment.to_string(), "description": reason, "pii_optional": true})
        })
        .collect();
    json!({
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": record_id(terms, held),
        "pii_principal_id": held.id.to_string(),
        "pii_processing": {
            "privacy_notice": format!("{}, version {}", terms.id, terms.text_version),
            "purposes": [{
                "purpose": terms.purpose,
                "lawful_basis": "consent",
                "pii_information": attributes,
                "pii_controllers": ["controller"],
                "collection_method": "the person's device says which of these segments it is in",
                "retention_period": format!("P{}D", terms.keep_days),
                "withdrawal_method": "on the device, at any time; it sends DELETE /v1/labels",
            }],
        },
        "party_identification": [{"party_id": "controller", "party_name": terms.owner, "party_role": "PII controller"}],
        "event": {
            "event_time": date(held.agreed),
            "validity_duration": format!("P{}D", terms.keep_days),
            "entity_id": held.id.to_string(),
            "event_type": "explicit consent",
            "event_state": "given",
        },
        "keepset": {
            "told": date(held.day), "signal": held.signal, "text_version": terms.text_version,
            "terms": terms.hash().to_string(), "pack": hex(&held.pack),
        },
    })
}

/// The same for the same consent, whenever it is written.
fn record_id(terms: &LabelTerms, held: &Held) -> String {
    hex(&sha256(&[b"keepset consent record 1", &held.id.0, &terms.hash().0, &held.agreed.to_be_bytes()])
        [..16])
}
