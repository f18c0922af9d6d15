//! One profile's engine as a JavaScript class.

use std::rc::Rc;

use keepset_engine::{Engine, Outcome, Pack, RawEvent};
use keepset_wire::ReportId;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::error::error;
use crate::host::entropy;

/// One profile's engine. Times are milliseconds since 1970; `pkg-template/src/core.d.ts` holds the types.
#[wasm_bindgen]
pub struct Core {
    engine: Engine,
    started_from: &'static str,
}

#[wasm_bindgen]
impl Core {
    /// Starts the engine of a pack on what is stored.
    ///
    /// # Errors
    /// When the pack has a mistake; the message names its path.
    #[wasm_bindgen(constructor)]
    pub fn new(pack: &str, stored: Option<Box<[u8]>>, now: f64) -> Result<Core, JsValue> {
        let now = convert::instant(now)?;
        let pack = Pack::parse(pack).map_err(|mistake| error("pack", &mistake.to_string()))?;
        let pack = Rc::new(pack);
        let Some(stored) = stored else {
            return Ok(Self { engine: Engine::install(pack, now), started_from: "nothing" });
        };
        let (engine, unreadable) = Engine::restore(pack, &stored, now);
        Ok(Self { engine, started_from: if unreadable.is_some() { "unreadable" } else { "snapshot" } })
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
    pub fn track(
        &mut self,
        name: String,
        properties: &JsValue,
        at: f64,
        now: f64,
    ) -> Result<JsValue, JsValue> {
        let now = convert::instant(now)?;
        let properties = convert::properties(properties)?;
        // A float that fits no integer saturates, and the engine refuses what is no instant.
        #[expect(clippy::cast_possible_truncation)]
        let event = RawEvent { name, at: Some(at as i64), properties };
        let changes =
            self.engine.track(&event, now).map_err(|refused| error(refused.code(), &refused.to_string()))?;
        convert::changes(&changes)
    }

    /// Lets time pass and returns what it changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn tick(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.tick(convert::instant(now)?);
        convert::changes(&changes)
    }

    /// Returns when time alone may change an answer or make a report due.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextTick)]
    pub fn next_tick(&self, now: f64) -> Result<Option<f64>, JsValue> {
        let next = self.engine.next_tick(convert::instant(now)?);
        Ok(next.map(convert::number))
    }

    /// Returns the segments the device is in.
    ///
    /// # Errors
    /// Never in practice: the list can be written.
    pub fn memberships(&self) -> Result<JsValue, JsValue> {
        convert::memberships(&self.engine.memberships())
    }

    /// Explains a segment; `undefined` when the pack has no such segment.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn explain(&self, segment: &str, now: f64) -> Result<JsValue, JsValue> {
        let explanation = self.engine.explain(segment, convert::instant(now)?);
        convert::explanation(explanation.as_ref())
    }

    /// Returns the choices.
    ///
    /// # Errors
    /// Never in practice: the choices can be written.
    pub fn consent(&self) -> Result<JsValue, JsValue> {
        convert::consent(self.engine.consent())
    }

    /// Takes in new choices and returns what changed.
    ///
    /// # Errors
    /// When the change is not understood; nothing has changed then.
    #[wasm_bindgen(js_name = setConsent)]
    pub fn set_consent(&mut self, change: &JsValue, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.set_consent(&convert::consent_change(change)?, convert::instant(now)?);
        convert::changes(&changes)
    }

    /// Makes the report that is due and returns `queued`, or the code that says why there is none.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn prepare(&mut self, now: f64) -> Result<String, JsValue> {
        let now = convert::instant(now)?;
        let prepared = match entropy::open() {
            Ok(coins) => self.engine.prepare(now, coins),
            Err(none) => Err(none.into()),
        };
        Ok(prepared.map_or_else(|withheld| withheld.code(), |()| "queued").into())
    }

    /// Returns the report that waits, byte for byte.
    ///
    /// # Errors
    /// Never in practice: the report can be written.
    pub fn pending(&self) -> Result<JsValue, JsValue> {
        convert::report(self.engine.pending())
    }

    /// Returns the bytes that may leave at this moment.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = nextUpload)]
    pub fn next_upload(&self, now: f64) -> Result<JsValue, JsValue> {
        let upload = self.engine.next_upload(convert::instant(now)?);
        convert::upload(upload.as_ref())
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
        let known = self.engine.ledger().iter().map(|entry| ReportId(entry.id));
        if let Some(id) = known.into_iter().find(|known| known.to_string() == id) {
            self.engine.uploaded(id, outcome);
        }
        Ok(())
    }

    /// Returns the state to be stored; `undefined` unless storage is granted.
    ///
    /// # Errors
    /// Never in practice: the state can be written.
    pub fn save(&mut self) -> Result<JsValue, JsValue> {
        convert::saved(self.engine.save().as_ref())
    }

    /// Takes in that the state of this number is durable.
    pub fn stored(&mut self, revision: f64) {
        // What is no whole number from `save` saturates; the engine ignores numbers it never gave.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.engine.stored(revision as u64);
    }

    /// Returns every report on record.
    ///
    /// # Errors
    /// Never in practice: the list can be written.
    pub fn ledger(&self) -> Result<JsValue, JsValue> {
        convert::reports(self.engine.ledger())
    }

    /// Returns what is spent and what may be; `undefined` when the pack asks nothing.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn budget(&self, now: f64) -> Result<JsValue, JsValue> {
        convert::budget(self.engine.budget(convert::instant(now)?))
    }

    /// Forgets everything derived from events and returns what changed.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn erase(&mut self, now: f64) -> Result<JsValue, JsValue> {
        let changes = self.engine.erase(convert::instant(now)?);
        convert::changes(&changes)
    }
}
