//! Sessions: events closer than a gap to each other.

use serde_json::Value;

use super::Expected;
use super::select::Item;
use super::time::{MINUTE, duration};
use super::window::{Window, number_or_label};

struct Session<'a> {
    start: i64,
    last: i64,
    events: u32,
    entry: &'a Item,
}

/// Every session that the log makes, the current one last.
fn sessions(log: &[Item], gap: i64) -> Vec<Session<'_>> {
    let mut sessions: Vec<Session<'_>> = Vec::new();
    for item in log {
        let new = Session { start: item.t, last: item.t, events: 1, entry: item };
        match sessions.last_mut() {
            None => sessions.push(new),
            Some(current) if item.t - current.last >= gap => sessions.push(new),
            Some(current) if item.t >= current.start => {
                current.last = current.last.max(item.t);
                current.events += 1;
            }
            Some(current) if current.start - item.t < gap => {
                current.start = item.t;
                current.entry = item;
                current.events += 1;
            }
            Some(_) => {}
        }
    }
    sessions
}

#[expect(clippy::cast_precision_loss)]
pub fn session(feature: &Value, log: &[Item], now: i64) -> Expected {
    let gap = duration(feature, "gap").unwrap_or(30 * MINUTE);
    let window = Window::read(feature);
    let all = sessions(log, gap);
    let minutes = |session: &Session<'_>| (session.last - session.start) as f64 / MINUTE as f64;
    let running = all.last().filter(|session| now - session.last < gap);
    let inside: Vec<&Session<'_>> = all.iter().filter(|session| window.holds(session.start, now)).collect();
    let over = |session: &&&Session<'_>| !running.is_some_and(|running| std::ptr::eq(running, **session));
    let ratio = |sum: f64, count: usize| Expected::Exactly((count > 0).then(|| sum / count as f64));
    match feature["measure"].as_str() {
        Some("count") => Expected::some(inside.len() as f64),
        Some("depth") => ratio(inside.iter().map(|session| f64::from(session.events)).sum(), inside.len()),
        // No order of operations is defined, so a last bit may differ.
        Some("duration") if inside.is_empty() => Expected::NONE,
        Some("duration") => Expected::near(
            inside.iter().map(|session| minutes(session)).sum::<f64>() / inside.len() as f64,
            1e-9,
        ),
        Some("bounces") => {
            let over: Vec<_> = inside.iter().filter(over).collect();
            ratio(over.iter().filter(|session| session.events == 1).count() as f64, over.len())
        }
        Some("current_depth") => Expected::some(running.map_or(0.0, |session| f64::from(session.events))),
        Some("current_duration") => Expected::some(running.map_or(0.0, minutes)),
        Some("entry") => Expected::Exactly(all.last().map(|session| number_or_label(session.entry))),
        other => panic!("unknown measure {other:?}"),
    }
}
