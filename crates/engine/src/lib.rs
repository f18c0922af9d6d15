//! Everything the device decides: features, scores, segments, consent and what may leave.
//!
//! The engine does no I/O. `now` is an argument, entropy is an argument, storage is bytes out and bytes in, the
//! network is a request handed out and an outcome handed back. Decisions use whole numbers and `+ - * / <` on
//! `f64`, so every target gives the same bits.
//!
//! The life of one report, a file each: [`event`], [`feature`], [`model`], [`segment`], `gate`, [`outbox`], `snapshot`.
// What only the other kinds use.
#![cfg_attr(not(feature = "every-kind"), allow(dead_code, unused_imports))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod adapting;
pub mod choosing;
mod compiled;
mod consent;
mod due;
mod engine;
pub mod event;
pub mod feature;
mod gate;
mod labels;
pub mod model;
mod order;
pub mod outbox;
pub mod outcome;
mod pack;
mod purposes;
pub mod segment;
mod sensitive;
mod snapshot;
mod whatif;
mod written;
mod zone;

pub use adapting::Adaptation;
pub use choosing::Alternatives;
pub use consent::ConsentChange;
pub use due::{Decided, Due};
pub use engine::{Engine, Saved};
pub use event::{Event, EventError, Given, Intake, RawEvent, Scalar, Told};
pub use gate::Withheld;
pub use keepset_wire::{Choice, Consent, Purpose, Signal, Standing};
pub use labels::{NoCoins, Offer};
pub use outbox::{Entry, Outcome, Pending, Status, Upload};
pub use pack::Pack;
pub use segment::{Cause, Change, ChangeKind, Compared, Condition, Explanation, Membership, Reason};
pub use sensitive::looked_at;
pub use snapshot::StateError;
pub use whatif::Nearest;
pub use zone::Zone;

#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
