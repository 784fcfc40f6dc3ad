//! Who may log in: the function `sftp-identity` is asked, as AWS Transfer asks it, and taken at its word no more than
//! Transfer does.

use std::{net::IpAddr, sync::Arc};

use axum::body::Bytes;
use russh::keys::PublicKey;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{home::Home, policy::Policy};
use crate::lambda::Lambda;

const FUNCTION: &str = "sftp-identity";
/// Instances of the function at once; further attempts wait.
const AT_ONCE: usize = 4;
/// Transfer takes no longer session policies.
const LONGEST_POLICY: usize = 2_048;

/// Asks the function.
#[derive(Clone)]
pub(super) struct Identity {
    lambda: Lambda,
    bucket: String,
    slots: Arc<Semaphore>,
}

/// A login that opens: at once, or to whoever proves one of the keys.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) home: Home,
    keys: Option<Vec<PublicKey>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAnswer {
    role: Option<String>,
    policy: Option<String>,
    home_directory_type: Option<String>,
    home_directory_details: Option<String>,
    public_keys: Option<Vec<String>>,
}

impl Identity {
    pub(super) fn new(lambda: Lambda, bucket: &str) -> Self {
        Self { lambda, bucket: bucket.to_owned(), slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What the function says of an attempt; no password where the client offers a key. `None`: refused.
    pub(super) async fn ask(&self, user: &str, password: Option<&str>, from: Option<IpAddr>) -> Option<Grant> {
        let event = json!({
            "username": user,
            "password": password.unwrap_or_default(),
            "protocol": "SFTP",
            "serverId": "s-00000000000000000",
            "sourceIp": from.map(|address| address.to_canonical().to_string()),
        });
        let _slot = self.slots.acquire().await.ok()?;
        let answer = match self.lambda.invoke(FUNCTION, Bytes::from(event.to_string())).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!("{FUNCTION}: {error}");
                return None;
            }
        };
        let granted = read(&answer, user, &self.bucket);
        if let Err(wrong) = &granted {
            tracing::error!("{FUNCTION} gave an answer that AWS Transfer would not take: {wrong}");
        }
        granted.ok().flatten()
    }
}

/// `Ok(None)` for the answer of a refusal, which has no role.
fn read(answer: &[u8], user: &str, bucket: &str) -> Result<Option<Grant>, String> {
    let answer: WireAnswer = serde_json::from_slice(answer).map_err(|e| e.to_string())?;
    if answer.role.is_none() {
        return Ok(None);
    }
    if answer.home_directory_type.as_deref() != Some("LOGICAL") {
        return Err("its HomeDirectoryType is not LOGICAL".to_owned());
    }
    let policy = answer.policy.filter(|policy| policy.len() <= LONGEST_POLICY).ok_or("it has no Policy that fits")?;
    let policy = Policy::read(&policy).map_err(|e| format!("its Policy: {e}"))?;
    let details = answer.home_directory_details.ok_or("it has no HomeDirectoryDetails")?;
    let home = Home::read(&details, user, bucket, policy).map_err(|e| format!("its HomeDirectoryDetails: {e}"))?;
    let known = |line: &String| PublicKey::from_openssh(line.trim()).ok();
    let keys = answer.public_keys.map(|lines| lines.iter().filter_map(known).collect());
    Ok(Some(Grant { home, keys }))
}

impl Grant {
    /// Whether the password was right: where keys are named, one of them is to be proved.
    pub(super) fn is_open(&self) -> bool {
        self.keys.is_none()
    }

    pub(super) fn takes(&self, key: &PublicKey) -> bool {
        self.keys.iter().flatten().any(|known| known.key_data() == key.key_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_aws::HomesConfig;
    use serde_json::Value;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKAXoqFOPkNUgvaYXz9TZJhQEnNSBKGZ0gJkTdMFvR hr@acme";

    fn answer(keys: Option<&[String]>) -> Value {
        let named = |name: &str| format!("arn:aws:{name}");
        HomesConfig { bucket: "b".into(), role_arn: named("role"), key_arn: named("key") }.answer("acme-hr", keys)
    }

    fn grant(answer: &Value) -> Result<Option<Grant>, String> {
        read(answer.to_string().as_bytes(), "acme-hr", "b")
    }

    #[test]
    fn an_answer_without_a_role_lets_nobody_in() {
        assert!(grant(&json!({})).unwrap().is_none());
        let mut without = answer(None);
        without.as_object_mut().unwrap().remove("Role");
        assert!(grant(&without).unwrap().is_none());
    }

    #[test]
    fn where_keys_are_named_only_they_open() {
        assert!(grant(&answer(None)).unwrap().unwrap().is_open());
        let by_key = grant(&answer(Some(&[KEY.to_owned()]))).unwrap().unwrap();
        let key = PublicKey::from_openssh(KEY).unwrap();
        assert!(!by_key.is_open() && by_key.takes(&key));
        let by_none = grant(&answer(Some(&[]))).unwrap().unwrap();
        assert!(!by_none.is_open() && !by_none.takes(&key));
    }

    #[test]
    fn what_transfer_would_not_take_is_no_answer() {
        for (member, value) in [
            ("HomeDirectoryType", json!("PATH")),
            ("HomeDirectoryDetails", json!([{"Entry": "/", "Target": "/b"}])),
            ("HomeDirectoryDetails", json!("[]")),
            ("HomeDirectoryDetails", json!(r#"[{"Entry": "/inbound", "Target": "/other/sftp/acme-hr/inbound"}]"#)),
            ("Policy", json!("x")),
            ("Policy", json!({"Statement": []})),
            ("Policy", json!(format!(r#"{{"Statement": []{}}}"#, " ".repeat(LONGEST_POLICY)))),
            ("Policy", Value::Null),
        ] {
            let mut wrong = answer(None);
            wrong[member] = value;
            assert!(grant(&wrong).is_err(), "{wrong}");
        }
    }
}
