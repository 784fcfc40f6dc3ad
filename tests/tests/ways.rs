//! Webhooks over HTTP to the real functions as processes of their own, with fake providers that send and answer.
//!
//! This program is also the functions (`--function NAME`), so it brings its own harness.
#![expect(clippy::unwrap_used, reason = "all of this is a test, though not of the standard harness")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use muster_aws::{Clients, Names, Ports, SystemClock};
use muster_connectors::Secret;
use muster_core::ids::AccountId;
use muster_fakes::sign;
use muster_local::{Clock, Fault, FaultKind, Options, Service, Stack};
use muster_sync::{
    ConnectionStatus, Dispatcher, Drawn, Run, RunState, SecretPlace, SecretSet, Secrets, Terms, save_connection,
};
use muster_tests::harness::{self, Test};
use muster_tests::house::file;
use muster_tests::http::{self, Answer};
use muster_tests::rig::Rig;
use muster_tests::suite_logs;
use serde::Deserialize;
use serde_json::{Value, json};

const TESTS: &[Test] = muster_tests::tests![
    every_recorded_webhook_is_answered_as_expected,
    a_stranger_learns_nothing_from_the_answer,
    a_body_is_taken_up_to_its_limit_and_decoded_once,
    a_webhook_that_cannot_be_handed_on_is_asked_for_again,
    a_hire_arrives_by_webhook_and_a_leaver_is_found_by_poll,
    who_is_missing_from_a_listing_that_broke_off_stays,
];

fn main() -> ExitCode {
    harness::main(TESTS)
}

const PROVIDERS: [&str; 5] = ["finch", "workos", "merge", "apideck", "bamboohr"];
/// How often is looked for what must come.
const PACE: Duration = Duration::from_millis(10);

/// A running stack, and what its connections are seen through.
struct World {
    stack: Stack,
    ports: Ports,
    rig: Rig,
}

impl World {
    async fn start(change: impl FnOnce(Options) -> Options) -> Self {
        let options = Options {
            function_exe: Some(std::env::current_exe().unwrap()),
            function_logs: false,
            log_watch: Some(suite_logs::line),
            extra_env: suite_logs::environment(),
            bucket: "muster".into(),
            retry: Duration::from_millis(50),
            fakes: Some(([127, 0, 0, 1], 0).into()),
            ..Options::default()
        };
        let stack = Stack::start(change(options)).await.unwrap();
        let told = |name: &str| stack.environment().iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let clients = Clients::told(&told, Clients::transport(), 4).unwrap();
        let ports = Ports::with(&clients, &Names::told(&told).unwrap(), Box::new(SystemClock));
        let rig = Rig { services: stack.services().clone(), clock: Clock::system(), connection: None };
        Self { stack, ports, rig }
    }

    /// Saves a connection file; answers the address of its webhooks.
    async fn connect(&mut self, toml: &str) -> String {
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let now_ms = i64::try_from(Clock::system().now_ms()).unwrap();
        let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms };
        let saved = save_connection(&self.ports.table, &self.ports.secrets, toml, terms).await.unwrap();
        self.rig.connection = Some((AccountId::parse("acme").unwrap(), saved.connection));
        format!("{}{}", self.stack.addresses().http, saved.webhook_path.unwrap())
    }

    /// Sets the webhook secret of the connection that was saved last, whatever it is.
    async fn sign_with(&self, key: &str, secret: &str) {
        let (account, connection) = self.rig.connection.clone().unwrap();
        let current = BTreeMap::from([(key.to_owned(), Secret::new(secret))]);
        let set = SecretSet { current, previous: None };
        self.ports.secrets.put_secrets(&SecretPlace::Connection(account, connection), &set).await.unwrap();
        // New processes: those there may still hold the secret before.
        let _ = self.stack.controls().kill("webhook-intake");
        self.until("no process is left", async || !self.stack.controls().processes().contains_key("webhook-intake"))
            .await;
    }

    async fn until(&self, what: &str, reached: impl AsyncFn() -> bool) {
        for _ in 0..6_000 {
            if reached().await {
                return;
            }
            tokio::time::sleep(PACE).await;
        }
        panic!("never: {what}\n{:#?}", self.stack.controls().logs().iter().rev().take(8).collect::<Vec<_>>());
    }

    /// A control request of a fake.
    async fn control(&self, method: &str, provider: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/control/{provider}/{path}", self.stack.fakes().unwrap());
        http::json(method, &url, &body).await
    }

    fn has(&self, text: &str) -> bool {
        self.stack.controls().logs().iter().any(|line| line.contains(text))
    }

    /// Asks for everybody and waits until the run has come to rest; answers it.
    async fn poll(&self) -> Run {
        let (account, connection) = self.rig.connection.clone().unwrap();
        let ports = &self.ports;
        let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        let id = dispatcher.now(&account, &connection).await.unwrap().unwrap();
        let run = async || self.rig.runs().await.into_iter().find(|run| run.id == id).unwrap();
        let rests = |state: RunState| state == RunState::Held || state.is_final();
        self.until("the run rests", async || rests(run().await.state)).await;
        run().await
    }
}

