//! Function processes: started, killed, frozen, timed out; and the queues that feed them.
//!
//! This program is also the function under test (`--function NAME`) and a parent that gets killed (`--parent FOLDER`),
//! which the standard test harness has no room for; so it brings its own.
#![expect(clippy::unwrap_used, reason = "all of this is a test, though not of the standard harness")]

use std::{
    io::Write,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use lambda_runtime::{LambdaEvent, service_fn};
use muster_local::{DeliveryFault, DeliveryKind, Options, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;

type Test = (&'static str, fn());

macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), || runtime().block_on($name()))),*] };
}

const TESTS: &[Test] = tests![
    a_message_is_handled_and_deleted,
    only_the_failed_messages_of_a_batch_come_back,
    an_error_a_panic_and_a_crash_each_bring_the_message_back,
    a_malformed_answer_fails_the_whole_batch,
    a_poison_message_ends_as_a_dead_letter_and_can_be_redriven,
    a_function_over_its_time_is_killed,
    a_function_sees_its_deadline,
    a_function_that_cannot_start_is_reported,
    a_killed_invocation_is_done_by_another_process,
    a_frozen_process_goes_on_after_its_message_was_done_by_another,
    instances_run_at_once_and_are_used_again,
    a_message_can_be_duplicated,
    a_pause_holds_messages_back,
    nothing_is_left_after_stop,
    a_function_does_not_outlive_a_killed_parent,
    a_built_function_does_not_outlive_a_killed_parent_even_frozen_or_at_work,
    a_built_function_is_told_what_lambda_tells_it_and_nothing_else,
    a_folder_without_a_built_function_is_refused_by_its_name,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    if arguments.next().is_some_and(|program| program.ends_with("/bootstrap")) {
        return built_function();
    }
    let arguments: Vec<String> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--function", _] => {
            muster_local::end_with_parent();
            built_function()
        }
        ["--parent", folder] => parent(Path::new(folder), |options| options),
        ["--parent-of-built", folder] => {
            parent(Path::new(folder), |options| Options { functions: Some(built(Path::new(folder))), ..options })
        }
        filter => run_tests(filter.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default()),
    }
}

fn run_tests(filter: &str) -> ExitCode {
    let mut failed = Vec::new();
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(filter)) {
        let passed = std::panic::catch_unwind(AssertUnwindSafe(test)).is_ok();
        eprintln!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(*name);
        }
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

// The function under test: does what the bodies of its messages say, and writes down what it did.

/// As it comes out of a zip: it knows nothing of a parent.
fn built_function() -> ExitCode {
    if std::env::var("PROBE_INIT").is_ok() {
        eprintln!("cannot start");
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lambda_runtime::run(service_fn(handle))).unwrap();
    ExitCode::SUCCESS
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let mut failures = Vec::new();
    for record in event.payload["Records"].as_array().unwrap() {
        let body = record["body"].as_str().unwrap();
        let (verb, number) = body.split_once(' ').unwrap_or((body, "0"));
        match verb {
            "fail" => failures.push(json!({"itemIdentifier": record["messageId"]})),
            "error" => return Err("as told".into()),
            "panic" => panic!("as told"),
            "exit" => std::process::exit(3),
            "odd" => return Ok(json!("odd")),
            "environment" => std::env::vars().for_each(|(name, value)| note(&format!("{name}={value}"))),
            "sleep" => tokio::time::sleep(Duration::from_millis(number.parse().unwrap())).await,
            "first" if record["attributes"]["ApproximateReceiveCount"] == "1" => {
                tokio::time::sleep(Duration::from_secs(60)).await
            }
            _ => {}
        }
        let left = event.context.deadline.saturating_sub(now_ms());
        note(&format!("{body} pid={} left={left}", std::process::id()));
    }
    Ok(json!({"batchItemFailures": failures}))
}

fn now_ms() -> u64 {
    u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn note(line: &str) {
    let path = std::env::var("PROBE_NOTES").unwrap();
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    // In one piece: other processes write here too.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// A folder of built functions, each of them this program.
fn built(folder: &Path) -> PathBuf {
    let built = folder.join("built");
    for function in muster_local::FUNCTIONS {
        std::fs::create_dir_all(built.join(function)).unwrap();
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), built.join(function).join("bootstrap")).unwrap();
    }
    built
}

