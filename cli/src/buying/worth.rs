//! What a model of buying is worth on a later time: how many purchases were foretold and came, in whom, and beside what needs no model.

use anyhow::Context as _;
use keepset_engine::model::Customer;
use serde::Serialize;

use crate::train::quality::{Interval, Scored, auc_with_interval, mean_and_deviation, resampled, wilson};

/// A customer tested on.
pub(super) struct Case {
    pub customer: Customer,
    /// What was foretold.
    pub purchases: f64,
    pub alive: f64,
    pub spend: Option<f64>,
    /// What came.
    pub came: f64,
    pub spent: f64,
}

/// What is measured on.
pub(super) struct Measured<'a> {
    pub cases: &'a [Case],
    pub within_days: u16,
    pub seed: u64,
}

/// What it is worth on the customers tested on.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    /// How many customers.
    pub customers: usize,
    /// How many purchases were foretold of all of them.
    pub foretold: f64,
    /// How many came.
    pub came: f64,
    /// The correlation of what was foretold with what came, over customers.
    pub correlation: Option<Interval>,
    /// The mean absolute error, in purchases.
    pub error: Interval,
    /// The same of what needs no model.
    pub beside: Vec<Beside>,
    /// The chance that of two, one of whom came and one did not, the first was foretold more.
    pub auc: Option<Interval>,
    /// The same by how long ago somebody came last, alone.
    pub auc_of_recency: Option<Interval>,
    /// Customers by how often they had come again.
    pub groups: Vec<Group>,
    /// Customers who had come again, in fifths by the chance to do so once more, the lowest first.
    pub fifths: Vec<Fifth>,
    /// What they spent, where that was foretold.
    pub spend: Option<Spend>,
}

/// What needs no model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// What it is.
    pub name: &'static str,
    /// How many purchases it foretells of all.
    pub foretold: f64,
    /// Its correlation with what came.
    pub correlation: Option<Interval>,
    /// Its mean absolute error.
    pub error: Interval,
}

/// Customers who had come again as often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// How often, from and to; the last has no end.
    pub repeats: (u32, Option<u32>),
    /// How many customers.
    pub customers: usize,
    /// How many purchases were foretold of one.
    pub foretold: f64,
    /// How many came.
    pub came: Interval,
}

/// A fifth of the customers who had come again, by the chance to do so once more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fifth {
    /// How many customers.
    pub customers: usize,
    /// Their mean chance.
    pub alive: f64,
    /// The share who came within the days looked at, with Wilson's interval.
    pub came: Interval,
}

/// What was spent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spend {
    /// What was foretold of all customers.
    pub foretold: f64,
    /// What was spent.
    pub spent: f64,
    /// The correlation over customers.
    pub correlation: Option<Interval>,
}

/// Where groups by repeated purchases begin.
const GROUPS: [u32; 6] = [0, 1, 2, 3, 5, 10];
const FIFTHS: usize = 5;

