//! The simulated population: one engine per person, each on its own clock, which is the log's.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use keepset_engine::{
    Change, Choice, ConsentChange, Engine, Event, EventError, Intake, Outcome, Pack, RawEvent, Withheld,
};
use keepset_privacy::{Coins, NoEntropy, SeededCoins, SystemCoins, Truth};
use keepset_wire::{Plan, PlanHash, Report, Timestamp, Window};
use serde::Serialize;

use crate::collector::{Collector, MOST_REPORTS};

/// Where the noise of a replay comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// The system's randomness, as on a real device.
    System,
    /// A seed: the same log and seed give the same reports. Not private.
    Seeded(u64),
}

/// A report as it left a device, and what only a replay knows about it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The window it counts in.
    pub window: Window,
    /// The report itself.
    pub report: Report,
    /// What the device would have answered at that moment, before any cut and any noise.
    pub truth: Truth,
}

/// What became of the events of everyone, as the engines counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Taken in.
    pub accepted: u64,
    /// Taken in, although a later one of the same person had come before.
    pub late: u64,
    /// Dropped: an event of the same id had come.
    pub duplicates: u64,
    /// Dropped: the pack declares no event of this name.
    pub undeclared_events: u64,
    /// Properties dropped: the pack does not declare them.
    pub undeclared_properties: u64,
    /// Refused: a property broke its declaration.
    pub refused: u64,
    /// Rows of memory given up to keep a state within its size.
    pub evicted: u64,
}

/// Everyone whose events were seen so far.
pub struct Fleet {
    pack: Rc<Pack>,
    plan: Option<(Plan, PlanHash)>,
    noise: Noise,
    people: HashMap<String, usize>,
    devices: Vec<Device>,
    totals: Totals,
    post: Post,
}

struct Device {
    engine: Engine,
    clock: Timestamp,
    /// When the gate is to be asked next; it moves only when the gate was asked.
    due: Option<Timestamp>,
    /// Tells this person's seeded draws from everyone else's.
    salt: u64,
}

/// Reports on their way: to a collector in batches, or, without one, nowhere.
///
/// What the post has taken is delivered, or the replay fails: no device need wait to hear of it.
struct Post {
    collector: Option<Collector>,
    reports: usize,
    bytes: Vec<u8>,
}

impl Fleet {
    /// Starts with nobody.
    #[must_use]
    pub fn new(pack: Rc<Pack>, noise: Noise, collector: Option<Collector>) -> Self {
        let plan = pack.plan.as_ref().map(|plan| (plan.clone(), plan.hash()));
        let post = Post { collector, reports: 0, bytes: Vec::new() };
        Self {
            pack,
            plan,
            noise,
            people: HashMap::new(),
            devices: Vec::new(),
            totals: Totals::default(),
            post,
        }
    }

    /// Returns how many people there are.
    #[must_use]
    pub fn people(&self) -> usize {
        self.devices.len()
    }

    /// Returns what became of the events so far.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Returns the latest instant any device has seen.
    #[must_use]
    pub fn clock(&self) -> Option<Timestamp> {
        self.devices.iter().map(|device| device.clock).max()
    }

    /// Lets a person's device live until the event and tell the engine of it; a new person's device is installed first.
    ///
    /// The outer error ends the replay (the collector is gone); the inner one says why the engine refused the event.
    ///
    /// # Errors
    /// When a report cannot be delivered.
    pub fn track(
        &mut self,
        person: &str,
        event: &RawEvent,
        at: Timestamp,
        answers: &mut impl FnMut(Answer),
    ) -> anyhow::Result<Result<(), EventError>> {
        // An engine drops what is not declared; whoever replays a log wants to hear of it.
        if Event::declared(&self.pack.events, &event.name).is_none() {
            self.totals.undeclared_events += 1;
            return Ok(Err(EventError::Undeclared));
        }
        let known = self.people.get(person).copied();
        let index = match known {
            Some(index) => index,
            None => self.install(person, at)?,
        };
        self.advance(index, at, answers)?;
        let device = &mut self.devices[index];
        let before = *device.engine.intake();
        let tracked = device.engine.track(event, device.clock).map(drop);
        self.totals.add(&before, device.engine.intake());
        if tracked.is_err() && known.is_none() {
            // A person of whom nothing usable is known is nobody.
            self.devices.pop();
            self.people.remove(person);
        }
        Ok(tracked)
    }

