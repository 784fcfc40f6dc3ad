//! Secrets: their length, their change.

use muster_sync::NotSaved;
use muster_tests::hook::{FINCH_SECRET, individual_updated};

use crate::desk::{Desk, OTHER_SECRET, connection};

const DAY_MS: u64 = 86_400_000;

#[tokio::test]
async fn a_short_secret_is_refused_when_configuring_w14() {
    let (desk, _) = Desk::open().await;
    let check = async |secret: &str| {
        let error = desk.try_save(&connection("Other", "c-2", secret)).await.unwrap_err();
        assert!(matches!(error, NotSaved::Settings(_)), "{secret:?}: {error}");
        let said = error.to_string();
        assert!(said.contains("credentials.webhook_secret"), "{said}");
        assert!(secret.is_empty() || !said.contains(secret), "{said}");
    };
    check("").await;
    check("c2hvcnQ=").await;
    let shared = muster_sync::put_connector_secret(&desk.ports.secrets, "finch", "short", desk.now_ms()).await;
    assert!(matches!(shared, Err(NotSaved::Settings(_))));
}

#[tokio::test]
async fn a_replaced_secret_holds_for_a_day_w15_w16() {
    let (desk, path) = Desk::open().await;
    desk.save(&connection("People", "c-1", OTHER_SECRET)).await;
    let body = individual_updated("c-1", "p-1");
    let check = async |event: &str, secret: &str, expected: i64| {
        let (status, said) = desk.finch(&path, secret, event, &body).await;
        assert_eq!(status, expected, "{event}: {said}");
    };
    check("old at once", FINCH_SECRET, 200).await;
    check("new at once", OTHER_SECRET, 200).await;
    desk.rig.clock.advance(DAY_MS);
    check("old after a day", FINCH_SECRET, 200).await;
    desk.rig.clock.advance(1);
    check("old later", FINCH_SECRET, 401).await;
    check("new later", OTHER_SECRET, 200).await;
    assert_eq!(desk.queued().len(), 4);
}
