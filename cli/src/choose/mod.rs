//! `choose`: what a choice of a pack would come to, if variants succeeded as often as the command line says.

mod curve;
mod simulate;

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use keepset_engine::choosing::Arm;
use keepset_engine::{Alternatives, Pack};

use crate::commands;
use crate::markers;
use crate::table::aligned;
use simulate::{Course, POLICIES, World};

/// The arguments of `choose`.
#[derive(Debug, Args)]
pub struct ChooseArguments {
    /// The pack
    #[arg(long)]
    pub pack: PathBuf,
    /// The choice
    #[arg(long)]
    pub choice: String,
    /// The segment whose variants are shown; left out, those of everybody
    #[arg(long)]
    pub segment: Option<String>,
    /// How often each variant succeeds, as `plain=0.03,gift=0.05`
    #[arg(long, value_delimiter = ',', value_parser = rate, required = true)]
    pub rates: Vec<(String, f64)>,
    /// How far people differ: the standard deviation of a person's log-odds of each variant
    #[arg(long, default_value_t = 0.0, value_parser = spread)]
    pub spread: f64,
    /// So many devices
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: u32,
    /// So many rounds of each
    #[arg(long, default_value_t = 104, value_parser = clap::value_parser!(u32).range(4..=10_000))]
    pub rounds: u32,
    /// The seed of all chance
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Draws the curves
    #[arg(long)]
    pub svg: Option<PathBuf>,
    /// The page whose table is written anew
    #[arg(long)]
    pub page: Option<PathBuf>,
}

fn rate(text: &str) -> Result<(String, f64), String> {
    let (variant, share) = text.split_once('=').ok_or("expected a variant and a share, as gift=0.05")?;
    let share: f64 = share.parse().map_err(|_| format!("{share} is no number"))?;
    if share > 0.0 && share < 1.0 {
        Ok((variant.to_owned(), share))
    } else {
        Err("a share lies between 0 and 1".into())
    }
}

fn spread(text: &str) -> Result<f64, String> {
    let spread: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
    if (0.0..=5.0).contains(&spread) { Ok(spread) } else { Err("expected a number from 0 to 5".into()) }
}

