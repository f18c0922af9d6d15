//! What a monitor reads: counts since the start, in the text format of Prometheus, and whether the store can be written.
//!
//! # Privacy
//! Counts alone. Times that requests took are kept as the number of those below each bound, without their sum: read often enough, a
//! sum would tell the time of a single request.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::sync::Mutex;

use crate::alarms::{Alarm, AlarmKind, alarms};
use crate::clock::system_now;
use crate::counters::Counters;
use crate::labels::Desk;
use crate::problem::{Kind, Problem};
use crate::report_tokens::Redeemer;
use crate::server::{Collector, OBLIVIOUS, REPORTS, fresh};

/// Bounds of the times that requests take, in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000];
/// Routes that are timed by themselves; all others are timed together.
const TIMED: [&str; 4] = [REPORTS, OBLIVIOUS, "/v1/estimates", "/"];
/// The format, as its specification names it.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long the store may take to say that it can be written.
const READY_TIME: Duration = Duration::from_secs(3);
/// So long the store is not asked again, however many ask.
const READY_HELD: Duration = Duration::from_secs(1);

/// How long requests took, per route: how many up to each bound, and how many longer.
#[derive(Debug, Default)]
pub(crate) struct Durations([[AtomicU64; BOUNDS.len() + 1]; TIMED.len() + 1]);

