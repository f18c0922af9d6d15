//! The shapes that cross the border with the engine, each the twin of one in `pkg-template/src/dto.ts`.

use js_sys::{Object, Reflect, Uint8Array};
use keepset_engine::outbox::Entry;
use keepset_engine::{Choice, Consent, ConsentChange, Engine, Membership, Saved, Scalar, Status, Upload};
use keepset_privacy::Budget;
use keepset_wire::{PlanHash, ReportId, Timestamp};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert::{millis, scalar, write};
use crate::error::error;

/// Reads the properties of an event: those that are declared, by their names, and how many others there are.
///
/// By hand, as is the change of consent: a deserializer for two small objects would be a tenth of the wasm.
pub(crate) fn values(object: &JsValue, names: &[JsValue]) -> Result<(Vec<Option<Scalar>>, u32), JsValue> {
    if object.is_undefined() {
        return Ok((names.iter().map(|_| None).collect(), 0));
    }
    let object = object.dyn_ref::<Object>().ok_or_else(|| error("argument", "properties are an object"))?;
    let mut values = Vec::with_capacity(names.len());
    for name in names {
        values.push(scalar(&Reflect::get(object, name)?));
    }
    let found = values.iter().flatten().count();
    let others = Object::keys(object).length().saturating_sub(u32::try_from(found).unwrap_or(0));
    Ok((values, others))
}

/// Reads new choices; a purpose left out keeps its choice.
pub(crate) fn consent_change(object: &JsValue) -> Result<ConsentChange, JsValue> {
    let choice = |purpose: &str| {
        let value = Reflect::get(object, &purpose.into())
            .map_err(|_| error("argument", "a change of consent is an object"))?;
        match value.as_string().as_deref() {
            None if value.is_undefined() => Ok(None),
            Some("granted") => Ok(Some(Choice::Granted)),
            Some("denied") => Ok(Some(Choice::Denied)),
            Some("pending") => Ok(Some(Choice::Pending)),
            _ => Err(error("argument", "a choice is granted, denied or pending")),
        }
    };
    Ok(ConsentChange {
        segmentation: choice("segmentation")?,
        storage: choice("storage")?,
        reporting: choice("reporting")?,
        sharing: choice("sharing")?,
    })
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

#[derive(Serialize)]
struct FeatureDto<'a> {
    id: &'a str,
    title: &'a str,
    value: Option<f64>,
    label: Option<&'a str>,
}

/// Writes the value of every feature.
pub(crate) fn features(engine: &Engine, now: Timestamp) -> Result<JsValue, JsValue> {
    let declared = engine.pack().features();
    let list: Vec<FeatureDto<'_>> = declared
        .iter()
        .zip(engine.features(now))
        .map(|(feature, (_, value))| FeatureDto {
            id: feature.id.as_str(),
            title: &feature.title,
            value,
            label: value.and_then(|value| feature.label(value)),
        })
        .collect();
    write(&list)
}

#[derive(Serialize)]
struct MembershipDto<'a> {
    id: &'a str,
    since: f64,
}

/// Writes the segments the device is in.
pub(crate) fn memberships(memberships: &[Membership]) -> Result<JsValue, JsValue> {
    let list: Vec<MembershipDto<'_>> = memberships
        .iter()
        .map(|membership| MembershipDto {
            id: membership.segment.as_str(),
            since: millis(membership.since.millis()),
        })
        .collect();
    write(&list)
}

#[derive(Serialize)]
struct ConsentDto {
    segmentation: Choice,
    storage: Choice,
    reporting: Choice,
    sharing: Choice,
}

/// Writes the choices.
pub(crate) fn consent(consent: &Consent) -> Result<JsValue, JsValue> {
    write(&ConsentDto {
        segmentation: consent.segmentation.choice,
        storage: consent.storage.choice,
        reporting: consent.reporting.choice,
        sharing: consent.sharing.choice,
    })
}

#[derive(Serialize)]
struct ReportDto<'a> {
    id: String,
    at: f64,
    plan: String,
    question: &'a str,
    window: u32,
    epsilon: f64,
    until: f64,
    outcome: &'static str,
    attempts: u32,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    body: Uint8Array,
}

impl<'a> From<&'a Entry> for ReportDto<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            id: ReportId(entry.id).to_string(),
            at: millis(entry.at),
            plan: PlanHash(entry.plan).to_string(),
            question: &entry.question,
            window: entry.window,
            epsilon: epsilon(entry.epsilon_micro.into()),
            until: millis(entry.until),
            outcome: match entry.status {
                Status::Queued => "waiting",
                Status::Accepted => "accepted",
                Status::Refused => "refused",
                Status::Withdrawn => "withdrawn",
                Status::Expired => "expired",
            },
            attempts: entry.attempts,
            body: Uint8Array::from(entry.bytes.as_slice()),
        }
    }
}

/// Writes the report that waits.
pub(crate) fn report(entry: Option<&Entry>) -> Result<JsValue, JsValue> {
    write(&entry.map(ReportDto::from))
}

/// Writes every report on record.
pub(crate) fn reports(entries: &[Entry]) -> Result<JsValue, JsValue> {
    let list: Vec<ReportDto<'_>> = entries.iter().map(ReportDto::from).collect();
    write(&list)
}

#[derive(Serialize)]
struct UploadDto {
    id: String,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    body: Uint8Array,
}

/// Writes what may be sent.
pub(crate) fn upload(upload: Option<&Upload>) -> Result<JsValue, JsValue> {
    write(&upload.map(|upload| UploadDto {
        id: upload.id.to_string(),
        body: Uint8Array::from(upload.bytes.as_slice()),
    }))
}

#[derive(Serialize)]
struct SavedDto {
    revision: f64,
    appends: bool,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    bytes: Uint8Array,
}

/// Writes what is to be stored.
pub(crate) fn saved(saved: Option<&Saved>) -> Result<JsValue, JsValue> {
    // A device that saves a thousand times a second reaches the end of a double's whole numbers in 285,000 years.
    #[expect(clippy::cast_precision_loss)]
    write(&saved.map(|saved| SavedDto {
        revision: saved.revision as f64,
        appends: saved.appends,
        bytes: Uint8Array::from(saved.bytes.as_slice()),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetDto {
    per_report: f64,
    spent_in_window: f64,
    spent: f64,
    limit: f64,
}

/// Writes what is spent and what may be.
pub(crate) fn budget(budget: Option<Budget>) -> Result<JsValue, JsValue> {
    write(&budget.map(|budget| BudgetDto {
        per_report: epsilon(budget.per_report),
        spent_in_window: epsilon(budget.spent_in_window),
        spent: epsilon(budget.spent_in_year),
        limit: epsilon(budget.per_year),
    }))
}
