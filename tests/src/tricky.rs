//! An HTTP client under the AWS SDK that shows every request to a test, which says what becomes of it.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

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
use serde_json::Value;

/// A request as the test sees it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its number, from 0.
    pub call: usize,
    /// Which service.
    pub service: Service,
    /// The operation; for S3 the method.
    pub operation: String,
    /// The path, with the query.
    pub path: String,
    /// The body.
    pub body: Bytes,
}

impl Seen {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `Service operation`, and for S3 the path.
    pub fn name(&self) -> String {
        match self.service {
            Service::S3 => format!("S3 {} {}", self.operation, self.path),
            service => format!("{service:?} {}", self.operation),
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Trick {
    /// It is carried out.
    Pass,
    /// Not carried out; answered with this status and error code.
    Refuse(u16, &'static str),
    /// Not carried out; answered with this status and body.
    Say(u16, String),
    /// Carried out; answered with status 500.
    FailAfter,
    /// Carried out; the answer never comes.
    LoseAnswer,
    /// Carried out; the body ends after so many bytes, as if it were whole.
    Short(usize),
    /// Carried out; the connection breaks after so many bytes of the body.
    Reset(usize),
    /// The process stops before the request.
    FreezeBefore,
    /// The process stops after the request was carried out.
    FreezeAfter,
}

type Hook = dyn Fn(&Seen) -> Trick + Send + Sync;

struct State {
    hook: Box<Hook>,
    seen: Mutex<Vec<Seen>>,
    frozen: AtomicBool,
    thaw: tokio::sync::Notify,
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct Tricky {
    services: Services,
    state: Arc<State>,
}

impl fmt::Debug for Tricky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tricky")
    }
}

impl Tricky {
    /// A client whose requests the hook decides on.
    pub fn new(services: &Services, hook: impl Fn(&Seen) -> Trick + Send + Sync + 'static) -> Self {
        let state = State {
            hook: Box::new(hook),
            seen: Mutex::default(),
            frozen: AtomicBool::default(),
            thaw: tokio::sync::Notify::new(),
        };
        Self { services: services.clone(), state: Arc::new(state) }
    }

    /// A client that only keeps what it sees.
    pub fn honest(services: &Services) -> Self {
        Self::new(services, |_| Trick::Pass)
    }

    /// A client that does `trick` at one call.
    pub fn at(services: &Services, call: usize, trick: Trick) -> Self {
        Self::new(services, move |seen| if seen.call == call { trick.clone() } else { Trick::Pass })
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Comes when the process stands still.
    pub async fn frozen(&self) {
        while !self.state.frozen.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.state.frozen.store(false, Ordering::SeqCst);
        self.state.thaw.notify_waiters();
    }

    async fn freeze(&self) {
        self.state.frozen.store(true, Ordering::SeqCst);
        while self.state.frozen.load(Ordering::SeqCst) {
            self.state.thaw.notified().await;
        }
    }

    fn note(&self, service: Service, request: &axum::http::Request<Bytes>) -> Seen {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next());
        let mut all = self.state.seen.lock().unwrap();
        let seen = Seen {
            call: all.len(),
            service,
            operation: operation.map_or_else(|| request.method().to_string(), str::to_owned),
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            body: request.body().clone(),
        };
        all.push(seen.clone());
        seen
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
        let (head, body) = request.into_parts();
        let body = ByteStream::new(body).collect().await.map_err(|e| ConnectorError::io(e.into()))?.into_bytes();
        let request = axum::http::Request::from_parts(head, body);
        let service = Services::service_of(&request);
        let seen = self.note(service, &request);
        let trick = (self.state.hook)(&seen);
        match &trick {
            Trick::FreezeBefore => self.freeze().await,
            Trick::Refuse(status, code) => return Ok(refused(service, *status, code)),
            Trick::Say(status, body) => return Ok(plain(*status, body.clone())),
            _ => {}
        }
        let answer = self.services.call(service, request).await;
        let lost = || ConnectorError::timeout("the answer is lost".into());
        match trick {
            Trick::FreezeAfter => self.freeze().await,
            Trick::FailAfter => return Ok(refused(service, 500, "InternalServerError")),
            Trick::LoseAnswer => return Err(lost()),
            _ => {}
        }
        let (head, body) = answer.map_err(|_| lost())?.into_parts();
        let body = match trick {
            Trick::Short(bytes) => SdkBody::from_body_1_x(broken(&body, bytes, false)),
            Trick::Reset(bytes) => SdkBody::from_body_1_x(broken(&body, bytes, true)),
            _ => SdkBody::from(body),
        };
        let answer = axum::http::Response::from_parts(head, body);
        HttpResponse::try_from(answer).map_err(|e| ConnectorError::user(e.into()))
    }
}

/// The first bytes of a body, then its end or an error.
struct Broken {
    first: Option<Bytes>,
    reset: bool,
}

fn broken(body: &Bytes, bytes: usize, reset: bool) -> Broken {
    Broken { first: Some(body.slice(..bytes.min(body.len()))), reset }
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        let error = || std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset by the peer");
        Poll::Ready(match self.first.take() {
            Some(first) => Some(Ok(http_body::Frame::data(first))),
            None => std::mem::take(&mut self.reset).then(|| Err(error())),
        })
    }
}

fn plain(status: u16, body: String) -> HttpResponse {
    let answer = axum::http::Response::builder().status(status).body(SdkBody::from(body)).unwrap();
    HttpResponse::try_from(answer).unwrap()
}

fn refused(service: Service, status: u16, code: &str) -> HttpResponse {
    let (kind, body) = match service {
        Service::DynamoDb => ("", format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"no"}}"#)),
        Service::Sqs => ("", format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"no"}}"#)),
        Service::Ssm | Service::Events => ("", format!(r#"{{"__type":"{code}","message":"no"}}"#)),
        Service::Ses => (code, r#"{"message":"no"}"#.to_owned()),
        Service::S3 => ("", format!("<Error><Code>{code}</Code><Message>no</Message></Error>")),
    };
    let answer = axum::http::Response::builder().status(status);
    let answer = if kind.is_empty() { answer } else { answer.header("x-amzn-errortype", kind) };
    HttpResponse::try_from(answer.body(SdkBody::from(body)).unwrap()).unwrap()
}

impl HttpConnector for Tricky {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let tricky = self.clone();
        HttpConnectorFuture::new(async move { tricky.answer(request).await })
    }
}

impl HttpClient for Tricky {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
