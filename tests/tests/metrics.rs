//! What is counted, as CloudWatch reads it, against what the runs themselves say.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use muster_aws::{METRIC_NAMESPACE, is_metric};
use muster_local::{Fault, FaultKind, Service};
use muster_sync::{Dispatcher, METRICS, Run, RunState};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use serde_json::Value;
use tracing::subscriber::DefaultGuard;

/// The metrics that this thread's functions write, whatever the log's filter keeps back.
struct Meter {
    lines: Arc<Mutex<Vec<Value>>>,
    _guard: DefaultGuard,
}

impl Meter {
    fn start() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let filter = tracing_subscriber::EnvFilter::new("error");
        let subscriber = muster_aws::subscriber(filter, move |line| {
            if is_metric(line) {
                kept.lock().unwrap().push(serde_json::from_str(line).unwrap());
            }
        });
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// The sums of what was counted since the start.
    fn sums(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for line in self.lines() {
            for metric in METRICS.iter().filter(|metric| metric.unit == "Count") {
                if let Some(count) = line.get(metric.name) {
                    *sums.entry(metric.name.to_owned()).or_default() += count.as_u64().unwrap();
                }
            }
        }
        sums.retain(|_, sum| *sum > 0);
        sums
    }
}

/// Compares the counts with the expected ones; what is not named there must not have been counted.
#[track_caller]
fn check(meter: &Meter, expected: &[(&str, u64)]) {
    let expected: BTreeMap<_, _> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(meter.sums(), expected);
}

async fn file(rig: &Rig, name: &str, bytes: &[u8]) -> Run {
    rig.upload(name, bytes).await;
    rig.settle().await;
    rig.last_run().await
}

async fn tell_waiting(rig: &Rig) {
    let ports = rig.ports();
    let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    dispatcher.tell_waiting().await.unwrap();
}

#[tokio::test]
async fn the_numbers_of_a_day_are_those_of_its_run_and_counted_once() {
    let rig = Rig::connected(STAFF).await;
    file(&rig, DAYS[0], &day(0)).await;
    let meter = Meter::start();
    let run = file(&rig, DAYS[1], &day(1)).await;
    assert_eq!(run.state, RunState::Applied);
    let counts = &run.counts;
    assert!(counts.updated > 0 && counts.added > 0, "{counts:?}");
    let mut expected = vec![
        ("RunsReceived", 1),
        ("RunsApplied", 1),
        ("MailsSent", 1),
        ("RowsRead", counts.rows),
        ("RowsRejected", counts.errors),
        ("Issues", counts.errors + counts.warnings),
        ("RecipientsAdded", counts.added),
        ("RecipientsUpdated", counts.updated),
        ("RecipientsDeactivated", counts.deactivated),
        ("RecipientsReactivated", counts.reactivated),
        ("RecipientsRemoved", counts.removed),
    ];
    expected.retain(|(_, count)| *count > 0);
    check(&meter, &expected);

    let spans = meter.lines().iter().filter(|line| line.get("SourceToAppliedSeconds").is_some()).count();
    assert_eq!(spans, 1);

    // The same chunk once more.
    let again = muster_sync::ApplyJob {
        account: run.account.to_string(),
        connection: run.connection.to_string(),
        run: run.id.to_string(),
        fence: run.fence,
        chunk: Some(0),
    };
    let queue = rig.ports().queues;
    muster_sync::Queue::send_apply(&queue, std::slice::from_ref(&again)).await.unwrap();
    rig.settle().await;
    check(&meter, &expected);
}

#[tokio::test]
async fn a_held_plan_counts_by_its_gates_and_waits_until_it_is_decided() {
    let rig = Rig::connected(STAFF).await;
    file(&rig, DAYS[0], &csv(&staff(40))).await;
    let meter = Meter::start();
    let held = file(&rig, DAYS[1], &csv(&staff(20))).await;
    assert_eq!(held.state, RunState::Held);
    let gates: Vec<_> = meter.lines().iter().filter(|l| l.get("Holds").is_some()).map(|l| l["gate"].clone()).collect();
    assert_eq!(gates, held.held);
    assert_eq!(meter.sums()["RunsHeld"], 1);

    let waiting = async || {
        let before = meter.lines().len();
        tell_waiting(&rig).await;
        let line = meter.lines()[before].clone();
        (line["HeldPlans"].as_u64().unwrap(), line["OldestHeldPlanHours"].as_f64().unwrap())
    };
    rig.clock.advance(3 * 3_600_000);
    let (plans, hours) = waiting().await;
    assert!(plans == 1 && (2.9..3.1).contains(&hours), "{plans} {hours}");
    rig.approve(&held).await.unwrap();
    assert_eq!(waiting().await, (0, 0.0), "approved");
    rig.settle().await;
    let other = file(&rig, DAYS[2], &csv(&staff(10))).await;
    assert_eq!((other.state, waiting().await.0), (RunState::Held, 1));
    rig.reject(&other).await;
    assert_eq!((waiting().await, meter.sums()["RunsRejected"]), ((0, 0.0), 1), "rejected");
}

