//! Threat T7, and what a provider's server may do.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const HOSTS: [&str; 3] = ["api.example.com", "*.hr.example.com", "127.0.0.1:443"];

/// A place that counts who connects.
struct Sink {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Sink {
    /// Answers every connection with these bytes, then closes it.
    fn answering(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let _ = stream.write_all(answer);
            }
        });
        Self { port, connections }
    }

    fn seen(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn limits() -> WebLimits {
    let short = Duration::from_millis(300);
    WebLimits { connect: short, whole: Duration::from_secs(5), between: short, body: 1000 }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn send(sender: &WebSender, url: &str, hosts: &[&str]) -> Result<WebResponse, WebFault> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    run(sender.send(&HttpRequest::get(url), &hosts))
}

fn check_refused(sender: &WebSender, url: &str) {
    let answer = send(sender, url, &HOSTS);
    assert!(matches!(answer, Err(WebFault::NotAllowed(_))), "{url}: {answer:?}");
}

/// T7, P18
#[test]
fn addresses_that_are_not_the_providers_are_refused_before_a_connection_t7() {
    let sink = Sink::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let p = sink.port;
    let here = move |_: &str| vec![IpAddr::from([127, 0, 0, 1])];
    let strict = WebSender::with(limits(), Lookup::Table(Arc::new(here)), false).unwrap();
    let urls = [
        "http://api.example.com/".into(),
        format!("http://127.0.0.1:{p}/"),
        format!("https://127.0.0.1:{p}/"),
        "https://127.0.0.1/".into(),
        "https://127.1/".into(),
        "https://0x7f000001/".into(),
        "https://0x7f.0.0.1/".into(),
        "https://2130706433/".into(),
        "https://0177.0.0.1/".into(),
        "https://0.0.0.0/".into(),
        "https://[::1]/".into(),
        "https://[::ffff:127.0.0.1]/".into(),
        "https://[::ffff:7f00:1]/".into(),
        "https://[64:ff9b::7f00:1]/".into(),
        "https://[fe80::1]/".into(),
        "https://[fd00:ec2::254]/".into(),
        "https://169.254.169.254/latest/meta-data/".into(),
        "https://10.0.0.1/".into(),
        "https://192.168.1.1/".into(),
        "https://localhost/".into(),
        format!("https://localhost:{p}/"),
        "https://evil.example/".into(),
        "https://api.example.com.evil.example/".into(),
        "https://evilapi.example.com/".into(),
        "https://hr.example.com/".into(),
        "https://.hr.example.com/".into(),
        "https://xhr.example.com/".into(),
        "https://api.example.com@evil.example/".into(),
        format!("https://api.example.com@127.0.0.1:{p}/"),
        "https://user:pass@api.example.com/".into(),
        "https://@api.example.com/".into(),
        "https://api.example.com:8443/".into(),
        "https://api.example.com:80/".into(),
        "ftp://api.example.com/".into(),
        "file:///etc/passwd".into(),
        "gopher://api.example.com/".into(),
        "javascript:alert(1)".into(),
        "//api.example.com/".into(),
        "api.example.com/people".into(),
        "".into(),
        "https://".into(),
        "https:///people".into(),
        "https://api.example.com\\@evil.example/".into(),
        "https://api.example.com\r\nhost: evil.example/".into(),
        "https://api.example.com /".into(),
        "https://127.0.0.1.nip.io/".into(),
        // Listed names, and the resolver says that they are this machine.
        "https://api.example.com/people".into(),
        "https://acme.hr.example.com/people".into(),
    ];
    assert!(urls.len() >= 40);
    urls.iter().for_each(|url: &String| check_refused(&strict, url));
    assert_eq!(sink.seen(), 0);
}

#[test]
fn no_address_of_a_private_network_is_public() {
    let private = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.168.0.1",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "3fff::1",
    ];
    private.iter().for_each(|text| assert!(!resolve::is_public(text.parse().unwrap()), "{text}"));
    let public = ["8.8.8.8", "104.16.1.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"];
    public.iter().for_each(|text| assert!(resolve::is_public(text.parse().unwrap()), "{text}"));
}

#[test]
fn a_developers_machine_is_called_only_where_it_is_listed() {
    let sink = Sink::answering(b"HTTP/1.1 200 OK\r\nX-Thing: A\r\ncontent-length: 2\r\n\r\n{}");
    let local = WebSender::with(limits(), Lookup::System, true).unwrap();
    let url = format!("http://{}/people", sink.host());
    check_refused(&local, &url);
    check_refused(&local, "http://api.example.com/");
    check_refused(&local, "http://192.168.1.1/");
    assert_eq!(sink.seen(), 0);
    let answer = send(&local, &url, &[&sink.host()]).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
    assert!(answer.headers.contains(&("x-thing".into(), "A".into())));
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let trap = Sink::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let text = format!("HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", trap.host());
    let sink = Sink::answering(Box::leak(text.into_bytes().into_boxed_slice()));
    let local = WebSender::with(limits(), Lookup::System, true).unwrap();
    let answer = send(&local, &format!("http://{}/", sink.host()), &[&sink.host(), &trap.host()]).unwrap();
    assert_eq!((answer.status, trap.seen()), (302, 0));
}

fn check_answer(answer: &'static [u8], expected: &WebFault) {
    let sink = Sink::answering(answer);
    let local = WebSender::with(limits(), Lookup::System, true).unwrap();
    assert_eq!(&send(&local, &format!("http://{}/", sink.host()), &[&sink.host()]).unwrap_err(), expected);
}

/// P04, P06, P17
#[test]
fn an_answer_that_is_too_large_or_breaks_off_is_no_answer_p17() {
    check_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", &WebFault::TooLarge(1000));
    let chunk: String =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
    check_answer(Box::leak(chunk.into_bytes().into_boxed_slice()), &WebFault::TooLarge(1000));
    let broke_off = WebFault::Silent("the answer broke off".into());
    check_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"peo", &broke_off);
    check_answer(b"", &WebFault::Silent("the connection broke off".into()));
}

/// P03
#[test]
fn a_server_that_stops_talking_is_left_p03() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let _held = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{");
        std::thread::park();
    });
    let local = WebSender::with(limits(), Lookup::System, true).unwrap();
    let answer = send(&local, &format!("http://{host}/"), &[&host]);
    assert_eq!(answer, Err(WebFault::Silent("the answer stopped in its middle".into())));
}
