//! Rule 2: a function that dies before or after any of its calls, or never hears an answer, is as if it had not, once
//! the next one has gone on.

use muster_sync::{EventWhat, PollJob};
use muster_tests::faulty::{Fault, Faulty};
use muster_tests::house::House;
use muster_tests::rig::died;
use serde_json::json;

/// A provider on its second day: somebody is new, somebody changed, somebody left.
async fn second_day(pages: bool) -> (House, Vec<String>) {
    let house = House::settled("finch", if pages { 120 } else { 30 }).await;
    let ids = house.ids().await;
    house.hire(json!({"id": "new", "first_name": "Newcomer", "work_email": "new@example.com"})).await;
    house.change(&ids[3], json!({"first_name": "Renamed"})).await;
    house.leave(&ids[5]).await;
    (house, ids)
}

/// Runs `work` in a process that fails so; whether it was there at its end.
async fn live<T>(house: &House, faults: &[(usize, Fault)], work: impl Future<Output = T>) -> (Option<T>, usize) {
    let faulty = Faulty::new(&house.rig.services, faults);
    *house.faulty.borrow_mut() = Some(faulty.clone());
    // Boxed: the state machines of the SDK below are too deep for a test's stack.
    let work = Box::pin(work);
    let done = tokio::select! {
        biased;
        done = work => Some(done),
        () = died(&faulty) => None,
    };
    *house.faulty.borrow_mut() = None;
    (done, faulty.calls())
}

async fn poll_job(house: &House) -> (PollJob, String) {
    house.rig.clock.advance(25 * 3_600_000);
    house.dispatch().await;
    let received = house.rig.services.sqs.receive("poll", 1, None).unwrap();
    (serde_json::from_str(&received[0].message.body).unwrap(), received[0].receipt.clone())
}

/// The schedule goes on, as it does whatever happened.
async fn afterwards(house: &House) -> Vec<String> {
    for _ in 0..4 {
        house.rig.clock.advance(31 * 60_000);
        house.run_schedule(6).await;
    }
    house.rig.picture().await
}

#[tokio::test]
async fn a_listing_ends_alike_wherever_its_function_dies() {
    let (house, _) = second_day(true).await;
    let (job, receipt) = poll_job(&house).await;
    let (_, calls) = live(&house, &[], house.fetch_job(&job, "whole")).await;
    house.rig.services.sqs.delete("poll", &receipt).unwrap();
    let expected = afterwards(&house).await;
    assert!(calls > 15, "{calls}");
    for at in 0..calls {
        for fault in [Fault::KillBefore, Fault::KillAfter, Fault::LoseAnswer, Fault::Throttle(9)] {
            let (house, _) = second_day(true).await;
            let (job, _) = poll_job(&house).await;
            Box::pin(live(&house, &[(at, fault)], house.fetch_job(&job, "first"))).await;
            // The message comes back once it is visible again.
            let found = afterwards(&house).await;
            assert_eq!(found, expected, "{fault:?} at call {at}");
        }
    }
}

#[tokio::test]
async fn an_event_ends_alike_wherever_its_function_dies() {
    let job = |house: &House| {
        let (account, connection) = house.rig.connection.clone().unwrap();
        muster_sync::EventJob {
            account: account.to_string(),
            connection: connection.to_string(),
            event: "event".to_owned(),
            digest: "digest".to_owned(),
            what: EventWhat::Person { id: "new".to_owned(), version_ms: None },
            received_ms: 0,
        }
    };
    let (house, _) = second_day(false).await;
    let event = job(&house);
    let (_, calls) = live(&house, &[], house.take_job(&event)).await;
    let expected = house.rig.picture().await;
    assert!(calls > 10, "{calls}");
    for at in 0..calls {
        for fault in [Fault::KillBefore, Fault::KillAfter, Fault::LoseAnswer, Fault::Throttle(9)] {
            let (house, _) = second_day(false).await;
            live(&house, &[(at, fault)], house.take_job(&event)).await;
            for _ in 0..5 {
                house.rig.clock.advance(130_000);
                if house.take_job(&event).await.is_ok() {
                    break;
                }
            }
            assert_eq!(house.rig.picture().await, expected, "{fault:?} at call {at}");
            let stored = house.rig.stored().await;
            assert_eq!((stored.owned, stored.feed.by_events.added, stored.active), (31, 1, None), "{fault:?} at {at}");
        }
    }
}
