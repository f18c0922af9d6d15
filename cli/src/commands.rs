//! The commands: each reads its files, does its work and returns what is to be printed.

mod learning;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use keepset_engine::Pack;
use keepset_wire::document::Node;
use keepset_wire::{CollectorKeys, Name, document};
use serde::Serialize;

use crate::args::{
    CompileArguments, CoverageArguments, CrowdArguments, ExplainArguments, ImportArguments, LogArguments,
    PackArguments, PersonArguments, PlanArguments, ReplayArguments, SimulateArguments, SurveyArguments,
};
use crate::crowd::Crowd;
use crate::figures::{self, FiguresArguments};
use crate::fleet::Noise;
use crate::log::Mapping;
use crate::person::{self, Known};
use crate::plan::Outlook;
use crate::replay::Replay;
use crate::sentiment::{self, SentimentCommand};
use crate::survey::Survey;
use crate::terminal::Terminal;
use crate::{coverage as measure, import, log, story, table};

pub use self::learning::{evaluate, train};

/// Replays a log.
///
/// # Errors
/// As [`Replay::run`], or when a file cannot be read or written.
pub fn replay(arguments: &ReplayArguments) -> anyhow::Result<String> {
    let summary = watched(arguments.run.progress, |terminal| {
        if arguments.seed.is_some() {
            terminal.say("The noise comes from a seed: seeded noise is not private.");
        }
        let replay = Replay {
            noise: arguments.seed.map_or(Noise::System, Noise::Seeded),
            collector: arguments.collector.clone(),
            window: arguments.window,
            ..prepared(&arguments.run.log)?
        };
        replay.run(terminal)
    })?;
    write_json(arguments.run.json.as_deref(), &summary)?;
    Ok(table::replay(&summary))
}

/// Surveys a log.
///
/// # Errors
/// As [`Survey::run`], or when a file cannot be read or written.
pub fn survey(arguments: &SurveyArguments) -> anyhow::Result<String> {
    let log = &arguments.run.log;
    let survey = Survey {
        pack: read_pack_with(&log.pack, log.plan.as_deref())?,
        events: log.files.events.clone(),
        mapping: log.files.mapping.as_deref().map(read_mapping).transpose()?,
        strict: log.files.strict,
        every_days: arguments.every,
    };
    let found = watched(arguments.run.progress, |terminal| survey.run(terminal))?;
    write_json(arguments.run.json.as_deref(), &found)?;
    Ok(story::survey(&found))
}

/// Explains the segments of a person.
///
/// # Errors
/// As [`person::Question::answer`] and [`Known::explain`], or when a file cannot be read.
pub fn explain(arguments: &ExplainArguments) -> anyhow::Result<String> {
    let known = known(&arguments.log, &arguments.person)?;
    let explained = known.explain(arguments.segment.as_deref())?;
    if arguments.person.json {
        return Ok(serde_json::to_string_pretty(&explained)? + "\n");
    }
    Ok(story::explained(&known, &explained))
}

/// Lets devices report, or tells what events would change for a person.
///
/// # Errors
/// As [`Crowd::run`]; or as [`person::Question::answer`] and [`Known::simulate`], or when a file cannot be read.
pub fn simulate(arguments: &SimulateArguments) -> anyhow::Result<String> {
    if let Some(crowd) = &arguments.crowd {
        return report_as(crowd);
    }
    let log = arguments.log.as_ref().context("--pack is missing")?;
    let person = arguments.person.as_ref().context("--person is missing")?;
    let events = person::read_events(arguments.then.as_deref().context("--then is missing")?)?;
    let known = known(log, person)?;
    let changes = known.simulate(&events)?;
    if person.json {
        return Ok(serde_json::to_string_pretty(&changes)? + "\n");
    }
    Ok(story::simulated(&known, events.len(), &changes))
}

/// Lets a crowd report.
fn report_as(arguments: &CrowdArguments) -> anyhow::Result<String> {
    let crowd = Crowd {
        devices: arguments.devices,
        collector: arguments.collector.clone(),
        plain: arguments.plain,
        noise: arguments.seed.map_or(Noise::System, Noise::Seeded),
        token: std::env::var("KEEPSET_TOKEN").ok(),
    };
    let outcome = watched(arguments.progress, |terminal| {
        crowd.run(&mut |done| terminal.advance(done, crowd.devices, format!("{done} reports")))
    })?;
    Ok(table::crowd(&outcome))
}

