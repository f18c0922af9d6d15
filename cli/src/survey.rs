//! A survey: what a pack makes of a log, told exactly because nobody is being watched but a log.
//!
//! Everyone is looked at once in so many days, on the same days, whatever the order of the lines of different people;
//! what comes late for its own person counts from when it was heard of.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use keepset_engine::{Change, ChangeKind, Engine, Event, Pack};
use keepset_wire::{DAY_MS, Timestamp};
use serde::Serialize;

use crate::fleet::{Totals, repeatable};
use crate::log::{Fault, Line, Mapping};
use crate::replay::{Watch, read_through};

/// What is surveyed, and how.
#[derive(Debug)]
pub struct Survey {
    /// The pack whose features and segments are computed.
    pub pack: Pack,
    /// The log.
    pub events: Vec<PathBuf>,
    /// With a mapping the log is CSV, without it is JSON lines.
    pub mapping: Option<Mapping>,
    /// Ends the survey at the first line that cannot be used.
    pub strict: bool,
    /// Everyone is looked at once in so many days.
    pub every_days: u16,
}

/// What a survey found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The pack.
    pub pack: String,
    /// How many people the log has.
    pub people: usize,
    /// How many lines could not be read.
    pub malformed: u64,
    /// What became of the events.
    pub intake: Totals,
    /// The instant of the first event.
    pub first: i64,
    /// The instant of the last event, at which everyone is looked at for the last time.
    pub last: i64,
    /// How long one core was at work on it, reading included, in seconds.
    pub seconds: f64,
    /// The instants at which everyone was looked at.
    pub looks: Vec<Look>,
    /// The segments, in the pack's order.
    pub segments: Vec<SegmentFound>,
    /// The features at the end, in the order of their names.
    pub features: Vec<FeatureFound>,
}

/// Everyone at one instant.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    /// The instant, in milliseconds since 1970.
    pub at: i64,
    /// How many people were known by then.
    pub people: u64,
    /// How many of them were in each segment.
    pub members: Vec<u64>,
}

/// What became of a segment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SegmentFound {
    /// Its name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How many are in it at the end.
    pub members: u64,
    /// How often somebody entered.
    pub entered: u64,
    /// How often somebody left.
    pub left: u64,
    /// How many of the entries and exits time alone brought about.
    pub by_time: u64,
}

/// The values of a feature over everyone.
#[derive(Clone, Debug, Serialize)]
pub struct FeatureFound {
    /// Its name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How many people have a value.
    pub people: usize,
    /// The sum of the values; nothing where they are labels.
    pub sum: Option<f64>,
    /// The value a quarter of the people do not exceed, the half and three quarters; empty where they are labels.
    pub quartiles: Vec<f64>,
    /// The smallest and the largest value; empty where they are labels.
    pub range: Vec<f64>,
    /// How many people have each label, where the values are labels.
    pub labels: BTreeMap<String, u64>,
}

/// Measures the work of this thread where the system tells it, for others may be at work on the machine; else the time.
struct Stopwatch {
    worked: Option<f64>,
    started: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { worked: Self::worked(), started: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let elapsed = self.started.elapsed().as_secs_f64();
        self.worked.zip(Self::worked()).map_or(elapsed, |(before, after)| after - before)
    }

    /// Linux counts nanoseconds a thread was at work in the first number of this file.
    fn worked() -> Option<f64> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
    }
}

struct Person {
    engine: Engine,
    clock: Timestamp,
    /// The number of the next day at which everyone is looked at.
    next: i64,
}

/// Everyone, and what was seen of them.
struct Crowd {
    pack: Rc<Pack>,
    every: i64,
    names: HashMap<String, usize>,
    people: Vec<Person>,
    /// What began as the latest person was installed; it counts once the person is known to be one.
    begun: Vec<Change>,
    first: Option<Timestamp>,
    totals: Totals,
    /// By the number of the look: people and members.
    looks: BTreeMap<i64, (u64, Vec<u64>)>,
    segments: Vec<SegmentFound>,
}

impl Survey {
    /// Runs the survey.
    ///
    /// # Errors
    /// When a file fails, the log holds no usable event or, as [`crate::replay::Stopped`], at the first unusable line of
    /// a strict survey.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<Found> {
        let started = Stopwatch::start();
        let mut crowd = Crowd::new(Rc::new(self.pack), i64::from(self.every_days) * DAY_MS);
        let mut take = |line: &Line| Ok(crowd.take(line));
        let malformed = read_through(&self.events, self.mapping, self.strict, watch, &mut take)?;
        let Some(last) = crowd.people.iter().map(|person| person.clock).max() else {
            anyhow::bail!("the log holds no event the pack declares");
        };
        (0..crowd.people.len()).for_each(|index| crowd.advance(index, last));
        let seconds = started.seconds();
        Ok(crowd.found(last, malformed, seconds))
    }
}

impl Crowd {
    fn new(pack: Rc<Pack>, every: i64) -> Self {
        let segment = |segment: &keepset_engine::segment::Segment| SegmentFound {
            id: segment.id.to_string(),
            title: segment.title.clone(),
            ..SegmentFound::default()
        };
        let segments = pack.segments().iter().map(segment).collect();
        Self {
            pack,
            every,
            names: HashMap::new(),
            people: Vec::new(),
            begun: Vec::new(),
            first: None,
            totals: Totals::default(),
            looks: BTreeMap::new(),
            segments,
        }
    }

