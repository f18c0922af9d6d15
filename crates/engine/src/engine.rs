//! The engine: one device's profile, from an event to a report that may leave.

use std::rc::Rc;

use keepset_privacy::{Budget, Coins, Ledger, NoEntropy};
use keepset_wire::{DAY_MS, Name, ReportId, Timestamp};

use crate::consent::{Consent, ConsentChange, Purpose};
use crate::event::{Event, EventError, Intake, RawEvent, RecentIds};
use crate::feature::State;
use crate::gate::{self, Gate, Withheld};
use crate::outbox::{Entry, Outbox, Outcome, Pending, Upload};
use crate::pack::Pack;
use crate::segment::{Cause, Change, Explanation, Membership, Memberships, Values, View, explain, fresh};
use crate::snapshot::{Live, Now, Profile, Snapshot, StateError, Stored};
use crate::whatif;
use crate::zone::{Moment, Zone};

/// A state to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its number, larger than that of every earlier state of this engine.
    pub revision: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether they go behind what is stored; else they take its place.
    pub appends: bool,
}

/// One device's profile under one pack.
#[derive(Clone, Debug)]
pub struct Engine {
    pack: Rc<Pack>,
    zone: Rc<Zone>,
    states: Vec<State>,
    values: Values,
    memberships: Memberships,
    /// The device's arm in each experiment; none without a secret.
    arms: Vec<usize>,
    evaluated: Timestamp,
    /// Nothing has been evaluated yet since the engine began.
    waiting: bool,
    /// When the latest event happened.
    last_event: Option<Timestamp>,
    /// When the memories are to be pruned next.
    prune: Timestamp,
    intake: Intake,
    ids: RecentIds,
    consent: Consent,
    gate: Gate,
    outbox: Outbox,
    /// Changes not yet handed to the host.
    changes: Vec<Change>,
    reasons: bool,
    /// What is stored; nothing when it has to be written whole, for more changed than events and time change.
    stored: Option<Stored>,
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
            values: Values::none(&pack.segments.watched),
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
            outbox: Outbox::default(),
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

    fn touch_all(&mut self) {
        self.values.touch_all(&self.pack.segments.watched);
        self.memberships.touch_all();
    }

    fn from_snapshot(pack: Rc<Pack>, snapshot: Snapshot, mut stored: Stored) -> Self {
        let Snapshot { profile: Profile { now, ids, memories, standings }, consent, gate, outbox, .. } =
            snapshot;
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
        (engine.consent, engine.gate, engine.outbox) = (consent, gate, outbox);
        engine.outbox.restored(now.revision);
        (engine.revision, engine.durable) = (now.revision, now.revision);
        engine.stored = Some(stored);
        engine.find_arms();
        engine
    }

    /// Asks for a sentence with every change, saying which conditions decided.
    pub fn tell_reasons(&mut self) {
        self.reasons = true;
    }

    /// Takes in the time zone of the device. UTC holds until told.
    pub fn set_zone(&mut self, zone: Zone, now: Timestamp) -> Vec<Change> {
        if *self.zone != zone {
            if !self.waiting {
                self.advance(now);
            }
            self.zone = Rc::new(zone);
            self.touch_all();
            if !self.waiting {
                self.evaluate(now, &|| Cause::Start);
            }
        }
        std::mem::take(&mut self.changes)
    }

    /// Draws the secret of a device that has none: it names reports and assigns to experiments, and never leaves.
    ///
    /// # Errors
    /// [`NoEntropy`]; the device is in no arm then and makes no report.
    pub fn draw_secret(&mut self, coins: &mut impl Coins, now: Timestamp) -> Result<Vec<Change>, NoEntropy> {
        if self.gate.secret().is_none() {
            self.gate.draw_secret(self.pack.plan.as_ref(), now, coins)?;
            self.stored = None;
            self.find_arms();
        }
        Ok(std::mem::take(&mut self.changes))
    }

