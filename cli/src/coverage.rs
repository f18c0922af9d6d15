//! Coverage: how often a 95 % interval holds the truth when a replayed population reports again and again.
//!
//! The log is replayed once. What the devices would say is kept, per report its question and memberships, and put
//! through the mechanism anew for every seed: the same measurement, estimator and interval as in the field.

use std::collections::BTreeMap;

use anyhow::Context as _;
use keepset_privacy::{Answering, SeededCoins, Truth};
use keepset_wire::{Plan, Window};
use serde::Serialize;

use crate::fleet::{Answer, mix};
use crate::replay::{Replay, Watch};

/// What one device would say in one window, without noise.
struct Said {
    window: Window,
    question: usize,
    truth: Truth,
}

/// How often intervals held the truth.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// How many seeds were drawn.
    pub seeds: u64,
    /// How many reports were drawn for each of them.
    pub reports: u64,
    /// The share over all segments, windows and seeds.
    pub pooled: f64,
    /// Every segment over its windows and all seeds.
    pub segments: Vec<SegmentCoverage>,
}

/// How often the intervals of one segment held its truth.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentCoverage {
    /// The segment.
    pub id: String,
    /// The mean over windows of the true share.
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

/// Support and membership counts of the cells of one question in one window.
type Counts = BTreeMap<(Window, usize), (u64, Vec<u64>)>;

/// Replays a log and draws its reports anew for `seeds` seeds.
///
/// # Errors
/// As [`Replay::answers`]; or when the log gives no report.
pub fn coverage(replay: Replay, seeds: u64, watch: &mut impl Watch) -> anyhow::Result<Coverage> {
    let plan = replay.pack.plan.as_ref().context("the pack has no plan, so nothing is reported")?.clone();
    let mut said = Vec::new();
    replay.answers(watch, &mut |answer: Answer| {
        said.push(Said {
            window: answer.window,
            question: answer.report.question.into(),
            truth: answer.truth,
        });
    })?;
    anyhow::ensure!(!said.is_empty(), "no device reported");
    measure(&plan, &said, seeds)
}

fn measure(plan: &Plan, said: &[Said], seeds: u64) -> anyhow::Result<Coverage> {
    let truths = count(plan, said, |index, cell| match &said[index].truth {
        Truth::Cells(own) => own.contains(&cell),
        Truth::Number(_) => false,
    });
    let mut tries: BTreeMap<(usize, usize), Tries> = BTreeMap::new();
    for seed in 0..seeds {
        let supports = draw(plan, said, seed)?;
        for (key, (reports, supports)) in &supports {
            let answering = Answering::for_question(plan.epsilon, &plan.questions[key.1])?;
            let channel = answering.select().context("only sizes are measured")?.channel();
            for (cell, (support, members)) in supports.iter().zip(&truths[key].1).enumerate() {
                let estimate =
                    channel.estimate(*support, *reports).context("a counted window has reports")?;
                let truth = share(*members, *reports);
                let tries = tries.entry((key.1, cell)).or_default();
                tries.held += u64::from(estimate.low <= truth && truth <= estimate.high);
                tries.intervals += 1;
                tries.truths += truth;
            }
        }
    }
    Ok(summary(plan, &tries, seeds, said.len() as u64))
}

/// Puts every answer through its mechanism with the coins of one seed.
fn draw(plan: &Plan, said: &[Said], seed: u64) -> anyhow::Result<Counts> {
    let mut randomisers = Vec::new();
    for (index, answering) in (0..).zip(Answering::of_plan(plan)?) {
        randomisers.push(answering.randomiser(SeededCoins::new(mix(seed ^ mix(index))))?);
    }
    let answers = said.iter().map(|said| randomisers[said.question].draw(&said.truth));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    Ok(count(plan, said, |index, cell| answers[index].contains(cell)))
}

fn count(plan: &Plan, said: &[Said], holds: impl Fn(usize, u16) -> bool) -> Counts {
    let mut counts = Counts::new();
    for (index, said) in said.iter().enumerate() {
        let cells = plan.questions[said.question].ask.segments().len();
        let (reports, sums) =
            counts.entry((said.window, said.question)).or_insert_with(|| (0, vec![0; cells]));
        *reports += 1;
        for (cell, sum) in (0..).zip(sums) {
            *sum += u64::from(holds(index, cell));
        }
    }
    counts
}

fn summary(plan: &Plan, tries: &BTreeMap<(usize, usize), Tries>, seeds: u64, reports: u64) -> Coverage {
    let (held, all) =
        tries.values().fold((0, 0), |(held, all), tries| (held + tries.held, all + tries.intervals));
    let segments = tries.iter().map(|((question, cell), tries)| SegmentCoverage {
        id: plan.questions[*question].ask.segments()[*cell].to_string(),
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
