//! Segments: tried, saved, counted, listed.

use muster_core::ids::AccountId;
use muster_core::segment::Filter;
use muster_sync::{Clock, MOST_REQUESTS, count_segment};
use muster_tests::api::{Api, NoWeb};
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::tricky::Tricky;
use serde_json::{Value, json};

use crate::crowd;

/// The rig's time begins on 2026-09-21.
const ROWS: [&str; 4] = [
    "1,Ana,Sales,A,,,2026-09-01,0007",
    "2,Bo,Sales,A,,,2026-08-22,0007",
    "3,Cy,Ops,L,,,2025-01-01,",
    "4,Di,Legal,A,,,,7",
];
const JOINED: &str = "person.start_date >= days_ago(30)";

async fn rig() -> Rig {
    let mut rig = Rig::default();
    crowd::with(&mut rig, "Payroll", &ROWS).await;
    rig
}

fn wish(name: &str, filter: &str, visibility: &str) -> Value {
    json!({"name": name, "filter": filter, "visibility": visibility})
}

#[tokio::test]
async fn a_trial_counts_whom_a_filter_finds_and_names_the_first() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let check = async |filter: &str, count: u64, failed: u64, first: Value| {
        let answer = api.as_admin("acme").post("/v1/segments/trials", json!({"filter": filter})).await.expect(200);
        let mut ids: Vec<_> = answer.json["first"].as_array().unwrap().iter().map(|one| &one["unique_id"]).collect();
        ids.sort_by_key(|id| id.to_string());
        assert_eq!(
            json!([answer.json["count"], answer.json["failed"], ids]),
            json!([count, failed, first]),
            "{filter}"
        );
        assert_eq!((&answer.json["complete"], &answer.json["next"]), (&json!(true), &Value::Null));
    };
    check("person.manager_id == '0007'", 2, 0, json!(["1", "2"])).await;
    check("status == 'inactive' || person.department in ['Legal']", 2, 0, json!(["3", "4"])).await;
    check("person.manager_id.charAt(2) == '0'", 2, 2, json!(["1", "2"])).await;
    check("connection == 'acme-other'", 0, 0, json!([])).await;
}

