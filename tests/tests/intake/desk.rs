//! The function, its connections and what is sent to it.

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::http::{HeaderName, HeaderValue, Method};
use base64::Engine;
use lambda_runtime::{Context, LambdaEvent};
use muster_aws::Ports;
use muster_local::sqs::Message;
use muster_sync::{Drawn, NotSaved, Saved, Terms, save_connection};
use muster_tests::hook::{FINCH_SECRET, Headers, finch};
use muster_tests::house::file;
use muster_tests::rig::Rig;

/// Another secret of Finch's form.
pub(crate) const OTHER_SECRET: &str = "YW5vdGhlci1zaWduaW5nLWtleS1vZi0zMi1ieXRlcyE=";

/// One warm function over a rig.
pub(crate) struct Desk {
    pub(crate) rig: Rig,
    pub(crate) ports: Ports,
}

/// A connection file of Finch.
pub(crate) fn connection(name: &str, id: &str, secret: &str) -> String {
    file("finch", "")
        .replace("\"People\"", &format!("\"{name}\""))
        .replace("\"c-1\"", &format!("\"{id}\""))
        .replace("[credentials]\n", &format!("[credentials]\nwebhook_secret = \"{secret}\"\n"))
}

impl Desk {
    /// With the connection `c-1` of [`FINCH_SECRET`]; answers its path too.
    pub(crate) async fn open() -> (Self, String) {
        let rig = Rig::default();
        let ports = rig.ports();
        let desk = Self { rig, ports };
        let path = desk.save(&connection("People", "c-1", FINCH_SECRET)).await;
        (desk, path)
    }

    pub(crate) async fn save(&self, text: &str) -> String {
        self.try_save(text).await.unwrap().webhook_path.unwrap()
    }

    pub(crate) async fn try_save(&self, text: &str) -> Result<Saved, NotSaved> {
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms: self.now_ms() };
        save_connection(&self.ports.table, &self.ports.secrets, text, terms).await
    }

    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from(self.rig.clock.now_ms()).unwrap()
    }

    /// Sends what Finch signs with that secret now.
    pub(crate) async fn finch(&self, path: &str, secret: &str, event: &str, body: &[u8]) -> (i64, String) {
        answer_of(&self.give(path, &self.signed(secret, event, body), body).await)
    }

    pub(crate) fn signed(&self, secret: &str, event: &str, body: &[u8]) -> Headers {
        finch(secret, event, self.now_ms(), body)
    }

    /// Gives a request to the function as API Gateway does: text as it is, anything else in base64.
    pub(crate) async fn give(&self, path: &str, headers: &Headers, body: &[u8]) -> ApiGatewayV2httpResponse {
        let (text, is_base64) = match std::str::from_utf8(body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (base64::engine::general_purpose::STANDARD.encode(body), true),
        };
        self.give_as(&self.ports, path, headers, text, is_base64).await
    }

    pub(crate) async fn give_as(
        &self,
        ports: &Ports,
        path: &str,
        headers: &Headers,
        body: String,
        is_base64: bool,
    ) -> ApiGatewayV2httpResponse {
        let mut request = ApiGatewayV2httpRequest::default();
        request.raw_path = Some(path.to_owned());
        request.request_context.http.method = Method::POST;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        request.body = Some(body);
        request.is_base64_encoded = is_base64;
        webhook_intake::handle(ports, LambdaEvent::new(request, Context::default())).await.unwrap()
    }

    /// The messages to `webhook-apply`.
    pub(crate) fn queued(&self) -> Vec<Message> {
        self.rig.services.sqs.peek("events.fifo")
    }
}

/// Status and body.
pub(crate) fn answer_of(answer: &ApiGatewayV2httpResponse) -> (i64, String) {
    let body = match &answer.body {
        Some(aws_lambda_events::encodings::Body::Text(text)) => text.clone(),
        _ => String::new(),
    };
    (answer.status_code, body)
}
