//! The JavaScript edge: how a page reaches the engine.
//!
//! Every method converts, calls the engine and converts back; nothing is decided here. What fails becomes a
//! JavaScript `Error` with a stable `code`, and the page goes on. `pkg-template/src` is the other side.
//!
//! The life of one report as seen from here: [`Core::take`], [`Core::due`], [`decide`],
//! [`Core::decided`], [`Core::save`], [`Core::stored`],
//! [`Core::next_upload`], [`Core::uploaded`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "adapt")]
mod adapt;
#[cfg(feature = "choose")]
mod choose;
#[cfg(any(feature = "core", feature = "study"))]
mod convert;
#[cfg(feature = "core")]
mod core;
#[cfg(feature = "core")]
mod dto;
#[cfg(any(feature = "core", feature = "report", feature = "sentiment", feature = "study"))]
mod error;
#[cfg(any(feature = "core", feature = "report"))]
mod host;
#[cfg(any(feature = "core", feature = "report", feature = "sentiment", feature = "study"))]
mod made;
#[cfg(feature = "core")]
mod numbers;
#[cfg(feature = "report")]
mod report;
#[cfg(feature = "restore")]
mod restore;
#[cfg(feature = "sentiment")]
mod sentiment;
#[cfg(feature = "study")]
mod study;
#[cfg(any(feature = "core", feature = "report", feature = "restore", feature = "study"))]
mod time;

#[cfg(feature = "adapt")]
pub use crate::adapt::{adapt, adapted_names, broken_off};
#[cfg(feature = "choose")]
pub use crate::choose::{choose, reads};
#[cfg(feature = "core")]
pub use crate::core::{Core, Rules};
#[cfg(feature = "report")]
pub use crate::report::{decapsulate, decide, encapsulate, has_gateway, share};
#[cfg(feature = "restore")]
pub use crate::restore::recover;
#[cfg(feature = "sentiment")]
pub use crate::sentiment::{lexicon, score};
#[cfg(feature = "study")]
pub use crate::study::{compile, explain, simulate};

/// Two kilobytes smaller than the standard library's, as fast, and of constant time.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
