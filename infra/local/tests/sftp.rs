//! Uploads with the real `sftp` client of OpenSSH.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::{process::Stdio, time::Duration};

use muster_local::Options;
use muster_sync::ConnectionStatus;
use support::{KeyPair, World, eventually, sftp_command, still};
use tokio::io::AsyncWriteExt;

/// A stack that keeps messages where they are and can ask functions.
fn with_functions() -> Options {
    Options { function_exe: Some(env!("CARGO_BIN_EXE_muster-local").into()), ..still() }
}

/// A stack with the logins `acme` and `other`, who share a key.
async fn start() -> (World, KeyPair) {
    let (w, key) = (World::start(with_functions()).await, KeyPair::new());
    w.login("acme", "secret", &[&key.public]).await;
    w.login("other", "secret", &[&key.public]).await;
    (w, key)
}

impl World {
    async fn sftp(&self, key: &KeyPair, user: &str, commands: &str) -> (bool, String) {
        key.sftp(&self.stack.addresses().sftp, user, commands).await
    }

    /// Everything that a key prefix holds now.
    fn keys(&self, prefix: &str) -> Vec<String> {
        self.stack.services().objects.list(self.bucket(), prefix).into_iter().map(|o| o.key).collect()
    }
}

#[tokio::test]
async fn an_upload_lands_and_its_copy_fires_the_event() {
    let (w, key) = start().await;
    key.file("people.csv", b"id\n1\n");
    let (ok, output) = w
        .sftp(&key, "acme", "put people.csv inbound/people.csv\nls -l inbound\nget inbound/people.csv back.csv\n")
        .await;
    assert!(ok, "{output}");
    assert!(output.contains("people.csv"), "{output}");
    assert_eq!(key.read("back.csv"), b"id\n1\n");
    assert_eq!(w.events(), ["ObjectCreated:Copy inbox/acme/people.csv 5"]);
    assert_eq!(w.get("sftp/acme/inbound/people.csv").await.as_deref(), Some("id\n1\n"));
    let landed = w.s3.head_object().bucket(w.bucket()).key("sftp/acme/inbound/people.csv").send().await.unwrap();
    assert_eq!(landed.metadata().unwrap()["user-agent-id"], "acme@local");
}

#[tokio::test]
async fn an_empty_file_is_uploaded_too() {
    let (w, key) = start().await;
    key.file("empty.csv", b"");
    assert!(w.sftp(&key, "acme", "put empty.csv inbound/\n").await.0);
    assert_eq!(w.events(), ["ObjectCreated:Copy inbox/acme/empty.csv 0"]);
}

/// F27.
#[tokio::test]
async fn a_rename_is_told_once_and_by_its_new_name() {
    let (w, key) = start().await;
    key.file("x.csv", b"id\n1\n");
    assert!(
        w.sftp(&key, "acme", "put x.csv inbound/x.csv.filepart\nrename inbound/x.csv.filepart inbound/x.csv\n").await.0
    );
    assert_eq!(
        w.events(),
        ["ObjectCreated:Copy inbox/acme/x.csv.filepart 5", "ObjectCreated:Copy sftp/acme/inbound/x.csv 5"]
    );
    assert_eq!(w.keys("sftp/acme/"), ["sftp/acme/inbound/x.csv"]);
}

#[tokio::test]
async fn a_resumed_upload_ends_as_the_whole_file() {
    let (w, key) = start().await;
    key.file("x.csv", b"id\n");
    assert!(w.sftp(&key, "acme", "put x.csv inbound/x.csv\n").await.0);
    key.file("x.csv", b"id\n1\n2\n");
    let (ok, output) = w.sftp(&key, "acme", "reput x.csv inbound/x.csv\n").await;
    assert!(ok, "{output}");
    assert_eq!(w.get("inbox/acme/x.csv").await.as_deref(), Some("id\n1\n2\n"));
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let (w, key) = start().await;
    let content: Vec<u8> = (0..6_000_000_u32).map(|n| (n % 251) as u8).collect();
    key.file("big.csv", &content);
    let (ok, output) = w.sftp(&key, "acme", "put big.csv inbound/\nget inbound/big.csv back.csv\n").await;
    assert!(ok, "{output}");
    assert!(key.read("back.csv") == content);
}

