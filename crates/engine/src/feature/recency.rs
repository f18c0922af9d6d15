//! `recency` and `tenure`: whole days, hours or minutes since the latest and since the earliest event, 3,650 at most; no value
//! before the first.

use keepset_wire::codec;
use keepset_wire::document::Mistake;
use keepset_wire::{DAY_MS, HOUR_MS, Timestamp};

use super::{Compute, Definition, Kind, Leap, Made, Observation, State, Stretch};
use crate::zone::Moment;

/// After so many units "long ago" is all there is to say, and the engine need not be woken for it.
const MOST: i64 = 3_650;

const UNITS: &[(&str, i64)] = &[("days", DAY_MS), ("hours", HOUR_MS), ("minutes", HOUR_MS / 60)];

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "recency", keys: &[&["unit"]], read: |def| read(def, true) },
    Kind { name: "tenure", keys: &[&["unit"]], read: |def| read(def, false) },
];

fn read(def: &Definition<'_>, latest: bool) -> Result<Made, Mistake> {
    def.unweighted()?;
    let unit = def.fields.get("unit").map_or(Ok(DAY_MS), |node| node.one_of(UNITS))?;
    Made::new(def.source("property")?, Since { unit, latest })
}

/// One pair: the instant, and 1.
pub(super) struct Since {
    unit: i64,
    latest: bool,
}

codec!(struct Since { unit, latest });

impl Since {
    /// The instant that counts, and the units since then; nothing while the clock stands before it.
    fn passed(&self, state: &State, now: Timestamp) -> Option<(i64, i64)> {
        let (at, _) = *state.rows().first()?;
        (at <= now.millis()).then(|| (at, ((now.millis() - at) / self.unit).min(MOST)))
    }
}

impl Compute for Since {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let at = seen.at.millis();
        let better =
            |kept: i64| kept > moment.now.millis() || if self.latest { at > kept } else { at < kept };
        if state.rows().first().is_none_or(|(kept, _)| better(*kept)) {
            state.keep_only((at, 1));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 3,650")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        self.passed(state, moment.now).map(|(_, units)| units as f64)
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let Some((at, units)) = self.passed(state, moment.now) else {
            return Timestamp::from_millis(state.rows().first()?.0);
        };
        (units < MOST).then(|| Timestamp::from_millis(at + (units + 1) * self.unit))?
    }

    /// A later event only puts it off.
    fn lasts(&self, _state: &State, _stretch: Stretch, _until: i64, _moment: Moment<'_>) -> bool {
        self.latest
    }

    /// As the default does it, but at once: units only grow.
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    fn next_change(&self, state: &State, stretch: Stretch, moment: Moment<'_>) -> Leap {
        let Some((at, units)) = self.passed(state, moment.now) else {
            return Some(self.next_step(state, moment));
        };
        let next = (stretch.high.ceil() as i64).max(units + 1);
        if next > MOST {
            return Some(None);
        }
        Some(Timestamp::from_millis(at + next * self.unit))
    }
}
