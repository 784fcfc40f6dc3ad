//! The control routes: the same switches over HTTP.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    controls::Controls,
    faults::{DeliveryFault, Fault},
    sqs::SqsError,
};

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

pub(crate) fn router(controls: Controls) -> Router {
    Router::new()
        .route("/control/fault", post(fault))
        .route("/control/delivery", post(delivery))
        .route("/control/clear", post(clear))
        .route("/control/pause", post(async |State(c): State<Controls>| pause(&c, true)))
        .route("/control/resume", post(async |State(c): State<Controls>| pause(&c, false)))
        .route("/control/clock", post(clock))
        .route("/control/kill", post(kill))
        .route("/control/kill-next", post(kill_next))
        .route("/control/freeze", post(freeze))
        .route("/control/thaw", post(thaw))
        .route("/control/queue", post(queue))
        .route("/control/redrive", post(redrive))
        .route("/control/queues", get(queues))
        .route("/control/requests", get(requests))
        .route("/control/requests/reset", post(reset_requests))
        .route("/control/invocations", get(invocations))
        .route("/control/logs", get(logs))
        .route("/control/processes", get(processes))
        .with_state(controls)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFunction {
    function: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireClock {
    now_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKillNext {
    function: String,
    #[serde(default)]
    after_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireQueue {
    queue: String,
    visibility_ms: Option<u64>,
    max_receive: Option<u32>,
}

fn ok(value: Value) -> Answer {
    Ok(Json(value))
}

fn no_queue(error: SqsError) -> (StatusCode, Json<Value>) {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()})))
}

async fn fault(State(controls): State<Controls>, Json(fault): Json<Fault>) -> Answer {
    controls.fault(fault);
    ok(json!({}))
}

async fn delivery(State(controls): State<Controls>, Json(fault): Json<DeliveryFault>) -> Answer {
    controls.delivery(fault);
    ok(json!({}))
}

async fn clear(State(controls): State<Controls>) -> Answer {
    controls.clear_faults();
    ok(json!({}))
}

fn pause(controls: &Controls, paused: bool) -> Answer {
    controls.pause(paused);
    ok(json!({}))
}

async fn clock(State(controls): State<Controls>, Json(wire): Json<WireClock>) -> Answer {
    let failed = |e: std::io::Error| (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": e.to_string()})));
    controls.set_clock(wire.now_ms).map_err(failed)?;
    ok(json!({}))
}

async fn kill(State(controls): State<Controls>, Json(wire): Json<WireFunction>) -> Answer {
    ok(json!({"killed": controls.kill(&wire.function)}))
}

async fn kill_next(State(controls): State<Controls>, Json(wire): Json<WireKillNext>) -> Answer {
    controls.kill_next(&wire.function, Duration::from_millis(wire.after_ms));
    ok(json!({}))
}

async fn freeze(State(controls): State<Controls>, Json(wire): Json<WireFunction>) -> Answer {
    ok(json!({"frozen": controls.freeze(&wire.function).await}))
}

async fn thaw(State(controls): State<Controls>, Json(wire): Json<WireFunction>) -> Answer {
    ok(json!({"thawed": controls.thaw(&wire.function).await}))
}

async fn queue(State(controls): State<Controls>, Json(wire): Json<WireQueue>) -> Answer {
    controls.queue(&wire.queue, wire.visibility_ms, wire.max_receive).map_err(no_queue)?;
    ok(json!({}))
}

async fn redrive(State(controls): State<Controls>, Json(wire): Json<WireQueue>) -> Answer {
    ok(json!({"moved": controls.redrive(&wire.queue).map_err(no_queue)?}))
}

async fn queues(State(controls): State<Controls>) -> Answer {
    ok(json!(controls.queues()))
}

async fn requests(State(controls): State<Controls>) -> Answer {
    ok(json!(controls.requests()))
}

async fn reset_requests(State(controls): State<Controls>) -> Answer {
    controls.reset_requests();
    ok(json!({}))
}

async fn invocations(State(controls): State<Controls>) -> Answer {
    ok(json!(controls.invocations()))
}

async fn logs(State(controls): State<Controls>) -> Answer {
    ok(json!(controls.logs()))
}

async fn processes(State(controls): State<Controls>) -> Answer {
    ok(json!(controls.processes()))
}
