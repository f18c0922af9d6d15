//! What a device would answer: to a question about now from what it keeps, to one about then from what it latched.
//!
//! A question with a horizon asks about two moments. At the first of them the device keeps one small number, which of the question's
//! groups it was in, until it answers: nothing else of that moment outlives it.

use keepset_privacy::{BoundedMean, Truth};
use keepset_wire::codec;
use keepset_wire::{Ask, Epoch, Millionths, Name, Plan, Purpose, Question, Timestamp};

use super::Engine;
use crate::gate;
use crate::gate::Slot;
use crate::zone::Moment;

/// In which group of a question the device was when the answer of a slot began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latch {
    pub(crate) slot: Slot,
    group: u16,
}

codec!(struct Latch { slot, group });

impl Engine {
    /// Returns what the device would answer to each question at `now`.
    pub(super) fn truths(&self, plan: &Plan, now: Timestamp) -> Vec<Truth> {
        (0..).zip(&plan.questions).map(|(index, question)| self.truth(index, question, now)).collect()
    }

    fn truth(&self, index: u16, question: &Question, now: Timestamp) -> Truth {
        let ask = &question.ask;
        match ask {
            Ask::Sizes { segments, .. } | Ask::Overlaps { segments, .. } => {
                let cells = (0..).zip(segments).filter(|(_, segment)| self.is_in_named(segment));
                Truth::Cells(cells.map(|(cell, _)| cell).collect())
            }
            Ask::Histogram { feature, low, high, bins } => {
                let bucket = |value| place(value, *low, *high, *bins).min(f64::from(bins - 1)) + 1.0;
                // Without a value it is in the first bucket, else in one of the `bins` behind it.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                Truth::Cells(vec![self.value_of(feature, now).map_or(0, |value| bucket(value) as u16)])
            }
            Ask::Mean { feature, low, high, missing } => {
                let value = self.value_of(feature, now).unwrap_or(missing.value());
                let number = (place(value, *low, *high, 2) - 1.0) * f64::from(BoundedMean::ONE);
                // Between -2^20 and 2^20.
                #[expect(clippy::cast_possible_truncation)]
                Truth::Number(number as i64)
            }
            Ask::Conversion { outcome, .. } | Ask::Calibration { outcome, .. } => {
                let group = if question.horizon == 0 {
                    self.group(ask, now)
                } else {
                    self.latched(index).unwrap_or(ask.groups())
                };
                // A device in no group tells no outcome.
                let yes = group < ask.groups() && self.is_in_named(outcome);
                Truth::Cells(vec![2 * group + u16::from(yes)])
            }
        }
    }

    /// In which group of a question the device is: the first segment that holds, or the band of its score; their number for none.
    fn group(&self, ask: &Ask, now: Timestamp) -> u16 {
        let before = match ask {
            Ask::Calibration { model, cuts, .. } => {
                let Some(score) = self.score_of(model, now) else { return ask.groups() };
                cuts.iter().take_while(|cut| cut.value() <= score).count()
            }
            _ => ask.segments().iter().take_while(|segment| !self.is_in_named(segment)).count(),
        };
        // At most 64, by the limits of a question.
        u16::try_from(before).unwrap_or(u16::MAX)
    }

    fn is_in_named(&self, name: &Name) -> bool {
        self.pack
            .segments
            .list
            .iter()
            .position(|segment| segment.id == *name)
            .is_some_and(|index| self.is_in(index))
    }

    fn value_of(&self, name: &Name, now: Timestamp) -> Option<f64> {
        let feature = self.pack.features.position(name.as_str())?;
        self.pack.features.value(feature, &self.states, Moment { now, zone: &self.zone })
    }

    /// The margin, by the same operations as everywhere.
    fn score_of(&self, name: &Name, now: Timestamp) -> Option<f64> {
        self.scores(now).find(|(model, _)| *model == name).map(|(_, score)| score)
    }

    /// Returns the slot drawn last under the plan of the pack.
    pub(super) fn slot(&self) -> Option<Slot> {
        let (_, hash) = self.pack.asked()?;
        self.gate.drawn(hash)
    }

    /// The group latched for the question that this window's slot is about.
    fn latched(&self, question: u16) -> Option<u16> {
        let slot = self.slot().filter(|slot| slot.question == question);
        self.latch.filter(|latch| Some(latch.slot) == slot).map(|latch| latch.group)
    }

    /// Returns when the device is to latch its group, if it still can: before the epoch of its answer, and with consent to report.
    pub(super) fn latch_due(&self) -> Option<Timestamp> {
        let (plan, slot) = (self.pack.plan.as_ref()?, self.slot()?);
        let question =
            plan.questions.get(usize::from(slot.question)).filter(|question| question.horizon > 0)?;
        let open = self.evaluated < plan.epoch_start(Epoch(slot.epoch))
            && self.latch.is_none_or(|latch| latch.slot != slot)
            && gate::check(&self.consent, Purpose::Reporting).is_ok();
        open.then(|| plan.epoch_start(Epoch(slot.epoch.saturating_sub(question.horizon))))
    }

    /// Latches the group of `now`.
    pub(super) fn latch(&mut self, now: Timestamp) {
        let Some((plan, slot)) = self.pack.plan.as_ref().zip(self.slot()) else { return };
        let Some(question) = plan.questions.get(usize::from(slot.question)) else { return };
        self.latch = Some(Latch { slot, group: self.group(&question.ask, now) });
        self.stored = None;
    }
}

/// Where in a range of so many steps a value is, held within it.
fn place(value: f64, low: Millionths, high: Millionths, steps: u16) -> f64 {
    let (low, high, steps) = (low.value(), high.value(), f64::from(steps));
    let place = (value - low) / (high - low) * steps;
    // Written so that what is no number is the lower end.
    if place >= steps {
        steps
    } else if place > 0.0 {
        place
    } else {
        0.0
    }
}
