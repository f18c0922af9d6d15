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
use crate::replay::Watch;
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
    watch: &mut impl Watch,
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
    let all = ((1 + candidates.len()) * VARIANCES.len()) as u64;
    let mut done = 0;
    let mut best = |ways: &mut dyn Iterator<Item = Way>| {
        let mut costly = |way: Way| {
            watch.step(done, all, "variances tried");
            done += 1;
            (cost(&way), way)
        };
        ways.map(&mut costly).min_by(|a, b| a.0.total_cmp(&b.0))
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

#[cfg(test)]
mod tests {
    use keepset_wire::DAY_MS;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::learn::scale::probability;
    use crate::replay::Unwatched;

    /// So many people, looked at every two weeks, each with an offset of their own of this deviation.
    fn planted(people: u32, looks: i64, deviation: f64) -> Vec<Vec<Look>> {
        let mut random = StdRng::seed_from_u64(5);
        let mut person = || {
            // Twelve uniform numbers less six: normal enough, of deviation 1.
            let own = deviation * ((0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0);
            let mut look = |turn: i64| {
                let at = day(14 * turn);
                let shipped = 2.0 * random.random::<f64>() - 1.5;
                let came = random.random::<f64>() < probability(shipped + own);
                Look { at, due: day(14 * turn + 14), shipped, values: vec![Some(random.random())], came }
            };
            (0..looks).map(&mut look).collect()
        };
        (0..people).map(|_| person()).collect()
    }

    fn day(number: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + number * DAY_MS).unwrap()
    }

    /// 500 people of 12 outcomes, whose offsets have a variance of 0.64, are looked at with a grid of variances: the one found is a neighbour of it, and what is learned is worth something
    /// later, by an interval that is fixed with the seed. What says nothing, the slope and a feature, is left out.
    #[test]
    fn how_people_differ_is_found_again_and_what_is_learned_of_them_foretells_better() {
        let people = planted(500, 24, 0.8);
        let prior =
            find(&people, day(14 * 12), &[Input::Score, Input::Feature(0)], None, &mut Unwatched).unwrap();
        let terms = &prior.way.rule.terms;
        assert!(terms.len() == 1 && [0.4, 0.7, 1.0].contains(&terms[0].variance), "{prior:?}");
        assert_eq!((prior.people, prior.outcomes), (500, 500 * 12));
        assert!((prior.way.rule.limit - 3.0 * terms[0].variance.sqrt()).abs() < 0.06 && prior.gained > 50.0);
        let told: Vec<Vec<Told>> = people.iter().map(|looks| prior.way.live(looks)).collect();
        assert!(told.iter().flatten().all(|one| (one.adapted - one.shipped).abs() <= prior.way.rule.limit));
        let later: Vec<Vec<Told>> =
            told.iter().map(|told| told.iter().filter(|one| one.at >= day(168)).copied().collect()).collect();
        let everybody = crate::learn::scale::Platt { factor: 1.0, shift: 0.0 };
        let gain = super::super::measure::gain(&later, everybody, 4, 1).unwrap();
        assert_eq!((gain.people, gain.predictions), (500, 500 * 12));
        assert!(gain.log_loss.difference.high < 0.0 && gain.brier.difference.high < 0.0, "{gain:?}");
        assert!(gain.auc.difference.low > 0.0, "{gain:?}");
        assert!((gain.log_loss.shipped - gain.log_loss_of_everybody).abs() < 1e-12);
    }

    #[test]
    fn people_who_are_alike_and_too_few_of_them_are_refused_with_the_reason() {
        let alike =
            find(&planted(500, 12, 0.0), day(999), &[], None, &mut Unwatched).unwrap_err().to_string();
        assert!(alike.contains("no more than chance"), "{alike}");
        let few = find(&planted(99, 12, 0.8), day(999), &[], None, &mut Unwatched).unwrap_err().to_string();
        assert!(few.starts_with("99 people have two outcomes or more by"), "{few}");
        let early = find(&planted(500, 12, 0.8), day(20), &[], None, &mut Unwatched).unwrap_err().to_string();
        assert!(early.starts_with("0 people"), "only one prediction each had come due: {early}");
    }

    #[test]
    fn a_prediction_is_learned_from_when_the_next_look_finds_it_due_and_no_other_runs_beside_it() {
        let look =
            |turn: i64, came| Look { at: day(turn), due: day(turn + 14), shipped: 0.0, values: vec![], came };
        let looks: Vec<Look> = (0..8).map(|week| look(7 * week, week >= 2)).collect();
        let told = Way::offset(1.0, 2.0).live(&looks);
        let seen: Vec<(usize, bool)> = told.iter().map(|one| (one.learned, one.begins)).collect();
        assert_eq!(
            seen,
            [(0, true), (0, false), (1, true), (1, false), (2, true), (2, false), (3, true), (3, false)]
        );
        assert_eq!(told[0].adapted.to_bits(), told[0].shipped.to_bits());
        assert!(told[2].adapted < 0.0 && told[4].adapted > told[2].adapted);
    }
}
