//! Devices made for the audit: the engine itself brings one into the segments that are wanted and asks for its report.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, anyhow};
use keepset_engine::{Due, Engine, Pack, RawEvent};
use keepset_wire::hex;
use keepset_wire::{DAY_MS, Epsilon, OpeningKey, Plan, Timestamp};
use serde_json::{Value, json};

use crate::fleet::willing;

/// Days in an epoch: a device knows its memberships on the first day of the second window.
const STARTS: &str = "2026-01-01";

/// Every pack of the audit has so many events, each with a feature that counts it and a segment that it enters.
const SEGMENTS: u16 = 5;

/// A plan of one question and the pack that asks it.
#[derive(Debug)]
pub(super) struct Survey {
    pack: Rc<Pack>,
    /// The pack as a page would load it.
    pub(super) json: Value,
    window_epochs: u32,
}

impl Survey {
    /// Asks one question, in windows of so many epochs.
    pub(super) fn new(epsilon: Epsilon, question: &Value, window_epochs: u32) -> anyhow::Result<Self> {
        let json = pack(epsilon, question, window_epochs);
        let pack = Pack::parse(&json.to_string()).context("the audit's own pack is wrong")?;
        Ok(Self { pack: Rc::new(pack), json, window_epochs })
    }

    /// Asks in which of `segments` segments a device is; of its memberships `cap` count.
    pub(super) fn of_sizes(
        epsilon: Epsilon,
        segments: u16,
        cap: u8,
        window_epochs: u32,
    ) -> anyhow::Result<Self> {
        Self::new(epsilon, &json!({ "segments": names(segments), "cap": cap }), window_epochs)
    }

    pub(super) fn plan(&self) -> anyhow::Result<&Plan> {
        self.pack.plan.as_ref().context("the audit's own pack has no plan")
    }

    /// The first instant a device exists.
    pub(super) fn start(&self) -> anyhow::Result<Timestamp> {
        Ok(self.plan()?.starts)
    }

    /// How long after the start the second window begins, in milliseconds.
    pub(super) fn wait(&self) -> i64 {
        i64::from(self.window_epochs) * DAY_MS
    }

    /// A device in the segments of `members`, a bit each, at the first instant of its first free window; its report is not
    /// sealed, for millions are drawn and looked at.
    pub(super) fn due(&self, members: u32) -> anyhow::Result<Vec<u8>> {
        Ok(self.device(members)?.unsealed().to_bytes())
    }

    /// The same device as a page has it, whose report is sealed.
    pub(super) fn device(&self, members: u32) -> anyhow::Result<Due> {
        let (mut engine, _) = willing(Rc::clone(&self.pack), self.start()?);
        engine.keep_secret([7; 32], self.start()?);
        let now = self.start()?.saturating_add(self.wait());
        for segment in (0..SEGMENTS).filter(|segment| members >> segment & 1 == 1) {
            track(&mut engine, &format!("e{segment}"), now)?;
        }
        engine.due(now).map_err(|withheld| anyhow!("the engine asks for no report: {withheld}"))
    }

    /// A device that has drawn no secret yet.
    pub(super) fn new_device(&self) -> anyhow::Result<Vec<u8>> {
        let now = self.start()?.saturating_add(self.wait());
        let (mut engine, _) = willing(Rc::clone(&self.pack), self.start()?);
        Ok(engine
            .due(now)
            .map_err(|withheld| anyhow!("the engine asks for no secret: {withheld}"))?
            .to_bytes())
    }
}

fn track(engine: &mut Engine, event: &str, now: Timestamp) -> anyhow::Result<()> {
    let raw = RawEvent { name: event.to_owned(), at: None, id: None, properties: BTreeMap::new() };
    engine.track(&raw, now).with_context(|| format!("the audit's own event {event} is refused"))?;
    Ok(())
}

/// The names of the first segments of the pack.
pub(super) fn names(segments: u16) -> Vec<String> {
    (0..segments).map(|segment| format!("s{segment}")).collect()
}

/// A pack whose segments are each entered by an event of its own.
fn pack(epsilon: Epsilon, question: &Value, window_epochs: u32) -> Value {
    let named = |prefix: &str, make: &dyn Fn(u16) -> Value| -> Value {
        let all = (0..SEGMENTS).map(|segment| (format!("{prefix}{segment}"), make(segment)));
        all.collect::<serde_json::Map<_, _>>().into()
    };
    let segment = |segment: u16| {
        json!({
            "id": format!("s{segment}"), "title": "t", "reason": "r",
            "enter": { "feature": format!("f{segment}"), "op": ">=", "value": 1 },
        })
    };
    let mut asked = json!({ "id": "q", "reason": "r" });
    for (key, value) in question.as_object().into_iter().flatten() {
        asked[key] = value.clone();
    }
    json!({
        "id": "audit", "version": 1, "title": "Audit", "owner": "Whoever audits", "reason": "To audit.", "expires": "2031-01-01",
        "events": named("e", &|_| json!({ "title": "t", "properties": {} })),
        "features": named("f", &|segment| {
            json!({ "kind": "count", "event": format!("e{segment}"), "window_days": 28, "title": "t" })
        }),
        "segments": (0..SEGMENTS).map(segment).collect::<Vec<_>>(),
        "plan": {
            "id": "audit", "owner": "Whoever audits", "reason": "To audit.", "starts": STARTS, "expires": "2031-01-01",
            "epoch_days": 1, "window_epochs": window_epochs, "windows_per_year": 366, "epsilon": epsilon.value(),
            "questions": [asked],
        },
        // Nobody's: what is sealed here goes nowhere.
        "collector": { "keys": [{
            "id": 1, "public_key": hex(&OpeningKey::from_bytes(&[1; 32]).public()), "from": STARTS, "until": "2031-01-01",
        }] },
    })
}
