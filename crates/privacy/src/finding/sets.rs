//! What is found of segments: their sizes, and the overlaps of every two.

use super::{Copies, Finding, Measure};
use crate::consistent::{Total, consistent};
use crate::mechanism::{Estimate, Overlap, Overlaps, SetSelect};
use crate::release::{Release, margin, release};

pub(super) fn sizes(select: &SetSelect, counts: &[u64], reports: u64, copies: &mut Copies) -> Vec<Finding> {
    let channel = select.channel();
    let estimates: Vec<Option<Estimate>> = counts
        .iter()
        .take(select.segments().into())
        .map(|support| channel.estimate(*support, reports))
        .collect();
    let shares: Option<Vec<f64>> =
        estimates.iter().map(|estimate| estimate.map(|estimate| estimate.share)).collect();
    // At most 8, by the limits of a question.
    let total = Total::AtMost(u8::try_from(select.cap()).unwrap_or(u8::MAX));
    let together = shares.map(|shares| consistent(&shares, total));
    let mut finding = |((index, estimate), support): ((u16, Option<Estimate>), &u64)| {
        let released =
            estimate.map(|estimate| put(estimate, |share| channel.estimate_of(share, reports), copies));
        Finding::new(Measure::Size(index), released)
            .supported(Some(support))
            .consistently(together.as_ref().map(|together| together[usize::from(index)]))
    };
    (0..).zip(estimates).zip(counts).map(&mut finding).collect()
}

pub(super) fn overlaps(
    overlaps: &Overlaps,
    measures: &[Measure],
    counts: &[u64],
    reports: u64,
    copies: &mut Copies,
) -> Vec<Finding> {
    let found = overlaps.estimate(counts, reports);
    let mut all = sizes(overlaps.select(), counts, reports, copies);
    let segments = all.len();
    for (index, measure) in measures.iter().skip(segments).enumerate() {
        let released = found.as_ref().map(|found| {
            let Overlap { one, other, both } = found.overlaps[index];
            let [one, other] = [one, other].map(|segment| found.sizes[usize::from(segment)].share);
            put(both, |share| overlaps.estimate_of(share, one, other, reports), copies)
        });
        all.push(Finding::new(*measure, released).supported(counts.get(segments + index)));
    }
    all
}

/// Puts a share to the rule; `estimate_of` is the estimate another value would have.
fn put(estimate: Estimate, estimate_of: impl Fn(f64) -> Estimate, copies: &mut Copies) -> Release {
    let moved = |errors: f64| estimate_of(estimate.share + errors * estimate.standard_error);
    release(estimate, (0.0, 1.0), |errors| Some(margin(&moved(errors))), copies.next())
}
