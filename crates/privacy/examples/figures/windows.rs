//! From window to window: drift, and a share followed over time.

use keepset_privacy::drift::Counted;
use keepset_privacy::over_time::Window;
use keepset_privacy::{OneOf, RandomisedResponse, SeededCoins, SquareWave};

use crate::draw::{Tallied, below, cells, counted, epsilon, float, waves};
use crate::{Failed, Row};

const PARTS: [usize; 8] = [30, 20, 15, 10, 10, 8, 5, 2];

/// Draws devices from the cells in the proportions of [`PARTS`] and counts them.
fn drawn(devices: u32, coins: &mut SeededCoins) -> Result<Vec<u32>, Failed> {
    let mut people = vec![0; PARTS.len()];
    for _ in 0..devices {
        let mut at = below(coins, PARTS.iter().sum())?;
        let mut cell = 0;
        while at >= PARTS[cell] {
            at -= PARTS[cell];
            cell += 1;
        }
        people[cell] += 1;
    }
    Ok(people)
}

/// Acceptance A11.
pub(crate) fn drift() -> Result<Vec<Row>, Failed> {
    const ROUNDS: u64 = 5_000;
    let row = |name, what: String, alarms: u64| {
        let share = 100.0 * float(alarms) / float(ROUNDS);
        Row {
            name,
            what: format!("{what}, {ROUNDS} pairs of windows with no change"),
            asked: "4 to 6 % of alarms at a level of 5 %".into(),
            measured: format!("{share:.1} %"),
            kept: (4.0..=6.0).contains(&share),
        }
    };
    let mut rows = Vec::new();
    for value in [1.0, 2.0, 4.0] {
        let mechanism = OneOf::new(epsilon(value)?, 8)?;
        let mut coins = SeededCoins::new(21);
        let mut window = |devices: u32, seed: u64| -> Result<Vec<u64>, Failed> {
            let people: Vec<_> = (0..)
                .zip(drawn(devices, &mut coins)?)
                .flat_map(|(cell, size)| std::iter::repeat_n(cell, size as usize))
                .map(|cell| mechanism.memberships(cell).into_iter().collect())
                .collect();
            counted(mechanism.select(), &people, seed, &Tallied { counters: 8, by: &cells })
        };
        let mut alarms = 0;
        for round in 0..ROUNDS {
            let (before, after) = (window(500, 2 * round)?, window(800, 2 * round + 1)?);
            let (before, after) =
                (Counted { counts: &before, reports: 500 }, Counted { counts: &after, reports: 800 });
            alarms += u64::from(mechanism.drift(before, after).ok_or("no reports")?.p_value < 0.05);
        }
        rows.push(row("one of 8", format!("epsilon {value}, 500 and 800 reports"), alarms));
    }
    for value in [1.0, 2.0] {
        let wave = SquareWave::new(epsilon(value)?, 8)?;
        let mut coins = SeededCoins::new(22);
        let mut alarms = 0;
        for round in 0..ROUNDS {
            let before = waves(&wave, &drawn(1_000, &mut coins)?, 2 * round)?;
            let after = waves(&wave, &drawn(1_500, &mut coins)?, 2 * round + 1)?;
            alarms += u64::from(wave.drift(&before, &after).ok_or("no reports")?.p_value < 0.05);
        }
        rows.push(row("square wave", format!("8 buckets, epsilon {value}, 1,000 and 1,500 reports"), alarms));
    }
    Ok(rows)
}

const DEVICES: usize = 20_000;
const WINDOWS: u32 = 12;

