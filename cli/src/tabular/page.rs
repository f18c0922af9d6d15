//! A trained model of a table and its worth, for a terminal and as a model card.

use std::fmt::Write as _;

use super::evaluate::Evaluation;
use super::train::TableTrained;
use crate::table::{aligned, percent};
use crate::train::quality::{Interval, Worth};

/// Writes what a model is worth.
#[must_use]
pub fn evaluation(evaluation: &Evaluation) -> String {
    let mut text = worth(&evaluation.worth);
    let curve = evaluation.worth.curve.iter().map(|bin| {
        let observed = bin.observed;
        vec![bin.people.to_string(), percent(bin.predicted), percent(observed.value), share_range(observed)]
    });
    let _ = write!(
        text,
        "\n\nReliability curve, tenths of the rows by probability (mean distance {})\n{}",
        percent(evaluation.worth.calibration_error),
        aligned(&["rows", "foretold", "observed", "95 % interval"], curve.collect())
    );
    if !evaluation.groups.is_empty() {
        let rows = evaluation.groups.iter().map(|group| {
            let auc = group.auc.map_or("-".into(), |auc| format!("{auc:.3}"));
            let name = format!("{} = {}", group.column, group.text);
            vec![name, group.rows.to_string(), percent(group.rate), percent(group.foretold), auc]
        });
        let _ = write!(
            text,
            "\n\n{}",
            aligned(&["group", "rows", "observed", "foretold", "AUC"], rows.collect())
        );
    }
    let rows =
        evaluation.importance.iter().take(12).map(|(name, fall)| vec![name.clone(), format!("{fall:.4}")]);
    let _ = write!(text, "\n\n{}", aligned(&["column shuffled", "AUC falls by"], rows.collect()));
    text + "\n"
}

fn worth(worth: &Worth) -> String {
    let row = |name: &str, interval: Interval, without: String| {
        vec![
            name.to_owned(),
            format!("{:.4}", interval.value),
            format!("{:.4} to {:.4}", interval.low, interval.high),
            without,
        ]
    };
    let rows = vec![
        row("AUC", worth.auc, "0.5".into()),
        row("log-loss", worth.log_loss, format!("{:.4}", worth.log_loss_of_own_rate)),
        row("Brier", worth.brier, format!("{:.4}", worth.brier_of_own_rate)),
    ];
    format!(
        "{} rows, {} of them a yes\n{}",
        worth.rows,
        worth.positives,
        aligned(&["", "value", "95 % interval", "of the rate alone"], rows)
    )
}

fn share_range(interval: Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}

/// Writes the card of a model as Markdown; `command` is how to make it again.
#[must_use]
pub fn card(trained: &TableTrained, command: &str) -> String {
    let TableTrained { model, way, again, rows, rounding, tried, held_back, tested, .. } = trained;
    let mut text = format!(
        "# Model card: {}\n\nWritten by `keepset train`; change the training, not this page.\n\n**Foretells** {}{}, as log-odds.\n\n\
         **Learned from** {rows} rows by {way}, chosen on these rows alone.\n\n**Encoded** {} columns as {} numbers. \
         Rounding the leaves moves no score of these rows by more than {rounding:.1e}.\n",
        model.label,
        model.label,
        model.positive.as_ref().map_or(String::new(), |positive| format!(" = {positive}")),
        model.encoding.columns.len(),
        model.encoding.names().len(),
    );
    if let Some(way) = again {
        let _ = writeln!(
            text,
            "\n**Fitted again** on all rows once it was tested, by {way}; the figures below are of the one before."
        );
    }
    text += "\n## What was tried\n\n| learner | AUC held out | log-loss |\n| --- | ---: | ---: |\n";
    for one in tried {
        let _ = writeln!(text, "| {} | {:.4} | {:.4} |", one.way, one.auc, one.log_loss);
    }
    if let Some(tested) = tested {
        let _ = write!(
            text,
            "\n## What it is worth\n\nTested on {held_back}, of which nothing was known.\n\n```\n{}```\n",
            evaluation(tested)
        );
    }
    let _ = write!(text, "\n{}", trained.sensitive.section("column"));
    text += "\n## Limits\n\n- It knows the people, the offers and the time of this table. Evaluate it on rows of your own: `keepset evaluate`.\n\
             - It foretells, it does not explain: what a message would change takes a group left without it.\n\
             - Probabilities move with seasons and campaigns; compare scores with thresholds.\n\
             - Look at the errors of groups (`keepset evaluate --by COLUMN`) before anything hangs on a score.\n";
    let _ = write!(text, "\n## Making it again\n\n```\n{command}\n```\n");
    text
}
