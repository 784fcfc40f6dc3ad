//! Whose a webhook is.

use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{Admin, ConnectionStatus, Ledger};
use muster_tests::hook::{FINCH_SECRET, individual_updated};

use crate::desk::{Desk, OTHER_SECRET, connection};

const BODY: &[u8] = br#"{"event_type":"other.thing","connection_id":"c-1"}"#;

#[tokio::test]
async fn an_unknown_connection_is_answered_exactly_as_a_bad_signature_w28() {
    let (desk, path) = Desk::open().await;
    let headers = desk.signed(OTHER_SECRET, "e-1", BODY);
    let bad = desk.give(&path, &headers, BODY).await;
    assert_eq!(bad.status_code, 401);
    for elsewhere in ["/webhooks/finch/nobody-at-all", "/webhooks/workos/nobody", "/webhooks/nothing/nobody"] {
        let answer = desk.give(elsewhere, &headers, BODY).await;
        assert_eq!((answer.status_code, &answer.body, &answer.headers), (401, &bad.body, &bad.headers), "{elsewhere}");
    }
    // A connection of another connector is unknown too.
    let other = desk.give(&path.replace("finch", "workos"), &headers, BODY).await;
    assert_eq!((other.status_code, &other.body), (401, &bad.body));
}

#[tokio::test]
async fn an_unknown_event_and_a_disabled_connection_are_ignored_w28() {
    let (desk, path) = Desk::open().await;
    let (status, said) = desk.finch(&path, FINCH_SECRET, "e-1", BODY).await;
    assert!(status == 200 && said.contains("ignored"), "{status} {said}");
    let id = ConnectionId::parse(path.rsplit('/').next().unwrap()).unwrap();
    let table = &desk.ports.table;
    let mut stored = table.connection(&AccountId::parse("acme").unwrap(), &id).await.unwrap().unwrap();
    let body = individual_updated("c-1", "p-1");
    stored.settings_version += 1;
    let version = stored.settings_version - 1;
    stored.status = ConnectionStatus::Disabled;
    assert!(table.save_connection(&stored, Some(version)).await.unwrap());
    let found = table.connection(&AccountId::parse("acme").unwrap(), &id).await.unwrap().unwrap();
    assert_eq!(found.status, ConnectionStatus::Disabled);
    let (status, said) = desk.finch(&path, FINCH_SECRET, "e-2", &body).await;
    assert!(status == 200 && said.contains("ignored"), "{status} {said}");
    assert_eq!(desk.queued().len(), 0);
}

/// T3 and W11.
#[tokio::test]
async fn a_webhook_of_one_connection_is_not_one_of_another_t3_w11() {
    let (desk, a) = Desk::open().await;
    let b = desk.save(&connection("Other", "c-2", OTHER_SECRET)).await;
    let same_secret = desk.save(&connection("Third", "c-3", FINCH_SECRET)).await;
    let body = individual_updated("c-1", "p-1");
    assert_eq!(desk.finch(&b, FINCH_SECRET, "e-1", &body).await.0, 401, "another secret");
    assert_eq!(desk.finch(&same_secret, FINCH_SECRET, "e-2", &body).await.0, 401, "another connection's ids");
    assert_eq!(desk.queued().len(), 0);
    assert_eq!(desk.finch(&a, FINCH_SECRET, "e-3", &body).await.0, 200);
    assert_eq!(desk.queued().len(), 1);
}

#[tokio::test]
async fn by_the_shared_path_the_payload_says_whose_it_is() {
    let (desk, _) = Desk::open().await;
    let b = desk.save(&connection("Other", "c-2", OTHER_SECRET)).await;
    let path = "/webhooks/finch";
    let shared = "c2hhcmVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVzISE=";
    let body = individual_updated("c-2", "p-1");
    assert_eq!(desk.finch(path, shared, "e-0", &body).await.0, 401, "none is configured");
    muster_sync::put_connector_secret(&desk.ports.secrets, "finch", shared, desk.now_ms()).await.unwrap();
    assert_eq!(desk.finch(path, OTHER_SECRET, "e-1", &body).await.0, 401, "a connection's secret");
    assert_eq!(desk.finch(path, shared, "e-2", &body).await.0, 200);
    let queued = desk.queued();
    assert_eq!(queued.len(), 1);
    assert!(queued[0].body.contains(b.rsplit('/').next().unwrap()), "{}", queued[0].body);
    let (status, said) = desk.finch(path, shared, "e-3", &individual_updated("c-9", "p-1")).await;
    assert!(status == 200 && said.contains("ignored"), "{status} {said}");
    assert_eq!(desk.queued().len(), 1);
}
