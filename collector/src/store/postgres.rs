//! The store of several collectors: tables in a PostgreSQL database, or in an engine that speaks its protocol and its plainest SQL.
//!
//! Ids lie in one table per window, which is dropped whole when the window closes: the same as a partition, in words that every such
//! engine knows. Counts are kept in slots, one for every connection that writes, so that two never wait for each other's row.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::error::Error as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use keepset_wire::{Epoch, Window};
use postgres::error::SqlState;
use postgres::{Client, IsolationLevel, NoTls, Transaction};

use super::address::Database;
use super::engine::{Broken, Engine, Outcomes, closed, settle};
use super::{Engines, OpenError, Purpose, Tallies};
use crate::admit::Admitted;

const FORMAT: i64 = 1;

/// Connections that write: while one waits for the disk, the other gathers.
const WRITERS: usize = 2;
/// As many connections as this can count at once without waiting for each other's rows; more only wait.
const SLOTS: u64 = 64;
/// How often a transaction that lost a race is begun again.
const MAX_TRIES: u32 = 8;

/// No table joins an id with an answer, and none holds a time or the order of arrival.
const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS keepset_purpose (one INTEGER PRIMARY KEY CHECK (one = 1), format BIGINT NOT NULL,
        plan_hash TEXT NOT NULL, plan TEXT NOT NULL, simulation BOOLEAN NOT NULL, closed_before BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS keepset_tally (epoch BIGINT NOT NULL, question INTEGER NOT NULL, slot INTEGER NOT NULL,
        reports BIGINT NOT NULL, PRIMARY KEY (epoch, question, slot))",
    "CREATE TABLE IF NOT EXISTS keepset_support (epoch BIGINT NOT NULL, question INTEGER NOT NULL, cell INTEGER NOT NULL,
        slot INTEGER NOT NULL, votes BIGINT NOT NULL, PRIMARY KEY (epoch, question, cell, slot))",
    "CREATE TABLE IF NOT EXISTS keepset_windows (window_number BIGINT PRIMARY KEY)",
];

/// A connection to a database, made when it is needed and made again when it was lost.
struct Postgres {
    database: Database,
    client: Option<Client>,
    /// Which counts are this connection's to raise.
    slot: i32,
    /// Epochs in a window.
    window_epochs: u32,
    /// Windows whose table is known to be there.
    tables: BTreeSet<Window>,
}

/// Connects, and makes the tables when there are none.
pub(super) fn open(database: &Database, purpose: &Purpose) -> Result<Engines, OpenError> {
    // The client runs a runtime of its own, and none may be started within another.
    std::thread::scope(|scope| {
        let prepared = scope.spawn(|| prepare(&mut connect(database)?, purpose)).join();
        prepared.unwrap_or_else(|_| Err(OpenError::Engine("the thread that connects ended".into())))
    })?;
    let engine = |_| -> Box<dyn Engine> {
        Box::new(Postgres {
            database: database.clone(),
            client: None,
            slot: slot(),
            window_epochs: purpose.plan.window_epochs,
            tables: BTreeSet::new(),
        })
    };
    Ok(Engines { writers: (0..WRITERS).map(engine).collect(), reader: engine(0) })
}

/// Draws a slot; two connections that draw the same one only wait for each other now and then.
fn slot() -> i32 {
    // The seed of the standard library's maps is the one source of chance here that needs no promise.
    let drawn = RandomState::new().build_hasher().finish() % SLOTS;
    i32::try_from(drawn).unwrap_or(0)
}

impl Engine for Postgres {
    fn count(&mut self, requests: &[Vec<Admitted>]) -> Result<Outcomes, Broken> {
        self.attempt(|this, client| this.try_count(client, requests))
    }

    fn close_before(&mut self, epoch: Epoch) -> Result<(), Broken> {
        let only_forward = "UPDATE keepset_purpose SET closed_before = $1 WHERE closed_before < $1";
        let epoch = i64::from(epoch.0);
        self.attempt(|_, client| client.execute(only_forward, &[&epoch]).map(|_| ()))
    }

    fn forget_some(&mut self) -> Result<bool, Broken> {
        // A window is closed when its first epoch is; the last of a plan may be cut short, hence the rounding up.
        let over = "SELECT window_number FROM keepset_windows WHERE window_number <
            (SELECT CAST(ceil(CAST(closed_before AS DOUBLE PRECISION) / $1) AS BIGINT) FROM keepset_purpose)";
        let width = f64::from(self.window_epochs);
        self.attempt(|_, client| {
            for row in client.query(over, &[&width])? {
                let window: i64 = row.get(0);
                client.batch_execute(&format!("DROP TABLE IF EXISTS keepset_ids_{window}"))?;
                client.execute("DELETE FROM keepset_windows WHERE window_number = $1", &[&window])?;
            }
            Ok(false)
        })
    }

