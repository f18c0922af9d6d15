//! Starting from what is stored, and storing.

use std::rc::Rc;

use keepset_privacy::Ledger;
use keepset_wire::{Consent, Purpose, Timestamp};

use super::{Engine, Saved};
use crate::event::{Intake, RecentIds};
use crate::feature::State;
use crate::gate::Gate;
use crate::labels::Sharing;
use crate::outbox::Outbox;
use crate::pack::Pack;
use crate::segment::{Memberships, Values};
use crate::snapshot::{Live, Now, Profile, Snapshot, StateError, Stored, Whole};
use crate::zone::Zone;

impl Engine {
    /// Starts where no state was stored: nothing is known, and this window counts as answered.
    #[must_use]
    pub fn install(pack: Rc<Pack>, now: Timestamp) -> Self {
        let ledger = Ledger::fresh(pack.plan.as_ref(), now);
        Self::empty(pack, ledger, now)
    }

    /// Starts from stored bytes. Unreadable ones give an empty profile with this year's budget spent, and the reason.
    #[must_use]
    pub fn restore(pack: Rc<Pack>, stored: &[u8], now: Timestamp) -> (Self, Option<StateError>) {
        match Stored::read(stored) {
            Ok((snapshot, stored)) if snapshot.pack == pack.id.as_str() => {
                (Self::from_snapshot(pack, snapshot, stored), None)
            }
            outcome => {
                let error = outcome.err().unwrap_or(StateError::OtherPack);
                let ledger = Ledger::spent(pack.plan.as_ref(), now);
                (Self::empty(pack, ledger, now), Some(error))
            }
        }
    }

    fn empty(pack: Rc<Pack>, ledger: Ledger, now: Timestamp) -> Self {
        let mut engine = Self {
            zone: Rc::new(Zone::utc()),
            states: vec![State::default(); pack.features.memories()],
            values: Values::none(
                &pack.segments.watched,
                &pack.features,
                &pack.models,
                pack.segments.list.len(),
            ),
            memberships: Memberships::none(pack.segments.list.len()),
            arms: Vec::new(),
            evaluated: now,
            waiting: true,
            last_event: None,
            prune: Timestamp::MIN,
            intake: Intake::default(),
            ids: RecentIds::default(),
            consent: Consent::default(),
            gate: Gate::new(ledger),
            latch: None,
            outbox: Outbox::default(),
            sharing: Sharing::default(),
            changes: Vec::new(),
            reasons: false,
            stored: None,
            revision: 0,
            durable: 0,
            pack,
        };
        engine.touch_all();
        engine
    }

    fn from_snapshot(pack: Rc<Pack>, snapshot: Snapshot, mut stored: Stored) -> Self {
        let Snapshot { profile, consent, gate, outbox, latch, sharing, .. } = snapshot;
        let Profile { now, ids, memories, standings } = profile;
        let evaluated = Timestamp::from_millis(now.evaluated).unwrap_or_default();
        let mut engine = Self::empty(pack, Ledger::fresh(None, evaluated), evaluated);
        let Pack { features, segments, .. } = &*engine.pack;
        let fits = features.fingerprints().eq(memories.iter().map(|(fingerprint, _)| *fingerprint))
            && segments
                .list
                .iter()
                .map(|segment| segment.id.as_str())
                .eq(standings.iter().map(|(name, _)| &**name));
        if !fits {
            stored.misfits();
        }
        for (known, state) in memories {
            if let Some(index) = features.fingerprints().position(|fingerprint| fingerprint == known) {
                engine.states[index] = state;
            }
        }
        for (name, standing) in standings {
            if let Some(index) = segments.list.iter().position(|segment| segment.id.as_str() == name) {
                engine.memberships.restore(index, standing);
            }
        }
        (engine.intake, engine.ids) = (now.intake, ids);
        engine.last_event = Timestamp::from_millis(now.last_event).filter(|at| *at > Timestamp::MIN);
        (engine.consent, engine.gate, engine.latch, engine.outbox) = (consent, gate, latch, outbox);
        engine.sharing = sharing;
        engine.outbox.restored(now.revision);
        (engine.revision, engine.durable) = (now.revision, now.revision);
        engine.stored = Some(stored);
        engine.find_arms();
        engine
    }

    /// Returns the state to be stored; nothing unless storage is granted.
    pub fn save(&mut self) -> Option<Saved> {
        if !self.consent.grants(Purpose::Storage) {
            return None;
        }
        self.revision += 1;
        let limit = self.pack.state_limit / 4;
        let now = self.now();
        let live =
            Live { now, ids: &self.ids, states: &self.states, standings: self.memberships.standings() };
        let appended = self.stored.as_mut().and_then(|stored| stored.append(&live, limit));
        let appends = appended.is_some();
        let bytes = appended.unwrap_or_else(|| self.save_whole());
        Some(Saved { revision: self.revision, bytes, appends })
    }

    /// Returns the whole state as it stands, whether or not it may be stored: for a second engine that answers in this one's place.
    #[must_use]
    pub fn copy(&self) -> Vec<u8> {
        Stored::write(self.whole()).1
    }

    /// Writes everything, giving up the largest memories while it is larger than the pack allows.
    fn save_whole(&mut self) -> Vec<u8> {
        loop {
            let (stored, bytes) = Stored::write(self.whole());
            if bytes.len() <= self.pack.state_limit / 4 * 3 {
                self.stored = Some(stored);
                return bytes;
            }
            let sizes = self.states.iter().map(|state| state.rows().len()).enumerate();
            let Some((largest, rows)) = sizes.max_by_key(|(_, rows)| *rows).filter(|(_, rows)| *rows > 0)
            else {
                self.stored = Some(stored);
                return bytes;
            };
            self.states[largest].clear();
            let rows = u32::try_from(rows).unwrap_or(u32::MAX);
            self.intake.evicted = self.intake.evicted.saturating_add(rows);
            self.values.touch_memory(&self.pack.segments.watched, largest);
        }
    }

    fn whole(&self) -> Whole<'_> {
        let memories = self.pack.features.fingerprints().zip(self.states.iter().cloned());
        let segments = self.pack.segments.list.iter().map(|segment| segment.id.to_string());
        let profile = Profile {
            now: self.now(),
            ids: self.ids.clone(),
            memories: memories.collect(),
            standings: segments.zip(self.memberships.standings().iter().copied()).collect(),
        };
        Whole {
            pack: self.pack.id.as_str(),
            profile,
            consent: &self.consent,
            gate: &self.gate,
            outbox: &self.outbox,
            latch: &self.latch,
            sharing: &self.sharing,
        }
    }

    fn now(&self) -> Now {
        Now {
            revision: self.revision,
            evaluated: self.evaluated.millis(),
            last_event: self.last_event.map_or(0, Timestamp::millis),
            intake: self.intake,
        }
    }

    /// Takes in that the state of this number is durable.
    pub fn stored(&mut self, revision: u64) {
        if revision <= self.revision {
            self.durable = self.durable.max(revision);
        }
    }

    /// Takes in that what is stored was lost or written by someone else: the next state is written whole.
    pub fn rewrite(&mut self) {
        self.stored = None;
    }
}
