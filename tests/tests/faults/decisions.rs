//! Held plans, and what people decide about them.

use muster_sync::{Admin, ConnectionStatus, Decider, Refused, RunState};
use muster_tests::hand::ports;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use muster_tests::tricky::{Trick, Tricky};

use super::{check_same, first_day, last_mail, people, states, undisturbed, upload_too_few};

/// Day one applied, day two waits: it would remove ten of forty.
async fn held() -> Rig {
    let rig = first_day().await;
    upload_too_few(&rig, DAYS[1]).await;
    assert_eq!(rig.last_run().await.state, RunState::Held);
    rig
}

#[tokio::test]
async fn over_the_removal_gate_nothing_is_applied_and_the_mail_says_how_to_decide() {
    let rig = held().await;
    check_same("held", &people(&rig.picture().await), &people(&undisturbed(1).await));
    let run = rig.last_run().await;
    assert!(run.held.contains(&"removals".to_owned()), "{run:?}");
    assert_eq!(rig.mails().len(), 2);
    let (subject, text) = last_mail(&rig);
    let hash = &run.plan.as_ref().unwrap().hash;
    for part in [run.id.as_str(), hash, "approve run", "reject run", "10", "40"] {
        assert!(text.contains(part), "{part:?} is missing: {subject}\n{text}");
    }
    assert!(text.to_lowercase().contains("remov"), "{text}");
    rig.approve(&run).await.unwrap();
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Applied, 30));
    assert_eq!(rig.mails().len(), 3, "held, then applied: {:?}", rig.mails());
}

#[tokio::test]
async fn approval_names_the_plan() {
    let rig = held().await;
    let mut run = rig.last_run().await;
    run.plan.as_mut().unwrap().hash = "another".into();
    assert!(matches!(rig.approve(&run).await, Err(Refused::Hash { .. })));
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 40);
}

#[tokio::test]
async fn approving_twice_applies_once() {
    let rig = held().await;
    let run = rig.last_run().await;
    rig.approve(&run).await.unwrap();
    rig.approve(&run).await.unwrap();
    rig.settle().await;
    assert!(matches!(rig.approve(&run).await, Err(Refused::State { state: RunState::Applied, .. })));
    rig.settle().await;
    assert_eq!((rig.people().await.len(), rig.mails().len()), (30, 3));
}

/// Two days applied, then a plan that waits, then the second day undone: the plan is stale.
async fn stale() -> Rig {
    let rig = first_day().await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let second = rig.last_run().await;
    upload_too_few(&rig, DAYS[2]).await;
    rig.roll_back(&second).await;
    rig.settle().await;
    assert_eq!(states(&rig).await, [("applied", 3), ("held", 1)].into());
    rig
}

async fn waiting(rig: &Rig) -> muster_sync::Run {
    rig.runs().await.into_iter().find(|run| run.source == DAYS[2]).unwrap()
}

#[tokio::test]
async fn approval_of_a_stale_plan_is_refused_and_planned_anew() {
    let rig = stale().await;
    let (before, old) = (people(&rig.picture().await), waiting(&rig).await);
    assert!(matches!(rig.approve(&old).await, Err(Refused::Stale)));
    rig.settle().await;
    check_same("refused", &people(&rig.picture().await), &before);
    let anew = waiting(&rig).await;
    assert_eq!(anew.state, RunState::Held);
    assert_ne!(anew.plan.as_ref().unwrap().hash, old.plan.as_ref().unwrap().hash);
    assert!(matches!(rig.approve(&old).await, Err(Refused::Hash { .. })));
    assert!(last_mail(&rig).1.contains(&anew.plan.as_ref().unwrap().hash), "the new plan is told of");
    rig.approve(&anew).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 30);
}

/// The approver's program dies between handing the run back and saying so to the queue.
async fn stale_and_forgotten() -> Rig {
    let rig = stale().await;
    let run = waiting(&rig).await;
    let refuse = Tricky::new(&rig.services, |seen| {
        if seen.operation == "SendMessage" { Trick::Refuse(403, "AccessDenied") } else { Trick::Pass }
    });
    let ports = ports(&rig, &refuse, rig.clock.clone());
    let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    let hash = run.plan.as_ref().unwrap().hash.clone();
    assert!(matches!(decider.approve((&run.account, &run.connection, &run.id), &hash).await, Err(Refused::Port(_))));
    assert_eq!(waiting(&rig).await.state, RunState::Received);
    rig
}

#[tokio::test]
async fn a_plan_whose_remaking_was_forgotten_can_be_asked_for_again() {
    let rig = stale_and_forgotten().await;
    let (account, connection) = rig.connection.clone().unwrap();
    let run = waiting(&rig).await;
    let ports = rig.ports();
    let decider = Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    assert!(matches!(decider.approve((&account, &connection, &run.id), "any").await, Err(Refused::Stale)));
    rig.settle().await;
    assert_eq!(waiting(&rig).await.state, RunState::Held);
}