/// Simulates a choice and returns the table.
///
/// # Errors
/// When the pack is none or has no such choice or segment, a rate is missing or of a variant that is none, or a file cannot be written.
pub fn run(arguments: &ChooseArguments) -> anyhow::Result<String> {
    let choice = shown(&commands::read_pack(&arguments.pack)?, arguments)?;
    let world = World {
        rates: rates(&choice, arguments)?,
        spread: arguments.spread,
        people: arguments.people,
        rounds: arguments.rounds,
        seed: arguments.seed,
    };
    let courses = world.live(&choice);
    if let Some(path) = &arguments.svg {
        let drawn = curve::draw(&courses, &choice);
        std::fs::write(path, drawn).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let rows = rows(&courses, arguments.rounds);
    if let Some(page) = &arguments.page {
        markers::write(page, &format!("regret-{}", choice.id), &markdown(&rows))?;
    }
    Ok(aligned(&HEADINGS, rows))
}

/// The choice with the variants of one context, and nobody held out.
fn shown(pack: &Pack, arguments: &ChooseArguments) -> anyhow::Result<Alternatives> {
    let choices = Pack::choices(&pack.compile());
    let known: Vec<&str> = choices.iter().map(|choice| choice.id.as_str()).collect();
    let Some(choice) = choices.iter().find(|choice| choice.id.as_str() == arguments.choice) else {
        bail!("the pack has no choice {:?}; it has: {}", arguments.choice, known.join(", "));
    };
    let segment = arguments.segment.as_deref();
    let context =
        choice.contexts.iter().find(|context| context.segment.as_ref().map(|one| one.as_str()) == segment);
    let context = context.with_context(|| match segment {
        Some(segment) => format!("the choice has no context for the segment {segment:?}"),
        None => "the choice has no context for everybody; name one with --segment".to_owned(),
    })?;
    Ok(Alternatives { holdout: 0, contexts: vec![context.clone()], ..choice.clone() })
}

/// The rates in the order of the arms.
fn rates(choice: &Alternatives, arguments: &ChooseArguments) -> anyhow::Result<Vec<f64>> {
    let arms = &choice.contexts[0].arms;
    for (variant, _) in &arguments.rates {
        ensure!(arms.iter().any(|arm| arm.variant.as_str() == variant), "{variant:?} is no variant here");
    }
    let rate =
        |variant: &str| arguments.rates.iter().find(|(named, _)| named == variant).map(|(_, rate)| *rate);
    let of = |arm: &Arm| {
        rate(arm.variant.as_str()).with_context(|| format!("--rates says nothing of {}", arm.variant))
    };
    arms.iter().map(of).collect()
}

const HEADINGS: [&str; 6] = [
    "what is shown",
    "after 1/4",
    "after 1/2",
    "after all",
    "rounds explored",
    "succeeds in the last quarter",
];

/// A line for each policy: the successes lost so far to who always shows each person the best variant, a device.
fn rows(courses: &[Course], rounds: u32) -> Vec<Vec<String>> {
    let at = |course: &Course, quarters: u32| {
        let index = (rounds * quarters / 4).max(1) as usize - 1;
        format!("{:.2}", course.regret.get(index).copied().unwrap_or_default())
    };
    courses
        .iter()
        .zip(POLICIES)
        .map(|(course, policy)| {
            let ends = [1, 2, 4].map(|quarters| at(course, quarters));
            let [first, second, last] = ends;
            let succeeds = format!("{:.2} %", course.late * 100.0);
            vec![policy.name().to_owned(), first, second, last, format!("{:.1}", course.explored), succeeds]
        })
        .collect()
}

fn markdown(rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heading = line(&HEADINGS.map(str::to_owned));
    heading
        + "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        + &rows.iter().map(|row| line(row)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(more: &[&str]) -> anyhow::Result<String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            choose: ChooseArguments,
        }
        let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/../packs/banner/pack.json");
        let line = ["choose", "--pack", pack, "--people", "300", "--rounds", "100"];
        let line = line.into_iter().chain(more.iter().copied());
        run(&<Line as clap::Parser>::try_parse_from(line)?.choose)
    }

    const RATES: &str = "latest=0.2,related=0.2,popular=0.5,local=0.2";

    /// 300 devices of 100 rounds: that learning loses less than chance and than the default has a margin of twenty standard errors, and
    /// the seed is fixed.
    #[test]
    fn devices_that_learn_lose_less_than_chance_and_than_the_default() {
        let table = asked(&["--choice", "teaser", "--rates", RATES]).unwrap();
        let lost: Vec<f64> = table
            .lines()
            .skip(1)
            .filter(|line| !line.starts_with('-'))
            .map(|line| {
                line.split("  ")
                    .filter(|cell| !cell.trim().is_empty())
                    .nth(3)
                    .unwrap()
                    .trim()
                    .parse()
                    .unwrap()
            })
            .collect();
        let [ours, unknowing, default, chance] = lost[..] else { panic!("{table}") };
        assert!(ours < 15.0 && unknowing < 15.0, "{table}");
        assert!((default - 30.0).abs() < 0.01, "three of ten in each of a hundred rounds: {table}");
        assert!((chance - 22.5).abs() < 1.0, "{table}");
    }

    #[test]
    fn the_same_seed_gives_the_same_table_and_another_another() {
        let with = |seed: &str| {
            asked(&["--choice", "teaser", "--rates", RATES, "--spread", "1", "--seed", seed]).unwrap()
        };
        assert_eq!(with("1"), with("1"));
        assert_ne!(with("1"), with("2"));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (wrong, said) in [
            (&["--choice", "text", "--rates", RATES][..], "no choice \"text\"; it has: banner, teaser"),
            (&["--choice", "teaser", "--rates", "latest=0.2"], "says nothing of local"),
            (&["--choice", "teaser", "--rates", "other=0.2"], "\"other\" is no variant"),
            (&["--choice", "teaser", "--rates", "latest=2"], "between 0 and 1"),
            (
                &["--choice", "teaser", "--rates", RATES, "--segment", "vip"],
                "no context for the segment \"vip\"",
            ),
            (&["--choice", "teaser", "--rates", RATES, "--spread", "9"], "0 to 5"),
        ] {
            let refused = asked(wrong).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
