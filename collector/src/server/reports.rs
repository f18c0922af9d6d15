//! Reports as they come: read whole, admitted, made durable, and only then acknowledged.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Collector, unstored};
use crate::admit::Admitted;
use crate::body::read_bytes;
use crate::checks::Noted;
use crate::clock::{Clock, system_now};
use crate::ingest::{Door, Form, MAX_REPORTS};
use crate::problem::{Kind, Problem};
use crate::store::Aside;

/// Takes reports: all of a body or none, answered when they are durable.
pub(super) async fn reports(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let problem = match take(&collector, request).await {
        Ok(counts) => return counts.into_response(),
        Err(problem) => problem,
    };
    let mut response = problem.into_response();
    if problem.kind().status() == StatusCode::UNAUTHORIZED {
        let challenges = collector.redeemer().map(|redeemer| redeemer.challenges(system_now()));
        for challenge in challenges.unwrap_or_default() {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

async fn take(collector: &Arc<Collector>, request: Request) -> Result<Json<Value>, Problem> {
    let form = form(request.headers(), collector.clock);
    // The length of a body whose form is refused matters to no one.
    let limit = form.unwrap_or(Form::Sealed).length(&collector.plan) * MAX_REPORTS;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let tokens: Vec<_> = request.headers().get_all(header::AUTHORIZATION).iter().cloned().collect();
    let body = read_bytes(request, limit, form.err()).await?;
    let form = form?;
    let reader = Arc::clone(collector);
    // Opening a body takes up to half a second, and other requests are not to wait for it.
    let admitted = tokio::task::spawn_blocking(move || reader.read(form, &body, &tokens)).await;
    let admitted = admitted.unwrap_or_else(|_| Err(Kind::StoreUnavailable.into()))?;
    let noted = Noted::of(
        &admitted,
        &collector.plan,
        &collector.estimator,
        collector.compared.as_ref(),
        origin.as_ref(),
    );
    let added = collector.store.add(admitted).await.map_err(unstored)?;
    if added.known == 0 {
        collector.store.note(|aside| noted.add_to(&mut aside.checks));
    }
    collector.counters.add(added.accepted, added.known);
    Ok(Json(json!({"accepted": added.accepted, "known": added.known})))
}

/// Tells how the reports of a body travel, from its headers.
fn form(headers: &HeaderMap, clock: Clock) -> Result<Form, Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    match Form::of_type(essence).filter(|_| !headers.contains_key(header::CONTENT_ENCODING)) {
        None => Err(Kind::WrongContentType.into()),
        Some(Form::Plain) if !clock.is_simulation() => Err(Kind::NotSealed.into()),
        Some(form) => Ok(form),
    }
}

impl Collector {
    /// Reads the reports of a body, and the tokens they are paid with; those are looked at first, for that costs least.
    fn read(&self, form: Form, body: &[u8], tokens: &[HeaderValue]) -> Result<Vec<Admitted>, Problem> {
        let Some(redeemer) = self.redeemer() else { return self.open(form, body) };
        let paid = redeemer.check(tokens, body.len() / form.length(&self.plan), system_now())?;
        Ok(redeemer.bind(self.open(form, body)?, &paid))
    }

    fn open(&self, form: Form, body: &[u8]) -> Result<Vec<Admitted>, Problem> {
        let Self { plan, hash, estimator, keys, .. } = self;
        let door = Door { plan, hash: *hash, tasks: estimator.tasks(), keys, open: self.openings() };
        let read = door.read(form, body);
        if read.as_ref().is_err_and(|problem| problem.kind() == Kind::WindowClosed) {
            let late = door.late(form, body);
            self.counters.add_late(late.values().sum());
            self.store.note(|aside| aside.merge(&Aside { late, ..Aside::default() }));
        }
        read
    }
}
