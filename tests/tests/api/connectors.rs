//! What all connections of a connector share.

use muster_sync::{SecretPlace, Secrets};
use muster_tests::api::Api;
use muster_tests::rig::Rig;
use serde_json::json;

const PATH: &str = "/v1/operator/connectors/finch/webhook-secret";

#[tokio::test]
async fn the_secret_of_a_connectors_webhooks_is_kept_and_told_to_nobody() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let secret = "c2VjcmV0LW9mLWZpbmNo";
    let answer = api.as_operator().put(PATH, json!({"secret": secret})).await.expect(204);
    assert_eq!(answer.text, "");
    let place = SecretPlace::Connector("finch".to_owned());
    let kept = rig.ports().secrets.secrets(&place, true).await.unwrap().unwrap();
    assert_eq!(kept.current["webhook_secret"].reveal(), secret);
    let audit = api.as_operator().get("/v1/operator/audit").await.expect(200);
    assert_eq!(audit.json["items"][0]["action"], "connector.webhook_secret_set");
    assert!(!audit.text.contains(secret));
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_and_a_connector_that_is_not_there_are_refused() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    for secret in ["", "short", "a secret with spaces in it", "ü".repeat(20).as_str(), "x".repeat(513).as_str()] {
        let refused = api.as_operator().put(PATH, json!({"secret": secret})).await.expect(422);
        assert_eq!(refused.json["field"], "secret", "{secret}");
    }
    let unknown = PATH.replace("finch", "finhc");
    api.as_operator().put(&unknown, json!({"secret": "x".repeat(20)})).await.expect(404);
}
