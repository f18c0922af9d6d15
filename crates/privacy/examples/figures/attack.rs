//! Fakes and shufflers: what a fake report can do, and what mixing adds.

use keepset_privacy::amplification::{Batch, Condition, TwoLevel};
use keepset_privacy::{RandomisedResponse, SetSelect};

use crate::draw::epsilon;
use crate::{Failed, Row};

/// Section 7 of the specification.
pub(crate) fn fakes() -> Result<Vec<Row>, Failed> {
    let table = [(1.0, [1.58, 3.0, 10.7]), (2.0, [1.16, 2.2, 8.3]), (4.0, [1.02, 1.58, 3.6])];
    let mut rows = Vec::new();
    for (value, published) in table {
        let mechanisms = [
            ("randomised response", "one yes or no", RandomisedResponse::new(epsilon(value)?)?.channel()),
            ("SetSelect", "one of 32 cells", SetSelect::new(epsilon(value)?, 31, 1)?.channel()),
            ("SetSelect", "cap 3 of 32", SetSelect::new(epsilon(value)?, 32, 3)?.channel()),
        ];
        for ((name, what, channel), published) in mechanisms.into_iter().zip(published) {
            let influence = channel.influence();
            let (low, high) = channel.poisoned(0.05, 0.05, 0.01);
            rows.push(Row {
                name,
                what: format!("{what}, epsilon {value}"),
                asked: format!("a fake report counts for {published} devices at most"),
                measured: format!(
                    "{influence:.2}; with 1 % of fakes an estimate of 5 % stands for {:.1} to {:.1} %",
                    100.0 * low.max(0.0),
                    100.0 * high
                ),
                kept: (influence / published - 1.0).abs() < 0.02,
            });
        }
    }
    Ok(rows)
}

/// The bound that holds for any mechanism (Feldman, McMillan and Talwar 2021, theorem 3.1), where it holds.
fn any(local: f64, reports: f64, delta: f64) -> Option<f64> {
    let e = local.exp();
    let holds = local <= (reports / (16.0 * (2.0 / delta).ln())).ln();
    let reach = 8.0 * (e * (4.0 / delta).ln()).sqrt() / reports.sqrt() + 8.0 * e / reports;
    holds.then(|| ((e - 1.0) / (e + 1.0) * reach).ln_1p())
}

/// Acceptance A13.
pub(crate) fn shuffled() -> Result<Vec<Row>, Failed> {
    // Local epsilon, reports, the published central epsilon for any mechanism and for randomised response, and a unit of its last digit.
    let table = [
        (1.0, 10_000, Some(0.241), 0.056, 0.001),
        (1.0, 100_000, Some(0.082), 0.017, 0.001),
        (1.0, 1_000_000, Some(0.027), 0.0050, 0.0001),
        (2.0, 10_000, Some(0.555), 0.146, 0.001),
        (2.0, 100_000, Some(0.210), 0.044, 0.001),
        (2.0, 1_000_000, Some(0.071), 0.013, 0.001),
        (4.0, 10_000, None, 0.515, 0.001),
        (4.0, 100_000, Some(0.591), 0.151, 0.001),
        (4.0, 1_000_000, Some(0.226), 0.045, 0.001),
        (8.0, 100_000, None, 1.55, 0.01),
        (8.0, 1_000_000, Some(1.09), 0.381, 0.001),
    ];
    let mut rows = Vec::new();
    for (value, reports, general, published, digit) in table {
        let mechanism = TwoLevel::from(&RandomisedResponse::new(epsilon(value)?)?);
        let found = mechanism.shuffled(&batch(reports, Condition::VOUCHED.to_vec()))?.epsilon;
        // Reports stay far below 2^53.
        #[expect(clippy::cast_precision_loss)]
        let bound = any(value, reports as f64, DELTA);
        let same = match (bound, general) {
            (Some(bound), Some(general)) => (bound / general - 1.0).abs() < 0.02,
            (bound, general) => bound.is_none() && general.is_none(),
        };
        let written = |bound: Option<f64>| bound.map_or("none".into(), |bound| format!("{bound:.3}"));
        rows.push(Row {
            name: "randomised response",
            what: format!("epsilon {value}, {reports} reports, delta 1e-8"),
            asked: format!(
                "{published} to 2 % or a unit of its last digit; any mechanism {}",
                general.map_or("none".into(), |general: f64| general.to_string())
            ),
            measured: format!("{found:.4}; {}", written(bound)),
            kept: (found - published).abs() <= (0.02 * published).max(digit) && same,
        });
    }
    let select = TwoLevel::from(&SetSelect::new(epsilon(2.0)?, 32, 3)?);
    let found = select.shuffled(&batch(100_000, Condition::VOUCHED.to_vec()))?.epsilon;
    rows.push(Row {
        name: "SetSelect",
        what: "cap 3 of 32, epsilon 2, 100000 reports, delta 1e-8".into(),
        asked: "at most that of any mechanism, 0.210".into(),
        measured: format!("{found:.4}"),
        kept: found <= 0.21,
    });
    rows.push(withheld(&select));
    Ok(rows)
}

const DELTA: f64 = 1e-8;

fn batch(reports: u64, vouched: Vec<Condition>) -> Batch {
    Batch { reports, assumed_fakes: 0, delta: DELTA, batches: 1, vouched }
}

/// With each condition left away in turn.
fn withheld(mechanism: &TwoLevel) -> Row {
    let good = batch(100_000, Condition::VOUCHED.to_vec());
    let mut batches: Vec<Batch> = Condition::VOUCHED
        .into_iter()
        .map(|missing| {
            let vouched = Condition::VOUCHED.into_iter().filter(|one| *one != missing).collect();
            Batch { vouched, ..good.clone() }
        })
        .collect();
    batches.push(Batch { assumed_fakes: 99_999, ..good.clone() });
    batches.push(Batch { delta: 1e-6, ..good });
    let refused = batches
        .iter()
        .filter(|batch| mechanism.shuffled(batch).is_err_and(|withheld| withheld.unmet.len() == 1));
    let (refused, all) = (refused.count(), batches.len());
    Row {
        name: "all",
        what: format!("{all} batches, each with one condition unmet"),
        asked: "withheld, and the condition named".into(),
        measured: format!("{refused} of {all}"),
        kept: refused == all,
    }
}
