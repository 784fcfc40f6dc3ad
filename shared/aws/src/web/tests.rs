//! Against servers on this machine, which count who comes.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// What a server does after a request's head came.
#[derive(Clone)]
enum Plan {
    /// Sends this and closes.
    Answer(Vec<u8>),
    /// Sends this and falls silent.
    Stall(Vec<u8>),
    /// Sends this head, and then bytes as long as somebody takes them.
    Flood(Vec<u8>),
    /// Sends this again and again on the same connection.
    KeepOpen(Vec<u8>),
}

/// A server of one plan, for `allowed.example`.
struct Sink {
    at: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Bytes that were taken from it.
    sent: Arc<AtomicUsize>,
    /// The last request's head.
    head: Arc<std::sync::Mutex<String>>,
    certificate: CertificateDer<'static>,
}

impl Sink {
    async fn of(plan: Plan) -> Self {
        Self::start(plan, true).await
    }

    async fn start(plan: Plan, encrypted: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["allowed.example".into()]).unwrap().self_signed(&key).unwrap();
        let certificate = certificate.der().clone();
        let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], secret).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            at: listener.local_addr().unwrap(),
            connections: Arc::default(),
            sent: Arc::default(),
            head: Arc::default(),
            certificate,
        };
        let (connections, sent, head) = (sink.connections.clone(), sink.sent.clone(), sink.head.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (plan, acceptor, sent, head) = (plan.clone(), acceptor.clone(), sent.clone(), head.clone());
                tokio::spawn(async move {
                    if !encrypted {
                        serve(stream, plan, &sent, &head).await;
                    } else if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, plan, &sent, &head).await;
                    }
                });
            }
        });
        sink
    }

    fn came(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// A sender that trusts the server and finds it under every name, with every address allowed.
    fn sender(&self) -> WebSender {
        WebSender::with(self.roots(), self.lookup(), |_| true, LIMITS)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    fn lookup(&self) -> Lookup {
        let at = self.at;
        Arc::new(move |_| Box::pin(async move { Ok(vec![at]) }))
    }
}

async fn serve<S>(mut stream: S, plan: Plan, sent: &AtomicUsize, seen: &std::sync::Mutex<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        *seen.lock().unwrap() = String::from_utf8(head).unwrap();
        let (Plan::Answer(bytes) | Plan::Stall(bytes) | Plan::Flood(bytes) | Plan::KeepOpen(bytes)) = &plan;
        stream.write_all(bytes).await.unwrap();
        stream.flush().await.unwrap();
        match &plan {
            Plan::KeepOpen(_) => continue,
            Plan::Answer(_) => stream.shutdown().await.unwrap(),
            Plan::Stall(_) => std::future::pending().await,
            Plan::Flood(_) => {
                while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {
                    sent.fetch_add(16 * 1024, Ordering::SeqCst);
                }
            }
        }
        return;
    }
}

fn text(head: &str, body: &str) -> Vec<u8> {
    format!("{head}\r\n\r\n{body}").into_bytes()
}

fn whole(body: &str) -> Vec<u8> {
    text(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len()), body)
}

fn hosts() -> Vec<String> {
    ["allowed.example", "*.hr.example"].map(str::to_owned).to_vec()
}

async fn get(sender: &WebSender, url: &str) -> Result<WebResponse, WebFault> {
    sender.send(&HttpRequest::get(url), &hosts()).await
}

