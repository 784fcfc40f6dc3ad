//! Bodies that are odd, though whoever sends them has the secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use muster_tests::hook::{FINCH_SECRET, individual_updated, workos};
use muster_tests::house::file;

use crate::desk::{Desk, answer_of};

#[tokio::test]
async fn a_body_is_decoded_exactly_once_w25() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    let (headers, text) = (desk.signed(FINCH_SECRET, "e-1", &body), String::from_utf8(body.clone()).unwrap());
    let encoded = STANDARD.encode(&body);
    let check = async |body: String, is_base64: bool, expected: i64| {
        let answer = answer_of(&desk.give_as(&desk.ports, &path, &headers, body, is_base64).await);
        assert_eq!(answer.0, expected, "{answer:?}");
    };
    check(text.clone(), true, 400).await;
    check(encoded.clone(), false, 401).await;
    check(STANDARD.encode(&encoded), true, 401).await;
    assert_eq!(desk.queued().len(), 0);
    check(encoded, true, 200).await;
    check(text, false, 200).await;
}

#[tokio::test]
async fn a_compressed_body_is_not_taken_w25() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    let check = async |coding: &str, expected: i64| {
        let mut headers = desk.signed(FINCH_SECRET, "e-1", &body);
        headers.push(("content-encoding".to_owned(), coding.to_owned()));
        assert_eq!(desk.give(&path, &headers, &body).await.status_code, expected, "{coding}");
    };
    check("gzip", 400).await;
    check("br", 400).await;
    check("identity", 200).await;
}

#[tokio::test]
async fn hostile_json_is_answered_and_never_ends_the_function_w27() {
    let (desk, path) = Desk::open().await;
    let wrapped = |value: &str| {
        format!(r#"{{"event_type":"individual.updated","connection_id":"c-1","data":{{"individual_id":{value}}}}}"#)
    };
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let twice = r#"{"event_type":"individual.updated","event_type":"other.thing","connection_id":"c-1","data":{}}"#;
    let cases: [(&str, Vec<u8>, i64); 9] = [
        ("no UTF-8", vec![0xff, 0xfe, b'{', b'}'], 400),
        ("a NUL", b"{\"event_type\":\"\0\"}".to_vec(), 400),
        ("an escaped NUL", wrapped("\"a\\u0000b\"").into_bytes(), 200),
        ("depth 10,000", deep.clone().into_bytes(), 400),
        ("depth 10,000 inside", wrapped(&deep).into_bytes(), 400),
        ("1e999", wrapped("1e999").into_bytes(), 400),
        ("a key twice", twice.into(), 200),
        ("an array", b"[]".to_vec(), 400),
        ("a half surrogate", wrapped("\"\\ud800\"").into_bytes(), 400),
    ];
    for (what, body, expected) in cases {
        let answer = desk.finch(&path, FINCH_SECRET, &what.replace('.', ""), &body).await;
        assert_eq!(answer.0, expected, "{what}: {answer:?}");
    }
    assert_eq!(desk.finch(&path, FINCH_SECRET, "after", &individual_updated("c-1", "p-1")).await.0, 200);
}

/// A full person comes in, ids go on.
#[tokio::test]
async fn nothing_of_the_person_goes_into_the_queue() {
    const SECRET: &str = "whsec_workos-webhook-secret";
    let (desk, _) = Desk::open().await;
    let text = file("workos", "")
        .replace("\"People\"", "\"WorkOS people\"")
        .replace("[credentials]\n", &format!("[credentials]\nwebhook_secret = \"{SECRET}\"\n"));
    let path = desk.save(&text).await;
    let body = serde_json::json!({
        "id": "event_01", "event": "dsync.user.updated", "created_at": "2026-11-04T11:59:59.000Z",
        "data": {
            "object": "directory_user", "id": "directory_user_01", "directory_id": "directory_1",
            "organization_id": "org_1", "idp_id": "8931", "email": "canary@example.com", "first_name": "Canary",
            "last_name": "Canary", "username": "canary", "state": "active", "job_title": "Canary",
            "emails": [{"primary": true, "type": "work", "value": "canary@example.com"}],
            "raw_attributes": {"nickName": "Canary"}, "custom_attributes": {"department_name": "Canary"},
            "created_at": "2026-01-15T12:00:00.000Z", "updated_at": "2026-11-04T11:59:58.000Z",
            "previous_attributes": {"first_name": "Canary"}
        }
    });
    let body = body.to_string().into_bytes();
    let answer = answer_of(&desk.give(&path, &workos(SECRET, desk.now_ms(), &body), &body).await);
    assert_eq!(answer.0, 200, "{answer:?}");
    let queued = desk.queued();
    assert_eq!(queued.len(), 1);
    let whole = serde_json::to_string(&queued).unwrap().to_lowercase();
    assert!(whole.contains("directory_user_01"), "{whole}");
    for personal in ["canary", "example.com", "8931"] {
        assert!(!whole.contains(personal), "{personal}: {whole}");
    }
}
