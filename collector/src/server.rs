//! The server: routes, limits and the order in which a request is checked.

use std::future::Future;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::handler::HandlerWithoutStateExt as _;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use axum::middleware::{from_fn_with_state, map_response, map_response_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use keepset_wire::{CollectorKeys, Plan, PlanHash, Window};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_http::cors::{Any, CorsLayer};
use tower_http::services::ServeDir;

use crate::access::{self, Access};
use crate::admit::Admitted;
use crate::clock::{Clock, Openings};
use crate::counters::Counters;
use crate::dashboard;
use crate::estimate::{Estimator, WindowEstimates};
use crate::gateway::{self, Gateway};
use crate::headers;
use crate::ingest::{Door, Form, MAX_REPORTS};
use crate::keys::Keyring;
use crate::labels::{Desk, routes as labels};
use crate::metrics::{self, Durations, Readiness};
use crate::openapi;
use crate::problem::{Kind, Problem};
use crate::publish;
use crate::store::{Store, StoreError};

/// A body that takes longer is refused: 4096 reports are 500 kB, and a slow sender holds a connection.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How much of a refused body is read and thrown away.
const MAX_DISCARD: usize = 1 << 20;
/// How long requests under way may take after the signal to stop.
const STOP_TIME: Duration = Duration::from_secs(15);
/// How often the clock is asked whether a window has closed.
const SWEEP_TIME: Duration = Duration::from_secs(60);
/// After so many times the store is made small: once a day.
const COMPACT_TICKS: u64 = 24 * 60;

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
            plan,
            estimator,
            keys,
            store,
            clock,
            counters,
            gateway,
            labels: None,
            access,
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

    fn openings(&self) -> Openings {
        self.clock.openings(&self.plan)
    }

    fn read(&self, form: Form, body: &[u8]) -> Result<Vec<Admitted>, Problem> {
        let Self { plan, hash, estimator, keys, .. } = self;
        let door = Door { plan, hash: *hash, tasks: estimator.tasks(), keys, open: self.openings() };
        let read = door.read(form, body);
        if read.as_ref().is_err_and(|problem| problem.kind() == Kind::WindowClosed) {
            let late = door.late(form, body);
            self.counters.add_late(late.values().sum());
            self.store.note_late(&late);
        }
        read
    }

    async fn estimates(self: &Arc<Self>) -> Result<Vec<WindowEstimates>, Problem> {
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

/// Serves until `stop` ends, then lets requests under way finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    collector: Arc<Collector>,
    files: Option<&FilePath>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let sweep = tokio::spawn(sweep(Arc::clone(&collector)));
    let kept = Arc::clone(&collector);
    let server = axum::serve(listener, router(collector, files)).with_graceful_shutdown(async {
        stop.await;
        let _ = stopping.send(());
    });
    let patience = async {
        // An error means that the server ended before it was told to; then its own result counts.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(STOP_TIME).await;
    };
    let outcome = tokio::select! {
        outcome = server => outcome,
        () = patience => Ok(()),
    };
    sweep.abort();
    // What cannot be written now is a minute of a statistic.
    let _ = tokio::time::timeout(STOP_TIME, kept.store.write_late()).await;
    outcome
}

/// Closes windows as the clock passes them, and once a day makes small what was closed.
async fn sweep(collector: Arc<Collector>) {
    let mut ticks = tokio::time::interval(SWEEP_TIME);
    for minute in 1_u64.. {
        ticks.tick().await;
        // A failure is met again, and answered, by the next report; here it is simply tried again.
        let _ = collector.close_windows().await;
        let _ = collector.store.write_late().await;
        if minute.is_multiple_of(COMPACT_TICKS) {
            let _ = collector.store.compact().await;
        }
        let forgetful = Arc::clone(&collector);
        let _ = tokio::task::spawn_blocking(move || forgetful.labels.as_ref().map(Desk::forget)).await;
    }
}

/// Builds the routes.
pub fn router(collector: Arc<Collector>, files: Option<&FilePath>) -> Router {
    // Reports come from pages of other origins and carry nothing of the visitor: no cookie, no login.
    let cors = CorsLayer::new().allow_origin(Any).allow_headers([header::CONTENT_TYPE]).max_age(DAY);
    let open_to_pages = Router::new()
        .route(REPORTS, post(reports))
        .route("/v1/labels", get(labels::terms).post(labels::share).delete(labels::erase))
        .route("/v1/plan", get(plan))
        .route("/v1/keys", get(keys))
        .route("/v1/oblivious", get(gateway::configurations).post(gateway::oblivious))
        .method_not_allowed_fallback(wrong_method)
        .layer(cors.allow_methods([Method::GET, Method::POST, Method::DELETE]));
    let reading = Router::new()
        .route("/", get(page))
        .route("/v1/estimates", get(estimates))
        .route("/v1/estimates.csv", get(estimates_csv))
        .route(access::METRICS, get(metrics::serve))
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn_with_state(Arc::clone(&collector), access::check));
    let mut router = Router::new()
        .merge(open_to_pages)
        .merge(reading)
        .route("/style.css", get(style))
        .route("/healthz", get(health))
        .route("/openapi.json", get(openapi::serve))
        .route("/readyz", get(metrics::ready))
        .route("/problems/{slug}", get(explain));
    if let Some(folder) = files {
        let files = ServeDir::new(folder).call_fallback_on_method_not_allowed(true);
        let demo = Router::new()
            .fallback_service(files.fallback(not_found.into_service()))
            .layer(map_response(headers::guard_demo));
        router = router.route("/demo", get(|| async { Redirect::permanent("/demo/") })).nest("/demo/", demo);
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(headers::guard))
        .layer(map_response_with_state(Arc::clone(&collector), count_problem))
        .layer(from_fn_with_state(Arc::clone(&collector), metrics::time))
        .with_state(collector)
}