fn known(source: &LogArguments, arguments: &PersonArguments) -> anyhow::Result<Known> {
    let instant = |text: &String| {
        log::read_instant(text).with_context(|| format!("{text:?} is no time like 2017-12-01T18:30:00Z"))
    };
    let question = person::Question {
        pack: read_pack_with(&source.pack, source.plan.as_deref())?,
        events: source.files.events.clone(),
        mapping: source.files.mapping.as_deref().map(read_mapping).transpose()?,
        strict: source.files.strict,
        person: arguments.person.clone(),
        at: arguments.at.as_ref().map(instant).transpose()?,
    };
    watched(false, |terminal| question.answer(terminal))
}

/// Measures coverage.
///
/// # Errors
/// As [`measure::coverage`], or when a file cannot be read or written.
pub fn coverage(arguments: &CoverageArguments) -> anyhow::Result<String> {
    // Seeded throughout, so that the figure can be quoted and checked.
    let replay = Replay { noise: Noise::Seeded(0), ..prepared(&arguments.run.log)? };
    let coverage = watched(arguments.run.progress, |terminal| {
        measure::coverage(replay, arguments.seeds, arguments.copies.into(), terminal)
    })?;
    write_json(arguments.run.json.as_deref(), &coverage)?;
    Ok(table::coverage(&coverage))
}

/// Measures models on public data.
///
/// # Errors
/// As [`figures::run`].
pub fn figures(arguments: &FiguresArguments) -> anyhow::Result<String> {
    watched(false, |terminal| figures::run(arguments, &mut |line| terminal.say(line)))
}

/// Makes, measures or asks a lexicon.
///
/// # Errors
/// As [`sentiment::run`].
pub fn sentiment(command: &SentimentCommand) -> anyhow::Result<String> {
    watched(false, |terminal| sentiment::run(command, &mut |line| terminal.say(line)))
}

/// Imports a model.
///
/// # Errors
/// As [`import::read`] and [`import::Imported::of_pack`], or when a file cannot be read or written.
pub fn import(arguments: &ImportArguments) -> anyhow::Result<String> {
    let imported = import::read(&arguments.from, &arguments.features)?;
    let text = match (&arguments.pack, &arguments.model_id) {
        (Some(pack), Some(id)) => {
            let document = document::parse(&read(pack)?)
                .with_context(|| format!("the pack {} is wrong", pack.display()))?;
            let id = Name::parse(id).with_context(|| format!("{id:?} is no name: a-z, 0-9, _, - and ."))?;
            serde_json::to_string(&imported.of_pack(&document, &id, &arguments.label)?)?
        }
        _ => {
            let model = imported.of_table(&arguments.label);
            model.scorer().context("devices do not take the model")?;
            serde_json::to_string(&model)?
        }
    };
    write(&arguments.out, &(text + "\n"))?;
    Ok(format!("{}: a model of {} features\n", arguments.out.display(), imported.features.len()))
}

/// Prints the plan of a pack, or what a plan will be able to tell.
///
/// # Errors
/// When the pack is wrong or has no plan, or when no mechanism answers a question of the shape asked for.
pub fn plan(arguments: &PlanArguments) -> anyhow::Result<String> {
    let Some(path) = &arguments.pack else { return Outlook::of_arguments(arguments)?.text() };
    let pack = read_pack_with(path, arguments.plan.as_deref())?;
    let Some(plan) = &pack.plan else { bail!("{} has no plan", path.display()) };
    match arguments.devices {
        None => Ok(format!("{:#}\n", plan.to_json())),
        Some(devices) => Outlook::of_plan(plan, devices, arguments.frequency.clone()).text(),
    }
}

