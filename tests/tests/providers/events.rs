//! Events: one effect each, in any order, and never a mass removal.

use muster_core::field::Field;
use muster_sync::{Cause, ConnectionStatus, EventWhat, Ledger, LinkChange, RunState, Taken};
use muster_tests::house::House;
use serde_json::json;

async fn first_name(house: &House, id: &str) -> Option<String> {
    let field = Field::by_name("first_name").unwrap();
    let people = house.rig.people().await;
    people.get(id).and_then(|person| person.recipient.values.get(&field)?.iter().next().map(str::to_owned))
}

#[tokio::test]
async fn a_hire_a_change_and_a_leaver_arrive_by_events() {
    for provider in ["apideck", "merge", "finch", "workos", "bamboohr"] {
        let house = House::settled(provider, 60).await;
        let ids = house.ids().await;
        let mails = house.rig.mails().len();
        let new = house.hire(json!({"first_name": "Newcomer", "work_email": "new@example.com"})).await;
        assert_eq!(house.event("1", &new, None).await.unwrap(), Taken::Done, "{provider}");
        house.change(&ids[1], json!({"first_name": "Renamed"})).await;
        assert_eq!(house.event("2", &ids[1], None).await.unwrap(), Taken::Done, "{provider}");
        house.leave(&ids[2]).await;
        assert_eq!(house.event("3", &ids[2], None).await.unwrap(), Taken::Done, "{provider}");
        assert_eq!(first_name(&house, &new).await.as_deref(), Some("Newcomer"), "{provider}");
        assert_eq!(first_name(&house, &ids[1]).await.as_deref(), Some("Renamed"), "{provider}");
        assert_eq!(first_name(&house, &ids[2]).await, None, "{provider}");
        assert_eq!(house.rig.stored().await.owned, 60, "{provider}");
        assert_eq!(house.rig.mails().len(), mails, "single events are told by the next report");
        // The next listing finds everything as the events left it.
        house.poll().await;
        house.run_schedule(5).await;
        let counts = house.last_run().await.counts;
        assert_eq!((counts.added, counts.updated, counts.removed), (0, 0, 0), "{provider}");
        assert_eq!(house.rig.people().await.len(), 60, "{provider}");
        let told = house.rig.services.ses.mails().pop().unwrap().text;
        assert!(told.replace('\n', " ").contains("one by one: 1 added, 1 updated, 1 removed"), "{provider}: {told}");
    }
}

/// A change by an event that is taken back at the provider must not be missed by the next listing.
#[tokio::test]
async fn a_change_that_is_taken_back_is_seen_by_the_next_listing() {
    let house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    let before = first_name(&house, &ids[1]).await.unwrap();
    house.change(&ids[1], json!({"first_name": "Mistake"})).await;
    house.event("1", &ids[1], None).await.unwrap();
    assert_eq!(first_name(&house, &ids[1]).await.as_deref(), Some("Mistake"));
    house.change(&ids[1], json!({"first_name": before})).await;
    house.poll().await;
    house.run_schedule(5).await;
    assert_eq!(first_name(&house, &ids[1]).await, Some(before));
}

/// W29
#[tokio::test]
async fn a_thousand_copies_at_once_have_one_effect_w29() {
    let house = House::settled("finch", 30).await;
    let new = house.hire(json!({"first_name": "Newcomer"})).await;
    let before = house.rig.stored().await.directory_version;
    let (account, connection) = house.rig.connection.clone().unwrap();
    let job = muster_sync::EventJob {
        account: account.to_string(),
        connection: connection.to_string(),
        event: "event-1".into(),
        digest: "digest".into(),
        what: EventWhat::Person { id: new.clone(), version_ms: None },
        received_ms: i64::try_from(house.rig.clock.now_ms()).unwrap(),
    };
    let mut open = 1_000;
    let mut done = 0;
    while open > 0 {
        let copies: Vec<_> = (0..open).map(|_| house.take_job(&job)).collect();
        let outcomes = futures_util::future::join_all(copies).await;
        done += outcomes.iter().filter(|outcome| matches!(outcome, Ok(Taken::Done))).count();
        open = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    }
    assert!(done >= 1);
    assert_eq!(house.rig.people().await.len(), 31);
    let stored = house.rig.stored().await;
    assert_eq!((stored.owned, stored.feed.by_events.added), (31, 1));
    assert_eq!(stored.directory_version, before);
}

/// W30
#[tokio::test]
async fn the_same_id_with_another_body_is_not_believed_w30() {
    let house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    let what = |id: &str| EventWhat::Person { id: id.to_owned(), version_ms: None };
    house.change(&ids[0], json!({"first_name": "Renamed"})).await;
    assert_eq!(house.take("event-1", "one body", what(&ids[0])).await.unwrap(), Taken::Done);
    house.change(&ids[1], json!({"first_name": "Forged"})).await;
    assert_eq!(house.take("event-1", "another body", what(&ids[1])).await.unwrap(), Taken::Contradicts);
    assert_ne!(first_name(&house, &ids[1]).await.as_deref(), Some("Forged"));
}

