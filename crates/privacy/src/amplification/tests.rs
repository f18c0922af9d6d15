//! The published figures, shuffled answers counted out, and every condition left away.

use super::*;
use keepset_wire::Epsilon;

fn epsilon(micro: u32) -> Epsilon {
    Epsilon::from_micro(micro).unwrap()
}

fn batch(reports: u64, delta: f64) -> Batch {
    Batch { reports, assumed_fakes: 0, delta, batches: 1, vouched: Condition::VOUCHED.to_vec() }
}

fn response(local: u32) -> TwoLevel {
    TwoLevel::from(&RandomisedResponse::new(epsilon(local * 1_000_000)).unwrap())
}

/// Acceptance A13: the published epsilons of shuffled randomised response at a delta of 1e-8, to 2 % or to the last digit written.
#[test]
fn shuffled_randomised_response_has_the_published_epsilon() {
    let table = [
        (1, 1e4, 0.056, 5e-4),
        (1, 1e5, 0.017, 5e-4),
        (1, 1e6, 0.0050, 5e-5),
        (1, 1e7, 0.0015, 5e-5),
        (2, 1e4, 0.146, 5e-4),
        (2, 1e5, 0.044, 5e-4),
        (2, 1e6, 0.013, 5e-4),
        (3, 1e5, 0.085, 5e-4),
        (4, 1e4, 0.515, 5e-4),
        (4, 1e6, 0.045, 5e-4),
        // 0.01346: the published figure seems to be rounded up.
        (4, 1e7, 0.014, 5.5e-4),
        (5, 1e5, 0.260, 5e-4),
        (6, 1e4, 2.04, 5e-3),
        (6, 1e6, 0.132, 5e-4),
        (8, 1e5, 1.55, 5e-3),
        (8, 1e6, 0.381, 5e-4),
        (8, 1e7, 0.113, 5e-4),
    ];
    for (local, reports, published, digit) in table {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let found = response(local).epsilon(reports as u64, 1e-8);
        let near = f64::max(0.02 * published, digit * 1.01);
        assert!((found - published).abs() <= near, "{local} {reports}: {found} {published}");
    }
}

/// The law of how many of `n` shuffled answers say yes, when `yes` devices are a yes.
fn law(n: u64, yes: u64, p: f64, q: f64) -> Vec<f64> {
    let mut law = vec![1.0];
    for device in 0..n {
        let chance = if device < yes { p } else { q };
        let with = std::iter::once(0.0).chain(law.iter().map(|one| one * chance));
        let without = law.iter().map(|one| one * (1.0 - chance)).chain([0.0]);
        law = with.zip(without).map(|(one, other)| one + other).collect();
    }
    law
}

/// Every batch of up to 40 devices and every number of a yes among the others: what the observer gains is never more than is stated.
#[test]
fn what_is_stated_bounds_shuffled_answers_counted_out() {
    let mechanism = RandomisedResponse::new(epsilon(1_500_000)).unwrap();
    let channel = mechanism.channel();
    for n in [2_u64, 5, 12, 40] {
        for epsilon in [0.05, 0.2, 0.6, 1.2] {
            let stated = divergence(1.5_f64.exp(), channel.q, n, epsilon);
            for others in 0..n {
                let (with, without) =
                    (law(n, others + 1, channel.p, channel.q), law(n, others, channel.p, channel.q));
                let worst = |one: &[f64], other: &[f64]| -> f64 {
                    one.iter().zip(other).map(|(one, other)| (one - epsilon.exp() * other).max(0.0)).sum()
                };
                let gained = worst(&with, &without).max(worst(&without, &with));
                assert!(gained <= stated + 1e-12, "{n} {epsilon} {others}: {gained} {stated}");
            }
        }
    }
}

/// With two devices everything can be written down: both laws over how many answers lie in the two sets, by the definition.
#[test]
fn the_divergence_is_that_of_the_definition_summed_term_by_term() {
    for (ratio, blanket, n) in [(2.0, 0.2, 9_u32), (5.0, 0.05, 30), (std::f64::consts::E, 0.25, 14)] {
        let elsewhere = 1.0 - (ratio + 1.0) * blanket;
        let mut laws = std::collections::BTreeMap::new();
        for c in 0..n {
            for a in 0..=c {
                let chance = binomial_probability(f64::from(n - 1), f64::from(c), 2.0 * blanket)
                    * binomial_probability(f64::from(c), f64::from(a), 0.5);
                let b = c - a;
                for (place, one, other) in [
                    ((a + 1, b), ratio * blanket, blanket),
                    ((a, b + 1), blanket, ratio * blanket),
                    ((a, b), elsewhere, elsewhere),
                ] {
                    let law: &mut (f64, f64) = laws.entry(place).or_default();
                    law.0 += chance * one;
                    law.1 += chance * other;
                }
            }
        }
        for epsilon in [0.0, 0.1, 0.4, 0.65] {
            let wanted: f64 =
                laws.values().map(|(one, other)| (one - f64::exp(epsilon) * other).max(0.0)).sum();
            let found = divergence(ratio, blanket, n.into(), epsilon);
            assert!((found - wanted).abs() < 1e-12, "{ratio} {n} {epsilon}: {found} {wanted}");
        }
    }
}

