//! Webhooks: what is sent, how it is signed, when it is tried again, in what order it can be delivered.

use muster_fakes::sign;
use serde_json::{Value, json};

use crate::support::{ALL, Bench, Received, Receiver};

async fn aimed(provider: &'static str, receiver: &Receiver, hold: bool) -> Bench {
    let bench = Bench::new(provider).await;
    bench.control("POST", "webhook_url", &json!({"url": receiver.url, "hold": hold})).await;
    bench
}

/// The signature that the default secret of a provider gives, and the one that came.
fn signatures(provider: &str, hook: &Received) -> (String, String) {
    let header = |name: &str| hook.headers[name].clone();
    let body = &hook.body;
    match provider {
        "apideck" => (sign::apideck("apideck-key", body).unwrap(), header("x-apideck-signature")),
        "merge" => (sign::merge("merge-webhook-secret", body), header("x-merge-webhook-signature")),
        "finch" => {
            let secret = "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=";
            let seconds = header("finch-timestamp").parse().unwrap();
            (sign::finch(secret, &header("finch-event-id"), seconds, body).unwrap(), header("finch-signature"))
        }
        "workos" => {
            let came = header("workos-signature");
            let time = came[2..].split(',').next().unwrap().parse().unwrap();
            (sign::workos("whsec_workos-webhook-secret", time, body), came)
        }
        _ => {
            let time = header("x-bamboohr-timestamp");
            (sign::bamboohr("bamboo-webhook-secret", &time, body), header("x-bamboohr-signature"))
        }
    }
}

/// The type of a webhook.
fn kind(provider: &str, body: &Value) -> String {
    let found = match provider {
        "apideck" => &body["payload"]["event_type"],
        "merge" => &body["hook"]["event"],
        "finch" => &body["event_type"],
        "workos" => &body["event"],
        _ if body["type"].is_string() => &body["type"],
        _ => &body["employees"][0]["action"],
    };
    found.as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

async fn check_kinds(provider: &'static str, format: Option<&str>, expected: &[&str]) {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed(provider, &receiver, false).await;
    bench.control("POST", "webhook_url", &json!({"format": format})).await;
    let id = bench.control("POST", "people", &json!({})).await["id"].as_str().unwrap().to_owned();
    bench.control("PATCH", &format!("people/{id}"), &json!({"title": "Chief"})).await;
    bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
    let hooks = receiver.wait_for(expected.len()).await;
    assert_eq!(hooks.iter().map(|hook| kind(provider, &hook.json())).collect::<Vec<_>>(), expected, "{provider}");
    for hook in &hooks {
        let (ours, came) = signatures(provider, hook);
        assert_eq!(ours, came, "{provider}");
    }
}

#[tokio::test]
async fn every_change_sends_the_providers_own_webhook_signed_its_way() {
    check_kinds("apideck", None, &["hris.employee.created", "hris.employee.updated", "hris.employee.deleted"]).await;
    check_kinds("merge", None, &["Employee.added", "Employee.changed", "Employee.removed"]).await;
    check_kinds("workos", None, &["dsync.user.created", "dsync.user.updated", "dsync.user.deleted"]).await;
    check_kinds("bamboohr", Some("legacy"), &["Created", "Updated", "Deleted"]).await;
    let new = ["employee.created", "employee.updated", "employee.updated", "employee.deleted"];
    check_kinds("bamboohr", Some("new"), &new).await;
    let finch = [
        "directory.created",
        "individual.created",
        "employment.created",
        "employment.updated",
        "directory.deleted",
        "individual.deleted",
        "employment.deleted",
    ];
    check_kinds("finch", None, &finch).await;
}

#[tokio::test]
async fn hints_hold_no_data_of_the_person() {
    for provider in ["apideck", "finch"] {
        let receiver = Receiver::new(&[]).await;
        let bench = aimed(provider, &receiver, false).await;
        bench.control("POST", "people", &json!({"last_name": "Quixote"})).await;
        let hook = receiver.wait_for(1).await.remove(0);
        assert!(!String::from_utf8(hook.body).unwrap().contains("Quixote"), "{provider}");
    }
}

#[tokio::test]
async fn a_webhook_that_failed_is_tried_three_times_in_all() {
    let receiver = Receiver::new(&[500, 503]).await;
    let bench = aimed("merge", &receiver, false).await;
    bench.control("POST", "people", &json!({})).await;
    receiver.wait_for(3).await;
    loop {
        let webhooks = bench.state().await["webhooks"].clone();
        if webhooks["waiting"] == 0 {
            let outcome = &webhooks["sent"][0];
            assert_eq!((outcome["tries"].as_u64(), outcome["status"].as_u64()), (Some(3), Some(200)));
            break;
        }
    }
}

#[tokio::test]
async fn held_webhooks_are_delivered_in_the_order_that_is_asked_for() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("workos", &receiver, true).await;
    let id = bench.control("POST", "people", &json!({})).await["id"].as_str().unwrap().to_owned();
    bench.control("PATCH", &format!("people/{id}"), &json!({"status": "inactive"})).await;
    bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
    assert_eq!(receiver.all().len(), 0);
    let delivered = bench.control("POST", "webhooks/deliver", &json!({"order": [2, 0, 1]})).await;
    assert_eq!(delivered["delivered"][2]["status"], 200);
    let kinds: Vec<String> = receiver.all().iter().map(|hook| kind("workos", &hook.json())).collect();
    assert_eq!(kinds, ["dsync.user.deleted", "dsync.user.created", "dsync.user.updated"]);
    assert_eq!(bench.state().await["webhooks"]["held"], json!([]));
}

