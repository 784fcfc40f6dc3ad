//! The `OpenAPI` 3.1 document, made of the routes.

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::caller::Need;
use crate::once::LONGEST_KEY;
use crate::problem::{Problem, ProblemBody};
use crate::reply::Reply;
use crate::route::{About, Route};
use crate::world::World;

/// Where it is served.
const PATH: &str = "/v1/openapi.json";

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    vec![Route::get(PATH, "openapi", Need::Nobody, |call| Box::pin(serve(call))).says("This document", "").gives::<Map<
        String,
        Value,
    >>(
        200,
        "the document",
    )]
}

async fn serve<W: World>(_call: Call<'_, W>) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &document::<W>()))
}

/// The document of every route.
pub fn document<W: World>() -> Value {
    let routes: Vec<About> = crate::routes::<W>().into_iter().map(|route| route.about).collect();
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for about in &routes {
        let operation = operation(about, &mut generator);
        let at = paths.entry(about.path).or_insert_with(|| path_parameters(about.path));
        at.insert(about.method.to_ascii_lowercase(), operation);
    }
    let _ = generator.subschema_for::<ProblemBody>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Connections, mappings, runs, plans, people, groups and segments of an account. The account comes from \
                the token only. Errors are problem+json with a stable `code`. Lists page by `cursor`. Writes take an \
                `Idempotency-Key`; what has versions takes `If-Match`.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "A token of the installation's OIDC issuer; its claims name account, role and user.",
            }},
            "responses": usual_responses(),
        },
        "security": [{"token": []}],
    })
}

/// The problems that any route may answer.
const USUAL: [(u16, &str); 6] = [
    (400, "the request cannot be read"),
    (401, "no token, or none of this installation's issuer"),
    (403, "the caller's role does not allow it"),
    (404, "there is nothing here, or nothing of the caller's"),
    (429, "too many requests; ask again later"),
    (503, "a service did not answer; ask again in a moment"),
];

fn usual_responses() -> Value {
    let mut usual: Map<_, _> =
        USUAL.iter().map(|(status, words)| (format!("problem_{status}"), problem(words))).collect();
    // API Gateway itself refuses tokens, and in its own words.
    let gateway = json!({"type": "object", "properties": {"message": {"type": "string"}}});
    usual["problem_401"]["content"]["application/json"] = json!({"schema": gateway});
    Value::Object(usual)
}

fn problem(words: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": words, "content": {"application/problem+json": {"schema": schema}}})
}

fn operation(about: &About, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": about.id,
        "summary": about.summary,
        "tags": [tag(about.path)],
        "x-needs": format!("{:?}", about.need),
        "responses": responses(about, generator),
    });
    if !about.text.is_empty() {
        operation["description"] = json!(about.text);
    }
    let parameters = parameters(about, generator);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if !about.bodies.is_empty() {
        let bodies = about.bodies.iter().map(|(kind, schema)| {
            let schema = schema(generator).to_value();
            // Any bytes of such a type may be sent; what they mean is judged by who reads them.
            let is_raw = !kind.ends_with("json") && schema["type"] == "string";
            let schema = if is_raw { json!({"type": "string", "format": "binary"}) } else { schema };
            ((*kind).to_owned(), json!({"schema": schema}))
        });
        let content: Map<_, _> = bodies.collect();
        operation["requestBody"] = json!({"required": !about.body_optional, "content": content});
    }
    if about.need == Need::Nobody {
        operation["security"] = json!([]);
    }
    operation
}

/// The first part of the path behind the version.
fn tag(path: &str) -> &str {
    path.trim_start_matches("/v1").trim_start_matches('/').split('/').next().unwrap_or_default()
}

fn responses(about: &About, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, words, kind, schema) in &about.answers {
        let answer = responses.entry(status.to_string()).or_insert_with(|| json!({"description": words}));
        if let Some(schema) = schema {
            answer["content"][*kind] = json!({"schema": schema(generator)});
        }
    }
    let mut put = |status: u16, value: Value| {
        responses.entry(status.to_string()).or_insert(value);
    };
    for (status, words) in &about.problems {
        put(*status, problem(words));
    }
    let open = about.need == Need::Nobody;
    for (status, _) in USUAL.iter().filter(|(status, _)| !(open && matches!(status, 401 | 403))) {
        put(*status, json!({"$ref": format!("#/components/responses/problem_{status}")}));
    }
    if !about.bodies.is_empty() {
        put(413, problem("the body is too large"));
        put(415, problem("the body is of another content type"));
    }
    if !about.bodies.is_empty() || about.query.is_some() || is_write(about) {
        put(422, problem("a value cannot be taken; `field` and `errors` say which and why"));
    }
    if is_write(about) {
        put(409, problem("it does not fit how things stand, or the same request is still being carried out"));
    }
    if about.versioned {
        put(412, problem("it was changed since it was read"));
        put(428, problem("`If-Match` is missing"));
    }
    Value::Object(responses)
}

fn is_write(about: &About) -> bool {
    about.method != "GET" && about.need != Need::Nobody && !about.only_looks
}

fn parameters(about: &About, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    if let Some(query) = about.query {
        let schema = query(generator).to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            parameters.push(json!({
                "name": name, "in": "query", "required": required.contains(&json!(name)),
                "description": description.unwrap_or_default(), "schema": without_null(schema),
            }));
        }
    }
    if is_write(about) {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Drawn anew for each write; the same key with the same request gives the same answer for a day.",
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
        }));
    }
    if about.versioned {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": true,
            "description": "The `ETag` of what was read.",
            "schema": {"type": "string", "pattern": "^\"[0-9]{1,18}\"$"},
        }));
    }
    parameters
}

/// A query cannot say `null`: what may be left out is simply not there.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        let kinds: Vec<_> = kinds.iter().filter(|kind| **kind != "null").cloned().collect();
        schema["type"] = if kinds.len() == 1 { kinds[0].clone() } else { Value::Array(kinds) };
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let options: Vec<_> = options.iter().filter(|option| option["type"] != "null").cloned().collect();
        if options.len() == 1 {
            return options[0].clone();
        }
        schema["anyOf"] = Value::Array(options);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|_, value| !value.is_null());
    }
    schema
}

/// What a parameter of a path may be, by its name.
fn path_schema(name: &str) -> Value {
    match name {
        "account" | "connection" | "run" => json!({"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}),
        "unique_id" => json!({
            "type": "string", "minLength": 1,
            "description": "As it is; one that begins with `~` or holds `/` as `~` and its base64url.",
        }),
        _ => json!({"type": "string", "minLength": 1}),
    }
}

fn path_parameters(path: &str) -> Map<String, Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> =
        names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": path_schema(name)})).collect();
    let mut at = Map::new();
    if !parameters.is_empty() {
        at.insert("parameters".to_owned(), Value::Array(parameters));
    }
    at
}
