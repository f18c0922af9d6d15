//! The budget ledger of a device: at most one report per window, at most a stated epsilon per year, forever counted.
//!
//! It knows instants and whole micro-epsilons, not plans: a new plan with another calendar finds the same
//! window taken and the same year charged.

#[cfg(feature = "recover")]
use keepset_wire::Epoch;
use keepset_wire::codec;
use keepset_wire::{DAY_MS, Plan, Timestamp, Window};

/// A budget year in milliseconds.
const YEAR_MS: i64 = 365 * DAY_MS;

/// The spent budget of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The latest instant seen: time does not run backwards here.
    latest: i64,
    /// No window that begins before this instant is answered.
    busy_until: i64,
    /// What was charged in the last year, and when.
    charges: Vec<(i64, u64)>,
}

codec!(struct Ledger { latest, busy_until, charges });

/// Why nothing may be charged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The plan has not started or has expired.
    PlanNotLive,
    /// The clock stands before an instant already seen.
    ClockBehind,
    /// This window is answered, or the device is new and waits for the next one.
    WindowTaken,
    /// The year's allowance does not hold another report.
    YearSpent,
}

/// The proof that a report was charged; whoever holds one may draw noise once.
#[derive(Debug)]
pub struct Charge {
    window: Window,
}

impl Charge {
    /// Returns the window that is now answered.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }
}

/// What a device has spent and may spend, in micro-epsilons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The price of one report, which is all a window may cost.
    pub per_report: u64,
    /// Spent in the window of now; all of it while a new device waits for the next one.
    pub spent_in_window: u64,
    /// The most a year may cost.
    pub per_year: u64,
    /// Spent in the last 365 days.
    pub spent_in_year: u64,
}

impl Ledger {
    /// Starts a ledger where there was none: the device may have reported before it lost its state, so this window counts as taken.
    #[must_use]
    pub fn fresh(plan: Option<&Plan>, now: Timestamp) -> Self {
        let busy_until = plan.map_or(now, |plan| next_window_start(plan, now));
        Self { latest: now.millis(), busy_until: busy_until.millis(), charges: Vec::new() }
    }

    /// Starts a ledger where one was unreadable: this window and this year's whole allowance count as spent.
    #[must_use]
    pub fn spent(plan: Option<&Plan>, now: Timestamp) -> Self {
        let charges = plan.map(|plan| (now.millis(), per_year(plan)));
        Self { charges: charges.into_iter().collect(), ..Self::fresh(plan, now) }
    }

    /// Charges one report of `plan`, or says why not. Fail closed: an error changes nothing but the latest instant seen.
    ///
    /// # Errors
    /// The first [`Refusal`], in the order of its variants.
    pub fn charge(&mut self, plan: &Plan, now: Timestamp) -> Result<Charge, Refusal> {
        let window = self.permits(plan, now)?;
        self.charges.retain(|(at, _)| within_a_year(*at, now));
        self.charges.push((now.millis(), plan.epsilon.micro().into()));
        self.busy_until = next_window_start(plan, now).millis();
        Ok(Charge { window })
    }

    /// Tells whether another ledger has charged and left out the same, whatever instants they have seen.
    #[must_use]
    pub fn same_charges(&self, other: &Self) -> bool {
        self.busy_until == other.busy_until && self.charges == other.charges
    }

