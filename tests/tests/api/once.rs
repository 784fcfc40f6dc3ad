//! A write with an idempotency key is carried out once.

use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::rig::Rig;
use serde_json::json;

async fn put(api: &Api<NoWeb>, key: &str, name: &str) -> Answer {
    let session = api.as_operator().with("idempotency-key", key);
    session.put("/v1/operator/accounts/acme", json!({"name": name, "entitlements": []})).await
}

async fn entries(api: &Api<NoWeb>) -> usize {
    api.as_operator().get("/v1/operator/audit").await.expect(200).json["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_key_and_request_give_the_same_answer_and_one_deed() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let (first, again) = (put(&api, "k-1", "Acme").await.expect(200), put(&api, "k-1", "Acme").await.expect(200));
    assert_eq!((&first.json, first.headers.get("etag")), (&again.json, again.headers.get("etag")));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(entries(&api).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    put(&api, "k-1", "Acme").await.expect(200);
    assert_eq!(put(&api, "k-1", "Other").await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(entries(&api).await, 1);
}

#[tokio::test]
async fn a_request_that_was_refused_may_be_corrected_under_its_key() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let wrong = api.as_operator().with("idempotency-key", "k-1");
    wrong.put("/v1/operator/accounts/acme", json!({"entitlements": 1})).await.expect(422);
    put(&api, "k-1", "Acme").await.expect(200);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    put(&api, "k-1", "Acme").await.expect(200);
    rig.clock.advance(25 * 3_600_000);
    put(&api, "k-1", "Other").await.expect(200);
    assert_eq!(entries(&api).await, 2);
}

#[tokio::test]
async fn a_key_must_be_text_of_a_header() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    assert_eq!(put(&api, &"k".repeat(256), "Acme").await.expect(400).code(), "bad_request");
    assert_eq!(put(&api, "a b", "Acme").await.expect(400).code(), "bad_request");
}
