//! The server: routes, limits and the order in which a request is checked.

mod reading;
mod reports;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::handler::HandlerWithoutStateExt as _;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn_with_state, map_response, map_response_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use keepset_wire::{CollectorKeys, Plan, PlanHash, Retention};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;

use crate::access::{self, Access};
use crate::checks::Origins;
use crate::clock::{Clock, Expired, Openings, system_now};
use crate::counters::Counters;
use crate::dashboard;
use crate::estimate::{Estimator, WindowEstimates};
use crate::gateway::{self, Gateway};
use crate::headers;
use crate::keys::Keyring;
use crate::labels::{Desk, routes as labels};
use crate::limits::{self, Limits, Proxies, Rates};
use crate::metrics::{self, Durations, Readiness};
use crate::openapi;
use crate::problem::{Kind, Problem};
use crate::publish;
use crate::report_tokens::Redeemer;
use crate::rollups::Rollups;
use crate::store::{Store, StoreError};
use reading::{estimates, estimates_csv, operations, page, privacy};
use reports::reports;

/// Everything a request needs.
#[derive(Debug)]
pub struct Collector {
    plan: Plan,
    hash: PlanHash,
    estimator: Estimator,
    keys: Keyring,
    store: Store,
    clock: Clock,
    counters: Counters,
    gateway: Gateway,
    labels: Option<Desk>,
    access: Access,
    limits: Limits,
    /// What reports are paid with; nothing where they need no token.
    redeemer: Option<Redeemer>,
    retention: Retention,
    origins: AllowOrigin,
    /// The origins whose reports are compared; nothing where none are.
    compared: Option<Origins>,
    durations: Durations,
    readiness: Readiness,
}

impl Collector {
    /// Derives the mechanisms of `plan` and takes charge of its store and of the keys that reports are sealed to. Until it is told
    /// who may read, everybody reads a simulation and nobody anything else.
    ///
    /// # Errors
    /// One sentence when a question of the plan allows no mechanism.
    pub fn new(plan: Plan, keys: Keyring, store: Store, clock: Clock) -> Result<Self, String> {
        let estimator = Estimator::new(&plan)?;
        let (counters, gateway) = (Counters::default(), Gateway::default());
        let access = if clock.is_simulation() { Access::public(None) } else { Access::nobody() };
        Ok(Self {
            hash: plan.hash(),
            retention: plan.retention,
            plan,
            estimator,
            keys,
            store,
            clock,
            counters,
            gateway,
            labels: None,
            access,
            limits: Limits::new(Rates::default(), Proxies::default()),
            redeemer: None,
            origins: AllowOrigin::any(),
            compared: None,
            durations: Durations::default(),
            readiness: Readiness::default(),
        })
    }

    /// Puts the collector behind a gateway, through which requests come that a relay forwards.
    #[must_use]
    pub fn behind(self, gateway: Gateway) -> Self {
        Self { gateway, ..self }
    }

