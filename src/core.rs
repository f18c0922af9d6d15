//! One profile's engine as a JavaScript class.

use std::rc::Rc;

use js_sys::{Array, Float64Array};
use keepset_engine::{ConsentChange, Decided, Engine, Outcome, Pack, Signal, Told};
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
    unreadable: bool,
}

#[wasm_bindgen]
impl Core {
    /// Starts the engine of a pack on what is stored, in the time zone of the device: pairs of the millisecond from which
    /// an offset holds and its minutes east of UTC. `drawn`: twice 32 bytes of the page's own randomness, where it has any.
    ///
    /// # Errors
    /// When the bytes are no compiled pack. When the offsets are those of no zone.
    #[wasm_bindgen(constructor)]
    pub fn new(
        pack: &[u8],
        stored: Option<Box<[u8]>>,
        zone: &[f64],
        now: f64,
        drawn: &[u8],
    ) -> Result<Core, JsValue> {
        let now = time::nearest(now);
        let zone = convert::zone(zone)?;
        let pack = Pack::load(pack).map_err(|mistake| error("pack", mistake.message()))?;
        let pack = Rc::new(pack);
        let (mut engine, unreadable) = match stored {
            None => (Engine::install(Rc::clone(&pack), now), false),
            Some(stored) => {
                let (engine, mistake) = Engine::restore(Rc::clone(&pack), &stored, now);
                (engine, mistake.is_some())
            }
        };
        engine.tell_reasons();
        engine.set_zone(zone, now);
        if let Ok(secret) = entropy::sound(drawn) {
            // Without one the device is in no arm of an experiment and makes no report.
            engine.keep_secret(secret, now);
        }
        Ok(Self { engine, pack, unreadable })
    }

