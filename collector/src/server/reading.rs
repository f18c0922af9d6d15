//! What is read: the estimates as JSON and CSV, and the pages.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use keepset_wire::{Plan, Window};

use super::{Collector, fresh, html};
use crate::clock::system_now;
use crate::dashboard::{self, Policy, Running};
use crate::labels::Desk;
use crate::problem::{Kind, Problem};
use crate::publish;

pub(super) async fn estimates(
    State(collector): State<Arc<Collector>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let publication = publication(&collector, &uri).await?;
    Ok((fresh(), Json(publication)).into_response())
}

pub(super) async fn estimates_csv(
    State(collector): State<Arc<Collector>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let text = publish::csv(&publication(&collector, &uri).await?);
    let kind = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"estimates.csv\""),
    ];
    Ok((fresh(), kind, text).into_response())
}

async fn publication(collector: &Arc<Collector>, uri: &Uri) -> Result<publish::Publication, Problem> {
    let wanted = wanted_window(&collector.plan, uri)?;
    let mut windows = collector.estimates().await?;
    if let Some(wanted) = wanted {
        windows.retain(|window| window.window == wanted);
    }
    Ok(publish::publication(&collector.plan, &collector.estimator, collector.clock.is_simulation(), &windows))
}

/// Reads `?window=N`, and nothing else.
fn wanted_window(plan: &Plan, uri: &Uri) -> Result<Option<Window>, Problem> {
    let Some(query) = uri.query().filter(|query| !query.is_empty()) else { return Ok(None) };
    let digits = query.strip_prefix("window=").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok()).ok_or(Kind::BadQuery)?;
    let window = Window(number);
    publish::has_window(plan, window).then_some(Some(window)).ok_or_else(|| Kind::UnknownWindow.into())
}

pub(super) async fn page(State(collector): State<Arc<Collector>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = wanted_window(&collector.plan, &uri)?;
    let windows = collector.estimates().await?;
    let Collector { plan, hash, estimator, clock, .. } = collector.as_ref();
    html(dashboard::page(plan, *hash, estimator, clock.is_simulation(), &windows, wanted))
}

pub(super) async fn privacy(State(collector): State<Arc<Collector>>) -> Result<Response, Problem> {
    let policy = Policy {
        plan: &collector.plan,
        hash: collector.hash,
        simulation: collector.clock.is_simulation(),
        public: collector.access.is_public(),
        retention: collector.retention,
        compared: collector.compared.is_some(),
        archived: collector.store.archived().is_some(),
        tokens: collector.redeemer().is_some(),
        labels: collector.labels().map(Desk::terms).unwrap_or_default(),
    };
    html(policy.page())
}

pub(super) async fn operations(State(collector): State<Arc<Collector>>) -> Result<Response, Problem> {
    let windows = collector.estimates().await?;
    let asking = Arc::clone(&collector);
    // The queue lies in a file.
    let told = move || asking.labels().and_then(|desk| Some((desk.webhook()?.counts(), desk.waiting()?)));
    let webhook = tokio::task::spawn_blocking(told).await.ok().flatten();
    let Collector { plan, hash, clock, store, counters, durations, .. } = collector.as_ref();
    let (simulation, kind, archived) = (clock.is_simulation(), store.kind(), store.archived());
    let running = Running {
        plan,
        hash: *hash,
        simulation,
        windows: &windows,
        counters,
        durations,
        kind,
        archived,
        webhook,
        tokens: collector.redeemer().map(|redeemer| (redeemer.standings(system_now()), redeemer.ends())),
    };
    html(running.page())
}