#[tokio::test]
async fn a_plan_that_is_made_anew_waits_no_more() {
    let rig = Rig::connected(STAFF).await;
    file(&rig, DAYS[0], &csv(&staff(40))).await;
    let held = file(&rig, DAYS[1], &csv(&staff(20))).await;
    let meter = Meter::start();
    tell_waiting(&rig).await;
    assert!(muster_sync::Ledger::replan(&rig.ports().table, &held).await.unwrap());
    tell_waiting(&rig).await;
    let told: Vec<_> = meter.lines().iter().map(|line| line["HeldPlans"].clone()).collect();
    assert_eq!(told, [1, 0]);
}

#[tokio::test]
async fn a_newer_file_takes_the_place_of_a_plan_that_waits() {
    let rig = Rig::connected(STAFF).await;
    file(&rig, DAYS[0], &csv(&staff(40))).await;
    file(&rig, DAYS[1], &csv(&staff(20))).await;
    let meter = Meter::start();
    let newer = file(&rig, DAYS[2], &csv(&staff(15))).await;
    assert_eq!(newer.state, RunState::Held);
    tell_waiting(&rig).await;
    let sums = meter.sums();
    assert_eq!((sums["HeldPlans"], sums["RunsSuperseded"], sums["RunsHeld"]), (1, 1, 1));
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_counted_and_not_as_sent() {
    let rig = Rig::connected(STAFF).await;
    let meter = Meter::start();
    let kind = FaultKind::Refuse { status: 400, code: "MessageRejected".to_owned() };
    rig.services.faults.add(Fault { service: Service::Ses, operation: None, kind, skip: 0, times: 1 });
    file(&rig, DAYS[0], &day(0)).await;
    let sums = meter.sums();
    assert_eq!((sums.get("MailsRefused"), sums.get("MailsSent")), (Some(&1), None), "{sums:?}");
}

#[tokio::test]
async fn every_metric_is_a_line_that_cloudwatch_reads_and_names_nobody() {
    let rig = Rig::connected(STAFF).await;
    let meter = Meter::start();
    file(&rig, DAYS[0], &day(0)).await;
    file(&rig, "another.csv", b"id\n").await;
    tell_waiting(&rig).await;
    let lines = meter.lines();
    let told = |name: &str| lines.iter().any(|line| line.get(name).is_some());
    assert!(
        ["RunsReceived", "RunsApplied", "RunsFailed", "MailsSent", "HeldPlans"].into_iter().all(told),
        "{lines:#?}"
    );
    let allowed = ["_aws", "stack", "function", "request_id", "trace_id", "message.id", "account.id", "connection.id"];
    for line in &lines {
        let about = &line["_aws"]["CloudWatchMetrics"][0];
        assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        assert_eq!(about["Namespace"], METRIC_NAMESPACE);
        let named: Vec<_> = about["Metrics"].as_array().unwrap().iter().map(|m| m["Name"].as_str().unwrap()).collect();
        assert!(!named.is_empty() && named.iter().all(|name| line[*name].is_number()), "{line}");
        let dimensions = about["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap());
        assert!(dimensions.map(|name| name.as_str().unwrap()).all(|name| line[name].is_string()), "{line}");
        for name in line.as_object().unwrap().keys() {
            let known = allowed.contains(&name.as_str()) || ["run.id", "gate"].contains(&name.as_str());
            assert!(known || named.contains(&name.as_str()), "{name} in {line}");
        }
    }
}

/// The table of the document is that of the code.
#[test]
fn the_documents_table_of_metrics_is_that_of_the_code() {
    let (begin, end) = ("<!-- metrics: made by a test -->\n", "<!-- end -->\n");
    let mut table = String::from("| metric | unit | what it tells |\n| --- | --- | --- |\n");
    for metric in METRICS {
        writeln!(table, "| `{}` | {} | {} |", metric.name, metric.unit, metric.about).unwrap();
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (found, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{head}{begin}{table}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(
        found, table,
        "docs/metrics.md is old: UPDATE_DOCS=1 cargo test -p muster-tests --test metrics document"
    );
}
