//! `/openapi.json` is true: it has every route and no other, with the methods it takes and the answers it gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use keepset_collector::clock::Clock;
use keepset_collector::server::{Collector, router};
use keepset_collector::store::{Address, Purpose, Store};
use serde_json::Value;

use crate::fleet::{current, honest, plan, ring, sealed_body};
use crate::process::{Answer, Folder, Server, run};

/// The paths of a router, as it lists them itself.
fn listed() -> BTreeSet<String> {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let purpose = Purpose { plan: plan.clone(), simulation: false, archived: false };
    let store = Store::open(&Address::parse(folder.store()).unwrap(), &purpose).unwrap();
    let collector = Collector::new(plan, ring(), store, Clock::System).unwrap();
    let shown = format!("{:?}", router(Arc::new(collector), None));
    let paths = shown.split('"').filter(|text| text.starts_with('/')).map(str::to_owned).collect();
    // What axum shows of a fallback is a path of its own.
    let own = |path: &String| !path.contains("__private__axum_fallback") && path != "/{*__private__axum}";
    let paths: BTreeSet<String> = paths;
    paths.into_iter().filter(own).collect()
}

fn ask(server: &Server, method: &str, path: &str, kind: Option<&str>) -> Answer {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url));
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    Answer::read(server.agent().run(request.body(&b""[..]).unwrap()).unwrap())
}

/// Every path and method with what the document says of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
    };
    paths.flat_map(methods).collect()
}

#[test]
fn the_description_has_the_routes_of_the_router_and_no_other() {
    let server = Server::start(&Folder::new(), &plan(3, 1), &[]);
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(listed(), described);
}

#[test]
fn each_route_takes_the_methods_it_is_described_with_and_answers_as_described() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let document = server.get("/openapi.json").json();
    for (path, method, operation) in operations(&document) {
        let real = path.replace("{slug}", "not-found");
        let described: BTreeSet<String> = operations(&document)
            .into_iter()
            .filter(|(other, ..)| *other == path)
            .flat_map(
                |(_, method, _)| if method == "GET" { vec![method, "HEAD".into()] } else { vec![method] },
            )
            .collect();
        let wrong = ask(&server, "PUT", &real, None);
        wrong.problem(405, "method-not-allowed");
        let allowed = wrong.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
        assert_eq!(described, allowed, "{path}");
        let kind = operation["requestBody"]["content"].as_object().and_then(|types| types.keys().next());
        let answer = ask(&server, &method, &real, kind.map(String::as_str));
        let said = &operation["responses"][answer.status.to_string()];
        let types = said["content"].as_object();
        let types = types.unwrap_or_else(|| panic!("{method} {path} answers {}", answer.status));
        assert_eq!(types.keys().collect::<Vec<_>>(), [answer.header("content-type")], "{method} {path}");
    }
}

#[test]
fn what_is_described_as_needing_a_token_does_and_nothing_else() {
    let folder = Folder::new();
    let (file, log) = (folder.join("tokens.json"), folder.join("reads.jsonl"));
    let (file, log) = (file.to_str().unwrap(), log.to_str().unwrap());
    assert!(run(&["tokens", "new", "--tokens", file, "--role", "analyst", "--name", "alice"]).0);
    let server = Server::start(&folder, &plan(3, 1), &["--tokens", file, "--read-log", log]);
    for (path, method, operation) in operations(&server.get("/openapi.json").json()) {
        let answer = ask(&server, &method, &path.replace("{slug}", "not-found"), None);
        assert_eq!(operation.get("security").is_some(), answer.status == 401, "{method} {path}");
    }
}

/// Whether `value` is as `schema` says, and has nothing it does not name.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#')).ok_or(format!("no {name}"))?;
        return fits(document, target, value);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices
            .iter()
            .any(|choice| fits(document, choice, value).is_ok())
            .then_some(())
            .ok_or(format!("{value} fits none of {choices:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let right = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    if !types.iter().any(right) {
        return Err(format!("{value} is none of {types:?}"));
    }
    for entry in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], entry)?;
    }
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|key| value.get(key).is_none()) {
        return Err(format!("{missing} is missing"));
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        let schema = schema["properties"].get(key).ok_or(format!("{key} is not described"))?;
        fits(document, schema, member).map_err(|error| format!("{key}: {error}"))?;
    }
    Ok(())
}

#[test]
fn estimates_problems_and_acknowledgements_have_the_shape_that_is_described() {
    let (folder, plan) = (Folder::new(), plan(3, 1));
    let server = Server::start(&folder, &plan, &[]);
    let fleet = honest(&plan, &[0.5, 0.2, 0.1], 2_000, current(&plan), 1);
    let bodies: Vec<_> = fleet.bodies.iter().map(|body| sealed_body(&plan, body)).collect();
    let document = server.get("/openapi.json").json();
    let check = |name: &str, answer: &Answer| {
        let schema = &document["components"]["schemas"][name];
        fits(&document, schema, &answer.json()).unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    bodies.iter().for_each(|body| check("Accepted", &server.post(body)));
    check("Problem", &server.post(b"short"));
    let estimates = server.get("/v1/estimates");
    assert!(estimates.json()["windows"][0]["questions"][0]["figures"][0]["context"].is_object());
    check("Publication", &estimates);
    let mut wrong = estimates.json();
    wrong["windows"][0]["more"] = 1.into();
    let schema = &document["components"]["schemas"]["Publication"];
    assert!(fits(&document, schema, &wrong).unwrap_err().contains("more is not described"));
}
