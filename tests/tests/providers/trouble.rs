//! What providers do wrong: nobody is removed for it, and status and report say what happened.

use muster_core::ids::UniqueId;
use muster_sync::{Cause, ConnectionStatus, Polled, RunState, WebFault};
use muster_tests::house::{House, Weather};
use serde_json::json;

/// Lists under a misbehaviour: nobody may go.
async fn check_keeps_everybody(provider: &'static str, kind: &str, more: serde_json::Value) -> House {
    let house = House::settled(provider, 250).await;
    let before = house.rig.people().await;
    house.misbehave(kind, more).await;
    house.poll().await;
    house.run_schedule(40).await;
    let after = house.rig.people().await;
    let gone: Vec<_> = before.keys().filter(|id| !after.contains_key(*id)).collect();
    assert!(gone.is_empty(), "{provider} {kind}: {} people went", gone.len());
    house
}

fn is_listing_partial(house: &[muster_core::issue::Issue]) -> bool {
    house.iter().any(|issue| issue.code == muster_core::issue::Code::ListingPartial)
}

async fn issues(house: &House) -> Vec<muster_core::issue::Issue> {
    let run = house.last_run().await;
    muster_sync::inspect(&house.rig.ports().bucket, run).await.unwrap().issues.issues
}

/// P01
#[tokio::test]
async fn too_many_requests_are_waited_for_or_put_down_p01() {
    for kind in
        ["throttle_seconds:2", "throttle_date:2", "throttle_absurd_negative", "throttle_absurd_years", "throttle_bare"]
    {
        let house = check_keeps_everybody("finch", kind, json!({"times": 2})).await;
        assert_eq!(house.last_run().await.state, RunState::Applied, "{kind}");
        assert_eq!(house.rig.stored().await.status, ConnectionStatus::Connected);
    }
}

/// P01
#[tokio::test]
async fn a_pause_of_ten_years_is_not_waited_for_p01() {
    let house = House::settled("finch", 30).await;
    // The wish to refresh takes the first.
    house.misbehave("throttle_absurd_years", json!({"times": 2})).await;
    let before = house.rig.clock.now_ms();
    assert_eq!(house.poll().await, Polled::Parked);
    let due = u64::try_from(house.rig.stored().await.due_ms.unwrap()).unwrap();
    assert!(due - before <= 6 * 3_600_000 + 60_000);
    house.run_schedule(5).await;
    assert_eq!(house.last_run().await.state, RunState::Applied);
}

/// P02
#[tokio::test]
async fn a_provider_that_fails_is_asked_again_then_told_once_p02() {
    let house = check_keeps_everybody("workos", "status:503", json!({})).await;
    let run = house.last_run().await;
    assert_eq!(run.state, RunState::Failed);
    assert!(run.reason.as_deref().unwrap().contains("failing"), "{:?}", run.reason);
    assert_eq!(house.rig.stored().await.status, ConnectionStatus::Error);
    let mails = house.rig.mails().len();
    house.poll().await;
    house.run_schedule(40).await;
    assert_eq!(house.rig.mails().len(), mails, "the same trouble is told once");
    house.behave().await;
    house.poll().await;
    house.run_schedule(5).await;
    assert_eq!(house.rig.stored().await.status, ConnectionStatus::Connected);
}

/// P03, P04
#[tokio::test]
async fn requests_that_are_not_answered_are_made_again_p03_p04() {
    let house = House::settled("finch", 30).await;
    let silent = || Weather::Fault(WebFault::Silent("no connection".into()));
    house.weather.borrow_mut().extend([Weather::Fair, silent(), silent(), Weather::Fair]);
    assert_eq!(house.poll().await, Polled::Run(RunState::Applying));
    assert!(house.waited.get() > 0);
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len(), 30);
}

/// P04
#[tokio::test]
async fn a_bad_certificate_is_not_tried_again_p04() {
    let house = House::settled("finch", 30).await;
    house.weather.borrow_mut().extend([Weather::Fair, Weather::Fault(WebFault::Certificate)]);
    let before = house.sent.get();
    assert_eq!(house.poll().await, Polled::Run(RunState::Failed));
    // The re-sync, and the one request.
    assert_eq!(house.sent.get() - before, 2);
    assert!(house.last_run().await.reason.unwrap().contains("certificate"));
}

