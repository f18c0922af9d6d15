//! What a hazard found: its card, and the text for a terminal.

use super::{HazardTrained, Horizon, Seen, Threshold};
use crate::table::{Table, aligned, markdown, percent};
use crate::train::quality::Interval;

/// Writes the card, with the command that makes it again.
#[must_use]
pub fn card(trained: &HazardTrained, command: &str) -> String {
    let parts = [
        head(trained),
        inputs(trained),
        says(trained),
        rule(trained),
        worth(trained),
        calibration(trained),
        trained.sensitive.section("feature"),
        limits(trained),
        format!("## Making it again\n\n```\n{command}\n```\n"),
    ];
    parts.join("\n")
}

/// Writes what was found, and the model.
#[must_use]
pub fn summary(trained: &HazardTrained) -> String {
    let HazardTrained { people, events, label, unused, .. } = trained;
    let mut text = format!(
        "{people} people, {events} events, {unused} lines not used; in how many days does {label} come?\n\n"
    );
    for (heading, (headings, rows)) in [
        ("The order in which they come", order(trained)),
        ("Chances at the later time, and their squared error", horizons(trained)),
        ("People at the later time in fifths by score: foretold, observed", fifths(trained)),
        ("What a score says", scores(trained)),
        (
            "The score that a chance begins at, and the share of people at the later time who reach it",
            chances(trained),
        ),
    ] {
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        text += &format!("{heading}\n{}\n\n", aligned(&headings, rows));
    }
    format!("{text}{}\n", trained.member())
}

fn of_days(first: &str, days: &[u16]) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(days.iter().map(|days| format!("{days} days"))).collect()
}

fn head(trained: &HazardTrained) -> String {
    let HazardTrained { id, label, people, events, way, learned, tested, watched, .. } = trained;
    let longest = trained.days.last().copied().unwrap_or_default();
    format!(
        "# Model card: {id}\n\n\
         Written by `keepset train`; change the training, not this page.\n\n\
         **Foretells** in how many days `{label}` comes, up to {longest}. The score is the log-odds that it comes on a day of the first stretch when it has not come before; a rule asks for a chance within \
         some days, and the device compares the score with a threshold. It is computed on the device, from features the device keeps, and does not leave it.\n\n\
         **Learned from** {} rows, one per person known at the cut ({}, midnight UTC), {} of whom it came to before the test or day {longest}; the others count as waiting until then, and as nothing after it. \
         **Tested on** {} people at {}, watched for {watched} days, {} of whom it came to. The log has {people} people and {events} events; it went through the engine that runs on \
         devices, one per person and cut. An engine was told only of events before its cut.\n\n\
         **Method**: {way}; no chance is involved but in the intervals.\n",
        learned.rows,
        trained.cuts.join(", "),
        learned.came,
        tested.rows,
        trained.test_cut,
        tested.came,
    )
}

fn inputs(trained: &HazardTrained) -> String {
    let mut terms: Vec<_> = trained.features.iter().collect();
    terms.sort_by(|a, b| b.strength.abs().total_cmp(&a.strength.abs()));
    let row = |term: &super::Term| {
        vec![
            format!("`{}`", term.id),
            term.title.clone(),
            term.weight.to_string(),
            format!("{:.2e}", term.error),
            format!("{:+.2}", term.strength),
        ]
    };
    let headings = ["feature", "", "weight", "standard error", "strength"].map(String::from).to_vec();
    format!(
        "## What it reads\n\n{}\n\
         Strength: by how much the log-odds of a day move when the feature moves by one standard deviation. Features that go together share it, so a sign is no cause. Standard errors take rows \
         as independent, which those of one person are not.\n",
        markdown(&(headings, terms.into_iter().map(row).collect()))
    )
}

fn scores(trained: &HazardTrained) -> Table {
    let mut headings = of_days("rows below", &trained.days);
    headings.insert(1, "score".into());
    headings.push("half by day".into());
    let longest = trained.days.last().copied().unwrap_or_default();
    let row = |said: &super::Said| {
        let mut cells = vec![format!("{} %", said.above), format!("{:.2}", said.score)];
        cells.extend(said.chances.iter().map(|chance| percent(*chance)));
        cells.push(said.median.map_or(format!("after {longest}"), |days| days.to_string()));
        cells
    };
    (headings, trained.scores.iter().map(row).collect())
}

fn says(trained: &HazardTrained) -> String {
    format!(
        "## What a score says\n\n{}\n\
         The chance that it comes within so many days, and the day by which it has come to half of such people, of the scores that so many of the rows learned from lie below.\n",
        markdown(&scores(trained))
    )
}

fn chances(trained: &HazardTrained) -> Table {
    let cell = |threshold: &Threshold| format!("{:.2} ({})", threshold.score, percent(threshold.reach));
    let rows = trained.thresholds.chunk_by(|a, b| a.chance == b.chance).map(|same| {
        let chance = same.first().map_or(0.0, |threshold| threshold.chance);
        std::iter::once(percent(chance)).chain(same.iter().map(cell)).collect()
    });
    (of_days("chance", &trained.days), rows.collect())
}

