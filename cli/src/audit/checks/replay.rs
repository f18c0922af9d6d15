//! Known answers: from known bytes, does the shipped module give what the engine of this repository gives?

use anyhow::Context as _;
use keepset_engine::Due;

use super::{Audit, grouped};
use crate::audit::finding::{Finding, Section};
use crate::audit::lane::{Batch, Outcome, Source};
use crate::audit::replay::{ASKED, KnownCoins};
use crate::audit::subject::Subject;

/// The seed of the known bytes; the same in every audit, so that the answers are the same too.
const SEED: &str = "keepset audit";

pub(super) fn check(audit: &Audit<'_>) -> anyhow::Result<Section> {
    let jobs: Vec<&Subject> = audit.subjects.iter().collect();
    let findings = audit.lanes.each(jobs, |lane, subject| {
        let (mut same, mut all) = (0_u64, 0_u64);
        let mut pulled = Vec::new();
        let each = audit.size.replays.div_ceil(u32::try_from(subject.sealed.len()).unwrap_or(u32::MAX));
        for due in &subject.sealed {
            let source = Source::Known(SEED.into());
            let drawn = lane.draw(&Batch { due, count: each, source, first: all, fresh: true })?;
            pulled.push(drawn.pulled.instance);
            for (number, outcome) in (all..).zip(&drawn.order) {
                let expected = Due::from_bytes(due)
                    .context("the engine cannot read its own question")?
                    .decide(KnownCoins::new(SEED, number))
                    .to_bytes();
                let given = usize::try_from(*outcome).ok().and_then(|index| drawn.outcomes.get(index));
                same += u64::from(given == Some(&Outcome::Returned(expected)));
            }
            all += u64::from(each);
        }
        let asked = pulled.iter().all(|pulled| *pulled == Some(ASKED));
        Ok(Finding {
            about: subject.title(),
            claimed: "all as the source code gives them".into(),
            measured: format!(
                "{} of {} the same{}",
                grouped(same),
                grouped(all),
                if asked { "" } else { ", other bytes asked for" }
            ),
            holds: same == all && asked,
        })
    })?;
    let method = "Each answer by a new instance whose random source gives SHA-256 of a seed and a counter; beside it, the engine \
                  compiled into this tool draws from the same bytes. All that the module returns is compared, \
                  byte for byte: the sealed report too, not the answer alone.";
    Ok(Section { code: "replay", title: "Known bytes give known answers", method: method.into(), findings })
}
