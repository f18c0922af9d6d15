use bitvec::prelude::{BitVec, Lsb0};
use keepset_wire::Epsilon;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::coins::SeededCoins;
use crate::mechanism::SetSelectMeasurement;

fn select(tenths: u32, segments: u16, cap: u8) -> SetSelect {
    SetSelect::new(Epsilon::from_micro(tenths * 100_000).unwrap(), segments, cap).unwrap()
}

/// Every set of so many cells.
fn every_set(select: &SetSelect, size: u16) -> Vec<Subset> {
    (0_u32..1 << select.cells())
        .filter(|bits| bits.count_ones() == u32::from(size))
        .map(|bits| set(select, (0..select.cells()).filter(|cell| bits >> cell & 1 == 1)))
        .collect()
}

fn set(select: &SetSelect, cells: impl Iterator<Item = u16>) -> Subset {
    let mut set = Subset::empty(select.cells());
    cells.for_each(|cell| set.insert(cell));
    set
}

/// Devices in a segment each as often as `shares` says, at random, and their answers.
struct Crowd {
    select: SetSelect,
    measurement: SetSelectMeasurement,
    random: StdRng,
}

impl Crowd {
    fn new(select: &SetSelect, seed: u64) -> Self {
        let measurement = select.clone().measurement(SeededCoins::new(seed)).unwrap();
        Self { select: select.clone(), measurement, random: StdRng::seed_from_u64(seed) }
    }

    /// One segment is large, two are middling, the others small.
    fn answer(&mut self) -> Subset {
        let share = |segment: u16| [0.4, 0.2, 0.1].get(usize::from(segment)).copied().unwrap_or(0.02);
        let own: BitVec<u8, Lsb0> =
            (0..self.select.segments()).map(|segment| self.random.random_bool(share(segment))).collect();
        self.measurement.invoke(&own).unwrap()
    }

    /// A set that holds `held`, and others at random.
    fn around(&mut self, held: &[u16]) -> Subset {
        let mut drawn = set(&self.select, held.iter().copied());
        while drawn.len() < u32::from(self.select.subset_size()) {
            drawn.insert(self.random.random_range(0..self.select.cells()));
        }
        drawn
    }
}

fn counted(shapes: &Shapes, answers: &[Subset]) -> Vec<u64> {
    let mut counts = vec![0; shapes.counters()];
    answers.iter().flat_map(|answer| shapes.raised(answer)).for_each(|counter| counts[counter] += 1);
    counts
}

fn tested(shapes: &Shapes, answers: &[Subset]) -> ShapeTest {
    shapes.test(&counted(shapes, answers), answers.len() as u64).unwrap()
}

/// All sets of small mechanisms, each weighed as it is drawn, for every place of the own cells.
#[test]
fn the_laws_of_the_halves_are_those_of_every_set_weighed() {
    for select in [select(5, 11, 2), select(10, 9, 1), select(1, 12, 3)] {
        let shapes = Shapes::new(&select).unwrap();
        let (sets, (favoured, unit)) = (every_set(&select, select.subset_size()), select.odds());
        for own in every_set(&select, select.cap()) {
            let weight = |set: &Subset| {
                let shared = own.iter().filter(|cell| set.contains(*cell)).count();
                float(if shared >= usize::from(select.threshold()) { favoured } else { unit })
            };
            let total: f64 = sets.iter().map(weight).sum();
            for half in &shapes.halves {
                let inside = |cells: &mut dyn Iterator<Item = u16>| {
                    cells.filter(|cell| cell >> half.bit & 1 == 1).count()
                };
                let mut expected = vec![0.0; shapes.size + 1];
                sets.iter().for_each(|set| expected[inside(&mut set.iter())] += weight(set) / total);
                let width = inside(&mut (0..select.cells()));
                let least = usize::from(select.cap()).saturating_sub(usize::from(select.cells()) - width);
                let law = &half.laws.0[inside(&mut own.iter()) - least];
                let off =
                    law.iter().zip(&expected).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
                assert!(off < 1e-12, "{} {own:?} {}: {off}", select.describe(), half.bit);
            }
            // The likeliest set is alone in its bucket where there are as many.
            let most = sets.iter().map(weight).fold(0.0, f64::max) / total;
            assert!((shapes.fullest / most - 1.0).abs() < 1e-9, "{} {most}", shapes.fullest);
        }
    }
}

