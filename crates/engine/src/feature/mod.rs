//! Features: constant time per event, bounded state, no raw events kept.
//!
//! `docs/features.md` defines every kind. A kind is one file and one line of `kinds!`; its value is a step function of
//! time, so the engine can say when it next changes. Kinds see events as `Observation`s, already filtered.

#[cfg(feature = "every-kind")]
mod affinity;
mod days;
mod decay;
#[cfg(feature = "every-kind")]
mod distinct;
#[cfg(feature = "every-kind")]
mod ends;
mod filter;
mod fingerprint;
#[cfg_attr(not(feature = "every-kind"), path = "no_formula.rs")]
mod formula;
#[cfg(feature = "every-kind")]
mod interval;
mod recency;
#[cfg(feature = "every-kind")]
mod sequence;
#[cfg(feature = "every-kind")]
mod session;
mod set;
mod source;
mod state;
#[cfg(feature = "every-kind")]
mod streak;
#[cfg(feature = "every-kind")]
mod unusual;
mod window;

use std::ops::Deref;

use keepset_wire::Timestamp;
use keepset_wire::codec;
use keepset_wire::document::{Duration, Fields, Mistake};

use crate::event::EventSpec;
use crate::zone::Moment;
pub use fingerprint::definitions;
pub(crate) use fingerprint::fingerprint;
pub use set::Feature;
pub(crate) use set::Features;
use source::{Observation, Source};
pub use state::State;