    fn tallies(&mut self) -> Result<Tallies, Broken> {
        self.attempt(|_, client| read_tallies(client))
    }
}

impl Postgres {
    /// Does some work over a connection, again while it only lost a race; a connection that failed otherwise is given up.
    fn attempt<T>(
        &mut self,
        mut work: impl FnMut(&mut Self, &mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, Broken> {
        let mut client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => connect(&self.database).map_err(|error| Broken(error.to_string()))?,
        };
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            match work(self, &mut client) {
                Err(error) if tries < MAX_TRIES && lost_a_race(&error) => self.tables.clear(),
                outcome => break outcome,
            }
        };
        // An error that the database itself reports leaves the connection as good as before.
        let usable = outcome.as_ref().err().is_none_or(|error| error.as_db_error().is_some());
        self.client = Some(client).filter(|client| usable && !client.is_closed());
        outcome.map_err(|error| Broken(words(&error)))
    }

    fn try_count(
        &mut self,
        client: &mut Client,
        requests: &[Vec<Admitted>],
    ) -> Result<Outcomes, postgres::Error> {
        self.make_tables(client, requests)?;
        let mut transaction = client.transaction()?;
        // Held until the commit: no window closes between this look and the counting.
        let closed_before = closed_before(&mut transaction, "FOR SHARE")?;
        let mut new = insert_ids(&mut transaction, requests, closed_before)?;
        let is_new = |admitted: &Admitted| -> Result<bool, postgres::Error> {
            Ok(new.remove(&(admitted.window(), admitted.report().id.0)))
        };
        let settled = settle(requests, closed_before, is_new)?;
        add_tallies(&mut transaction, self.slot, &settled.tallies)?;
        transaction.commit()?;
        Ok(settled.outcomes)
    }

    /// Makes the tables of the windows in `requests` that are not known to be there.
    fn make_tables(
        &mut self,
        client: &mut Client,
        requests: &[Vec<Admitted>],
    ) -> Result<(), postgres::Error> {
        let windows: BTreeSet<Window> = requests.iter().flatten().map(Admitted::window).collect();
        for window in windows.difference(&self.tables.clone()) {
            // First the entry, so that no table is left that nobody would drop.
            let entry = "INSERT INTO keepset_windows VALUES ($1) ON CONFLICT DO NOTHING";
            client.execute(entry, &[&i64::from(window.0)])?;
            let table = format!("CREATE TABLE IF NOT EXISTS keepset_ids_{} (id BYTEA PRIMARY KEY)", window.0);
            client.batch_execute(&table)?;
            self.tables.insert(*window);
        }
        Ok(())
    }
}

/// An id and the window it counts in.
type Named = (Window, [u8; 16]);

/// Writes the ids of the requests that are not closed, and returns those that were not there.
fn insert_ids(
    transaction: &mut Transaction<'_>,
    requests: &[Vec<Admitted>],
    closed_before: Epoch,
) -> Result<HashSet<Named>, postgres::Error> {
    // In one order everywhere, so that no two transactions wait for each other in a circle.
    let mut ids: BTreeMap<Window, BTreeSet<&[u8]>> = BTreeMap::new();
    for admitted in requests.iter().filter(|request| closed(request, closed_before).is_none()).flatten() {
        ids.entry(admitted.window()).or_default().insert(&admitted.report().id.0);
    }
    let mut new = HashSet::new();
    for (window, ids) in ids {
        let insert = format!(
            "INSERT INTO keepset_ids_{} (id) SELECT unnest($1::BYTEA[]) ON CONFLICT DO NOTHING RETURNING id",
            window.0
        );
        let ids: Vec<&[u8]> = ids.into_iter().collect();
        let rows = transaction.query(&insert, &[&ids])?;
        new.extend(rows.iter().filter_map(|row| Some((window, row.get::<_, &[u8]>(0).try_into().ok()?))));
    }
    Ok(new)
}

