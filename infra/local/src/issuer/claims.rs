//! What a token says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Whom tokens are for.
pub(crate) const AUDIENCE: &str = "muster";

/// What somebody may do, as a token says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Absent for an operator.
    pub(crate) account: Option<String>,
    pub(crate) role: String,
    pub(crate) user: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// How long a command's own tokens count; each request takes a fresh one.
pub(crate) const MOMENT: Duration = Duration::from_secs(300);
/// Who asks when a command does.
pub(crate) const USER: &str = "muster-local";

/// What a command asks with: as an admin of an account, or as the product team.
pub(crate) fn own_grant(account: Option<&str>) -> Grant {
    let role = if account.is_some() { "admin" } else { "operator" };
    let (account, role, user) = (account.map(str::to_owned), role.to_owned(), USER.to_owned());
    Grant { account, role, user, ..Grant::default() }
}

impl Grant {
    /// The claims of a token that begins to count now.
    pub(crate) fn claims(&self, issuer: &str, expires: Duration) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut claims = json!({
            "iss": issuer, "aud": AUDIENCE, "iat": now, "exp": now.saturating_add(expires.as_secs()),
            "sub": self.user, "role": self.role,
        });
        claims["account"] = self.account.as_ref().map_or(Value::Null, |account| json!(account));
        for (name, list) in [("permissions", &self.permissions), ("groups", &self.groups)] {
            claims[name] = json!(list);
        }
        if let Some(all) = claims.as_object_mut() {
            all.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        }
        claims
    }
}
