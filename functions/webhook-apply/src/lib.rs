//! Takes over what webhooks told: one connection's events one after the other.

use std::collections::HashSet;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Message, Ports, WebSender};
use muster_sync::{Delivery, EventJob, EventTaker, Web};

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

/// Takes a batch; answers which messages are to come back. Once one of a group fails the rest of its group comes back
/// too: the queue hands out a group's messages in their order only.
///
/// # Errors
/// None: each message answers for itself.
pub async fn handle(ports: &Ports, web: &impl Web, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    let mut answer = SqsBatchResponse::default();
    let mut stuck: HashSet<String> = HashSet::new();
    for message in payload.records {
        let group = group_of(&message);
        let id = message.message_id.clone();
        if stuck.contains(&group) {
            answer.add_failure(id.unwrap_or_default());
            continue;
        }
        let one = [Message::new(message.message_id, message.body, message.attributes)];
        let failed = muster_aws::failed_messages(&invocation, one, async |id, body| {
            let name = format!("{}/{id}", context.request_id);
            take(ports, web, body, Delivery { name: &name, deadline_ms }).await
        })
        .await;
        for id in failed {
            answer.add_failure(id);
            stuck.insert(group.clone());
        }
    }
    Ok(answer)
}

fn group_of(message: &SqsMessage) -> String {
    message.attributes.get("MessageGroupId").cloned().unwrap_or_default()
}

async fn take(ports: &Ports, web: &impl Web, body: &str, delivery: Delivery<'_>) -> anyhow::Result<()> {
    let job: EventJob = muster_aws::job(body)?;
    let taker = EventTaker {
        ledger: &ports.table,
        directory: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        secrets: &ports.secrets,
        web,
        clock: &ports.clock,
    };
    let taken = taker.take(&job, delivery).await?;
    tracing::info!(outcome = ?taken, "message taken");
    Ok(())
}
