//! A column of what a graph computes, as what it is of the features.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, bail, ensure};

use super::super::{Activation, Form, Layer, Network};
use crate::learn::elastic::Line;
use crate::learn::tree::{Ensemble, Node, ordered, unordered};

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    /// A feature after some steps.
    Feature {
        /// Which one.
        at: usize,
        /// The steps, in order.
        steps: Vec<Step>,
        /// What the steps make of an absent value: no number, if it is not filled in.
        absent: f64,
    },
    /// A sum of features and a number.
    Line(Sum),
    /// What trees add up to.
    Trees(Rc<Ensemble>),
    /// A sum of what the units of a hidden layer give, and a number.
    Deep {
        /// The layer.
        below: Rc<Hidden>,
        /// Its units and their weights.
        sum: Sum,
    },
}

/// A hidden layer of a network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hidden {
    /// The layer before it; features where there is none.
    below: Option<Rc<Hidden>>,
    units: Vec<Sum>,
    activation: Activation,
}

/// A number and weights of features.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sum {
    intercept: f64,
    weights: BTreeMap<usize, f64>,
    /// Of features that were scaled before, what becomes 0.
    centres: BTreeMap<usize, f64>,
}

/// A step from one number to the next, in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Adds a number.
    Add(f64),
    /// Multiplies by one.
    Multiply(f64),
    /// Divides by one.
    Divide(f64),
    /// Rounds to 32 bits. After a step of two numbers of 32 bits this is that step in 32 bits: 53 bits are more than twice 24.
    Round,
}

/// What a node of a tree asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    /// Whether it is at most the threshold.
    AtMost,
    /// Whether it is below.
    Below,
    /// Whether it is at least.
    AtLeast,
    /// Whether it is above.
    Above,
}

/// `value < cut`, which is what a node asks or the contrary of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Question {
    pub(super) cut: f64,
    /// Whether the branch of the true goes left.
    pub(super) true_left: bool,
    pub(super) absent_left: bool,
}

impl Step {
    fn apply(self, value: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, reason = "what it is for")]
        match self {
            Self::Add(by) => value + by,
            Self::Multiply(by) => value * by,
            Self::Divide(by) => value / by,
            Self::Round => f64::from(value as f32),
        }
    }
}

impl Comparison {
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::AtMost => value <= threshold,
            Self::Below => value < threshold,
            Self::AtLeast => value >= threshold,
            Self::Above => value > threshold,
        }
    }
}

impl Column {
    /// A feature as it is.
    pub(super) fn feature(at: usize) -> Self {
        Self::Feature { at, steps: Vec::new(), absent: f64::NAN }
    }

    /// The sum of columns, each times its weight, and a number.
    pub(super) fn sum(columns: &[Self], weights: &[f64], intercept: f64) -> anyhow::Result<Self> {
        let mut sum = Sum { intercept, ..Sum::default() };
        let below = columns.first().and_then(Self::below);
        for (column, weight) in columns.iter().zip(weights) {
            let of = column.over(below)?;
            sum.intercept += weight * of.intercept;
            for (place, by) in of.weights {
                *sum.weights.entry(place).or_default() += weight * by;
            }
            sum.centres.extend(of.centres);
        }
        Ok(match below {
            None => Self::Line(sum),
            Some(below) => Self::Deep { below: Rc::clone(below), sum },
        })
    }

    /// A hidden layer: a unit for each column.
    pub(super) fn layer(columns: &[Self], activation: Activation) -> anyhow::Result<Vec<Self>> {
        let below = columns.first().and_then(Self::below);
        let units = columns.iter().map(|column| column.over(below)).collect::<anyhow::Result<_>>()?;
        let layer = Rc::new(Hidden { below: below.cloned(), units, activation });
        let unit = |place| Sum { weights: BTreeMap::from([(place, 1.0)]), ..Sum::default() };
        Ok((0..columns.len())
            .map(|place| Self::Deep { below: Rc::clone(&layer), sum: unit(place) })
            .collect())
    }

    /// The hidden layer whose units it is a sum of.
    fn below(&self) -> Option<&Rc<Hidden>> {
        if let Self::Deep { below, .. } = self { Some(below) } else { None }
    }

    /// As a sum of the units of a layer, or of features.
    fn over(&self, layer: Option<&Rc<Hidden>>) -> anyhow::Result<Sum> {
        match (self, layer) {
            (Self::Deep { below, sum }, Some(layer)) if Rc::ptr_eq(below, layer) => Ok(sum.clone()),
            (_, None) => self.line(),
            _ => bail!("it puts what comes of different layers together"),
        }
    }

    /// Takes a step.
    pub(super) fn step(&mut self, step: Step) {
        match self {
            Self::Feature { steps, absent, .. } => {
                steps.push(step);
                *absent = step.apply(*absent);
            }
            Self::Line(sum) | Self::Deep { sum, .. } => sum.step(step),
            Self::Trees(trees) => {
                let trees = Rc::make_mut(trees);
                match step {
                    Step::Add(by) => trees.stretch(1.0, by),
                    Step::Multiply(by) => trees.stretch(by, 0.0),
                    Step::Divide(by) => trees.stretch(1.0 / by, 0.0),
                    Step::Round => {}
                }
            }
        }
    }