    fn find_arms(&mut self) {
        if let Some(secret) = self.gate.secret() {
            self.arms = self.pack.experiments.iter().map(|experiment| experiment.arm(secret)).collect();
            self.touch_all();
            if !self.waiting {
                self.evaluate(self.evaluated, &|| Cause::Start);
            }
        }
    }

    /// Takes in new choices. Withdrawal acts at once: hand-outs stop, then what the purpose allowed is erased.
    pub fn set_consent(&mut self, change: &ConsentChange, now: Timestamp) -> Vec<Change> {
        self.consent.apply(change, now);
        self.stored = None;
        if gate::check(&self.consent).is_err() {
            self.outbox.withdraw();
        }
        if !self.consent.grants(Purpose::Segmentation) {
            self.forget(now, &Cause::Consent);
        }
        self.touch_all();
        self.evaluate(now, &|| Cause::Consent);
        std::mem::take(&mut self.changes)
    }

    /// Takes in an event. Without consent to segmentation it is dropped unread; one that is not declared, or whose id
    /// was there before, is dropped and counted.
    ///
    /// # Errors
    /// [`EventError`] when the event breaks the pack's declaration; nothing but a count has changed then.
    pub fn track(&mut self, raw: &RawEvent, now: Timestamp) -> Result<Vec<Change>, EventError> {
        if !self.consent.grants(Purpose::Segmentation) {
            return Ok(Vec::new());
        }
        let pack = Rc::clone(&self.pack);
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        let known = raw.id.as_ref().is_some_and(|id| self.ids.knows(id));
        let event = match Event::parse(&pack.events, raw, now) {
            Err(EventError::Undeclared) => {
                count(&mut self.intake.undeclared_events);
                return Ok(Vec::new());
            }
            _ if known => {
                count(&mut self.intake.duplicates);
                return Ok(Vec::new());
            }
            parsed => parsed.inspect_err(|_| count(&mut self.intake.refused))?,
        };
        if let Some(id) = &raw.id {
            self.ids.add(id);
        }
        self.take_in(&event, now);
        Ok(std::mem::take(&mut self.changes))
    }

