//! Counts as floating-point numbers, and the tail of the normal and the chi-square distribution.

/// Half the width of a 95 % normal interval in standard errors.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A count of reports, which stays far below 2^53.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// The probability that a chi-square with `degrees` degrees of freedom is above `statistic`; 1 without a degree of freedom.
pub(crate) fn chi_square_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 || statistic <= 0.0 {
        return 1.0;
    }
    upper_gamma(degrees as f64 / 2.0, statistic / 2.0)
}

/// The probability that a standard normal number is below `place`.
pub(crate) fn normal_below(place: f64) -> f64 {
    if place.is_infinite() {
        return if place > 0.0 { 1.0 } else { 0.0 };
    }
    // The square is a chi-square with one degree of freedom.
    let beyond = chi_square_tail(place * place, 1) / 2.0;
    if place > 0.0 { 1.0 - beyond } else { beyond }
}

/// The regularised upper incomplete gamma function: a series below `a + 1`, a continued fraction above (Abramowitz and
/// Stegun 6.5.29 and 6.5.31, the fraction by Lentz's method).
fn upper_gamma(a: f64, x: f64) -> f64 {
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 { 1.0 - scale * lower_series(a, x) } else { scale * upper_fraction(a, x) }.clamp(0.0, 1.0)
}

fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

fn upper_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::INFINITY, 1.0 / b);
    let mut fraction = d;
    for i in 1..10_000_u32 {
        let i = f64::from(i);
        let step = -i * (i - a);
        b += 2.0;
        d = 1.0 / (step * d + b);
        c = b + step / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function of a positive number: Stirling's series (Abramowitz and Stegun 6.1.41) from 12 on, and the
/// recurrence below.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 12.0 {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0
        - inverse
            * (1.0 / 360.0 - inverse * (1.0 / 1_260.0 - inverse * (1.0 / 1_680.0 - inverse / 1_188.0))))
        / x;
    (x - 0.5) * x.ln() - x + std::f64::consts::TAU.ln() / 2.0 + series - product.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    /// With an even number of degrees of freedom the tail is a finite sum: `e^-h (1 + h + h^2/2! + ...)` with `h` half the statistic.
    #[test]
    fn tails_with_even_degrees_are_the_finite_sum() {
        for half_degrees in [1_usize, 2, 5, 16, 60, 128] {
            for tenths in 1..200_u32 {
                let half = f64::from(tenths) * 0.1 * half_degrees as f64 / 5.0;
                let mut term = (-half).exp();
                let mut sum = term;
                for i in 1..half_degrees {
                    term *= half / i as f64;
                    sum += term;
                }
                let tail = chi_square_tail(2.0 * half, 2 * half_degrees);
                assert!((tail - sum).abs() < 1e-12, "{half_degrees} {half}: {tail} {sum}");
            }
        }
    }

    /// The 5 % points of printed tables, to their five figures.
    #[test]
    fn tails_with_odd_degrees_meet_the_printed_tables() {
        for (degrees, point) in [(1, 3.8415), (3, 7.8147), (7, 14.067), (15, 24.996), (99, 123.225)] {
            let tail = chi_square_tail(point, degrees);
            assert!((tail - 0.05).abs() < 2e-5, "{degrees}: {tail}");
        }
        let from_normal = chi_square_tail(Z_95 * Z_95, 1);
        assert!((from_normal - 0.05).abs() < 1e-14, "{from_normal}");
        assert_eq!(chi_square_tail(3.0, 0), 1.0);
        for (place, printed) in
            [(-3.0, 0.001_350), (-1.0, 0.158_655), (0.0, 0.5), (1.0, 0.841_345), (Z_95, 0.975)]
        {
            assert!((normal_below(place) - printed).abs() < 1e-6, "{place}");
        }
        assert_eq!(chi_square_tail(0.0, 4), 1.0);
    }

    #[test]
    fn the_gamma_function_of_whole_numbers_is_a_factorial() {
        let mut factorial = 1.0_f64;
        for n in 1..100_u32 {
            let x = f64::from(n);
            assert!((ln_gamma(x) - factorial.ln()).abs() < 1e-12 * (1.0 + factorial.ln()), "{n}");
            factorial *= x;
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.ln() / 2.0).abs() < 1e-14);
    }
}
