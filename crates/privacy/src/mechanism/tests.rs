//! What tests of several mechanisms share.

use keepset_wire::Subset;

use super::SetSelect;
use crate::coins::SeededCoins;

/// Draws an answer for every device and raises the counters it is counted by.
pub(crate) fn counted(
    select: &SetSelect,
    people: &[Vec<bool>],
    counters: usize,
    seed: u64,
    by: impl Fn(&Subset) -> Vec<usize>,
) -> Vec<u64> {
    let measurement = select.clone().measurement(SeededCoins::new(seed)).unwrap();
    let mut counts = vec![0; counters];
    for person in people {
        let answer = measurement.invoke(&person.iter().collect()).unwrap();
        by(&answer).into_iter().for_each(|counter| counts[counter] += 1);
    }
    counts
}

/// The cells an answer holds.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn cells(answer: &Subset) -> Vec<usize> {
    answer.iter().map(usize::from).collect()
}
