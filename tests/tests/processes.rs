//! The whole stack with the real functions as processes of their own: files by the real `sftp`, SIGKILL, SIGSTOP.
//!
//! This program is also the functions (`--function NAME`), so it brings its own harness.
#![expect(clippy::unwrap_used, reason = "all of this is a test, though not of the standard harness")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use muster_local::{Clock, DeliveryFault, DeliveryKind, FUNCTIONS, Options, Stack};
use muster_sync::{Drawn, RunState, Saved, Terms, save_connection};
use muster_tests::customer::Customer;
use muster_tests::harness::{self, Test};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, staff};
use muster_tests::suite_logs;

const TESTS: &[Test] = muster_tests::tests![
    a_file_by_sftp_becomes_people_groups_a_mail_and_an_error_file,
    killed_functions_end_as_if_nothing_had_happened_f12,
    a_frozen_function_that_goes_on_after_its_lease_writes_nothing_f13,
    duplicated_delayed_and_reordered_messages_change_nothing,
    a_restart_of_everything_in_the_middle_keeps_going,
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

fn options(data: &Path) -> Options {
    Options {
        data: Some(data.to_owned()),
        function_exe: Some(std::env::current_exe().unwrap()),
        function_logs: false,
        log_watch: Some(suite_logs::line),
        extra_env: suite_logs::environment(),
        concurrency: 2,
        bucket: "muster".into(),
        visibility: Duration::from_secs(7),
        retry: Duration::from_millis(100),
        max_receive: 1_000,
        function_timeout: Duration::from_secs(5),
        ..Options::default()
    }
}

/// The program that a function's process must be: out of the release's zips where those are chosen, else this one.
fn chosen(function: &str) -> PathBuf {
    let program = match std::env::var_os("MUSTER_FUNCTIONS") {
        Some(folder) => Path::new(&folder).join(function).join("bootstrap"),
        None => std::env::current_exe().unwrap(),
    };
    program.canonicalize().unwrap()
}

impl World {
    async fn start(options: Options, keys: &[String]) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let mut rig = Rig { services: stack.services().clone(), clock: Clock::system(), connection: None };
        let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
        let ports = rig.ports();
        let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
        let terms = Terms { drawn, public_keys: keys, base_urls: false, now_ms };
        let Saved { connection, sftp_user, .. } =
            save_connection(&ports.table, &ports.secrets, STAFF, terms).await.unwrap();
        rig.connection = Some((muster_core::ids::AccountId::parse("acme").unwrap(), connection));
        Self { stack, rig, user: sftp_user.unwrap() }
    }

    async fn quiet(&self) {
        for _ in 0..6_000 {
            if self.stack.controls().quiet() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never quiet: {:?}\n{:#?}", self.stack.controls().queues(), self.stack.controls().logs().last());
    }

    /// Waits until one invocation is at work in a function, then stops its process.
    async fn freeze(&self, function: &str) -> u32 {
        for _ in 0..4_000 {
            if let Some(pid) = self.stack.controls().freeze(function).await {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{function} is never at work");
    }
}

/// Five days of 300 people; each day differs from the one before in every way.
fn day(n: usize) -> Vec<u8> {
    let mut rows = staff(300);
    for (at, row) in rows.iter_mut().enumerate().filter(|(at, _)| at % 50 == n) {
        *row = format!("{at:04},Renamed {n},Legal,{}", if n.is_multiple_of(2) { "A" } else { "L" });
    }
    rows.drain(100 + 4 * n..103 + 4 * n);
    rows.push(format!("{:04},New,Research,A", 900 + n));
    csv(&rows)
}

fn name(n: usize) -> String {
    format!("people_202612{:02}.csv", n + 1)
}

/// What the days lead to when nothing goes wrong, in-process.
async fn undisturbed(days: usize) -> Vec<String> {
    let rig = Rig::connected(STAFF).await;
    for n in 0..days {
        rig.upload(&name(n), &day(n)).await;
        rig.settle().await;
    }
    rig.picture().await
}

#[track_caller]
fn check_same(found: &[String], expected: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (more, less) = (only(found, expected), only(expected, found));
    assert!(found == expected, "found and not expected {more:#?}\nexpected and not found {less:#?}");
}

/// A picture whose mails may say that they were sent again: a killed sender may or may not have sent its own.
fn unlabelled(picture: Vec<String>) -> Vec<String> {
    let mut picture: Vec<_> = picture.into_iter().map(|line| line.replace("(sent again) ", "")).collect();
    picture.sort();
    picture
}

async fn a_file_by_sftp_becomes_people_groups_a_mail_and_an_error_file() {
    let (folder, customer) = (tempfile::tempdir().unwrap(), Customer::default());
    let world = World::start(options(folder.path()), std::slice::from_ref(&customer.public)).await;
    let mut file = csv(&staff(300));
    file.extend_from_slice(b"0007,Twin,Ops,A\n,Nobody,Ops,A\n");
    std::fs::write(customer.folder.path().join(DAYS[0]), file).unwrap();
    let address = world.stack.addresses().sftp.clone();
    customer.sftp(&address, &world.user, &format!("put {0} inbound/{0}\n", DAYS[0])).await;
    world.quiet().await;
    let run = world.rig.last_run().await;
    assert_eq!((run.state, run.counts.added), (RunState::Applied, 299), "{run:?}");
    let picture = world.rig.picture().await;
    let shown = |start: &str| picture.iter().filter(|line| line.starts_with(start)).cloned().collect::<Vec<_>>();
    assert_eq!(shown("person ").len(), 299);
    let processes = world.stack.controls().processes();
    assert!(["file-import", "apply", "report-email"].iter().all(|name| processes.contains_key(*name)), "{processes:?}");
    for (function, pid) in processes.iter().flat_map(|(function, pids)| pids.iter().map(move |pid| (function, pid))) {
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        assert_eq!(program, chosen(function), "{function}: the end-to-end tests judge the programs that were chosen");
    }
    let groups = [
        "group Acme staff 299",
        "group Department: Legal 100",
        "group Department: Ops 99",
        "group Department: Sales 100",
    ];
    assert_eq!(shown("group "), groups);
    assert_eq!(shown("mail ").len(), 1, "{:?}", shown("mail "));
    let listed = customer.sftp(&address, &world.user, "ls -1 errors\nget errors/*.csv back.csv\n").await;
    assert!(listed.contains(".errors.csv"), "{listed}");
    let back = std::fs::read_to_string(customer.folder.path().join("back.csv")).unwrap();
    assert!(back.contains("Twin") && back.contains("P7") && back.contains("Nobody"), "{back}");
    world.stack.stop().await;
}

/// F12: the functions are killed again and again, at moments drawn by a seed, over several files.
async fn killed_functions_end_as_if_nothing_had_happened_f12() {
    const DAYS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(options(folder.path()), &[]).await;
    let mut seed = 20_261_122_u64;
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for n in 0..DAYS {
        for function in FUNCTIONS {
            // A mail between its being taken and its being confirmed waits for its patience: kill those rarely.
            let (times, longest) = match function {
                "file-import" => (2, 60),
                "apply" => (4, 60),
                _ => (1, 12),
            };
            for _ in 0..times {
                world.stack.controls().kill_next(function, Duration::from_millis(draw(longest)));
            }
        }
        world.rig.put(&format!("inbox/{}/{}", world.user, name(n)), &day(n)).await;
        settled(&world, n + 1).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let outcomes: Vec<_> = world.stack.controls().invocations().into_iter().filter_map(|i| i.outcome).collect();
    let kills = outcomes.iter().filter(|outcome| outcome.contains("signal: 9")).count();
    eprintln!("{kills} kills in {} invocations", outcomes.len());
    assert!(kills >= 20, "{kills} kills: {outcomes:?}");
    check_same(&no_mails(world.rig.picture().await), &no_mails(undisturbed(DAYS).await));
    let mails = world.rig.mails();
    assert!(mails.len() <= DAYS, "{mails:?}");
    world.stack.stop().await;
}

/// Until so many runs have ended and nothing but mails may wait.
async fn settled(world: &World, runs: usize) {
    for _ in 0..4_000 {
        let queues = world.stack.controls().queues();
        let waits = queues["import"].total() + queues["apply"].total();
        if waits == 0 && world.rig.runs().await.iter().filter(|run| run.state.is_final()).count() >= runs {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never settled: {:?}\n{:#?}", world.stack.controls().queues(), world.stack.controls().logs().last());
}

fn no_mails(picture: Vec<String>) -> Vec<String> {
    picture.into_iter().filter(|line| !line.starts_with("mail ")).collect()
}

/// F13 with SIGSTOP: the lease of the stopped process ends, others do its work and the next day's, and it goes on.
async fn a_frozen_function_that_goes_on_after_its_lease_writes_nothing_f13() {
    let expected = undisturbed(3).await;
    for function in ["file-import", "apply"] {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(options(folder.path()), &[]).await;
        world.rig.put(&format!("inbox/{}/{}", world.user, name(0)), &day(0)).await;
        world.quiet().await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        world.rig.put(&format!("inbox/{}/{}", world.user, name(1)), &day(1)).await;
        let pid = world.freeze(function).await;
        settled(&world, 2).await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        world.rig.put(&format!("inbox/{}/{}", world.user, name(2)), &day(2)).await;
        settled(&world, 3).await;
        world.quiet().await;
        let before = muster_tests::hand::dump(&world.rig).await;
        assert_eq!(world.stack.controls().thaw(function).await, [pid]);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        world.quiet().await;
        let mut after = muster_tests::hand::dump(&world.rig).await;
        for (key, item) in &mut after {
            // A delivery that stood still before it asked for the lease may count it up, and no more.
            if key.ends_with("|CONNECTION") && function == "file-import" {
                item["fence"] = before[key]["fence"].clone();
            }
        }
        assert!(before == after, "{function}");
        check_same(&world.rig.picture().await, &expected);
        world.stack.stop().await;
    }
}

async fn duplicated_delayed_and_reordered_messages_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(options(folder.path()), &[]).await;
    for n in 0..3 {
        for queue in ["import", "apply", "report"] {
            let fault = |kind| DeliveryFault { queue: queue.into(), kind, times: 3 };
            world.stack.controls().delivery(fault(DeliveryKind::Duplicate));
            world.stack.controls().delivery(fault(DeliveryKind::Delay { ms: 40 }));
            world.stack.controls().delivery(fault(DeliveryKind::Reorder { gap_ms: 60 }));
        }
        world.rig.put(&format!("inbox/{}/{}", world.user, name(n)), &day(n)).await;
        world.quiet().await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
    }
    check_same(&unlabelled(world.rig.picture().await), &unlabelled(undisturbed(3).await));
    world.stack.stop().await;
}

/// The stand-in and every function go down while the file is planned, while it is applied, and before its mail.
async fn a_restart_of_everything_in_the_middle_keeps_going() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().to_owned();
    let mut world = World::start(options(&path), &[]).await;
    let connection = world.rig.connection.clone();
    for n in 0..2 {
        world.rig.put(&format!("inbox/{}/{}", world.user, name(n)), &day(n)).await;
        for pause_ms in [30, 120] {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            world.stack.stop().await;
            let stack = Stack::start(options(&path)).await.unwrap();
            let rig =
                Rig { services: stack.services().clone(), clock: Clock::system(), connection: connection.clone() };
            world = World { stack, rig, user: world.user };
        }
        settled(&world, n + 1).await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
    }
    check_same(&no_mails(world.rig.picture().await), &no_mails(undisturbed(2).await));
    world.stack.stop().await;
}
