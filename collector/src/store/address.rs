//! Where a store is kept: the text of `--store`, read once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use postgres::config::Host;

use crate::private;

/// Where a store is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Address {
    /// One SQLite file on a local disk.
    Sqlite(PathBuf),
    /// A database of PostgreSQL, or of an engine that speaks its protocol.
    Postgres(Database),
}

/// How a database is reached; shown without its password.
#[derive(Clone)]
pub struct Database {
    config: Box<postgres::Config>,
}

const EXPECTED: &str = "expected sqlite:PATH, a path, or postgres://USER@HOST/DATABASE";

impl Address {
    /// Reads `sqlite:PATH`, a path alone, or `postgres://USER@HOST/DATABASE`.
    ///
    /// # Errors
    /// One sentence when the scheme is not known, or what follows it is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path,
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                return Database::parse(text).map(Self::Postgres);
            }
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(format!("the store {scheme:?} is not known here; {EXPECTED}"));
            }
            _ => text,
        };
        if path.is_empty() || path == ":memory:" {
            return Err(format!("a store outlives the program; {EXPECTED}"));
        }
        Ok(Self::Sqlite(path.into()))
    }

    /// Takes the password of a database from a file, where one is named by `flag`.
    ///
    /// # Errors
    /// One sentence that names the flag and what is wrong.
    pub fn with_password_of(self, flag: &str, file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(self) };
        let Self::Postgres(mut database) = self else {
            return Err(format!("{flag}: a store of SQLite has no password"));
        };
        if database.config.get_password().is_some() {
            return Err(format!("{flag}: the address of the store holds a password, too; take it out there"));
        }
        let text = private::read(file, "a password").map_err(|error| format!("{flag}: {error}"))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        if password.is_empty() {
            return Err(format!("{flag}: {} is empty", file.display()));
        }
        database.config.password(password);
        Ok(Self::Postgres(database))
    }

    /// Whether a password is part of it.
    #[must_use]
    pub fn holds_password(&self) -> bool {
        matches!(self, Self::Postgres(database) if database.config.get_password().is_some())
    }

    /// Names the kind of store.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(database) => write!(f, "{database}"),
        }
    }
}

impl Database {
    fn parse(text: &str) -> Result<Self, String> {
        // The driver's words would not repeat a password, but the URL around them might: only the words are passed on.
        let config = postgres::Config::from_str(text).map_err(|error| format!("{error}; {EXPECTED}"))?;
        if config.get_dbname().is_none() {
            return Err(format!("the database is not named; {EXPECTED}"));
        }
        Ok(Self { config: Box::new(config) })
    }

    /// Returns how to connect.
    pub(super) fn config(&self) -> &postgres::Config {
        &self.config
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host).collect();
        write!(f, "postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_with_or_without_its_scheme() {
        let read = |text| Address::parse(text).map(|address| address.to_string());
        assert_eq!(read("a/b.sqlite").unwrap(), "sqlite:a/b.sqlite");
        assert_eq!(read("sqlite:a/b.sqlite").unwrap(), "sqlite:a/b.sqlite");
        assert_eq!(read(r"C:\b.sqlite").unwrap(), r"sqlite:C:\b.sqlite");
        for text in
            ["", "sqlite:", ":memory:", "mysql://host/db", "postgres://host", "postgres://host/db?port=x"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_is_named_without_its_password() {
        let text = "postgres://reports:hush@db-1,db-2/keepset?target_session_attrs=read-write";
        let address = Address::parse(text).unwrap();
        for shown in [format!("{address}"), format!("{address:?}")] {
            assert!(shown.contains("db-1,db-2/keepset") && !shown.contains("hush"), "{shown}");
        }
        let wrong = Address::parse("postgres://reports:hush@host/keepset?port=x").unwrap_err();
        assert!(!wrong.contains("hush"), "{wrong}");
    }
}