/// P05, P06
#[tokio::test]
async fn an_answer_that_is_no_page_is_a_failure_p05_p06() {
    for kind in ["html", "empty", "truncated_json"] {
        let house = check_keeps_everybody("finch", kind, json!({})).await;
        let run = house.last_run().await;
        assert_eq!(run.state, RunState::Failed, "{kind}");
        assert!(run.reason.as_deref().unwrap().contains("answer"), "{kind}: {:?}", run.reason);
    }
}

/// P07
#[tokio::test]
async fn a_listing_that_ends_early_removes_nobody_p07() {
    let house = check_keeps_everybody("finch", "truncated_page", json!({})).await;
    assert!(is_listing_partial(&issues(&house).await), "{:?}", house.last_run().await);
}

/// P08
#[tokio::test]
async fn pages_that_never_end_are_left_p08() {
    for provider in ["workos", "apideck", "merge"] {
        for kind in ["cursor_same", "cursor_loop", "cursor_endless"] {
            let house = check_keeps_everybody(provider, kind, json!({})).await;
            // Some connectors see the loop themselves: then there is no plan at all.
            let run = house.last_run().await;
            assert!(run.state == RunState::Failed || is_listing_partial(&issues(&house).await), "{provider} {kind}");
        }
    }
}

/// P09
#[tokio::test]
async fn a_person_on_two_pages_counts_once_p09() {
    for kind in ["repeat_person:same", "repeat_person:different"] {
        let house = check_keeps_everybody("workos", kind, json!({})).await;
        assert_eq!(house.last_run().await.state, RunState::Applied, "{kind}");
        assert_eq!(house.rig.people().await.len(), 250, "{kind}");
    }
}

/// P10
#[tokio::test]
async fn a_row_that_slips_between_two_pages_is_asked_for_again_p10() {
    for provider in ["finch", "workos", "apideck", "merge"] {
        check_keeps_everybody(provider, "shift", json!({"times": 1})).await;
    }
}

/// P11
#[tokio::test]
async fn another_order_of_pages_changes_nothing_p11() {
    let house = check_keeps_everybody("workos", "shuffle", json!({})).await;
    let counts = house.last_run().await.counts;
    assert_eq!((counts.added, counts.updated, counts.removed), (0, 0, 0));
}

/// P12
#[tokio::test]
async fn refused_credentials_are_told_once_and_it_works_again_later_p12() {
    let house = check_keeps_everybody("workos", "unauthorized_after", json!({"after_pages": 1})).await;
    assert_eq!(house.rig.stored().await.status, ConnectionStatus::Unauthorized);
    let told = house.rig.mails().len();
    for _ in 0..3 {
        house.poll().await;
        house.run_schedule(5).await;
    }
    assert_eq!(house.rig.mails().len(), told);
    house.behave().await;
    house.poll().await;
    house.run_schedule(5).await;
    assert_eq!(house.rig.stored().await.status, ConnectionStatus::Connected);
}

/// P13
#[tokio::test]
async fn a_field_that_may_not_be_seen_keeps_its_value_p13() {
    let house = House::settled("bamboohr", 30).await;
    let field = muster_core::field::Field::by_name("email_1").unwrap();
    let before = house.rig.people().await;
    house.misbehave("forbidden_field:work_email", json!({})).await;
    house.poll().await;
    house.run_schedule(5).await;
    let after = house.rig.people().await;
    for (id, person) in &before {
        assert_eq!(after[id].recipient.values.get(&field), person.recipient.values.get(&field));
    }
}

/// P14
#[tokio::test]
async fn nobody_after_hundreds_is_held_p14() {
    for provider in ["finch", "workos", "bamboohr", "apideck", "merge"] {
        let house = check_keeps_everybody(provider, "zero_people", json!({})).await;
        assert_eq!(house.last_run().await.state, RunState::Held, "{provider}");
    }
}

