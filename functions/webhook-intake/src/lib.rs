//! Takes providers' webhooks in: verified, their ids handed on, answered in milliseconds.

use std::collections::BTreeMap;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Ports};
use muster_connectors::Delivery;
use muster_sync::{Hook, Intake, LARGEST_BODY, Received};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let ports = Ports::from_env().await?;
        lambda_runtime::run(service_fn(|event| handle(&ports, event))).await
    })
}

/// Answers one webhook.
///
/// # Errors
/// None: what fails is answered with 503, so that the provider sends it again.
pub async fn handle(
    ports: &Ports,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
    Box::pin(invocation.handle(answered(ports, payload))).await
}

async fn answered(ports: &Ports, request: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Error> {
    let path = request.raw_path.clone().unwrap_or_default();
    let Some((connector, connection)) = parts(&path) else {
        return Ok(answer(404, json!({"error": "there is nothing at this path"})));
    };
    if request.request_context.http.method != "POST" {
        return Ok(answer(405, json!({"error": "only POST"})));
    }
    let headers = headers_of(&request);
    if headers.get("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Ok(answer(400, json!({"error": "the body must not be compressed"})));
    }
    let body = match body_of(&request) {
        Ok(body) => body,
        Err(why) => return Ok(answer(400, json!({"error": why}))),
    };
    let source_ip = request.request_context.http.source_ip.unwrap_or_default();
    let delivery = Delivery { headers: &headers, body: &body, source_ip: &source_ip };
    let hook = Hook { connector: &connector, connection: connection.as_deref(), delivery };
    let intake = Intake { ledger: &ports.table, queue: &ports.queues, secrets: &ports.secrets, clock: &ports.clock };
    let received = intake.take(&hook).await;
    Ok(match received {
        Ok(Received::Taken(taken)) => answer(200, json!({"taken": taken})),
        Ok(Received::Ignored(why)) => answer(200, json!({"ignored": why})),
        // The cause is for the log only: to the sender an unknown connection and a bad signature are the same.
        Ok(Received::Refused(_)) => answer(401, json!({"error": "refused"})),
        Ok(Received::Unreadable(why)) => answer(400, json!({"error": why})),
        Ok(Received::TooLarge) => answer(413, json!({"error": format!("at most {LARGEST_BODY} bytes")})),
        Err(_) => {
            let mut again = answer(503, json!({"error": "not now, send it again"}));
            again.headers.insert("retry-after", "5".parse()?);
            again
        }
    })
}

/// Connector and connection of `/webhooks/{connector}` and `/webhooks/{connector}/{connection}`.
fn parts(path: &str) -> Option<(String, Option<String>)> {
    let mut parts = path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let (Some(empty), Some(webhooks), Some(connector)) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let connection = parts.next().filter(|connection| !connection.is_empty());
    (empty.is_empty() && webhooks == "webhooks" && !connector.is_empty() && parts.next().is_none())
        .then_some((connector, connection))
}

/// Headers by their names in lower case. API Gateway joins those that came twice with a comma.
fn headers_of(request: &ApiGatewayV2httpRequest) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_ascii_lowercase())
            .and_modify(|before| *before = format!("{before},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    headers
}

/// The raw body, decoded exactly once.
fn body_of(request: &ApiGatewayV2httpRequest) -> Result<Vec<u8>, &'static str> {
    let body = request.body.as_deref().unwrap_or_default();
    if !request.is_base64_encoded {
        return Ok(body.as_bytes().to_vec());
    }
    base64::engine::general_purpose::STANDARD.decode(body).map_err(|_| "the body is not the base64 it claims to be")
}

fn answer(status: i64, body: Value) -> ApiGatewayV2httpResponse {
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = status;
    answer.headers.insert("content-type", aws_lambda_events::http::HeaderValue::from_static("application/json"));
    answer.body = Some(body.to_string().into());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_connector_and_perhaps_a_connection() {
        let check = |path, expected: Option<(&str, Option<&str>)>| {
            assert_eq!(parts(path), expected.map(|(a, b)| (a.to_owned(), b.map(str::to_owned))), "{path}");
        };
        check("/webhooks/finch", Some(("finch", None)));
        check("/webhooks/finch/", Some(("finch", None)));
        check("/webhooks/finch/acme-hr", Some(("finch", Some("acme-hr"))));
        check("/webhooks/", None);
        check("/webhooks/finch/acme-hr/more", None);
        check("/other/finch", None);
    }
}
