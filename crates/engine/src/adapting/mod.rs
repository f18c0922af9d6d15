//! Models that move with one person: what the shipped score foretold is held against what this person did, on the device.
//!
//! As a choice is, an adaptation is made of what every pack is made of: `expand` writes it out as events, counts, sums and a segment, so what was learned is
//! kept, exported, explained and erased as all else is. What decides is [`Adaptation::decide`], in a module of its own
//! ([ADR 19](../../../../docs/adr/0019-a-model-moves-with-a-person-in-an-add-on.md)); scores of segments and answers to reports stay those of the shipped model.

mod decide;
mod declare;
mod learn;

use keepset_wire::codec;
use keepset_wire::document::Name;

pub use decide::Adapted;
pub(crate) use declare::{KEY, expand, read};
pub use learn::{Learned, Rule, Term, probability};

use crate::model::Model;

/// How a model of a pack moves with what one person does.
#[derive(Clone, Debug)]
pub struct Adaptation {
    /// The model's name.
    pub id: Name,
    /// Names the model and its prior: what was learned of others counts for nothing.
    pub of: String,
    /// Whether the event of the outcome is to come, or to stay away.
    pub comes: bool,
    /// How it learns.
    pub rule: Rule,
    /// What each term but the first looks at: a feature, or the shipped score.
    pub inputs: Vec<Input>,
    /// The names of the features that the model reads, by the place it reads them from.
    reads: Vec<(usize, Name)>,
    /// The model, which a compiled pack has elsewhere.
    model: Option<Model>,
}

codec!(struct Adaptation { id, of, comes, rule, inputs, reads } without { model });

/// What a term looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The shipped score.
    Score,
    /// A feature.
    Feature(Name),
}

codec!(enum Input { 0 => Score, 1 => Feature(a) });

/// The features it is decided by, before those of its terms, in the order of [`Adaptation::reads`].
const COUNTS: [&str; 5] = ["rounds", "open", "pending", "learned", "asked"];

impl Adaptation {
    /// Names the events: one begins a round, one settles it, one forgets what was learned.
    #[must_use]
    pub fn events(&self) -> [String; 3] {
        ["begun", "settled", "forgotten"].map(|event| format!("{}.{event}", self.id))
    }

    /// Names the features it is decided by, in the order that [`Adaptation::decide`] takes their values.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let own = |name: &str| format!("{}.{name}", self.id);
        let mut names: Vec<String> = COUNTS.iter().map(|count| own(count)).collect();
        names.extend(self.asked().iter().skip(1).map(|name| own(name)));
        names.extend(self.steps().iter().map(|name| own(name)));
        names.extend(self.inputs.iter().filter_map(|input| match input {
            Input::Feature(name) => Some(name.to_string()),
            Input::Score => None,
        }));
        names.extend(self.reads.iter().map(|(_, name)| name.to_string()));
        names
    }

    /// Names the numbers that a round begins with: the shipped score, and what each term but the first looks at.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let inputs = (0..self.inputs.len()).map(|place| format!("input_{}", place + 1));
        std::iter::once("asked".to_owned()).chain(inputs).collect()
    }

    /// Names the numbers that a round is settled with: whether the outcome came, what it began with, and the steps.
    #[must_use]
    pub fn settled(&self) -> Vec<String> {
        let mut names = vec!["came".to_owned()];
        names.extend(self.asked());
        names.extend(self.steps());
        names
    }

    /// Names what is learned: the move of each term, and the weight of what moved it.
    fn steps(&self) -> Vec<String> {
        (0..self.rule.terms.len())
            .flat_map(|term| [format!("move_{term}"), format!("weight_{term}")])
            .collect()
    }

    /// Returns it if its numbers are such as a reader of packs lets through.
    pub(crate) fn checked(&self) -> Option<Self> {
        let positive = |number: f64| number.is_finite() && number > 0.0;
        let is_sound =
            |term: &Term| positive(term.variance) && positive(term.scale) && term.centre.is_finite();
        let is_whole = self.rule.terms.len() == self.inputs.len() + 1;
        (is_whole && positive(self.rule.limit) && self.rule.terms.iter().all(is_sound)).then(|| self.clone())
    }

    /// Brings it together with its model.
    pub(crate) fn with(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }
}
