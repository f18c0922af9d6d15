//! Training and evaluation: models of a log, of a table and of what devices reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use keepset_engine::Pack;
use keepset_engine::outcome::Outcome;
use keepset_wire::{Name, Timestamp, document};
use serde_json::{Value, json};

use super::{read, read_mapping, watched, write, write_json};
use crate::adapt::{self, Found, Search};
use crate::args::{EvaluateArguments, LogFiles, TableArguments, TrainArguments};
use crate::buying::{self, BuyingTraining};
use crate::family::{self, Aim, FamilyTraining};
use crate::groups::{self, Grouping};
use crate::hazard::{self, HazardTraining};
use crate::tabular::frame::Frame;
use crate::tabular::model::TableModel;
use crate::tabular::select::Learner;
use crate::tabular::train::TableTraining;
use crate::train::{self, Basis, Trained, Training};
use crate::{splice, tabular};

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
    let known = Asked::read(arguments)?;
    if let Some(count) = arguments.groups {
        return divide(arguments, known, count);
    }
    if !known.each.is_empty() {
        return train_family(arguments, known);
    }
    ensure!(arguments.aim == Aim::Values, "--aim basket is for --each: one model knows of no basket");
    match known.learner() {
        Learner::Hazard => return train_hazard(arguments, known),
        Learner::BgNbd => return train_buying(arguments, known),
        _ => {}
    }
    let training = Training {
        within_days: known.one_within_days()?,
        learner: known.learner(),
        basis: known.basis,
        label: known.label,
        comes: known.comes,
        l2: arguments.l2,
        precision: arguments.precision,
    };
    let mut pack = training.basis.pack.clone();
    let mut trained = watched(arguments.progress, |terminal| training.run(terminal))?;
    let moves = arguments.adapt.then(|| learn_to_move(arguments, &mut pack, &mut trained)).transpose()?;
    write_json(arguments.json.as_deref(), &trained)?;
    let parts = json!({ "models": { &trained.id: trained.model } });
    ship(arguments, &(trained.member() + "\n"), &parts)?;
    let card = train::card(&trained, &arguments.command());
    let (of_card, of_summary) = moves.map_or_else(Default::default, |found| {
        (
            format!(
                "\n## It moves with its person\n\nWhat that is worth on predictions from {} on:\n\n{}",
                trained.test_cut,
                adapt::table(&found)
            ),
            format!("\n{}", adapt::summary(&found)),
        )
    });
    write(&card_of(arguments)?, &(card + &of_card))?;
    if let Some(file) = &arguments.curve {
        write(file, &train::curve(&trained))?;
    }
    Ok(train::summary(&trained) + &of_summary)
}

/// Learns how far people differ from what was trained, from what had come due by the test, and writes it into the model.
fn learn_to_move(
    arguments: &TrainArguments,
    pack: &mut Value,
    trained: &mut Trained,
) -> anyhow::Result<Found> {
    // What is tried for any model: an offset, and how much of the score holds.
    let search = Search {
        model: trained.id.clone(),
        outcome: arguments.label.clone(),
        files: LogFiles {
            events: arguments.events.clone(),
            mapping: arguments.mapping.clone(),
            strict: arguments.strict,
        },
        cut: trained.test_cut.clone(),
        every: adapt::EVERY_DAYS,
        visits: false,
        slope: true,
        weights: Vec::new(),
        limit: None,
        seed: arguments.seed,
    };
    pack["models"][&trained.id] = json!(trained.model);
    let found = watched(arguments.progress, |terminal| adapt::learn(&search, pack, terminal))?;
    trained.model.move_by(found.adapt.clone());
    Ok(found)
}

/// What a training on a log was asked for, read.
struct Asked {
    basis: Basis,
    label: String,
    comes: bool,
    each: Vec<String>,
    /// Several where it is asked when the event comes; none where nothing was said.
    within_days: Vec<u16>,
    learner: Option<Learner>,
}

/// An event counts when it comes within so many days, where nothing is said.
const WITHIN_DAYS: u16 = 28;

