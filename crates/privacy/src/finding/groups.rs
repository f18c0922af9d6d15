//! What is found of groups and a yes or no: sizes, rates, what one rate is above another, and how good scores are.

use super::{Copies, Finding, Measure};
use crate::consistent::{Total, consistent};
use crate::mechanism::{Estimate, Joint, Shares};
use crate::release::{
    Candidate, Conditions, MAX_RANGE_HALF_WIDTH, MAX_RELATIVE_HALF_WIDTH, Release, margin, margin_within,
    release, release_given,
};

/// A quotient is told when a copy of what it is divided by is so many standard errors above nobody: enough for the number itself to be surely above 3, where
/// quotients have intervals.
const SURE: f64 = 7.0;

pub(super) fn findings(
    joint: &Joint,
    measures: &[Measure],
    counts: &[u64],
    reports: u64,
    mut copies: Copies,
) -> Vec<Finding> {
    let Some(shares) = joint.shares(counts, reports) else {
        return measures.iter().map(|measure| Finding::new(*measure, None)).collect();
    };
    let consistent = consistent(shares.values(), Total::One);
    let released: Vec<Option<Release>> =
        measures.iter().map(|measure| put(joint, &shares, *measure, copies.next())).collect();
    let of_all = measures.iter().position(|measure| *measure == Measure::RateOfAll);
    let is_all_told = of_all.is_some_and(|place| matches!(released[place], Some(Release::Published(_))));
    let finding = |(measure, release): (&Measure, Option<Release>)| {
        // What is compared with a number that is not printed is not printed, whatever it is itself.
        let release = if measure.is_difference() && !is_all_told {
            release.map(|release| match release {
                Release::Published(estimate) | Release::NotEnough(estimate) => Release::NotEnough(estimate),
            })
        } else {
            release
        };
        Finding::new(*measure, release).consistently(made_consistent(joint, &consistent, *measure))
    };
    measures.iter().zip(released).map(finding).collect()
}

/// Puts a number to the rule. Moved, it takes with it what depends on it: the shares of all cells. By how much each does depends on what is true of the number, as
/// Fieller's interval has it.
fn put(joint: &Joint, shares: &Shares, measure: Measure, copied: f64) -> Option<Release> {
    let estimate = tell(joint, shares, measure)?;
    if let Measure::Group(_) = measure {
        let slope = slope(joint, shares, measure, 0.0);
        let left = |errors: f64| left(joint, &shares.moved(&slope, errors), measure);
        return Some(release(estimate, (0.0, 1.0), left, copied));
    }
    let least = if measure.is_difference() { -1.0 } else { 0.0 };
    let given = |truth: f64| {
        let slope = slope(joint, shares, measure, truth - estimate.share);
        let error = shares.covariance(&slope, &slope).max(0.0).sqrt();
        let moved = [-2.0, 0.0, 2.0].map(|errors| shares.moved(&slope, errors));
        let conditions = Conditions {
            sure: moved.each_ref().map(|moved| Some(surely(joint, moved, measure))),
            margin: moved.each_ref().map(|moved| left(joint, moved, measure)),
        };
        (error > 0.0).then(|| Candidate { above: (truth - estimate.share) / error, conditions })
    };
    release_given(estimate, (least, 1.0), given, copied)
}

/// By how many standard errors everything that is divided by lies above what it takes to tell a quotient.
fn surely(joint: &Joint, shares: &Shares, measure: Measure) -> f64 {
    let above_nobody = |cells: &[usize]| {
        let sum = shares.sum(cells);
        sum.share / sum.standard_error - SURE
    };
    let of = |measure: Measure| above_nobody(&cells(joint, measure).1);
    match measure {
        Measure::Group(_) => 0.0,
        Measure::Lift(_) => of(measure).min(of(Measure::Rate(0))),
        Measure::Auc => {
            let (yes, all) = cells(joint, measure);
            let no: Vec<usize> = all.into_iter().filter(|cell| !yes.contains(cell)).collect();
            above_nobody(&yes).min(above_nobody(&no))
        }
        _ => of(measure),
    }
}

fn tell(joint: &Joint, shares: &Shares, measure: Measure) -> Option<Estimate> {
    match measure {
        Measure::Rate(_) | Measure::RateOfAll => {
            let (yes, all) = cells(joint, measure);
            shares.ratio(&yes, &all)
        }
        Measure::Lift(group) => joint.lift(shares, group, 0),
        Measure::LiftOverAll(group) => joint.lift_over_all(shares, group),
        Measure::Auc => joint.auc(shares),
        _ => Some(shares.sum(&cells(joint, measure).1)),
    }
}

/// How a number moves with the share of each cell, if it is truly so much higher than it came out.
fn slope(joint: &Joint, shares: &Shares, measure: Measure, higher: f64) -> Vec<f64> {
    let (yes, all) = cells(joint, measure);
    let of_group = || shares.slope((&yes, &all), higher);
    let against = |measure: Measure| {
        let (yes, all) = cells(joint, measure);
        of_group().iter().zip(shares.slope((&yes, &all), 0.0)).map(|(up, down)| up - down).collect()
    };
    match measure {
        Measure::Rate(_) | Measure::RateOfAll => of_group(),
        Measure::Lift(_) => against(Measure::Rate(0)),
        Measure::LiftOverAll(_) => against(Measure::RateOfAll),
        Measure::Auc => joint.area(shares, higher).1,
        _ => shares.indicator(&all),
    }
}

/// The cells of the yes of what a measure is of, and all its cells.
fn cells(joint: &Joint, measure: Measure) -> (Vec<usize>, Vec<usize>) {
    match measure {
        Measure::Group(group) if group == joint.groups() => (Vec::new(), vec![2 * usize::from(group)]),
        Measure::Group(group) | Measure::Rate(group) | Measure::Lift(group) | Measure::LiftOverAll(group) => {
            joint.cells_of(group..group + 1)
        }
        _ => joint.cells_of(0..joint.groups()),
    }
}

/// The margin of the rule. A difference is to be known to half the rate of all: neither its own size nor the rate of its group decides, or groups that
/// convert seldom would never be compared.
fn left(joint: &Joint, shares: &Shares, measure: Measure) -> Option<f64> {
    let estimate = tell(joint, shares, measure)?;
    Some(match measure {
        Measure::Lift(_) | Measure::LiftOverAll(_) => {
            let of_all = tell(joint, shares, Measure::RateOfAll)?;
            margin_within(&estimate, MAX_RELATIVE_HALF_WIDTH * of_all.share)
        }
        Measure::Auc => margin_within(&estimate, MAX_RANGE_HALF_WIDTH),
        _ => margin(&estimate),
    })
}

fn made_consistent(joint: &Joint, shares: &[f64], measure: Measure) -> Option<f64> {
    let (yes, all) = cells(joint, measure);
    let sum = |cells: &[usize]| cells.iter().map(|cell| shares[*cell]).sum::<f64>();
    match measure {
        Measure::Group(_) => Some(sum(&all)),
        Measure::Rate(_) => Some(sum(&yes) / sum(&all)).filter(|rate| rate.is_finite()),
        _ => None,
    }
}