#[tokio::test]
async fn copies_of_a_webhook_have_the_same_body() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("workos", &receiver, true).await;
    bench.control("POST", "people", &json!({})).await;
    let delivered = bench.control("POST", "webhooks/deliver", &json!({"copies": 300})).await;
    assert_eq!(delivered["delivered"].as_array().unwrap().len(), 300);
    let hooks = receiver.all();
    assert_eq!(hooks.len(), 300);
    assert!(hooks.iter().all(|hook| hook.body == hooks[0].body));
}

#[tokio::test]
async fn a_place_that_is_not_held_is_refused_and_nothing_is_lost() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("merge", &receiver, true).await;
    bench.control("POST", "people", &json!({})).await;
    let body = json!({"order": [0, 5]}).to_string();
    let reply = bench.try_request("POST", "/control/merge/webhooks/deliver", "", &body).await.unwrap();
    assert_eq!(reply.status, 422);
    assert_eq!(bench.state().await["webhooks"]["held"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_quiet_change_sends_nothing() {
    for provider in ALL {
        let receiver = Receiver::new(&[]).await;
        let bench = aimed(provider, &receiver, true).await;
        bench.control("POST", "people", &json!({"generate": 5, "quiet": true})).await;
        bench.control("POST", "people?quiet=true", &json!({})).await;
        assert_eq!(bench.state().await["webhooks"]["held"], json!([]), "{provider}");
    }
}

#[tokio::test]
async fn events_of_the_connection_come_in_the_providers_envelope() {
    let cases = [
        ("apideck", "vault.connection.revoked", "/payload/service_id", json!("apideck-vault")),
        ("merge", "LinkedAccount.deleted", "/linked_account/end_user_origin_id", json!("t-9")),
        ("finch", "account.updated", "/data/status", json!("reauth")),
        ("workos", "dsync.token.revoked", "/data/status", json!("reauth")),
        ("bamboohr", "company.deleted", "/data/companyId", json!("company-1")),
    ];
    for (provider, event, pointer, expected) in cases {
        let receiver = Receiver::new(&[]).await;
        let bench = aimed(provider, &receiver, false).await;
        bench.control("POST", "webhook_url", &json!({"connection_keys": {"end_user_origin_id": "t-9"}})).await;
        bench.control("POST", "event", &json!({"event": event, "data": {"status": "reauth"}})).await;
        let hook = receiver.wait_for(1).await.remove(0);
        assert_eq!(hook.json().pointer(pointer), Some(&expected), "{provider}");
        assert_eq!(kind(provider, &hook.json()), event);
    }
}

#[tokio::test]
async fn pings_and_test_buttons_hold_no_event() {
    for (provider, event, key) in
        [("apideck", "apideck.subscription.created", "message"), ("merge", "test", "response")]
    {
        let receiver = Receiver::new(&[]).await;
        let bench = aimed(provider, &receiver, false).await;
        bench.control("POST", "event", &json!({"event": event})).await;
        let hook = receiver.wait_for(1).await.remove(0);
        assert_eq!(hook.json().as_object().unwrap().keys().collect::<Vec<_>>(), [key]);
    }
}

#[tokio::test]
async fn a_directory_that_is_unlinked_says_so_and_shows_nobody() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("workos", &receiver, true).await;
    bench.control("POST", "people", &json!({"generate": 4, "quiet": true})).await;
    bench.control("POST", "directory", &json!({"state": "unlinked"})).await;
    assert_eq!(bench.state().await["webhooks"]["held"][0]["event"], "dsync.deleted");
    assert_eq!(bench.get("/directories/directory_1").await.json()["state"], "unlinked");
    let events = bench.get("/events?events=dsync.deleted").await.json();
    assert_eq!(events["data"][0]["data"]["state"], "inactive");
    assert_eq!(bench.listing(10, 5).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn the_secure_flow_deletes_who_stops_being_active() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("workos", &receiver, true).await;
    bench.control("POST", "directory", &json!({"secure_flow": true})).await;
    let id = bench.control("POST", "people?quiet=true", &json!({})).await["id"].as_str().unwrap().to_owned();
    bench.control("PATCH", &format!("people/{id}"), &json!({"status": "terminated"})).await;
    assert_eq!(bench.state().await["webhooks"]["held"][0]["event"], "dsync.user.deleted");
    assert_eq!(bench.get(&format!("/directory_users/{id}")).await.status, 404);
}

#[tokio::test]
async fn webhooks_show_people_as_oddly_as_the_api_does() {
    let receiver = Receiver::new(&[]).await;
    let bench = aimed("workos", &receiver, false).await;
    bench.misbehave("future_updated_at").await;
    bench.control("POST", "people", &json!({})).await;
    let body = receiver.wait_for(1).await.remove(0).json();
    assert!(body["data"]["updated_at"].as_str() > body["created_at"].as_str());
}
