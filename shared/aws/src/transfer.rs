//! What AWS Transfer is told of an SFTP login: whose rights it has, and which folders of the bucket are its home.

use serde_json::{Value, json};

use crate::ConfigError;
use crate::config::told_env;

/// The folders of a home: uploads, and what became of them.
pub const HOME_FOLDERS: [&str; 2] = ["inbound", "errors"];

/// What the homes of all logins have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomesConfig {
    /// `MUSTER_BUCKET`: the bucket that the homes are in.
    pub bucket: String,
    /// `MUSTER_SFTP_ROLE_ARN`: the role that every session takes, cut down to one home by its policy.
    pub role_arn: String,
    /// `MUSTER_BUCKET_KEY_ARN`: the KMS key that objects of the bucket are encrypted under.
    pub key_arn: String,
}

impl HomesConfig {
    /// From variables of the function's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names a missing variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        let needed = |name: &'static str| told_env(name).ok_or(ConfigError(name));
        Ok(Self {
            bucket: needed("MUSTER_BUCKET")?,
            role_arn: needed("MUSTER_SFTP_ROLE_ARN")?,
            key_arn: needed("MUSTER_BUCKET_KEY_ARN")?,
        })
    }

    /// What Transfer is answered for `user`, a login's name: JSON with two members that are JSON as text, as Transfer
    /// wants it. `keys` are the public keys of which the client must prove one; `None` where it is let in.
    pub fn answer(&self, user: &str, keys: Option<&[String]>) -> Value {
        let mut answer = json!({
            "Role": self.role_arn,
            "Policy": self.policy(user).to_string(),
            "HomeDirectoryType": "LOGICAL",
            "HomeDirectoryDetails": self.mappings(user).to_string(),
        });
        if let Some(keys) = keys {
            answer["PublicKeys"] = json!(keys);
        }
        answer
    }

    /// The folders that a client sees and where they lie. Nothing else is there, and nothing can be made beside them.
    pub fn mappings(&self, user: &str) -> Value {
        let bucket = &self.bucket;
        let mapping =
            |folder| json!({"Entry": format!("/{folder}"), "Target": format!("/{bucket}/sftp/{user}/{folder}")});
        HOME_FOLDERS.map(mapping).into_iter().collect()
    }

    /// The session's policy: of what the role may do, only what is in this home. Transfer takes at most 2,048 characters.
    pub fn policy(&self, user: &str) -> Value {
        // `aws` but in China and GovCloud.
        let partition = self.role_arn.split(':').nth(1).unwrap_or("aws");
        let bucket = format!("arn:{partition}:s3:::{}", self.bucket);
        let [inbound, errors] = HOME_FOLDERS.map(|folder| format!("sftp/{user}/{folder}"));
        json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "ListOwnFolders",
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": bucket,
                    "Condition": {
                        "StringLike": {
                            "s3:prefix": [inbound, format!("{inbound}/*"), errors, format!("{errors}/*")],
                        },
                    },
                },
                {
                    "Sid": "ReadAndDelete",
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:DeleteObject"],
                    "Resource": [format!("{bucket}/{inbound}/*"), format!("{bucket}/{errors}/*")],
                },
                {
                    // Of errors/ only the mark that makes it a folder.
                    "Sid": "Upload",
                    "Effect": "Allow",
                    "Action": "s3:PutObject",
                    "Resource": [format!("{bucket}/{inbound}/*"), format!("{bucket}/{errors}/")],
                },
                {
                    "Sid": "UseTheKey",
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                    "Resource": self.key_arn,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes(bucket: &str) -> HomesConfig {
        HomesConfig {
            bucket: bucket.to_owned(),
            role_arn: "arn:aws-cn:iam::123456789012:role/sftp-users".to_owned(),
            key_arn: format!("arn:aws-cn:kms:cn-northwest-1:123456789012:key/{}", "k".repeat(36)),
        }
    }

    #[test]
    fn a_home_is_two_folders_of_one_login() {
        let answer = homes("people").answer("acme-hr", None);
        assert_eq!(answer["HomeDirectoryType"], "LOGICAL");
        let mappings: Value = serde_json::from_str(answer["HomeDirectoryDetails"].as_str().unwrap()).unwrap();
        assert_eq!(
            mappings,
            json!([
                {"Entry": "/inbound", "Target": "/people/sftp/acme-hr/inbound"},
                {"Entry": "/errors", "Target": "/people/sftp/acme-hr/errors"},
            ])
        );
    }

    #[test]
    fn a_session_may_nothing_outside_of_its_home() {
        let answer = homes("people").answer("acme-hr", None);
        let policy: Value = serde_json::from_str(answer["Policy"].as_str().unwrap()).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            let places = match &statement["Resource"] {
                Value::Array(places) => places.clone(),
                place => vec![place.clone()],
            };
            for place in places.iter().map(|place| place.as_str().unwrap()) {
                let home = place.starts_with("arn:aws-cn:s3:::people/sftp/acme-hr/");
                let listed = place == "arn:aws-cn:s3:::people" && statement["Action"] == "s3:ListBucket";
                assert!(home || listed || place == homes("").key_arn, "{place}");
            }
            assert_eq!(statement["Effect"], "Allow");
            assert!(!statement["Action"].to_string().contains('*'), "{}", statement["Action"]);
        }
        let listed = &policy["Statement"][0]["Condition"]["StringLike"]["s3:prefix"];
        assert!(listed.as_array().unwrap().iter().all(|prefix| prefix.as_str().unwrap().starts_with("sftp/acme-hr/")));
    }

    #[test]
    fn the_longest_policy_is_not_longer_than_transfer_takes() {
        let policy = homes(&"b".repeat(63)).policy(&"u".repeat(64)).to_string();
        assert!(policy.len() <= 2_048, "{}", policy.len());
    }

    #[test]
    fn keys_are_named_only_where_one_of_them_must_be_proved() {
        assert_eq!(homes("b").answer("u", None).get("PublicKeys"), None);
        let keys = ["ssh-ed25519 AAAA hr".to_owned()];
        assert_eq!(homes("b").answer("u", Some(&keys))["PublicKeys"], json!(keys));
    }
}