    /// Lets every device live until `end` and delivers what is still on its way.
    ///
    /// # Errors
    /// When a report cannot be delivered.
    pub fn finish(&mut self, end: Timestamp, answers: &mut impl FnMut(Answer)) -> anyhow::Result<()> {
        for index in 0..self.devices.len() {
            self.advance(index, end, answers)?;
        }
        self.post.deliver()
    }

    /// Hands the client of the collector back, for its estimates.
    #[must_use]
    pub fn into_collector(self) -> Option<Collector> {
        self.post.collector
    }

    /// A replay stands in for a person who said yes at the first visit.
    fn install(&mut self, person: &str, now: Timestamp) -> anyhow::Result<usize> {
        let live = self.plan.as_ref().is_some_and(|(plan, _)| plan.epoch_at(now).is_some());
        if live && self.pack.keys.at(now).is_none() {
            let day = now.date();
            bail!(
                "no key of the collector is for {day}: make one with `keepset-collector keys new --from {day}`"
            );
        }
        let (mut engine, _) = willing(Rc::clone(&self.pack), now);
        if !self.pack.experiments.is_empty() {
            // Without entropy a device is in no arm, as in the field.
            let secret = match self.noise {
                Noise::System => SystemCoins::open().and_then(|mut coins| coins.secret()),
                Noise::Seeded(seed) => SeededCoins::new(mix(seed ^ fingerprint(person))).secret(),
            };
            if let Ok(secret) = secret {
                engine.keep_secret(secret, now);
            }
        }
        let due = engine.next_report(now);
        self.devices.push(Device { engine, clock: now, due, salt: fingerprint(person) });
        self.people.insert(person.to_owned(), self.devices.len() - 1);
        Ok(self.devices.len() - 1)
    }

    /// Lives until `to`, stopping wherever a report may fall due. An event that comes late does not turn the clock back.
    fn advance(
        &mut self,
        index: usize,
        to: Timestamp,
        answers: &mut impl FnMut(Answer),
    ) -> anyhow::Result<()> {
        while let Some(due) = self.devices[index].due.filter(|due| *due <= to) {
            let device = &mut self.devices[index];
            device.clock = device.clock.max(due);
            device.engine.tick(device.clock);
            self.answer(index, answers)?;
            let device = &mut self.devices[index];
            // Asked at this instant, the gate has said all it has to say about it.
            device.due = device.engine.next_report(device.clock).filter(|next| *next > device.clock);
        }
        let device = &mut self.devices[index];
        device.clock = device.clock.max(to);
        Ok(())
    }

    /// Asks the gate for a report and, when it gives one, walks it through storage to the post.
    fn answer(&mut self, index: usize, answers: &mut impl FnMut(Answer)) -> anyhow::Result<()> {
        let Some((plan, hash)) = &self.plan else { return Ok(()) };
        let device = &mut self.devices[index];
        let now = device.clock;
        let due = device.engine.due(now);
        let mut truths = due.as_ref().map_or(Vec::new(), |due| due.truths().to_vec());
        let prepared = due.and_then(|due| {
            let decided = match Drawn::new(self.noise, device.salt ^ mix(now.millis().unsigned_abs())) {
                Ok(coins) => due.decide(coins),
                Err(_) => due.without_entropy(),
            };
            device.engine.decided(decided)
        });
        match prepared {
            Ok(()) => {}
            // The gate's ordinary answers: there is no report at this instant.
            Err(Withheld::NotDue | Withheld::Answered | Withheld::Budget | Withheld::PlanNotLive) => {
                return Ok(());
            }
            Err(withheld) => bail!("a device could not report: {withheld}"),
        }
        device.reload(&self.pack)?;
        let upload = device.engine.next_upload(now).context("a stored report was not handed out")?;
        let plain = &device.engine.pending().context("what is handed out is on record")?.bytes;
        let report = Report::decode(plan, *hash, plain)?;
        let truth = truths.swap_remove(report.question.into());
        self.post.take(&upload.bytes, plain)?;
        device.engine.uploaded(upload.id, Outcome::Accepted);
        answers(Answer { window: plan.window_of(report.epoch), report, truth });
        Ok(())
    }
}

