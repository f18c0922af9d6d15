//! The guess: how well can someone who sees one report tell two devices apart?
//!
//! A secret coin chooses one of two inputs; the guesser sees the answer and names the input, or abstains. Which answers are
//! guessed on is learned from a quarter of the draws; the bound is taken on the rest.

use keepset_privacy::{Coins as _, SeededCoins, SystemCoins};

use super::{ALPHA, Audit, Size, grouped};
use crate::audit::draws::{Demand, joined};
use crate::audit::finding::{Finding, Section};
use crate::audit::statistics::{epsilon_bound, float};
use crate::audit::subject::Subject;

/// Two inputs of a subject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duel {
    subject: usize,
    inputs: [usize; 2],
    /// Trials, of which a quarter is learned from.
    trials: u64,
    /// Whether the guesses are enough for the bound to come near epsilon.
    tight: bool,
}

/// Makes the duels: the first of every question gets enough guesses for a bound that comes near epsilon.
pub(super) fn duels(subjects: &[Subject], size: Size) -> Vec<Duel> {
    let mut duels = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        for (place, inputs) in subject.duels.iter().enumerate() {
            let tight = place == 0;
            let guesses = if tight { size.guesses } else { size.guesses / 5 };
            // Of every four trials three are guessed on, where the answer says enough.
            let trials = float(guesses) / 0.75 / telling(subject, *inputs);
            // Far below 2^53, and positive.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            duels.push(Duel { subject: index, inputs: *inputs, trials: trials.ceil() as u64, tight });
        }
    }
    duels
}

/// How often an answer says more for one input than half of epsilon.
fn telling(subject: &Subject, inputs: [usize; 2]) -> f64 {
    let [one, other] = inputs.map(|input| subject.law.probabilities(input));
    let enough = subject.epsilon.value() / 2.0;
    let says = |(one, other): &(&f64, &f64)| (*one / *other).ln().abs() > enough;
    one.iter().zip(&other).filter(says).map(|(one, other)| (one + other) / 2.0).sum()
}

/// Throws the secret coins: so many trials of each input, to learn from and to guess on.
pub(super) fn demands(duels: &[Duel], seed: Option<u64>) -> anyhow::Result<Vec<Demand>> {
    let mut demands = Vec::new();
    for (index, duel) in duels.iter().enumerate() {
        let learned = duel.trials / 4;
        for (purpose, trials) in [(learning(index), learned), (guessing(index), duel.trials - learned)] {
            let heads = heads(trials, seed.map(|seed| seed ^ purpose as u64))?;
            for (input, count) in duel.inputs.into_iter().zip([heads, trials - heads]) {
                demands.push(Demand { subject: duel.subject, input, purpose, count });
            }
        }
    }
    Ok(demands)
}

/// How many of so many fair coins show heads: the trials are alike, so their order need not be kept.
fn heads(coins: u64, seed: Option<u64>) -> anyhow::Result<u64> {
    let mut bytes = vec![0; usize::try_from(coins.div_ceil(8))?];
    match seed {
        Some(seed) => SeededCoins::new(seed).fill(&mut bytes)?,
        None => SystemCoins::open()?.fill(&mut bytes)?,
    }
    if let Some(last) = bytes.last_mut().filter(|_| !coins.is_multiple_of(8)) {
        *last &= (1 << (coins % 8)) - 1;
    }
    Ok(bytes.iter().map(|byte| u64::from(byte.count_ones())).sum())
}

fn learning(duel: usize) -> usize {
    1 + 2 * duel
}

fn guessing(duel: usize) -> usize {
    2 + 2 * duel
}

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let alpha = ALPHA / float(audit.duels.len() as u64);
    let mut findings = Vec::new();
    for (index, duel) in audit.duels.iter().enumerate() {
        let subject = &audit.subjects[duel.subject];
        let counts = |purpose: usize| -> anyhow::Result<[Vec<u64>; 2]> {
            let of = |input: usize| {
                let meant = |demand: &Demand| demand.purpose == purpose && demand.input == input;
                joined(&audit.demands, &audit.tallies, meant).map(|tally| tally.counts)
            };
            Ok([of(duel.inputs[0])?, of(duel.inputs[1])?])
        };
        let rule = learn(&counts(learning(index))?);
        let (right, guesses) = score(&rule, &counts(guessing(index))?);
        let bound = epsilon_bound(right, guesses, alpha);
        let epsilon = subject.epsilon.value();
        let floor = match (duel.tight, (1.0..=4.0).contains(&epsilon)) {
            (false, _) => 0.0,
            (true, true) => audit.size.floors.0,
            (true, false) => audit.size.floors.1,
        };
        let claimed = if duel.tight {
            format!("{} to {epsilon}", floor * epsilon)
        } else {
            format!("at most {epsilon}")
        };
        findings.push(Finding {
            about: format!(
                "{}, inputs {} and {}",
                subject.title(),
                subject.labels[duel.inputs[0]],
                subject.labels[duel.inputs[1]]
            ),
            claimed,
            measured: format!("{bound:.4}: {} of {} guesses right", grouped(right), grouped(guesses)),
            holds: floor * epsilon <= bound && bound <= epsilon,
        });
    }
    let method = format!(
        "The least epsilon that the guesses allow, by guess or abstain: the lower bound of Clopper and Pearson on right guesses, at level {alpha:.1e} each, so that a sound module \
         exceeds any of them with probability 1e-4 at most. Inputs of sizes and overlaps are named by the segments the device is in."
    );
    Ok(Section { code: "guess", title: "No guesser beats epsilon", method, findings })
}

/// The guess on each answer: the first input, the second, or none.
type Rule = Vec<Option<usize>>;

/// So many standard errors are taken off what an answer seems to say: a lucky rare answer is not to be learned.
const DOUBT: f64 = 3.0;

/// Learns on which answers to guess: those that surely say at least half as much as the one that says most.
fn learn([first, second]: &[Vec<u64>; 2]) -> Rule {
    let says: Vec<(f64, usize)> = first
        .iter()
        .zip(second)
        .map(|(first, second)| {
            let (first, second) = (float(*first) + 1.0, float(*second) + 1.0);
            let error = (1.0 / first + 1.0 / second).sqrt();
            ((first / second).ln().abs() - DOUBT * error, usize::from(first < second))
        })
        .collect();
    let most = says.iter().map(|(surely, _)| *surely).fold(0.0, f64::max);
    says.into_iter().map(|(surely, input)| (surely > 0.0 && surely >= most / 2.0).then_some(input)).collect()
}

/// How many guesses are right, and how many there are.
fn score(rule: &Rule, counts: &[Vec<u64>; 2]) -> (u64, u64) {
    let (mut right, mut guesses) = (0, 0);
    for (answer, guess) in rule.iter().enumerate() {
        let Some(guess) = guess else { continue };
        right += counts[*guess][answer];
        guesses += counts[0][answer] + counts[1][answer];
    }
    (right, guesses)
}

#[cfg(test)]
mod tests {
    use super::super::{Size, subjects};
    use super::telling;

    /// What a duel costs is its guesses over this share: near nothing, it would never end.
    #[test]
    fn every_duel_is_fought_on_a_third_of_the_answers_at_least() {
        for subject in subjects(Size::FULL.prices).unwrap() {
            for inputs in &subject.duels {
                let share = telling(&subject, *inputs);
                assert!(share > 1.0 / 3.0, "{}, {inputs:?}: {share}", subject.title());
            }
        }
    }
}
