//! An HTTP client under the AWS SDK that leads into the in-process services and can fail at any call.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use axum::body::Bytes;
use muster_local::{Service, Services};

use crate::meter::Meter;

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the call.
    KillBefore,
    /// The call is carried out, then the process dies.
    KillAfter,
    /// The call is carried out, the answer never comes.
    LoseAnswer,
    /// The service refuses for now, this many times in a row.
    Throttle(usize),
    /// The process stops before the call until [`Faulty::thaw`].
    FreezeBefore,
    /// The call is carried out, then the process stops until [`Faulty::thaw`].
    FreezeAfter,
}

#[derive(Default)]
struct State {
    calls: AtomicUsize,
    plan: Mutex<Vec<(usize, Fault)>>,
    dead: AtomicBool,
    frozen: AtomicBool,
    thaw: tokio::sync::Notify,
    log: Mutex<Vec<String>>,
    meter: Option<Meter>,
}

/// The client. Clones share their count of calls and their faults.
#[derive(Clone)]
pub struct Faulty {
    services: Services,
    state: Arc<State>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl Faulty {
    /// A client that fails at the given calls, counted from 0.
    pub fn new(services: &Services, faults: &[(usize, Fault)]) -> Self {
        let state = State { plan: Mutex::new(faults.to_vec()), ..State::default() };
        Self { services: services.clone(), state: Arc::new(state) }
    }

    /// A client that never fails, and counts what is billed.
    pub fn metered(services: &Services, meter: &Meter) -> Self {
        let state = State { meter: Some(meter.clone()), ..State::default() };
        Self { services: services.clone(), state: Arc::new(state) }
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    /// What was called, as `service operation`.
    pub fn log(&self) -> Vec<String> {
        self.state.log.lock().unwrap().clone()
    }

    /// Whether the process died.
    pub fn is_dead(&self) -> bool {
        self.state.dead.load(Ordering::SeqCst)
    }

    /// Whether the process stands still.
    pub fn is_frozen(&self) -> bool {
        self.state.frozen.load(Ordering::SeqCst)
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.state.frozen.store(false, Ordering::SeqCst);
        self.state.thaw.notify_waiters();
    }

    fn fault_at(&self, call: usize) -> Option<Fault> {
        let plan = self.state.plan.lock().unwrap();
        plan.iter().find_map(|(at, fault)| match fault {
            Fault::Throttle(times) => (*at..*at + times).contains(&call).then_some(*fault),
            _ => (*at == call).then_some(*fault),
        })
    }

    async fn die(&self) {
        self.state.dead.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }

    async fn freeze(&self) {
        self.state.frozen.store(true, Ordering::SeqCst);
        while self.is_frozen() {
            self.state.thaw.notified().await;
        }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
        let (head, body) = request.into_parts();
        let body = ByteStream::new(body).collect().await.map_err(|e| ConnectorError::io(e.into()))?.into_bytes();
        let request = axum::http::Request::from_parts(head, body);
        let service = Services::service_of(&request);
        let call = self.state.calls.fetch_add(1, Ordering::SeqCst);
        self.state.log.lock().unwrap().push(name_of(service, &request));
        let fault = self.fault_at(call);
        match fault {
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::FreezeBefore) => self.freeze().await,
            Some(Fault::Throttle(_)) => return Ok(throttled(service)),
            _ => {}
        }
        let answer = match &self.state.meter {
            Some(meter) => meter.call(&self.services, service, request).await,
            None => self.services.call(service, request).await,
        };
        match fault {
            Some(Fault::KillAfter) => self.die().await,
            Some(Fault::FreezeAfter) => self.freeze().await,
            Some(Fault::LoseAnswer) => return Err(ConnectorError::timeout("the answer is lost".into())),
            _ => {}
        }
        let answer = answer.map_err(|_| ConnectorError::timeout("the answer is lost".into()))?;
        let answer = answer.map(SdkBody::from);
        HttpResponse::try_from(answer).map_err(|e| ConnectorError::user(e.into()))
    }
}

fn name_of(service: Service, request: &axum::http::Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    match target.and_then(|target| target.rsplit('.').next()) {
        Some(operation) => format!("{service:?} {operation}"),
        None => format!("{service:?} {} {}", request.method(), request.uri().path()),
    }
}

fn throttled(service: Service) -> HttpResponse {
    let (status, body) = match service {
        Service::DynamoDb => (
            400,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
        ),
        Service::Sqs => (400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#),
        Service::Ses => (429, r#"{"message":"slow down"}"#),
        Service::Ssm | Service::Events => (400, r#"{"__type":"ThrottlingException","message":"slow down"}"#),
        Service::S3 => (503, "<Error><Code>SlowDown</Code><Message>slow down</Message></Error>"),
    };
    let answer = axum::http::Response::builder().status(status);
    let answer = match service {
        Service::Ses => answer.header("x-amzn-errortype", "TooManyRequestsException"),
        _ => answer,
    };
    HttpResponse::try_from(answer.body(SdkBody::from(body)).unwrap()).unwrap()
}

impl HttpConnector for Faulty {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let faulty = self.clone();
        HttpConnectorFuture::new(async move { faulty.answer(request).await })
    }
}

impl HttpClient for Faulty {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
