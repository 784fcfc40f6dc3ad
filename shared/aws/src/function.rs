//! What every function does with its queue.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use muster_core::format;
use muster_sync::{Job, METRIC_TARGET, MailKind, OutboxMail, PortError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::trace::{Trace, within};

/// Where SQS keeps the trace that a message belongs to.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// One call of a function, as its lines name it.
#[derive(Debug, Clone)]
pub struct Invocation {
    function: &'static str,
    request: String,
    trace: Option<Trace>,
}

impl Invocation {
    /// Of this function, under its request id, in the trace that the X-Ray header names.
    pub fn new(function: &'static str, request: &str, trace: Option<&str>) -> Self {
        Self { function, request: request.to_owned(), trace: trace.and_then(Trace::of_header) }
    }

    /// Handles what the function was called for; every line says for which call it was written.
    pub async fn handle<T>(&self, work: impl Future<Output = T>) -> T {
        let span = self.span(self.trace.as_ref());
        within(self.trace.clone(), work.instrument(span)).await
    }

    /// An error's level, so that no filter drops the ids. Whoever learns whose the work is fills them in.
    fn span(&self, trace: Option<&Trace>) -> Span {
        tracing::error_span!(
            "invocation",
            function = self.function,
            request_id = self.request,
            trace_id = trace.map(Trace::root),
            message.id = Empty,
            account.id = Empty,
            connection.id = Empty,
            run.id = Empty,
        )
    }
}

/// A message of a queue.
#[derive(Debug, Clone, Default)]
pub struct Message {
    id: String,
    body: String,
    attributes: HashMap<String, String>,
}

impl Message {
    /// With its id, its body and the attributes that the queue itself gave it.
    pub fn new(id: Option<String>, body: Option<String>, attributes: HashMap<String, String>) -> Self {
        Self { id: id.unwrap_or_default(), body: body.unwrap_or_default(), attributes }
    }
}

/// Takes messages one by one, each by its id and body; answers the ids of those that must come back.
/// One that fails or panics does not keep the others from being taken. Each belongs to the trace that it names, else to
/// the invocation's.
pub async fn failed_messages(
    invocation: &Invocation,
    messages: impl IntoIterator<Item = Message>,
    take: impl AsyncFn(&str, &str) -> anyhow::Result<()>,
) -> Vec<String> {
    let mut failed = Vec::new();
    for Message { id, body, attributes } in messages {
        let own = attributes.get(TRACE_HEADER).and_then(|header| Trace::of_header(header));
        let trace = own.or_else(|| invocation.trace.clone());
        let span = invocation.span(trace.as_ref());
        span.record("message.id", &id);
        span.in_scope(|| tell_age(&attributes));
        let work = AssertUnwindSafe(take(&id, &body)).catch_unwind();
        // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
        let taken = Box::pin(within(trace, work.instrument(span.clone()))).await;
        let failure = match taken {
            Ok(Ok(())) => continue,
            Ok(Err(e)) => e.to_string(),
            Err(_) => "it made the function panic".to_owned(),
        };
        span.in_scope(|| tracing::warn!(failure, "message comes back"));
        failed.push(id);
    }
    failed
}

/// How long the message was in its queue, counted from when it was sent first.
#[expect(clippy::cast_precision_loss, reason = "a time span in milliseconds, shown as seconds")]
fn tell_age(attributes: &HashMap<String, String>) {
    let sent_ms = attributes.get("SentTimestamp").and_then(|sent| sent.parse::<u128>().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    if let Some(sent_ms) = sent_ms {
        let seconds = now.as_millis().saturating_sub(sent_ms) as f64 / 1_000.0;
        tracing::info!(target: METRIC_TARGET, MessageAgeSeconds = seconds);
    }
}

/// Reads the JSON of a service's message.
///
/// # Errors
/// Where it has another form: the place, and nothing of what stands there.
pub fn message<T: DeserializeOwned>(body: &str) -> anyhow::Result<T> {
    serde_json::from_str(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        anyhow::anyhow!("the message cannot be read: {:?} at line {line}, column {column}", error.classify())
    })
}

/// The job of a message of our own.
///
/// # Errors
/// [`PortError`] for one that a newer Muster sent: it comes back until one is there. The same for what is no such job.
pub fn job<T: Job>(body: &str) -> Result<T, PortError> {
    const READ: &str = "read the message";
    let unreadable = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let what = format!("it is no {}: {:?} at line {line}, column {column}", T::FORMAT.name, error.classify());
        PortError::never(READ, what)
    };
    let value: Value = serde_json::from_str(body).map_err(unreadable)?;
    let version = value.get("v").map(|v| v.as_u64().unwrap_or(u64::MAX));
    T::FORMAT.check(version).map_err(|wrong| PortError::version(READ, &wrong))?;
    serde_json::from_value(value).map_err(unreadable)
}

/// Which mail an event of the mail service is about, and what it says: `Send`, `Bounce`, `Complaint` …
/// `None` for mails that are not the outbox's. Its lines belong to the mail's trace from here on.
///
/// # Errors
/// [`PortError`] for a mail that a newer Muster sent: the event comes back until one is there.
pub fn mail_event(event: &Value) -> Result<Option<(OutboxMail, &str)>, PortError> {
    let version = event.pointer("/detail/mail/tags/v/0").and_then(Value::as_str);
    let version = version.map(|text| text.parse().unwrap_or(u64::MAX));
    format::MAIL_TAGS.check(version).map_err(|wrong| PortError::version("read the mail's event", &wrong))?;
    Ok(told_of(event))
}

fn told_of(event: &Value) -> Option<(OutboxMail, &str)> {
    let detail = event.get("detail")?;
    let tags = detail.pointer("/mail/tags")?;
    let tag = |name: &str| Some(tags.get(name)?.get(0)?.as_str()?.to_owned());
    let kind = match tag("kind")?.as_str() {
        "held" => MailKind::Held,
        "ended" => MailKind::Ended,
        _ => return None,
    };
    if let Some(trace) = tag("trace").and_then(|root| Trace::of_header(&format!("Root={root}"))) {
        Span::current().record("trace_id", trace.root());
    }
    let mail = OutboxMail { account: tag("account")?, connection: tag("connection")?, run: tag("run")?, kind };
    Some((mail, detail.get("eventType")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_send_event_names_its_mail() {
        let tags = json!({"account": ["acme"], "connection": ["acme-hr"], "run": ["0a"], "kind": ["held"]});
        let event = json!({"source": "aws.ses", "detail": {"eventType": "Send", "mail": {"tags": tags}}});
        let (mail, says) = mail_event(&event).unwrap().unwrap();
        assert_eq!((mail.run.as_str(), mail.kind, says), ("0a", MailKind::Held, "Send"));
    }

    #[tokio::test]
    async fn poison_in_a_batch_lets_the_others_finish_f32() {
        let message = |text: &str| Message::new(Some(text.to_owned()), Some(text.to_owned()), HashMap::new());
        let messages = ["good", "panic", "bad", "fine"].map(message);
        let invocation = Invocation::new("apply", "r-1", None);
        let failed = failed_messages(&invocation, messages, async |_, body| match body {
            "panic" => panic!("poison"),
            "bad" => anyhow::bail!("cannot be read"),
            _ => Ok(()),
        });
        assert_eq!(failed.await, ["panic", "bad"]);
    }
}
