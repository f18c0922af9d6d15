//! A replay: a log goes through one engine per person, reports come out, and truth stands beside estimate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use keepset_engine::Pack;
use keepset_wire::{OpeningKey, SealingKey, SealingKeys, Timestamp};
use serde::Serialize;

use crate::collector::Collector;
use crate::fleet::{Answer, Fleet, Noise, Totals};
use crate::log::{Fault, Line, Log, LogError, Mapping};
use crate::tally::{SegmentResult, Tally, WindowResult};

/// What is replayed, and how.
#[derive(Debug)]
pub struct Replay {
    /// The pack whose segments are computed and whose plan is answered.
    pub pack: Pack,
    /// The log.
    pub events: Vec<PathBuf>,
    /// With a mapping the log is CSV, without it is JSON lines.
    pub mapping: Option<Mapping>,
    /// Where the noise comes from.
    pub noise: Noise,
    /// Ends the replay at the first line that cannot be used.
    pub strict: bool,
    /// The collector that gets the reports; without one, nothing leaves this process.
    pub collector: Option<String>,
    /// The window to show; without one, the last complete one.
    pub window: Option<u32>,
}

/// Is told how a replay goes.
pub trait Watch {
    /// A line was not used.
    fn fault(&mut self, fault: &Fault);
    /// So many of so many bytes are read.
    fn progress(&mut self, read: u64, size: u64, events: u64);
    /// So many of so many steps of a training are done.
    fn step(&mut self, done: u64, all: u64, step: &str) {
        let _ = (done, all, step);
    }
    /// A training tells what it does now.
    fn say(&mut self, line: &str) {
        let _ = line;
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

/// Watches one of several readings of a log: its faults are told once.
pub(crate) struct Reading<'a, W> {
    pub(crate) watch: &'a mut W,
    pub(crate) number: u64,
    pub(crate) of: u64,
}

/// What a replay found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// How many people the log has.
    pub people: usize,
    /// How many events the engines took in; one that came twice counts once.
    pub events: u64,
    /// What became of the events, as the engines counted it.
    pub intake: Totals,
    /// How many reports were made.
    pub reports: u64,
    /// How many lines could not be read.
    pub malformed: u64,
    /// How many events the engines refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Where the noise comes from.
    pub noise: &'static str,
    /// Who estimated.
    pub estimated_by: &'static str,
    /// The price of one report, which is also that of one window.
    pub epsilon: f64,
    /// At most this many windows a year are answered.
    pub windows_per_year: u32,
    /// The window shown.
    pub window: WindowName,
    /// The sizes of its segments, of all questions.
    pub segments: Vec<SegmentResult>,
    /// Every other number of all questions.
    pub figures: Vec<SegmentResult>,
    /// Every window.
    pub windows: Vec<WindowResult>,
}

/// A window by number and days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowName {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub starts: String,
    /// The day after its last.
    pub ends: String,
    /// Whether the log reaches its end.
    pub complete: bool,
}

/// A strict replay met a line it cannot use.
#[derive(Debug)]
pub struct Stopped(pub Fault);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Stopped {}

/// What was counted besides the answers.
#[derive(Debug, Default)]
struct Counts {
    people: usize,
    totals: Totals,
    malformed: u64,
    refused: BTreeMap<String, u64>,
}

/// How often progress is told: every so many lines.
const PROGRESS_LINES: u64 = 4_096;

impl Replay {
    /// Runs the replay and estimates every window.
    ///
    /// # Errors
    /// When a file or the collector fails, the pack has no plan, the log gives no report, or, as [`Stopped`], when a
    /// strict replay meets a line it cannot use.
    pub fn run(self, watch: &mut impl Watch) -> anyhow::Result<Summary> {
        let plan = self.pack.plan.as_ref().context("the pack has no plan, so nothing is reported")?.clone();
        let collector =
            self.collector.as_deref().map(|url| Collector::connect(url, plan.hash())).transpose()?;
        let (noise, window) = (self.noise, self.window);
        let mut tally = Tally::new(plan.clone())?;
        let (counts, end, collector) =
            self.live(collector, watch, &mut |answer: Answer| tally.add(&answer))?;
        let mut windows = tally.results(end);
        if let Some(collector) = &collector {
            collector.estimates(&mut windows)?;
        }
        let shown = shown(&windows, window)?;
        Ok(Summary {
            people: counts.people,
            events: counts.totals.accepted,
            intake: counts.totals,
            reports: tally.reports(),
            malformed: counts.malformed,
            refused: counts.refused,
            noise: if noise == Noise::System { "system" } else { "seeded" },
            estimated_by: if collector.is_some() { "collector" } else { "this process" },
            epsilon: plan.epsilon.value(),
            windows_per_year: plan.windows_per_year,
            window: WindowName {
                window: shown.window,
                starts: shown.starts.clone(),
                ends: shown.ends.clone(),
                complete: shown.complete,
            },
            segments: shown.questions.iter().flat_map(|question| question.segments.clone()).collect(),
            figures: shown.questions.iter().flat_map(|question| question.figures.clone()).collect(),
            windows,
        })
    }