    /// Says who may read.
    #[must_use]
    pub fn readable_by(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Says how much may be asked; without it there is no limit.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Says what tokens reports are paid with; without it they need none.
    #[must_use]
    pub fn paid_with(self, redeemer: Option<Redeemer>) -> Self {
        Self { redeemer, ..self }
    }

    /// Returns what tokens are checked with; nothing where none is needed.
    pub(crate) fn redeemer(&self) -> Option<&Redeemer> {
        self.redeemer.as_ref()
    }

    /// Says from the pages of which origins browsers may send and read; without one, from any.
    #[must_use]
    pub fn open_to(self, origins: Vec<HeaderValue>) -> Self {
        let origins = if origins.is_empty() { AllowOrigin::any() } else { AllowOrigin::list(origins) };
        Self { origins, ..self }
    }

    /// Compares the reports of these origins; without it none is looked at.
    #[must_use]
    pub fn comparing(self, compared: Option<Origins>) -> Self {
        Self { compared, ..self }
    }

    /// Shows these segments together, too.
    #[must_use]
    pub fn rolling_up(self, rollups: Rollups) -> Self {
        Self { estimator: self.estimator.rolling_up(rollups), ..self }
    }

    /// Says how long what was counted is kept; without it, as long as the plan says.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn durations(&self) -> &Durations {
        &self.durations
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Closes the windows that the clock has passed.
    pub(crate) async fn close_windows(&self) -> Result<(), StoreError> {
        self.store.close_before(self.openings().closed_before).await
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Takes labels, too.
    #[must_use]
    pub fn with_labels(self, labels: Option<Desk>) -> Self {
        Self { labels, ..self }
    }

    /// Returns who takes labels; nothing where none are taken.
    #[must_use]
    pub fn labels(&self) -> Option<&Desk> {
        self.labels.as_ref()
    }

    /// Returns the hash of the plan whose reports are counted.
    #[must_use]
    pub fn hash(&self) -> PlanHash {
        self.hash
    }

    /// Does what is to be done every minute: closes windows as the clock passes them, and forgets what is over.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        // A failure is met again, and answered, by the next report; here it is simply tried again.
        let _ = self.close_windows().await;
        let _ = self.store.write_aside().await;
        let _ = self.store.seal().await;
        // A simulation's windows never close.
        if !self.clock.is_simulation() {
            let _ = self.store.forget(Expired::at(&self.plan, self.retention, system_now())).await;
        }
        let forgetful = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || forgetful.labels.as_ref().map(Desk::forget)).await;
    }

    fn openings(&self) -> Openings {
        self.clock.openings(&self.plan)
    }

    pub(crate) async fn estimates(self: &Arc<Self>) -> Result<Vec<WindowEstimates>, Problem> {
        let contents = self.store.contents().await.map_err(unstored)?;
        let collector = Arc::clone(self);
        // A histogram takes a moment; others are not to wait for it.
        let estimate = move || {
            let Self { plan, estimator, .. } = collector.as_ref();
            estimator.windows(plan, &contents)
        };
        tokio::task::spawn_blocking(estimate).await.map_err(|_| Kind::StoreUnavailable.into())
    }
}

/// Builds the routes.
pub fn router(collector: Arc<Collector>, files: Option<&FilePath>) -> Router {
    // Reports come from pages of other origins and carry nothing of the visitor: no cookie, no login.
    let cors = CorsLayer::new()
        .allow_origin(collector.origins.clone())
        // A token of a report is no login: it tells nothing of who sends it.
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION])
        .max_age(DAY);
    let cors = cors.expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE]);
    let limit = || from_fn_with_state(Arc::clone(&collector), limits::check);
    let open_to_pages = Router::new()
        .route(REPORTS, post(reports))
        .route(LABELS, get(labels::terms).post(labels::share).delete(labels::erase))
        .route("/v1/plan", get(plan))
        .route("/v1/keys", get(keys))
        .route(OBLIVIOUS, get(gateway::configurations).post(gateway::oblivious))
        .method_not_allowed_fallback(wrong_method)
        .layer(limit())
        // Outside of the limit, so that a page can read that it is to come again, and when.
        .layer(cors.allow_methods([Method::GET, Method::POST, Method::DELETE]));
    let reading = Router::new()
        .route("/", get(page))
        .route("/privacy", get(privacy))
        .route("/operations", get(operations))
        .route("/v1/estimates", get(estimates))
        .route("/v1/estimates.csv", get(estimates_csv))
        .route(access::METRICS, get(metrics::serve))
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn_with_state(Arc::clone(&collector), access::check));
    let mut others = Router::new()
        .merge(reading)
        .route("/style.css", get(style))
        .route("/openapi.json", get(openapi::serve))
        .route("/problems/{slug}", get(explain));
    if let Some(folder) = files {
        let files = ServeDir::new(folder).call_fallback_on_method_not_allowed(true);
        let demo = Router::new()
            .fallback_service(files.fallback(not_found.into_service()))
            .layer(map_response(headers::guard_demo));
        others = others.route("/demo", get(|| async { Redirect::permanent("/demo/") })).nest("/demo/", demo);
    }
    let others = others.method_not_allowed_fallback(wrong_method).fallback(not_found).layer(limit());
    // Whoever balances the load asks these, and must not take a busy collector for a dead one.
    let health = Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(metrics::ready))
        .method_not_allowed_fallback(wrong_method);
    others
        .merge(open_to_pages)
        .merge(health)
        .layer(map_response(headers::guard))
        .layer(map_response_with_state(Arc::clone(&collector), count_problem))
        .layer(from_fn_with_state(Arc::clone(&collector), metrics::time))
        .with_state(collector)
}

