//! What a replay counts: per window and question the noisy answers and the truth, and what both say, number by number.

use std::collections::BTreeMap;

use keepset_privacy::finding::{Exact, Finding, Measure};
use keepset_privacy::release::least_reports;
use keepset_privacy::{Answering, PrivacyError};
use keepset_wire::{Plan, Timestamp, Window};
use serde::Serialize;

use crate::fleet::Answer;

/// The counts of a plan; its size depends on windows and questions, not on people.
#[derive(Clone, Debug)]
pub struct Tally {
    plan: Plan,
    answerings: Vec<Answering>,
    windows: BTreeMap<Window, Vec<Count>>,
}

#[derive(Clone, Debug)]
struct Count {
    counts: Vec<u64>,
    exact: Exact,
}

/// One window of a replay, estimated.
#[derive(Clone, Debug, Serialize)]
pub struct WindowResult {
    /// Its number.
    pub window: u32,
    /// Its first day.
    pub starts: String,
    /// The day after its last.
    pub ends: String,
    /// Whether the log reaches its end.
    pub complete: bool,
    /// What was asked in it.
    pub questions: Vec<QuestionResult>,
}

/// One question in one window, estimated.
#[derive(Clone, Debug, Serialize)]
pub struct QuestionResult {
    /// The question.
    pub id: String,
    /// What it asks.
    pub ask: &'static str,
    /// How many answers the estimates rest on.
    pub reports: u64,
    /// How many of them this replay made; a collector may hold others of the same plan.
    pub replayed: u64,
    /// How many of the replay's devices were in more segments than the cap lets them say.
    pub over_cap: u64,
    /// The sizes of its segments, in the order of the plan.
    pub segments: Vec<SegmentResult>,
    /// Every other number, where there is one.
    pub figures: Vec<SegmentResult>,
}

/// One number in one window: the truth beside the estimate.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentResult {
    /// The segment, or what else it is of.
    pub id: String,
    /// What it is: `share`, `overlap`, `bin`, `quantile`, `mean`, `rate`, `lift`, `rate_of_all`, `lift_over_all` or `auc`.
    pub measure: &'static str,
    /// The truth among the devices that reported: known only because this is a replay.
    #[serde(rename = "true")]
    pub truth: f64,
    /// The estimate from the noisy reports alone.
    pub estimate: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// How far the estimate is from the truth, as a share of the truth; nothing when the truth is 0.
    pub relative_error: Option<f64>,
    /// Whether the rule of release lets it be printed.
    pub published: bool,
    /// How many reports included its cell; 0 where it has none.
    pub support: u64,
    /// How many devices answered.
    pub reports: u64,
}

impl Tally {
    /// Starts with nothing counted.
    ///
    /// # Errors
    /// When a question of the plan has no mechanism.
    pub fn new(plan: Plan) -> Result<Self, PrivacyError> {
        let answerings = Answering::of_plan(&plan)?;
        Ok(Self { plan, answerings, windows: BTreeMap::new() })
    }

    /// Counts one answer.
    pub fn add(&mut self, answer: &Answer) {
        let empty = || self.answerings.iter().map(Count::new).collect();
        let counts: &mut Vec<Count> = self.windows.entry(answer.window).or_insert_with(empty);
        let index = usize::from(answer.report.question);
        let questions = self.answerings.get(index).zip(self.plan.questions.get(index));
        let (Some(count), Some((answering, question))) = (counts.get_mut(index), questions) else { return };
        count.exact.add(question, &answer.truth);
        answering.counted(&answer.report.answer).into_iter().for_each(|counter| count.counts[counter] += 1);
    }

    /// Returns how many answers were counted.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.windows.values().flatten().map(|count| count.exact.devices).sum()
    }

    /// Un-noises every window; those that end after `end` are not complete.
    #[must_use]
    pub fn results(&self, end: Timestamp) -> Vec<WindowResult> {
        let result = |(window, counts): (&Window, &Vec<Count>)| {
            let ends = self.plan.window_start(Window(window.0.saturating_add(1)));
            let questions =
                (0..counts.len()).filter_map(|index| self.question(index, &counts[index])).collect();
            WindowResult {
                window: window.0,
                starts: self.plan.window_start(*window).date(),
                ends: ends.date(),
                complete: ends <= end,
                questions,
            }
        };
        self.windows.iter().map(result).collect()
    }

    /// A question nobody drew in a window has no result there.
    fn question(&self, index: usize, Count { counts, exact }: &Count) -> Option<QuestionResult> {
        let (question, answering) = (self.plan.questions.get(index)?, self.answerings.get(index)?);
        let reports = Some(exact.devices).filter(|devices| *devices > 0)?;
        let least = least_reports(&self.plan);
        let findings: Vec<Finding> = answering
            .findings(question, counts, reports)
            .into_iter()
            .map(|finding| finding.resting_on(least))
            .collect();
        let results =
            findings.iter().zip(exact.values(answering, question)).filter_map(|(finding, truth)| {
                Some((finding.measure, SegmentResult::new(finding.measure.item(question), truth?, finding)?))
            });
        let (sizes, others): (Vec<_>, Vec<_>) =
            results.partition(|(measure, _)| matches!(measure, Measure::Size(_)));
        let alone =
            |results: Vec<(Measure, SegmentResult)>| results.into_iter().map(|(_, result)| result).collect();
        Some(QuestionResult {
            id: question.id.to_string(),
            ask: question.ask.kind(),
            reports,
            replayed: reports,
            over_cap: exact.over_cap,
            segments: alone(sizes),
            figures: alone(others),
        })
    }
}

impl Count {
    fn new(answering: &Answering) -> Self {
        Self { counts: vec![0; answering.counters()], exact: Exact::default() }
    }
}

impl QuestionResult {
    /// Lists all its numbers.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut SegmentResult> {
        self.segments.iter_mut().chain(&mut self.figures)
    }
}

impl SegmentResult {
    fn new(id: String, truth: f64, finding: &Finding) -> Option<Self> {
        let estimate = finding.estimate()?;
        let mut result = Self {
            id,
            measure: finding.measure.kind(),
            truth,
            estimate: estimate.share,
            low: estimate.low,
            high: estimate.high,
            standard_error: estimate.standard_error,
            relative_error: None,
            published: finding.published().is_some(),
            support: finding.support.unwrap_or(0),
            reports: estimate.reports,
        };
        result.set_estimate(estimate.share);
        Some(result)
    }

    /// Puts an estimate and its distance from the truth.
    pub(crate) fn set_estimate(&mut self, estimate: f64) {
        self.estimate = estimate;
        self.relative_error = (self.truth != 0.0).then(|| ((estimate - self.truth) / self.truth).abs());
    }

    /// Tells whether it is a share, written in percent.
    #[must_use]
    pub fn is_share(&self) -> bool {
        !matches!(self.measure, "quantile" | "mean")
    }
}
