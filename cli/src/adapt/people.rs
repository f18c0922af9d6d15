//! What the people of a log would have been told by a model, and what they did then: predictions, each with its outcome.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Context as _;
use keepset_engine::model::Model;
use keepset_engine::outcome::Outcome;
use keepset_engine::{Choice, ConsentChange, Engine, Pack, RawEvent};
use keepset_wire::{DAY_MS, Timestamp};

use crate::replay::Watch;

/// A moment at which the score of a person is looked at.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Timestamp,
    /// When the outcome is known.
    pub(super) due: Timestamp,
    /// The score of the shipped model.
    pub(super) shipped: f64,
    /// The values of the features that may be learned from.
    pub(super) values: Vec<Option<f64>>,
    /// Whether the outcome came.
    pub(super) came: bool,
}

/// When people look.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// Every so many milliseconds from the first event on.
    Every(i64),
    /// Once on each day with an event, behind its events.
    Visits,
}

/// How a log is looked at.
pub(super) struct Watched<'a> {
    pub(super) pack: Rc<Pack>,
    pub(super) model: &'a Model,
    pub(super) outcome: &'a Outcome,
    /// The places of the features that may be learned from.
    pub(super) features: Vec<usize>,
    pub(super) pace: Pace,
    /// The log ends here: what is due later is not known.
    pub(super) end: Timestamp,
}

/// The events of each person, by when they were heard of.
pub(super) type Stories = BTreeMap<String, Vec<(Timestamp, RawEvent)>>;

impl Watched<'_> {
    /// Lives through every story; people without a look whose outcome is known are left out.
    pub(super) fn looks(&self, stories: &Stories, watch: &mut impl Watch) -> anyhow::Result<Vec<Vec<Look>>> {
        let mut all = Vec::new();
        for (done, (person, story)) in stories.iter().enumerate() {
            watch.step(done as u64, stories.len() as u64, "people looked at");
            let mut story = story.clone();
            story.sort_by_key(|(heard, _)| *heard);
            let looks = self.live(&story).with_context(|| format!("the events of {person}"))?;
            if !looks.is_empty() {
                all.push(looks);
            }
        }
        Ok(all)
    }

    fn live(&self, story: &[(Timestamp, RawEvent)]) -> anyhow::Result<Vec<Look>> {
        let Some((first, _)) = story.first() else { return Ok(Vec::new()) };
        let mut engine = Engine::install(Rc::clone(&self.pack), *first);
        let yes = ConsentChange { segmentation: Some(Choice::Granted), ..ConsentChange::default() };
        engine.set_consent(&yes, *first);
        let times = self.times(story);
        let mut waiting = story.iter().peekable();
        let mut looks = Vec::new();
        for at in times {
            while let Some((heard, event)) = waiting.next_if(|(heard, _)| *heard <= at) {
                // One that the pack refuses counts nowhere.
                let _ = engine.track(event, *heard);
            }
            let due = at.saturating_add(i64::from(self.outcome.within_days) * DAY_MS);
            if due > self.end {
                break;
            }
            let values: Vec<Option<f64>> = engine.features(at).map(|(_, value)| value).collect();
            let value = |place: usize| values.get(place).copied().flatten();
            let within = at.millis() + 1..due.millis();
            let is_outcome = |event: &RawEvent| {
                event.name == self.outcome.event.as_str() && event.at.is_some_and(|at| within.contains(&at))
            };
            let came = story.iter().any(|(_, event)| is_outcome(event)) == self.outcome.comes;
            let shipped = self.model.score(value);
            looks.push(Look {
                at,
                due,
                shipped,
                values: self.features.iter().map(|place| value(*place)).collect(),
                came,
            });
        }
        Ok(looks)
    }

    fn times(&self, story: &[(Timestamp, RawEvent)]) -> Vec<Timestamp> {
        match self.pace {
            Pace::Every(step) => {
                let first = story[0].0;
                (1..).map(|turn| first.saturating_add(turn * step)).take_while(|at| *at <= self.end).collect()
            }
            Pace::Visits => {
                let mut times: Vec<Timestamp> = Vec::new();
                for (heard, _) in story {
                    match times.last_mut() {
                        Some(last) if last.day() == heard.day() => *last = *heard,
                        _ => times.push(*heard),
                    }
                }
                times
            }
        }
    }
}