#[test]
fn sets_are_dealt_evenly_into_buckets_by_their_rank() {
    // Fewer sets than there are buckets, and more.
    for (select, most) in [(select(10, 9, 1), 1), (select(10, 19, 1), 16)] {
        let (shapes, sets) = (Shapes::new(&select).unwrap(), every_set(&select, select.subset_size()));
        let mut filled = vec![0; usize::try_from(shapes.buckets).unwrap()];
        sets.iter().for_each(|set| filled[shapes.bucket(set)] += 1);
        let part = sets.len().div_ceil(filled.len());
        assert!(filled.iter().all(|sets| *sets == part || *sets + 1 == part), "{}", select.describe());
        assert!(part <= most, "{} {part}", select.describe());
    }
}

/// 1,500 windows of 1,000 honest reports. With a size of at most 5 %, more than 110 are found once in 10,000 runs.
#[test]
fn of_windows_of_honest_reports_no_more_are_found_than_the_size_of_the_test_says() {
    let mut found = 0;
    for (seed, select) in (1..).zip([select(10, 32, 3), select(20, 63, 1), select(20, 15, 1)]) {
        let (shapes, mut crowd) = (Shapes::new(&select).unwrap(), Crowd::new(&select, seed));
        for _ in 0..500 {
            let answers: Vec<Subset> = (0..1_000).map(|_| crowd.answer()).collect();
            found += u32::from(tested(&shapes, &answers).p_value < 0.05);
        }
    }
    assert!(found <= 110, "{found} of 1,500");
}

/// 20,000 reports, a seed each: what is found here is found with a probability far below the size, so chance plays no part in it.
#[test]
fn answers_that_the_mechanism_does_not_give_are_found_and_those_it_may_give_are_not() {
    for (seed, select) in (7..).zip([select(10, 32, 3), select(20, 63, 1), select(10, 63, 1)]) {
        let (shapes, mut crowd) = (Shapes::new(&select).unwrap(), Crowd::new(&select, seed));
        let honest: Vec<Subset> = (0..20_000).map(|_| crowd.answer()).collect();
        let mut with = |fakes: usize, fake: &mut dyn FnMut(&mut Crowd) -> Subset| {
            let mut answers = honest.clone();
            answers.splice(..fakes, (0..fakes).map(|_| fake(&mut crowd)).collect::<Vec<_>>());
            tested(&shapes, &answers)
        };
        let (name, cells) = (select.describe(), select.cells());
        assert!(!with(0, &mut |crowd| crowd.answer()).is_found(), "{name}");
        // One report in a hundred is the same set under a name of its own.
        let size = select.subset_size();
        let same = with(200, &mut |crowd| set(&crowd.select, (0..size).map(|place| place * (cells / size))));
        assert!(same.is_found(), "{name}: {same:?}");
        // One in ten names several segments at once, the others at random.
        let several: Vec<u16> = (0..size.div_ceil(2).max(2)).collect();
        let named = with(2_000, &mut |crowd| crowd.around(&several));
        assert!(named.is_found(), "{name}: {named:?}");
        // One in ten takes its cells in a row, from a place at random.
        let row = with(2_000, &mut |crowd| {
            let from = crowd.random.random_range(0..cells);
            set(&crowd.select, (0..size).map(|place| (from + place) % cells))
        });
        assert!(row.is_found(), "{name}: {row:?}");
        // One in ten claims to be in the last segment and answers honestly: as some devices would.
        let lie = with(2_000, &mut |crowd| {
            let own = (0..crowd.select.segments()).map(|segment| segment + 1 == crowd.select.segments());
            crowd.measurement.invoke(&own.collect::<BitVec<u8, Lsb0>>()).unwrap()
        });
        assert!(!lie.is_found(), "{name}: {lie:?}");
    }
}

#[test]
fn of_single_cells_and_of_no_report_nothing_is_said() {
    assert!(Shapes::new(&select(40, 32, 3)).is_none());
    assert_eq!(Shapes::new(&select(20, 63, 1)).unwrap().test(&[], 0), None);
}