fn add_tallies(
    transaction: &mut Transaction<'_>,
    slot: i32,
    tallies: &Tallies,
) -> Result<(), postgres::Error> {
    if tallies.is_empty() {
        return Ok(());
    }
    let (mut epochs, mut questions, mut reports) = (Vec::new(), Vec::new(), Vec::new());
    let (mut of_epoch, mut of_question, mut cells, mut votes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((epoch, question), tally) in tallies {
        epochs.push(i64::from(epoch.0));
        questions.push(i32::from(*question));
        reports.push(bigint(tally.reports));
        for (cell, count) in tally.votes() {
            of_epoch.push(i64::from(epoch.0));
            of_question.push(i32::from(*question));
            cells.push(i32::from(cell));
            votes.push(bigint(count));
        }
    }
    transaction.execute(
        "INSERT INTO keepset_tally (epoch, question, slot, reports)
         SELECT e, q, $4, r FROM unnest($1::BIGINT[], $2::INTEGER[], $3::BIGINT[]) AS new (e, q, r)
         ON CONFLICT (epoch, question, slot) DO UPDATE SET reports = keepset_tally.reports + excluded.reports",
        &[&epochs, &questions, &reports, &slot],
    )?;
    transaction.execute(
        "INSERT INTO keepset_support (epoch, question, cell, slot, votes)
         SELECT e, q, c, $5, v FROM unnest($1::BIGINT[], $2::INTEGER[], $3::INTEGER[], $4::BIGINT[]) AS new (e, q, c, v)
         ON CONFLICT (epoch, question, cell, slot) DO UPDATE SET votes = keepset_support.votes + excluded.votes",
        &[&of_epoch, &of_question, &cells, &votes, &slot],
    )?;
    Ok(())
}

fn read_tallies(client: &mut Client) -> Result<Tallies, postgres::Error> {
    // One snapshot, so that the counts of reports and of cells belong to the same moment.
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let mut transaction = begin.start()?;
    let mut tallies = Tallies::new();
    let reports =
        "SELECT epoch, question, CAST(sum(reports) AS BIGINT) FROM keepset_tally GROUP BY epoch, question";
    for row in transaction.query(reports, &[])? {
        let key = (Epoch(narrow(row.get::<_, i64>(0))), narrow(row.get::<_, i32>(1)));
        tallies.entry(key).or_default().reports = narrow(row.get::<_, i64>(2));
    }
    let support = "SELECT epoch, question, cell, CAST(sum(votes) AS BIGINT) FROM keepset_support
        GROUP BY epoch, question, cell";
    for row in transaction.query(support, &[])? {
        let key = (Epoch(narrow(row.get::<_, i64>(0))), narrow(row.get::<_, i32>(1)));
        tallies.entry(key).or_default().vote(narrow(row.get::<_, i32>(2)), narrow(row.get::<_, i64>(3)));
    }
    transaction.commit()?;
    Ok(tallies)
}

fn closed_before(transaction: &mut Transaction<'_>, lock: &str) -> Result<Epoch, postgres::Error> {
    let row = transaction.query_one(&format!("SELECT closed_before FROM keepset_purpose {lock}"), &[])?;
    Ok(Epoch(narrow(row.get::<_, i64>(0))))
}

fn connect(database: &Database) -> Result<Client, OpenError> {
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

fn prepare(client: &mut Client, purpose: &Purpose) -> Result<(), OpenError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match create(client, purpose) {
            // Several collectors may be started at once on an empty database.
            Err(error) if tries < MAX_TRIES && lost_a_race(&error) => {}
            outcome => break outcome?,
        }
    }
    let row = client.query_one("SELECT format, plan_hash, simulation FROM keepset_purpose", &[])?;
    match row.get(0) {
        format if format > FORMAT => Err(OpenError::Newer { format }),
        _ => purpose.check(row.get(1), row.get(2)),
    }
}

fn create(client: &mut Client, purpose: &Purpose) -> Result<(), postgres::Error> {
    for table in TABLES {
        client.batch_execute(table)?;
    }
    let (hash, plan) = (purpose.plan.hash().to_string(), purpose.plan.to_json().to_string());
    client.execute(
        "INSERT INTO keepset_purpose VALUES (1, $1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
        &[&FORMAT, &hash, &plan, &purpose.simulation],
    )?;
    Ok(())
}

/// Tells whether a transaction failed only because another one was under way, or a table came or went meanwhile.
fn lost_a_race(error: &postgres::Error) -> bool {
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
fn words(error: &postgres::Error) -> String {
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

/// The database's whole numbers have a sign; ours that are stored never reach it.
fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that we stored, as the type it had.
fn narrow<S, T: TryFrom<S> + Default>(number: S) -> T {
    T::try_from(number).unwrap_or_default()
}
