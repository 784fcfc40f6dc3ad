//! Delivering by hand: one message, one invocation, one client at a time.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_smithy_runtime_api::shared::IntoShared;
use axum::body::Bytes;
use lambda_runtime::{Context, LambdaEvent};
use muster_aws::{Clients, Names, Ports};
use muster_local::sqs::Received;
use muster_local::{Clock, Service};
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tricky::Tricky;

/// The queues in the order in which messages flow.
pub const QUEUES: [&str; 3] = ["import", "apply", "report"];
/// Longer than a message stays hidden in a rig.
pub const HIDDEN_MS: u64 = 31_000;
/// How long a function may run.
pub const TIMEOUT_MS: i64 = 20_000;

struct HandClock(Clock);

impl muster_sync::Clock for HandClock {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.0.now_ms()).unwrap()
    }
}

/// Ports over a client, by a clock that may be another than the rig's.
pub fn ports(rig: &Rig, tricky: &Tricky, clock: Clock) -> Ports {
    let told = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(muster_local::ACCESS_KEY.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(muster_local::SECRET_KEY.to_owned()),
        "AWS_REGION" => Some(muster_local::REGION.to_owned()),
        _ => Some("http://127.0.0.1:1".to_owned()),
    };
    let clients = Clients::told(&told, tricky.clone().into_shared(), 3).unwrap();
    let names = Names {
        table: "muster".into(),
        bucket: "muster".into(),
        import_queue: rig.services.sqs.url("import"),
        apply_queue: rig.services.sqs.url("apply"),
        report_queue: rig.services.sqs.url("report"),
        events_queue: rig.services.sqs.url("events.fifo"),
        poll_queue: rig.services.sqs.url("poll"),
        event_bus: Some("muster".into()),
        secrets_prefix: "/muster/test".into(),
        mail_from: "muster@product.example".into(),
        configuration_set: "muster".into(),
    };
    Ports::with(&clients, &names, Box::new(HandClock(clock)))
}

/// Receives up to `max` messages; none when none is visible.
pub fn receive(rig: &Rig, queue: &str, max: usize) -> Vec<Received> {
    rig.services.sqs.receive(queue, max, None).unwrap()
}

/// One invocation with `left_ms` until its deadline.
pub async fn invoke(rig: &Rig, queue: &str, received: &[Received], ports: &Ports, left_ms: i64) -> SqsBatchResponse {
    let message = |one: &Received| {
        let mut message = SqsMessage::default();
        message.message_id = Some(one.message.id.clone());
        message.body = Some(one.message.body.clone());
        message
    };
    let mut event = SqsEvent::default();
    event.records = received.iter().map(message).collect();
    let mut context = Context::default();
    context.request_id = format!("invocation-{}-{}", rig.clock.now_ms(), received[0].receipt);
    context.deadline = rig.clock.now_ms().saturating_add_signed(left_ms);
    let event = LambdaEvent::new(event, context);
    let answer = match queue {
        "import" => file_import::handle(ports, event).await,
        "apply" => apply::handle(ports, event).await,
        _ => report_email::handle(ports, event).await,
    };
    answer.unwrap()
}

/// Deletes what an answer does not name.
pub fn acknowledge(rig: &Rig, queue: &str, received: &[Received], answer: &SqsBatchResponse) {
    let failed: Vec<_> = answer.batch_item_failures.iter().map(|item| item.item_identifier.as_str()).collect();
    for one in received.iter().filter(|one| !failed.contains(&one.message.id.as_str())) {
        rig.services.sqs.delete(queue, &one.receipt).unwrap();
    }
}

/// Receives a batch, invokes, acknowledges; answers how many messages come back, `None` when there was nothing.
pub async fn step(rig: &Rig, queue: &str, tricky: &Tricky) -> Option<usize> {
    let received = receive(rig, queue, if queue == "apply" { 1 } else { 10 });
    if received.is_empty() {
        return None;
    }
    let answer = invoke(rig, queue, &received, &ports(rig, tricky, rig.clock.clone()), TIMEOUT_MS).await;
    acknowledge(rig, queue, &received, &answer);
    Some(answer.batch_item_failures.len())
}

/// Delivers until nothing is left to do, all through one client.
pub async fn settle(rig: &Rig, tricky: &Tricky) {
    for _ in 0..500 {
        let mut quiet = true;
        for queue in QUEUES {
            quiet &= step(rig, queue, tricky).await.is_none();
        }
        if quiet && QUEUES.iter().all(|queue| rig.services.sqs.peek(queue).is_empty()) {
            return;
        }
        if quiet {
            rig.clock.advance(HIDDEN_MS);
        }
    }
    panic!("messages go round and round: {:?}", rig.services.sqs.counts());
}

/// Every item of the table, by its key.
pub async fn dump(rig: &Rig) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    let mut from = Value::Null;
    loop {
        let mut scan = json!({"TableName": "muster", "ConsistentRead": true});
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let request = axum::http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.Scan");
        let request = request.body(Bytes::from(scan.to_string())).unwrap();
        let answer = rig.services.call(Service::DynamoDb, request).await.unwrap();
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        for item in answer["Items"].as_array().unwrap() {
            let key = format!("{}|{}", item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
            items.insert(key, item.clone());
        }
        from = answer["LastEvaluatedKey"].clone();
        if from.is_null() {
            return items;
        }
    }
}

/// Delivers the S3 event of an object version that may not even be there.
pub fn announce(rig: &Rig, event: &str, key: &str, size: u64) {
    let body = json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": event,
        "eventTime": "2026-11-22T10:00:00.000Z", "userIdentity": {"principalId": "x"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "import",
            "bucket": {"name": "muster", "ownerIdentity": {"principalId": "x"}, "arn": "arn:aws:s3:::muster"},
            "object": {"key": key, "size": size, "eTag": "x", "versionId": "v-forged", "sequencer": "00AA"},
        },
    }]});
    rig.services.sqs.send("import", &body.to_string(), serde_json::Map::new(), 0).unwrap();
}

/// Takes the mail service's events out of the report queue: nobody will hear them.
pub fn lose_mail_events(rig: &Rig) {
    for received in receive(rig, "report", 10) {
        if received.message.body.contains("aws.ses") {
            rig.services.sqs.delete("report", &received.receipt).unwrap();
        } else {
            rig.services.sqs.change_visibility("report", &received.receipt, 0).unwrap();
        }
    }
}
