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

use crate::{
    clock::{Clock, iso8601},
    digest,
    lambda::Lambda,
};

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
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(headers.get("content-type").map(String::as_str)));
    let (text, encoded) = match text {
        Some(text) => (text.to_owned(), false),
        None => (base64::engine::general_purpose::STANDARD.encode(body), true),
    };
    let now_ms = Clock::system().now_ms();
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
            "time": iso8601(now_ms),
            "timeEpoch": now_ms,
        },
        "body": text,
        "isBase64Encoded": encoded,
    })
}

/// The types whose bodies come as they are; all others come in base64.
fn is_text(content_type: Option<&str>) -> bool {
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
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

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;

    use super::*;

    #[test]
    fn the_event_is_read_by_the_events_crate_and_keeps_every_byte() {
        let check = |kind: &str, body: &'static [u8], encoded: bool| {
            let request = axum::http::Request::post("/webhooks/finch/acme-hr?x=1").header("Content-Type", kind);
            let request = request.header("x-twice", "a").header("X-Twice", "b").body(()).unwrap();
            let event = event(&request.into_parts().0, &Bytes::from_static(body), "192.0.2.7");
            let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
            assert_eq!(event.raw_path.as_deref(), Some("/webhooks/finch/acme-hr"));
            assert_eq!(event.headers["x-twice"], "a,b");
            assert_eq!(event.request_context.http.method, "POST");
            assert_eq!(event.request_context.http.source_ip.as_deref(), Some("192.0.2.7"));
            assert_eq!(event.is_base64_encoded, encoded, "{kind}");
            let sent = event.body.unwrap_or_default();
            let decoded = base64::engine::general_purpose::STANDARD.decode(&sent);
            let raw = if encoded { decoded.unwrap() } else { sent.into_bytes() };
            assert_eq!(raw, body);
        };
        check("application/json; charset=utf-8", b"{}", false);
        check("application/json", b"\xff{}", true);
        check("application/x-www-form-urlencoded", b"a=b", true);
        check("", b"", true);
    }
}
