//! What a device learns of one person, look by look: the learner of the engine, one prediction at a time.

use keepset_engine::adapting::{Learned, Rule, Term};
use keepset_wire::Timestamp;

use super::people::Look;

/// What a term of a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Score,
    /// A feature, by its place among [`Look::values`].
    Feature(usize),
}

/// A rule, and what each term but the first looks at.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) rule: Rule,
    pub(super) inputs: Vec<Input>,
}

/// A look with what the device had learned until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    pub(super) due: Timestamp,
    pub(super) shipped: f64,
    pub(super) adapted: f64,
    /// From so many outcomes.
    pub(super) learned: usize,
    pub(super) came: bool,
    /// A round began with it.
    pub(super) begins: bool,
}

impl Way {
    /// One number is learned: an offset.
    pub(super) fn offset(variance: f64, limit: f64) -> Self {
        let rule = Rule { limit, terms: vec![Term { variance, centre: 0.0, scale: 1.0 }] };
        Self { rule, inputs: Vec::new() }
    }

    /// The same with another term.
    pub(super) fn and(&self, input: Input, term: Term) -> Self {
        let mut way = self.clone();
        way.rule.terms.push(term);
        way.inputs.push(input);
        way
    }

    fn inputs(&self, look: &Look) -> Vec<f64> {
        let value = |input: &Input| match input {
            Input::Score => Some(look.shipped),
            Input::Feature(place) => look.values[*place],
        };
        let terms = self.rule.terms.iter().skip(1).zip(&self.inputs);
        std::iter::once(1.0).chain(terms.map(|(term, input)| term.input(value(input)))).collect()
    }

    /// Lives through the looks of a person, each in its turn: a prediction that has come due is learned from, and the next begins.
    pub(super) fn live(&self, looks: &[Look]) -> Vec<Told> {
        let mut learned = vec![Learned::default(); self.rule.terms.len()];
        let (mut outcomes, mut running): (usize, Option<(&Look, Vec<f64>)>) = (0, None);
        let mut told = Vec::new();
        for look in looks {
            if let Some((begun, inputs)) = running.take_if(|(begun, _)| begun.due <= look.at) {
                let steps = self.rule.step(&learned, begun.shipped, &inputs, begun.came);
                for (learned, step) in learned.iter_mut().zip(steps) {
                    learned.moved += step.moved;
                    learned.weight += step.weight;
                }
                outcomes += 1;
            }
            let inputs = self.inputs(look);
            let adapted = look.shipped + self.rule.moves(&learned, &inputs);
            let begins = running.is_none();
            if begins {
                running = Some((look, inputs));
            }
            let Look { at, due, shipped, came, .. } = *look;
            told.push(Told { at, due, shipped, adapted, learned: outcomes, came, begins });
        }
        told
    }
}
