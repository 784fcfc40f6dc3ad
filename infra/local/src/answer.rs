//! Answers of the JSON protocols.

use axum::{
    body::Bytes,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::json;

/// A fault: the request was carried out, and its answer never reaches the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed before an answer was sent")]
pub struct LostAnswer;

/// An answer of `status` with a JSON body.
pub(crate) fn json_answer(status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}

/// An AWS error: the code stands in the body (JSON protocol) and in a header (REST protocol).
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({"__type": format!("com.amazonaws.local#{code}"), "message": message});
    let mut answer = json_answer(status, body.to_string().into_bytes());
    if let Ok(value) = HeaderValue::from_str(code) {
        answer.headers_mut().insert("x-amzn-errortype", value);
    }
    answer
}
