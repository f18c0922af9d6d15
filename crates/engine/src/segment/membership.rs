//! Memberships: who is in, since when, and what changed.

use keepset_wire::{Name, Timestamp};

use super::{Segment, View};

/// A membership of this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The segment.
    pub segment: Name,
    /// Since when.
    pub since: Timestamp,
}

/// Whether a membership began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It began.
    Entered,
    /// It ended.
    Left,
}

/// A membership that began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The segment.
    pub segment: Name,
    /// Whether it began or ended.
    pub kind: ChangeKind,
    /// When.
    pub at: Timestamp,
}

/// Since when the device is in each segment of a pack, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memberships(Vec<Option<Timestamp>>);

impl Memberships {
    pub(crate) fn none(segments: usize) -> Self {
        Self(vec![None; segments])
    }

    pub(crate) fn since(&self, segment: usize) -> Option<Timestamp> {
        self.0[segment]
    }

    /// Puts back a membership of an earlier run.
    pub(crate) fn restore(&mut self, segment: usize, since: Timestamp) {
        self.0[segment] = Some(since);
    }

    /// Evaluates every segment at the moment of `view`, in `order`, and appends what changed.
    pub(crate) fn evaluate(
        &mut self,
        segments: &[Segment],
        order: &[usize],
        view: &View<'_>,
        changes: &mut Vec<Change>,
    ) {
        for &index in order {
            let segment = &segments[index];
            let was_in = self.0[index].is_some();
            let rule = if was_in { &segment.stay } else { &segment.enter };
            let is_in = rule.holds(view, &|other| self.0[other].is_some());
            if is_in != was_in {
                self.0[index] = is_in.then_some(view.now);
                let kind = if is_in { ChangeKind::Entered } else { ChangeKind::Left };
                changes.push(Change { segment: segment.id.clone(), kind, at: view.now });
            }
        }
    }

    /// Returns the first instant after `view`'s at which time alone may change a membership.
    pub(crate) fn next_change(&self, segments: &[Segment], view: &View<'_>) -> Option<Timestamp> {
        let rule = |(segment, since): (&'_ Segment, &Option<Timestamp>)| {
            let rule = if since.is_some() { &segment.stay } else { &segment.enter };
            rule.next_change(view)
        };
        segments.iter().zip(&self.0).filter_map(rule).min()
    }

    /// Ends every membership and appends what changed.
    pub(crate) fn clear(&mut self, segments: &[Segment], now: Timestamp, changes: &mut Vec<Change>) {
        for (segment, since) in segments.iter().zip(&mut self.0) {
            if since.take().is_some() {
                changes.push(Change { segment: segment.id.clone(), kind: ChangeKind::Left, at: now });
            }
        }
    }
}
