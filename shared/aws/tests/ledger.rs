//! The ledger's contract on an embedded table: every conditional transition, taken, refused, and
//! asked for again after its answer was lost.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/made.rs"]
mod made;
mod support;

use made::{HOUR, account, connection, id, plan, run, run_id};
use muster_aws::Table;
use muster_core::ids::{ConnectionId, RunId};
use muster_sync::{
    Admin, Claim, CommitPlan, Connection, ConnectionStatus, Credentials, Finish, Ledger, Login, MailKind, MailState,
    Opened, OutboxMail, Position, Posted, Removal, Retry, Run, RunCounts, RunSpan, RunState, TakeLease, Transition,
};
use support::{Fault, Wire, cancelled, failure, table};

const NOW: i64 = 1_800_000_000_000;

async fn fresh(attempts: u32) -> (Table, Wire) {
    let (table, wire) = table(attempts).await;
    assert!(table.save_connection(&connection(), None).await.unwrap());
    wire.calls();
    (table, wire)
}

async fn leased(table: &Table, holder: &str, now_ms: i64) -> Connection {
    let (account, id) = (account(), id());
    let ask = TakeLease { connection: (&account, &id), holder, now_ms, until_ms: now_ms + HOUR };
    match table.take_lease(ask).await.unwrap() {
        Claim::Ours(connection) => *connection,
        Claim::Busy => panic!("the lease of {holder} is taken"),
    }
}

async fn is_busy(table: &Table, holder: &str, now_ms: i64) -> bool {
    let (account, id) = (account(), id());
    let ask = TakeLease { connection: (&account, &id), holder, now_ms, until_ms: now_ms + HOUR };
    matches!(table.take_lease(ask).await.unwrap(), Claim::Busy)
}

async fn stored(table: &Table, name: &str) -> Run {
    table.run(&account(), &id(), &run_id(name)).await.unwrap().unwrap()
}

async fn standing(table: &Table) -> Connection {
    table.connection(&account(), &id()).await.unwrap().unwrap()
}

async fn commit(table: &Table, run: &Run, connection: &Connection, held: &[&str], replaces: Option<&str>) -> bool {
    let plan = plan(connection.directory_version);
    let held: Vec<String> = held.iter().map(|gate| (*gate).to_owned()).collect();
    let replaces = replaces.map(run_id);
    let commit = CommitPlan {
        run,
        connection,
        plan: &plan,
        counts: RunCounts { rows: 10, added: 3, ..RunCounts::default() },
        held: &held,
        position: Some(&Position::new(NOW, "people.csv", "55", "v1")),
        replaces: replaces.as_ref(),
        person: None,
        now_ms: NOW,
    };
    table.commit_plan(&commit).await.unwrap()
}

fn finish<'a>(run: &'a Run, connection: &'a Connection) -> Finish<'a> {
    Finish {
        run,
        connection,
        roster: Some("rosters/1".to_owned()),
        owned: 3,
        rows: Some(10),
        grouped_by: "department",
        removals: vec![Removal { at_ms: NOW, people: 2, removed: 2, by_events: false }],
        feed: None,
        due_ms: None,
        mail: true,
        voids_plans: true,
        deletes: false,
        by_sync: true,
        now_ms: NOW,
    }
}

fn close<'a>(run: &'a Run, connection: &'a Connection, to: RunState) -> Transition<'a> {
    Transition::told(run, connection, to, Some("no rows"), NOW)
}

fn mail(run: &str, kind: MailKind) -> OutboxMail {
    OutboxMail { account: "acme".to_owned(), connection: id().to_string(), run: run.to_owned(), kind }
}

async fn posted(table: &Table, run: &str, kind: MailKind, now_ms: i64) -> Posted {
    table.take_mail(&mail(run, kind), now_ms, HOUR).await.unwrap()
}

/// A run of which both chunks are still to be written.
async fn applying(table: &Table, name: &str) -> Run {
    table.open_run(&run(name)).await.unwrap();
    let connection = leased(table, name, NOW).await;
    assert!(commit(table, &run(name), &connection, &[], None).await);
    stored(table, name).await
}

async fn holding(table: &Table, name: &str) -> Run {
    table.open_run(&run(name)).await.unwrap();
    let connection = leased(table, name, NOW).await;
    assert!(commit(table, &run(name), &connection, &["removals"], None).await);
    stored(table, name).await
}

