//! What a page needs seldom, a module of its own that is loaded when it is asked for: reading packs that are JSON, explaining,
//! and "what if". Each call starts an engine on a copy of the state and forgets it.

use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{Array, Object, Reflect};
use keepset_engine::{Change, ChangeKind, Engine, Pack, RawEvent, Scalar};
use keepset_wire::{Name, Timestamp};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::convert;
use crate::error::error;
use crate::time;

/// Compiles a pack.
///
/// # Errors
/// When the pack has a mistake; the message names its path.
#[wasm_bindgen]
pub fn compile(pack: &str) -> Result<Vec<u8>, JsValue> {
    Pack::parse(pack).map(|pack| pack.compile()).map_err(|mistake| error("pack", &mistake.to_string()))
}

/// Explains a segment; `undefined` when the pack has no such segment.
///
/// # Errors
/// When the pack, the state or `now` is none.
#[wasm_bindgen]
pub fn explain(pack: &[u8], state: &[u8], zone: &[f64], segment: &str, now: f64) -> Result<JsValue, JsValue> {
    let now = time::instant(now)?;
    write(&twin(pack, state, zone, now)?.explain(segment, now))
}

/// Answers "what if": the changes these events would make.
///
/// # Errors
/// When the pack, the state or `now` is none, or an event breaks the pack's declaration; the message names its place in the list.
#[wasm_bindgen]
pub fn simulate(
    pack: &[u8],
    state: &[u8],
    zone: &[f64],
    list: &JsValue,
    now: f64,
) -> Result<JsValue, JsValue> {
    let now = time::instant(now)?;
    let twin = twin(pack, state, zone, now)?;
    let changes = twin.simulate(&events(list)?, now);
    let changes =
        changes.map_err(|(index, refused)| error(refused.code(), &format!("[{index}].{refused}")))?;
    Ok(convert::list(&changes, |made| change(made, twin.pack())))
}

/// Writes what would be entered or left, as `pkg-template/src/profile.ts` does for what is.
fn change(change: &Change, pack: &Pack) -> JsValue {
    let kind = match change.kind {
        ChangeKind::Entered => "entered",
        ChangeKind::Left => "left",
    };
    convert::object(&[
        ("segment", pack.segments()[change.segment].id.as_str().into()),
        ("kind", kind.into()),
        ("at", convert::millis(change.at.millis()).into()),
        ("cause", change.cause.code().into()),
        ("by", change.cause.by(pack).map(Name::as_str).into()),
        ("because", change.because(pack).into()),
    ])
}

/// Writes a value for JavaScript; what is absent is `undefined`.
fn write(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let writer = serde_wasm_bindgen::Serializer::new();
    value.serialize(&writer).map_err(|_| error("argument", "a result could not be written"))
}

/// An engine that stands where another does.
fn twin(pack: &[u8], state: &[u8], zone: &[f64], now: Timestamp) -> Result<Engine, JsValue> {
    let pack = Pack::load(pack).map_err(|mistake| error("pack", &mistake.to_string()))?;
    let (mut engine, unreadable) = Engine::restore(Rc::new(pack), state, now);
    engine.set_zone(convert::zone(zone)?, now);
    match unreadable {
        None => Ok(engine),
        Some(reason) => Err(error("argument", &reason.to_string())),
    }
}

/// Reads a list of events for a simulation.
fn events(list: &JsValue) -> Result<Vec<RawEvent>, JsValue> {
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

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use keepset_engine::{Choice, ConsentChange};
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"purchase": {"properties": {"value": {"type": "number", "min": 0, "max": 9}}}},
        "features": {"orders": {"kind": "count", "event": "purchase", "window_days": 28, "title": "orders"}},
        "segments": [{"id": "buyer", "title": "B", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 2}}]}"#;
    const ZONE: &[f64] = &[0.0, 0.0];
    const NOW: f64 = 1_767_225_600_000.0;

    fn text(value: &JsValue, name: &str) -> String {
        Reflect::get(value, &name.into()).unwrap().as_string().unwrap()
    }

    /// A pack, and the state of a device that bought once.
    fn bought_once() -> (Vec<u8>, Vec<u8>) {
        let pack = compile(PACK).unwrap();
        let now = time::instant(NOW).unwrap();
        let mut engine = Engine::install(Rc::new(Pack::load(&pack).unwrap()), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        engine.track(&RawEvent { name: "purchase".into(), ..RawEvent::default() }, now).unwrap();
        (pack, engine.copy())
    }

    fn one_event(name: &str, value: f64) -> JsValue {
        let set = |object: &Object, key: &str, value: JsValue| {
            Reflect::set(object, &key.into(), &value).unwrap();
        };
        let (event, properties) = (Object::new(), Object::new());
        set(&properties, "value", value.into());
        set(&event, "name", name.into());
        set(&event, "properties", properties.into());
        Array::of1(&event).into()
    }

    #[test]
    fn a_mistake_of_a_pack_is_named_with_its_path() {
        let refused =
            compile(&PACK.replace("purchase\", \"window_days", "sale\", \"window_days")).unwrap_err();
        assert_eq!(text(&refused, "code"), "pack");
        assert!(text(&refused, "message").starts_with("$.features.orders.event: "));
        assert!(text(&compile("{").unwrap_err(), "message").starts_with("$: this is not JSON"));
    }

    #[test]
    fn a_copy_of_the_state_is_explained_and_asked_what_if() {
        let (pack, state) = bought_once();
        let why = explain(&pack, &state, ZONE, "buyer", NOW).unwrap();
        assert_eq!(text(&why, "decidedBy"), "enter");
        assert!(explain(&pack, &state, ZONE, "nobody", NOW).unwrap().is_undefined());
        let changes: Array =
            simulate(&pack, &state, ZONE, &one_event("purchase", 3.0), NOW).unwrap().unchecked_into();
        assert_eq!(text(&changes.get(0), "segment"), "buyer");
        let refused = simulate(&pack, &state, ZONE, &one_event("purchase", 99.0), NOW).unwrap_err();
        assert!(text(&refused, "message").starts_with("[0].properties.value: "));
    }

    #[test]
    fn what_is_no_pack_no_state_and_no_zone_is_refused() {
        let (pack, state) = bought_once();
        for refused in [
            explain(b"no pack", &state, ZONE, "buyer", NOW),
            explain(&pack, b"no state", ZONE, "buyer", NOW),
            explain(&pack, &state, &[7.0], "buyer", NOW),
            explain(&pack, &state, ZONE, "buyer", f64::NAN),
        ] {
            assert!(!text(&refused.unwrap_err(), "code").is_empty());
        }
    }
}
