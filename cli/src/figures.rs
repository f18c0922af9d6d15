//! The table of docs/models.md: what models are worth on public data, beside what others reached, each by the commands a
//! reader can repeat.

mod family;
mod logs;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use keepset_engine::model::{BgNbd, Customer};
use keepset_wire::Timestamp;

use crate::buying::correlation;
use crate::learn::counts;
use crate::markers;
use crate::tabular::frame::Frame;
use crate::tabular::select::Learner;
use crate::tabular::train::TableTraining;
use crate::train::quality::mean_and_deviation;

/// Where the data are and where the table goes.
#[derive(Debug, clap::Args)]
pub struct FiguresArguments {
    /// The folder with the tables, as docs/models.md lists them
    #[arg(long)]
    pub data: PathBuf,
    /// The folder with `CDNOW_sample.txt`, of PyPI's lifetimes
    #[arg(long)]
    pub cdnow: Option<PathBuf>,
    /// The folder with the logs `journey`, `wholesale`, `departments` and `items`, each `.csv.gz`, that the packs' scripts make
    #[arg(long)]
    pub logs: Option<PathBuf>,
    /// The folder with the packs
    #[arg(long, default_value = "packs")]
    pub packs: PathBuf,
    /// Only the sets whose name holds this text
    #[arg(long)]
    pub only: Option<String>,
    /// The page whose table is written anew
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// A line of the table.
struct Figure {
    set: &'static str,
    task: &'static str,
    ours: String,
    baseline: &'static str,
    how: &'static str,
    chosen: String,
}

const HEADINGS: &str = "| set | task | ours | to beat | how it was measured | what learned |\n| --- | --- | ---: | ---: | --- | --- |\n";

/// Measures, and writes the table.
///
/// # Errors
/// When a file cannot be read or written, or a training refuses.
pub fn run(arguments: &FiguresArguments, say: &mut dyn FnMut(&str)) -> anyhow::Result<String> {
    let mut figures = Vec::new();
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    for task in TABLES.iter().filter(|task| wanted(task.set)) {
        say(&format!("{}: {}", task.set, task.task));
        figures.push(task.measure(&arguments.data)?);
    }
    if let Some(folder) = arguments.cdnow.as_ref().filter(|_| wanted("CDNOW")) {
        figures.extend(cdnow(&folder.join("CDNOW_sample.txt"))?);
    }
    if let Some(folder) = &arguments.logs {
        for task in logs::LOGS.iter().filter(|task| wanted(task.set)) {
            say(&format!("{}: {}", task.set, task.task));
            figures.push(task.measure(folder, &arguments.packs)?);
        }
        for task in family::FAMILIES.iter().filter(|task| wanted(task.set)) {
            say(&format!("{}: {}", task.set, task.task));
            figures.push(task.measure(folder, &arguments.packs)?);
        }
    }
    let mut table = HEADINGS.to_owned();
    for Figure { set, task, ours, baseline, how, chosen } in figures {
        table += &format!("| {set} | {task} | {ours} | {baseline} | {how} | {chosen} |\n");
    }
    if let Some(page) = &arguments.page {
        markers::write(page, "figures", &table)?;
    }
    Ok(table)
}

/// How a table is divided to measure on.
#[derive(Clone, Copy)]
enum Held {
    /// In five parts, each foretold by the other four.
    Fifths,
    /// The last 30 % of rows in order of time.
    Later,
    /// A quarter of the people of a column.
    People(&'static str),
}

struct OfTable {
    set: &'static str,
    task: &'static str,
    file: &'static str,
    label: &'static str,
    positive: Option<&'static str>,
    ignore: &'static [&'static str],
    texts: &'static [&'static str],
    learner: Learner,
    held: Held,
    baseline: &'static str,
}

const SHOPPERS: OfTable = OfTable {
    set: "Online Shoppers",
    task: "purchase in the session",
    file: "online_shoppers/train70.csv",
    label: "Revenue",
    positive: None,
    ignore: &["row"],
    texts: &["OperatingSystems", "Browser", "Region", "TrafficType"],
    learner: Learner::Boost,
    held: Held::Fifths,
    baseline: "0.937",
};

const TABLES: [OfTable; 6] = [
    SHOPPERS,
    OfTable {
        task: "the same without PageValues, which holds part of the outcome",
        ignore: &["row", "PageValues"],
        baseline: "0.777",
        ..SHOPPERS
    },
    OfTable {
        set: "Bank Marketing",
        task: "a deposit is opened; without duration",
        file: "bank_marketing/first70.csv.gz",
        label: "y",
        ignore: &["row", "duration"],
        texts: &[],
        learner: Learner::Auto,
        held: Held::Later,
        baseline: "0.667 (of a later stretch)",
        ..SHOPPERS
    },
    OfTable {
        set: "Telco churn",
        task: "the customer leaves",
        file: "churn/wa_churn.csv",
        label: "churn",
        ignore: &[],
        texts: &[],
        learner: Learner::Auto,
        baseline: "0.845",
        ..SHOPPERS
    },
    OfTable {
        set: "MLC churn",
        task: "the customer leaves",
        file: "churn/mlc_churn.csv",
        label: "churn",
        ignore: &[],
        texts: &[],
        learner: Learner::Auto,
        baseline: "0.926",
        ..SHOPPERS
    },
    OfTable {
        set: "Diabetes",
        task: "readmitted within 30 days",
        file: "diabetes_readmission/train60.csv.gz",
        label: "readmitted",
        positive: Some("<30"),
        ignore: &["encounter_id"],
        texts: &["admission_type_id", "discharge_disposition_id", "admission_source_id"],
        held: Held::People("patient_nbr"),
        baseline: "0.668",
        ..SHOPPERS
    },
];