#[tokio::test]
async fn a_connection_is_read_as_it_was_saved() {
    let (table, _) = fresh(1).await;
    assert_eq!(standing(&table).await, connection());
    let other = ConnectionId::parse("acme-other").unwrap();
    assert_eq!(table.connection(&account(), &other).await.unwrap(), None);
}

#[tokio::test]
async fn a_connection_is_saved_only_over_the_settings_it_was_made_from() {
    let (table, _) = fresh(1).await;
    assert!(!table.save_connection(&connection(), None).await.unwrap());
    let newer = Connection { settings: "new".to_owned(), settings_version: 2, fence: 77, ..connection() };
    assert!(!table.save_connection(&newer, Some(5)).await.unwrap());
    assert!(table.save_connection(&newer, Some(1)).await.unwrap());
    let now = standing(&table).await;
    assert_eq!((now.settings.as_str(), now.settings_version, now.fence), ("new", 2, 0));
    assert_eq!(table.connections(&account()).await.unwrap(), [id()]);
    assert_eq!(table.accounts().await.unwrap(), [account()]);
}

#[tokio::test]
async fn a_login_never_passes_to_another_connection() {
    let (table, _) = fresh(1).await;
    let login = Login { account: account(), connection: id() };
    let secrets = Credentials {
        password_hash: Some("hash".to_owned()),
        keys: vec!["ssh-ed25519 A".to_owned()],
        allowed_ips: vec!["192.0.2.0/24".to_owned()],
        locked: true,
    };
    assert_eq!(table.login("u").await.unwrap(), None);
    assert!(table.put_login("u", &login, &secrets).await.unwrap());
    assert!(table.put_login("u", &login, &secrets).await.unwrap());
    let other = Login { account: account(), connection: ConnectionId::parse("acme-other").unwrap() };
    assert!(!table.put_login("u", &other, &secrets).await.unwrap());
    assert_eq!(table.login("u").await.unwrap(), Some(login.clone()));
    assert_eq!(table.credentials("u").await.unwrap(), Some((login, secrets)));
}

#[tokio::test]
async fn the_same_cause_is_the_same_run() {
    let (table, _) = fresh(1).await;
    assert!(matches!(table.open_run(&run("r1")).await.unwrap(), Opened::New));
    let Opened::Existing(found) = table.open_run(&Run { received_ms: 5, ..run("r1") }).await.unwrap() else {
        panic!("opened twice")
    };
    assert_eq!(*found, run("r1"));
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let (table, _) = fresh(1).await;
    for (name, at) in [("b", 10), ("a", 30), ("c", 20)] {
        table.open_run(&Run { received_ms: at, ..run(name) }).await.unwrap();
    }
    let runs = table.runs(&account(), &id()).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["a", "c", "b"]);
}

/// The ids of a page of the list by time.
async fn newest(table: &muster_aws::Table, span: RunSpan) -> Vec<(i64, String)> {
    let found = table.newest_runs(&account(), &id(), &span).await.unwrap();
    found.into_iter().map(|(ms, id)| (ms, id.to_string())).collect()
}

#[tokio::test]
async fn runs_are_paged_by_time_without_runs_of_events() {
    let (table, _) = fresh(1).await;
    for (name, at) in [("b", 10), ("a", 30), ("c", 20), ("d", 20), ("e-1", 25), ("f", 9)] {
        table.open_run(&Run { received_ms: at, ..run(name) }).await.unwrap();
    }
    let all = RunSpan { from_ms: 0, to_ms: 999_999_999_999_999, before: None, most: 100 };
    let expected = [(30, "a"), (20, "d"), (20, "c"), (10, "b"), (9, "f")].map(|(ms, id)| (ms, id.to_owned()));
    assert_eq!(newest(&table, all.clone()).await, expected);
    let mut span = RunSpan { most: 1, ..all.clone() };
    for place in &expected {
        assert_eq!(newest(&table, span.clone()).await, vec![place.clone()]);
        span.before = Some((place.0, RunId::parse(&place.1).unwrap()));
    }
    assert_eq!(newest(&table, span).await, []);
    assert_eq!(newest(&table, RunSpan { from_ms: 10, to_ms: 20, ..all.clone() }).await, expected[1..4]);
    assert_eq!(newest(&table, RunSpan { from_ms: 31, to_ms: 5, ..all }).await, []);
    let ids = ["a", "none", "c"].map(|id| RunId::parse(id).unwrap());
    assert_eq!(table.runs_of(&account(), &id(), &ids).await.unwrap().len(), 2);
    assert_eq!(table.runs_of(&account(), &id(), &[]).await.unwrap(), []);
}

