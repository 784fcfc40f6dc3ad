//! A started stack with the clients of the AWS SDK.
#![allow(dead_code, reason = "every test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "only tests use this")]

pub(crate) mod program;

use std::{path::PathBuf, process::Command, time::Duration};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_credential_types::Credentials;
use muster_aws::{Clients, Table, TableConfig};
use muster_core::ids::{AccountId, ConnectionId};
use muster_local::{ACCESS_KEY, Options, REGION, SECRET_KEY, Stack};
use muster_sync::{Admin, Connection, ConnectionStatus, Feed, Ledger, Login};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) ses: aws_sdk_sesv2::Client,
}

/// A stack that keeps messages where they are.
pub(crate) fn still() -> Options {
    Options { deliver: false, function_logs: false, ..Options::default() }
}

impl World {
    pub(crate) async fn start(options: Options) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let a = stack.addresses().clone();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials()))
            .retry_config(RetryConfig::disabled())
            .http_client(http)
            .build();
        let s3 = aws_sdk_s3::config::Builder::from(&config).endpoint_url(&a.s3).force_path_style(true).build();
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(&a.sqs).build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(&a.dynamodb).build();
        let ses = aws_sdk_sesv2::config::Builder::from(&config).endpoint_url(&a.mail).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            ses: aws_sdk_sesv2::Client::from_conf(ses),
            stack,
        }
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.stack.addresses().bucket
    }

    pub(crate) fn queue(&self, name: &str) -> String {
        self.stack.services().sqs.url(name)
    }

    /// The bodies in a queue, oldest first.
    pub(crate) fn bodies(&self, queue: &str) -> Vec<String> {
        self.stack.services().sqs.peek(queue).into_iter().map(|m| m.body).collect()
    }

    /// The S3 events in the import queue as `name key size`.
    pub(crate) fn events(&self) -> Vec<String> {
        let read = |body: &String| {
            let event: aws_lambda_events::event::s3::S3Event = serde_json::from_str(body).unwrap();
            let record = &event.records[0];
            let object = &record.s3.object;
            format!(
                "{} {} {}",
                record.event_name.as_deref().unwrap(),
                decode(object.key.as_deref().unwrap()),
                object.size.unwrap()
            )
        };
        self.bodies("import").iter().map(read).collect()
    }

    pub(crate) async fn put(&self, key: &str, body: &str) -> String {
        let put = self.s3.put_object().bucket(self.bucket()).key(key).body(body.as_bytes().to_vec().into());
        put.send().await.unwrap().version_id.unwrap()
    }

    /// The bytes of an object as text, or none when there is no such object.
    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let object = self.s3.get_object().bucket(self.bucket()).key(key).send().await.ok()?;
        Some(String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap())
    }

    /// Makes a connection that files come to, with its login, which is called like it.
    pub(crate) async fn login(&self, user: &str, password: &str, keys: &[&str]) {
        let hash = Sha256::new().chain_update([7]).chain_update(password).finalize();
        let hash: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        let connection = connection(user);
        let stands_for = Login { account: connection.account.clone(), connection: connection.id.clone() };
        let credentials = muster_sync::Credentials {
            password_hash: Some(format!("sha256$07${hash}")),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            allowed_ips: Vec::new(),
            locked: false,
        };
        assert!(self.table().put_login(user, &stands_for, &credentials).await.unwrap());
        assert!(self.table().save_connection(&connection, None).await.unwrap());
    }

    /// Changes what lets a login in.
    pub(crate) async fn change_login(&self, user: &str, change: impl FnOnce(&mut muster_sync::Credentials)) {
        let (login, mut credentials) = self.table().credentials(user).await.unwrap().unwrap();
        change(&mut credentials);
        assert!(self.table().put_login(user, &login, &credentials).await.unwrap());
    }

    /// Changes how a login's connection stands.
    pub(crate) async fn set_status(&self, user: &str, status: ConnectionStatus) {
        let Connection { account, id, .. } = connection(user);
        let stored = self.table().connection(&account, &id).await.unwrap().unwrap();
        let version = stored.settings_version;
        let changed = Connection { status, settings_version: version + 1, ..stored };
        assert!(self.table().save_connection(&changed, Some(version)).await.unwrap());
    }

    /// The product's own way to the table.
    pub(crate) fn table(&self) -> Table {
        let told = |name: &str| {
            let environment = self.stack.environment();
            environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        };
        let clients = Clients::told(&told, Clients::transport(), 1).unwrap();
        Table::new(clients.dynamodb(), TableConfig { table: self.stack.addresses().table.clone() })
    }
}

