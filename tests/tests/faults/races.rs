//! Decisions that come while a newer file is planned.

use muster_sync::{Decider, Refused};
use muster_tests::hand::{self, TIMEOUT_MS, acknowledge, invoke, ports, receive};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, day};
use muster_tests::tricky::{Trick, Tricky};

use super::{check_same, first_day, people, undisturbed, upload_too_few};

#[derive(Debug, Clone, Copy)]
enum Decision {
    Approve,
    Reject,
    RollBackFirst,
}

impl Decision {
    async fn make(self, rig: &Rig) {
        let runs = rig.runs().await;
        let held = runs.iter().find(|run| run.source == DAYS[1]).unwrap();
        let ports = rig.ports();
        let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
        let ids = (&held.account, &held.connection, &held.id);
        let made = match self {
            Self::Approve => rig.approve(held).await,
            Self::Reject => decider.reject(ids, "no").await,
            Self::RollBackFirst => {
                let first = runs.iter().find(|run| run.source == DAYS[0]).unwrap();
                decider.roll_back((&first.account, &first.connection, &first.id)).await.map(|_| ())
            }
        };
        assert!(matches!(made, Ok(()) | Err(Refused::State { .. } | Refused::Busy | Refused::Stale)), "{made:?}");
    }
}

/// A newer file stands still at one call of its planning while the waiting plan is decided.
async fn check(decision: Decision, call: usize, expected: &[String]) -> bool {
    let rig = first_day().await;
    upload_too_few(&rig, DAYS[1]).await;
    rig.upload(DAYS[2], &day(1)).await;
    let received = receive(&rig, "import", 1);
    let tricky = Tricky::at(&rig.services, call, Trick::FreezeBefore);
    let slow = ports(&rig, &tricky, rig.clock.clone());
    let mut planner = Box::pin(invoke(&rig, "import", &received, &slow, TIMEOUT_MS));
    let done = tokio::select! {
        biased;
        answer = &mut planner => Some(answer),
        () = tricky.frozen() => None,
    };
    decision.make(&rig).await;
    let met = done.is_none();
    let answer = match done {
        Some(answer) => answer,
        None => {
            tricky.thaw();
            planner.await
        }
    };
    acknowledge(&rig, "import", &received, &answer);
    rig.settle().await;
    let at = format!("{decision:?} at {call}");
    let newest = rig.runs().await.into_iter().find(|run| run.source == DAYS[2]).unwrap();
    if newest.state == muster_sync::RunState::Held {
        // After an approval the ten are new again: over a gate, so a person decides.
        rig.approve(&newest).await.unwrap();
        rig.settle().await;
    }
    let undo = rig.runs().await.into_iter().find(|run| run.source.starts_with("undo"));
    if let Some(undo) = undo.filter(|undo| !undo.state.is_final()) {
        rig.reject(&undo).await;
        rig.settle().await;
    }
    check_same(&at, &people(&rig.picture().await), &people(expected));
    let connection = rig.stored().await;
    assert_eq!((connection.active, connection.waiting, connection.lease), (None, None, None), "{at}");
    assert!(rig.runs().await.iter().all(|run| run.state.is_final()), "{at}: {:?}", rig.runs().await);
    met
}

async fn sweep(decision: Decision) {
    let expected = undisturbed(2).await;
    let mut call = 0;
    while check(decision, call, &expected).await {
        call += 1;
    }
    assert!(call > 8, "{call} calls only");
}

#[tokio::test]
async fn an_approval_while_a_newer_file_is_planned_leaves_one_truth() {
    sweep(Decision::Approve).await;
}

#[tokio::test]
async fn a_rejection_while_a_newer_file_is_planned_leaves_one_truth() {
    sweep(Decision::Reject).await;
}

#[tokio::test]
async fn a_rollback_while_a_newer_file_is_planned_leaves_one_truth() {
    sweep(Decision::RollBackFirst).await;
}

/// I11: whoever dies, no lease stays once all is quiet.
#[tokio::test]
async fn no_lease_stays_when_all_is_quiet_i11() {
    let rig = first_day().await;
    for call in 0..12 {
        rig.upload(DAYS[1], &day(1 + call % 2)).await;
        let refuse = Tricky::new(&rig.services, move |seen| {
            if seen.call >= call && seen.call < call + 4 {
                Trick::Refuse(500, "InternalServerError")
            } else {
                Trick::Pass
            }
        });
        hand::settle(&rig, &refuse).await;
        let connection = rig.stored().await;
        let left = connection.lease.filter(|lease| lease.until_ms > i64::try_from(rig.clock.now_ms()).unwrap());
        assert_eq!(left, None, "at {call}");
    }
}
