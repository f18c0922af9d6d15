//! `interval`: how far apart the latest 32 events are, in days.
//!
//! Pairs of an instant and how many events happened at it.

use keepset_wire::codec;
use keepset_wire::{DAY_MS, Timestamp};

use super::{Compute, Kind, Made, Observation, State};
use crate::zone::Moment;

/// So many events are looked at.
const MOST: i64 = 32;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "interval",
    keys: &[&["measure"]],
    read: |def| {
        def.unweighted()?;
        let deviation = def.fields.need("measure")?.one_of(&[("mean", false), ("deviation", true)])?;
        Made::new(def.source("property")?, Interval { deviation })
    },
}];

pub(super) struct Interval {
    deviation: bool,
}

codec!(struct Interval { deviation });

impl Compute for Interval {
    fn observe(&self, state: &mut State, seen: &Observation, _moment: Moment<'_>) {
        state.merge(seen.at.millis(), 1, i64::saturating_add);
        let rows = state.rows_mut();
        if rows.iter().map(|(_, number)| *number).sum::<i64>() > MOST {
            rows[0].1 -= 1;
            rows.retain(|(_, number)| *number > 0);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 is what is meant")]
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        let rows = state.between(i64::MIN, moment.now.millis() + 1);
        let gaps = rows.iter().map(|(_, number)| *number).sum::<i64>() - 1;
        let (first, last) = (rows.first()?.0, rows.last()?.0);
        if !self.deviation {
            return (gaps >= 1).then(|| (last - first) as f64 / gaps as f64 / DAY_MS as f64);
        }
        if gaps < 2 {
            return None;
        }
        // Gaps between equal instants are zero. n^2 times the variance, exactly: n * sum of squares - square of the sum.
        let squares: i128 = rows.windows(2).map(|pair| i128::from(pair[1].0 - pair[0].0).pow(2)).sum();
        let spread = i128::from(gaps) * squares - i128::from(last - first).pow(2);
        Some((spread as f64).sqrt() / gaps as f64 / DAY_MS as f64)
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        let ahead = state.rows().iter().find(|(at, _)| *at > moment.now.millis());
        ahead.and_then(|(at, _)| Timestamp::from_millis(*at))
    }
}