#[tokio::test]
async fn one_holds_the_lease_and_its_number_only_grows_f02() {
    let (table, _) = fresh(1).await;
    let first = leased(&table, "r1#a", NOW).await;
    assert_eq!((first.fence, first.lease.as_ref().unwrap().until_ms), (1, NOW + HOUR));
    assert!(is_busy(&table, "r2#a", NOW + HOUR).await);
    assert_eq!(leased(&table, "r2#a", NOW + HOUR + 1).await.fence, 2);
    table.release_lease(&first).await.unwrap();
    assert!(is_busy(&table, "r3#a", NOW + HOUR + 2).await, "a worker that was thought dead gave away the lease");
    table.release_lease(&standing(&table).await).await.unwrap();
    assert_eq!(leased(&table, "r3#a", NOW).await.fence, 3);
}

#[tokio::test]
async fn a_lease_whose_answer_was_lost_is_still_ours() {
    let (table, wire) = fresh(2).await;
    wire.next([Fault::AnswerLost]);
    assert_eq!(leased(&table, "r1#a", NOW).await.lease.unwrap().holder, "r1#a");
}

#[tokio::test]
async fn a_lease_on_no_connection_is_not_taken() {
    let (table, _) = table(1).await;
    assert!(is_busy(&table, "r1", NOW).await);
    assert_eq!(table.connection(&account(), &id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_plan_within_the_gates_is_applied_at_once() {
    let (table, _) = fresh(1).await;
    let run = applying(&table, "r1").await;
    let connection = standing(&table).await;
    assert_eq!((run.state, run.fence, run.counts.added), (RunState::Applying, 1, 3));
    assert_eq!(run.plan, Some(plan(0)));
    assert_eq!((connection.active, connection.waiting, connection.lease), (Some(run.id), None, None));
    assert_eq!(connection.last_source.unwrap().key, "people.csv");
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW).await, Posted::Done);
}

#[tokio::test]
async fn a_held_plan_waits_and_a_mail_tells() {
    let (table, _) = fresh(1).await;
    let run = holding(&table, "r1").await;
    let connection = standing(&table).await;
    assert_eq!((run.state, run.held), (RunState::Held, vec!["removals".to_owned()]));
    assert_eq!((connection.active, connection.waiting, connection.lease), (None, Some(run.id), None));
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW).await, Posted::First);
}

