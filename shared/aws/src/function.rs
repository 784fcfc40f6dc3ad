//! What every function does with its queue.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use muster_sync::{MailKind, OutboxMail};
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

/// Which mail an event of the mail service is about, and what it says: `Send`, `Bounce`, `Complaint` …
/// `None` for mails that are not the outbox's.
pub fn mail_event(event: &Value) -> Option<(OutboxMail, &str)> {
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
        let (mail, says) = mail_event(&event).unwrap();
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
