//! Choices among approved variants: which banner, which text. A bandit of the person's own, on the device.
//!
//! A choice is made of what every pack is made of: `expand` writes it out as two events, a few counts and a segment, so that what
//! was shown and what came of it is kept, exported, explained and erased as all else is, and a page that makes no choices
//! loads nothing for it. What decides is [`Alternatives::decide`], in a module of its own
//! ([ADR 15](../../../../docs/adr/0015-a-choice-is-made-of-events-counts-and-a-segment.md)).

mod beta;
mod decide;
mod declare;

use keepset_wire::codec;
use keepset_wire::document::Name;

use crate::written::success;

pub use beta::{Beta, Draws};
pub use decide::{Chosen, Known, Settled, Why};
pub(crate) use declare::{KEY, expand, read};

/// One choice of a pack: what may be shown to whom, and how it is learned which to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// Its name.
    pub id: Name,
    /// The variant shown where nothing is to be learned: a variant of every context.
    pub default: Name,
    /// So many devices of a million see the default for ever.
    pub holdout: u32,
    /// In so many rounds at most another variant is shown than the one that did best so far.
    pub exploration: u32,
    /// Who may see what: the first whose segment the device is in holds.
    pub contexts: Vec<Context>,
}

codec!(struct Alternatives { id, default, holdout, exploration, contexts });

/// The variants approved for a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The segment; without one everybody.
    pub segment: Option<Name>,
    /// Its variants, the default first, the others by name.
    pub arms: Vec<Arm>,
}

codec!(struct Context { segment, arms });

/// A variant in a context, and what is known of it before the device learns anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The variant.
    pub variant: Name,
    /// As if it had succeeded so often.
    pub successes: u32,
    /// As if it had failed so often.
    pub failures: u32,
}

codec!(struct Arm { variant, successes, failures });

/// What a context without a segment is called.
const OTHERS: &str = "others";

/// The counts that a choice is decided by, before those of its arms, in the order of [`Alternatives::reads`].
const COUNTS: [&str; 7] = ["rounds", "arm", "why", "explored", "held_out", "open", "settled"];

impl Alternatives {
    /// Names the features it is decided by, in the order that [`Alternatives::decide`] takes their values.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        let counts = COUNTS.iter().map(|count| format!("{}.{count}", self.id));
        let arms = self.labels();
        counts.chain(arms.iter().flat_map(|arm| [self.tried(arm), self.won(arm)])).collect()
    }

    /// Names the event that begins a round, and the one that settles it.
    #[must_use]
    pub fn events(&self) -> [String; 2] {
        ["shown", "settled"].map(|event| format!("{}.{event}", self.id))
    }

    /// Names the segment of who did, within the time, what the variant was shown for.
    #[must_use]
    pub fn success(&self) -> String {
        success(&self.id)
    }

    /// Names every arm, context by context: the segment and the variant.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let of = |context: &Context| -> Vec<String> {
            let segment = context.segment.as_ref().map_or(OTHERS, Name::as_str);
            context.arms.iter().map(|arm| format!("{segment}.{}", arm.variant)).collect()
        };
        self.contexts.iter().flat_map(of).collect()
    }

    fn tried(&self, arm: &str) -> String {
        format!("{}.{arm}.tried", self.id)
    }

    fn won(&self, arm: &str) -> String {
        format!("{}.{arm}.won", self.id)
    }
}
