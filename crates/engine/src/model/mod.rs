//! Models: a score from features, computed the same way in training and on the device.

mod linear;

pub use linear::Linear;
