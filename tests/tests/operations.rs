//! Procedures of docs/operations.md, carried out on the stand-in.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Bytes;
use axum::http::Request;
use muster_local::Service;
use muster_sync::RunState;
use muster_tests::api::Api;
use muster_tests::hand::{self, dump};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, day};
use muster_tests::tricky::Tricky;
use serde_json::{Value, json};

const PEOPLE: &str = "/v1/connections/acme-payroll-nightly/people";

async fn database(rig: &Rig, operation: &str, body: Value) {
    let request = Request::post("/").header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let answer = rig.services.call(Service::DynamoDb, request).await.unwrap();
    assert!(answer.status().is_success(), "{operation}: {}", String::from_utf8_lossy(answer.body()));
}

/// The table as it was: what came since is gone, what was is there.
async fn restore(rig: &Rig, backup: &BTreeMap<String, Value>) {
    for item in dump(rig).await.values() {
        let key = json!({"pk": item["pk"], "sk": item["sk"]});
        database(rig, "DeleteItem", json!({"TableName": "muster", "Key": key})).await;
    }
    copy(rig, backup.values()).await;
}

async fn copy<'a>(rig: &Rig, items: impl Iterator<Item = &'a Value>) {
    for item in items {
        database(rig, "PutItem", json!({"TableName": "muster", "Item": item})).await;
    }
}

/// The message that the document has sent for a run.
fn replan(run: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let document = std::fs::read_to_string(place).unwrap();
    let message = document.split("--message-body '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    message.replace("RUN", run)
}

#[tokio::test]
async fn a_run_whose_messages_are_lost_goes_on_by_one_message() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &day(0)).await;
    assert_eq!(hand::step(&rig, "import", &Tricky::honest(&rig.services)).await, Some(0));
    for lost in hand::receive(&rig, "apply", 10) {
        rig.services.sqs.delete("apply", &lost.receipt).unwrap();
    }
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, rig.people().await.len()), (RunState::Applying, 0));
    rig.services.sqs.send("import", &replan(run.id.as_str()), serde_json::Map::new(), 0).unwrap();
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Applied, 40));
}

/// A backup brings the erased back and forgets opt-outs; what is copied from the old table and asked once more mends it,
/// and the newest file, copied onto itself, brings the day back.
#[tokio::test]
async fn a_restored_table_is_brought_up_to_date_as_the_document_says() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    let backup = dump(&rig).await;
    let api = Api::of(&rig);
    let opt_out = format!("{PEOPLE}/0002/opt-outs/email_1");
    api.as_admin("acme").put(&opt_out, json!({})).await.expect(200);
    let erasure = format!("{PEOPLE}/0007/erasure");
    let answer = api.as_admin("acme").post(&erasure, Value::Null).await.expect(200);
    assert_eq!(answer.json["complete"], true);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let (before, old) = (rig.people().await, dump(&rig).await);
    assert!(!before.contains_key("0007") && before.contains_key("0099"));

    restore(&rig, &backup).await;
    let api = Api::of(&rig);
    assert!(rig.people().await.contains_key("0007"), "a backup knows of no erasure");
    assert_eq!(api.as_admin("acme").get(&opt_out).await.expect(200).json["opted_out"], false);

    let kept = |key: &&String| key.contains("#CONSENTS#") || key.contains("#ERASED");
    copy(&rig, old.iter().filter(|(key, _)| kept(key)).map(|(_, item)| item)).await;
    let answer = api.as_admin("acme").post(&erasure, Value::Null).await.expect(200);
    assert_eq!(answer.json["complete"], true);
    assert!(!rig.people().await.contains_key("0007"));
    assert_eq!(api.as_admin("acme").get(&opt_out).await.expect(200).json["opted_out"], true);

    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let shown = |people: BTreeMap<_, muster_sync::Person>| {
        people
            .into_iter()
            .map(|(id, person)| (id, person.recipient.status, person.recipient.values))
            .collect::<Vec<_>>()
    };
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    assert_eq!(shown(rig.people().await), shown(before));
    let verified = api.as_admin("acme").get("/v1/audit/verification").await.expect(200);
    assert_eq!(verified.json["intact"], true, "{}", verified.text);
}