impl Durations {
    fn add(&self, route: &str, took: Duration) {
        let row = TIMED.iter().position(|timed| *timed == route).unwrap_or(TIMED.len());
        let bound = BOUNDS.iter().position(|bound| took <= Duration::from_millis(*bound));
        self.0[row][bound.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
    }

    /// Lists each route with how many requests there were, and within how many milliseconds half of them and 99 of 100 were answered; nothing where
    /// that took longer than the longest bound.
    pub(crate) fn summary(&self) -> Vec<(&'static str, u64, [Option<u64>; 2])> {
        let mut routes: Vec<(&'static str, u64, [Option<u64>; 2])> = Vec::new();
        let rows: Vec<_> = self.rows().collect();
        for of_route in rows.chunks(BOUNDS.len() + 1) {
            let Some((route, _, all)) = of_route.last() else { continue };
            let within = |percent: u64| {
                let enough = |(_, bound, count): &&(_, Option<u64>, u64)| {
                    bound.is_some() && count * 100 >= all * percent
                };
                of_route.iter().find(enough).and_then(|(_, bound, _)| *bound)
            };
            routes.push((*route, *all, [within(50), within(99)]));
        }
        routes.retain(|(_, all, _)| *all > 0);
        routes
    }

    /// Lists each route with how many of its requests took at most so many milliseconds; without a bound, all of them.
    fn rows(&self) -> impl Iterator<Item = (&'static str, Option<u64>, u64)> {
        let routes = TIMED.into_iter().chain(["other"]);
        routes.zip(&self.0).flat_map(|(route, counts)| {
            let bounds = BOUNDS.into_iter().map(Some).chain([None]);
            let mut sum = 0;
            bounds.zip(counts).map(move |(bound, count)| {
                sum += count.load(Relaxed);
                (route, bound, sum)
            })
        })
    }
}

/// Takes the time of a request.
pub(crate) async fn time(State(collector): State<Arc<Collector>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    collector.durations().add(&route, begun.elapsed());
    response
}

/// Serves every count.
pub(crate) async fn serve(State(collector): State<Arc<Collector>>) -> Response {
    let mut text = render(
        collector.counters(),
        collector.durations(),
        collector.store().kind(),
        collector.store().archived(),
    );
    text.push_str(&collector.redeemer().map(token_keys).unwrap_or_default());
    // A store that cannot be read is seen in the answers to reports.
    if let Ok(windows) = collector.estimates().await {
        text.push_str(&told_alarms(&alarms(&windows)));
    }
    let asking = Arc::clone(&collector);
    let told = tokio::task::spawn_blocking(move || asking.labels().and_then(webhooks)).await;
    text.push_str(&told.ok().flatten().unwrap_or_default());
    (fresh(), [(header::CONTENT_TYPE, FORMAT)], text).into_response()
}

fn render(counters: &Counters, durations: &Durations, store: &str, archived: Option<(u64, u64)>) -> String {
    let mut page = Page::default();
    page.metric("keepset_build_info", "gauge", "The version that runs.");
    page.line("keepset_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.metric("keepset_store_info", "gauge", "The kind of store that is used.");
    page.line("keepset_store_info", &[("kind", store)], 1);
    page.metric(
        "keepset_reports_total",
        "counter",
        "Reports by result; refused bodies are counted as requests.",
    );
    for (result, count) in counters.reports() {
        page.line("keepset_reports_total", &[("result", result)], count);
    }
    page.metric(
        "keepset_refused_requests_total",
        "counter",
        "Requests refused, by the problem they were told.",
    );
    for (kind, count) in counters.refused() {
        page.line("keepset_refused_requests_total", &[("problem", kind.slug())], count);
    }
    if let Some((windows, failures)) = archived {
        let name = "keepset_archived_windows_total";
        page.metric(name, "counter", "Closed windows brought into the archive, and attempts that failed.");
        page.line(name, &[("result", "sealed")], windows);
        page.line(name, &[("result", "failed")], failures);
    }
    let seconds = "keepset_request_duration_seconds";
    page.metric(seconds, "histogram", "How long requests took to be answered; their sum is not kept.");
    let (bucket, count) = (format!("{seconds}_bucket"), format!("{seconds}_count"));
    for (route, bound, requests) in durations.rows() {
        let bound =
            bound.map_or("+Inf".to_owned(), |millis| Duration::from_millis(millis).as_secs_f64().to_string());
        page.line(&bucket, &[("route", route), ("le", &bound)], requests);
        if bound == "+Inf" {
            page.line(&count, &[("route", route)], requests);
        }
    }
    page.0
}

/// How the keys stand whose tokens reports are paid with.
fn token_keys(redeemer: &Redeemer) -> String {
    let now = system_now();
    let mut page = Page::default();
    page.metric(
        "keepset_report_token_keys",
        "gauge",
        "Keys whose tokens reports are paid with, by how they stand.",
    );
    for (standing, keys) in redeemer.standings(now) {
        page.line("keepset_report_token_keys", &[("standing", standing)], keys);
    }
    let name = "keepset_report_tokens_end_seconds";
    page.metric(name, "gauge", "In how many seconds no token will be taken any more, if no key is added.");
    let left = redeemer.ends().map_or(0, |ends| ends.since(now).max(0) / 1_000);
    page.line(name, &[], u64::try_from(left).unwrap_or(0));
    page.0
}

/// How many alarms of each kind there are.
fn told_alarms(found: &[Alarm]) -> String {
    let mut page = Page::default();
    page.metric("keepset_alarms", "gauge", "What honest reports would not do, in any window that is kept.");
    for name in AlarmKind::NAMES {
        let count = found.iter().filter(|alarm| alarm.kind.name() == name).count();
        page.line("keepset_alarms", &[("alarm", name)], count as u64);
    }
    page.0
}

/// What was told to the receiver of labels; nothing where there is none.
fn webhooks(desk: &Desk) -> Option<String> {
    let webhook = desk.webhook()?;
    let mut page = Page::default();
    page.metric(
        "keepset_webhook_total",
        "counter",
        "Messages to the receiver of labels, by what became of them.",
    );
    for (result, count) in webhook.counts() {
        page.line("keepset_webhook_total", &[("result", result)], count);
    }
    page.metric("keepset_webhook_waiting", "gauge", "Messages that wait for the receiver of labels.");
    page.line("keepset_webhook_waiting", &[("queue", "labels")], desk.waiting()?);
    Some(page.0)
}

/// A page of metrics. No label here holds what would have to be escaped: they are routes, slugs and names of ours.
#[derive(Default)]
struct Page(String);

impl Page {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// Whether the store could be written when it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, bool)>>);

/// Says whether reports can be counted now, by writing to the store what it holds already.
pub(crate) async fn ready(State(collector): State<Arc<Collector>>) -> Response {
    // Whoever asks meanwhile waits for the same answer: a flood of questions is one write a second.
    let mut known = collector.readiness().0.lock().await;
    let held = known.filter(|(asked, _)| asked.elapsed() < READY_HELD).map(|(_, ready)| ready);
    let ready = match held {
        Some(ready) => ready,
        None => matches!(tokio::time::timeout(READY_TIME, collector.close_windows()).await, Ok(Ok(()))),
    };
    if held.is_none() {
        *known = Some((Instant::now(), ready));
    }
    match ready {
        true => (fresh(), Json(json!({"status": "ready"}))).into_response(),
        false => Problem::from(Kind::StoreUnavailable).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_request_at_every_bound_it_is_within() {
        let durations = Durations::default();
        for (route, millis) in [("/", 0), ("/", 1), ("/", 30), ("/", 20_000), ("/v1/plan", 30)] {
            durations.add(route, Duration::from_millis(millis));
        }
        let text = render(&Counters::default(), &durations, "sqlite", None);
        let at = |route: &str, bound: &str| {
            let name =
                format!("keepset_request_duration_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} ");
            text.split(&name).nth(1).unwrap().lines().next().unwrap().parse::<u64>().unwrap()
        };
        let bounds = ["0.001", "0.02", "0.05", "10", "+Inf"];
        assert_eq!(bounds.map(|bound| at("/", bound)), [2, 2, 3, 3, 4]);
        assert_eq!(bounds.map(|bound| at("other", bound)), [0, 0, 1, 1, 1]);
        assert_eq!(
            durations.summary(),
            [("/", 4, [Some(1), None]), ("other", 1, [Some(50), Some(50)])],
            "one of four took longer than every bound"
        );
        assert!(text.contains("keepset_request_duration_seconds_count{route=\"/\"} 4\n"));
    }
}
