//! The notification that S3 sends when an object was made.

use serde_json::{Value, json};

use super::index::ObjectVersion;
use crate::clock::iso8601;

/// Everything made under these prefixes is told of. Of `sftp/`, where uploads land, only copies are: Transfer renames by
/// copying, and runs no workflow on that.
const WATCHED: [&str; 2] = ["inbox/", "partial/"];

pub(super) fn wants_event(key: &str, event: &str) -> bool {
    let renamed = event == "ObjectCreated:Copy" && key.starts_with("sftp/");
    renamed || WATCHED.iter().any(|prefix| key.starts_with(prefix))
}

/// The body of the notification; `event` is for example `ObjectCreated:Put`.
#[must_use]
pub fn event_json(version: &ObjectVersion, event: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": iso8601(version.at_ms),
        "eventName": event,
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": version.version_id, "x-amz-id-2": version.version_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "import",
            "bucket": {
                "name": version.bucket,
                "ownerIdentity": {"principalId": "LOCAL"},
                "arn": format!("arn:aws:s3:::{}", version.bucket),
            },
            "object": {
                "key": encode_key(&version.key),
                "size": version.size,
                "eTag": version.etag,
                "versionId": version.version_id,
                "sequencer": version.sequencer_text(),
            },
        },
    }]})
}

/// A key as S3 writes it in notifications: a space is `+`, `/` and the unreserved characters stay.
fn encode_key(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => text.push(char::from(byte)),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_encoded_as_s3_does_it() {
        assert_eq!(super::encode_key("inbox/a b+c%é.csv"), "inbox/a+b%2Bc%25%C3%A9.csv");
    }

    #[test]
    fn of_the_landing_prefix_only_copies_are_told() {
        let (put, copy) = ("ObjectCreated:Put", "ObjectCreated:Copy");
        assert!(super::wants_event("inbox/u/a.csv", put) && super::wants_event("partial/u/a.csv", copy));
        assert!(!super::wants_event("sftp/u/inbound/a.csv", put) && !super::wants_event("inboxes", copy));
        assert!(super::wants_event("sftp/u/inbound/a.csv", copy));
    }
}
