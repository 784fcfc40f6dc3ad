//! What every function does with its queue.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use muster_core::format;
use muster_sync::{Job, MailKind, OutboxMail, PortError};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

/// JSON lines to standard error, filtered by `RUST_LOG` (`info` unless set).
pub fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A second call finds a logger in place: fine.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Takes messages one by one, each by its id and body; answers the ids of those that must come back.
/// One that fails or panics does not keep the others from being taken.
pub async fn failed_messages(
    messages: impl IntoIterator<Item = (Option<String>, Option<String>)>,
    take: impl AsyncFn(&str, &str) -> anyhow::Result<()>,
) -> Vec<String> {
    let mut failed = Vec::new();
    for (id, body) in messages {
        let (id, body) = (id.unwrap_or_default(), body.unwrap_or_default());
        // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
        let taken = Box::pin(AssertUnwindSafe(take(&id, &body)).catch_unwind());
        let failure = match taken.await {
            Ok(Ok(())) => continue,
            Ok(Err(e)) => e.to_string(),
            Err(_) => "it made the function panic".to_owned(),
        };
        tracing::warn!(message.id = %id, "message comes back: {failure}");
        failed.push(id);
    }
    failed
}

/// The job of a message of our own.
///
/// # Errors
/// [`PortError`] for one that a newer Muster sent: it comes back until one is there. The same for what is no such job.
pub fn job<T: Job>(body: &str) -> Result<T, PortError> {
    const READ: &str = "read the message";
    let unreadable = |error: serde_json::Error| PortError::never(READ, format!("no {}: {error}", T::FORMAT.name));
    let value: Value = serde_json::from_str(body).map_err(unreadable)?;
    let version = value.get("v").map(|v| v.as_u64().unwrap_or(u64::MAX));
    T::FORMAT.check(version).map_err(|wrong| PortError::version(READ, &wrong))?;
    serde_json::from_value(value).map_err(unreadable)
}

/// Which mail an event of the mail service is about, and what it says: `Send`, `Bounce`, `Complaint` …
/// `None` for mails that are not the outbox's.
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
        let messages = ["good", "panic", "bad", "fine"].map(|text| (Some(text.to_owned()), Some(text.to_owned())));
        let failed = failed_messages(messages, async |_, body| match body {
            "panic" => panic!("poison"),
            "bad" => anyhow::bail!("cannot be read"),
            _ => Ok(()),
        });
        assert_eq!(failed.await, ["panic", "bad"]);
    }
}
