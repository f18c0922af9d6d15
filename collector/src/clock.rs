//! Which epochs are open: the collector's only use of time.

use std::num::NonZeroU16;
use std::time::{SystemTime, UNIX_EPOCH};

use keepset_wire::{DAY_MS, Epoch, Plan, Retention, Timestamp};

/// Where the collector takes the time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock: windows open and close as the plan says.
    System,
    /// A replayed log brings its own time: every window of the plan stays open.
    Simulation,
}

impl Clock {
    /// Returns the epochs of `plan` that are open now.
    #[must_use]
    pub fn openings(self, plan: &Plan) -> Openings {
        match self {
            Self::System => Openings::at(plan, system_now()),
            Self::Simulation => Openings { closed_before: Epoch(0), ahead_from: epochs_of(plan) },
        }
    }

    /// Tells whether the time is a replayed log's.
    #[must_use]
    pub fn is_simulation(self) -> bool {
        self == Self::Simulation
    }
}

/// Up to where what was counted is kept no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The counts of epochs below this one.
    pub counts: Option<Epoch>,
    /// The answers of epochs below this one.
    pub answers: Option<Epoch>,
}

impl Expired {
    /// Returns what has had its time at `now`: what was closed so many days ago as the plan says, or `retention`, whichever is shorter.
    #[must_use]
    pub fn at(plan: &Plan, retention: Retention, now: Timestamp) -> Self {
        let closed = |days: NonZeroU16| {
            Openings::at(plan, now.saturating_add(-i64::from(days.get()) * DAY_MS)).closed_before
        };
        let kept = retention.shorter(plan.retention);
        Self { counts: kept.counts_days.map(closed), answers: kept.answers_days.map(closed) }
    }
}

/// The epochs whose reports are admitted: from `closed_before` up to, not including, `ahead_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Openings {
    /// Epochs below this one lie in closed windows.
    pub closed_before: Epoch,
    /// Epochs from this one on are not open yet, or never will be.
    pub ahead_from: Epoch,
}

impl Openings {
    /// Returns the epochs open at `now`.
    ///
    /// A window closes one epoch after its last, so that a device that was offline is still heard; an epoch
    /// opens one epoch early, so that a device whose clock runs ahead is not lost.
    #[must_use]
    pub fn at(plan: &Plan, now: Timestamp) -> Self {
        let epochs = i64::from(epochs_of(plan).0);
        let current = now.since(plan.starts).div_euclid(i64::from(plan.epoch_days) * DAY_MS);
        let width = i64::from(plan.window_epochs);
        let over = current > epochs;
        let closed = if over { epochs } else { (current - 1).max(0) / width * width };
        let ahead = (current + 2).clamp(0, epochs);
        let epoch = |x: i64| Epoch(u32::try_from(x).unwrap_or(u32::MAX));
        Self { closed_before: epoch(closed), ahead_from: epoch(ahead) }
    }
}

/// Returns how many epochs begin before the plan expires; the last may be cut short.
#[must_use]
pub fn epochs_of(plan: &Plan) -> Epoch {
    let length = i64::from(plan.epoch_days) * DAY_MS;
    let epochs = (plan.expires.since(plan.starts) + length - 1) / length;
    Epoch(u32::try_from(epochs).unwrap_or(u32::MAX))
}

/// Returns the system's time.
#[must_use]
pub fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).ok().and_then(Timestamp::from_millis).unwrap_or(Timestamp::MAX)
}

/// Writes an instant to the second, as RFC 3339 has it.
pub(crate) fn instant(now: Timestamp) -> String {
    let seconds = now.millis().rem_euclid(DAY_MS) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", now.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::parse(
            r#"{"id": "p", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2017-03-01",
            "epsilon": 2, "questions": [{"id": "q", "reason": "r", "segments": ["a", "b"], "cap": 1}]}"#,
        )
        .unwrap()
    }

    fn at(date: &str) -> (u32, u32) {
        let open = Openings::at(&plan(), Timestamp::from_date(date).unwrap());
        (open.closed_before.0, open.ahead_from.0)
    }

    #[test]
    fn a_window_is_open_until_one_epoch_after_its_last() {
        // 59 days: epochs 0..=8, the last one cut short; windows of four epochs.
        assert_eq!(epochs_of(&plan()), Epoch(9));
        assert_eq!(at("2017-01-01"), (0, 2));
        assert_eq!(at("2017-01-28"), (0, 5));
        assert_eq!(at("2017-02-04"), (0, 6), "the first epoch of window 1 still hears window 0");
        assert_eq!(at("2017-02-05"), (4, 7));
    }

    #[test]
    fn an_epoch_opens_one_early_and_none_opens_beyond_the_plan() {
        assert_eq!(at("2016-12-31"), (0, 1));
        assert_eq!(at("2016-12-01"), (0, 0));
        assert_eq!(at("2017-02-27"), (4, 9));
        assert_eq!(at("2017-03-06"), (8, 9), "the last epoch ended on the 5th");
        assert_eq!(at("2017-03-13"), (9, 9));
        assert_eq!(at("2040-01-01"), (9, 9));
    }

    #[test]
    fn counts_expire_so_many_days_after_their_window_closed() {
        let of = |days| Retention { counts_days: NonZeroU16::new(days), ..Retention::default() };
        let counts = |promised: u16, asked: u16, date: &str| {
            let plan = Plan { retention: of(promised), ..plan() };
            Expired::at(&plan, of(asked), Timestamp::from_date(date).unwrap()).counts
        };
        // Window 0 closes on the fifth of February.
        assert_eq!(counts(0, 30, "2017-03-06"), Some(Epoch(0)));
        assert_eq!(counts(0, 30, "2017-03-07"), Some(Epoch(4)));
        assert_eq!(counts(0, 30, "2030-01-01"), Some(Epoch(9)));
        assert_eq!(counts(0, u16::MAX, "2017-03-07"), Some(Epoch(0)));
        assert_eq!(counts(0, 0, "2030-01-01"), None);
        // The plan's days and the operator's: the fewer count.
        for (promised, asked) in [(30, 0), (30, 90), (90, 30)] {
            assert_eq!(counts(promised, asked, "2017-03-07"), Some(Epoch(4)), "{promised} {asked}");
        }
    }

    #[test]
    fn an_instant_is_written_to_the_second() {
        let at = Timestamp::from_date("2026-11-26").unwrap().saturating_add(86_399_999);
        assert_eq!(instant(at), "2026-11-26T23:59:59Z");
        assert_eq!(instant(at.saturating_add(1)), "2026-11-27T00:00:00Z");
    }

    #[test]
    fn in_a_simulation_every_epoch_of_the_plan_is_open() {
        let open = Clock::Simulation.openings(&plan());
        assert_eq!((open.closed_before.0, open.ahead_from.0), (0, 9));
    }
}
