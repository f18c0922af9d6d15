//! Shapes: whether the answers of a window are, together, answers that the mechanism gives, whatever the devices are like.
//!
//! The answer of SetSelect is a set of `k` cells whose probability depends on one thing, how many of a device's `m` own cells it shares.
//! Two things follow for any devices at all, and each is a test of what a collector counts:
//!
//! - **Spread.** Take a fixed half of the cells. How many cells of it an answer holds is a mixture of `m + 1` known laws, one for each number of own
//!   cells that can lie in the half, and only their weights are unknown. The likelihood ratio of the counts against the best such mixture is
//!   at most that against the true one, a chi-square with one degree less than there are counts (Wilks 1938).
//! - **Repetition.** No set has more than `e^epsilon` times the least probability. Sets are dealt into buckets by their rank (Lehmer's
//!   combinatorial number system), so that every bucket holds as many, and how full one is has a greatest probability. Beyond it Chernoff's
//!   bound holds for every number of reports.
//!
//! Where an answer is one cell ([`Single`]), the counts of the cells themselves are put to both: together they are a mixture of the laws of single devices, and no
//! cell comes more often than the likeliest of a device.
//!
//! What neither can find, nothing can: whoever makes up the *truth* of an answer and draws the answer honestly, or, where an answer is a set, names one cell in every
//! answer and draws the others honestly, gives what some honest devices would. How far that moves a share is bounded by [`crate::Channel::poisoned`].
//!
//! # Privacy
//! Counts of answers that were randomised on the devices.

mod laws;
mod single;

use keepset_wire::Subset;

use crate::mechanism::SetSelect;
use crate::numbers::{chi_square_tail, float};
pub(crate) use laws::law;
use laws::{binomial_up_to, highest_bucket};
pub use single::Single;

/// The most buckets that sets are dealt into: few enough to count, so many that a set that comes back stands out.
const BUCKETS: u64 = 1_024;
/// Below this count no cell of a chi-square stands alone (Cochran 1954).
const LEAST_EXPECTED: f64 = 5.0;
/// So close to the best mixture the fit is to come, in the log-likelihood; what is left is given to the answers.
const FIT: f64 = 1e-3;
/// The most steps towards it, and the most products in all of them.
const STEPS: usize = 5_000;
const PRODUCTS: usize = 40_000_000;

/// How answers of one mechanism are sorted by their shape, and what is to be expected of the counts.
#[derive(Clone, Debug)]
pub struct Shapes {
    size: usize,
    halves: Vec<Half>,
    /// `C(n, k)` modulo the number of buckets, for the rank of a set.
    binomials: Vec<Vec<u16>>,
    buckets: u64,
    /// The greatest probability that an honest answer falls into one bucket.
    fullest: f64,
}

/// A half of the cells: those whose number has a one at this bit.
#[derive(Clone, Debug)]
struct Half {
    bit: u16,
    /// For each number of own cells that can lie in it, the probabilities of holding 0, 1, ... cells of it.
    laws: Laws,
}

/// The laws that what is counted is a mixture of: by what a device may be, the probability of each count.
#[derive(Clone, Debug)]
struct Laws(Vec<Vec<f64>>);

/// What came of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapeTest {
    /// How many reports were looked at.
    pub reports: u64,
    /// The probability of as much where every report is honest, or less: that of the test that found most, times their number (Bonferroni).
    pub p_value: f64,
    /// Which of them it was.
    pub found: Deviation,
}

/// In what answers can differ from those of the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deviation {
    /// In how they spread over the cells.
    Spread,
    /// In that some set comes back too often.
    Repetition,
}

impl ShapeTest {
    /// The size of the tests: of windows of honest reports at most so many are found, each time that one is looked at.
    pub const SIZE: f64 = 0.001;

    /// Tells whether honest reports would hardly ever be so.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.p_value < Self::SIZE
    }
}

impl Deviation {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Repetition => "repetition",
        }
    }
}

