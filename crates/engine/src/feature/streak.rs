//! `streak`: consecutive local days, or weeks, with an event.
//!
//! Pairs of the first and the last day of a streak; streaks do not touch.

use keepset_wire::Timestamp;
use keepset_wire::codec;

use super::{Compute, Kind, Made, Observation, State};
use crate::zone::{Moment, week};

/// So many streaks are kept.
const MOST: usize = 16;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "streak",
    keys: &[&["unit", "measure"]],
    read: |def| {
        def.unweighted()?;
        let units = [("day", false), ("week", true)];
        let weeks = def.fields.get("unit").map_or(Ok(false), |node| node.one_of(&units))?;
        let longest = def.fields.need("measure")?.one_of(&[("current", false), ("longest", true)])?;
        Made::new(def.source("property")?, Streak { weeks, longest })
    },
}];

pub(super) struct Streak {
    weeks: bool,
    longest: bool,
}

codec!(struct Streak { weeks, longest });

impl Streak {
    fn number(&self, moment: Moment<'_>) -> i64 {
        if self.weeks { week(moment.day()) } else { moment.day() }
    }

    /// The first day of a day or week.
    fn start(&self, number: i64, moment: Moment<'_>) -> Option<Timestamp> {
        // 1970-01-01 was a Thursday.
        moment.zone.start_of_day(if self.weeks { number * 7 - 3 } else { number })
    }
}

impl Compute for Streak {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let number = self.number(moment.at(seen.at));
        let rows = state.rows_mut();
        if rows.iter().any(|(first, last)| (*first..=*last).contains(&number)) {
            return;
        }
        let mut streak = (number, number);
        rows.retain(|(first, last)| {
            let touches = *last + 1 == number || *first - 1 == number;
            if touches {
                streak = (streak.0.min(*first), streak.1.max(*last));
            }
            !touches
        });
        let place = rows.partition_point(|(first, _)| *first < streak.0);
        rows.insert(place, streak);
        if rows.len() > MOST {
            rows.remove(0);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "days of two centuries at most")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let today = self.number(moment);
        let seen = state.rows().iter().filter(|(first, _)| *first <= today);
        let mut seen = seen.map(|(first, last)| (*first, (*last).min(today)));
        let length = |(first, last): (i64, i64)| (last - first + 1) as f64;
        let streak = if self.longest {
            seen.max_by_key(|(first, last)| last - first)
        } else {
            seen.find(|(_, last)| *last >= today - 1)
        };
        Some(streak.map_or(0.0, length))
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let today = self.number(moment);
        // A streak ends after a day without an event; a clock set back goes through its days again.
        let ends = state.rows().iter().map(|(_, last)| last + 2);
        let days = state.rows().iter().any(|(_, last)| *last > today).then_some(today + 1);
        ends.chain(days).filter(|day| *day > today).min().and_then(|day| self.start(day, moment))
    }
}
