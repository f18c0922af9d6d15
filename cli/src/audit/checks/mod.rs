//! The checks, one file per question that is put to the module.

mod exact;
mod files;
mod guess;
mod instances;
mod law;
mod moment;
mod replay;
mod retry;
mod shape;
mod source;

use std::path::Path;

use indicatif::ProgressBar;
use keepset_wire::Epsilon;

use super::draws::{Demand, Lanes, Tally};
use super::finding::Section;
use super::lane::Files;
use super::subject::Subject;
use guess::Duel;

/// How much is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// The prices at which every question is asked, in millionths of epsilon.
    prices: &'static [u32],
    /// Draws for the law, over all questions and inputs.
    law: u64,
    /// Guesses behind every bound on epsilon.
    guesses: u64,
    /// The share of epsilon that a bound is to reach, from epsilon 1 to 4 and elsewhere.
    floors: (f64, f64),
    /// Instances that draw a secret.
    instances: u32,
    /// Reports from known bytes, per question.
    replays: u32,
    /// Draws per input for the moment.
    moments: u64,
}

impl Size {
    /// What is asked of an audit that is filed.
    pub(super) const FULL: Self = Self {
        prices: &[1_000_000, 2_000_000, 4_000_000],
        law: 10_000_000,
        guesses: 1_050_000,
        floors: (0.97, 0.95),
        instances: 100_000,
        replays: 1_000,
        moments: 40_000,
    };
    /// Enough to meet gross faults in half a minute.
    pub(super) const QUICK: Self = Self {
        prices: &[2_000_000],
        law: 300_000,
        guesses: 40_000,
        floors: (0.9, 0.8),
        instances: 3_000,
        replays: 20,
        moments: 4_000,
    };
}

/// The false-alarm rate of each family of tests: a sound module fails one of the three less than once in 3,000 audits.
const ALPHA: f64 = 1e-4;

/// The shapes whose whole law is counted: segments and cap.
const SHAPES: [(u16, u8); 4] = [(1, 1), (3, 1), (4, 2), (5, 3)];
/// The prices at which only the smallest shape is drawn from.
const RIMS: [u32; 2] = [500_000, 8_000_000];

/// What the checks share.
struct Audit<'a> {
    lanes: Lanes<'a>,
    size: Size,
    subjects: Vec<Subject>,
    duels: Vec<Duel>,
    demands: Vec<Demand>,
    tallies: Vec<Tally>,
}

/// Runs every check on a package.
pub(super) fn run(
    package: &Path,
    size: Size,
    seed: Option<u64>,
    bar: &ProgressBar,
) -> anyhow::Result<(Files, Vec<Section>)> {
    let subjects = subjects(size.prices)?;
    let duels = guess::duels(&subjects, size);
    let demands: Vec<Demand> = law::demands(&subjects, size).chain(guess::demands(&duels, seed)?).collect();
    bar.set_length(demands.iter().map(|demand| demand.count).sum::<u64>() + u64::from(size.instances));
    let lanes = Lanes { package, seed, bar: bar.clone() };
    let mut audit = Audit { lanes, size, subjects, duels, demands, tallies: Vec::new() };
    let (files, about_files) = files::check(&audit)?;
    let mut sections = vec![about_files, exact::check(&audit)];
    for check in [source::check, replay::check, instances::check, moment::check, retry::check] {
        sections.push(check(&audit)?);
    }
    audit.tallies = audit.lanes.tally(&audit.subjects, &audit.demands)?;
    for check in [shape::check, law::check, law::order, guess::check] {
        sections.push(check(&audit)?);
    }
    Ok((files, sections))
}

fn subjects(prices: &[u32]) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for epsilon in prices.iter().copied().map(priced) {
        for (segments, cap) in SHAPES {
            subjects.push(Subject::of_sizes(epsilon, segments, cap)?);
        }
        subjects.push(Subject::of_overlaps(epsilon, 4, 3)?);
        subjects.push(Subject::of_conversion(epsilon)?);
        subjects.push(Subject::of_histogram(epsilon)?);
        subjects.push(Subject::of_mean(epsilon)?);
    }
    for epsilon in RIMS.map(priced) {
        subjects.push(Subject::of_sizes(epsilon, SHAPES[0].0, SHAPES[0].1)?);
    }
    Ok(subjects)
}

fn priced(micro: u32) -> Epsilon {
    Epsilon::from_micro(micro).unwrap_or(Epsilon::MAX)
}

/// Writes a whole number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let group = |(index, digit): (usize, char)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(group).collect()
}
