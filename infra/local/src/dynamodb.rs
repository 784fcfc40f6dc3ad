//! `DynamoDB`: an embedded database behind the JSON protocol, with faults in front.

use std::{path::Path, sync::Arc};

use anyhow::bail;
use axum::{
    body::Bytes,
    http::{Request, Response, StatusCode},
};
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    answer::{LostAnswer, json_answer, json_error},
    faults::{FaultKind, Faults, Service},
};

const PREFIX: &str = "DynamoDB_20120810.";

/// The table service: one table `pk`/`sk` with the indexes `by-g1`, `by-g2`, `by-g3`, `by-due` and `by-time`.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    faults: Arc<Faults>,
}

impl DynamoDb {
    /// A database in memory, with `table` made.
    ///
    /// # Errors
    /// When the table cannot be made.
    pub(crate) fn in_memory(table: &str, faults: Arc<Faults>) -> anyhow::Result<Self> {
        Self::with(Database::memory()?, table, faults)
    }

    /// The database in the file `path`, with `table` made if it is not there.
    ///
    /// # Errors
    /// When the file is no database or the table cannot be made.
    pub(crate) fn open(path: &Path, table: &str, faults: Arc<Faults>) -> anyhow::Result<Self> {
        let database = Database::new(&path.to_string_lossy())?;
        // No fsync per write: ten times faster, and only a dying machine could lose the last writes.
        database.enable_bulk_loading()?;
        Self::with(database, table, faults)
    }

    fn with(database: Database, table: &str, faults: Arc<Faults>) -> anyhow::Result<Self> {
        match database.create_table(serde_json::from_value(table_definition(table))?) {
            Ok(_) => {
                let ttl =
                    json!({"TableName": table, "TimeToLiveSpecification": {"AttributeName": "exp", "Enabled": true}});
                database.update_time_to_live(serde_json::from_value(ttl)?)?;
            }
            Err(DynoxideError::ResourceInUseException(_)) => check_shape(&database, table)?,
            Err(error) => return Err(error.into()),
        }
        Ok(Self { database, faults })
    }

    /// Puts many items at once, in `DynamoDB`'s own JSON and with their place in the indexes; not counted as requests.
    ///
    /// # Errors
    /// When one is no item of the table.
    pub fn fill(&self, table: &str, items: Vec<Value>) -> anyhow::Result<()> {
        let items = items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
        self.database.import_items(table, items, dynoxide::ImportOptions::default())?;
        Ok(())
    }

    /// Deletes every item whose `exp` (seconds since 1970) has passed; answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sweep_expired(&self) -> anyhow::Result<usize> {
        Ok(self.database.sweep_ttl()?)
    }

    /// Carries out one request of the JSON protocol.
    pub(crate) fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let Some(operation) = target.strip_prefix(PREFIX) else {
            return Ok(json_error(
                400,
                "UnknownOperationException",
                &format!("no operation in x-amz-target {target:?}"),
            ));
        };
        let body = request.body();
        match self.faults.take(Service::DynamoDb, operation) {
            None => Ok(self.answer(operation, body)),
            Some(FaultKind::Refuse { status, code }) => Ok(json_error(status, &code, "refused by a fault")),
            Some(FaultKind::Conflict) => Ok(conflict(operation, body)),
            Some(FaultKind::FailAfter) => {
                self.answer(operation, body);
                Ok(json_error(500, "InternalServerError", "failed by a fault after the request was carried out"))
            }
            Some(FaultKind::LoseAnswer) => {
                self.answer(operation, body);
                Err(LostAnswer)
            }
            Some(FaultKind::Partial { keep }) => Ok(self.partial(operation, body, keep)),
        }
    }

    fn answer(&self, operation: &str, body: &[u8]) -> Response<Bytes> {
        match self.dispatch(operation, body) {
            Ok(json) => json_answer(StatusCode::OK, json),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
                json_answer(status, error.to_json().into_bytes())
            }
        }
    }

    /// Carries out the first `keep` entries of a batch and hands the others back.
    fn partial(&self, operation: &str, body: &[u8], keep: usize) -> Response<Bytes> {
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return self.answer(operation, body) };
        let left = match operation {
            "BatchWriteItem" => split_writes(&mut request["RequestItems"], keep),
            "BatchGetItem" => split_gets(&mut request["RequestItems"], keep),
            _ => return self.answer(operation, body),
        };
        let field = if operation == "BatchWriteItem" { "UnprocessedItems" } else { "UnprocessedKeys" };
        let nothing = request["RequestItems"].as_object().is_none_or(serde_json::Map::is_empty);
        let mut answer = if nothing {
            json!({"Responses": {}})
        } else {
            match self.dispatch(operation, request.to_string().as_bytes()) {
                Ok(json) => serde_json::from_slice(&json).unwrap_or_default(),
                Err(error) => return json_answer(StatusCode::BAD_REQUEST, error.to_json().into_bytes()),
            }
        };
        answer[field] = left;
        json_answer(StatusCode::OK, answer.to_string().into_bytes())
    }

    fn dispatch(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
        let db = &self.database;
        match operation {
            "GetItem" => run(body, |r| db.get_item(r)),
            "PutItem" => run(body, |r| db.put_item(r)),
            "UpdateItem" => run(body, |r| db.update_item(r)),
            "DeleteItem" => run(body, |r| db.delete_item(r)),
            "Query" => run(body, |r| db.query(r)),
            "Scan" => run(body, |r| db.scan(r)),
            "BatchGetItem" => run(body, |r| db.batch_get_item(r)),
            "BatchWriteItem" => run(body, |r| db.batch_write_item(r)),
            "TransactGetItems" => run(body, |r| db.transact_get_items(r)),
            "TransactWriteItems" => run(body, |r| db.transact_write_items(r)),
            "CreateTable" => run(body, |r| db.create_table(r)),
            "DescribeTable" => run(body, |r| db.describe_table(r)),
            "ListTables" => run(body, |r| db.list_tables(r)),
            "DeleteTable" => run(body, |r| db.delete_table(r)),
            "UpdateTimeToLive" => run(body, |r| db.update_time_to_live(r)),
            "DescribeTimeToLive" => run(body, |r| db.describe_time_to_live(r)),
            _ => Err(DynoxideError::ValidationException(format!("operation {operation} is not stood in for"))),
        }
    }
}

