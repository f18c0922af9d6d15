//! What a shuffler adds: how much less one device among many can be told apart once all answers are mixed.
//!
//! Every mechanism here favours some outputs `E` times over the rest, so that two inputs differ in two sets of outputs of one size: the answers
//! of all other devices fall into each of the two with a probability of at least `r` whatever they hold, and hide in which of them the
//! one answer lies. With `C ~ Bin(n-1, 2r)` others in the two and `A ~ Bin(C, 1/2)` of them in the first, one input adds the
//! device to `A` with probability `E r` and to `C - A` with `r`, the other the other way round (the privacy blanket of Balle, Bell, Gascon
//! and Nissim 2019, two-sided). The divergence of the two is summed exactly.
//!
//! # Privacy
//! Neighbours are any two states of one device, in a batch of which the observer sees the answers in no order. A central guarantee `(epsilon,
//! delta)`, conditional on the shuffler, to be stated beside the local epsilon and never in its place. It is withheld
//! unless everything in [`Condition`] holds.

use std::fmt;

use crate::mechanism::{RandomisedResponse, SetSelect, SquareWave};
use crate::numbers::{float, ln_gamma};

/// What must hold before anything but the local epsilon may be stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A shuffler that is not the collector's and does not collude with it strips identity, address, time and order.
    IndependentShuffler,
    /// The batch is closed and counted before it is opened.
    ClosedBeforeOpened,
    /// No device has two answers in a batch.
    OneAnswerPerDevice,
    /// All answers of a batch are to one question and have one length.
    OneQuestion,
    /// At least two reports are honest once the assumed fakes are taken off.
    HonestReports,
    /// Delta is above 0 and at most a hundredth of one honest report.
    SmallDelta,
}

impl Condition {
    /// What the operator of the shuffler vouches for; the rest follows from numbers.
    pub const VOUCHED: [Self; 4] =
        [Self::IndependentShuffler, Self::ClosedBeforeOpened, Self::OneAnswerPerDevice, Self::OneQuestion];
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IndependentShuffler => "an independent shuffler strips identity, address, time and order",
            Self::ClosedBeforeOpened => "the batch is closed and counted before it is opened",
            Self::OneAnswerPerDevice => "no device has two answers in a batch",
            Self::OneQuestion => "all answers of a batch are to one question and of one length",
            Self::HonestReports => "at least two reports are honest",
            Self::SmallDelta => "delta is above 0 and at most 1 / (100 n)",
        })
    }
}

/// A batch of answers that were shuffled.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// How many answers it has.
    pub reports: u64,
    /// How many of them are assumed to be fakes, which hide nobody.
    pub assumed_fakes: u64,
    /// The probability with which the guarantee may fail.
    pub delta: f64,
    /// How many such batches a device takes part in; their guarantees add up.
    pub batches: u32,
    /// What the operator of the shuffler vouches for.
    pub vouched: Vec<Condition>,
}

/// The guarantee of shuffled answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amplified {
    /// The central epsilon of all batches together.
    pub epsilon: f64,
    /// The delta of all batches together.
    pub delta: f64,
    /// The local epsilon of one answer, which holds whatever becomes of the conditions.
    pub local: f64,
}

/// No central guarantee may be stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// What does not hold.
    pub unmet: Vec<Condition>,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only the local epsilon holds; not met:")?;
        self.unmet.iter().try_for_each(|condition| write!(f, " {condition};"))
    }
}

impl std::error::Error for Withheld {}

/// A mechanism whose outputs have one of two probabilities under every input.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoLevel {
    /// The local epsilon.
    local: f64,
    /// For every way in which two inputs can differ, how likely the outputs are, at the lower level, that only one of them favours.
    blankets: Vec<f64>,
}

