//! The deletion of a connection: its recipients leave by a plan that a person approves, or stay.

use muster_sync::{ConnectionStatus, Refused, RunState, Switch, end_waiting, may_switch, say_farewell, switch};

use muster_tests::faulty::Fault;

use super::*;

async fn switched(rig: &Rig, to: Switch) {
    let ports = rig.ports();
    let now_ms = i64::try_from(rig.clock.now_ms()).unwrap();
    let after =
        switch(&ports.table, &ports.secrets, rig.stored().await, (to, Some("asked for")), now_ms).await.unwrap();
    match to {
        Switch::DeleteRemoving => {
            say_farewell(&ports.table, &ports.queues, &after, now_ms).await.unwrap();
        }
        Switch::DeleteKeeping => end_waiting(&ports.table, &after, now_ms).await.unwrap(),
        Switch::Off | Switch::On => {}
    }
}

/// A rig with 40 people whose connection is to be deleted with them; the plan waits.
async fn leaving() -> Rig {
    let rig = first_day().await;
    rig.clock.advance(1_000);
    switched(&rig, Switch::DeleteRemoving).await;
    rig.settle().await;
    rig
}

#[tokio::test]
async fn a_deletion_with_its_people_is_held_and_then_deletes() {
    let rig = leaving().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, run.counts.removed, rig.people().await.len()), (RunState::Held, 40, 40));
    assert!(run.held.contains(&"deletion".to_owned()), "{:?}", run.held);
    assert_eq!(rig.stored().await.status, ConnectionStatus::Disabled);
    rig.approve(&run).await.unwrap();
    rig.settle().await;
    let after = rig.stored().await;
    assert_eq!((after.status, after.owned, after.due_ms), (ConnectionStatus::Deleted, 0, None));
    assert!(rig.people().await.is_empty());
}

#[tokio::test]
async fn a_deletion_of_a_connection_without_people_is_held_too() {
    let rig = Rig::connected(STAFF).await;
    switched(&rig, Switch::DeleteRemoving).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Held);
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.stored().await.status, ConnectionStatus::Deleted);
}

#[tokio::test]
async fn asked_for_twice_a_deletion_is_one_run() {
    let rig = leaving().await;
    switched(&rig, Switch::DeleteRemoving).await;
    rig.settle().await;
    assert_eq!(rig.runs().await.len(), 2);
}

#[tokio::test]
async fn a_rejected_deletion_leaves_everybody_and_can_be_taken_back_and_asked_for_again() {
    let rig = leaving().await;
    let run = rig.last_run().await;
    assert!(may_switch(&rig.ports().table, &rig.stored().await, Switch::On).await.is_err());
    rig.reject(&run).await;
    rig.settle().await;
    assert_eq!((rig.stored().await.status, rig.people().await.len()), (ConnectionStatus::Disabled, 40));
    switched(&rig, Switch::On).await;
    assert_eq!(rig.stored().await.status, ConnectionStatus::Connected);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("on again", &people(&rig.picture().await), &people(&undisturbed(2).await));
    // Runs of one moment are in no order.
    rig.clock.advance(1_000);
    switched(&rig, Switch::DeleteRemoving).await;
    rig.settle().await;
    let again = rig.last_run().await;
    assert_eq!((again.state, again.id == run.id), (RunState::Held, false));
}

#[tokio::test]
async fn files_that_come_while_a_deletion_waits_change_nothing() {
    let rig = leaving().await;
    let before = rig.picture().await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("waiting", &rig.picture().await, &before);
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    rig.upload(DAYS[2], &day(2)).await;
    rig.settle().await;
    assert!(rig.people().await.is_empty());
}

#[tokio::test]
async fn a_deletion_takes_the_place_of_a_plan_that_waits() {
    let rig = Rig::connected(&STAFF.replace(r#"mode = "active""#, r#"mode = "preview""#)).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    let file = rig.last_run().await;
    rig.clock.advance(1_000);
    switched(&rig, Switch::DeleteRemoving).await;
    rig.settle().await;
    let states: Vec<_> = rig.runs().await.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Superseded, RunState::Held]);
    assert!(matches!(rig.approve(&file).await, Err(Refused::State { .. })));
}

#[tokio::test]
async fn a_deletion_that_keeps_its_people_changes_nobody() {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(2)).await;
    rig.settle().await;
    let before = people(&rig.picture().await);
    switched(&rig, Switch::DeleteKeeping).await;
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    assert_eq!(rig.stored().await.status, ConnectionStatus::Deleted);
    check_same("kept", &people(&rig.picture().await), &before);
}

#[tokio::test]
async fn nothing_of_a_deleted_connection_is_approved_undone_or_switched_on() {
    let rig = Rig::connected(&STAFF.replace(r#"mode = "active""#, r#"mode = "preview""#)).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    let applied = rig.last_run().await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let held = rig.last_run().await;
    switched(&rig, Switch::DeleteKeeping).await;
    assert_eq!(rig.last_run().await.state, RunState::Superseded);
    assert!(rig.approve(&held).await.is_err());
    let ports = rig.ports();
    let decider = muster_sync::Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    let undone = decider.roll_back((&applied.account, &applied.connection, &applied.id)).await;
    assert!(matches!(undone, Err(Refused::Deleted)));
    assert!(may_switch(&ports.table, &rig.stored().await, Switch::On).await.is_err());
}

#[tokio::test]
async fn a_deletion_survives_a_crash_at_any_call() {
    let calls = {
        let rig = leaving().await;
        rig.approve(&rig.last_run().await).await.unwrap();
        rig.settle_with(&[&[]]).await
    };
    for at in 0..calls {
        let fault = if at % 2 == 0 { Fault::KillBefore } else { Fault::KillAfter };
        let rig = leaving().await;
        rig.approve(&rig.last_run().await).await.unwrap();
        rig.settle_with(&[&[(at, fault)]]).await;
        assert_eq!(rig.stored().await.status, ConnectionStatus::Deleted, "call {at}, {fault:?}");
        assert!(rig.people().await.is_empty(), "call {at}, {fault:?}");
    }
}
