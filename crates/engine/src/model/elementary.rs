//! The natural logarithm and the exponential function from `+ - * /` alone, so every target gives the same bits: those of the
//! platforms differ in the last place.
//!
//! Both bring their argument near 0 with a power of two and add up the Taylor series there (Muller, *Elementary functions*,
//! 2016, chapters 3 and 11). They are within 4 units in the last place, which the tests hold them to.

/// ln 2 in two parts: the first has 32 bits, so products with a small whole number are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Beyond these the result is no normal float.
const MOST: f64 = 709.0;
const LEAST: f64 = -708.0;

/// The natural logarithm of a finite number above 0, and not below the smallest normal one.
#[expect(clippy::cast_precision_loss, reason = "an exponent")]
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52).cast_signed() - 1_023;
    let mut fraction = f64::from_bits((bits & ((1 << 52) - 1)) | (1_023 << 52));
    if fraction > std::f64::consts::SQRT_2 {
        (fraction, exponent) = (fraction / 2.0, exponent + 1);
    }
    // ln f = 2 artanh((f - 1) / (f + 1)), and the argument is at most 0.172.
    let s = (fraction - 1.0) / (fraction + 1.0);
    let square = s * s;
    let series = (0..11).rev().fold(0.0, |sum, n| sum * square + 1.0 / f64::from(2 * n + 1));
    let exponent = exponent as f64;
    exponent * LN_2_HIGH + (2.0 * s * series + exponent * LN_2_LOW)
}

/// e to a power; what is too large or too small for a normal float is taken as the largest or smallest power that is none.
pub(super) fn exp(power: f64) -> f64 {
    let power = power.clamp(LEAST, MOST);
    let doubled = (power / std::f64::consts::LN_2).round();
    let rest = power - doubled * LN_2_HIGH - doubled * LN_2_LOW;
    #[expect(clippy::cast_possible_truncation, reason = "at most 1,023 either way")]
    let exponent = (1_023 + doubled as i64).cast_unsigned();
    let series = (1..=15).rev().fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    series * f64::from_bits(exponent << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    /// In units of the last place.
    fn apart(found: f64, exact: f64) -> i64 {
        (found.to_bits().cast_signed() - exact.to_bits().cast_signed()).abs()
    }

    #[test]
    fn logarithms_and_powers_are_within_four_units_of_the_last_place() {
        for step in 1..20_000 {
            let x = 1.013_f64.powi(step % 2_000 - 1_000) * (1.0 + f64::from(step) * 1e-7);
            let (found, exact) = (ln(x), x.ln());
            assert!(apart(found, exact) <= 4 || (found - exact).abs() < 1e-16, "ln {x}: {found} {exact}");
            let power = f64::from(step) * 0.0701 - 700.0;
            assert!(apart(exp(power), power.exp()) <= 4, "exp {power}");
        }
    }

    #[test]
    fn what_no_float_holds_ends_at_the_largest_and_the_smallest() {
        assert!(exp(1e9).is_finite() && exp(-1e9) > 0.0);
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
        assert!(exp(f64::NAN).is_nan());
    }
}
