//! Intervals of numbers that were chosen: what is printed because it came out large is too large on average, and its interval has to know.
//!
//! A rule that looks at the number it prints keeps the lucky half of its noise: of numbers that are printed once in twenty windows, half lie outside
//! of a plain interval. So the rule looks at a copy of the number with as much noise again, and the interval is that of the number *given* what
//! the rule said. With `X` the number, its noise as the unit, `W` the noise of the copy and `c` the rim of the rule, a truth `t` makes
//! the density of a printed `X` proportional to `phi(X - t) Phi(X - c)`, and the interval holds every `t` under which neither tail beyond `X` is below
//! 2.5 %. It holds the truth in 95 of 100 of what is printed, of what is not, and so of all, however seldom something is printed (Fithian, Sun and Taylor
//! 2014; Tian and Taylor 2018). The noise of the copy keeps it at most the root of two times as wide (Kivaranovic and Leeb 2024): without, it has
//! no bound. Far from the rim it is the plain one.
//!
//! # Privacy
//! Post-processing. The noise of the copy protects nobody, and may be guessed.

use std::sync::LazyLock;

use crate::coins::Coins;
use crate::numbers::{Z_95, normal_below};

/// The integrals run over so many standard errors to each side of the number.
const FAR: f64 = 9.0;
/// The steps of one side of them; even, for Simpson's rule.
const SIDE: u32 = 90;
/// Beyond so many standard errors from the rim a choice is no news, and the interval the plain one to three figures.
const RIM: f64 = 6.0;
/// How many distances from the rim the table has in one standard error; between them lie straight lines.
const FINE: u32 = 20;

/// The ends of the interval of a number, in standard errors from it.
pub(crate) type Ends = (f64, f64);

/// A rim of a rule: how far from the number's own place its copy may lie, in standard errors, and by how much that changes with each standard error by which the
/// number comes out higher. Where the copy goes along with the number, it is one less.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rim {
    at: f64,
    per: f64,
}

/// Where a copy lies for which something is said of a number: between two rims, of which either may be infinitely far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Region {
    from: Rim,
    to: Rim,
}

const BELOW_ALL: Rim = Rim { at: f64::NEG_INFINITY, per: 0.0 };
const ABOVE_ALL: Rim = Rim { at: f64::INFINITY, per: 0.0 };

impl Region {
    pub(crate) const EVERYWHERE: Self = Self { from: BELOW_ALL, to: ABOVE_ALL };
    const NOWHERE: Self = Self { from: ABOVE_ALL, to: BELOW_ALL };

    /// Where a margin is not below 0 that is `here` at the number and grows by `gain` with each standard error of the copy, and by `along` with each of
    /// the number, if a certain truth is one.
    pub(crate) fn where_positive(here: f64, gain: f64, along: f64) -> Self {
        if gain == 0.0 || here.is_infinite() {
            return if here >= 0.0 { Self::EVERYWHERE } else { Self::NOWHERE };
        }
        let rim = Rim { at: -here / gain, per: -along / gain };
        if gain > 0.0 { Self { from: rim, ..Self::EVERYWHERE } } else { Self { to: rim, ..Self::EVERYWHERE } }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let from = if self.from.at >= other.from.at { self.from } else { other.from };
        let to = if self.to.at <= other.to.at { self.to } else { other.to };
        Self { from, to }
    }

    /// What is not there, of a region that has one rim at most.
    pub(crate) fn complement(self) -> Self {
        match self {
            Self::EVERYWHERE => Self::NOWHERE,
            Self::NOWHERE => Self::EVERYWHERE,
            Self { from, .. } if from.at > f64::NEG_INFINITY => Self { to: from, ..Self::EVERYWHERE },
            Self { to, .. } => Self { from: to, ..Self::EVERYWHERE },
        }
    }

    pub(crate) fn holds(self, copied: f64) -> bool {
        (self.from.at..=self.to.at).contains(&copied)
    }

    /// Tells whether both rims are so far that what was said is no news.
    pub(crate) fn is_far(self) -> bool {
        self.from.at.abs() >= RIM && self.to.at.abs() >= RIM
    }