impl From<&SetSelect> for TwoLevel {
    /// Two devices' own cells have from none to all but one in common.
    fn from(select: &SetSelect) -> Self {
        let (cap, size, threshold) = (select.cap(), select.subset_size(), select.threshold());
        let sets = |own: u16, others: u16| -> f64 {
            let shared = |h: u16| {
                let weight = if h >= threshold { select.epsilon().value().exp() } else { 1.0 };
                weight * binomial(own, h) * chosen(others, size, h)
            };
            (0..=own).map(shared).sum()
        };
        let total = sets(cap, select.cells() - cap);
        let blanket = |common: u16| {
            let apart = cap - common;
            let rest = (select.cells() + common).checked_sub(2 * cap);
            // Sets that share enough with the first and too little with the second.
            let favoured = |rest: u16| -> f64 {
                let mut sum = 0.0;
                for (i, j, l) in triples(common, apart) {
                    if i + j >= threshold && i + l < threshold {
                        sum += binomial(common, i)
                            * binomial(apart, j)
                            * binomial(apart, l)
                            * chosen(rest, size, i + j + l);
                    }
                }
                sum
            };
            rest.map(|rest| favoured(rest) / total)
        };
        let blankets = (0..cap).filter_map(blanket).filter(|blanket| *blanket > 0.0).collect();
        Self { local: select.epsilon().value(), blankets }
    }
}

impl From<&SquareWave> for TwoLevel {
    /// Two buckets' bands lie one output apart or more, up to not touching.
    fn from(wave: &SquareWave) -> Self {
        let (width, outputs) = (f64::from(wave.width()), f64::from(wave.outputs()));
        let total = width * wave.epsilon().value().exp() + outputs - width;
        let most = wave.width().min(wave.buckets() - 1);
        Self {
            local: wave.epsilon().value(),
            blankets: (1..=most).map(|apart| f64::from(apart) / total).collect(),
        }
    }
}

impl From<&RandomisedResponse> for TwoLevel {
    fn from(mechanism: &RandomisedResponse) -> Self {
        Self { local: mechanism.epsilon().value(), blankets: vec![mechanism.channel().q] }
    }
}

impl TwoLevel {
    /// Returns the central guarantee of a batch, or what keeps it from being stated.
    ///
    /// # Errors
    /// [`Withheld`] with every condition that is not met.
    pub fn shuffled(&self, batch: &Batch) -> Result<Amplified, Withheld> {
        let honest = batch.reports.saturating_sub(batch.assumed_fakes);
        let mut unmet: Vec<Condition> =
            Condition::VOUCHED.into_iter().filter(|one| !batch.vouched.contains(one)).collect();
        if honest < 2 {
            unmet.push(Condition::HonestReports);
        }
        if !(batch.delta > 0.0 && batch.delta <= 1.0 / (100.0 * float(honest))) {
            unmet.push(Condition::SmallDelta);
        }
        if !unmet.is_empty() {
            return Err(Withheld { unmet });
        }
        let batches = f64::from(batch.batches);
        Ok(Amplified {
            epsilon: self.epsilon(honest, batch.delta) * batches,
            delta: batch.delta * batches,
            local: self.local,
        })
    }

    /// The least epsilon at `delta` among `honest` reports, for the worst way in which two inputs can differ.
    fn epsilon(&self, honest: u64, delta: f64) -> f64 {
        let least = |blanket: &f64| {
            let (mut below, mut above) = (0.0, self.local);
            // 50 halvings of at most 8: finer than any figure is written.
            for _ in 0..50 {
                let middle = f64::midpoint(below, above);
                if divergence(self.local.exp(), *blanket, honest, middle) > delta {
                    below = middle;
                } else {
                    above = middle;
                }
            }
            above
        };
        self.blankets.iter().map(least).fold(0.0, f64::max)
    }
}

