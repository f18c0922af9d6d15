//! `adapt`: how far people differ from a model, and what a device gains that moves the model with its person, on the events of a log.

mod curve;
mod measure;
mod people;
mod person;
mod prior;

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, ensure};
use clap::Args;
use keepset_engine::Pack;
use keepset_engine::outcome::Outcome;
use keepset_wire::{DAY_MS, Timestamp, document};
use serde::Serialize;
use serde_json::{Value, json};

use self::measure::{Gain, Pair, gain};
use self::people::{Pace, Stories, Watched};
use self::person::{Input, Told};
use self::prior::Prior;
use crate::args::LogFiles;
use crate::commands::{read, read_mapping, watched, write, write_json};
use crate::learn::scale::Platt;
use crate::log::{Fault, Line};
use crate::markers;
use crate::replay::{Watch, read_through};
use crate::table::aligned;

/// The arguments of `adapt`.
#[derive(Debug, Args)]
pub struct AdaptArguments {
    /// The pack
    #[arg(long)]
    pub pack: PathBuf,
    /// A file with the model, as `keepset train --out` writes it, instead of the pack's own
    #[arg(long)]
    pub member: Option<PathBuf>,
    /// What is looked for.
    #[command(flatten)]
    pub search: Search,
    /// Show progress even when standard error is no terminal
    #[arg(long)]
    pub progress: bool,
    /// Write the model with what was found to this file, as a member of a pack's "models"
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Also write the results as JSON to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Draws the losses by how much was learned
    #[arg(long)]
    pub svg: Option<PathBuf>,
    /// The page whose table is written anew, between the markers `adapt-MODEL`
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// Whose scores are moved by what, and on which log that is tried.
#[derive(Debug, Args)]
pub struct Search {
    /// The model of the pack, or of --member
    #[arg(long)]
    pub model: String,
    /// What the model foretells: an outcome that the pack defines
    #[arg(long)]
    pub outcome: String,
    /// The log.
    #[command(flatten)]
    pub files: LogFiles,
    /// A day, YYYY-MM-DD: what had come due by then tells how people differ, predictions from then on are measured
    #[arg(long)]
    pub cut: String,
    /// Scores are looked at every so many days from a person's first event on
    #[arg(long, default_value_t = EVERY_DAYS, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub every: u16,
    /// Scores are looked at on each day with an event instead, behind its events
    #[arg(long)]
    pub visits: bool,
    /// Also try to learn how much of the score holds for a person
    #[arg(long)]
    pub slope: bool,
    /// Also try to learn what these features are worth for a person
    #[arg(long, value_delimiter = ',')]
    pub weights: Vec<String>,
    /// A score is moved by so much at most; left out, three deviations of how people differ
    #[arg(long)]
    pub limit: Option<f64>,
    /// The seed of the resampling behind the intervals
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// A look a week, where nothing is said.
pub(crate) const EVERY_DAYS: u16 = 7;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The key `adapt` of the model.
    pub adapt: Value,
    /// How many people had predictions that came due by the cut, and how many of these there were.
    pub people: usize,
    /// How many predictions.
    pub outcomes: usize,
    /// By how many nats learning foretold these better than the shipped model did.
    pub gained: f64,
    /// What it is worth later, by how many outcomes had been learned from.
    pub gains: Vec<Gain>,
}

/// So many outcomes at least: everybody, who comes again, and so on.
const LEAST: [usize; 5] = [0, 1, 2, 4, 8];

/// Learns how people differ, measures what a device gains and returns the table.
///
/// # Errors
/// When the pack is none or has no such model or outcome, a file fails, too few people have outcomes, or they do not differ.
pub fn run(arguments: &AdaptArguments) -> anyhow::Result<String> {
    let document = document(arguments)?;
    let (found, later) =
        watched(arguments.progress, |terminal| measured(&arguments.search, &document, terminal))?;
    give_out(arguments, &document, &found, &later)?;
    Ok(summary(&found))
}

/// Learns how people differ from a model of a pack, and measures what a device gains.
///
/// # Errors
/// As [`run`].
pub(crate) fn learn(search: &Search, document: &Value, watch: &mut impl Watch) -> anyhow::Result<Found> {
    Ok(measured(search, document, watch)?.0)
}

/// The same, with the predictions that it was measured on.
fn measured(
    search: &Search,
    document: &Value,
    watch: &mut impl Watch,
) -> anyhow::Result<(Found, Vec<Vec<Told>>)> {
    let outcome = Outcome::of_pack(document, &search.outcome)
        .with_context(|| format!("the pack defines no outcome {:?}", search.outcome))?;
    ensure!(
        outcome.when.is_empty(),
        "the outcome {} asks when: a model moves with one that comes within one number of days",
        search.outcome
    );
    let cut = Timestamp::from_date(&search.cut)
        .with_context(|| format!("{:?} is no day YYYY-MM-DD", search.cut))?;
    ensure!(
        search.limit.is_none_or(|limit| limit > 0.0 && limit <= 5.0),
        "a limit is above 0, and 5 at most"
    );
    let pack = Rc::new(Pack::read(document).context("the pack is wrong")?);
    let model = pack.models.iter().find(|model| model.id.as_str() == search.model);
    let model = model.with_context(|| format!("the pack has no model {:?}", search.model))?;
    let (stories, end) = stories(&search.files, watch)?;
    let place = |name: &String| pack.features().iter().position(|feature| feature.id.as_str() == name);
    let features = search
        .weights
        .iter()
        .map(|name| place(name).with_context(|| format!("the pack has no feature {name:?}")));
    let pace = if search.visits { Pace::Visits } else { Pace::Every(i64::from(search.every) * DAY_MS) };
    let watched = Watched {
        pack: Rc::clone(&pack),
        model,
        outcome: &outcome,
        features: features.collect::<anyhow::Result<_>>()?,
        pace,
        end,
    };
    let looks = watched.looks(&stories, watch)?;
    let slope = search.slope.then_some(Input::Score);
    let candidates: Vec<Input> =
        slope.into_iter().chain((0..search.weights.len()).map(Input::Feature)).collect();
    let prior = prior::find(&looks, cut, &candidates, search.limit, watch)?;
    let told: Vec<Vec<Told>> = looks.iter().map(|looks| prior.way.live(looks)).collect();
    let later = later(&told, cut);
    let everybody = everybody(&told, cut);
    let gains: Vec<Gain> =
        LEAST.iter().filter_map(|least| gain(&later, everybody, *least, search.seed)).collect();
    ensure!(!gains.is_empty(), "no prediction from {} on comes due before the log ends", cut.date());
    let adapt = declared(&prior, search);
    let found = Found { adapt, people: prior.people, outcomes: prior.outcomes, gained: prior.gained, gains };
    Ok((found, later))
}

/// The pack with the model to be looked at, as it is shipped.
fn document(arguments: &AdaptArguments) -> anyhow::Result<Value> {
    let place = || format!("the pack {} is wrong", arguments.pack.display());
    let mut pack = document::parse(&read(&arguments.pack)?).with_context(place)?;
    if let Some(file) = &arguments.member {
        let members =
            document::parse(&read(file)?).with_context(|| format!("{} is wrong", file.display()))?;
        let member = members.get(&arguments.search.model);
        let member = member
            .with_context(|| format!("{} has no model {:?}", file.display(), arguments.search.model))?;
        let models = pack.as_object_mut().map(|pack| pack.entry("models").or_insert_with(|| json!({})));
        // What is no object is left to the pack's reader to refuse.
        if let Some(Value::Object(models)) = models {
            models.insert(arguments.search.model.clone(), member.clone());
        }
    }
    let model = pack.get_mut("models").and_then(|models| models.get_mut(&arguments.search.model));
    if let Some(Value::Object(model)) = model {
        model.remove("adapt");
    }
    Ok(pack)
}

/// Reads the log: who did what, and when it ends.
fn stories(files: &LogFiles, watch: &mut impl Watch) -> anyhow::Result<(Stories, Timestamp)> {
    let mut stories = Stories::new();
    let mut end = None;
    let mut take = |Line { person, event, heard, .. }: &Line| -> anyhow::Result<Option<Fault>> {
        end = end.max(Some(*heard));
        stories.entry(person.clone()).or_default().push((*heard, event.clone()));
        Ok(None)
    };
    let LogFiles { events, mapping, strict } = files;
    let mapping = mapping.as_deref().map(read_mapping).transpose()?;
    read_through(events, mapping, *strict, watch, &mut take)?;
    Ok((stories, end.context("the log holds no event")?))
}

/// The predictions made from the cut on.
fn later(told: &[Vec<Told>], cut: Timestamp) -> Vec<Vec<Told>> {
    let of = |told: &Vec<Told>| told.iter().filter(|one| one.at >= cut).copied().collect();
    told.iter().map(of).collect()
}

/// The line that brings the shipped scores to what everybody did by the cut.
fn everybody(told: &[Vec<Told>], cut: Timestamp) -> Platt {
    let known: Vec<&Told> = told.iter().flatten().filter(|one| one.begins && one.due <= cut).collect();
    let scores: Vec<f64> = known.iter().map(|one| one.shipped).collect();
    let labels: Vec<bool> = known.iter().map(|one| one.came).collect();
    Platt::fit(&scores, &labels)
}

/// The key `adapt` of the model.
fn declared(prior: &Prior, search: &Search) -> Value {
    let rule = &prior.way.rule;
    let mut adapt = json!({"outcome": search.outcome, "limit": rule.limit, "offset": rule.terms[0].variance});
    for (input, term) in prior.way.inputs.iter().zip(rule.terms.iter().skip(1)) {
        match input {
            Input::Score => adapt["slope"] = json!({"variance": term.variance, "centre": term.centre}),
            Input::Feature(place) => {
                adapt["weights"][&search.weights[*place]] =
                    json!({"variance": term.variance, "centre": term.centre, "scale": term.scale});
            }
        }
    }
    adapt
}

fn give_out(
    arguments: &AdaptArguments,
    document: &Value,
    found: &Found,
    later: &[Vec<Told>],
) -> anyhow::Result<()> {
    write_json(arguments.json.as_deref(), found)?;
    if let Some(file) = &arguments.out {
        let mut document = document.clone();
        document["models"][&arguments.search.model]["adapt"] = found.adapt.clone();
        // What a device refuses is not written.
        Pack::read(&document).context("the pack does not take the model")?;
        let member = json!({&arguments.search.model: document["models"][&arguments.search.model]});
        write(file, &(serde_json::to_string_pretty(&member)? + "\n"))?;
    }
    if let Some(file) = &arguments.svg {
        let title = format!(
            "Mean log-loss of {} by how many outcomes of the person were learned from",
            arguments.search.model
        );
        write(file, &curve::draw(later, &title))?;
    }
    if let Some(page) = &arguments.page {
        markers::write(page, &format!("adapt-{}", arguments.search.model), &table(found))?;
    }
    Ok(())
}

const HEADINGS: [&str; 9] = [
    "outcomes learned from",
    "people",
    "predictions",
    "log-loss, shipped",
    "adapted",
    "difference",
    "shipped, fitted to all",
    "Brier, difference",
    "AUC, difference",
];

fn rows(found: &Found) -> Vec<Vec<String>> {
    let with = |pair: &Pair| {
        let of = &pair.difference;
        format!("{:+.4} ({:+.4} to {:+.4})", of.value, of.low, of.high)
    };
    let row = |gain: &Gain| {
        vec![
            if gain.least == 0 { "any".to_owned() } else { format!("{} or more", gain.least) },
            gain.people.to_string(),
            gain.predictions.to_string(),
            format!("{:.4}", gain.log_loss.shipped),
            format!("{:.4}", gain.log_loss.adapted),
            with(&gain.log_loss),
            format!("{:.4}", gain.log_loss_of_everybody),
            with(&gain.brier),
            format!("{:.3} {}", gain.auc.shipped, with(&gain.auc)),
        ]
    };
    found.gains.iter().map(row).collect()
}

/// Writes what it is worth as a table of Markdown.
pub(crate) fn table(found: &Found) -> String {
    markdown(&rows(found))
}

fn markdown(rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    line(&HEADINGS.map(str::to_owned))
        + "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        + &rows.iter().map(|row| line(row)).collect::<String>()
}

pub(crate) fn summary(found: &Found) -> String {
    format!(
        "{} outcomes of {} people were foretold better by {:.1} nats from their own earlier ones: {}\n\n{}\n",
        found.outcomes,
        found.people,
        found.gained,
        found.adapt,
        aligned(&HEADINGS, rows(found))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../packs/wholesale");

    fn asked(more: &[&str]) -> anyhow::Result<String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            adapt: AdaptArguments,
        }
        let [pack, mapping, log] = ["pack.json", "mapping.json", "fixtures/online_retail_ii_sample.csv.gz"]
            .map(|file| format!("{PACKS}/{file}"));
        let line = ["adapt", "--pack", &pack, "--mapping", &mapping, "--events", &log, "--every", "14"];
        run(&<Line as clap::Parser>::try_parse_from(line.into_iter().chain(more.iter().copied()))?.adapt)
    }

