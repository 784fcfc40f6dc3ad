//! API Gateway: requests come in over HTTP and reach the real functions as events of payload version 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{Response, StatusCode, header, request::Parts},
    routing::any,
};
use base64::Engine;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

use crate::{
    authorizer::Authorizer,
    clock::{Clock, iso8601},
    digest,
    lambda::Lambda,
    trace,
};

/// API Gateway takes no larger bodies.
const LARGEST: usize = 10 * 1024 * 1024;
/// Lambda takes no larger event and gives no larger answer to who waits for it.
const LARGEST_PAYLOAD: usize = 6 * 1024 * 1024;
/// Instances of a function at once; further requests wait.
const AT_ONCE: usize = 4;
/// The one thing below `/v1` that needs no token: what the API is.
const DESCRIPTION: &str = "/v1/openapi.json";

/// The routes to one function.
#[derive(Clone)]
struct Integration {
    function: &'static str,
    lambda: Lambda,
    slots: Arc<Semaphore>,
    /// Who must have passed before; nobody where absent.
    authorizer: Option<Arc<Authorizer>>,
}

/// Preflights are answered before a token is asked for, and refusals too can be read by the page that is let in.
pub(crate) fn router(lambda: &Lambda, authorizer: Authorizer, cors: CorsLayer) -> Router {
    let integration = |function| {
        let (lambda, slots) = (lambda.clone(), Arc::new(Semaphore::new(AT_ONCE)));
        Integration { function, lambda, slots, authorizer: None }
    };
    let webhooks = Router::new().route("/webhooks/{*path}", any(answer)).with_state(integration("webhook-intake"));
    let open = integration("admin-api");
    let guarded = Integration { authorizer: Some(Arc::new(authorizer)), ..open.clone() };
    // Behind the latter two a signed token in the path is the authority.
    let open = ["/decisions/{*path}", "/consents/{*path}", DESCRIPTION]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, any(answer)))
        .with_state(open);
    Router::new().route("/v1/{*path}", any(answer)).with_state(guarded).merge(open).layer(cors).merge(webhooks)
}

async fn answer(State(to): State<Integration>, request: Request) -> Response<Body> {
    let source = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    let (mut parts, body) = request.into_parts();
    // As API Gateway does: who calls may name a trace, else one begins here.
    let trace = trace::of_request(&parts.headers).filter(|trace| trace::is_one(trace));
    let trace = trace.unwrap_or_else(|| trace::begin(Clock::system().now_ms()));
    if let Ok(value) = header::HeaderValue::from_str(&trace) {
        parts.headers.insert(trace::HEADER, value);
    }
    let mut authorizer = Value::Null;
    if let Some(asked) = &to.authorizer {
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(claims) = asked.claims(sent) else {
            let mut refused = message(StatusCode::UNAUTHORIZED, "Unauthorized");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
            return refused;
        };
        authorizer = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let mut event = event(&parts, &body, source.as_deref().unwrap_or("127.0.0.1"));
    if !authorizer.is_null() {
        event["requestContext"]["authorizer"] = authorizer;
    }
    let event = Bytes::from(event.to_string());
    if event.len() > LARGEST_PAYLOAD {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let Ok(_slot) = to.slots.acquire().await else {
        return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    };
    match to.lambda.invoke_in_trace(to.function, event, trace).await {
        Ok(answer) if answer.len() <= LARGEST_PAYLOAD => response(&answer),
        Ok(answer) => {
            tracing::warn!("{}: an answer of {} bytes, more than Lambda gives", to.function, answer.len());
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
        Err(error) => {
            tracing::warn!("{}: {error}", to.function);
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// An answer of the gateway's own.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({"message": text}).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Names in lower case; a header that comes twice is joined by a comma, as API Gateway does.
fn headers(parts: &Parts) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let joined = headers.entry(name.as_str().to_owned()).or_default();
        *joined = if joined.is_empty() { value } else { format!("{joined},{value}") };
    }
    headers
}

/// The path comes decoded and the query as it was sent: so does the HTTP API of API Gateway.
fn event(parts: &Parts, body: &Bytes, source: &str) -> Value {
    let headers = headers(parts);
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(headers.get("content-type").map(String::as_str)));
    let (text, encoded) = match text {
        Some(text) => (text.to_owned(), false),
        None => (base64::engine::general_purpose::STANDARD.encode(body), true),
    };
    let now_ms = Clock::system().now_ms();
    let method = parts.method.as_str();
    let route = match path.split('/').nth(1).unwrap_or_default() {
        "webhooks" => format!("{method} /webhooks/{{connector}}"),
        first => format!("ANY /{first}/{{proxy+}}"),
    };
    json!({
        "version": "2.0",
        "routeKey": route,
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
            "routeKey": route,
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
    let text = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
    } else {
        text.as_bytes().to_vec()
    };
    response
        .body(Body::from(body))
        .unwrap_or_else(|_| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
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

    #[test]
    fn the_path_comes_decoded_and_the_query_as_it_was_sent() {
        let request = axum::http::Request::get("/v1/connections/a/people/%C3%A9%20x?q=%C3%A9").body(()).unwrap();
        let event = event(&request.into_parts().0, &Bytes::new(), "192.0.2.7");
        assert_eq!(event["rawPath"], "/v1/connections/a/people/é x");
        assert_eq!(event["rawQueryString"], "q=%C3%A9");
        assert_eq!(event["routeKey"], "ANY /v1/{proxy+}");
    }

    #[tokio::test]
    async fn an_answer_in_base64_reaches_the_caller_as_bytes() {
        let answer =
            response(br#"{"statusCode": 200, "headers": {"x": "y"}, "body": "AP8=", "isBase64Encoded": true}"#);
        assert_eq!((answer.status().as_u16(), answer.headers()["x"].as_bytes()), (200, &b"y"[..]));
        assert_eq!(to_bytes(answer.into_body(), LARGEST).await.unwrap(), &b"\x00\xff"[..]);
    }
}
