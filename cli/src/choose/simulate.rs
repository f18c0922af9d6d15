//! Devices that choose, round after round, by the decision that runs on them.

use keepset_engine::Alternatives;
use keepset_engine::choosing::{Arm, Known, Why};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What is shown, and by whom it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// By the device, with what the pack knows beforehand.
    Learns,
    /// By the device, which knows nothing beforehand.
    LearnsFromNothing,
    /// The default for all.
    Default,
    /// Each variant as often.
    Chance,
}

/// All of them, in the order of the table.
pub(super) const POLICIES: [Policy; 4] =
    [Policy::Learns, Policy::LearnsFromNothing, Policy::Default, Policy::Chance];

impl Policy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Learns => "chosen on the device",
            Self::LearnsFromNothing => "the same without a prior",
            Self::Default => "the default for all",
            Self::Chance => "by chance",
        }
    }
}

/// What devices meet.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// By arm: how often it succeeds with a person in the middle.
    pub(super) rates: Vec<f64>,
    pub(super) spread: f64,
    pub(super) people: u32,
    pub(super) rounds: u32,
    pub(super) seed: u64,
}

/// What became of a policy, a device on average.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// By round: the successes lost until then to who shows each person the best variant.
    pub(super) regret: Vec<f64>,
    /// In so many rounds another was tried.
    pub(super) explored: f64,
    /// How often what was shown succeeds in the last quarter.
    pub(super) late: f64,
}

impl World {
    /// Lives through every policy, each with the same people.
    pub(super) fn live(&self, choice: &Alternatives) -> Vec<Course> {
        POLICIES.iter().map(|policy| self.course(choice, *policy)).collect()
    }

    fn course(&self, choice: &Alternatives, policy: Policy) -> Course {
        let mut asked = choice.clone();
        if policy == Policy::LearnsFromNothing {
            let nothing = |arm: &mut Arm| (arm.successes, arm.failures) = (0, 0);
            asked.contexts.iter_mut().flat_map(|context| &mut context.arms).for_each(nothing);
        }
        let mut course = Course { regret: vec![0.0; self.rounds as usize], ..Course::default() };
        for person in 0..self.people {
            let mut random = StdRng::seed_from_u64(self.seed << 32 | u64::from(person));
            let rates = self.person(&mut random);
            self.one(&asked, policy, &rates, &mut random, &mut course);
        }
        let people = f64::from(self.people);
        course.regret.iter_mut().for_each(|regret| *regret /= people);
        course.explored /= people;
        course.late /= people * f64::from(self.rounds - self.rounds * 3 / 4);
        course
    }

    /// How often each arm succeeds with one person.
    fn person(&self, random: &mut StdRng) -> Vec<f64> {
        let mut own = |rate: &f64| {
            let margin = (rate / (1.0 - rate)).ln() + self.spread * normal(random);
            1.0 / (1.0 + (-margin).exp())
        };
        self.rates.iter().map(&mut own).collect()
    }

    /// Lives through the rounds of one device.
    fn one(
        &self,
        choice: &Alternatives,
        policy: Policy,
        rates: &[f64],
        random: &mut StdRng,
        course: &mut Course,
    ) {
        let best = rates.iter().copied().fold(0.0, f64::max);
        let mut device = Device::new(choice);
        let mut lost = 0.0;
        for (round, regret) in course.regret.iter_mut().enumerate() {
            let arm = match policy {
                Policy::Default => 0,
                Policy::Chance => random.random_range(0..rates.len()),
                Policy::Learns | Policy::LearnsFromNothing => device.choose(random.random()),
            };
            device.succeeded = random.random::<f64>() < rates[arm];
            lost += best - rates[arm];
            *regret += lost;
            if round >= (self.rounds * 3 / 4) as usize {
                course.late += rates[arm];
            }
        }
        course.explored += device.explored();
    }
}

/// A draw from the normal distribution (Box and Muller, 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (radius, turn): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

/// What a device has counted, as its features would.
struct Device<'a> {
    choice: &'a Alternatives,
    labels: Vec<String>,
    /// The values of what the choice reads.
    values: Vec<f64>,
    /// Whether the round before succeeded.
    succeeded: bool,
}

/// Where the counts stand among what a choice reads.
const ROUNDS: usize = 0;
const ARM: usize = 1;
const EXPLORED: usize = 3;
const ARMS: usize = 7;

impl<'a> Device<'a> {
    fn new(choice: &'a Alternatives) -> Self {
        let mut values = vec![0.0; choice.reads().len()];
        values[ARM] = f64::NAN;
        Self { choice, labels: choice.labels(), values, succeeded: false }
    }

    fn explored(&self) -> f64 {
        self.values[EXPLORED]
    }

    /// Settles the round before and begins one; returns its arm.
    fn choose(&mut self, seed: u64) -> usize {
        let success = self.choice.success();
        let segment = self.choice.contexts[0].segment.as_ref();
        let won = self.succeeded.then_some(success.as_str());
        let within: Vec<&str> = segment.map(|segment| segment.as_str()).into_iter().chain(won).collect();
        let mut chance = [0; 32];
        chance[..8].copy_from_slice(&seed.to_le_bytes());
        let chosen = self.choice.decide(Known { within: &within, values: &self.values }, Some(chance));
        let place = |label: &str| self.labels.iter().position(|known| known == label).unwrap_or(0);
        let settled = chosen.settled.as_ref().map(|settled| (place(&settled.arm), settled.won));
        let arm = chosen.begun.as_deref().map_or(0, place);
        if let Some((before, won)) = settled {
            self.values[ARMS + 2 * before] += 1.0;
            self.values[ARMS + 2 * before + 1] += f64::from(u8::from(won));
        }
        self.values[EXPLORED] += f64::from(u8::from(chosen.why == Why::Explore));
        self.values[ROUNDS] += 1.0;
        #[expect(clippy::cast_precision_loss, reason = "at most 32 arms")]
        {
            self.values[ARM] = arm as f64;
        }
        arm
    }
}