#[tokio::test]
async fn a_filter_that_cannot_be_taken_is_refused_with_the_reason() {
    let rig = rig().await;
    let api = Api::of(&rig);
    for (filter, reason) in [
        ("person.first_name == 'Ana'", "no dynamic field"),
        ("person.departmant == 'Sales'", "department"),
        ("now() > today()", "not offered"),
        ("person.city", "true or false"),
        ("person.city ==", "parsed"),
    ] {
        let asked = [("/v1/segments/trials", json!({"filter": filter})), ("/v1/segments", wish("A", filter, "public"))];
        for (path, body) in asked {
            let answer = api.as_admin("acme").post(path, body).await.expect(422);
            assert_eq!(answer.json["field"], "filter");
            assert!(answer.json["detail"].as_str().unwrap().contains(reason), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn who_joined_in_the_last_thirty_days_moves_with_the_clock() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let made = admin.post("/v1/segments", wish("New joiners", JOINED, "public")).await.expect(201);
    assert_eq!(made.json["id"], "new-joiners");
    for (expected, days) in [(json!(["1", "2"]), 1), (json!(["1"]), 10), (json!([]), 0)] {
        let list = admin.get("/v1/segments/new-joiners/members").await.expect(200);
        let mut ids: Vec<_> = list.json["items"].as_array().unwrap().iter().map(|one| &one["unique_id"]).collect();
        ids.sort_by_key(|id| id.to_string());
        assert_eq!(json!(ids), expected);
        let counted = admin.post("/v1/segments/new-joiners/count", Value::Null).await.expect(200);
        assert_eq!(counted.json["count"], ids.len());
        rig.clock.advance(days * 24 * 3_600_000);
    }
}

#[tokio::test]
async fn a_segments_name_is_taken_whatever_its_case() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    admin.post("/v1/segments", wish("New joiners", JOINED, "public")).await.expect(201);
    for name in ["new joiners", "NEW  Joiners!"] {
        let taken = admin.post("/v1/segments", wish(name, JOINED, "public")).await.expect(409);
        assert_eq!((taken.code(), &taken.json["field"]), ("name_taken", &json!("name")));
    }
    for name in ["Trials", " ", "-"] {
        admin.post("/v1/segments", wish(name, JOINED, "public")).await.expect(422);
    }
    api.as_admin("beta").post("/v1/segments", wish("New joiners", JOINED, "public")).await.expect(201);
}

#[tokio::test]
async fn a_change_names_the_version_that_was_read() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let path = "/v1/segments/new-joiners";
    admin.post("/v1/segments", wish("New joiners", JOINED, "public")).await.expect(201);
    let changed = wish("New Joiners", "person.city == 'Rome'", "private");
    admin.put(path, changed.clone()).await.expect(428);
    let first = || api.as_admin("acme").with("if-match", "\"1\"");
    let put = first().put(path, changed.clone()).await.expect(200);
    assert_eq!((&put.json["name"], put.headers["etag"].as_str()), (&json!("New Joiners"), "\"2\""));
    assert_eq!(admin.get(path).await.expect(200).json, put.json);
    first().put(path, changed).await.expect(412);
    first().delete(path).await.expect(412);
    let second = api.as_admin("acme").with("if-match", "\"2\"");
    let renamed = second.put(path, wish("Romans", JOINED, "public")).await.expect(422);
    assert_eq!(renamed.json["field"], "name");
    second.delete(path).await.expect(204);
    admin.get(path).await.expect(404);
    let log = admin.get("/v1/audit").await.expect(200).text;
    for action in ["segment.made", "segment.changed", "segment.deleted"] {
        assert!(log.contains(action), "{action}");
    }
    assert!(!log.contains("Rome"), "a filter's values are not kept in the chain");
}

#[tokio::test]
async fn a_private_segment_is_for_its_author_and_who_manages_the_account() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let member = |user, permissions| api.signed_in("acme", "member", &[("sub", user), ("permissions", permissions)]);
    let (bo, cy) = (member("bo", "segments people"), member("cy", "segments"));
    bo.post("/v1/segments", wish("Mine", "status == 'active'", "private")).await.expect(201);
    bo.post("/v1/segments", wish("Ours", "status == 'active'", "public")).await.expect(201);
    let listed = async |session: &muster_tests::api::Session<'_, _>| {
        let list = session.get("/v1/segments").await.expect(200);
        list.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&bo).await, ["mine", "ours"]);
    assert_eq!(listed(&api.as_admin("acme")).await, ["mine", "ours"]);
    assert_eq!(listed(&cy).await, ["ours"]);
    let missing = cy.get("/v1/segments/none").await.expect(404);
    assert_eq!(cy.get("/v1/segments/mine").await, missing);
    assert_eq!(cy.post("/v1/segments/mine/count", Value::Null).await, missing);
    cy.post("/v1/segments", wish("mine", "true", "public")).await.expect(409);
    let hide = member("cy", "segments").with("if-match", "\"1\"");
    hide.put("/v1/segments/ours", wish("Ours", "status == 'active'", "private")).await.expect(403);
    bo.get("/v1/segments/mine/members").await.expect(200);
    cy.get("/v1/segments/ours/members").await.expect(403);
    let trial = cy.post("/v1/segments/trials", json!({"filter": "true"})).await.expect(200);
    assert_eq!((&trial.json["count"], &trial.json["first"]), (&json!(4), &json!([])));
    api.as_admin("beta").get("/v1/segments/ours").await.expect(404);
}

