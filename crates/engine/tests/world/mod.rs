//! A small world around the engine: a clock that jumps, a store that can be lost, two tabs, a network.

use std::rc::Rc;

use keepset_engine::{
    Choice, ConsentChange, Decided, Due, Engine, Outcome, Pack, Purpose, RawEvent, Signal, StateError,
};
use keepset_privacy::{Coins, SeededCoins};
use keepset_wire::hex;
use keepset_wire::labels::{Labels, SealedLabels};
use keepset_wire::receipt::{self, Kind, Receipt};
use keepset_wire::{HOUR_MS, OpeningKey, Report, Sealed, Timestamp};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Windows of three days and six of them a year, so that a short story meets every limit.
const PACK: &str = r#"{
  "id": "laws", "version": 1, "title": "Laws", "owner": "tests", "reason": "tests", "expires": "2031-01-01",
  "events": {"visit": {}, "buy": {}},
  "features": {
    "visits": {"kind": "count", "event": "visit", "window_days": 4},
    "habit": {"kind": "decayed_count", "event": "buy", "half_life_days": 2},
    "quiet": {"kind": "recency", "event": "visit"}
  },
  "models": {"eager": {"kind": "linear", "intercept": -1, "weights": {"visits": 1, "habit": 0.5}}},
  "segments": [
    {"id": "visitor", "title": "v", "reason": "r", "enter": {"feature": "visits", "op": ">=", "value": 1}},
    {"id": "buyer", "title": "b", "reason": "r", "enter": {"feature": "habit", "op": ">", "value": 0.5}},
    {"id": "quiet", "title": "q", "reason": "r", "enter": {"all": [{"feature": "quiet", "op": ">=", "value": 2}, {"not": {"segment": "buyer"}}]}}
  ],
  "plan": {"id": "laws", "owner": "tests", "reason": "tests", "starts": "2026-01-01", "expires": "2030-01-01", "epsilon": 1,
    "epoch_days": 1, "window_epochs": 3, "windows_per_year": 12,
    "questions": [
      {"id": "q", "reason": "r", "segments": ["visitor", "buyer", "quiet"], "cap": 2},
      {"id": "overlaps", "reason": "r", "ask": "overlaps", "segments": ["visitor", "buyer", "quiet"], "cap": 2},
      {"id": "visits", "reason": "r", "ask": "histogram", "feature": "visits", "low": 0, "high": 8, "bins": 4},
      {"id": "habit", "reason": "r", "ask": "mean", "feature": "habit", "low": 0, "high": 4},
      {"id": "buying", "reason": "r", "ask": "conversion", "segments": ["visitor", "quiet"], "outcome": "buyer", "horizon_epochs": 1},
      {"id": "eager", "reason": "r", "ask": "calibration", "model": "eager", "cuts": [-0.5, 0, 1], "outcome": "buyer", "horizon_epochs": 2}
    ]},
  "labels": {"id": "offers", "owner": "tests", "purpose": "tests", "text_version": 2, "every_days": 1, "rotate_days": 3, "keep_days": 9,
    "segments": [{"id": "buyer", "reason": "r"}, {"id": "quiet", "reason": "r"}]},
  "collector": {"keys": [{"id": 1, "public_key": "PUBLIC", "from": "2026-01-01", "until": "2030-01-01"}]}
}"#;

/// The private half of the key in the pack, which is nobody's secret.
pub fn opening_key() -> OpeningKey {
    OpeningKey::from_bytes(&[7; 32])
}

pub fn pack() -> Rc<Pack> {
    Rc::new(Pack::parse(&PACK.replace("PUBLIC", &hex(&opening_key().public()))).unwrap())
}

/// Installs an engine whose pack names a collector's keys.
pub fn engine_with(collector: &str, now: Timestamp) -> Engine {
    let mut document: serde_json::Value = serde_json::from_str(PACK).unwrap();
    document["collector"] = serde_json::from_str(collector).unwrap();
    Engine::install(Rc::new(Pack::read(&document).unwrap()), now)
}

fn eager() -> Rc<Pack> {
    let pack = PACK.replace("PUBLIC", &hex(&opening_key().public()));
    let every_window = pack.replace("\"windows_per_year\": 12", "\"windows_per_year\": 366");
    assert_ne!(every_window, pack);
    Rc::new(Pack::parse(&every_window).unwrap())
}

/// What may happen; the first number names the tab.
#[derive(Clone, Debug)]
pub enum Op {
    Open(usize),
    /// The tab ends at this instant, whatever it was doing.
    Close(usize),
    Track(usize, u8),
    Consent(usize, ConsentChange),
    Prepare(usize),
    Save(usize),
    /// The state is written but the tab dies before it hears of it.
    SaveAndDie(usize),
    Upload(usize, Outcome),
    Erase(usize),
    Hours(i64),
    ClockBack(i64),
    ClearStorage,
    DamageStorage,
    Backup,
    PutBackupBack,
}