impl OfTable {
    fn measure(&self, data: &Path) -> anyhow::Result<Figure> {
        let frame = Frame::read(&data.join(self.file))?;
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let training = TableTraining {
            label: self.label.to_owned(),
            positive: self.positive.map(str::to_owned),
            person: if let Held::People(person) = self.held { Some(person.to_owned()) } else { None },
            time: if let Held::Later = self.held { Some(String::new()) } else { None },
            ignore: owned(self.ignore),
            texts: owned(self.texts),
            learner: self.learner,
            test_share: if let Held::Later = self.held { 0.3 } else { 0.25 },
            ..TableTraining::default()
        };
        let (ours, chosen) = match self.held {
            Held::Fifths => {
                let (areas, _) = training.cross(&frame, 5, &mut |_| {})?;
                let (mean, deviation) = mean_and_deviation(&areas);
                (format!("**{mean:.3}** ± {deviation:.3}"), "chosen within each".to_owned())
            }
            _ => {
                let trained = training.run(&frame, &mut |_| {})?;
                let worth = trained.tested.context("a part is held back")?.worth;
                let area = worth.auc;
                (format!("**{:.3}** ({:.3} to {:.3})", area.value, area.low, area.high), trained.way)
            }
        };
        let how = match self.held {
            Held::Fifths => "AUC, five parts",
            Held::Later => "AUC, the last 30 % in time of these rows",
            Held::People(_) => "AUC, a quarter of the patients",
        };
        Ok(Figure { set: self.set, task: self.task, ours, baseline: self.baseline, how, chosen })
    }
}

/// The weeks of CDNOW that are learned from and those that are foretold.
const WEEKS: f64 = 39.0;

/// BG/NBD and Gamma-Gamma on the 2,357 customers of the CDNOW sample.
fn cdnow(path: &Path) -> anyhow::Result<Vec<Figure>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let customers = read_cdnow(&text)?;
    let known: Vec<Customer> = customers.iter().map(|one| one.customer).collect();
    let model = counts::bg_nbd(&known);
    let expected: Vec<f64> = known.iter().map(|customer| model.expected(customer, WEEKS)).collect();
    let came: Vec<f64> = customers.iter().map(|one| one.later).collect();
    let spent: Vec<(f64, f64)> = customers
        .iter()
        .filter(|one| one.customer.repeats > 0.0 && one.mean > 0.0)
        .map(|one| (one.customer.repeats, one.mean))
        .collect();
    let worth = counts::gamma_gamma(&spent);
    let BgNbd { r, alpha, a, b } = model;
    let figure =
        |task, ours, baseline, how, chosen| Figure { set: "CDNOW", task, ours, baseline, how, chosen };
    Ok(vec![
        figure(
            "how often, BG/NBD",
            format!("**{:.1}**", counts::log_likelihood(&model, &known)),
            "-9582.4",
            "log-likelihood, 39 weeks",
            format!("r {r:.3}, alpha {alpha:.3}, a {a:.3}, b {b:.3}"),
        ),
        figure(
            "purchases of the next 39 weeks",
            format!("**{:.3}**", correlation(&expected, &came).context("everybody is alike")?),
            "0.626",
            "correlation with what came",
            "the same".to_owned(),
        ),
        figure(
            "for how much, Gamma-Gamma",
            format!("**{:.1}**", counts::log_likelihood_of_spent(&worth, &spent)),
            "-",
            "log-likelihood, who came again",
            format!("p {:.2}, q {:.2}, v {:.2}", worth.p, worth.q, worth.v),
        ),
    ])
}

struct Seen {
    customer: Customer,
    mean: f64,
    later: f64,
}

/// Lines of `number in the master file, number in the sample, day, discs, dollars`; 1997-01-01 begins, 1997-09-30 ends what is known.
fn read_cdnow(text: &str) -> anyhow::Result<Vec<Seen>> {
    let mut visits: std::collections::BTreeMap<&str, std::collections::BTreeMap<i64, f64>> =
        std::collections::BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, customer, day, _, dollars] = fields[..] else { bail!("a line of CDNOW is {line:?}") };
        let date = day.get(..4).zip(day.get(4..6)).zip(day.get(6..8));
        let date = date.and_then(|((y, m), d)| Timestamp::from_date(&format!("{y}-{m}-{d}")));
        let day = date.with_context(|| format!("{day} is no day"))?.day();
        // What was bought on one day counts as one purchase.
        *visits.entry(customer).or_default().entry(day).or_default() +=
            dollars.parse::<f64>().context("dollars")?;
    }
    let end = Timestamp::from_date("1997-09-30").context("a day")?.day();
    let seen = visits.values().map(|days| {
        let known: Vec<(i64, f64)> =
            days.iter().filter(|(day, _)| **day <= end).map(|(day, value)| (*day, *value)).collect();
        let first = known.first().map_or(end, |visit| visit.0);
        let last = known.last().map_or(first, |visit| visit.0);
        #[expect(clippy::cast_precision_loss, reason = "numbers of days and visits")]
        let (weeks, count) = (|days: i64| days as f64 / 7.0, |count: usize| count as f64);
        let repeats = count(known.len().saturating_sub(1));
        let again = known.iter().skip(1).map(|visit| visit.1).sum::<f64>();
        Seen {
            customer: Customer { repeats, last: weeks(last - first), age: weeks(end - first) },
            mean: if repeats > 0.0 { again / repeats } else { 0.0 },
            later: count(days.len() - known.len()),
        }
    });
    Ok(seen.collect())
}
