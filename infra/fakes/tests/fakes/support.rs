//! A client of a few lines, and a place that receives webhooks.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use muster_fakes::Fakes;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Running fakes and what a connection to one of them needs.
pub(crate) struct Bench {
    fakes: Fakes,
    pub(crate) provider: &'static str,
}

impl Bench {
    pub(crate) async fn new(provider: &'static str) -> Bench {
        Bench { fakes: Fakes::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap(), provider }
    }

    /// A bench with this many made-up people.
    pub(crate) async fn with(provider: &'static str, people: u64) -> Bench {
        let bench = Bench::new(provider).await;
        bench.control("POST", "people", &json!({"generate": people, "seed": 7})).await;
        bench
    }

    pub(crate) async fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> std::io::Result<Reply> {
        let mut stream = TcpStream::connect(self.fakes.address()).await?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(reply(&answer))
    }

    /// A control request; panics if it is refused.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/control/{}/{path}", self.provider);
        let reply = self.try_request(method, &path, "", &body.to_string()).await.unwrap();
        assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.text());
        reply.json()
    }

    pub(crate) async fn misbehave(&self, kind: &str) {
        self.control("POST", "misbehave", &json!({"kind": kind})).await;
    }

    /// A request with the right keys.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &body.to_string()).await.unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
        self.try_request(method, &format!("/{}{path}", self.provider), keys(self.provider), body).await
    }

    /// A whole listing, by the provider's own way of paging: pages of ids, at most `most` pages.
    pub(crate) async fn listing(&self, limit: usize, most: usize) -> Vec<Vec<String>> {
        let (mut pages, mut next) = (Vec::new(), Some(first_page(self.provider, limit)));
        while let Some(path) = next.take().filter(|_| pages.len() < most) {
            let page = self.get(&path).await.json();
            pages.push(ids(self.provider, &page));
            next = next_page(self.provider, limit, &page);
        }
        pages
    }

    pub(crate) async fn state(&self) -> Value {
        self.control("GET", "state", &json!({})).await
    }
}

/// The headers that each provider wants.
pub(crate) fn keys(provider: &str) -> &'static str {
    match provider {
        "apideck" => {
            "authorization: Bearer apideck-key\r\nx-apideck-app-id: app\r\nx-apideck-consumer-id: tenant-1\r\n"
        }
        "merge" => "authorization: Bearer merge-key\r\nx-account-token: merge-account-token\r\n",
        "finch" => "authorization: Bearer finch-token\r\nfinch-api-version: 2020-09-17\r\n",
        "workos" => "authorization: Bearer workos-key\r\n",
        _ => "authorization: Bearer bamboo-token\r\naccept: application/json\r\n",
    }
}

pub(crate) const ALL: [&str; 5] = ["apideck", "merge", "finch", "workos", "bamboohr"];

fn first_page(provider: &str, limit: usize) -> String {
    match provider {
        "apideck" => format!("/hris/employees?limit={limit}"),
        "merge" => format!("/employees?page_size={limit}"),
        "finch" => format!("/employer/directory?limit={limit}&offset=0"),
        "workos" => format!("/directory_users?directory=directory_1&order=asc&limit={limit}"),
        _ => format!("/api/v1/employees?page%5Blimit%5D={limit}"),
    }
}

/// The people of a page of a listing.
pub(crate) fn rows<'a>(provider: &str, page: &'a Value) -> &'a Vec<Value> {
    let key = match provider {
        "merge" => "results",
        "finch" => "individuals",
        _ => "data",
    };
    page[key].as_array().unwrap_or_else(|| panic!("no {key} in {page}"))
}

fn ids(provider: &str, page: &Value) -> Vec<String> {
    let key = if provider == "bamboohr" { "employeeId" } else { "id" };
    rows(provider, page).iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

/// The cursor to the next page.
pub(crate) fn cursor<'a>(provider: &str, page: &'a Value) -> Option<&'a str> {
    match provider {
        "apideck" => page["meta"]["cursors"]["next"].as_str(),
        "merge" => page["next"].as_str(),
        "workos" => page["list_metadata"]["after"].as_str(),
        _ => page["meta"]["page"]["nextCursor"].as_str(),
    }
}

fn next_page(provider: &str, limit: usize, page: &Value) -> Option<String> {
    if provider == "finch" {
        let told = |key: &str| page["paging"][key].as_u64().unwrap();
        let next = told("offset") + rows(provider, page).len() as u64;
        return (next < told("count")).then(|| format!("/employer/directory?limit={limit}&offset={next}"));
    }
    let name = match provider {
        "workos" => "after",
        "bamboohr" => "page%5Bafter%5D",
        _ => "cursor",
    };
    cursor(provider, page).map(|cursor| format!("{}&{name}={cursor}", first_page(provider, limit)))
}

fn reply(answer: &[u8]) -> Reply {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let body = &answer[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    Reply { status, headers, body: if chunked { unchunked(body) } else { body.to_vec() } }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[(end + 4 + size).min(rest.len())..];
    }
    body
}

/// A webhook as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A place that takes webhooks; answers each with the next of some statuses, then with 200.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    pub(crate) async fn new(statuses: &[u16]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (into, mut statuses) = (Arc::clone(&received), statuses.to_vec());
        statuses.reverse();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&into), statuses.pop().unwrap_or(200)));
            }
        });
        Receiver { url, received }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What was received once there are this many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        while self.all().len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.all()
    }
}

async fn receive(mut stream: TcpStream, into: Arc<Mutex<Vec<Received>>>, status: u16) {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let pairs = head.split("\r\n").filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length: usize = headers["content-length"].parse().unwrap();
        if bytes.len() >= end + 4 + length {
            into.lock().unwrap().push(Received { headers, body: bytes[end + 4..].to_vec() });
            break;
        }
    }
    stream.write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
}
