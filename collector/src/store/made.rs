//! What a store says of itself: what it was made for, and whether it is in use.

use keepset_wire::Plan;

use super::{OpenError, Purpose};

/// A store in use.
pub(super) const OPEN: &str = "open";
/// A store whose copy is used in its place.
pub(super) const MOVED: &str = "moved";
/// A store that is to be filled from another one.
pub(super) const FILLING: &str = "filling";

/// What a store says that it was made for.
pub(super) struct Made {
    pub(super) plan_hash: String,
    pub(super) plan: String,
    pub(super) simulation: bool,
    pub(super) state: String,
    pub(super) archived: bool,
}

impl Made {
    /// Checks that it is in use.
    fn check_open(&self) -> Result<(), OpenError> {
        match self.state.as_str() {
            OPEN => Ok(()),
            FILLING => Err(OpenError::Unfinished),
            _ => Err(OpenError::Moved),
        }
    }

    /// Checks that it is in use for this purpose, and tells whether it is to begin keeping answers: one that has counted some without
    /// keeping them cannot, and one that keeps them goes on.
    pub(super) fn check_open_for(
        &self,
        purpose: &Purpose,
        has_ids: impl FnOnce() -> Result<bool, OpenError>,
    ) -> Result<bool, OpenError> {
        self.check_open()?;
        self.check_made_for(purpose)?;
        match (purpose.archived, self.archived) {
            (false, true) => Err(OpenError::Archived),
            (true, false) if has_ids()? => Err(OpenError::Unarchived),
            (wanted, archived) => Ok(wanted && !archived),
        }
    }

    /// Checks that it waits to be filled for this purpose.
    pub(super) fn check_filling_for(&self, purpose: &Purpose) -> Result<(), OpenError> {
        if self.state != FILLING {
            return Err(OpenError::Exists);
        }
        self.check_made_for(purpose)
    }

    /// Checks that it is in use, and returns what for.
    pub(super) fn open_purpose(&self) -> Result<Purpose, OpenError> {
        self.check_open()?;
        let plan =
            Plan::parse(&self.plan).map_err(|mistake| OpenError::Engine(format!("its plan: {mistake}")))?;
        Ok(Purpose { plan, simulation: self.simulation, archived: self.archived })
    }

    fn check_made_for(&self, purpose: &Purpose) -> Result<(), OpenError> {
        let given = purpose.plan.hash().to_string();
        if self.plan_hash != given {
            return Err(OpenError::OtherPlan { stored: self.plan_hash.clone(), given });
        }
        if self.simulation != purpose.simulation {
            return Err(OpenError::OtherMode { simulation: self.simulation });
        }
        Ok(())
    }
}
