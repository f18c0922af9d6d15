//! How numbers, dates and names are written on the page.

use keepset_privacy::finding::Measure;
use keepset_wire::{Question, Timestamp};

use crate::publish::ends;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes a name of the plan for reading: `coupon_lover` as `Coupon lover`.
pub(super) fn title(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Writes a count with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number without needless zeros.
pub(super) fn number(value: f64) -> String {
    value.to_string()
}

/// Writes a value of a feature, to four figures.
pub(super) fn plain(value: f64) -> String {
    let size = value.abs();
    let places = if size >= 1_000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 10.0 || size == 0.0 {
        2
    } else {
        3
    };
    let text = format!("{value:.places$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Writes what a number is of.
pub(super) fn label(question: &Question, measure: Measure) -> String {
    let (from, to) = ends(question, measure);
    match (measure, from, to) {
        (Measure::Both(..), ..) => {
            let item = measure.item(question);
            let (one, other) = item.split_once('+').unwrap_or((&item, ""));
            format!("{} and {}", title(one), title(other).to_lowercase())
        }
        (Measure::Lift(_), ..) => {
            let item = measure.item(question);
            let (one, other) = item.split_once('+').unwrap_or((&item, ""));
            format!("{} against {}", title(one), title(other).to_lowercase())
        }
        (Measure::LiftOverAll(_), ..) => format!("{} against all", title(&measure.item(question))),
        (Measure::RateOfAll, ..) => "All of them together".into(),
        (Measure::Bin(0), ..) => "No value".into(),
        (Measure::Quantile(25), ..) => "First quartile".into(),
        (Measure::Quantile(50), ..) => "Median".into(),
        (Measure::Quantile(75), ..) => "Third quartile".into(),
        (Measure::Quantile(percent), ..) => format!("{percent} of 100 are below"),
        (Measure::Mean, ..) => "Mean".into(),
        (Measure::Auc, ..) => "Area under the ROC curve".into(),
        (_, Some(from), Some(to)) => format!("{} to {}", plain(from), plain(to)),
        (_, None, Some(to)) => format!("below {}", plain(to)),
        (_, Some(from), None) => format!("{} and above", plain(from)),
        (Measure::Group(group), ..) if group == question.ask.groups() => "In none of them".into(),
        _ => title(&measure.item(question)),
    }
}

/// Returns how many decimals of a percentage an interval this wide supports.
pub(super) fn decimals(low: f64, high: f64) -> usize {
    if high - low < 0.01 { 2 } else { 1 }
}

/// Writes a share as a percentage.
pub(super) fn percent(share: f64, decimals: usize) -> String {
    format!("{:.decimals$}%", share * 100.0)
}

/// Writes a probability, without figures that say nothing.
pub(super) fn probability(p_value: f64) -> String {
    if p_value < 0.0001 { "below 0.0001".into() } else { format!("{p_value:.4}") }
}

/// Writes the days from `first` to `last`: `29 Jan – 25 Feb 2017`.
pub(super) fn span(first: Timestamp, last: Timestamp) -> String {
    let ((from_year, from), (to_year, to)) = (day(first), day(last));
    if from_year == to_year {
        format!("{from} – {to} {to_year}")
    } else {
        format!("{from} {from_year} – {to} {to_year}")
    }
}

/// Splits an instant into its year and a text like `29 Jan`.
fn day(instant: Timestamp) -> (String, String) {
    let date = instant.date();
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| month.parse::<usize>().ok()).and_then(|month| MONTHS.get(month - 1));
    let day = day.unwrap_or_default().trim_start_matches('0');
    (year.unwrap_or_default().to_owned(), format!("{day} {}", month.unwrap_or(&"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_dates_and_names_read_like_prose() {
        assert_eq!(title("coupon_lover"), "Coupon lover");
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([number(2.0), number(0.1), number(24.5)], ["2", "0.1", "24.5"]);
        assert_eq!(percent(0.123_45, decimals(0.1, 0.15)), "12.3%");
        assert_eq!(percent(0.123_45, decimals(0.12, 0.125)), "12.35%");
        let at = |date: &str| Timestamp::from_date(date).unwrap();
        assert_eq!(span(at("2017-01-29"), at("2017-02-25")), "29 Jan – 25 Feb 2017");
        assert_eq!(span(at("2017-12-31"), at("2018-01-27")), "31 Dec 2017 – 27 Jan 2018");
    }
}
