//! Providers by the real program: connected, told by webhooks, asked, and what is refused.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::{ops::Deref, path::Path, process::Output};

use serde_json::{Value, json};
use support::{eventually, http, program::Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOKEN: &str = "finch-token";
const SECRET: &str = "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=";
const ID: &str = "acme-finch";

/// `muster-local up` with fake providers.
struct Up {
    program: Program,
    http: String,
    fakes: String,
}

impl Deref for Up {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Up {
    fn start() -> Self {
        let program = Program::start(&["--fakes", "127.0.0.1:0", "--schedule", "1"]);
        let address = |part: &str| program.address(part).to_owned();
        Self { http: address("http"), fakes: address("fakes"), program }
    }

    /// The connection file of the fake Finch.
    fn toml(&self) -> String {
        format!(
            "account = \"acme\"\nname = \"Finch\"\nconnector = \"finch\"\nmode = \"active\"\n\
             [provider]\nconnection_id = \"c-1\"\nbase_url = \"{}/finch\"\n\
             [credentials]\naccess_token = \"{TOKEN}\"\nwebhook_secret = \"{SECRET}\"\n\
             [fields.unique_id]\nfrom = \"id\"\n[fields.first_name]\nfrom = \"first_name\"\n\
             [fields.email_1]\nfrom = \"emails\"\ntype = \"Work\"\n",
            self.fakes
        )
    }

    fn connect(&self, toml: &str) -> Output {
        self.muster(&["connect", &self.file("c.toml", toml), "--json"])
    }

    /// Saves the usual file; answers what is printed.
    fn connected(&self) -> Value {
        let output = self.connect(&self.toml());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let host = self.fakes.strip_prefix("http://").unwrap();
        let body = body.to_string();
        let head =
            format!("{method} /control/finch/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: ");
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 20"), "{path}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Whether no webhook is on its way and no function has anything to do.
    async fn is_quiet(&self) -> bool {
        let waiting = self.control("GET", "state", json!({})).await["webhooks"]["waiting"].clone();
        let queues: Value =
            serde_json::from_str(&http(&format!("{}/control/queues", self.http), None).await.1).unwrap();
        waiting == 0
            && queues.as_object().unwrap().values().all(|counts| counts.as_object().unwrap().values().all(|n| *n == 0))
    }

    fn people(&self) -> Vec<Value> {
        let lines = self.said(&["people", ID, "--json"]);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn has(&self, id: &str) -> bool {
        self.people().iter().any(|person| person["unique_id"] == id)
    }
}

#[tokio::test]
async fn a_hire_comes_by_webhook_and_a_leaver_is_found_by_asking() {
    let up = Up::start();
    up.control("POST", "people?quiet=true", json!({"generate": 40, "seed": 7})).await;
    let saved = up.connected();
    assert_eq!(saved, json!({"connection": ID, "webhook_url": format!("{}/webhooks/finch/{ID}", up.http)}));
    // An event that comes before the end of the first listing is put off to the next one.
    let applied = async || up.said(&["run", "list", "--json"]).contains("\"applied\"");
    eventually("the schedule fetches everybody", applied).await;
    assert_eq!(up.people().len(), 40);

    let url = &saved["webhook_url"];
    up.control("POST", "webhook_url", json!({"url": url, "connection_keys": {"connection_id": "c-1"}})).await;
    let person = json!({"first_name": "Noor", "work_email": "noor@acme.example"});
    let hired = up.control("POST", "people", person).await["id"].as_str().unwrap().to_owned();
    eventually("the webhook brings them", async || up.has(&hired)).await;
    let people = up.people();
    let found = people.iter().find(|person| person["unique_id"] == hired.as_str()).unwrap();
    assert_eq!(
        (&found["fields"]["first_name"], &found["fields"]["email_1"]),
        (&"Noor".into(), &"noor@acme.example".into())
    );
    assert_eq!(people.len(), 41);

    // A later webhook of the hire would see the leaver.
    eventually("every webhook is dealt with", async || up.is_quiet().await).await;
    up.control("POST", "webhook_url", json!({"url": null})).await;
    up.control("DELETE", &format!("people/{hired}?quiet=true"), json!({})).await;
    assert!(up.has(&hired), "nobody has told");
    let run: Value = serde_json::from_str(&up.said(&["poll", "now", ID, "--json"])).unwrap();
    assert_eq!((&run["state"], &run["removed"], &run["added"]), (&"applied".into(), &1.into(), &0.into()), "{run}");
    assert!(!up.has(&hired));
    assert_eq!(up.people().len(), 40);
    let connections: Value = serde_json::from_str(&up.said(&["connections", "--json"])).unwrap();
    assert_eq!((&connections[0]["status"], &connections[0]["people"]), (&"connected".into(), &40.into()));
    assert_eq!(credentials_in(&up.data()), [] as [String; 0]);
}

/// The files of the data folder that have a credential in them, other than those of the parameter store.
fn credentials_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "parameters" {
            found.extend(credentials_in(&path));
        } else if path.is_file() {
            // Temporary files go away meanwhile.
            let bytes = std::fs::read(&path).unwrap_or_default();
            let has = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            found.extend((has(TOKEN) || has(SECRET)).then(|| path.display().to_string()));
        }
    }
    found
}

#[tokio::test]
async fn a_connection_file_that_does_not_fit_its_connector_is_refused_by_key() {
    let up = Up::start();
    let base = format!("base_url = \"{}/finch\"", up.fakes);
    for (from, to, named) in [
        ("\"finch\"", "\"finhc\"", &["connector", "finhc"][..]),
        ("connection_id = \"c-1\"\n", "", &["provider.connection_id", "missing"]),
        ("access_token = \"finch-token\"\n", "", &["credentials.access_token", "missing"]),
        (base.as_str(), "conection = \"x\"", &["provider.conection", "unknown key"]),
        (SECRET, "short", &["credentials.webhook_secret", "shorter than 16"]),
        ("from = \"id\"", "from = \"emails\"", &["fields.unique_id"]),
    ] {
        let toml = up.toml().replacen(from, to, 1);
        assert_ne!(toml, up.toml(), "{from}");
        let output = up.connect(&toml);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{named:?}: {error}");
        for part in named {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains(TOKEN) && !error.contains(SECRET), "{error}");
    }
    assert_eq!(up.said(&["connections", "--json"]).trim(), "[]");
}