/// The probability with which the loss exceeds `epsilon`: the hockey-stick divergence of the two laws, summed over how many answers lie in
/// the two sets.
///
/// With `t` in them and `a` in the first, both laws are `Bin(a; t, 1/2)` times a line in `a`. Their difference is above 0 from some `a` on,
/// and what is summed there needs only the upper tail of that binomial, which is carried along from `t` to `t + 1`.
fn divergence(ratio: f64, blanket: f64, honest: u64, epsilon: f64) -> f64 {
    let (n, gain) = (float(honest), epsilon.exp());
    let hit = 2.0 * blanket;
    let elsewhere = (1.0 - (ratio + 1.0) * blanket).max(0.0);
    let slope = (ratio - 1.0) * (1.0 + gain);
    // From which `a` on the difference is above 0.
    let first = |t: f64| {
        let line = t * (gain * ratio - 1.0) + (n - t) * elsewhere / (1.0 - hit) * (gain - 1.0);
        (line / slope).ceil().max(0.0)
    };
    let spread = (n * hit * (1.0 - hit)).sqrt();
    // Beyond lies less than any delta there is, for small numbers too.
    let from = (n * hit - 16.0 * spread - 40.0).floor().max(1.0);
    let to = (n * hit + 16.0 * spread + 40.0).ceil().min(n);
    let mut others = binomial_probability(n - 1.0, from - 1.0, hit);
    let mut tail = Tail::new(from, first(from));
    let (mut sum, mut t) = (0.0, from);
    while t <= to {
        tail.move_to(t, first(t));
        // That one more of the others is there: the device itself is elsewhere then.
        let more = if t < n { others * (n - t) / t * hit / (1.0 - hit) } else { 0.0 };
        let (own, own_elsewhere) = (others * hit, more * elsewhere);
        let term = own * slope / 2.0 * tail.of_one_less()
            + (own * (1.0 - gain * ratio) + own_elsewhere * (1.0 - gain)) * tail.above;
        sum += term.max(0.0);
        others = more;
        t += 1.0;
    }
    sum
}

/// The upper tail of a fair binomial from `a` on among `t`, and the probability of `a` itself.
struct Tail {
    t: f64,
    a: f64,
    at: f64,
    above: f64,
}

impl Tail {
    fn new(t: f64, a: f64) -> Self {
        let at = binomial_probability(t, a, 0.5);
        let (mut above, mut one, mut next) = (0.0, at, a);
        while one > above * 1e-18 {
            above += one;
            one *= (t - next) / (next + 1.0);
            next += 1.0;
        }
        Self { t, a, at, above }
    }

    /// The upper tail from `a - 1` on among `t - 1`: a coin more gives half of the step between the two.
    fn of_one_less(&self) -> f64 {
        // Bin(a - 1; t - 1) is Bin(a; t) times 2 a / t.
        self.above + self.at * self.a / self.t
    }

    fn move_to(&mut self, t: f64, a: f64) {
        // Where there is nothing to carry along, or too far to go, anew.
        if self.at <= 0.0 || (t - self.t).abs() > 1.0 || (a - self.a).abs() > 4.0 {
            *self = Self::new(t, a);
            return;
        }
        if t > self.t {
            // P[Bin(t + 1) >= a] = P[Bin(t) >= a] + P[Bin(t) = a - 1] / 2.
            let before = if self.a > 0.0 { self.at * self.a / (self.t - self.a + 1.0) } else { 0.0 };
            self.above += before / 2.0;
            self.t += 1.0;
            self.at =
                if self.a < self.t { self.at * self.t / (2.0 * (self.t - self.a)) } else { before / 2.0 };
        }
        while self.a < a {
            self.above -= self.at;
            self.at *= (self.t - self.a) / (self.a + 1.0);
            self.a += 1.0;
        }
        while self.a > a {
            self.at *= self.a / (self.t - self.a + 1.0);
            self.a -= 1.0;
            self.above += self.at;
        }
    }
}

/// The probability of `k` of `n` at `p` each.
fn binomial_probability(n: f64, k: f64, p: f64) -> f64 {
    if k < 0.0 || k > n {
        return 0.0;
    }
    let choices = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (choices + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

/// In how many ways the rest of a set of `size` is chosen from `others` when `taken` of it are.
fn chosen(others: u16, size: u16, taken: u16) -> f64 {
    size.checked_sub(taken).map_or(0.0, |left| binomial(others, left))
}

/// At most C(264, 132), which an f64 holds.
fn binomial(n: u16, k: u16) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k).fold(1.0, |product, i| product * f64::from(n - i) / f64::from(i + 1))
}

/// How many of the common cells, of the first's alone and of the second's alone a set holds.
fn triples(common: u16, apart: u16) -> impl Iterator<Item = (u16, u16, u16)> {
    (0..=common)
        .flat_map(move |i| (0..=apart).map(move |j| (i, j)))
        .flat_map(move |(i, j)| (0..=apart).map(move |l| (i, j, l)))
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
