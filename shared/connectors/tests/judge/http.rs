//! One HTTP/1.1 exchange with loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use muster_connectors::{HttpRequest, HttpResponse, Method};
use serde_json::Value;

/// What was answered.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The answer as connectors read it.
    pub(crate) fn response(&self, now_ms: i64) -> HttpResponse<'_> {
        HttpResponse { status: self.status, headers: &self.headers, body: &self.body, now_ms }
    }

    /// What Prism finds wrong with the request; what it finds wrong with the specification's own examples is not ours.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        let told = self.response(0).header("sl-violations").unwrap_or("[]").to_owned();
        let wrongs: Vec<Value> = serde_json::from_str(&told).unwrap();
        let of_request = wrongs.iter().filter(|wrong| wrong["location"][0] != "response");
        of_request.map(|wrong| wrong["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request and reads all of the answer.
pub(super) fn send(port: u16, path: &str, request: &HttpRequest) -> Answer {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in &request.headers {
        head += &format!("{name}: {}\r\n", value.reveal());
    }
    head += &format!("content-length: {}\r\n\r\n", request.body.len());
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&[head.as_bytes(), &request.body].concat()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let rest = &bytes[end + 4..];
    let body = match (value("transfer-encoding"), value("content-length")) {
        (Some("chunked"), _) => unchunked(rest),
        (_, Some(length)) => {
            assert_eq!(rest.len(), length.parse::<usize>().unwrap(), "the answer is cut off");
            rest.to_vec()
        }
        _ => rest.to_vec(),
    };
    Answer { status, headers, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 2 + length + 2..];
    }
}
