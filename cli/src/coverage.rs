//! Coverage: how often a 95 % interval holds the truth when a replayed population reports again and again.
//!
//! The log is replayed once. What the devices would say is kept, by window and question, and put
//! through the mechanism anew for every seed: the same measurement, estimator, interval and rule of release as in the field.
//! The intervals of what is printed are also counted by themselves: what a rule chooses by its noise would not hold.

use std::collections::BTreeMap;

use anyhow::Context as _;
use keepset_privacy::finding::{Exact, Measure};
use keepset_privacy::release::least_reports;
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
    /// The share of the intervals whose number was printed.
    pub pooled_in_print: Option<f64>,
    /// Every segment, or other number, over its windows and all seeds.
    pub segments: Vec<SegmentCoverage>,
    /// All numbers of all windows, by how often they were printed.
    pub by_print: Vec<PrintCoverage>,
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
    /// The share of the intervals of printed numbers that held the truth; nothing where none was printed.
    pub coverage_in_print: Option<f64>,
    /// How many intervals of printed numbers there were.
    pub printed: u64,
}

/// How often the intervals of numbers that are printed about as often as each other held their truths.
#[derive(Clone, Debug, Serialize)]
pub struct PrintCoverage {
    /// What they measure.
    pub measure: &'static str,
    /// The least share of the seeds for which they were printed.
    pub from: f64,
    /// The share they stayed below, or are at most.
    pub to: f64,
    /// How many numbers there are, one for each window.
    pub numbers: u64,
    /// How many intervals of printed ones there were.
    pub printed: u64,
    /// The share of these that held the truth.
    pub coverage_in_print: f64,
    /// The share of all their intervals, printed or not, that held the truth.
    pub coverage: f64,
}

/// Where the classes of what is printed about as often end.
const CLASSES: [f64; 5] = [0.1, 0.35, 0.65, 0.9, 1.0];

#[derive(Clone, Default)]
struct Tries {
    held: u64,
    intervals: u64,
    truths: f64,
    printed: u64,
    held_in_print: u64,
}

impl Tries {
    fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.intervals += other.intervals;
        self.truths += other.truths;
        self.printed += other.printed;
        self.held_in_print += other.held_in_print;
    }

    fn in_print(&self) -> Option<f64> {
        (self.printed > 0).then(|| share(self.held_in_print, self.printed))
    }

    /// The class of how often it was printed; nothing where it never was.
    fn class(&self) -> Option<usize> {
        let often = share(self.printed, self.intervals);
        (self.printed > 0)
            .then(|| CLASSES.iter().take_while(|end| often >= **end).count().min(CLASSES.len() - 1))
    }
}

/// The tries of a question's number in a window.
type Tried = BTreeMap<(usize, usize, Window), Tries>;

/// What the devices of one window say to one question.
type Said = BTreeMap<(Window, usize), Vec<Truth>>;

/// Replays a log and draws its reports anew for `seeds` seeds, as if everybody were there `copies` times.
///
/// # Errors
/// As [`Replay::answers`]; or when the log gives no report.
pub fn coverage(
    replay: Replay,
    seeds: u64,
    copies: usize,
    watch: &mut impl Watch,
) -> anyhow::Result<Coverage> {
    let plan = replay.pack.plan.as_ref().context("the pack has no plan, so nothing is reported")?.clone();
    let mut said = Said::new();
    replay.answers(watch, &mut |answer: Answer| {
        let said = said.entry((answer.window, answer.report.question.into())).or_default();
        said.extend(std::iter::repeat_n(answer.truth, copies));
    })?;
    anyhow::ensure!(!said.is_empty(), "no device reported");
    measure(&plan, &said, seeds)
}

fn measure(plan: &Plan, said: &Said, seeds: u64) -> anyhow::Result<Coverage> {
    let answerings = Answering::of_plan(plan)?;
    let least = least_reports(plan);
    let mut tried = Tried::new();
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
                let held = u64::from(estimate.low <= *truth && *truth <= estimate.high);
                let printed = u64::from(finding.resting_on(least).published().is_some());
                tried.entry((*index, number, *window)).or_default().add(&Tries {
                    held,
                    intervals: 1,
                    truths: *truth,
                    printed,
                    held_in_print: held * printed,
                });
            }
        }
    }
    let reports = said.values().map(|truths| truths.len() as u64).sum();
    Ok(summary(plan, &answerings, &tried, seeds, reports))
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

