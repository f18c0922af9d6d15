//! SetSelect: a random set of `k` cells, `e^epsilon` times likelier when it shares at least `tau` cells with the device's own.
//!
//! With a cap of 1 this is subset selection (Ye and Barg 2018), and with `k = 1` as well it is k-ary randomised
//! response; with a cap above 1 and `tau = 1` it is PrivSet (Wang et al. 2018). A device in fewer segments than the
//! cap fills up with cells that stand for "none"; in more, a random `cap` of them count.
//!
//! # Privacy
//! Neighbours are any two states of a device. Each set has one of two weights, `floor(e^epsilon (1 - 2^-48) 2^40)` or `2^40`,
//! and their total is the same for every input, so no answer is more than `e^epsilon` times likelier under one state
//! than under another: pure epsilon, no delta. Weights are whole numbers and drawn exactly, answers are bitmaps that
//! have no order, and the number of draws does not depend on the input (constant time up to rejection, which
//! depends on chance alone).

mod weights;

use bitvec::prelude::{BitVec, Lsb0};
use keepset_wire::{Epsilon, Subset};
use opendp::core::{Function, Measurement, PrivacyMap};
use opendp::domains::BitVectorDomain;
use opendp::error::{Error, ErrorVariant};
use opendp::measures::MaxDivergence;
use opendp::metrics::DiscreteDistance;
use std::cell::RefCell;

use super::exponential::{UNIT, exponential};
use super::{Channel, PairChannel, PrivacyError};
use crate::coins::{Coins, NoEntropy};
use weights::{Sets, Weights};

/// SetSelect as OpenDP knows it: memberships in, a set of cells out, any state a neighbour of any other.
pub type SetSelectMeasurement = Measurement<BitVectorDomain, DiscreteDistance, MaxDivergence, Subset>;

/// A mechanism for one question at one epsilon; device and collector make the same one from the same plan.
#[derive(Clone, Debug, PartialEq)]
pub struct SetSelect {
    epsilon: Epsilon,
    segments: u16,
    cap: u16,
    size: u16,
    threshold: u16,
    weights: Weights,
}

impl SetSelect {
    /// Makes the mechanism for `segments` segments of which at most `cap` count: with the set size and the threshold that have the
    /// smallest variance.
    ///
    /// The planned share is that of the hardest case for a cap of 1 (all cells equal) and 5 % above.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 1 to 256 segments and a cap of 1 to 8, at most their number.
    pub fn new(epsilon: Epsilon, segments: u16, cap: u8) -> Result<Self, PrivacyError> {
        let cap = u16::from(cap);
        if !(1..=256).contains(&segments) || !(1..=8).contains(&cap) || cap > segments {
            return Err(PrivacyError::Shape);
        }
        let planned = if cap == 1 { 1.0 / f64::from(segments + 1) } else { 0.05 };
        Self::least(epsilon, segments, cap, |mechanism| mechanism.channel().variance(planned))
    }

    /// Tries every set size and threshold and takes the first with the least variance.
    pub(super) fn least(
        epsilon: Epsilon,
        segments: u16,
        cap: u16,
        variance: impl Fn(&Self) -> f64,
    ) -> Result<Self, PrivacyError> {
        let favoured = exponential(epsilon);
        let mut best: Option<(f64, Self)> = None;
        for size in 1..=segments {
            let sets = Sets::new(cap, segments, size).ok_or(PrivacyError::Shape)?;
            for threshold in 1..=cap.min(size) {
                let weights = sets.weigh(favoured, UNIT, threshold).ok_or(PrivacyError::Shape)?;
                let candidate = Self { epsilon, segments, cap, size, threshold, weights };
                let variance = variance(&candidate);
                if best.as_ref().is_none_or(|(least, _)| variance < *least) {
                    best = Some((variance, candidate));
                }
            }
        }
        best.map(|(_, mechanism)| mechanism).ok_or(PrivacyError::Shape)
    }

