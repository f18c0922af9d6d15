//! How an answer is noised, charged and un-noised: mechanisms with their exact channels, privacy maps and
//! estimators, the budget ledger of a device, and the rule of release.
//!
//! The only crate that imports `opendp`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod amplification;
pub mod answering;
mod coins;
pub mod consistent;
pub mod drift;
pub mod finding;
pub mod forecast;
mod ledger;
pub mod mechanism;
mod numbers;
pub mod over_time;
pub mod release;
mod selection;
pub mod shapes;
pub mod together;

pub use answering::{Answering, Truth};
pub use coins::{Coins, NoEntropy, SeededCoins, SystemCoins};

pub use ledger::{Budget, Charge, Ledger, Refusal};
pub use mechanism::{
    BoundedMean, Channel, Estimate, Joint, OneOf, Overlaps, PrivacyError, RandomisedResponse, SetSelect,
    SquareWave,
};
pub use numbers::Z_95;

#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