fn summary(plan: &Plan, answerings: &[Answering], tried: &Tried, seeds: u64, reports: u64) -> Coverage {
    let mut all = Tries::default();
    let mut by_number: BTreeMap<(usize, usize), Tries> = BTreeMap::new();
    let mut by_print: BTreeMap<(&'static str, usize), (u64, Tries)> = BTreeMap::new();
    let measure = |index: usize, number: usize| answerings[index].measures(&plan.questions[index])[number];
    for ((index, number, _), tries) in tried {
        all.add(tries);
        by_number.entry((*index, *number)).or_default().add(tries);
        if let Some(class) = tries.class() {
            let class = by_print.entry((measure(*index, *number).kind(), class)).or_default();
            class.0 += 1;
            class.1.add(tries);
        }
    }
    let name = |index: usize, number: usize| {
        let question = &plan.questions[index];
        match measure(index, number) {
            Measure::Size(segment) => Measure::Size(segment).item(question),
            measure => format!("{} {}", measure.kind(), measure.item(question)),
        }
    };
    let segments = by_number.iter().map(|((index, number), tries)| SegmentCoverage {
        id: name(*index, *number),
        truth: tries.truths / as_float(tries.intervals),
        coverage: share(tries.held, tries.intervals),
        intervals: tries.intervals,
        coverage_in_print: tries.in_print(),
        printed: tries.printed,
    });
    let classes = by_print.iter().map(|((measure, class), (numbers, tries))| PrintCoverage {
        measure,
        from: class.checked_sub(1).map_or(0.0, |before| CLASSES[before]),
        to: CLASSES[*class],
        numbers: *numbers,
        printed: tries.printed,
        coverage_in_print: share(tries.held_in_print, tries.printed),
        coverage: share(tries.held, tries.intervals),
    });
    Coverage {
        seeds,
        reports,
        pooled: share(all.held, all.intervals),
        pooled_in_print: all.in_print(),
        segments: segments.collect(),
        by_print: classes.collect(),
    }
}

fn share(part: u64, whole: u64) -> f64 {
    as_float(part) / as_float(whole)
}

// Counts stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_counted_by_itself_and_by_how_often_it_is() {
        let tries =
            |printed, held_in_print| Tries { held: 95, intervals: 100, truths: 20.0, printed, held_in_print };
        assert_eq!(
            [0, 1, 9, 10, 64, 90, 100].map(|printed| tries(printed, 0).class()),
            [None, Some(0), Some(0), Some(1), Some(2), Some(4), Some(4)]
        );
        assert_eq!((tries(0, 0).in_print(), tries(50, 40).in_print()), (None, Some(0.8)));
        let plan = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 2,
            "questions": [{"id": "q", "reason": "r", "segments": ["a", "b"], "cap": 1}]}"#;
        let plan = Plan::parse(plan).unwrap();
        let answerings = Answering::of_plan(&plan).unwrap();
        let tried = [
            ((0, 0, Window(0)), tries(5, 4)),
            ((0, 0, Window(1)), tries(95, 90)),
            ((0, 1, Window(0)), tries(0, 0)),
        ];
        let found = summary(&plan, &answerings, &tried.into_iter().collect(), 100, 1_000);
        assert_eq!((found.pooled, found.pooled_in_print), (0.95, Some(0.94)));
        let a = &found.segments[0];
        assert_eq!((a.id.as_str(), a.printed, a.coverage_in_print), ("a", 100, Some(0.94)));
        assert_eq!(found.segments[1].coverage_in_print, None);
        let classes: Vec<_> = found
            .by_print
            .iter()
            .map(|class| (class.measure, class.from, class.to, class.coverage_in_print))
            .collect();
        assert_eq!(classes, [("share", 0.0, 0.1, 0.8), ("share", 0.9, 1.0, 90.0 / 95.0)]);
    }
}
