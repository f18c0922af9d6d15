//! Tables of which there is one for a window, made when it is first counted in and dropped whole.

use keepset_wire::Window;
use postgres::{Client, GenericClient, Row};

use super::narrow;

/// A kind of such tables.
pub(super) struct PerWindow {
    /// What stands before the number of the window.
    name: &'static str,
    /// The table of the windows that have one.
    entries: &'static str,
    columns: &'static str,
}

/// Ids of counted reports.
pub(super) const IDS: PerWindow =
    PerWindow { name: "keepset_ids", entries: "keepset_windows", columns: "id BYTEA PRIMARY KEY" };
/// Answers that are kept for an archive.
pub(super) const KEPT: PerWindow = PerWindow {
    name: "keepset_kept",
    entries: "keepset_kept_windows",
    columns: "id BYTEA NOT NULL, copy INTEGER NOT NULL, epoch BIGINT NOT NULL, question INTEGER NOT NULL,
        answer BYTEA NOT NULL, PRIMARY KEY (id, copy)",
};

/// Tokens that were spent, by the last window in which they could come.
pub(super) const SPENT: PerWindow = PerWindow {
    name: "keepset_spent",
    entries: "keepset_spent_windows",
    columns: "mark BYTEA PRIMARY KEY, bound BYTEA NOT NULL",
};

impl PerWindow {
    /// Names the table of a window.
    pub(super) fn table(&self, window: Window) -> String {
        format!("{}_{}", self.name, window.0)
    }

    /// Makes the table of a window.
    pub(super) fn make(
        &self,
        client: &mut impl GenericClient,
        window: Window,
    ) -> Result<(), postgres::Error> {
        // First the entry, so that no table is left that nobody would drop.
        let entry = format!("INSERT INTO {} VALUES ($1) ON CONFLICT DO NOTHING", self.entries);
        client.execute(&entry, &[&i64::from(window.0)])?;
        client.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {} ({})", self.table(window), self.columns))
    }

    /// Drops the table of a window.
    pub(super) fn drop(&self, client: &mut Client, window: Window) -> Result<(), postgres::Error> {
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&format!("DROP TABLE IF EXISTS {}", self.table(window)))?;
        let entry = format!("DELETE FROM {} WHERE window_number = $1", self.entries);
        transaction.execute(&entry, &[&i64::from(window.0)])?;
        transaction.commit()
    }

    /// Lists the windows that have a table, in their order.
    pub(super) fn all(&self, client: &mut impl GenericClient) -> Result<Vec<Window>, postgres::Error> {
        let all = format!("SELECT window_number FROM {} ORDER BY window_number", self.entries);
        Ok(client.query(&all, &[])?.iter().map(number).collect())
    }

    /// Lists those that are closed: a window is when its first epoch is; the last of a plan may be cut short, hence the rounding up.
    pub(super) fn closed(
        &self,
        client: &mut Client,
        window_epochs: u32,
    ) -> Result<Vec<Window>, postgres::Error> {
        let closed = format!(
            "SELECT window_number FROM {} WHERE window_number <
             (SELECT CAST(ceil(CAST(closed_before AS DOUBLE PRECISION) / $1) AS BIGINT) FROM keepset_purpose)
             ORDER BY window_number",
            self.entries
        );
        Ok(client.query(&closed, &[&f64::from(window_epochs)])?.iter().map(number).collect())
    }
}

fn number(row: &Row) -> Window {
    Window(narrow(row.get::<_, i64>(0)))
}
