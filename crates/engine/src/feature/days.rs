//! `distinct_days`: on how many of the last local days, today included, there was an event.

use keepset_wire::codec;
use keepset_wire::{DAY_MS, Timestamp};

use super::{Compute, Kind, Leap, Made, Observation, State, Stretch, WINDOW};
use crate::zone::Moment;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "distinct_days",
    keys: &[&["window_days"]],
    read: |def| {
        def.unweighted()?;
        let days = def.fields.need_duration(WINDOW)? / DAY_MS;
        Made::new(def.source("property")?, DistinctDays { days })
    },
}];

/// Pairs of a day and how many events it had.
pub(super) struct DistinctDays {
    days: i64,
}

codec!(struct DistinctDays { days });

impl Compute for DistinctDays {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let today = moment.day();
        let day = if seen.at == moment.now { today } else { moment.zone.day(seen.at) };
        state.drop_before(i64::MIN, today - self.days + 1);
        if day > today - self.days {
            state.merge(day, 1, i64::saturating_add);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 730")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let today = moment.day();
        Some(state.between(today - self.days + 1, today + 1).len() as f64)
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let today = moment.day();
        let leaving = state.between(today - self.days + 1, today + 1).first().map(|(day, _)| day + self.days);
        let ahead = state.rows().iter().map(|(day, _)| *day).find(|day| *day > today);
        super::earliest([leaving, ahead].map(|day| moment.zone.start_of_day(day?)))
    }

    /// As the default does it, but at once: while no day lies ahead of the clock, each that leaves takes one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 730; a float cast saturates"
    )]
    fn next_change(&self, state: &State, stretch: Stretch, moment: Moment<'_>) -> Leap {
        let today = moment.day();
        let days = state.between(today - self.days + 1, today + 1);
        if state.rows().last().is_some_and(|(day, _)| *day > today) {
            return None;
        }
        // So many may leave before the number is below the stretch.
        let spare = days.len().saturating_sub(stretch.low.max(0.0).ceil() as usize);
        let leaving = days.get(spare).map(|(day, _)| day + self.days);
        Some(leaving.and_then(|day| moment.zone.start_of_day(day)))
    }

    /// While no day lies ahead of the clock, one more only puts it off.
    fn lasts(&self, state: &State, _stretch: Stretch, _until: i64, moment: Moment<'_>) -> bool {
        state.rows().last().is_none_or(|(day, _)| *day <= moment.day())
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        let today = moment.day();
        state.drop_before(i64::MIN, today - self.days + 1);
    }
}