    /// Names the mechanism and its parameters as a receipt does: `n` things of which at most `m` count, sets of `k` cells, favoured
    /// from `tau` shared ones on.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { segments, cap, size, threshold, .. } = self;
        format!("set_select(n={segments}, m={cap}, k={size}, tau={threshold})")
    }

    /// Wraps the mechanism as an OpenDP measurement that draws from `coins`.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] when OpenDP refuses the space, which it does not for bit vectors.
    pub fn measurement(self, coins: impl Coins + 'static) -> Result<SetSelectMeasurement, PrivacyError> {
        let stated = self.epsilon.value();
        let coins = RefCell::new(coins);
        let randomise = move |memberships: &BitVec<u8, Lsb0>| {
            let mut coins = coins.try_borrow_mut().map_err(|_| failed(PrivacyError::NoEntropy))?;
            self.randomise(memberships, &mut *coins).map_err(failed)
        };
        // The logarithm of the weight ratio is at most epsilon because the weight is `exponential(epsilon)`;
        // a test proves it with OpenDP's exact logarithm, whose big numbers the device then need not carry.
        let map = move |distance: &u32| if *distance == 0 { 0.0 } else { stated };
        Measurement::new(
            BitVectorDomain::new(),
            DiscreteDistance,
            MaxDivergence,
            Function::new_fallible(randomise),
            PrivacyMap::new(map),
        )
        .map_err(|_| PrivacyError::Shape)
    }

    /// Draws one answer; the measurement's function.
    fn randomise(
        &self,
        memberships: &BitVec<u8, Lsb0>,
        coins: &mut impl Coins,
    ) -> Result<Subset, PrivacyError> {
        if memberships.len() != usize::from(self.segments) {
            return Err(PrivacyError::Input);
        }
        let own = self.own_cells(memberships, coins)?;
        let mut own_order: Vec<u16> = own.clone();
        let mut other_order: Vec<u16> = (0..self.cells()).filter(|cell| !own.contains(cell)).collect();
        let shared = usize::from(self.weights.draw_shared(coins)?);
        coins.shuffle(&mut own_order)?;
        coins.shuffle(&mut other_order)?;
        let mut answer = Subset::empty(self.cells());
        own_order[..shared].iter().for_each(|cell| answer.insert(*cell));
        other_order[..usize::from(self.size) - shared].iter().for_each(|cell| answer.insert(*cell));
        Ok(answer)
    }

    /// Returns exactly `cap` cells: a random choice among the memberships, filled up with cells that mean "none".
    fn own_cells(
        &self,
        memberships: &BitVec<u8, Lsb0>,
        coins: &mut impl Coins,
    ) -> Result<Vec<u16>, NoEntropy> {
        // All segments are put in random order whether or not there is something to cut, so that the draws say nothing.
        let mut order: Vec<u16> = (0..self.segments).collect();
        coins.shuffle(&mut order)?;
        let members = order.into_iter().filter(|cell| memberships[usize::from(*cell)]);
        Ok(members.chain(self.segments..self.cells()).take(usize::from(self.cap)).collect())
    }

    /// Returns the number of cells of an answer.
    #[must_use]
    pub fn cells(&self) -> u16 {
        self.segments + self.cap
    }

    /// Returns how many cells every answer includes.
    #[must_use]
    pub fn subset_size(&self) -> u16 {
        self.size
    }

    /// Returns how many own cells an answer must include to be favoured.
    #[must_use]
    pub fn threshold(&self) -> u16 {
        self.threshold
    }

    /// Returns how many segments are asked about.
    #[must_use]
    pub fn segments(&self) -> u16 {
        self.segments
    }

    /// Returns how many memberships enter an answer.
    #[must_use]
    pub fn cap(&self) -> u16 {
        self.cap
    }

    /// Returns the whole-number weights of a set that is favoured and of one that is not.
    #[must_use]
    pub fn odds(&self) -> (u64, u64) {
        (exponential(self.epsilon), UNIT)
    }

    /// Returns with what probability an answer includes 0, 1, ... of the device's own cells, up to the cap or the size.
    #[must_use]
    pub fn shared(&self) -> Vec<f64> {
        self.weights.shared()
    }

    /// Returns the epsilon stated by the privacy map.
    #[must_use]
    pub fn epsilon(&self) -> Epsilon {
        self.epsilon
    }

    /// Returns the inclusion probabilities of a segment's cell.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.weights.channel()
    }

    /// Returns the probabilities that an answer includes both of two cells.
    #[must_use]
    pub fn pairs(&self) -> PairChannel {
        self.weights.pairs()
    }
}

impl From<NoEntropy> for PrivacyError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

/// Carries our error through OpenDP's; only whether there was one matters to the caller.
pub(super) fn failed(error: PrivacyError) -> Error {
    let variant = match error {
        PrivacyError::Input => ErrorVariant::DomainMismatch,
        _ => ErrorVariant::FailedFunction,
    };
    Error { variant, message: None, backtrace: std::backtrace::Backtrace::disabled() }
}

#[cfg(test)]
mod tests;
