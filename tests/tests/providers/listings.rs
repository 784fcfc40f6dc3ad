//! Listings: what is fetched arrives, and only who is really gone goes.

use muster_sync::{Claim, ConnectionStatus, Dispatched, Ledger, Polled, RunState, TakeLease};
use muster_tests::house::House;
use serde_json::json;

const APPLYING: Polled = Polled::Run(RunState::Applying);
const HELD: Polled = Polled::Run(RunState::Held);

/// A hire, a change and a leaver at the provider arrive with the next listing.
async fn check_day(provider: &'static str) {
    let house = House::settled(provider, 120).await;
    let ids = house.ids().await;
    house.hire(json!({"first_name": "Newcomer", "work_email": "new@example.com"})).await;
    house.change(&ids[3], json!({"first_name": "Renamed"})).await;
    house.leave(&ids[5]).await;
    assert_eq!(house.poll().await, APPLYING, "{provider}");
    house.rig.settle().await;
    let run = house.last_run().await;
    let counts = run.counts;
    assert_eq!((counts.added, counts.updated, counts.removed), (1, 1, 1), "{provider}: {run:?}");
    let people = house.rig.people().await;
    assert!(!people.contains_key(&ids[5]) && people.len() == 120, "{provider}");
    let stored = house.rig.stored().await;
    assert_eq!(stored.status, ConnectionStatus::Connected);
    assert!(stored.feed.polling.is_none() && stored.feed.full_ms.is_some());
}

#[tokio::test]
async fn a_day_at_finch_arrives() {
    check_day("finch").await;
}

#[tokio::test]
async fn a_day_at_workos_arrives() {
    check_day("workos").await;
}

#[tokio::test]
async fn a_day_at_bamboohr_arrives() {
    check_day("bamboohr").await;
}

#[tokio::test]
async fn a_day_at_merge_arrives() {
    check_day("merge").await;
}

#[tokio::test]
async fn a_day_at_apideck_arrives() {
    check_day("apideck").await;
}

#[tokio::test]
async fn the_first_listing_of_a_connection_in_preview_is_held_and_applied_once_approved() {
    let mut house = House::connected("finch", 30, "").await;
    let preview = muster_tests::house::file("finch", "").replace("mode = \"active\"", "mode = \"preview\"");
    house.connect(&preview).await;
    assert_eq!(house.poll().await, HELD);
    house.rig.settle().await;
    assert!(house.rig.people().await.is_empty());
    house.rig.approve(&house.last_run().await).await.unwrap();
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len(), 30);
    assert_eq!(house.rig.mails().len(), 2);
}

/// F38
#[tokio::test]
async fn a_schedule_that_fires_twice_fetches_once_f38() {
    let house = House::connected("finch", 30, "").await;
    house.rig.clock.advance(1_000);
    assert_eq!(house.dispatch().await, Dispatched { polls: 1, late: 0 });
    assert_eq!(house.dispatch().await, Dispatched::default());
    house.fetch().await;
    house.rig.settle().await;
    assert_eq!(house.rig.runs().await.len(), 1);
    assert_eq!(house.rig.people().await.len(), 30);
    assert_eq!(house.rig.mails().len(), 1);
}

/// F38
#[tokio::test]
async fn two_workers_on_one_listing_make_one_run_f38() {
    let house = House::connected("finch", 30, "").await;
    house.rig.clock.advance(1_000);
    house.dispatch().await;
    let received = house.rig.services.sqs.receive("poll", 1, None).unwrap();
    let job = serde_json::from_str(&received[0].message.body).unwrap();
    let (first, second) = tokio::join!(house.fetch_job(&job, "one"), house.fetch_job(&job, "two"));
    let outcomes = [first.unwrap(), second.unwrap()];
    assert!(outcomes.contains(&APPLYING) && outcomes.iter().any(|o| matches!(o, Polled::Ignored(_))), "{outcomes:?}");
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len(), 30);
}

