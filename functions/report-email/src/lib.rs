//! Sends the mails of the outbox and listens to what the mail service says of them.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Message, Ports};
use muster_sync::{OutboxMail, PATIENCE_MS, Reporter, Ways};

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let ports = Ports::from_env().await?;
        lambda_runtime::run(service_fn(|event| handle(&ports, event))).await
    })
}

/// Takes a batch; answers which messages are to come back.
///
/// # Errors
/// None: each message answers for itself.
pub async fn handle(ports: &Ports, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    let messages =
        payload.records.into_iter().map(|message| Message::new(message.message_id, message.body, message.attributes));
    let failed = muster_aws::failed_messages(&invocation, messages, async |_, body| take(ports, body).await).await;
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    Ok(answer)
}

async fn take(ports: &Ports, body: &str) -> anyhow::Result<()> {
    let value: serde_json::Value = muster_aws::message(body)?;
    let mailer = ports
        .mail
        .as_ref()
        .ok_or_else(|| anyhow::anyhow!("MUSTER_MAIL_FROM and MUSTER_SES_CONFIGURATION_SET must be set"))?;
    let reporter = Reporter {
        ledger: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        mailer,
        clock: &ports.clock,
        patience_ms: patience_ms(),
        ways: &ways(),
    };
    if value.get("source").is_some_and(|source| source == "aws.ses") {
        if let Some((mail, event)) = muster_aws::mail_event(&value)? {
            reporter.heard(&mail, event).await?;
        }
        return Ok(());
    }
    let mail: OutboxMail = muster_aws::job(body)?;
    let told = reporter.tell(&mail).await?;
    tracing::info!(mail.kind = mail.kind.as_str(), outcome = ?told, "message taken");
    Ok(())
}

/// How long a broken-off send is awaited: `MUSTER_MAIL_PATIENCE_SECONDS`, a quarter of an hour unless set.
fn patience_ms() -> i64 {
    let seconds = std::env::var("MUSTER_MAIL_PATIENCE_SECONDS").ok().and_then(|seconds| seconds.parse::<i64>().ok());
    seconds.map_or(PATIENCE_MS, |seconds| seconds.saturating_mul(1_000))
}

/// How a held plan is decided here: on a page below `MUSTER_PUBLIC_URL`; where that is not set, `MUSTER_APPROVE` and
/// `MUSTER_REJECT` say how, in which `{run}` and `{hash}` are filled in.
fn ways() -> Ways {
    let told = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    Ways {
        approve: told("MUSTER_APPROVE", "approve run {run} with the hash {hash}"),
        reject: told("MUSTER_REJECT", "reject run {run}"),
        public_url: std::env::var("MUSTER_PUBLIC_URL").ok().filter(|url| !url.is_empty()),
    }
}
