//! Files that do not come when they are due: one alert each, and nobody is changed.

use muster_sync::{Cause, ConnectionStatus, Dispatcher, RunState};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, day};

const HOUR_MS: u64 = 3_600_000;

/// A connection whose file comes every day, with two hours of patience; the first one has come.
async fn watched() -> Rig {
    let toml = STAFF.replace("mode = \"active\"", "mode = \"active\"\ncadence = \"24h\"\nlate_after = \"2h\"");
    let rig = Rig::connected(&toml).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 40);
    rig
}

/// Looks at the schedule every hour for so many hours; answers how many alerts were sent.
async fn hours(rig: &Rig, count: u64) -> u32 {
    let mut late = 0;
    for _ in 0..count {
        rig.clock.advance(HOUR_MS);
        let ports = rig.ports();
        let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        late += dispatcher.dispatch().await.unwrap().late;
        rig.settle().await;
    }
    late
}

#[tokio::test]
async fn a_late_file_is_told_once() {
    let rig = watched().await;
    let mails = rig.mails().len();
    assert_eq!(hours(&rig, 25).await, 0, "within its patience");
    assert_eq!(hours(&rig, 30).await, 1);
    assert_eq!(hours(&rig, 100).await, 0, "the same file is not missed twice");
    assert_eq!(rig.mails().len(), mails + 1);
    let run = rig.last_run().await;
    assert!(matches!(run.cause, Cause::Late { .. }) && run.state == RunState::Failed);
    assert!(run.reason.as_deref().unwrap().contains("no file came"), "{:?}", run.reason);
    assert_eq!(rig.stored().await.status, ConnectionStatus::Connected);
    assert_eq!(rig.people().await.len(), 40);
}

#[tokio::test]
async fn a_file_that_comes_in_time_is_not_missed_and_the_next_one_is_watched_again() {
    let rig = watched().await;
    assert_eq!(hours(&rig, 23).await, 0);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    assert_eq!(hours(&rig, 24).await, 0);
    assert_eq!(hours(&rig, 24).await, 1);
    rig.upload(DAYS[2], &day(2)).await;
    rig.settle().await;
    assert_eq!(hours(&rig, 24).await, 0);
    assert_eq!(hours(&rig, 48).await, 1, "another file, another alert");
}

#[tokio::test]
async fn files_without_a_cadence_are_not_watched() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    assert_eq!(hours(&rig, 200).await, 0);
}
