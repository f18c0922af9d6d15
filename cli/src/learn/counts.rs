//! Fits the models of how often and for how much people will buy, BG/NBD and Gamma-Gamma, by the largest likelihood; what they
//! say is the engine's ([`keepset_engine::model::BgNbd`]).

use keepset_engine::model::{BgNbd, Customer, GammaGamma};
use statrs::function::gamma::ln_gamma;

/// Fits the model of how often, within the ranges that a pack takes.
#[must_use]
pub fn bg_nbd(customers: &[Customer]) -> BgNbd {
    let of = |point: &[f64]| {
        let [r, alpha, a, b] = within(point, BgNbd::RANGES);
        BgNbd { r, alpha, a, b }
    };
    of(&descend(&[0.0, 1.0, 0.0, 1.0], |point| -log_likelihood(&of(point), customers)))
}

/// The log-likelihood of customers: equation 6 of the paper.
#[must_use]
pub fn log_likelihood(model: &BgNbd, customers: &[Customer]) -> f64 {
    let BgNbd { r, alpha, a, b } = *model;
    let of_all = r * alpha.ln() - ln_gamma(r) + ln_gamma(a + b) - ln_gamma(b);
    let one = |customer: &Customer| {
        let Customer { repeats: x, last, age } = *customer;
        let often = ln_gamma(r + x) + ln_gamma(b + x) - ln_gamma(a + b + x);
        let alive = -(r + x) * (alpha + age).ln();
        let gone = if x > 0.0 {
            a.ln() - (b + x - 1.0).ln() - (r + x) * (alpha + last).ln()
        } else {
            f64::NEG_INFINITY
        };
        let larger = alive.max(gone);
        of_all + often + larger + ((alive - larger).exp() + (gone - larger).exp()).ln()
    };
    customers.iter().map(one).sum()
}

/// Fits the model of how much to numbers of purchases, above 0, and their mean values, above 0; within the ranges that a pack takes.
#[must_use]
pub fn gamma_gamma(spent: &[(f64, f64)]) -> GammaGamma {
    let of = |point: &[f64]| {
        let [p, q, v] = within(point, GammaGamma::RANGES);
        GammaGamma { p, q, v }
    };
    of(&descend(&[1.0, 1.0, 2.0], |point| -log_likelihood_of_spent(&of(point), spent)))
}

/// The log-likelihood of what customers spent: equation 1a of the paper.
#[must_use]
pub fn log_likelihood_of_spent(model: &GammaGamma, spent: &[(f64, f64)]) -> f64 {
    let GammaGamma { p, q, v } = *model;
    let one = |(x, mean): &(f64, f64)| {
        ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q)
            + q * v.ln()
            + (p * x - 1.0) * mean.ln()
            + p * x * x.ln()
            - (p * x + q) * (x * mean + v).ln()
    };
    spent.iter().map(one).sum()
}

/// The parameters whose logarithms are at a point, each within its range.
fn within<const N: usize>(point: &[f64], ranges: [(f64, f64); N]) -> [f64; N] {
    std::array::from_fn(|place| point[place].exp().clamp(ranges[place].0, ranges[place].1))
}

/// Goes to a minimum with a simplex (Nelder, Mead, 1965), begun anew from where it ended until nothing is gained.
fn descend(start: &[f64], height: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let height = |point: &[f64]| Some(height(point)).filter(|height| height.is_finite()).unwrap_or(f64::MAX);
    let mut best = start.to_vec();
    for _ in 0..8 {
        let before = height(&best);
        best = simplex(&best, &height);
        if before - height(&best) < 1e-7 {
            break;
        }
    }
    best
}

#[expect(clippy::cast_precision_loss, reason = "a number of dimensions")]
fn simplex(start: &[f64], height: &impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let dimensions = start.len();
    let mut corners: Vec<(f64, Vec<f64>)> = vec![(height(start), start.to_vec())];
    for dimension in 0..dimensions {
        let mut corner = start.to_vec();
        corner[dimension] += 0.5;
        corners.push((height(&corner), corner));
    }
    for _ in 0..2_000 {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        if corners[dimensions].0 - corners[0].0 < 1e-9 {
            break;
        }
        let middle: Vec<f64> = (0..dimensions)
            .map(|d| corners[..dimensions].iter().map(|corner| corner.1[d]).sum::<f64>() / dimensions as f64)
            .collect();
        let along = |step: f64| {
            let worst = &corners[dimensions].1;
            let point: Vec<f64> = middle.iter().zip(worst).map(|(m, w)| m + step * (m - w)).collect();
            (height(&point), point)
        };
        let reflected = along(1.0);
        let next = if reflected.0 < corners[0].0 {
            let further = along(2.0);
            if further.0 < reflected.0 { further } else { reflected }
        } else if reflected.0 < corners[dimensions - 1].0 {
            reflected
        } else {
            let nearer = if reflected.0 < corners[dimensions].0 { along(0.5) } else { along(-0.5) };
            if nearer.0 >= corners[dimensions].0.min(reflected.0) {
                let best = corners[0].1.clone();
                for corner in &mut corners[1..] {
                    let point: Vec<f64> =
                        best.iter().zip(&corner.1).map(|(b, c)| b + 0.5 * (c - b)).collect();
                    *corner = (height(&point), point);
                }
                continue;
            }
            nearer
        };
        corners[dimensions] = next;
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    corners.swap_remove(0).1
}
