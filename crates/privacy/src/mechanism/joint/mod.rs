//! Groups and a yes or no: the rate of yes in every group, as of the buyers in every segment or of the right among those a model scores alike.
//!
//! A device is in one of `2 d` cells, the no and the yes of every group, or in a last cell for those in no group. Where every device has a
//! group that cell is left away. What comes back are the sizes of the groups and their rates, a ratio of two noisy shares
//! each, and for scores the calibration curve and the area under the ROC curve ([`Joint::curve`]).
//!
//! # Privacy
//! Neighbours are any two states of a device, group and yes or no together. An answer is one of [`OneOf`], with its epsilon.

mod curve;

use keepset_wire::Epsilon;

use super::{Estimate, OneOf, PrivacyError, SetSelect, Shares};
pub use curve::{CalibrationError, Curve};

/// The mechanism and the estimator of a yes or no in every group.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    cells: OneOf,
    groups: u16,
}

/// What is known of one group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// The share of devices in it.
    pub size: Estimate,
    /// The share of devices in it that said yes.
    pub yes: Estimate,
    /// The share of its devices that said yes; nothing where the group is not more than 3 standard errors above nobody.
    pub rate: Option<Estimate>,
}

/// What the answers to one question say.
#[derive(Clone, Debug, PartialEq)]
pub struct JointEstimate {
    /// The groups, in their order.
    pub groups: Vec<Group>,
    /// The same of all groups together.
    pub together: Group,
}

impl Joint {
    /// Makes the mechanism for devices that all have one of `groups` groups, such as bins of a score.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 1 to 128 groups.
    pub fn of_everyone(epsilon: Epsilon, groups: u16) -> Result<Self, PrivacyError> {
        Self::with_cells(epsilon, groups, 0)
    }

    /// Makes the mechanism for devices in one of `groups` groups or in none, such as segments.
    ///
    /// # Errors
    /// [`PrivacyError::Shape`] outside 1 to 128 groups.
    pub fn with_none(epsilon: Epsilon, groups: u16) -> Result<Self, PrivacyError> {
        Self::with_cells(epsilon, groups, 1)
    }

    fn with_cells(epsilon: Epsilon, groups: u16, none: u16) -> Result<Self, PrivacyError> {
        if !(1..=128).contains(&groups) {
            return Err(PrivacyError::Shape);
        }
        Ok(Self { cells: OneOf::new(epsilon, 2 * groups + none)?, groups })
    }

    /// Returns the number of groups.
    #[must_use]
    pub fn groups(&self) -> u16 {
        self.groups
    }

    /// Returns the number of cells, and so of counts.
    #[must_use]
    pub fn cells(&self) -> u16 {
        self.cells.cells()
    }

    /// Returns the mechanism for one of its cells.
    #[must_use]
    pub fn one_of(&self) -> &OneOf {
        &self.cells
    }

    /// Returns the mechanism a device draws its answer from.
    #[must_use]
    pub fn select(&self) -> &SetSelect {
        self.cells.select()
    }

    /// Returns the cell of a device: first the no, then the yes of every group, and the last of those in no group.
    ///
    /// Nothing for a group there is not, and for no group where everyone has one.
    #[must_use]
    pub fn cell(&self, group: Option<u16>, yes: bool) -> Option<u16> {
        match group {
            Some(group) => (group < self.groups).then_some(2 * group + u16::from(yes)),
            None => (self.cells() > 2 * self.groups).then_some(2 * self.groups),
        }
    }

    /// Returns what [`SetSelect`] is asked about for a device, a flag for each cell but the last; nothing where [`Self::cell`] gives nothing.
    #[must_use]
    pub fn memberships(&self, group: Option<u16>, yes: bool) -> Option<Vec<bool>> {
        Some(self.cells.memberships(self.cell(group, yes)?))
    }

    /// Estimates sizes and rates from how many answers included each cell. Nothing when there is no report or a count too few or many.
    #[must_use]
    pub fn estimate(&self, counts: &[u64], reports: u64) -> Option<JointEstimate> {
        let shares = self.shares(counts, reports)?;
        let groups = (0..self.groups).map(|group| self.group(&shares, group..group + 1)).collect();
        Some(JointEstimate { groups, together: self.group(&shares, 0..self.groups) })
    }

    /// Estimates the shares of the cells; see [`Self::cell`] for their order.
    #[must_use]
    pub fn shares(&self, counts: &[u64], reports: u64) -> Option<Shares> {
        self.cells.estimate(counts, reports)
    }

    /// Estimates by how much the rate of a group is above that of another, both from the same reports. Nothing unless both are told.
    #[must_use]
    pub fn lift(&self, shares: &Shares, group: u16, against: u16) -> Option<Estimate> {
        if group.max(against) >= self.groups {
            return None;
        }
        let [one, other] = [group, against].map(|group| self.cells_of(group..group + 1));
        shares.difference_of_ratios((&one.0, &one.1), (&other.0, &other.1))
    }

    /// Estimates by how much the rate of a group is above that of all groups together, this one among them. Nothing unless both are told.
    ///
    /// The two depend on each other twice, by the devices they share and by the noise of one answer, and the interval takes both into
    /// account: it is that of one function of the shares. Against the other groups alone the difference would be larger by one
    /// part in the share that they are of all, with the same sign.
    #[must_use]
    pub fn lift_over_all(&self, shares: &Shares, group: u16) -> Option<Estimate> {
        if group >= self.groups {
            return None;
        }
        let (one, all) = (self.cells_of(group..group + 1), self.cells_of(0..self.groups));
        shares.difference_of_ratios((&one.0, &one.1), (&all.0, &all.1))
    }

    /// The cells of the yes of some groups, and all cells of these groups.
    pub(crate) fn cells_of(&self, groups: std::ops::Range<u16>) -> (Vec<usize>, Vec<usize>) {
        let (first, last) = (usize::from(groups.start), usize::from(groups.end));
        ((first..last).map(|group| 2 * group + 1).collect(), (2 * first..2 * last).collect())
    }

    fn group(&self, shares: &Shares, groups: std::ops::Range<u16>) -> Group {
        let (yes, all) = self.cells_of(groups);
        Group { size: shares.sum(&all), yes: shares.sum(&yes), rate: shares.ratio(&yes, &all) }
    }
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
