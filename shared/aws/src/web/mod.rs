//! The one sender of requests to providers.
//!
//! A provider's answer can name the next address, and a customer's settings name a host, so nothing is trusted: https
//! to port 443 of a listed host only, no redirects, and the address that was vetted is the one that is called.

mod address;
mod resolve;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use muster_connectors::{HttpRequest, Method};
use muster_sync::{Web, WebFault, WebResponse};
use tokio::time::timeout;

use self::resolve::{Lookup, Resolver};

/// How long things may take, and how large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the last byte.
    pub whole: Duration,
    /// Between two pieces of the body.
    pub between: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for WebLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            // A report of everybody may take its time.
            whole: Duration::from_secs(60),
            between: Duration::from_secs(10),
            // One answer may hold everybody (BambooHR's reports do); 200 MB are no answer any more.
            body: 64 << 20,
        }
    }
}

/// Sends requests to providers.
pub struct WebSender {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    limits: WebLimits,
    /// Whether plain http to this very machine is allowed, where the caller lists it.
    local: bool,
}

impl std::fmt::Debug for WebSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebSender(local: {})", self.local)
    }
}

/// The variable that allows plain http to fake providers on this machine. Never set on AWS.
const LOCAL: &str = "MUSTER_LOCAL";

impl WebSender {
    /// For functions: strict, unless the environment has `MUSTER_LOCAL=1`.
    ///
    /// # Errors
    /// When the machine has no root certificates.
    pub fn from_env() -> std::io::Result<Self> {
        let local = std::env::var(LOCAL).is_ok_and(|value| value == "1");
        Self::with(WebLimits::default(), Lookup::System, local)
    }

    /// For a developer's machine: `http://127.0.0.1:PORT` too, where the caller lists that host and port.
    ///
    /// # Errors
    /// When the machine has no root certificates.
    pub fn local() -> std::io::Result<Self> {
        Self::with(WebLimits::default(), Lookup::System, true)
    }

    fn with(limits: WebLimits, lookup: Lookup, local: bool) -> std::io::Result<Self> {
        let mut http = HttpConnector::new_with_resolver(Resolver { lookup, local });
        http.enforce_http(false);
        http.set_connect_timeout(Some(limits.connect));
        http.set_nodelay(true);
        let provider = rustls::crypto::ring::default_provider();
        let https = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
        let https = if local { https.https_or_http() } else { https.https_only() };
        let https = https.enable_http1().enable_http2().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .http1_max_headers(200)
            .build(https);
        Ok(Self { client, limits, local })
    }

    fn request(request: &HttpRequest) -> Result<Request<Full<Bytes>>, WebFault> {
        let unsendable = |_| WebFault::NotAllowed("it is no request that can be sent".to_owned());
        let method = match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        let mut built = Request::builder().method(method).uri(&request.url);
        built = built.header("user-agent", concat!("muster/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &request.headers {
            built = built.header(*name, value.reveal());
        }
        built.body(Full::new(Bytes::from(request.body.clone()))).map_err(unsendable)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<WebResponse, WebFault> {
        let response = self.client.request(request).await.map_err(|error| fault_of(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = self.body_of(response).await?;
        Ok(WebResponse { status, headers, body })
    }

    async fn body_of(&self, response: Response<Incoming>) -> Result<Vec<u8>, WebFault> {
        let told = response.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        if told.is_some_and(|length: usize| length > self.limits.body) {
            return Err(WebFault::TooLarge(self.limits.body));
        }
        let mut incoming = response.into_body();
        let mut body = Vec::with_capacity(told.unwrap_or(0).min(1 << 20));
        loop {
            let frame = timeout(self.limits.between, incoming.frame()).await;
            let frame = frame.map_err(|_| WebFault::Silent("the answer stopped in its middle".to_owned()))?;
            let Some(frame) = frame else { return Ok(body) };
            let frame = frame.map_err(|_| WebFault::Silent("the answer broke off".to_owned()))?;
            if let Ok(data) = frame.into_data() {
                if body.len() + data.len() > self.limits.body {
                    return Err(WebFault::TooLarge(self.limits.body));
                }
                body.extend_from_slice(&data);
            }
        }
    }
}

impl Web for WebSender {
    async fn send(&self, request: &HttpRequest, hosts: &[String]) -> Result<WebResponse, WebFault> {
        address::vet(&request.url, hosts, self.local)?;
        let request = Self::request(request)?;
        match timeout(self.limits.whole, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(WebFault::Silent(format!("not within {} s", self.limits.whole.as_secs()))),
        }
    }

    async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// What kept a request from being answered, without what was asked.
fn fault_of(error: &hyper_util::client::legacy::Error) -> WebFault {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<resolve::NotPublic>() {
            return WebFault::NotAllowed(refused.to_string());
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref::<rustls::Error>() {
            return WebFault::Certificate;
        }
        // An io::Error hides what it was made of from `source`.
        if let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref::<rustls::Error>() {
                return WebFault::Certificate;
            }
            if let Some(refused) = inner.downcast_ref::<resolve::NotPublic>() {
                return WebFault::NotAllowed(refused.to_string());
            }
        }
        source = cause.source();
    }
    WebFault::Silent(if error.is_connect() { "no connection" } else { "the connection broke off" }.to_owned())
}
