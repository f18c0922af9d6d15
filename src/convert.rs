//! The shapes that cross the border, each the twin of one in `pkg-template/src/dto.ts`.

use std::collections::BTreeMap;

use js_sys::{Array, JSON, Object, Reflect, Uint8Array};
use keepset_engine::outbox::Entry;
use keepset_engine::{
    Change, ChangeKind, Choice, Consent, ConsentChange, Engine, Membership, Pack, RawEvent, Saved, Scalar,
    Status, Upload, Zone,
};
use keepset_privacy::Budget;
use keepset_wire::document::Name;
use keepset_wire::{PlanHash, ReportId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::error;

/// Reads milliseconds since 1970.
pub(crate) fn instant(millis: f64) -> Result<Timestamp, JsValue> {
    // A float that fits no integer saturates, and no instant lies there; what is no number would become 1970.
    #[expect(clippy::cast_possible_truncation)]
    let instant = if millis.is_nan() { None } else { Timestamp::from_millis(millis as i64) };
    instant.ok_or_else(|| error("time", "expected milliseconds between the years 1970 and 9999"))
}

/// Documents nest at most this deep, as in the native reader.
const MAX_DEPTH: u32 = 127;

/// Reads JSON text with the browser's own parser: a second one would be a tenth of the wasm.
pub(crate) fn json(text: &str) -> Result<Value, JsValue> {
    if text.len() > Pack::MAX_BYTES {
        return Err(error("pack", "$: a pack is at most 1 MiB of text"));
    }
    let parsed = JSON::parse(text).map_err(|_| error("pack", "$: this is not JSON"))?;
    value(&parsed, MAX_DEPTH)
}

fn value(parsed: &JsValue, depth: u32) -> Result<Value, JsValue> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(error("pack", "$: this is nested too deep"));
    };
    if let Some(text) = parsed.as_string() {
        return Ok(Value::String(text));
    }
    if let Some(number) = parsed.as_f64() {
        return Ok(whole(number).map_or_else(|| Value::from(number), Value::from));
    }
    if let Some(flag) = parsed.as_bool() {
        return Ok(Value::Bool(flag));
    }
    if let Some(list) = parsed.dyn_ref::<Array>() {
        return list.iter().map(|item| value(&item, depth)).collect();
    }
    let Some(object) = parsed.dyn_ref::<Object>() else { return Ok(Value::Null) };
    let mut map = Map::new();
    for key in Object::keys(object).iter() {
        let member = value(&Reflect::get(object, &key)?, depth)?;
        map.insert(key.as_string().unwrap_or_default(), member);
    }
    Ok(Value::Object(map))
}

/// A whole number as such, so that `2` in a document is the same on every target.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "only exact whole numbers pass"
)]
fn whole(number: f64) -> Option<i64> {
    let whole = number as i64;
    (whole as f64 == number && whole.unsigned_abs() < 1 << 53).then_some(whole)
}

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

/// Reads a value; what is neither a flag, a number nor a text is left out, and so is `undefined`.
fn scalar(value: &JsValue) -> Option<Scalar> {
    if let Some(number) = value.as_f64() {
        return Some(Scalar::Number(number));
    }
    value.as_bool().map(Scalar::Flag).or_else(|| value.as_string().map(Scalar::Text))
}

/// Reads the properties of an event that is only supposed.
fn properties(object: &JsValue) -> Result<BTreeMap<String, Scalar>, JsValue> {
    if object.is_undefined() {
        return Ok(BTreeMap::new());
    }
    let object = object.dyn_ref::<Object>().ok_or_else(|| error("argument", "properties are an object"))?;
    let read = |key: JsValue| {
        let value = scalar(&Reflect::get(object, &key)?);
        Ok(key.as_string().zip(value))
    };
    Object::keys(object).iter().filter_map(|key| read(key).transpose()).collect()
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

/// Writes a value for JavaScript; what is absent is `undefined`.
pub(crate) fn write(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let writer = serde_wasm_bindgen::Serializer::new();
    value.serialize(&writer).map_err(|_| error("argument", "a result could not be written"))
}

/// Milliseconds since 1970 as JavaScript counts them: every instant the engine knows is exact in a double.
#[expect(clippy::cast_precision_loss)]
fn millis(millis: i64) -> f64 {
    millis as f64
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
struct ChangeDto<'a> {
    segment: &'a str,
    kind: &'static str,
    at: f64,
    cause: &'static str,
    by: Option<&'a str>,
    because: &'a str,
}

/// Writes what was entered and left.
pub(crate) fn changes(changes: &[Change]) -> Result<JsValue, JsValue> {
    let list: Vec<ChangeDto<'_>> = changes
        .iter()
        .map(|change| ChangeDto {
            segment: change.segment.as_str(),
            kind: match change.kind {
                ChangeKind::Entered => "entered",
                ChangeKind::Left => "left",
            },
            at: millis(change.at.millis()),
            cause: change.cause.code(),
            by: change.cause.by().map(Name::as_str),
            because: &change.because,
        })
        .collect();
    write(&list)
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

/// Reads a list of events for a simulation.
pub(crate) fn events(list: &JsValue) -> Result<Vec<RawEvent>, JsValue> {
    let list = list.dyn_ref::<Array>().ok_or_else(|| error("argument", "expected a list of events"))?;
    list.iter()
        .map(|event| {
            let get = |key: &str| {
                Reflect::get(&event, &key.into()).map_err(|_| error("argument", "an event is an object"))
            };
            Ok(RawEvent {
                name: get("name")?.as_string().unwrap_or_default(),
                // A float that fits no integer saturates, and the engine refuses what is no instant.
                #[expect(clippy::cast_possible_truncation)]
                at: get("at")?.as_f64().map(|at| at as i64),
                id: get("id")?.as_string(),
                properties: properties(&get("properties")?)?,
            })
        })
        .collect()
}

/// Reads the offsets of a time zone: pairs of the millisecond from which one holds and its minutes east of UTC.
pub(crate) fn zone(offsets: &[f64]) -> Result<Zone, JsValue> {
    // Floats that fit no integer saturate, and no zone has such offsets.
    #[expect(clippy::cast_possible_truncation)]
    let pairs: Vec<(i64, i32)> =
        offsets.chunks_exact(2).map(|pair| (pair[0] as i64, pair[1] as i32)).collect();
    Zone::new(&pairs).ok_or_else(|| error("argument", "these are not the offsets of a time zone"))
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
