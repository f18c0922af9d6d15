//! The store of several collectors: tables in a PostgreSQL database, or in an engine that speaks its protocol and its plainest SQL.
//!
//! Ids lie in one table per window, which is dropped whole when the window closes: the same as a partition, in words that every such
//! engine knows. Counts are kept in slots, one for every connection that writes, so that two never wait for each other's row.

mod aside;
mod counts;
mod database;
mod handing;
mod keeping;
mod spent;
mod windows;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use keepset_wire::{Epoch, Window};
use postgres::{Client, IsolationLevel, Row, Statement, Transaction};

use super::address::Database;
use super::engine::{
    Aside, Broken, Contents, Engine, Leave, Outcomes, Parts, Receive, Seen, refuse_closed, settle,
};
use super::kept::{Keeping, Kept};
use super::made;
use super::{Engines, OpenError, Purpose, StoreError};
use crate::admit::Admitted;
use windows::{IDS, KEPT, SPENT};

/// Connections that write: while one waits for the database, the other gathers. With more of them fewer reports share a commit.
const WRITERS: usize = 2;
/// As many connections as this can count at once without waiting for each other's rows; more only wait.
const SLOTS: u64 = 64;

/// A connection to a database, made when it is needed and made again when it was lost.
struct Postgres {
    database: Database,
    client: Option<Client>,
    prepared: Prepared,
    /// Which counts are this connection's to raise.
    slot: i32,
    /// Epochs in a window.
    window_epochs: u32,
    /// Windows whose table is known to be there.
    tables: BTreeSet<Window>,
    /// Windows whose table of spent tokens is known to be there.
    spent_tables: BTreeSet<Window>,
    /// What whoever counts needs where answers are kept.
    keeping: Option<Arc<Keeping>>,
}

/// Connects, and makes the tables when there are none.
pub(super) fn open(database: &Database, purpose: &Purpose) -> Result<Engines, OpenError> {
    // The client runs a runtime of its own, and none may be started within another.
    std::thread::scope(|scope| {
        let prepared = scope.spawn(|| database::open(database, purpose)).join();
        prepared.unwrap_or_else(|_| Err(OpenError::Engine("the thread that connects ended".into())))
    })?;
    let keeping = Keeping::of(purpose)?.map(Arc::new);
    let engine = |keeping| Postgres::boxed(database, purpose, keeping);
    Ok(Engines {
        writers: (0..WRITERS).map(|_| engine(keeping.clone())).collect(),
        reader: engine(None),
        archivist: purpose.archived.then(|| engine(None)),
    })
}

/// Opens tables that are there, whatever they were made for.
pub(super) fn open_existing(database: &Database) -> Result<(Box<dyn Engine>, Purpose), OpenError> {
    let purpose = database::open_existing(database)?;
    Ok((Postgres::boxed(database, &purpose, None), purpose))
}

