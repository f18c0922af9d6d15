//! Looks into a store beside the collector, whichever kind it is; and the suites that run on both kinds.

use std::path::Path;

use postgres::NoTls;
use postgres::error::SqlState;
use rusqlite::Connection;

use crate::cluster::Cluster;
use crate::process::Folder;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Returns an empty store of this kind, as `--store` takes it.
    pub fn store_in(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join("store.sqlite").display()),
            Self::Postgres => Cluster::shared().database(),
        }
    }
}

/// Makes a test of every function for each kind of store.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite { $(#[test] fn $name() { super::$name($crate::kept::Kind::Sqlite); })+ }
        mod on_postgres { $(#[test] fn $name() { super::$name($crate::kept::Kind::Postgres); })+ }
    };
}
pub(crate) use on_both_stores;

/// What a store holds: reports counted, ids kept, votes.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Held {
    pub reports: i64,
    pub ids: i64,
    pub votes: i64,
}

/// Looks into the file.
pub fn held(store: &Path) -> Held {
    let connection = Connection::open(store).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    Held {
        reports: number("SELECT coalesce(sum(reports), 0) FROM tally"),
        ids: number("SELECT count(*) FROM counted"),
        votes: number("SELECT coalesce(sum(votes), 0) FROM support"),
    }
}

/// Looks into the database.
pub fn held_in_database(url: &str) -> Held {
    let mut client = postgres::Client::connect(url, NoTls).unwrap();
    let mut number = |sql: &str| client.query_one(sql, &[]).unwrap().get::<_, i64>(0);
    let (reports, votes) = (
        number("SELECT CAST(coalesce(sum(reports), 0) AS BIGINT) FROM keepset_tally"),
        number("SELECT CAST(coalesce(sum(v), 0) AS BIGINT) FROM keepset_tally, unnest(votes) AS v"),
    );
    let tables = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'keepset_ids_%'";
    let tables = client.query(tables, &[]).unwrap();
    // A table may be dropped between the two questions: then it holds no id.
    let mut count = |table: &str| match client.query_one(&format!("SELECT count(*) FROM {table}"), &[]) {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => 0,
        row => row.unwrap().get::<_, i64>(0),
    };
    Held { reports, ids: tables.iter().map(|row| count(row.get(0))).sum(), votes }
}

impl Folder {
    /// Looks into its store.
    pub fn held(&self) -> Held {
        match self.store().strip_prefix("sqlite:") {
            Some(path) => held(Path::new(path)),
            None => held_in_database(self.store()),
        }
    }

    /// Asks its store for one number, in words that both kinds know.
    pub fn number(&self, sql: &str) -> i64 {
        match self.store().strip_prefix("sqlite:") {
            Some(path) => Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap(),
            None => {
                postgres::Client::connect(self.store(), NoTls).unwrap().query_one(sql, &[]).unwrap().get(0)
            }
        }
    }

    /// Changes what its store says of itself.
    pub fn set(&self, change: &str) {
        match self.store().strip_prefix("sqlite:") {
            Some(path) => Connection::open(path)
                .unwrap()
                .execute_batch(&format!("UPDATE purpose SET {change}"))
                .unwrap(),
            None => postgres::Client::connect(self.store(), NoTls)
                .unwrap()
                .batch_execute(&format!("UPDATE keepset_purpose SET {change}"))
                .unwrap(),
        }
    }
}