/// Where devices send reports.
pub(crate) const REPORTS: &str = "/v1/reports";
const LABELS: &str = "/v1/labels";
/// Where a relay sends what it forwards.
pub(crate) const OBLIVIOUS: &str = "/v1/oblivious";

const DAY: Duration = Duration::from_secs(86_400);

/// Answers a request that devices make, however it came here.
pub(crate) async fn device(collector: Arc<Collector>, route: &str, request: Request) -> Response {
    let answer = match route {
        REPORTS if request.method() == Method::POST => reports(State(Arc::clone(&collector)), request).await,
        LABELS if request.method() == Method::POST => {
            labels::share(State(Arc::clone(&collector)), request).await.into_response()
        }
        LABELS if request.method() == Method::DELETE => {
            labels::erase(State(Arc::clone(&collector)), request).await.into_response()
        }
        _ => Problem::from(Kind::NotForDevices).into_response(),
    };
    count_problem(State(collector), answer).await
}

async fn count_problem(State(collector): State<Arc<Collector>>, response: Response) -> Response {
    if let Some(kind) = response.extensions().get::<Kind>() {
        collector.counters.refuse(*kind);
    }
    response
}

async fn not_found() -> Problem {
    Kind::NotFound.into()
}

async fn wrong_method() -> Problem {
    Kind::MethodNotAllowed.into()
}

fn unstored(error: StoreError) -> Problem {
    match error {
        StoreError::Busy => Kind::Busy.into(),
        StoreError::Closed { index } => Problem::from(Kind::WindowClosed).at(index),
        StoreError::Spent { index } => Problem::from(Kind::ReportTokenSpent).at(index),
        StoreError::Unavailable => Kind::StoreUnavailable.into(),
    }
}

async fn plan(State(collector): State<Arc<Collector>>) -> Json<Value> {
    Json(publish::plan_json(&collector.plan, collector.hash))
}

/// The public halves of the keys: what a pack's `collector` is to be.
async fn keys(State(collector): State<Arc<Collector>>) -> Response {
    let keys =
        CollectorKeys { reports: collector.keys.public(), gateway: collector.gateway.public().clone() };
    (fresh(), Json(keys.to_json())).into_response()
}

/// A template fails only when a value's own formatting does, which ours never does.
fn html(page: Result<String, askama::Error>) -> Result<Response, Problem> {
    let page = page.map_err(|_| Problem::from(Kind::StoreUnavailable))?;
    Ok((fresh(), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

async fn style() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, dashboard::STYLE)
}

/// Says that the process answers, and no more: counts are for those who may read them.
async fn health() -> Response {
    (fresh(), Json(json!({"status": "ok"}))).into_response()
}

async fn explain(Path(slug): Path<String>) -> Result<Response, Problem> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.slug() == slug).ok_or(Kind::NotFound)?;
    let text = format!("{}\n{}\n{}\n", kind.status(), kind.title(), kind.advice());
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from(text)).into_response())
}

/// Estimates change with every report, and keys when one is retired: no copy of them is kept on the way.
pub(crate) fn fresh() -> [(HeaderName, &'static str); 1] {
    [(header::CACHE_CONTROL, "no-store")]
}
