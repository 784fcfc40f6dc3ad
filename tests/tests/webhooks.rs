//! Webhooks over HTTP into the real function processes.
//!
//! This program is also the functions (`--function NAME`), so it brings its own harness.
#![expect(clippy::unwrap_used, reason = "all of this is a test, though not of the standard harness")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use muster_core::ids::AccountId;
use muster_local::{Clock, Options, Stack};
use muster_sync::{ConnectionStatus, Drawn, Terms, save_connection};
use muster_tests::canary;
use muster_tests::harness::{self, Test};
use muster_tests::hook::{Answer, FINCH_SECRET, finch, individual_updated, post, send, try_send};
use muster_tests::house::file;
use muster_tests::rig::Rig;
use muster_tests::suite_logs;
use serde_json::{Value, json};

const TESTS: &[Test] = muster_tests::tests![
    bodies_of_every_size_are_answered_w26,
    a_thousand_copies_over_http_have_one_effect_w29,
    nothing_secret_or_personal_is_in_the_functions_logs_t11,
];

fn main() -> ExitCode {
    harness::main(TESTS)
}

fn options() -> Options {
    Options {
        in_memory: true,
        bucket: "muster".into(),
        // Where the rig looks for them.
        extra_env: vec![
            ("MUSTER_SECRETS_PREFIX".into(), "/muster/test".into()),
            ("RUST_LOG".into(), suite_logs::FILTER.into()),
        ],
        function_exe: Some(std::env::current_exe().unwrap()),
        function_logs: false,
        log_watch: Some(suite_logs::line),
        retry: Duration::from_millis(100),
        max_receive: 1_000,
        ..Options::default()
    }
}

/// A running stack, seen through a rig over the same services.
struct World {
    stack: Stack,
    rig: Rig,
}

