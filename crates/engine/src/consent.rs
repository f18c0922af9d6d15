//! New choices, and how they are taken.

use keepset_wire::{Choice, Consent, Signal, Standing, Timestamp};

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
    /// By which signal: a label says it of the yes to share.
    pub signal: Signal,
}

impl ConsentChange {
    /// Sets every purpose to `choice`.
    #[must_use]
    pub fn all(choice: Choice) -> Self {
        let choice = Some(choice);
        Self {
            segmentation: choice,
            storage: choice,
            reporting: choice,
            sharing: choice,
            signal: Signal::Page,
        }
    }

    /// Takes the new choices; an unchanged choice keeps its time.
    pub(crate) fn apply(&self, consent: &mut Consent, now: Timestamp) {
        let pairs = [
            (&mut consent.segmentation, self.segmentation),
            (&mut consent.storage, self.storage),
            (&mut consent.reporting, self.reporting),
            (&mut consent.sharing, self.sharing),
        ];
        for (standing, choice) in pairs {
            if let Some(choice) = choice.filter(|choice| *choice != standing.choice) {
                *standing = Standing { choice, since: now.millis() };
            }
        }
    }
}
