//! An embedded table behind the SDK's own transport, with faults on demand.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs, reason = "each test program uses a part of it")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use muster_aws::{Clients, Table, TableConfig};

/// What happens to one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is done, and the answer is this.
    DoneBut(u16, String),
    /// It is not done, and the answer is this.
    Instead(u16, String),
}

/// A failure as the service words it.
pub fn failure(code: &str) -> Fault {
    Fault::Instead(400, format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"x"}}"#))
}

/// A cancelled transaction with these reasons.
pub fn cancelled(reasons: &[&str]) -> Fault {
    let reasons: Vec<_> = reasons.iter().map(|code| serde_json::json!({ "Code": code })).collect();
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "x", "CancellationReasons": reasons,
    });
    Fault::Instead(400, body.to_string())
}

/// The transport.
#[derive(Clone)]
pub struct Wire {
    pub db: Database,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    calls: Arc<Mutex<Vec<(String, serde_json::Value)>>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub fn new() -> Self {
        Self { db: Database::memory().unwrap(), faults: Arc::default(), calls: Arc::default() }
    }

    /// What happens to the next calls, in their order.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// The calls since the last time, by operation.
    pub fn calls(&self) -> Vec<(String, serde_json::Value)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or("");
        let operation = target.rsplit('.').next().unwrap_or("").to_owned();
        let body = request.body().bytes().unwrap_or(b"{}");
        self.calls.lock().unwrap().push((operation.clone(), serde_json::from_slice(body).unwrap()));
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::Pass);
        if let Fault::Instead(status, body) = fault {
            return Ok(response(status, body));
        }
        let (status, text) = run(&self.db, &operation, body);
        match fault {
            Fault::AnswerLost => Err(ConnectorError::timeout("lost".into())),
            Fault::DoneBut(status, body) => Ok(response(status, body)),
            _ => Ok(response(status, text)),
        }
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(&request))
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn response(status: u16, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

fn run(db: &Database, operation: &str, body: &[u8]) -> (u16, String) {
    macro_rules! call {
        ($method:ident) => {
            match db.$method(serde_json::from_slice(body).unwrap()) {
                Ok(answer) => (200, serde_json::to_string(&answer).unwrap()),
                Err(error) => (error.status_code(), error.to_json()),
            }
        };
    }
    match operation {
        "CreateTable" => call!(create_table),
        "UpdateTimeToLive" => call!(update_time_to_live),
        "GetItem" => call!(get_item),
        "PutItem" => call!(put_item),
        "UpdateItem" => call!(update_item),
        "DeleteItem" => call!(delete_item),
        "BatchGetItem" => call!(batch_get_item),
        "TransactWriteItems" => call!(transact_write_items),
        "Query" => call!(query),
        other => panic!("the table is not asked for {other}"),
    }
}

/// A fresh table; calls are tried `attempts` times.
pub async fn table(attempts: u32) -> (Table, Wire) {
    let wire = Wire::new();
    let client = Clients::with_http(wire.clone(), attempts).dynamodb();
    let table = Table::new(client, TableConfig { table: "muster".to_owned() });
    table.create().await.unwrap();
    wire.calls();
    (table, wire)
}
