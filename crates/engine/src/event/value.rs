//! The value of a property, checked: nothing of a text but a number survives.

use keepset_wire::codec;

use super::Given;
use super::declare::{PropertyKind, to_millionths};

/// The longest id, in bytes.
const MAX_ID: usize = 200;
/// The score of a text stays within so many millionths.
const MAX_SCORE: i64 = 1_000_000_000;

/// A checked property value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number in whole millionths, so that sums are exact in any order.
    Millionths(i64),
    /// True or false.
    Flag(bool),
    /// The index of a category.
    Category(usize),
    /// The hash of an id.
    Id(i64),
}

codec!(enum Value { 0 => Millionths(a), 1 => Flag(a), 2 => Category(a), 3 => Id(a) });

impl PropertyKind {
    /// Checks a value; the error says what would be right.
    pub(super) fn check(&self, given: Given<'_>) -> Result<Value, String> {
        let value = match (self, given) {
            (Self::Number { min, max, .. }, Given::Number(number)) => {
                (*min..=*max).contains(&number).then(|| Value::Millionths(to_millionths(number)))
            }
            (Self::Number { min, max, currency: Some(currency) }, Given::Text(text)) => {
                let (amount, code) = cut(text, b' ').unwrap_or_default();
                let range = to_millionths(*min)..=to_millionths(*max);
                let amount = read_millionths(amount).filter(|amount| range.contains(amount));
                amount.filter(|_| code == currency).map(Value::Millionths)
            }
            (Self::Flag, Given::Flag(flag)) => Some(Value::Flag(flag)),
            (Self::Category(values), Given::Text(text)) => {
                values.iter().position(|value| value == text).map(Value::Category)
            }
            (Self::Text(words), Given::Text(text)) => Some(Value::Millionths(score(words, text))),
            (Self::Id, Given::Text(text)) => {
                (1..=MAX_ID).contains(&text.len()).then(|| Value::Id(hash(text)))
            }
            _ => None,
        };
        value.ok_or_else(|| self.expected())
    }
}

/// Adds up the weights of the words a text holds. A word is a run of letters, digits and anything beyond ASCII.
fn score(words: &[(String, i64)], text: &str) -> i64 {
    let found = text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric());
    let weight =
        |word: &str| words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, w)| *w);
    found.filter_map(weight).fold(0, i64::saturating_add).clamp(-MAX_SCORE, MAX_SCORE)
}

/// Hashes an id: FNV-1a in 64 bits (Fowler, Noll, Vo), then [`spread`].
pub(crate) fn hash(text: &str) -> i64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    spread(text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv)).cast_signed()
}

/// One step of `SplitMix64` (Steele, Lea, Flood 2014): every bit of the result depends on every bit given.
pub(crate) fn spread(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Reads a decimal of at most nine whole digits and six of fraction. By hand: the float parser would bring its tables into the wasm.
fn read_millionths(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = cut(digits, b'.').unwrap_or((digits, "0"));
    let read = |digits: &str, most: usize| {
        let plain = (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.bytes().fold(0, |number, b| number * 10 + i64::from(b - b'0')))
    };
    // At most six digits, so the power is at least one.
    let scale = 10_i64.pow(6_u32.saturating_sub(u32::try_from(part.len()).ok()?));
    Some(sign * (read(whole, 9)? * 1_000_000 + read(part, 6)? * scale))
}

/// Joins texts by a word. By hand: the standard library's is three times as large.
pub(crate) fn joined(texts: &mut dyn Iterator<Item = &String>, word: &str) -> String {
    let mut all = String::new();
    for text in texts {
        if !all.is_empty() {
            all.push_str(word);
        }
        all.push_str(text);
    }
    all
}

/// Puts texts one behind the other. By hand: `format!` would bring all of formatting into the wasm that every page loads.
pub(crate) fn text(parts: &[&str]) -> String {
    let mut all = String::new();
    for part in parts {
        all.push_str(part);
    }
    all
}

/// Cuts a text in two at an ASCII character, which is in neither part.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    text.get(..place).zip(text.get(place + 1..))
}

/// Writes a whole number, as [`text`] writes texts.
pub(crate) fn whole(number: usize) -> String {
    let mut digits = Vec::new();
    put(number as u64, &mut digits);
    in_words(digits)
}

/// Writes a bound to the millionth. By hand: the float formatter would bring its tables into the wasm.
pub(crate) fn decimal(bound: f64) -> String {
    let millionths = to_millionths(bound);
    let mut digits = Vec::new();
    if millionths < 0 {
        digits.push(b'-');
    }
    put(millionths.unsigned_abs() / 1_000_000, &mut digits);
    let mut part = millionths.unsigned_abs() % 1_000_000;
    if part > 0 {
        digits.push(b'.');
    }
    while part > 0 {
        part *= 10;
        digits.push(digit(part / 1_000_000));
        part %= 1_000_000;
    }
    in_words(digits)
}

/// Appends the digits of a number.
fn put(number: u64, digits: &mut Vec<u8>) {
    if number > 9 {
        put(number / 10, digits);
    }
    digits.push(digit(number % 10));
}

fn digit(below_ten: u64) -> u8 {
    b'0' + below_ten.to_le_bytes()[0]
}

fn in_words(digits: Vec<u8>) -> String {
    // Digits are ASCII.
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn bounds_are_written_as_people_write_them() {
        for (bound, text) in
            [(0.0, "0"), (-5000.0, "-5000"), (0.25, "0.25"), (-0.000_001, "-0.000001"), (1e9, "1000000000")]
        {
            assert_eq!(decimal(bound), text);
        }
        for number in [0, 7, 10, 1_234_567_890, usize::MAX] {
            assert_eq!(whole(number), number.to_string());
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_millionth_half_away_from_zero() {
        let halves = (-2_000..2_000).map(|n| f64::from(n) * 0.000_000_5);
        let ends =
            [0.0, -0.0, 4.999_999_999_999_999e-7, 1e9, -1e9, 999_999_999.999_999_5, -123_456.789_012_5];
        for number in halves.chain(ends) {
            // Within 10^15.
            #[expect(clippy::cast_possible_truncation)]
            let rounded = (number * 1e6).round() as i64;
            assert_eq!(to_millionths(number), rounded, "{number}");
        }
    }

    #[test]
    fn money_as_text_is_read_to_the_millionth_and_only_in_its_currency() {
        let kind = PropertyKind::Number { min: -100.0, max: 100.0, currency: Some("EUR".into()) };
        let check = |text: &str| kind.check(Given::Text(text)).ok();
        assert_eq!(check("12.5 EUR"), Some(Value::Millionths(12_500_000)));
        assert_eq!(check("-0.000001 EUR"), Some(Value::Millionths(-1)));
        assert_eq!(check("100 EUR"), Some(Value::Millionths(100_000_000)));
        for wrong in [
            "12.5 USD",
            "12.5",
            "100.01 EUR",
            "EUR 5",
            "1e2 EUR",
            "+5 EUR",
            ". EUR",
            "5. EUR",
            "- EUR",
            " EUR",
            "1.0000001 EUR",
        ] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_becomes_the_sum_of_its_words_and_no_more() {
        let words =
            vec![("great".to_owned(), 1_000_000), ("süß".into(), 500_000), ("refund".into(), -2_000_000)];
        assert_eq!(score(&words, "Great, GREAT! süß... refunded"), 2_500_000);
        assert_eq!(score(&words, "refund"), -2_000_000);
        assert_eq!(score(&words, ""), 0);
        assert_eq!(score(&[("a".into(), MAX_SCORE)], "a a a"), MAX_SCORE);
    }
}