#[tokio::test]
async fn members_come_in_pages_that_lose_and_repeat_nobody() {
    let mut rig = Rig::default();
    let rows = crowd::many(300);
    crowd::with(&mut rig, "Payroll", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    crowd::with(&mut rig, "Badges", &["7,Ed,Ops,A,,,,"]).await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    admin.post("/v1/segments", wish("Operators", "person.department == 'Ops'", "public")).await.expect(201);
    for limit in [7, 50, 200] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let list = admin.get(&format!("/v1/segments/operators/members?limit={limit}{cursor}")).await.expect(200);
            let items = list.json["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(items.iter().map(|one| format!("{}/{}", one["connection"], one["unique_id"])));
            let Some(next) = list.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found.len(), 101);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 101);
    }
    admin.post("/v1/segments", wish("Lawyers", "person.department == 'Legal'", "public")).await.expect(201);
    let next = admin.get("/v1/segments/operators/members?limit=7").await.expect(200).json["next"].clone();
    let path = format!("/v1/segments/lawyers/members?cursor={}", next.as_str().unwrap());
    assert_eq!(admin.get(&path).await.expect(400).code(), "bad_cursor", "a place of one filter is none of another");
}

#[tokio::test]
async fn a_count_that_runs_out_of_time_goes_on_where_it_stopped() {
    let mut rig = Rig::default();
    let rows = crowd::many(90);
    crowd::with(&mut rig, "Payroll", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (table, account) = (rig.ports().table, AccountId::parse("acme").unwrap());
    // The fifth letter of Sales is an s, that of Legal is none, and Ops has none at all.
    let filter = Filter::compile("person.department.charAt(4) == 's'").unwrap();
    let clock = crowd::Ticking::from(&rig);
    for patience in [7, 40, 10_000] {
        let (mut from, mut count, mut failed, mut first) = (None, 0, 0, Vec::new());
        loop {
            let until_ms = clock.now_ms() + patience;
            let tally = count_segment(&table, &clock, &account, &filter, from, (90, until_ms)).await.unwrap();
            (count, failed) = (count + tally.count, failed + tally.failed);
            first.extend(tally.first);
            from = tally.next;
            if from.is_none() {
                break;
            }
        }
        first.sort();
        first.dedup();
        assert_eq!((count, failed, first.len()), (30, 30, 30), "{patience} ms at a time");
    }
}

#[tokio::test]
async fn a_page_makes_a_bounded_number_of_requests_and_reads_nobody_else() {
    let mut rig = Rig::default();
    for connection in ["Payroll", "Badges", "Visitors"] {
        crowd::with(&mut rig, connection, &["1,Ana,Sales,A,,,,", "2,Bo,Ops,A,,,,"]).await;
    }
    let tricky = Tricky::honest(&rig.services);
    let api = Api::at(hand::ports(&rig, &tricky, rig.clock.clone()), NoWeb);
    let admin = api.as_admin("acme");
    admin.post("/v1/segments", wish("Nobody", "person.city == 'Rome'", "public")).await.expect(201);
    let (mut path, mut pages) = ("/v1/segments/nobody/members".to_owned(), 0);
    loop {
        let before = tricky.seen().len();
        let list = admin.get(&path).await.expect(200);
        let made = tricky.seen().len() - before;
        // Two more: the segment, and which connections there are.
        assert!(made <= MOST_REQUESTS as usize + 2, "{made} requests");
        pages += 1;
        let Some(next) = list.json["next"].as_str() else { break };
        path = format!("/v1/segments/nobody/members?cursor={next}");
    }
    assert_eq!(pages, 3, "48 parts, 20 a page");
    let before = tricky.seen().len();
    admin.get("/v1/groups/acme-badges/members").await.expect(200);
    let seen = tricky.seen().split_off(before);
    assert!(seen.iter().all(|one| !one.json().to_string().contains("acme-payroll")), "another connection was read");
    assert!(seen.len() <= MOST_REQUESTS as usize + 3, "{} requests", seen.len());
}
