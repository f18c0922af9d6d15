//! The geometry of the charts: shares become positions; the template draws them.
//!
//! Positions are percentages of the drawing, so one drawing fits a phone and a wall. Styles live in the style
//! sheet: the page's policy allows none inline.

use super::words::{percent, plain};

/// Steps of an axis, from fine to coarse.
const STEPS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/// An axis: from 0 to a round share, or over the range of a feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    step: f64,
    steps: u32,
    is_share: bool,
}

/// A mark of an axis.
pub(super) struct Tick {
    /// Where, as a percentage of the axis.
    pub(super) at: String,
    /// What is written there.
    pub(super) label: String,
    /// Where the label is anchored, so that the outer ones stay inside the drawing.
    pub(super) anchor: &'static str,
}

/// An interval and, when it is printed, its estimate, as percentages of an axis.
pub(super) struct Bar {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) dot: Option<String>,
}

impl Scale {
    /// Makes the axis that holds every one of `shares`.
    pub(super) fn covering(shares: impl Iterator<Item = f64>) -> Self {
        let most = shares.fold(0.005, f64::max).min(1.0);
        let step = STEPS.into_iter().find(|step| most <= step * 5.0).unwrap_or(0.2);
        // Between 1 and 5 by the choice of the step.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let steps = (most / step - 1e-9).ceil() as u32;
        Self { from: 0.0, step, steps: steps.clamp(1, 5), is_share: true }
    }

    /// Makes the axis of a range, in four steps.
    pub(super) fn over(low: f64, high: f64) -> Self {
        Self { from: low, step: (high - low) / 4.0, steps: 4, is_share: false }
    }

    /// Makes the axis of differences that holds every one of `ends`, with nothing in its middle.
    pub(super) fn around_nothing(ends: impl Iterator<Item = f64>) -> Self {
        let half = Self::covering(ends.map(f64::abs));
        let step = half.step * f64::from(half.steps.div_ceil(2));
        Self { from: -2.0 * step, step, steps: 4, is_share: true }
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        (0..=self.steps)
            .map(|index| Tick {
                at: self.at(self.mark(index)),
                label: self.label(self.mark(index)),
                anchor: match index {
                    0 => "start",
                    index if index == self.steps => "end",
                    _ => "middle",
                },
            })
            .collect()
    }

    pub(super) fn top_label(&self) -> String {
        self.label(self.mark(self.steps))
    }

    pub(super) fn bar(&self, low: f64, high: f64, estimate: Option<f64>) -> Bar {
        Bar { from: self.at(low), to: self.at(high), dot: estimate.map(|value| self.at(value)) }
    }

    fn mark(&self, index: u32) -> f64 {
        self.from + f64::from(index) * self.step
    }

    fn label(&self, value: f64) -> String {
        if self.is_share { percent(value, usize::from(self.step < 0.01)) } else { plain(value) }
    }

    pub(super) fn at(&self, value: f64) -> String {
        format!("{:.2}%", self.position(value))
    }

    pub(super) fn position(&self, value: f64) -> f64 {
        ((value - self.from) / (f64::from(self.steps) * self.step) * 100.0).clamp(0.0, 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_round_and_holds_everything() {
        let labels = |most: f64| {
            let scale = Scale::covering([0.0, most].into_iter());
            assert!(scale.mark(scale.steps) >= most.min(1.0) - 1e-9, "{most}");
            scale.ticks().into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0.62), "0% 20% 40% 60% 80%");
        assert_eq!(labels(0.25), "0% 5% 10% 15% 20% 25%");
        assert_eq!(labels(0.03), "0% 1% 2% 3%");
        assert_eq!(labels(0.004), "0.0% 0.1% 0.2% 0.3% 0.4% 0.5%");
        assert_eq!(labels(1.0), "0% 20% 40% 60% 80% 100%");
        assert_eq!(labels(7.0), "0% 20% 40% 60% 80% 100%");
        (1..1_000).for_each(|most| drop(labels(f64::from(most) / 1_000.0)));
    }

    #[test]
    fn an_axis_of_differences_has_nothing_in_its_middle_and_holds_both_ends() {
        let scale = Scale::around_nothing([-0.031, 0.012].into_iter());
        let labels: Vec<String> = scale.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["-4%", "-2%", "0%", "2%", "4%"]);
        assert_eq!((scale.at(0.0), scale.at(-0.04)), ("50.00%".into(), "0.00%".into()));
    }

    #[test]
    fn an_axis_of_a_range_begins_and_ends_with_it() {
        let scale = Scale::over(-10.0, 30.0);
        let labels: Vec<String> = scale.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["-10", "0", "10", "20", "30"]);
        assert_eq!((scale.at(0.0), scale.at(99.0)), ("25.00%".into(), "100.00%".into()));
    }
}
