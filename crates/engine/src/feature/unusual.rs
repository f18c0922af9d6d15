//! `unusual`: how far the local day lies from the device's own days before, in their own mean deviations.
//!
//! Pairs of a day and its amount, in millionths, and of [`FIRST`] and the first day there was any.

use keepset_wire::codec;
use keepset_wire::document::Mistake;
use keepset_wire::{DAY_MS, Timestamp};

use super::decay::{ONE, STEPS, decay};
use super::{Compute, Definition, HALF_LIFE, Kind, Leap, Made, Observation, State, Stretch};
use crate::zone::Moment;

/// So many days are looked back.
const HISTORY: i64 = 64;
/// So many days must have passed, unless the pack says otherwise.
const LEAST: u32 = 14;
/// The key of the pair whose amount is the first day.
const FIRST: i64 = i64::MIN;

pub(super) const KINDS: &[Kind] =
    &[Kind { name: "unusual", keys: &[&["half_life_days", "property", "least_days", "floor"]], read }];

fn read(def: &Definition<'_>) -> Result<Made, Mistake> {
    let fields = &def.fields;
    let floor = match fields.get("floor") {
        None => 1.0,
        Some(node) => node.number().and_then(|floor| {
            if (1e-6..=1e9).contains(&floor) {
                Ok(floor)
            } else {
                Err(node.mistake("expected a number from 0.000001 to a billion"))
            }
        })?,
    };
    let unusual = Unusual {
        half_life: fields.need_duration(HALF_LIFE)? / DAY_MS,
        least: fields.get("least_days").map_or(Ok(LEAST), |node| node.whole(2, 64))?.into(),
        floor,
        amounts: fields.get("property").is_some(),
    };
    Made::new(def.source("property")?, unusual)
}

pub(super) struct Unusual {
    half_life: i64,
    least: i64,
    floor: f64,
    amounts: bool,
}

codec!(struct Unusual { half_life, least, floor, amounts });

impl Compute for Unusual {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        self.prune(state, moment);
        let day = moment.zone.day(seen.at);
        state.merge(FIRST, day, i64::min);
        if day >= moment.day() - HISTORY {
            state.merge(day, if self.amounts { seen.amount } else { seen.weight }, i64::saturating_add);
        }
    }

    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let today = moment.day();
        let from = state.get(FIRST)?.max(today - HISTORY);
        if today - from < self.least {
            return None;
        }
        let usual = self.mean(from, today, &|day| amount(state, day));
        let deviation = self.mean(from, today, &|day| (amount(state, day) - usual).abs());
        Some((amount(state, today) - usual) / deviation.max(self.floor))
    }

    /// Each day is compared with others than the one before.
    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let today = moment.day();
        let begins = state.get(FIRST)? + self.least > today;
        if state.rows().len() > 1 || begins { moment.zone.start_of_day(today + 1) } else { None }
    }

    fn next_change(&self, state: &State, _stretch: Stretch, moment: Moment<'_>) -> Leap {
        Some(self.next_step(state, moment))
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        state.drop_before(FIRST + 1, moment.day() - HISTORY);
    }
}

impl Unusual {
    /// The mean over the days from one up to today, of which the later ones weigh more; added up from the oldest on.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^32")]
    fn mean(&self, from: i64, today: i64, of: &dyn Fn(i64) -> f64) -> f64 {
        let (mut total, mut weights) = (0.0, 0.0);
        for day in from..today {
            let weight = decay(ONE, (today - day) * STEPS / self.half_life) as f64;
            total += weight * of(day);
            weights += weight;
        }
        total / weights
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
fn amount(state: &State, day: i64) -> f64 {
    state.get(day).unwrap_or(0) as f64 / 1e6
}