    /// Takes in a checked event.
    pub(crate) fn take_in(&mut self, event: &Event, now: Timestamp) {
        self.advance(now);
        let pack = Rc::clone(&self.pack);
        let spec = &pack.events[event.spec];
        let undeclared = &mut self.intake.undeclared_properties;
        *undeclared = undeclared.saturating_add(event.undeclared);
        self.intake.accepted = self.intake.accepted.saturating_add(1);
        if self.last_event.is_some_and(|latest| event.at < latest) {
            self.intake.late = self.intake.late.saturating_add(1);
        }
        self.last_event = self.last_event.max(Some(event.at));
        let Self { states, values, zone, .. } = self;
        let moment = Moment { now, zone };
        let mut concerned = false;
        pack.features.observe(states, event, spec.channel as i64, moment, |memory| {
            concerned = true;
            values.touch_memory(&pack.segments.watched, memory);
        });
        if concerned {
            self.evaluate(now, &|| Cause::Event(spec.name.clone()));
        }
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
        self.stored = None;
        self.outbox.expire(now);
        let memberships = &self.memberships;
        let is_in = |asked: &Name| {
            let index = pack.segments.list.iter().position(|segment| segment.id == *asked);
            index.is_some_and(|index| memberships.since(index).is_some())
        };
        let secret = self.gate.secret().is_some();
        let cleared = self.gate.clear(plan, hash, &self.consent, is_in, now, coins);
        if !secret {
            self.find_arms();
        }
        // The next state saved is the first to hold the charge.
        self.outbox.push(cleared?, self.revision + 1);
        Ok(())
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

    /// Writes everything, giving up the largest memories while it is larger than the pack allows.
    fn save_whole(&mut self) -> Vec<u8> {
        loop {
            let (stored, bytes) = Stored::write(&self.snapshot());
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

    fn snapshot(&self) -> Snapshot {
        let memories = self.pack.features.fingerprints().zip(self.states.iter().cloned());
        let segments = self.pack.segments.list.iter().map(|segment| segment.id.to_string());
        let profile = Profile {
            now: self.now(),
            ids: self.ids.clone(),
            memories: memories.collect(),
            standings: segments.zip(self.memberships.standings().iter().copied()).collect(),
        };
        Snapshot {
            pack: self.pack.id.to_string(),
            profile,
            consent: self.consent,
            gate: self.gate.clone(),
            outbox: self.outbox.clone(),
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

    /// Takes in what the network made of an upload.
    pub fn uploaded(&mut self, id: ReportId, outcome: Outcome) {
        self.stored = None;
        self.outbox.settle(id, outcome);
    }

    /// Forgets everything derived from events, unsent reports included. Consent and spent budget stay.
    pub fn erase(&mut self, now: Timestamp) -> Vec<Change> {
        self.forget(now, &Cause::Erased);
        self.touch_all();
        self.evaluate(now, &|| Cause::Erased);
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

    /// Returns what became of the events so far. Counts only.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Lists the segments the device is in, in the pack's order, as of the last event or tick.
    #[must_use]
    pub fn memberships(&self) -> Vec<Membership> {
        let segments = self.pack.segments.list.iter().enumerate();
        segments
            .filter_map(|(index, segment)| {
                Some(Membership { segment: segment.id.clone(), since: self.memberships.since(index)? })
            })
            .collect()
    }

    /// Tells whether the device is in the segment of this index.
    #[must_use]
    pub fn is_in(&self, segment: usize) -> bool {
        self.memberships.standings().get(segment).is_some_and(|standing| standing.since.is_some())
    }

    /// Explains why the device is in a segment or out of it; nothing when the pack has no such segment.
    #[must_use]
    pub fn explain(&self, segment: &str, now: Timestamp) -> Option<Explanation> {
        let index = self.pack.segments.list.iter().position(|known| known.id.as_str() == segment)?;
        let mut explanation = {
            let Pack { features, models, experiments, segments, .. } = &*self.pack;
            let moment = Moment { now, zone: &self.zone };
            let values = fresh(features, models, &self.states, moment);
            let view = View { features, models, experiments, values: &values, arms: &self.arms, now };
            explain(segments, index, &view, &self.memberships)
        };
        explanation.nearest = whatif::nearest(self, index, now);
        Some(explanation)
    }

    /// Answers "what if": the changes these events would make, one after the other. Nothing changes.
    ///
    /// # Errors
    /// The place of the event in the list that breaks the pack's declaration, and how.
    pub fn simulate(&self, events: &[RawEvent], now: Timestamp) -> Result<Vec<Change>, (usize, EventError)> {
        let mut copy = self.clone();
        copy.reasons = true;
        copy.tick(now);
        let mut changes = Vec::new();
        for (index, event) in events.iter().enumerate() {
            // An event of later is taken in then: "what if I come again on Sunday".
            let at = event.at.and_then(Timestamp::from_millis).map_or(now, |at| at.max(copy.evaluated));
            changes.extend(copy.track(event, at).map_err(|error| (index, error))?);
        }
        Ok(changes)
    }

    /// Lists every feature's value at `now`, in the order of their names.
    pub fn features(&self, now: Timestamp) -> impl Iterator<Item = (&Name, Option<f64>)> + '_ {
        let moment = Moment { now, zone: &self.zone };
        let features = self.pack.features.list().iter().enumerate();
        features
            .map(move |(index, feature)| (&feature.id, self.pack.features.value(index, &self.states, moment)))
    }

    /// Lists every model's score at `now`, in the order of their names.
    pub fn scores(&self, now: Timestamp) -> impl Iterator<Item = (&Name, f64)> + '_ {
        let models = self.pack.models.iter();
        models.map(move |model| {
            let value =
                |feature| self.pack.features.value(feature, &self.states, Moment { now, zone: &self.zone });
            (&model.id, model.score(value))
        })
    }

    /// Returns the next instant after `now` at which an answer may change by time alone or a report may fall due.
    #[must_use]
    pub fn next_tick(&self, now: Timestamp) -> Option<Timestamp> {
        // An engine that has just begun, or whose clock was set back, has something to evaluate now.
        let answer = if self.waiting || now < self.evaluated { Some(now) } else { self.wake() };
        answer.into_iter().chain(self.next_report(now)).min()
    }

    /// Returns the first instant from `now` on at which [`Engine::prepare`] may make a report; nothing while consent or a plan is missing.
    #[must_use]
    pub fn next_report(&self, now: Timestamp) -> Option<Timestamp> {
        gate::check(&self.consent).ok()?;
        let (plan, hash) = self.pack.asked()?;
        Some(self.gate.next_due(plan, hash, now)).filter(|due| *due < plan.expires)
    }

    /// Returns the next instant at which time alone changes something.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        if !self.is_live(self.evaluated) {
            return None;
        }
        let due = [self.values.wake(), self.memberships.wake(), self.retired()];
        due.into_iter().flatten().chain([self.pack.expires]).min()
    }

    /// When nothing has happened for so long that the profile is forgotten.
    fn retired(&self) -> Option<Timestamp> {
        self.last_event.map(|last| last.saturating_add(self.pack.retention))
    }

    fn is_live(&self, now: Timestamp) -> bool {
        now < self.pack.expires && self.consent.grants(Purpose::Segmentation)
    }

    /// Lets time pass, one change at a time, so that a rule that held only in between has had its effect.
    fn advance(&mut self, now: Timestamp) {
        if self.waiting {
            self.evaluate(self.evaluated.min(now), &|| Cause::Start);
        }
        while let Some(instant) = self.wake().filter(|instant| *instant <= now) {
            if self.retired().is_some_and(|retired| retired <= instant) {
                self.forget(instant, &Cause::Erased);
                self.touch_all();
            }
            self.values.touch_due(instant);
            self.memberships.touch_due(instant);
            self.evaluate(instant, &|| Cause::Time);
        }
        if now < self.evaluated {
            // The clock was set back: the answers are those of `now`, not of a time that has not come.
            self.touch_all();
            self.evaluate(now, &|| Cause::Time);
        }
        self.evaluated = now;
        // Once a day what has left its window is dropped, so that it does not outlive it on disk.
        if now >= self.prune || now.saturating_add(DAY_MS) < self.prune {
            self.prune = now.saturating_add(DAY_MS);
            self.pack.features.prune(&mut self.states, Moment { now, zone: &self.zone });
        }
    }

    /// Evaluates what was touched.
    fn evaluate(&mut self, now: Timestamp, cause: &dyn Fn() -> Cause) {
        self.evaluated = now;
        self.waiting = false;
        if !self.is_live(now) {
            let cause = if now < self.pack.expires { cause() } else { Cause::Expired };
            self.memberships.clear(&self.pack.segments, now, &cause, &mut self.changes);
            self.touch_all();
            return;
        }
        let Self { pack, zone, states, values, arms, memberships, changes, reasons, .. } = self;
        let Pack { features, models, experiments, segments, .. } = &**pack;
        let moment = Moment { now, zone };
        values.update(&segments.watched, features, models, states, moment, |place| memberships.touch(place));
        let view = View { features, models, experiments, values: values.all(), arms, now };
        memberships.evaluate(segments, &view, cause, *reasons, changes);
    }

    fn forget(&mut self, now: Timestamp, cause: &Cause) {
        self.stored = None;
        self.outbox.erase();
        self.states.iter_mut().for_each(State::clear);
        self.ids.clear();
        self.last_event = None;
        self.intake = Intake::default();
        self.memberships.clear(&self.pack.segments, now, cause, &mut self.changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Choice;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn a_pack_without_features_takes_events_in_all_the_same() {
        let text = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
            "events": {"visit": {}}, "segments": []}"#;
        let now = Timestamp::from_date("2026-01-01").unwrap();
        let mut engine = Engine::install(Rc::new(Pack::parse(text).unwrap()), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        engine.track(&RawEvent { name: "visit".into(), ..RawEvent::default() }, now).unwrap();
        assert_eq!(engine.intake().accepted, 1);
    }
}
