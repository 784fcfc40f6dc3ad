//! What a port says when it could not do its work.

use muster_core::format::WrongVersion;
use muster_core::plan::StoredError;

/// Whether trying again later can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// An outage, a throttle, a lease held by another: the trigger delivers again.
    Later,
    /// The same call will fail the same way.
    Never,
}

/// A failed port call.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation}: {detail}")]
pub struct PortError {
    /// What was tried, as a verb and an object: `read the plan`.
    pub operation: &'static str,
    /// Whether to try again.
    pub retry: Retry,
    /// What the service said; never personal data.
    pub detail: String,
}

impl PortError {
    /// A failure that a later try may not meet.
    pub fn later(operation: &'static str, detail: impl Into<String>) -> Self {
        Self { operation, retry: Retry::Later, detail: detail.into() }
    }

    /// A failure that every try will meet.
    pub fn never(operation: &'static str, detail: impl Into<String>) -> Self {
        Self { operation, retry: Retry::Never, detail: detail.into() }
    }

    /// Something stored has another format version. What a newer Muster wrote waits for one.
    pub fn version(operation: &'static str, wrong: &WrongVersion) -> Self {
        let retry = if wrong.is_newer() { Retry::Later } else { Retry::Never };
        Self { operation, retry, detail: wrong.to_string() }
    }

    /// A plan or its summary that cannot be read.
    pub fn unread(operation: &'static str, error: &StoredError) -> Self {
        match error {
            StoredError::Version(wrong) => Self::version(operation, wrong),
            other => Self::never(operation, other.to_string()),
        }
    }
}

/// What is wrong with stored JSON: the place alone, since the parser's own words may quote what stands there.
pub(crate) fn located(error: &serde_json::Error) -> String {
    format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column())
}

#[cfg(test)]
mod tests {
    #[test]
    fn damaged_json_is_told_by_its_place_alone() {
        let error = serde_json::from_str::<u64>(r#" "Kanariah""#).unwrap_err();
        assert!(error.to_string().contains("Kanariah"), "the parser quotes: {error}");
        assert_eq!(super::located(&error), "Data error at line 1, column 11");
    }
}
