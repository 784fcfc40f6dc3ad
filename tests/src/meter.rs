//! Counts what AWS would bill for the requests that pass through: units of the table by sizes before and after, requests
//! of the other services.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Request, Response};
use base64::Engine;
use muster_local::{LostAnswer, Service, Services};
use serde_json::{Map, Value, json};

use crate::cost::Usage;

/// Indexes of the table: name, key attributes. Each entry has keys only, so it is never larger than one unit.
const INDEXES: [(&str, &str, &str); 5] = [
    ("by-g1", "g1", "sk"),
    ("by-g2", "g2", "sk"),
    ("by-g3", "g3", "sk"),
    ("by-due", "due", "due_at"),
    ("by-time", "of", "at"),
];

const WRITE_UNIT: usize = 1 << 10;
const READ_UNIT: usize = 4 << 10;
/// SQS and the bus bill each begun 64 KiB.
const PIECE: usize = 64 << 10;

/// The meter. Clones share what they count.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    used: Arc<Mutex<Usage>>,
}

impl Meter {
    /// What was used so far.
    pub fn used(&self) -> Usage {
        self.used.lock().unwrap().clone()
    }

    /// Counts something that is no request of the product: an invocation, its time.
    pub fn add(&self, what: &'static str, amount: f64) {
        self.used.lock().unwrap().add(what, amount);
    }

    /// Carries a request out and counts it.
    ///
    /// # Errors
    /// When a fault swallows the answer.
    pub async fn call(
        &self,
        services: &Services,
        service: Service,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, LostAnswer> {
        self.add("requests", 1.0);
        if service == Service::DynamoDb {
            return self.database(services, request).await;
        }
        let (method, body) = (request.method().clone(), request.body().clone());
        let answer = services.call(service, request).await;
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        match service {
            Service::S3 if method == "PUT" || method == "POST" => self.add("s3_put", 1.0),
            Service::S3 if method == "DELETE" => {}
            Service::S3 => self.add("s3_get", 1.0),
            Service::Sqs => self.add(queue(&said), pieces(body.len())),
            Service::Events => {
                for entry in said["Entries"].as_array().into_iter().flatten() {
                    self.add("eventbridge", pieces(entry.to_string().len()));
                }
            }
            Service::Ses => self.add("ses_mail", 1.0),
            Service::Ssm => self.add("kms_request", 1.0),
            Service::DynamoDb => unreachable!("counted above"),
        }
        answer
    }

    async fn database(&self, services: &Services, request: Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        let target = request.headers()["x-amz-target"].to_str().unwrap().to_owned();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        let said: Value = serde_json::from_slice(request.body()).unwrap();
        let keys = written(&operation, &said);
        let mut before = Vec::new();
        for key in &keys {
            before.push(stored(services, key).await);
        }
        let answer = services.call(Service::DynamoDb, request).await?;
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if keys.is_empty() {
            self.add("dynamodb_read", read(&operation, &said, &told));
        }
        let twice = if operation == "TransactWriteItems" { 2.0 } else { 1.0 };
        for (key, old) in keys.iter().zip(before) {
            let new = stored(services, key).await;
            let units = twice * units(size(&old).max(size(&new)), WRITE_UNIT) + index_units(&old, &new);
            self.add("dynamodb_write", units);
            if key["pk"]["S"].as_str().unwrap().contains("#R#") {
                self.add("people_written", 1.0);
                self.add("people_write", units);
            }
        }
        Ok(answer)
    }
}

fn queue(said: &Value) -> &'static str {
    if said["QueueUrl"].as_str().unwrap_or_default().ends_with(".fifo") { "sqs_fifo" } else { "sqs" }
}

fn pieces(bytes: usize) -> f64 {
    bytes.div_ceil(PIECE).max(1) as f64
}

fn units(bytes: usize, unit: usize) -> f64 {
    bytes.div_ceil(unit).max(1) as f64
}