/// The connection file of a fake, which listens at `fakes`.
fn connection_file(provider: &str, fakes: &str, more: &str) -> String {
    let secret = match provider {
        "finch" => "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=",
        "workos" => "whsec_workos-webhook-secret",
        "merge" => "merge-webhook-secret",
        "bamboohr" => "bamboo-webhook-secret",
        // Signs with its API key.
        _ => return renamed(provider, fakes, more),
    };
    renamed(provider, fakes, more).replace("[credentials]", &format!("[credentials]\nwebhook_secret = {secret:?}"))
}

fn renamed(provider: &str, fakes: &str, more: &str) -> String {
    let name = format!("name = \"People of {provider}\"");
    file(provider, more).replace("http://127.0.0.1:9", fakes).replace("name = \"People\"", &name)
}

/// The names by which the fakes' webhooks call the connections of these files.
fn connection_keys(provider: &str) -> Value {
    match provider {
        "finch" => json!({"connection_id": "c-1"}),
        "merge" => json!({"linked_account_id": "la-1"}),
        "apideck" => json!({"consumer_id": "tenant-1", "service_id": "bamboohr"}),
        _ => json!({}),
    }
}

// Recorded webhooks.

#[derive(Deserialize)]
struct Case {
    id: String,
    provider: String,
    secret: String,
    headers: BTreeMap<String, String>,
    body: String,
    now: i64,
    expect: String,
}

impl Case {
    fn all() -> Vec<Case> {
        #[derive(Deserialize)]
        struct Cases {
            cases: Vec<Case>,
        }
        let text = include_str!("../../shared/connectors/tests/fixtures/webhook_vectors.json");
        serde_json::from_str::<Cases>(text).unwrap().cases.into_iter().map(Case::own).collect()
    }

    /// Of the two libraries' schemes, which are Finch's under other names: as Finch sends it.
    fn own(mut self) -> Case {
        if ["svix", "standardwebhooks"].contains(&self.provider.as_str()) {
            self.provider = "finch".to_owned();
            self.secret = self.secret.trim_start_matches("whsec_").to_owned();
            let own = |name: String| match name.rsplit('-').next().unwrap() {
                "id" => "finch-event-id".to_owned(),
                part => format!("finch-{part}"),
            };
            self.headers =
                std::mem::take(&mut self.headers).into_iter().map(|(name, value)| (own(name), value)).collect();
        }
        self
    }

    async fn sent_to(&self, url: &str) -> Answer {
        let mut headers: Vec<(String, String)> = self.headers.clone().into_iter().collect();
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        http::send("POST", url, &headers, self.body.as_bytes()).await
    }
}

