//! Services that fail while a webhook comes in: it must come again, and must not be taken for a forged one.

use muster_local::{Fault, FaultKind, Service};
use muster_tests::hook::{FINCH_SECRET, individual_updated};

use crate::desk::{Desk, OTHER_SECRET};

fn down(desk: &Desk, service: Service, operation: &str, times: u32) {
    let kind = FaultKind::Refuse { status: 503, code: "ServiceUnavailable".into() };
    desk.rig.services.faults.add(Fault { service, operation: Some(operation.into()), kind, skip: 0, times });
}

#[tokio::test]
async fn what_could_not_be_enqueued_is_asked_for_again_and_then_taken_w34_f41() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    let headers = desk.signed(FINCH_SECRET, "e-1", &body);
    for operation in ["SendMessage", "SendMessageBatch"] {
        down(&desk, Service::Sqs, operation, 1_000);
    }
    let answer = desk.give(&path, &headers, &body).await;
    assert_eq!(answer.status_code, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(desk.queued().len(), 0);
    desk.rig.services.faults.clear();
    assert_eq!(desk.give(&path, &headers, &body).await.status_code, 200);
    assert_eq!(desk.queued().len(), 1);
}

#[tokio::test]
async fn a_store_of_secrets_that_is_down_never_looks_like_a_bad_signature_f40() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    let cold = desk.rig.ports();
    let text = String::from_utf8(body.clone()).unwrap();
    let headers = desk.signed(FINCH_SECRET, "e-1", &body);
    let forged = desk.signed(OTHER_SECRET, "e-2", &body);
    for operation in ["GetParameter", "GetParameters"] {
        down(&desk, Service::Ssm, operation, 1_000);
    }
    // A cold start knows nothing: neither of them can be judged.
    for headers in [&headers, &forged] {
        let answer = desk.give_as(&cold, &path, headers, text.clone(), false).await;
        assert_eq!(answer.status_code, 503);
        assert!(answer.headers.contains_key("retry-after"));
    }
    // A warm one judges by what it knows, past the time that it keeps things for.
    desk.rig.clock.advance(20 * 60_000);
    let (status, said) = desk.finch(&path, FINCH_SECRET, "e-3", &body).await;
    assert_eq!(status, 200, "{said}");
    // One that does not fit may be signed with a secret that was stored since: nobody can tell now.
    assert_eq!(desk.finch(&path, OTHER_SECRET, "e-4", &body).await.0, 503);
    desk.rig.services.faults.clear();
    let later = desk.signed(FINCH_SECRET, "e-1", &body);
    assert_eq!(desk.give_as(&cold, &path, &later, text, false).await.status_code, 200);
}

#[tokio::test]
async fn a_table_that_is_down_is_no_bad_signature_either() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    down(&desk, Service::DynamoDb, "GetItem", 1_000);
    assert_eq!(desk.finch(&path, FINCH_SECRET, "e-1", &body).await.0, 503);
    desk.rig.services.faults.clear();
    assert_eq!(desk.finch(&path, FINCH_SECRET, "e-1", &body).await.0, 200);
}

/// What one webhook costs on AWS.
#[tokio::test]
async fn a_warm_function_reads_two_items_and_sends_one_message() {
    let (desk, path) = Desk::open().await;
    let body = individual_updated("c-1", "p-1");
    desk.finch(&path, FINCH_SECRET, "e-1", &body).await;
    let before = desk.rig.services.faults.counts();
    assert_eq!(desk.finch(&path, FINCH_SECRET, "e-2", &body).await.0, 200);
    let mut made: Vec<String> = Vec::new();
    for ((service, operation), count) in desk.rig.services.faults.counts() {
        let earlier = before.get(&(service, operation.clone())).copied().unwrap_or_default();
        if count > earlier {
            made.push(format!("{service:?} {operation} {}", count - earlier));
        }
    }
    assert_eq!(made, ["DynamoDb GetItem 2", "Sqs SendMessageBatch 1"]);
}
