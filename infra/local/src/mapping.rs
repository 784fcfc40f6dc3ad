//! Event source mappings: what Lambda does to bring messages from a queue to a function.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, watch};

use crate::{
    REGION, digest,
    lambda::Lambda,
    sqs::{
        Received, Sqs,
        api::{arn, system_attributes},
    },
};

/// Which function gets the messages of which queue, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The queue's short name.
    pub queue: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// At most this many messages in one invocation.
    pub batch: usize,
}

/// The mappings of Muster's template.
pub const MAPPINGS: [Mapping; 5] = [
    Mapping { queue: "events.fifo", function: "webhook-apply", batch: 10 },
    Mapping { queue: "poll", function: "scheduled-poll", batch: 1 },
    Mapping { queue: "import", function: "file-import", batch: 10 },
    Mapping { queue: "apply", function: "apply", batch: 1 },
    Mapping { queue: "report", function: "report-email", batch: 10 },
];

/// How a queue is polled.
#[derive(Clone)]
pub(crate) struct Pace {
    /// Invocations at once.
    pub(crate) concurrency: usize,
    /// How soon messages come back that were not dealt with; Lambda would leave them hidden for the whole visibility time.
    pub(crate) retry: Duration,
    /// While true, nothing is received.
    pub(crate) paused: watch::Receiver<bool>,
}

/// Polls the queue of `mapping` for ever.
pub(crate) async fn poll(mapping: Mapping, sqs: Sqs, lambda: Lambda, pace: Pace) {
    let Pace { concurrency, retry, mut paused } = pace;
    let slots = Arc::new(Semaphore::new(concurrency.max(1)));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let received = tokio::select! {
            biased;
            _ = paused.changed() => continue,
            received = sqs.receive_waiting(mapping.queue, mapping.batch, None, Duration::from_secs(20)) => received,
        };
        let batch = match received {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!("queue {}: {error}", mapping.queue);
                tokio::time::sleep(retry).await;
                continue;
            }
        };
        if batch.is_empty() {
            continue;
        }
        let (sqs, lambda) = (sqs.clone(), lambda.clone());
        tokio::spawn(async move {
            deliver(mapping, &sqs, &lambda, &batch, retry).await;
            drop(slot);
        });
    }
}

async fn deliver(mapping: Mapping, sqs: &Sqs, lambda: &Lambda, batch: &[Received], retry: Duration) {
    let event = sqs_event(mapping.queue, batch).to_string();
    let failed = match lambda.invoke(mapping.function, Bytes::from(event)).await {
        Ok(answer) => failed_items(&answer, batch),
        Err(_) => Failed::All,
    };
    let retry_ms = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
    for received in batch {
        let settled = if failed.contains(&received.message.id) {
            let later = retry_ms.saturating_mul(received.message.receive_count.clamp(1, 10).into());
            sqs.change_visibility(mapping.queue, &received.receipt, later)
        } else {
            sqs.delete(mapping.queue, &received.receipt)
        };
        if let Err(error) = settled {
            tracing::error!("queue {}: {error}", mapping.queue);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failed {
    All,
    Only(Vec<String>),
}

impl Failed {
    fn contains(&self, id: &String) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }
}

/// Reads a partial batch answer as Lambda does: anything odd in it means that the whole batch failed.
fn failed_items(answer: &[u8], batch: &[Received]) -> Failed {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Failed::All };
    let failures = match &answer {
        Value::Null => return Failed::Only(Vec::new()),
        Value::Object(fields) => fields.get("batchItemFailures"),
        _ => return Failed::All,
    };
    let list = match failures {
        None | Some(Value::Null) => return Failed::Only(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Failed::All,
    };
    let known = |id: &str| batch.iter().any(|r| r.message.id == id);
    let ids: Option<Vec<String>> =
        list.iter().map(|f| f["itemIdentifier"].as_str().filter(|id| known(id)).map(str::to_owned)).collect();
    ids.map_or(Failed::All, Failed::Only)
}

fn sqs_event(queue: &str, batch: &[Received]) -> Value {
    let records: Vec<Value> = batch.iter().map(|received| record(queue, received)).collect();
    json!({"Records": records})
}

fn record(queue: &str, received: &Received) -> Value {
    let message = &received.message;
    json!({
        "messageId": message.id,
        "receiptHandle": received.receipt,
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": lambda_attributes(&message.attributes),
        "md5OfBody": digest::md5_hex(message.body.as_bytes()),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn(queue),
        "awsRegion": REGION,
    })
}

/// Lambda writes message attributes with other field names than SQS.
fn lambda_attributes(wire: &Map<String, Value>) -> Value {
    let attribute = |value: &Value| {
        let mut out = json!({"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]});
        for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
            if let Some(text) = value.get(from) {
                out[to] = text.clone();
            }
        }
        out
    };
    wire.iter().map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{clock::Clock, faults::Faults};

    const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";

    fn batch() -> Vec<Received> {
        let sqs = Sqs::in_memory(Clock::manual(1_000), Arc::new(Faults::default()));
        let attributes = json!({"kind": {"DataType": "String", "StringValue": "x"}}).as_object().cloned().unwrap();
        for body in ["a", "b"] {
            sqs.send_in_trace("import", body, attributes.clone(), 0, Some(TRACE)).unwrap();
        }
        sqs.receive("import", 10, None).unwrap()
    }

    #[test]
    fn an_answer_names_the_messages_that_failed() {
        let batch = batch();
        let id = batch[1].message.id.clone();
        let answer = json!({"batchItemFailures": [{"itemIdentifier": id}]}).to_string();
        assert_eq!(failed_items(answer.as_bytes(), &batch), Failed::Only(vec![id]));
        for whole in ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
            assert_eq!(failed_items(whole.as_bytes(), &batch), Failed::Only(vec![]), "{whole}");
        }
    }

    /// F33.
    #[test]
    fn a_malformed_answer_means_that_the_whole_batch_failed() {
        let odd = [
            "",
            "\"ok\"",
            "[]",
            r#"{"batchItemFailures":"x"}"#,
            r#"{"batchItemFailures":[{}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
        ];
        for answer in odd {
            assert_eq!(failed_items(answer.as_bytes(), &batch()), Failed::All, "{answer}");
        }
    }

    #[test]
    fn the_event_is_read_by_the_events_crate() {
        let event: aws_lambda_events::event::sqs::SqsEvent =
            serde_json::from_value(sqs_event("import", &batch())).unwrap();
        let record = &event.records[0];
        assert_eq!(record.body.as_deref(), Some("a"));
        assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
        assert_eq!(record.attributes["SentTimestamp"], "1000");
        assert_eq!(record.attributes["AWSTraceHeader"], TRACE);
        assert_eq!(record.message_attributes["kind"].string_value.as_deref(), Some("x"));
        assert_eq!(record.event_source_arn.as_deref(), Some("arn:aws:sqs:us-east-1:000000000000:import"));
    }
}
