//! Models: a score from features, computed the same way in training and on the device.

#[cfg(feature = "every-kind")]
mod buying;
#[cfg(feature = "every-kind")]
mod columns;
#[cfg(feature = "every-kind")]
mod contributions;
#[cfg(feature = "every-kind")]
mod elementary;
#[cfg(feature = "fit")]
pub mod fit;
#[cfg(feature = "every-kind")]
mod game;
#[cfg(feature = "every-kind")]
mod network;
mod scorer;
#[cfg(feature = "every-kind")]
mod trees;
mod waiting;

#[cfg(feature = "every-kind")]
pub use buying::{BgNbd, Customer, GammaGamma};
pub use scorer::{Contributions, Inputs, Model};
pub use waiting::Waiting;
