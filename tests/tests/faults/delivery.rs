//! Messages that come twice, late, together, in the wrong order, or too late to be finished.

use muster_local::{DeliveryFault, DeliveryKind};
use muster_sync::RunState;
use muster_tests::hand::{self, TIMEOUT_MS, acknowledge, dump, invoke, ports, receive};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use muster_tests::tricky::{Trick, Tricky};
use serde_json::Map;

use super::{check_same, first_day, people, states, undisturbed};

fn twice(rig: &Rig, queue: &str) {
    rig.services.faults.add_delivery(DeliveryFault { queue: queue.into(), kind: DeliveryKind::Duplicate, times: 1 });
}

/// The message that waits in a queue, to be sent again later.
fn waiting(rig: &Rig, queue: &str) -> String {
    rig.services.sqs.peek(queue).pop().unwrap().body
}

fn send(rig: &Rig, queue: &str, body: &str) {
    rig.services.sqs.send(queue, body, Map::new(), 0).unwrap();
}

/// F01, I9: of a replayed event nothing is written but that the run is looked for.
#[tokio::test]
async fn the_same_event_again_changes_nothing_f01() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let event = waiting(&rig, "import");
    rig.settle().await;
    let (items, mails) = (dump(&rig).await, rig.mails());
    for _ in 0..3 {
        send(&rig, "import", &event);
        rig.settle().await;
    }
    assert_eq!(dump(&rig).await, items);
    assert_eq!(rig.mails(), mails);
}

/// F01 for the inner queues: every message of a run comes twice.
#[tokio::test]
async fn every_message_of_a_run_may_come_twice_f01() {
    let rig = first_day().await;
    hand::QUEUES.iter().for_each(|queue| {
        for _ in 0..4 {
            twice(&rig, queue);
        }
    });
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("in the end", &rig.picture().await, &undisturbed(2).await);
}

/// F02: the first delivery stands still at every one of its calls while the second one comes.
#[tokio::test]
async fn two_deliveries_at_once_make_one_run_f02() {
    let expected = undisturbed(2).await;
    let mut call = 0;
    loop {
        let rig = first_day().await;
        twice(&rig, "import");
        rig.upload(DAYS[1], &day(1)).await;
        let (one, other) = (receive(&rig, "import", 1), receive(&rig, "import", 1));
        let tricky = Tricky::at(&rig.services, call, Trick::FreezeBefore);
        let slow = ports(&rig, &tricky, rig.clock.clone());
        let mut first = Box::pin(invoke(&rig, "import", &one, &slow, TIMEOUT_MS));
        let done = tokio::select! {
            biased;
            answer = &mut first => Some(answer),
            () = tricky.frozen() => None,
        };
        let honest = Tricky::honest(&rig.services);
        let second = invoke(&rig, "import", &other, &ports(&rig, &honest, rig.clock.clone()), TIMEOUT_MS).await;
        acknowledge(&rig, "import", &other, &second);
        let held_lease = tricky.seen().iter().take(call).any(|seen| seen.operation == "UpdateItem");
        let committed = tricky.seen().iter().take(call).any(|seen| seen.operation == "TransactWriteItems");
        if done.is_none() {
            assert_eq!(second.batch_item_failures.len(), usize::from(held_lease && !committed), "at {call}");
            tricky.thaw();
            acknowledge(&rig, "import", &one, &first.await);
        }
        rig.settle().await;
        check_same(&format!("at {call}"), &rig.picture().await, &expected);
        if done.is_some() {
            break;
        }
        call += 1;
    }
    assert!(call > 8, "{call} calls only");
}

/// The runs and people after two days' events in the given order of delivery.
async fn delivered(keys: [&str; 2], gap_ms: u64, order: [usize; 2]) -> Rig {
    let rig = first_day().await;
    let mut events = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        rig.clock.advance(if n == 0 { 1_000 } else { gap_ms });
        rig.put(&format!("inbox/{}/{key}", rig.user()), &day(n + 1)).await;
        events.push(waiting(&rig, "import"));
    }
    rig.services.sqs.purge("import").unwrap();
    for n in order {
        send(&rig, "import", &events[n]);
        rig.settle().await;
    }
    rig
}

async fn check_newer_wins(keys: [&str; 2], gap_ms: u64) {
    let expected = undisturbed(3).await;
    for order in [[0, 1], [1, 0]] {
        let rig = delivered(keys, gap_ms, order).await;
        let picture = rig.picture().await;
        check_same(&format!("{keys:?} {order:?}"), &people(&picture), &people(&expected));
        let superseded = usize::from(order == [1, 0]);
        assert_eq!(states(&rig).await.get("superseded").copied().unwrap_or(0), superseded, "{keys:?} {order:?}");
        assert_eq!(rig.mails().len(), 3, "each is told of: {:?}", rig.mails());
    }
}

#[tokio::test]
async fn an_older_version_of_a_key_after_the_newer_is_superseded_f03() {
    check_newer_wins([DAYS[1], DAYS[1]], 0).await;
    check_newer_wins([DAYS[1], DAYS[1]], 5_000).await;
}

#[tokio::test]
async fn an_older_file_of_another_name_after_the_newer_is_superseded_f04() {
    check_newer_wins([DAYS[2], DAYS[1]], 5_000).await;
}

/// The tie rule: the same second, then the key's text.
#[tokio::test]
async fn two_files_of_one_second_end_the_same_in_every_order_f05() {
    check_newer_wins([DAYS[1], DAYS[2]], 0).await;
}

