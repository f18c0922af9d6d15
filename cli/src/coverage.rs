//! Coverage: how often a 95 % interval holds the truth when a replayed population reports again and again.
//!
//! The log is replayed once. What the devices would say is kept, by window and question, and put
//! through the mechanism anew for every seed: the same measurement, estimator and interval as in the field.

use std::collections::BTreeMap;

use anyhow::Context as _;
use keepset_privacy::finding::{Exact, Measure};
use keepset_privacy::{Answering, SeededCoins, Truth};
use keepset_wire::{Plan, Window};
use serde::Serialize;

use crate::fleet::{Answer, mix};
use crate::replay::{Replay, Watch};

/// How often intervals held the truth.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// How many seeds were drawn.
    pub seeds: u64,
    /// How many reports were drawn for each of them.
    pub reports: u64,
    /// The share over all segments, windows and seeds.
    pub pooled: f64,
    /// Every segment, or other number, over its windows and all seeds.
    pub segments: Vec<SegmentCoverage>,
}

/// How often the intervals of one segment held its truth.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentCoverage {
    /// The segment, or what else the number is of.
    pub id: String,
    /// The mean over windows of the truth.
    #[serde(rename = "true")]
    pub truth: f64,
    /// The share of intervals that held the truth.
    pub coverage: f64,
    /// How many intervals there were.
    pub intervals: u64,
}

#[derive(Clone, Default)]
struct Tries {
    held: u64,
    intervals: u64,
    truths: f64,
}

/// What the devices of one window say to one question.
type Said = BTreeMap<(Window, usize), Vec<Truth>>;

/// Replays a log and draws its reports anew for `seeds` seeds.
///
/// # Errors
/// As [`Replay::answers`]; or when the log gives no report.
pub fn coverage(replay: Replay, seeds: u64, watch: &mut impl Watch) -> anyhow::Result<Coverage> {
    let plan = replay.pack.plan.as_ref().context("the pack has no plan, so nothing is reported")?.clone();
    let mut said = Said::new();
    replay.answers(watch, &mut |answer: Answer| {
        said.entry((answer.window, answer.report.question.into())).or_default().push(answer.truth);
    })?;
    anyhow::ensure!(!said.is_empty(), "no device reported");
    measure(&plan, &said, seeds)
}

fn measure(plan: &Plan, said: &Said, seeds: u64) -> anyhow::Result<Coverage> {
    let answerings = Answering::of_plan(plan)?;
    let mut tries: BTreeMap<(usize, usize), Tries> = BTreeMap::new();
    for ((window, index), truths) in said {
        let (answering, question) = (&answerings[*index], &plan.questions[*index]);
        let mut exact = Exact::default();
        truths.iter().for_each(|truth| exact.add(question, truth));
        let values = exact.values(answering, question);
        for seed in 0..seeds {
            // Every window and question has coins of its own.
            let coins = SeededCoins::new(mix(seed ^ mix(u64::from(window.0) ^ mix(*index as u64))));
            let counts = draw(answering, truths, coins)?;
            let findings = answering.findings(question, &counts, exact.devices);
            for (number, (finding, truth)) in findings.iter().zip(&values).enumerate() {
                let (Some(estimate), Some(truth)) = (finding.estimate(), truth) else { continue };
                let tries = tries.entry((*index, number)).or_default();
                tries.held += u64::from(estimate.low <= *truth && *truth <= estimate.high);
                tries.intervals += 1;
                tries.truths += truth;
            }
        }
    }
    let reports = said.values().map(|truths| truths.len() as u64).sum();
    Ok(summary(plan, &answerings, &tries, seeds, reports))
}

/// Puts every answer through its mechanism with the coins of one seed, and counts.
fn draw(answering: &Answering, truths: &[Truth], coins: SeededCoins) -> anyhow::Result<Vec<u64>> {
    let randomiser = answering.clone().randomiser(coins)?;
    let mut counts = vec![0; answering.counters()];
    for truth in truths {
        answering.counted(&randomiser.draw(truth)?).into_iter().for_each(|counter| counts[counter] += 1);
    }
    Ok(counts)
}

fn summary(
    plan: &Plan,
    answerings: &[Answering],
    tries: &BTreeMap<(usize, usize), Tries>,
    seeds: u64,
    reports: u64,
) -> Coverage {
    let (held, all) =
        tries.values().fold((0, 0), |(held, all), tries| (held + tries.held, all + tries.intervals));
    let name = |index: usize, number: usize| {
        let question = &plan.questions[index];
        match answerings[index].measures(question)[number] {
            Measure::Size(segment) => Measure::Size(segment).item(question),
            measure => format!("{} {}", measure.kind(), measure.item(question)),
        }
    };
    let segments = tries.iter().map(|((index, number), tries)| SegmentCoverage {
        id: name(*index, *number),
        truth: tries.truths / as_float(tries.intervals),
        coverage: share(tries.held, tries.intervals),
        intervals: tries.intervals,
    });
    Coverage { seeds, reports, pooled: share(held, all), segments: segments.collect() }
}

fn share(part: u64, whole: u64) -> f64 {
    as_float(part) / as_float(whole)
}

// Counts stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
fn as_float(count: u64) -> f64 {
    count as f64
}