/// The message of a delivery that failed comes back under another name, long before the first one's time is up.
#[tokio::test]
async fn a_delivery_that_failed_leaves_the_listing_to_the_next_one() {
    let house = House::connected("finch", 30, "").await;
    house.rig.clock.advance(1_000);
    house.dispatch().await;
    let received = house.rig.services.sqs.receive("poll", 1, None).unwrap();
    let job = serde_json::from_str(&received[0].message.body).unwrap();
    let (account, connection) = house.rig.connection.clone().unwrap();
    let table = house.rig.ports().table;
    let now_ms = i64::try_from(house.rig.clock.now_ms()).unwrap();
    let ask = TakeLease { connection: (&account, &connection), holder: "an event", now_ms, until_ms: now_ms + 600_000 };
    let Claim::Ours(leased) = table.take_lease(ask).await.unwrap() else { panic!("nobody works on it") };
    assert!(house.fetch_job(&job, "one").await.is_err(), "an event works on the connection");
    table.release_lease(&leased).await.unwrap();
    assert_eq!(house.fetch_job(&job, "two").await.unwrap(), APPLYING);
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_listing_longer_than_a_function_is_put_down_and_goes_on() {
    let house = House::connected("finch", 300, "").await;
    // Every request takes 20 ms: a few pages, then the time is up.
    house.timeout_ms.set(20_000 + 100);
    house.rig.clock.advance(1_000);
    house.dispatch().await;
    assert_eq!(house.fetch().await, Some(Polled::Parked));
    assert!(house.rig.people().await.is_empty());
    house.timeout_ms.set(20_000 + 100);
    house.run_schedule(30).await;
    assert_eq!(house.rig.people().await.len(), 300);
    assert_eq!(house.rig.runs().await.len(), 1);
}

#[tokio::test]
async fn between_full_listings_only_changes_are_fetched_and_a_full_one_comes_within_a_week() {
    let house = House::settled("workos", 60).await;
    let ids = house.ids().await;
    house.change(&ids[0], json!({"first_name": "Renamed"})).await;
    house.leave(&ids[1]).await;
    let before = house.sent.get();
    let due = house.rig.stored().await.due_ms.unwrap();
    house.rig.clock.advance(u64::try_from(due).unwrap() - house.rig.clock.now_ms());
    house.dispatch().await;
    house.fetch().await;
    house.rig.settle().await;
    let run = house.last_run().await;
    assert!(matches!(run.cause, muster_sync::Cause::Poll { full: false, .. }), "{run:?}");
    assert_eq!((run.counts.updated, run.counts.removed), (1, 1));
    assert!(house.sent.get() - before <= 4);
    let mut full = 0;
    for _ in 0..8 {
        house.rig.clock.advance(24 * 3_600_000);
        house.dispatch().await;
        house.fetch().await;
        house.rig.settle().await;
        full += usize::from(matches!(house.last_run().await.cause, muster_sync::Cause::Poll { full: true, .. }));
    }
    assert!((1..=3).contains(&full), "{full}");
}

/// F43
#[tokio::test]
async fn a_mapping_that_is_edited_while_people_are_fetched_has_them_fetched_again_f43() {
    let mut house = House::connected("finch", 300, "").await;
    house.timeout_ms.set(20_000 + 100);
    house.rig.clock.advance(1_000);
    house.dispatch().await;
    assert_eq!(house.fetch().await, Some(Polled::Parked));
    let toml = muster_tests::house::file("finch", "")
        .replace("[fields.job_title]\nfrom = \"title\"", "[fields.last_name]\nfrom = \"last_name\"");
    house.connect(&toml).await;
    house.timeout_ms.set(900_000);
    house.run_schedule(30).await;
    let people = house.rig.people().await;
    assert_eq!(people.len(), 300);
    let last_name = muster_core::field::Field::by_name("last_name").unwrap();
    assert!(people.values().all(|person| person.recipient.values.contains_key(&last_name)));
}

/// F42
#[tokio::test]
async fn a_connection_that_is_switched_off_meanwhile_is_left_alone_f42() {
    let house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    house.leave(&ids[0]).await;
    let mut stored = house.rig.stored().await;
    let version = stored.settings_version;
    stored.status = ConnectionStatus::Disabled;
    stored.settings_version += 1;
    use muster_sync::Admin;
    assert!(house.rig.ports().table.save_connection(&stored, Some(version)).await.unwrap());
    house.rig.clock.advance(48 * 3_600_000);
    house.dispatch().await;
    assert_eq!(house.fetch().await, None);
    assert_eq!(house.rig.people().await.len(), 30);
}
