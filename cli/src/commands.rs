//! The commands: each reads its files, does its work and returns what is to be printed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use keepset_engine::Pack;
use keepset_engine::outcome::Outcome;
use keepset_wire::document::Node;
use keepset_wire::{CollectorKeys, Name, Timestamp, document};
use serde::Serialize;

use crate::args::{
    CompileArguments, CoverageArguments, CrowdArguments, EvaluateArguments, ExplainArguments,
    ImportArguments, LogArguments, PackArguments, PersonArguments, PlanArguments, ReplayArguments,
    SimulateArguments, SurveyArguments, TableArguments, TrainArguments,
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
use crate::tabular::frame::Frame;
use crate::tabular::model::TableModel;
use crate::tabular::select::Learner;
use crate::tabular::train::TableTraining;
use crate::terminal::Terminal;
use crate::train::{self, Training};
use crate::{coverage as measure, import, log, story, table, tabular};

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
        events: log.events.clone(),
        mapping: log.mapping.as_deref().map(read_mapping).transpose()?,
        strict: log.strict,
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
        events: source.events.clone(),
        mapping: source.mapping.as_deref().map(read_mapping).transpose()?,
        strict: source.strict,
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
    let coverage =
        watched(arguments.run.progress, |terminal| measure::coverage(replay, arguments.seeds, terminal))?;
    write_json(arguments.run.json.as_deref(), &coverage)?;
    Ok(table::coverage(&coverage))
}

/// Trains a model.
///
/// # Errors
/// As [`Training::run`] and [`TableTraining::run`], or when a file cannot be read or written.
pub fn train(arguments: &TrainArguments) -> anyhow::Result<String> {
    if let Some(table) = &arguments.table {
        return train_on_table(arguments, table);
    }
    if let Some(release) = &arguments.of_release.from_release {
        return train_from_release(arguments, release);
    }
    let date =
        |text: &String| Timestamp::from_date(text).with_context(|| format!("{text:?} is no day YYYY-MM-DD"));
    let pack = arguments.pack.as_deref().context("--pack is missing")?;
    let place = || format!("the pack {} is wrong", pack.display());
    let model_id = arguments.model_id.as_deref().context("--model-id is missing")?;
    let document = document::parse(&read(pack)?).with_context(place)?;
    let outcome = Outcome::of_pack(&document, &arguments.label);
    let training = Training {
        pack: document,
        events: arguments.events.clone(),
        mapping: arguments.mapping.as_deref().map(read_mapping).transpose()?,
        strict: arguments.strict,
        label: outcome.as_ref().map_or_else(|| arguments.label.clone(), |outcome| outcome.event.to_string()),
        comes: outcome.as_ref().is_none_or(|outcome| outcome.comes),
        within_days: outcome.as_ref().map_or(arguments.within_days, |outcome| outcome.within_days),
        learner: arguments.of_table.learner.unwrap_or(Learner::Logistic),
        cuts: arguments.cut.iter().map(date).collect::<anyhow::Result<_>>()?,
        test_cut: date(arguments.test_cut.as_ref().context("--test-cut is missing")?)?,
        features: arguments.features.clone(),
        model_id: Name::parse(model_id)
            .with_context(|| format!("{model_id:?} is no name: a-z, 0-9, _, - and ."))?,
        missing: arguments.missing,
        l2: arguments.l2,
        precision: arguments.precision,
        seed: arguments.seed,
    };
    let trained = watched(arguments.progress, |terminal| training.run(terminal))?;
    write_json(arguments.json.as_deref(), &trained)?;
    write(&arguments.out, &(trained.member() + "\n"))?;
    write(&card_of(arguments), &train::card(&trained, &arguments.command()))?;
    if let Some(file) = &arguments.curve {
        write(file, &train::curve(&trained))?;
    }
    Ok(train::summary(&trained))
}

fn train_from_release(arguments: &TrainArguments, release: &Path) -> anyhow::Result<String> {
    let pack = arguments.pack.as_deref().context("--pack is missing")?;
    let id = arguments.model_id.as_deref().context("--model-id is missing")?;
    let mut document =
        document::parse(&read(pack)?).with_context(|| format!("the pack {} is wrong", pack.display()))?;
    let model = document.get("models").and_then(|models| models.get(id));
    let model = model.with_context(|| format!("the pack has no model {id:?}"))?;
    let release: serde_json::Value = serde_json::from_str(&read(release)?)
        .with_context(|| format!("the release {} is no JSON", release.display()))?;
    let found = train::recalibrate::recalibrate(&release, &arguments.of_release)?;
    let model = found.apply(model)?;
    // What a device refuses is not written.
    document["models"][id] = model.clone();
    Pack::read(&document).context("the pack does not take the model")?;
    let member = std::collections::BTreeMap::from([(id, &model)]);
    write(&arguments.out, &(serde_json::to_string_pretty(&member)? + "\n"))?;
    Ok(found.summary())
}

