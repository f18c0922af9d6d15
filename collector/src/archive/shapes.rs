//! The shapes of the answers in an archive. The one SQL text says nothing of them, so they are counted where the answers are at hand.

use std::sync::Arc;

use keepset_wire::{Epoch, Plan, Subset};
use rusqlite::Row;

use super::counts::{Table, failed};
use super::rows::WORDS;
use crate::checks::SHAPES;
use crate::estimate::Estimator;
use crate::store::Checks;

impl Table {
    /// Counts the answers by shape, as a store counts them: by id, of which one whose copies disagree counts for none.
    ///
    /// # Errors
    /// One sentence.
    pub fn shapes(&self, plan: &Plan, estimator: &Estimator) -> Result<Checks, String> {
        let part: Arc<str> = Arc::from(SHAPES);
        let mut checks = Checks::new();
        let mut agreed = self.connection.prepare(&agreed()).map_err(failed)?;
        let mut agreed = agreed.query([]).map_err(failed)?;
        while let Some(row) = agreed.next().map_err(failed)? {
            let (question, epoch) = (row.get(0).map_err(failed)?, Epoch(row.get(1).map_err(failed)?));
            let asked =
                plan.questions.get(usize::from(question)).zip(estimator.tasks().get(usize::from(question)));
            let Some(((asked, task), shapes)) = asked.zip(estimator.shapes(question)) else { continue };
            let answer = answer(row, asked.cells()).map_err(failed)?;
            if !task.is_shaped(&answer) {
                continue;
            }
            let window = plan.first_epoch(plan.window_of(epoch));
            let tally = checks.entry((window, question, Arc::clone(&part))).or_default();
            tally.reports += 1;
            // A few thousand counters at most.
            let raised = shapes.raised(&answer).into_iter().filter_map(|counter| counter.try_into().ok());
            raised.for_each(|counter| tally.vote(counter, 1));
        }
        Ok(checks)
    }
}

/// What [`super::SQL`] calls so: a line for each id, with question, epoch and words.
fn agreed() -> String {
    let columns = || {
        ["task", "epoch"].map(str::to_owned).into_iter().chain((0..WORDS).map(|word| format!("word_{word}")))
    };
    let (told, same): (Vec<_>, Vec<_>) =
        columns().map(|name| (format!("min({name})"), format!("min({name}) = max({name})"))).unzip();
    format!(
        "SELECT {} FROM reports GROUP BY window_number, id_high, id_low HAVING {}",
        told.join(", "),
        same.join(" AND ")
    )
}

/// Reads the words behind question and epoch: cell 0 is the lowest bit of the first.
fn answer(row: &Row<'_>, cells: u16) -> rusqlite::Result<Subset> {
    let mut answer = Subset::empty(cells);
    for (word, first) in (0..WORDS).zip((0_u16..).step_by(64)) {
        let word: i64 = row.get(2 + word)?;
        (0..64)
            .filter(|bit| word >> bit & 1 == 1 && first + bit < cells)
            .for_each(|bit| answer.insert(first + bit));
    }
    Ok(answer)
}
