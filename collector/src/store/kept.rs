//! Answers that are kept for an archive until their window is closed, and what a second answer under one id does.

use keepset_privacy::Answering;
use keepset_wire::{Epoch, Plan, ReportId, Subset, Window};

use super::engine::Seen;
use super::{OpenError, Purpose};
use crate::admit::{Admitted, raised};

/// An answer that is kept for the archive, under the id of its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The id.
    pub(crate) id: ReportId,
    /// 0 for the answer that came first, 1 for another one that came under the same id.
    pub(crate) copy: u8,
    /// The epoch it was made in.
    pub(crate) epoch: Epoch,
    /// The question it answers.
    pub(crate) question: u16,
    /// Its bits.
    pub(crate) answer: Vec<u8>,
}

impl Kept {
    /// Returns what is to be kept of a report.
    pub(super) fn of(admitted: &Admitted, copy: u8) -> Self {
        let report = admitted.report();
        let answer = report.answer.as_bits().to_vec();
        Self { id: report.id, copy, epoch: report.epoch, question: report.question, answer }
    }

    /// Tells whether another report under this id says the same.
    pub(super) fn agrees(&self, admitted: &Admitted) -> bool {
        let report = admitted.report();
        (self.epoch, self.question, self.answer.as_slice())
            == (report.epoch, report.question, report.answer.as_bits())
    }
}

/// A walk through ids or answers, window by window and id by id.
pub(super) struct Walk<T> {
    windows: std::vec::IntoIter<Window>,
    window: Option<Window>,
    last: Option<T>,
}

impl<T: Clone> Walk<T> {
    /// Begins before the first of the first window.
    pub(super) fn new(windows: Vec<Window>) -> Self {
        let mut windows = windows.into_iter();
        Self { window: windows.next(), windows, last: None }
    }

    /// Returns the next ones, which `after` reads: some of a window from behind the last one.
    pub(super) fn next<E>(
        &mut self,
        mut after: impl FnMut(Window, Option<&T>) -> Result<Vec<T>, E>,
    ) -> Result<Option<(Window, Vec<T>)>, E> {
        while let Some(window) = self.window {
            let some = after(window, self.last.as_ref())?;
            if let Some(last) = some.last() {
                self.last = Some(last.clone());
                return Ok(Some((window, some)));
            }
            (self.window, self.last) = (self.windows.next(), None);
        }
        Ok(None)
    }
}

/// What a store needs that keeps answers: it counts for none an id whose copies disagree, as whoever counts the archive does.
pub(super) struct Keeping {
    plan: Plan,
    tasks: Vec<Answering>,
}

impl Keeping {
    /// Returns what is needed for this purpose; nothing where no answers are kept.
    pub(super) fn of(purpose: &Purpose) -> Result<Option<Self>, OpenError> {
        if !purpose.archived {
            return Ok(None);
        }
        let tasks =
            Answering::of_plan(&purpose.plan).map_err(|error| OpenError::Engine(error.to_string()))?;
        Ok(Some(Self { plan: purpose.plan.clone(), tasks }))
    }

    /// Looks at a report whose id was counted with `first`, and has no other copy yet.
    pub(super) fn beside(&self, first: &Kept, admitted: &Admitted) -> Seen {
        if first.agrees(admitted) {
            return Seen::Again;
        }
        let at = usize::from(first.question);
        let counted = self.tasks.get(at).zip(self.plan.questions.get(at)).and_then(|(task, question)| {
            Some(raised(task, &Subset::from_bits(question.cells(), &first.answer)?))
        });
        Seen::Disputes { epoch: first.epoch, question: first.question, counted: counted.unwrap_or_default() }
    }
}
