//! API Gateway: webhooks come in as requests and reach the real function as events of payload version 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{Response, StatusCode},
    response::IntoResponse,
};
use base64::Engine;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{clock::iso8601, digest, lambda::Lambda};

/// API Gateway takes no larger bodies.
const LARGEST: usize = 10 * 1024 * 1024;
/// Instances of the function at once; further requests wait.
const AT_ONCE: usize = 4;

/// The webhook API.
#[derive(Clone)]
struct Gateway {
    lambda: Lambda,
    slots: Arc<Semaphore>,
}

pub(crate) fn router(lambda: Lambda) -> Router {
    let gateway = Gateway { lambda, slots: Arc::new(Semaphore::new(AT_ONCE)) };
    Router::new().route("/webhooks/{*path}", axum::routing::any(webhook)).with_state(gateway)
}

async fn webhook(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    let source = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "{\"message\":\"Request Entity Too Large\"}").into_response();
    };
    let event = event(&parts, &body, source.as_deref().unwrap_or("127.0.0.1"));
    let Ok(_slot) = gateway.slots.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    match gateway.lambda.invoke("webhook-intake", Bytes::from(event.to_string())).await {
        Ok(answer) => response(&answer),
        Err(error) => {
            tracing::warn!("webhook-intake: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "{\"message\":\"Internal Server Error\"}").into_response()
        }
    }
}

/// Names in lower case; a header that comes twice is joined by a comma, as API Gateway does.
fn event(parts: &axum::http::request::Parts, body: &Bytes, source: &str) -> Value {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let joined = headers.entry(name.as_str().to_owned()).or_default();
        *joined = if joined.is_empty() { value } else { format!("{joined},{value}") };
    }
    let path = parts.uri.path();
    // What is not text comes in base64, as for binary types on AWS.
    let (text, encoded) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (base64::engine::general_purpose::STANDARD.encode(body), true),
    };
    let method = parts.method.as_str();
    json!({
        "version": "2.0",
        "routeKey": format!("{method} /webhooks/{{connector}}"),
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source,
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": digest::random_id(),
            "routeKey": format!("{method} /webhooks/{{connector}}"),
            "stage": "$default",
            "time": iso8601(0),
            "timeEpoch": 0,
        },
        "body": text,
        "isBase64Encoded": encoded,
    })
}

fn response(answer: &[u8]) -> Response<Body> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
    let mut response = Response::builder().status(status);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    response.body(Body::from(body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
