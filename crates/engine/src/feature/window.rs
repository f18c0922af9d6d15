//! `count`, `sum`, `mean`, `min` and `max`: what happened in the last so long.
//!
//! A window is 32 buckets: an event leaves it up to a 32nd of the window early, never late. An exact one counts every
//! millisecond as a bucket and keeps the latest 256 that hold an event.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Fields, Mistake};

use super::state::Tally;
use super::{Compute, Definition, Keys, Kind, Leap, Made, Observation, State, Stretch, WINDOW};
use crate::event::ONE_MILLIONTHS;
use crate::zone::Moment;

/// Buckets in a window.
const BUCKETS: i64 = 32;
/// So many instants are kept of an exact window.
const MAX_EXACT: u32 = 256;
/// The key of the pair whose amount is the instant from which the count began anew.
const ANEW: i64 = i64::MIN;
/// Keys from here on are buckets.
const DATES: i64 = 0;

pub(super) const KINDS: &[Kind] = &[
    COUNT,
    Kind { name: "sum", keys: FOLDED, read: |def| folded(def, Fold::Sum) },
    Kind { name: "mean", keys: FOLDED, read: |def| folded(def, Fold::Mean) },
    Kind { name: "min", keys: FOLDED, read: |def| folded(def, Fold::Min) },
    Kind { name: "max", keys: FOLDED, read: |def| folded(def, Fold::Max) },
];

const COUNT: Kind = Kind {
    name: "count",
    keys: &[&WINDOW.0, &["exact", "since", "signed_by"]],
    read: |def| {
        let signed = def.fields.get("signed_by").is_some();
        let weighted = def.fields.need("event")?.value().is_object();
        let unit = if weighted { ONE_MILLIONTHS } else { 1 };
        Made::new(
            def.source("signed_by")?,
            Windowed { window: Window::read(&def.fields)?, fold: Fold::Count { signed, unit } },
        )
    },
};

const FOLDED: Keys = &[&WINDOW.0, &["exact", "since", "property"]];

fn folded(def: &Definition<'_>, fold: Fold) -> Result<Made, Mistake> {
    def.need("property")?;
    if fold != Fold::Sum {
        def.unweighted()?;
    }
    Made::new(def.source("property")?, Windowed { window: Window::read(&def.fields)?, fold })
}

/// A sliding window of whole buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    width: i64,
    span: i64,
    /// So many buckets are kept.
    most: u32,
}

codec!(struct Window { width, span, most });

impl Window {
    /// Reads a window; without one it is all time.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Mistake> {
        let exact = fields.get("exact").map_or(Ok(false), |node| node.flag())?;
        let most = if exact { MAX_EXACT } else { u32::MAX };
        Ok(match fields.duration(WINDOW)? {
            None if exact => return Err(fields.mistake("an exact window needs a length")),
            None => Self { width: i64::MAX, span: BUCKETS, most },
            Some(millis) if exact => Self { width: 1, span: millis, most },
            // Whole minutes are multiples of 32 milliseconds.
            Some(millis) => Self { width: millis / BUCKETS, span: BUCKETS, most },
        })
    }

    pub(super) fn bucket(&self, at: Timestamp) -> i64 {
        at.millis() / self.width
    }

    /// The oldest bucket in the window.
    pub(super) fn first(&self, now: Timestamp) -> i64 {
        self.first_of(self.bucket(now))
    }

    /// The oldest bucket in the window whose latest is `today`.
    fn first_of(&self, today: i64) -> i64 {
        (today - self.span + 1).max(DATES)
    }

    /// When a bucket leaves the window.
    pub(super) fn leaves(&self, bucket: i64) -> Option<Timestamp> {
        Timestamp::from_millis((bucket + self.span).checked_mul(self.width)?)
    }

    /// When a bucket begins.
    pub(super) fn begins(&self, bucket: i64) -> Option<Timestamp> {
        Timestamp::from_millis(bucket.checked_mul(self.width)?)
    }
}

/// What becomes of the events in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fold {
    Count { signed: bool, unit: i64 },
    Sum,
    Mean,
    Min,
    Max,
}

codec!(enum Fold { 0 => Count { signed, unit }, 1 => Sum, 2 => Mean, 3 => Min, 4 => Max });

/// A total in its unit.
#[expect(clippy::cast_precision_loss, reason = "the nearest f64 to the exact sum is what is meant")]
fn scaled(total: i64, unit: i64) -> f64 {
    if unit == 1 { total as f64 } else { total as f64 / 1e6 }
}

/// Pairs of a bucket and its amount; of a mean two a bucket, the sum and then the number.
pub(super) struct Windowed {
    window: Window,
    fold: Fold,
}

codec!(struct Windowed { window, fold });

impl Windowed {
    /// Keys in a bucket.
    fn stride(&self) -> i64 {
        if self.fold == Fold::Mean { 2 } else { 1 }
    }

