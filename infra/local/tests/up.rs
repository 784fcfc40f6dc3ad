//! The program itself: `muster-local up`.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

fn up(data: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster-local"));
    command.args(["up", "--http", "127.0.0.1:0", "--sftp", "127.0.0.1:0", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The ready line, and the pipe that must stay silent after it.
fn ready(child: &mut Child) -> (Value, BufReader<std::process::ChildStdout>) {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (serde_json::from_str(&line).unwrap(), out)
}

/// Without one of the functions nothing may start and then fail at the first message.
#[test]
fn a_folder_that_lacks_a_function_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in muster_local::FUNCTIONS.iter().filter(|name| **name != "apply") {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("bootstrap"), "").unwrap();
    }
    let data = folder.path().join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster-local"));
    command.args(["up", "--http", "127.0.0.1:0", "--sftp", "127.0.0.1:0", "--data"]).arg(&data);
    let output = command.arg("--functions").arg(folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{error}");
    assert!(error.contains("apply/bootstrap") && error.contains("infra/release/zips"), "{error}");
}

fn stop(child: &mut Child, signal: &str) {
    assert!(
        Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn up_prints_one_line_and_stops_cleanly_on_either_signal() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut child = up(folder.path());
        let (line, mut out) = ready(&mut child);
        assert_eq!(line["ready"], true);
        for field in ["http", "s3", "dynamodb", "sqs", "mail"] {
            assert!(line[field].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
        }
        assert!(line["sftp"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert!(line["bucket"].is_string() && line["table"].is_string());
        let health = support::http(&format!("{}/health", line["http"].as_str().unwrap()), None).await;
        assert_eq!(health.0, 200);
        let file = muster_local::running(folder.path()).unwrap();
        assert_eq!((&file["http"], file["pid"].as_u64()), (&line["http"], Some(u64::from(child.id()))));
        stop(&mut child, signal);
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line and no more");
        assert!(muster_local::running(folder.path()).is_err());
    }
}

#[test]
fn a_folder_in_use_is_refused_and_one_left_by_a_killed_process_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = up(folder.path());
    ready(&mut first);
    let second = up(folder.path()).wait_with_output().unwrap();
    assert!(!second.status.success() && second.stdout.is_empty());
    assert!(String::from_utf8_lossy(&second.stderr).contains("is in use by another muster-local"));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(muster_local::running(folder.path()).unwrap_err().to_string().contains("gone"));
    let mut third = up(folder.path());
    ready(&mut third);
    stop(&mut third, "TERM");
}