impl Shapes {
    /// Sorts the answers of a mechanism; nothing where an answer is one cell, for what is counted of those anyway is enough ([`Single`]).
    #[must_use]
    pub fn new(select: &SetSelect) -> Option<Self> {
        let (cells, size) = (select.cells(), select.subset_size());
        if size < 2 {
            return None;
        }
        let half = |bit: u16| Half { bit, laws: Laws(Self::laws(select, bit)) };
        let halves = (0..16).filter(|bit| 1 << bit < u32::from(cells)).map(half).collect();
        let buckets = binomial_up_to(cells, size, BUCKETS);
        let (binomials, fullest) = (binomials(cells, size, buckets), highest_bucket(select, buckets));
        Some(Self { size: size.into(), halves, binomials, buckets, fullest })
    }

    fn laws(select: &SetSelect, bit: u16) -> Vec<Vec<f64>> {
        let width = (0..select.cells()).filter(|cell| cell >> bit & 1 == 1).count();
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        let (cap, outside) = (select.cap(), select.cells() - width);
        (cap.saturating_sub(outside)..=cap.min(width)).map(|own| law(select, width, own)).collect()
    }

    /// Returns how many numbers are counted.
    #[must_use]
    pub fn counters(&self) -> usize {
        // No more buckets than `BUCKETS`.
        self.halves.len() * (self.size + 1) + usize::try_from(self.buckets).unwrap_or(0)
    }

    /// Returns which of them an answer raises: one for each half, and that of its bucket.
    #[must_use]
    pub fn raised(&self, answer: &Subset) -> Vec<usize> {
        let in_half = |half: &Half| answer.iter().filter(|cell| cell >> half.bit & 1 == 1).count();
        let each = self.halves.iter().enumerate();
        let mut raised: Vec<usize> =
            each.map(|(place, half)| place * (self.size + 1) + in_half(half).min(self.size)).collect();
        raised.push(self.halves.len() * (self.size + 1) + self.bucket(answer));
        raised
    }

    /// The rank of a set among all of its size, modulo the number of buckets.
    fn bucket(&self, answer: &Subset) -> usize {
        let term = |(place, cell): (usize, u16)| {
            let row = self.binomials.get(usize::from(cell));
            u64::from(row.and_then(|row| row.get(place + 1)).copied().unwrap_or(0))
        };
        let rank: u64 = answer.iter().enumerate().map(term).sum();
        usize::try_from(rank % self.buckets).unwrap_or(0)
    }

    /// Puts the counts to the tests; `counts` are those of [`Shapes::raised`], one that is missing is 0. Nothing without a report.
    #[must_use]
    pub fn test(&self, counts: &[u64], reports: u64) -> Option<ShapeTest> {
        if reports == 0 {
            return None;
        }
        let mut counts = counts.to_vec();
        counts.resize(self.counters(), 0);
        let (spread, dealt) = counts.split_at(self.halves.len() * (self.size + 1));
        let halves = self.halves.iter().zip(spread.chunks(self.size + 1));
        let halves = halves.map(|(half, counts)| (half.laws.test(counts), Deviation::Spread));
        let fullest = dealt.iter().max().copied().unwrap_or(0);
        let repeated = float(self.buckets) * above(fullest, reports, self.fullest);
        let all = halves.chain([(repeated, Deviation::Repetition)]);
        let (least, found) = all.min_by(|(one, _), (other, _)| one.total_cmp(other))?;
        let tests = float(self.halves.len() as u64 + 1);
        Some(ShapeTest { reports, p_value: (tests * least).min(1.0), found })
    }
}

impl Laws {
    /// The probability of counts as far from every mixture of the laws.
    fn test(&self, counts: &[u64]) -> f64 {
        let reports: u64 = counts.iter().sum();
        let (counts, laws) = self.merged(counts, float(reports));
        if counts.len() < 2 {
            return 1.0;
        }
        chi_square_tail(far_from_mixtures(&counts, &laws), counts.len() - 1)
    }

