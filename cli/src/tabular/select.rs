//! Choosing a learner on the rows learned from alone: each is fitted on a part and judged on another that comes later, is of
//! other people, or was dealt out by chance.

use serde::{Deserialize, Serialize};

use super::drift::{Columns, Look};
use crate::learn::Matrix;
use crate::learn::bayes::{Binning, bayes};
use crate::learn::boost::{Boosting, boost, grow};
use crate::learn::elastic::{Line, Net, weighed_path};
use crate::learn::forest::{Foresting, forest};
use crate::learn::scale::{Platt, log_loss};
use crate::learn::tree::Ensemble;
use crate::train::quality::{Scored, auc, mean_and_deviation};

/// Which learners are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    /// Whichever of logistic and boost orders the held-out rows best.
    #[default]
    Auto,
    /// A logistic regression with an elastic net.
    Logistic,
    /// Boosted trees on the log-loss.
    Boost,
    /// A random forest.
    Forest,
    /// Extremely randomised trees.
    ExtraTrees,
    /// Naive Bayes over quantile bins.
    Bayes,
    /// In how many days the event of a log comes: a discrete-time hazard.
    Hazard,
    /// How often the event of a log comes, who still comes, and for how much: BG/NBD and Gamma-Gamma.
    BgNbd,
}

impl Learner {
    /// Refuses what does not learn whether, but when or how often.
    ///
    /// # Errors
    /// When it is the hazard or BG/NBD.
    pub fn check_asks_whether(self) -> anyhow::Result<()> {
        match self {
            Self::Hazard => {
                anyhow::bail!("a hazard learns when the event of a log comes, not whether: it needs a log")
            }
            Self::BgNbd => {
                anyhow::bail!("BG/NBD learns how often the event of a log comes, not whether: it needs a log")
            }
            _ => Ok(()),
        }
    }
}

/// How the rows learned from are divided to judge on.
#[derive(Clone, Debug, PartialEq)]
pub enum Division {
    /// By chance, whole groups together where rows have one.
    Chance {
        /// By row: its group.
        groups: Option<Vec<String>>,
        /// In how many parts.
        parts: usize,
    },
    /// The rows are in order of time; each part is judged by what was learned from those before it.
    Time,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// Weights.
    Line(Line),
    /// Trees.
    Trees(Ensemble),
}

impl Fitted {
    /// Scores every row.
    #[must_use]
    pub fn scores(&self, matrix: &Matrix) -> Vec<f64> {
        match self {
            Self::Line(line) => line.scores(matrix),
            Self::Trees(trees) => trees.scores(matrix),
        }
    }

    /// Multiplies every score and adds to it.
    pub fn stretch(&mut self, platt: Platt) {
        match self {
            Self::Line(line) => {
                line.intercept = line.intercept * platt.factor + platt.shift;
                line.weights.iter_mut().for_each(|weight| *weight *= platt.factor);
            }
            Self::Trees(trees) => trees.stretch(platt.factor, platt.shift),
        }
    }
}

/// A way to fit, as it was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// What is fitted.
    pub kind: Kind,
    /// How the rows are looked at, where they are in order of time.
    pub look: Look,
}

/// What is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A line.
    Line(Net),
    /// Boosted trees.
    Boost(Boosting),
    /// A forest.
    Forest(Foresting),
    /// Naive Bayes.
    Bayes(Binning),
}

/// A way and what it was worth on the parts held out.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// In words.
    pub way: String,
    /// The mean AUC over the parts; of parts in order of time the later ones count more.
    pub auc: f64,
    /// The standard error of that mean.
    pub error: f64,
    /// The mean log-loss over the parts.
    pub log_loss: f64,
}

/// What was chosen, what was tried, and the scores of rows that were held out.
pub struct Chosen {
    /// The way.
    pub way: Way,
    /// Everything tried.
    pub tried: Vec<Tried>,
    /// The held-out scores of the chosen way and their outcomes.
    pub held_out: (Vec<f64>, Vec<bool>),
}

const SPARSE: [f64; 2] = [0.0, 0.7];
const PENALTIES: [f64; 7] = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003];

/// The depth and the least rows of a leaf of forests.
const FORESTS: [(usize, u32); 2] = [(6, 20), (10, 10)];

/// The most bins of a column, of naive Bayes.
const BINS: [usize; 3] = [5, 10, 20];

