//! The engine: one device's profile, from an event to a report that may leave.

use std::rc::Rc;

use keepset_privacy::{Budget, Coins, Ledger};
use keepset_wire::{Name, ReportId, Timestamp};

use crate::consent::{Consent, ConsentChange, Purpose};
use crate::event::{Event, EventError, RawEvent};
use crate::feature::{Feature, State};
use crate::gate::{self, Gate, Withheld};
use crate::outbox::{Entry, Outbox, Outcome, Pending, Upload};
use crate::pack::Pack;
use crate::segment::{Change, Explanation, Membership, Memberships, View, explain};
use crate::snapshot::{Snapshot, StateError};

/// A state to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its number, larger than that of every earlier state of this engine.
    pub revision: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One device's profile under one pack.
#[derive(Debug)]
pub struct Engine {
    pack: Rc<Pack>,
    states: Vec<State>,
    memberships: Memberships,
    evaluated: Timestamp,
    /// The first instant after `evaluated` at which time alone may change a membership.
    wake: Option<Timestamp>,
    consent: Consent,
    gate: Gate,
    outbox: Outbox,
    /// Changes not yet handed to the host.
    changes: Vec<Change>,
    /// The number of the last state saved.
    revision: u64,
    /// The number of the last state the host confirmed as durable.
    durable: u64,
}

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
        match Snapshot::decode(stored) {
            Ok(snapshot) if snapshot.pack == pack.id.as_str() => (Self::from_snapshot(pack, snapshot), None),
            outcome => {
                let error = outcome.err().unwrap_or(StateError::OtherPack);
                let ledger = Ledger::spent(pack.plan.as_ref(), now);
                (Self::empty(pack, ledger, now), Some(error))
            }
        }
    }

    fn empty(pack: Rc<Pack>, ledger: Ledger, now: Timestamp) -> Self {
        Self {
            states: vec![State::default(); pack.features.len()],
            memberships: Memberships::none(pack.segments.len()),
            evaluated: now,
            wake: None,
            consent: Consent::default(),
            gate: Gate::new(ledger),
            outbox: Outbox::default(),
            changes: Vec::new(),
            revision: 0,
            durable: 0,
            pack,
        }
    }

    fn from_snapshot(pack: Rc<Pack>, snapshot: Snapshot) -> Self {
        let evaluated = Timestamp::from_millis(snapshot.evaluated).unwrap_or_default();
        let mut engine = Self::empty(pack, Ledger::fresh(None, evaluated), evaluated);
        let Pack { features, segments, .. } = &*engine.pack;
        for (name, fingerprint, stored) in snapshot.features {
            let known = |feature: &Feature| feature.id.as_str() == name && feature.fingerprint == fingerprint;
            if let Some(index) = features.iter().position(known) {
                engine.states[index] = stored;
            }
        }
        for (name, since) in snapshot.memberships {
            let index = segments.iter().position(|segment| segment.id.as_str() == name);
            if let (Some(index), Some(since)) = (index, Timestamp::from_millis(since)) {
                engine.memberships.restore(index, since);
            }
        }
        engine.consent = snapshot.consent;
        engine.gate = snapshot.gate;
        engine.outbox = snapshot.outbox;
        engine.outbox.restored(snapshot.revision);
        (engine.revision, engine.durable) = (snapshot.revision, snapshot.revision);
        engine.wake = engine.next_change(evaluated);
        engine
    }

    /// Takes in new choices. Withdrawal acts at once: hand-outs stop, then what the purpose allowed is erased.
    pub fn set_consent(&mut self, change: &ConsentChange, now: Timestamp) -> Vec<Change> {
        self.consent.apply(change, now);
        if gate::check(&self.consent).is_err() {
            self.outbox.withdraw();
        }
        if !self.consent.grants(Purpose::Segmentation) {
            self.forget(now);
        }
        self.evaluate(now);
        std::mem::take(&mut self.changes)
    }

    /// Takes in an event; without consent to segmentation it is dropped unread.
    ///
    /// # Errors
    /// [`EventError`] when the event breaks the pack's declaration; nothing has changed then.
    pub fn track(&mut self, raw: &RawEvent, now: Timestamp) -> Result<Vec<Change>, EventError> {
        if !self.consent.grants(Purpose::Segmentation) {
            return Ok(Vec::new());
        }
        let event = Event::parse(&self.pack.events, raw, now)?;
        self.advance(now);
        let mut concerned = false;
        for (feature, state) in self.pack.features.iter().zip(&mut self.states) {
            concerned |= feature.observe(state, &event, now);
        }
        if concerned {
            self.evaluate(now);
        }
        Ok(std::mem::take(&mut self.changes))
    }

    /// Lets time pass until `now`, through every instant at which time alone changes an answer: a page opened after
    /// a week gives the answers of a page that stayed open.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        self.advance(now);
        std::mem::take(&mut self.changes)
    }

    /// Makes the one report of a window when it is due; the gate decides. Changes it meets on the way are handed out
    /// by the next [`Engine::tick`].
    ///
    /// # Errors
    /// [`Withheld`]: why there is no report now.
    pub fn prepare(&mut self, now: Timestamp, coins: impl Coins + 'static) -> Result<(), Withheld> {
        let pack = Rc::clone(&self.pack);
        let (plan, hash) = pack.asked().ok_or(Withheld::NoPlan)?;
        self.advance(now);
        self.outbox.expire(now);
        let memberships = &self.memberships;
        let is_in = |asked: &Name| {
            let index = pack.segments.iter().position(|segment| segment.id == *asked);
            index.is_some_and(|index| memberships.since(index).is_some())
        };
        let cleared = self.gate.clear(plan, hash, &self.consent, is_in, now, coins)?;
        // The next state saved is the first to hold the charge.
        self.outbox.push(cleared, self.revision + 1);
        Ok(())
    }

    /// Returns the state to be stored; nothing unless storage is granted.
    pub fn save(&mut self) -> Option<Saved> {
        if !self.consent.grants(Purpose::Storage) {
            return None;
        }
        self.revision += 1;
        let features = self.pack.features.iter().zip(&self.states);
        let segments = self.pack.segments.iter().enumerate();
        let snapshot = Snapshot {
            revision: self.revision,
            pack: self.pack.id.to_string(),
            evaluated: self.evaluated.millis(),
            features: features.map(|(f, state)| (f.id.to_string(), f.fingerprint, state.clone())).collect(),
            memberships: segments
                .filter_map(|(index, s)| Some((s.id.to_string(), self.memberships.since(index)?.millis())))
                .collect(),
            consent: self.consent,
            gate: self.gate.clone(),
            outbox: self.outbox.clone(),
        };
        Some(Saved { revision: self.revision, bytes: snapshot.encode() })
    }

    /// Takes in that the state of this number is durable.
    pub fn stored(&mut self, revision: u64) {
        if revision <= self.revision {
            self.durable = self.durable.max(revision);
        }
    }

    /// Takes in what the network made of an upload.
    pub fn uploaded(&mut self, id: ReportId, outcome: Outcome) {
        self.outbox.settle(id, outcome);
    }

    /// Forgets everything derived from events, unsent reports included. Consent and spent budget stay.
    pub fn erase(&mut self, now: Timestamp) -> Vec<Change> {
        self.forget(now);
        self.evaluate(now);
        std::mem::take(&mut self.changes)
    }

    /// Returns the next report that may be sent: consent holds at this moment and its charge is durable.
    #[must_use]
    pub fn next_upload(&self, now: Timestamp) -> Option<Upload> {
        gate::check(&self.consent).ok()?;
        self.outbox.next_upload(self.durable, now)
    }

    /// Returns the report that waits to be sent, byte for byte.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.outbox.pending()
    }

    /// Lists every report of this device on record, oldest first.
    #[must_use]
    pub fn ledger(&self) -> &[Entry] {
        self.outbox.entries()
    }

    /// Returns what is spent and what may be; nothing when the pack asks nothing.
    #[must_use]
    pub fn budget(&self, now: Timestamp) -> Option<Budget> {
        self.pack.plan.as_ref().map(|plan| self.gate.ledger().budget(plan, now))
    }

    /// Returns the pack.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Returns the person's choices.
    #[must_use]
    pub fn consent(&self) -> &Consent {
        &self.consent
    }

    /// Lists the segments the device is in, in the pack's order, as of the last event or tick.
    #[must_use]
    pub fn memberships(&self) -> Vec<Membership> {
        let segments = self.pack.segments.iter().enumerate();
        segments
            .filter_map(|(index, segment)| {
                Some(Membership { segment: segment.id.clone(), since: self.memberships.since(index)? })
            })
            .collect()
    }

    /// Explains why the device is in a segment or out of it; nothing when the pack has no such segment.
    #[must_use]
    pub fn explain(&self, segment: &str, now: Timestamp) -> Option<Explanation> {
        let index = self.pack.segments.iter().position(|known| known.id.as_str() == segment)?;
        Some(explain(&self.pack.segments, index, &self.view(now), &|other| self.memberships.since(other)))
    }

    /// Lists every feature's value at `now`, in the order of their names.
    pub fn features(&self, now: Timestamp) -> impl Iterator<Item = (&Name, Option<f64>)> + '_ {
        self.pack
            .features
            .iter()
            .zip(&self.states)
            .map(move |(feature, state)| (&feature.id, feature.value(state, now)))
    }

    /// Lists every model's score at `now`, in the order of their names.
    pub fn scores(&self, now: Timestamp) -> impl Iterator<Item = (&Name, f64)> + '_ {
        (0..self.pack.models.len())
            .map(move |index| (&self.pack.models[index].id, self.view(now).score(index)))
    }

    /// Returns the next instant after `now` at which an answer may change by time alone or a report may fall due.
    #[must_use]
    pub fn next_tick(&self, now: Timestamp) -> Option<Timestamp> {
        let answer = if now < self.evaluated { self.next_change(now) } else { self.wake };
        answer.into_iter().chain(self.next_report(now)).min()
    }

    /// Returns the first instant from `now` on at which [`Engine::prepare`] may make a report; nothing while consent or a plan is missing.
    #[must_use]
    pub fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        gate::check(&self.consent).ok()?;
        let (plan, hash) = self.pack.asked()?;
        Some(self.gate.next_due(plan, hash, now)).filter(|due| *due < plan.expires)
    }

    /// Lets time pass, one change at a time, so that a rule that held only in between has had its effect.
    fn advance(&mut self, now: Timestamp) {
        while let Some(instant) = self.wake.filter(|instant| *instant <= now) {
            self.evaluate(instant);
        }
        if now < self.evaluated {
            // The clock was set back: the answers are those of `now`, not of a time that has not come.
            self.evaluate(now);
        }
        self.evaluated = now;
    }

    /// Evaluates every segment at `now` and finds out when it is to be done again.
    fn evaluate(&mut self, now: Timestamp) {
        self.evaluated = now;
        let Pack { segments, order, expires, features, models, .. } = &*self.pack;
        if now >= *expires || !self.consent.grants(Purpose::Segmentation) {
            self.memberships.clear(segments, now, &mut self.changes);
        } else {
            let view = View { features, models, states: &self.states, now };
            self.memberships.evaluate(segments, order, &view, &mut self.changes);
        }
        self.wake = self.next_change(now);
    }

    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if now >= self.pack.expires || !self.consent.grants(Purpose::Segmentation) {
            return None;
        }
        let change = self.memberships.next_change(&self.pack.segments, &self.view(now));
        change.into_iter().chain([self.pack.expires]).min()
    }

    fn forget(&mut self, now: Timestamp) {
        self.outbox.erase();
        self.states.iter_mut().for_each(State::clear);
        self.memberships.clear(&self.pack.segments, now, &mut self.changes);
    }

    fn view(&self, now: Timestamp) -> View<'_> {
        let Pack { features, models, .. } = &*self.pack;
        View { features, models, states: &self.states, now }
    }
}
