//! How many tokens each visitor has had: a number beside a keyed hash of the name that the backend gives, in a small file of SQLite, forgotten
//! with the period, key and all.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use keepset_wire::{DAY_MS, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sha2::Sha256;

use crate::private;
use crate::sqlite_file::{FORGETFUL, FileKind, PATIENCE, make};

/// Draws the key of a period.
pub type Draw = fn() -> Option<[u8; 32]>;

/// Marks the file as ours: "KSIC".
const APPLICATION: i64 = 0x4b53_4943;
const FORMAT: i64 = 1;

const TABLES: &str = "
CREATE TABLE period (only INTEGER PRIMARY KEY CHECK (only = 0), ends INTEGER NOT NULL, key BLOB NOT NULL) STRICT;
CREATE TABLE had (visitor BLOB PRIMARY KEY, tokens INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Counts of one period.
///
/// # Privacy
/// The key is drawn when the period begins, stands in this file alone, and is overwritten with the counts when the period is over: from then on nobody
/// can tell who asked. Until then whoever has this file, and knows what the backend calls its visitors, can; the file is its owner's alone.
pub struct Counts {
    most: u32,
    period_days: u32,
    draw: Draw,
    file: Mutex<Connection>,
}

/// Whether a visitor gets a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Yes.
    Yes,
    /// They have had as many as there are for one; the next period begins in so many seconds.
    UsedUp(u64),
    /// Nobody can be counted: the file cannot be read or written, or there is no chance to draw a key from.
    Unavailable,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Counts {
    /// Opens the file, or makes it for its owner alone, and grants `most` tokens to each visitor in a period of so many days, which is one from
    /// 1970 on.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong.
    pub fn open(path: &Path, most: u32, period_days: u32, draw: Draw) -> Result<Self, String> {
        let shown = path.display();
        if path.exists() {
            private::check_mode(path, "who asked for tokens")?;
        } else {
            let made = private::options().write(true).create_new(true).open(path);
            made.map_err(|error| format!("{shown} cannot be made: {error}"))?;
        }
        let unusable = |error: rusqlite::Error| format!("{shown} cannot be used: {error}");
        let mut file = Connection::open(path).map_err(unusable)?;
        file.busy_timeout(PATIENCE).map_err(unusable)?;
        match FileKind::of(&file, APPLICATION).map_err(unusable)? {
            FileKind::Ours(FORMAT) => {}
            FileKind::Ours(format) => {
                return Err(format!("{shown} is of a later version ({format}) of this program"));
            }
            FileKind::New => make(&mut file, &[TABLES], APPLICATION, FORMAT).map_err(unusable)?,
            FileKind::Foreign => {
                return Err(format!("{shown} holds no counts of an issuer; name a file of its own"));
            }
        }
        file.execute_batch(FORGETFUL).map_err(unusable)?;
        Ok(Self { most, period_days, draw, file: Mutex::new(file) })
    }

    /// Counts a token for a visitor, durably, if they may have one more at `now`.
    pub fn take(&self, visitor: &[u8], now: Timestamp) -> Granted {
        self.grant(visitor, now).unwrap_or(Granted::Unavailable)
    }

    /// Gives back a token that was counted and not signed. Where that cannot be written the visitor has one less.
    pub fn give_back(&self, visitor: &[u8]) {
        let _ = self.change(|transaction| {
            let Some((_, key)) = period(transaction)? else { return Ok(()) };
            let given = "UPDATE had SET tokens = tokens - 1 WHERE visitor = ?1 AND tokens > 0";
            transaction.execute(given, [hidden(&key, visitor)]).map(|_| ())
        });
    }

    /// Forgets a period that is over at `now`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&self, now: Timestamp) -> rusqlite::Result<()> {
        self.change(|transaction| match period(transaction)? {
            Some((ends, _)) if ends <= now => forget(transaction),
            _ => Ok(()),
        })
    }

    /// Returns how many visitors are counted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn visitors(&self) -> rusqlite::Result<u64> {
        self.lock().query_row("SELECT count(*) FROM had", [], |row| row.get(0))
    }

    fn grant(&self, visitor: &[u8], now: Timestamp) -> rusqlite::Result<Granted> {
        self.change(|transaction| {
            let Some((ends, key)) = self.current(transaction, now)? else { return Ok(Granted::Unavailable) };
            let name = hidden(&key, visitor);
            let had = transaction
                .query_row("SELECT tokens FROM had WHERE visitor = ?1", [name], |row| row.get::<_, u32>(0))
                .optional()?;
            if had.unwrap_or(0) >= self.most {
                let left = u64::try_from(ends.millis() - now.millis()).unwrap_or(0);
                return Ok(Granted::UsedUp(left.div_ceil(1_000)));
            }
            let one =
                "INSERT INTO had VALUES (?1, 1) ON CONFLICT (visitor) DO UPDATE SET tokens = tokens + 1";
            transaction.execute(one, [name])?;
            Ok(Granted::Yes)
        })
    }

    /// Returns the period at `now`, a new one where the last is over. A clock that is set back begins none: that would give everybody tokens anew.
    fn current(
        &self,
        transaction: &Transaction<'_>,
        now: Timestamp,
    ) -> rusqlite::Result<Option<(Timestamp, [u8; 32])>> {
        if let Some(period) = period(transaction)?.filter(|(ends, _)| now < *ends) {
            return Ok(Some(period));
        }
        forget(transaction)?;
        let Some(key) = (self.draw)() else { return Ok(None) };
        let length = i64::from(self.period_days) * DAY_MS;
        let ends = now.saturating_add(length - now.millis().rem_euclid(length));
        transaction.execute("INSERT INTO period VALUES (0, ?1, ?2)", params![ends.millis(), key])?;
        Ok(Some((ends, key)))
    }

    /// Changes the file in one transaction, which also keeps other issuers on it away.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut file = self.lock();
        let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked was rolled back.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads when the period ends, and its key.
fn period(transaction: &Transaction<'_>) -> rusqlite::Result<Option<(Timestamp, [u8; 32])>> {
    let read = |row: &rusqlite::Row<'_>| {
        let ends = row.get(0)?;
        let ends = Timestamp::from_millis(ends).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, ends))?;
        Ok((ends, row.get(1)?))
    };
    transaction.query_row("SELECT ends, key FROM period", [], read).optional()
}

/// Overwrites all of it.
fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("DELETE FROM had; DELETE FROM period;")
}

fn hidden(key: &[u8; 32], visitor: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    // HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(visitor);
        name.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    }
    name
}

#[cfg(test)]
mod tests;