async fn every_recorded_webhook_is_answered_as_expected() {
    let mut world = World::start(|options| Options { deliver: false, ..options }).await;
    let fakes = world.stack.fakes().unwrap();
    let mut cases = Case::all();
    cases.sort_by(|a, b| (&a.provider, &a.secret).cmp(&(&b.provider, &b.secret)));
    let (mut asked, mut wrong) = (0, Vec::new());
    for of_one in cases.chunk_by(|a, b| a.provider == b.provider) {
        let provider = of_one[0].provider.as_str();
        let file = connection_file(provider, &fakes, "")
            .replace("\"c-1\"", "\"4b7de2ca-0000-0000-0000-000000000000\"")
            .replace("tenant-1", "tenant-42");
        let url = world.connect(&recorded(file, &of_one[0].body)).await;
        let key = if provider == "apideck" { "api_key" } else { "webhook_secret" };
        for of_secret in of_one.chunk_by(|a, b| a.secret == b.secret) {
            world.sign_with(key, &of_secret[0].secret).await;
            for case in of_secret {
                world.stack.controls().set_clock(Some(case.now * 1000)).unwrap();
                let answer = case.sent_to(&url).await;
                asked += 1;
                let expected = if case.expect == "valid" { 200 } else { 401 };
                if answer.status != expected {
                    wrong.push(format!("{}: {answer:?}", case.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(asked, 68);
    assert!(world.stack.controls().queues()["events.fifo"].total() > 0, "what was believed was handed on");
    world.stack.stop().await;
}

/// The file with the names by which the recorded webhooks call the connection.
fn recorded(file: String, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let name = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    [
        ("4b7de2ca-0000-0000-0000-000000000000", "/connection_id"),
        ("la-1", "/linked_account/id"),
        ("directory_1", "/data/directory_id"),
    ]
    .into_iter()
    .fold(file, |file, (ours, path)| match name(path) {
        Some(theirs) => file.replace(ours, &theirs),
        None => file,
    })
}

/// A webhook of the fake Finch's connection, signed now.
struct Finch {
    url: String,
}

impl Finch {
    async fn connected(world: &mut World) -> Self {
        let file = connection_file("finch", &world.stack.fakes().unwrap(), "");
        Self { url: world.connect(&file).await }
    }

    async fn send(&self, id: &str, body: &[u8], more: &[(&str, &str)]) -> Answer {
        let now = i64::try_from(Clock::system().now_ms()).unwrap() / 1000;
        let secret = "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=";
        let signature = sign::finch(secret, id, now, body).unwrap();
        let now = now.to_string();
        let own = [("finch-event-id", id), ("finch-timestamp", now.as_str()), ("finch-signature", signature.as_str())];
        let headers: Vec<_> =
            own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        http::send("POST", &self.url, &headers, body).await
    }
}

fn hire(id: &str) -> Vec<u8> {
    json!({"event_type": "individual.created", "connection_id": "c-1", "data": {"individual_id": id}})
        .to_string()
        .into()
}

/// W28
async fn a_stranger_learns_nothing_from_the_answer() {
    let mut world = World::start(|options| Options { deliver: false, ..options }).await;
    let finch = Finch::connected(&mut world).await;
    let forged = http::send("POST", &finch.url, &[], &hire("x")).await;
    assert_eq!((forged.status, forged.body.as_str()), (401, r#"{"error":"refused"}"#));
    let base = world.stack.addresses().http.clone();
    for path in ["finch/nobody", "nothing/nobody", "nothing", "finch", "entra", "sftp", "workos/acme-people-of-finch"] {
        let answer = http::send("POST", &format!("{base}/webhooks/{path}"), &[], &hire("x")).await;
        assert_eq!(answer, forged, "{path}");
    }
    let get = http::send("GET", &finch.url, &[], b"").await;
    assert_eq!(get.status, 405);
    assert!(world.has("there is no such connection"), "the log says why");
    assert_eq!(world.stack.controls().queues()["events.fifo"].total(), 0);
    world.stack.stop().await;
}

/// W25 to W27
async fn a_body_is_taken_up_to_its_limit_and_decoded_once() {
    const CAP: usize = 1 << 20;
    let mut world = World::start(|options| Options { deliver: false, ..options }).await;
    let finch = Finch::connected(&mut world).await;
    let padded = |size: usize| {
        let mut body = hire("p1");
        body.resize(size, b' ');
        body
    };
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let json = ("content-type", "application/json");
    let cases = [
        ("empty", Vec::new(), json, 400),
        ("one byte", b"{".to_vec(), json, 400),
        ("at the limit", padded(CAP), json, 200),
        ("above it", padded(CAP + 1), json, 413),
        ("10 MB", padded(10_000_000), json, 413),
        ("no text", b"\xff\xfe{}".to_vec(), json, 400),
        ("NUL", b"\0".to_vec(), json, 400),
        ("deep", deep, json, 400),
        ("endless number", b"{\"event_type\": 1e999}".to_vec(), json, 400),
        ("a type that comes in base64", hire("p2"), ("content-type", "application/octet-stream"), 200),
        ("no type, which comes in base64", hire("p3"), ("x-nothing", "here"), 200),
        ("what looks like base64", b"e30=".to_vec(), json, 400),
        ("compressed", hire("p4"), ("content-encoding", "gzip"), 400),
    ];
    for (what, body, header, expected) in cases {
        let answer = finch.send(&format!("event {what}"), &body, &[header]).await;
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
    }
    let invocations = world.stack.controls().invocations();
    assert!(invocations.iter().all(|one| one.outcome.as_deref() == Some("ok")), "no process fell: {invocations:?}");
    assert_eq!(world.stack.controls().queues()["events.fifo"].total(), 3);
    world.stack.stop().await;
}

async fn a_webhook_that_cannot_be_handed_on_is_asked_for_again() {
    let mut world = World::start(|options| Options { deliver: false, ..options }).await;
    let finch = Finch::connected(&mut world).await;
    let refuse = FaultKind::Refuse { status: 403, code: "AccessDenied".into() };
    let fault = Fault { service: Service::Sqs, operation: None, kind: refuse, skip: 0, times: 1 };
    world.stack.controls().fault(fault);
    let answer = finch.send("event-1", &hire("p1"), &[]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains(&"retry-after: 5".to_owned()), "{answer:?}");
    assert_eq!(finch.send("event-1", &hire("p1"), &[]).await.status, 200);
    assert_eq!(world.stack.controls().queues()["events.fifo"].total(), 1);
    world.stack.stop().await;
}

// Whole ways.

/// Connects a fake with 40 people and has its first listing applied.
async fn settled(world: &mut World, provider: &str) -> String {
    world.control("POST", provider, "people", json!({"generate": 40, "seed": 7, "quiet": true})).await;
    let file = connection_file(provider, &world.stack.fakes().unwrap(), "");
    let url = world.connect(&file).await;
    let aim = json!({"url": url, "connection_keys": connection_keys(provider)});
    world.control("POST", provider, "webhook_url", aim).await;
    // The schedule starts the first listing.
    let rig = &world.rig;
    world
        .until("the first listing is applied", async || rig.people().await.len() == 40 && rig.stored().await.confirmed)
        .await;
    url
}

async fn a_hire_arrives_by_webhook_and_a_leaver_is_found_by_poll() {
    let mut world = World::start(|options| Options { schedule: Some(Duration::from_millis(200)), ..options }).await;
    for provider in PROVIDERS {
        settled(&mut world, provider).await;
        let rig = &world.rig;
        let before: Vec<String> = rig.people().await.into_keys().collect();
        world
            .control("POST", provider, "people", json!({"first_name": "Newcomer", "work_email": "new@example.com"}))
            .await;
        world.until(&format!("{provider}: the hire"), async || rig.people().await.len() == 41).await;
        let runs = rig.runs().await.len();
        assert_eq!(runs, 1, "{provider}: the hire came by webhook, not by a listing");
        // Nobody tells of this one.
        world.control("DELETE", provider, &format!("people/{}?quiet=true", before[0]), json!({})).await;
        let run = world.poll().await;
        assert_eq!((run.state, run.counts.removed), (RunState::Applied, 1), "{provider}");
        let after = rig.people().await;
        assert_eq!((after.len(), after.contains_key(&before[0])), (40, false), "{provider}");
    }
    world.stack.stop().await;
}

async fn who_is_missing_from_a_listing_that_broke_off_stays() {
    use {ConnectionStatus::*, RunState::*};
    let mut world = World::start(|options| Options { schedule: Some(Duration::from_millis(200)), ..options }).await;
    let cases = [
        ("finch", "truncated_page", Held, Connected),
        ("bamboohr", "unauthorized_after", Failed, Unauthorized),
        ("apideck", "status:403", Failed, Error),
    ];
    for (provider, kind, state, status) in cases {
        settled(&mut world, provider).await;
        world.control("POST", provider, "misbehave", json!({"kind": kind, "after_pages": 0})).await;
        assert_eq!(world.poll().await.state, state, "{provider}: {kind}");
        assert_eq!(world.rig.people().await.len(), 40, "{provider}: {kind}");
        assert_eq!(world.rig.stored().await.status, status, "{provider}: {kind}");
        world.control("POST", provider, "behave", json!({})).await;
    }
    world.stack.stop().await;
}