    /// Returns what the numbers stand for, for as long as someone wants to know, the end of this engine notwithstanding.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules(Rc::clone(&self.pack))
    }

    /// Tells whether what was stored could not be read.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn unreadable(&self) -> bool {
        self.unreadable
    }

    /// Takes in an event by its number and returns what changed. One of no such number counts as undeclared. `named`: the last text is
    /// its id. When the event breaks the pack's declaration, nothing has changed and an error is returned: as an answer, for what is thrown
    /// costs every call.
    #[must_use]
    #[expect(
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
        named: bool,
        now: f64,
    ) -> JsValue {
        let now = time::nearest(now);
        let declared = self.pack.events.get(spec).map_or(0, |event| event.properties.len());
        let given = values.iter().copied().chain(std::iter::repeat(f64::NAN)).take(declared);
        let texts = numbers::texts(texts);
        let values = given.map(|value| numbers::given(value, &texts)).collect();
        // A float that fits no integer saturates, and the engine refuses what is no instant.
        #[expect(clippy::cast_possible_truncation)]
        let at = Some(at as i64);
        let id = texts.last().filter(|_| named).map(String::as_str);
        let told = Told { spec, at, id, values, undeclared };
        let told = Some(&told).filter(|told| told.spec < self.pack.events.len());
        match self.engine.take(told, now) {
            Ok(changes) => numbers::changes(&changes),
            Err(refused) => error(refused.code(), &refused.message()),
        }
    }

    /// Lets time pass and returns what it changed.
    #[must_use]
    pub fn pass(&mut self, now: f64) -> JsValue {
        numbers::changes(&self.engine.tick(time::nearest(now)))
    }

    /// Returns when time alone may change an answer or make a report due.
    #[wasm_bindgen(js_name = nextTick)]
    #[must_use]
    pub fn next_tick(&mut self, now: f64) -> Option<f64> {
        self.engine.next_tick(time::nearest(now)).map(dto::number)
    }

    /// Returns since when the device is in each segment, in the pack's order; not a number where it is in none.
    #[must_use]
    pub fn standings(&self) -> JsValue {
        let since = |segment| self.engine.since(segment).map_or(f64::NAN, dto::number);
        let since: Vec<f64> = (0..self.pack.segments().len()).map(since).collect();
        Float64Array::new_from_slice(&since).into()
    }

    /// Returns the value of every feature.
    #[must_use]
    pub fn features(&self, now: f64) -> JsValue {
        dto::features(&self.engine, time::nearest(now))
    }

    /// Returns what became of the events so far: counts only.
    #[must_use]
    pub fn intake(&self) -> JsValue {
        dto::intake(self.engine.intake())
    }

    /// Takes in the time zone of the device, as the constructor does, and returns what changed; an error when the offsets are those of no
    /// zone.
    #[must_use]
    pub fn travel(&mut self, zone: &[f64], now: f64) -> JsValue {
        match convert::zone(zone) {
            Ok(zone) => numbers::changes(&self.engine.set_zone(zone, time::nearest(now))),
            Err(error) => error,
        }
    }

    /// Returns the choices.
    #[must_use]
    pub fn consent(&self) -> JsValue {
        dto::consent(self.engine.consent())
    }

    /// Takes in new choices and the number of the signal they come by, and returns what changed. A choice is 0 where the purpose keeps its
    /// own, 1 granted, 2 denied; whatever else leaves it open.
    #[must_use]
    pub fn choose(
        &mut self,
        segmentation: u8,
        storage: u8,
        reporting: u8,
        sharing: u8,
        signal: u8,
        now: f64,
    ) -> JsValue {
        let [segmentation, storage, reporting, sharing] =
            [segmentation, storage, reporting, sharing].map(dto::choice_of);
        let signal = Signal::from_byte(signal).unwrap_or_default();
        let change = ConsentChange { segmentation, storage, reporting, sharing, signal };
        numbers::changes(&self.engine.set_consent(&change, time::nearest(now)))
    }

    /// Returns what [`crate::decide`] is to decide on, as bytes, or the code that says why there is no report now.
    #[must_use]
    pub fn due(&mut self, now: f64) -> JsValue {
        let due = self.engine.due_bytes(time::nearest(now));
        due.map_or_else(|withheld| withheld.code().into(), |due| dto::bytes(&due))
    }

    /// Takes in what was decided on [`Core::due`] within the same turn, and returns `queued`, or the code that says why
    /// there is no report; an error when the bytes are none of [`crate::decide`].
    #[must_use]
    pub fn decided(&mut self, decided: &[u8]) -> JsValue {
        match Decided::from_bytes(decided).map(|decided| self.engine.decided(decided)) {
            Some(Ok(())) => "queued".into(),
            Some(Err(withheld)) => withheld.code().into(),
            None => error("argument", "these bytes are not from decide"),
        }
    }

    /// Returns what [`crate::share`] is to decide on, if labels are to be decided on now; [`Core::decided`] takes in what was.
    #[must_use]
    pub fn labels(&self, now: f64) -> JsValue {
        self.engine.labels(time::nearest(now)).map(dto::bytes).into()
    }

    /// Returns what waits, byte for byte.
    #[must_use]
    pub fn pending(&self) -> JsValue {
        self.engine.pending().map(dto::report).into()
    }

    /// Returns what may leave at this moment, described.
    #[wasm_bindgen(js_name = nextUpload)]
    #[must_use]
    pub fn next_upload(&mut self, now: f64) -> JsValue {
        self.engine.hand_out(time::nearest(now)).map(dto::report).into()
    }

    /// Takes in what the network made of an upload, by its number in the ledger: 0 accepted, 1 refused; whatever else is not known to
    /// have ended.
    pub fn uploaded(&mut self, number: u32, outcome: u8) {
        let outcome = match outcome {
            0 => Outcome::Accepted,
            1 => Outcome::Refused,
            _ => Outcome::Failed,
        };
        let known = self.engine.ledger().iter().find(|entry| entry.receipt.number == number);
        if let Some(id) = known.map(|entry| entry.id) {
            self.engine.uploaded(ReportId(id), outcome);
        }
    }

    /// Returns the state to be stored, or what of it is to be put behind what is stored; `undefined` unless storage is granted.
    pub fn save(&mut self) -> JsValue {
        self.engine.save().as_ref().map(dto::saved).into()
    }

    /// Returns the whole state as it stands, for [`crate::explain`] and [`crate::simulate`].
    #[must_use]
    pub fn copy(&self) -> JsValue {
        dto::bytes(&self.engine.copy())
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
    #[must_use]
    pub fn budget(&self, now: f64) -> JsValue {
        self.engine.budget(time::nearest(now)).map(dto::budget).into()
    }

    /// Forgets everything derived from events and returns what changed.
    #[must_use]
    pub fn forget(&mut self, now: f64) -> JsValue {
        numbers::changes(&self.engine.erase(time::nearest(now)))
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
    pub fn because(&self, change: &[f64]) -> JsValue {
        numbers::change(change, &self.0).map_or_else(String::new, |change| change.because(&self.0)).into()
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use js_sys::{Array, Float64Array, Reflect, Uint8Array};
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

    fn grant(core: &mut Core) {
        let _ = core.choose(1, 1, 1, 0, 0, day(0));
    }

    /// Tells of a purchase of this value.
    fn purchase(core: &mut Core, value: f64) -> Vec<f64> {
        let changes = core.take(0, &[value], &Array::new(), 1, day(0), false, day(0));
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

    /// What a sound source gives.
    fn drawn() -> [u8; 64] {
        std::array::from_fn(|at| u8::try_from(at).unwrap())
    }

    fn core() -> Core {
        Core::new(&pack(), None, &[0.0, 0.0], day(0), &drawn()).unwrap()
    }

    #[test]
    fn an_event_comes_in_and_a_membership_with_its_reason_comes_out() {
        let mut core = core();
        grant(&mut core);
        let change = purchase(&mut core, 3.0);
        assert_eq!(change, [0.0, 1.0, day(0), 0.0, 0.0, 1.0, 1.0]);
        let rules = core.rules();
        assert_eq!(rules.because(&change).as_string().unwrap(), "orders: 1 (asked: at least 1)");
        assert_eq!(field(&core.intake(), "undeclaredProperties").as_f64(), Some(1.0));
        let standings: Float64Array = core.standings().unchecked_into();
        assert_eq!(standings.to_vec(), [day(0)]);
        assert_eq!(core.next_tick(day(0)), Some(day(1)));
    }

    #[test]
    fn a_report_leaves_only_after_its_state_is_durable_and_reads_as_a_report_of_the_plan() {
        let mut core = core();
        grant(&mut core);
        assert_eq!(core.due(day(0)).as_string(), Some("answered".into()));
        let due = core.due(day(1)).unchecked_into::<Uint8Array>().to_vec();
        assert!(crate::decide(&due[..due.len() - 1]).is_err());
        assert_eq!(text(&core.decided(&due), "code"), "argument");
        assert_eq!(core.decided(&crate::decide(&due).unwrap()).as_string().unwrap(), "queued");
        assert!(core.next_upload(day(1)).is_undefined());
        let saved = core.save();
        core.stored(field(&saved, "revision").as_f64().unwrap());
        let upload = core.next_upload(day(1));
        let body = field(&upload, "sealed").unchecked_into::<Uint8Array>().to_vec();
        let plan = Plan::parse(PLAN).unwrap();
        let opened = Sealed::decode(&plan, &body).unwrap().open(&opening_key()).unwrap();
        let report = Report::decode(&plan, plan.hash(), &opened).unwrap();
        assert_eq!(text(&upload, "id"), report.id.to_string());
        core.uploaded(0, 0);
        let ledger: Array = core.ledger().unchecked_into();
        assert_eq!(text(&ledger.get(0), "outcome"), "accepted");
        assert_eq!(field(&core.budget(day(1)), "spent").as_f64(), Some(2.0));
        let bytes = field(&saved, "bytes").unchecked_into::<Uint8Array>().to_vec();
        let again = Core::new(&pack(), Some(bytes.into()), &[0.0, 0.0], day(1), &[]).unwrap();
        assert!(!again.unreadable());
        assert_eq!(text(&again.pending(), "id"), report.id.to_string());
    }

    #[test]
    fn what_is_wrong_is_an_error_with_a_code_and_the_engine_goes_on() {
        let refused = Core::new(b"{}", None, &[0.0, 0.0], day(0), &[]).err().unwrap();
        assert_eq!(text(&refused, "code"), "pack");
        let mut core = core();
        grant(&mut core);
        for wrong in [99.0, f64::INFINITY, super::numbers::TRUE, super::numbers::TEXT] {
            let refused = core.take(0, &[wrong], &Array::of1(&"text".into()), 0, day(0), false, day(0));
            assert_eq!(text(&refused, "code"), "event_property");
        }
        let _ = core.take(1, &[], &Array::new(), 0, day(0), false, day(0));
        assert_eq!(field(&core.intake(), "undeclaredEvents").as_f64(), Some(1.0));
        assert_eq!(text(&core.travel(&[0.0, f64::NAN, 0.0, 5.0], day(0)), "code"), "argument");
        core.uploaded(9, 7);
        let change = purchase(&mut core, f64::NAN);
        let _ = core.choose(0, 9, 0, 0, 99, day(0));
        assert_eq!(text(&core.consent(), "storage"), "pending");
        for never in [f64::INFINITY, 1e300, -1.0, f64::NAN] {
            drop(core.pass(never));
        }
        let rules = core.rules();
        drop(core);
        assert_eq!(rules.because(&change[..6]).as_string().unwrap(), "");
        for no_change in [&[][..], &[7.0; 6], &[f64::NAN; 6], &[f64::INFINITY; 9]] {
            drop(rules.because(no_change));
        }
    }

    #[test]
    fn stored_bytes_that_cannot_be_read_are_said_to_be_so() {
        for bytes in [vec![], vec![7; 100], b"KSST".to_vec()] {
            let core = Core::new(&pack(), Some(bytes.into()), &[0.0, 0.0], day(0), &drawn()).unwrap();
            assert!(core.unreadable());
            assert_eq!(text(&core.consent(), "storage"), "pending");
        }
    }
}