impl Device {
    /// Goes through storage as a page that is closed and opened again: a report leaves only after its charge is durable.
    fn reload(&mut self, pack: &Rc<Pack>) -> anyhow::Result<()> {
        self.engine.rewrite();
        let saved = self.engine.save().context("an engine with consent to storage gave nothing to store")?;
        let (engine, trouble) = Engine::restore(Rc::clone(pack), &saved.bytes, self.clock);
        if let Some(trouble) = trouble {
            bail!("a state just saved could not be read back: {trouble:?}");
        }
        self.engine = engine;
        Ok(())
    }
}

impl Post {
    /// Takes a report, sealed or, for a collector without keys, plain; when a batch is full, delivers it.
    fn take(&mut self, sealed: &[u8], plain: &[u8]) -> anyhow::Result<()> {
        let Some(collector) = &self.collector else { return Ok(()) };
        self.bytes.extend_from_slice(if collector.keys().is_some() { sealed } else { plain });
        self.reports += 1;
        if self.reports == MOST_REPORTS { self.deliver() } else { Ok(()) }
    }

    fn deliver(&mut self) -> anyhow::Result<()> {
        if let (Some(collector), 1..) = (&self.collector, self.reports) {
            collector.send(&self.bytes)?;
        }
        self.bytes.clear();
        self.reports = 0;
        Ok(())
    }
}

/// Installs an engine whose person said yes to segmentation, storage and reporting, with the memberships that begin at once.
pub(crate) fn willing(pack: Rc<Pack>, now: Timestamp) -> (Engine, Vec<Change>) {
    let mut engine = Engine::install(pack, now);
    let granted = Some(Choice::Granted);
    let yes = ConsentChange {
        segmentation: granted,
        storage: granted,
        reporting: granted,
        ..ConsentChange::default()
    };
    let changes = engine.set_consent(&yes, now);
    (engine, changes)
}

/// Installs an engine as [`willing`] does, in the arms of experiments that the person's name alone decides on: who is in
/// which arm is chance in the field, and here the same in every run.
pub(crate) fn repeatable(pack: &Rc<Pack>, person: &str, now: Timestamp) -> (Engine, Vec<Change>) {
    let (mut engine, mut changes) = willing(Rc::clone(pack), now);
    if !pack.experiments.is_empty() {
        // Seeded coins do not run out.
        if let Ok(secret) = SeededCoins::new(mix(fingerprint(person))).secret() {
            changes.extend(engine.keep_secret(secret, now));
        }
    }
    (engine, changes)
}

impl Totals {
    /// Adds what one engine counted between two looks at it.
    pub(crate) fn add(&mut self, before: &Intake, after: &Intake) {
        // An engine whose profile expired on the way has begun to count anew.
        let grown = |before: u32, after: u32| u64::from(after.checked_sub(before).unwrap_or(after));
        self.accepted += grown(before.accepted, after.accepted);
        self.late += grown(before.late, after.late);
        self.duplicates += grown(before.duplicates, after.duplicates);
        self.undeclared_events += grown(before.undeclared_events, after.undeclared_events);
        self.undeclared_properties += grown(before.undeclared_properties, after.undeclared_properties);
        self.refused += grown(before.refused, after.refused);
        self.evicted += grown(before.evicted, after.evicted);
    }
}

/// Where noise comes from.
pub(crate) enum Drawn {
    System(SystemCoins),
    Seeded(Box<SeededCoins>),
}

impl Drawn {
    /// Opens it; `salt` sets what is seeded apart from the rest of a run.
    pub(crate) fn new(noise: Noise, salt: u64) -> Result<Self, NoEntropy> {
        match noise {
            Noise::System => SystemCoins::open().map(Self::System),
            Noise::Seeded(seed) => Ok(Self::Seeded(Box::new(SeededCoins::new(mix(seed ^ mix(salt)))))),
        }
    }
}

impl Coins for Drawn {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        match self {
            Self::System(coins) => coins.fill(bytes),
            Self::Seeded(coins) => coins.fill(bytes),
        }
    }

    fn below(&mut self, upper: u128) -> Result<u128, NoEntropy> {
        match self {
            Self::System(coins) => coins.below(upper),
            Self::Seeded(coins) => coins.below(upper),
        }
    }
}

/// FNV-1a: the same text gets the same number in every run.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The finaliser of SplitMix64: neighbouring seeds become unrelated ones.
pub(crate) fn mix(seed: u64) -> u64 {
    let a = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}