    /// Tells whether this can be another ledger some time later.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        self.latest >= other.latest && self.busy_until >= other.busy_until
    }

    /// Counts every window since the latest instant seen, the one of `now` included, as answered and paid for. It is for a copy of a
    /// ledger: what was spent after it was made is not in it. Where that cannot be counted, the whole year's allowance counts as spent.
    ///
    /// # Privacy
    /// Nothing that was spent is forgotten as long as `plan` is the plan that was in force since: each window is counted at its price,
    /// at the latest instant at which it can have been charged.
    #[cfg(feature = "recover")]
    pub fn assume_spent(&mut self, plan: Option<&Plan>, now: Timestamp) {
        let Some(plan) = plan else {
            // Nothing is asked here; a plan that comes later finds the window of now taken.
            self.busy_until = self.busy_until.max(now.millis());
            return;
        };
        let seen = Timestamp::from_millis(self.latest).unwrap_or(Timestamp::MAX);
        let window = |at| plan.epoch_at(at).map(|epoch| plan.window_of(epoch).0);
        match (window(seen.max(plan.starts)), window(now)) {
            (Some(first), Some(last)) if seen <= now => {
                // Those of before a year weigh no more.
                let year = plan.window_of(plan.epoch_at(now.saturating_add(-YEAR_MS)).unwrap_or(Epoch(0))).0;
                for window in first.max(year)..=last {
                    if plan.window_start(Window(window)).millis() >= self.busy_until {
                        let end =
                            plan.window_start(Window(window.saturating_add(1))).millis().saturating_sub(1);
                        self.charges.push((end.min(now.millis()), plan.epsilon.micro().into()));
                    }
                }
            }
            _ => self.charges.push((self.latest.max(now.millis()), per_year(plan))),
        }
        self.latest = self.latest.max(now.millis());
        self.leave_out(plan, now);
    }

    /// Leaves the window of `now` unanswered.
    pub fn leave_out(&mut self, plan: &Plan, now: Timestamp) {
        self.busy_until = self.busy_until.max(next_window_start(plan, now).millis());
    }

    /// Tells whether a report may be charged now, and for which window. Remembers `now` as seen.
    ///
    /// # Errors
    /// The first [`Refusal`], in the order of its variants.
    pub fn permits(&mut self, plan: &Plan, now: Timestamp) -> Result<Window, Refusal> {
        let epoch = plan.epoch_at(now).ok_or(Refusal::PlanNotLive)?;
        if now.millis() < self.latest {
            return Err(Refusal::ClockBehind);
        }
        self.latest = now.millis();
        let window = plan.window_of(epoch);
        if plan.window_start(window).millis() < self.busy_until {
            return Err(Refusal::WindowTaken);
        }
        if self.spent_in_year(now).saturating_add(plan.epsilon.micro().into()) > per_year(plan) {
            return Err(Refusal::YearSpent);
        }
        Ok(window)
    }

    /// Returns the first instant at which `plan` may charge again: the window free, the year's allowance large enough
    /// and the clock past every instant already seen.
    #[must_use]
    pub fn free_from(&self, plan: &Plan) -> Timestamp {
        let mut from = self.busy_until.max(self.latest);
        let mut spent: u64 = self.charges.iter().fold(0, |sum, (_, micro)| sum.saturating_add(*micro));
        // Oldest first: a charge weighs for a year and not a moment longer.
        for (at, micro) in &self.charges {
            if spent.saturating_add(plan.epsilon.micro().into()) <= per_year(plan) {
                break;
            }
            spent = spent.saturating_sub(*micro);
            from = from.max(at.saturating_add(YEAR_MS));
        }
        Timestamp::from_millis(from).unwrap_or(Timestamp::MAX)
    }

    /// Returns what is spent and what may be.
    #[must_use]
    pub fn budget(&self, plan: &Plan, now: Timestamp) -> Budget {
        let window_start = plan.epoch_at(now).map(|epoch| plan.window_start(plan.window_of(epoch)));
        let taken = window_start.is_some_and(|start| start.millis() < self.busy_until);
        let per_report = plan.epsilon.micro().into();
        Budget {
            per_report,
            spent_in_window: if taken { per_report } else { 0 },
            per_year: per_year(plan),
            spent_in_year: self.spent_in_year(now),
        }
    }

    fn spent_in_year(&self, now: Timestamp) -> u64 {
        let charges = self.charges.iter().filter(|(at, _)| within_a_year(*at, now));
        charges.fold(0, |sum, (_, micro)| sum.saturating_add(*micro))
    }
}