#[track_caller]
fn check_silent(answer: Result<WebResponse, WebFault>, says: &str) {
    match answer {
        Err(WebFault::Silent(why)) => assert!(why.contains(says), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Addresses that must not be called; `PORT` stands for the sink's.
const REFUSED: &[&str] = &[
    "",
    "allowed.example",
    "//allowed.example/",
    "http://allowed.example/",
    "HTTP://allowed.example/",
    "http://allowed.example:443/",
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "ftp://allowed.example/",
    "file:///etc/passwd",
    "file://allowed.example/etc/passwd",
    "gopher://allowed.example:PORT/_GET",
    "ws://allowed.example/",
    "wss://allowed.example/",
    "data:text/plain,allowed.example",
    "javascript:allowed.example",
    "https:allowed.example",
    "https:/allowed.example",
    "https:///allowed.example",
    "https://",
    "https:///",
    "https://allowed.example@evil/",
    "https://allowed.example@evil.example/",
    "https://allowed.example:443@evil.example/",
    "https://user:word@allowed.example/",
    "https://user@allowed.example/",
    "https://@allowed.example/",
    "https://:@allowed.example/",
    "https://evil.example\\@allowed.example/",
    "https://allowed.example\\.evil.example/",
    "https://allowed.example.evil.com/",
    "https://evil.example/allowed.example",
    "https://evil.example?allowed.example",
    "https://evil.example#allowed.example",
    "https://evil.example#@allowed.example",
    "https://evilallowed.example/",
    "https://a.allowed.example/",
    "https://example/",
    "https://hr.example/",
    "https://evilhr.example/",
    "https://.hr.example/",
    "https://hr.example.evil.example/",
    "https://allowed.example:PORT/",
    "https://allowed.example:8443/",
    "https://allowed.example:80/",
    "https://allowed.example:0/",
    "https://allowed.example:65979/",
    "https://allowed.example:-443/",
    "https://localhost/",
    "https://localhost:PORT/",
    "https://127.0.0.1/",
    "https://127.0.0.1:PORT/",
    "https://127.1/",
    "https://0/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://2130706433/",
    "https://1.1.1.1/",
    "https://127.0.0.1./",
    "https://1２7.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.0.0.1/",
    "https://[::1]/",
    "https://[::1]:PORT/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2606:4700:4700::1111]/",
    "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://10.0.0.1/",
    "https://allowed.example%2eevil.example/",
    "https://evil.example%2f.hr.example/",
    "https://allowed%2eexample/",
    "https://allowed.example\r\nhost: evil.example/",
    "https://allowed.example/\r\nx-injected: 1",
    "https://allowed.example/a b",
    " https://allowed.example/",
    "https://allo\twed.example/",
    "https://evil.example\0.hr.example/",
    "https://аllowed.example/",
    "https://allowed.example../",
    "https://evil.example。allowed.example/",
];

#[tokio::test]
async fn no_address_that_is_refused_is_called_t7_p18() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    for sender in [sink.sender(), sink.sender().and_local()] {
        for address in REFUSED {
            let address = address.replace("PORT", &sink.at.port().to_string());
            match get(&sender, &address).await {
                Err(WebFault::NotAllowed(_)) => {}
                other => panic!("{address}: {other:?}"),
            }
        }
    }
    assert_eq!(sink.came(), 0);
    // The same sender does reach it where nothing is wrong with the address.
    for fine in ["https://allowed.example/", "https://ALLOWED.example.:443/", "https://acme.hr.example/"] {
        let answer = get(&sink.sender(), fine).await;
        let answered = matches!(&answer, Ok(answer) if answer.status == 200);
        // The certificate is another name's; the connection came.
        assert!(
            answered || (fine.contains("hr.example") && answer == Err(WebFault::Certificate)),
            "{fine}: {answer:?}"
        );
    }
    assert_eq!(sink.came(), 3);
}

#[tokio::test]
async fn an_allowed_name_with_private_addresses_is_not_called_t7() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let port = sink.at.port();
    let names = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254", "[fe80::1]"];
    for address in names {
        let found: SocketAddr = format!("{address}:{port}").parse().unwrap();
        let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![found]) }));
        let sender = WebSender::with(sink.roots(), lookup, address::is_public, LIMITS).and_local();
        let refused = WebFault::NotAllowed("allowed.example has no public address".to_owned());
        assert_eq!(get(&sender, "https://allowed.example/").await, Err(refused), "{address}");
    }
    assert_eq!(sink.came(), 0);
}

#[tokio::test]
async fn the_connection_goes_to_the_vetted_address_without_a_second_lookup_t7() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let other = Sink::of(Plan::Answer(whole("{}"))).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (counted, answers) = (asked.clone(), [sink.at, other.at]);
    let lookup: Lookup = Arc::new(move |_| {
        let at = answers[counted.fetch_add(1, Ordering::SeqCst).min(1)];
        Box::pin(async move { Ok(vec![at]) })
    });
    let sender = WebSender::with(sink.roots(), lookup, |_| true, LIMITS);
    assert_eq!(get(&sender, "https://allowed.example/").await.unwrap().status, 200);
    assert_eq!((asked.load(Ordering::SeqCst), sink.came(), other.came()), (1, 1, 0));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed_t7() {
    let evil = Sink::start(Plan::Answer(whole("{}")), false).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let to = format!("HTTP/1.1 {status}\r\nLocation: http://{}/\r\ncontent-length: 0", evil.at);
        let sink = Sink::of(Plan::Answer(text(&to, ""))).await;
        let answer = get(&sink.sender().and_local(), "https://allowed.example/").await.unwrap();
        assert_eq!(answer.status.to_string(), status[..3]);
        assert_eq!((sink.came(), evil.came()), (1, 0));
    }
}