#[tokio::test]
async fn a_plan_whose_remaking_was_forgotten_does_not_block_newer_files() {
    let rig = stale_and_forgotten().await;
    rig.upload("people_20261124.csv", &csv(&staff(40))).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Applied, "{:?}", rig.runs().await);
    assert_eq!(waiting(&rig).await.state, RunState::Superseded);
    assert_eq!(rig.stored().await.waiting, None);
}

#[tokio::test]
async fn a_newer_file_replaces_the_waiting_plan() {
    let rig = held().await;
    let old = rig.last_run().await;
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    assert_eq!(states(&rig).await, [("applied", 2), ("superseded", 1)].into());
    check_same("replaced", &people(&rig.picture().await), &people(&undisturbed(2).await));
    assert!(matches!(rig.approve(&old).await, Err(Refused::State { state: RunState::Superseded, .. })));
    rig.settle().await;
    check_same("replaced", &people(&rig.picture().await), &people(&undisturbed(2).await));
    assert_eq!(rig.stored().await.waiting, None);
}

#[tokio::test]
async fn a_newer_plan_that_waits_too_replaces_the_waiting_one() {
    let rig = held().await;
    upload_too_few(&rig, DAYS[2]).await;
    assert_eq!(states(&rig).await, [("applied", 1), ("held", 1), ("superseded", 1)].into());
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_rejected_plan_changes_nothing_and_the_next_file_works() {
    let rig = held().await;
    let run = rig.last_run().await;
    rig.reject(&run).await;
    rig.reject(&run).await;
    rig.settle().await;
    check_same("rejected", &people(&rig.picture().await), &people(&undisturbed(1).await));
    assert_eq!(rig.mails().len(), 3, "held, then rejected: {:?}", rig.mails());
    assert!(matches!(rig.approve(&run).await, Err(Refused::State { state: RunState::Rejected, .. })));
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    check_same("afterwards", &people(&rig.picture().await), &people(&undisturbed(2).await));
}

#[tokio::test]
async fn a_rollback_restores_every_field_group_and_status() {
    let rig = first_day().await;
    let before = people(&rig.picture().await);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let run = rig.last_run().await;
    let undo = rig.roll_back(&run).await;
    assert_eq!(rig.roll_back(&run).await, undo, "asked twice, done once");
    rig.settle().await;
    check_same("undone", &people(&rig.picture().await), &before);
    let counts = rig.runs().await.into_iter().find(|found| found.id == undo).unwrap().counts;
    assert_eq!((counts.added, counts.updated, counts.reactivated, counts.removed), (1, 1, 1, 1), "{counts:?}");
    assert_eq!(rig.mails().len(), 3);
    // The next file sees the directory as it is again.
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    check_same("done again", &people(&rig.picture().await), &people(&undisturbed(2).await));
}

#[tokio::test]
async fn a_rollback_of_a_first_run_is_gated_like_any_plan() {
    let rig = first_day().await;
    rig.roll_back(&rig.last_run().await).await;
    rig.settle().await;
    let undo = rig.runs().await.into_iter().find(|run| run.source.starts_with("undo")).unwrap();
    assert_eq!((undo.state, rig.people().await.len()), (RunState::Held, 40));
    rig.approve(&undo).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 0);
}

#[tokio::test]
async fn a_paused_connection_plans_nothing_and_says_so() {
    let mut rig = first_day().await;
    rig.connect(&STAFF.replace(r#"mode = "active""#, r#"mode = "paused""#)).await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("paused", &people(&rig.picture().await), &people(&undisturbed(1).await));
    assert!(last_mail(&rig).1.contains("paused"), "{:?}", last_mail(&rig));
    rig.connect(STAFF).await;
    rig.upload(DAYS[2], &day(1)).await;
    rig.settle().await;
    check_same("awake", &people(&rig.picture().await), &people(&undisturbed(2).await));
}

#[tokio::test]
async fn a_disabled_connection_changes_nothing() {
    let rig = first_day().await;
    let mut connection = rig.stored().await;
    let version = connection.settings_version;
    connection.status = ConnectionStatus::Disabled;
    connection.settings_version += 1;
    assert!(rig.ports().table.save_connection(&connection, Some(version)).await.unwrap());
    let before = rig.picture().await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    check_same("disabled", &rig.picture().await, &before);
}

#[tokio::test]
async fn in_preview_every_plan_waits() {
    let rig = Rig::connected(&STAFF.replace(r#"mode = "active""#, r#"mode = "preview""#)).await;
    for (n, name) in DAYS.iter().enumerate().take(2) {
        rig.upload(name, &day(n)).await;
        rig.settle().await;
        assert_eq!(rig.last_run().await.state, RunState::Held);
        check_same("waiting", &people(&rig.picture().await), &people(&undisturbed(n).await));
        rig.approve(&rig.last_run().await).await.unwrap();
        rig.settle().await;
        check_same("approved", &people(&rig.picture().await), &people(&undisturbed(n + 1).await));
    }
}