/// The keys of the items that a request writes or, in a transaction, only checks: both are billed.
fn written(operation: &str, said: &Value) -> Vec<Value> {
    let key = |item: &Value| json!({"pk": item["pk"], "sk": item["sk"]});
    match operation {
        "PutItem" => vec![key(&said["Item"])],
        "UpdateItem" | "DeleteItem" => vec![key(&said["Key"])],
        "TransactWriteItems" => {
            let items = said["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            items.map(|(kind, what)| key(if kind == "Put" { &what["Item"] } else { &what["Key"] })).collect()
        }
        _ => Vec::new(),
    }
}

async fn stored(services: &Services, key: &Value) -> Option<Map<String, Value>> {
    let body = json!({"TableName": "muster", "Key": key, "ConsistentRead": true}).to_string();
    let request =
        Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem").body(Bytes::from(body)).unwrap();
    let answer = services.call(Service::DynamoDb, request).await.unwrap();
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    answer["Item"].as_object().cloned()
}

/// What reading costs: each item of a batch is rounded by itself, a page as a whole; half where it may be old.
fn read(operation: &str, said: &Value, told: &Value) -> f64 {
    let halved = |consistent: &Value| if *consistent == json!(true) { 1.0 } else { 0.5 };
    match operation {
        "GetItem" => halved(&said["ConsistentRead"]) * units(size(&told["Item"].as_object().cloned()), READ_UNIT),
        "BatchGetItem" => {
            let asked = &said["RequestItems"]["muster"];
            let items = told["Responses"]["muster"].as_array().cloned().unwrap_or_default();
            let missing = asked["Keys"].as_array().unwrap().len() - items.len();
            let found: f64 = items.iter().map(|item| units(size(&item.as_object().cloned()), READ_UNIT)).sum();
            halved(&asked["ConsistentRead"]) * (found + missing as f64)
        }
        "Query" => {
            let items = told["Items"].as_array().into_iter().flatten();
            let bytes = items.map(|item| size(&item.as_object().cloned())).sum();
            halved(&said["ConsistentRead"]) * units(bytes, READ_UNIT)
        }
        other => panic!("how is {other} billed?"),
    }
}

/// One unit for an entry that comes or goes, two for one whose key changes, none where nothing of it changes.
fn index_units(old: &Option<Map<String, Value>>, new: &Option<Map<String, Value>>) -> f64 {
    let entry = |item: &Option<Map<String, Value>>, hash: &str, range: &str| {
        let item = item.as_ref()?;
        Some((item.get(hash)?.clone(), item.get(range)?.clone()))
    };
    let one = |(_, hash, range): &(&str, &str, &str)| match (entry(old, hash, range), entry(new, hash, range)) {
        (None, None) => 0.0,
        (Some(old), Some(new)) if old == new => 0.0,
        (Some(_), Some(_)) => 2.0,
        _ => 1.0,
    };
    INDEXES.iter().map(one).sum()
}

/// An item's size as the table counts it: names and values.
fn size(item: &Option<Map<String, Value>>) -> usize {
    item.iter().flatten().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &Value) -> usize {
    let Some((kind, held)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let text = |held: &Value| held.as_str().map_or(0, str::len);
    match kind.as_str() {
        "S" => text(held),
        "N" => text(held) / 2 + 2,
        "B" => base64::engine::general_purpose::STANDARD.decode(held.as_str().unwrap()).map_or(0, |bytes| bytes.len()),
        "SS" | "NS" | "BS" => held.as_array().into_iter().flatten().map(text).sum(),
        "L" => 3 + held.as_array().into_iter().flatten().map(|one| 1 + size_of(one)).sum::<usize>(),
        "M" => {
            3 + held.as_object().into_iter().flatten().map(|(name, one)| 1 + name.len() + size_of(one)).sum::<usize>()
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: Value) -> Option<Map<String, Value>> {
        text.as_object().cloned()
    }

    #[test]
    fn an_items_size_is_that_of_its_names_and_values() {
        let full = item(json!({"pk": {"S": "abc"}, "n": {"N": "1234"}, "l": {"L": [{"S": "ab"}]}, "b": {"B": "AAAA"}}));
        assert_eq!(size(&full), 2 + 3 + 1 + 4 + 1 + (3 + 1 + 2) + 1 + 3);
        assert_eq!(size(&None), 0);
    }

    #[test]
    fn an_index_costs_where_its_entry_comes_goes_or_moves() {
        let with = |group: &str| item(json!({"sk": {"S": "1"}, "g1": {"S": group}}));
        let without = item(json!({"sk": {"S": "1"}}));
        assert_eq!(index_units(&None, &with("a")), 1.0);
        assert_eq!(index_units(&with("a"), &without), 1.0);
        assert_eq!(index_units(&with("a"), &with("b")), 2.0);
        assert_eq!(index_units(&with("a"), &with("a")), 0.0);
    }

    #[test]
    fn reads_are_rounded_by_item_in_a_batch_and_as_a_whole_in_a_page() {
        let items = json!([{"pk": {"S": "a".repeat(3_000)}}, {"pk": {"S": "b"}}]);
        let asked = json!({"RequestItems": {"muster": {"ConsistentRead": true, "Keys": [1, 2, 3]}}});
        assert_eq!(read("BatchGetItem", &asked, &json!({"Responses": {"muster": items}})), 3.0);
        assert_eq!(read("Query", &json!({}), &json!({"Items": items})), 0.5);
        assert_eq!(read("GetItem", &json!({"ConsistentRead": true}), &json!({})), 1.0);
    }
}
