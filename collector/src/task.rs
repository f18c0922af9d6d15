//! What the collector knows of a question's mechanism: the shape of an honest answer and its channel.

use keepset_privacy::{Channel, PrivacyError, SetSelect};
use keepset_wire::Plan;

/// The mechanism of one question, derived by the same code as on the device.
#[derive(Clone, Debug)]
pub struct Task {
    /// How many cells an answer ranges over: the segments and the cap's "none" cells.
    pub cells: u16,
    /// How many cells every honest answer holds.
    pub subset: u16,
    /// How many of its own cells an answer must hold to be the likelier kind.
    pub threshold: u16,
    /// The chances that a member's and a non-member's cell is in the answer.
    pub channel: Channel,
}

impl Task {
    /// Derives the mechanism of every question of `plan`.
    ///
    /// # Errors
    /// When a question allows no mechanism within its epsilon.
    pub fn of_plan(plan: &Plan) -> Result<Vec<Self>, PrivacyError> {
        plan.questions
            .iter()
            .map(|question| {
                let mechanism = SetSelect::for_question(plan.epsilon, question)?;
                Ok(Self {
                    cells: question.cells(),
                    subset: mechanism.subset_size(),
                    threshold: mechanism.threshold(),
                    channel: mechanism.channel(),
                })
            })
            .collect()
    }
}
