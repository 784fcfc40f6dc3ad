//! A session's policy: what of the bucket it may touch.

use serde::Deserialize;
use serde_json::Value;

/// What a session does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Get,
    Put,
    Delete,
}

/// What is allowed; nothing else is.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
struct Statement {
    actions: Vec<String>,
    places: Vec<String>,
    /// What `s3:prefix` of a listing must be like; `None` without a condition.
    prefixes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WirePolicy {
    statement: Vec<WireStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireStatement {
    effect: String,
    action: Value,
    resource: Value,
    condition: Option<Value>,
}

impl Policy {
    /// Reads JSON. What this evaluation does not know is refused, not ignored: another effect than Allow, another
    /// condition than one on `s3:prefix`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let policy: WirePolicy = serde_json::from_str(text).map_err(|e| e.to_string())?;
        Ok(Self { statements: policy.statement.into_iter().map(statement).collect::<Result<_, _>>()? })
    }

    /// Whether an object may be read, written or deleted.
    pub(super) fn allows(&self, act: Act, bucket: &str, key: &str) -> bool {
        let action = match act {
            Act::Get => "s3:GetObject",
            Act::Put => "s3:PutObject",
            Act::Delete => "s3:DeleteObject",
        };
        let place = format!("{bucket}/{key}");
        self.statements.iter().any(|statement| statement.prefixes.is_none() && statement.covers(action, &place))
    }

    /// Whether the keys that begin with `prefix` may be listed.
    pub(super) fn lists(&self, bucket: &str, prefix: &str) -> bool {
        self.statements.iter().any(|statement| {
            let listed = |prefixes: &Vec<String>| prefixes.iter().any(|pattern| like(pattern, prefix));
            statement.covers("s3:ListBucket", bucket) && statement.prefixes.as_ref().is_none_or(listed)
        })
    }
}

impl Statement {
    fn covers(&self, action: &str, place: &str) -> bool {
        self.actions.iter().any(|one| one == action) && self.places.iter().any(|pattern| like(pattern, place))
    }
}

fn statement(wire: WireStatement) -> Result<Statement, String> {
    if wire.effect != "Allow" {
        return Err(format!("the effect {} is not known here", wire.effect));
    }
    let prefixes = match wire.condition {
        None => None,
        Some(condition) => {
            let prefixes = condition["StringLike"]["s3:prefix"].clone();
            if condition != serde_json::json!({"StringLike": {"s3:prefix": prefixes}}) {
                return Err("a condition that is not known here".to_owned());
            }
            Some(texts(&prefixes))
        }
    };
    // `arn:aws:s3:::bucket/key`: what stands behind the last three colons.
    let place = |arn: String| arn.splitn(6, ':').nth(5).unwrap_or_default().to_owned();
    let places = texts(&wire.resource).into_iter().filter(|arn| arn.contains(":s3:")).map(place).collect();
    Ok(Statement { actions: texts(&wire.action), places, prefixes })
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// Whether a text is like a pattern, whose `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text
            .strip_prefix(before)
            .is_some_and(|text| (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| like(rest, text)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let homes = muster_aws::HomesConfig {
            bucket: "b".into(),
            role_arn: "arn:aws:iam::1:role/r".into(),
            key_arn: "arn:aws:kms:r:1:key/k".into(),
        };
        Policy::read(&homes.policy("acme").to_string()).unwrap()
    }

    #[test]
    fn a_session_reads_and_deletes_in_its_folders_and_uploads_into_one() {
        let allowed = |act| {
            ["sftp/acme/inbound/x", "sftp/acme/errors/x", "sftp/acme/errors/", "sftp/acme/x", "sftp/acme2/inbound/x"]
                .map(|key| policy().allows(act, "b", key))
        };
        assert_eq!(allowed(Act::Get), [true, true, true, false, false]);
        assert_eq!(allowed(Act::Delete), [true, true, true, false, false]);
        assert_eq!(allowed(Act::Put), [true, false, true, false, false]);
        assert!(!policy().allows(Act::Get, "other", "sftp/acme/inbound/x"));
    }

    #[test]
    fn a_session_lists_its_folders_only() {
        for (prefix, listed) in [
            ("sftp/acme/inbound/", true),
            ("sftp/acme/errors/a/", true),
            ("sftp/", false),
            ("sftp/acme2/inbound/", false),
            ("", false),
        ] {
            assert_eq!(policy().lists("b", prefix), listed, "{prefix}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let with = |member: &str| format!(r#"{{"Statement": [{{"Action": "a", "Resource": "r", {member}}}]}}"#);
        assert!(Policy::read(&with(r#""Effect": "Allow""#)).is_ok());
        for unknown in [r#""Effect": "Deny""#, r#""Effect": "Allow", "Condition": {"Bool": {"a": "b"}}"#] {
            assert!(Policy::read(&with(unknown)).is_err(), "{unknown}");
        }
    }
}
