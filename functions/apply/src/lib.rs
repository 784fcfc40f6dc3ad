//! Writes the chunks of approved plans to the directory.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::Ports;
use muster_sync::{Applier, ApplyJob};

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
    let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
    let messages = event.payload.records.into_iter().map(|message| (message.message_id, message.body));
    let failed = muster_aws::failed_messages(messages, async |_, body| take(ports, body, deadline_ms).await).await;
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    Ok(answer)
}

async fn take(ports: &Ports, body: &str, deadline_ms: i64) -> anyhow::Result<()> {
    let job: ApplyJob = muster_aws::job(body)?;
    let applier = Applier {
        ledger: &ports.table,
        directory: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        clock: &ports.clock,
    };
    let applied = applier.apply(&job, deadline_ms).await?;
    tracing::info!(run.id = %job.run, run.chunk = ?job.chunk, "chunk taken: {applied:?}");
    Ok(())
}
