//! Consent: four gates with a time each, all closed at the start.

use keepset_wire::Timestamp;
use keepset_wire::codec;
use serde::Serialize;

/// What consent may be given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Computing features and segments on the device.
    Segmentation,
    /// Keeping state on the device.
    Storage,
    /// Sending private reports.
    Reporting,
    /// Handing segment labels to others.
    Sharing,
}

/// What a person said about one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Yes.
    Granted,
    /// No, or no longer.
    Denied,
    /// Not asked or not answered: treated as no.
    #[default]
    Pending,
}

codec!(enum Choice { 0 => Granted, 1 => Denied, 2 => Pending });

/// A choice and since when it stands, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The choice.
    pub choice: Choice,
    /// Since when.
    pub since: i64,
}

codec!(struct Standing { choice, since });

/// What a person said about every purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Computing on the device.
    pub segmentation: Standing,
    /// Keeping state on the device.
    pub storage: Standing,
    /// Sending private reports.
    pub reporting: Standing,
    /// Handing out labels.
    pub sharing: Standing,
}

codec!(struct Consent { segmentation, storage, reporting, sharing });

/// New choices; a purpose left out keeps its choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsentChange {
    /// Computing on the device.
    pub segmentation: Option<Choice>,
    /// Keeping state on the device.
    pub storage: Option<Choice>,
    /// Sending private reports.
    pub reporting: Option<Choice>,
    /// Handing out labels.
    pub sharing: Option<Choice>,
}

impl ConsentChange {
    /// Sets every purpose to `choice`.
    #[must_use]
    pub fn all(choice: Choice) -> Self {
        let choice = Some(choice);
        Self { segmentation: choice, storage: choice, reporting: choice, sharing: choice }
    }
}

impl Consent {
    /// Tells whether `purpose` is granted; anything but a yes is a no.
    #[must_use]
    pub fn grants(&self, purpose: Purpose) -> bool {
        let standing = match purpose {
            Purpose::Segmentation => self.segmentation,
            Purpose::Storage => self.storage,
            Purpose::Reporting => self.reporting,
            Purpose::Sharing => self.sharing,
        };
        standing.choice == Choice::Granted
    }

    /// Takes new choices; an unchanged choice keeps its time.
    pub(crate) fn apply(&mut self, change: &ConsentChange, now: Timestamp) {
        let pairs = [
            (&mut self.segmentation, change.segmentation),
            (&mut self.storage, change.storage),
            (&mut self.reporting, change.reporting),
            (&mut self.sharing, change.sharing),
        ];
        for (standing, choice) in pairs {
            if let Some(choice) = choice.filter(|choice| *choice != standing.choice) {
                *standing = Standing { choice, since: now.millis() };
            }
        }
    }
}
