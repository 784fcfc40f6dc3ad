//! What a handler answers.

use serde::Serialize;
use serde_json::Value;

/// An answer that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) hidden: &'static [&'static str],
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// Text of a kind.
    Text(&'static str, String),
}

impl Reply {
    /// JSON of a wire type.
    pub(crate) fn json<T: Serialize>(status: u16, body: &T) -> Self {
        let content = Content::Json(serde_json::to_value(body).unwrap_or_default());
        Self { status, content, headers: Vec::new(), hidden: &[] }
    }

    /// 204.
    pub(crate) fn empty() -> Self {
        Self { status: 204, content: Content::Empty, headers: Vec::new(), hidden: &[] }
    }

    /// Text, such as `text/html; charset=utf-8`.
    pub(crate) fn text(status: u16, kind: &'static str, text: String) -> Self {
        Self { status, content: Content::Text(kind, text), headers: Vec::new(), hidden: &[] }
    }

    /// Names the version that `If-Match` takes.
    pub(crate) fn etag(self, version: u64) -> Self {
        self.header("etag", format!("\"{version}\""))
    }

    /// A header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Top-level members that are shown once: they are `null` in the answer that is kept for an idempotency key.
    pub(crate) fn shown_once(mut self, members: &'static [&'static str]) -> Self {
        self.hidden = members;
        self
    }
}