#[tokio::test]
async fn a_plan_counts_once() {
    let (table, wire) = fresh(2).await;
    table.open_run(&run("r1")).await.unwrap();
    let connection = leased(&table, "r1", NOW).await;
    wire.next([Fault::AnswerLost]);
    assert!(commit(&table, &run("r1"), &connection, &[], None).await, "the service knows the transaction again");
    let later = CommitPlan {
        run: &run("r1"),
        connection: &connection,
        plan: &plan(0),
        counts: RunCounts::default(),
        held: &[],
        position: None,
        replaces: None,
        person: None,
        now_ms: NOW + 1,
    };
    assert!(!table.commit_plan(&later).await.unwrap());
    assert_eq!(stored(&table, "r1").await.counts.added, 3);
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_commits_nothing_f13() {
    let (table, _) = fresh(1).await;
    table.open_run(&run("r1")).await.unwrap();
    let dead = leased(&table, "r1#a", NOW).await;
    let alive = leased(&table, "r1#b", NOW + HOUR + 1).await;
    assert!(!commit(&table, &run("r1"), &dead, &[], None).await);
    assert!(!table.close(&close(&run("r1"), &dead, RunState::Failed)).await.unwrap());
    assert_eq!(stored(&table, "r1").await, run("r1"));
    assert!(commit(&table, &run("r1"), &alive, &[], None).await);
}

#[tokio::test]
async fn a_newer_plan_replaces_the_waiting_one() {
    let (table, _) = fresh(1).await;
    holding(&table, "r1").await;
    table.open_run(&run("r2")).await.unwrap();
    let connection = leased(&table, "r2", NOW).await;
    assert!(commit(&table, &run("r2"), &connection, &[], Some("r1")).await);
    let (old, now) = (stored(&table, "r1").await, standing(&table).await);
    assert_eq!((old.state, old.ended_ms), (RunState::Superseded, Some(NOW)));
    assert_eq!((now.waiting, now.active), (None, Some(run_id("r2"))));
}

#[tokio::test]
async fn a_plan_made_anew_waits_for_itself_only() {
    let (table, _) = fresh(1).await;
    let held = holding(&table, "r1").await;
    assert!(table.replan(&held).await.unwrap());
    assert!(!table.replan(&held).await.unwrap());
    let again = stored(&table, "r1").await;
    assert_eq!((again.state, &again.plan, again.held.len()), (RunState::Received, &None, 0));
    let connection = leased(&table, "r1", NOW).await;
    assert!(commit(&table, &again, &connection, &["updates"], Some("r1")).await);
    assert_eq!(standing(&table).await.waiting, Some(run_id("r1")));
    assert_eq!(stored(&table, "r1").await.state, RunState::Held);
}

#[tokio::test]
async fn an_approved_plan_gets_a_new_number() {
    let (table, _) = fresh(1).await;
    let run = holding(&table, "r1").await;
    let before = standing(&table).await;
    assert!(table.approve(&run, &before, NOW).await.unwrap());
    assert!(!table.approve(&run, &before, NOW + 1).await.unwrap());
    let (run, now) = (stored(&table, "r1").await, standing(&table).await);
    assert_eq!((run.state, run.fence, now.fence), (RunState::Applying, 2, 2));
    assert_eq!((now.active, now.waiting), (Some(run.id), None));
}

#[tokio::test]
async fn approval_works_only_while_the_directory_is_as_the_plan_saw_it() {
    let (table, _) = fresh(1).await;
    let held = holding(&table, "r1").await;
    let other = applying(&table, "r2").await;
    let connection = standing(&table).await;
    assert!(!table.approve(&held, &connection, NOW).await.unwrap(), "while another run is applied");
    assert!(table.finish(&finish(&other, &connection)).await.unwrap());
    let connection = standing(&table).await;
    assert!(!table.approve(&held, &connection, NOW).await.unwrap(), "after another run was applied");
    assert_eq!(stored(&table, "r1").await, held);
    assert_eq!(standing(&table).await, connection);
}

#[tokio::test]
async fn approval_of_another_plan_is_refused() {
    let (table, _) = fresh(1).await;
    let mut held = holding(&table, "r1").await;
    held.plan.as_mut().unwrap().hash = "h0".to_owned();
    assert!(!table.approve(&held, &standing(&table).await, NOW).await.unwrap());
}

#[tokio::test]
async fn a_chunk_is_marked_once() {
    let (table, _) = fresh(1).await;
    let run = applying(&table, "r1").await;
    let after = table.chunk_done(&run, 0, 2).await.unwrap().unwrap();
    assert_eq!((after.done.len(), after.conflicts), (1, 2));
    let again = table.chunk_done(&run, 0, 2).await.unwrap().unwrap();
    assert_eq!(again, after, "the same chunk again counts nothing twice");
    let last = table.chunk_done(&run, 1, 0).await.unwrap().unwrap();
    assert_eq!(last.done.into_iter().collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn a_chunk_whose_answer_was_lost_counts_once_f19() {
    let (table, wire) = fresh(3).await;
    let run = applying(&table, "r1").await;
    wire.next([Fault::DoneBut(500, r#"{"__type":"InternalServerError"}"#.to_owned())]);
    let after = table.chunk_done(&run, 1, 4).await.unwrap().unwrap();
    assert_eq!((after.done.len(), after.conflicts), (1, 4));
}

#[tokio::test]
async fn a_chunk_of_a_run_that_moved_on_is_nobodys() {
    let (table, _) = fresh(1).await;
    let run = applying(&table, "r1").await;
    let zombie = Run { fence: 0, ..run.clone() };
    assert_eq!(table.chunk_done(&zombie, 0, 0).await.unwrap(), None);
    table.chunk_done(&run, 0, 0).await.unwrap();
    assert!(table.finish(&finish(&run, &standing(&table).await)).await.unwrap());
    assert_eq!(table.chunk_done(&run, 0, 0).await.unwrap(), None);
    assert_eq!(table.chunk_done(&made::run("r9"), 0, 0).await.unwrap(), None);
    assert_eq!(table.run(&account(), &id(), &run_id("r9")).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_ends_once() {
    let (table, wire) = fresh(2).await;
    let run = applying(&table, "r1").await;
    let before = standing(&table).await;
    wire.next([Fault::AnswerLost]);
    assert!(table.finish(&finish(&run, &before)).await.unwrap());
    assert!(!table.finish(&Finish { now_ms: NOW + 9, ..finish(&run, &before) }).await.unwrap());
    let (run, now) = (stored(&table, "r1").await, standing(&table).await);
    assert_eq!((run.state, run.ended_ms), (RunState::Applied, Some(NOW)));
    assert_eq!((now.owned, now.directory_version, now.last_rows), (3, 1, Some(10)));
    assert_eq!((now.roster.as_deref(), now.active, now.confirmed), (Some("rosters/1"), None, true));
    assert_eq!((now.status, now.removals.len()), (ConnectionStatus::Connected, 1));
    assert_eq!(now.grouped_by, "department");
    assert_eq!(posted(&table, "r1", MailKind::Ended, NOW).await, Posted::First);
}

#[tokio::test]
async fn a_run_without_a_roster_makes_the_next_one_rebuild_it() {
    let (table, _) = fresh(1).await;
    let first = applying(&table, "r1").await;
    assert!(table.finish(&finish(&first, &standing(&table).await)).await.unwrap());
    let undo = applying(&table, "r2").await;
    let connection = standing(&table).await;
    let finish = Finish { roster: None, rows: None, owned: 1, ..finish(&undo, &connection) };
    assert!(table.finish(&finish).await.unwrap());
    let now = standing(&table).await;
    assert_eq!((now.roster, now.last_rows, now.owned), (None, Some(10), 1));
}

#[tokio::test]
async fn a_regrouping_that_breaks_off_leaves_it_unknown_how_people_are_grouped() {
    let (table, _) = fresh(1).await;
    let first = applying(&table, "r1").await;
    let before = standing(&table).await;
    assert!(table.finish(&Finish { grouped_by: "location", ..finish(&first, &before) }).await.unwrap());
    assert_eq!(standing(&table).await.grouped_by, "location");
    let by_department = applying(&table, "r2").await;
    assert!(table.close(&close(&by_department, &standing(&table).await, RunState::Failed)).await.unwrap());
    assert_eq!(standing(&table).await.grouped_by, "");
}

#[tokio::test]
async fn a_connection_switched_off_meanwhile_stays_off_f42() {
    let (table, _) = fresh(1).await;
    let run = applying(&table, "r1").await;
    let before = standing(&table).await;
    let off = Connection { status: ConnectionStatus::Disabled, settings_version: 2, ..before.clone() };
    assert!(table.save_connection(&off, Some(1)).await.unwrap());
    assert!(!table.finish(&finish(&run, &before)).await.unwrap());
    assert!(table.finish(&finish(&run, &standing(&table).await)).await.unwrap());
    assert_eq!(standing(&table).await.status, ConnectionStatus::Disabled);
}

#[tokio::test]
async fn a_source_that_cannot_be_used_ends_its_run_and_frees_the_lease() {
    let (table, _) = fresh(1).await;
    table.open_run(&run("r1")).await.unwrap();
    let connection = leased(&table, "r1#a", NOW).await;
    assert!(table.close(&close(&run("r1"), &connection, RunState::Failed)).await.unwrap());
    assert!(!table.close(&close(&run("r1"), &connection, RunState::Superseded)).await.unwrap());
    let (run, now) = (stored(&table, "r1").await, standing(&table).await);
    assert_eq!((run.state, run.reason.as_deref(), run.ended_ms), (RunState::Failed, Some("no rows"), Some(NOW)));
    assert_eq!((now.lease, now.status), (None, ConnectionStatus::Error));
    assert_eq!(posted(&table, "r1", MailKind::Ended, NOW).await, Posted::First);
}

#[tokio::test]
async fn a_refused_plan_waits_no_more_and_leaves_anothers_lease() {
    let (table, _) = fresh(1).await;
    let held = holding(&table, "r1").await;
    leased(&table, "r10#a", NOW).await;
    let connection = standing(&table).await;
    assert!(table.close(&close(&held, &connection, RunState::Rejected)).await.unwrap());
    let now = standing(&table).await;
    assert_eq!((now.waiting, now.lease.unwrap().holder.as_str()), (None, "r10#a"));
    assert_eq!((connection.status, now.status), (ConnectionStatus::Connected, ConnectionStatus::Connected));
}

#[tokio::test]
async fn a_mail_is_sent_by_one_and_again_only_when_its_sender_is_long_gone_f30() {
    let (table, _) = fresh(1).await;
    holding(&table, "r1").await;
    assert_eq!(posted(&table, "r9", MailKind::Held, NOW).await, Posted::Done, "no such mail");
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW).await, Posted::First);
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW + HOUR).await, Posted::Wait);
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW + HOUR + 1).await, Posted::Again);
    table.settle_mail(&mail("r1", MailKind::Held), &MailState::Sent).await.unwrap();
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW + 9 * HOUR).await, Posted::Done);
}

