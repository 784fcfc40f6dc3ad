//! What connections with an API ask of the ports, over the SDK and the in-process services.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use std::collections::{BTreeMap, BTreeSet};

use muster_aws::{Ports, SecretStore, Table};
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_local::{Fault, FaultKind, Service};
use muster_sync::{
    Admin, Cause, Connection, ConnectionStatus, EventJob, EventWhat, Feed, FeedChange, Finish, Ledger, Login, MailKind,
    MailState, OutboxMail, PersonMark, PollJob, Posted, Queue, Retry, Run, RunCounts, RunState, SecretPlace, SecretSet,
    Secrets, TakeLease, Transition,
};
use muster_tests::faulty::{self, Faulty};
use muster_tests::rig::{Rig, ports_over};
use muster_tests::sample::STAFF;

const MINUTE_MS: u64 = 60_000;

/// A rig with one connection, as it is stored.
async fn connected() -> (Rig, Table, Connection) {
    let rig = Rig::connected(STAFF).await;
    let (table, connection) = (rig.ports().table, rig.stored().await);
    (rig, table, connection)
}

fn event_run(of: &Connection, id: &str) -> Run {
    let event = EventWhat::Person { id: "p-1".to_owned(), version_ms: None };
    Run {
        account: of.account.clone(),
        connection: of.id.clone(),
        id: RunId::parse(id).unwrap(),
        state: RunState::Received,
        cause: Cause::Event { event: id.to_owned(), digest: "d".to_owned(), what: event },
        source: "event".to_owned(),
        received_ms: 1_790_000_000_000,
        fence: 0,
        plan: None,
        counts: RunCounts::default(),
        held: Vec::new(),
        settings_version: 1,
        done: BTreeSet::new(),
        conflicts: 0,
        ended_ms: None,
        reason: None,
    }
}

fn change<'a>(of: &'a Connection, mark: &str, due_ms: Option<i64>) -> FeedChange<'a> {
    let feed = Feed { mark: Some(mark.to_owned()), ..of.feed.clone() };
    FeedChange { connection: of, feed, due_ms, status: None }
}

