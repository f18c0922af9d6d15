//! A shop whose visitors may share labels, and one of its devices as a page runs it.

use std::rc::Rc;

use keepset_engine::{ConsentChange, Engine, Outcome, Pack, RawEvent};
use keepset_privacy::SeededCoins;
use keepset_wire::hex;
use keepset_wire::receipt::Kind;
use keepset_wire::{HOUR_MS, OpeningKey, Timestamp};
use serde_json::Value;

/// Windows of two weeks, labels every four days on average, a name for twenty.
const PACK: &str = r#"{
  "id": "shop", "version": 1, "title": "Shop", "owner": "tests", "reason": "tests", "expires": "2031-01-01",
  "events": {"visit": {}, "buy": {}},
  "features": {
    "orders": {"kind": "count", "event": "buy", "window_days": 60},
    "visits": {"kind": "count", "event": "visit", "window_days": 60}
  },
  "segments": [
    {"id": "buyer", "title": "b", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 1}},
    {"id": "fan", "title": "f", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 9}},
    {"id": "secret", "title": "s", "reason": "r", "enter": {"feature": "orders", "op": ">=", "value": 1}}
  ],
  "plan": {"id": "sizes", "owner": "tests", "reason": "tests", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 2,
    "epoch_days": 1, "window_epochs": 14, "windows_per_year": 26,
    "questions": [{"id": "sizes", "reason": "r", "segments": ["buyer", "fan", "secret"], "cap": 2}]},
  "labels": {"id": "offers", "owner": "tests", "purpose": "tests", "text_version": 2, "every_days": 4, "rotate_days": 20,
    "keep_days": 30, "segments": [{"id": "buyer", "reason": "r"}, {"id": "fan", "reason": "r"}]},
  "collector": {"keys": [{"id": 1, "public_key": "PUBLIC", "from": "2026-01-01", "until": "2030-01-01"}]}
}"#;

/// The private half of the key in the pack, which is nobody's secret.
pub fn opening_key() -> OpeningKey {
    OpeningKey::from_bytes(&[7; 32])
}

pub fn document() -> Value {
    serde_json::from_str(&PACK.replace("PUBLIC", &hex(&opening_key().public()))).unwrap()
}

pub fn pack() -> Rc<Pack> {
    pack_with(|_| {})
}

pub fn pack_with(change: impl FnOnce(&mut Value)) -> Rc<Pack> {
    let mut document = document();
    change(&mut document);
    Rc::new(Pack::read(&document).unwrap())
}

pub fn start() -> Timestamp {
    Timestamp::from_date("2026-01-01").unwrap()
}

/// What was handed to the network.
#[derive(Clone, Debug)]
pub struct Letter {
    pub at: Timestamp,
    pub kind: Kind,
    pub bytes: Vec<u8>,
    pub arrived: bool,
}

/// A device as a page runs it: it looks in, stores, and sends what may leave.
pub struct Device {
    pub engine: Engine,
    pub now: Timestamp,
    pub online: bool,
    pub letters: Vec<Letter>,
    seed: u64,
    draws: u64,
    stored: Vec<u8>,
}

impl Device {
    pub fn new(seed: u64, pack: Rc<Pack>) -> Self {
        let engine = Engine::install(pack, start());
        Self { engine, now: start(), online: true, letters: Vec::new(), seed, draws: 0, stored: Vec::new() }
    }

    pub fn choose(&mut self, change: ConsentChange) {
        self.engine.set_consent(&change, self.now);
        self.save();
    }

    pub fn hours(&mut self, hours: i64) {
        self.now = self.now.saturating_add(hours * HOUR_MS);
    }

    pub fn buy(&mut self) {
        self.engine.track(&RawEvent { name: "buy".into(), ..RawEvent::default() }, self.now).unwrap();
    }

    /// Does what a page does when it is opened, and when its alarm rings.
    pub fn look(&mut self) {
        self.engine.tick(self.now);
        let coins = self.coins();
        // Why nothing is to leave is no matter here.
        let _ = self.engine.prepare(self.now, coins);
        let coins = self.coins();
        let _ = self.engine.share(self.now, coins);
        self.save();
        self.send();
    }

    /// Sends everything that may leave; offline each is tried once.
    pub fn send(&mut self) {
        while let Some(upload) = self.engine.next_upload(self.now) {
            let entry = self.engine.ledger().iter().find(|entry| entry.id == upload.id.0).unwrap();
            let kind = entry.receipt.kind;
            let arrived = self.online;
            self.letters.push(Letter { at: self.now, kind, bytes: upload.bytes, arrived });
            self.engine.uploaded(upload.id, if arrived { Outcome::Accepted } else { Outcome::Failed });
            self.save();
            if !arrived {
                return;
            }
        }
    }

    /// Starts anew on what is stored, under this pack.
    pub fn reopen(&mut self, pack: Rc<Pack>) {
        let (engine, error) = Engine::restore(pack, &self.stored, self.now);
        assert_eq!(error, None);
        self.engine = engine;
    }

    /// What is kept about labels, as a page that asks at the end of time gets it.
    pub fn kept(&self) -> Vec<u8> {
        self.engine.labels(Timestamp::MAX).unwrap_or_default().to_vec()
    }

    fn coins(&mut self) -> SeededCoins {
        self.draws += 1;
        SeededCoins::new(self.seed << 32 | self.draws)
    }

    fn save(&mut self) {
        let Some(saved) = self.engine.save() else { return };
        if saved.appends {
            self.stored.extend(&saved.bytes);
        } else {
            self.stored = saved.bytes;
        }
        self.engine.stored(saved.revision);
    }
}