/// A connection that files come to, with the login of the same name.
fn connection(user: &str) -> Connection {
    Connection {
        account: AccountId::parse("acme").unwrap(),
        id: ConnectionId::parse(user).unwrap(),
        settings: String::new(),
        settings_version: 1,
        status: ConnectionStatus::Connected,
        sftp_user: Some(user.to_owned()),
        routes: Vec::new(),
        due_ms: None,
        feed: Feed::default(),
        seed: 7,
        fence: 0,
        lease: None,
        active: None,
        waiting: None,
        roster: None,
        grouped_by: String::new(),
        owned: 0,
        directory_version: 0,
        last_rows: None,
        last_source: None,
        removals: Vec::new(),
        confirmed: false,
        link_key: String::new(),
        note: None,
    }
}

fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test")
}

/// A key as it was before S3 wrote it into an event.
fn decode(key: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), key.as_bytes());
    while let [first, tail @ ..] = rest {
        let escaped = std::str::from_utf8(tail.get(..2).unwrap_or_default()).unwrap();
        (bytes, rest) = match first {
            b'%' => ([bytes, vec![u8::from_str_radix(escaped, 16).unwrap()]].concat(), &tail[2..]),
            b'+' => ([bytes, vec![b' ']].concat(), tail),
            other => ([bytes, vec![*other]].concat(), tail),
        };
    }
    String::from_utf8(bytes).unwrap()
}

/// A key pair made by the real `ssh-keygen`.
pub(crate) struct KeyPair {
    folder: TempDir,
    pub(crate) public: String,
}

impl KeyPair {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.path().join("id"))
            .status()
            .unwrap();
        assert!(made.success());
        let public = std::fs::read_to_string(folder.path().join("id.pub")).unwrap();
        Self { folder, public }
    }

    fn private(&self) -> PathBuf {
        self.folder.path().join("id")
    }
}

/// What the real `sftp` needs to log in with a key and no questions.
pub(crate) fn sftp_command(address: &str, user: &str, key: &KeyPair) -> Command {
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut command = Command::new("sftp");
    command
        .args(["-q", "-P", port, "-i"])
        .arg(key.private())
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .args(["-o", "LogLevel=ERROR"])
        .current_dir(key.folder.path());
    let target = format!("{user}@{host}");
    command.args(["-b", "-"]).arg(target);
    command
}

impl KeyPair {
    /// Runs `commands` in one session of the real `sftp`; answers whether all went well, and what it printed.
    pub(crate) async fn sftp(&self, address: &str, user: &str, commands: &str) -> (bool, String) {
        let mut command = tokio::process::Command::from(sftp_command(address, user, self));
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, commands.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }
}

/// Waits until `done` holds; fails after 20 seconds with what was waited for.
pub(crate) async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// The status and body of a plain request; `body` makes it a POST of JSON.
pub(crate) async fn http(url: &str, body: Option<&str>) -> (u16, String) {
    let method = if body.is_some() { "POST" } else { "GET" };
    let (status, _, answer) = request(method, url, &[], body.unwrap_or_default()).await;
    (status, answer)
}

/// The status, the head in lower case, and the body of a request of JSON.
pub(crate) async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), format!("{}\r\n", head.to_lowercase()), body.to_owned())
}