pub fn op(with_backups: bool) -> impl Strategy<Value = Op> {
    let tab = 0..2_usize;
    let choice =
        prop_oneof![4 => Just(Choice::Granted), 1 => Just(Choice::Denied), 1 => Just(Choice::Pending)];
    let one = |choice| prop_oneof![1 => Just(None), 1 => Just(Some(choice))];
    let consent = choice
        .prop_flat_map(move |choice| (one(choice), one(choice), one(choice), one(choice)))
        .prop_map(|(segmentation, storage, reporting, sharing)| ConsentChange {
            segmentation,
            storage,
            reporting,
            sharing,
            signal: Signal::default(),
        });
    let outcome =
        prop_oneof![3 => Just(Outcome::Accepted), 1 => Just(Outcome::Refused), 2 => Just(Outcome::Failed)];
    // Where a story has no backups, an hour passes instead.
    let (backup, put_back) =
        if with_backups { (Op::Backup, Op::PutBackupBack) } else { (Op::Hours(1), Op::Hours(1)) };
    prop_oneof![
        8 => tab.clone().prop_map(Op::Open),
        2 => tab.clone().prop_map(Op::Close),
        8 => (tab.clone(), 0..2_u8).prop_map(|(tab, event)| Op::Track(tab, event)),
        4 => tab.clone().prop_map(|tab| Op::Consent(tab, ConsentChange::all(Choice::Granted))),
        1 => (tab.clone(), consent).prop_map(|(tab, change)| Op::Consent(tab, change)),
        10 => tab.clone().prop_map(Op::Prepare),
        10 => tab.clone().prop_map(Op::Save),
        2 => tab.clone().prop_map(Op::SaveAndDie),
        10 => (tab.clone(), outcome).prop_map(|(tab, outcome)| Op::Upload(tab, outcome)),
        1 => tab.prop_map(Op::Erase),
        12 => (0..60_i64).prop_map(Op::Hours),
        1 => (0..200_i64).prop_map(Op::ClockBack),
        1 => Just(Op::ClearStorage),
        1 => Just(Op::DamageStorage),
        1 => Just(backup),
        1 => Just(put_back),
    ]
}

/// An engine in a tab, and the number of the stored state it has seen.
pub struct Host {
    pub engine: Engine,
    seen: u64,
    install: u32,
}

/// Stored bytes with their number, and which install wrote them.
#[derive(Clone)]
pub struct Stored {
    revision: u64,
    install: u32,
    pub bytes: Vec<u8>,
}

/// A report that was handed to the network.
pub struct Sent {
    pub at: Timestamp,
    pub install: u32,
    pub id: [u8; 16],
    pub window: u32,
    pub bytes: Vec<u8>,
}

/// A message about labels that was handed to the network.
pub struct Shared {
    pub at: Timestamp,
    pub id: [u8; 16],
    pub bytes: Vec<u8>,
}

pub struct World {
    hours: i64,
    draws: u64,
    installs: u32,
    /// A cleared store and a clock set back together are beyond what a device can know; a story has one or the other.
    lost_state: bool,
    set_back: bool,
    pub storage: Option<Stored>,
    backup: Option<Stored>,
    pub tabs: [Option<Host>; 2],
    pub sent: Vec<Sent>,
    pub shared: Vec<Shared>,
}

impl Host {
    pub fn install(now: Timestamp) -> Self {
        Self { engine: Engine::install(pack(), now), seen: 0, install: 0 }
    }

