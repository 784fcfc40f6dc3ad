//! Signed webhooks as fast as a running stack takes them, each an event of its own; then waits until all are taken over
//! and compares what was acknowledged with what came of it. `tests/load/webhooks.sh` starts everything for it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people; one that cannot go on has failed")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use muster_tests::hook::{FINCH_SECRET, finch, individual_updated, post, send};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where to, and what.
struct Load {
    base: String,
    path: String,
    people: Vec<String>,
    time: Duration,
}

/// What one connection saw: how long each answer took, and how many were no 200.
#[derive(Default)]
struct Seen {
    took: Vec<Duration>,
    others: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, table, people, seconds, connections] = arguments.as_slice() else {
        eprintln!("webhook_load WEBHOOK_URL TABLE PERSON,PERSON,… SECONDS CONNECTIONS");
        return ExitCode::FAILURE;
    };
    let (base, path) = url.split_at(url.find("/webhooks/").unwrap());
    let load = Load {
        base: base.to_owned(),
        path: path.to_owned(),
        people: people.split(',').map(str::to_owned).collect(),
        time: Duration::from_secs(seconds.parse().unwrap()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(Arc::new(load), table, connections.parse().unwrap()))
}

async fn run(load: Arc<Load>, table: &str, connections: usize) -> ExitCode {
    let before = events(&load.base, table).await;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..connections).map(|number| tokio::spawn(connection(load.clone(), number))).collect();
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await.unwrap();
        all.took.extend(seen.took);
        all.others += seen.others;
    }
    let seconds = begin.elapsed().as_secs_f64();
    all.took.sort();
    let at = |share: f64| all.took.get((all.took.len() as f64 * share) as usize).copied().unwrap_or_default();
    let count = all.took.len();
    println!("{count} acknowledged in {seconds:.1} s over {connections} connections: {:.0}/s", count as f64 / seconds);
    println!("p50 {:.1?}, p99 {:.1?}, slowest {:.1?}; {} not 200", at(0.5), at(0.99), at(0.999_999), all.others);
    let drained = Instant::now();
    while waiting(&load.base).await > 0 {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let after = events(&load.base, table).await;
    let (ended, open) = (after.0 - before.0, after.1);
    println!("queues empty {:.1?} later; {ended} events ended, {open} open", drained.elapsed());
    // What was not acknowledged may have been taken all the same; what was acknowledged must be there.
    let whole = open == 0 && ended >= count && ended <= count + all.others;
    println!("{}", if whole { "acknowledged = applied" } else { "LOST or doubled" });
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sends one webhook after the other over one connection that is kept.
async fn connection(load: Arc<Load>, number: usize) -> Seen {
    let address = load.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut seen, begin) = (Seen::default(), Instant::now());
    for at in 0.. {
        if begin.elapsed() >= load.time {
            break;
        }
        let body = individual_updated("c-1", &load.people[(at + number) % load.people.len()]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let event = format!("load-{now}-{number}-{at}");
        let mut request = format!("POST {} HTTP/1.1\r\nhost: {address}\r\n", load.path);
        for (name, value) in finch(FINCH_SECRET, &event, i64::try_from(now).unwrap(), &body) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let sent = Instant::now();
        stream.write_all(&[request.as_bytes(), &body].concat()).await.unwrap();
        if answered(&mut stream).await == 200 {
            seen.took.push(sent.elapsed());
        } else {
            seen.others += 1;
        }
    }
    seen
}

/// Reads one answer to its end; its status.
async fn answered(stream: &mut TcpStream) -> u16 {
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if body.len() >= length.trim().parse().unwrap() {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}

/// Messages in all queues but those of dead letters.
async fn waiting(base: &str) -> u64 {
    let answer = send(base, "GET", "/control/queues", &Vec::new(), b"").await;
    let queues: Value = serde_json::from_str(&answer.body).unwrap();
    let of_one = |queue: &Value| queue.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
    queues.as_object().unwrap().iter().filter(|(name, _)| !name.contains("-dlq")).map(|(_, queue)| of_one(queue)).sum()
}

/// How many events have ended, and how many are open.
async fn events(base: &str, table: &str) -> (usize, usize) {
    let (mut ended, mut open, mut from) = (0, 0, Value::Null);
    loop {
        let mut request = json!({"TableName": table, "FilterExpression": "begins_with(sk, :e)",
            "ExpressionAttributeValues": {":e": {"S": "EVENT#"}}});
        if !from.is_null() {
            request["ExclusiveStartKey"] = from;
        }
        let headers = vec![
            ("x-amz-target".to_owned(), "DynamoDB_20120810.Scan".to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned()),
        ];
        let answer = post(base, "/", &headers, request.to_string().as_bytes()).await;
        let page: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
        for item in page["Items"].as_array().unwrap_or_else(|| panic!("{page}")) {
            match item["state"]["S"].as_str() {
                Some("applied" | "superseded" | "failed" | "rejected") => ended += 1,
                _ => open += 1,
            }
        }
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            return (ended, open);
        }
    }
}