/// Boosted trees of several sizes; the last is the largest that fits in an artifact of 30 kB with 100 trees.
fn boostings(seed: u64) -> Vec<Boosting> {
    let of = |depth, leaves, rate, least_rows, trees| Boosting {
        trees,
        depth,
        leaves,
        rate,
        least_rows,
        seed,
        ..Boosting::default()
    };
    vec![of(2, 4, 0.08, 20, 300), of(3, 8, 0.05, 20, 300), of(4, 12, 0.04, 40, 300), of(6, 24, 0.04, 20, 300)]
}

/// Chooses among the ways of a learner. `sources` names, for each column, the fact it comes from.
#[must_use]
pub fn choose(
    matrix: &Matrix,
    sources: &[String],
    labels: &[bool],
    learner: Learner,
    division: &Division,
    seed: u64,
    step: &mut dyn FnMut(u64, u64),
) -> Chosen {
    let parts = divide(matrix.rows, division, seed);
    let folds: Vec<Fold> =
        parts.iter().map(|part| Fold::new(matrix, labels, part)).filter(Fold::is_two_sided).collect();
    let in_order = *division == Division::Time;
    let looks: &[Look] = if in_order { &Look::OF_TIME } else { &[Look::PLAIN] };
    let seen: Vec<Columns> = folds.iter().map(|fold| Columns::new(&fold.learned, sources)).collect();
    let mut candidates: Vec<(Way, Vec<Vec<f64>>)> = Vec::new();
    let all = looks.iter().map(|look| fits(*look, learner) * folds.len() as u64).sum();
    let mut done = 0;
    let mut fitted = || {
        step(done, all);
        done += 1;
    };
    for look in looks {
        candidates.extend(tried_by(*look, &folds, &seen, learner, seed, &mut fitted));
    }
    fitted();
    let tried: Vec<Tried> =
        candidates.iter().map(|(way, scores)| judged(*way, scores, &folds, in_order)).collect();
    let best = best_of(0..tried.len(), &tried).unwrap_or(0);
    let best = if in_order { in_plainest_look(best, &candidates, &tried, &folds) } else { best };
    let (way, scores) = candidates.swap_remove(best);
    let asked = folds.iter().flat_map(|fold| fold.asked.iter().copied()).collect();
    Chosen { way, tried, held_out: (scores.concat(), asked) }
}

/// How often a learner is fitted to each part with one look, whole paths of penalties counting once.
fn fits(look: Look, learner: Learner) -> u64 {
    let trees = look.fade.is_none();
    let lines = if matches!(learner, Learner::Auto | Learner::Logistic) { SPARSE.len() } else { 0 };
    let boosts =
        if trees && matches!(learner, Learner::Auto | Learner::Boost) { boostings(0).len() } else { 0 };
    let forests =
        if trees && matches!(learner, Learner::Forest | Learner::ExtraTrees) { FORESTS.len() } else { 0 };
    let bayes = if trees && learner == Learner::Bayes { BINS.len() } else { 0 };
    (lines + boosts + forests + bayes) as u64
}