async fn again(table: &Table, of: &Connection) -> Connection {
    table.connection(&of.account, &of.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_a_connection_remembers_is_saved_only_over_what_was_read() {
    let (_rig, table, first) = connected().await;
    assert_eq!((first.feed.version, first.due_ms), (0, None));
    assert!(table.save_feed(&change(&first, "a", Some(7))).await.unwrap());
    assert!(!table.save_feed(&change(&first, "b", None)).await.unwrap(), "it was read before the other saved");
    let second = again(&table, &first).await;
    assert_eq!((second.feed.mark.as_deref(), second.feed.version, second.due_ms), (Some("a"), 1, Some(7)));
    assert!(table.save_feed(&change(&second, "c", None)).await.unwrap());
    assert!(!table.save_feed(&change(&second, "d", None)).await.unwrap());
    let third = again(&table, &first).await;
    assert_eq!((third.feed.mark.as_deref(), third.feed.version, third.due_ms), (Some("c"), 2, None));
    let nobody = Connection { id: ConnectionId::parse("acme-nobody").unwrap(), ..first };
    assert!(!table.save_feed(&change(&nobody, "x", Some(7))).await.unwrap());
    assert_eq!(table.connection(&nobody.account, &nobody.id).await.unwrap(), None, "no piece of one is left");
}

#[tokio::test]
async fn a_connection_that_a_person_switched_off_stays_off() {
    let (_rig, table, first) = connected().await;
    let status = |status| FeedChange { status: Some(status), ..change(&first, "a", None) };
    assert!(table.save_feed(&status(ConnectionStatus::Unauthorized)).await.unwrap());
    let broken = again(&table, &first).await;
    assert_eq!(broken.status, ConnectionStatus::Unauthorized);
    let off = Connection { status: ConnectionStatus::Disabled, settings_version: 2, ..broken.clone() };
    assert!(table.save_connection(&off, Some(1)).await.unwrap());
    let works = FeedChange { status: Some(ConnectionStatus::Connected), ..change(&broken, "b", None) };
    assert!(!table.save_feed(&works).await.unwrap(), "it was switched off meanwhile");
    let off = again(&table, &first).await;
    let works = FeedChange { status: Some(ConnectionStatus::Connected), ..change(&off, "b", None) };
    assert!(table.save_feed(&works).await.unwrap());
    assert_eq!(again(&table, &first).await.status, ConnectionStatus::Disabled);
}

/// A connection of the same account that is due then and called by these names.
fn sibling(of: &Connection, name: &str, due_ms: Option<i64>, routes: &[&str]) -> Connection {
    Connection {
        id: ConnectionId::parse(&format!("acme-{name}")).unwrap(),
        due_ms,
        routes: routes.iter().map(|route| (*route).to_owned()).collect(),
        ..of.clone()
    }
}

fn names(due: Vec<Login>) -> Vec<String> {
    due.into_iter().map(|login| login.connection.to_string()).collect()
}

#[tokio::test]
async fn the_longest_due_come_first_and_no_more_than_asked_for() {
    let (_rig, table, first) = connected().await;
    // Enough to be in every part of the index; their times run against their names.
    for number in 0..40_u32 {
        let due_ms = i64::from(1_000 - number * 10);
        assert!(table.save_connection(&sibling(&first, &format!("n{number}"), Some(due_ms), &[]), None).await.unwrap());
    }
    let all: Vec<String> = (0..40).rev().map(|number| format!("acme-n{number}")).collect();
    assert_eq!(names(table.due(1_000, 100).await.unwrap()), all);
    assert_eq!(names(table.due(1_000, 5).await.unwrap()), all[..5]);
    assert_eq!(names(table.due(630, 100).await.unwrap()), all[..3], "the others' time has not come");
    let earliest = sibling(&first, "n39", None, &[]);
    let earliest = again(&table, &earliest).await;
    assert!(table.save_feed(&change(&earliest, "a", None)).await.unwrap());
    assert_eq!(names(table.due(630, 100).await.unwrap()), all[1..3]);
}

#[tokio::test]
async fn a_route_belongs_to_one_connection() {
    let (_rig, table, first) = connected().await;
    let (hooks, other) =
        (sibling(&first, "a", None, &["finch#1", "finch#2"]), sibling(&first, "b", None, &["finch#2"]));
    assert!(table.save_connection(&hooks, None).await.unwrap());
    let refused = table.save_connection(&other, None).await.unwrap_err();
    assert_eq!(refused.retry, Retry::Never);
    assert!(refused.to_string().contains("finch#2"), "{refused}");
    assert_eq!(table.connection(&other.account, &other.id).await.unwrap(), None);
    let to = async |route: &str| table.route(route).await.unwrap().map(|login| login.connection.to_string());
    assert_eq!(to("finch#2").await.as_deref(), Some("acme-a"));
    // Saved by somebody else meanwhile: no word about routes.
    let moved = Connection { routes: vec!["finch#3".to_owned()], settings_version: 2, ..hooks.clone() };
    assert!(!table.save_connection(&moved, Some(9)).await.unwrap());
    assert!(table.save_connection(&moved, Some(1)).await.unwrap());
    assert_eq!((to("finch#1").await, to("finch#3").await.as_deref()), (None, Some("acme-a")));
    assert_eq!(again(&table, &hooks).await.routes, ["finch#3"]);
    assert!(table.save_connection(&other, None).await.unwrap(), "the route is free now");
    assert_eq!(to("finch#2").await.as_deref(), Some("acme-b"));
}

#[tokio::test]
async fn one_collects_a_listing_at_a_time() {
    let (_rig, table, connection) = connected().await;
    let run = event_run(&connection, "0a1b");
    let take = async |holder: &str, now_ms| table.take_poll(&run, holder, now_ms, now_ms + 100).await.unwrap();
    assert_eq!(take("one", 1_000).await.as_deref(), Some(""));
    assert_eq!(take("two", 1_050).await, None, "another collects");
    assert_eq!(take("one", 1_050).await.as_deref(), Some(""), "its own lost answer");
    assert!(table.keep_poll(&run, "one", "page 3", 1_200).await.unwrap());
    assert!(!table.keep_poll(&run, "two", "page 9", 1_200).await.unwrap());
    assert_eq!(take("two", 1_201).await.as_deref(), Some("page 3"), "the first one died");
    assert!(!table.keep_poll(&run, "one", "page 4", 2_000).await.unwrap(), "a zombie keeps nothing");
    assert!(table.keep_poll(&run, "two", "page 5", 0).await.unwrap());
    assert_eq!(take("three", 1_202).await.as_deref(), Some("page 5"), "it was let go");
}

#[tokio::test]
async fn lists_of_runs_leave_out_those_of_single_events() {
    let (_rig, table, connection) = connected().await;
    for id in ["e-0a", "0a"] {
        table.open_run(&event_run(&connection, id)).await.unwrap();
    }
    let listed = table.runs(&connection.account, &connection.id).await.unwrap();
    assert_eq!(listed.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["0a"]);
    let event = event_run(&connection, "e-0a");
    assert_eq!(table.run(&connection.account, &connection.id, &event.id).await.unwrap(), Some(event));
}

#[tokio::test]
async fn a_person_keeps_the_mark_of_the_run_that_ended() {
    let (_rig, table, connection) = connected().await;
    for (id, person) in [("e-0a", "p 1#ü".to_owned()), ("e-0b", "x".repeat(3_000)), ("e-0c", String::new())] {
        let run = event_run(&connection, id);
        table.open_run(&run).await.unwrap();
        let mark = PersonMark { version_ms: Some(5), read_ms: 9, gone: true, unique_id: Some(id.to_owned()) };
        let of = |person| table.person_mark(&connection.account, &connection.id, person);
        assert_eq!(of(&person).await.unwrap(), None);
        let person = (person.as_str(), &mark);
        let close = Transition {
            person: Some(person),
            mail: false,
            ..Transition::told(&run, &connection, RunState::Superseded, Some("nothing new"), 10)
        };
        assert!(table.close(&close).await.unwrap());
        assert!(!table.close(&close).await.unwrap(), "it was closed");
        assert_eq!(of(person.0).await.unwrap(), Some(mark.clone()));
    }
}

#[tokio::test]
async fn a_close_says_how_the_connection_stands_and_when_it_is_due() {
    let (_rig, table, connection) = connected().await;
    let run = event_run(&connection, "0a");
    table.open_run(&run).await.unwrap();
    let close = Transition {
        status: Some(ConnectionStatus::ReauthNeeded),
        feed: Some(Feed { alerted_ms: Some(3), ..connection.feed.clone() }),
        due_ms: Some(77),
        ..Transition::told(&run, &connection, RunState::Failed, Some("sign in again"), 10)
    };
    assert!(table.save_feed(&change(&connection, "a", None)).await.unwrap());
    assert!(!table.close(&close).await.unwrap(), "another saved since it was read");
    let connection = again(&table, &connection).await;
    let feed = Some(Feed { alerted_ms: Some(3), ..connection.feed.clone() });
    assert!(table.close(&Transition { connection: &connection, feed, ..close }).await.unwrap());
    let stands = again(&table, &connection).await;
    assert_eq!(
        (stands.status, stands.feed.alerted_ms, stands.feed.version),
        (ConnectionStatus::ReauthNeeded, Some(3), 2)
    );
    assert_eq!((stands.due_ms, stands.feed.mark.as_deref()), (Some(77), Some("a")));
}

/// A run of one event, ended well, on the connection as it was before.
async fn finished(table: &Table, before: &Connection, id: &str, mail: bool, voids_plans: bool) -> Connection {
    let run = event_run(before, id);
    table.open_run(&run).await.unwrap();
    let ask = TakeLease { connection: (&before.account, &before.id), holder: id, now_ms: 0, until_ms: 1 };
    let muster_sync::Claim::Ours(leased) = table.take_lease(ask).await.unwrap() else { panic!("leased") };
    let plan = muster_sync::PlanRef {
        prefix: "plans/x".to_owned(),
        chunks: 0,
        hash: "h".to_owned(),
        directory_version: leased.directory_version,
        roster: false,
        removals: 0,
        owned_after: 0,
        rows: None,
        grouped_by: String::new(),
        owned_seen: None,
        listing_ms: None,
        whole: false,
        told_events: muster_sync::RunCounts::default(),
        mark: None,
        touches: Vec::new(),
    };
    let mark = PersonMark { read_ms: 4, ..PersonMark::default() };
    let commit = muster_sync::CommitPlan {
        run: &run,
        connection: &leased,
        plan: &plan,
        counts: RunCounts::default(),
        held: &[],
        position: None,
        replaces: None,
        person: Some((id, &mark)),
        now_ms: 0,
    };
    assert!(table.commit_plan(&commit).await.unwrap());
    assert_eq!(table.person_mark(&before.account, &before.id, id).await.unwrap(), Some(mark));
    let (run, connection) =
        (table.run(&before.account, &before.id, &run.id).await.unwrap().unwrap(), again(table, before).await);
    let finish = Finish {
        run: &run,
        connection: &connection,
        roster: None,
        owned: 0,
        rows: None,
        grouped_by: "",
        removals: Vec::new(),
        feed: Some(Feed { mark: Some(id.to_owned()), ..connection.feed.clone() }),
        due_ms: Some(99),
        mail,
        voids_plans,
        deletes: false,
        by_sync: true,
        now_ms: 5,
    };
    assert!(table.finish(&finish).await.unwrap());
    again(table, before).await
}

#[tokio::test]
async fn a_run_of_one_event_tells_nobody_and_leaves_waiting_plans_valid() {
    let (_rig, table, before) = connected().await;
    let mail = |id: &str| OutboxMail::of(&event_run(&before, id), MailKind::Ended);
    let quiet = finished(&table, &before, "e-0a", false, false).await;
    assert_eq!((quiet.directory_version, quiet.due_ms, quiet.feed.version), (0, Some(99), 1));
    assert_eq!(table.take_mail(&mail("e-0a"), 5, 1).await.unwrap(), Posted::Done, "there is no mail");
    let told = finished(&table, &before, "0b", true, true).await;
    assert_eq!((told.directory_version, told.feed.version, told.feed.mark.as_deref()), (1, 2, Some("0b")));
    assert_eq!(table.take_mail(&mail("0b"), 5, 1).await.unwrap(), Posted::First);
    table.settle_mail(&mail("0b"), &MailState::Sent).await.unwrap();
}

fn event(connection: &str, event: &str, person: &str) -> EventJob {
    EventJob {
        account: "acme".to_owned(),
        connection: connection.to_owned(),
        event: event.to_owned(),
        digest: "d".to_owned(),
        what: EventWhat::Person { id: person.to_owned(), version_ms: None },
        received_ms: 1,
    }
}

/// What is received now, with the receipts, as `connection event`.
fn received(rig: &Rig, most: usize) -> (Vec<String>, Vec<String>) {
    let received = rig.services.sqs.receive("events.fifo", most, None).unwrap();
    let shown = received.iter().map(|one| {
        let job: EventJob = serde_json::from_str(&one.message.body).unwrap();
        format!("{} {}", job.connection, job.event)
    });
    (shown.collect(), received.iter().map(|one| one.receipt.clone()).collect())
}

#[tokio::test]
async fn a_connections_events_are_taken_one_after_the_other() {
    let rig = Rig::default();
    let queues = rig.ports().queues;
    let jobs = [event("a", "1", "p"), event("a", "2", "p"), event("b", "1", "p"), event("a", "3", "p")];
    queues.send_events(&jobs).await.unwrap();
    // The same once more, and the same id about somebody else.
    queues.send_events(&[event("a", "1", "p"), event("a", "1", "q")]).await.unwrap();
    let (first, receipts) = received(&rig, 2);
    assert_eq!(first, ["a 1", "a 2"]);
    assert_eq!(received(&rig, 10).0, ["b 1"], "nothing of a while something of it is out");
    rig.services.sqs.delete("events.fifo", &receipts[0]).unwrap();
    assert!(received(&rig, 10).0.is_empty(), "the second one is still out");
    rig.services.sqs.change_visibility("events.fifo", &receipts[1], 0).unwrap();
    assert_eq!(received(&rig, 10).0, ["a 2", "a 3", "a 1"], "it comes again before those behind it");
    rig.clock.advance(6 * MINUTE_MS);
    queues.send_events(&[event("c", "1", "p")]).await.unwrap();
    queues.send_events(&[event("b", "1", "p")]).await.unwrap();
    assert_eq!(rig.services.sqs.peek("events.fifo").len(), 6, "five minutes later it is another message");
}

#[tokio::test]
async fn a_poll_goes_to_its_queue() {
    let rig = Rig::default();
    let job = PollJob { account: "acme".to_owned(), connection: "acme-a".to_owned(), run: "0a".to_owned() };
    rig.ports().queues.send_poll(&job).await.unwrap();
    let sent: Vec<PollJob> =
        rig.services.sqs.peek("poll").iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect();
    assert_eq!(sent, [job]);
}

fn set(token: &str) -> SecretSet {
    let of = |token: &str| BTreeMap::from([("token".to_owned(), muster_connectors::Secret::new(token))]);
    SecretSet { current: of(token), previous: Some((of("before"), 123)) }
}

fn place() -> SecretPlace {
    SecretPlace::Connection(AccountId::parse("acme").unwrap(), ConnectionId::parse("acme-a").unwrap())
}

/// The token read, or whether the failure is for later.
async fn token(store: &SecretStore, fresh: bool) -> Result<Option<String>, Retry> {
    let set = store.secrets(&place(), fresh).await.map_err(|error| {
        assert!(!format!("{error:?}").contains("token-"), "{error:?}");
        error.retry
    })?;
    Ok(set.map(|set| set.current["token"].reveal().to_owned()))
}

fn is(text: &str) -> Result<Option<String>, Retry> {
    Ok(Some(text.to_owned()))
}

fn break_store(rig: &Rig, code: &str) {
    let kind = FaultKind::Refuse { status: 400, code: code.to_owned() };
    rig.services.faults.add(Fault { service: Service::Ssm, operation: None, kind, skip: 0, times: 1_000 });
}

#[tokio::test]
async fn secrets_are_read_as_they_were_stored() {
    let rig = Rig::default();
    let connector = SecretPlace::Connector("finch".to_owned());
    let store = rig.ports().secrets;
    store.put_secrets(&place(), &set("token-1")).await.unwrap();
    store.put_secrets(&connector, &SecretSet::default()).await.unwrap();
    assert_eq!(rig.services.ssm.names(), ["/muster/test/connections/acme/acme-a", "/muster/test/connectors/finch"]);
    let other = rig.ports().secrets;
    assert_eq!(other.secrets(&place(), false).await.unwrap(), Some(set("token-1")));
    assert_eq!(other.secrets(&connector, false).await.unwrap(), Some(SecretSet::default()));
    assert_eq!(other.secrets(&SecretPlace::Connector("merge".to_owned()), false).await.unwrap(), None);
}

#[tokio::test]
async fn a_rotated_secret_is_seen_within_five_minutes_or_ten_seconds_by_who_asks_f39() {
    let rig = Rig::default();
    let (admin, store) = (rig.ports().secrets, rig.ports().secrets);
    admin.put_secrets(&place(), &set("token-1")).await.unwrap();
    assert_eq!(token(&store, false).await, is("token-1"));
    admin.put_secrets(&place(), &set("token-2")).await.unwrap();
    assert_eq!(token(&admin, false).await, is("token-2"), "who stored it knows it");
    rig.clock.advance(5 * MINUTE_MS);
    assert_eq!(token(&store, false).await, is("token-1"));
    rig.clock.advance(1);
    assert_eq!(token(&store, false).await, is("token-2"));
    admin.put_secrets(&place(), &set("token-3")).await.unwrap();
    assert_eq!(token(&store, true).await, is("token-2"), "forged webhooks make nobody read again and again");
    rig.clock.advance(10_001);
    assert_eq!(token(&store, true).await, is("token-3"));
    assert_eq!(token(&store, false).await, is("token-3"), "what was read past the cache is in it");
}

#[tokio::test]
async fn that_there_is_no_secret_is_believed_for_half_a_minute() {
    let rig = Rig::default();
    let (admin, store) = (rig.ports().secrets, rig.ports().secrets);
    assert_eq!(token(&store, false).await, Ok(None));
    admin.put_secrets(&place(), &set("token-1")).await.unwrap();
    rig.clock.advance(30_000);
    assert_eq!(token(&store, false).await, Ok(None));
    rig.clock.advance(1);
    assert_eq!(token(&store, false).await, is("token-1"));
}

#[tokio::test]
async fn a_store_that_refuses_never_looks_like_no_secret_f40() {
    for code in ["ThrottlingException", "AccessDeniedException", "InternalServerError", "InvalidKeyId"] {
        let rig = Rig::default();
        let store = rig.ports().secrets;
        store.put_secrets(&place(), &set("token-1")).await.unwrap();
        let cold = rig.ports().secrets;
        let nothing = rig.ports().secrets;
        break_store(&rig, code);
        assert_eq!(token(&cold, false).await, Err(Retry::Later), "{code}");
        rig.clock.advance(6 * MINUTE_MS);
        assert_eq!(token(&store, false).await, is("token-1"), "{code}: what was read before serves");
        assert_eq!(token(&store, true).await, Err(Retry::Later), "{code}: but not who needs a newer one");
        rig.clock.advance(55 * MINUTE_MS);
        assert_eq!(token(&store, false).await, Err(Retry::Later), "{code}: not for ever");
        rig.services.faults.clear();
        let other = SecretPlace::Connector("finch".to_owned());
        assert_eq!(nothing.secrets(&other, false).await.unwrap(), None);
        rig.clock.advance(MINUTE_MS);
        break_store(&rig, code);
        let error = nothing.secrets(&other, false).await.unwrap_err();
        assert_eq!(error.retry, Retry::Later, "{code}: that there was none is no longer known");
    }
}

#[tokio::test]
async fn a_lost_answer_of_the_store_is_asked_for_again() {
    let rig = Rig::default();
    let over = |call| -> Ports { ports_over(&rig, &Faulty::new(&rig.services, &[(call, faulty::Fault::LoseAnswer)])) };
    over(0).secrets.put_secrets(&place(), &set("token-1")).await.unwrap();
    assert_eq!(token(&over(0).secrets, false).await, is("token-1"));
}

#[tokio::test]
async fn a_value_of_another_form_is_an_error_that_shows_nothing_of_it() {
    let rig = Rig::default();
    let newer = r#"{"v":2,"current":{"token":"token-1"}}"#;
    for value in [newer, "token-1", r#"{"v":1,"current":{"token":["token-1"]}}"#] {
        let body = serde_json::json!({
            "Name": "/muster/test/connections/acme/acme-a", "Value": value, "Type": "SecureString", "Overwrite": true,
        });
        let request = axum::http::Request::post("/").header("x-amz-target", "AmazonSSM.PutParameter");
        let request = request.body(axum::body::Bytes::from(body.to_string())).unwrap();
        assert!(rig.services.call(Service::Ssm, request).await.unwrap().status().is_success());
        let retry = if value == newer { Retry::Later } else { Retry::Never };
        assert_eq!(token(&rig.ports().secrets, false).await, Err(retry));
    }
    let large = set(&"x".repeat(9_000));
    let error = rig.ports().secrets.put_secrets(&place(), &large).await.unwrap_err();
    assert!(error.to_string().contains("8192") && !error.to_string().contains("xxx"), "{error}");
}