    /// Runs the replay without a collector and gives every answer to `answers`; returns the last instant of the log.
    ///
    /// # Errors
    /// As [`Replay::run`], but for a log that gives no report.
    pub fn answers(
        self,
        watch: &mut impl Watch,
        answers: &mut impl FnMut(Answer),
    ) -> anyhow::Result<Timestamp> {
        self.live(None, watch, answers).map(|(_, end, _)| end)
    }

    fn live(
        self,
        collector: Option<Collector>,
        watch: &mut impl Watch,
        answers: &mut impl FnMut(Answer),
    ) -> anyhow::Result<(Counts, Timestamp, Option<Collector>)> {
        let mut pack = self.pack;
        let named = collector.as_ref().and_then(Collector::keys).cloned();
        pack.keys = named.unwrap_or_else(nobodys);
        let mut fleet = Fleet::new(Rc::new(pack), self.noise, collector);
        let mut counts = Counts::default();
        let mut take = |line: &Line| counts.live(&mut fleet, line, answers);
        counts.malformed = read_through(&self.events, self.mapping, self.strict, watch, &mut take)?;
        let Some(end) = fleet.clock() else { bail!("the log holds no event") };
        fleet.finish(end, answers)?;
        (counts.people, counts.totals) = (fleet.people(), *fleet.totals());
        Ok((counts, end, fleet.into_collector()))
    }
}

impl Counts {
    /// Takes one line; gives the fault when the engine refused its event.
    fn live(
        &mut self,
        fleet: &mut Fleet,
        line: &Line,
        answers: &mut impl FnMut(Answer),
    ) -> anyhow::Result<Option<Fault>> {
        let Line { place, person, event, heard } = line;
        match fleet.track(person, event, *heard, answers)? {
            Ok(()) => Ok(None),
            Err(error) => {
                *self.refused.entry(error.code().to_string()).or_default() += 1;
                Ok(Some(Fault { place: place.clone(), reason: error.to_string() }))
            }
        }
    }
}

/// Gives every line of a log to `take`, which tells when it could not use one; returns how many could not be read.
///
/// # Errors
/// When a file or `take` fails or, as [`Stopped`], at the first unusable line when `strict`.
pub(crate) fn read_through(
    events: &[PathBuf],
    mapping: Option<Mapping>,
    strict: bool,
    watch: &mut impl Watch,
    take: &mut impl FnMut(&Line) -> anyhow::Result<Option<Fault>>,
) -> anyhow::Result<u64> {
    let mut log = Log::open(events, mapping)?;
    let (mut lines, mut malformed): (u64, u64) = (0, 0);
    let mut line = Line::default();
    while let Some(read) = log.read(&mut line) {
        let fault = match read {
            Ok(()) => take(&line)?,
            Err(LogError::Malformed(fault)) => {
                malformed += 1;
                Some(fault)
            }
            Err(LogError::Broken(error)) => return Err(error),
        };
        if let Some(fault) = fault {
            watch.fault(&fault);
            if strict {
                return Err(Stopped(fault).into());
            }
        }
        lines += 1;
        if lines.is_multiple_of(PROGRESS_LINES) {
            let (read, size) = log.progress();
            watch.progress(read, size, lines);
        }
    }
    let (read, size) = log.progress();
    watch.progress(read, size, lines);
    Ok(malformed)
}

/// Keys for reports that nobody receives sealed: devices seal them all the same, so that they do what devices do.
fn nobodys() -> SealingKeys {
    let public = OpeningKey::from_bytes(&[1; 32]).public();
    let key = SealingKey { id: 1, public, from: Timestamp::MIN, until: Timestamp::MAX };
    SealingKeys::new(vec![key]).unwrap_or_default()
}

/// Chooses the window to show: the one asked for, else the last complete one, else the last.
fn shown(windows: &[WindowResult], asked: Option<u32>) -> anyhow::Result<&WindowResult> {
    let found = match asked {
        Some(number) => windows.iter().find(|window| window.window == number),
        None => windows.iter().rfind(|window| window.complete).or(windows.last()),
    };
    found.with_context(|| match (asked, windows) {
        (_, []) => "no device reported: the log is shorter than the wait of a new device, which ends with its first window".to_owned(),
        (number, [first, .., last]) => {
            format!("window {} has no report; windows {} to {} have", number.unwrap_or(0), first.window, last.window)
        }
        (number, [only]) => format!("window {} has no report; window {} has", number.unwrap_or(0), only.window),
    })
}

impl<W: Watch> Watch for Reading<'_, W> {
    fn fault(&mut self, fault: &Fault) {
        if self.number == 0 {
            self.watch.fault(fault);
        }
    }

    fn progress(&mut self, read: u64, size: u64, events: u64) {
        self.watch.progress(self.number * size + read, self.of * size, events);
    }
}

impl Watch for Unwatched {
    fn fault(&mut self, _: &Fault) {}
    fn progress(&mut self, _: u64, _: u64, _: u64) {}
}