/// Fits every way of a learner with one look on each part, the plainest first.
fn tried_by(
    look: Look,
    folds: &[Fold],
    seen: &[Columns],
    learner: Learner,
    seed: u64,
    fitted: &mut dyn FnMut(),
) -> Vec<(Way, Vec<Vec<f64>>)> {
    let masked: Vec<_> = seen.iter().map(|seen| seen.masked(look)).collect();
    let read = || folds.iter().zip(masked.iter().map(AsRef::as_ref));
    let mut candidates = Vec::new();
    let mut add = |kind, scores| candidates.push((Way { kind, look }, scores));
    if matches!(learner, Learner::Auto | Learner::Logistic) {
        for sparse in SPARSE {
            let nets: Vec<Net> = PENALTIES.iter().map(|penalty| Net { penalty: *penalty, sparse }).collect();
            let of = |(fold, read): (&Fold, &Matrix)| {
                fitted();
                weighed_path(read, &fold.known, &look.weights(read.rows), &nets)
            };
            let lines: Vec<Vec<Line>> = read().map(of).collect();
            for (place, net) in nets.iter().enumerate() {
                let scores =
                    folds.iter().zip(&lines).map(|(fold, lines)| lines[place].scores(&fold.held)).collect();
                add(Kind::Line(*net), scores);
            }
        }
    }
    // Trees are grown on all rows alike.
    if look.fade.is_none() && matches!(learner, Learner::Auto | Learner::Boost) {
        for how in boostings(seed) {
            let of = |(fold, read): (&Fold, &Matrix)| {
                fitted();
                grow(read, &fold.known, Some((&fold.held, &fold.asked)), how)
            };
            let (mut grown, mut sizes): (Vec<Ensemble>, Vec<usize>) = read().map(of).unzip();
            sizes.sort_unstable();
            let trees = sizes.get(sizes.len() / 2).copied().unwrap_or(how.trees).max(20);
            // All with the number of trees that most want: with its own each part would judge what was made to fit it.
            grown.iter_mut().for_each(|ensemble| ensemble.trees.truncate(trees));
            let scores =
                folds.iter().zip(&grown).map(|(fold, ensemble)| ensemble.scores(&fold.held)).collect();
            add(Kind::Boost(Boosting { trees, ..how }), scores);
        }
    }
    if look.fade.is_none() && matches!(learner, Learner::Forest | Learner::ExtraTrees) {
        let extra = learner == Learner::ExtraTrees;
        for (depth, least_rows) in FORESTS {
            let how = Foresting { depth, least_rows, extra, seed, ..Foresting::default() };
            let of = |(fold, read): (&Fold, &Matrix)| {
                fitted();
                forest(read, &fold.known, how).scores(&fold.held)
            };
            add(Kind::Forest(how), read().map(of).collect());
        }
    }
    if look.fade.is_none() && learner == Learner::Bayes {
        for how in BINS.map(|bins| Binning { bins }) {
            let of = |(fold, read): (&Fold, &Matrix)| {
                fitted();
                bayes(read, &fold.known, how).scores(&fold.held)
            };
            add(Kind::Bayes(how), read().map(of).collect());
        }
    }
    candidates
}

/// Fits a way on all rows.
#[must_use]
pub fn fit(matrix: &Matrix, sources: &[String], labels: &[bool], Way { kind, look }: Way) -> Fitted {
    let matrix = &*Columns::new(matrix, sources).masked(look);
    match kind {
        Kind::Line(net) => {
            // From the heaviest down, as the path was walked when it was judged.
            let nets: Vec<Net> = PENALTIES
                .iter()
                .filter(|penalty| **penalty >= net.penalty)
                .map(|penalty| Net { penalty: *penalty, ..net })
                .collect();
            let mut lines = weighed_path(matrix, labels, &look.weights(matrix.rows), &nets);
            Fitted::Line(lines.pop().unwrap_or_else(|| Line {
                intercept: 0.0,
                weights: vec![0.0; matrix.columns.len()],
                means: vec![0.0; matrix.columns.len()],
            }))
        }
        Kind::Boost(how) => Fitted::Trees(boost(matrix, labels, how)),
        Kind::Forest(how) => Fitted::Trees(forest(matrix, labels, how)),
        Kind::Bayes(how) => Fitted::Trees(bayes(matrix, labels, how)),
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Line(net) => {
                write!(f, "logistic regression, penalty {} ({} of it on magnitudes)", net.penalty, net.sparse)
            }
            Kind::Boost(how) => {
                write!(
                    f,
                    "{} boosted trees of depth {} and {} leaves, rate {}",
                    how.trees, how.depth, how.leaves, how.rate
                )
            }
            Kind::Forest(how) => {
                let kind = if how.extra { "extra trees" } else { "random-forest trees" };
                write!(f, "{} {kind} of depth {}, {} rows a leaf", how.trees, how.depth, how.least_rows)
            }
            Kind::Bayes(how) => write!(f, "naive Bayes, values in {} bins at most", how.bins),
        }?;
        write!(f, "{}", self.look)
    }
}

/// How much each part counts: of parts in order of time the later ones more, for what comes next is later still.
#[expect(clippy::cast_precision_loss, reason = "a number of parts")]
fn shares(parts: usize, in_order: bool) -> Vec<f64> {
    let raw: Vec<f64> = (0..parts).map(|part| if in_order { (part + 1) as f64 } else { 1.0 }).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|share| share / sum).collect()
}

fn areas(scores: &[Vec<f64>], folds: &[Fold]) -> Vec<f64> {
    scores.iter().zip(folds).map(|(scores, fold)| area(scores, &fold.asked)).collect()
}