/// W32
#[tokio::test]
async fn a_late_update_does_not_bring_somebody_back_w32() {
    let house = House::settled("workos", 30).await;
    let ids = house.ids().await;
    house.leave(&ids[0]).await;
    assert_eq!(house.event("deleted", &ids[0], Some(2_000)).await.unwrap(), Taken::Done);
    let late = house.event("updated", &ids[0], Some(1_000)).await.unwrap();
    assert!(matches!(late, Taken::Ignored(_)), "{late:?}");
    assert!(!house.rig.people().await.contains_key(&ids[0]));
    // One without a version is asked about, and the provider says that nobody is there.
    house.event("updated again", &ids[0], None).await.unwrap();
    assert!(!house.rig.people().await.contains_key(&ids[0]));
}

/// W33
#[tokio::test]
async fn ten_thousand_removals_are_held_as_one_plan_and_told_once_w33() {
    let house = House::settled("finch", 200).await;
    let ids = house.ids().await;
    let mails = house.rig.mails().len();
    let mut put_off = 0;
    for (at, id) in ids.iter().take(100).enumerate() {
        house.leave(id).await;
        let taken = house.event(&format!("event-{at}"), id, None).await.unwrap();
        put_off += usize::from(taken == Taken::PutOff);
        if at % 10 == 9 {
            house.run_schedule(3).await;
        }
    }
    // Ten of a hundred are the limit: 20 of these 200 went one by one.
    assert_eq!(put_off, 80);
    assert_eq!(house.rig.people().await.len(), 180);
    let held: Vec<_> = house.rig.runs().await.into_iter().filter(|run| run.state == RunState::Held).collect();
    assert_eq!(held.len(), 1);
    assert!(held[0].held.contains(&"removals".to_owned()), "{:?}", held[0].held);
    assert_eq!(house.rig.mails().len(), mails + 1);
    house.rig.approve(&held[0]).await.unwrap();
    house.run_schedule(5).await;
    let waiting = house.rig.stored().await.waiting;
    let people = house.rig.people().await.len();
    assert!(people < 180 && (people == 100 || waiting.is_some()), "{people}");
}

#[tokio::test]
async fn a_link_that_is_taken_away_changes_nobody_and_is_told_once() {
    for change in [LinkChange::Deleted, LinkChange::Unauthorized, LinkChange::ReauthNeeded] {
        let house = House::settled("workos", 60).await;
        let ids = house.ids().await;
        let mails = house.rig.mails().len();
        for event in ["1", "2"] {
            house.take(event, "digest", EventWhat::Connection { change }).await.unwrap();
            house.rig.settle().await;
        }
        assert_eq!(house.rig.mails().len(), mails + 1, "{change:?}");
        assert_ne!(house.rig.stored().await.status, ConnectionStatus::Connected);
        // What follows are removals of everybody.
        for id in &ids {
            house.leave(id).await;
            assert_eq!(house.event(&format!("gone {id}"), id, None).await.unwrap(), Taken::PutOff);
        }
        assert_eq!(house.rig.people().await.len(), 60);
    }
}

/// W28
#[tokio::test]
async fn an_event_of_a_connection_that_is_switched_off_changes_nothing_w28() {
    let house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    let mut stored = house.rig.stored().await;
    let version = stored.settings_version;
    stored.status = ConnectionStatus::Disabled;
    stored.settings_version += 1;
    use muster_sync::Admin;
    assert!(house.rig.ports().table.save_connection(&stored, Some(version)).await.unwrap());
    house.leave(&ids[0]).await;
    assert!(matches!(house.event("1", &ids[0], None).await.unwrap(), Taken::Ignored(_)));
    assert_eq!(house.rig.people().await.len(), 30);
}

#[tokio::test]
async fn an_event_before_the_first_listing_waits_for_it() {
    let house = House::connected("finch", 30, "").await;
    let ids = house.ids().await;
    assert_eq!(house.event("1", &ids[0], None).await.unwrap(), Taken::PutOff);
    assert!(house.rig.people().await.is_empty());
    house.run_schedule(5).await;
    assert_eq!(house.rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_run_of_an_event_is_not_listed_and_can_be_rolled_back() {
    let house = House::settled("finch", 30).await;
    let ids = house.ids().await;
    let before = first_name(&house, &ids[0]).await;
    house.change(&ids[0], json!({"first_name": "Renamed"})).await;
    house.event("1", &ids[0], None).await.unwrap();
    assert_eq!(first_name(&house, &ids[0]).await.as_deref(), Some("Renamed"));
    assert!(house.rig.runs().await.iter().all(|run| !matches!(run.cause, Cause::Event { .. })));
    let (account, connection) = house.rig.connection.clone().unwrap();
    let id = muster_sync::event_run_id(&account, &connection, "1");
    let run = house.rig.ports().table.run(&account, &connection, &id).await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Applied);
    house.rig.roll_back(&run).await;
    house.rig.settle().await;
    let undo = house.last_run().await;
    assert_eq!((undo.state, undo.counts.updated), (RunState::Applied, 1));
    assert_eq!(first_name(&house, &ids[0]).await, before);
}
