//! The one sender of requests to providers: https to the provider's own hosts, and nothing else.
//!
//! A provider's answer may name the next address to call, and a customer names a base address. Either could name
//! the function's own surroundings, so every address is checked, and every name's addresses too.

mod address;
mod connect;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use muster_connectors::{HttpRequest, Method};
use muster_sync::{Web, WebFault, WebResponse};
use rustls::{ClientConfig, RootCertStore};

use address::Route;
use connect::{InTime, Late, Lookup, NoPublicAddress, Vetted};

/// Names the sender to providers.
const AGENT: &str = concat!("muster/", env!("CARGO_PKG_VERSION"));
/// How long a connection that nobody uses stays open: less than what servers usually grant.
const IDLE: Duration = Duration::from_secs(30);
/// How many connections to a host stay open while nobody uses them.
const IDLE_PER_HOST: usize = 4;

type Connector = InTime<HttpsConnector<HttpConnector<Vetted>>>;

/// How much a request may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Until the connection stands: name, connection and TLS together.
    connect: Duration,
    /// Until the answer is read to its end.
    whole: Duration,
    /// Between two pieces of an answer's body.
    between: Duration,
    /// The largest body, in bytes.
    body: usize,
    /// The most bytes of an answer's status line and headers.
    headers: usize,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    // A report of everybody takes its time.
    whole: Duration::from_secs(60),
    between: Duration::from_secs(10),
    // One answer may hold everybody (BambooHR's reports do); 200 MB are no answer any more.
    body: 64 * 1024 * 1024,
    headers: 64 * 1024,
};

/// Sends requests to providers: https on port 443 to hosts of a list, at public addresses, without redirects, without
/// compression, within limits of time and size. Keeps connections open; made once for a function.
pub struct WebSender {
    https: Client<Connector, Full<Bytes>>,
    /// Reaches this machine only; `None` but for the local stand-in.
    local: Option<Client<Connector, Full<Bytes>>>,
    /// Whether there is any certificate to trust.
    trusts: bool,
    limits: Limits,
}

impl std::fmt::Debug for WebSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSender")
    }
}

impl Default for WebSender {
    fn default() -> Self {
        Self::new()
    }
}

impl WebSender {
    /// The sender that trusts the system's root certificates.
    pub fn new() -> Self {
        Self::with(native_roots(), connect::system_lookup(), address::is_public, LIMITS)
    }

    /// The same, and `http` to `127.0.0.1` or `localhost` where exactly this host and port (`127.0.0.1:4010`) stands
    /// among the hosts of a request: fake providers on a developer's machine.
    pub fn local() -> Self {
        Self::new().and_local()
    }

    /// [`WebSender::local`] when the environment has `MUSTER_LOCAL=1`, else [`WebSender::new`].
    pub fn from_env() -> Self {
        let local = std::env::var("MUSTER_LOCAL").is_ok_and(|value| value == "1");
        if local { Self::local() } else { Self::new() }
    }

    fn with(roots: RootCertStore, lookup: Lookup, allowed: fn(IpAddr) -> bool, limits: Limits) -> Self {
        let trusts = !roots.is_empty();
        let https = client(roots, Vetted { lookup, allowed }, true, limits);
        Self { https, local: None, trusts, limits }
    }