/// F26, finding 1.
#[tokio::test]
async fn a_fragment_of_a_cut_session_goes_to_partial_and_never_to_the_inbox() {
    let (w, key) = start().await;
    key.file("cut.csv", &vec![b'x'; 50_000_000]);
    let mut command = tokio::process::Command::from(sftp_command(&w.stack.addresses().sftp, "acme", &key));
    let mut client =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"put cut.csv inbound/cut.csv\n").await.unwrap();
    let spool = w.stack.folder().join("spool");
    eventually("some bytes have arrived", async || {
        std::fs::read_dir(&spool).unwrap().any(|f| f.is_ok_and(|f| f.metadata().is_ok_and(|m| m.len() > 100_000)))
    })
    .await;
    client.kill().await.unwrap();
    eventually("the fragment is put away", async || !w.bodies("import").is_empty()).await;
    assert!(w.events()[0].starts_with("ObjectCreated:Copy partial/acme/cut.csv "), "{:?}", w.events());
    assert_eq!(w.keys("inbox/"), [""; 0]);
    let fragment = w.s3.head_object().bucket(w.bucket()).key("partial/acme/cut.csv").send().await.unwrap();
    assert!((1..50_000_000).contains(&fragment.content_length().unwrap()));
}

#[tokio::test]
async fn stopping_during_an_upload_keeps_the_fragment() {
    let folder = tempfile::tempdir().unwrap();
    let w = World::start(Options { data: Some(folder.path().to_owned()), ..with_functions() }).await;
    let key = KeyPair::new();
    w.login("acme", "secret", &[&key.public]).await;
    key.file("cut.csv", &vec![b'x'; 50_000_000]);
    let mut command = tokio::process::Command::from(sftp_command(&w.stack.addresses().sftp, "acme", &key));
    let mut client =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"put cut.csv inbound/cut.csv\n").await.unwrap();
    let spool = folder.path().join("spool");
    eventually("an upload has begun", async || std::fs::read_dir(&spool).unwrap().count() > 0).await;
    let services = w.stack.services().clone();
    w.stack.stop().await;
    let keys: Vec<String> = services.sqs.peek("import").into_iter().map(|m| m.body).collect();
    assert!(keys.len() == 1 && keys[0].contains("partial/acme/cut.csv"), "{keys:?}");
}

#[tokio::test]
async fn a_login_is_shut_into_its_home() {
    let (w, key) = start().await;
    key.file("x.csv", b"secret of other");
    assert!(w.sftp(&key, "other", "put x.csv inbound/x.csv\n").await.0);
    assert!(w.sftp(&key, "acme", "put x.csv inbound/own.csv\n").await.0);
    w.put("sftp/acme/errors/e.csv", "bad rows").await;
    w.put("plans/p", "a plan").await;
    let listing = w.sftp(&key, "acme", "ls -1\n").await.1;
    assert_eq!(listing.lines().filter(|l| !l.starts_with("sftp>")).collect::<Vec<_>>(), ["errors", "inbound"]);
    for forbidden in [
        "get /inbound/x.csv",
        "get ../other/inbound/x.csv",
        "get /../../other/inbound/x.csv",
        "get inbound/../../other/inbound/x.csv",
        "get ../../plans/p",
        "put x.csv errors/x.csv",
        "put x.csv x.csv",
        "put x.csv ../other/inbound/y.csv",
        "rename errors/e.csv inbound/e.csv",
        "rename inbound/own.csv errors/own.csv",
        "ls ../other",
        "mkdir elsewhere",
    ] {
        let (ok, output) = w.sftp(&key, "acme", &format!("{forbidden}\n")).await;
        assert!(!ok, "{forbidden}: {output}");
    }
    let (ok, output) = w.sftp(&key, "acme", "get errors/e.csv e.csv\nrm errors/e.csv\n").await;
    assert!(ok && key.read("e.csv") == b"bad rows", "{output}");
    assert_eq!(w.keys("sftp/"), ["sftp/acme/inbound/own.csv", "sftp/other/inbound/x.csv"]);
}