fn within_a_year(at: i64, now: Timestamp) -> bool {
    now.millis().saturating_sub(at) < YEAR_MS
}

fn per_year(plan: &Plan) -> u64 {
    u64::from(plan.epsilon.micro()) * u64::from(plan.windows_per_year)
}

/// The start of the window after the one `now` lies in; outside the plan, `now` itself.
fn next_window_start(plan: &Plan, now: Timestamp) -> Timestamp {
    plan.epoch_at(now)
        .map_or(now, |epoch| plan.window_start(Window(plan.window_of(epoch).0.saturating_add(1))))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn plan() -> Plan {
        let text = r#"{"id": "sample", "owner": "o", "reason": "r", "starts": "2017-01-01", "expires": "2031-01-01", "epsilon": 0.1,
            "windows_per_year": 10, "questions": [{"id": "q", "reason": "r", "segments": ["a"], "cap": 1}]}"#;
        Plan::parse(text).unwrap()
    }

    fn day(number: i64) -> Timestamp {
        plan().starts.saturating_add(number * DAY_MS)
    }

    #[test]
    fn a_new_device_waits_for_the_next_window_and_then_answers_each_once() {
        let mut ledger = Ledger::fresh(Some(&plan()), day(3));
        assert_eq!(ledger.charge(&plan(), day(27)).unwrap_err(), Refusal::WindowTaken);
        assert_eq!(ledger.charge(&plan(), day(28)).unwrap().window(), Window(1));
        assert_eq!(ledger.charge(&plan(), day(55)).unwrap_err(), Refusal::WindowTaken);
        assert_eq!(ledger.charge(&plan(), day(56)).unwrap().window(), Window(2));
        assert_eq!(ledger.budget(&plan(), day(57)).spent_in_window, 100_000);
    }

    #[test]
    fn ten_charges_of_a_tenth_make_exactly_one_and_the_eleventh_waits_a_year() {
        let mut ledger = Ledger::fresh(Some(&plan()), day(0));
        for window in 1..=10 {
            ledger.charge(&plan(), day(28 * window)).unwrap();
        }
        assert_eq!(ledger.budget(&plan(), day(281)).spent_in_year, 1_000_000);
        assert_eq!(ledger.charge(&plan(), day(28 * 11)).unwrap_err(), Refusal::YearSpent);
        assert_eq!(ledger.free_from(&plan()), day(28 + 365));
        assert!(ledger.charge(&plan(), day(28 * 15)).is_ok());
    }

    #[test]
    fn an_unreadable_ledger_is_silent_for_a_year() {
        let mut ledger = Ledger::spent(Some(&plan()), day(0));
        assert_eq!(ledger.free_from(&plan()), day(365));
        assert_eq!(ledger.charge(&plan(), day(200)).unwrap_err(), Refusal::YearSpent);
        assert!(ledger.charge(&plan(), day(366)).is_ok());
    }

    #[test]
    fn a_clock_set_back_buys_nothing() {
        let mut ledger = Ledger::fresh(Some(&plan()), day(0));
        ledger.charge(&plan(), day(60)).unwrap();
        assert_eq!(ledger.charge(&plan(), day(30)).unwrap_err(), Refusal::ClockBehind);
    }

    #[test]
    fn a_plan_with_another_calendar_finds_the_window_taken() {
        let mut ledger = Ledger::fresh(Some(&plan()), day(0));
        ledger.charge(&plan(), day(28)).unwrap();
        let daily = Plan { epoch_days: 1, window_epochs: 1, ..plan() };
        assert_eq!(ledger.charge(&daily, day(29)).unwrap_err(), Refusal::WindowTaken);
        assert!(ledger.charge(&daily, day(56)).is_ok());
    }

    #[cfg(feature = "recover")]
    #[test]
    fn a_copy_counts_every_window_since_it_was_made_and_the_present_one() {
        let mut ledger = Ledger::fresh(Some(&plan()), day(0));
        ledger.charge(&plan(), day(30)).unwrap();
        let mut copy = ledger.clone();
        // Windows 2 and 3 of which the copy knows nothing, and the present one.
        copy.assume_spent(Some(&plan()), day(28 * 4 + 3));
        assert_eq!(copy.spent_in_year(day(28 * 4 + 3)), 400_000);
        assert_eq!(copy.charge(&plan(), day(28 * 5 - 1)).unwrap_err(), Refusal::WindowTaken);
        assert_eq!(copy.charge(&plan(), day(28 * 5)).unwrap().window(), Window(5));
        // What the copy knows is not counted twice.
        ledger.assume_spent(Some(&plan()), day(55));
        assert_eq!(ledger.spent_in_year(day(55)), 100_000);
    }

    #[cfg(feature = "recover")]
    #[test]
    fn a_copy_from_the_future_or_of_a_plan_that_is_over_costs_the_year() {
        let mut ahead = Ledger::fresh(Some(&plan()), day(90));
        ahead.assume_spent(Some(&plan()), day(40));
        assert_eq!(ahead.charge(&plan(), day(200)).unwrap_err(), Refusal::YearSpent);
        let mut late = Ledger::fresh(Some(&plan()), day(0));
        let over = plan().expires.saturating_add(DAY_MS);
        late.assume_spent(Some(&plan()), over);
        assert_eq!(late.spent_in_year(over), 1_000_000);
    }

    /// The most charges of any 365 days, each with the day of it.
    fn most_in_a_year(charged: &[(i64, Window)]) -> usize {
        let in_year = |(start, _): &(i64, Window)| {
            charged.iter().filter(|(at, _)| (*start..start + 365).contains(at)).count()
        };
        charged.iter().map(in_year).max().unwrap_or(0)
    }

    #[cfg(feature = "recover")]
    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        /// Law (a) over losses: whatever old copy is put back and how often, no window is charged twice and no 365 days cost more than
        /// the year's allowance, as long as the clock does not run backwards.
        #[test]
        fn no_old_copy_buys_a_second_answer(steps in proptest::collection::vec((0_i64..40, 0_usize..4, 0_usize..30), 1..120)) {
            let plan = plan();
            let mut ledger = Ledger::fresh(Some(&plan), day(0));
            let mut copies = vec![ledger.clone()];
            let mut today = 0_i64;
            let mut charged: Vec<(i64, Window)> = Vec::new();
            for (step, deed, which) in steps {
                today += step;
                match deed {
                    0 => {
                        ledger = copies[which % copies.len()].clone();
                        ledger.assume_spent(Some(&plan), day(today));
                    }
                    1 => copies.push(ledger.clone()),
                    _ => {
                        if let Ok(charge) = ledger.charge(&plan, day(today)) {
                            prop_assert!(charged.iter().all(|(_, window)| *window != charge.window()));
                            charged.push((today, charge.window()));
                        }
                    }
                }
            }
            prop_assert!(most_in_a_year(&charged) <= 10);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]
        /// Law (a): over any walk of the clock, no window is charged twice and no 365 days cost more than the year's allowance.
        #[test]
        fn no_walk_of_the_clock_overspends(steps in proptest::collection::vec(-40_i64..60, 1..120)) {
            let plan = plan();
            let mut ledger = Ledger::fresh(Some(&plan), day(0));
            let mut today = 0_i64;
            let mut charged: Vec<(i64, Window)> = Vec::new();
            for step in steps {
                today = (today + step).max(0);
                if let Ok(charge) = ledger.charge(&plan, day(today)) {
                    prop_assert!(charged.iter().all(|(_, window)| *window != charge.window()));
                    charged.push((today, charge.window()));
                }
            }
            prop_assert!(most_in_a_year(&charged) <= 10);
        }
    }
}
