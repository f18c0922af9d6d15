//! Instants and the calendar of a plan: epochs of whole days, windows of whole epochs.

use std::fmt;

use crate::codec;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant accepted anywhere: 1970-01-01.
    pub const MIN: Self = Self(0);
    /// The latest instant accepted anywhere: 9999-12-31T23:59:59.999Z. Sums of two instants stay far from overflow.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Accepts milliseconds since 1970 between [`Self::MIN`] and [`Self::MAX`].
    #[must_use]
    #[inline]
    pub fn from_millis(millis: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&millis).then_some(Self(millis))
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    #[inline]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the number of the UTC day this instant lies in, 0 for 1970-01-01.
    #[must_use]
    #[inline]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// Moves the instant by `millis`, staying within the accepted range.
    #[must_use]
    #[inline]
    pub fn saturating_add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the milliseconds from `earlier` to `self`, negative when `earlier` is later.
    #[must_use]
    #[inline]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Reads a calendar date `YYYY-MM-DD` as its midnight, UTC.
    #[must_use]
    pub fn from_date(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        let digits =
            |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok())?;
        let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        Self::from_millis(days_from_civil(year, month, day).checked_mul(DAY_MS)?)
    }

    /// Writes the UTC calendar date as `YYYY-MM-DD`.
    #[must_use]
    pub fn date(self) -> String {
        let (year, month, day) = civil_from_days(self.day());
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

/// The number of an epoch of a plan, 0 for the one that begins with the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// The number of a window of a plan: `window_epochs` epochs each, 0 for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(pub u32);

codec!(tuple Window);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn every_day_of_four_centuries_reads_back_as_itself() {
        for day in 0..146_097 {
            let midnight = Timestamp::from_millis(day * DAY_MS).unwrap();
            assert_eq!(Timestamp::from_date(&midnight.date()), Some(midnight));
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in [
            "2017-02-29",
            "2017-13-01",
            "2017-00-10",
            "2017-1-01",
            "17-01-01",
            "2017-01-01T",
            "",
            "1969-12-31",
        ] {
            assert_eq!(Timestamp::from_date(text), None, "{text}");
        }
        assert_eq!(Timestamp::from_date("2016-02-29").unwrap().millis(), 1_456_704_000_000);
    }
}