#[tokio::test]
async fn names_of_headers_are_in_lower_case() {
    let head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nX-Rate-LIMIT: a\r\nContent-Length: 2";
    let sink = Sink::of(Plan::Answer(text(head, "{}"))).await;
    let answer = get(&sink.sender(), "https://allowed.example/").await.unwrap();
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((answer.status, names), (429, vec!["retry-after", "x-rate-limit", "content-length"]));
    assert_eq!((answer.headers[0].1.as_str(), answer.body.as_slice()), ("7", b"{}".as_slice()));
}

#[tokio::test]
async fn a_request_names_muster_and_asks_for_no_compression() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let request = HttpRequest::post_json("https://allowed.example/v1?a=b", &serde_json::json!({"c": 1}));
    let request = request.header("authorization", "Bearer t0ken");
    sink.sender().send(&request, &hosts()).await.unwrap();
    let head = sink.head.lock().unwrap().clone();
    assert!(head.starts_with("POST /v1?a=b HTTP/1.1\r\n"), "{head}");
    for line in
        ["accept-encoding: identity", "host: allowed.example", "authorization: Bearer t0ken", "content-length: 7"]
    {
        assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
    }
    assert!(head.contains(&format!("user-agent: muster/{}\r\n", env!("CARGO_PKG_VERSION"))), "{head}");
}

#[tokio::test]
async fn a_header_with_a_line_end_is_not_sent() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let request = HttpRequest::get("https://allowed.example/").header("x-key", "s3cret\r\nx-other: 1");
    let refused = sink.sender().send(&request, &hosts()).await.unwrap_err();
    assert!(matches!(&refused, WebFault::NotAllowed(why) if why.contains("x-key") && !why.contains("s3cret")));
    assert_eq!(sink.came(), 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let sink = Sink::of(Plan::KeepOpen(whole("{}"))).await;
    let sender = sink.sender();
    for _ in 0..5 {
        assert_eq!(get(&sender, "https://allowed.example/").await.unwrap().body, b"{}");
    }
    assert_eq!(sink.came(), 1);
}

#[tokio::test]
async fn reading_stops_at_the_cap_p17() {
    let unsized_head = text("HTTP/1.1 200 OK\r\nconnection: close", "");
    let sink = Sink::of(Plan::Flood(unsized_head)).await;
    assert_eq!(get(&sink.sender(), "https://allowed.example/").await, Err(WebFault::TooLarge(LIMITS.body)));
    let sent = sink.sent.load(Ordering::SeqCst);
    // What lies in the buffers between the two is taken from the server though not read here.
    assert!((LIMITS.body / 2..LIMITS.body * 2).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read_p17() {
    let sink = Sink::of(Plan::Stall(text("HTTP/1.1 200 OK\r\ncontent-length: 209715200", "{"))).await;
    assert_eq!(get(&sink.sender(), "https://allowed.example/").await, Err(WebFault::TooLarge(LIMITS.body)));
}

#[tokio::test]
async fn a_body_as_large_as_the_cap_is_taken() {
    let body = "x".repeat(100);
    let sink = Sink::of(Plan::Answer(whole(&body))).await;
    let capped = |body| WebSender { limits: Limits { body, ..LIMITS }, ..sink.sender() };
    assert_eq!(get(&capped(100), "https://allowed.example/").await.unwrap().body.len(), 100);
    assert_eq!(get(&capped(99), "https://allowed.example/").await, Err(WebFault::TooLarge(99)));
}

#[tokio::test]
async fn headers_beyond_the_cap_are_no_answer_p17() {
    let answer = |lines| {
        let more = format!("x: {}\r\n", "y".repeat(5_000)).repeat(lines);
        Plan::Answer(text(&format!("HTTP/1.1 200 OK\r\n{more}content-length: 0"), ""))
    };
    let (few, many) = (Sink::of(answer(10)).await, Sink::of(answer(30)).await);
    assert_eq!(get(&few.sender(), "https://allowed.example/").await.unwrap().headers.len(), 11);
    check_silent(get(&many.sender(), "https://allowed.example/").await, "allowed.example");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_no_answer_p03() {
    let sink = Sink::of(Plan::Stall(text("HTTP/1.1 200 OK\r\ncontent-length: 9", "{\"a\""))).await;
    let between = Duration::from_millis(50);
    let sender = WebSender { limits: Limits { between, ..LIMITS }, ..sink.sender() };
    check_silent(get(&sender, "https://allowed.example/").await, "in the midst of its answer");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_no_answer_p03() {
    let sink = Sink::of(Plan::Stall(Vec::new())).await;
    let sender = WebSender { limits: Limits { whole: Duration::from_millis(300), ..LIMITS }, ..sink.sender() };
    check_silent(get(&sender, "https://allowed.example/").await, "no whole answer within 300ms");
}

#[tokio::test]
async fn a_server_that_never_says_its_certificate_is_given_up_p03_p04() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![at]) }));
    let sink = Sink::of(Plan::Stall(Vec::new())).await;
    let limits = Limits { connect: Duration::from_millis(50), ..LIMITS };
    let sender = WebSender::with(sink.roots(), lookup, |_| true, limits);
    check_silent(get(&sender, "https://allowed.example/").await, "no connection to allowed.example within 50ms");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer_p04() {
    let heads = ["content-length: 100", "transfer-encoding: chunked"];
    for head in heads {
        let sink = Sink::of(Plan::Answer(text(&format!("HTTP/1.1 200 OK\r\n{head}"), "5\r\n[1,2,"))).await;
        check_silent(get(&sink.sender(), "https://allowed.example/").await, "broke off");
    }
    let sink = Sink::of(Plan::Answer(b"HTTP/1.1 200 O".to_vec())).await;
    check_silent(get(&sink.sender(), "https://allowed.example/").await, "allowed.example");
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_are_no_answer_p04() {
    let sink = Sink::of(Plan::Stall(Vec::new())).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![closed]) }));
    let unknown: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    for lookup in [nobody, unknown] {
        let sender = WebSender::with(sink.roots(), lookup, |_| true, LIMITS);
        check_silent(get(&sender, "https://allowed.example/?key=s3cret").await, "no connection to allowed.example");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_apart_p04() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let other = Sink::of(Plan::Answer(whole("{}"))).await;
    // Trusted is another server's certificate of the same name.
    let sender = WebSender::with(other.roots(), sink.lookup(), |_| true, LIMITS);
    assert_eq!(get(&sender, "https://allowed.example/").await, Err(WebFault::Certificate));
    // Trusted, but of another name.
    assert_eq!(get(&sink.sender(), "https://acme.hr.example/").await, Err(WebFault::Certificate));
    assert!(sink.head.lock().unwrap().is_empty(), "a request was sent");
}

