//! How far people differ from a model: the variances under which what devices learn foretells best what comes next.
//!
//! Empirical Bayes by the prequential likelihood (Dawid, *Journal of the Royal Statistical Society* A 147, 1984): each outcome is foretold from the earlier ones of
//! the same person, by the learner that runs on devices, and the log-losses are added up. Under a prior that is right this is the marginal likelihood, person by person.

use anyhow::ensure;
use keepset_engine::adapting::Term;
use keepset_wire::Timestamp;

use super::people::Look;
use super::person::{Input, Told, Way};
use crate::learn::scale::loss;
use crate::train::quality::mean_and_deviation;

/// The variances tried, of log-odds: a deviation of 0.14 to 2.
const VARIANCES: [f64; 9] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 4.0];
/// So many people need outcomes of their own, two at least: the deviation of a variance learned from fewer is a seventh of it and more.
const LEAST_PEOPLE: usize = 100;
/// Another term has to gain so many nats: 2 are what a term that says nothing gains in one of twenty logs (Wilks: half of a chi-squared with one degree).
const WORTH: f64 = 2.0;
/// While variances are sought moves are free.
const FREE: f64 = 5.0;
/// A score is moved by three deviations of how people differ at most.
const DEVIATIONS: f64 = 3.0;

/// What was found of how people differ.
#[derive(Clone, Debug)]
pub(super) struct Prior {
    pub(super) way: Way,
    /// The outcomes that were foretold, and by how many nats better than by the shipped model.
    pub(super) outcomes: usize,
    pub(super) people: usize,
    pub(super) gained: f64,
}

/// Finds the variances from the predictions that had come due by `until`; `candidates` are tried as further terms, one by one.
///
/// # Errors
/// When too few people have outcomes of their own, or they do not differ by more than chance.
pub(super) fn find(
    people: &[Vec<Look>],
    until: Timestamp,
    candidates: &[Input],
    limit: Option<f64>,
) -> anyhow::Result<Prior> {
    let known: Vec<Vec<Look>> = people
        .iter()
        .map(|looks| looks.iter().filter(|look| look.due <= until).cloned().collect::<Vec<_>>())
        .filter(|looks| !looks.is_empty())
        .collect();
    let foretold = |way: &Way| -> Vec<Told> {
        known.iter().flat_map(|looks| way.live(looks)).filter(|told| told.begins).collect()
    };
    let first = foretold(&Way::offset(VARIANCES[0], FREE));
    let returning = first.iter().filter(|told| told.learned == 1).count();
    ensure!(
        returning >= LEAST_PEOPLE,
        "{returning} people have two outcomes or more by {}; {LEAST_PEOPLE} are needed to tell how people differ",
        until.date()
    );
    let cost = |way: &Way| foretold(way).iter().map(|told| loss(told.adapted, told.came)).sum::<f64>();
    let shipped: f64 = first.iter().map(|told| loss(told.shipped, told.came)).sum();
    let best = |ways: &mut dyn Iterator<Item = Way>| {
        ways.map(|way| (cost(&way), way)).min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let offsets = best(&mut VARIANCES.iter().map(|variance| Way::offset(*variance, FREE)));
    let Some((mut least, mut way)) = offsets.filter(|(least, _)| shipped - least >= WORTH) else {
        anyhow::bail!(
            "people differ from the model by no more than chance: what came foretells nothing that the model does not"
        );
    };
    for input in candidates {
        let Some((centre, scale)) = spread(&known, *input) else { continue };
        let with = |variance: &f64| way.and(*input, Term { variance: *variance, centre, scale });
        if let Some((cost, richer)) = best(&mut VARIANCES.iter().map(with))
            && least - cost >= WORTH
        {
            (least, way) = (cost, richer);
        }
    }
    let deviation = way.rule.terms[0].variance.sqrt();
    way.rule.limit = limit.unwrap_or((DEVIATIONS * deviation * 10.0).round() / 10.0).min(FREE);
    Ok(Prior { way, outcomes: first.len(), people: known.len(), gained: shipped - least })
}

/// The mean and the deviation of an input, of three digits; nothing of one that is always the same.
fn spread(known: &[Vec<Look>], input: Input) -> Option<(f64, f64)> {
    let value = |look: &Look| match input {
        Input::Score => Some(look.shipped),
        Input::Feature(place) => look.values[place],
    };
    let values: Vec<f64> = known.iter().flatten().filter_map(value).collect();
    let (mean, deviation) = mean_and_deviation(&values);
    let three = |number: f64| format!("{number:.2e}").parse().unwrap_or(number);
    // The slope of a score is of the score itself.
    let scale = if input == Input::Score { 1.0 } else { three(deviation) };
    (deviation > 0.0 && deviation.is_finite()).then(|| (three(mean), scale))
}
