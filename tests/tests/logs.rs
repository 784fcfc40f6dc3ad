//! What the real functions write while they run as processes of their own: ids on every line, one trace from upload to
//! mail, and nothing of people or secrets.
//!
//! This program is also the functions (`--function NAME`), so it brings its own harness.
#![expect(clippy::unwrap_used, reason = "all of this is a test, though not of the standard harness")]

use std::process::ExitCode;
use std::time::Duration;

use muster_core::ids::AccountId;
use muster_local::{Clock, Options, Stack};
use muster_sync::{Drawn, Run, RunState, Saved, Terms, password_of, save_connection};
use muster_tests::canary::PLANTED;
use muster_tests::customer::Customer;
use muster_tests::harness::{self, Test};
use muster_tests::http::{self, Answer};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, staff};
use muster_tests::suite_logs;
use serde_json::Value;

const TESTS: &[Test] = muster_tests::tests![
    every_line_about_a_run_names_its_account_connection_and_run,
    the_trace_of_an_upload_reaches_its_mail,
    twenty_canaries_go_through_and_stand_in_no_line,
];

fn main() -> ExitCode {
    harness::main(TESTS)
}

/// A running stack with one connection, seen through a rig over the same services.
struct World {
    stack: Stack,
    rig: Rig,
    user: String,
}

const DRAWN: Drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };

impl World {
    async fn start(toml: &str, keys: &[String]) -> Self {
        let stack = Stack::start(Options {
            in_memory: true,
            bucket: "muster".into(),
            function_exe: Some(std::env::current_exe().unwrap()),
            function_logs: false,
            log_watch: Some(suite_logs::line),
            extra_env: [suite_logs::environment(), vec![public_url()]].concat(),
            retry: Duration::from_millis(100),
            max_receive: 12,
            ..Options::default()
        });
        let stack = stack.await.unwrap();
        let mut rig = Rig { services: stack.services().clone(), clock: Clock::system(), connection: None };
        let ports = rig.ports();
        let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
        let terms = Terms { drawn: DRAWN, public_keys: keys, base_urls: false, now_ms };
        let saved = save_connection(&ports.table, &ports.secrets, toml, terms).await.unwrap();
        let Saved { connection, sftp_user, .. } = saved;
        rig.connection = Some((AccountId::parse("acme").unwrap(), connection));
        Self { stack, rig, user: sftp_user.unwrap() }
    }

    /// Puts a file where a closed upload ends up, and waits until nothing is left to do; answers its run.
    async fn upload(&self, name: &str, bytes: &[u8]) -> Run {
        self.rig.put(&format!("inbox/{}/{name}", self.user), bytes).await;
        self.quiet().await;
        // S3 tells whole seconds only, and the newest file counts.
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        self.rig.last_run().await
    }

