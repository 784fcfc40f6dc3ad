//! Plans uploaded files: S3 events and runs to plan anew come in by SQS, plans go out.

use aws_lambda_events::event::s3::{S3Event, S3EventRecord};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Invocation, Message, Ports};
use muster_sync::{Delivery, ImportJob, Importer, Upload};

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
    let failed = muster_aws::failed_messages(&invocation, messages, async |id, body| {
        let name = format!("{}/{id}", context.request_id);
        take(ports, body, Delivery { name: &name, deadline_ms }).await
    })
    .await;
    let mut answer = SqsBatchResponse::default();
    failed.into_iter().for_each(|id| answer.add_failure(id));
    Ok(answer)
}

async fn take(ports: &Ports, body: &str, delivery: Delivery<'_>) -> anyhow::Result<()> {
    let importer = Importer {
        ledger: &ports.table,
        directory: &ports.table,
        objects: &ports.bucket,
        queue: &ports.queues,
        clock: &ports.clock,
    };
    let value: serde_json::Value = muster_aws::message(body)?;
    if value.get("Event").is_some_and(|event| event == "s3:TestEvent") {
        return Ok(());
    }
    if value.get("muster").is_some() {
        let job: ImportJob = muster_aws::job(body)?;
        let imported = importer.resume(&job, delivery).await?;
        tracing::info!(outcome = ?imported, "message taken");
        return Ok(());
    }
    let event: S3Event = muster_aws::message(body)?;
    for record in event.records {
        let imported = importer.import(&upload(record)?, delivery).await?;
        tracing::info!(outcome = ?imported, "message taken");
    }
    Ok(())
}

fn upload(record: S3EventRecord) -> anyhow::Result<Upload> {
    let object = record.s3.object;
    let missing = |what: &str| anyhow::anyhow!("the S3 event has no {what}");
    Ok(Upload {
        bucket: record.s3.bucket.name.ok_or_else(|| missing("bucket"))?,
        key: decoded(&object.key.ok_or_else(|| missing("key"))?)?,
        version: object.version_id.ok_or_else(|| missing("version: switch on versioning of the bucket"))?,
        sequencer: object.sequencer.unwrap_or_default(),
        copied: record.event_name.is_some_and(|name| name.ends_with("ObjectCreated:Copy")),
        size: u64::try_from(object.size.unwrap_or(0)).unwrap_or(0),
        at_ms: record.event_time.timestamp_millis(),
    })
}

/// The key as S3 writes it into events: `+` is a space, the rest percent-encoded UTF-8. Decoded exactly once.
fn decoded(key: &str) -> anyhow::Result<String> {
    let spaced = key.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    Ok(decoded.map_err(|_| anyhow::anyhow!("the S3 event's key is not UTF-8"))?.into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_decoded_once_b45() {
        let check = |key: &str, expected: &str| assert_eq!(super::decoded(key).unwrap(), expected);
        check("inbox/acme/a+b%2Bc.csv", "inbox/acme/a b+c.csv");
        check("inbox/acme/%252F.csv", "inbox/acme/%2F.csv");
        check("inbox/acme/caf%C3%A9.csv", "inbox/acme/café.csv");
    }
}