impl Asked {
    fn read(arguments: &TrainArguments) -> anyhow::Result<Self> {
        let date = |text: &String| {
            Timestamp::from_date(text).with_context(|| format!("{text:?} is no day YYYY-MM-DD"))
        };
        let pack = read_document(arguments)?;
        let outcome = Outcome::of_pack(&pack, &arguments.label);
        let of_outcome =
            outcome.as_ref().map(|outcome| outcome.each.iter().map(ToString::to_string).collect());
        let days_of = |outcome: &Outcome| {
            if outcome.when.is_empty() { vec![outcome.within_days] } else { outcome.when.clone() }
        };
        Ok(Self {
            label: outcome
                .as_ref()
                .map_or_else(|| arguments.label.clone(), |outcome| outcome.event.to_string()),
            comes: outcome.as_ref().is_none_or(|outcome| outcome.comes),
            each: of_outcome
                .filter(|each: &Vec<String>| !each.is_empty())
                .unwrap_or_else(|| arguments.each.clone()),
            within_days: outcome.as_ref().map_or_else(|| arguments.within_days.clone(), days_of),
            learner: arguments.of_table.learner,
            basis: Basis {
                pack,
                events: arguments.events.clone(),
                mapping: arguments.mapping.as_deref().map(read_mapping).transpose()?,
                strict: arguments.strict,
                cuts: arguments.cut.iter().map(date).collect::<anyhow::Result<_>>()?,
                test_cut: date(arguments.test_cut.as_ref().context("--test-cut is missing")?)?,
                features: arguments.features.clone(),
                model_id: model_id(arguments)?,
                missing: arguments.missing,
                seed: arguments.seed,
            },
        })
    }

    /// The learner that is named; where none is, several numbers of days ask when.
    fn learner(&self) -> Learner {
        let silent = if self.within_days.len() > 1 { Learner::Hazard } else { Learner::Logistic };
        self.learner.unwrap_or(silent)
    }

    fn one_within_days(&self) -> anyhow::Result<u16> {
        match self.within_days[..] {
            [] => Ok(WITHIN_DAYS),
            [days] => Ok(days),
            _ => bail!("several numbers of days ask when the event comes, which --learner hazard learns"),
        }
    }
}

fn train_hazard(arguments: &TrainArguments, known: Asked) -> anyhow::Result<String> {
    ensure!(known.comes, "a hazard foretells when something comes, not that it stays away");
    ensure!(
        !arguments.adapt,
        "a hazard takes no --adapt: a model moves with an outcome within one number of days"
    );
    ensure!(arguments.precision.is_none(), "a hazard takes no --precision: a rule asks it for a chance");
    ensure!(arguments.curve.is_none(), "a hazard takes no --curve");
    let days = if known.within_days.is_empty() { hazard::DAYS.to_vec() } else { known.within_days };
    let training = HazardTraining { basis: known.basis, label: known.label, days, l2: arguments.l2 };
    let trained = watched(arguments.progress, |terminal| training.run(terminal))?;
    write_json(arguments.json.as_deref(), &trained)?;
    let parts = json!({ "models": { &trained.id: trained.model } });
    ship(arguments, &(trained.member() + "\n"), &parts)?;
    write(&card_of(arguments)?, &hazard::card(&trained, &arguments.command()))?;
    Ok(hazard::summary(&trained))
}

fn train_buying(arguments: &TrainArguments, known: Asked) -> anyhow::Result<String> {
    ensure!(known.comes, "BG/NBD foretells how often something comes, not that it stays away");
    ensure!(!arguments.adapt, "BG/NBD takes no --adapt: it moves with its person as it is");
    ensure!(arguments.precision.is_none(), "BG/NBD takes no --precision: a rule asks it for a number");
    ensure!(arguments.curve.is_none(), "BG/NBD takes no --curve");
    let training =
        BuyingTraining { within_days: known.one_within_days()?, basis: known.basis, label: known.label };
    let trained = watched(arguments.progress, |terminal| training.run(terminal))?;
    write_json(arguments.json.as_deref(), &trained)?;
    ship(arguments, &(trained.members() + "\n"), &json!({ "models": trained.models }))?;
    write(&card_of(arguments)?, &buying::card(&trained, &arguments.command()))?;
    Ok(buying::summary(&trained))
}

fn read_document(arguments: &TrainArguments) -> anyhow::Result<Value> {
    let pack = arguments.pack.as_deref().context("--pack is missing")?;
    document::parse(&read(pack)?).with_context(|| format!("the pack {} is wrong", pack.display()))
}

fn model_id(arguments: &TrainArguments) -> anyhow::Result<Name> {
    let id = arguments.model_id.as_deref().context("--model-id is missing")?;
    Name::parse(id).with_context(|| format!("{id:?} is no name: a-z, 0-9, _, - and ."))
}

/// Writes what was learned to the files asked for: as a document of its own, and into the text of a pack, where nothing else changes.
fn ship(arguments: &TrainArguments, document: &str, parts: &Value) -> anyhow::Result<()> {
    if let Some(out) = &arguments.out {
        write(out, document)?;
    }
    let Some(into) = arguments.into_pack() else { return Ok(()) };
    let pack = arguments.pack.as_deref().context("--pack is missing")?;
    let text = splice::put(&read(pack)?, parts)?;
    // What a device refuses is not written.
    Pack::parse(&text).context("the pack does not take what was learned")?;
    write(into, &text)
}

