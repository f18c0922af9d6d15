//! The exponential of an epsilon as a whole number, never above the true value, the same on every target.

use keepset_wire::Epsilon;

/// The weight of an outcome that the input does not favour: 1 in fixed point.
pub(super) const UNIT: u64 = 1 << SCALE_BITS;

/// 2^-40 relative steps keep the stated epsilon within 1e-9 of the plan's (acceptance A1 of the privacy figures).
const SCALE_BITS: u32 = 40;
/// Working precision; 2^90 leaves room for e^8 (12 bits) times a micro-epsilon (23 bits) in 128 bits.
const WORK_BITS: u32 = 90;

/// Relative margin below the true value, 2^-48: more than two roundings of an f64, so that the logarithm of the
/// weight, rounded up, is still at most epsilon as an f64.
const MARGIN_BITS: u32 = 48;

/// Returns `floor(e^epsilon (1 - 2^-48) 2^40)`, never more.
///
/// The Taylor series with every division rounded down: a sum of lower bounds is a lower bound.
pub(super) fn exponential(epsilon: Epsilon) -> u64 {
    let micro = u128::from(epsilon.micro());
    let mut term = 1_u128 << WORK_BITS;
    let mut sum = 0_u128;
    let mut index = 0_u128;
    while term > 0 {
        sum += term;
        index += 1;
        term = term * micro / (1_000_000 * index);
    }
    // e^8 * 2^40 < 2^52.
    u64::try_from((sum - (sum >> MARGIN_BITS)) >> (WORK_BITS - SCALE_BITS)).unwrap_or(UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use opendp::traits::InfLn;

    /// Acceptance A1: what the device states without a logarithm is what OpenDP's exact logarithm states, rounded up.
    #[test]
    fn opendps_own_logarithm_of_the_weight_is_at_most_epsilon_and_within_a_billionth_of_it() {
        let grid =
            (100_000..=8_000_000).step_by(997).chain([500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000]);
        for micro in grid {
            let epsilon = Epsilon::from_micro(micro).unwrap();
            // A weight is below 2^52 and the unit a power of two: the quotient is exact.
            #[expect(clippy::cast_precision_loss)]
            let ratio = exponential(epsilon) as f64 / UNIT as f64;
            let stated = ratio.inf_ln().unwrap();
            assert!(stated <= epsilon.value(), "{micro}: {stated}");
            assert!(stated >= epsilon.value() - 1e-9, "{micro}: {stated}");
        }
    }

    #[test]
    fn known_exponentials_are_met_to_the_last_bit() {
        let weight = |micro| exponential(Epsilon::from_micro(micro).unwrap());
        // floor(e^x (1 - 2^-48) 2^40), from arbitrary-precision arithmetic.
        assert_eq!(weight(1_000_000), 2_988_782_477_962);
        assert_eq!(weight(2_000_000), 8_124_353_099_063);
        assert_eq!(weight(8_000_000), 3_277_597_968_664_107);
    }
}
