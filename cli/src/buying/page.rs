//! What a training of buying found: its card, and the text for a terminal.

use super::{BuyingTrained, Fifth, Group};
use crate::table::{Table, aligned, markdown, percent};
use crate::train::quality::Interval;

/// Writes the card, with the command that makes it again.
#[must_use]
pub fn card(trained: &BuyingTrained, command: &str) -> String {
    let parts = [
        head(trained),
        rule(trained),
        worth(trained),
        trained.sensitive.section("feature"),
        limits(trained),
        format!("## Making it again\n\n```\n{command}\n```\n"),
    ];
    parts.join("\n")
}

/// Writes what was found, and the models.
#[must_use]
pub fn summary(trained: &BuyingTrained) -> String {
    let BuyingTrained { people, events, label, unused, within_days, .. } = trained;
    let mut text = format!(
        "{people} people, {events} events, {unused} lines not used; how often does {label} come within {within_days} days?\n\n"
    );
    for (heading, (headings, rows)) in [
        ("What was foretold and what came", beside(trained)),
        ("Customers by how often they had come again, one of them", groups(trained)),
        ("Customers who had come again, in fifths by the chance to do so once more", fifths(trained)),
    ] {
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        text += &format!("{heading}\n{}\n\n", aligned(&headings, rows));
    }
    format!("{text}{}{}\n", said(trained), trained.members())
}

fn head(trained: &BuyingTrained) -> String {
    let BuyingTrained { id, label, people, events, learned, within_days, cut, test_cut, .. } = trained;
    let number = |key: &str, model: &str| {
        trained.models.get(model).map_or(String::new(), |model| model[key].to_string())
    };
    let spend = format!("{id}.spend");
    let [r, alpha, a, b] = ["r", "alpha", "a", "b"].map(|key| number(key, id));
    let worth = if trained.models.contains_key(&spend) {
        let [p, q, v] = ["p", "q", "v"].map(|key| number(key, &spend));
        format!(
            " What an event is worth on average is Gamma-distributed among people (Gamma-Gamma; Fader, Hardie, 2013): p {p}, q {q}, v {v}."
        )
    } else {
        String::new()
    };
    format!(
        "# Model card: {id}\n\n\
         Written by `keepset train`; change the training, not this page.\n\n\
         **Foretells** how often `{label}` comes within {within_days} days, of people to whom it has come at least once. The score is that number; of `{id}.alive` the chance that it comes once more, \
         ever{}. It is computed on the device, from features the device keeps, and does not leave it.\n\n\
         **Learned from** {} people known at the cut ({cut}, midnight UTC), {} of whom it had come to more than once. **Tested on** {} people at {test_cut}. The log has {people} people \
         and {events} events; it went through the engine that runs on devices, one per person and cut. An engine was told only of events before its cut.\n\n\
         **Method**: BG/NBD (Fader, Hardie, Lee, 2005): it comes at a rate of its own to each person, and after each time a person is gone with a chance of their own; rates are Gamma-distributed among people \
         (r {r}, alpha {alpha} days), chances Beta (a {a}, b {b}), by the largest likelihood ({:.1} in logarithms).{worth} No chance is involved but in the intervals.\n",
        if trained.models.contains_key(&spend) {
            format!(", of `{spend}` what it is expected to bring")
        } else {
            String::new()
        },
        learned.0,
        learned.1,
        trained.tested.customers,
        trained.log_likelihood,
    )
}

fn rule(trained: &BuyingTrained) -> String {
    let BuyingTrained { id, features, .. } = trained;
    let what =
        ["how often", "the days since the last time", "the days since the first time", "the mean worth"];
    let read: Vec<String> =
        features.iter().zip(what).map(|(feature, what)| format!("{what} (`{feature}`)")).collect();
    format!(
        "## In a rule\n\n\
         `{{\"model\": \"{id}\", \"op\": \">=\", \"value\": 2}}` asks for two expected times, `{{\"model\": \"{id}.alive\", \"op\": \"<\", \"value\": 0.3}}` for who is likely gone: together with a comparison of \
         `{}`, for of who never came nothing is expected, and every score is 0.\n\n\
         It reads {}.\n",
        features[0],
        read.join(", ")
    )
}

fn beside(trained: &BuyingTrained) -> Table {
    let tested = &trained.tested;
    let row = |name: &str, foretold: f64, correlation: Option<Interval>, error: Interval| {
        vec![
            name.to_owned(),
            format!("{foretold:.0}"),
            correlation.map_or("-".into(), three_digits),
            three_digits(error),
        ]
    };
    let mut rows = vec![row("the model", tested.foretold, tested.correlation, tested.error)];
    rows.extend(tested.beside.iter().map(|one| row(one.name, one.foretold, one.correlation, one.error)));
    rows.push(vec!["what came".into(), format!("{:.0}", tested.came), String::new(), String::new()]);
    (["", "of all", "correlation (95 %)", "mean absolute error (95 %)"].map(String::from).to_vec(), rows)
}

