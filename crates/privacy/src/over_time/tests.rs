//! The filter against its closed forms, and how steps are found.

use super::*;
#[cfg(target_arch = "wasm32")]
use crate::test;
use crate::{Coins as _, SeededCoins};

fn observed(values: &[f64], standard_error: f64) -> Vec<Observed> {
    (0..).zip(values).map(|(window, value)| Observed { window, value: *value, standard_error }).collect()
}

#[test]
fn a_share_that_does_not_move_is_the_mean_of_what_was_seen_weighed_by_precision() {
    let mut seen = observed(&[0.1, 0.2, 0.15], 0.02);
    seen[1].standard_error = 0.01;
    let track = follow_with(&seen, 0.0);
    let weights = [2_500.0, 10_000.0, 2_500.0];
    let mean = (0.1 * weights[0] + 0.2 * weights[1] + 0.15 * weights[2]) / 15_000.0;
    let last = track.filtered[2];
    assert!((last.value - mean).abs() < 1e-12 && (last.standard_error - 15_000_f64.powf(-0.5)).abs() < 1e-12);
    assert!(track.smoothed.iter().all(|level| (level.value - mean).abs() < 1e-12));
    assert_eq!(track.filtered[0].value, 0.1);
}

/// The smoothed levels are the least of a quadratic: squared distances to what was seen and between neighbours, each over its variance.
#[test]
fn smoothed_levels_leave_no_slope() {
    let seen = observed(&[0.05, 0.07, 0.02, 0.09, 0.11, 0.1], 0.02);
    let step = 2e-4;
    let track = follow_with(&seen, step);
    let level: Vec<f64> = track.smoothed.iter().map(|level| level.value).collect();
    for at in 0..seen.len() {
        let mut slope = (level[at] - seen[at].value) / 4e-4;
        if at > 0 {
            slope += (level[at] - level[at - 1]) / step;
        }
        if at + 1 < level.len() {
            slope -= (level[at + 1] - level[at]) / step;
        }
        assert!(slope.abs() < 1e-9, "{at}: {slope}");
    }
}

#[test]
fn a_window_left_out_counts_as_a_longer_step() {
    let near = follow_with(&observed(&[0.1, 0.2], 0.02), 1e-4);
    let mut apart = observed(&[0.1, 0.2], 0.02);
    apart[1].window = 4;
    let far = follow_with(&apart, 1e-4);
    assert!(far.filtered[1].value > near.filtered[1].value);
    assert_eq!(far, follow_with(&apart, 1e-4));
    let same = follow_with(&observed(&[0.1, 0.2], 0.02), 4e-4);
    assert!((far.filtered[1].value - same.filtered[1].value).abs() < 1e-12);
}

/// A sum of twelve uniform numbers less six: nearly normal, of variance 1.
fn normal(coins: &mut SeededCoins) -> f64 {
    let uniform = |_| f64::from(u32::try_from(coins.below(1 << 32).unwrap()).unwrap()) / f64::from(u32::MAX);
    (0..12).map(uniform).sum::<f64>() - 6.0
}

/// 300 shares over 40 windows: the intervals of the last filtered level hold in 90 to 98 of 100, with the steps' variance found and not known;
/// at 94 % the share has a standard error of 1.4 %, and the seed is fixed.
#[test]
fn filtered_intervals_hold_with_steps_that_were_found() {
    let mut coins = SeededCoins::new(11);
    let mut held = 0;
    for _ in 0..300 {
        let mut share = 0.3;
        let seen: Vec<Observed> = (0..40)
            .map(|window| {
                share += 0.01 * normal(&mut coins);
                Observed { window, value: share + 0.02 * normal(&mut coins), standard_error: 0.02 }
            })
            .collect();
        let track = follow(&seen).unwrap();
        let last = track.filtered[39];
        held += i32::from(last.low <= share && share <= last.high);
    }
    assert!((270..=294).contains(&held), "{held} of 300");
}

#[test]
fn noise_alone_is_no_step_and_a_jump_is_one() {
    let still = follow(&observed(&[0.1, 0.11, 0.09, 0.1, 0.105, 0.095], 0.02)).unwrap();
    assert_eq!(still.step_variance, 0.0);
    let jump = follow(&observed(&[0.1, 0.1, 0.1, 0.5, 0.5, 0.5], 0.02)).unwrap();
    assert!(jump.step_variance > 1e-3);
    assert!((jump.filtered[3].value - 0.5).abs() < 0.02);
}

#[test]
fn windows_out_of_order_and_errors_of_nothing_are_refused() {
    assert_eq!(follow(&[]), None);
    let mut seen = observed(&[0.1, 0.2], 0.02);
    assert!(follow(&seen[..1]).unwrap().filtered[0].value == 0.1);
    seen[1].window = 0;
    assert_eq!(follow(&seen), None);
    assert_eq!(follow(&observed(&[0.1], 0.0)), None);
    assert_eq!(follow(&observed(&[f64::NAN], 0.1)), None);
}