/// Refuses a table that an older version of this program made.
fn check_shape(database: &Database, table: &str) -> anyhow::Result<()> {
    let found = database.describe_table(serde_json::from_value(json!({"TableName": table}))?)?;
    let found = serde_json::to_value(found)?["Table"]["GlobalSecondaryIndexes"].take();
    let has = |name: &Value| found.as_array().into_iter().flatten().any(|index| index["IndexName"] == *name);
    let wanted = table_definition(table)["GlobalSecondaryIndexes"].take();
    match wanted.as_array().into_iter().flatten().map(|index| &index["IndexName"]).find(|name| !has(name)) {
        Some(name) => bail!("the table has no index {name}: an older version made it; move the data folder away"),
        None => Ok(()),
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|e| DynoxideError::ValidationException(e.to_string()))?;
    serde_json::to_vec(&operation(request)?).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}

/// Leaves the first `keep` writes in `items` and answers the others in the same shape.
fn split_writes(items: &mut Value, mut keep: usize) -> Value {
    let mut left = json!({});
    for (table, writes) in items.as_object_mut().into_iter().flatten() {
        let Some(list) = writes.as_array_mut() else { continue };
        let rest = list.split_off(keep.min(list.len()));
        keep -= list.len();
        if !rest.is_empty() {
            left[table] = Value::Array(rest);
        }
    }
    drop_empty(items, |v| v.as_array().is_some_and(Vec::is_empty));
    left
}

/// The same for the keys of a `BatchGetItem`, whose lists are one level deeper.
fn split_gets(items: &mut Value, mut keep: usize) -> Value {
    let mut left = json!({});
    for (table, wanted) in items.as_object_mut().into_iter().flatten() {
        let mut others = wanted.clone();
        let Some(list) = wanted["Keys"].as_array_mut() else { continue };
        let rest = list.split_off(keep.min(list.len()));
        keep -= list.len();
        if !rest.is_empty() {
            others["Keys"] = Value::Array(rest);
            left[table] = others;
        }
    }
    drop_empty(items, |v| v["Keys"].as_array().is_some_and(Vec::is_empty));
    left
}

fn drop_empty(items: &mut Value, empty: impl Fn(&Value) -> bool) {
    if let Some(tables) = items.as_object_mut() {
        tables.retain(|_, v| !empty(v));
    }
}

fn conflict(operation: &str, body: &[u8]) -> Response<Bytes> {
    if operation != "TransactWriteItems" {
        return json_error(400, "TransactionConflictException", "Transaction is ongoing for the item");
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let count = request["TransactItems"].as_array().map_or(1, Vec::len);
    let reason = json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"});
    let answer = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
        "CancellationReasons": vec![reason; count],
    });
    json_answer(StatusCode::BAD_REQUEST, answer.to_string().into_bytes())
}

fn table_definition(table: &str) -> Value {
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let keys = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    // DynamoDB takes no index name shorter than three characters.
    let index = |(name, hash, range): (&str, &str, &str)| {
        let only_keys = json!({"ProjectionType": "KEYS_ONLY"});
        json!({"IndexName": name, "KeySchema": keys(hash, range), "Projection": only_keys})
    };
    let attributes = ["pk", "sk", "g1", "g2", "g3", "due", "due_at", "of", "at"].map(text);
    let groups = [("by-g1", "g1", "sk"), ("by-g2", "g2", "sk"), ("by-g3", "g3", "sk")].map(index);
    let times = [("by-due", "due", "due_at"), ("by-time", "of", "at")].map(index);
    let indexes = [&groups[..], &times[..]].concat();
    json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": indexes,
    })
}
