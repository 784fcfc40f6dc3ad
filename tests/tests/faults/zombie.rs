//! F13: a function that stood still until long after its lease, and then goes on.

use std::collections::BTreeMap;

use muster_sync::RunState;
use muster_tests::hand::{self, HIDDEN_MS, TIMEOUT_MS, acknowledge, dump, invoke, ports, receive};
use muster_tests::sample::{DAYS, day};
use muster_tests::tricky::{Trick, Tricky};
use serde_json::Value;

use super::{check_same, first_day, people, undisturbed};

/// Clock independence: the zombie of `apply` believes that it has all the time in the world.
const FOR_EVER_MS: i64 = 1 << 40;

/// Freezes the function of `queue` at one call, lets others finish its work and the next day's, and thaws it.
/// Answers `false` when it made fewer calls.
async fn check(queue: &str, call: usize, trick: Trick, expected: &[String]) -> bool {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let honest = Tricky::honest(&rig.services);
    for before in hand::QUEUES.iter().take_while(|before| **before != queue) {
        hand::step(&rig, before, &honest).await;
    }
    let received = receive(&rig, queue, 1);
    let tricky = Tricky::at(&rig.services, call, trick.clone());
    let zombie_ports = ports(&rig, &tricky, rig.clock.clone());
    let left_ms = if queue == "apply" { FOR_EVER_MS } else { TIMEOUT_MS };
    let mut zombie = Box::pin(invoke(&rig, queue, &received, &zombie_ports, left_ms));
    tokio::select! {
        biased;
        _ = &mut zombie => return false,
        () = tricky.frozen() => {}
    }
    rig.clock.advance(HIDDEN_MS);
    rig.settle().await;
    rig.upload(DAYS[2], &day(2)).await;
    rig.settle().await;
    let at = format!("{queue} {trick:?} at {call} ({})", tricky.seen()[call].name());
    let last = rig.last_run().await;
    assert_eq!(last.state, RunState::Applied, "{at}: {last:?}");
    let (items, mails) = (dump(&rig).await, rig.mails());
    tricky.thaw();
    let answer = zombie.await;
    acknowledge(&rig, queue, &received, &answer);
    let asked = matches!(trick, Trick::FreezeBefore) && tricky.seen()[call].operation == "POST";
    let leased = tricky.seen().iter().position(|seen| seen.operation == "UpdateItem");
    let unleased = queue == "import"
        && leased.is_some_and(|leased| call < leased || (call == leased && matches!(trick, Trick::FreezeBefore)));
    assert_same(&at, items, dump(&rig).await, unleased);
    // A request that is already on its way to the mail service cannot be called back: then one of two says so.
    let again = usize::from(queue == "report" && asked);
    assert_eq!(rig.mails().len(), mails.len() + again, "{at}: {:?}", rig.mails());
    assert!(again == 0 || mails.iter().any(|mail| mail.starts_with("(sent again)")), "{at}: {mails:?}");
    rig.settle().await;
    let picture = rig.picture().await;
    check_same(&at, &people(&picture), &people(expected));
    assert_eq!(rig.mails().len(), mails.len() + again, "{at}");
    true
}

/// A delivery that never had the lease may take it, look, and give it back: then only its number has grown.
fn assert_same(at: &str, before: BTreeMap<String, Value>, after: BTreeMap<String, Value>, unleased: bool) {
    let counted = |mut items: BTreeMap<String, Value>| {
        for (key, item) in &mut items {
            if unleased && key.ends_with("|CONNECTION") {
                item.as_object_mut().unwrap().remove("fence");
            }
        }
        items
    };
    let (before, after) = (counted(before), counted(after));
    for (key, item) in &after {
        assert_eq!(before.get(key), Some(item), "{at}: {key}");
    }
    assert_eq!(before.len(), after.len(), "{at}");
}

async fn sweep(queue: &str) {
    let expected = undisturbed(3).await;
    for trick in [Trick::FreezeBefore, Trick::FreezeAfter] {
        let mut call = 0;
        while check(queue, call, trick.clone(), &expected).await {
            call += 1;
        }
        assert!(call > 4, "{queue} makes only {call} calls");
    }
}

#[tokio::test]
async fn a_file_import_that_was_thought_dead_writes_nothing_f13() {
    sweep("import").await;
}

#[tokio::test]
async fn an_apply_that_was_thought_dead_writes_nothing_f13() {
    sweep("apply").await;
}

#[tokio::test]
async fn a_report_email_that_was_thought_dead_writes_nothing_f13() {
    sweep("report").await;
}
