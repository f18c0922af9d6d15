//! Admission: which decoded reports may be counted.

use keepset_privacy::Answering;
use keepset_wire::{Epoch, Plan, Report, Subset, Window};

use crate::clock::Openings;
use crate::report_tokens::Spend;

/// A report that may be counted; only [`admit`] makes one.
#[derive(Clone, Debug)]
pub struct Admitted {
    report: Report,
    window: Window,
    counted: Vec<u16>,
    spend: Option<Spend>,
}

impl Admitted {
    /// Returns the report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns which of its question's counters it raises.
    #[must_use]
    pub fn counted(&self) -> &[u16] {
        &self.counted
    }

    /// Puts beside it what is to be written down of the token it came with.
    #[must_use]
    pub fn paid_with(self, spend: Spend) -> Self {
        Self { spend: Some(spend), ..self }
    }

    /// Returns what is to be written down of the token it came with; nothing where none is needed.
    #[must_use]
    pub fn spend(&self) -> Option<Spend> {
        self.spend
    }

    /// Returns the window it counts in: a device's name for its report is the same in all of it.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }
}

/// Why a well-formed report may not be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its window is closed.
    Closed,
    /// Its epoch is not open yet, or the plan has none with that number.
    Ahead,
    /// The answer has another shape than every honest answer: so many cells of those its mechanism has.
    Shape {
        /// How many cells it is to hold.
        expected: u16,
    },
}

/// Admits a report whose epoch is open and whose answer has the shape of every honest one.
///
/// # Errors
/// The first [`Refusal`], in the order of its variants.
pub fn admit(plan: &Plan, tasks: &[Answering], open: Openings, report: Report) -> Result<Admitted, Refusal> {
    check_epoch(report.epoch, open)?;
    let task = tasks.get(usize::from(report.question)).ok_or(Refusal::Shape { expected: 0 })?;
    // A fixed size denies a fake report the power to vote for every segment at once.
    if !task.is_shaped(&report.answer) {
        return Err(Refusal::Shape { expected: task.held() });
    }
    Ok(Admitted {
        window: plan.window_of(report.epoch),
        counted: raised(task, &report.answer),
        spend: None,
        report,
    })
}

/// Returns the counters that an answer raises.
pub(crate) fn raised(task: &Answering, answer: &Subset) -> Vec<u16> {
    // At most 528 counters, those of the overlaps of 32 segments.
    task.counted(answer).into_iter().filter_map(|counter| u16::try_from(counter).ok()).collect()
}

/// Checks that an epoch is open.
///
/// # Errors
/// [`Refusal::Ahead`] or [`Refusal::Closed`].
pub fn check_epoch(epoch: Epoch, open: Openings) -> Result<(), Refusal> {
    if epoch >= open.ahead_from {
        return Err(Refusal::Ahead);
    }
    if epoch < open.closed_before {
        return Err(Refusal::Closed);
    }
    Ok(())
}