/// In days: what somebody turns to now, and what somebody is used to.
const HALF_LIVES: [u16; 2] = [28, 168];

fn train_family(arguments: &TrainArguments, known: Asked) -> anyhow::Result<String> {
    ensure!(known.comes, "a family foretells what comes, not what stays away");
    ensure!(
        arguments.of_table.learner.is_none_or(|learner| learner == Learner::Logistic),
        "a family is learned by logistic regressions: leave --learner out"
    );
    let training = FamilyTraining {
        within_days: known.one_within_days()?,
        basis: known.basis,
        label: known.label,
        each: known.each,
        half_lives: if arguments.half_life.is_empty() {
            HALF_LIVES.to_vec()
        } else {
            arguments.half_life.clone()
        },
        precision: arguments.precision,
        reach: arguments.reach,
        aim: arguments.aim,
    };
    let trained = watched(arguments.progress, |terminal| training.run(terminal))?;
    write_json(arguments.json.as_deref(), &trained)?;
    ship(arguments, &(serde_json::to_string_pretty(&trained.parts)? + "\n"), &trained.parts)?;
    write(&card_of(arguments)?, &family::card(&trained, &arguments.command()))?;
    Ok(family::summary(&trained))
}

fn divide(arguments: &TrainArguments, known: Asked, count: usize) -> anyhow::Result<String> {
    let grouping = Grouping { basis: known.basis, groups: count };
    let grouped = watched(arguments.progress, |terminal| grouping.run(terminal))?;
    write_json(arguments.json.as_deref(), &grouped)?;
    ship(arguments, &(serde_json::to_string_pretty(&grouped.parts)? + "\n"), &grouped.parts)?;
    Ok(groups::summary(&grouped))
}

fn train_from_release(arguments: &TrainArguments, release: &Path) -> anyhow::Result<String> {
    let id = model_id(arguments)?;
    let mut document = read_document(arguments)?;
    let model = document.get("models").and_then(|models| models.get(id.as_str()));
    let model = model.with_context(|| format!("the pack has no model {:?}", id.as_str()))?;
    let release: Value = serde_json::from_str(&read(release)?)
        .with_context(|| format!("the release {} is no JSON", release.display()))?;
    let found = train::recalibrate::recalibrate(&release, &arguments.of_release)?;
    let model = found.apply(model)?;
    // What a device refuses is not written.
    document["models"][id.as_str()] = model.clone();
    Pack::read(&document).context("the pack does not take the model")?;
    let member = BTreeMap::from([(id.as_str(), &model)]);
    ship(arguments, &(serde_json::to_string_pretty(&member)? + "\n"), &json!({ "models": member }))?;
    Ok(found.summary())
}

/// The card's file: the one asked for, else beside the model, else beside the pack.
fn card_of(arguments: &TrainArguments) -> anyhow::Result<PathBuf> {
    if let Some(card) = &arguments.card {
        return Ok(card.clone());
    }
    if let Some(out) = &arguments.out {
        return Ok(out.with_extension("md"));
    }
    let into = arguments.into_pack().context("--out or --into is missing")?;
    Ok(into.with_file_name(format!("{}.md", model_id(arguments)?)))
}

fn train_on_table(arguments: &TrainArguments, table: &Path) -> anyhow::Result<String> {
    let training = TableTraining {
        test_share: arguments.test_share,
        refit: !arguments.as_tested,
        ..table_training(&arguments.label, &arguments.of_table, arguments.seed)
    };
    // A pack that cannot take the model is found out before the training, not after it.
    let pack = arguments
        .pack
        .as_ref()
        .map(|_| Ok::<_, anyhow::Error>((read_document(arguments)?, model_id(arguments)?)));
    let pack = pack.transpose()?;
    let frame = Frame::read(table)?;
    let trained = watched(arguments.progress, |terminal| training.run_watched(&frame, terminal))?;
    write_json(arguments.json.as_deref(), &trained)?;
    let parts = pack.map(|(document, id)| {
        Ok::<_, anyhow::Error>(
            json!({ "models": { id.as_str(): trained.model.of_pack(&document, &id, &frame)? } }),
        )
    });
    ship(
        arguments,
        &(serde_json::to_string(&trained.model)? + "\n"),
        &parts.transpose()?.unwrap_or_default(),
    )?;
    write(&card_of(arguments)?, &tabular::card(&trained, &arguments.command()))?;
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
