//! Requests and answers as plain data, and what an answer means when it is not what was asked for.

use std::fmt;

use jiff::Timestamp;

use crate::Secret;

/// How a request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Sends a body.
    Post,
}

/// A request to a provider. `Debug` shows neither headers nor query nor body.
#[derive(Clone, PartialEq)]
pub struct HttpRequest {
    /// How.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// Headers; values may be secret.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A `GET` that wants JSON.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: vec![("accept", Secret::new("application/json"))],
            body: Vec::new(),
        }
    }

    /// A `POST` of JSON that wants JSON.
    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        let request = Self { method: Method::Post, ..Self::get(url) };
        Self { body: body.to_string().into_bytes(), ..request }.header("content-type", "application/json")
    }

    /// A `POST` of form fields that wants JSON.
    pub fn post_form(url: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Self { method: Method::Post, ..Self::get(url) };
        Self { body: body.into_bytes(), ..request }.header("content-type", "application/x-www-form-urlencoded")
    }

    /// The same with a further header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Secret::new(value)));
        self
    }

    /// The same with further query parameters.
    #[must_use]
    pub fn query<'q>(mut self, pairs: impl IntoIterator<Item = (&'q str, &'q str)>) -> Self {
        for (name, value) in pairs {
            let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            self.url.push(if self.url.contains('?') { '&' } else { '?' });
            self.url.push_str(&pair);
        }
        self
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        write!(f, "{:?} {path}", self.method)
    }
}

/// An answer.
#[derive(Clone, Copy)]
pub struct HttpResponse<'a> {
    /// The status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// When it came, in milliseconds since 1970.
    pub now_ms: i64,
}

impl HttpResponse<'_> {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`FaultKind::Failing`]: something that is no JSON, or cut off, says nothing about people.
    pub fn json(&self) -> Result<serde_json::Value, Fault> {
        serde_json::from_slice(self.body).map_err(|e| {
            let kind = self.header("content-type").unwrap_or("no content type");
            let kind: String = kind.chars().take(60).collect();
            let message = if self.body.is_empty() {
                "the provider sent an empty answer".to_owned()
            } else {
                // serde_json's message names a place, never the data.
                format!("the provider's answer ({kind}, {} bytes) is not the JSON it should be: {e}", self.body.len())
            };
            Fault::new(FaultKind::Failing, message)
        })
    }
}

impl fmt::Debug for HttpResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// What an answer that is not a page means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Too many requests: wait and ask again.
    Throttled,
    /// The provider is failing (5xx, nonsense, nothing): ask again a few times, then later.
    Failing,
    /// The provider is still preparing its data: ask later.
    NotReady,
    /// The credentials are refused.
    Unauthorized,
    /// The customer must sign in again.
    ReauthNeeded,
    /// The credentials are good and may not read this.
    Forbidden,
    /// The mark of an incremental reading is too old: a full listing must be made.
    MarkLost,
    /// The request is refused for another reason: asking again changes nothing.
    Refused,
}

/// A fault, with advice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// For people: what the provider answered. Never quotes people's data or secrets.
    pub message: String,
    /// How long the provider asks to wait.
    pub wait: Option<Wait>,
}

/// How long to wait, in milliseconds; never negative, whatever the provider said.
pub type Wait = u64;

impl Fault {
    /// A fault without advice on waiting.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), wait: None }
    }

    /// What a status code means where the provider has no special meaning for it. 2xx is [`FaultKind::Failing`]: the
    /// caller could not make sense of it.
    pub fn of_status(response: &HttpResponse<'_>) -> Self {
        let kind = match response.status {
            429 => FaultKind::Throttled,
            401 => FaultKind::Unauthorized,
            403 => FaultKind::Forbidden,
            410 => FaultKind::MarkLost,
            202 => FaultKind::NotReady,
            408 | 409 | 425 | 500..=599 => FaultKind::Failing,
            300..=499 => FaultKind::Refused,
            _ => FaultKind::Failing,
        };
        let message = format!("the provider answered {}", response.status);
        Self { kind, message, wait: retry_after(response) }
    }
}

/// What `retry-after-ms` or `Retry-After` ask for: seconds or a date. Negative is none; the caller caps it.
pub fn retry_after(response: &HttpResponse<'_>) -> Option<Wait> {
    if let Some(ms) = response.header("retry-after-ms").and_then(|text| text.trim().parse::<i64>().ok()) {
        return u64::try_from(ms).ok();
    }
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0) as u64);
    }
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    let until = zoned.timestamp().as_millisecond();
    u64::try_from(until - response.now_ms).ok()
}

/// A timestamp of RFC 3339 in milliseconds since 1970.
pub(crate) fn millis(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}
