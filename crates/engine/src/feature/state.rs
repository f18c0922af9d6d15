//! What a feature remembers: a short list of dated whole numbers.

use serde::{Deserialize, Serialize};

/// Dated amounts in the order of their dates. A date is the number of a bucket, day or step, as the kind counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State(Vec<(i64, i64)>);

impl State {
    /// Adds `amount` at `date`, keeping only the last `span` dates up to `today`.
    ///
    /// Dates after `today` come from a clock that ran ahead and was set back: they are dropped.
    pub(super) fn add(&mut self, date: i64, amount: i64, span: i64, today: i64) {
        self.0.retain(|(kept, _)| *kept > today - span && *kept <= today);
        if date <= today - span || date > today {
            return;
        }
        match self.0.binary_search_by_key(&date, |(kept, _)| *kept) {
            Ok(found) => self.0[found].1 = self.0[found].1.saturating_add(amount),
            Err(place) => self.0.insert(place, (date, amount)),
        }
    }

    /// Keeps one dated amount alone.
    pub(super) fn set(&mut self, date: i64, amount: i64) {
        self.0.clear();
        self.0.push((date, amount));
    }

    /// Returns the latest dated amount.
    pub(super) fn latest(&self) -> Option<(i64, i64)> {
        self.0.last().copied()
    }

    /// Lists the dated amounts among the last `span` dates up to `today`.
    pub(super) fn within(&self, span: i64, today: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied().filter(move |(date, _)| *date > today - span && *date <= today)
    }

    /// Returns the first date after `today` at which one of the amounts leaves the last `span` dates.
    pub(super) fn next_leaving(&self, span: i64, today: i64) -> Option<i64> {
        self.within(span, today).map(|(date, _)| date + span).min()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
