//! The AWS services as one value: over sockets, or called in-process.

use std::{path::Path, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};

use crate::{
    answer::LostAnswer,
    bus::Bus,
    clock::Clock,
    dynamodb::DynamoDb,
    faults::{Faults, Service},
    s3::{Objects, S3},
    ses::Ses,
    sqs::Sqs,
    ssm::Ssm,
};

/// S3, `DynamoDB`, SQS, SES, SSM's parameters and the event bus that belong together: objects and mails send their events to the queues.
///
/// Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Services {
    /// The objects behind S3.
    pub objects: Objects,
    /// The table.
    pub dynamodb: DynamoDb,
    /// The queues.
    pub sqs: Sqs,
    /// The mails.
    pub ses: Ses,
    /// The parameters.
    pub ssm: Ssm,
    /// The event bus.
    pub bus: Bus,
    /// What is to go wrong, and request counters.
    pub faults: Arc<Faults>,
    /// The time that all parts go by, except the database's own TTL sweep.
    pub clock: Clock,
    s3: S3,
}

impl Services {
    /// A fresh set in memory with one bucket and one table, by the machine's clock.
    ///
    /// # Errors
    /// When the table cannot be made.
    pub fn in_memory(bucket: &str, table: &str) -> anyhow::Result<Self> {
        Self::in_memory_at(bucket, table, Clock::system())
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// When the table cannot be made.
    pub fn in_memory_at(bucket: &str, table: &str, clock: Clock) -> anyhow::Result<Self> {
        let faults = Arc::new(Faults::default());
        let sqs = Sqs::in_memory(clock.clone(), faults.clone());
        let objects = Objects::in_memory(clock.clone(), sqs.clone());
        let dynamodb = DynamoDb::in_memory(table, faults.clone())?;
        let ses = Ses::in_memory(clock.clone(), faults.clone(), sqs.clone());
        let s3 = S3::new(objects.clone(), faults.clone());
        let ssm = Ssm::in_memory(clock.clone(), faults.clone());
        let bus = Bus::in_memory(clock.clone(), faults.clone());
        Self { objects, dynamodb, sqs, ses, ssm, bus, s3, faults, clock }.with_bucket(bucket)
    }

    /// The set whose state lies in `folder`; made there if it is not.
    ///
    /// # Errors
    /// When a file in the folder cannot be read or written.
    pub fn open(folder: &Path, bucket: &str, table: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let clock = Clock::system();
        let faults = Arc::new(Faults::default());
        let sqs = Sqs::open(&folder.join("queues.jsonl"), clock.clone(), faults.clone())?;
        let objects = Objects::open(&folder.join("s3"), clock.clone(), sqs.clone())?;
        let dynamodb = DynamoDb::open(&folder.join("dynamodb.sqlite"), table, faults.clone())?;
        let ses = Ses::open(&folder.join("mail.jsonl"), clock.clone(), faults.clone(), sqs.clone())?;
        let s3 = S3::new(objects.clone(), faults.clone());
        let ssm = Ssm::open(&folder.join("parameters"), clock.clone(), faults.clone())?;
        let bus = Bus::open(&folder.join("events.jsonl"), clock.clone(), faults.clone())?;
        Self { objects, dynamodb, sqs, ses, ssm, bus, s3, faults, clock }.with_bucket(bucket)
    }

    fn with_bucket(self, bucket: &str) -> anyhow::Result<Self> {
        self.objects.create_bucket(bucket)?;
        Ok(self)
    }

    /// Carries out one request as the AWS SDK would send it, without a socket.
    ///
    /// # Errors
    /// When a fault swallows the answer; the request itself was carried out.
    pub async fn call(&self, service: Service, request: Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        let answer = self.handle(service, request.map(Body::from)).await?;
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| LostAnswer)?;
        Ok(Response::from_parts(head, body))
    }

    /// Which service a request is meant for, by its headers and path.
    #[must_use]
    pub fn service_of<B>(request: &Request<B>) -> Service {
        let target = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
        if target.starts_with("DynamoDB") {
            Service::DynamoDb
        } else if target.starts_with("AmazonSQS") {
            Service::Sqs
        } else if target.starts_with("AmazonSSM") {
            Service::Ssm
        } else if target.starts_with("AWSEvents") {
            Service::Events
        } else if request.uri().path().ends_with("/v2/email/outbound-emails") {
            Service::Ses
        } else {
            Service::S3
        }
    }

    pub(crate) async fn handle(&self, service: Service, request: Request<Body>) -> Result<Response<Body>, LostAnswer> {
        if service == Service::S3 {
            return self.s3.call(request).await;
        }
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| LostAnswer)?;
        let request = Request::from_parts(head, body);
        let answer = match service {
            Service::DynamoDb => self.dynamodb.call(&request)?,
            Service::Sqs => self.sqs.call(&request).await?,
            Service::Ssm => self.ssm.call(&request)?,
            Service::Events => self.bus.call(&request)?,
            Service::Ses | Service::S3 => self.ses.call(&request)?,
        };
        Ok(answer.map(Body::from))
    }
}
