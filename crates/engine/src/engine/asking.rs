//! What can be asked of an engine; nothing here changes it.

use keepset_wire::{Consent, Name, Timestamp};

use super::Engine;
use crate::event::{EventError, Intake, RawEvent};
use crate::pack::Pack;
use crate::segment::{Change, Explanation, Membership, Sight, View, explain};
use crate::whatif;
use crate::zone::Moment;

impl Engine {
    /// Returns the pack.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Returns the person's choices.
    #[must_use]
    pub fn consent(&self) -> &Consent {
        &self.consent
    }

    /// Returns what became of the events so far. Counts only.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Lists the segments the device is in, in the pack's order, as of the last event or tick.
    #[must_use]
    pub fn memberships(&self) -> Vec<Membership> {
        let segments = self.pack.segments.list.iter().enumerate();
        segments
            .filter_map(|(index, segment)| {
                Some(Membership { segment: segment.id.clone(), since: self.memberships.since(index)? })
            })
            .collect()
    }

    /// Tells whether the device is in the segment of this index.
    #[must_use]
    pub fn is_in(&self, segment: usize) -> bool {
        self.since(segment).is_some()
    }

    /// Returns since when the device is in the segment of this index, if it is.
    #[must_use]
    pub fn since(&self, segment: usize) -> Option<Timestamp> {
        Timestamp::from_millis(self.memberships.standings().get(segment)?.since?)
    }

    /// Explains why the device is in a segment or out of it; nothing when the pack has no such segment.
    #[must_use]
    pub fn explain(&self, segment: &str, now: Timestamp) -> Option<Explanation> {
        let index = self.pack.segments.list.iter().position(|known| known.id.as_str() == segment)?;
        let Pack { features, models, segments, .. } = &*self.pack;
        let moment = Moment { now, zone: &self.zone };
        let sight = Sight { watched: &segments.watched, features, models, states: &self.states, moment };
        let (values, memberships) = (sight.fresh(), &self.memberships);
        let view = View { features, values: &values, memberships, arms: &self.arms };
        let mut explanation = explain(&self.pack, index, view, now);
        explanation.nearest = whatif::nearest(self, index, now);
        Some(explanation)
    }

    /// Answers "what if": the changes these events would make, one after the other. Nothing changes.
    ///
    /// # Errors
    /// The place of the event in the list that breaks the pack's declaration, and how.
    pub fn simulate(&self, events: &[RawEvent], now: Timestamp) -> Result<Vec<Change>, (usize, EventError)> {
        let mut copy = self.clone();
        copy.reasons = true;
        copy.tick(now);
        let mut changes = Vec::new();
        for (index, event) in events.iter().enumerate() {
            // An event of later is taken in then: "what if I come again on Sunday".
            let at = event.at.and_then(Timestamp::from_millis).map_or(now, |at| at.max(copy.evaluated));
            changes.extend(copy.track(event, at).map_err(|error| (index, error))?);
        }
        Ok(changes)
    }

    /// Lists every feature's value at `now`, in the order of their names.
    pub fn features(&self, now: Timestamp) -> impl Iterator<Item = (&Name, Option<f64>)> + '_ {
        let moment = Moment { now, zone: &self.zone };
        let features = self.pack.features.list().iter().enumerate();
        features
            .map(move |(index, feature)| (&feature.id, self.pack.features.value(index, &self.states, moment)))
    }

    /// Lists every model's score at `now`, in the order of their names.
    pub fn scores(&self, now: Timestamp) -> impl Iterator<Item = (&Name, f64)> + '_ {
        let values: Vec<f64> = self.features(now).map(|(_, value)| value.unwrap_or(f64::NAN)).collect();
        self.pack.models.iter().map(move |model| (&model.id, model.score_of(&values)))
    }

    /// Returns the next instant after `now` at which an answer may change by time alone or a report may fall due.
    #[must_use]
    pub fn next_tick(&mut self, now: Timestamp) -> Option<Timestamp> {
        // An engine that has just begun, or whose clock was set back, has something to evaluate now.
        let answer = if self.waiting || now < self.evaluated { Some(now) } else { self.wake(Timestamp::MAX) };
        answer.into_iter().chain(self.next_report(now)).min()
    }
}
