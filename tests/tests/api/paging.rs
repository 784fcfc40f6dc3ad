//! Pages of people: bounded in requests and in what they read, nobody twice, nobody missing.

use std::collections::BTreeSet;

use axum::body::Bytes;
use muster_local::Service;
use muster_sync::{MOST_REQUESTS, READ_AT_ONCE, shard_of};
use muster_tests::api::{Api, NoWeb};
use muster_tests::hand;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, connection, csv};
use muster_tests::tricky::{Seen, Tricky};
use serde_json::{Value, json};

const CONNECTION: &str = "acme-payroll-nightly";

/// A stored item, in the table's own JSON.
async fn item(rig: &Rig, pk: &str, sk: &str) -> Value {
    let body = json!({"TableName": "muster", "Key": {"pk": {"S": pk}, "sk": {"S": sk}}});
    let request = axum::http::Request::builder()
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let answer = rig.services.call(Service::DynamoDb, request).await.unwrap();
    serde_json::from_slice::<Value>(answer.body()).unwrap()["Item"].take()
}

fn shard(connection: &str, id: &str) -> String {
    let account = connection.split('-').next().unwrap();
    format!("A#{account}#C#{connection}#R#{:02}", shard_of(id))
}

/// Every 50th is in Legal; every 500th but the first is in Ulm too.
fn department(n: usize) -> &'static str {
    if n.is_multiple_of(50) { "Legal" } else { "Sales" }
}

/// A connection with so many people: one came by a file, all others are like them.
async fn filled(rig: &mut Rig, account: &str, name: &str, people: usize) {
    rig.connect(&connection(account, name)).await;
    rig.upload(DAYS[0], &csv(&["E000000,P0,Legal,A".to_owned()])).await;
    rig.settle().await;
    let connection = rig.user();
    let model = item(rig, &shard(&connection, "E000000"), "E000000").await;
    let like = |n: usize| {
        let id = format!("E{n:06}");
        let mut item = model.clone();
        item["pk"]["S"] = json!(shard(&connection, &id));
        item["sk"]["S"] = json!(id);
        item["f"]["M"]["dp"] = json!({"S": department(n)});
        item["g1"]["S"] = json!(format!("C#{connection}#0#{}", department(n).to_lowercase()));
        if n.is_multiple_of(500) {
            item["f"]["M"]["ci"] = json!({"S": "Ulm"});
        }
        item
    };
    for from in (1..people).step_by(10_000) {
        let items = (from..people.min(from + 10_000)).map(like).collect();
        rig.services.dynamodb.fill("muster", items).unwrap();
    }
}

/// How many people one request reads at most.
fn read(seen: &Seen) -> u64 {
    let body = seen.json();
    match seen.operation.as_str() {
        "BatchGetItem" => body["RequestItems"]["muster"]["Keys"].as_array().unwrap().len() as u64,
        "Query" => body["Limit"].as_u64().unwrap_or(0),
        _ => 0,
    }
}

/// The key values that a request names.
fn keys(seen: &Seen) -> Vec<String> {
    let body = seen.json();
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    match seen.operation.as_str() {
        "GetItem" => vec![text(&body["Key"]["pk"])],
        "BatchGetItem" => {
            body["RequestItems"]["muster"]["Keys"].as_array().unwrap().iter().map(|key| text(&key["pk"])).collect()
        }
        "Query" if body["IndexName"].is_null() => vec![text(&body["ExpressionAttributeValues"][":pk"])],
        "Query" => vec![text(&body["ExpressionAttributeValues"][":g"])],
        operation => panic!("people are not read by {operation}"),
    }
}

/// What a walk over all pages came to.
struct Walk {
    ids: Vec<String>,
    pages: usize,
    requests: usize,
}

/// Pages through everybody who fits; each page within its bounds, and each key one of `mine`.
async fn walk(rig: &Rig, path: &str, mine: &dyn Fn(&str) -> bool) -> Walk {
    let (mut walk, mut cursor) = (Walk { ids: Vec::new(), pages: 0, requests: 0 }, String::new());
    loop {
        let tricky = Tricky::honest(&rig.services);
        let api: Api<NoWeb> = Api::at(hand::ports(rig, &tricky, rig.clock.clone()), NoWeb);
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = api.as_admin("acme").get(&format!("{path}{separator}limit=200{cursor}")).await.expect(200);
        let seen = tricky.seen();
        // One more reads the connection.
        assert!(seen.len() <= MOST_REQUESTS as usize + 1, "{} requests for one page of {path}", seen.len());
        let people: u64 = seen.iter().map(read).sum();
        assert!(people <= u64::from(MOST_REQUESTS * (READ_AT_ONCE + 1)), "{people} people read for one page of {path}");
        for key in seen.iter().flat_map(keys) {
            assert!(mine(&key), "{path} reads {key}");
        }
        let items = page.json["items"].as_array().unwrap();
        assert!(items.len() <= 200);
        let name =
            |item: &Value| format!("{} {}", item["connection"].as_str().unwrap(), item["unique_id"].as_str().unwrap());
        walk.ids.extend(items.iter().map(name));
        walk.pages += 1;
        walk.requests += seen.len();
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return walk,
        }
    }
}

