//! Sends the mails of the outbox and listens to what the mail service says of them.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::Aws;
use muster_sync::{OutboxMail, PATIENCE_MS, Reporter};

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let aws = Aws::from_env().await?;
        lambda_runtime::run(service_fn(|event| handle(&aws, event))).await
    })
}

/// Takes a batch; answers which messages are to come back.
///
/// # Errors
/// None: each message answers for itself.
pub async fn handle(aws: &Aws, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let messages = event.payload.records.into_iter().map(|message| (message.message_id, message.body));
    let failed = muster_aws::failed_messages(messages, async |_, body| take(aws, body).await).await;
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    Ok(answer)
}

async fn take(aws: &Aws, body: &str) -> anyhow::Result<()> {
    let value: serde_json::Value = serde_json::from_str(body)?;
    let reporter =
        Reporter { ledger: aws, objects: aws, mailer: aws, clock: aws, patience_ms: PATIENCE_MS, ways: aws.ways() };
    if value.get("source").is_some_and(|source| source == "aws.ses") {
        if let Some((mail, event)) = muster_aws::mail_event(&value) {
            tracing::info!(run.id = %mail.run, mail.event = event, "the mail service tells of a mail");
            reporter.heard(&mail, event == "Send").await?;
        }
        return Ok(());
    }
    let mail: OutboxMail = serde_json::from_value(value)?;
    let told = reporter.tell(&mail).await?;
    tracing::info!(run.id = %mail.run, mail.kind = mail.kind.as_str(), "mail taken: {told:?}");
    Ok(())
}
