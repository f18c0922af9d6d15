//! The settings of how long things are kept.

use clap::Args;

use crate::clock::Retention;

/// How long things are kept; labels say so in their terms, ids and raw reports go when their window closes.
#[derive(Clone, Copy, Debug, Args)]
pub struct Keeping {
    /// Forget counts, and with them estimates, so many days after their window closed; left out, they stay.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_counts_days: Option<u32>,
    /// Delete the answers in the archive so many days after their window closed; left out, they stay.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500), requires = "archive")]
    pub keep_answers_days: Option<u32>,
}

impl Keeping {
    /// Returns how long what was counted is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention { counts_days: self.keep_counts_days, answers_days: self.keep_answers_days }
    }
}
