//! The settings of how long things are kept, and of what is put together when they are shown.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::Args;
use clap::builder::TypedValueParser;
use keepset_wire::{Plan, Retention};

use crate::rollups::Rollups;

/// How long things are kept; labels say so in their terms, ids and raw reports go when their window closes.
#[derive(Clone, Debug, Args)]
pub struct Keeping {
    /// Forget counts, and with them estimates, so many days after their window closed; left out, as the plan's `retention` says.
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub keep_counts_days: Option<NonZeroU16>,
    /// Delete the answers in the archive so many days after their window closed; left out, as the plan's `retention` says.
    #[arg(long, value_name = "DAYS", value_parser = days(), requires = "archive")]
    pub keep_answers_days: Option<NonZeroU16>,
    /// Also show these segments together: a JSON file, {"question": {"name": ["segment", "segment"]}}.
    #[arg(long, value_name = "FILE")]
    pub rollups: Option<PathBuf>,
}

/// Reads as many days as a plan may promise.
pub(crate) fn days() -> impl TypedValueParser<Value = NonZeroU16> {
    let whole = clap::value_parser!(u16).range(1..=Retention::MAX_DAYS.into());
    whole.try_map(NonZeroU16::try_from)
}

impl Keeping {
    /// Returns how long what was counted is kept, which is no longer than the plan promises.
    ///
    /// # Errors
    /// One sentence that names the flag.
    pub fn retention(&self, plan: &Plan) -> Result<Retention, String> {
        let asked = Retention { counts_days: self.keep_counts_days, answers_days: self.keep_answers_days };
        let kept = asked.shorter(plan.retention);
        for (flag, asked, kept) in [
            ("--keep-counts-days", asked.counts_days, kept.counts_days),
            ("--keep-answers-days", asked.answers_days, kept.answers_days),
        ] {
            if let (Some(asked), Some(kept)) = (asked, kept)
                && asked > kept
            {
                return Err(format!("{flag}: the plan promises {kept} days, and {asked} are more"));
            }
        }
        Ok(kept)
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
