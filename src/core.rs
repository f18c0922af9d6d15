//! One profile's engine as a JavaScript class.

use std::rc::Rc;

use keepset_engine::event::EventSpec;
use keepset_engine::{Decided, Engine, Event, Outcome, Pack, Told};
use keepset_wire::{ReportId, hex};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::dto;
use crate::error::error;
use crate::host::entropy;

/// One profile's engine. Times are milliseconds since 1970; `pkg-template/src/core.d.ts` holds the types.
#[wasm_bindgen]
pub struct Core {
    engine: Engine,
    /// By event: the names of its properties as the page knows them, so that they need not be read letter by letter.
    names: Vec<Vec<JsValue>>,
    started_from: &'static str,
}

#[wasm_bindgen]
impl Core {
    /// Starts the engine of a pack on what is stored, in the time zone of the device: pairs of the millisecond from which
    /// an offset holds and its minutes east of UTC.
    ///
    /// # Errors
    /// When the bytes are no compiled pack. When the offsets are those of no zone.
    #[wasm_bindgen(constructor)]
    pub fn new(pack: &[u8], stored: Option<Box<[u8]>>, zone: &[f64], now: f64) -> Result<Core, JsValue> {
        let now = convert::instant(now)?;
        let zone = convert::zone(zone)?;
        let pack = Pack::load(pack).map_err(|mistake| error("pack", &mistake.to_string()))?;
        let pack = Rc::new(pack);
        let (mut engine, started_from) = match stored {
            None => (Engine::install(pack, now), "nothing"),
            Some(stored) => match Engine::restore(pack, &stored, now) {
                (engine, None) => (engine, "snapshot"),
                (engine, Some(_)) => (engine, "unreadable"),
            },
        };
        engine.tell_reasons();
        engine.set_zone(zone, now);
        if let Ok(secret) = entropy::secret() {
            // Without one the device is in no arm of an experiment and makes no report.
            engine.keep_secret(secret, now);
        }
        let names = |spec: &EventSpec| spec.properties.iter().map(|p| p.name.as_str().into()).collect();
        let names = engine.pack().events.iter().map(names).collect();
        Ok(Self { engine, names, started_from })
    }

    /// Tells what the engine started from: `nothing`, `snapshot` or `unreadable`.
    #[wasm_bindgen(getter = startedFrom)]
    #[must_use]
    pub fn started_from(&self) -> String {
        self.started_from.into()
    }

    /// Takes in an event and returns what changed.
    ///
    /// # Errors
    /// When the event breaks the pack's declaration; nothing has changed then.
    #[expect(clippy::needless_pass_by_value, reason = "the border hands over what it made")]
    pub fn track(
        &mut self,
        name: &str,
        properties: &JsValue,
        at: f64,
        id: Option<String>,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let now = convert::instant(now)?;
        let Some(spec) = Event::declared(&self.engine.pack().events, name) else {
            // Counted as undeclared.
            return self
                .engine
                .take(None, now)
                .map(|none| convert::changes(&none))
                .map_err(|_| JsValue::UNDEFINED);
        };
        let (values, undeclared) = dto::values(properties, &self.names[spec])?;
        let values = values.iter().map(Option::as_ref).collect();
        // A float that fits no integer saturates, and the engine refuses what is no instant.
        #[expect(clippy::cast_possible_truncation)]
        let told = Told { spec, at: Some(at as i64), id: id.as_deref(), values, undeclared };
        let changes = self
            .engine
            .take(Some(&told), now)
            .map_err(|refused| error(refused.code(), &refused.to_string()))?;
        Ok(convert::changes(&changes))
    }

