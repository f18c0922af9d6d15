//! How often and for how much people will buy: BG/NBD (Fader, Hardie, Lee, "Counting your customers the easy way", 2005)
//! and the Gamma-Gamma model of what they spend (Fader, Hardie, "The Gamma-Gamma model of monetary value", 2013).

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

/// What is known of a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    /// How many purchases came after the first.
    pub repeats: f64,
    /// How long after the first the last one came; 0 where none did.
    pub last: f64,
    /// How long after the first we look.
    pub age: f64,
}

/// The model of how often: purchases come at a rate that is Gamma(r, alpha) among people, and after each one a person is gone
/// with a chance that is Beta(a, b).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// The shape of the rates.
    pub r: f64,
    /// Their scale.
    pub alpha: f64,
    /// Of the chance to be gone.
    pub a: f64,
    /// Of the chance to stay.
    pub b: f64,
}

impl BgNbd {
    /// Fits the model by the largest likelihood.
    #[must_use]
    pub fn fit(customers: &[Customer]) -> Self {
        let of = |point: &[f64]| Self {
            r: point[0].exp(),
            alpha: point[1].exp(),
            a: point[2].exp(),
            b: point[3].exp(),
        };
        let point = descend(&[0.0, 1.0, 0.0, 1.0], |point| -of(point).log_likelihood(customers));
        of(&point)
    }

    /// The log-likelihood of customers.
    #[must_use]
    pub fn log_likelihood(&self, customers: &[Customer]) -> f64 {
        customers.iter().map(|customer| self.log_likelihood_of(customer)).sum()
    }

    fn log_likelihood_of(&self, customer: &Customer) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let Customer { repeats: x, last, age } = *customer;
        let first = ln_gamma(r + x) - ln_gamma(r) + r * alpha.ln();
        let second = ln_gamma(a + b) + ln_gamma(b + x) - ln_gamma(b) - ln_gamma(a + b + x);
        let alive = -(r + x) * (alpha + age).ln();
        let gone = if x > 0.0 {
            a.ln() - (b + x - 1.0).ln() - (r + x) * (alpha + last).ln()
        } else {
            f64::NEG_INFINITY
        };
        let larger = alive.max(gone);
        first + second + larger + ((alive - larger).exp() + (gone - larger).exp()).ln()
    }

    /// The chance that a customer is still there.
    #[must_use]
    pub fn alive(&self, customer: &Customer) -> f64 {
        1.0 / (1.0 + self.odds_gone(customer))
    }

    fn odds_gone(&self, customer: &Customer) -> f64 {
        let Customer { repeats: x, last, age } = *customer;
        if x == 0.0 {
            return 0.0;
        }
        self.a / (self.b + x - 1.0) * ((self.alpha + age) / (self.alpha + last)).powf(self.r + x)
    }

    /// How many purchases are expected of a customer within a time from now on.
    #[must_use]
    pub fn expected(&self, customer: &Customer, within: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let Customer { repeats: x, age, .. } = *customer;
        let series = hypergeometric(r + x, b + x, a + b + x - 1.0, within / (alpha + age + within));
        let rest = ((alpha + age) / (alpha + age + within)).powf(r + x) * series;
        (a + b + x - 1.0) / (a - 1.0) * (1.0 - rest) / (1.0 + self.odds_gone(customer))
    }
}

/// The model of how much: the mean of a customer's purchases is Gamma(p x, v) with v Gamma(q, g) among people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// The shape of a purchase.
    pub p: f64,
    /// The shape of the scales.
    pub q: f64,
    /// Their scale.
    pub v: f64,
}

impl GammaGamma {
    /// Fits the model to numbers of repeated purchases, above 0, and their mean values, above 0.
    #[must_use]
    pub fn fit(spent: &[(f64, f64)]) -> Self {
        let of = |point: &[f64]| Self { p: point[0].exp(), q: point[1].exp(), v: point[2].exp() };
        let point = descend(&[1.0, 1.0, 2.0], |point| -of(point).log_likelihood(spent));
        of(&point)
    }

    /// The log-likelihood.
    #[must_use]
    pub fn log_likelihood(&self, spent: &[(f64, f64)]) -> f64 {
        let Self { p, q, v } = *self;
        let one = |(x, mean): &(f64, f64)| {
            ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q)
                + q * v.ln()
                + (p * x - 1.0) * mean.ln()
                + p * x * x.ln()
                - (p * x + q) * (x * mean + v).ln()
        };
        spent.iter().map(one).sum()
    }

    /// The mean value that is expected of a customer's purchases.
    #[must_use]
    pub fn expected(&self, repeats: f64, mean: f64) -> f64 {
        let Self { p, q, v } = *self;
        let own = p * repeats / (p * repeats + q - 1.0);
        (1.0 - own) * v * p / (q - 1.0) + own * mean
    }
}

/// Gauss's series; `z` is below 1, where it converges.
fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, 0.0);
    while n < 20_000.0 {
        term *= (a + n) * (b + n) / (c + n) * z / (n + 1.0);
        sum += term;
        n += 1.0;
        if term.abs() < 1e-13 * sum.abs() {
            break;
        }
    }
    sum
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
