//! The routes of labels: share, take back, and what is asked for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use keepset_wire::labels::LABELS_TYPE;
use serde_json::Value;

use super::{Asked, Desk};
use crate::body::read_bytes;
use crate::problem::{Kind, Problem};
use crate::server::Collector;

/// Tells what labels may be shared, and for what.
///
/// # Errors
/// A [`Problem`] where no labels are taken.
pub async fn terms(State(collector): State<Arc<Collector>>) -> Result<Json<Value>, Problem> {
    Ok(Json(desk(&collector)?.to_json()))
}

/// Takes labels, unless the browser says that its person wants nothing sold or shared.
///
/// # Errors
/// A [`Problem`]; nothing has changed then.
pub async fn share(
    State(collector): State<Arc<Collector>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    take(collector, Asked::Share, request).await
}

/// Erases labels. Nothing that a browser says of its person's wishes stands against it.
///
/// # Errors
/// A [`Problem`]; nothing has changed then.
pub async fn erase(
    State(collector): State<Arc<Collector>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    take(collector, Asked::Erase, request).await
}

async fn take(collector: Arc<Collector>, asked: Asked, request: Request) -> Result<Json<Value>, Problem> {
    let refused = check(&collector, asked, request.headers()).err();
    let body = read_bytes(request, Desk::longest(), refused).await?;
    // Opening is a millisecond's work, and a commit waits for the disk.
    let work = move || desk(&collector).and_then(|desk| desk.take(asked, &body));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Kind::StoreUnavailable.into())).map(Json)
}

fn check(collector: &Collector, asked: Asked, headers: &HeaderMap) -> Result<(), Problem> {
    desk(collector)?;
    // Global Privacy Control (W3C): the one value it has is 1.
    if asked == Asked::Share
        && headers.get("sec-gpc").is_some_and(|value| value.as_bytes().trim_ascii() == b"1")
    {
        return Err(Kind::PrivacySignal.into());
    }
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(LABELS_TYPE) && !headers.contains_key(header::CONTENT_ENCODING) {
        Ok(())
    } else {
        Err(Kind::NoLabelsType.into())
    }
}

fn desk(collector: &Collector) -> Result<&Desk, Problem> {
    collector.labels().ok_or_else(|| Kind::NotFound.into())
}
