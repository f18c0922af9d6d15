//! Consent: four gates with a time each, all closed at the start.

use crate::codec;

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

codec!(enum Purpose { 0 => Segmentation, 1 => Storage, 2 => Reporting, 3 => Sharing });

/// What a person said about one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// The signal by which a yes reached the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signal {
    /// The page's own word, of its dialog or whatever it asks.
    #[default]
    Page,
    /// IAB TCF.
    Tcf,
    /// IAB GPP.
    Gpp,
    /// Google Consent Mode.
    Gcm,
}

impl Signal {
    /// Returns its name in receipts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Tcf => "tcf",
            Self::Gpp => "gpp",
            Self::Gcm => "gcm",
        }
    }

    /// Returns the signal that a byte stands for.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Page, Self::Tcf, Self::Gpp, Self::Gcm].into_iter().find(|signal| signal.byte() == byte)
    }

    /// Returns the byte that stands for it.
    #[must_use]
    pub fn byte(self) -> u8 {
        self as u8
    }
}

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

impl Consent {
    /// Tells whether `purpose` is granted; anything but a yes is a no.
    #[must_use]
    pub fn grants(&self, purpose: Purpose) -> bool {
        self.of(purpose).choice == Choice::Granted
    }

    /// Returns what was said about one purpose.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Standing {
        match purpose {
            Purpose::Segmentation => self.segmentation,
            Purpose::Storage => self.storage,
            Purpose::Reporting => self.reporting,
            Purpose::Sharing => self.sharing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn a_signal_is_the_one_its_byte_stands_for() {
        let all = [Signal::Page, Signal::Tcf, Signal::Gpp, Signal::Gcm];
        assert_eq!(all.map(|signal| Signal::from_byte(signal.byte())), all.map(Some));
        assert_eq!(all.map(Signal::name), ["page", "tcf", "gpp", "gcm"]);
        assert_eq!((Signal::default(), Signal::from_byte(4)), (Signal::Page, None));
    }
}