#[tokio::test]
async fn a_mail_refused_for_now_is_sent_for_the_first_time_later_f29() {
    let (table, _) = fresh(1).await;
    holding(&table, "r1").await;
    let mail = mail("r1", MailKind::Held);
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW).await, Posted::First);
    table.settle_mail(&mail, &MailState::Pending).await.unwrap();
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW + 1).await, Posted::First);
    table.settle_mail(&mail, &MailState::Refused("MessageRejected".to_owned())).await.unwrap();
    table.settle_mail(&mail, &MailState::Pending).await.unwrap();
    assert_eq!(posted(&table, "r1", MailKind::Held, NOW + 9 * HOUR).await, Posted::Done);
}

#[tokio::test]
async fn settling_makes_no_mail() {
    let (table, _) = fresh(1).await;
    table.settle_mail(&mail("r1", MailKind::Ended), &MailState::Pending).await.unwrap();
    assert_eq!(posted(&table, "r1", MailKind::Ended, NOW).await, Posted::Done);
}

#[tokio::test]
async fn a_group_is_shown_as_it_was_first_written() {
    let (table, _) = fresh(1).await;
    let value = |folded: &str, shown: &str| ("department".to_owned(), folded.to_owned(), shown.to_owned());
    let values = [value("r#d", "R#D"), value("sales", "Sales")];
    table.add_group_values(&account(), &id(), &values).await.unwrap();
    table.add_group_values(&account(), &id(), &[value("sales", "SALES")]).await.unwrap();
    assert_eq!(table.group_values(&account(), &id()).await.unwrap(), values);
    for _ in 0..2 {
        table.forget_group_value(&account(), &id(), "department", "r#d").await.unwrap();
        assert_eq!(table.group_values(&account(), &id()).await.unwrap(), values[1..]);
    }
    let other = ConnectionId::parse("acme-payroll").unwrap();
    assert_eq!(table.group_values(&account(), &other).await.unwrap(), []);
}

