//! What Apideck's refusals mean. Their type tells whether Apideck's key or the HR system's sign-in is refused.

use serde_json::Value;

use crate::{Fault, FaultKind, HttpResponse, Wait};

/// What the text says where the HR system's sign-in is lost; states and health of connections, in Apideck's words.
const SIGN_IN_LOST: [&str; 8] = [
    "not callable",
    "needs_auth",
    "needs_consent",
    "missing_settings",
    "revoked",
    "reauthorize",
    "re-authorize",
    "connection is not authorized",
];

/// Whether the person asked for is not there.
pub(super) fn is_gone(response: &HttpResponse<'_>) -> bool {
    response.status == 404 && kind_of(&body(response)) == "EntityNotFoundError"
}

/// What an answer that is no page means.
pub(super) fn fault(response: &HttpResponse<'_>) -> Fault {
    let body = body(response);
    let usual = Fault::of_status(response);
    let wait = usual.wait.or_else(|| wait_in(&body["detail"])).or_else(|| wait_in(&body));
    let told = |kind, message: &str| Fault { kind, message: format!("{message} ({})", response.status), wait };
    let sign_in = "Apideck lost its access to the HR system: the customer must connect it again";
    match (response.status, kind_of(&body)) {
        (_, "ConnectorRateLimitError") => told(FaultKind::Throttled, "the HR system behind Apideck asks to wait"),
        (402, _) => told(FaultKind::Refused, "Apideck's plan limit is reached: raise it in Apideck's dashboard"),
        (_, "ConnectorCredentialsError" | "ConnectionNotFoundError") => told(FaultKind::ReauthNeeded, sign_in),
        (400..=499, "InvalidCursorError") => {
            told(FaultKind::Failing, "Apideck does not take its own cursor: the listing must start anew")
        }
        (400..=428, _) if sign_in_lost(&body) => told(FaultKind::ReauthNeeded, sign_in),
        (401, "UnauthorizedError") => told(FaultKind::Unauthorized, "Apideck refuses the API key or app_id"),
        _ => Fault { wait, ..usual },
    }
}

fn body(response: &HttpResponse<'_>) -> Value {
    serde_json::from_slice(response.body).unwrap_or_default()
}

fn kind_of(body: &Value) -> &str {
    body["type_name"].as_str().unwrap_or_default()
}

fn wait_in(value: &Value) -> Option<Wait> {
    value["retry_after_ms"].as_u64()
}

fn sign_in_lost(body: &Value) -> bool {
    let texts = [&body["message"], &body["detail"], &body["detail"]["message"]];
    let mut texts = texts.into_iter().filter_map(Value::as_str).map(str::to_lowercase);
    texts.any(|text| text.contains("connection") && SIGN_IN_LOST.iter().any(|words| text.contains(words)))
}
