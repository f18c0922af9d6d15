//! The engine: one device's profile, from an event to a report that may leave.

mod answers;
mod asking;
#[cfg(feature = "recover")]
mod recovering;
mod reporting;
mod saving;
mod sharing;

use std::rc::Rc;

use keepset_wire::{Consent, DAY_MS, Purpose, Timestamp};

use crate::consent::ConsentChange;
use crate::event::{Event, EventError, Intake, RawEvent, RecentIds, Told};
use crate::feature::State;
use crate::gate;
use crate::gate::Gate;
use crate::labels::Sharing;
use crate::outbox::Outbox;
use crate::pack::Pack;
use crate::segment::{Cause, Change, Evaluation, Memberships, Sight, Values};
use crate::snapshot::Stored;
use crate::zone::{Moment, Zone};
pub(crate) use answers::Latch;

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
    /// In which group of a question the device was at the moment it asks about, until it answers.
    latch: Option<Latch>,
    outbox: Outbox,
    sharing: Sharing,
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
    fn touch_all(&mut self) {
        self.values.touch_all();
        self.memberships.touch_all();
    }

    /// Asks to keep with every change what decided it, so that [`Change::because`] can say it.
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
                self.evaluate(now, Cause::Start);
            }
        }
        std::mem::take(&mut self.changes)
    }

    /// Takes in new choices. Withdrawal acts at once: hand-outs stop, then what the purpose allowed is erased.
    pub fn set_consent(&mut self, change: &ConsentChange, now: Timestamp) -> Vec<Change> {
        let shared = self.consent.grants(Purpose::Sharing);
        change.apply(&mut self.consent, now);
        if !shared && self.consent.grants(Purpose::Sharing) {
            self.sharing.agree(change.signal);
        }
        if gate::check(&self.consent, Purpose::Sharing).is_err() {
            self.sharing.take_back();
        }
        self.stored = None;
        self.outbox.withdraw(&self.consent);
        if gate::check(&self.consent, Purpose::Reporting).is_err() {
            self.latch = None;
        }
        if !self.consent.grants(Purpose::Segmentation) {
            self.forget(now, Cause::Consent);
        }
        self.touch_all();
        self.evaluate(now, Cause::Consent);
        std::mem::take(&mut self.changes)
    }

    /// Takes in an event. Without consent to segmentation it is dropped unread; one that is not declared, or whose id
    /// was there before, is dropped and counted.
    ///
    /// # Errors
    /// [`EventError`] when the event breaks the pack's declaration; nothing but a count has changed then.
    pub fn track(&mut self, raw: &RawEvent, now: Timestamp) -> Result<Vec<Change>, EventError> {
        let pack = Rc::clone(&self.pack);
        self.take(Told::of(&pack.events, raw).as_ref(), now)
    }

    /// Takes in an event that was looked up among the pack's declarations; nothing is one whose name is not there.
    ///
    /// # Errors
    /// As [`Engine::track`].
    pub fn take(&mut self, told: Option<&Told<'_>>, now: Timestamp) -> Result<Vec<Change>, EventError> {
        if !self.consent.grants(Purpose::Segmentation) {
            return Ok(Vec::new());
        }
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        let Some(told) = told else {
            count(&mut self.intake.undeclared_events);
            return Ok(Vec::new());
        };
        if told.id.is_some_and(|id| self.ids.knows(id)) {
            count(&mut self.intake.duplicates);
            return Ok(Vec::new());
        }
        let event = told.check(&self.pack.events, now).inspect_err(|_| count(&mut self.intake.refused))?;
        if let Some(id) = told.id {
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
            self.evaluate(now, Cause::Event(event.spec));
        }
    }

    /// Lets time pass until `now`, through every instant at which time alone changes an answer: a page opened after
    /// a week gives the answers of a page that stayed open.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        self.advance(now);
        std::mem::take(&mut self.changes)
    }

    /// Forgets everything derived from events, unsent reports included. Consent and spent budget stay.
    pub fn erase(&mut self, now: Timestamp) -> Vec<Change> {
        self.forget(now, Cause::Erased);
        self.touch_all();
        self.evaluate(now, Cause::Erased);
        std::mem::take(&mut self.changes)
    }

    /// Returns the next instant at which time alone changes something, if it is no later than `by`; one after that may be too early.
    pub(crate) fn wake(&mut self, by: Timestamp) -> Option<Timestamp> {
        if !self.is_live(self.evaluated) {
            return None;
        }
        let Self { pack, zone, states, values, memberships, .. } = self;
        let Pack { features, models, segments, .. } = &**pack;
        let moment = Moment { now: self.evaluated, zone };
        let sight = Sight { watched: &segments.watched, features, models, states, moment };
        let due = values.wake(by, &sight).min(memberships.wake()).min(pack.expires);
        Some(self.retired().map_or(due, |retired| retired.min(due)))
    }

    /// When nothing has happened for so long that the profile is forgotten.
    fn retired(&self) -> Option<Timestamp> {
        self.last_event.map(|last| last.saturating_add(self.pack.retention))
    }

    fn is_live(&self, now: Timestamp) -> bool {
        now < self.pack.expires && self.consent.grants(Purpose::Segmentation)
    }

    /// Lets time pass until `now`. A moment that a question asks about is looked at on the way, so that a page that slept
    /// through it answers like one that stayed awake.
    fn advance(&mut self, now: Timestamp) {
        if let Some(due) = self.latch_due().filter(|due| *due <= now) {
            let at = due.max(self.evaluated).min(now);
            self.pass(at);
            self.latch(at);
        }
        self.pass(now);
    }

    /// Lets time pass, one change at a time, so that a rule that held only in between has had its effect.
    fn pass(&mut self, now: Timestamp) {
        if self.waiting {
            self.evaluate(self.evaluated.min(now), Cause::Start);
        }
        while let Some(instant) = self.wake(now).filter(|instant| *instant <= now) {
            if self.retired().is_some_and(|retired| retired <= instant) {
                self.forget(instant, Cause::Erased);
                self.touch_all();
            }
            self.values.touch_due(instant);
            self.memberships.touch_due(instant);
            self.evaluate(instant, Cause::Time);
        }
        if now < self.evaluated {
            // The clock was set back: the answers are those of `now`, not of a time that has not come.
            self.touch_all();
            self.evaluate(now, Cause::Time);
        }
        self.evaluated = now;
        // Once a day what has left its window is dropped, so that it does not outlive it on disk.
        if now >= self.prune || now.saturating_add(DAY_MS) < self.prune {
            self.prune = now.saturating_add(DAY_MS);
            self.pack.features.prune(&mut self.states, Moment { now, zone: &self.zone });
        }
    }

    /// Evaluates what was touched.
    fn evaluate(&mut self, now: Timestamp, cause: Cause) {
        self.evaluated = now;
        self.waiting = false;
        if !self.is_live(now) {
            let cause = if now < self.pack.expires { cause } else { Cause::Expired };
            self.memberships.clear(now, cause, &mut self.changes);
            self.touch_all();
            return;
        }
        let Self { pack, zone, states, values, arms, memberships, changes, reasons, .. } = self;
        let Pack { features, models, segments, .. } = &**pack;
        let moment = Moment { now, zone };
        let sight = Sight { watched: &segments.watched, features, models, states, moment };
        values.update(&sight, |place| memberships.touch(place));
        let at = Evaluation { values, sight: &sight, arms, cause, reasons: *reasons };
        memberships.evaluate(segments, at, changes);
        values.settle(&sight);
    }

    fn forget(&mut self, now: Timestamp, cause: Cause) {
        self.stored = None;
        self.latch = None;
        self.outbox.erase();
        self.sharing.take_back();
        self.states.iter_mut().for_each(State::clear);
        self.ids.clear();
        self.last_event = None;
        self.intake = Intake::default();
        self.memberships.clear(now, cause, &mut self.changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use keepset_wire::Choice;
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

    #[test]
    fn what_a_clock_set_back_has_not_reached_is_not_counted() {
        let text = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
            "events": {"visit": {}}, "features": {"visits": {"kind": "count", "event": "visit", "window_days": 32}},
            "segments": [{"id": "here", "title": "h", "reason": "r", "enter": {"feature": "visits", "op": ">=", "value": 2}}]}"#;
        let day = |number: i64| Timestamp::from_millis((20_000 + number) * DAY_MS).unwrap();
        let mut engine = Engine::install(Rc::new(Pack::parse(text).unwrap()), day(0));
        engine.set_consent(&ConsentChange::all(Choice::Granted), day(0));
        for number in [0, 5] {
            engine.track(&RawEvent { name: "visit".into(), ..RawEvent::default() }, day(number)).unwrap();
        }
        assert!(engine.is_in(0));
        engine.tick(day(2));
        assert_eq!(engine.features(day(2)).next().and_then(|(_, value)| value), Some(1.0));
        assert!(!engine.is_in(0));
        engine.tick(day(5));
        assert!(engine.is_in(0));
    }

    #[test]
    fn an_instant_that_an_event_puts_off_or_brings_nearer_is_told_as_it_is() {
        let text = r#"{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01",
            "events": {"order": {"properties": {"paid": {"type": "number", "min": -100, "max": 100}}}},
            "features": {"paid": {"kind": "sum", "event": "order", "property": "paid", "window_days": 32}},
            "segments": [{"id": "payer", "title": "p", "reason": "r", "enter": {"feature": "paid", "op": ">=", "value": 50}}]}"#;
        let day = |number: i64| Timestamp::from_millis((20_000 + number) * DAY_MS).unwrap();
        let order = |paid: f64| RawEvent {
            name: "order".into(),
            properties: [("paid".to_owned(), crate::Scalar::Number(paid))].into(),
            ..RawEvent::default()
        };
        let pack = Rc::new(Pack::parse(text).unwrap());
        let shopper = |paid: &[(i64, f64)]| {
            let mut engine = Engine::install(Rc::clone(&pack), day(0));
            engine.set_consent(&ConsentChange::all(Choice::Granted), day(0));
            for (number, paid) in paid {
                engine.track(&order(*paid), day(*number)).unwrap();
            }
            engine
        };
        // The first order leaves on day 32 and the second on day 33, with which the sum falls below 50.
        for asks in [true, false] {
            let mut regular = shopper(&[(0, 60.0), (1, 60.0)]);
            if asks {
                assert_eq!(regular.next_tick(day(1)), Some(day(33)));
            }
            assert!(regular.tick(day(32)).is_empty());
            assert_eq!(regular.next_tick(day(32)), Some(day(33)));
            assert_eq!(regular.tick(day(33)).len(), 1);
        }
        let mut refunded = shopper(&[(0, 40.0), (1, 60.0)]);
        assert_eq!(refunded.next_tick(day(1)), Some(day(33)));
        refunded.track(&order(-20.0), day(1)).unwrap();
        assert_eq!(refunded.next_tick(day(1)), Some(day(32)));
        assert_eq!(refunded.tick(day(32)).len(), 1);
    }

    /// Forty exact windows of 256 instants are some 60 KiB; the pack allows 8.
    #[test]
    fn a_state_larger_than_the_pack_allows_gives_up_its_largest_memories_and_nothing_else() {
        let features: Vec<String> = (0..40)
            .map(|n| format!(r#""f{n}": {{"kind": "sum", "event": "visit", "property": "n", "window_days": {}, "exact": true}}"#, n + 30))
            .collect();
        let text = format!(
            r#"{{"id": "p", "version": 1, "title": "P", "owner": "O", "reason": "R", "expires": "2031-01-01", "state_limit_kib": 8,
                "events": {{"visit": {{"properties": {{"n": {{"type": "number", "min": 0, "max": 1000000}}}}}}}},
                "features": {{{}, "quiet": {{"kind": "recency", "event": "visit"}}}},
                "segments": [{{"id": "here", "title": "h", "reason": "r", "enter": {{"feature": "quiet", "op": "<", "value": 9}}}}]}}"#,
            features.join(",")
        );
        let pack = Rc::new(Pack::parse(&text).unwrap());
        let mut now = Timestamp::from_date("2026-01-01").unwrap();
        let mut engine = Engine::install(Rc::clone(&pack), now);
        engine.set_consent(&ConsentChange::all(Choice::Granted), now);
        let mut stored: Vec<u8> = Vec::new();
        for number in 0..600_u32 {
            now = now.saturating_add(3_600_000);
            let n = crate::Scalar::Number(f64::from(number * 997));
            let raw = RawEvent {
                name: "visit".into(),
                properties: [("n".to_owned(), n)].into(),
                ..RawEvent::default()
            };
            engine.track(&raw, now).unwrap();
            let saved = engine.save().unwrap();
            if !saved.appends {
                stored.clear();
            }
            stored.extend(saved.bytes);
            // Within the allowance but for the last piece, which brings the next whole section.
            assert!(stored.len() <= pack.state_limit + 2_048, "{}", stored.len());
        }
        assert!(engine.intake().evicted > 0);
        assert!(engine.is_in(0), "the small memories are still there");
        let (restored, error) = Engine::restore(pack, &stored, now);
        assert_eq!((error, restored.intake().accepted, restored.is_in(0)), (None, 600, true));
    }
}