async fn check_verdict(fault: Fault, retry: Retry) {
    let (table, wire) = fresh(1).await;
    let run = applying(&table, "r1").await;
    let connection = standing(&table).await;
    wire.next([fault.clone()]);
    let error = table.finish(&finish(&run, &connection)).await.unwrap_err();
    assert_eq!(error.retry, retry, "{fault:?}: {error}");
}

#[tokio::test]
async fn what_passes_is_tried_later_f15_f17_f18() {
    for code in ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "TransactionInProgressException"] {
        check_verdict(failure(code), Retry::Later).await;
    }
    for reason in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        check_verdict(cancelled(&["None", reason, "None"]), Retry::Later).await;
    }
    check_verdict(Fault::AnswerLost, Retry::Later).await;
    check_verdict(Fault::Instead(500, "{}".to_owned()), Retry::Later).await;
}

#[tokio::test]
async fn what_lasts_is_not_tried_again_f17_f18() {
    for code in ["ValidationException", "AccessDeniedException", "IdempotentParameterMismatchException"] {
        check_verdict(failure(code), Retry::Never).await;
    }
    check_verdict(cancelled(&["None", "ItemCollectionSizeLimitExceeded", "None"]), Retry::Never).await;
}

#[tokio::test]
async fn a_throttled_call_waits_and_goes_on_f15() {
    let (table, wire) = fresh(4).await;
    wire.next(vec![failure("ProvisionedThroughputExceededException"); 3]);
    assert_eq!(standing(&table).await, connection());
    assert_eq!(wire.calls().len(), 4);
}

#[tokio::test]
async fn state_is_always_read_strongly_consistent() {
    let (table, wire) = fresh(1).await;
    applying(&table, "r1").await;
    standing(&table).await;
    table.runs(&account(), &id()).await.unwrap();
    table.login("u").await.unwrap();
    let reads = wire.calls().into_iter().filter(|(name, _)| name == "GetItem" || name == "Query");
    let reads: Vec<_> = reads.collect();
    assert_eq!(reads.len(), 4);
    assert!(reads.iter().all(|(_, body)| body["ConsistentRead"] == true), "{reads:?}");
}