/// Makes tables that are to be filled.
pub(super) fn create(database: &Database, purpose: &Purpose) -> Result<Box<dyn Engine>, OpenError> {
    database::create(database, purpose)?;
    Ok(Postgres::boxed(database, purpose, None))
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
        let width = self.window_epochs;
        self.attempt(|_, client| {
            for table in [IDS, SPENT] {
                table.closed(client, width)?.into_iter().try_for_each(|window| table.drop(client, window))?;
            }
            Ok(false)
        })
    }

    fn forget_counts(&mut self, epoch: Epoch) -> Result<(), Broken> {
        self.attempt(|_, client| counts::forget(client, epoch))
    }

    fn compact(&mut self) -> Result<(), Broken> {
        self.attempt(|this, client| counts::fold(client, &mut this.prepared))
    }

    fn add_aside(&mut self, aside: &Aside) -> Result<(), Broken> {
        self.attempt(|_, client| {
            let mut transaction = client.transaction()?;
            aside::add(&mut transaction, aside)?;
            transaction.commit()
        })
    }

    fn contents(&mut self) -> Result<Contents, Broken> {
        self.attempt(|_, client| {
            let mut transaction = snapshot(client)?;
            let contents = handing::contents(&mut transaction)?;
            transaction.commit()?;
            Ok(contents)
        })
    }

    fn unsealed(&mut self) -> Result<Vec<Window>, Broken> {
        let width = self.window_epochs;
        self.attempt(|_, client| KEPT.closed(client, width))
    }

    fn kept_after(&mut self, window: Window, last: Option<&Kept>) -> Result<Vec<Kept>, Broken> {
        self.attempt(|_, client| keeping::after(client, window, last))
    }

    fn mark_sealed(&mut self, window: Window) -> Result<(), Broken> {
        self.attempt(|_, client| KEPT.drop(client, window))
    }

    fn drop_sealed(&mut self) -> Result<bool, Broken> {
        // The table went with the mark.
        Ok(false)
    }

    fn hand_over(&mut self, leave: Leave, receive: &mut Receive<'_>) -> Result<(), Broken> {
        handing::hand_over(&mut self.client()?, leave, receive)
    }

    fn receive(&mut self, contents: &Contents, parts: &mut Parts<'_>) -> Result<(), Broken> {
        let (slot, mut client) = (self.slot, self.client()?);
        handing::receive(&mut client, &mut self.prepared, slot, contents, parts)
    }
}

impl Postgres {
    fn boxed(database: &Database, purpose: &Purpose, keeping: Option<Arc<Keeping>>) -> Box<dyn Engine> {
        Box::new(Self {
            database: database.clone(),
            client: None,
            prepared: Prepared::default(),
            slot: slot(),
            window_epochs: purpose.plan.window_epochs,
            tables: BTreeSet::new(),
            spent_tables: BTreeSet::new(),
            keeping,
        })
    }

    /// Takes the connection, or makes one.
    fn client(&mut self) -> Result<Client, Broken> {
        match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => {
                self.prepared = Prepared::default();
                database::connect(&self.database).map_err(|error| Broken(error.to_string()))
            }
        }
    }

    /// Does some work over a connection, again while it only lost a race; a connection that failed otherwise is given up.
    fn attempt<T>(
        &mut self,
        mut work: impl FnMut(&mut Self, &mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, Broken> {
        let mut client = self.client()?;
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            match work(self, &mut client) {
                Err(error) if tries < database::MAX_TRIES && database::lost_a_race(&error) => {
                    self.tables.clear();
                    self.spent_tables.clear();
                }
                outcome => break outcome,
            }
        };
        // An error that the database itself reports leaves the connection as good as before.
        let usable = outcome.as_ref().err().is_none_or(|error| error.as_db_error().is_some());
        self.client = Some(client).filter(|client| usable && !client.is_closed());
        outcome.map_err(Broken::from)
    }

    fn try_count(
        &mut self,
        client: &mut Client,
        requests: &[Vec<Admitted>],
    ) -> Result<Outcomes, postgres::Error> {
        self.make_tables(client, requests)?;
        let mut transaction = client.transaction()?;
        // Held until the commit: no window closes between this look and the counting.
        let prepared = &mut self.prepared;
        let look = prepared.statement(&mut transaction, &format!("{STANDING} FOR SHARE"))?;
        let standing = transaction.query_one(&look, &[])?;
        let (closed_before, is_open) = read_standing(&standing);
        // Whoever was started without the archive that another one was started with must not count past it.
        if !is_open || standing.get::<_, bool>(2) != self.keeping.is_some() {
            return Ok(vec![Err(StoreError::Unavailable); requests.len()]);
        }
        let mut refused = refuse_closed(requests, closed_before, self.window_epochs);
        spent::spend(&mut transaction, prepared, requests, &mut refused)?;
        let mut new = insert_ids(&mut transaction, prepared, requests, &refused)?;
        let settled = match &self.keeping {
            None => settle(requests, &refused, |admitted| {
                let new = new.remove(&(admitted.window(), admitted.report().id.0));
                Ok(if new { Seen::New } else { Seen::Again })
            })?,
            Some(keeping) => {
                keeping::settle_keeping(&mut transaction, prepared, keeping, (requests, &refused), &mut new)?
            }
        };
        counts::add(&mut transaction, prepared, self.slot, &settled.tallies, &settled.retracted)?;
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
            IDS.make(client, *window)?;
            if self.keeping.is_some() {
                KEPT.make(client, *window)?;
            }
            self.tables.insert(*window);
        }
        let spends = requests.iter().flatten().filter_map(Admitted::spend);
        let windows: BTreeSet<Window> = spends.map(|spend| spend.window).collect();
        for window in windows.difference(&self.spent_tables.clone()) {
            SPENT.make(client, *window)?;
            self.spent_tables.insert(*window);
        }
        Ok(())
    }
}