/// Two inputs' favoured outputs counted out for every overlap of own cells.
#[test]
fn blankets_are_those_counted_over_every_answer() {
    for (segments, cap) in [(5, 1), (5, 2), (4, 3)] {
        let select = SetSelect::new(epsilon(1_000_000), segments, cap).unwrap();
        let answers: Vec<u32> = (0..1_u32 << select.cells())
            .filter(|answer| answer.count_ones() == u32::from(select.subset_size()))
            .collect();
        let hit = |own: u32, answer: u32| (own & answer).count_ones() >= u32::from(select.threshold());
        let first = (1_u32 << cap) - 1;
        let total: f64 =
            answers.iter().map(|answer| if hit(first, *answer) { 1_f64.exp() } else { 1.0 }).sum();
        let mut counted = Vec::new();
        for common in 0..cap {
            let second = first << (cap - common);
            if u32::from(2 * cap - common) <= u32::from(select.cells()) {
                let apart = answers.iter().filter(|one| hit(first, **one) && !hit(second, **one)).count();
                counted.push(apart as f64 / total);
            }
        }
        let found = TwoLevel::from(&select).blankets;
        assert_eq!(found.len(), counted.len());
        assert!(
            found.iter().zip(&counted).all(|(one, other)| (one - other).abs() < 1e-12),
            "{found:?} {counted:?}"
        );
    }
}

#[test]
fn subsets_of_many_cells_are_hidden_better_than_a_yes_or_no_and_waves_have_a_guarantee_too() {
    let one_of_64 = TwoLevel::from(&SetSelect::new(epsilon(2_000_000), 63, 1).unwrap());
    let gain = response(2).epsilon(100_000, 1e-8) / one_of_64.epsilon(100_000, 1e-8);
    assert!((1.0..1.5).contains(&gain), "{gain}");
    let wave = TwoLevel::from(&SquareWave::new(epsilon(2_000_000), 32).unwrap());
    let amplified = wave.shuffled(&batch(100_000, 1e-8)).unwrap();
    assert!(amplified.epsilon < 0.2 && amplified.local == 2.0, "{amplified:?}");
}

#[test]
fn tails_carried_along_a_hundred_thousand_steps_are_those_summed_anew() {
    let place = |t: f64| (0.501 * t + 900.0).ceil();
    let mut tail = Tail::new(1e6, place(1e6));
    for step in 1..=100_000_u32 {
        let t = 1e6 + f64::from(step);
        tail.move_to(t, place(t));
        if step % 10_000 == 0 {
            let anew = Tail::new(t, place(t));
            assert!((tail.above / anew.above - 1.0).abs() < 1e-6, "{step}: {} {}", tail.above, anew.above);
            assert!((tail.at / anew.at - 1.0).abs() < 1e-6, "{step}: {} {}", tail.at, anew.at);
        }
    }
    assert!(tail.above < 1e-3 && tail.above > 1e-12, "{}", tail.above);
}

#[test]
fn nothing_is_stated_unless_every_condition_holds() {
    let response = response(2);
    assert!(response.shuffled(&batch(10_000, 1e-8)).is_ok());
    for missing in Condition::VOUCHED {
        let vouched = Condition::VOUCHED.into_iter().filter(|one| *one != missing).collect();
        let withheld = response.shuffled(&Batch { vouched, ..batch(10_000, 1e-8) }).unwrap_err();
        assert_eq!(withheld.unmet, [missing]);
        assert!(withheld.to_string().contains(&missing.to_string()), "{withheld}");
    }
    for delta in [0.0, -1.0, f64::NAN, 1.01e-6] {
        let withheld = response.shuffled(&batch(10_000, delta)).unwrap_err();
        assert_eq!(withheld.unmet, [Condition::SmallDelta], "{delta}");
    }
    let all_fakes = Batch { assumed_fakes: 9_999, ..batch(10_000, 1e-8) };
    assert_eq!(response.shuffled(&all_fakes).unwrap_err().unmet, [Condition::HonestReports]);
}

#[test]
fn fakes_hide_nobody_and_batches_add_up() {
    let response = response(1);
    let half = response.shuffled(&Batch { assumed_fakes: 5_000, ..batch(10_000, 1e-8) }).unwrap();
    assert_eq!(half.epsilon, response.epsilon(5_000, 1e-8));
    let thrice = response.shuffled(&Batch { batches: 3, ..batch(5_000, 1e-8) }).unwrap();
    assert_eq!((thrice.epsilon, thrice.delta), (3.0 * half.epsilon, 3.0 * 1e-8));
}
