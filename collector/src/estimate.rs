//! From counts to estimates: every window, question and segment, un-noised and put to the rule of release.

use keepset_privacy::release::{MIN_REPORTS, Release, release};
use keepset_privacy::{Answering, Estimate};
use keepset_wire::{Plan, Window};

use crate::clock::Openings;
use crate::store::{Tallies, Tally};
use std::collections::BTreeMap;

/// What is known of one window.
#[derive(Clone, Debug)]
pub struct WindowEstimates {
    /// Which window.
    pub window: Window,
    /// Whether its counts can still change.
    pub closed: bool,
    /// One entry per question of the plan, in its order.
    pub questions: Vec<QuestionEstimates>,
}

impl WindowEstimates {
    /// Returns how many reports the window holds.
    #[must_use]
    pub fn reports(&self) -> u64 {
        self.questions.iter().map(|question| question.reports).sum()
    }
}

/// What is known of one question in one window.
#[derive(Clone, Debug)]
pub struct QuestionEstimates {
    /// How many devices answered it.
    pub reports: u64,
    /// One entry per segment of the question, in its order.
    pub segments: Vec<SegmentEstimate>,
}

/// What is known of one segment in one window.
#[derive(Clone, Copy, Debug)]
pub struct SegmentEstimate {
    /// How many answers held its cell.
    pub support: u64,
    /// Its share of the devices that answered, after the rule of release; nothing when none did.
    pub release: Option<Release>,
}

impl SegmentEstimate {
    /// Returns the estimate whether or not it is precise enough to print.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) | Release::NotEnough(estimate) => Some(estimate),
        }
    }

    /// Returns the estimate when it is precise enough to print.
    #[must_use]
    pub fn published(&self) -> Option<Estimate> {
        match self.release? {
            Release::Published(estimate) => Some(estimate),
            Release::NotEnough(_) => None,
        }
    }
}

/// Estimates every window that has reports, oldest first.
///
/// # Privacy
/// Post-processing of answers that were randomised on the devices: it reveals no more than they do.
#[must_use]
pub fn windows(plan: &Plan, tasks: &[Answering], open: Openings, tallies: &Tallies) -> Vec<WindowEstimates> {
    let mut sums: BTreeMap<Window, BTreeMap<u16, Tally>> = BTreeMap::new();
    for ((epoch, question), tally) in tallies {
        sums.entry(plan.window_of(*epoch)).or_default().entry(*question).or_default().merge(tally);
    }
    sums.into_iter()
        .map(|(window, sums)| WindowEstimates {
            window,
            closed: open.is_closed(plan, window),
            questions: (0..)
                .zip(plan.questions.iter().zip(tasks))
                .map(|(index, (question, task))| {
                    let tally = sums.get(&index).cloned().unwrap_or_default();
                    let segments = 0..question.ask.segments().len();
                    QuestionEstimates {
                        reports: tally.reports,
                        segments: segments.map(|cell| segment(task, &tally, cell)).collect(),
                    }
                })
                .collect(),
        })
        .collect()
}

fn segment(task: &Answering, tally: &Tally, cell: usize) -> SegmentEstimate {
    let support = tally.support(cell);
    let estimate = task.select().and_then(|select| select.channel().estimate(support, tally.reports));
    SegmentEstimate { support, release: estimate.map(|estimate| release(estimate, MIN_REPORTS)) }
}