    /// Lets time pass and returns what it changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn tick(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.tick(convert::instant(now)?);
        Ok(convert::changes(&changes))
    }

    /// Returns when time alone may change an answer or make a report due.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextTick)]
    pub fn next_tick(&self, now: f64) -> Result<Option<f64>, JsValue> {
        let next = self.engine.next_tick(convert::instant(now)?);
        Ok(next.map(dto::number))
    }

    /// Returns the segments the device is in.
    #[must_use]
    pub fn memberships(&self) -> JsValue {
        dto::memberships(&self.engine.memberships())
    }

    /// Returns the value of every feature.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn features(&self, now: f64) -> Result<JsValue, JsValue> {
        Ok(dto::features(&self.engine, convert::instant(now)?))
    }

    /// Returns what became of the events so far: counts only.
    #[must_use]
    pub fn intake(&self) -> JsValue {
        dto::intake(self.engine.intake())
    }

    /// Takes in the time zone of the device, as the constructor does, and returns what changed.
    ///
    /// # Errors
    /// When the offsets are those of no zone.
    #[wasm_bindgen(js_name = setZone)]
    pub fn set_zone(&mut self, zone: &[f64], now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.set_zone(convert::zone(zone)?, convert::instant(now)?);
        Ok(convert::changes(&changes))
    }

    /// Returns the choices.
    #[must_use]
    pub fn consent(&self) -> JsValue {
        dto::consent(self.engine.consent())
    }

    /// Takes in new choices and returns what changed.
    ///
    /// # Errors
    /// When the change is not understood; nothing has changed then.
    #[wasm_bindgen(js_name = setConsent)]
    pub fn set_consent(&mut self, change: &JsValue, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.set_consent(&dto::consent_change(change)?, convert::instant(now)?);
        Ok(convert::changes(&changes))
    }

    /// Returns what [`crate::decide`] is to decide on, as bytes, or the code that says why there is no report now.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn due(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let due = self.engine.due(convert::instant(now)?);
        Ok(due.map_or_else(|withheld| withheld.code().into(), |due| dto::bytes(&due.to_bytes())))
    }

    /// Takes in what was decided on [`Core::due`] within the same turn, and returns `queued`, or the code that says why
    /// there is no report.
    ///
    /// # Errors
    /// When the bytes are none of [`crate::decide`].
    pub fn decided(&mut self, decided: &[u8]) -> Result<String, JsValue> {
        let decided = Decided::from_bytes(decided)
            .ok_or_else(|| error("argument", "these bytes are not from decide"))?;
        Ok(self.engine.decided(decided).map_or_else(|withheld| withheld.code(), |()| "queued").into())
    }

    /// Returns the report that waits, byte for byte.
    #[must_use]
    pub fn pending(&self) -> JsValue {
        self.engine.pending().map(dto::report).into()
    }

    /// Returns the bytes that may leave at this moment.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextUpload)]
    pub fn next_upload(&self, now: f64) -> Result<JsValue, JsValue> {
        let upload = self.engine.next_upload(convert::instant(now)?);
        Ok(upload.as_ref().map(dto::upload).into())
    }

    /// Takes in what the network made of an upload.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub fn uploaded(&mut self, id: &str, outcome: &str) -> Result<(), JsValue> {
        let outcome = match outcome {
            "accepted" => Outcome::Accepted,
            "refused" => Outcome::Refused,
            "failed" => Outcome::Failed,
            _ => return Err(error("argument", "an outcome is accepted, refused or failed")),
        };
        let known = self.engine.ledger().iter().map(|entry| entry.id).find(|known| hex(known) == id);
        if let Some(known) = known {
            self.engine.uploaded(ReportId(known), outcome);
        }
        Ok(())
    }

    /// Returns the state to be stored, or what of it is to be put behind what is stored; `undefined` unless storage is granted.
    pub fn save(&mut self) -> JsValue {
        self.engine.save().as_ref().map(dto::saved).into()
    }

    /// Returns the whole state as it stands, for [`crate::explain`] and [`crate::simulate`].
    #[must_use]
    pub fn copy(&self) -> Vec<u8> {
        self.engine.copy()
    }

    /// Takes in that what is stored was lost: the next state is written whole.
    pub fn rewrite(&mut self) {
        self.engine.rewrite();
    }

    /// Takes in that the state of this number is durable.
    pub fn stored(&mut self, revision: f64) {
        // What is no whole number from `save` saturates; the engine ignores numbers it never gave.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.engine.stored(revision as u64);
    }

    /// Returns every report on record.
    #[must_use]
    pub fn ledger(&self) -> JsValue {
        dto::reports(self.engine.ledger())
    }

    /// Returns what is spent and what may be; `undefined` when the pack asks nothing.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn budget(&self, now: f64) -> Result<JsValue, JsValue> {
        Ok(self.engine.budget(convert::instant(now)?).map(dto::budget).into())
    }

    /// Forgets everything derived from events and returns what changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn erase(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.erase(convert::instant(now)?);
        Ok(convert::changes(&changes))
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use js_sys::{Array, Object, Reflect, Symbol, Uint8Array};
    use keepset_engine::Pack;
    use keepset_wire::{DAY_MS, Plan, Report, Timestamp};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Core;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"purchase": {"properties": {"value": {"type": "number", "min": 0, "max": 9}}}},
        "features": {"orders": {"kind": "count", "event": "purchase", "window_days": 28, "title": "orders"}},
        "segments": [{"id": "buyer", "title": "B", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 1}}],
        "plan": PLAN}"#;
    const PLAN: &str = r#"{"id": "q", "owner": "O", "reason": "R", "starts": "2026-01-01", "expires": "2031-01-01", "epsilon": 2,
        "epoch_days": 1, "window_epochs": 1, "questions": [{"id": "s", "reason": "r", "segments": ["buyer"], "cap": 1}]}"#;

    fn day(number: i64) -> f64 {
        let start = Timestamp::from_date("2026-01-01").unwrap();
        super::dto::number(start.saturating_add(number * DAY_MS))
    }

    fn field(value: &JsValue, name: &str) -> JsValue {
        Reflect::get(value, &name.into()).unwrap()
    }

    fn text(value: &JsValue, name: &str) -> String {
        field(value, name).as_string().unwrap()
    }

    fn object(fields: &[(&str, JsValue)]) -> JsValue {
        let object = Object::new();
        fields.iter().for_each(|(name, value)| {
            Reflect::set(&object, &(*name).into(), value).unwrap();
        });
        object.into()
    }

    fn granted() -> JsValue {
        object(&["segmentation", "storage", "reporting"].map(|purpose| (purpose, "granted".into())))
    }

    fn pack() -> Vec<u8> {
        Pack::parse(&PACK.replace("PLAN", PLAN)).unwrap().compile()
    }

    fn core() -> Core {
        Core::new(&pack(), None, &[0.0, 0.0], day(0)).unwrap()
    }

    #[test]
    fn an_event_comes_in_and_a_membership_with_its_reason_comes_out() {
        let mut core = core();
        core.set_consent(&granted(), day(0)).unwrap();
        let properties = object(&[("value", 3.into()), ("other", "dropped".into())]);
        let changes: Array =
            core.track("purchase", &properties, day(0), None, day(0)).unwrap().unchecked_into();
        assert_eq!(
            (text(&changes.get(0), "segment"), text(&changes.get(0), "kind")),
            ("buyer".into(), "entered".into())
        );
        let memberships: Array = core.memberships().unchecked_into();
        assert_eq!((memberships.length(), text(&memberships.get(0), "id")), (1, "buyer".into()));
        assert_eq!(field(&memberships.get(0), "since").as_f64(), Some(day(0)));
        assert_eq!(core.next_tick(day(0)).unwrap(), Some(day(1)));
    }

    #[test]
    fn a_report_leaves_only_after_its_state_is_durable_and_reads_as_a_report_of_the_plan() {
        let mut core = core();
        core.set_consent(&granted(), day(0)).unwrap();
        assert_eq!(core.due(day(0)).unwrap().as_string(), Some("answered".into()));
        let due = core.due(day(1)).unwrap().unchecked_into::<Uint8Array>().to_vec();
        assert!(crate::decide(&due[..due.len() - 1]).is_err());
        assert!(core.decided(&due).is_err());
        assert_eq!(core.decided(&crate::decide(&due).unwrap()).unwrap(), "queued");
        assert!(core.next_upload(day(1)).unwrap().is_undefined());
        let saved = core.save();
        core.stored(field(&saved, "revision").as_f64().unwrap());
        let upload = core.next_upload(day(1)).unwrap();
        let body = field(&upload, "body").unchecked_into::<Uint8Array>().to_vec();
        let plan = Plan::parse(PLAN).unwrap();
        let report = Report::decode(&plan, plan.hash(), &body).unwrap();
        assert_eq!(text(&upload, "id"), report.id.to_string());
        core.uploaded(&text(&upload, "id"), "accepted").unwrap();
        let ledger: Array = core.ledger().unchecked_into();
        assert_eq!(text(&ledger.get(0), "outcome"), "accepted");
        assert_eq!(field(&core.budget(day(1)).unwrap(), "spent").as_f64(), Some(2.0));
        let bytes = field(&saved, "bytes").unchecked_into::<Uint8Array>().to_vec();
        let again = Core::new(&pack(), Some(bytes.into()), &[0.0, 0.0], day(1)).unwrap();
        assert_eq!(again.started_from(), "snapshot");
        assert_eq!(text(&again.pending(), "id"), report.id.to_string());
    }

    #[test]
    fn what_is_wrong_is_an_error_with_a_code_and_the_engine_goes_on() {
        let refused = Core::new(b"{}", None, &[0.0, 0.0], day(0)).err().unwrap();
        assert_eq!(text(&refused, "code"), "pack");
        assert!(text(&refused, "message").starts_with("$"));
        let mut core = core();
        core.set_consent(&granted(), day(0)).unwrap();
        let symbol: JsValue = Symbol::iterator().into();
        for wrong in [7.into(), "text".into(), symbol.clone(), JsValue::NULL] {
            let refused = core.track("purchase", &wrong, day(0), None, day(0)).unwrap_err();
            assert_eq!(text(&refused, "code"), "argument");
        }
        let wrong = object(&[("value", 99.into()), ("symbol", symbol), ("object", object(&[]))]);
        let refused = core.track("purchase", &wrong, day(0), None, day(0)).unwrap_err();
        assert_eq!(text(&refused, "code"), "event_property");
        core.track("visit", &object(&[]), day(0), None, day(0)).unwrap();
        assert_eq!(field(&core.intake(), "undeclaredEvents").as_f64(), Some(1.0));
        for never in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(text(&core.tick(never).unwrap_err(), "code"), "time");
        }
        assert_eq!(
            text(&core.set_consent(&object(&[("storage", "maybe".into())]), day(0)).unwrap_err(), "code"),
            "argument"
        );
        assert_eq!(text(&core.uploaded("x", "lost").unwrap_err(), "code"), "argument");
        assert!(core.uploaded("x", "accepted").is_ok());
        let changes: Array =
            core.track("purchase", &object(&[]), day(0), None, day(0)).unwrap().unchecked_into();
        assert_eq!(changes.length(), 1);
    }

    #[test]
    fn stored_bytes_that_cannot_be_read_are_said_to_be_so() {
        for bytes in [vec![], vec![7; 100], b"KSST".to_vec()] {
            let core = Core::new(&pack(), Some(bytes.into()), &[0.0, 0.0], day(0)).unwrap();
            assert_eq!(core.started_from(), "unreadable");
            assert_eq!(text(&core.consent(), "storage"), "pending");
        }
    }
}
