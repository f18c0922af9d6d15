//! Every kind of number as it is released: how often its intervals hold the truth, in all and by how often it is printed.

use std::collections::BTreeMap;
use std::thread;

use keepset_privacy::finding::{Exact, Measure};
use keepset_privacy::{Answering, Coins, SeededCoins, Truth, Z_95};
use keepset_wire::{Plan, Question};

use crate::{Failed, Row};

#[path = "../../src/finding/tests/draws.rs"]
mod draws;

use draws::{Population, Tally};

/// How many devices there are, in turn: so that much is printed nearly always, some about half the time, and little seldom.
const DEVICES: &[u32] = &[1_500, 3_000, 5_000, 8_000, 12_000];

/// Makes a population of so many devices.
type Make = fn(u32) -> Result<Population, Failed>;

/// Populations, with how many devices, and for how many seeds each is drawn: so many that there are 10,000 intervals of every kind of number. An area under a
/// curve is one number a draw, and is hardly told of fewer than 8,000 devices; a mean does not take many.
const POPULATIONS: [(Make, &[u32], u64); 6] = [
    (draws::sizes, DEVICES, 350),
    (in_twos, DEVICES, 300),
    (draws::conversion, DEVICES, 800),
    (draws::calibration, &[8_000, 12_000], 7_500),
    (draws::histogram, DEVICES, 510),
    (mean, &[600, 1_500, 3_000], 3_400),
];

/// What is counted together: a name, and the measures.
const KINDS: [(&str, &[&str]); 8] = [
    ("shares", &["share"]),
    ("overlaps", &["overlap"]),
    ("bins", &["bin"]),
    ("quantiles", &["quantile"]),
    ("means", &["mean"]),
    ("rates", &["rate", "rate_of_all"]),
    ("lifts", &["lift", "lift_over_all"]),
    ("area under the ROC curve", &["auc"]),
];

/// Where the classes of what is printed about as often end, in words.
const CLASSES: [&str; 5] = ["under 10", "10 to 35", "35 to 65", "65 to 90", "90 and more"];

/// Six segments of which every two share some: from 0.5 % of all to 7.5 %. Of segments that share nobody the interval ends at nobody, and can miss on one side only.
fn in_twos(devices: u32) -> Result<Population, Failed> {
    let ask = r#""ask": "overlaps", "segments": ["a", "b", "c", "d", "e", "f"], "cap": 3"#;
    let pairs: Vec<[u16; 2]> = (0..6).flat_map(|one| (one + 1..6).map(move |other| [one, other])).collect();
    // The first pair has five of a thousand, the second ten, and so on; four in ten are in none.
    let ends = (1..=15).scan(0, |end, pair| {
        *end += 5 * pair;
        Some(*end)
    });
    let ends: Vec<u32> = ends.collect();
    let truth = |device| {
        let place = device * 377 % 1_000;
        Truth::Cells(ends.iter().position(|end| place < *end).map_or(Vec::new(), |pair| pairs[pair].into()))
    };
    Population::new(ask, truth, devices)
}

/// A feature from -1 to 1 that is rather high.
fn mean(devices: u32) -> Result<Population, Failed> {
    let ask = r#""ask": "mean", "feature": "f", "low": -1, "high": 1"#;
    let truth = |device| Truth::Number(i64::from(device % 9) * 200_000 - 600_000);
    Population::new(ask, truth, devices).map(Population::drawn_anew)
}

/// Every number of every population, and how it did.
fn tried() -> Result<Vec<(Measure, Tally)>, Failed> {
    let draw = |(make, sizes, seeds): (Make, &[u32], u64)| {
        let mut all = Vec::new();
        for devices in sizes {
            all.extend(
                make(*devices)
                    .and_then(|population| population.tried(seeds))
                    .map_err(|error| error.to_string())?,
            );
        }
        Ok::<_, String>(all)
    };
    thread::scope(|scope| {
        let threads = POPULATIONS.map(|population| scope.spawn(move || draw(population)));
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a draw panicked")??);
        }
        Ok(all)
    })
}

fn of_kind<'a>(tried: &'a [(Measure, Tally)], measures: &'a [&str]) -> impl Iterator<Item = Tally> + use<'a> {
    tried.iter().filter(|(measure, _)| measures.contains(&measure.kind())).map(|(_, tally)| *tally)
}

/// How often the intervals of each kind of number hold the truth, printed or not.
pub(crate) fn every_kind() -> Result<Vec<Row>, Failed> {
    let tried = tried()?;
    let row = |(name, measures): (&'static str, &[&str])| {
        let mut sum = Tally::default();
        of_kind(&tried, measures).for_each(|tally| sum.add(tally));
        let share = f64::from(sum.held) / f64::from(sum.tries);
        Row {
            name,
            what: format!("{} numbers, epsilon 2, 600 to 12,000 devices", of_kind(&tried, measures).count()),
            asked: "94 to 96 % of 10,000 or more".to_owned(),
            measured: format!("{:.1} % of {}", 100.0 * share, sum.tries),
            kept: sum.tries >= 10_000 && (0.94..=0.96).contains(&share),
        }
    };
    Ok(KINDS.map(row).into())
}

/// The table of docs/questions.md: how often the intervals of printed numbers hold the truth, by how often a number is printed.
pub(crate) fn by_print() -> Result<String, Failed> {
    let tried = tried()?;
    let mut table =
        format!("| printed in ... of 100 draws | {} |\n| --- |{}\n", CLASSES.join(" | "), " --- |".repeat(5));
    for (name, measures) in KINDS {
        let mut classes: BTreeMap<usize, Tally> = BTreeMap::new();
        for tally in of_kind(&tried, measures).filter(|tally| tally.printed > 0) {
            classes.entry(tally.class()).or_default().add(tally);
        }
        let cell = |class: usize| {
            let tally = classes.get(&class)?;
            let share = 100.0 * f64::from(tally.held_in_print) / f64::from(tally.printed);
            Some(format!("{share:.1} of {}", tally.printed))
        };
        let cells: Vec<String> = (0..CLASSES.len()).map(|class| cell(class).unwrap_or_default()).collect();
        table += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    Ok(table)
}