impl World {
    async fn start(options: Options) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let rig = Rig { services: stack.services().clone(), clock: Clock::system(), connection: None };
        Self { stack, rig }
    }

    /// A world with fakes, and a connection to the fake Finch whose first listing is applied.
    async fn with_finch(people: Value, secret: &str) -> Self {
        let fakes = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut world = Self::start(Options { fakes, schedule: Some(Duration::from_millis(300)), ..options() }).await;
        world.control("POST", "people", people).await;
        let base = format!("{}/finch", world.stack.fakes().unwrap());
        let text = with_secret(&file("finch", ""), secret).replace("http://127.0.0.1:9/finch", &base);
        world.save(&text).await;
        for _ in 0..1_200 {
            if world.rig.stored().await.owned > 0 && world.stack.controls().quiet() {
                return world;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no listing came: {:#?}", world.stack.controls().logs().last());
    }

    async fn save(&mut self, text: &str) {
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let now_ms = i64::try_from(self.rig.clock.now_ms()).unwrap();
        let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms };
        let ports = self.rig.ports();
        let saved = save_connection(&ports.table, &ports.secrets, text, terms).await.unwrap();
        self.rig.connection = Some((AccountId::parse("acme").unwrap(), saved.connection));
    }

    /// A control request of the fake Finch.
    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let fakes = self.stack.fakes().unwrap();
        let answer =
            send(&fakes, method, &format!("/control/finch/{path}"), &Vec::new(), body.to_string().as_bytes()).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    fn path(&self, connector: &str) -> String {
        format!("/webhooks/{connector}/{}", self.rig.user())
    }

    /// Posts what Finch signs with that secret now.
    async fn finch(&self, secret: &str, event: &str, body: &[u8]) -> Answer {
        let headers = finch(secret, event, i64::try_from(self.rig.clock.now_ms()).unwrap(), body);
        post(&self.stack.addresses().http, &self.path("finch"), &headers, body).await
    }

    /// The same, sent again when the connection broke, as providers do: this machine may refuse so many at once.
    async fn finch_until_answered(&self, event: &str, body: &[u8]) -> Answer {
        let headers = finch(FINCH_SECRET, event, i64::try_from(self.rig.clock.now_ms()).unwrap(), body);
        for _ in 0..20 {
            let (base, path) = (&self.stack.addresses().http, self.path("finch"));
            if let Ok(answer) = try_send(base, "POST", &path, &headers, body).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the connection broke again and again");
    }

    /// Waits until no message is left and `done` holds.
    async fn until(&self, done: impl AsyncFn() -> bool) {
        for _ in 0..1_200 {
            if self.stack.controls().quiet() && done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let controls = self.stack.controls();
        panic!("not done: {:?}\n{:#?}", controls.queues(), controls.logs().iter().rev().take(9).collect::<Vec<_>>());
    }
}

fn with_secret(file: &str, secret: &str) -> String {
    file.replace("[credentials]\n", &format!("[credentials]\nwebhook_secret = \"{secret}\"\n"))
}

/// Of that size, and an event of no interest as far as it fits.
fn sized(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"event_type":"other.thing","connection_id":"c-1","pad":""#.to_vec();
    if bytes < body.len() + 2 {
        return vec![b'{'; bytes];
    }
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

async fn bodies_of_every_size_are_answered_w26() {
    const CAP: usize = muster_sync::LARGEST_BODY;
    let mut world = World::start(options()).await;
    world.save(&with_secret(&file("finch", ""), FINCH_SECRET)).await;
    for (bytes, expected) in [(0, 400), (1, 400), (100, 200), (CAP, 200), (CAP + 1, 413), (10_000_000, 413)] {
        let answer = world.finch(FINCH_SECRET, "sized", &sized(bytes)).await;
        assert_eq!(answer.status, expected, "{bytes} bytes: {answer:?}");
    }
    // The function answered every one of them; none ended it.
    let ended = |outcome: &Option<String>| outcome.as_deref() != Some("ok");
    assert!(!world.stack.controls().invocations().iter().any(|one| ended(&one.outcome)));
    world.stack.stop().await;
}

async fn first_id(world: &World) -> String {
    world.rig.people().await.into_keys().next().unwrap()
}

async fn a_thousand_copies_over_http_have_one_effect_w29() {
    const COPIES: usize = 1_000;
    let world = World::with_finch(json!({"generate": 10, "seed": 7, "quiet": true}), FINCH_SECRET).await;
    let (id, mails) = (first_id(&world).await, world.rig.mails().len());
    world.control("PATCH", &format!("people/{id}?quiet=true"), json!({"first_name": "Renamed"})).await;
    let (runs, body) = (world.rig.runs().await.len(), individual_updated("c-1", &id));
    let copies: Vec<_> = (0..COPIES).map(|_| world.finch_until_answered("one-event", &body)).collect();
    let answers = futures_util::future::join_all(copies).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(taken, COPIES, "{:?}", answers.iter().find(|answer| answer.status != 200));
    world.until(async || world.rig.stored().await.feed.by_events.updated > 0).await;
    let stored = world.rig.stored().await;
    assert_eq!((stored.feed.by_events.updated, stored.feed.by_events.added, stored.owned), (1, 0, 10));
    assert_eq!(stored.status, ConnectionStatus::Connected);
    assert_eq!(world.rig.runs().await.len(), runs, "an event is no listing");
    assert_eq!(world.rig.mails().len(), mails);
    world.stack.stop().await;
}

/// T11: canaries in everything that is secret or personal; a hire, a change, a leaver, a listing, a forged webhook and
/// credentials that are refused. What the functions wrote has none of them.
async fn nothing_secret_or_personal_is_in_the_functions_logs_t11() {
    // Base64 of 24 bytes; the text itself is the canary.
    const SECRET: &str = "Y2FuYXJ5c2VjcmV0Y2FuYXJ5c2Vjcmd0";
    let people: Vec<Value> = (0..12).map(|n| person(&format!("Canaryfirst{n}"))).collect();
    let world = World::with_finch(json!(people), SECRET).await;
    let hired = world.control("POST", "people?quiet=true", person("Canaryhired")).await;
    let hired = hired["id"].as_str().or(hired[0]["id"].as_str()).or(hired["people"][0]["id"].as_str());
    let hired = hired.unwrap_or_else(|| panic!("{hired:?}")).to_owned();
    assert_eq!(world.finch(SECRET, "hire", &individual_updated("c-1", &hired)).await.status, 200);
    world.until(async || world.rig.stored().await.owned == 13).await;
    world.control("DELETE", &format!("people/{hired}?quiet=true"), json!({})).await;
    assert_eq!(world.finch(SECRET, "leave", &individual_updated("c-1", &hired)).await.status, 200);
    world.until(async || world.rig.stored().await.owned == 12).await;
    let forged = br#"{"event_type":"individual.updated","data":{"first_name":"Canaryforged"}}"#;
    assert_eq!(world.finch(FINCH_SECRET, "forged", forged).await.status, 401);
    let unreadable = br#"{"event_type":"Canaryunreadable","#;
    assert_eq!(world.finch(SECRET, "unreadable", unreadable).await.status, 400);
    // The provider takes other credentials now.
    world.control("POST", "credentials", json!({"access_token": "canary-other-token"})).await;
    let id = first_id(&world).await;
    assert_eq!(world.finch(SECRET, "refused", &individual_updated("c-1", &id)).await.status, 200);
    let is_told = |status| matches!(status, ConnectionStatus::Unauthorized | ConnectionStatus::ReauthNeeded);
    world.until(async || is_told(world.rig.stored().await.status)).await;
    let logs = world.stack.controls().logs();
    check_no_canary(&logs);
    world.stack.stop().await;
}

fn person(first: &str) -> Value {
    let name = first.to_lowercase();
    json!({"first_name": first, "last_name": "Canarylast", "work_email": format!("{name}@canary-mail.example"),
        "title": "Canarytitle"})
}

fn check_no_canary(logs: &[String]) {
    for function in ["webhook-intake", "webhook-apply", "scheduled-poll", "apply"] {
        assert!(logs.iter().any(|line| line.contains(function)), "{function} wrote nothing");
    }
    for line in logs {
        assert_eq!(canary::found(line), [""; 0], "{line}");
    }
}