/// P15
#[tokio::test]
async fn a_clock_of_the_provider_that_is_wrong_loses_no_change_p15() {
    for kind in ["future_updated_at", "back_updated_at"] {
        let house = House::settled("workos", 30).await;
        let ids = house.ids().await;
        house.misbehave(kind, json!({})).await;
        house.change(&ids[0], json!({"first_name": "Renamed"})).await;
        house.poll().await;
        house.run_schedule(5).await;
        house.behave().await;
        house.change(&ids[0], json!({"first_name": "Again"})).await;
        house.poll().await;
        house.run_schedule(5).await;
        let first_name = muster_core::field::Field::by_name("first_name").unwrap();
        let name = house.rig.people().await[&ids[0]].recipient.values[&first_name].clone();
        assert_eq!(name.iter().next(), Some("Again"), "{kind}");
    }
}

/// P16
#[tokio::test]
async fn a_status_that_nobody_knows_leaves_people_as_they_are_p16() {
    let house = check_keeps_everybody("finch", "unknown_status:on_the_moon", json!({})).await;
    assert!(issues(&house).await.iter().any(|issue| issue.code == muster_core::issue::Code::UnknownStatus));
    assert!(
        house.rig.people().await.values().all(
            |person| person.recipient.status.as_str() == "active" || person.recipient.status.as_str() == "inactive"
        )
    );
}

/// P17
#[tokio::test]
async fn an_answer_too_large_or_too_deep_is_none_p17() {
    for kind in ["huge:20000000", "depth_bomb:200000"] {
        let house = check_keeps_everybody("finch", kind, json!({})).await;
        assert_eq!(house.last_run().await.state, RunState::Failed, "{kind}");
    }
}

/// P18
#[tokio::test]
async fn a_next_page_elsewhere_is_not_fetched_p18() {
    for provider in ["merge", "apideck"] {
        for url in ["http://169.254.169.254/latest/meta-data/", "https://evil.example/next", "http://127.0.0.1:1/"] {
            check_keeps_everybody(provider, &format!("next_elsewhere:{url}"), json!({})).await;
        }
    }
}

#[tokio::test]
async fn a_person_of_whom_the_provider_gives_an_error_stays() {
    let house = check_keeps_everybody("finch", "partial", json!({})).await;
    assert!(issues(&house).await.iter().any(|issue| issue.code == muster_core::issue::Code::PersonUnread));
}

#[tokio::test]
async fn a_provider_that_says_this_is_not_everybody_is_believed() {
    for provider in ["apideck", "merge"] {
        let house = House::settled(provider, 120).await;
        house.leave(&house.ids().await[0]).await;
        house.misbehave("partial", json!({})).await;
        house.poll().await;
        house.run_schedule(5).await;
        assert_eq!(house.rig.people().await.len(), 120, "{provider}");
        assert!(is_listing_partial(&issues(&house).await), "{provider}");
    }
}

#[tokio::test]
async fn data_that_is_still_being_prepared_is_waited_for() {
    let house = House::connected("finch", 30, "").await;
    house.misbehave("not_ready", json!({"times": 4})).await;
    house.poll().await;
    house.run_schedule(20).await;
    assert_eq!(house.rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_person_whom_an_event_changed_while_people_were_fetched_stays_as_the_event_left_them() {
    let house = House::settled("finch", 300).await;
    let ids = house.ids().await;
    house.timeout_ms.set(20_000 + 60);
    assert_eq!(house.poll().await, Polled::Parked);
    let new = house.hire(json!({"first_name": "Newcomer", "work_email": "new@example.com"})).await;
    house.event("event-1", &new, None).await.unwrap();
    house.leave(&ids[0]).await;
    house.event("event-2", &ids[0], None).await.unwrap();
    house.timeout_ms.set(900_000);
    house.run_schedule(10).await;
    let people = house.rig.people().await;
    assert!(people.contains_key(&new) && !people.contains_key(&ids[0]));
    assert!(matches!(house.last_run().await.cause, Cause::Poll { .. }));
    assert!(UniqueId::parse(&new).is_ok());
}