    /// Returns the ends of the 95 % interval of a number, given that its copy, which goes along with it, lies in the region.
    pub(crate) fn ends(self) -> Ends {
        match [self.from, self.to].map(|rim| rim.at.abs() < RIM) {
            [false, false] => (-Z_95, Z_95),
            [true, false] => tabled(-self.from.at),
            // The mirror of a region above.
            [false, true] => {
                let (low, high) = tabled(self.to.at);
                (-high, -low)
            }
            [true, true] => Law::new(self).ends(),
        }
    }

    /// Returns the probability of a number below the one that came out, given that its copy lies in the region, when the truth lies so many standard errors above it.
    pub(crate) fn below(self, truth: f64) -> f64 {
        Law::new(self).below(truth.clamp(-8.0, 8.0))
    }
}

/// The ends of the interval of a number whose copy lies above a rim, by how many standard errors the number does.
static TABLE: LazyLock<Vec<Ends>> = LazyLock::new(|| {
    let from = |step: u32| (f64::from(steps_to_rim()) - f64::from(step)) / f64::from(FINE);
    let above = |step: u32| Law::new(Region::where_positive(-from(step), 1.0, 1.0)).ends();
    (0..=2 * steps_to_rim()).map(above).collect()
});

fn tabled(distance: f64) -> Ends {
    let place = (distance + RIM) * f64::from(FINE);
    // Between 0 and 240.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = place as usize;
    let part = place - place.floor();
    let at = |step: usize| TABLE.get(step).copied().unwrap_or((-Z_95, Z_95));
    let (from, to) = (at(below), at(below + 1));
    (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1))
}

/// Draws the noise of a copy: normal, its standard error the unit (Box and Muller 1958). Without entropy none.
pub(crate) fn copy_noise(coins: &mut impl Coins) -> f64 {
    let mut uniform = || {
        let drawn = coins.below(1 << 53).unwrap_or(0);
        // Above 0 and at most 1, exact in an f64.
        (drawn as f64 + 1.0) / f64::from(1 << 30) / f64::from(1 << 23)
    };
    (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
}

fn steps_to_rim() -> u32 {
    // 6 standard errors.
    6 * FINE
}

/// How likely numbers around one that came out are, by their distance from it, apart from where the truth lies: the normal density times the
/// probability of what the rule said.
struct Law {
    weights: Vec<f64>,
}

impl Law {
    fn new(region: Region) -> Self {
        let weight = |step: u32| {
            let place = (f64::from(step) - f64::from(SIDE)) * Self::step();
            let [from, to] = [region.from, region.to].map(|rim| rim.at + rim.per * place);
            // Of two tails the smaller ones are exact.
            let passes = if from > 0.0 {
                normal_below(-from) - normal_below(-to)
            } else {
                (normal_below(to) - normal_below(from)).max(0.0)
            };
            (-place * place / 2.0).exp() * passes
        };
        Self { weights: (0..=2 * SIDE).map(weight).collect() }
    }

    fn step() -> f64 {
        FAR / f64::from(SIDE)
    }

    /// The probability of a number below the one that came out, when the truth lies so far above it: the density is tilted by `e^(t u)`.
    fn below(&self, truth: f64) -> f64 {
        let tilt = (truth * Self::step()).exp();
        let mut factor = (-truth * FAR).exp();
        let (mut below, mut above) = (0.0, 0.0);
        let side = SIDE as usize;
        for (step, weight) in self.weights.iter().enumerate() {
            let term = weight * factor;
            factor *= tilt;
            // Simpson's rule on each side of the middle.
            let share = |from: usize| match step - from {
                0 => 1.0,
                at if at == side => 1.0,
                at if at % 2 == 1 => 4.0,
                _ => 2.0,
            };
            if step <= side {
                below += share(0) * term;
            }
            if step >= side {
                above += share(side) * term;
            }
        }
        below / (below + above)
    }

    fn ends(&self) -> Ends {
        (self.truth_with(0.975), self.truth_with(0.025))
    }

    /// The truth that puts so much below: the higher the truth the less, so halving finds it.
    fn truth_with(&self, below: f64) -> f64 {
        let (mut low, mut high) = (-8.0, 8.0);
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if self.below(middle) > below {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

// No device estimates: only what it draws is tested as wasm, too.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
