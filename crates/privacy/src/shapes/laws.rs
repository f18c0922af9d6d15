//! How answers of SetSelect lie: how many cells of a half they hold, and how full a bucket of sets can be.

use crate::mechanism::SetSelect;
use crate::numbers::{float, ln_gamma};

/// The probabilities that an answer holds 0, 1, ... cells of a part of `width` cells in which `own` of the device's cells lie.
///
/// How many own cells it shares has the mechanism's law; which of them, and which others, are equally likely.
pub(crate) fn law(select: &SetSelect, width: u16, own: u16) -> Vec<f64> {
    let (size, cap, others) = (select.subset_size(), select.cap(), select.segments());
    let mut law = vec![0.0; usize::from(size) + 1];
    for (shared, probability) in (0..).zip(select.shared()) {
        for of_own in 0..=shared.min(own) {
            let inside = probability * hypergeometric(of_own, cap, own, shared);
            if inside == 0.0 {
                continue;
            }
            for of_others in 0..=size - shared {
                let rest = hypergeometric(of_others, others, width - own, size - shared);
                law[usize::from(of_own + of_others)] += inside * rest;
            }
        }
    }
    law
}

/// The greatest probability that an answer falls into one of `buckets` buckets among which all sets are dealt evenly.
pub(super) fn highest_bucket(select: &SetSelect, buckets: u64) -> f64 {
    let (favoured, unit) = select.odds();
    let (size, cap) = (select.subset_size(), select.cap());
    let weight = |shared: u16| if shared >= select.threshold() { float(favoured) / float(unit) } else { 1.0 };
    let of_all = |shared: u16| weight(shared) * hypergeometric(shared, select.cells(), cap, size);
    let average: f64 = (0..=cap.min(size)).map(of_all).sum();
    let sets = ln_binomial(select.cells(), size).exp();
    // A bucket holds at most one set more than its part.
    let part = if sets <= float(buckets) + 0.5 { 1.0 / sets } else { 1.0 / float(buckets) + 1.0 / sets };
    (float(favoured) / float(unit) / average * part).min(1.0)
}

/// Returns `C(n, k)`, or `most` where it is more.
pub(super) fn binomial_up_to(n: u16, k: u16, most: u64) -> u64 {
    let k = k.min(n - k);
    let mut product = 1;
    for i in 0..k {
        // Exact: after each step it is a binomial coefficient, and it only grows. Below 2^10 times 2^16.
        product = product * u64::from(n - i) / u64::from(i + 1);
        if product > most {
            return most;
        }
    }
    product
}

/// The probability that `drawn` of `all` cells hold `hits` of `marked` ones.
fn hypergeometric(hits: u16, all: u16, marked: u16, drawn: u16) -> f64 {
    if hits > marked || hits > drawn || drawn - hits > all - marked {
        return 0.0;
    }
    (ln_binomial(marked, hits) + ln_binomial(all - marked, drawn - hits) - ln_binomial(all, drawn)).exp()
}

fn ln_binomial(n: u16, k: u16) -> f64 {
    let ln_factorial = |n: u16| ln_gamma(f64::from(n) + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}
