//! Everything that leaves the device: the plan that permits it, the report that carries it, the seal it travels under and the
//! receipt that says so.
//!
//! No I/O, no clock, no randomness: types, their exact bytes and the checks on both ends.
//! A value of a type here is proof that it was checked where it came in.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod codec;
mod consent;
mod digest;
pub mod document;
pub mod labels;
pub mod oblivious;
mod plan;
mod question;
pub mod receipt;
mod report;
mod retention;
pub mod seal;
pub mod sensitive;
mod subset;
mod time;

pub use consent::{Choice, Consent, Purpose, Signal, Standing};
pub use digest::{name16, sha256};
pub use document::{Mistake, Name};
pub use plan::{Epsilon, Plan, PlanHash};
pub use question::{Ask, Millionths, Question};
pub use receipt::{PackHash, Receipt};
pub use report::{CONTENT_TYPE, Report, ReportError, ReportId, hex};
pub use retention::Retention;
pub use seal::{CollectorKeys, OpeningKey, Sealed, SealedError, Sealer, SealingKey, SealingKeys};
pub use subset::Subset;
pub use time::{DAY_MS, Epoch, HOUR_MS, Timestamp, Window};

#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
