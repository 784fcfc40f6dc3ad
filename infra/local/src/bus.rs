//! `EventBridge`'s `PutEvents`: takes what the product is told, keeps it, and shows it at `/events`.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    http::{Request, Response, StatusCode},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    answer::{LostAnswer, json_answer, json_error},
    clock::{Clock, iso8601},
    digest,
    faults::{FaultKind, Faults, Service},
    journal::Journal,
};

/// Entries that one request may carry.
const MOST_ENTRIES: usize = 10;

/// An event that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusEvent {
    /// The id that the sender was given.
    pub id: String,
    /// When, as `2026-11-22T17:00:00.123Z`.
    pub at: String,
    /// The bus.
    pub bus: String,
    /// Who sent it.
    pub source: String,
    /// What happened.
    pub detail_type: String,
    /// The particulars.
    pub detail: Value,
    /// The trace that it belongs to, as its sender named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

struct Inner {
    events: Mutex<Vec<BusEvent>>,
    journal: Journal,
    clock: Clock,
    faults: Arc<Faults>,
}

/// The event bus.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

impl Bus {
    /// Events in memory.
    pub(crate) fn in_memory(clock: Clock, faults: Arc<Faults>) -> Self {
        Self::with(Journal::none(), Vec::new(), clock, faults)
    }

    /// Events kept in the journal at `path`.
    pub(crate) fn open(path: &Path, clock: Clock, faults: Arc<Faults>) -> std::io::Result<Self> {
        let (journal, events) = Journal::open(path)?;
        Ok(Self::with(journal, events, clock, faults))
    }

    fn with(journal: Journal, events: Vec<BusEvent>, clock: Clock, faults: Arc<Faults>) -> Self {
        Self { inner: Arc::new(Inner { events: Mutex::new(events), journal, clock, faults }) }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<BusEvent>> {
        self.inner.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every event so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<BusEvent> {
        self.locked().clone()
    }

    /// Carries out one request of the JSON protocol.
    pub(crate) fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        match self.inner.faults.take(Service::Events, "PutEvents") {
            Some(FaultKind::Refuse { status, code }) => Ok(json_error(status, &code, "refused by a fault")),
            Some(FaultKind::FailAfter) => {
                self.put(request.body());
                Ok(json_error(500, "InternalException", "failed by a fault after the request was carried out"))
            }
            Some(FaultKind::LoseAnswer) => {
                self.put(request.body());
                Err(LostAnswer)
            }
            None | Some(FaultKind::Conflict | FaultKind::Partial { .. }) => Ok(self.put(request.body())),
        }
    }

    fn put(&self, body: &[u8]) -> Response<Bytes> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let entries = body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=MOST_ENTRIES).contains(&entries.len()) {
            return json_error(400, "ValidationException", "Entries must hold 1 to 10 entries");
        }
        let answers: Vec<Value> = entries.iter().map(|entry| self.put_one(entry)).collect();
        let failed = answers.iter().filter(|answer| answer.get("ErrorCode").is_some()).count();
        let answer = json!({"FailedEntryCount": failed, "Entries": answers});
        json_answer(StatusCode::OK, answer.to_string().into_bytes())
    }

    fn put_one(&self, entry: &Value) -> Value {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let Some(detail) = serde_json::from_str(&text("Detail")).ok().filter(Value::is_object) else {
            return json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."});
        };
        let event = BusEvent {
            id: digest::random_id(),
            at: iso8601(self.inner.clock.now_ms()),
            bus: text("EventBusName"),
            source: text("Source"),
            detail_type: text("DetailType"),
            detail,
            trace: entry["TraceHeader"].as_str().map(str::to_owned),
        };
        if event.source.is_empty() || event.detail_type.is_empty() {
            return json!({"ErrorCode": "InvalidArgument", "ErrorMessage": "Source and DetailType must be there."});
        }
        if let Err(error) = self.inner.journal.append(&event) {
            tracing::error!("events: {error}");
            return json!({"ErrorCode": "InternalFailure", "ErrorMessage": "could not be kept"});
        }
        let id = event.id.clone();
        self.locked().push(event);
        json!({"EventId": id})
    }
}

/// `/events`: every event so far, oldest first.
pub(crate) fn router(bus: Bus) -> Router {
    Router::new().route("/events", get(async move || Json(bus.events())))
}
