//! The ways a log writes an instant.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use keepset_wire::Timestamp;

/// What the numbers or texts of a time column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// A date with or without a time of day and an offset; without an offset it is UTC.
    Date,
    /// Whole or broken seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Milliseconds,
}

impl TimeFormat {
    /// Reads an instant between 1970 and 9999; nothing when `text` is none.
    pub(super) fn read(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Date => date(text),
            Self::Seconds => from_number(text.parse::<f64>().ok()? * 1e3),
            Self::Milliseconds => Timestamp::from_millis(text.parse().ok()?),
        }
    }

    /// Says what would be right.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Date => "a time like 2017-01-31T09:30:00Z (without an offset it is UTC)",
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
        }
    }
}

/// Reads milliseconds since 1970 that were written as a number of any kind.
pub(super) fn from_number(millis: f64) -> Option<Timestamp> {
    // 2^53: beyond it a double no longer tells neighbouring milliseconds apart.
    let exact = millis.is_finite() && millis.abs() < 9_007_199_254_740_992.0;
    // In range by the check; a part of a millisecond is cut.
    #[expect(clippy::cast_possible_truncation)]
    if exact { Timestamp::from_millis(millis as i64) } else { None }
}

/// Reads a date with or without a time of day and an offset.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    let instant = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(|civil| TimeZone::UTC.to_timestamp(civil)))
        .ok()?;
    Timestamp::from_millis(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_with_and_without_an_offset_and_as_a_number() {
        let noon = Timestamp::from_millis(1_483_272_000_000);
        for text in
            ["2017-01-01T12:00:00Z", "2017-01-01 12:00:00", "2017-01-01T14:00:00+02:00", "2017-01-01T12:00"]
        {
            assert_eq!(TimeFormat::Date.read(text), noon, "{text}");
        }
        assert_eq!(TimeFormat::Date.read("2017-01-01"), Timestamp::from_date("2017-01-01"));
        assert_eq!(TimeFormat::Seconds.read("1483272000.0"), noon);
        assert_eq!(TimeFormat::Milliseconds.read("1483272000000"), noon);
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "yesterday", "2017-02-29", "2017-13-01T00:00:00Z", "1969-12-31T23:00:00Z", "12:00"] {
            assert_eq!(TimeFormat::Date.read(text), None, "{text}");
        }
        for text in ["", "-1", "nan", "inf", "1e300", "253402300800"] {
            assert_eq!(TimeFormat::Seconds.read(text), None, "{text}");
        }
        assert_eq!(TimeFormat::Milliseconds.read("1.5"), None);
    }
}
