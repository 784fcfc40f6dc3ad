//! One HTTP request, every byte as given.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The status line and headers, names in lower case; without the date.
    pub head: Vec<String>,
    /// The body.
    pub body: String,
}

/// Sends one request to `http://host:port/path`. Headers go out as they are given.
pub async fn send(method: &str, url: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut head = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head: Vec<String> =
        head.lines().map(str::to_ascii_lowercase).filter(|line| !line.starts_with("date:")).collect();
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: body.to_owned() }
}

/// Sends JSON; answers what came back, and fails where it is no success.
pub async fn json(method: &str, url: &str, body: &Value) -> Value {
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let answer = send(method, url, &headers, body.to_string().as_bytes()).await;
    assert!((200..300).contains(&answer.status), "{method} {url}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap_or_default()
}
