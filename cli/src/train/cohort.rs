//! Who is learned from: what every person's device knew at a cut, and what the person did after it.
//!
//! Each cut has engines of its own, and none of them is ever told of an event at or after the cut: what comes later
//! cannot leak into a feature.

use std::collections::BTreeMap;
use std::rc::Rc;

use keepset_engine::event::Event;
use keepset_engine::{Choice, ConsentChange, Engine, EventError, Pack, RawEvent};
use keepset_wire::Timestamp;

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
}

/// Everyone in a log, seen at some cuts.
pub struct Cohort {
    pack: Rc<Pack>,
    label: String,
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
}

struct Device {
    engine: Engine,
    clock: Timestamp,
}

impl Cohort {
    /// Starts with nobody.
    #[must_use]
    pub fn new(pack: Rc<Pack>, label: &str, cuts: Vec<Cut>) -> Self {
        Self { pack, label: label.to_owned(), cuts, people: BTreeMap::new(), end: None }
    }

    /// Takes in one event of one person, heard of at an instant; lines may come in any order.
    ///
    /// # Errors
    /// [`EventError`] when the event breaks the pack's declaration; it counts nowhere then.
    pub fn track(&mut self, person: &str, raw: &RawEvent, heard: Timestamp) -> Result<(), EventError> {
        let at = raw.at.and_then(Timestamp::from_millis).ok_or(EventError::Time)?;
        Event::parse(&self.pack.events, raw, heard)?;
        self.end = self.end.max(Some(at));
        if !self.people.contains_key(person) {
            self.people.insert(person.to_owned(), self.cuts.iter().map(|_| Seen::default()).collect());
        }
        let seen = self.people.get_mut(person).into_iter().flatten();
        for (cut, seen) in self.cuts.iter().zip(seen) {
            // What had happened but was not heard of yet is neither known at the cut nor foretold by it.
            if heard < cut.at {
                seen.device.get_or_insert_with(|| Device::install(&self.pack, heard)).track(raw, heard)?;
            } else if (cut.at..cut.until).contains(&at) {
                seen.label |= raw.name == self.label;
            }
        }
        Ok(())
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
            Some(Row { values: features.map(|(_, value)| value).collect(), label: seen.label })
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