/// F06: the second file comes while the first stands still at every one of its calls.
#[tokio::test]
async fn two_files_at_once_go_one_after_the_other_f06() {
    let expected = undisturbed(3).await;
    for queue in ["import", "apply"] {
        for call in 0.. {
            let rig = first_day().await;
            rig.upload(DAYS[1], &day(1)).await;
            if queue == "apply" {
                hand::step(&rig, "import", &Tricky::honest(&rig.services)).await;
            }
            let one = receive(&rig, queue, 1);
            rig.upload(DAYS[2], &day(2)).await;
            let tricky = Tricky::at(&rig.services, call, Trick::FreezeAfter);
            let slow = ports(&rig, &tricky, rig.clock.clone());
            let mut first = Box::pin(invoke(&rig, queue, &one, &slow, TIMEOUT_MS));
            let done = tokio::select! {
                biased;
                answer = &mut first => Some(answer),
                () = tricky.frozen() => None,
            };
            hand::step(&rig, "import", &Tricky::honest(&rig.services)).await;
            let end = match done {
                Some(_) => true,
                None => {
                    tricky.thaw();
                    acknowledge(&rig, queue, &one, &first.await);
                    false
                }
            };
            rig.settle().await;
            let picture = rig.picture().await;
            check_same(&format!("{queue} at {call}"), &people(&picture), &people(&expected));
            if end {
                break;
            }
        }
    }
}

/// F14: nothing of an invocation goes on after its answer.
#[tokio::test]
async fn nothing_is_left_running_after_an_invocation_f14() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let honest = Tricky::honest(&rig.services);
    for queue in hand::QUEUES {
        let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(hand::step(&rig, queue, &honest).await, Some(0));
        tokio::task::yield_now().await;
        let after = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(after, before, "{queue}");
    }
}

/// F32: messages that nothing can be made of come back alone, and are dead letters in the end.
#[tokio::test]
async fn poison_lets_the_others_finish_and_ends_as_a_dead_letter_f32() {
    let poison = ["", "{", "[]", "null", r#"{"Records":[{}]}"#, r#"{"muster":"replan"}"#, r#"{"account":"../x"}"#];
    for queue in hand::QUEUES {
        let rig = first_day().await;
        rig.services.sqs.set_policy(queue, None, Some(3)).unwrap();
        poison.iter().for_each(|body| send(&rig, queue, body));
        rig.upload(DAYS[1], &day(1)).await;
        rig.settle().await;
        let picture = rig.picture().await;
        check_same(queue, &picture, &undisturbed(2).await);
        let dead = rig.services.sqs.peek(&format!("{queue}-dlq")).len();
        assert!(dead >= poison.len() - 2, "{queue}: {dead} dead letters");
        assert!(rig.services.sqs.redrive(queue).unwrap() == dead);
        rig.settle().await;
        check_same(queue, &rig.picture().await, &picture);
    }
}

/// F34: an event that lay in the dead letters for weeks comes back after newer files were applied.
#[tokio::test]
async fn a_redrive_weeks_later_changes_nothing_f34() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let event = waiting(&rig, "import");
    rig.services.sqs.purge("import").unwrap();
    rig.upload(DAYS[2], &day(2)).await;
    rig.settle().await;
    let before = rig.picture().await;
    rig.clock.advance(40 * 24 * 3_600_000);
    send(&rig, "import", &event);
    rig.settle().await;
    check_same("in the end", &people(&rig.picture().await), &people(&before));
    assert_eq!(states(&rig).await, [("applied", 2), ("superseded", 1)].into());
    assert_eq!(rig.mails().len(), 3, "the late one is told of: {:?}", rig.mails());
}

/// F35: at every call the time is suddenly almost up.
#[tokio::test]
async fn a_deadline_near_at_any_step_loses_nothing_f35() {
    let expected = undisturbed(2).await;
    for call in 0.. {
        let rig = first_day().await;
        rig.upload(DAYS[1], &day(1)).await;
        let clock = rig.clock.clone();
        let tricky = Tricky::new(&rig.services, move |seen| {
            if seen.call == call {
                clock.advance(TIMEOUT_MS.unsigned_abs() - 2_900);
            }
            Trick::Pass
        });
        hand::settle(&rig, &tricky).await;
        check_same(&format!("at {call}"), &rig.picture().await, &expected);
        if tricky.seen().len() <= call {
            break;
        }
    }
}

/// F35: with less than its margin left, `apply` writes nobody; the rest follows in the next delivery.
#[tokio::test]
async fn no_write_is_begun_when_the_time_is_up_f35() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    let honest = Tricky::honest(&rig.services);
    hand::step(&rig, "import", &honest).await;
    let items = dump(&rig).await;
    let received = receive(&rig, "apply", 1);
    let answer = invoke(&rig, "apply", &received, &ports(&rig, &honest, rig.clock.clone()), 2_900).await;
    assert_eq!(answer.batch_item_failures.len(), 1);
    assert_eq!(dump(&rig).await, items);
    rig.settle().await;
    check_same("in the end", &rig.picture().await, &undisturbed(2).await);
}

/// F36: chunks are fanned out by the import; no function sends to the queue that feeds it.
#[tokio::test]
async fn many_chunks_make_no_chain_f36() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(1_750))).await;
    let tricky = Tricky::honest(&rig.services);
    assert_eq!(hand::step(&rig, "import", &tricky).await, Some(0));
    assert_eq!(rig.services.sqs.peek("apply").len(), 4);
    let apply = Tricky::honest(&rig.services);
    while hand::step(&rig, "apply", &apply).await.is_some() {}
    let sent = apply
        .seen()
        .iter()
        .filter(|seen| seen.json()["QueueUrl"].as_str().is_some_and(|url| url.ends_with("apply")))
        .count();
    assert_eq!(sent, 0, "apply sends to itself");
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Applied, 1_750));
}