    fn and_local(self) -> Self {
        // Whatever the name, it is this machine; the port is the address's own.
        let here: Lookup = Arc::new(|_| Box::pin(async { Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]) }));
        let loopback = Vetted { lookup: here, allowed: |address| address.is_loopback() };
        let local = client(RootCertStore::empty(), loopback, false, self.limits);
        Self { local: Some(local), ..self }
    }

    async fn answer(
        &self,
        client: &Client<Connector, Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<WebResponse, WebFault> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = client.request(request).await.map_err(|error| fault_of(&error, &host, error.is_connect()))?;
        let (parts, body) = answer.into_parts();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Ok(WebResponse { status: parts.status.as_u16(), headers, body: self.read(body, &host).await? })
    }

    /// The body to its end. What is dropped half read closes its connection, so no more of it comes.
    async fn read(&self, mut body: Incoming, host: &str) -> Result<Vec<u8>, WebFault> {
        let cap = self.limits.body;
        if body.size_hint().lower() > cap as u64 {
            return Err(WebFault::TooLarge(cap));
        }
        let mut bytes = Vec::new();
        loop {
            let Ok(frame) = tokio::time::timeout(self.limits.between, body.frame()).await else {
                let stall = format!("{host} stopped in the midst of its answer for {:?}", self.limits.between);
                return Err(WebFault::Silent(stall));
            };
            let Some(frame) = frame else { return Ok(bytes) };
            let frame = frame.map_err(|error| fault_of(&error, host, false))?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if bytes.len() + data.len() > cap {
                return Err(WebFault::TooLarge(cap));
            }
            bytes.extend_from_slice(data);
        }
    }
}

impl Web for WebSender {
    async fn send(&self, request: &HttpRequest, hosts: &[String]) -> Result<WebResponse, WebFault> {
        let (route, uri) = address::route(&request.url, hosts, self.local.is_some())?;
        let client = match (route, &self.local) {
            (Route::Local, Some(local)) => local,
            _ if !self.trusts => {
                return Err(WebFault::Silent("this system has no root certificates to trust; install them".to_owned()));
            }
            _ => &self.https,
        };
        let outgoing = outgoing(request, uri)?;
        let answer = tokio::time::timeout(self.limits.whole, self.answer(client, outgoing)).await;
        answer.unwrap_or_else(|_| Err(WebFault::Silent(format!("no whole answer within {:?}", self.limits.whole))))
    }

    async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn native_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("root certificates: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn client(roots: RootCertStore, vetted: Vetted, https_only: bool, limits: Limits) -> Client<Connector, Full<Bytes>> {
    let mut tcp = HttpConnector::new_with_resolver(vetted);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Shared out among a name's addresses, so that one that drops packets leaves time for the next.
    tcp.set_connect_timeout(Some(limits.connect));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls(roots));
    let schemes = if https_only { builder.https_only() } else { builder.https_or_http() };
    let connector = InTime { inner: schemes.enable_http1().wrap_connector(tcp), limit: limits.connect };
    // The client asks again by itself only where a kept connection was closed before any of the request went out.
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(limits.headers)
        .build(connector)
}

#[expect(clippy::expect_used, reason = "ring has the safe default protocol versions, whatever the environment")]
fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn outgoing(request: &HttpRequest, uri: Uri) -> Result<Request<Full<Bytes>>, WebFault> {
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let mut outgoing = Request::new(Full::from(request.body.clone()));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = uri;
    let headers = outgoing.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    // Nothing is unpacked here, so that a small answer cannot become a large one.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in &request.headers {
        let refused = || WebFault::NotAllowed(format!("the header {name} has characters that no header has"));
        let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?, value);
    }
    Ok(outgoing)
}

/// What a failure of the client means. Its texts may quote the address, so none of them is kept.
fn fault_of(error: &(dyn Error + 'static), host: &str, connecting: bool) -> WebFault {
    let mut at = Some(error);
    while let Some(cause) = at {
        if cause.is::<NoPublicAddress>() {
            return WebFault::NotAllowed(format!("{host} has no public address"));
        }
        if let Some(Late(limit)) = cause.downcast_ref::<Late>() {
            return WebFault::Silent(format!("no connection to {host} within {limit:?}"));
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return fault_of_tls(tls, host);
        }
        // An IO error leaves out what it wraps from its sources.
        at = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    let what = if connecting { "no connection to" } else { "the answer broke off:" };
    WebFault::Silent(format!("{what} {host}"))
}

fn fault_of_tls(error: &rustls::Error, host: &str) -> WebFault {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => WebFault::Certificate,
        _ => WebFault::Silent(format!("no encrypted connection to {host}")),
    }
}
