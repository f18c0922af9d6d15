//! The database: how it is reached, what it must promise, and the tables that are made in it.

use std::error::Error as _;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, NoTls};

use super::super::address::Database;
use super::super::made::{FILLING, Made, OPEN};
use super::super::{OpenError, Purpose};

const FORMAT: i64 = 4;

/// How often a transaction that lost a race is begun again.
pub(super) const MAX_TRIES: u32 = 8;

/// Counts are raised with every commit: those of a question are one row, whatever it counts, and a page has room for the next versions
/// of its rows, so that no index is touched. None holds a time or the order of arrival. No table joins an id with an answer but those of
/// `keepset_kept_windows`, which are filled for an archive alone.
const TABLES: [&str; 7] = [
    "CREATE TABLE IF NOT EXISTS keepset_purpose (one INTEGER PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL,
        plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation BOOLEAN NOT NULL, closed_before BIGINT NOT NULL,
        state TEXT NOT NULL, archived BOOLEAN NOT NULL)",
    "CREATE TABLE IF NOT EXISTS keepset_tally (epoch BIGINT NOT NULL, question INTEGER NOT NULL, slot INTEGER NOT NULL,
        reports BIGINT NOT NULL, votes BIGINT[] NOT NULL, PRIMARY KEY (epoch, question, slot)) WITH (fillfactor = 20)",
    "CREATE TABLE IF NOT EXISTS keepset_late (epoch BIGINT PRIMARY KEY, reports BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS keepset_windows (window_number BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS keepset_kept_windows (window_number BIGINT PRIMARY KEY)",
    CHECKS,
    SPENT_WINDOWS,
];

const CHECKS: &str =
    "CREATE TABLE IF NOT EXISTS keepset_checks (epoch BIGINT NOT NULL, question INTEGER NOT NULL, part TEXT NOT NULL,
        counter INTEGER NOT NULL, votes BIGINT NOT NULL, PRIMARY KEY (epoch, question, part, counter))";

const SPENT_WINDOWS: &str =
    "CREATE TABLE IF NOT EXISTS keepset_spent_windows (window_number BIGINT PRIMARY KEY)";

/// Makes the tables for this purpose, or checks that they were made for it.
pub(super) fn open(database: &Database, purpose: &Purpose) -> Result<(), OpenError> {
    let mut client = connect(database)?;
    let made = make(&mut client, purpose, OPEN)?;
    let begins = made.check_open_for(purpose, || {
        Ok(client.query_one("SELECT EXISTS (SELECT 1 FROM keepset_windows)", &[])?.get(0))
    })?;
    if begins {
        client.execute("UPDATE keepset_purpose SET archived = TRUE", &[])?;
    }
    Ok(())
}

/// Finds out what tables that are there were made for.
pub(super) fn open_existing(database: &Database) -> Result<Purpose, OpenError> {
    read_made(&mut connect(database)?)?.ok_or(OpenError::Missing)?.open_purpose()
}

/// Makes tables that are to be filled; those that were never filled are begun anew.
pub(super) fn create(database: &Database, purpose: &Purpose) -> Result<(), OpenError> {
    make(&mut connect(database)?, purpose, FILLING)?.check_filling_for(purpose)
}

/// Reads what is said; nothing where there are no tables. The format is looked at by itself: the columns of another one may be others.
fn read_made(client: &mut Client) -> Result<Option<Made>, OpenError> {
    let format = match client.query_opt("SELECT format FROM keepset_purpose", &[]) {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => None,
        row => row?.map(|row| row.get::<_, i64>(0)),
    };
    match format {
        None => return Ok(None),
        Some(FORMAT) => {}
        // All that later formats have beyond them are tables. Whoever was started before goes on without.
        Some(older @ (2 | 3)) => {
            client.batch_execute(CHECKS)?;
            client.batch_execute(SPENT_WINDOWS)?;
            client.execute("UPDATE keepset_purpose SET format = $1 WHERE format = $2", &[&FORMAT, &older])?;
        }
        Some(format) if format > FORMAT => return Err(OpenError::Newer { format }),
        Some(format) => return Err(OpenError::Older { format }),
    }
    let made = "SELECT plan_hash, plan, simulation, state, archived FROM keepset_purpose";
    let row = client.query_one(made, &[])?;
    Ok(Some(Made {
        plan_hash: row.get(0),
        plan: row.get(1),
        simulation: row.get(2),
        state: row.get(3),
        archived: row.get(4),
    }))
}

/// Makes what is missing, and returns what is there; a store of another format is left as it is.
fn make(client: &mut Client, purpose: &Purpose, state: &str) -> Result<Made, OpenError> {
    if let Some(made) = read_made(client)? {
        return Ok(made);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match make_tables(client, purpose, state) {
            // Several collectors may be started at once on an empty database.
            Err(error) if tries < MAX_TRIES && lost_a_race(&error) => {}
            outcome => break outcome?,
        }
    }
    read_made(client)?.ok_or(OpenError::Missing)
}

fn make_tables(client: &mut Client, purpose: &Purpose, state: &str) -> Result<(), postgres::Error> {
    for table in TABLES {
        client.batch_execute(table)?;
    }
    let (hash, plan) = (purpose.plan.hash().to_string(), purpose.plan.to_json().to_string());
    client.execute(
        "INSERT INTO keepset_purpose VALUES (1, $1, $2, $3, $4, 0, $5, $6) ON CONFLICT DO NOTHING",
        &[&FORMAT, &hash, &plan, &purpose.simulation, &state, &purpose.archived],
    )?;
    Ok(())
}

/// Connects, and sees to it that what the database acknowledges is durable.
pub(super) fn connect(database: &Database) -> Result<Client, OpenError> {
    let mut config = database.config().clone();
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    if config.get_application_name().is_none() {
        config.application_name("keepset-collector");
    }
    // A server that is gone without a word is noticed; a timeout of statements would not do: a commit that waits for a standby and is
    // cancelled is acknowledged although the standby has not got it.
    config.tcp_user_timeout(Duration::from_secs(20)).keepalives_idle(Duration::from_secs(20));
    let mut client = config.connect(NoTls).map_err(|error| OpenError::Engine(words(&error)))?;
    keep_promises(&mut client)?;
    Ok(client)
}

/// Sees to it that a commit returns only when it is durable.
fn keep_promises(client: &mut Client) -> Result<(), OpenError> {
    let mut setting = |name: &str| -> Option<String> {
        // An engine without such a setting keeps its own promises.
        client.query_one(&format!("SHOW {name}"), &[]).ok().map(|row| row.get(0))
    };
    if setting("fsync").as_deref() == Some("off") {
        return Err(OpenError::Volatile);
    }
    // `on` waits for the disk, and for that of a synchronous standby where there is one; `remote_apply` waits longer still.
    let weak = setting("synchronous_commit").is_some_and(|value| value != "on" && value != "remote_apply");
    if weak {
        client.batch_execute("SET synchronous_commit = on")?;
    }
    Ok(())
}

/// Tells whether a transaction failed only because another one was under way, or a table came or went meanwhile.
pub(super) fn lost_a_race(error: &postgres::Error) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNDEFINED_TABLE,
        SqlState::DUPLICATE_TABLE,
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_OBJECT,
    ]
    .iter()
    .any(|state| error.code() == Some(state))
}

/// The words of the database, without the details in which it would repeat data.
pub(super) fn words(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(reported) => reported.message().to_owned(),
        None => error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
    }
}

impl From<postgres::Error> for OpenError {
    fn from(error: postgres::Error) -> Self {
        Self::Engine(words(&error))
    }
}