    async fn quiet(&self) {
        for _ in 0..2_400 {
            if self.stack.controls().quiet() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never quiet: {:?}\n{:#?}", self.stack.controls().queues(), self.stack.controls().logs().last());
    }

    /// Asks the admin API as an admin.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = self.stack.admin_token("acme").unwrap();
        let headers = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        let url = format!("{}{}", self.stack.addresses().http, path.replace("{c}", &self.user));
        http::send(method, &url, &headers, body.as_bytes()).await
    }

    /// What the functions wrote; every line of it must be JSON.
    fn lines(&self) -> Vec<Value> {
        let logs = self.stack.controls().logs();
        let read = |line: &String| {
            let (_, json) = line.split_once("] ").unwrap();
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        // Metrics are lines of another form.
        logs.iter().filter(|line| !line.contains(r#"{"_aws":"#)).map(read).collect()
    }
}

fn public_url() -> (String, String) {
    ("MUSTER_PUBLIC_URL".to_owned(), "https://sync.product.example".to_owned())
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_default()
}

async fn every_line_about_a_run_names_its_account_connection_and_run() {
    let world = World::start(STAFF, &[]).await;
    let applied = world.upload(DAYS[0], &csv(&staff(40))).await;
    let held = world.upload(DAYS[1], &csv(&staff(20))).await;
    assert_eq!((applied.state, held.state), (RunState::Applied, RunState::Held));
    let hash = &held.plan.as_ref().unwrap().hash;
    let path = format!("/v1/connections/{{c}}/runs/{}/approval", held.id);
    assert_eq!(world.ask("POST", &path, &format!(r#"{{"hash":"{hash}"}}"#)).await.status, 200);
    world.quiet().await;
    let failed = world.upload("another.csv", b"id\n").await;
    assert_eq!(failed.state, RunState::Failed);
    let lines = world.lines();
    for line in lines.iter().filter(|line| ["file-import", "apply", "report-email"].contains(&text(line, "function"))) {
        for field in ["timestamp", "level", "message", "request_id", "trace_id", "message.id"] {
            assert!(!text(line, field).is_empty(), "no {field}: {line}");
        }
        assert_eq!((text(line, "account.id"), text(line, "connection.id")), ("acme", world.user.as_str()), "{line}");
        let run = text(line, "run.id");
        assert!([&applied, &held, &failed].iter().any(|known| known.id.as_str() == run), "{line}");
    }
    let steps = |run: &Run| -> Vec<String> {
        let steps =
            ["received", "planned", "held", "approved", "applying", "chunk written", "applied", "failed", "mailed"];
        let of_run = lines.iter().filter(|line| text(line, "run.id") == run.id.as_str());
        let told = of_run.map(|line| text(line, "message").to_owned());
        told.filter(|message| steps.contains(&message.as_str())).collect()
    };
    assert_eq!(steps(&applied), ["received", "planned", "applying", "chunk written", "applied", "mailed"]);
    let decided = ["received", "planned", "held", "mailed", "approved", "chunk written", "applied", "mailed"];
    assert_eq!(steps(&held), decided);
    assert_eq!(steps(&failed), ["received", "failed", "mailed"]);
    let logs = world.stack.controls().logs();
    let ages = logs.iter().filter(|line| line.contains(r#"{"_aws":"#) && line.contains(r#""MessageAgeSeconds":"#));
    let ages: Vec<_> = ages.map(|line| line.split_once("] ").unwrap().0.trim_start_matches('[')).collect();
    for function in ["file-import", "apply", "report-email"] {
        assert!(ages.contains(&function), "the age of {function}'s messages is told: {ages:?}");
    }
    let of = |message: &str| lines.iter().find(|line| text(line, "message") == message).unwrap();
    assert_eq!((of("planned")["added"].as_u64(), of("planned")["rows"].as_u64()), (Some(40), Some(40)));
    assert!(text(of("held"), "gates").contains("removals"), "{}", of("held"));
    assert_eq!(text(of("failed"), "why"), "file_name");
    let asked = lines.iter().find(|line| text(line, "http.route").ends_with("/approval")).unwrap();
    assert_eq!(text(asked, "http.route"), "/v1/connections/{connection}/runs/{run}/approval");
    assert_eq!((text(asked, "account.id"), text(asked, "run.id")), ("acme", held.id.as_str()), "{asked}");
    world.stack.stop().await;
}

async fn the_trace_of_an_upload_reaches_its_mail() {
    let customer = Customer::default();
    let world = World::start(STAFF, std::slice::from_ref(&customer.public)).await;
    std::fs::write(customer.folder.path().join(DAYS[0]), csv(&staff(600))).unwrap();
    let address = world.stack.addresses().sftp.clone();
    customer.sftp(&address, &world.user, &format!("put {0} inbound/{0}\n", DAYS[0])).await;
    world.quiet().await;
    let run = world.rig.last_run().await;
    assert_eq!((run.state, run.counts.added), (RunState::Applied, 600));
    let lines = world.lines();
    let of_run: Vec<_> = lines.iter().filter(|line| text(line, "run.id") == run.id.as_str()).collect();
    let root = text(of_run[0], "trace_id");
    assert!(root.starts_with("1-"), "{root}");
    for function in ["file-import", "apply", "report-email"] {
        assert!(of_run.iter().any(|line| text(line, "function") == function), "{function} wrote nothing");
    }
    for line in &of_run {
        assert_eq!(text(line, "trace_id"), root, "{line}");
    }
    // What the mail service tells of the mail belongs to it too.
    assert!(of_run.iter().any(|line| text(line, "mail.event") == "Send"));
    let mails = world.stack.services().ses.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].tags.contains(&("trace".to_owned(), root.to_owned())), "{:?}", mails[0].tags);
    assert_eq!(mails[0].headers, [("X-Muster-Trace".to_owned(), root.to_owned())]);
    let told = world.stack.services().bus.events();
    assert!(!told.is_empty());
    for event in told {
        assert!(event.trace.as_deref().is_some_and(|trace| trace.starts_with(&format!("Root={root}"))), "{event:?}");
    }
    world.stack.stop().await;
}

/// A connection that takes over all that is planted.
const BIRDS: &str = r#"
account = "acme"
name = "Birds"
mode = "active"
report_to = ["hr-canary@acme.example"]
default_country = "US"
[file]
pattern = "people_{yyyymmdd}.csv"
[fields.unique_id]
from = "id"
[fields.first_name]
from = "first"
[fields.last_name]
from = "last"
[fields.preferred_name]
from = "called"
[fields.email_1]
from = "work"
type = "Work"
[fields.email_2]
from = "home"
type = "Home"
[fields.text_1]
from = "mobile"
type = "Mobile"
[fields.voice_1]
from = "phone"
type = "Work"
[fields.address_line_1]
from = "street"
[fields.manager_name]
from = "manager"
[fields.job_title]
from = "title"
"#;

const HEADER: &str = "id,first,last,called,work,home,mobile,phone,street,manager,title,ssn";

/// So many people; the first of them is all canaries.
fn birds(count: usize) -> Vec<u8> {
    let canary = "KNR-77731,Kanariah,Zeisigmann,Zilpzalpi,kanariah@birds.example,zeisig-privat@home.example,\
        +12025550173,call-me-canary,99 Wharfside,Papagena Finch,Canarykeeper,078-05-1120";
    let other = |n: usize| format!("B-{n},Bird,Of Paradise,,bird-{n}@birds.example,,,,,,,");
    let rows: Vec<String> = (1..count).map(other).collect();
    format!("{HEADER}\n{canary}\n{}\n", rows.join("\n")).into_bytes()
}

/// T11
async fn twenty_canaries_go_through_and_stand_in_no_line() {
    let world = World::start(BIRDS, &[]).await;
    let applied = world.upload(DAYS[0], &birds(30)).await;
    assert_eq!((applied.state, applied.counts.added), (RunState::Applied, 30), "{:?}", applied.reason);
    let mut through = shown(&world).await;
    // A name that fits no rule, a decision by the mail's link, an approver's name.
    assert_eq!(world.upload("kanarienliste.csv", &birds(30)).await.state, RunState::Failed);
    assert_eq!(world.upload(DAYS[1], &birds(10)).await.state, RunState::Held);
    let link = link_of_the_last_mail(&world);
    let form = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let page = format!("{}{link}", world.stack.addresses().http);
    assert_eq!(http::send("GET", &page, &[], b"").await.status, 200);
    let approved = http::send("POST", &page, &form, b"decision=approve&decided_by=Voliere-Chefin").await;
    assert_eq!(approved.status, 200, "{}", approved.body);
    world.quiet().await;
    // The admin API: people by path and query, bodies that cannot be taken, a signed address.
    let person = world.ask("GET", "/v1/connections/{c}/people/KNR-77731", "").await;
    assert!(person.status == 200 && person.body.contains("Kanariah"), "{person:?}");
    assert_eq!(world.ask("GET", "/v1/people?q=canarysearch&filter=canarysearch", "").await.status, 400);
    assert_eq!(
        world.ask("PATCH", "/v1/connections/{c}/people/KNR-77731", r#"{"fields":"canarybody"}"#).await.status,
        422
    );
    let place =
        world.ask("POST", "/v1/connections/{c}/uploads", r#"{"file_name":"people_20261125.csv","size":3}"#).await;
    let signature = place.body.split("X-Amz-Signature=").nth(1).unwrap_or_else(|| panic!("{place:?}"));
    let signature: String = signature.chars().take_while(char::is_ascii_hexdigit).collect();
    let key = world.ask("PUT", "/v1/connections/{c}/pgp-key", r#"{"key":"canarypgpkey"}"#).await;
    assert!((400..500).contains(&key.status), "{key:?}");
    poison(&world).await;
    world.quiet().await;
    through.push_str(&format!("{} {link} {person:?} {place:?}", world.stack.admin_token("acme").unwrap()));
    let seen = through.to_lowercase();
    let seen = PLANTED.iter().filter(|(_, canary)| seen.contains(canary)).count();
    assert!(seen >= 11, "only {seen} planted values were taken over");
    let token = world.stack.admin_token("acme").unwrap();
    let secrets = [
        signature,
        link.trim_start_matches("/decisions/").to_owned(),
        token.split('.').next().unwrap().to_owned(),
        password_of(&DRAWN.password),
        "0505050505050505".to_owned(),
    ];
    let logs = world.stack.controls().logs();
    assert!(logs.len() > 30, "{logs:#?}");
    for line in &logs {
        // The planted ones were looked for as each line was written.
        assert!(!secrets.iter().any(|secret| line.contains(secret.as_str())), "{line}");
    }
    world.stack.stop().await;
}

/// What customers and the product see of it.
async fn shown(world: &World) -> String {
    let mails = format!("{:?}", world.stack.services().ses.mails());
    let objects = &world.stack.services().objects;
    let errors = objects.list("muster", &format!("sftp/{}/errors/", world.user));
    assert_eq!(errors.len(), 1, "an error file");
    format!("{}{mails}", world.rig.picture().await.join("\n"))
}

fn link_of_the_last_mail(world: &World) -> String {
    let mail = world.stack.services().ses.mails().pop().unwrap();
    let link = mail.text.split("https://sync.product.example").nth(1).unwrap_or_else(|| panic!("{}", mail.text));
    link.split_whitespace().next().unwrap().to_owned()
}

/// Messages of another form, with values where none belong: parsers quote what they did not expect.
async fn poison(world: &World) {
    let values = r#""fence":"kanariah@birds.example","chunk":"Zeisigmann","kind":"Zilpzalpi","Records":"KNR-77731""#;
    let body = format!(r#"{{"account":"acme","connection":"Papagena Finch","run":"Wharfside",{values}}}"#);
    for queue in ["import", "apply", "report", "poll"] {
        world.stack.services().sqs.send(queue, &body, serde_json::Map::new(), 0).unwrap();
    }
    world.stack.services().sqs.send_in_order("events.fifo", &body, "group", "same").unwrap();
    let mail = r#"{"account":"acme","connection":"Papagena Finch","run":"Wharfside","kind":"ended"}"#;
    world.stack.services().sqs.send("report", mail, serde_json::Map::new(), 0).unwrap();
    world.stack.services().sqs.send("import", "not JSON: Kanariah", serde_json::Map::new(), 0).unwrap();
}