    /// A model that knows nothing: whoever orders often differs from it, which the log of 1,353 customers shows beyond any doubt.
    #[test]
    fn a_model_that_says_the_same_of_all_is_moved_with_each_and_what_is_written_is_taken_by_the_pack() {
        let folder = std::env::temp_dir().join(format!("keepset-adapt-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let flat = json!({"flat": {"kind": "linear", "intercept": -1.0, "weights": {"purchases_28d": 0}}});
        std::fs::write(file("flat.json"), flat.to_string()).unwrap();
        std::fs::write(file("page.md"), "<!-- adapt-flat:begin -->\n<!-- adapt-flat:end -->\n").unwrap();
        let (member, out, json, svg, page) =
            (file("flat.json"), file("out.json"), file("found.json"), file("drawn.svg"), file("page.md"));
        let table = asked(&[
            "--model",
            "flat",
            "--member",
            &member,
            "--outcome",
            "orders_28d",
            "--cut",
            "2010-08-15",
            "--slope",
            "--out",
            &out,
            "--json",
            &json,
            "--svg",
            &svg,
            "--page",
            &page,
        ])
        .unwrap();
        assert!(table.contains("8 or more"), "{table}");
        let found: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        let high = &found["gains"][1]["log_loss"]["difference"]["high"];
        assert!(high.as_f64().unwrap() < 0.0, "{table}");
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
        assert_eq!(written["flat"]["adapt"], found["adapt"]);
        assert!(
            written["flat"]["adapt"].get("slope").is_none(),
            "a score that is the same for all has no slope"
        );
        assert!(std::fs::read_to_string(&svg).unwrap().contains("the shipped model"));
        assert!(std::fs::read_to_string(&page).unwrap().contains("| 4 or more |"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (wrong, said) in [
            (&["--model", "none", "--outcome", "orders_28d", "--cut", "2010-08-15"][..], "no model \"none\""),
            (&["--model", "orders_28d", "--outcome", "sells", "--cut", "2010-08-15"], "no outcome \"sells\""),
            (&["--model", "orders_28d", "--outcome", "orders_28d", "--cut", "August"], "no day"),
            (
                &["--model", "orders_28d", "--outcome", "orders_28d", "--cut", "2010-08-15", "--limit", "9"],
                "5 at most",
            ),
            (
                &[
                    "--model",
                    "orders_28d",
                    "--outcome",
                    "orders_28d",
                    "--cut",
                    "2010-08-15",
                    "--weights",
                    "clicks",
                ],
                "no feature \"clicks\"",
            ),
        ] {
            let refused = format!("{:#}", asked(wrong).unwrap_err());
            assert!(refused.contains(said), "{refused}");
        }
    }
}
