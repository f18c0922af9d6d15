//! Models: a score from features, computed the same way in training and on the device.

mod columns;
mod contributions;
#[cfg(feature = "fit")]
pub mod fit;
mod scorer;
mod trees;
mod waiting;

pub use contributions::Contributions;
pub use scorer::{Inputs, Model};
pub use trees::Trees;
pub use waiting::Waiting;
