//! Who is learned from: what every person's device knew at a cut, and what the person did after it.
//!
//! Each cut has engines of its own, and none of them is ever told of an event at or after the cut: what comes later
//! cannot leak into a feature.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, ensure};
use keepset_engine::event::{Event, Value};
use keepset_engine::{Choice, ConsentChange, Engine, EventError, Pack, RawEvent};
use keepset_wire::{DAY_MS, Timestamp};

use crate::log::{Fault, Line, Mapping};
use crate::replay::{Watch, read_through};

/// When is learned, and when is tested.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The cuts learned from.
    pub cuts: Vec<Timestamp>,
    /// The cut tested on, after the label of every other is settled.
    pub test_cut: Timestamp,
    /// In how many days after a cut the event must come.
    pub within_days: u16,
}

impl Schedule {
    /// Lists the cuts, the one tested on last.
    #[must_use]
    pub fn all(&self) -> Vec<Cut> {
        self.cuts.iter().chain([&self.test_cut]).map(|at| self.cut(*at)).collect()
    }

    /// Refuses a test that would look ahead.
    ///
    /// # Errors
    /// When there is no cut, no day to come in, or what followed a cut is not known at the test.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.within_days > 0, "the event must have at least one day to come in");
        for cut in &self.cuts {
            let settled = self.cut(*cut).until;
            ensure!(
                settled <= self.test_cut,
                "what followed {} is known on {} only: a test on {} would look ahead",
                cut.date(),
                settled.date(),
                self.test_cut.date()
            );
        }
        Ok(())
    }

    /// Refuses a log that ends too early: a label that it does not settle would count as a no.
    ///
    /// # Errors
    /// When the log is empty or ends before the label of the test is settled.
    pub fn check_end(&self, end: Option<Timestamp>) -> anyhow::Result<()> {
        let end = end.context("the log holds no event")?;
        let settled = self.cut(self.test_cut).until;
        ensure!(
            settled.day() <= end.day() + 1,
            "the log ends on {}, but what follows {} is known on {} only",
            end.date(),
            self.test_cut.date(),
            settled.date()
        );
        Ok(())
    }

    fn cut(&self, at: Timestamp) -> Cut {
        Cut { at, until: at.saturating_add(i64::from(self.within_days) * DAY_MS) }
    }
}

/// How much of a log was read, and how much of it was of no use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// How many events were taken.
    pub events: u64,
    /// How many lines could not be read.
    pub malformed: u64,
    /// How many events the pack refused.
    pub refused: u64,
}

/// A moment of learning: features are of the time before `at`, labels of the time from `at` until `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The cut itself.
    pub at: Timestamp,
    /// When the label is settled.
    pub until: Timestamp,
}

/// One person at one cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The value of every feature of the pack, in the order of their names.
    pub values: Vec<Option<f64>>,
    /// Whether the event came in time.
    pub label: bool,
    /// Which values it came with and was known by, where values are told apart.
    pub told: Told,
    /// How often it came in time, and for how much.
    pub later: Later,
}

/// How often the event came in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Later {
    /// How often.
    pub times: u32,
    /// What its property added up to, where one is added up, in millionths.
    pub amount: i64,
}

/// What is told apart: the property and the value of it, by their numbers in the event's declaration, and the number it goes by.
pub type Apart = BTreeMap<(usize, usize), usize>;

/// The events of one person, and their values where values are told apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// How many events of each value were known at the cut.
    pub known: BTreeMap<usize, u32>,
    /// The values that came in time.
    pub came: BTreeSet<usize>,
    /// The instant of the first event from the cut on, however late, and the values of all events of that instant.
    pub next: Option<(Timestamp, BTreeSet<usize>)>,
}

impl Told {
    fn note(&mut self, at: Timestamp, cut: Cut, values: &[usize]) {
        if at < cut.until {
            self.came.extend(values);
        }
        let (first, next) = self.next.get_or_insert_with(|| (at, BTreeSet::new()));
        if at < *first {
            (*first, *next) = (at, BTreeSet::new());
        }
        if at == *first {
            next.extend(values);
        }
    }
}

/// Everyone in a log, seen at some cuts.
pub struct Cohort {
    pack: Rc<Pack>,
    label: String,
    apart: Apart,
    /// The property of the event that is added up, by its number in the declaration.
    added: Option<usize>,
    cuts: Vec<Cut>,
    /// Sorted, so that the order of a log's lines changes nothing.
    people: BTreeMap<String, Vec<Seen>>,
    end: Option<Timestamp>,
}

/// One person, as seen at one cut.
#[derive(Default)]
struct Seen {
    device: Option<Device>,
    label: bool,
    told: Told,
    later: Later,
}

struct Device {
    engine: Engine,
    clock: Timestamp,
}

