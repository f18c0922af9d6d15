//! Shapes of answers that are one cell each: what is counted of them says all there is to say.

use super::{Deviation, Laws, ShapeTest, above};
use crate::Answering;
use crate::answering::Mechanism;
use crate::mechanism::{Channel, SetSelect};
use crate::numbers::float;

/// What is to be expected of the cells' counts.
#[derive(Clone, Debug)]
pub struct Single {
    laws: Laws,
    /// The greatest probability of a cell for any device.
    likeliest: f64,
}

impl Single {
    /// Describes a mechanism; nothing where an answer is a set.
    #[must_use]
    pub fn new(task: &Answering) -> Option<Self> {
        match task.mechanism() {
            Mechanism::Wave(wave) => Some(Self::band(wave.outputs(), wave.width(), wave.probabilities())),
            Mechanism::Mean(mean) => Some(Self::band(mean.outputs(), mean.width(), mean.probabilities())),
            _ => task.select().filter(|select| select.subset_size() == 1).map(Self::select),
        }
    }

    /// A device with `m` own cells gives each of them with `p` and every other with `q`. That is the mean of `m` laws, each with one cell at `q + m (p - q)`: what
    /// is a mixture of devices is one of those, too.
    fn select(select: &SetSelect) -> Self {
        let (Channel { p, q }, cells) = (select.channel(), usize::from(select.cells()));
        let high = q + f64::from(select.cap()) * (p - q);
        let law = |own: usize| (0..cells).map(|cell| if cell == own { high } else { q }).collect();
        Self { laws: Laws((0..cells).map(law).collect()), likeliest: p }
    }

    /// A device favours the cells of one band.
    fn band(outputs: u16, width: u16, (inside, outside): (f64, f64)) -> Self {
        let law = |from: u16| {
            let favoured = from..from + width;
            (0..outputs).map(|cell| if favoured.contains(&cell) { inside } else { outside }).collect()
        };
        Self { laws: Laws((0..=outputs - width).map(law).collect()), likeliest: inside }
    }

    /// Puts the counts of [`Answering::counted`] to the tests; one that is missing is 0. Nothing without a report.
    #[must_use]
    pub fn test(&self, counts: &[u64], reports: u64) -> Option<ShapeTest> {
        let mut counts = counts.to_vec();
        counts.resize(self.laws.0.first()?.len(), 0);
        if reports == 0 || counts.iter().sum::<u64>() != reports {
            return None;
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        let repeated = float(counts.len() as u64) * above(most, reports, self.likeliest);
        let all = [(self.laws.test(&counts), Deviation::Spread), (repeated, Deviation::Repetition)];
        let (least, found) = all.into_iter().min_by(|(one, _), (other, _)| one.total_cmp(other))?;
        Some(ShapeTest { reports, p_value: (2.0 * least).min(1.0), found })
    }
}

// No device tests: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use keepset_wire::{Plan, Question};
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::answering::Truth;
    use crate::coins::SeededCoins;

    /// A question, how it is answered, and what a device says to it, by its number.
    type Asked = (Answering, Question, fn(u32) -> Truth);