fn groups(trained: &BuyingTrained) -> Table {
    let row = |group: &Group| {
        let repeats = match group.repeats {
            (from, Some(to)) if from == to => from.to_string(),
            (from, Some(to)) => format!("{from} to {to}"),
            (from, None) => format!("{from} and more"),
        };
        let came = group.came;
        vec![
            repeats,
            group.customers.to_string(),
            format!("{:.2}", group.foretold),
            format!("{:.2} ({:.2} to {:.2})", came.value, came.low, came.high),
        ]
    };
    (
        ["came again", "people", "foretold", "came (95 %)"].map(String::from).to_vec(),
        trained.tested.groups.iter().map(row).collect(),
    )
}

fn fifths(trained: &BuyingTrained) -> Table {
    let heading = format!("came within {} days (95 %)", trained.within_days);
    let row = |(number, fifth): (usize, &Fifth)| {
        let came = fifth.came;
        vec![
            (number + 1).to_string(),
            fifth.customers.to_string(),
            percent(fifth.alive),
            format!("{} ({} to {})", percent(came.value), percent(came.low), percent(came.high)),
        ]
    };
    (
        vec!["fifth".into(), "people".into(), "comes once more".into(), heading],
        trained.tested.fifths.iter().enumerate().map(row).collect(),
    )
}

/// What is one number: the order of people, and what was spent.
fn said(trained: &BuyingTrained) -> String {
    let tested = &trained.tested;
    let mut text = String::new();
    if let (Some(auc), Some(recency)) = (tested.auc, tested.auc_of_recency) {
        text += &format!(
            "Of two people, one of whom came and one did not, the one who came was foretold more in {} of cases (AUC); the one who had come later before, in {}.\n\n",
            three_digits(auc),
            three_digits(recency)
        );
    }
    if let Some(spend) = &tested.spend {
        text += &format!(
            "Of all of them {:.0} was foretold to be spent, and {:.0} was; the correlation over people is {}.\n\n",
            spend.foretold,
            spend.spent,
            spend.correlation.map_or("-".into(), three_digits)
        );
    }
    text
}

fn worth(trained: &BuyingTrained) -> String {
    format!(
        "## What it is worth\n\n{}\n{}\
         Beside it stands what needs no model: how often somebody had come, over the days since the first time and the days foretold, and the mean of that for everyone.\n\n{}\n\
         People by how often they had come again: how often it was foretold of one, and how often it came.\n\n{}\n\
         Those who had come again, in fifths by the chance to do so once more, the lowest first. That may be later than within {} days, so the columns need not agree; they should rise together. \
         Intervals: 1,000 resamples of people.\n",
        markdown(&beside(trained)),
        said(trained),
        markdown(&groups(trained)),
        markdown(&fifths(trained)),
        trained.within_days
    )
}

/// Above it how often and for how much go together in a way that the model takes for chance.
const MUCH_DEPENDENCE: f64 = 0.3;

fn limits(trained: &BuyingTrained) -> String {
    let tested = &trained.tested;
    let ratio = tested.foretold / tested.came.max(1.0);
    let off = tested
        .groups
        .iter()
        .filter(|group| group.foretold < group.came.low || group.foretold > group.came.high)
        .count();
    let dependence = trained.dependence.map_or(String::new(), |dependence| {
        let verdict = if dependence.abs() > MUCH_DEPENDENCE { "too much for it: do not trust what is foretold to be spent" } else { "little enough" };
        format!("- What an event is worth is taken to have nothing to do with how often it comes; their correlation is {dependence:.2}, {verdict}.\n")
    });
    format!(
        "## Limits\n\n\
         - One later time was tested: {:.0} % of what came was foretold, and of {off} of {} groups what came lies elsewhere. The model knows no season: train on a cut a year before what is foretold, or compare people, not numbers.\n\
         - Somebody to whom it came once counts as still there, however long ago that was: the model lets people go after a repeated time.\n{dependence}\
         - It foretells, it does not explain: that much is expected of somebody says nothing of what a message to them would change. That takes a group left without it.\n\
         - It knows the people, the offers and the year of this log. Train again on your own before you rely on it. Do not use it for prices, credit or access.\n",
        ratio * 100.0,
        tested.groups.len()
    )
}

fn three_digits(interval: Interval) -> String {
    format!("{:.3} ({:.3} to {:.3})", interval.value, interval.low, interval.high)
}
