//! Populations and what their devices answer.

use bitvec::prelude::{BitVec, Lsb0};
use keepset_privacy::{Coins, SeededCoins, SetSelect, SquareWave};
use keepset_wire::{Epsilon, Subset};

use crate::Failed;

pub(crate) fn epsilon(value: f64) -> Result<Epsilon, Failed> {
    // 0.1 to 8 with one decimal: whole and in range.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let micro = (value * 1e6).round() as u32;
    Epsilon::from_micro(micro).ok_or_else(|| "no epsilon a plan may charge".into())
}

/// Devices with the same number of memberships, spread evenly over the segments.
pub(crate) fn even_members(segments: u16, each: u16, devices: u16) -> Vec<BitVec<u8, Lsb0>> {
    let member = |device: u16, segment: u16| {
        (0..each).any(|one| (device.wrapping_mul(each) + one) % segments == segment)
    };
    (0..devices).map(|device| (0..segments).map(|segment| member(device, segment)).collect()).collect()
}

/// Devices in one segment each or in none, the segments of every size from small to large.
pub(crate) fn graded_members(segments: u16, devices: u16) -> Vec<BitVec<u8, Lsb0>> {
    // Segment `s` has `s + 1` parts of all, and as many parts as there are segments are in none.
    let parts: Vec<u16> =
        (0..=segments).flat_map(|s| std::iter::repeat_n(s, usize::from(s.min(segments - 1)) + 1)).collect();
    let own = |device: u16| parts[usize::from(device) % parts.len()];
    (0..devices).map(|device| (0..segments).map(|segment| segment == own(device)).collect()).collect()
}

/// By which counters an answer is counted, and how many there are.
pub(crate) struct Tallied<'a> {
    pub(crate) counters: usize,
    pub(crate) by: &'a dyn Fn(&Subset) -> Vec<usize>,
}

/// Draws an answer of every device and counts them.
pub(crate) fn counted(
    mechanism: &SetSelect,
    people: &[BitVec<u8, Lsb0>],
    seed: u64,
    tallied: &Tallied<'_>,
) -> Result<Vec<u64>, Failed> {
    let measurement = mechanism.clone().measurement(SeededCoins::new(seed))?;
    let mut counts = vec![0; tallied.counters];
    for person in people {
        let answer = measurement.invoke(person).map_err(|error| format!("{error:?}"))?;
        for counter in (tallied.by)(&answer) {
            if let Some(count) = counts.get_mut(counter) {
                *count += 1;
            }
        }
    }
    Ok(counts)
}

/// The cells an answer holds.
pub(crate) fn cells(answer: &Subset) -> Vec<usize> {
    answer.iter().map(usize::from).collect()
}

/// How many of the answers include each segment's cell; the cells for "none" are not counted.
pub(crate) fn support(
    mechanism: &SetSelect,
    people: &[BitVec<u8, Lsb0>],
    seed: u64,
) -> Result<Vec<u64>, Failed> {
    counted(mechanism, people, seed, &Tallied { counters: mechanism.segments().into(), by: &cells })
}

/// What the devices of every bucket answer, counted by output.
pub(crate) fn waves(wave: &SquareWave, people: &[u32], seed: u64) -> Result<Vec<u64>, Failed> {
    let measurement = wave.clone().measurement(SeededCoins::new(seed))?;
    let mut counts = vec![0; wave.outputs().into()];
    for (bucket, people) in (0..).zip(people) {
        for _ in 0..*people {
            let output = measurement.invoke(&bucket).map_err(|error| format!("{error:?}"))?;
            counts[usize::from(output)] += 1;
        }
    }
    Ok(counts)
}

/// A population of about `people`, bucket by bucket, of the shape of a density over 0 to 1.
pub(crate) fn population(buckets: u16, people: f64, density: impl Fn(f64) -> f64) -> Vec<u32> {
    let middle = |bucket: u16| (f64::from(bucket) + 0.5) / f64::from(buckets);
    let all: f64 = (0..buckets).map(|bucket| density(middle(bucket))).sum();
    // Small and not negative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |number: f64| number.round() as u32;
    (0..buckets).map(|bucket| whole(density(middle(bucket)) / all * people)).collect()
}

/// A whole number below `upper`.
pub(crate) fn below(coins: &mut SeededCoins, upper: usize) -> Result<usize, Failed> {
    Ok(usize::try_from(coins.below(upper as u128)?)?)
}

// Counts stay far below 2^53.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
