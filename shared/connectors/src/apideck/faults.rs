//! What Apideck means by an answer that is no list.

use serde_json::Value;

use crate::{Fault, FaultKind, HttpResponse};

/// The body of a good answer.
pub(super) fn good(response: &HttpResponse<'_>) -> Result<Value, Fault> {
    if response.status == 200 { response.json() } else { Err(fault(response)) }
}

/// Whether the system behind has no pages: then it must be asked without a limit.
pub(super) fn has_no_pages(response: &HttpResponse<'_>) -> bool {
    response.status != 200 && type_name(&error(response)) == "PaginationNotSupportedError"
}

/// Whether one person is not there any more. A connection that is not there has the same status and another name.
pub(super) fn is_gone(response: &HttpResponse<'_>) -> bool {
    response.status == 404 && matches!(type_name(&error(response)), "EntityNotFoundError" | "ConnectorExecutionError")
}

fn error(response: &HttpResponse<'_>) -> Value {
    serde_json::from_slice(response.body).unwrap_or_default()
}

/// Apideck's name of the error; empty where it is not a plain word.
fn type_name(error: &Value) -> &str {
    let name = error["type_name"].as_str().unwrap_or_default();
    let plain = name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { name } else { "" }
}

fn fault(response: &HttpResponse<'_>) -> Fault {
    let mut fault = Fault::of_status(response);
    let error = error(response);
    let name = type_name(&error);
    fault.kind = match name {
        "ConnectorRateLimitError" => FaultKind::Throttled,
        "ConnectorCredentialsError" | "UnauthorizedError" => FaultKind::Unauthorized,
        "ConnectionNotFoundError" | "ConnectionSettingsError" => FaultKind::ReauthNeeded,
        "ConnectorDisabledError" => FaultKind::Failing,
        "InvalidCursorError" | "RequestLimitError" => FaultKind::Refused,
        _ => fault.kind,
    };
    if !name.is_empty() {
        fault.message = format!("Apideck answered {} ({name})", response.status);
    }
    let told = |key: &str| error["detail"][key].as_u64().or(error[key].as_u64());
    fault.wait = fault.wait.or(told("retry_after_ms")).or(told("cooldown_remaining_ms"));
    fault
}
