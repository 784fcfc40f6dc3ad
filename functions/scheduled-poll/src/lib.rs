//! Fetches listings from providers: the schedule starts what is due, the queue brings one listing a message.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Message, Ports, WebSender};
use muster_sync::{Delivery, Dispatcher, PollJob, Poller, Web};
use serde_json::Value;

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let (ports, web) = (Ports::from_env().await?, WebSender::from_env());
        lambda_runtime::run(service_fn(|event| handle(&ports, &web, event))).await
    })
}

/// Takes a batch of messages, or a look at the schedule; answers which messages are to come back.
///
/// # Errors
/// When something that is due could not be started: the schedule tries again.
pub async fn handle(ports: &Ports, web: &impl Web, event: LambdaEvent<Value>) -> Result<SqsBatchResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    if payload.get("Records").is_none() {
        // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
        Box::pin(invocation.handle(dispatch(ports))).await?;
        return Ok(SqsBatchResponse::default());
    }
    let batch: SqsEvent = serde_json::from_value(payload)?;
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let messages =
        batch.records.into_iter().map(|message| Message::new(message.message_id, message.body, message.attributes));
    let failed = muster_aws::failed_messages(&invocation, messages, async |id, body| {
        let name = format!("{}/{id}", context.request_id);
        take(ports, web, body, Delivery { name: &name, deadline_ms }).await
    })
    .await;
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    Ok(answer)
}

async fn dispatch(ports: &Ports) -> anyhow::Result<()> {
    let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    let done = dispatcher.dispatch().await;
    // Also where something could not be started: the alarm on plans that wait rests on it.
    dispatcher.tell_waiting().await?;
    let done = done?;
    tracing::debug!(polls = done.polls, late = done.late, "schedule looked at");
    Ok(())
}

async fn take(ports: &Ports, web: &impl Web, body: &str, delivery: Delivery<'_>) -> anyhow::Result<()> {
    let job: PollJob = muster_aws::job(body)?;
    let poller = Poller {
        ledger: &ports.table,
        directory: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        secrets: &ports.secrets,
        web,
        clock: &ports.clock,
    };
    let polled = poller.poll(&job, delivery).await?;
    tracing::info!(outcome = ?polled, "message taken");
    Ok(())
}
