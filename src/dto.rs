//! The shapes that cross the border with the engine, each the twin of one in `pkg-template/src/dto.ts`.

use js_sys::Uint8Array;
use keepset_engine::outbox::Entry;
use keepset_engine::{Choice, Consent, Engine, Intake, Saved, Standing, Status};
use keepset_privacy::Budget;
use keepset_wire::receipt::Kind;
use keepset_wire::{Purpose, Timestamp, hex};
use wasm_bindgen::JsValue;

use crate::convert::{list, millis, object};

/// Reads a choice that was made, if one was.
pub(crate) fn choice_of(number: u8) -> Option<Choice> {
    match number {
        0 => None,
        1 => Some(Choice::Granted),
        2 => Some(Choice::Denied),
        _ => Some(Choice::Pending),
    }
}

/// An instant as JavaScript counts it.
pub(crate) fn number(instant: Timestamp) -> f64 {
    millis(instant.millis())
}

/// Micro-epsilons as an epsilon.
#[expect(clippy::cast_precision_loss)]
fn epsilon(micro: u64) -> f64 {
    micro as f64 / 1e6
}

/// Writes the value of every feature.
pub(crate) fn features(engine: &Engine, now: Timestamp) -> JsValue {
    let values: Vec<Option<f64>> = engine.features(now).map(|(_, value)| value).collect();
    let declared: Vec<_> = engine.pack().features().iter().zip(values).collect();
    list(&declared, |(feature, value)| {
        object(&[
            ("id", feature.id.as_str().into()),
            ("title", feature.title.as_str().into()),
            ("value", (*value).into()),
            ("label", value.and_then(|value| feature.label(value)).into()),
        ])
    })
}

/// Writes what became of the events.
pub(crate) fn intake(intake: &Intake) -> JsValue {
    object(&[
        ("accepted", intake.accepted.into()),
        ("late", intake.late.into()),
        ("duplicates", intake.duplicates.into()),
        ("undeclaredEvents", intake.undeclared_events.into()),
        ("undeclaredProperties", intake.undeclared_properties.into()),
        ("refused", intake.refused.into()),
        ("evicted", intake.evicted.into()),
    ])
}

/// Writes the choices.
pub(crate) fn consent(consent: &Consent) -> JsValue {
    gates(consent, choice)
}

/// Writes something of every gate.
fn gates(consent: &Consent, write: impl Fn(Standing) -> JsValue) -> JsValue {
    object(&[
        ("segmentation", write(consent.segmentation)),
        ("storage", write(consent.storage)),
        ("reporting", write(consent.reporting)),
        ("sharing", write(consent.sharing)),
    ])
}

fn choice(standing: Standing) -> JsValue {
    match standing.choice {
        Choice::Granted => "granted".into(),
        Choice::Denied => "denied".into(),
        Choice::Pending => "pending".into(),
    }
}

/// Writes a line of the ledger.
pub(crate) fn report(entry: &Entry) -> JsValue {
    let outcome = match entry.status {
        Status::Queued => "waiting",
        Status::Accepted => "accepted",
        Status::Refused => "refused",
        Status::Withdrawn => "withdrawn",
        Status::Expired => "expired",
    };
    let receipt = &entry.receipt;
    let kind = match receipt.kind {
        Kind::Report => "report",
        Kind::Label => "label",
        Kind::Erasure => "erasure",
    };
    let purpose = match receipt.purpose {
        Purpose::Sharing => "sharing",
        _ => "reporting",
    };
    let said = |standing: Standing| {
        object(&[("choice", choice(standing)), ("since", millis(standing.since).into())])
    };
    let hex = |bytes: &[u8]| hex(bytes).into();
    object(&[
        ("number", receipt.number.into()),
        ("at", millis(receipt.at).into()),
        ("kind", kind.into()),
        ("purpose", purpose.into()),
        ("plan", hex(&receipt.plan.0)),
        ("pack", hex(&receipt.pack.0)),
        ("question", receipt.question.as_str().into()),
        ("window", receipt.window.into()),
        ("mechanism", receipt.mechanism.as_str().into()),
        ("epsilon", epsilon(receipt.epsilon_micro.into()).into()),
        ("consent", gates(&receipt.consent, said)),
        ("sha256", hex(&receipt.sha256)),
        ("size", receipt.size.into()),
        ("before", hex(&receipt.before)),
        ("hash", hex(&receipt.hash())),
        ("id", hex(&entry.id)),
        ("until", millis(entry.until).into()),
        ("outcome", outcome.into()),
        ("attempts", entry.attempts.into()),
        ("body", bytes(&entry.bytes)),
        ("sealed", bytes(&entry.sealed)),
    ])
}

/// Writes every report on record.
pub(crate) fn reports(entries: &[Entry]) -> JsValue {
    list(entries, report)
}

/// Writes what is to be stored.
pub(crate) fn saved(saved: &Saved) -> JsValue {
    // A device that saves a thousand times a second reaches the end of a double's whole numbers in 285,000 years.
    #[expect(clippy::cast_precision_loss)]
    let revision = saved.revision as f64;
    object(&[
        ("revision", revision.into()),
        ("appends", saved.appends.into()),
        ("bytes", bytes(&saved.bytes)),
    ])
}

/// Writes what is spent and what may be.
pub(crate) fn budget(budget: Budget) -> JsValue {
    object(&[
        ("perReport", epsilon(budget.per_report).into()),
        ("spentInWindow", epsilon(budget.spent_in_window).into()),
        ("spent", epsilon(budget.spent_in_year).into()),
        ("limit", epsilon(budget.per_year).into()),
    ])
}

/// Writes bytes.
pub(crate) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}
