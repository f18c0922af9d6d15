//! What a replay counts: per window and question the reports, the noisy support of each segment and the truth.

use std::collections::BTreeMap;

use keepset_privacy::release::{Release, least_reports, release};
use keepset_privacy::{Answering, Estimate, PrivacyError, Truth};
use keepset_wire::{Plan, Timestamp, Window};
use serde::Serialize;

use crate::fleet::Answer;

/// The counts of a plan; its size depends on windows and segments, not on people.
#[derive(Clone, Debug)]
pub struct Tally {
    plan: Plan,
    answerings: Vec<Answering>,
    windows: BTreeMap<Window, Vec<Count>>,
}

#[derive(Clone, Debug)]
struct Count {
    reports: u64,
    /// Devices in more segments than the cap: the cut biases their answers, and only a replay can say how many there are.
    over_cap: u64,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    support: u64,
    members: u64,
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
    /// How many answers the estimates rest on.
    pub reports: u64,
    /// How many of them this replay made; a collector may hold others of the same plan.
    pub replayed: u64,
    /// How many of the replay's devices were in more segments than the cap lets them say.
    pub over_cap: u64,
    /// Its segments, in the order of the plan.
    pub segments: Vec<SegmentResult>,
}

/// One segment in one window: the truth beside the estimate.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentResult {
    /// The segment.
    pub id: String,
    /// The share of the devices that reported which were in it: known only because this is a replay.
    #[serde(rename = "true")]
    pub truth: f64,
    /// The unbiased estimate of that share from the noisy reports alone.
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
    /// How many reports included it.
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
        if plan.questions.iter().any(|question| question.ask.kind() != "sizes") {
            return Err(PrivacyError::Shape);
        }
        let answerings = Answering::of_plan(&plan)?;
        Ok(Self { plan, answerings, windows: BTreeMap::new() })
    }

    /// Counts one answer.
    pub fn add(&mut self, answer: &Answer) {
        let empty =
            || self.plan.questions.iter().map(|question| Count::new(question.ask.segments().len())).collect();
        let counts: &mut Vec<Count> = self.windows.entry(answer.window).or_insert_with(empty);
        let index = usize::from(answer.report.question);
        let (Some(count), Some(question)) = (counts.get_mut(index), self.plan.questions.get(index)) else {
            return;
        };
        count.reports += 1;
        let Truth::Cells(own) = &answer.truth else { return };
        count.over_cap += u64::from(question.ask.cap().is_some_and(|cap| own.len() > usize::from(cap)));
        for (id, cell) in (0..).zip(&mut count.cells) {
            cell.support += u64::from(answer.report.answer.contains(id));
            cell.members += u64::from(own.contains(&id));
        }
    }

    /// Returns how many answers were counted.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.windows.values().flatten().map(|count| count.reports).sum()
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
    fn question(&self, index: usize, count: &Count) -> Option<QuestionResult> {
        let (question, answering) = (self.plan.questions.get(index)?, self.answerings.get(index)?);
        let channel = answering.select()?.channel();
        let segments = question.ask.segments().iter().zip(&count.cells).map(|(id, cell)| {
            let estimate = channel.estimate(cell.support, count.reports)?;
            let truth = share(cell.members, count.reports);
            let release = release(estimate, least_reports(&self.plan));
            Some(SegmentResult::new(id.to_string(), truth, release, estimate, cell.support))
        });
        Some(QuestionResult {
            id: question.id.to_string(),
            reports: count.reports,
            replayed: count.reports,
            over_cap: count.over_cap,
            segments: segments.collect::<Option<_>>()?,
        })
    }
}

impl Count {
    fn new(segments: usize) -> Self {
        Self { reports: 0, over_cap: 0, cells: vec![Cell::default(); segments] }
    }
}

impl SegmentResult {
    fn new(id: String, truth: f64, release: Release, estimate: Estimate, support: u64) -> Self {
        let mut result = Self {
            id,
            truth,
            estimate: estimate.share,
            low: estimate.low,
            high: estimate.high,
            standard_error: estimate.standard_error,
            relative_error: None,
            published: matches!(release, Release::Published(_)),
            support,
            reports: estimate.reports,
        };
        result.set_estimate(estimate.share);
        result
    }

    /// Puts an estimate and its distance from the truth.
    pub(crate) fn set_estimate(&mut self, estimate: f64) {
        self.estimate = estimate;
        self.relative_error = (self.truth > 0.0).then(|| (estimate - self.truth).abs() / self.truth);
    }
}

// Counts of people stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
