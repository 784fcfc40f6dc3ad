//! The JSON protocol of SQS.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{Request, Response, StatusCode},
};
use serde_json::{Map, Value, json};

use super::{Message, QUEUES, Received, Sqs, SqsError, dead_letters_of, is_fifo};
use crate::{
    answer::{LostAnswer, json_answer, json_error},
    digest,
    faults::{FaultKind, Service},
    trace,
};

type Answer = Result<Value, SqsError>;

/// SQS refuses larger messages.
const MAX_BODY: usize = 1024 * 1024;
const TOO_LONG: &str = "the message is longer than 1 MiB";

impl Sqs {
    /// Carries out one request of the JSON protocol.
    pub(crate) async fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let operation = target.strip_prefix("AmazonSQS.").unwrap_or_default();
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return Ok(json_error(400, "InvalidParameterValue", "the request body is no JSON"));
        };
        match self.inner.faults.take(Service::Sqs, operation) {
            Some(FaultKind::Refuse { status, code }) => return Ok(json_error(status, &code, "refused by a fault")),
            Some(FaultKind::FailAfter) => {
                self.answer(operation, &body).await;
                return Ok(json_error(500, "InternalFailure", "failed by a fault after the request was carried out"));
            }
            Some(FaultKind::LoseAnswer) => {
                self.answer(operation, &body).await;
                return Err(LostAnswer);
            }
            None | Some(FaultKind::Conflict | FaultKind::Partial { .. }) => {}
        }
        Ok(self.answer(operation, &body).await)
    }

    async fn answer(&self, operation: &str, body: &Value) -> Response<Bytes> {
        let queue = queue_of(body);
        let answer = match operation {
            "SendMessage" if too_long(body) => return json_error(400, "InvalidParameterValue", TOO_LONG),
            "SendMessage" => self.send_one(queue, body),
            "SendMessageBatch" => self.each(body, |entry| self.send_one(queue, entry)),
            "ReceiveMessage" => self.receive_many(queue, body).await,
            "DeleteMessage" => self.delete(queue, text(body, "ReceiptHandle")).map(|()| json!({})),
            "DeleteMessageBatch" => {
                self.each(body, |entry| self.delete(queue, text(entry, "ReceiptHandle")).map(|()| json!({})))
            }
            "ChangeMessageVisibility" => self.hide(queue, body),
            "ChangeMessageVisibilityBatch" => self.each(body, |entry| self.hide(queue, entry)),
            "GetQueueUrl" => self.named(text(body, "QueueName")),
            "GetQueueAttributes" => self.attributes(queue),
            "ListQueues" => Ok(self.listed(text(body, "QueueNamePrefix"))),
            "PurgeQueue" => self.purge(queue).map(|()| json!({})),
            "StartMessageMoveTask" => self.move_task(body),
            _ => {
                return json_error(
                    400,
                    "UnsupportedOperation",
                    &format!("operation {operation:?} is not stood in for"),
                );
            }
        };
        match answer {
            Ok(value) => json_answer(StatusCode::OK, value.to_string().into_bytes()),
            Err(error @ SqsError::NoQueue(_)) => json_error(400, "QueueDoesNotExist", &error.to_string()),
            Err(error @ SqsError::Parameter(_)) => json_error(400, "InvalidParameterValue", &error.to_string()),
            Err(error @ SqsError::Journal(_)) => json_error(500, "InternalFailure", &error.to_string()),
        }
    }

    fn send_one(&self, queue: &str, entry: &Value) -> Answer {
        let body = text(entry, "MessageBody");
        let attributes = entry["MessageAttributes"].as_object().cloned().unwrap_or_default();
        let delay_ms = entry["DelaySeconds"].as_u64().unwrap_or(0) * 1000;
        let trace = entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str();
        if trace.is_some_and(|trace| !trace::is_one(trace)) {
            return Err(SqsError::Parameter("AWSTraceHeader must be a trace header of X-Ray"));
        }
        let id = match (text(entry, "MessageGroupId"), text(entry, "MessageDeduplicationId")) {
            (group, same) if is_fifo(queue) && delay_ms == 0 => {
                self.send_in_order_and_trace(queue, body, (group, same), trace)?
            }
            _ if is_fifo(queue) => return Err(SqsError::Parameter("a FIFO queue takes no delay of one message")),
            _ => self.send_in_trace(queue, body, attributes, delay_ms, trace)?,
        };
        Ok(json!({"MessageId": id, "MD5OfMessageBody": digest::md5_hex(body.as_bytes())}))
    }

    /// Carries out every entry of a batch by itself: one that fails does not fail the others.
    fn each(&self, body: &Value, operation: impl Fn(&Value) -> Answer) -> Answer {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in body["Entries"].as_array().into_iter().flatten() {
            if too_long(entry) {
                failed.push(json!({"Id": entry["Id"], "SenderFault": true, "Code": "InvalidParameterValue", "Message": TOO_LONG}));
                continue;
            }
            match operation(entry) {
                Ok(mut value) => {
                    value["Id"] = entry["Id"].clone();
                    successful.push(value);
                }
                Err(error @ SqsError::NoQueue(_)) => return Err(error),
                Err(error @ SqsError::Parameter(_)) => failed.push(json!({"Id": entry["Id"], "SenderFault": true, "Code": "InvalidParameterValue", "Message": error.to_string()})),
                Err(error) => failed.push(json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError", "Message": error.to_string()})),
            }
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }

    async fn receive_many(&self, queue: &str, body: &Value) -> Answer {
        let max = body["MaxNumberOfMessages"].as_u64().unwrap_or(1).clamp(1, 10);
        let visibility = body["VisibilityTimeout"].as_u64().map(|s| s * 1000);
        let wait = Duration::from_secs(body["WaitTimeSeconds"].as_u64().unwrap_or(0).min(20));
        let received = self.receive_waiting(queue, usize::try_from(max).unwrap_or(1), visibility, wait).await?;
        Ok(json!({"Messages": received.iter().map(wire).collect::<Vec<_>>()}))
    }

    fn hide(&self, queue: &str, entry: &Value) -> Answer {
        let seconds = entry["VisibilityTimeout"].as_u64().unwrap_or(0);
        self.change_visibility(queue, text(entry, "ReceiptHandle"), seconds * 1000).map(|()| json!({}))
    }

    fn named(&self, name: &str) -> Answer {
        match self.queues().contains_key(name) {
            true => Ok(json!({"QueueUrl": self.url(name)})),
            false => Err(SqsError::NoQueue(name.to_owned())),
        }
    }

    fn listed(&self, prefix: &str) -> Value {
        let names: Vec<String> = self.queues().keys().filter(|n| n.starts_with(prefix)).cloned().collect();
        json!({"QueueUrls": names.iter().map(|n| self.url(n)).collect::<Vec<_>>()})
    }

    fn attributes(&self, queue: &str) -> Answer {
        let counts = *self.counts().get(queue).ok_or_else(|| SqsError::NoQueue(queue.to_owned()))?;
        let visibility_ms = self.queues().get(queue).map_or(0, |q| q.visibility_ms);
        Ok(json!({"Attributes": {
            "ApproximateNumberOfMessages": counts.visible.to_string(),
            "ApproximateNumberOfMessagesNotVisible": counts.in_flight.to_string(),
            "ApproximateNumberOfMessagesDelayed": counts.delayed.to_string(),
            "VisibilityTimeout": (visibility_ms / 1000).to_string(),
            "QueueArn": arn(queue),
        }}))
    }

    fn move_task(&self, body: &Value) -> Answer {
        let dead = text(body, "SourceArn").rsplit(':').next().unwrap_or_default();
        let queue = QUEUES.into_iter().find(|queue| dead_letters_of(queue) == dead);
        self.redrive(queue.ok_or_else(|| SqsError::NoQueue(dead.to_owned()))?)?;
        Ok(json!({"TaskHandle": digest::random_id()}))
    }
}

/// The ARN of a queue with this short name.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

/// The attributes that SQS itself gives a received message.
pub(crate) fn system_attributes(message: &Message) -> Map<String, Value> {
    let first = message.first_received_ms.unwrap_or(message.sent_ms);
    let given = [
        ("MessageGroupId", &message.group),
        ("MessageDeduplicationId", &message.same),
        ("AWSTraceHeader", &message.trace),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    [
        ("ApproximateReceiveCount", message.receive_count.to_string()),
        ("SentTimestamp", message.sent_ms.to_string()),
        ("SenderId", "AIDALOCAL".to_owned()),
        ("ApproximateFirstReceiveTimestamp", first.to_string()),
    ]
    .into_iter()
    .chain(given)
    .map(|(name, value)| (name.to_owned(), Value::String(value)))
    .collect()
}

fn wire(received: &Received) -> Value {
    let message = &received.message;
    let mut value = json!({
        "MessageId": message.id,
        "ReceiptHandle": received.receipt,
        "Body": message.body,
        "MD5OfBody": digest::md5_hex(message.body.as_bytes()),
        "Attributes": system_attributes(message),
    });
    if !message.attributes.is_empty() {
        value["MessageAttributes"] = Value::Object(message.attributes.clone());
    }
    value
}

fn too_long(entry: &Value) -> bool {
    text(entry, "MessageBody").len() > MAX_BODY
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn queue_of(body: &Value) -> &str {
    text(body, "QueueUrl").rsplit('/').next().unwrap_or_default()
}
