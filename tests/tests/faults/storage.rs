//! The database and the objects failing in their many ways.

use muster_local::{Fault, FaultKind, Service};
use muster_sync::RunState;
use muster_tests::hand::{self, TIMEOUT_MS, acknowledge, invoke, ports, receive};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, csv, day, staff};
use muster_tests::tricky::{Seen, Trick, Tricky};

use super::{check_same, first_day, last_mail, people, undisturbed};

fn table_fails(rig: &Rig, operation: &str, kind: FaultKind, times: u32) {
    let operation = Some(operation.to_owned());
    rig.services.faults.add(Fault { service: Service::DynamoDb, operation, kind, skip: 0, times });
}

/// A second day through faults that pass: in the end it is as if nothing had happened.
async fn check_survives(at: &str, rig: Rig, tricky: &Tricky) {
    rig.upload(DAYS[1], &day(1)).await;
    hand::settle(&rig, tricky).await;
    check_same(at, &rig.picture().await, &undisturbed(2).await);
}

#[tokio::test]
async fn what_a_batch_leaves_out_is_read_all_the_same_f16() {
    for (keep, times) in [(1, 3), (0, 2), (0, 9)] {
        let rig = first_day().await;
        table_fails(&rig, "BatchGetItem", FaultKind::Partial { keep }, times);
        let honest = Tricky::honest(&rig.services);
        check_survives(&format!("{keep} of a batch, {times} times"), rig, &honest).await;
    }
}

#[tokio::test]
async fn a_cancelled_transaction_is_tried_again_f17() {
    for times in [1, 5, 20] {
        let rig = first_day().await;
        table_fails(&rig, "TransactWriteItems", FaultKind::Conflict, times);
        let honest = Tricky::honest(&rig.services);
        check_survives(&format!("{times} conflicts"), rig, &honest).await;
    }
    for reason in ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
    {
        let rig = first_day().await;
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{{"Code":"None"}},{{"Code":"{reason}"}}],"message":"no"}}"#
        );
        let tricky = nth(&rig, |seen| seen.operation == "TransactWriteItems", 0..2, Trick::Say(400, body));
        check_survives(reason, rig, &tricky).await;
    }
}

#[tokio::test]
async fn a_transaction_under_way_is_waited_for_f18() {
    for code in ["TransactionInProgressException", "ReplicatedWriteConflictException", "InternalServerError"] {
        let rig = first_day().await;
        let tricky = nth(&rig, |seen| seen.operation == "TransactWriteItems", 0..4, Trick::Refuse(400, code));
        check_survives(code, rig, &tricky).await;
    }
}

/// A plan that the service will never take is told of once, and the next file works.
#[tokio::test]
async fn a_transaction_that_never_fits_fails_its_run_only_f17() {
    for code in ["ItemCollectionSizeLimitExceeded", "ValidationError"] {
        let rig = first_day().await;
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{{"Code":"{code}"}}],"message":"no"}}"#
        );
        let tricky = nth(&rig, |seen| seen.operation == "TransactWriteItems", 0..1, Trick::Say(400, body));
        rig.upload(DAYS[1], &day(1)).await;
        hand::settle(&rig, &tricky).await;
        let run = rig.last_run().await;
        assert_eq!(run.state, RunState::Failed);
        assert!(run.reason.as_ref().unwrap().contains(code), "{run:?}");
        assert_eq!(rig.mails().len(), 2);
        rig.upload(DAYS[2], &day(1)).await;
        rig.settle().await;
        check_same(code, &people(&rig.picture().await), &people(&undisturbed(2).await));
    }
}

/// F19, and F18's other half: every call is carried out and answered with a 500, so the SDK asks again.
#[tokio::test]
async fn a_500_after_the_fact_counts_nothing_twice_f19() {
    let expected = undisturbed(2).await;
    for call in 0.. {
        let rig = first_day().await;
        let tricky = Tricky::at(&rig.services, call, Trick::FailAfter);
        rig.upload(DAYS[1], &day(1)).await;
        hand::settle(&rig, &tricky).await;
        let at = tricky.seen().get(call).map(Seen::name);
        check_same(&format!("{at:?} at {call}"), &rig.picture().await, &expected);
        if at.is_none() {
            assert!(call > 25);
            break;
        }
    }
}

/// A person that no item holds is an issue of its row; everybody else is applied, and nobody is removed.
#[tokio::test]
async fn an_oversize_person_is_a_row_error_f20() {
    let rig = first_day().await;
    let mut rows = staff(40);
    rows[3] = format!("0003,{},Ops,A", "x".repeat(420_000));
    rows[4] = "0004,Renamed,Ops,A".into();
    rows.push(format!("0050,{},Ops,A", "y".repeat(420_000)));
    rig.upload(DAYS[1], &csv(&rows)).await;
    rig.settle().await;
    let (run, picture) = (rig.last_run().await, rig.picture().await);
    assert_eq!(run.state, RunState::Applied, "{run:?}");
    assert!(run.counts.errors + run.counts.warnings >= 2 && run.counts.removed == 0, "{run:?}");
    for line in ["person 0003 active [\"Acme staff\", \"Department: Ops\"] first_name=P3 ", "person 0004 active"] {
        assert!(picture.iter().any(|found| found.starts_with(line)), "{line}");
    }
    assert!(picture.iter().any(|line| line.contains("first_name=Renamed")));
}

