//! The description of the routes for programs that read them (OpenAPI 3.1), served at `/openapi.json`.
//!
//! One table says of each route what it takes and gives. That it is true is tested: it has the routes of the router and no other, their
//! methods are those the router allows, and each answers as it says. The demo's files are no part of it.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use keepset_wire::labels::LABELS_TYPE;
use keepset_wire::oblivious::{KEYS_TYPE, REQUEST_TYPE, RESPONSE_TYPE};
use keepset_wire::seal::SEALED_TYPE;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, Object, Ref, RefOr, Required, ResponseBuilder, Schema};
use utoipa::{OpenApi as _, ToSchema};

use crate::problem::Kind;
use crate::publish::Publication;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Who asks, which says whether a token is needed.
#[derive(Clone, Copy, PartialEq)]
enum Asker {
    Anyone,
    /// One who has a token, unless reading is public.
    Reader,
}
use Asker::{Anyone, Reader};

/// What a route gives when all is well.
#[derive(Clone, Copy)]
enum Gives {
    /// A body of this type.
    Body(&'static str),
    /// JSON of the schema with this name.
    Json(&'static str),
}

/// A parameter of a path or query.
type Parameter = (&'static str, ParameterIn);

/// One method of one route.
struct Route {
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    asker: Asker,
    parameter: Option<Parameter>,
    takes: Option<&'static str>,
    gives: Gives,
    /// The statuses of its problems, beside those that reading has.
    problems: &'static [u16],
}

/// What is never asked too often.
const UNLIMITED: [&str; 2] = ["/healthz", "/readyz"];

const WINDOW: Option<Parameter> = Some(("window", ParameterIn::Query));

/// A route that is read.
const fn read(
    path: &'static str,
    summary: &'static str,
    asker: Asker,
    gives: Gives,
    problems: &'static [u16],
) -> Route {
    Route { method: HttpMethod::Get, path, summary, asker, parameter: None, takes: None, gives, problems }
}

/// A route that something is sent to.
const fn send(
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    takes: &'static str,
    gives: Gives,
    problems: &'static [u16],
) -> Route {
    Route { method, path, summary, asker: Anyone, parameter: None, takes: Some(takes), gives, problems }
}

const fn with(parameter: Option<Parameter>, route: Route) -> Route {
    Route { parameter, ..route }
}

fn routes() -> [Route; 19] {
    use Gives::{Body, Json};
    use HttpMethod::{Delete, Post};
    [
        with(WINDOW, read("/", "The dashboard.", Reader, Body(HTML), &[400, 404, 503])),
        read(
            "/privacy",
            "What is asked of devices, at what price, and what is kept.",
            Reader,
            Body(HTML),
            &[],
        ),
        read("/operations", "How the collector is doing.", Reader, Body(HTML), &[503]),
        read("/style.css", "Its style sheet.", Anyone, Body("text/css; charset=utf-8"), &[]),
        with(
            WINDOW,
            read("/v1/estimates", "Every window's estimates.", Reader, Json("Publication"), &[400, 404, 503]),
        ),
        with(
            WINDOW,
            read(
                "/v1/estimates.csv",
                "The same, a line per figure.",
                Reader,
                Body("text/csv; charset=utf-8"),
                &[400, 404, 503],
            ),
        ),
        read(
            "/metrics",
            "Counts for Prometheus.",
            Reader,
            Body("text/plain; version=0.0.4; charset=utf-8"),
            &[],
        ),
        read("/healthz", "The process answers.", Anyone, Json("Document"), &[]),
        read("/readyz", "Whether the store takes a write.", Anyone, Json("Document"), &[503]),
        read("/openapi.json", "This description.", Anyone, Json("Document"), &[]),
        with(
            Some(("slug", ParameterIn::Path)),
            read("/problems/{slug}", "What a problem type means.", Anyone, Body(TEXT), &[404]),
        ),
        read("/v1/plan", "The plan and its hash.", Anyone, Json("Document"), &[]),
        read("/v1/keys", "The public keys, as a pack's collector takes them.", Anyone, Json("Document"), &[]),
        send(
            Post,
            "/v1/reports",
            "1 to 4,096 sealed reports, answered when all are durable. Where the collector asks for it, each brings a token (RFC 9577).",
            SEALED_TYPE,
            Json("Accepted"),
            &[400, 401, 408, 409, 410, 413, 415, 422, 503],
        ),
        read("/v1/oblivious", "The gateway's keys, where there is one.", Anyone, Body(KEYS_TYPE), &[404]),
        send(
            Post,
            "/v1/oblivious",
            "An encapsulated request that a relay forwards (RFC 9458).",
            REQUEST_TYPE,
            Body(RESPONSE_TYPE),
            &[400, 404, 408, 413, 415, 503],
        ),
        read("/v1/labels", "The terms under which labels are taken.", Anyone, Json("Document"), &[404]),
        send(
            Post,
            "/v1/labels",
            "One sealed message of labels that were agreed to.",
            LABELS_TYPE,
            Json("Document"),
            &[400, 403, 404, 408, 409, 410, 413, 415, 422, 503],
        ),
        send(
            Delete,
            "/v1/labels",
            "One sealed erasure.",
            LABELS_TYPE,
            Json("Document"),
            &[400, 404, 408, 409, 410, 413, 415, 422, 503],
        ),
    ]
}

/// What became of the reports of a body.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written elsewhere")]
struct Accepted {
    /// Reports counted now.
    accepted: u64,
    /// Reports counted before, which changed nothing.
    known: u64,
}

/// Why a request was refused (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written elsewhere")]
struct Problem {
    /// Its stable type, where it is explained.
    r#type: String,
    /// The type in a sentence.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What can be done about it.
    detail: String,
    /// The first report of the body that was refused, 0 for the first.
    index: Option<usize>,
    /// What the plan expects.
    expected: Option<usize>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "keepset-collector",
        description = "Receives private reports, publishes estimates with intervals."
    ),
    components(schemas(Publication, Accepted, Problem))
)]
struct Base;

impl Route {
    fn operation(&self) -> Operation {
        let mut operation = OperationBuilder::new().summary(Some(self.summary));
        if let Some((name, place)) = &self.parameter {
            let (schema, required) = match place {
                ParameterIn::Path => (slug(), Required::True),
                _ => (window(), Required::False),
            };
            let parameter =
                ParameterBuilder::new().name(*name).parameter_in(place.clone()).required(required);
            operation = operation.parameter(parameter.schema(Some(schema)));
        }
        if let Some(kind) = self.takes {
            let body = RequestBodyBuilder::new().content(kind, Content::new(Some(bytes())));
            operation = operation.request_body(Some(body.required(Some(Required::True)).build()));
        }
        let well = ResponseBuilder::new().description("All is well.");
        let well = match self.gives {
            Gives::Body(kind) => well.content(kind, Content::new(None::<RefOr<Schema>>)),
            Gives::Json(name) => well.content(JSON, Content::new(Some(Ref::from_schema_name(name)))),
        };
        operation = operation.response("200", well);
        let mut problems = self.problems.to_vec();
        if !UNLIMITED.contains(&self.path) {
            problems.push(429);
        }
        if self.asker == Reader {
            operation = operation
                .security(SecurityRequirement::new("bearer", [""; 0]))
                .security(SecurityRequirement::new("basic", [""; 0]));
            problems.extend([401, 403, 503]);
        }
        problems.sort_unstable();
        problems.dedup();
        for status in problems {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let problem = ResponseBuilder::new().description("Refused; the type says why.");
            operation =
                operation.response(status.to_string(), problem.content("application/problem+json", content));
        }
        operation.build()
    }
}

/// The number of a window.
fn window() -> Object {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    number.minimum(Some(0)).maximum(Some(u32::MAX)).build()
}

/// The name of a problem.
fn slug() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Kind::ALL.map(Kind::slug))).build()
}

/// A body that is no text.
fn bytes() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build()
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = Base::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let mut paths = Paths::new();
    for route in routes() {
        paths.add_path_operation(route.path, vec![route.method.clone()], route.operation());
    }
    document.paths = paths;
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Document".into(), Object::new().into());
    for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
        components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
    }
    // A document of texts and numbers is always written.
    document.to_json().unwrap_or_default()
});

/// Serves the description.
pub(crate) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, JSON)], DOCUMENT.as_str()).into_response()
}