    /// Fills in absent values.
    pub(super) fn fill(&mut self, with: f64) -> anyhow::Result<()> {
        let Self::Feature { absent, .. } = self else { bail!("it fills in what is no feature any more") };
        if absent.is_nan() {
            *absent = with;
        }
        Ok(())
    }

    /// The column times -1.
    pub(super) fn opposite(&self) -> Self {
        let mut column = self.clone();
        column.step(Step::Multiply(-1.0));
        column
    }

    /// As a sum of features.
    pub(super) fn line(&self) -> anyhow::Result<Sum> {
        match self {
            Self::Line(sum) => Ok(sum.clone()),
            Self::Trees(_) => bail!("it reads what trees add up to; a model of models is not taken"),
            Self::Deep { .. } => bail!("it puts what comes of different layers together"),
            Self::Feature { at, steps, absent } => {
                ensure!(
                    absent.is_nan(),
                    "absent values are filled in before it, and a line has no place for that"
                );
                let mut sum = Sum { weights: BTreeMap::from([(*at, 1.0)]), ..Sum::default() };
                steps.iter().for_each(|step| sum.step(*step));
                let centre = sum.weights.get(at).map_or(0.0, |slope| -sum.intercept / slope);
                if centre.is_finite() {
                    sum.centres.insert(*at, centre);
                }
                Ok(sum)
            }
        }
    }

    /// What a node of a tree asks of the feature behind this column. Every step keeps the order of the numbers or turns it
    /// around, so one cut says it exactly; it is looked for among the floats.
    pub(super) fn question(
        &self,
        asked: Comparison,
        threshold: f64,
        absent_true: bool,
    ) -> anyhow::Result<Question> {
        let Self::Feature { steps, absent, .. } = self else {
            bail!("it reads a sum of features; trees of features alone are taken")
        };
        ensure!(!threshold.is_nan(), "a threshold is no number");
        let mut rising = matches!(asked, Comparison::AtLeast | Comparison::Above);
        for step in steps {
            if let Step::Multiply(by) | Step::Divide(by) = step {
                ensure!(by.is_finite() && *by != 0.0, "a feature is multiplied or divided by {by} before it");
                rising ^= *by < 0.0;
            }
            ensure!(
                !matches!(step, Step::Add(by) if !by.is_finite()),
                "what is no number is added to a feature before it"
            );
        }
        let holds =
            |value: f64| asked.holds(steps.iter().fold(value, |value, step| step.apply(value)), threshold);
        let absent_holds = if absent.is_nan() { absent_true } else { asked.holds(*absent, threshold) };
        // Below the cut, what does not rise holds.
        let true_left = !rising;
        let cut = turn(|value| holds(value) != true_left);
        Ok(Question { cut, true_left, absent_left: absent_holds == true_left })
    }

    /// As a model of so many features.
    pub(super) fn form(&self, features: usize) -> anyhow::Result<Form> {
        match self {
            Self::Feature { .. } => bail!("there is no model in it: what it gives is a feature"),
            Self::Trees(trees) => {
                let finite = |node: &Node| !matches!(node, Node::Leaf { value, .. } if !value.is_finite());
                ensure!(
                    trees.base.is_finite() && trees.trees.iter().flatten().all(finite),
                    "a leaf is no number"
                );
                Ok(Form::Trees((**trees).clone()))
            }
            Self::Deep { below, sum } => Ok(Form::Network(below.network(sum, features)?)),
            Self::Line(Sum { intercept, weights, .. }) => {
                ensure!(
                    intercept.is_finite() && weights.values().all(|weight| weight.is_finite()),
                    "a weight is no number"
                );
                let weights: Vec<f64> =
                    (0..features).map(|feature| weights.get(&feature).copied().unwrap_or(0.0)).collect();
                let means = vec![0.0; features];
                Ok(Form::Line(Line { intercept: *intercept, weights, means }))
            }
        }
    }
}

impl Hidden {
    /// The network that ends in a sum of this layer's units.
    fn network(&self, end: &Sum, features: usize) -> anyhow::Result<Network> {
        let mut hidden = vec![self];
        while let Some(below) = hidden.last().and_then(|layer| layer.below.as_deref()) {
            hidden.push(below);
        }
        let first = hidden.last().context("it has no layer")?;
        let centre =
            |at: usize| first.units.iter().find_map(|unit| unit.centres.get(&at)).copied().unwrap_or(0.0);
        let scaling: Vec<(f64, f64)> = (0..features).map(|at| (centre(at), 1.0)).collect();
        let mut inputs = features;
        let mut layers = Vec::new();
        let end = Self { below: None, units: vec![end.clone()], activation: Activation::Identity };
        for layer in hidden.into_iter().rev().chain([&end]) {
            let taken_off = |at: &usize| if layers.is_empty() { scaling[*at].0 } else { 0.0 };
            let unit = |Sum { intercept, weights, .. }: &Sum| {
                let bias = weights.iter().fold(*intercept, |sum, (at, weight)| sum + weight * taken_off(at));
                std::iter::once(bias)
                    .chain((0..inputs).map(|at| weights.get(&at).copied().unwrap_or(0.0)))
                    .collect::<Vec<f64>>()
            };
            let units: Vec<Vec<f64>> = layer.units.iter().map(unit).collect();
            ensure!(units.iter().flatten().all(|weight| weight.is_finite()), "a weight is no number");
            inputs = units.len();
            layers.push(Layer { activation: layer.activation, units });
        }
        Ok(Network { scaling, layers })
    }
}

