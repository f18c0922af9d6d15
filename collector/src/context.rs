//! What stands beside a size, so that nobody reads less or more into it than there is: what the windows before add to it, where it could lie if
//! some reports were fakes, and how many more reports would make it precise.

use keepset_privacy::Answering;
use keepset_privacy::finding::{Finding, Measure};
use keepset_privacy::forecast::reports_needed;
use keepset_privacy::over_time::{Level, Window as Counted};
use keepset_wire::Window;

use crate::store::Tally;

/// The share of reports that is assumed to be fakes, all made to push one size one way.
pub const ASSUMED_FAKES: f64 = 0.01;
/// The relative standard error that counts as precise.
pub const PRECISE: f64 = 0.1;
/// So many windows up to the one estimated are looked at: two years of windows of four weeks.
const LOOK_BACK: usize = 26;

/// What stands beside one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context {
    /// The best estimate from this window and those before it; later windows never change it.
    pub level: Option<Level>,
    /// The ends of the interval, if [`ASSUMED_FAKES`] of the reports were fakes (Cao, Jia and Gong 2021).
    pub with_fakes: (f64, f64),
    /// How many reports more bring the relative standard error to [`PRECISE`]; nothing where the size is too uncertain to tell.
    pub more_reports: Option<u64>,
}

/// Puts a context beside each finding that is a size. `history` are the counts up to the window of the findings, which come last.
pub fn contexts(task: &Answering, findings: &[Finding], history: &[(Window, Tally)]) -> Vec<Option<Context>> {
    let recent = &history[history.len().saturating_sub(LOOK_BACK)..];
    findings.iter().map(|finding| context(task, finding, recent)).collect()
}

fn context(task: &Answering, finding: &Finding, recent: &[(Window, Tally)]) -> Option<Context> {
    let Measure::Size(segment) = finding.measure else { return None };
    let (channel, estimate) = (task.select()?.channel(), finding.estimate()?);
    let counted = |(window, tally): &(Window, Tally)| Counted {
        window: window.0,
        support: tally.support.get(usize::from(segment)).copied().unwrap_or(0),
        reports: tally.reports,
    };
    let windows: Vec<Counted> = recent.iter().filter(|(_, tally)| tally.reports > 0).map(counted).collect();
    let more = |share: f64| {
        let needed = reports_needed(channel, share, PRECISE).ceil() - estimate.reports as f64;
        // Held within what a whole number holds: a share that is published is far from 0.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let more = needed.clamp(0.0, 1e18) as u64;
        more
    };
    let (low, high) = channel.poisoned(estimate.low, estimate.high, ASSUMED_FAKES);
    Some(Context {
        level: channel.follow(&windows).and_then(|track| track.filtered.last().copied()),
        with_fakes: (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)),
        more_reports: finding.published().map(|published| more(published.share)),
    })
}

#[cfg(test)]
mod tests;
