//! Counts of many different keys: exact up to 64, then estimates whose error is what the documentation says.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::pair::{at, install, raw};
use crate::reference::time::HOUR;
use crate::stories::{Dice, START};

/// What 256 registers give: 1.04 / sqrt(256).
const STANDARD_ERROR: f64 = 0.065;
const DEVICES: u32 = if cfg!(target_arch = "wasm32") { 40 } else { 400 };

fn pack() -> Value {
    json!({
        "id": "estimates", "version": 1, "title": "t", "owner": "o", "reason": "r", "expires": "2040-01-01",
        "events": { "view": { "properties": { "sku": { "type": "id" } } } },
        "features": { "seen": { "kind": "distinct", "event": "view", "by": "sku", "window_hours": 64 } },
        "segments": []
    })
}

/// What a device says that sees so many different things now and so many others 40 hours later: then, and when the
/// first have left the window.
fn seen(device: u32, first: u32, then: u32) -> [f64; 3] {
    let mut engine = install(&pack(), START, &mut Vec::new());
    let mut dice = Dice::new(u64::from(device) << 32);
    let mut look = |count: u32, hours: i64, dice: &mut Dice| {
        let now = at(START + hours * HOUR);
        for _ in 0..count {
            let view = json!({ "name": "view", "properties": { "sku": format!("{:016x}", dice.roll()) } });
            for _ in 0..=dice.below(2) {
                engine.track(&raw(&view), now).unwrap();
            }
        }
        engine.features(now).next().unwrap().1.unwrap()
    };
    [look(first, 0, &mut dice), look(then, 40, &mut dice), look(0, 70, &mut dice)]
}

/// The mean and the standard deviation of the relative errors.
fn errors(estimates: &[f64], truth: u32) -> (f64, f64) {
    let errors: Vec<f64> = estimates.iter().map(|estimate| estimate / f64::from(truth) - 1.0).collect();
    let size = f64::from(u32::try_from(errors.len()).unwrap());
    let mean = errors.iter().sum::<f64>() / size;
    let variance = errors.iter().map(|error| (error - mean) * (error - mean)).sum::<f64>() / size;
    (mean, variance.sqrt())
}

#[test]
fn up_to_64_keys_are_counted_exactly_and_again_when_the_window_was_empty() {
    assert_eq!(seen(1, 64, 0), [64.0, 64.0, 0.0]);
    assert_eq!(seen(2, 30, 34), [30.0, 64.0, 34.0]);
    let mut engine = install(&pack(), START, &mut Vec::new());
    for (hours, count) in [(0, 65), (100, 64)] {
        let now = at(START + hours * HOUR);
        assert_eq!(engine.features(now).next().unwrap().1, Some(0.0), "nothing is in the window any more");
        for sku in 0..count {
            let view = json!({ "name": "view", "properties": { "sku": format!("{hours} {sku}") } });
            engine.track(&raw(&view), now).unwrap();
        }
        let seen = engine.features(now).next().unwrap().1.unwrap();
        assert!(hours == 0 || (seen - 64.0).abs() < f64::EPSILON, "{seen} after {hours} hours");
    }
}

/// Over 400 devices the mean of the errors has a standard error of 0.33 %: one in 10,000 tests would go beyond 1.3 %
/// by chance, and we let it go to 2 % for the bias of small counts. The standard deviation has one of 3.5 % of itself;
/// 15 % more than it should be is more than four of them.
#[test]
fn beyond_64_keys_the_error_is_what_the_documentation_says() {
    for (first, then) in [(65, 0), (100, 100), (500, 300), (2_000, 1_000)] {
        let devices: Vec<[f64; 3]> = (0..DEVICES).map(|device| seen(device, first, then)).collect();
        for (moment, truth) in
            [first, first + then, then].into_iter().enumerate().filter(|(_, truth)| *truth > 0)
        {
            let estimates: Vec<f64> = devices.iter().map(|device| device[moment]).collect();
            let (mean, deviation) = errors(&estimates, truth);
            let few = if cfg!(target_arch = "wasm32") { 3.0 } else { 1.0 };
            assert!(mean.abs() <= 0.02 * few, "{truth} keys: the mean error is {mean}");
            assert!(
                deviation <= STANDARD_ERROR * 1.15 * few,
                "{truth} keys: the standard error is {deviation}"
            );
        }
    }
}
