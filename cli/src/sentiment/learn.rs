//! Learns what terms weigh: logistic regression by FTRL-Proximal (McMahan et al. 2013), which leaves most weights at zero.
//!
//! What people think of a word is an input beside the terms, so that a word no text holds weighs what they think, and one that many hold
//! what the texts say.

use std::collections::{BTreeMap, HashMap};

use keepset_sentiment::{Key, Lexicon, ONE, Rules, Term};

use super::texts::Text;
use crate::learn::chance::Chance;
use crate::learn::scale::probability;

/// How fast weights move, as FTRL has it, and what holds them back.
const ALPHA: f64 = 0.1;
const BETA: f64 = 1.0;
const L1: f64 = 0.3;
const L2: f64 = 1.0;
const PASSES: u64 = 12;
/// A term that fewer texts hold is none.
const LEAST: u32 = 2;
/// A word that people judged ranks as one that so many texts hold.
const LEAST_RANKED: u32 = 3;
/// A negated word turns so much of itself; [`Lexicon`] says the same of words without a weight of their own.
const TURNED: f64 = -0.625;
/// Weights are whole numbers from -15 to 15: in 8 bits they would decide a thousandth of the pairs of texts otherwise.
const STEPS: f64 = 15.0;

/// What is learned from.
pub(super) struct Source<'a> {
    pub(super) rules: &'a Rules,
    /// What people think of words.
    pub(super) words: &'a BTreeMap<u32, f64>,
    /// How many terms a lexicon may hold.
    pub(super) terms: usize,
}

/// A text as terms.
struct Example {
    label: f64,
    weight: f64,
    /// What people think of its words, added up.
    thought: f64,
    terms: Vec<(usize, f64)>,
}

impl Source<'_> {
    /// Learns a lexicon from texts, each with how much it counts.
    pub(super) fn learn(&self, texts: &[(&Text, f64)], say: &mut dyn FnMut(u64, u64)) -> Lexicon {
        let (terms, counts) = self.terms(texts);
        let examples: Vec<Example> =
            texts.iter().map(|(text, weight)| self.example(&terms, text, *weight)).collect();
        let mut weights = Weights { slots: vec![Slot::default(); terms.len() + 1] };
        let mut chance = Chance::new(1, 0x5e47);
        for pass in 0..PASSES {
            say(pass, PASSES);
            for place in chance.shuffled(examples.len()) {
                weights.learn(&examples[place]);
            }
        }
        self.lexicon(&terms, &counts, &weights)
    }

    /// The terms that enough texts hold, by number, and how many hold each.
    fn terms(&self, texts: &[(&Text, f64)]) -> (HashMap<Term, usize>, Vec<u32>) {
        let mut held: HashMap<Term, u32> = HashMap::new();
        for (text, _) in texts {
            self.rules.terms(&text.text, |term, _| *held.entry(term).or_default() += 1);
        }
        let mut kept: Vec<(Term, u32)> = held.into_iter().filter(|(_, count)| *count >= LEAST).collect();
        kept.sort_unstable();
        let counts = kept.iter().map(|(_, count)| *count).collect();
        (kept.into_iter().enumerate().map(|(number, (term, _))| (term, number)).collect(), counts)
    }

    fn example(&self, terms: &HashMap<Term, usize>, text: &Text, weight: f64) -> Example {
        let mut example = Example {
            label: f64::from(u8::from(text.value > 0.0)),
            weight: weight * text.value.abs(),
            thought: 0.0,
            terms: Vec::new(),
        };
        self.rules.terms(&text.text, |term, strength| {
            let strength = f64::from(strength) / f64::from(ONE);
            example.thought += self.thought(term) * strength;
            if let Some(number) = terms.get(&term) {
                example.terms.push((*number, strength));
            }
        });
        example
    }

    /// What people think of a term.
    fn thought(&self, term: Term) -> f64 {
        let of = |word: &u32| self.words.get(word).copied().unwrap_or(0.0);
        match term {
            Term::Word(word) => of(&word),
            Term::Negated(word) => TURNED * of(&word),
            Term::Pair(..) => 0.0,
        }
    }

    /// Keeps the terms that decide most: by weight and by how often they occur.
    fn lexicon(&self, terms: &HashMap<Term, usize>, counts: &[u32], weights: &Weights) -> Lexicon {
        let thought = weights.slots[weights.thought()].weight(0.0);
        let mut all: BTreeMap<Term, (f64, u32)> =
            self.words.iter().map(|(word, value)| (Term::Word(*word), (thought * value, 0))).collect();
        for (term, number) in terms {
            let weight = weights.slots[*number].weight(L1) + thought * self.thought(*term);
            all.insert(*term, (weight, counts[*number]));
        }
        let mut ranked: Vec<(Term, f64, f64)> = all
            .iter()
            .map(|(term, (weight, count))| {
                (*term, *weight, weight.abs() * f64::from((*count).max(LEAST_RANKED)).sqrt())
            })
            .collect();
        ranked.sort_by(|one, other| other.2.total_cmp(&one.2));
        ranked.truncate(self.terms);
        let mut sizes: Vec<f64> = ranked.iter().map(|(_, weight, _)| weight.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        // One in two hundred is heavier than the last step and counts as it.
        let unit =
            sizes.get(sizes.len().saturating_sub(1) * 199 / 200).copied().unwrap_or(1.0).max(1e-9) / STEPS;
        // Within the steps, or a few of them.
        #[expect(clippy::cast_possible_truncation)]
        let step = |weight: f64| (weight / unit).round().clamp(-STEPS, STEPS) as i8;
        let entries = ranked.iter().map(|(term, weight, _)| (Key::of(*term), step(*weight)));
        // Log-odds of 2, so a probability of 0.88, are a score of 0.71.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let scale = (2.0 / unit * f64::from(ONE)).round() as u32;
        Lexicon::new(self.rules.clone(), entries, scale)
    }
}

/// A weight while it is learned.
#[derive(Clone, Copy, Default)]
struct Slot {
    z: f64,
    n: f64,
}

impl Slot {
    fn weight(&self, l1: f64) -> f64 {
        if self.z.abs() <= l1 {
            return 0.0;
        }
        -(self.z - self.z.signum() * l1) / ((BETA + self.n.sqrt()) / ALPHA + L2)
    }

    fn learn(&mut self, gradient: f64, l1: f64) {
        let n = self.n + gradient * gradient;
        self.z += gradient - (n.sqrt() - self.n.sqrt()) / ALPHA * self.weight(l1);
        self.n = n;
    }
}

/// A slot for every term, then one for what people think. None for texts as such: a text without a word that weighs says nothing.
struct Weights {
    slots: Vec<Slot>,
}

impl Weights {
    fn thought(&self) -> usize {
        self.slots.len() - 1
    }

    fn learn(&mut self, example: &Example) {
        let thought = self.thought();
        let mut margin = self.slots[thought].weight(0.0) * example.thought;
        margin += example
            .terms
            .iter()
            .map(|(number, strength)| self.slots[*number].weight(L1) * strength)
            .sum::<f64>();
        let error = example.weight * (probability(margin) - example.label);
        self.slots[thought].learn(error * example.thought, 0.0);
        for (number, strength) in &example.terms {
            self.slots[*number].learn(error * strength, L1);
        }
    }
}
