//! What is counted beside the votes, in the tables.

use keepset_wire::Epoch;
use postgres::Transaction;

use super::super::Checks;
use super::super::engine::{Aside, Late};
use super::super::tally::{check_rows, read_check};
use super::{bigint, narrow};

/// Adds to it: what several collectors noted goes in the same order, so that none waits for another in a circle.
pub(super) fn add(transaction: &mut Transaction<'_>, aside: &Aside) -> Result<(), postgres::Error> {
    let late = "INSERT INTO keepset_late AS l VALUES ($1, $2) ON CONFLICT (epoch) DO UPDATE SET reports = l.reports + $2";
    for (epoch, reports) in &aside.late {
        transaction.execute(late, &[&i64::from(epoch.0), &bigint(*reports)])?;
    }
    let rows: Vec<_> = check_rows(&aside.checks).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let epochs: Vec<i64> = rows.iter().map(|row| i64::from(row.0.0)).collect();
    let questions: Vec<i32> = rows.iter().map(|row| i32::from(row.1)).collect();
    let parts: Vec<&str> = rows.iter().map(|row| row.2).collect();
    let counters: Vec<i32> = rows.iter().map(|row| row.3).collect();
    let votes: Vec<i64> = rows.iter().map(|row| bigint(row.4)).collect();
    let checks = "INSERT INTO keepset_checks AS c (epoch, question, part, counter, votes)
        SELECT * FROM unnest($1::BIGINT[], $2::INTEGER[], $3::TEXT[], $4::INTEGER[], $5::BIGINT[])
        ON CONFLICT (epoch, question, part, counter) DO UPDATE SET votes = c.votes + excluded.votes";
    transaction.execute(checks, &[&epochs, &questions, &parts, &counters, &votes])?;
    Ok(())
}

/// Reads it.
pub(super) fn read(transaction: &mut Transaction<'_>) -> Result<Aside, postgres::Error> {
    let (mut late, mut checks) = (Late::new(), Checks::new());
    for row in transaction.query("SELECT epoch, reports FROM keepset_late", &[])? {
        late.insert(Epoch(narrow(row.get::<_, i64>(0))), narrow(row.get::<_, i64>(1)));
    }
    for row in transaction.query("SELECT epoch, question, part, counter, votes FROM keepset_checks", &[])? {
        let key =
            (Epoch(narrow(row.get::<_, i64>(0))), narrow(row.get::<_, i32>(1)), row.get::<_, &str>(2).into());
        read_check(&mut checks, key, row.get(3), narrow(row.get::<_, i64>(4)));
    }
    Ok(Aside { late, checks })
}