#[tokio::test]
async fn only_the_right_key_or_password_opens_a_login() {
    let (w, key) = start().await;
    let stranger = KeyPair::new();
    assert!(w.sftp(&key, "acme", "ls\n").await.0);
    assert!(!w.sftp(&stranger, "acme", "ls\n").await.0);
    assert!(!w.sftp(&key, "nobody", "ls\n").await.0);
    assert!(with_password(&w, "secret").await);
    assert!(!with_password(&w, "Secret").await);
    for nobody in ["Acme", "acme ", "../acme", "secret"] {
        assert!(!w.sftp(&key, nobody, "ls\n").await.0, "{nobody}");
    }
    assert!(!with_password(&w, "").await, "no password is no key");
}

#[tokio::test]
async fn a_login_that_is_locked_or_whose_connection_is_off_does_not_open() {
    let (w, key) = start().await;
    let opens = async || [w.sftp(&key, "acme", "ls\n").await.0, with_password(&w, "secret").await];
    w.change_login("acme", |credentials| credentials.locked = true).await;
    assert_eq!(opens().await, [false; 2], "locked");
    w.change_login("acme", |credentials| credentials.locked = false).await;
    for off in [ConnectionStatus::Disabled, ConnectionStatus::Deleted] {
        w.set_status("acme", off).await;
        assert_eq!(opens().await, [false; 2], "{off:?}");
        assert!(w.sftp(&key, "other", "ls\n").await.0, "another login");
    }
    w.set_status("acme", ConnectionStatus::Connected).await;
    assert_eq!(opens().await, [true; 2]);
}

#[tokio::test]
async fn a_login_with_an_allow_list_is_refused_from_elsewhere() {
    let (w, key) = start().await;
    for (network, opens) in [("127.0.0.0/8", true), ("192.0.2.0/24", false), ("not a network", false)] {
        let list = ["198.51.100.7/32", network].map(str::to_owned).to_vec();
        w.change_login("acme", |credentials| credentials.allowed_ips = list).await;
        assert_eq!(w.sftp(&key, "acme", "ls\n").await.0, opens, "by key, {network}");
        assert_eq!(with_password(&w, "secret").await, opens, "by password, {network}");
        assert!(w.sftp(&key, "other", "ls\n").await.0, "another login, {network}");
    }
}

#[tokio::test]
async fn logins_are_answered_by_one_process_of_the_function_and_leave_no_name_or_password_in_its_log() {
    let (w, key) = start().await;
    assert!(with_password(&w, "secret").await);
    assert!(w.sftp(&key, "acme", "ls\n").await.0);
    assert!(!w.sftp(&key, "hunter2hunter2", "ls\n").await.0);
    assert!(!with_password(&w, "hunter2hunter2").await);
    let asked = w.stack.controls().invocations();
    assert!(
        asked.iter().all(|one| one.function == "sftp-identity" && one.outcome.as_deref() == Some("ok")),
        "{asked:?}"
    );
    assert_eq!(asked.iter().filter(|one| one.cold).count(), 1, "{asked:?}");
    let logs = w.stack.controls().logs().join("\n");
    assert!(logs.contains(r#""login.by":"password""#) && logs.contains(r#""login.refused":"unknown""#), "{logs}");
    assert!(logs.contains(r#""connection.id":"acme""#), "{logs}");
    assert!(!logs.contains("hunter2") && !logs.contains("secret"), "{logs}");
}

/// Logs in with a password, which `ssh` asks its helper program for.
async fn with_password(w: &World, password: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("ask");
    std::fs::write(&helper, format!("#!/bin/sh\necho '{password}'\n")).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (host, port) = w.stack.addresses().sftp.rsplit_once(':').unwrap();
    let mut command = tokio::process::Command::new("sftp");
    command.args(["-q", "-P", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    command.args(["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", &format!("acme@{host}")]);
    command.env("SSH_ASKPASS", &helper).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(b"ls\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), client.wait()).await.unwrap().unwrap().success()
}
