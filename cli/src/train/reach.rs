//! Precision against reach: what each threshold gains and gives up, as a table to read and a curve to look at.

use serde::Serialize;

use super::Trained;
use super::quality::{Pick, Scored, pick};
use super::summary::range;
use crate::drawing::{Axis, BLUE, Drawing, ORANGE};
use crate::table::{aligned, percent};

/// The shares of people, the highest scores first, that thresholds are given for.
const REACHES: [f64; 12] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0];

/// A threshold, and whom it picks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// The margin, in hundredths.
    pub threshold: f64,
    /// Whom it picks among the rows learned from.
    pub learned: Pick,
    /// Whom it picks at the later time.
    pub tested: Pick,
}

/// Lists thresholds by how many of the rows learned from they pick, the fewest first; each picks others than the one before.
pub(super) fn choices(learned: &[Scored], tested: &[Scored]) -> Vec<Choice> {
    let mut margins: Vec<f64> = learned.iter().map(|one| one.margin).collect();
    margins.sort_by(|a, b| b.total_cmp(a));
    let mut thresholds: Vec<f64> = REACHES.iter().filter_map(|reach| lowest(&margins, *reach)).collect();
    thresholds.dedup();
    let choice =
        |threshold| Choice { threshold, learned: pick(learned, threshold), tested: pick(tested, threshold) };
    thresholds.into_iter().map(choice).collect()
}

/// The threshold, in hundredths, that at least this share of falling margins reaches.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn lowest(margins: &[f64], reach: f64) -> Option<f64> {
    // People stay far below 2^53, and a share of them is none of them at least.
    let last = ((margins.len() as f64 * reach).ceil() as usize).checked_sub(1)?;
    margins.get(last).map(|margin| (margin * 100.0).floor() / 100.0)
}

/// Writes the table of a training's thresholds.
pub(super) fn table(choices: &[Choice]) -> String {
    let rows = choices.iter().map(|Choice { threshold, learned, tested }| {
        vec![
            format!("{threshold:.2}"),
            percent(learned.reach),
            percent(learned.precision.value),
            percent(tested.reach),
            percent(tested.precision.value),
            range(tested.precision),
            percent(tested.recall),
        ]
    });
    let headings =
        ["enter at", "reach", "precision", "reach later", "precision later", "95 % interval", "recall later"];
    aligned(&headings, rows.collect())
}

/// Draws the curve as SVG: reach from left to right, precision upwards, at the later time with its interval and among those learned from.
#[must_use]
pub fn curve(trained: &Trained) -> String {
    let Trained { label, within_days, choices, tested, .. } = trained;
    let ends =
        choices.iter().flat_map(|choice| [choice.learned.precision.high, choice.tested.precision.high]);
    let highest = ends.fold(tested.base_rate, f64::max);
    let top = ((highest * 10.0).ceil() / 10.0).clamp(0.1, 1.0);
    let title = format!(
        "Whom each threshold picks, and the share of them for whom {label} came within {within_days} days"
    );
    let across = Axis { caption: "reach: the share of people picked, highest scores first", label: &percent };
    let up = Axis { caption: "precision: the share of those picked for whom it came", label: &percent };
    let mut drawing = Drawing::new(&title, 560.0, (1.0, top), &across, &up);
    let later = |end: fn(&Pick) -> f64| choices.iter().map(move |at| (at.tested.reach, end(&at.tested)));
    drawing.area(BLUE, later(|pick| pick.precision.low).chain(later(|pick| pick.precision.high).rev()));
    drawing.level(tested.base_rate, &format!("everybody: {}", percent(tested.base_rate)));
    drawing.line("tested later", (BLUE, "none"), later(|pick| pick.precision.value));
    let before = choices.iter().map(|at| (at.learned.reach, at.learned.precision.value));
    drawing.line("learned from", (ORANGE, "7 3"), before);
    if let Some(chosen) = &trained.thresholds {
        let place = (chosen.tested.reach, chosen.tested.precision.value);
        drawing.mark(place, &format!("enter at {}", chosen.enter));
    }
    drawing.svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred people whose margins fall from 0.99 to 0.00, of whom the first ten did it.
    fn people() -> Vec<Scored> {
        (0..100_u32).map(|n| Scored { margin: f64::from(99 - n) / 100.0, label: n < 10 }).collect()
    }

    #[test]
    fn each_threshold_picks_at_least_its_share_and_the_next_picks_more() {
        let choices = choices(&people(), &people());
        let picked: Vec<usize> = choices.iter().map(|choice| choice.learned.people).collect();
        assert_eq!(picked, [2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100]);
        let tenth = &choices[2].tested;
        assert_eq!((tenth.precision.value, tenth.recall), (1.0, 1.0));
        assert_eq!(choices[4].tested.precision.value, 0.5);
    }

    #[test]
    fn people_with_one_score_leave_one_threshold() {
        let alike = vec![Scored { margin: -1.234, label: true }, Scored { margin: -1.234, label: false }];
        let choices = choices(&alike, &alike);
        assert_eq!(choices.len(), 1);
        assert_eq!((choices[0].threshold, choices[0].learned.people), (-1.24, 2));
    }
}