    /// Puts neighbours together until each is expected often enough under every law: what is put together does not depend on what came.
    fn merged(&self, counts: &[u64], reports: f64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut parts: Vec<Vec<usize>> = Vec::new();
        let expected = |part: &[usize]| {
            let under = |law: &Vec<f64>| reports * part.iter().map(|cell| law[*cell]).sum::<f64>();
            self.0.iter().map(under).fold(f64::INFINITY, f64::min)
        };
        for cell in 0..counts.len() {
            match parts.last_mut().filter(|part| expected(part) < LEAST_EXPECTED) {
                Some(part) => part.push(cell),
                None => parts.push(vec![cell]),
            }
        }
        // What is left at the end is too little by itself.
        if parts.len() > 1 && parts.last().is_some_and(|part| expected(part) < LEAST_EXPECTED) {
            let rest = parts.pop().unwrap_or_default();
            parts.iter_mut().next_back().into_iter().for_each(|part| part.extend(&rest));
        }
        let sums = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
            parts.iter().map(|part| part.iter().map(|cell| of(*cell)).sum()).collect()
        };
        let laws = self.0.iter().map(|law| sums(&|cell| law[cell])).collect();
        (sums(&|cell| float(counts[cell])), laws)
    }
}

/// The likelihood ratio of the counts against the nearest mixture of the laws: by expectation and maximisation, which climbs to the one summit there is.
/// By how much the summit may be higher is known at every step, and taken off.
fn far_from_mixtures(counts: &[f64], laws: &[Vec<f64>]) -> f64 {
    let reports: f64 = counts.iter().sum();
    let mut weights = vec![1.0 / laws.len() as f64; laws.len()];
    let (mut mixture, mut short) = (Vec::new(), f64::INFINITY);
    let steps = STEPS.min(PRODUCTS / (counts.len() * laws.len()).max(1));
    for _ in 0..steps.max(1) {
        mixture = (0..counts.len())
            .map(|cell| weights.iter().zip(laws).map(|(weight, law)| weight * law[cell]).sum::<f64>())
            .collect();
        let gain = |law: &Vec<f64>| {
            let parts = counts.iter().zip(&mixture).zip(law);
            parts.map(|((count, mixed), law)| count / reports * law / mixed).sum::<f64>()
        };
        let gains: Vec<f64> = laws.iter().map(gain).collect();
        // The log-likelihood is concave in the weights: no summit is higher than its slope says.
        short = reports * (gains.iter().copied().fold(1.0, f64::max) - 1.0);
        if short < FIT {
            break;
        }
        weights.iter_mut().zip(&gains).for_each(|(weight, gain)| *weight *= gain);
    }
    let ratio = |(count, mixed): (&f64, &f64)| {
        if *count > 0.0 { count * (count / (reports * mixed)).ln() } else { 0.0 }
    };
    (2.0 * (counts.iter().zip(&mixture).map(ratio).sum::<f64>() - short)).max(0.0)
}

/// At most the probability that so many of `reports` fall where each does with `probability`: Chernoff's bound, with the divergence of Kullback and Leibler.
fn above(count: u64, reports: u64, probability: f64) -> f64 {
    let share = float(count) / float(reports);
    if share <= probability {
        return 1.0;
    }
    let part = |share: f64, expected: f64| if share > 0.0 { share * (share / expected).ln() } else { 0.0 };
    (-float(reports) * (part(share, probability) + part(1.0 - share, 1.0 - probability))).exp()
}

/// `C(n, k)` modulo `modulus`, for every number of cells and every size (Pascal's triangle).
fn binomials(cells: u16, size: u16, modulus: u64) -> Vec<Vec<u16>> {
    let mut rows: Vec<Vec<u16>> = Vec::with_capacity(cells.into());
    for cell in 0..usize::from(cells) {
        let mut row = vec![0; usize::from(size) + 1];
        for place in 0..row.len() {
            let above = cell.checked_sub(1).map(|above| &rows[above]);
            let sum = match (above, place) {
                (_, 0) => 1,
                (None, _) => 0,
                (Some(above), _) => u64::from(above[place]) + u64::from(above[place - 1]),
            };
            // Below the modulus, which is at most 1,024.
            row[place] = u16::try_from(sum % modulus).unwrap_or(0);
        }
        rows.push(row);
    }
    rows
}

// No device tests: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
