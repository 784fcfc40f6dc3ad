//! The stored form of a run's issues.

use muster_core::field::Field;
use muster_core::format;
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue, Place};
use serde::{Deserialize, Serialize};

use crate::PortError;

/// The issues of a run and what its report wants to know beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredIssues {
    /// Rows in the error file.
    pub error_rows: u64,
    /// Whether no run of the connection was applied before.
    pub first_success: bool,
    /// The waiting run whose place this one took.
    pub replaces: Option<String>,
    /// The first 10,000 issues, errors first.
    pub issues: Vec<Issue>,
}

/// How many issues are kept for looking at; the error file has them all.
pub(crate) const KEPT: usize = 10_000;

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u64,
    error_rows: u64,
    first_success: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    issues: Vec<WireIssue>,
}

#[derive(Deserialize)]
struct WireVersion {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct WireIssue {
    code: String,
    record: u64,
    line: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unique_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    original: Vec<String>,
}

/// The JSON of a run's issues.
pub(crate) fn issues_to_json(stored: &StoredIssues) -> Vec<u8> {
    let issues = stored.issues.iter().take(KEPT).map(|issue| WireIssue {
        code: issue.code.as_str().to_owned(),
        record: issue.place.record,
        line: issue.place.line,
        unique_id: issue.unique_id.as_ref().map(ToString::to_string),
        field: issue.field.map(|field| field.name().to_owned()),
        column: issue.column.clone(),
        message: issue.message.clone(),
        original: issue.original.clone(),
    });
    let wire = Wire {
        version: u64::from(format::ISSUES.version),
        error_rows: stored.error_rows,
        first_success: stored.first_success,
        replaces: stored.replaces.clone(),
        issues: issues.collect(),
    };
    serde_json::to_vec(&wire).unwrap_or_else(|_| unreachable!("texts and numbers always make JSON"))
}

/// Reads the JSON of a run's issues.
pub fn issues_from_json(bytes: &[u8]) -> Result<StoredIssues, PortError> {
    const READ: &str = "read the run's issues";
    let bad = |detail: String| PortError::never(READ, detail);
    let WireVersion { version } = serde_json::from_slice(bytes).map_err(|e| bad(crate::error::located(&e)))?;
    format::ISSUES.check(Some(version)).map_err(|wrong| PortError::version(READ, &wrong))?;
    let wire: Wire = serde_json::from_slice(bytes).map_err(|e| bad(crate::error::located(&e)))?;
    let issue = |wire: WireIssue| {
        let code = Code::ALL.iter().find(|code| code.as_str() == wire.code).copied();
        Ok(Issue {
            code: code.ok_or_else(|| bad(format!("code {:?} is not known", wire.code)))?,
            place: Place { record: wire.record, line: wire.line },
            unique_id: wire.unique_id.and_then(|id| UniqueId::parse(&id).ok()),
            field: wire.field.as_deref().and_then(Field::by_name),
            column: wire.column,
            message: wire.message,
            original: wire.original,
        })
    };
    Ok(StoredIssues {
        error_rows: wire.error_rows,
        first_success: wire.first_success,
        replaces: wire.replaces,
        issues: wire.issues.into_iter().map(issue).collect::<Result<_, PortError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_issues_read_back_as_they_were() {
        let mut issue = Issue::at(Code::Invalid, Place { record: 3, line: 7 }, "is no phone number");
        issue.unique_id = UniqueId::parse("0042").ok();
        issue.field = Field::by_name("text_1");
        issue.column = Some("Mobile".into());
        issue.original = vec!["0042".into(), "12".into()];
        let stored = StoredIssues { error_rows: 1, first_success: true, replaces: None, issues: vec![issue] };
        assert_eq!(issues_from_json(&issues_to_json(&stored)).unwrap(), stored);
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let text = br#"{"version":9,"error_rows":0,"first_success":false,"issues":[]}"#;
        assert!(issues_from_json(text).unwrap_err().to_string().contains("version 9"));
    }
}
