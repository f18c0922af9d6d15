//! Sensitive matters: what a plan is about that people may be harmed by, and what follows from it.

use crate::codec;
use crate::document::{Mistake, Node};
use crate::plan::Epsilon;

/// The most one report of a sensitive plan may cost.
pub const MAX_EPSILON: Epsilon = Epsilon::ONE;

/// What is said of a dearer one.
pub const TOO_DEAR: &str = "a report about a sensitive matter costs at most epsilon 1";

/// A set of sensitive matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sensitive(u8);

codec!(tuple Sensitive);

impl Sensitive {
    /// Nothing sensitive.
    pub const NONE: Self = Self(0);

    /// Every matter by its name: those of Article 9 of the GDPR that behaviour on a site can show, and what is as harmful.
    pub const ALL: [(&'static str, Self); 8] = [
        ("health", Self(1)),
        ("finance_risk", Self(1 << 1)),
        ("children", Self(1 << 2)),
        ("sexuality", Self(1 << 3)),
        ("religion", Self(1 << 4)),
        ("politics", Self(1 << 5)),
        ("precise_location", Self(1 << 6)),
        ("biometrics", Self(1 << 7)),
    ];

    /// Reads one matter.
    ///
    /// # Errors
    /// A [`Mistake`] that lists the matters there are.
    pub fn read(node: &Node<'_>) -> Result<Self, Mistake> {
        node.one_of(&Self::ALL)
    }

    /// Reads a list of matters.
    ///
    /// # Errors
    /// A [`Mistake`] at the entry that is none, or at a list without any.
    pub fn read_list(node: &Node<'_>) -> Result<Self, Mistake> {
        let listed = node.each(Self::read)?;
        if listed.is_empty() {
            return Err(
                node.mistake("expected at least one matter; leave the key out where nothing is sensitive")
            );
        }
        Ok(listed.into_iter().fold(Self::NONE, Self::and))
    }

    /// Joins two sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether nothing is sensitive.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Lists the matters by their names.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Self::ALL.iter().filter(|(_, matter)| self.0 & matter.0 != 0).map(|(name, _)| *name).collect()
    }

    /// Returns the matters that another set does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bytes that stand for it in a hash: none where nothing is sensitive, so that such plans keep the hash they had.
    pub(crate) fn hashed(self) -> Vec<u8> {
        if self.is_empty() { Vec::new() } else { [&b"sensitive"[..], &[self.0]].concat() }
    }
}
