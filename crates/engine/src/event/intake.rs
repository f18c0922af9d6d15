//! What came in: counts, and the ids of recent events, so that an event that comes twice counts once.

use keepset_wire::codec;
use serde::Serialize;

use super::value::hash;

/// So many ids are remembered.
const MAX_IDS: usize = 128;

/// What became of the events a device was told. Counts only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intake {
    /// Taken in.
    pub accepted: u32,
    /// Taken in, although a later one had come before.
    pub late: u32,
    /// Dropped: an event of the same id had come.
    pub duplicates: u32,
    /// Dropped: the pack declares no event of this name.
    pub undeclared_events: u32,
    /// Properties dropped: the pack does not declare them.
    pub undeclared_properties: u32,
    /// Refused: a property broke its declaration.
    pub refused: u32,
    /// Rows of memory given up to keep the state within its size.
    pub evicted: u32,
}

codec!(struct Intake { accepted, late, duplicates, undeclared_events, undeclared_properties, refused, evicted });

/// The hashes of the ids of recent events, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecentIds(Vec<i64>);

codec!(tuple RecentIds);

impl RecentIds {
    /// Tells whether an id is known.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.0.contains(&hash(id))
    }

    /// Remembers an id.
    pub(crate) fn add(&mut self, id: &str) {
        self.push(hash(id));
    }

    pub(crate) fn push(&mut self, id: i64) {
        if self.0.len() >= MAX_IDS {
            self.0.remove(0);
        }
        self.0.push(id);
    }

    /// Lists the ids that came after those of `earlier`; nothing when they are not its continuation.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Vec<i64>> {
        let Some(last) = earlier.0.last() else { return Some(self.0.clone()) };
        let known = self.0.iter().rposition(|id| id == last)?;
        Some(self.0[known + 1..].to_vec())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn an_id_is_known_among_the_last_128() {
        let mut ids = RecentIds::default();
        ids.add("first");
        (0..127).for_each(|number| ids.add(&number.to_string()));
        assert!(ids.knows("first") && !ids.knows("one more"));
        ids.add("one more");
        assert!(!ids.knows("first") && ids.knows("one more"));
    }
}
