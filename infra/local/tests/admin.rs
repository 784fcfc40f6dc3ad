//! The commands against a running stack, by the real program, with the real functions and the real `sftp`.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::ops::Deref;

use serde_json::Value;
use support::{
    KeyPair, eventually, http,
    program::{Program, muster},
};

const CONNECTION: &str = r#"account = "acme"
name = "Payroll nightly"
connector = "sftp"
group = "Acme staff"
import = "active_and_inactive"
mode = "preview"
group_by = ["department"]
report_to = ["hr@acme.example"]
[file]
pattern = "*.csv"
[fields.unique_id]
from = "ID"
[fields.first_name]
from = "First"
[fields.email_1]
from = "Mail"
[fields.department]
from = "Dept"
[fields.employment_status]
from = "Status"
values = { "A" = "active", "L" = "inactive" }
"#;

const FINCH: &str = r#"account = "acme"
name = "HR system"
connector = "finch"
group = "Acme staff"
mode = "preview"
report_to = ["hr@acme.example"]
[provider]
base_url = "{fakes}/finch"
connection_id = "c-1"
[credentials]
access_token = "finch-token"
webhook_secret = "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU="
[fields.unique_id]
from = "id"
[fields.first_name]
from = "first_name"
[fields.email_1]
from = "emails"
type = "Work"
"#;

const PEOPLE: &[u8] =
    b"ID,First,Mail,Dept,Status\n1,Ana,ana@acme.example,HR,A\n2,Bo,none,HR,L\n3,Cy,cy@acme.example,IT,A\n";

/// `muster-local up`, and the key of a customer.
struct Up {
    program: Program,
    key: KeyPair,
}

