//! A trained family for a terminal, and its card.

use std::fmt::Write as _;

use super::learn::Tried;
use super::{Beside, FamilyTrained, ValueWorth};
use crate::table::{aligned, markdown, percent};
use crate::train::quality::Interval;

const HEADINGS: [&str; 4] = ["", "the models", "how often", "how often and lately"];

/// Writes what a family is worth.
#[must_use]
pub fn summary(trained: &FamilyTrained) -> String {
    let FamilyTrained { people, events, unused, label, within_days, each, values, way, .. } = trained;
    let mut text = format!(
        "{people} people, {events} events, {unused} lines not used; with which {} does {label} come within {within_days} days?\n{} models: {way}\n\n",
        each.join(" or "),
        values.len()
    );
    text += &aligned(&HEADINGS, means(trained));
    let rows = values.iter().map(cells).collect();
    let headings = ["", "learned from", "came later", "AUC", "how often", "how often and lately"];
    let _ = write!(text, "\n\nEach value, tested on {}\n{}\n", trained.test_cut, aligned(&headings, rows));
    text
}

fn means(trained: &FamilyTrained) -> Vec<Vec<String>> {
    let row = |name: &str, figure: &Beside<Interval>| {
        let cell = |one: &Interval| format!("{:.3} ({:.3} to {:.3})", one.value, one.low, one.high);
        vec![name.to_owned(), cell(&figure.ours), cell(&figure.frequency), cell(&figure.recency)]
    };
    let mut rows = vec![row("mean AUC of the values, among people", &trained.auc)];
    if let Some(basket) = &trained.basket {
        let name = format!("one of ten values in the next basket, {} people", basket.people);
        rows.push(row(&name, &basket.hit_rate));
        let all = basket.hit_rate.popularity;
        rows.push(vec![
            "the same by how common a value is".into(),
            format!("{:.3}", all.value),
            "-".into(),
            "-".into(),
        ]);
    }
    rows
}

fn cells(worth: &ValueWorth) -> Vec<String> {
    let auc =
        |of: fn(&Beside<f64>) -> f64| worth.auc.as_ref().map_or("-".into(), |auc| format!("{:.3}", of(auc)));
    vec![
        worth.value.clone(),
        percent(worth.rate),
        worth.came.to_string(),
        auc(|auc| auc.ours),
        auc(|auc| auc.frequency),
        auc(|auc| auc.recency),
    ]
}

/// Writes the card as Markdown; `command` is how to make it again.
#[must_use]
pub fn card(trained: &FamilyTrained, command: &str) -> String {
    let FamilyTrained {
        id, label, each, within_days, cuts, test_cut, people, events, rows, tested, way, ..
    } = trained;
    let table = |headings: &[&str], rows: Vec<Vec<String>>| {
        markdown(&(headings.iter().map(|heading| (*heading).to_owned()).collect(), rows))
    };
    let tried = |one: &Tried| {
        let cells = [one.way.clone(), format!("{:.5}", one.log_loss)];
        cells.into_iter().chain(one.hit_rate.map(|rate| format!("{rate:.4}"))).collect()
    };
    let told = if trained.tried.iter().any(|one| one.hit_rate.is_some()) { 3 } else { 2 };
    format!(
        "# Model card: {id}\n\nWritten by `keepset train`; change the training, not this page.\n\n\
         **Foretells**, for each of {} values of {}, whether `{label}` comes with it within {within_days} days. Each score is the log-odds; it is computed on the device, \
         from features the device keeps, and does not leave it.\n\n\
         **Learned from** {rows} rows, one per person known at the cut ({}, midnight UTC). **Tested on** {tested} people at {test_cut}. The log has {people} people and \
         {events} events; it went through the engine that runs on devices, one per person and cut, told only of events before its cut.\n\n\
         **Method**: {way}.\n\n## What it is worth at the later time\n\n{}\n\
         Brackets: 95 %, 1,000 resamples of the people (AUC), Wilson (share of baskets). *How often*: the number of times a person had the value. \
         *How often and lately*: the same where the longer ago counts less, the best of the half-lives; for baskets with the best share of how common a value is. Both choices \
         were made on the people tested on, in its favour. A value that came to all, or to nobody, is left out of the mean.\n\n{}\n\
         ## What was tried\n\nOn rows held out of those learned from.\n\n{}\n\
         {}\n\
         ## Limits\n\n- One later time was tested; rates move with seasons, and probabilities with them: compare scores with thresholds.\n\
         - That somebody scores high says nothing of what a message to them would change. That takes a group left without it.\n\
         - It knows the people, the goods and the year of this log. Train again on your own before you rely on it.\n\n\
         ## Making it again\n\n```\n{command}\n```\n",
        trained.values.len(),
        each.iter().map(|property| format!("`{property}`")).collect::<Vec<_>>().join(", "),
        cuts.join(", "),
        table(&HEADINGS, means(trained)),
        table(
            &["value", "came, learned from", "came to, later", "AUC", "how often", "how often and lately"],
            trained.values.iter().map(cells).collect()
        ),
        table(&["way", "log-loss", "next baskets"][..told], trained.tried.iter().map(tried).collect()),
        trained.sensitive.section("feature"),
    )
}