    /// A device with full consent that may answer in every window.
    pub fn install_eager(now: Timestamp) -> Engine {
        let mut engine = Engine::install(eager(), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        engine
    }

    pub fn restore_eager(bytes: &[u8], now: Timestamp) -> Engine {
        Engine::restore(eager(), bytes, now).0
    }

    pub fn restore(bytes: &[u8], now: Timestamp) -> (Engine, Option<StateError>) {
        Engine::restore(pack(), bytes, now)
    }
}

impl World {
    pub fn new() -> Self {
        Self {
            hours: 0,
            draws: 0,
            installs: 0,
            lost_state: false,
            set_back: false,
            storage: None,
            backup: None,
            tabs: [None, None],
            sent: Vec::new(),
            shared: Vec::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_date("2026-01-01").unwrap().saturating_add(self.hours * HOUR_MS)
    }

    pub fn apply(&mut self, op: &Op) {
        let now = self.now();
        match op {
            Op::Open(tab) => self.open(*tab),
            Op::Close(tab) => self.tabs[*tab] = None,
            Op::Track(tab, event) => {
                let name = ["visit", "buy"][usize::from(*event)].to_owned();
                let raw = RawEvent { name, ..RawEvent::default() };
                self.with(*tab, |host| drop(host.engine.track(&raw, now).unwrap()));
            }
            Op::Consent(tab, change) => self.consent(*tab, change),
            Op::Prepare(tab) => {
                self.draws += 1;
                let coins = SeededCoins::new(self.draws);
                self.with(*tab, |host| prepare(&mut host.engine, now, coins));
                let coins = SeededCoins::new(!self.draws);
                self.with(*tab, |host| {
                    // Why nothing is to leave is no matter here.
                    let _ = host.engine.share(now, coins);
                });
            }
            Op::Save(tab) => self.save(*tab, true),
            Op::SaveAndDie(tab) => self.save(*tab, false),
            Op::Upload(tab, outcome) => self.upload(*tab, *outcome),
            Op::Erase(tab) => self.with(*tab, |host| drop(host.engine.erase(now))),
            Op::Hours(hours) => self.hours += hours,
            Op::ClockBack(hours) if !self.lost_state => {
                self.set_back = true;
                self.hours = (self.hours - hours).max(0);
            }
            Op::ClearStorage if !self.set_back => {
                self.lost_state = true;
                self.storage = None;
                self.tabs = [None, None];
            }
            Op::DamageStorage if !self.set_back => {
                self.lost_state = true;
                if let Some(stored) = &mut self.storage {
                    let middle = stored.bytes.len() / 2;
                    stored.bytes[middle] ^= 1;
                }
                self.tabs = [None, None];
            }
            Op::Backup => self.backup.clone_from(&self.storage),
            Op::PutBackupBack if self.backup.is_some() && !self.lost_state => {
                self.storage.clone_from(&self.backup);
                self.tabs = [None, None];
            }
            Op::ClockBack(_) | Op::ClearStorage | Op::DamageStorage | Op::PutBackupBack => {}
        }
    }

    fn open(&mut self, tab: usize) {
        let now = self.now();
        self.tabs[tab] = Some(match &self.storage {
            None => {
                self.installs += 1;
                Host { engine: Engine::install(pack(), now), seen: 0, install: self.installs }
            }
            Some(stored) => {
                let (engine, error) = Host::restore(&stored.bytes, now);
                let install = if error.is_some() {
                    self.installs += 1;
                    self.installs
                } else {
                    stored.install
                };
                Host { engine, seen: stored.revision, install }
            }
        });
    }

    fn with(&mut self, tab: usize, act: impl FnOnce(&mut Host)) {
        if let Some(host) = &mut self.tabs[tab] {
            act(host);
        }
    }

    /// A choice is one for the whole device: it is stored at once and other tabs start anew from it.
    fn consent(&mut self, tab: usize, change: &ConsentChange) {
        let now = self.now();
        self.reload_if_stale(tab);
        self.with(tab, |host| drop(host.engine.set_consent(change, now)));
        self.save(tab, true);
        self.tabs[1 - tab] = None;
        if self.tabs[tab].as_ref().is_some_and(|host| host.engine.consent().storage.choice != Choice::Granted)
        {
            // The host deletes what may not be kept; without state the next start waits for the next window.
            self.storage = None;
            self.lost_state = true;
        }
    }

    /// Compare-and-swap: a tab that has not seen the stored state may not overwrite it, and starts anew from it.
    fn save(&mut self, tab: usize, hears_of_it: bool) {
        let stored = self.storage.as_ref().map_or(0, |stored| stored.revision);
        let Some(host) = &mut self.tabs[tab] else { return };
        if host.seen != stored {
            self.tabs[tab] = None;
            return;
        }
        let Some(saved) = host.engine.save() else { return };
        // Numbers grow along one store, also when an engine started from an unreadable state.
        let revision = saved.revision.max(stored + 1);
        let mut bytes = saved.bytes;
        if let Some(stored) = self.storage.take().filter(|_| saved.appends) {
            bytes = [stored.bytes, bytes].concat();
        }
        self.storage = Some(Stored { revision, install: host.install, bytes });
        host.seen = revision;
        if hears_of_it {
            host.engine.stored(saved.revision);
        } else {
            self.tabs[tab] = None;
        }
    }

    fn reload_if_stale(&mut self, tab: usize) {
        let stored = self.storage.as_ref().map_or(0, |stored| stored.revision);
        if self.tabs[tab].as_ref().is_some_and(|host| host.seen != stored) {
            self.open(tab);
        }
    }

    fn upload(&mut self, tab: usize, outcome: Outcome) {
        self.reload_if_stale(tab);
        let now = self.now();
        let Some(host) = &mut self.tabs[tab] else { return };
        let Some(upload) = host.engine.next_upload(now) else { return };
        let entry = host.engine.ledger().iter().find(|entry| entry.id == upload.id.0).unwrap();
        let (kind, purpose) = (entry.receipt.kind, entry.receipt.purpose);
        let needed = [Purpose::Segmentation, Purpose::Storage, purpose];
        if kind == Kind::Erasure {
            let consents = needed.iter().all(|purpose| host.engine.consent().grants(*purpose));
            let erased = entry.receipt.consent;
            assert!(
                !consents || needed.iter().all(|purpose| erased.grants(*purpose)),
                "taken back, or a new name"
            );
            if !host.engine.consent().grants(Purpose::Storage) {
                // It is how consent ends, so it waits for no store where nothing may be stored.
                self.shared.push(Shared { at: now, id: upload.id.0, bytes: upload.bytes });
                host.engine.uploaded(upload.id, outcome);
                return;
            }
        } else {
            for purpose in needed {
                assert!(
                    host.engine.consent().grants(purpose),
                    "law (b): nothing is handed out without consent at that moment"
                );
            }
        }
        let stored =
            self.storage.as_ref().expect("law (c): what is handed out is charged in a durable state");
        let (durable, error) = Host::restore(&stored.bytes, now);
        assert_eq!(error, None);
        let charged = durable.ledger().iter().find(|entry| entry.id == upload.id.0);
        let charged = charged.expect("law (c): the charge is in the durable state");
        assert_eq!(charged.sealed, upload.bytes, "law (d): the durable bytes are the bytes that leave");
        let stood = &charged.receipt;
        let sum: [u8; 32] = Sha256::digest(&upload.bytes).into();
        assert_eq!(
            (stood.sha256, stood.size as usize),
            (sum, upload.bytes.len()),
            "law (h): what leaves is in the ledger"
        );
        for purpose in needed.into_iter().filter(|_| kind != Kind::Erasure) {
            assert_eq!(
                stood.consent.of(purpose),
                host.engine.consent().of(purpose),
                "law (h): on that consent"
            );
        }
        assert!(stood.at <= now.millis() || self.set_back, "law (h): written before it leaves");
        let pack = pack();
        if kind != Kind::Report {
            let terms = pack.labels().unwrap();
            let sealed = SealedLabels::decode(&upload.bytes).unwrap();
            let opened = sealed.open(&opening_key()).unwrap();
            assert_eq!(
                (stood.plan, sealed.terms, stood.pack),
                (terms.hash(), terms.hash(), pack.hash()),
                "law (h)"
            );
            assert_eq!(upload.bytes.len(), SealedLabels::length(&terms));
            if kind == Kind::Label {
                let labels = Labels::decode(&terms, &opened).unwrap();
                assert_eq!(labels.shown(), charged.bytes, "the person is shown all but the proof");
            } else {
                Labels::decode_erasure(&opened).unwrap();
            }
            self.shared.push(Shared { at: now, id: upload.id.0, bytes: upload.bytes });
            host.engine.uploaded(upload.id, outcome);
            return;
        }
        let plan = pack.plan.as_ref().unwrap();
        let sealed = Sealed::decode(plan, &upload.bytes).unwrap();
        let opened = sealed.open(&opening_key()).unwrap();
        assert_eq!(opened, charged.bytes, "what the person is shown is what the collector reads");
        let report = Report::decode(plan, plan.hash(), &opened).unwrap();
        assert_eq!((sealed.plan, sealed.epoch), (report.plan, report.epoch));
        let window = plan.window_of(report.epoch).0;
        assert_eq!((stood.plan, stood.pack, stood.window), (plan.hash(), pack.hash(), window), "law (h)");
        self.sent.push(Sent { at: now, install: host.install, id: upload.id.0, window, bytes: upload.bytes });
        host.engine.uploaded(upload.id, outcome);
    }

    /// Laws (a) and (h), and a state that always reads back as itself.
    pub fn check_every_tab(&self) {
        let now = self.now();
        for host in self.tabs.iter().flatten() {
            let budget = host.engine.budget(now).unwrap();
            assert!(budget.spent_in_window <= budget.per_report, "law (a): {budget:?}");
            assert!(budget.spent_in_year <= budget.per_year, "law (a): {budget:?}");
            assert_eq!(receipt::verify(chain(&host.engine)), Ok(()), "law (h): the chain is unbroken");
        }
    }
}

/// The receipts of a device, oldest first.
pub fn chain(engine: &Engine) -> impl Iterator<Item = &Receipt> {
    engine.ledger().iter().map(|entry| &entry.receipt)
}

/// Prepares a report as a page does, whose mechanism is a module of its own.
pub fn prepare(engine: &mut Engine, now: Timestamp, coins: impl Coins + 'static) {
    let Ok(due) = engine.due(now) else { return };
    let decided = Due::from_bytes(&due.to_bytes()).unwrap().decide(coins);
    // Why there is none is no matter here: the next look asks again.
    let _ = engine.decided(Decided::from_bytes(&decided.to_bytes()).unwrap());
}
