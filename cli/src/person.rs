//! One person of a log: why they are in each segment or out of it, and what would happen if.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use keepset_engine::segment::Explanation;
use keepset_engine::{Change, Engine, Pack, RawEvent};
use keepset_wire::Timestamp;
use serde::Serialize;

use crate::fleet::{Totals, repeatable};
use crate::log::{self, Fault, Line, Mapping};
use crate::replay::{Watch, read_through};

/// A person of a log, and the instant that is asked about.
#[derive(Debug)]
pub struct Question {
    /// The pack whose segments are asked about.
    pub pack: Pack,
    /// The log.
    pub events: Vec<PathBuf>,
    /// With a mapping the log is CSV, without it is JSON lines.
    pub mapping: Option<Mapping>,
    /// Ends at the first line that cannot be used.
    pub strict: bool,
    /// Who is asked about.
    pub person: String,
    /// The instant asked about; what happened after it is left out. Without one, the end of the log.
    pub at: Option<Timestamp>,
}

/// A person's engine as it is at one instant.
#[derive(Debug)]
pub struct Known {
    /// Who it is.
    pub person: String,
    /// The instant.
    pub at: Timestamp,
    /// What became of the person's events.
    pub intake: Totals,
    /// The engine, after everything up to the instant.
    pub engine: Engine,
}

/// What would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WouldChange {
    /// The segment.
    pub segment: String,
    /// What it is called.
    pub title: String,
    /// `entered` or `left`.
    pub change: &'static str,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What would bring it about: an event, time, ...
    pub cause: String,
    /// Why, in one sentence.
    pub because: String,
}

impl Question {
    /// Lets the person's engine live through the log, up to the instant asked about.
    ///
    /// # Errors
    /// When the log cannot be read, or holds nothing usable of this person up to the instant.
    pub fn answer(self, watch: &mut impl Watch) -> anyhow::Result<Known> {
        let Self { pack, events, mapping, strict, person, at } = self;
        let pack = Rc::new(pack);
        let mut end: Option<Timestamp> = None;
        let mut lived: Option<(Engine, Timestamp)> = None;
        let mut intake = Totals::default();
        let mut take = |line: &Line| {
            let then = line.heard;
            if at.is_some_and(|at| at < then) {
                return Ok(None);
            }
            end = end.max(Some(then));
            if line.person != person {
                return Ok(None);
            }
            let (engine, clock) = lived.get_or_insert_with(|| (repeatable(&pack, &person, then).0, then));
            *clock = (*clock).max(then);
            let before = *engine.intake();
            let tracked = engine.track(&line.event, *clock);
            intake.add(&before, engine.intake());
            Ok(tracked.err().map(|error| Fault { place: line.place.clone(), reason: error.to_string() }))
        };
        read_through(&events, mapping, strict, watch, &mut take)?;
        let Some((mut engine, clock)) = lived else {
            let until = at.map_or(String::new(), |at| format!(" up to {}", shown(at)));
            bail!("the log holds no event of {person:?}{until}");
        };
        let at = at.or(end).unwrap_or(clock);
        engine.tick(at);
        Ok(Known { person, at, intake, engine })
    }
}

impl Known {
    /// Explains one segment, or every one in the pack's order.
    ///
    /// # Errors
    /// When the pack has no such segment; the segments it has are named.
    pub fn explain(&self, segment: Option<&str>) -> anyhow::Result<Vec<Explanation>> {
        let pack = self.engine.pack();
        let names: Vec<&str> = pack.segments().iter().map(|segment| segment.id.as_str()).collect();
        let asked = segment.map_or(names.clone(), |segment| vec![segment]);
        let explained = asked.iter().map(|segment| {
            let unknown = || format!("the pack has no segment {segment:?}; it has: {}", names.join(", "));
            self.engine.explain(segment, self.at).with_context(unknown)
        });
        explained.collect()
    }

    /// Says what these events would change; one without a time happens at the instant asked about.
    ///
    /// # Errors
    /// When an event breaks the pack's declaration; its place in the list is named, 1 for the first.
    pub fn simulate(&self, events: &[RawEvent]) -> anyhow::Result<Vec<WouldChange>> {
        let declared = |event: &RawEvent| {
            keepset_engine::Event::declared(&self.engine.pack().events, &event.name).is_some()
        };
        if let Some(index) = events.iter().position(|event| !declared(event)) {
            bail!("event {}: the pack declares no event {:?}", index + 1, events[index].name);
        }
        let changes = self.engine.simulate(events, self.at);
        let changes = changes.map_err(|(index, error)| anyhow::anyhow!("event {}: {error}", index + 1))?;
        Ok(changes.iter().map(|change| self.would(change)).collect())
    }

    fn would(&self, change: &Change) -> WouldChange {
        let pack = self.engine.pack();
        let segment = &pack.segments()[change.segment];
        WouldChange {
            segment: segment.id.to_string(),
            title: segment.title.clone(),
            change: if change.kind == keepset_engine::ChangeKind::Entered { "entered" } else { "left" },
            at: change.at.millis(),
            cause: change.cause.code().to_owned(),
            because: change.because(pack),
        }
    }
}

/// Reads the events of a "what if": JSON lines as in a log, but the person and the time may be left out.
///
/// # Errors
/// When the file cannot be read, or the first line that is no event.
pub fn read_events(path: &Path) -> anyhow::Result<Vec<RawEvent>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut events = Vec::new();
    for (index, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let event = log::read_event(&line)
            .map_err(|reason| anyhow::anyhow!("{}:{}: {reason}", path.display(), index + 1))?;
        events.push(event);
    }
    anyhow::ensure!(!events.is_empty(), "{} holds no event", path.display());
    Ok(events)
}

/// Writes an instant as a day and a time of day, UTC.
#[must_use]
pub fn shown(at: Timestamp) -> String {
    let minutes = at.millis().rem_euclid(86_400_000) / 60_000;
    format!("{} {:02}:{:02} UTC", at.date(), minutes / 60, minutes % 60)
}
