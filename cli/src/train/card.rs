//! The model card: what a model is for, what it learned from, what it is worth and what it must not be trusted with.

use super::quality::{Pick, Quality};
use super::stability::Moment;
use super::summary::range;
use super::{Thresholds, Trained};
use crate::table::{markdown, percent};

/// Writes the card as Markdown; `command` is how to make it again.
#[must_use]
pub fn card(trained: &Trained, command: &str) -> String {
    let parts = [
        head(trained),
        inputs(trained),
        quality(trained),
        calibration(&trained.tested),
        stability(trained),
        trained.thresholds.as_ref().map(thresholds).unwrap_or_default(),
        trained.sensitive.section("feature"),
        limits(trained),
        format!("## Making it again\n\n```\n{command}\n```\n"),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(trained: &Trained) -> String {
    let Trained { id, label, within_days, people, events, way, .. } = trained;
    let cuts = trained.cuts.join(", ");
    format!(
        "# Model card: {id}\n\n\
         Written by `keepset train`; change the training, not this page.\n\n\
         **Foretells** whether `{label}` comes within {within_days} days. The score is the log-odds; a segment compares it with a threshold. It is computed on the \
         device, from features the device keeps, and does not leave it.\n\n\
         **Learned from** {} rows, one per person known at the cut ({cuts}, midnight UTC), {} of them followed by the event. **Tested on** {} people at \
         {}, {} of them followed by it. The log has {people} people and {events} events; it went through the engine that runs on devices, one per person and cut. \
         An engine was told only of events before its cut.\n\n\
         **Method**: {way}; no chance is involved but in the intervals.\n",
        trained.learned.people,
        trained.learned.positives,
        trained.tested.people,
        trained.test_cut,
        trained.tested.positives,
    )
}

fn inputs(trained: &Trained) -> String {
    let mut inputs: Vec<_> = trained.features.iter().collect();
    inputs.sort_by(|a, b| b.strength.abs().total_cmp(&a.strength.abs()));
    let rows = inputs.into_iter().map(|input| {
        let weight = input.weight.map_or("-".into(), |weight| weight.to_string());
        format!("| `{}` | {} | {weight} | {:+.2} |\n", input.id, input.title, input.strength)
    });
    let Some(line) = trained.model.linear() else {
        return format!(
            "## What it reads\n\n\
             | feature | | | strength |\n| --- | --- | ---: | ---: |\n{}\n\
             Strength: by how much the feature moves the log-odds, on average over the rows learned from (mean magnitude of the Shapley values).\n",
            rows.collect::<String>()
        );
    };
    format!(
        "## What it reads\n\n\
         | feature | | weight | strength |\n| --- | --- | ---: | ---: |\n{}\n\
         Strength: by how much the log-odds move when the feature moves by one standard deviation. Features that go together share it, so a sign is no cause. \
         Intercept {}; a feature without a value counts as {}.\n",
        rows.collect::<String>(),
        line.intercept,
        line.missing
    )
}

fn quality(trained: &Trained) -> String {
    let row = |name: &str, q: &Quality| {
        format!(
            "| {name} | {} | {} | {:.3} ({:.3} to {:.3}) | {:.4} | {:.4} | {:.4} |\n",
            q.people,
            percent(q.base_rate),
            q.auc.value,
            q.auc.low,
            q.auc.high,
            q.log_loss,
            q.log_loss_of_known_rate,
            q.log_loss_of_own_rate
        )
    };
    format!(
        "## What it is worth\n\n\
         | | rows | did it | AUC (95 %) | log-loss | of the known rate | of its own rate |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n{}{}\n\
         The first line flatters: it is the data learned from. Known rate: everybody is given the rate learned. Own rate: everybody is given that line's rate, which nobody \
         knows beforehand. Intervals: 1,000 resamples of the rows.\n",
        row("learned from", &trained.learned),
        row("tested later", &trained.tested)
    )
}

fn calibration(tested: &Quality) -> String {
    let rows = tested.calibration.iter().map(|bin| {
        let observed = bin.observed;
        format!(
            "| {} | {} | {} | {} |\n",
            bin.people,
            percent(bin.predicted),
            percent(observed.value),
            range(observed)
        )
    });
    format!(
        "## Calibration at the later time\n\n\
         | people, by score | predicted | observed | 95 % interval |\n| ---: | ---: | ---: | ---: |\n{}",
        rows.collect::<String>()
    )
}

fn stability(trained: &Trained) -> String {
    let row = |moment: &Moment| {
        let auc = moment
            .auc
            .map_or("-".into(), |auc| format!("{:.3} ({:.3} to {:.3})", auc.value, auc.low, auc.high));
        vec![
            moment.at.clone(),
            moment.rows.to_string(),
            percent(moment.rate),
            auc,
            format!("{:.3}", moment.shift),
        ]
    };
    let headings = ["known at", "rows", "did it", "AUC (95 %)", "shift of scores"].map(String::from).to_vec();
    format!(
        "## Stability\n\n{}\n\
         Shift: how far scores are spread otherwise than those of all rows learned from (population stability index over tenths): below 0.1 little, above 0.25 much. The last line is the later time; the others flatter.\n",
        markdown(&(headings, trained.stability.iter().map(row).collect()))
    )
}

fn thresholds(thresholds: &Thresholds) -> String {
    let Thresholds { precision, enter, stay, learned, tested } = thresholds;
    let row = |name: &str, pick: &Pick| {
        let precision = pick.precision;
        format!(
            "| {name} | {} | {} | {} | {} ({}) |\n",
            pick.people,
            percent(pick.reach),
            percent(pick.recall),
            percent(precision.value),
            range(precision)
        )
    };
    format!(
        "## Thresholds\n\n\
         For a precision of {}: enter at **{enter}**, stay down to **{stay}** (three quarters of that precision). Both were chosen on the rows learned from.\n\n\
         | | picked | reach | recall | precision (95 %) |\n| --- | ---: | ---: | ---: | ---: |\n{}{}",
        percent(*precision),
        row("learned from", learned),
        row("tested later", tested)
    )
}

fn limits(trained: &Trained) -> String {
    let (learned, tested) = (&trained.learned, &trained.tested);
    let bins = &tested.calibration;
    let off = bins
        .iter()
        .filter(|bin| bin.predicted < bin.observed.low || bin.predicted > bin.observed.high)
        .count();
    let gain = if tested.log_loss < tested.log_loss_of_own_rate { "better" } else { "worse" };
    format!(
        "## Limits\n\n\
         - One later time was tested. The rate was {} when learning and {} then; in {off} of {} fifths the predicted probability lies outside the interval of what was \
         observed, and by log-loss the probabilities are {gain} than giving everybody the rate of that time. Rates move with seasons and campaigns, and probabilities with them: \
         compare scores with thresholds, and do not print a percentage to anyone.\n\
         - It foretells, it does not explain: that somebody scores high says nothing of what a message to them would change. That takes a group left without it.\n\
         - Only people known before the cut were learned from and tested. Somebody new scores as one without any history.\n\
         - It knows the people, the offers and the year of this log. Train again on your own before you rely on it.\n",
        percent(learned.base_rate),
        percent(tested.base_rate),
        bins.len()
    )
}
