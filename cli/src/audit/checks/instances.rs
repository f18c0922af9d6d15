//! Many instances: does any draw what another drew?

use std::collections::HashSet;

use anyhow::Context as _;
use keepset_engine::Decided;
use keepset_wire::Epsilon;

use super::{ALPHA, Audit, grouped};
use crate::audit::device::Survey;
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Batch, Outcome};
use crate::audit::statistics::{chi_square, float, two_sided};

const BATCH: u32 = 2_000;

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let secrets = secrets(audit)?;
    let drawn = secrets.len() as u64;
    let first: HashSet<&[u8]> = secrets.iter().map(|secret| &secret[..16]).collect();
    let repeats = drawn - first.len() as u64;
    let mut bytes = vec![0; 256];
    secrets.iter().flatten().for_each(|byte| bytes[usize::from(*byte)] += 1);
    let even = chi_square(&bytes, &[1.0 / 256.0; 256]);
    // Of the 256 bits of two sound secrets half differ, give or take.
    let differing: u64 = secrets.windows(2).map(|pair| differing(&pair[0], &pair[1])).sum();
    let bits = 256.0 * float(drawn.saturating_sub(1));
    let apart = two_sided((float(differing) - bits / 2.0) / (bits / 4.0).sqrt());
    let least = ALPHA / 2.0;
    let wanted = u64::from(audit.size.instances);
    let findings = vec![
        Finding {
            about: format!("the first 16 bytes of {} instances", grouped(drawn)),
            claimed: "no repeat".into(),
            measured: format!("{} repeats", grouped(repeats)),
            holds: repeats == 0 && drawn == wanted,
        },
        Finding {
            about: "the bytes they drew".into(),
            claimed: format!("even, p > {least:.0e}"),
            measured: format!("p {even:.4}"),
            holds: even > least,
        },
        Finding {
            about: "each beside the one before".into(),
            claimed: format!("half the bits differ, p > {least:.0e}"),
            measured: format!("{:.4} of them, p {apart:.4}", float(differing) / bits),
            holds: apart > least,
        },
    ];
    let method = "Instances that start one after the other and draw a device's secret: 32 bytes as the module's generator gives them.";
    Ok(Section { code: "instances", title: "No two instances draw alike", method: method.into(), findings })
}

fn secrets(audit: &Audit<'_>) -> anyhow::Result<Vec<[u8; 32]>> {
    let due = Survey::of_sizes(Epsilon::MIN, 1, 1, 1)?.new_device()?;
    let source = audit.lanes.source("instances");
    let firsts: Vec<u32> = (0..audit.size.instances).step_by(usize::try_from(BATCH)?).collect();
    let parts = audit.lanes.each(firsts, |lane, first| {
        let count = BATCH.min(audit.size.instances - first);
        let drawn =
            lane.draw(&Batch { due: &due, count, source: source.clone(), first: first.into(), fresh: true })?;
        audit.lanes.bar.inc(count.into());
        let secrets: Vec<[u8; 32]> = drawn.outcomes.iter().filter_map(secret).collect();
        let of = |number: &u32| usize::try_from(*number).ok().and_then(|number| secrets.get(number)).copied();
        drawn
            .order
            .iter()
            .map(|number| of(number).context("an instance drew no secret"))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(parts.concat())
}

fn secret(outcome: &Outcome) -> Option<[u8; 32]> {
    match outcome {
        Outcome::Returned(bytes) => Decided::from_bytes(bytes)?.secret().copied(),
        Outcome::Threw(_) => None,
    }
}

fn differing(one: &[u8; 32], other: &[u8; 32]) -> u64 {
    one.iter().zip(other).map(|(one, other)| u64::from((one ^ other).count_ones())).sum()
}
