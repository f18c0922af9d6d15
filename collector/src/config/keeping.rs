//! The settings of how long things are kept, and of what is put together when they are shown.

use std::path::PathBuf;

use clap::Args;
use keepset_wire::Plan;

use crate::clock::Retention;
use crate::rollups::Rollups;

/// How long things are kept; labels say so in their terms, ids and raw reports go when their window closes.
#[derive(Clone, Debug, Args)]
pub struct Keeping {
    /// Forget counts, and with them estimates, so many days after their window closed; left out, they stay.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_counts_days: Option<u32>,
    /// Delete the answers in the archive so many days after their window closed; left out, they stay.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500), requires = "archive")]
    pub keep_answers_days: Option<u32>,
    /// Also show these segments together: a JSON file, {"question": {"name": ["segment", "segment"]}}.
    #[arg(long, value_name = "FILE")]
    pub rollups: Option<PathBuf>,
}

impl Keeping {
    /// Returns how long what was counted is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention { counts_days: self.keep_counts_days, answers_days: self.keep_answers_days }
    }

    /// Reads which segments are shown together.
    ///
    /// # Errors
    /// One sentence that names the flag, the file and the place in it.
    pub fn rollups(&self, plan: &Plan) -> Result<Rollups, String> {
        let load = |path: &PathBuf| Rollups::load(path, plan).map_err(|error| format!("--rollups: {error}"));
        self.rollups.as_ref().map_or_else(|| Ok(Rollups::default()), load)
    }
}