/// Acceptance A12: a yearly budget spent on one report of every device, filtered, beside answers kept and noised again.
pub(crate) fn over_time() -> Result<Vec<Row>, Failed> {
    let mut rows = Vec::new();
    for (value, samples) in [(2.0, 60), (4.0, 300), (8.0, 60)] {
        let once = RandomisedResponse::new(epsilon(value)?)?;
        let half = RandomisedResponse::new(epsilon(value / 2.0)?)?;
        let mut coins = SeededCoins::new(31);
        let mut errors = [0.0; 4];
        for sample in 0..samples {
            let lives = lives(&mut coins)?;
            let answered = divided(&once, &lives, u64::from(sample), &mut coins)?;
            let kept = kept_and_noised(&half, &lives, u64::from(sample))?;
            let all = once.channel().follow(&answered).ok_or("no reports")?;
            for window in 0..WINDOWS as usize {
                let truth = share(&lives, window);
                let raw = once.channel().estimate(answered[window].support, answered[window].reports);
                // What could be published when the window closed: no later window is looked at.
                let known = once.channel().follow(&answered[..=window]).ok_or("no reports")?;
                let filtered = known.filtered[window].value;
                let figures =
                    [raw.ok_or("no reports")?.share, filtered, all.smoothed[window].value, kept[window]];
                for (error, figure) in errors.iter_mut().zip(figures) {
                    *error += (figure - truth).powi(2);
                }
            }
        }
        let [raw, filtered, smoothed, kept] =
            errors.map(|error| (error / f64::from(samples * WINDOWS)).sqrt());
        let asked = if value == 4.0 { "filtered at most 0.65, smoothed 0.3 of it" } else { "beside it" };
        rows.push(Row {
            name: "local level filter",
            what: format!(
                "{value} in all, 12 windows, {DEVICES} devices, 5 % members of whom 5 % change, {samples} samples"
            ),
            asked: format!("answers kept and noised again are off by {:.2} points; {asked}", 100.0 * kept),
            measured: format!(
                "raw {:.2}, filtered {:.2} ({:.2} of it), smoothed {:.2} ({:.2})",
                100.0 * raw,
                100.0 * filtered,
                filtered / kept,
                100.0 * smoothed,
                smoothed / kept
            ),
            kept: value != 4.0 || (filtered <= 0.65 * kept && smoothed <= 0.3 * kept),
        });
    }
    Ok(rows)
}

/// Who is a member in each window: of the members one in twenty leaves, and as many others are likely to come.
fn lives(coins: &mut SeededCoins) -> Result<Vec<Vec<bool>>, Failed> {
    let mut windows: Vec<Vec<bool>> = vec![(0..DEVICES).map(|device| device % 20 == 0).collect()];
    for _ in 1..WINDOWS {
        let mut next = windows.last().cloned().unwrap_or_default();
        for member in &mut next {
            // A twentieth of a twentieth comes for every nineteen twentieths that are out.
            let change = if *member { below(coins, 20)? == 0 } else { below(coins, 380)? == 0 };
            *member ^= change;
        }
        windows.push(next);
    }
    Ok(windows)
}

fn share(lives: &[Vec<bool>], window: usize) -> f64 {
    float(lives[window].iter().filter(|member| **member).count() as u64) / float(DEVICES as u64)
}

/// Every device answers in one window of its own drawing, for the whole budget.
fn divided(
    mechanism: &RandomisedResponse,
    lives: &[Vec<bool>],
    seed: u64,
    coins: &mut SeededCoins,
) -> Result<Vec<Window>, Failed> {
    let measurement = mechanism.clone().measurement(SeededCoins::new(seed))?;
    let mut windows: Vec<Window> =
        (0..WINDOWS).map(|window| Window { window, support: 0, reports: 0 }).collect();
    let slots = (0..DEVICES).map(|_| below(coins, WINDOWS as usize)).collect::<Result<Vec<_>, _>>()?;
    for (device, slot) in slots.into_iter().enumerate() {
        let yes = measurement.invoke(&lives[slot][device]).map_err(|error| format!("{error:?}"))?;
        windows[slot].reports += 1;
        windows[slot].support += u64::from(yes);
    }
    Ok(windows)
}

/// Every device keeps one noised answer for yes and one for no, at half the budget each, and noises what it keeps again in every window.
fn kept_and_noised(
    mechanism: &RandomisedResponse,
    lives: &[Vec<bool>],
    seed: u64,
) -> Result<Vec<f64>, Failed> {
    let measurement = mechanism.clone().measurement(SeededCoins::new(seed + 1_000))?;
    let draw = |answer: &bool| measurement.invoke(answer).map_err(|error| format!("{error:?}"));
    let kept = (0..DEVICES).map(|_| Ok([draw(&false)?, draw(&true)?])).collect::<Result<Vec<_>, Failed>>()?;
    let channel = mechanism.channel();
    // Twice through the same channel.
    let (p, q) = (
        channel.p * channel.p + (1.0 - channel.p) * channel.q,
        channel.q * channel.p + (1.0 - channel.q) * channel.q,
    );
    lives
        .iter()
        .map(|members| {
            let mut yes = 0;
            for (kept, member) in kept.iter().zip(members) {
                yes += u64::from(draw(&kept[usize::from(*member)])?);
            }
            Ok((float(yes) / float(DEVICES as u64) - q) / (p - q))
        })
        .collect()
}
