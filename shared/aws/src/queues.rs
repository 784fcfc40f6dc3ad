//! The queues between the functions.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use muster_sync::{ApplyJob, EventJob, ImportJob, Job, PollJob, PortError, ProductEvent, Queue, ReportJob};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::QueuesConfig;
use crate::fault::failed;
use crate::pause::jittered;
use crate::trace;

type Answer<T> = Result<T, PortError>;

const SEND: &str = "send to the queue";
/// How many messages one request may carry.
const BATCH: usize = 10;
/// How often the refused part of a batch is sent again.
const TRIES: u32 = 5;

/// The queues that a function sends to.
#[derive(Debug, Clone)]
pub struct Queues {
    client: aws_sdk_sqs::Client,
    bus: aws_sdk_eventbridge::Client,
    config: QueuesConfig,
}

impl Queues {
    /// The queues that the configuration names.
    pub fn new(client: aws_sdk_sqs::Client, bus: aws_sdk_eventbridge::Client, config: QueuesConfig) -> Self {
        Self { client, bus, config }
    }

    async fn send_one(&self, url: &str, body: String) -> Answer<()> {
        let request = self.client.send_message().queue_url(url).message_body(body);
        let sent = request.set_message_system_attributes(traced()?).send().await;
        sent.map(|_| ()).map_err(|error| failed(SEND, &error))
    }

    async fn send_batch(&self, url: &str, mut bodies: Vec<String>) -> Answer<()> {
        for attempt in 0..TRIES {
            let entries = bodies.iter().enumerate().map(|(at, body)| {
                let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body);
                let entry = entry.set_message_system_attributes(traced()?).build();
                entry.map_err(|error| PortError::never(SEND, error.to_string()))
            });
            let entries = entries.collect::<Answer<Vec<_>>>()?;
            let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries));
            let answer = request.send().await.map_err(|error| failed(SEND, &error))?;
            if let Some(refused) = answer.failed().iter().find(|refused| refused.sender_fault()) {
                return Err(PortError::never(SEND, refused.code()));
            }
            let again = answer.failed().iter().filter_map(|refused| refused.id().parse::<usize>().ok());
            bodies = again.filter_map(|at| bodies.get(at).cloned()).collect();
            if bodies.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(jittered(Duration::from_millis(50), attempt)).await;
        }
        Err(PortError::later(SEND, format!("{} messages were refused {TRIES} times", bodies.len())))
    }

    /// One request, in the order of the jobs. Whatever is refused comes again with all the others: the queue knows
    /// those that it took, and the order of a connection's events stays.
    async fn send_ordered(&self, url: &str, jobs: &[EventJob]) -> Answer<()> {
        let entries = jobs.iter().enumerate().map(|(at, job)| {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(at.to_string())
                .message_body(text(job)?)
                .message_group_id(format!("{}/{}", job.account, job.connection))
                .message_deduplication_id(same_event(job)?)
                .set_message_system_attributes(traced()?);
            entry.build().map_err(|error| PortError::never(SEND, error.to_string()))
        });
        let entries = entries.collect::<Answer<Vec<_>>>()?;
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| failed(SEND, &error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(refused) => {
                let detail = format!("{} of {} events: {}", answer.failed().len(), jobs.len(), refused.code());
                Err(PortError::later(SEND, detail))
            }
        }
    }
}

/// The trace that a message goes on with. It counts neither as a part of the message nor for what makes two the same.
fn traced() -> Answer<Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>>> {
    let Some(trace) = trace::current() else { return Ok(None) };
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace.header()).build();
    let value = value.map_err(|error| PortError::never(SEND, error.to_string()))?;
    Ok(Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)])))
}

fn url<'a>(url: Option<&'a String>, variable: &str) -> Answer<&'a str> {
    let missing = || PortError::never(SEND, format!("the environment variable {variable} is not set"));
    url.map(String::as_str).ok_or_else(missing)
}

/// What two deliveries of one event have in common. The queue compares over all groups, so the connection belongs to it:
/// ids are unique at their provider only.
fn same_event(job: &EventJob) -> Answer<String> {
    let what = serde_json::to_string(&job.what).map_err(|error| PortError::never(SEND, error.to_string()))?;
    let mut hash = Sha256::new();
    for part in [&job.account, &job.connection, &job.event, &job.digest, &what] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A message with the number of its form.
fn text<T: Job>(job: &T) -> Answer<String> {
    with_members(job, &[])
}

/// Our own message on a queue that also carries a service's events: `"muster"` says which.
fn marked<T: Job>(mark: &str, job: &T) -> Answer<String> {
    with_members(job, &[("muster", mark)])
}

fn with_members<T: Job>(job: &T, more: &[(&str, &str)]) -> Answer<String> {
    let mut body = serde_json::to_value(job).map_err(|error| PortError::never(SEND, error.to_string()))?;
    if let Value::Object(members) = &mut body {
        members.insert("v".to_owned(), Value::from(T::FORMAT.version));
        members.extend(more.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    }
    Ok(body.to_string())
}

impl Queue for Queues {
    async fn send_apply(&self, jobs: &[ApplyJob]) -> Answer<()> {
        let url = url(self.config.apply.as_ref(), "MUSTER_APPLY_QUEUE")?;
        for jobs in jobs.chunks(BATCH) {
            self.send_batch(url, jobs.iter().map(text).collect::<Answer<_>>()?).await?;
        }
        Ok(())
    }

    async fn send_import(&self, job: &ImportJob) -> Answer<()> {
        self.send_one(url(self.config.import.as_ref(), "MUSTER_IMPORT_QUEUE")?, marked("replan", job)?).await
    }

    async fn send_report(&self, job: &ReportJob) -> Answer<()> {
        self.send_one(url(self.config.report.as_ref(), "MUSTER_REPORT_QUEUE")?, marked("mail", job)?).await
    }

    async fn send_poll(&self, job: &PollJob) -> Answer<()> {
        self.send_one(url(self.config.poll.as_ref(), "MUSTER_POLL_QUEUE")?, text(job)?).await
    }

    async fn send_events(&self, jobs: &[EventJob]) -> Answer<()> {
        let url = url(self.config.events.as_ref(), "MUSTER_EVENTS_QUEUE")?;
        for jobs in jobs.chunks(BATCH) {
            self.send_ordered(url, jobs).await?;
        }
        Ok(())
    }

    async fn publish(&self, events: &[ProductEvent]) -> Answer<()> {
        let Some(bus) = &self.config.bus else { return Ok(()) };
        for events in events.chunks(BATCH) {
            crate::bus::put_events(&self.bus, bus, events).await?;
        }
        Ok(())
    }
}
