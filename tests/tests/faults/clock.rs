//! F37, I12: functions whose clocks are wrong.

use muster_local::Clock;
use muster_sync::RunState;
use muster_tests::hand::{self, HIDDEN_MS, TIMEOUT_MS, acknowledge, invoke, ports, receive};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, day};
use muster_tests::tricky::{Trick, Tricky};

use super::{check_same, first_day, people, undisturbed};

const HOUR_MS: i64 = 3_600_000;

/// Delivers until all is done; each invocation's machine is off by the next of `offsets`, in milliseconds.
async fn settle_off(rig: &Rig, offsets: &[i64]) {
    let honest = Tricky::honest(&rig.services);
    let mut offsets = offsets.iter().cycle();
    for _ in 0..1_000 {
        let mut quiet = true;
        for queue in hand::QUEUES {
            let received = receive(rig, queue, 10);
            if received.is_empty() {
                continue;
            }
            quiet = false;
            let offset = *offsets.next().unwrap();
            let clock = Clock::manual(rig.clock.now_ms().saturating_add_signed(offset));
            let left = i64::try_from(clock.now_ms()).unwrap() - i64::try_from(rig.clock.now_ms()).unwrap() + TIMEOUT_MS;
            let answer = invoke(rig, queue, &received, &ports(rig, &honest, clock), left).await;
            acknowledge(rig, queue, &received, &answer);
        }
        if quiet && hand::QUEUES.iter().all(|queue| rig.services.sqs.peek(queue).is_empty()) {
            return;
        }
        if quiet {
            rig.clock.advance(HIDDEN_MS);
        }
    }
    panic!("messages go round and round: {:?}", rig.services.sqs.counts());
}

async fn check(offsets: &[i64]) {
    let rig = first_day().await;
    for n in [1, 2] {
        rig.upload(DAYS[n], &day(n)).await;
        settle_off(&rig, offsets).await;
    }
    check_same(&format!("{offsets:?}"), &rig.picture().await, &undisturbed(3).await);
}

#[tokio::test]
async fn a_clock_an_hour_off_changes_nothing_f37() {
    check(&[HOUR_MS]).await;
    check(&[-HOUR_MS]).await;
}

#[tokio::test]
async fn a_clock_that_stands_at_1970_changes_nothing_f37() {
    check(&[-1_790_000_000_000 - 10_000_000_000]).await;
}

#[tokio::test]
async fn clocks_that_disagree_change_nothing_f37() {
    check(&[HOUR_MS, -HOUR_MS, 0, -2_000_000_000_000, 5, HOUR_MS]).await;
}

/// The clock steps back while a dead function's lease runs: the file waits for its end, and is not lost.
#[tokio::test]
async fn a_lease_taken_by_a_fast_clock_ends_too_f37() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let received = receive(&rig, "import", 1);
    let tricky =
        Tricky::new(
            &rig.services,
            |seen| {
                if seen.operation == "UpdateItem" { Trick::FreezeAfter } else { Trick::Pass }
            },
        );
    let fast = ports(&rig, &tricky, Clock::manual(rig.clock.now_ms() + HOUR_MS.unsigned_abs()));
    tokio::select! {
        biased;
        _ = invoke(&rig, "import", &received, &fast, HOUR_MS + TIMEOUT_MS) => panic!("it takes no lease"),
        () = tricky.frozen() => {}
    }
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied);
    check_same("in the end", &people(&rig.picture().await), &people(&undisturbed(2).await));
}
