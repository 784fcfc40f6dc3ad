//! Webhooks on their way: sent one after the other in the background, or held until a test delivers them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{clock, name::Name, post::post, provider::Event, sign};

const TRIES: u32 = 3;
/// The wait before the second try; twice as long before the third.
const WAIT: Duration = Duration::from_millis(200);

/// Where one provider's webhooks go.
#[derive(Debug)]
pub(crate) struct Outbox {
    name: Name,
    pub url: Option<String>,
    pub secret: String,
    pub hold: bool,
    /// Whether `BambooHR` sends its old format, with the person inside.
    pub legacy: bool,
    pub held: Vec<Event>,
    queue: Option<UnboundedSender<Sending>>,
    settled: Arc<Mutex<Settled>>,
}

/// What became of the webhooks of the background task.
#[derive(Debug, Default)]
struct Settled {
    waiting: usize,
    sent: Vec<Value>,
}

/// A webhook with its address and what it is signed with.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    name: Name,
    url: String,
    secret: String,
    event: Event,
}

impl Outbox {
    pub(crate) fn new(name: Name) -> Outbox {
        let secret = name.webhook_secret().to_owned();
        let settled = Arc::default();
        Outbox { name, url: None, secret, hold: false, legacy: true, held: Vec::new(), queue: None, settled }
    }

    /// Holds or sends an event; drops it if there is no address.
    pub(crate) fn take(&mut self, event: Event) {
        if self.hold {
            self.held.push(event);
        } else if let Some(sending) = self.sending(event) {
            locked(&self.settled).waiting += 1;
            let queue = self.queue.get_or_insert_with(|| {
                let (sender, receiver) = unbounded_channel();
                tokio::spawn(work(receiver, Arc::clone(&self.settled)));
                sender
            });
            drop(queue.send(sending));
        }
    }

    /// An event with the address of now; `None` without an address.
    pub(crate) fn sending(&self, event: Event) -> Option<Sending> {
        Some(Sending { name: self.name, url: self.url.clone()?, secret: self.secret.clone(), event })
    }

    /// What is held, waits and was sent; neither secrets nor people.
    pub(crate) fn state(&self) -> Value {
        let settled = locked(&self.settled);
        let held: Vec<Value> = self.held.iter().map(|event| json!({"id": event.id, "event": event.kind})).collect();
        json!({"url": self.url, "hold": self.hold, "held": held, "waiting": settled.waiting, "sent": settled.sent})
    }
}

impl Sending {
    /// The headers over this body, signed now.
    fn signed(&self, body: &[u8]) -> Result<Vec<(&'static str, String)>, String> {
        let (milliseconds, secret) = (clock::now(), self.secret.as_str());
        let seconds = milliseconds / 1000;
        let headers = match self.name {
            Name::Apideck => vec![
                ("x-apideck-event-type", self.event.kind.clone()),
                ("x-apideck-signature", sign::apideck(secret, body).ok_or("the body is no JSON")?),
                ("x-apideck-idempotency-key", self.event.id.clone()),
            ],
            Name::Merge => vec![("X-Merge-Webhook-Signature", sign::merge(secret, body))],
            Name::Finch => vec![
                ("Finch-Event-Id", self.event.id.clone()),
                ("Finch-Timestamp", seconds.to_string()),
                (
                    "Finch-Signature",
                    sign::finch(secret, &self.event.id, seconds, body).ok_or("the secret is no base64")?,
                ),
            ],
            Name::WorkOs => vec![("WorkOS-Signature", sign::workos(secret, milliseconds, body))],
            Name::BambooHr => vec![
                ("X-BambooHR-Timestamp", seconds.to_string()),
                ("X-BambooHR-Signature", sign::bamboohr(secret, &seconds.to_string(), body)),
            ],
        };
        Ok(headers)
    }

    /// Sends once: the event, the status of the answer or what went wrong.
    pub(crate) async fn send(&self) -> Value {
        let body = self.event.body.to_string().into_bytes();
        let answer = match self.signed(&body) {
            Ok(headers) => post(&self.url, &headers, &body).await,
            Err(why) => Err(why),
        };
        let (id, event) = (&self.event.id, &self.event.kind);
        match answer {
            Ok(status) => json!({"id": id, "event": event, "status": status}),
            Err(error) => json!({"id": id, "event": event, "error": error}),
        }
    }

    /// Sends until it is answered with 2xx, at most three times.
    async fn send_with_retries(&self) -> Value {
        let mut wait = WAIT;
        for tries in 1.. {
            let mut outcome = self.send().await;
            let done = outcome["status"].as_u64().is_some_and(|status| status / 100 == 2);
            if done || tries == TRIES {
                outcome["tries"] = json!(tries);
                return outcome;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Value::Null
    }
}

async fn work(mut queue: UnboundedReceiver<Sending>, settled: Arc<Mutex<Settled>>) {
    while let Some(sending) = queue.recv().await {
        let outcome = sending.send_with_retries().await;
        let mut settled = locked(&settled);
        settled.waiting -= 1;
        settled.sent.push(outcome);
    }
}

fn locked(settled: &Mutex<Settled>) -> MutexGuard<'_, Settled> {
    settled.lock().unwrap_or_else(PoisonError::into_inner)
}
