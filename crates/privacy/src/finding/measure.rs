//! What a number is of: its kind, and of which segment, group, bin or quantile.

use keepset_wire::{Ask, Question};

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The share of devices in the segment of this index.
    Size(u16),
    /// The share of devices in both of two segments.
    Both(u16, u16),
    /// The share of devices in this bin; 0 is that of devices without a value, 1 the lowest.
    Bin(u16),
    /// The value that so many percent of the devices that have one do not exceed.
    Quantile(u8),
    /// The mean.
    Mean,
    /// The share of devices in this group; the number of groups is that of devices in none.
    Group(u16),
    /// The share of the group's devices whose outcome is yes.
    Rate(u16),
    /// By how much the rate of this group is above that of the first.
    Lift(u16),
    /// The share of the devices of all groups together whose outcome is yes.
    RateOfAll,
    /// By how much the rate of this group is above that of all groups together, itself among them.
    LiftOverAll(u16),
    /// The probability that a device whose outcome is yes has a higher score than one whose outcome is no.
    Auc,
}

impl Measure {
    /// Returns the name of what is measured, without of what.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Size(_) | Self::Group(_) => "share",
            Self::Both(..) => "overlap",
            Self::Bin(_) => "bin",
            Self::Quantile(_) => "quantile",
            Self::Mean => "mean",
            Self::Rate(_) => "rate",
            Self::Lift(_) => "lift",
            Self::RateOfAll => "rate_of_all",
            Self::LiftOverAll(_) => "lift_over_all",
            Self::Auc => "auc",
        }
    }

    /// Returns of what it is a measure, in letters that need no quotes: a segment's name, two of them, `bin_3`, `band_2`, `p50`.
    #[must_use]
    pub fn item(self, question: &Question) -> String {
        let segment = |index: u16| {
            question
                .ask
                .segments()
                .get(usize::from(index))
                .map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        match self {
            Self::Size(index) | Self::LiftOverAll(index) => segment(index),
            Self::Both(one, other) => format!("{}+{}", segment(one), segment(other)),
            Self::Bin(0) => "none".into(),
            Self::Bin(bin) => format!("bin_{bin}"),
            Self::Quantile(percent) => format!("p{percent}"),
            Self::Mean => "mean".into(),
            Self::Group(group) | Self::Rate(group) => match &question.ask {
                Ask::Calibration { .. } if group < question.ask.groups() => format!("band_{}", group + 1),
                _ => segment(group),
            },
            Self::Lift(group) => format!("{}+{}", segment(group), segment(0)),
            Self::RateOfAll => "all".into(),
            Self::Auc => "auc".into(),
        }
    }

    /// Tells whether it is by how much one rate is above another.
    #[must_use]
    pub fn is_difference(self) -> bool {
        matches!(self, Self::Lift(_) | Self::LiftOverAll(_))
    }

    /// Tells whether it is a share, from 0 to 1, or a difference of two; else it is a value of the feature.
    #[must_use]
    pub fn is_share(self) -> bool {
        !matches!(self, Self::Quantile(_) | Self::Mean)
    }
}
