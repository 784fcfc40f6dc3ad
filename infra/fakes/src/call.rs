//! A request as a fake sees it, and its answer, both without IO.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// A request to one provider; `path` is what follows the provider's prefix and begins with `/`.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// `http://host/prefix`, for answers that hold links.
    pub base: String,
}

impl Call {
    /// The first value of a query parameter; an empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of a query parameter that may be repeated, comma-separated or written with `[]`.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let bracketed = format!("{name}[]");
        let values = self.query.iter().filter(|(key, _)| key == name || *key == bracketed);
        values.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token after `Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The parts of the path.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A whole-number parameter within bounds: its value, `default` where it is absent, `None` where it is out of bounds.
    pub(crate) fn number(&self, name: &str, default: usize, least: usize, most: usize) -> Option<usize> {
        match self.query(name) {
            None => Some(default),
            Some(text) => text.parse().ok().filter(|number| (least..=most).contains(number)),
        }
    }
}

/// The pairs of a query string.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

/// What a fake answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer in JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer::text(status, "application/json", body.to_string())
    }

    /// An answer of some other media type.
    pub(crate) fn text(status: u16, media_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(media_type));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Answer { status, headers, body: body.into() }
    }

    /// 200 with JSON.
    pub(crate) fn ok(body: &Value) -> Answer {
        Answer::json(200, body)
    }

    /// An answer of the control routes that says what is wrong.
    pub(crate) fn refused(status: u16, why: impl Into<String>) -> Answer {
        Answer::json(status, &json!({"error": why.into()}))
    }

    /// This answer with one more header; a value that cannot stand in a header is left out.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}
