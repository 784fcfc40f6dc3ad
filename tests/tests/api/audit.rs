//! The chain of decisions and changes.

use muster_core::ids::AccountId;
use muster_sync::{Documents, Shelf};
use muster_tests::api::{Api, NoWeb};
use muster_tests::rig::Rig;
use serde_json::json;

async fn decide(api: &Api<NoWeb>, times: u32) {
    for time in 0..times {
        let wish = json!({"name": format!("Acme {time}"), "entitlements": []});
        api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    }
}

/// The operators' own chain, verified through an operator's list and the use case.
async fn verified(rig: &Rig) -> (bool, u64) {
    let found = muster_sync::verify_audit(&rig.ports().table, &operators(), Default::default(), 10).await.unwrap();
    assert!(found.complete);
    (found.broken.is_none(), found.head.number)
}

fn operators() -> AccountId {
    AccountId::parse("-").unwrap()
}

#[tokio::test]
async fn every_decision_is_told_with_who_when_before_and_after() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    decide(&api, 2).await;
    let list = api.as_operator().get("/v1/operator/audit?limit=1").await.expect(200);
    let entry = &list.json["items"][0];
    assert_eq!((&entry["number"], &entry["by"]), (&json!(2), &json!("operator:ana")));
    assert_eq!((&entry["before"]["name"], &entry["after"]["name"]), (&json!("Acme 0"), &json!("Acme 1")));
    let cursor = list.json["next"].as_str().unwrap();
    let older = api.as_operator().get(&format!("/v1/operator/audit?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!(older.json["items"][0]["number"], 1);
    assert_eq!(older.json["items"][0]["hash"], entry["previous"]);
}

#[tokio::test]
async fn a_decision_that_is_refused_leaves_no_entry() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    api.as_operator().put("/v1/operator/accounts/acme", json!({"entitlements": ["gold"]})).await.expect(422);
    assert_eq!(verified(&rig).await, (true, 0));
}

#[tokio::test]
async fn an_entry_that_was_changed_or_taken_out_breaks_the_chain() {
    let rig = Rig::default();
    decide(&Api::of(&rig), 4).await;
    assert_eq!(verified(&rig).await, (true, 4));
    let table = rig.ports().table;
    let third = table.document(&operators(), &Shelf::Audit, "000000000003").await.unwrap().unwrap();
    let forged = third.body.replace("Acme 2", "Acme 9");
    assert_ne!(forged, third.body);
    table.put_document(&operators(), &Shelf::Audit, &third.id, &forged, Some(1), None).await.unwrap();
    assert_eq!(verified(&rig).await, (false, 2));
    assert!(table.delete_document(&operators(), &Shelf::Audit, &third.id, 2).await.unwrap());
    assert_eq!(verified(&rig).await, (false, 2));
}

#[tokio::test]
async fn whoever_kept_a_head_sees_that_the_end_was_cut_off_and_written_anew() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    decide(&api, 3).await;
    let table = rig.ports().table;
    let kept = muster_sync::verify_audit(&table, &operators(), Default::default(), 10).await.unwrap().head;
    assert!(table.delete_document(&operators(), &Shelf::Audit, "000000000003", 1).await.unwrap());
    decide(&api, 2).await;
    assert_eq!(verified(&rig).await, (true, 4), "by itself the chain looks whole");
    let found = muster_sync::verify_audit(&table, &operators(), kept, 10).await.unwrap();
    assert_eq!(found.broken.map(|(number, _)| number), Some(4));
}

#[tokio::test]
async fn entries_that_are_written_at_once_stand_one_behind_the_other() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let wishes = (0..8).map(|number| {
        let session = api.as_operator();
        async move {
            let wish = json!({"name": "", "entitlements": []});
            session.put(&format!("/v1/operator/accounts/a{number}"), wish).await.expect(200);
        }
    });
    futures_util::future::join_all(wishes).await;
    assert_eq!(verified(&rig).await, (true, 8));
}