/// Checks a pack.
///
/// # Errors
/// The first mistake in it.
pub fn check(arguments: &PackArguments) -> anyhow::Result<String> {
    let pack = read_pack(&arguments.pack)?;
    let asked = pack
        .plan
        .as_ref()
        .map_or(0, |plan| plan.questions.iter().map(|question| question.ask.segments().len()).sum());
    Ok(format!(
        "ok: {} version {}, {} segments, {asked} of them asked about\nits hash, as a ledger names it: {}\n",
        pack.id,
        pack.version,
        pack.segments().len(),
        pack.hash(),
    ))
}

/// Compiles a pack.
///
/// # Errors
/// The first mistake in it, or when a file cannot be read or written.
pub fn compile(arguments: &CompileArguments) -> anyhow::Result<String> {
    let pack = read_keyed_pack(&arguments.pack, arguments.keys.as_deref())?;
    let compiled = pack.compile();
    let out = arguments.output.clone().unwrap_or_else(|| arguments.pack.with_extension("keepset"));
    if out == arguments.pack {
        bail!("{}: this is the pack itself; name another file with --output", out.display());
    }
    fs::write(&out, &compiled).with_context(|| format!("{} cannot be written", out.display()))?;
    let keyless = pack.plan.is_some() && pack.keys.list().is_empty();
    let warning = if keyless {
        "no device will report: the pack has a plan and no keys of a collector (--keys)\n"
    } else {
        ""
    };
    Ok(format!("{}: {} bytes\n{warning}", out.display(), compiled.len()))
}

/// Reads a pack file and puts the collector's keys into the pack.
fn read_keyed_pack(path: &Path, keys: Option<&Path>) -> anyhow::Result<Pack> {
    let mut pack = read_pack(path)?;
    let Some(keys) = keys else { return Ok(pack) };
    if !pack.keys.list().is_empty() {
        bail!("{} names keys of a collector already; name them there or with --keys", path.display());
    }
    let document = document::parse(&read(keys)?);
    let read = document.and_then(|document| CollectorKeys::read(&Node::root(&document)));
    let read = read.with_context(|| format!("the keys {} are wrong", keys.display()))?;
    pack.name_keys(read);
    Ok(pack)
}

fn prepared(arguments: &LogArguments) -> anyhow::Result<Replay> {
    Ok(Replay {
        pack: read_pack_with(&arguments.pack, arguments.plan.as_deref())?,
        events: arguments.files.events.clone(),
        mapping: arguments.files.mapping.as_deref().map(read_mapping).transpose()?,
        noise: Noise::System,
        strict: arguments.files.strict,
        collector: None,
        window: None,
    })
}

/// Does the work with its progress and its faults on the terminal, which is left tidy whatever comes of it.
pub(crate) fn watched<T>(
    progress: bool,
    work: impl FnOnce(&mut Terminal) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut terminal = Terminal::new(progress);
    let done = work(&mut terminal);
    terminal.finish();
    done
}

/// Reads a pack file.
///
/// # Errors
/// When it cannot be read, or the first mistake in it.
pub fn read_pack(path: &Path) -> anyhow::Result<Pack> {
    Pack::parse(&read(path)?).with_context(|| format!("the pack {} is wrong", path.display()))
}

/// Reads a pack file, with the plan of another file in the place of its own.
///
/// # Errors
/// When one of them cannot be read, or the first mistake in the pack with this plan.
pub fn read_pack_with(path: &Path, plan: Option<&Path>) -> anyhow::Result<Pack> {
    let Some(plan) = plan else { return read_pack(path) };
    let json = |path: &Path| {
        let text = read(path)?;
        document::parse(&text).with_context(|| format!("{} is wrong", path.display()))
    };
    let mut pack = json(path)?;
    pack["plan"] = json(plan)?;
    let wrong = || format!("the pack {} with the plan {} is wrong", path.display(), plan.display());
    Pack::read(&pack).with_context(wrong)
}

/// Reads a mapping file.
///
/// # Errors
/// When it cannot be read, or the first mistake in it.
pub fn read_mapping(path: &Path) -> anyhow::Result<Mapping> {
    Mapping::parse(&read(path)?).with_context(|| format!("the mapping {} is wrong", path.display()))
}

pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

pub(crate) fn write_json(path: Option<&Path>, results: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    write(path, &(serde_json::to_string_pretty(results)? + "\n"))
}

pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
