//! One profile's engine as a JavaScript class.

use std::rc::Rc;

use js_sys::{Array, Float64Array};
use keepset_engine::{Decided, Engine, Outcome, Pack, Told};
use keepset_wire::ReportId;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::dto;
use crate::error::error;
use crate::host::entropy;
use crate::numbers;
use crate::time;

/// One profile's engine. Times are milliseconds since 1970; `pkg-template/src/core.d.ts` holds the types. Events and changes
/// cross as numbers: `pkg-template/src/profile.ts` gives them their names.
#[wasm_bindgen]
pub struct Core {
    engine: Engine,
    pack: Rc<Pack>,
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
        let now = time::instant(now)?;
        let zone = convert::zone(zone)?;
        let pack = Pack::load(pack).map_err(|mistake| error("pack", &mistake.to_string()))?;
        let pack = Rc::new(pack);
        let (mut engine, started_from) = match stored {
            None => (Engine::install(Rc::clone(&pack), now), "nothing"),
            Some(stored) => match Engine::restore(Rc::clone(&pack), &stored, now) {
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
        Ok(Self { engine, pack, started_from })
    }

    /// Returns what the numbers stand for, for as long as someone wants to know, the end of this engine notwithstanding.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules(Rc::clone(&self.pack))
    }

    /// Tells what the engine started from: `nothing`, `snapshot` or `unreadable`.
    #[wasm_bindgen(getter = startedFrom)]
    #[must_use]
    pub fn started_from(&self) -> String {
        self.started_from.into()
    }

    /// Takes in an event by its number and returns what changed. One of no such number counts as undeclared.
    ///
    /// # Errors
    /// When the event breaks the pack's declaration; nothing has changed then.
    #[expect(
        clippy::needless_pass_by_value,
        clippy::too_many_arguments,
        reason = "an event is all of this, and an object would cost more than taking it in"
    )]
    pub fn take(
        &mut self,
        spec: usize,
        values: &[f64],
        texts: &Array,
        undeclared: u32,
        at: f64,
        id: Option<String>,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let now = time::instant(now)?;
        let declared = self.pack.events.get(spec).map_or(0, |event| event.properties.len());
        let given = values.iter().copied().chain(std::iter::repeat(f64::NAN)).take(declared);
        let texts = numbers::texts(texts);
        let values = given.map(|value| numbers::given(value, &texts)).collect();
        // A float that fits no integer saturates, and the engine refuses what is no instant.
        #[expect(clippy::cast_possible_truncation)]
        let told = Told { spec, at: Some(at as i64), id: id.as_deref(), values, undeclared };
        let told = Some(&told).filter(|told| told.spec < self.pack.events.len());
        let changes = self.engine.take(told, now);
        let changes = changes.map_err(|refused| error(refused.code(), &refused.to_string()))?;
        Ok(numbers::changes(&changes))
    }

    /// Lets time pass and returns what it changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn pass(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.tick(time::instant(now)?);
        Ok(numbers::changes(&changes))
    }

    /// Returns when time alone may change an answer or make a report due.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextTick)]
    pub fn next_tick(&mut self, now: f64) -> Result<Option<f64>, JsValue> {
        let next = self.engine.next_tick(time::instant(now)?);
        Ok(next.map(dto::number))
    }

    /// Returns since when the device is in each segment, in the pack's order; not a number where it is in none.
    #[must_use]
    pub fn standings(&self) -> JsValue {
        let since = |segment| self.engine.since(segment).map_or(f64::NAN, dto::number);
        let since: Vec<f64> = (0..self.pack.segments().len()).map(since).collect();
        Float64Array::new_from_slice(&since).into()
    }

    /// Returns the value of every feature.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn features(&self, now: f64) -> Result<JsValue, JsValue> {
        Ok(dto::features(&self.engine, time::instant(now)?))
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
    pub fn travel(&mut self, zone: &[f64], now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.set_zone(convert::zone(zone)?, time::instant(now)?);
        Ok(numbers::changes(&changes))
    }

    /// Returns the choices.
    #[must_use]
    pub fn consent(&self) -> JsValue {
        dto::consent(self.engine.consent())
    }

    /// Takes in new choices and the number of the signal they come by, and returns what changed.
    ///
    /// # Errors
    /// When the change is not understood; nothing has changed then.
    pub fn choose(&mut self, change: &JsValue, signal: u8, now: f64) -> Result<JsValue, JsValue> {
        let change = dto::consent_change(change, signal)?;
        let changes = self.engine.set_consent(&change, time::instant(now)?);
        Ok(numbers::changes(&changes))
    }

    /// Returns what [`crate::decide`] is to decide on, as bytes, or the code that says why there is no report now.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn due(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let due = self.engine.due(time::instant(now)?);
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

    /// Returns what [`crate::share`] is to decide on, if labels are to be decided on now; [`Core::decided`] takes in what was.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn labels(&self, now: f64) -> Result<JsValue, JsValue> {
        Ok(self.engine.labels(time::instant(now)?).map(dto::bytes).into())
    }

    /// Returns what waits, byte for byte.
    #[must_use]
    pub fn pending(&self) -> JsValue {
        self.engine.pending().map(dto::report).into()
    }

    /// Returns what may leave at this moment, described.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextUpload)]
    pub fn next_upload(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let next = self.engine.hand_out(time::instant(now)?);
        Ok(next.map(dto::report).into())
    }

    /// Takes in what the network made of an upload, by its number in the ledger.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub fn uploaded(&mut self, number: u32, outcome: &str) -> Result<(), JsValue> {
        let outcome = match outcome {
            "accepted" => Outcome::Accepted,
            "refused" => Outcome::Refused,
            "failed" => Outcome::Failed,
            _ => return Err(error("argument", "an outcome is accepted, refused or failed")),
        };
        let known = self.engine.ledger().iter().find(|entry| entry.receipt.number == number);
        if let Some(id) = known.map(|entry| entry.id) {
            self.engine.uploaded(ReportId(id), outcome);
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
        Ok(self.engine.budget(time::instant(now)?).map(dto::budget).into())
    }

    /// Forgets everything derived from events and returns what changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn forget(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.erase(time::instant(now)?);
        Ok(numbers::changes(&changes))
    }
}