/// Where devices send reports.
const REPORTS: &str = "/v1/reports";

const DAY: Duration = Duration::from_secs(86_400);

/// Answers a request that devices make, however it came here.
pub(crate) async fn device(collector: Arc<Collector>, route: &str, request: Request) -> Response {
    let answer = match route {
        REPORTS if request.method() == Method::POST => {
            reports(State(Arc::clone(&collector)), request).await.into_response()
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

/// Takes reports: all of a body or none, answered when they are durable.
async fn reports(State(collector): State<Arc<Collector>>, request: Request) -> Result<Json<Value>, Problem> {
    let form = form(request.headers(), collector.clock);
    // The length of a body whose form is refused matters to no one.
    let limit = form.unwrap_or(Form::Sealed).length(&collector.plan) * MAX_REPORTS;
    let body = read_bytes(request, limit, form.err()).await?;
    let form = form?;
    let reader = Arc::clone(&collector);
    // Opening a body takes up to half a second, and other requests are not to wait for it.
    let admitted = tokio::task::spawn_blocking(move || reader.read(form, &body)).await;
    let admitted = admitted.unwrap_or_else(|_| Err(Kind::StoreUnavailable.into()))?;
    let added = collector.store.add(admitted).await.map_err(unstored)?;
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

/// Reads a body that may be refused already, and says why it is.
pub(crate) async fn read_bytes(
    request: Request,
    limit: usize,
    refused: Option<Problem>,
) -> Result<Vec<u8>, Problem> {
    let (head, body) = request.into_parts();
    let refused = refused.or_else(|| check_length(&head.headers, limit).err());
    match refused {
        // The sender waits for our word before it sends.
        Some(problem) if head.headers.contains_key(header::EXPECT) => Err(problem),
        _ => tokio::time::timeout(BODY_TIME, read_frames(body, limit, refused))
            .await
            .unwrap_or_else(|_| Err(refused.unwrap_or_else(|| Kind::SlowBody.into()))),
    }
}

fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => Err(Kind::BodyTooLarge.into()),
        _ => Ok(()),
    }
}

/// Reads on for a while when the body is refused, and throws it away: a sender that is cut off while it sends
/// never hears the answer.
async fn read_frames(mut body: Body, limit: usize, mut refused: Option<Problem>) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(refused.unwrap_or_else(|| Kind::CutBody.into())) };
        let Some(data) = frame.data_ref() else { continue };
        total += data.len();
        if total > limit {
            refused = refused.or_else(|| Some(Kind::BodyTooLarge.into()));
            bytes = Vec::new();
        }
        match refused {
            Some(problem) if total > limit + MAX_DISCARD => return Err(problem),
            Some(_) => {}
            None => bytes.extend_from_slice(data),
        }
    }
    refused.map_or(Ok(bytes), Err)
}

fn unstored(error: StoreError) -> Problem {
    match error {
        StoreError::Busy => Kind::Busy.into(),
        StoreError::Closed { index } => Problem::from(Kind::WindowClosed).at(index),
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

async fn estimates(State(collector): State<Arc<Collector>>, uri: Uri) -> Result<Response, Problem> {
    let publication = publication(&collector, &uri).await?;
    Ok((fresh(), Json(publication)).into_response())
}

async fn estimates_csv(State(collector): State<Arc<Collector>>, uri: Uri) -> Result<Response, Problem> {
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

async fn page(State(collector): State<Arc<Collector>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = wanted_window(&collector.plan, &uri)?;
    let windows = collector.estimates().await?;
    let Collector { plan, hash, estimator, clock, .. } = collector.as_ref();
    let page = dashboard::page(plan, *hash, estimator, clock.is_simulation(), &windows, wanted);
    // A template fails only when a value's own formatting does, which ours never does.
    let html = page.map_err(|_| Problem::from(Kind::StoreUnavailable))?;
    Ok((fresh(), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
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