fn card_of(arguments: &TrainArguments) -> PathBuf {
    arguments.card.clone().unwrap_or_else(|| arguments.out.with_extension("md"))
}

fn train_on_table(arguments: &TrainArguments, table: &Path) -> anyhow::Result<String> {
    let training = TableTraining {
        test_share: arguments.test_share,
        refit: !arguments.as_tested,
        ..table_training(&arguments.label, &arguments.of_table, arguments.seed)
    };
    let frame = Frame::read(table)?;
    let trained =
        watched(arguments.progress, |terminal| training.run(&frame, &mut |line| terminal.say(line)))?;
    write_json(arguments.json.as_deref(), &trained)?;
    write(&arguments.out, &(serde_json::to_string(&trained.model)? + "\n"))?;
    write(&card_of(arguments), &tabular::card(&trained, &arguments.command()))?;
    let tested = trained.tested.as_ref().map_or(String::new(), |tested| {
        format!("\nTested on {}\n{}", trained.held_back, tabular::evaluation(tested))
    });
    let again = trained
        .again
        .as_ref()
        .map_or(String::new(), |way| format!("\nWritten is the model of all rows: {way}\n"));
    Ok(format!("{} rows learned from: {}\n{tested}{again}", trained.rows, trained.way))
}

fn table_training(label: &str, of_table: &TableArguments, seed: u64) -> TableTraining {
    TableTraining {
        label: label.to_owned(),
        positive: of_table.positive.clone(),
        person: of_table.person.clone(),
        time: of_table.time.clone().or_else(|| of_table.in_order.then(String::new)),
        ignore: of_table.ignore.clone(),
        texts: of_table.text.clone(),
        allow: of_table.allow.clone(),
        learner: of_table.learner.unwrap_or_default(),
        calibrate: of_table.calibrate,
        seed,
        ..TableTraining::default()
    }
}

/// Evaluates a model, or a learner.
///
/// # Errors
/// As [`tabular::evaluate::evaluate`] and [`TableTraining::cross`], or when a file cannot be read or written.
pub fn evaluate(arguments: &EvaluateArguments) -> anyhow::Result<String> {
    let frame = Frame::read(&arguments.table)?;
    if let Some(model) = &arguments.model {
        let model = TableModel::read(model)?;
        if let Some(file) = &arguments.scores {
            let lines = model
                .scores_of(&frame)?
                .into_iter()
                .map(|score| format!("{score},{}\n", model.calibration.probability(score)));
            write(file, &format!("score,probability\n{}", lines.collect::<String>()))?;
        }
        let found = tabular::evaluate::evaluate(&model, &frame, &arguments.by, arguments.seed)?;
        write_json(arguments.json.as_deref(), &found)?;
        return Ok(tabular::evaluation(&found));
    }
    let label = arguments.label.as_deref().context("--label is missing")?;
    let training = table_training(label, &arguments.of_table, arguments.seed);
    let (areas, found) = watched(false, |terminal| {
        training.cross(&frame, usize::from(arguments.folds), &mut |line| terminal.say(line))
    })?;
    write_json(arguments.json.as_deref(), &found)?;
    let (mean, deviation) = crate::train::quality::mean_and_deviation(&areas);
    let parts: Vec<String> = areas.iter().map(|area| format!("{area:.4}")).collect();
    Ok(format!("AUC {mean:.4}, deviation {deviation:.4} over {} parts: {}\n", areas.len(), parts.join(", ")))
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
    let imported = import::read(&arguments.from)?;
    let text = match (&arguments.pack, &arguments.model_id) {
        (Some(pack), Some(id)) => {
            let document = document::parse(&read(pack)?)
                .with_context(|| format!("the pack {} is wrong", pack.display()))?;
            let id = Name::parse(id).with_context(|| format!("{id:?} is no name: a-z, 0-9, _, - and ."))?;
            serde_json::to_string(&imported.of_pack(&document, &id, &arguments.label)?)?
        }
        _ => serde_json::to_string(&imported.of_table(&arguments.label))?,
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
        events: arguments.events.clone(),
        mapping: arguments.mapping.as_deref().map(read_mapping).transpose()?,
        noise: Noise::System,
        strict: arguments.strict,
        collector: None,
        window: None,
    })
}

/// Does the work with its progress and its faults on the terminal, which is left tidy whatever comes of it.
fn watched<T>(progress: bool, work: impl FnOnce(&mut Terminal) -> anyhow::Result<T>) -> anyhow::Result<T> {
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

fn write_json(path: Option<&Path>, results: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    write(path, &(serde_json::to_string_pretty(results)? + "\n"))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