impl Deref for Up {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Up {
    fn start() -> Self {
        Self { program: Program::start(&["--fakes", "127.0.0.1:0"]), key: KeyPair::new() }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What a command complains of; it must end with 1 and print nothing else.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.muster(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Saves a connection whose login takes the key.
    fn connect(&self, toml: &str) -> Value {
        let (file, key) = (self.file("c.toml", toml), self.file("id.pub", &self.key.public));
        self.json(&["connect", &file, "--public-key", &key])
    }

    async fn sftp(&self, commands: &str) {
        let (ok, output) = self.key.sftp(self.address("sftp"), "acme-payroll-nightly", commands).await;
        assert!(ok, "{output}");
    }

    async fn upload(&self, name: &str, content: &[u8]) {
        self.key.file(name, content);
        self.sftp(&format!("put {name} inbound/{name}\n")).await;
    }

    fn runs(&self) -> Vec<Value> {
        self.json(&["run", "list"]).as_array().unwrap().clone()
    }

    /// Waits until the runs are in these states, oldest first; answers them.
    async fn until(&self, states: &[&str]) -> Vec<Value> {
        let reached =
            async || self.runs().iter().map(|r| r["state"].as_str().unwrap().to_owned()).eq(states.iter().copied());
        eventually(&format!("{states:?}"), reached).await;
        self.runs()
    }
}

fn id(run: &Value) -> &str {
    run["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_file_is_seen_approved_and_undone() {
    let up = Up::start();
    let saved = up.connect(CONNECTION);
    assert_eq!(
        (&saved["connection"], &saved["sftp_user"]),
        (&"acme-payroll-nightly".into(), &"acme-payroll-nightly".into())
    );
    assert_eq!(saved["sftp_password"].as_str().unwrap().len(), 20);
    assert_eq!(up.connect(CONNECTION)["sftp_password"], Value::Null, "told once");

    up.upload("day1.csv", PEOPLE).await;
    let runs = up.until(&["held"]).await;
    let run = id(&runs[0]);
    assert_eq!((&runs[0]["added"], &runs[0]["rows"], &runs[0]["errors"]), (&3.into(), &3.into(), &1.into()));
    assert_eq!((&runs[0]["held"][0], &runs[0]["source"]), (&"preview".into(), &"day1.csv".into()));
    assert_eq!(up.json(&["run", "list", "--connection", "acme-payroll-nightly"])[0]["id"], *run);

    let shown = up.json(&["run", "show", run]);
    let hash = shown["hash"].as_str().unwrap();
    assert_eq!((&shown["gates"][0]["gate"], &shown["gates"][0]["holds"]), (&"preview".into(), &true.into()));
    assert_eq!((&shown["issues"][0]["code"], &shown["issues"][0]["line"]), (&"invalid".into(), &3.into()));
    assert_eq!((&shown["groups"][0]["name"], &shown["groups"][0]["joined"]), (&"Acme staff".into(), &3.into()));
    assert!(shown["error_file"].as_str().unwrap().starts_with("errors/day1."), "{shown}");
    assert!(up.said(&["run", "show", run]).contains(hash));
    assert_eq!(up.said(&["people", "acme-payroll-nightly"]), "", "nothing is applied yet");

    let another = "0".repeat(64);
    assert!(up.refused(&["run", "approve", run, "--hash", &another]).contains(&format!("its hash is {hash}")));
    assert!(up.refused(&["run", "approve", run, "--hash", "0123"]).contains("64 hexadecimal digits"));
    assert_eq!(id(&up.until(&["held"]).await[0]), run, "a wrong hash changes nothing");
    up.said(&["run", "approve", run, "--hash", hash]);
    up.until(&["applied"]).await;

    let people = up.said(&["people", "acme-payroll-nightly", "--json"]);
    let people: Vec<Value> = people.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        people[0],
        serde_json::json!({
            "unique_id": "1", "status": "active", "groups": ["Acme staff", "Department: HR"],
            "fields": {"first_name": "Ana", "email_1": "ana@acme.example", "department": "HR", "employment_status": "active"},
        })
    );
    assert_eq!(
        (people.len(), &people[1]["status"], &people[1]["fields"]["email_1"]),
        (3, &"inactive".into(), &Value::Null)
    );
    let groups = up.json(&["groups", "acme"]);
    assert_eq!(
        groups,
        serde_json::json!([
            {"name": "Acme staff", "kind": "connection", "field": null, "value": null, "members": 3},
            {"name": "Department: HR", "kind": "value", "field": "department", "value": "HR", "members": 2},
            {"name": "Department: IT", "kind": "value", "field": "department", "value": "IT", "members": 1},
        ])
    );
    for group in groups.as_array().unwrap() {
        let members = people.iter().filter(|p| p["groups"].as_array().unwrap().contains(&group["name"])).count();
        assert_eq!(group["members"], members, "{group}");
    }

    let undo = up.said(&["run", "rollback", run]);
    let runs = up.until(&["applied", "held"]).await;
    assert_eq!((id(&runs[1]), &runs[1]["removed"], &runs[1]["undoes"]), (undo.trim(), &3.into(), &run.into()));
    up.said(&["run", "reject", undo.trim(), "--reason", "tried out only"]);
    let runs = up.until(&["applied", "rejected"]).await;
    assert_eq!(runs[1]["reason"], "tried out only");
    assert!(up.refused(&["run", "reject", run]).contains("the run is applied, so it cannot be rejected"));
    assert!(up.refused(&["run", "rollback", undo.trim()]).contains("the run is rejected, so it cannot be rolled back"));
    assert_eq!(up.said(&["people", "acme-payroll-nightly", "--json"]).lines().count(), 3);

    let audit = up.json(&["audit", "verify", "--account", "acme"]);
    assert_eq!((&audit["intact"], &audit["complete"]), (&true.into(), &true.into()));
    // Saved twice with its keys, approved, rolled back, rejected.
    assert_eq!(audit["entries"], 7, "{audit}");
    assert!(up.said(&["audit", "verify", "--account", "acme"]).contains(audit["head"].as_str().unwrap()));
}

/// A connection with an API: its file keeps no secret, its people come by poll and by webhook.
#[tokio::test]
async fn a_provider_is_connected_fetched_and_listened_to() {
    let up = Up::start();
    let ready = muster_local::running(&up.data()).unwrap();
    let fakes = ready["fakes"].as_str().unwrap();
    let control = async |path: &str, body: &str| http(&format!("{fakes}/control/finch/{path}"), Some(body)).await;
    control("people", r#"{"generate": 20, "seed": 7, "quiet": true}"#).await;
    let file = up.file("finch.toml", &FINCH.replace("{fakes}", fakes));
    let saved = up.json(&["connect", &file]);
    let url = format!("{}/webhooks/finch/acme-hr-system", up.address("http"));
    assert_eq!(saved, serde_json::json!({"connection": "acme-hr-system", "webhook_url": url}));

    let run = up.json(&["poll", "now", "acme-hr-system"]);
    assert_eq!(
        (&run["state"], &run["held"][0], &run["added"]),
        (&"held".into(), &"preview".into(), &20.into()),
        "{run}"
    );
    let hash = up.json(&["run", "show", id(&run)])["hash"].as_str().unwrap().to_owned();
    up.said(&["run", "approve", id(&run), "--hash", &hash]);
    eventually("twenty people", async || up.said(&["people", "acme-hr-system"]).lines().count() == 20).await;
    let connection = &up.json(&["connections"])[0];
    assert_eq!((&connection["status"], &connection["connector"]), (&"connected".into(), &"finch".into()));
    assert!(connection["due"].is_string() && connection["last_full"].is_string(), "{connection}");
    assert!(up.said(&["connections"]).contains("acme-hr-system  finch"));

    control("credentials", r#"{"access_token": "another"}"#).await;
    assert_eq!(up.json(&["poll", "now", "acme-hr-system"])["state"], "failed");
    assert_eq!(up.json(&["connections"])[0]["status"], "reauth_needed", "in Finch's words");
    assert_eq!(up.said(&["people", "acme-hr-system"]).lines().count(), 20, "nobody goes");

    control("credentials", r#"{"access_token": "finch-token"}"#).await;
    let run = up.json(&["poll", "now", "acme-hr-system"]);
    assert_eq!((&run["state"], &run["added"]), (&"held".into(), &0.into()), "nothing is new: {run}");
    assert_eq!(up.json(&["connections"])[0]["status"], "connected");

    assert!(up.refused(&["secret", "finch", "--webhook-secret", "short"]).contains("shorter than 16"));
    up.said(&["secret", "finch", "--webhook-secret", "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU="]);
    let aim =
        format!(r#"{{"url": "{}/webhooks/finch", "connection_keys": {{"connection_id": "c-1"}}}}"#, up.address("http"));
    control("webhook_url", &aim).await;
    control("event", r#"{"event": "account.updated", "data": {"status": "reauth"}}"#).await;
    let status = async || up.json(&["connections"])[0]["status"] == "reauth_needed";
    eventually("the shared address is listened to", status).await;

    assert!(up.refused(&["poll", "now", "acme-x"]).contains("no connection acme-x"));
    let stored = std::fs::read(up.data().join("dynamodb.sqlite")).unwrap();
    assert!(!stored.windows(11).any(|bytes| bytes == b"finch-token"), "credentials are kept apart");
}

/// F27.
#[tokio::test]
async fn a_file_renamed_when_it_is_whole_is_imported_once() {
    let up = Up::start();
    up.connect(CONNECTION);
    up.key.file("x.csv", PEOPLE);
    up.sftp("put x.csv inbound/x.csv.filepart\nrename inbound/x.csv.filepart inbound/x.csv\n").await;
    let runs = up.until(&["held"]).await;
    assert_eq!((&runs[0]["source"], &runs[0]["added"]), (&"x.csv".into(), &3.into()));
    let quiet = async || {
        let queues: Value =
            serde_json::from_str(&http(&format!("{}/control/queues", up.address("http")), None).await.1).unwrap();
        queues.as_object().unwrap().values().all(|counts| counts.as_object().unwrap().values().all(|n| *n == 0))
    };
    eventually("nothing is left to do", quiet).await;
    assert_eq!(up.runs().len(), 1, "the upload under the other name made no run");
}

#[tokio::test]
async fn a_connection_file_with_errors_is_refused_in_full() {
    let up = Up::start();
    let file =
        up.file("c.toml", &CONNECTION.replace("group_by", "groupby").replace("from = \"First\"", "fron = \"First\""));
    let error = up.refused(&["connect", &file]);
    for part in [file.as_str(), "line 7", "groupby", "group_by", "fron", "from"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(up.refused(&["connect", "/nowhere/c.toml"]).contains("/nowhere/c.toml"));
    let file = up.file("c.toml", CONNECTION);
    assert!(up.refused(&["connect", &file, "--public-key", &file]).contains("no public key"));
    assert!(up.refused(&["connect", &file, "--pgp-key", &file]).contains("c.toml"));
    assert_eq!(up.runs(), [] as [Value; 0]);
    assert!(up.refused(&["groups", "acme"]).contains("no account acme"), "nothing was saved");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let up = Up::start();
    for (arguments, named) in [
        (&["run", "show", "0123abc"][..], "no run \"0123abc\""),
        (&["run", "approve", "../x", "--hash", "1"], "no run \"../x\""),
        (&["run", "rollback", "0123abc"], "no run \"0123abc\""),
        (&["run", "list", "--connection", "acme-x"], "no connection acme-x"),
        (&["people", "acme-x"], "no connection acme-x"),
        (&["groups", "Acme"], "account \"Acme\""),
    ] {
        let error = up.refused(arguments);
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn without_a_stack_a_command_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = muster(folder.path(), &["run", "list"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("start one with `muster-local up --data"), "{error}");
}