    fn take(&mut self, line: &Line) -> Option<Fault> {
        let fault = |reason: String| Some(Fault { place: line.place.clone(), reason });
        if Event::declared(&self.pack.events, &line.event.name).is_none() {
            self.totals.undeclared_events += 1;
            return fault(keepset_engine::EventError::Undeclared.to_string());
        }
        let at = line.heard;
        let known = self.names.get(line.person.as_str()).copied();
        let index = known.unwrap_or_else(|| self.install(&line.person, at));
        self.advance(index, at);
        let person = &mut self.people[index];
        let before = *person.engine.intake();
        let tracked = person.engine.track(&line.event, person.clock);
        self.totals.add(&before, person.engine.intake());
        match tracked {
            Ok(changes) => {
                note(&mut self.segments, &changes);
                note(&mut self.segments, &std::mem::take(&mut self.begun));
                self.first = Some(self.first.map_or(at, |first| first.min(at)));
                None
            }
            Err(error) => {
                if known.is_none() {
                    // A person of whom nothing usable is known is nobody.
                    self.people.pop();
                    self.begun.clear();
                    self.names.remove(&line.person);
                }
                fault(error.to_string())
            }
        }
    }

    fn install(&mut self, name: &str, now: Timestamp) -> usize {
        let (engine, changes) = repeatable(&self.pack, name, now);
        self.begun = changes;
        self.people.push(Person { engine, clock: now, next: now.millis() / self.every + 1 });
        self.names.insert(name.to_owned(), self.people.len() - 1);
        self.people.len() - 1
    }

    /// Lets a person live until `to`, and looks at them on the days on the way.
    fn advance(&mut self, index: usize, to: Timestamp) {
        let person = &mut self.people[index];
        while let Some(at) = Timestamp::from_millis(person.next * self.every).filter(|at| *at <= to) {
            let changes = person.engine.tick(at);
            note(&mut self.segments, &changes);
            let segments = self.segments.len();
            let (people, members) = self.looks.entry(person.next).or_insert_with(|| (0, vec![0; segments]));
            *people += 1;
            for (segment, members) in members.iter_mut().enumerate() {
                *members += u64::from(person.engine.is_in(segment));
            }
            person.clock = person.clock.max(at);
            person.next += 1;
        }
        person.clock = person.clock.max(to);
    }

    fn found(mut self, last: Timestamp, malformed: u64, seconds: f64) -> Found {
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); self.pack.features().len()];
        for person in &mut self.people {
            let changes = person.engine.tick(last);
            note(&mut self.segments, &changes);
            for (index, segment) in self.segments.iter_mut().enumerate() {
                segment.members += u64::from(person.engine.is_in(index));
            }
            for (values, (_, value)) in values.iter_mut().zip(person.engine.features(last)) {
                values.extend(value);
            }
        }
        let every = self.every;
        let look = |(number, (people, members)): (i64, (u64, Vec<u64>))| Look {
            at: number * every,
            people,
            members,
        };
        let mut looks: Vec<Look> = self.looks.into_iter().map(look).collect();
        if looks.last().is_none_or(|look| look.at < last.millis()) {
            let members = self.segments.iter().map(|segment| segment.members).collect();
            looks.push(Look { at: last.millis(), people: self.people.len() as u64, members });
        }
        Found {
            pack: self.pack.id.to_string(),
            people: self.people.len(),
            malformed,
            intake: self.totals,
            first: self.first.unwrap_or(last).millis(),
            last: last.millis(),
            seconds,
            looks,
            segments: self.segments,
            features: self
                .pack
                .features()
                .iter()
                .zip(values)
                .map(|(f, values)| FeatureFound::of(f, values))
                .collect(),
        }
    }
}

fn note(segments: &mut [SegmentFound], changes: &[Change]) {
    for change in changes {
        let Some(segment) = segments.get_mut(change.segment) else { continue };
        match change.kind {
            ChangeKind::Entered => segment.entered += 1,
            ChangeKind::Left => segment.left += 1,
        }
        segment.by_time += u64::from(matches!(change.cause.code(), "time" | "ttl"));
    }
}

impl FeatureFound {
    fn of(feature: &keepset_engine::feature::Feature, mut values: Vec<f64>) -> Self {
        let mut found = Self {
            id: feature.id.to_string(),
            title: feature.title.clone(),
            people: values.len(),
            sum: None,
            quartiles: Vec::new(),
            range: Vec::new(),
            labels: BTreeMap::new(),
        };
        if !feature.labels.is_empty() {
            for label in values.iter().filter_map(|value| feature.label(*value)) {
                *found.labels.entry(label.to_owned()).or_default() += 1;
            }
            return found;
        }
        values.sort_by(f64::total_cmp);
        found.sum = Some(values.iter().fold(0.0, |sum, value| sum + value));
        // The nearest rank: a value somebody has.
        let rank =
            |quarter: usize| values.get((values.len() * quarter).div_ceil(4).saturating_sub(1)).copied();
        found.quartiles = (1..=3).filter_map(rank).collect();
        found.range = values.first().into_iter().chain(values.last()).copied().collect();
        found
    }
}
