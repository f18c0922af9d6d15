//! Rates, curves and areas from draws, beside the truth.

use super::super::Channel;
use super::super::band::tests::epsilon;
use super::super::tests::{cells, counted};
use super::*;

/// People in ten bins of equal size whose rates of yes rise from 2 to 56 %, by their cells.
fn people(joint: &Joint, each: u32) -> Vec<Vec<bool>> {
    (0..10_u16)
        .flat_map(|bin| (0..each).map(move |person| (bin, person * 100 < each * (2 + 6 * u32::from(bin)))))
        .map(|(bin, yes)| joint.memberships(Some(bin), yes).unwrap())
        .collect()
}

fn rate(bin: usize) -> f64 {
    0.02 + 0.06 * bin as f64
}

/// The area under the curve of the same people: bins are of equal size.
fn area() -> f64 {
    let (yes, no): (Vec<f64>, Vec<f64>) = (0..10).map(|bin| (rate(bin), 1.0 - rate(bin))).unzip();
    let pairs = (0..10).map(|bin| yes[bin] * (no[..bin].iter().sum::<f64>() + no[bin] / 2.0)).sum::<f64>();
    pairs / (yes.iter().sum::<f64>() * no.iter().sum::<f64>())
}

#[test]
fn expected_counts_give_back_the_rates_the_area_and_no_calibration_error() {
    let joint = Joint::of_everyone(epsilon(1_000_000), 10).unwrap();
    let Channel { p, q } = joint.select().channel();
    let share =
        |cell: usize| if cell % 2 == 1 { rate(cell / 2) / 10.0 } else { (1.0 - rate(cell / 2)) / 10.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let counts: Vec<u64> = (0..20).map(|cell| (1e12 * (q + share(cell) * (p - q))).round() as u64).collect();
    let curve = joint.curve(&counts, 1_000_000_000_000).unwrap();
    for (bin, group) in curve.bins.iter().enumerate() {
        assert!(
            (group.rate.unwrap().share - rate(bin)).abs() < 1e-8 && (group.size.share - 0.1).abs() < 1e-9
        );
    }
    assert!((curve.auc.unwrap().share - area()).abs() < 1e-8);
    let predicted: Vec<f64> = (0..10).map(rate).collect();
    assert!(curve.calibration_error(&predicted).unwrap().root < 1e-4);
    let off: Vec<f64> = predicted.iter().map(|rate| rate + 0.1).collect();
    let error = curve.calibration_error(&off).unwrap();
    assert!((error.root - 0.1).abs() < 1e-4 && (error.covered - 1.0).abs() < 1e-9);
    assert_eq!(curve.calibration_error(&off[1..]), None);
}

/// Acceptance A10 at epsilon 2 and 100,000 devices, and A7 for areas; 60 populations. The root mean square has a standard error of 9 % for the
/// area: 0.014 is passed with probability below 1e-5 when it is 0.0105. The coverage of the area is below 52 of 60 with probability
/// 0.3 %; of 600 rates it has a standard error of 0.9 % and is outside 91 to 99 % with probability below 1e-5. Seeds are fixed.
#[test]
fn areas_and_rates_are_within_the_published_error_and_their_intervals_hold() {
    let joint = Joint::of_everyone(epsilon(2_000_000), 10).unwrap();
    let people = people(&joint, 10_000);
    let predicted: Vec<f64> = (0..10).map(rate).collect();
    let (mut area_square, mut rate_square, mut area_held, mut rate_held, mut calibration) =
        (0.0, 0.0, 0, 0, 0.0);
    let rounds = 60;
    for seed in 0..rounds {
        let counts = counted(joint.select(), &people, 20, seed, cells);
        let curve = joint.curve(&counts, 100_000).unwrap();
        let auc = curve.auc.unwrap();
        area_square += (auc.share - area()).powi(2);
        area_held += i32::from((auc.low..=auc.high).contains(&area()));
        for (bin, group) in curve.bins.iter().enumerate() {
            let found = group.rate.unwrap();
            rate_square += (found.share - rate(bin)).powi(2);
            rate_held += i32::from((found.low..=found.high).contains(&rate(bin)));
        }
        calibration += curve.calibration_error(&predicted).unwrap().square;
    }
    let all = rounds as f64;
    let (area_error, rate_error) = ((area_square / all).sqrt(), (rate_square / all / 10.0).sqrt());
    assert!(area_error <= 0.014, "{area_error}");
    assert!(rate_error <= 0.023, "{rate_error}");
    assert!(area_held >= 52, "{area_held}");
    assert!((546..=594).contains(&rate_held), "{rate_held}");
    // The predictions are right: with the noise taken off, what is left is a tenth of it at most.
    assert!((calibration / all).abs() < 0.1 * rate_error * rate_error, "{}", calibration / all);
}

#[test]
fn cells_are_the_no_and_the_yes_of_every_group_and_then_those_in_none() {
    let (all, some) = (
        Joint::of_everyone(epsilon(1_000_000), 3).unwrap(),
        Joint::with_none(epsilon(1_000_000), 3).unwrap(),
    );
    assert_eq!((all.cells(), some.cells()), (6, 7));
    assert_eq!(
        (all.cell(Some(2), true), all.cell(Some(3), true), all.cell(None, false)),
        (Some(5), None, None)
    );
    assert_eq!((some.cell(Some(0), false), some.cell(None, true)), (Some(0), Some(6)));
    // The last cell is that of no flag.
    assert_eq!(some.memberships(None, true).unwrap(), [false; 6]);
    assert_eq!(all.memberships(Some(2), true).unwrap(), [false; 5]);
    assert_eq!(all.memberships(Some(1), false).unwrap(), [false, false, true, false, false]);
    for groups in [0, 129] {
        assert!(Joint::with_none(epsilon(1_000_000), groups).is_err());
    }
    assert!(Joint::with_none(epsilon(8_000_000), 128).is_ok());
}

/// 4,000 devices at epsilon 1 say too little of a segment of 1 %: its rate is held back, that of a large one is told. The small one is told
/// when its estimate is 3 standard errors above 0 by chance: with probability below 1 %; the seed is fixed.
#[test]
fn conversions_are_told_for_large_segments_only() {
    let joint = Joint::with_none(epsilon(1_000_000), 2).unwrap();
    let people: Vec<Vec<bool>> = (0..4_000_u32)
        .map(|device| {
            let group = if device < 2_000 {
                Some(0)
            } else if device < 2_040 {
                Some(1)
            } else {
                None
            };
            joint.memberships(group, device % 4 == 0).unwrap()
        })
        .collect();
    let counts = counted(joint.select(), &people, 5, 8, cells);
    let estimate = joint.estimate(&counts, 4_000).unwrap();
    let told = estimate.groups[0].rate.unwrap();
    assert!(told.low < 0.25 && 0.25 < told.high && told.high - told.low < 0.5, "{told:?}");
    assert_eq!(estimate.groups[1].rate, None);
    assert!((estimate.together.size.share - 0.51).abs() < 5.0 * estimate.together.size.standard_error);
}

/// Three groups of which the first is a holdout: by 40 populations of 60,000 devices at epsilon 2, the mean of a lift lies within 5 standard errors of
/// the truth, and its interval holds it in at least 34 of 40 for both groups (fewer in 0.3 % of such tests for one). Seeds are fixed.
#[test]
fn a_lift_against_the_first_group_is_unbiased_and_its_interval_holds() {
    let joint = Joint::with_none(epsilon(2_000_000), 3).unwrap();
    let rates = [20_u32, 20, 30];
    let people: Vec<Vec<bool>> = (0..3_u16)
        .flat_map(|group| {
            (0..15_000_u32).map(move |person| (group, person % 100 < rates[usize::from(group)]))
        })
        .map(|(group, yes)| joint.memberships(Some(group), yes).unwrap())
        .chain((0..15_000).map(|_| joint.memberships(None, false).unwrap()))
        .collect();
    let draw = |seed| counted(joint.select(), &people, joint.cells().into(), seed, cells);
    let populations: Vec<Vec<u64>> = (0..40).map(draw).collect();
    for (group, truth) in [(1, 0.0), (2, 0.1)] {
        let lift = |counts: &Vec<u64>| joint.lift(&joint.shares(counts, 60_000)?, group, 0);
        let lifts: Vec<Estimate> = populations.iter().filter_map(lift).collect();
        assert_eq!(lifts.len(), 40);
        let mean = lifts.iter().map(|lift| lift.share).sum::<f64>() / 40.0;
        let error = lifts[0].standard_error;
        assert!((mean - truth).abs() < 5.0 * error / 40_f64.sqrt(), "{group}: {mean}");
        let held = lifts.iter().filter(|lift| (lift.low..=lift.high).contains(&truth)).count();
        assert!(held >= 34, "{group}: {held}");
    }
}

/// Of two groups the other is the rest: a group is as far above all as it is above the rest, times the share of the rest.
#[test]
fn a_lift_over_all_is_that_over_the_rest_in_the_share_that_the_rest_is_of_all() {
    let joint = Joint::with_none(epsilon(2_000_000), 2).unwrap();
    let people: Vec<Vec<bool>> = (0..20_000_u32)
        .map(|person| {
            let group = [Some(0), Some(0), Some(1), None][person as usize % 4];
            joint.memberships(group, person % 7 < 2).unwrap()
        })
        .collect();
    let counts = counted(joint.select(), &people, joint.cells().into(), 11, cells);
    let (shares, found) = (joint.shares(&counts, 20_000).unwrap(), joint.estimate(&counts, 20_000).unwrap());
    for (group, rest) in [(0, 1), (1, 0)] {
        let (over_all, over_rest) =
            (joint.lift_over_all(&shares, group).unwrap(), joint.lift(&shares, group, rest).unwrap());
        let share_of_rest = found.groups[usize::from(rest)].size.share / found.together.size.share;
        assert!((over_all.share - share_of_rest * over_rest.share).abs() < 1e-12);
        // Both are sure or unsure of it together, but for what the size of the rest adds.
        let (one, other) =
            (over_all.share / over_all.standard_error, over_rest.share / over_rest.standard_error);
        assert!((one - other).abs() < 0.1, "{one} {other}");
    }
}

#[test]
fn no_lift_is_told_where_a_group_is_not_surely_there_or_does_not_exist() {
    let joint = Joint::with_none(epsilon(2_000_000), 2).unwrap();
    let Channel { p, q } = joint.select().channel();
    let shares = [0.3, 0.2, 0.0, 0.0, 0.5];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let counts: Vec<u64> = shares.iter().map(|share| (1e4 * (q + share * (p - q))).round() as u64).collect();
    let shares = joint.shares(&counts, 10_000).unwrap();
    assert_eq!(joint.lift(&shares, 1, 0), None);
    assert_eq!(joint.lift(&shares, 2, 0), None);
    assert!(joint.lift_over_all(&shares, 0).is_some());
    assert_eq!(joint.lift_over_all(&shares, 1), None);
    assert_eq!(joint.lift_over_all(&shares, 2), None);
}
