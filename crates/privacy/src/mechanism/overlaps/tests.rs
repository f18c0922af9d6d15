//! The stated variances, what draws come to, and how often intervals hold.

use super::super::band::tests::epsilon;
use super::super::tests::counted;
use super::*;
#[cfg(target_arch = "wasm32")]
use crate::test;

/// Acceptance A6, its part of overlaps: 16 segments, a cap of 3, sizes of 5 % and overlaps by chance.
#[test]
fn overlaps_have_at_most_the_published_variance() {
    for (micro, published) in [(1_000_000, 33.0), (2_000_000, 3.3), (4_000_000, 0.16)] {
        let variance = Overlaps::new(epsilon(micro), 16, 3).unwrap().variance(0.05, 0.05, 0.0025);
        assert!(variance <= published, "{micro}: {variance}");
    }
}

/// The shape found is the least of all, by the variance computed anew from probabilities counted over every answer.
#[test]
fn the_variance_is_the_one_counted_over_every_answer_and_pair_of_cells() {
    let overlaps = Overlaps::new(epsilon(2_000_000), 5, 2).unwrap();
    let select = overlaps.select();
    let cells = select.cells();
    let answers: Vec<u32> =
        (0..1_u32 << cells).filter(|answer| answer.count_ones() == u32::from(select.subset_size())).collect();
    let (c, scale) = {
        let (channel, pairs) = (select.channel(), select.pairs());
        ((pairs.one - pairs.neither) / (channel.p - channel.q), curvature(pairs))
    };
    // Cells 0 and 1 are looked at; devices own none, one or both of them.
    let variance = |own: u32| {
        let weight = |answer: &u32| {
            if (answer & own).count_ones() >= u32::from(select.threshold()) { 2_f64.exp() } else { 1.0 }
        };
        let total: f64 = answers.iter().map(weight).sum();
        let moment = |power: i32| {
            let value = |answer: &u32| {
                let (one, other) = (f64::from(answer & 1), f64::from(answer >> 1 & 1));
                ((one * other - c * (one + other)) / scale).powi(power)
            };
            answers.iter().map(|answer| weight(answer) * value(answer)).sum::<f64>() / total
        };
        moment(2) - moment(1).powi(2)
    };
    let (one, other, both) = (0.3, 0.2, 0.1);
    let expected = both * variance(0b00011)
        + (one + other - 2.0 * both) * variance(0b00101)
        + (1.0 - one - other + both) * variance(0b01100);
    assert!((overlaps.variance(one, other, both) / expected - 1.0).abs() < 1e-9);
}

/// 500 populations of 1,000 devices with three of eight segments each or fewer; 28 overlaps each, of which seven are looked at that share no
/// segment, so that they hardly depend on each other. The mean square over its formula has a standard error of 2.4 % and is outside
/// 0.88 to 1.12 with probability below 1e-6; the share of intervals that hold has one of 0.37 % and is outside 93 to 97 % with
/// probability below 1e-6.
#[test]
fn errors_are_the_stated_ones_and_intervals_hold_as_often_as_they_say() {
    let overlaps = Overlaps::new(epsilon(2_000_000), 8, 3).unwrap();
    let people: Vec<Vec<bool>> = (0..1_000_u32)
        .map(|device| {
            let own = [device % 8, (device / 8) % 8, (device / 16) % 4];
            (0..8).map(|segment| own.contains(&segment)).collect()
        })
        .collect();
    let share = |one: u16, other: u16| {
        people.iter().filter(|own| own[usize::from(one)] && own[usize::from(other)]).count() as f64 / 1_000.0
    };
    let (mut held, mut squares, mut sum, mut count) = (0, 0.0, 0.0, 0);
    for seed in 0..500 {
        let counts =
            counted(overlaps.select(), &people, overlaps.counters(), seed, |answer| overlaps.counted(answer));
        let estimate = overlaps.estimate(&counts, 1_000).unwrap();
        for overlap in estimate.overlaps.iter().filter(|one| (one.one + one.other) % 8 == 7) {
            let truth = share(overlap.one, overlap.other);
            held += i32::from((overlap.both.low..=overlap.both.high).contains(&truth));
            let size =
                |segment: u16| people.iter().filter(|own| own[usize::from(segment)]).count() as f64 / 1_000.0;
            let variance = overlaps.variance(size(overlap.one), size(overlap.other), truth) / 1_000.0;
            let error = (overlap.both.share - truth) / variance.sqrt();
            (squares, sum, count) = (squares + error * error, sum + error, count + 1);
        }
    }
    let all = f64::from(count);
    assert!((0.93..=0.97).contains(&(f64::from(held) / all)), "{held} of {count}");
    assert!((0.88..=1.12).contains(&(squares / all)), "{}", squares / all);
    assert!((sum / all.sqrt()).abs() < 5.0, "{}", sum / all.sqrt());
}

#[test]
fn an_answer_raises_the_counter_of_each_cell_it_holds_and_of_each_pair() {
    let overlaps = Overlaps::new(epsilon(1_000_000), 4, 2).unwrap();
    assert_eq!(overlaps.counters(), 10);
    let mut answer = Subset::empty(6);
    for cell in [0, 2, 3, 5] {
        answer.insert(cell);
    }
    // Singles 0 to 3, then the pairs 01, 02, 03, 12, 13, 23; the cells for "none" are not counted.
    assert_eq!(overlaps.counted(&answer), [0, 2, 3, 5, 6, 9]);
}

#[test]
fn a_question_of_one_segment_or_a_cap_of_one_has_no_overlaps_and_no_reports_say_nothing() {
    for (segments, cap) in [(1, 1), (4, 1), (65, 2), (4, 9), (2, 3)] {
        assert_eq!(Overlaps::new(epsilon(1_000_000), segments, cap), Err(PrivacyError::Shape));
    }
    let overlaps = Overlaps::new(epsilon(1_000_000), 3, 2).unwrap();
    assert_eq!(overlaps.estimate(&[0; 6], 0), None);
    assert_eq!(overlaps.estimate(&[0; 5], 10), None);
}

#[test]
fn the_largest_question_fits_and_every_epsilon_finds_a_shape() {
    for micro in [100_000, 500_000, 1_000_000, 4_000_000, 8_000_000] {
        for (segments, cap) in [(2, 2), (8, 2), (16, 3), (64, 8)] {
            let overlaps = Overlaps::new(epsilon(micro), segments, cap).unwrap();
            assert!(overlaps.variance(0.05, 0.05, 0.0025).is_finite());
            assert!(overlaps.select().channel().p > overlaps.select().channel().q);
        }
    }
}
