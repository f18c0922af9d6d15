//! The mechanisms: each a file or folder with its randomiser, its exact channel and its privacy map side by side.

mod band;
mod channel;
mod exponential;
mod joint;
mod mean;
mod one_of;
mod overlaps;
mod randomised_response;
mod set_select;
mod square_wave;

use std::fmt;

pub use channel::{Channel, Estimate, PairChannel};
pub use joint::{CalibrationError, Curve, Group, Joint, JointEstimate};
pub use mean::{BoundedMean, BoundedMeanMeasurement, MeanEstimate};
pub use one_of::{OneOf, Quotient, Shares};
pub use overlaps::{Overlap, OverlapEstimate, Overlaps};
pub use randomised_response::{RandomisedResponse, RandomisedResponseMeasurement};
pub use set_select::{SetSelect, SetSelectMeasurement};
pub use square_wave::{Histogram, Quantile, Repeated, SquareWave, SquareWaveMeasurement};

/// Why a mechanism cannot be made or cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyError {
    /// The question's shape is outside what the exact integer weights can hold.
    Shape,
    /// The privacy map states more than the plan allows.
    OverBudget,
    /// What was asked about has not the length of the question.
    Input,
    /// There is no entropy.
    NoEntropy,
}

impl fmt::Display for PrivacyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => {
                "a question needs 1 to 256 segments and a cap of 1 to 8 that is at most their number"
            }
            Self::OverBudget => "the mechanism's privacy map states more than the plan allows",
            Self::Input => "the memberships have not the length of the question",
            Self::NoEntropy => "the system gives no randomness",
        })
    }
}

impl std::error::Error for PrivacyError {}

#[cfg(test)]
pub(crate) mod tests;