/// What a pack calls things, and how it says why.
#[wasm_bindgen]
pub struct Rules(Rc<Pack>);

#[wasm_bindgen]
impl Rules {
    /// Returns the names of the events, each with those of its properties, and of the segments.
    #[must_use]
    pub fn names(&self) -> JsValue {
        numbers::names(&self.0)
    }

    /// Says in one sentence which conditions decided a change; empty where none did.
    #[must_use]
    pub fn because(&self, change: &[f64]) -> String {
        numbers::change(change, &self.0).map_or_else(String::new, |change| change.because(&self.0))
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use js_sys::{Array, Float64Array, Object, Reflect, Uint8Array};
    use keepset_engine::Pack;
    use keepset_wire::hex;
    use keepset_wire::{DAY_MS, OpeningKey, Plan, Report, Sealed, Timestamp};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::Core;

    const PACK: &str = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
        "events": {"purchase": {"properties": {"value": {"type": "number", "min": 0, "max": 9}}}},
        "features": {"orders": {"kind": "count", "event": "purchase", "window_days": 28, "title": "orders"}},
        "segments": [{"id": "buyer", "title": "B", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 1}}],
        "plan": PLAN, "collector": {"keys": [{"id": 1, "public_key": "PUBLIC", "from": "2026-01-01", "until": "2031-01-01"}]}}"#;
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

    /// Tells of a purchase of this value.
    fn purchase(core: &mut Core, value: f64) -> Vec<f64> {
        let changes = core.take(0, &[value], &Array::new(), 1, day(0), None, day(0)).unwrap();
        changes.unchecked_into::<Float64Array>().to_vec()
    }

    fn pack() -> Vec<u8> {
        let public = hex(&opening_key().public());
        Pack::parse(&PACK.replace("PLAN", PLAN).replace("PUBLIC", &public)).unwrap().compile()
    }

    /// The private half of the pack's key, which is nobody's secret.
    fn opening_key() -> OpeningKey {
        OpeningKey::from_bytes(&[7; 32])
    }

    fn core() -> Core {
        Core::new(&pack(), None, &[0.0, 0.0], day(0)).unwrap()
    }

    #[test]
    fn an_event_comes_in_and_a_membership_with_its_reason_comes_out() {
        let mut core = core();
        core.choose(&granted(), 0, day(0)).unwrap();
        let change = purchase(&mut core, 3.0);
        assert_eq!(change, [0.0, 1.0, day(0), 0.0, 0.0, 1.0, 1.0]);
        let rules = core.rules();
        assert_eq!(rules.because(&change), "orders: 1 (asked: at least 1)");
        assert_eq!(field(&core.intake(), "undeclaredProperties").as_f64(), Some(1.0));
        let standings: Float64Array = core.standings().unchecked_into();
        assert_eq!(standings.to_vec(), [day(0)]);
        assert_eq!(core.next_tick(day(0)).unwrap(), Some(day(1)));
    }

    #[test]
    fn a_report_leaves_only_after_its_state_is_durable_and_reads_as_a_report_of_the_plan() {
        let mut core = core();
        core.choose(&granted(), 0, day(0)).unwrap();
        assert_eq!(core.due(day(0)).unwrap().as_string(), Some("answered".into()));
        let due = core.due(day(1)).unwrap().unchecked_into::<Uint8Array>().to_vec();
        assert!(crate::decide(&due[..due.len() - 1]).is_err());
        assert!(core.decided(&due).is_err());
        assert_eq!(core.decided(&crate::decide(&due).unwrap()).unwrap(), "queued");
        assert!(core.next_upload(day(1)).unwrap().is_undefined());
        let saved = core.save();
        core.stored(field(&saved, "revision").as_f64().unwrap());
        let upload = core.next_upload(day(1)).unwrap();
        let body = field(&upload, "sealed").unchecked_into::<Uint8Array>().to_vec();
        let plan = Plan::parse(PLAN).unwrap();
        let opened = Sealed::decode(&plan, &body).unwrap().open(&opening_key()).unwrap();
        let report = Report::decode(&plan, plan.hash(), &opened).unwrap();
        assert_eq!(text(&upload, "id"), report.id.to_string());
        core.uploaded(0, "accepted").unwrap();
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
        core.choose(&granted(), 0, day(0)).unwrap();
        for wrong in [99.0, f64::INFINITY, super::numbers::TRUE, super::numbers::TEXT] {
            let refused = core.take(0, &[wrong], &Array::of1(&"text".into()), 0, day(0), None, day(0));
            assert_eq!(text(&refused.unwrap_err(), "code"), "event_property");
        }
        core.take(1, &[], &Array::new(), 0, day(0), None, day(0)).unwrap();
        assert_eq!(field(&core.intake(), "undeclaredEvents").as_f64(), Some(1.0));
        for never in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(text(&core.pass(never).unwrap_err(), "code"), "time");
        }
        assert_eq!(
            text(&core.choose(&object(&[("storage", "maybe".into())]), 0, day(0)).unwrap_err(), "code"),
            "argument"
        );
        assert_eq!(text(&core.uploaded(9, "lost").unwrap_err(), "code"), "argument");
        assert!(core.uploaded(9, "accepted").is_ok());
        let change = purchase(&mut core, f64::NAN);
        let rules = core.rules();
        drop(core);
        assert_eq!(rules.because(&change[..6]), "");
        for no_change in [&[][..], &[7.0; 6], &[f64::NAN; 6], &[f64::INFINITY; 9]] {
            drop(rules.because(no_change));
        }
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