    /// The pairs in the window.
    fn within<'a>(&self, state: &'a State, now: Timestamp) -> &'a [(i64, i64)] {
        state.between(self.window.first(now) * self.stride(), (self.window.bucket(now) + 1) * self.stride())
    }

    fn start_anew(&self, state: &mut State, at: Timestamp) {
        if state.get(ANEW).is_none_or(|from| from < at.millis()) {
            state.drop_before(DATES, (self.window.bucket(at) + 1).saturating_mul(self.stride()));
            state.put(ANEW, at.millis());
        }
    }

    /// What the pairs in the window add up to, where the feature is a plain total and no pair lies ahead of the clock.
    fn tally(&self, state: &State, now: Timestamp) -> Option<Tally> {
        // Nothing else keeps one.
        if let Some(tally) = state.kept(now.millis()) {
            return Some(tally);
        }
        self.unit()?;
        self.add_up(state, now)
    }

    /// The same, when none is kept.
    fn add_up(&self, state: &State, now: Timestamp) -> Option<Tally> {
        let (rows, today) = (state.rows(), self.window.bucket(now));
        let plain = rows.first().is_none_or(|(key, _)| *key >= DATES);
        let seen = rows.last().is_none_or(|(key, _)| *key <= today);
        let leaves = |bucket| self.window.leaves(bucket).map_or(i64::MAX, Timestamp::millis);
        (plain && seen).then(|| state.tally(self.window.first_of(today), now.millis(), leaves))
    }

    /// The unit of the amounts, where the feature is a total.
    fn unit(&self) -> Option<i64> {
        match self.fold {
            Fold::Count { unit, .. } => Some(unit),
            Fold::Sum => Some(ONE_MILLIONTHS),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the nearest f64 to the exact sum is what is meant")]
    fn fold(&self, rows: &[(i64, i64)]) -> Option<f64> {
        let amounts = rows.iter().map(|(_, amount)| *amount);
        let total = |amounts: &mut dyn Iterator<Item = i64>| amounts.fold(0, i64::saturating_add) as f64;
        Some(match self.fold {
            Fold::Count { unit: 1, .. } => total(&mut { amounts }),
            Fold::Count { .. } | Fold::Sum => total(&mut { amounts }) / 1e6,
            Fold::Mean => {
                let stream =
                    |odd: i64| rows.iter().filter(move |(key, _)| key & 1 == odd).map(|(_, amount)| *amount);
                let number = total(&mut stream(1));
                if number == 0.0 {
                    return None;
                }
                total(&mut stream(0)) / 1e6 / number
            }
            Fold::Min => amounts.min()? as f64 / 1e6,
            Fold::Max => amounts.max()? as f64 / 1e6,
        })
    }
}

impl Compute for Windowed {
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>) {
        let now = moment.now;
        // While the tally holds nothing has left; what left before it goes with the next daily pruning.
        if state.kept(now.millis()).is_none() {
            self.prune(state, moment);
        }
        if seen.anew {
            return self.start_anew(state, seen.at);
        }
        if state.rows().first().is_some_and(|(key, from)| *key == ANEW && seen.at.millis() <= *from) {
            return;
        }
        let bucket = self.window.bucket(seen.at);
        if seen.at < now && bucket < self.window.first(now) {
            return;
        }
        match self.fold {
            Fold::Count { signed, unit } => {
                let weight = if unit == 1 { 1 } else { seen.weight };
                let amount = if signed && seen.amount < 0 { -weight } else { weight };
                state.add(bucket, amount, now.millis());
            }
            Fold::Sum => state.add(bucket, seen.amount, now.millis()),
            Fold::Mean => {
                state.merge(bucket * 2, seen.amount, i64::saturating_add);
                state.merge(bucket * 2 + 1, 1, i64::saturating_add);
            }
            Fold::Min => state.merge(bucket, seen.amount, i64::min),
            Fold::Max => state.merge(bucket, seen.amount, i64::max),
        }
        let stride = usize::from(self.fold == Fold::Mean) + 1;
        if let Some(surplus) = (state.rows().len() / stride).checked_sub(self.window.most as usize)
            && surplus > 0
        {
            let oldest = state.rows().iter().filter(|(key, _)| *key >= DATES).nth(surplus * stride);
            let oldest = oldest.map_or(i64::MAX, |(key, _)| *key);
            state.drop_before(DATES, oldest);
        }
    }

    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64> {
        match (self.tally(state, moment.now), self.unit()) {
            (Some(tally), Some(unit)) => Some(scaled(tally.total, unit)),
            _ => self.fold(self.within(state, moment.now)),
        }
    }

    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp> {
        if let Some(tally) = self.tally(state, moment.now) {
            return Timestamp::from_millis(tally.until);
        }
        let stride = self.stride();
        let leaving =
            self.within(state, moment.now).first().and_then(|(key, _)| self.window.leaves(key / stride));
        // What a clock set back has not reached yet comes in view again.
        let ahead = state.rows().iter().find(|(key, _)| *key / stride > self.window.bucket(moment.now));
        super::earliest([leaving, ahead.and_then(|(key, _)| self.window.begins(key / stride))])
    }

    /// As the default does it, but in one walk for totals, which nearly all features are.
    fn next_change(&self, state: &State, stretch: Stretch, moment: Moment<'_>) -> Leap {
        let (Some(tally), Some(unit)) = (self.tally(state, moment.now), self.unit()) else {
            return None;
        };
        // What only counts only falls, and not below nothing.
        if matches!(self.fold, Fold::Count { signed: false, unit: 1 }) && stretch.low <= 0.0 {
            return Some(None);
        }
        let mut total = tally.total;
        for (bucket, amount) in &state.rows()[tally.start..] {
            total = total.saturating_sub(*amount);
            if !stretch.holds(Some(scaled(total, unit))) {
                return Some(self.window.leaves(*bucket));
            }
        }
        Some(None)
    }

    /// While nothing that counts is negative, what an event adds only puts it off.
    fn lasts(&self, state: &State, _stretch: Stretch, _until: i64, moment: Moment<'_>) -> bool {
        let now = moment.now.millis();
        self.window.most == u32::MAX && state.kept(now).is_some_and(|tally| tally.grew == now)
    }

    fn prune(&self, state: &mut State, moment: Moment<'_>) {
        let first = self.window.first(moment.now) * self.stride();
        if state.rows().first().is_some_and(|(key, _)| *key < first) {
            // Leaves behind what goes, or all that stays would have to be added up again.
            self.tally(state, moment.now);
            state.drop_before(DATES, first);
        }
    }
}