#[tokio::test]
async fn a_hot_shard_slows_and_finishes_f21() {
    let rig = first_day().await;
    let hot = |seen: &Seen| seen.operation == "UpdateItem" && seen.json()["Key"]["pk"]["S"].to_string().contains("#R#");
    let tricky = nth(&rig, hot, 0..12, Trick::Refuse(400, "ProvisionedThroughputExceededException"));
    check_survives("a hot shard", rig, &tricky).await;
}

/// A client that does `trick` to the matching requests in the given range.
fn nth(
    rig: &Rig,
    matches: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    range: std::ops::Range<usize>,
    trick: Trick,
) -> Tricky {
    let met = std::sync::atomic::AtomicUsize::new(0);
    Tricky::new(&rig.services, move |seen| {
        let hit = matches(seen) && range.contains(&met.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        if hit { trick.clone() } else { Trick::Pass }
    })
}

fn is_get(seen: &Seen) -> bool {
    seen.service == Service::S3 && seen.operation == "GET"
}

/// Every object that is read breaks off, comes short, or is refused for now: file, roster, chunks, report.
#[tokio::test]
async fn an_object_that_breaks_off_is_read_whole_all_the_same_f22() {
    let expected = undisturbed(2).await;
    let tricks = [
        Trick::Reset(0),
        Trick::Reset(100),
        Trick::Short(0),
        Trick::Short(100),
        Trick::Refuse(503, "SlowDown"),
        Trick::Refuse(500, "InternalError"),
    ];
    for trick in tricks {
        for at in 0.. {
            let rig = first_day().await;
            let tricky = nth(&rig, is_get, at..at + 2, trick.clone());
            rig.upload(DAYS[1], &day(1)).await;
            hand::settle(&rig, &tricky).await;
            check_same(&format!("{trick:?} at read {at}"), &rig.picture().await, &expected);
            if tricky.seen().iter().filter(|seen| is_get(seen)).count() <= at {
                break;
            }
        }
    }
}

#[tokio::test]
async fn objects_that_cannot_be_stored_for_now_are_stored_later_f22() {
    let expected = undisturbed(2).await;
    for at in 0.. {
        let rig = first_day().await;
        let is_put = |seen: &Seen| seen.service == Service::S3 && seen.operation == "PUT";
        let tricky = nth(&rig, is_put, at..at + 6, Trick::Refuse(503, "SlowDown"));
        rig.upload(DAYS[1], &day(1)).await;
        hand::settle(&rig, &tricky).await;
        check_same(&format!("store {at}"), &rig.picture().await, &expected);
        if tricky.seen().iter().filter(|seen| is_put(seen)).count() <= at {
            break;
        }
    }
}

/// The reading breaks off, and when it is taken up again there is a newer version under the key.
#[tokio::test]
async fn a_file_replaced_while_it_is_read_stays_itself_f23() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let received = receive(&rig, "import", 1);
    let gets = std::sync::atomic::AtomicUsize::new(0);
    let tricky = Tricky::new(&rig.services, move |seen| {
        if !(is_get(seen) && seen.path.contains("inbox")) {
            return Trick::Pass;
        }
        match gets.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Trick::Reset(100),
            1 => Trick::FreezeBefore,
            _ => Trick::Pass,
        }
    });
    let slow = ports(&rig, &tricky, rig.clock.clone());
    let mut first = Box::pin(invoke(&rig, "import", &received, &slow, TIMEOUT_MS));
    tokio::select! {
        biased;
        _ = &mut first => panic!("the file is read in one piece"),
        () = tricky.frozen() => {}
    }
    rig.upload(DAYS[1], &day(2)).await;
    tricky.thaw();
    acknowledge(&rig, "import", &received, &first.await);
    rig.settle().await;
    let runs: Vec<_> =
        rig.runs().await.into_iter().map(|run| (run.state, run.counts.added, run.counts.removed)).collect();
    assert_eq!(runs, [(RunState::Applied, 40, 0), (RunState::Applied, 1, 1), (RunState::Applied, 1, 1)]);
    check_same("in the end", &people(&rig.picture().await), &people(&undisturbed(3).await));
}

/// Told once, not retried, and the next file works.
async fn check_unreadable(status: u16, code: &'static str, said: &str) {
    let rig = first_day().await;
    let inbox = |seen: &Seen| is_get(seen) && seen.path.contains("inbox");
    let tricky = nth(&rig, inbox, 0..1_000, Trick::Refuse(status, code));
    rig.upload(DAYS[1], &day(1)).await;
    hand::settle(&rig, &tricky).await;
    let run = rig.last_run().await;
    assert_eq!(run.state, RunState::Failed, "{code}");
    assert!(run.reason.as_ref().unwrap().contains(said), "{run:?}");
    assert_eq!(rig.mails().len(), 2, "{code}: {:?}", rig.mails());
    assert!(last_mail(&rig).1.contains(said), "{:?}", last_mail(&rig));
    check_same(code, &people(&rig.picture().await), &people(&undisturbed(1).await));
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    check_same(code, &people(&rig.picture().await), &people(&undisturbed(2).await));
}

#[tokio::test]
async fn a_file_deleted_before_it_is_read_is_told_of_once_f24() {
    for (status, code) in [(404, "NoSuchKey"), (404, "NoSuchVersion"), (405, "MethodNotAllowed")] {
        check_unreadable(status, code, "gone before it could be read").await;
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_named_f25() {
    for code in ["AccessDenied", "KMS.DisabledException"] {
        check_unreadable(403, code, DAYS[1]).await;
    }
}