fn rule(trained: &HazardTrained) -> String {
    let days = trained.days.get(trained.days.len() / 2).copied().unwrap_or_default();
    format!(
        "## In a rule\n\n\
         `{{\"model\": \"{}\", \"within_days\": {days}, \"op\": \">=\", \"value\": 0.3}}` asks for a chance of 30 % within {days} days. What a device compares the score with, for other chances \
         and days, and the share of those tested on who reach it:\n\n{}",
        trained.id,
        markdown(&chances(trained))
    )
}

fn order(trained: &HazardTrained) -> Table {
    let row = |name: &str, seen: &Seen| {
        vec![name.to_owned(), seen.rows.to_string(), seen.came.to_string(), with_range(seen.concordance)]
    };
    let mut rows = vec![row("learned from", &trained.learned), row("tested later", &trained.tested)];
    rows.extend(trained.concordance_of_recency.map(|found| {
        let Seen { rows, came, .. } = trained.tested;
        vec!["by how long ago it came last".into(), rows.to_string(), came.to_string(), with_range(found)]
    }));
    (["", "rows", "it came", "concordance (95 %)"].map(String::from).to_vec(), rows)
}

fn horizons(trained: &HazardTrained) -> Table {
    let names = trained.horizons.first().map(|first| first.beside.iter().map(|beside| beside.name));
    let mut headings = ["days", "foretold", "observed (95 %)", "squared error"].map(String::from).to_vec();
    headings.extend(names.into_iter().flatten().map(|name| format!("less that of {name} (95 %)")));
    let row = |horizon: &Horizon| {
        let mut cells = vec![
            horizon.days.to_string(),
            percent(horizon.foretold),
            format!("{} ({})", percent(horizon.observed.value), percents(horizon.observed)),
            format!("{:.4}", horizon.brier.value),
        ];
        cells.extend(horizon.beside.iter().map(|beside| {
            let Interval { value, low, high } = beside.difference;
            format!("{value:+.4} ({low:+.4} to {high:+.4})")
        }));
        cells
    };
    (headings, trained.horizons.iter().map(row).collect())
}

fn worth(trained: &HazardTrained) -> String {
    format!(
        "## What it is worth\n\n{}\n\
         Concordance: of two people, one of whom is seen to wait longer, how often the other scores higher. The first line flatters: it is the data learned from.\n\n{}\n\
         Squared error (Brier) of the chances of those tested on, and by how much it lies below (-) that of what needs no model: one rate for every day and everybody, one for each stretch of days, and the same \
         method with nothing but how long ago it came last. Everybody was watched for {} days, so the share observed is the Kaplan-Meier estimate. Intervals: 1,000 resamples of people.\n",
        markdown(&order(trained)),
        markdown(&horizons(trained)),
        trained.watched
    )
}

fn fifths(trained: &HazardTrained) -> Table {
    let mut headings = vec!["fifth".to_owned()];
    headings.extend(trained.horizons.iter().map(|horizon| format!("{} days", horizon.days)));
    let cell = |horizon: &Horizon, number: usize| {
        let fifth = horizon.fifths[number];
        format!(
            "{}, {} ({})",
            percent(fifth.foretold),
            percent(fifth.observed.value),
            percents(fifth.observed)
        )
    };
    let count = trained.horizons.first().map_or(0, |horizon| horizon.fifths.len());
    let row = |number: usize| {
        let cells = trained.horizons.iter().map(|horizon| cell(horizon, number));
        std::iter::once((number + 1).to_string()).chain(cells).collect()
    };
    (headings, (0..count).map(row).collect())
}

fn calibration(trained: &HazardTrained) -> String {
    format!(
        "## Calibration at the later time\n\n{}\n\
         People in fifths by score, the lowest first: the mean chance foretold, then the share to whom it came with its 95 % interval.\n",
        markdown(&fifths(trained))
    )
}

fn limits(trained: &HazardTrained) -> String {
    let cells: Vec<_> = trained.horizons.iter().flat_map(|horizon| &horizon.fifths).collect();
    let off = cells
        .iter()
        .filter(|fifth| fifth.foretold < fifth.observed.low || fifth.foretold > fifth.observed.high)
        .count();
    let unseen: Vec<String> =
        trained.days.iter().filter(|days| **days > trained.watched).map(ToString::to_string).collect();
    let beyond = if unseen.is_empty() {
        String::new()
    } else {
        format!(
            "- The log ends before {} days after the test are over: what is said of them was not measured.\n",
            unseen.join(", ")
        )
    };
    format!(
        "## Limits\n\n\
         - One later time was tested: in {off} of {} cells of the table above the chance lies outside the interval of what was observed. Rates move with seasons and campaigns, and chances with \
         them: compare, and do not print a percentage to anyone.\n{beyond}\
         - A feature moves the log-odds of each day alike, the first and the last (proportional odds). Where one tells of soon alone, the table shows it as fifths that fit at some days and not at others.\n\
         - Who is still waiting at the end of the watching is waiting, not gone: nothing is said of days beyond the last.\n\
         - It foretells, it does not explain: that somebody scores high says nothing of what a message to them would change. That takes a group left without it.\n\
         - It knows the people, the offers and the year of this log. Train again on your own before you rely on it. Do not use it for prices, credit or access.\n",
        cells.len()
    )
}

fn with_range(interval: Interval) -> String {
    format!("{:.3} ({:.3} to {:.3})", interval.value, interval.low, interval.high)
}

fn percents(interval: Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}