#[tokio::test]
async fn a_system_without_roots_says_so() {
    let sink = Sink::of(Plan::Answer(whole("{}"))).await;
    let sender = WebSender::with(RootCertStore::empty(), sink.lookup(), |_| true, LIMITS);
    check_silent(get(&sender, "https://allowed.example/").await, "root certificates");
}

#[tokio::test]
async fn local_mode_calls_this_machine_at_a_named_port_only() {
    let sink = Sink::start(Plan::Answer(whole("{}")), false).await;
    let port = sink.at.port();
    let sender = WebSender::with(RootCertStore::empty(), sink.lookup(), address::is_public, LIMITS).and_local();
    let check = async |hosts: &[String], url: String, allowed: bool| {
        let before = sink.came();
        let answer = sender.send(&HttpRequest::get(url.as_str()), hosts).await;
        assert_eq!(
            (answer.is_ok(), sink.came() - before),
            (allowed, usize::from(allowed)),
            "{url} for {hosts:?}: {answer:?}"
        );
    };
    let named = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    check(&named, format!("http://127.0.0.1:{port}/a?b=c"), true).await;
    check(&named, format!("http://localhost:{port}/"), true).await;
    check(&named[..1], format!("http://localhost:{port}/"), false).await;
    check(&named[1..], format!("http://127.0.0.1:{port}/"), false).await;
    for url in [
        "http://127.1:PORT/",
        "http://0x7f.0.0.1:PORT/",
        "http://2130706433:PORT/",
        "http://[::1]:PORT/",
        "http://x@127.0.0.1:PORT/",
    ] {
        check(&named, url.replace("PORT", &port.to_string()), false).await;
    }
    check(&named, format!("https://127.0.0.1:{port}/"), false).await;
    check(&named, format!("https://localhost:{port}/"), false).await;
    check(&named, format!("http://127.0.0.1:{}/", port ^ 1), false).await;
    let patterns = ["127.0.0.1", "localhost", "*", "*.0.0.1"].map(str::to_owned);
    check(&patterns, format!("http://127.0.0.1:{port}/"), false).await;
    check(&[format!("allowed.example:{port}")], format!("http://allowed.example:{port}/"), false).await;
    // Outside of local mode the list opens nothing.
    let strict = sink.sender();
    let refused = strict.send(&HttpRequest::get(format!("http://127.0.0.1:{port}/")), &named).await;
    assert!(matches!(refused, Err(WebFault::NotAllowed(_))), "{refused:?}");
}