/// The mean of the parts' values, and its standard error.
#[expect(clippy::cast_precision_loss, reason = "a number of parts")]
fn mean_and_error(values: &[f64], shares: &[f64]) -> (f64, f64) {
    let mean: f64 = values.iter().zip(shares).map(|(value, share)| value * share).sum();
    let squares: f64 =
        values.iter().zip(shares).map(|(value, share)| share * share * (value - mean) * (value - mean)).sum();
    let parts = values.len().max(2) as f64;
    (mean, (squares * parts / (parts - 1.0)).sqrt())
}

fn judged(way: Way, scores: &[Vec<f64>], folds: &[Fold], in_order: bool) -> Tried {
    let (auc, error) = mean_and_error(&areas(scores, folds), &shares(folds.len(), in_order));
    let losses: Vec<f64> =
        scores.iter().zip(folds).map(|(scores, fold)| log_loss(scores, &fold.asked)).collect();
    Tried { way: way.to_string(), auc, error, log_loss: mean_and_deviation(&losses).0 }
}

/// The best way of the first look that can do it: its best way falls short of the best of all, part by part, by no more than the
/// standard error of that difference. Within a look the best is taken: a heavy penalty is no safer against time than a light one.
fn in_plainest_look(
    best: usize,
    candidates: &[(Way, Vec<Vec<f64>>)],
    tried: &[Tried],
    folds: &[Fold],
) -> usize {
    let shares = shares(folds.len(), true);
    let of_best = areas(&candidates[best].1, folds);
    let is_near = |place: &usize| {
        let own = areas(&candidates[*place].1, folds);
        let short: Vec<f64> = of_best.iter().zip(own).map(|(best, own)| best - own).collect();
        let (mean, error) = mean_and_error(&short, &shares);
        mean <= error
    };
    let best_of_look =
        |look: &Look| best_of((0..tried.len()).filter(|place| candidates[*place].0.look == *look), tried);
    Look::OF_TIME.iter().filter_map(best_of_look).find(is_near).unwrap_or(best)
}

/// Which of these was worth most, the first where several were.
fn best_of(places: impl Iterator<Item = usize>, tried: &[Tried]) -> Option<usize> {
    places.max_by(|a, b| tried[*a].auc.total_cmp(&tried[*b].auc).then(b.cmp(a)))
}

/// The AUC of scores.
#[must_use]
pub fn area(scores: &[f64], labels: &[bool]) -> f64 {
    let scored: Vec<Scored> =
        scores.iter().zip(labels).map(|(margin, label)| Scored { margin: *margin, label: *label }).collect();
    auc(&scored).unwrap_or(0.5)
}

/// A part held out and the rows it is judged with.
struct Fold {
    learned: Matrix,
    known: Vec<bool>,
    held: Matrix,
    asked: Vec<bool>,
}

impl Fold {
    fn new(matrix: &Matrix, labels: &[bool], (learned, held): &(Vec<usize>, Vec<usize>)) -> Self {
        let of = |rows: &[usize]| rows.iter().map(|row| labels[*row]).collect();
        Self { learned: matrix.take(learned), known: of(learned), held: matrix.take(held), asked: of(held) }
    }

    fn is_two_sided(&self) -> bool {
        [&self.known, &self.asked].iter().all(|labels| labels.contains(&true) && labels.contains(&false))
    }
}

/// Divides rows: for each part, those learned from and those held out.
#[must_use]
pub fn divide(rows: usize, division: &Division, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
    match division {
        Division::Chance { groups, parts } => {
            let mut chance = crate::learn::chance::Chance::new(seed, 4);
            let order = chance.shuffled(rows);
            let mut part = vec![0; rows];
            match groups {
                None => order.iter().enumerate().for_each(|(place, row)| part[*row] = place % parts),
                Some(groups) => {
                    let mut known = std::collections::BTreeMap::new();
                    for row in order {
                        let next = known.len() % parts;
                        part[row] = *known.entry(groups[row].as_str()).or_insert(next);
                    }
                }
            }
            (0..*parts).map(|own| (0..rows).partition(|row| part[*row] != own)).collect()
        }
        // Six parts; the first two are learned from only.
        Division::Time => (2..6)
            .map(|part| ((0..rows * part / 6).collect(), (rows * part / 6..rows * (part + 1) / 6).collect()))
            .collect(),
    }
}