impl Cohort {
    /// Starts with nobody.
    #[must_use]
    pub fn new(pack: Rc<Pack>, label: &str, cuts: Vec<Cut>) -> Self {
        let (people, apart) = (BTreeMap::new(), Apart::new());
        Self { pack, label: label.to_owned(), apart, added: None, cuts, people, end: None }
    }

    /// Tells apart with which values of its properties the event comes.
    #[must_use]
    pub fn told_apart(self, apart: Apart) -> Self {
        Self { apart, ..self }
    }

    /// Adds up a property of the event, by its number in the declaration.
    #[must_use]
    pub fn added_up(self, property: Option<usize>) -> Self {
        Self { added: property, ..self }
    }

    /// Takes in a log.
    ///
    /// # Errors
    /// When a file fails or, as [`crate::replay::Stopped`], at the first line that cannot be used when `strict`.
    pub fn read(
        &mut self,
        events: &[PathBuf],
        mapping: Option<Mapping>,
        strict: bool,
        watch: &mut impl Watch,
    ) -> anyhow::Result<Intake> {
        let mut intake = Intake::default();
        let mut take = |Line { place, person, event, heard }: &Line| match self.track(person, event, *heard) {
            Ok(()) => {
                intake.events += 1;
                Ok(None)
            }
            Err(error) => {
                intake.refused += 1;
                Ok(Some(Fault { place: place.clone(), reason: error.to_string() }))
            }
        };
        intake.malformed = read_through(events, mapping, strict, watch, &mut take)?;
        Ok(intake)
    }

    /// Takes in one event of one person, heard of at an instant; lines may come in any order.
    ///
    /// # Errors
    /// [`EventError`] when the event breaks the pack's declaration; it counts nowhere then.
    pub fn track(&mut self, person: &str, raw: &RawEvent, heard: Timestamp) -> Result<(), EventError> {
        let at = raw.at.and_then(Timestamp::from_millis).ok_or(EventError::Time)?;
        let event = Event::parse(&self.pack.events, raw, heard)?;
        let values = if raw.name == self.label { self.values(&event) } else { Vec::new() };
        let amount = match self.added.and_then(|property| event.values.get(property)?.as_ref()) {
            Some(Value::Millionths(amount)) => *amount,
            _ => 0,
        };
        self.end = self.end.max(Some(at));
        if !self.people.contains_key(person) {
            self.people.insert(person.to_owned(), self.cuts.iter().map(|_| Seen::default()).collect());
        }
        let seen = self.people.get_mut(person).into_iter().flatten();
        for (cut, seen) in self.cuts.iter().zip(seen) {
            // What had happened but was not heard of yet is neither known at the cut nor foretold by it.
            if heard < cut.at {
                values.iter().for_each(|value| *seen.told.known.entry(*value).or_default() += 1);
                seen.device.get_or_insert_with(|| Device::install(&self.pack, heard)).track(raw, heard)?;
            } else if at >= cut.at && raw.name == self.label {
                if at < cut.until {
                    seen.label = true;
                    seen.later.times += 1;
                    seen.later.amount += amount;
                }
                seen.told.note(at, *cut, &values);
            }
        }
        Ok(())
    }

    /// The numbers of the values that an event has.
    fn values(&self, event: &Event) -> Vec<usize> {
        let number = |(property, value): (usize, &Option<Value>)| match value {
            Some(Value::Category(category)) => self.apart.get(&(property, *category)).copied(),
            _ => None,
        };
        event.values.iter().enumerate().filter_map(number).collect()
    }

    /// Returns how many people the log has.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// Returns the last instant of the log.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// Lists everyone who was known before the cut of this number, in the order of their names.
    #[must_use]
    pub fn rows(&self, cut: usize) -> Vec<Row> {
        let row = |seen: &Seen| {
            let features = seen.device.as_ref()?.engine.features(self.cuts.get(cut)?.at);
            let values = features.map(|(_, value)| value).collect();
            Some(Row { values, label: seen.label, told: seen.told.clone(), later: seen.later })
        };
        self.people.values().filter_map(|seen| row(seen.get(cut)?)).collect()
    }
}

impl Device {
    /// As in a replay, consent to segmentation is taken as given at the first event. Nothing is stored or reported.
    fn install(pack: &Rc<Pack>, now: Timestamp) -> Self {
        let mut engine = Engine::install(Rc::clone(pack), now);
        let yes = ConsentChange { segmentation: Some(Choice::Granted), ..ConsentChange::default() };
        engine.set_consent(&yes, now);
        Self { engine, clock: now }
    }

    /// A line that comes late is an event the device hears of late: its clock does not turn back.
    fn track(&mut self, raw: &RawEvent, at: Timestamp) -> Result<(), EventError> {
        self.clock = self.clock.max(at);
        self.engine.track(raw, self.clock).map(drop)
    }
}
