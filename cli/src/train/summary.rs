//! What a training found, for a terminal.

use super::quality::{Interval, Quality};
use super::{Thresholds, Trained, reach};
use crate::table::{aligned, percent};

/// Writes the quality, the calibration, what thresholds there are, those chosen, and the model.
#[must_use]
pub fn summary(trained: &Trained) -> String {
    let Trained { people, events, label, within_days, .. } = trained;
    let unused = trained.malformed + trained.refused;
    let mut text = format!(
        "{people} people, {events} events, {unused} lines not used; does {label} come within {within_days} days?\n\n"
    );
    text += &quality(trained);
    text += "\n\nCalibration at the later time, people in fifths by score\n";
    text += &calibration(&trained.tested);
    text += "\n\nThresholds, by how many of the rows learned from they pick\n";
    text += &reach::table(&trained.choices);
    if let Some(thresholds) = &trained.thresholds {
        text += &format!("\n\n{}", picked(thresholds));
    }
    format!("{text}\n\n{}\n", trained.member())
}

fn quality(trained: &Trained) -> String {
    let row = |name: String, quality: &Quality| {
        vec![
            name,
            quality.people.to_string(),
            percent(quality.base_rate),
            format!("{:.3}", quality.auc.value),
            format!("{:.3} to {:.3}", quality.auc.low, quality.auc.high),
            format!("{:.4}", quality.log_loss),
            format!("{:.4}", quality.log_loss_of_known_rate),
            format!("{:.4}", quality.log_loss_of_own_rate),
        ]
    };
    let rows = vec![
        row(format!("learned from {}", trained.cuts.join(", ")), &trained.learned),
        row(format!("tested on {}", trained.test_cut), &trained.tested),
    ];
    let headings =
        ["", "people", "did it", "AUC", "95 % interval", "log-loss", "of the known rate", "of its own rate"];
    aligned(&headings, rows)
}

fn calibration(quality: &Quality) -> String {
    let rows = quality.calibration.iter().map(|bin| {
        vec![bin.people.to_string(), percent(bin.predicted), percent(bin.observed.value), range(bin.observed)]
    });
    aligned(&["people", "predicted", "observed", "95 % interval"], rows.collect())
}

fn picked(thresholds: &Thresholds) -> String {
    let Thresholds { precision, enter, stay, learned, tested } = thresholds;
    let rows = [("learned from", learned), ("tested on", tested)].map(|(name, pick)| {
        let precision = [percent(pick.precision.value), range(pick.precision)];
        let cells = [pick.people.to_string(), percent(pick.reach), percent(pick.recall)];
        [&[name.to_owned()][..], &cells, &precision].concat()
    });
    let table = aligned(&["", "picked", "reach", "recall", "precision", "95 % interval"], rows.to_vec());
    format!("For a precision of {}: enter at {enter}, stay down to {stay}\n{table}", percent(*precision))
}

/// Writes an interval of a share.
pub(super) fn range(interval: Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}