fn everybody(connection: &str, people: usize, fits: impl Fn(usize) -> bool) -> BTreeSet<String> {
    (0..people).filter(|n| fits(*n)).map(|n| format!("{connection} E{n:06}")).collect()
}

#[track_caller]
fn check(walk: &Walk, expected: &BTreeSet<String>) {
    let found: BTreeSet<String> = walk.ids.iter().cloned().collect();
    assert_eq!(found.len(), walk.ids.len(), "somebody came twice");
    assert!(found == *expected, "{} of {} came", found.len(), expected.len());
}

#[tokio::test]
async fn a_hundred_thousand_people_are_paged_in_bounded_requests_nobody_twice_and_nobody_missing() {
    const PEOPLE: usize = 100_000;
    let mut rig = Rig::default();
    filled(&mut rig, "beta", "Payroll nightly", 500).await;
    filled(&mut rig, "acme", "Other", 500).await;
    filled(&mut rig, "acme", "Payroll nightly", PEOPLE).await;
    let path = format!("/v1/connections/{CONNECTION}/people");
    let own = |key: &str| key == "A#acme#C#acme-payroll-nightly" || key.starts_with("A#acme#C#acme-payroll-nightly#R#");
    let all = walk(&rig, &path, &own).await;
    check(&all, &everybody(CONNECTION, PEOPLE, |_| true));
    // Beside each page's connection one request a page, and one more where a part of the connection ends.
    assert!(all.requests <= 2 * all.pages + 2 * 16, "{} requests for {} pages", all.requests, all.pages);

    let by_index = |key: &str| own(key) || key == "C#acme-payroll-nightly#0#legal";
    let legal = walk(&rig, &format!("{path}?department=LEGAL"), &by_index).await;
    check(&legal, &everybody(CONNECTION, PEOPLE, |n| n.is_multiple_of(50)));
    let reads = legal.requests - legal.pages;
    assert!(reads <= 2 * (PEOPLE / 50 / 100 + legal.pages), "{reads} requests for 2,000 people of a group");

    let both = walk(&rig, &format!("{path}?city=ulm&department=legal"), &by_index).await;
    check(&both, &everybody(CONNECTION, PEOPLE, |n| n > 0 && n.is_multiple_of(500)));
}

#[tokio::test]
async fn the_accounts_people_are_paged_connection_by_connection_and_no_other_accounts() {
    let mut rig = Rig::default();
    filled(&mut rig, "beta", "Payroll nightly", 100).await;
    filled(&mut rig, "acme", "Other", 700).await;
    filled(&mut rig, "acme", "Payroll nightly", 900).await;
    let mine = |key: &str| key == "A#acme" || key.starts_with("A#acme#C#acme-") || key.starts_with("C#acme-");
    let all = walk(&rig, "/v1/people", &mine).await;
    let expected = |fits: fn(usize) -> bool| {
        let mut expected = everybody("acme-other", 700, fits);
        expected.extend(everybody(CONNECTION, 900, fits));
        expected
    };
    check(&all, &expected(|_| true));
    let legal = walk(&rig, "/v1/people?department=Legal", &mine).await;
    check(&legal, &expected(|n| n.is_multiple_of(50)));
    let rare = walk(&rig, "/v1/people?city=ulm", &mine).await;
    check(&rare, &expected(|n| n == 500));
}

#[tokio::test]
async fn a_cursor_is_no_key_and_belongs_to_its_search() {
    let mut rig = Rig::default();
    filled(&mut rig, "beta", "Payroll nightly", 60).await;
    filled(&mut rig, "acme", "Payroll nightly", 60).await;
    let api = Api::of(&rig);
    let path = format!("/v1/connections/{CONNECTION}/people");
    let first = api.as_admin("acme").get(&format!("{path}?limit=7")).await.expect(200);
    let cursor = first.json["next"].as_str().unwrap();
    let other = api.as_admin("acme").get(&format!("{path}?limit=7&status=active&cursor={cursor}")).await.expect(400);
    assert_eq!(other.code(), "bad_cursor");
    let theirs = "/v1/connections/beta-payroll-nightly/people";
    api.as_admin("acme").get(&format!("{theirs}?limit=7&cursor={cursor}")).await.expect(404);
    let crossed = api.as_admin("beta").get(&format!("{theirs}?limit=7&cursor={cursor}")).await.expect(400);
    assert_eq!(crossed.code(), "bad_cursor");
    let account = api.as_admin("beta").get(&format!("/v1/people?limit=7&cursor={cursor}")).await.expect(200);
    let items = account.json["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["connection"] == "beta-payroll-nightly"), "{}", account.text);
}
