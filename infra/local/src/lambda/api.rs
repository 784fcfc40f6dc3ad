//! The Lambda Runtime API, version 2018-06-01.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::Value;

use super::{Lambda, Outcome};
use crate::REGION;

/// Lambda takes no larger answers.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

pub(super) fn router(lambda: Lambda) -> Router {
    let base = "/runtime/{instance}/2018-06-01/runtime";
    Router::new()
        .route(&format!("{base}/invocation/next"), get(next))
        .route(&format!("{base}/invocation/{{request}}/response"), post(response))
        .route(&format!("{base}/invocation/{{request}}/error"), post(error))
        .route(&format!("{base}/init/error"), post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER))
        .with_state(lambda)
}

async fn next(State(lambda): State<Lambda>, Path(id): Path<String>) -> Response<Body> {
    let Some(instance) = lambda.find(&id) else { return StatusCode::GONE.into_response() };
    let Some(invocation) = instance.next().await else {
        // It woke up after its invocation was given up: as in Lambda, it gets no other.
        instance.kill();
        return StatusCode::GONE.into_response();
    };
    let arn = format!("arn:aws:lambda:{REGION}:000000000000:function:{}", instance.function);
    let answer = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", invocation.id)
        .header("lambda-runtime-deadline-ms", invocation.deadline_ms)
        .header("lambda-runtime-invoked-function-arn", arn)
        .header("lambda-runtime-trace-id", invocation.trace)
        .body(Body::from(invocation.payload));
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(
    State(lambda): State<Lambda>,
    Path((id, request)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    finish(&lambda, &id, &request, Outcome::Answer(body))
}

async fn error(State(lambda): State<Lambda>, Path((id, request)): Path<(String, String)>, body: Bytes) -> StatusCode {
    finish(&lambda, &id, &request, Outcome::Error(describe(&body)))
}

async fn init_error(State(lambda): State<Lambda>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    if let Some(instance) = lambda.find(&id) {
        instance.fail_init(describe(&body));
    }
    StatusCode::ACCEPTED
}

fn finish(lambda: &Lambda, id: &str, request: &str, outcome: Outcome) -> StatusCode {
    let taken = lambda.find(id).is_some_and(|instance| instance.finish(request, outcome));
    if taken { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }
}

fn describe(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    match (error["errorType"].as_str(), error["errorMessage"].as_str()) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}
