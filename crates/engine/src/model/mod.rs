//! Models: a score from features, computed the same way in training and on the device.

#[cfg(feature = "fit")]
pub mod fit;
mod linear;

pub use linear::Linear;