/// A stack that waits to be killed, with one function process.
fn parent(folder: &Path, change: impl FnOnce(Options) -> Options) -> ExitCode {
    runtime().block_on(async {
        let probe = Probe::start_in(folder.to_owned(), change).await;
        probe.send("sleep 60000");
        eventually("a process", || !probe.stack.controls().processes().is_empty()).await;
        if folder.join("freeze").exists() {
            while probe.stack.controls().freeze("apply").await.is_none() {}
        }
        std::fs::write(folder.join("child"), probe.stack.controls().processes()["apply"][0].to_string()).unwrap();
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

// The tests.

struct Probe {
    stack: Stack,
    notes: PathBuf,
    _folder: Option<TempDir>,
}

impl Probe {
    async fn start(change: impl FnOnce(Options) -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut probe = Self::start_in(folder.path().to_owned(), change).await;
        probe._folder = Some(folder);
        probe
    }

    async fn start_in(folder: PathBuf, change: impl FnOnce(Options) -> Options) -> Self {
        let notes = folder.join("notes");
        let options = Options {
            data: Some(folder),
            function_exe: Some(std::env::current_exe().unwrap()),
            extra_env: vec![("PROBE_NOTES".into(), notes.to_string_lossy().into_owned())],
            retry: Duration::from_millis(20),
            function_logs: false,
            ..Options::default()
        };
        Self { stack: Stack::start(change(options)).await.unwrap(), notes, _folder: None }
    }

    fn send_to(&self, queue: &str, body: &str) {
        self.stack.services().sqs.send(queue, body, serde_json::Map::new(), 0).unwrap();
    }

    fn send(&self, body: &str) {
        self.send_to("apply", body);
    }

    fn notes(&self) -> Vec<String> {
        std::fs::read_to_string(&self.notes).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The bodies that were handled, in order.
    fn handled(&self) -> Vec<String> {
        self.notes().iter().map(|n| n.split(" pid=").next().unwrap().to_owned()).collect()
    }

    async fn quiet(&self) {
        eventually("all messages are handled", || self.stack.controls().quiet()).await;
    }

    fn outcomes(&self) -> Vec<String> {
        self.stack.controls().invocations().into_iter().map(|i| i.outcome.unwrap_or_default()).collect()
    }

    fn dead(&self) -> usize {
        self.stack.services().sqs.peek("apply-dlq").len()
    }
}

async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

fn lives(pid: u32) -> bool {
    // A process that has ended and was not waited for is still listed, as a zombie.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn a_message_is_handled_and_deleted() {
    let probe = Probe::start(|o| o).await;
    probe.send("hello");
    probe.send_to("import", "file");
    probe.send_to("report", "mail");
    probe.quiet().await;
    let mut handled = probe.handled();
    handled.sort();
    assert_eq!(handled, ["file", "hello", "mail"]);
    let mut functions: Vec<String> = probe.stack.controls().invocations().into_iter().map(|i| i.function).collect();
    functions.sort();
    assert_eq!(functions, ["apply", "file-import", "report-email"]);
    probe.stack.stop().await;
}

async fn only_the_failed_messages_of_a_batch_come_back() {
    let probe = Probe::start(|o| Options { max_receive: 3, deliver: false, ..o }).await;
    for body in ["a", "fail", "b"] {
        probe.send_to("import", body);
    }
    let data = probe.stack.folder().to_owned();
    probe.stack.stop().await;
    let again = Probe::start_in(data, |o| Options { max_receive: 3, ..o }).await;
    eventually("a dead letter", || again.stack.services().sqs.peek("import-dlq").len() == 1).await;
    again.quiet().await;
    assert_eq!(again.handled(), ["a", "fail", "b", "fail", "fail"]);
    again.stack.stop().await;
}

async fn an_error_a_panic_and_a_crash_each_bring_the_message_back() {
    let probe = Probe::start(|o| Options { max_receive: 2, ..o }).await;
    for body in ["error", "panic", "exit", "ok"] {
        probe.send(body);
    }
    eventually("three dead letters", || probe.dead() == 3).await;
    probe.quiet().await;
    assert_eq!(probe.handled(), ["ok"]);
    let outcomes = probe.outcomes();
    assert_eq!(outcomes.iter().filter(|o| o.contains("as told")).count(), 4, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|o| o.contains("exit status: 3")).count(), 2, "{outcomes:?}");
    probe.stack.stop().await;
}

/// F33.
async fn a_malformed_answer_fails_the_whole_batch() {
    let probe = Probe::start(|o| Options { max_receive: 2, ..o }).await;
    probe.send("odd");
    eventually("a dead letter", || probe.dead() == 1).await;
    assert_eq!(probe.outcomes(), ["ok", "ok"], "the function itself saw nothing wrong");
    probe.stack.stop().await;
}

/// F32.
async fn a_poison_message_ends_as_a_dead_letter_and_can_be_redriven() {
    let probe = Probe::start(|o| Options { max_receive: 5, ..o }).await;
    probe.send("panic");
    probe.send("after");
    eventually("a dead letter", || probe.dead() == 1).await;
    assert_eq!(probe.outcomes().iter().filter(|o| *o != "ok").count(), 5);
    assert_eq!(probe.handled(), ["after"]);
    assert_eq!(probe.stack.controls().redrive("apply").unwrap(), 1);
    eventually("tried again", || probe.outcomes().iter().filter(|o| *o != "ok").count() > 5).await;
    probe.stack.stop().await;
}

async fn a_function_over_its_time_is_killed() {
    let probe = Probe::start(|o| Options { max_receive: 1, function_timeout: Duration::from_millis(300), ..o }).await;
    probe.send("sleep 60000");
    eventually("a dead letter", || probe.dead() == 1).await;
    assert_eq!(probe.outcomes(), ["timeout"]);
    let pid = probe.stack.controls().invocations()[0].pid;
    eventually("the process is gone", || !lives(pid)).await;
    probe.stack.stop().await;
}

/// F35: what a function needs to know to stop in time.
async fn a_function_sees_its_deadline() {
    let probe = Probe::start(|o| Options { function_timeout: Duration::from_secs(40), ..o }).await;
    probe.send("x");
    probe.quiet().await;
    let left: u64 = probe.notes()[0].rsplit('=').next().unwrap().parse().unwrap();
    assert!((20_000..=40_000).contains(&left), "{left} ms");
    probe.stack.stop().await;
}

async fn a_function_that_cannot_start_is_reported() {
    let with_fault = |mut o: Options| {
        o.extra_env.push(("PROBE_INIT".into(), "fail".into()));
        Options { max_receive: 1, ..o }
    };
    let probe = Probe::start(with_fault).await;
    probe.send("x");
    eventually("a dead letter", || probe.dead() == 1).await;
    assert!(probe.outcomes()[0].contains("exit status: 1"), "{:?}", probe.outcomes());
    eventually("its words are kept", || probe.stack.controls().logs().iter().any(|l| l == "[apply] cannot start"))
        .await;
    probe.stack.stop().await;
}

/// F12.
async fn a_killed_invocation_is_done_by_another_process() {
    let probe = Probe::start(|o| o).await;
    probe.stack.controls().kill_next("apply", Duration::from_millis(50));
    probe.send("first");
    probe.quiet().await;
    assert_eq!(probe.handled(), ["first"]);
    let invocations = probe.stack.controls().invocations();
    assert!(invocations[0].outcome.as_ref().unwrap().contains("signal: 9"), "{invocations:?}");
    assert_ne!(invocations[0].pid, invocations[1].pid);
    probe.stack.stop().await;
}

/// F13: the emulator's part of it.
async fn a_frozen_process_goes_on_after_its_message_was_done_by_another() {
    let probe = Probe::start(|o| o).await;
    probe.send("sleep 500");
    let mut frozen = None;
    for _ in 0..1_000 {
        frozen = probe.stack.controls().freeze("apply").await;
        if frozen.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = frozen.unwrap();
    probe.quiet().await;
    assert_eq!(probe.handled().len(), 1, "by the other process");
    assert!(!probe.notes()[0].contains(&format!("pid={pid} ")));
    assert_eq!(probe.stack.controls().thaw("apply").await, [pid]);
    eventually("the zombie went on", || probe.notes().iter().any(|n| n.contains(&format!("pid={pid} ")))).await;
    eventually("it gets no other work", || !lives(pid)).await;
    probe.stack.stop().await;
}

async fn instances_run_at_once_and_are_used_again() {
    let probe = Probe::start(|o| Options { concurrency: 3, function_timeout: Duration::from_secs(20), ..o }).await;
    for _ in 0..6 {
        probe.send("sleep 400");
    }
    eventually("three at once", || probe.stack.controls().processes().get("apply").map(Vec::len) == Some(3)).await;
    probe.quiet().await;
    let invocations = probe.stack.controls().invocations();
    assert_eq!(invocations.len(), 6);
    assert_eq!(invocations.iter().filter(|i| i.cold).count(), 3, "{invocations:?}");
    probe.stack.stop().await;
}

/// F01, F02: the emulator's part of it.
async fn a_message_can_be_duplicated() {
    let probe = Probe::start(|o| o).await;
    probe.stack.controls().delivery(DeliveryFault { queue: "apply".into(), kind: DeliveryKind::Duplicate, times: 1 });
    probe.send("x");
    probe.send("y");
    probe.quiet().await;
    let mut handled = probe.handled();
    handled.sort();
    assert_eq!(handled, ["x", "x", "y"]);
    probe.stack.stop().await;
}

async fn a_pause_holds_messages_back() {
    let probe = Probe::start(|o| o).await;
    probe.stack.controls().pause(true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    probe.send("x");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((probe.handled().len(), probe.stack.controls().queues()["apply"].visible), (0, 1));
    probe.stack.controls().pause(false);
    probe.quiet().await;
    assert_eq!(probe.handled(), ["x"]);
    probe.stack.stop().await;
}

async fn nothing_is_left_after_stop() {
    let probe = Probe::start(|o| o).await;
    probe.send("sleep 60000");
    probe.send_to("import", "x");
    eventually("two processes", || probe.stack.controls().processes().len() == 2).await;
    let pids: Vec<u32> = probe.stack.controls().processes().into_values().flatten().collect();
    let folder = probe.stack.folder().to_owned();
    assert!(folder.join("ready.json").exists());
    probe.stack.stop().await;
    assert!(!pids.iter().any(|p| lives(*p)));
    assert!(!folder.join("ready.json").exists());
}

async fn a_function_does_not_outlive_a_killed_parent() {
    check_ends_with("--parent", false).await;
}

async fn a_built_function_does_not_outlive_a_killed_parent_even_frozen_or_at_work() {
    for frozen in [false, true] {
        check_ends_with("--parent-of-built", frozen).await;
    }
}

/// Kills a stack whose function is at work for a minute, or frozen at it.
async fn check_ends_with(parent: &str, frozen: bool) {
    let folder = tempfile::tempdir().unwrap();
    if frozen {
        std::fs::write(folder.path().join("freeze"), "").unwrap();
    }
    let mut process = tokio::process::Command::new(std::env::current_exe().unwrap());
    let mut process = process.arg(parent).arg(folder.path()).kill_on_drop(true).spawn().unwrap();
    let child = || std::fs::read_to_string(folder.path().join("child")).ok().and_then(|t| t.parse::<u32>().ok());
    eventually("a child", || child().is_some()).await;
    let child = child().unwrap();
    assert!(lives(child));
    process.kill().await.unwrap();
    eventually("the child is gone", || !lives(child)).await;
}

async fn a_built_function_is_told_what_lambda_tells_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let functions = built(folder.path());
    let probe = Probe::start(|o| Options { functions: Some(functions.clone()), ..o }).await;
    probe.send("environment");
    probe.quiet().await;
    let told = probe.notes();
    for expected in ["_HANDLER=bootstrap", "AWS_LAMBDA_FUNCTION_NAME=apply", "TZ=:UTC"] {
        assert!(told.iter().any(|line| line == expected), "{expected}: {told:#?}");
    }
    let root = functions.join("apply").canonicalize().unwrap();
    assert!(told.contains(&format!("LAMBDA_TASK_ROOT={}", root.display())), "{told:#?}");
    let begins = [
        "AWS_",
        "MUSTER_",
        "LAMBDA_",
        "PROBE_",
        "_HANDLER=",
        "_X_AMZN_",
        "TZ=",
        "LANG=",
        "PATH=",
        "RUST_LOG=",
        "NO_PROXY=",
    ];
    let others = told.iter().filter(|line| line.contains('=') && !line.contains(" pid="));
    let others: Vec<_> = others.filter(|line| !begins.iter().any(|begin| line.starts_with(begin))).collect();
    assert!(others.is_empty(), "inherited: {others:#?}");
    probe.stack.stop().await;
}

async fn a_folder_without_a_built_function_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let functions = built(folder.path());
    std::fs::remove_file(functions.join("report-email/bootstrap")).unwrap();
    let refused = Stack::start(Options { functions: Some(functions), ..Options::default() }).await.err().unwrap();
    assert!(format!("{refused:#}").contains("report-email/bootstrap"), "{refused:#}");
}
