//! Everything that a stack keeps, as lines of JSON: written down, and put into an empty stack again.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use muster_local::s3::ObjectVersion;
use muster_local::{Service, Services};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The name of the table and of the bucket.
const NAME: &str = "muster";
/// The queues whose messages are kept.
const QUEUES: [&str; 5] = ["import", "apply", "report", "poll", "events.fifo"];

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// What time it was, in milliseconds since 1970.
    Clock(u64),
    /// An item of the table, in `DynamoDB`'s own JSON.
    Item(Value),
    /// A version of an object, and its bytes in base64.
    Object(ObjectVersion, String),
    /// A message: its queue and its body.
    Message(String, String),
    /// A parameter: its name and its value.
    Parameter(String, String),
    /// The token of a signed link that was sent.
    Link(String),
}

/// Everything that is kept, in an order of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dump(pub Vec<Kept>);

async fn call(services: &Services, target: &str, body: Value) -> Value {
    let service = if target.starts_with("DynamoDB") { Service::DynamoDb } else { Service::Ssm };
    let request = Request::post("/").header("x-amz-target", target).body(Bytes::from(body.to_string())).unwrap();
    let answer = services.call(service, request).await.unwrap();
    assert!(answer.status().is_success(), "{target}: {}", String::from_utf8_lossy(answer.body()));
    serde_json::from_slice(answer.body()).unwrap()
}

async fn bytes_of(services: &Services, version: &ObjectVersion) -> Bytes {
    let stream = services.objects.read(version, 0..version.size).await.unwrap();
    to_bytes(Body::from_stream(stream.boxed()), usize::MAX).await.unwrap()
}

/// Every item of the table, by key.
pub async fn items(services: &Services) -> Vec<Value> {
    let answer = call(services, "DynamoDB_20120810.Scan", json!({"TableName": NAME, "ConsistentRead": true})).await;
    assert!(answer["LastEvaluatedKey"].is_null(), "the table fits one page");
    let mut items = answer["Items"].as_array().unwrap().clone();
    items.sort_by_key(|item| format!("{}\n{}", item["pk"]["S"], item["sk"]["S"]));
    items
}

impl Dump {
    /// What these services keep now.
    pub async fn of(services: &Services, links: &[String]) -> Self {
        let mut kept = vec![Kept::Clock(services.clock.now_ms())];
        kept.extend(items(services).await.into_iter().map(Kept::Item));
        for version in services.objects.list(NAME, "") {
            let bytes = bytes_of(services, &version).await;
            kept.push(Kept::Object(version, STANDARD.encode(bytes)));
        }
        for queue in QUEUES {
            let messages = services.sqs.peek(queue).into_iter();
            kept.extend(messages.map(|message| Kept::Message(queue.to_owned(), message.body)));
        }
        for name in services.ssm.names() {
            let asked = json!({"Name": name, "WithDecryption": true});
            let found = call(services, "AmazonSSM.GetParameter", asked).await;
            kept.push(Kept::Parameter(name, found["Parameter"]["Value"].as_str().unwrap().to_owned()));
        }
        kept.extend(links.iter().cloned().map(Kept::Link));
        Self(kept)
    }

    /// Puts everything into services that keep nothing yet.
    pub async fn put_into(&self, services: &Services) {
        for kept in &self.0 {
            match kept {
                Kept::Clock(ms) => services.clock.advance(ms.checked_sub(services.clock.now_ms()).unwrap()),
                Kept::Item(item) => services.dynamodb.fill(NAME, vec![item.clone()]).unwrap(),
                Kept::Object(version, bytes) => {
                    let bytes = STANDARD.decode(bytes).unwrap();
                    services.objects.restore(version.clone(), bytes.into()).await.unwrap();
                }
                Kept::Message(queue, body) if queue.ends_with(".fifo") => {
                    services.sqs.send_in_order(queue, body, "acme/acme-people", &body.len().to_string()).unwrap();
                }
                Kept::Message(queue, body) => {
                    services.sqs.send(queue, body, Map::new(), 0).unwrap();
                }
                Kept::Parameter(name, value) => {
                    let put = json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true,
                        "Tier": "Intelligent-Tiering"});
                    call(services, "AmazonSSM.PutParameter", put).await;
                }
                Kept::Link(_) => {}
            }
        }
    }

    /// The tokens of the links.
    pub fn links(&self) -> Vec<String> {
        let link = |kept: &Kept| if let Kept::Link(token) = kept { Some(token.clone()) } else { None };
        self.0.iter().filter_map(link).collect()
    }

    /// As lines.
    pub fn to_text(&self) -> String {
        self.0.iter().map(|kept| format!("{}\n", serde_json::to_string(kept).unwrap())).collect()
    }

    /// From lines.
    pub fn from_text(text: &str) -> Self {
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}
