//! Writes the chunks of approved plans to the directory.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Message, Ports};
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
    let LambdaEvent { payload, context } = event;
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    let messages =
        payload.records.into_iter().map(|message| Message::new(message.message_id, message.body, message.attributes));
    let taken = async |_: &str, body: &str| take(ports, body, deadline_ms).await;
    let failed = muster_aws::failed_messages(&invocation, messages, taken).await;
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
    tracing::info!(run.chunk = job.chunk, outcome = ?applied, "message taken");
    Ok(())
}