impl Measured<'_> {
    pub(super) fn tested(&self) -> anyhow::Result<Tested> {
        let of = |value: &dyn Fn(&Case) -> f64| self.cases.iter().map(value).collect::<Vec<f64>>();
        let (purchases, came) = (of(&|case| case.purchases), of(&|case| case.came));
        let scored = |value: &dyn Fn(&Case) -> f64| -> Vec<Scored> {
            self.cases.iter().map(|case| Scored { margin: value(case), label: case.came > 0.0 }).collect()
        };
        let days = f64::from(self.within_days);
        let own = of(&|case| (case.customer.repeats + 1.0) / (case.customer.age + days) * days);
        let mean = mean_and_deviation(&own).0;
        let beside = |name, foretold: Vec<f64>| {
            anyhow::Ok(Beside {
                name,
                foretold: foretold.iter().sum(),
                correlation: self.correlation(&foretold, &came),
                error: self.error(&foretold, &came)?,
            })
        };
        let spend = self.cases.iter().map(|case| case.spend).collect::<Option<Vec<f64>>>().map(|foretold| {
            let spent = of(&|case| case.spent);
            Spend {
                foretold: foretold.iter().sum(),
                spent: spent.iter().sum(),
                correlation: self.correlation(&foretold, &spent),
            }
        });
        Ok(Tested {
            customers: self.cases.len(),
            foretold: purchases.iter().sum(),
            came: came.iter().sum(),
            correlation: self.correlation(&purchases, &came),
            error: self.error(&purchases, &came)?,
            beside: vec![
                beside("as often as so far", own)?,
                beside("the same for everyone", vec![mean; came.len()])?,
            ],
            auc: auc_with_interval(&scored(&|case| case.purchases), self.seed),
            auc_of_recency: auc_with_interval(
                &scored(&|case| case.customer.last - case.customer.age),
                self.seed,
            ),
            groups: self.groups(),
            fifths: self.fifths(),
            spend,
        })
    }

    fn groups(&self) -> Vec<Group> {
        let ends = GROUPS[1..].iter().map(|next| Some(next - 1)).chain([None]);
        let group = |(from, to): (&u32, Option<u32>)| {
            let within = |case: &&Case| {
                case.customer.repeats >= f64::from(*from)
                    && to.is_none_or(|to| case.customer.repeats < f64::from(to) + 1.0)
            };
            let cases: Vec<&Case> = self.cases.iter().filter(within).collect();
            let came: Vec<f64> = cases.iter().map(|case| case.came).collect();
            let mean = |counts: &[u32]| weighted(&came, counts);
            Some(Group {
                repeats: (*from, to),
                customers: cases.len(),
                foretold: mean_and_deviation(&cases.iter().map(|case| case.purchases).collect::<Vec<_>>()).0,
                came: resampled(came.len(), self.seed, mean)?,
            })
        };
        GROUPS.iter().zip(ends).filter_map(group).collect()
    }

    fn fifths(&self) -> Vec<Fifth> {
        // Of who came once the model says nothing: nobody is gone before a repeated purchase.
        let mut order: Vec<&Case> = self.cases.iter().filter(|case| case.customer.repeats > 0.0).collect();
        order.sort_by(|a, b| a.alive.total_cmp(&b.alive));
        let fifth = |number: usize| {
            let cases = &order[order.len() * number / FIFTHS..order.len() * (number + 1) / FIFTHS];
            Fifth {
                customers: cases.len(),
                alive: mean_and_deviation(&cases.iter().map(|case| case.alive).collect::<Vec<_>>()).0,
                came: wilson(cases.iter().filter(|case| case.came > 0.0).count(), cases.len()),
            }
        };
        (0..FIFTHS).map(fifth).collect()
    }

    fn correlation(&self, a: &[f64], b: &[f64]) -> Option<Interval> {
        // Of what is the same for all rounding would make a correlation.
        let differs = a.iter().any(|value| Some(value) != a.first());
        resampled(a.len(), self.seed, |counts| correlation_of(a, b, counts).filter(|_| differs))
    }

    fn error(&self, foretold: &[f64], came: &[f64]) -> anyhow::Result<Interval> {
        let errors: Vec<f64> = foretold.iter().zip(came).map(|(a, b)| (a - b).abs()).collect();
        resampled(errors.len(), self.seed, |counts| weighted(&errors, counts)).context("nobody is tested on")
    }
}

/// The mean of values that count so many times; nothing of none.
fn weighted(values: &[f64], counts: &[u32]) -> Option<f64> {
    let all: f64 = counts.iter().copied().map(f64::from).sum();
    let sum: f64 = values.iter().zip(counts).map(|(value, count)| value * f64::from(*count)).sum();
    (all > 0.0).then(|| sum / all)
}

/// Pearson's correlation; nothing where one side is the same for all.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    correlation_of(a, b, &vec![1; a.len()])
}

fn correlation_of(a: &[f64], b: &[f64], counts: &[u32]) -> Option<f64> {
    let (mean_a, mean_b) = (weighted(a, counts)?, weighted(b, counts)?);
    let mut sums = [0.0; 3];
    for ((a, b), count) in a.iter().zip(b).zip(counts) {
        let (a, b, count) = (a - mean_a, b - mean_b, f64::from(*count));
        sums[0] += count * a * b;
        sums[1] += count * a * a;
        sums[2] += count * b * b;
    }
    let scale = (sums[1] * sums[2]).sqrt();
    (scale > 0.0).then(|| sums[0] / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_is_one_of_a_line_and_none_of_a_constant() {
        let (rising, falling) = ([1.0, 2.0, 4.0], [3.0, 2.0, 0.0]);
        assert!((correlation(&rising, &rising).unwrap() - 1.0).abs() < 1e-12);
        assert!((correlation(&rising, &falling).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&rising, &[2.0; 3]), None);
        assert_eq!(correlation(&[], &[]), None);
        // Counted twice is there twice.
        let twice = correlation(&[1.0, 1.0, 2.0, 5.0], &[2.0, 2.0, 1.0, 7.0]).unwrap();
        assert!(
            (correlation_of(&[1.0, 2.0, 5.0], &[2.0, 1.0, 7.0], &[2, 1, 1]).unwrap() - twice).abs() < 1e-12
        );
    }
}