/// Lists the kinds, a file each: what packs may name, and how a compiled pack holds it. Without the feature `every-kind` there are the usual ones.
macro_rules! kinds {
    (usual { $($number:literal => $module:ident::$kind:ident,)* } more { $($other:literal => $seldom:ident::$rare:ident,)* }) => {
        /// Every kind a pack may name, but for `formula`, which reads other features instead of events.
        const KINDS: &[&[Kind]] = &[$($module::KINDS,)* $(#[cfg(feature = "every-kind")] $seldom::KINDS),*];

        /// How a feature reads its memory.
        enum Computation {
            $($kind($module::$kind),)*
            $(#[cfg(feature = "every-kind")] $rare($seldom::$rare),)*
        }

        codec!(enum Computation { $($number => $kind(kind),)* $(#[cfg(feature = "every-kind")] $other => $rare(kind)),* });

        $(impl From<$module::$kind> for Computation {
            fn from(kind: $module::$kind) -> Self {
                Self::$kind(kind)
            }
        })*

        $(#[cfg(feature = "every-kind")] impl From<$seldom::$rare> for Computation {
            fn from(kind: $seldom::$rare) -> Self {
                Self::$rare(kind)
            }
        })*

        impl Computation {
            /// Tells whether it is of a usual kind.
            fn is_usual(&self) -> bool {
                matches!(self, $(Self::$kind(_))|*)
            }
        }

        impl Deref for Computation {
            type Target = dyn Compute;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Self::$kind(kind) => kind,)*
                    $(#[cfg(feature = "every-kind")] Self::$rare(kind) => kind,)*
                }
            }
        }
    };
}

// Compiled packs name kinds by these numbers.
kinds! {
    usual {
        0 => window::Windowed,
        3 => days::DistinctDays,
        4 => recency::Since,
        5 => decay::Decayed,
    }
    more {
        1 => ends::Ends,
        2 => distinct::Distinct,
        6 => affinity::Affinity,
        7 => interval::Interval,
        8 => session::Session,
        9 => sequence::Sequence,
        10 => streak::Streak,
        11 => unusual::Unusual,
    }
}

/// Keys that every kind knows.
const COMMON: &[&str] = &["kind", "title", "event", "where", crate::sensitive::KEY];
const WINDOW: Duration = Duration(["window_days", "window_hours", "window_minutes"]);
const HALF_LIFE: Duration = Duration(["half_life_days", "half_life_hours", "half_life_minutes"]);

/// Lists of keys.
type Keys = &'static [&'static [&'static str]];

/// A kind of feature.
struct Kind {
    /// Its name in packs.
    name: &'static str,
    /// The keys it knows beside [`COMMON`].
    keys: Keys,
    /// Reads a definition.
    read: fn(&Definition<'_>) -> Result<Made, Mistake>,
}

/// A definition that is being read.
struct Definition<'a> {
    fields: Fields<'a>,
    events: &'a [EventSpec],
}

/// What a definition makes.
struct Made {
    source: Source,
    compute: Computation,
    /// What the values stand for, where they are numbers of labels.
    labels: Vec<String>,
}

impl Made {
    fn new(source: Source, compute: impl Into<Computation>) -> Result<Self, Mistake> {
        Ok(Self { source, compute: compute.into(), labels: Vec::new() })
    }
}

/// How a kind turns what it saw into a value.
trait Compute {
    /// Takes in an event.
    fn observe(&self, state: &mut State, seen: &Observation, moment: Moment<'_>);

    /// Returns the value; nothing when there is none.
    fn value(&self, state: &State, moment: Moment<'_>) -> Option<f64>;

    /// Returns the first instant after the moment at which time alone may change the value.
    fn next_step(&self, state: &State, moment: Moment<'_>) -> Option<Timestamp>;

    /// Returns the first instant after the moment at which time alone may carry the value out of the stretch it lies in, where that is told at
    /// once; where not, [`look_ahead`] finds it.
    fn next_change(&self, _state: &State, _stretch: Stretch, _moment: Moment<'_>) -> Leap {
        None
    }

    /// Tells, where it is quickly told, that time alone does not carry the value out of the stretch it still lies in before `until`,
    /// although an event came since that was found to be so.
    fn lasts(&self, _state: &State, _stretch: Stretch, _until: i64, _moment: Moment<'_>) -> bool {
        false
    }

    /// Drops what no value will see again.
    fn prune(&self, _state: &mut State, _moment: Moment<'_>) {}
}

/// An instant or that there is none, where that is told at once.
type Leap = Option<Option<Timestamp>>;

/// Looks from step to step for the instant at which time alone may carry a value out of the stretch it lies in.
///
/// No method: each kind would bring a copy of it into the wasm that every page loads.
fn look_ahead(
    compute: &dyn Compute,
    state: &State,
    stretch: Stretch,
    moment: Moment<'_>,
) -> Option<Timestamp> {
    let mut next = compute.next_step(state, moment)?;
    for _ in 0..MAX_STEPS {
        let then = moment.at(next);
        if !stretch.holds(compute.value(state, then)) {
            break;
        }
        next = compute.next_step(state, then)?;
    }
    Some(next)
}

/// So many steps are looked ahead; an engine woken after them looks further.
const MAX_STEPS: u32 = 256;

/// Values among which who asks makes no difference: from `low` up to, not including, `high`. Where both are no numbers, no
/// value; where `high` alone is none, whatever there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Stretch {
    /// Every change matters.
    pub(crate) const NONE: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// No change matters.
    pub(crate) const UNWATCHED: Self = Self { low: f64::NEG_INFINITY, high: f64::NAN };

    /// There is no value.
    pub(crate) const ABSENT: Self = Self { low: f64::NAN, high: f64::NAN };

    /// The stretch of a value alone; not a number is no value.
    pub(crate) fn of(value: f64) -> Self {
        Self { low: value, high: value.next_up() }
    }

    pub(crate) fn is_unwatched(self) -> bool {
        self.high.is_nan() && !self.low.is_nan()
    }

    /// Tells whether a value is all there is in it.
    pub(crate) fn is(self, value: f64) -> bool {
        self.low >= value && self.high <= value.next_up()
    }

    /// What lies in both it and another, in both of which there is something.
    pub(crate) fn and(self, other: Self) -> Self {
        if other.low.is_nan() {
            return other;
        }
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// Tells whether another value lies in it too.
    pub(crate) fn holds(self, value: Option<f64>) -> bool {
        value.map_or(self.low.is_nan(), |value| self.low <= value && value < self.high)
    }
}

/// The earliest of the instants there are.
pub(crate) fn earliest(instants: impl IntoIterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    instants.into_iter().flatten().min()
}
