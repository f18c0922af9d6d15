//! Which variant is shown: Thompson sampling over what this device has seen, within a budget.

use keepset_wire::Name;

use super::{Alternatives, Arm, Beta, Context, Draws};

/// Why a variant is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is learned here: no consent, no chance to draw by, no context, or none of it taken in.
    Default,
    /// This device sees the default for ever, for comparison.
    Holdout,
    /// Another may be better than the one that did best so far.
    Explore,
    /// It did best so far.
    Exploit,
}

/// The reasons that a round may have been begun for, in the order in which the pack declares them.
pub(super) const REASONS: [(Why, &str); 3] =
    [(Why::Explore, "explore"), (Why::Exploit, "exploit"), (Why::Holdout, "holdout")];

impl Why {
    /// Returns the word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        REASONS.iter().find(|(why, _)| *why == self).map_or("default", |(_, code)| code)
    }
}

/// What the device knows when a choice is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The segments the device is in.
    pub within: &'a [&'a str],
    /// The values of the features that [`Alternatives::reads`] names; not a number where there is none.
    pub values: &'a [f64],
}

/// What is shown, and what is to be taken in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The variant.
    pub variant: &'a Name,
    /// Why.
    pub why: Why,
    /// The round before it, if it has ended: its arm, and whether it succeeded.
    pub settled: Option<Settled>,
    /// The arm of the round that begins, if one does.
    pub begun: Option<String>,
    /// How many rounds were begun before: names what is taken in, so that two tabs begin a round once.
    pub round: u32,
}

/// A round that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its arm.
    pub arm: String,
    /// Whether what it was shown for came in time.
    pub won: bool,
}

/// The counts of a choice, read.
struct Counts {
    rounds: u32,
    arm: Option<usize>,
    why: Why,
    explored: u32,
    is_held_out: bool,
    is_open: bool,
    is_settled: bool,
    won: bool,
    /// By arm: tried, and won of these.
    arms: Vec<(u32, u32)>,
}

impl Alternatives {
    /// Decides what is shown. Without a seed nothing is begun: what runs goes on, else it is the default.
    ///
    /// # Privacy
    /// Reads and decides on the device alone; nothing of it is for anyone else.
    #[must_use]
    pub fn decide(&self, known: Known<'_>, seed: Option<[u8; 32]>) -> Chosen<'_> {
        let mut counts = self.counts(known);
        let default = Chosen {
            variant: &self.default,
            why: Why::Default,
            settled: None,
            begun: None,
            round: counts.rounds,
        };
        if counts.is_held_out {
            return Chosen { why: Why::Holdout, ..default };
        }
        let Some((first, context)) = self.context(known.within) else { return default };
        let running = counts.arm.filter(|_| counts.is_open && !counts.won);
        if let Some(arm) = running.and_then(|arm| context.arms.get(arm.checked_sub(first)?)) {
            return Chosen { variant: &arm.variant, why: counts.why, ..default };
        }
        let Some(seed) = seed else { return default };
        let settled = counts.settle(self);
        let mut draws = Draws::new(seed);
        let (place, why) = self.draw(context, &counts, first, &mut draws);
        Chosen {
            variant: &context.arms[place].variant,
            why,
            settled,
            begun: self.labels().into_iter().nth(first + place),
            ..default
        }
    }

    /// The first context the device is in, and how many arms come before it.
    fn context(&self, within: &[&str]) -> Option<(usize, &Context)> {
        let mut first = 0;
        for context in &self.contexts {
            if context.segment.as_ref().is_none_or(|segment| within.contains(&segment.as_str())) {
                return Some((first, context));
            }
            first += context.arms.len();
        }
        None
    }

    /// Draws an arm of a context: in the first round, whether the device is held out; then each arm's share, of which the largest is
    /// shown, unless it is not the best so far and the budget is spent.
    fn draw(&self, context: &Context, counts: &Counts, first: usize, draws: &mut Draws) -> (usize, Why) {
        // At most a million of 2^32 numbers a million: a device is held out with exactly this share, to 2^-32.
        if counts.rounds == 0 && (draws.next() >> 32) * 1_000_000 < u64::from(self.holdout) << 32 {
            // The default is the first of every context.
            return (0, Why::Holdout);
        }
        let believed: Vec<Beta> = context
            .arms
            .iter()
            .zip(counts.arms.iter().skip(first))
            .map(|(arm, seen)| arm.believed(*seen))
            .collect();
        let (mut best, mut drawn, mut largest) = (0, 0, 0);
        for (place, beta) in believed.iter().enumerate() {
            if beta.is_better(believed[best]) {
                best = place;
            }
            let share = beta.draw(draws);
            if share > largest {
                (drawn, largest) = (place, share);
            }
        }
        if drawn != best && counts.explored < self.exploration {
            (drawn, Why::Explore)
        } else {
            (best, Why::Exploit)
        }
    }

    fn counts(&self, known: Known<'_>) -> Counts {
        let value = |index: usize| known.values.get(index).copied().filter(|value| *value >= 0.0);
        // Whole numbers; a float cast saturates.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = |index: usize| value(index).map_or(0, |value| value as u32);
        let arms = self.contexts.iter().map(|context| context.arms.len()).sum();
        let success = self.success();
        Counts {
            rounds: count(0),
            arm: value(1).map(|_| count(1) as usize),
            why: value(2).and_then(|_| REASONS.get(count(2) as usize)).map_or(Why::Default, |(why, _)| *why),
            explored: count(3),
            is_held_out: count(4) > 0,
            is_open: count(5) > 0,
            is_settled: count(6) > 0,
            won: known.within.contains(&success.as_str()),
            arms: (0..arms).map(|arm| (count(7 + 2 * arm), count(8 + 2 * arm))).collect(),
        }
    }
}

impl Counts {
    /// Settles the round before, if there is one that has ended: by success, or by its time. One that is broken off, because the device has come
    /// into another context, says nothing.
    fn settle(&mut self, of: &Alternatives) -> Option<Settled> {
        let arm = self.arm.filter(|_| !self.is_settled && (self.won || !self.is_open))?;
        let (tried, won) = self.arms.get_mut(arm)?;
        *tried += 1;
        *won += u32::from(self.won);
        Some(Settled { arm: of.labels().into_iter().nth(arm)?, won: self.won })
    }
}

impl Arm {
    fn believed(&self, (tried, won): (u32, u32)) -> Beta {
        let lost = tried.saturating_sub(won);
        Beta::after(u64::from(self.successes) + u64::from(won), u64::from(self.failures) + u64::from(lost))
    }
}