impl Sum {
    fn step(&mut self, step: Step) {
        let Self { intercept, weights, .. } = self;
        let mut each =
            |change: &dyn Fn(&mut f64)| weights.values_mut().chain([&mut *intercept]).for_each(change);
        match step {
            Step::Multiply(by) => each(&|number| *number *= by),
            Step::Divide(by) => each(&|number| *number /= by),
            Step::Add(by) => *intercept += by,
            // A line is worth its exact sum.
            Step::Round => {}
        }
    }
}

/// The least float from which on something holds, of what holds from some float on; the largest where it never does.
fn turn(holds: impl Fn(f64) -> bool) -> f64 {
    if holds(f64::MIN) {
        return f64::MIN;
    }
    let (mut before, mut from) = (ordered(f64::MIN), ordered(f64::MAX));
    while from - before > 1 {
        let middle = before + (from - before) / 2;
        if holds(unordered(middle)) { from = middle } else { before = middle }
    }
    // No zero below zero.
    unordered(from) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{at_most, at_most_in_f32, below_in_f32};

    fn after(steps: &[Step]) -> Column {
        let mut column = Column::feature(0);
        steps.iter().for_each(|step| column.step(*step));
        column
    }

    #[test]
    fn cuts_are_those_of_the_other_libraries() {
        for at in [0.1_f32, 1.0, -3.7, 12345.678, 1e-20, 0.0, -0.5, f32::MIN_POSITIVE] {
            let wide = f64::from(at);
            let cut = |steps: &[Step], asked| after(steps).question(asked, wide, false).unwrap().cut;
            assert_eq!(cut(&[], Comparison::AtMost), at_most(wide));
            assert_eq!(cut(&[], Comparison::Below), wide);
            assert_eq!(cut(&[Step::Round], Comparison::AtMost), at_most_in_f32(wide));
            assert_eq!(cut(&[Step::Round], Comparison::Below), below_in_f32(at));
            assert_eq!(cut(&[Step::Round], Comparison::Above), at_most_in_f32(wide));
            assert_eq!(cut(&[Step::Round], Comparison::AtLeast), below_in_f32(at));
        }
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "what runtimes do")]
    fn a_question_is_the_one_asked_after_all_steps_in_32_bits() {
        for (offset, scale) in [(0.3_f32, 1.7_f32), (-12.5, 0.01), (1000.1, -3.3), (0.0, -1.0)] {
            let steps = [
                Step::Round,
                Step::Add(f64::from(-offset)),
                Step::Round,
                Step::Multiply(f64::from(scale)),
                Step::Round,
            ];
            for threshold in [0.0_f32, 0.7, -2.2, 31.0] {
                for asked in [Comparison::AtMost, Comparison::Below, Comparison::AtLeast, Comparison::Above] {
                    let Question { cut, true_left, .. } =
                        after(&steps).question(asked, f64::from(threshold), false).unwrap();
                    for value in [cut, cut.next_down(), cut.next_up(), 0.0, -1e6, 1e6, f64::from(threshold)] {
                        let reached = (value as f32 - offset) * scale;
                        assert_eq!(
                            (value < cut) == true_left,
                            asked.holds(f64::from(reached), f64::from(threshold)),
                            "{value:e} {offset} {scale} {threshold} {asked:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_absent_go_where_a_comparison_with_nothing_goes_or_what_is_filled_in() {
        let to = |column: &Column, asked, absent_true| {
            let question = column.question(asked, 1.0, absent_true).unwrap();
            question.absent_left == question.true_left
        };
        let mut filled = after(&[Step::Round]);
        filled.fill(3.0).unwrap();
        filled.step(Step::Multiply(-1.0));
        for asked in [Comparison::AtMost, Comparison::Below, Comparison::AtLeast, Comparison::Above] {
            assert!(to(&Column::feature(0), asked, true) && !to(&Column::feature(0), asked, false));
            assert_eq!(to(&filled, asked, false), asked.holds(-3.0, 1.0));
        }
    }

    #[test]
    fn a_threshold_beyond_the_numbers_tells_only_the_absent() {
        let column = after(&[Step::Round]);
        assert_eq!(column.question(Comparison::AtMost, f64::INFINITY, false).unwrap().cut, f64::MAX);
        assert_eq!(column.question(Comparison::Below, f64::NEG_INFINITY, false).unwrap().cut, f64::MIN);
        assert!(column.question(Comparison::AtMost, f64::NAN, false).is_err());
        assert!(after(&[Step::Multiply(0.0)]).question(Comparison::AtMost, 1.0, false).is_err());
    }
}
