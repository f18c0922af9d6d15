//! The score for this person, and what is to be taken in for it: an earlier prediction that has come due, and the next.

use super::learn::told;
use super::{Adaptation, COUNTS, Input, Learned};
use crate::choosing::Known;

/// The score for this person, and what is to be taken in for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// The score of the shipped model.
    pub shipped: f64,
    /// The same, moved by what was learned of this person.
    pub score: f64,
    /// Learned from so many outcomes.
    pub learned: u32,
    /// How many rounds were begun before: names what is taken in, so that two tabs settle and begin one round once.
    pub round: u32,
    /// The numbers of [`Adaptation::settled`], of a round whose time is over.
    pub settled: Option<Vec<f64>>,
    /// The numbers of [`Adaptation::asked`], of the round that begins.
    pub begun: Option<Vec<f64>>,
}

/// What the device knows, read from the values of [`Adaptation::reads`].
struct Counts {
    rounds: u32,
    is_open: bool,
    is_pending: bool,
    learned: u32,
    /// What the round began with: the score, and the inputs of every term.
    asked: f64,
    asked_inputs: Vec<f64>,
    terms: Vec<Learned>,
    /// What the inputs are now.
    inputs: Vec<f64>,
    shipped: f64,
}

impl Adaptation {
    /// Decides what the score is for this person, and what is to be taken in.
    ///
    /// # Privacy
    /// Reads and decides on the device alone; nothing of it is for anyone else.
    #[must_use]
    pub fn decide(&self, known: Known<'_>) -> Adapted {
        let counts = self.counts(known);
        let moved = self.rule.moves(&counts.terms, &counts.inputs);
        let is_running = counts.is_pending && counts.is_open;
        let is_due = counts.is_pending && !counts.is_open;
        let came = known.within.contains(&crate::written::success(&self.id).as_str()) == self.comes;
        let begun = || std::iter::once(told(counts.shipped)).chain(counts.inputs.iter().skip(1).copied());
        Adapted {
            shipped: counts.shipped,
            // What has learned nothing gives the bits of the shipped model.
            score: if moved == 0.0 { counts.shipped } else { counts.shipped + moved },
            learned: counts.learned,
            round: counts.rounds,
            settled: is_due.then(|| {
                let steps = self.rule.step(&counts.terms, counts.asked, &counts.asked_inputs, came);
                counts.settle(came, &steps)
            }),
            begun: (!is_running).then(|| begun().collect()),
        }
    }

    /// What breaks off the round that runs, so that nothing is learned from it; nothing where none runs.
    #[must_use]
    pub fn break_off(&self, known: Known<'_>) -> Option<Vec<f64>> {
        let counts = self.counts(known);
        let none = vec![Learned::default(); counts.terms.len()];
        counts.is_pending.then(|| counts.settle(false, &none))
    }

    fn counts(&self, known: Known<'_>) -> Counts {
        let mut values = known.values.iter().map(|value| Some(*value).filter(|value| value.is_finite()));
        let mut next = || values.next().flatten();
        // A float cast saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut count = || next().map_or(0, |value| value as u32);
        let [rounds, open, pending, learned] = [count(), count(), count(), count()];
        debug_assert_eq!(COUNTS.len(), 5, "four counts, and the score of the round that runs");
        let mut number = || next().unwrap_or(0.0);
        let asked = number();
        let asked_inputs = std::iter::once(1.0).chain(self.inputs.iter().map(|_| number())).collect();
        let terms =
            self.rule.terms.iter().map(|_| Learned { moved: number(), weight: number().max(0.0) }).collect();
        let features: Vec<Option<f64>> = self
            .inputs
            .iter()
            .map(|input| matches!(input, Input::Feature(_)).then(&mut next).flatten())
            .collect();
        let shipped = self.shipped(next);
        let terms_of_inputs = self.rule.terms.iter().skip(1).zip(&self.inputs).zip(features);
        let inputs = terms_of_inputs.map(|((term, input), value)| match input {
            Input::Score => term.input(Some(shipped)),
            Input::Feature(_) => term.input(value),
        });
        Counts {
            rounds,
            is_open: open > 0,
            is_pending: pending > 0,
            learned,
            asked,
            asked_inputs,
            terms,
            inputs: std::iter::once(1.0).chain(inputs).collect(),
            shipped,
        }
    }

    /// The score of the shipped model, of the values it reads.
    fn shipped(&self, mut next: impl FnMut() -> Option<f64>) -> f64 {
        let values: Vec<(usize, Option<f64>)> =
            self.reads.iter().map(|(place, _)| (*place, next())).collect();
        let value =
            |feature| values.iter().find(|(place, _)| *place == feature).and_then(|(_, value)| *value);
        self.model.as_ref().map_or(0.0, |model| model.score(value))
    }
}

impl Counts {
    /// The numbers of [`Adaptation::settled`].
    fn settle(&self, came: bool, steps: &[Learned]) -> Vec<f64> {
        let mut numbers = vec![f64::from(u8::from(came)), self.asked];
        numbers.extend(self.asked_inputs.iter().skip(1));
        numbers.extend(steps.iter().flat_map(|step| [step.moved, step.weight]));
        numbers
    }
}
