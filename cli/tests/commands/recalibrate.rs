//! A shipped model is brought to what a collector released, with the noise that devices add, or the release is refused.

use keepset_cli::learn::chance::Chance;
use keepset_cli::train::recalibrate::{Recalibrated, ReleaseArguments, recalibrate};
use keepset_privacy::SeededCoins;
use keepset_privacy::mechanism::Joint;
use keepset_wire::Epsilon;
use serde_json::{Value, json};

/// Cuts of the score, and so seven bands.
const CUTS: [f64; 6] = [-3.0, -2.4, -1.8, -1.2, -0.6, 0.0];

fn uniform(chance: &mut Chance) -> f64 {
    chance.below(1 << 30) as f64 / f64::from(1 << 30)
}

/// What a collector publishes of so many devices whose log-odds are `factor` times the score of the shipped model plus `shift`:
/// the answers are drawn by the mechanism of devices at epsilon 2 and estimated as the collector does.
fn release(devices: usize, factor: f64, shift: f64, seed: u64) -> Value {
    let joint = Joint::of_everyone(Epsilon::from_micro(2_000_000).unwrap(), 7).unwrap();
    let measurement = joint.select().clone().measurement(SeededCoins::new(seed)).unwrap();
    let (mut chance, mut counts) = (Chance::new(seed, 0), vec![0_u64; usize::from(joint.cells())]);
    for _ in 0..devices {
        let score = -3.6 + 4.2 * uniform(&mut chance);
        let yes = uniform(&mut chance) < 1.0 / (1.0 + (-(factor * score + shift)).exp());
        let band = CUTS.partition_point(|cut| *cut <= score);
        let told = joint.memberships(Some(u16::try_from(band).unwrap()), yes).unwrap();
        let answer = measurement.invoke(&told.iter().collect()).unwrap();
        answer.iter().for_each(|cell| counts[usize::from(cell)] += 1);
    }
    let estimate = joint.estimate(&counts, devices as u64).unwrap();
    let figures = estimate.groups.iter().enumerate().map(|(band, group)| {
        // As the collector: half the interval is at most half the estimate.
        let rate = group.rate.filter(|rate| rate.half_width <= rate.share / 2.0);
        let ends = [band.checked_sub(1), Some(band)].map(|cut| cut.and_then(|cut| CUTS.get(cut)));
        json!({
            "measure": "rate", "item": format!("band_{}", band + 1), "from": ends[0], "to": ends[1], "published": rate.is_some(),
            "estimate": rate.map(|rate| rate.share), "low": rate.map(|rate| rate.low), "high": rate.map(|rate| rate.high),
            "standard_error": rate.map(|rate| rate.standard_error),
        })
    });
    let question = json!({ "id": "scores", "ask": "calibration", "figures": figures.collect::<Vec<_>>() });
    json!({ "windows": [
        { "window": 3, "state": "closed", "questions": [question, { "id": "sizes", "ask": "sizes", "figures": [] }] },
        { "window": 4, "state": "open", "questions": [] },
    ] })
}

fn found(release: &Value) -> anyhow::Result<Recalibrated> {
    recalibrate(release, &ReleaseArguments::default())
}

/// Six releases of 40,000 devices each, seeds fixed. Standard errors tell how far the line is off: of 12 honest ones one lies beyond 4.5 with a
/// probability of 8e-5. Scores are even within bands, so that their middles stand for them to 0.02 in log-odds.
#[test]
fn the_line_between_score_and_outcome_is_found_within_its_errors_from_noisy_rates() {
    for (factor, shift) in [(0.6, 0.5), (1.6, -0.4)] {
        for seed in 0..3 {
            let found = found(&release(40_000, factor, shift, seed)).unwrap();
            assert_eq!(found.source, ("scores".to_owned(), 3));
            if found.errors.0 == 0.0 {
                // The slope was not told from 1 by so much noise: then the errors are of the shift alone.
                continue;
            }
            let off =
                [(found.line.factor - factor) / found.errors.0, (found.line.shift - shift) / found.errors.1];
            assert!(off.iter().all(|off| off.abs() < 4.5), "{factor} {shift} {seed}: {found:?}");
            assert!(found.errors.0 < 0.3, "{found:?}");
        }
    }
}

#[test]
fn a_release_that_cannot_carry_it_is_refused_with_the_reason() {
    let refused = |release: &Value, arguments: &ReleaseArguments| {
        format!("{:#}", recalibrate(release, arguments).expect_err("it must be refused"))
    };
    let any = ReleaseArguments::default();
    let few = refused(&release(600, 1.0, 0.0, 1), &any);
    assert!(few.contains("published, and two are needed") || few.contains("too uncertain"), "{few}");
    let turned = refused(&release(30_000, -1.0, -1.5, 1), &any);
    assert!(turned.contains("fall where the score rises"), "{turned}");
    let good = release(30_000, 1.0, 0.0, 1);
    let asked = |question: Option<&str>, window| ReleaseArguments {
        question: question.map(str::to_owned),
        window,
        ..ReleaseArguments::default()
    };
    assert!(
        refused(&good, &asked(Some("sizes"), None))
            .contains("no such question of calibration; it has scores")
    );
    assert!(refused(&good, &asked(None, Some(9))).contains("no window 9"));
    assert!(refused(&json!({}), &any).contains("no release"));
    let mut broken = good.clone();
    broken["windows"][0]["questions"][0]["figures"][2]["standard_error"] = json!(0);
    assert!(refused(&broken, &any).contains("not above 0"));
    let mut vague = good;
    for figure in vague["windows"][0]["questions"][0]["figures"].as_array_mut().unwrap() {
        figure["standard_error"] = json!(0.4);
    }
    assert!(refused(&vague, &any).contains("too uncertain"));
}

#[test]
fn weights_and_leaves_are_stretched_and_nothing_else_changes() {
    let found = found(&release(30_000, 0.6, 0.5, 2)).unwrap();
    assert!(found.errors.0 > 0.0);
    let (factor, shift) = (found.line.factor, found.line.shift);
    let line =
        json!({ "kind": "linear", "title": "t", "intercept": -2.0, "weights": { "a": 0.5 }, "missing": 7 });
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() / wanted - 1.0).abs() < 1e-5;
    let changed = found.apply(&line).unwrap();
    assert!(
        near(&changed["intercept"], -2.0 * factor + shift) && near(&changed["weights"]["a"], 0.5 * factor)
    );
    assert_eq!((&changed["missing"], &changed["title"]), (&line["missing"], &line["title"]));
    let trees = json!({ "kind": "trees", "intercept": 1.0, "scale": 0.25, "leaves": [[1, 2]] });
    let changed = found.apply(&trees).unwrap();
    assert!(near(&changed["scale"], 0.25 * factor) && changed["leaves"] == trees["leaves"]);
    assert!(found.apply(&json!({ "kind": "other", "intercept": 0 })).is_err());
    assert!(found.summary().contains("foretold now"));
}
