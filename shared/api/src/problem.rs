//! Answers to requests that were not carried out: problem+json (RFC 9457) with a stable code.

use muster_core::settings::SettingsError;
use muster_sync::{NotSaved, PortError, Refused, Retry};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) body: Box<ProblemBody>,
}

/// A problem (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// `urn:muster:problem:` and the code.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status in words.
    pub(crate) title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub(crate) status: u16,
    /// Stable name of what is wrong.
    pub(crate) code: String,
    /// What is wrong and what to do, for people.
    pub(crate) detail: String,
    /// The field or key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// Everything that is wrong, where that is several things.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldProblem>,
}

/// What is wrong with one field or key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct FieldProblem {
    /// The field or key.
    pub(crate) field: String,
    /// What is wrong and what to do.
    pub(crate) problem: String,
}

impl Problem {
    /// A problem.
    pub(crate) fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let title = title(status).to_owned();
        let kind = format!("urn:muster:problem:{code}");
        let (code, detail) = (code.to_owned(), detail.into());
        Self {
            status,
            body: Box::new(ProblemBody { kind, title, status, code, detail, field: None, errors: Vec::new() }),
        }
    }

    /// There is no such thing, or it is not the caller's: both look the same.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "not_found", "there is nothing here, or nothing of yours")
    }

    /// The caller's role does not allow it.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "forbidden", "your role does not allow this")
    }

    /// A value that cannot be taken.
    pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(422, "invalid", detail).field(field)
    }

    /// It does not fit how things stand.
    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(409, code, detail)
    }

    /// `If-Match` names another version than is stored.
    pub(crate) fn stale() -> Self {
        Self::new(412, "stale", "it was changed since you read it; read it again and repeat your change")
    }

    /// The request cannot be read.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "bad_request", detail)
    }

    /// Names the field or key that it is about.
    pub(crate) fn field(mut self, field: &str) -> Self {
        self.body.field = Some(field.to_owned());
        self
    }

    /// Several things that are wrong at once; the first stands for all.
    pub(crate) fn all_invalid(errors: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors: Vec<_> = errors.into_iter().map(|(field, problem)| FieldProblem { field, problem }).collect();
        let first = errors.first().cloned();
        let (field, detail) = first.map_or_else(Default::default, |first| (first.field, first.problem));
        let mut problem = Self::invalid(&field, format!("{field}: {detail}"));
        problem.body.errors = errors;
        problem
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        match error.retry {
            Retry::Later => {
                tracing::warn!("{error}");
                Self::new(503, "not_now", "a service did not answer; ask again in a moment")
            }
            Retry::Never => {
                tracing::error!("{error}");
                Self::new(500, "internal", "this failed and will fail again; the log of the admin API says why")
            }
        }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::all_invalid(error.problems.into_iter().map(|problem| (problem.path, problem.message)))
    }
}

impl From<NotSaved> for Problem {
    fn from(error: NotSaved) -> Self {
        let detail = error.to_string();
        match error {
            NotSaved::Settings(error) => error.into(),
            NotSaved::Name(_) => Self::invalid("name", detail),
            NotSaved::GroupTaken { .. } => Self::conflict("group_taken", detail).field("group"),
            // Whose it is would tell of another account.
            NotSaved::IdTaken(_) => {
                Self::conflict("name_taken", "the name makes an id that is taken; choose another name").field("name")
            }
            NotSaved::Connector(_) => Self::conflict("connector_fixed", detail).field("connector"),
            NotSaved::Exists(_) => Self::conflict("connection_exists", detail).field("name"),
            NotSaved::Deleted(_) => Self::conflict("name_taken", detail).field("name"),
            NotSaved::LinkTaken => Self::conflict("link_taken", detail).field("provider"),
            NotSaved::Raced => Self::stale(),
            NotSaved::Port(error) => error.into(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(error: Refused) -> Self {
        let detail = error.to_string();
        match error {
            Refused::Unknown => Self::not_found(),
            Refused::State { .. } => Self::conflict("wrong_state", detail),
            Refused::Hash { .. } => Self::conflict("plan_changed", detail).field("hash"),
            Refused::Stale => Self::conflict("stale_plan", detail),
            Refused::Deleted => Self::conflict("deleted", detail),
            Refused::Busy => Self::conflict("busy", detail),
            Refused::Port(error) => error.into(),
        }
    }
}