/// An id and the window it counts in.
type Named = (Window, [u8; 16]);

/// Writes the ids of the requests that are not refused, and returns those that were not there.
fn insert_ids(
    transaction: &mut Transaction<'_>,
    prepared: &mut Prepared,
    requests: &[Vec<Admitted>],
    refused: &[Option<StoreError>],
) -> Result<HashSet<Named>, postgres::Error> {
    let mut new = HashSet::new();
    for (window, ids) in ids_by_window(requests, refused, |_| true) {
        let insert = format!(
            "INSERT INTO {} (id) SELECT unnest($1::BYTEA[]) ON CONFLICT DO NOTHING RETURNING id",
            IDS.table(window)
        );
        let insert = prepared.statement(transaction, &insert)?;
        let rows = transaction.query(&insert, &[&ids])?;
        new.extend(rows.iter().filter_map(|row| Some((window, row.get::<_, &[u8]>(0).try_into().ok()?))));
    }
    Ok(new)
}

/// Goes through the reports of the requests that are not refused.
fn unrefused<'a>(
    requests: &'a [Vec<Admitted>],
    refused: &[Option<StoreError>],
) -> impl Iterator<Item = &'a Admitted> {
    requests.iter().zip(refused).filter(|(_, refused)| refused.is_none()).flat_map(|(request, _)| request)
}

/// Gathers the ids of requests that are not refused, of those that are `wanted`: each once, and in one order everywhere, so that no two
/// transactions wait for each other in a circle.
fn ids_by_window<'a>(
    requests: &'a [Vec<Admitted>],
    refused: &[Option<StoreError>],
    wanted: impl Fn(&Named) -> bool,
) -> BTreeMap<Window, Vec<&'a [u8]>> {
    let ids = unrefused(requests, refused).map(|admitted| (admitted.window(), &admitted.report().id.0));
    let ids: BTreeSet<_> = ids.filter(|(window, id)| wanted(&(*window, **id))).collect();
    let mut by_window: BTreeMap<Window, Vec<&[u8]>> = BTreeMap::new();
    ids.into_iter().for_each(|(window, id)| by_window.entry(window).or_default().push(id));
    by_window
}

/// Begins to read as of one moment, so that the counts of reports and of cells belong together.
fn snapshot(client: &mut Client) -> Result<Transaction<'_>, postgres::Error> {
    client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start()
}

/// Up to where epochs are closed, whether the store is in use, and whether answers are kept.
const STANDING: &str = "SELECT closed_before, state, archived FROM keepset_purpose";

fn standing(transaction: &mut Transaction<'_>, lock: &str) -> Result<(Epoch, bool), postgres::Error> {
    Ok(read_standing(&transaction.query_one(&format!("{STANDING} {lock}"), &[])?))
}

fn read_standing(row: &Row) -> (Epoch, bool) {
    (Epoch(narrow(row.get::<_, i64>(0))), row.get::<_, &str>(1) == made::OPEN)
}

/// The statements of every commit, which a connection is told once.
#[derive(Default)]
struct Prepared(HashMap<String, Statement>);

impl Prepared {
    fn statement(
        &mut self,
        transaction: &mut Transaction<'_>,
        sql: &str,
    ) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = transaction.prepare(sql)?;
        self.0.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl From<postgres::Error> for Broken {
    fn from(error: postgres::Error) -> Self {
        Self(database::words(&error))
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
