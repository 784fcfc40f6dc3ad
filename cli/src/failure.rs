//! Why a command could not do its work.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use muster_core::issue::{Issue, Reach};
use muster_core::settings::{Problem, SettingsError};
use serde_json::{Value, json};

use crate::json::issue_to_json;
use crate::show::{issue_line, plain};

/// Why a command could not do its work; exit code 1.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A connection file is wrong.
    Settings { path: PathBuf, error: SettingsError },
    /// A people file cannot be read at all.
    Unreadable { path: PathBuf, issues: Vec<Issue> },
    /// Anything else: a missing file, a full disk, a wrong key.
    Other(anyhow::Error),
}

impl Failure {
    /// Whether it only tells that nobody reads the output any more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let Self::Other(error) = self else { return false };
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// `{"error":…,"issues":[…]}`
    pub(crate) fn to_json(&self) -> Value {
        let issues: Vec<Value> = match self {
            Self::Settings { error, .. } => error.problems.iter().map(problem_to_json).collect(),
            Self::Unreadable { issues, .. } => issues.iter().map(issue_to_json).collect(),
            Self::Other(_) => Vec::new(),
        };
        json!({ "error": self.to_string(), "issues": issues })
    }
}

/// `{"line":…,"path":…,"message":…}`
fn problem_to_json(problem: &Problem) -> Value {
    json!({ "line": problem.line, "path": problem.path, "message": problem.message })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings { path, error } => {
                write!(f, "the connection file {} cannot be used", shown(path))?;
                for problem in &error.problems {
                    write!(f, "\n  {}", plain(&problem.to_string()))?;
                }
                Ok(())
            }
            Self::Unreadable { path, issues } => {
                write!(f, "the file {} cannot be read", shown(path))?;
                let damage = issues.iter().filter(|issue| issue.code.reach() == Reach::Damage);
                for issue in damage {
                    write!(f, "\n  {}", issue_line(path, issue))?;
                }
                Ok(())
            }
            Self::Other(error) => f.write_str(&plain(&format!("{error:#}"))),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}