    /// Questions whose answers are one cell: at epsilon 4 a set of sizes, and pairs of group and outcome, are, as the others ever are.
    fn tasks() -> Vec<Asked> {
        let plan = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 4, "questions": [
            {"id": "sizes", "reason": "r", "segments": ["a", "b", "c", "d", "e", "f", "g", "h"], "cap": 1},
            {"id": "bins", "reason": "r", "ask": "histogram", "feature": "f", "low": 0, "high": 8, "bins": 8},
            {"id": "mean", "reason": "r", "ask": "mean", "feature": "f", "low": -1, "high": 1},
            {"id": "rates", "reason": "r", "ask": "conversion", "segments": ["a", "b", "c"], "outcome": "o"}]}"#;
        let plan = Plan::parse(plan).unwrap();
        let answerings = Answering::of_plan(&plan).unwrap();
        let truths: [fn(u32) -> Truth; 4] = [
            |device| Truth::Cells(if device % 3 == 0 { vec![0] } else { Vec::new() }),
            |device| Truth::Cells(vec![if device % 2 == 0 { 2 } else { 3 }]),
            |device| Truth::Number(if device % 4 == 0 { 1_000_000 } else { -700_000 }),
            |device| Truth::Cells(vec![if device % 5 == 0 { 0 } else { 6 }]),
        ];
        answerings
            .into_iter()
            .zip(plan.questions)
            .zip(truths)
            .map(|((task, asked), truth)| (task, asked, truth))
            .collect()
    }

    /// What is counted of so many devices.
    fn counted(task: &Answering, truth: fn(u32) -> Truth, devices: u32, seed: u64) -> Vec<u64> {
        let randomiser = task.clone().randomiser(SeededCoins::new(seed)).unwrap();
        let mut counts = vec![0; task.counters()];
        for device in 0..devices {
            let answer = randomiser.draw(&truth(device)).unwrap();
            task.counted(&answer).into_iter().for_each(|counter| counts[counter] += 1);
        }
        counts
    }

    #[test]
    fn the_laws_sum_to_one_and_differ_by_what_epsilon_allows() {
        for (task, asked, _) in tasks() {
            assert_eq!(task.held(), 1, "{}", asked.id);
            for law in &Single::new(&task).unwrap().laws.0 {
                assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{}: {law:?}", asked.id);
            }
        }
    }

    /// 400 windows of 2,000 honest reports to each of four questions: with a size of at most 5 %, more than 110 of 1,600 are found once in 10,000 runs.
    /// The devices lie at the rim of what may be, where most is found.
    #[test]
    fn of_windows_of_honest_answers_no_more_are_found_than_the_size_of_the_test_says() {
        let mut found = 0;
        for (task, _, truth) in tasks() {
            let single = Single::new(&task).unwrap();
            for seed in 0..400 {
                let test = single.test(&counted(&task, truth, 2_000, seed), 2_000).unwrap();
                found += u32::from(test.p_value < 0.05);
            }
        }
        assert!(found <= 110, "{found} of 1,600");
    }

    /// 20,000 reports; what is found here is found with a probability far below the size, so chance plays no part in it.
    #[test]
    fn cells_that_come_more_or_less_often_than_any_devices_give_them_are_found() {
        let mut random = StdRng::seed_from_u64(3);
        for (task, asked, truth) in tasks() {
            let single = Single::new(&task).unwrap();
            let honest = counted(&task, truth, 12_000, 9);
            assert!(!single.test(&honest, 12_000).unwrap().is_found(), "{}", asked.id);
            // Two in five are made up: all name one cell that is nobody's, or any of every other cell.
            let cells = honest.len();
            let mut named = honest.clone();
            named[cells - 1] += 8_000;
            let mut avoided = honest.clone();
            (0..8_000).for_each(|_| avoided[2 * random.random_range(0..cells.div_ceil(2))] += 1);
            for (what, counts) in [("named", named), ("avoided", avoided)] {
                let test = single.test(&counts, 20_000).unwrap();
                assert!(test.is_found(), "{} {what}: {test:?}", asked.id);
            }
        }
    }

    #[test]
    fn nothing_is_said_of_sets_of_no_report_and_of_counts_that_are_not_of_one_cell_each() {
        let (task, ..) = tasks().swap_remove(0);
        let single = Single::new(&task).unwrap();
        assert_eq!(single.test(&[], 0), None);
        assert_eq!(single.test(&[5, 5], 9), None);
        let plan = r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2026-01-01", "expires": "2027-01-01", "epsilon": 1, "questions": [
            {"id": "sizes", "reason": "r", "segments": ["a", "b", "c", "d", "e", "f", "g", "h"], "cap": 1}]}"#;
        let sets = Answering::of_plan(&Plan::parse(plan).unwrap()).unwrap();
        assert!(sets[0].held() > 1, "{}", sets[0].held());
        assert!(Single::new(&sets[0]).is_none());
    }
}
