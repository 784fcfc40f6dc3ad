//! Groups: counted, listed, protected, and shown to whom they may be.

use muster_tests::api::{Answer, Api, NoWeb, Session};
use muster_tests::rig::Rig;
use serde_json::{Value, json};

use crate::crowd;

const ROWS: [&str; 4] = ["1,Ana,Sales,A,,,,", "2,Bo,sales,A,,,,", "3,Cy,Ops,L,,,,", "4,Di,,A,,,,"];

async fn rig() -> Rig {
    let mut rig = Rig::default();
    crowd::with(&mut rig, "Payroll", &ROWS).await;
    crowd::with(&mut rig, "Badges", &["7,Ed,Ops,A,,,,"]).await;
    rig
}

fn names(list: &Answer) -> Vec<(String, u64)> {
    let one = |group: &Value| (group["name"].as_str().unwrap().to_owned(), group["members"].as_u64().unwrap());
    list.json["items"].as_array().unwrap().iter().map(one).collect()
}

fn ids(list: &Answer, key: &str) -> Vec<String> {
    list.json["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

/// Every item, page by page of this size.
async fn pages(session: &Session<'_, NoWeb>, path: &str, limit: usize, key: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..50 {
        let list = session.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200);
        assert!(list.json["items"].as_array().unwrap().len() <= limit);
        found.extend(ids(&list, key));
        match list.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
    panic!("the pages have no end: {found:?}");
}

#[tokio::test]
async fn every_group_is_listed_with_its_count_whatever_the_page() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let list = api.as_admin("acme").get("/v1/groups").await.expect(200);
    let expected = [
        ("acme Badges", 1),
        ("Department: Ops", 1),
        ("acme Payroll", 4),
        ("Department: Sales", 2),
        ("Department: Ops", 1),
    ];
    let (mut found, mut expected) = (names(&list), expected.map(|(name, count)| (name.to_owned(), count)).to_vec());
    assert_eq!(found[0].0, "acme Badges", "a connection's own group comes first");
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let all = ids(&list, "id");
    for limit in [1, 2, 4] {
        assert_eq!(pages(&api.as_admin("acme"), "/v1/groups", limit, "id").await, all);
    }
    assert_eq!(api.as_admin("beta").get("/v1/groups").await.expect(200).json["items"], json!([]));
    api.as_admin("beta").get(&format!("/v1/groups/{}", all[0])).await.expect(404);
    assert_eq!(api.as_admin("acme").get("/v1/groups?cursor=e30").await.expect(400).code(), "bad_cursor");
}

#[tokio::test]
async fn a_group_is_its_value_in_any_spelling_and_lists_inactive_members_too() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    for (name, expected) in [("Department: Sales", vec!["1", "2"]), ("acme Payroll", vec!["1", "2", "3", "4"])] {
        let list = admin.get("/v1/groups").await.expect(200);
        let group = list.json["items"].as_array().unwrap().iter().find(|group| group["name"] == name).unwrap().clone();
        let path = format!("/v1/groups/{}", group["id"].as_str().unwrap());
        assert_eq!(admin.get(&path).await.expect(200).json, group);
        for limit in [1, 3, 200] {
            let mut found = pages(&admin, &format!("{path}/members"), limit, "unique_id").await;
            found.sort();
            assert_eq!(found, expected, "{name}");
        }
    }
    admin.get("/v1/groups/acme-payroll.department.0011223344556677").await.expect(404);
    admin.get("/v1/groups/acme-payroll.email_1.0011223344556677/members").await.expect(404);
}

#[tokio::test]
async fn a_protected_group_says_whose_it_is() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let own = admin.get("/v1/groups/acme-payroll").await.expect(200);
    assert_eq!((&own.json["protected"], &own.json["kind"]), (&json!(true), &json!("connection")));
    for answer in [
        admin.delete("/v1/groups/acme-payroll").await,
        admin.patch("/v1/groups/acme-payroll", json!({"name": "Everybody"})).await,
    ] {
        let answer = answer.expect(409);
        assert_eq!(answer.code(), "group_protected");
        assert!(answer.json["detail"].as_str().unwrap().contains("acme-payroll"));
    }
    admin.patch("/v1/groups/acme-payroll", json!({"name": "acme Payroll"})).await.expect(200);
    assert_eq!(admin.get("/v1/groups/acme-payroll").await.json, own.json);
}

#[tokio::test]
async fn an_editor_sees_the_groups_of_the_token_and_no_others() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let all = ids(&api.as_admin("acme").get("/v1/groups").await.expect(200), "id");
    let sales = all.iter().find(|id| id.starts_with("acme-payroll.")).unwrap();
    let editor = api.signed_in("acme", "editor", &[("groups", &format!("[{sales} beta-x]"))]);
    assert_eq!(pages(&editor, "/v1/groups", 1, "id").await, [sales.as_str()]);
    let members = editor.get(&format!("/v1/groups/{sales}/members")).await.expect(200);
    assert!(!members.json["items"].as_array().unwrap().is_empty());
    let missing = editor.get("/v1/groups/acme-none").await.expect(404);
    for id in all.iter().filter(|id| *id != sales) {
        assert_eq!(editor.get(&format!("/v1/groups/{id}")).await, missing);
        assert_eq!(editor.get(&format!("/v1/groups/{id}/members")).await, missing);
    }
    editor.put(&format!("/v1/groups/{sales}/visibility"), json!({"visibility": "public"})).await.expect(403);
}

#[tokio::test]
async fn a_visibility_that_was_decided_outlives_the_connections_setting() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let path = "/v1/groups/acme-payroll";
    assert_eq!(admin.get(path).await.expect(200).json["visibility"], "private");
    let public = json!({"visibility": "public"});
    let put = admin.put(&format!("{path}/visibility"), public.clone()).await.expect(200);
    assert_eq!(put.headers["etag"], "\"1\"");
    let shown = admin.get(path).await.expect(200);
    assert_eq!((&shown.json["visibility"], &shown.json["version"]), (&json!("public"), &json!(1)));
    let other = admin.get("/v1/groups").await.expect(200);
    let others = other.json["items"].as_array().unwrap().iter().filter(|group| group["visibility"] == "public");
    assert_eq!(others.count(), 1);
    let stale = api.as_admin("acme").with("if-match", "\"0\"");
    assert_eq!(stale.put(&format!("{path}/visibility"), public).await.expect(412).code(), "stale");
    let log = admin.get("/v1/audit").await.expect(200);
    assert!(log.text.contains("group.visibility") && log.text.contains("group/acme-payroll"));
}

#[tokio::test]
async fn only_a_group_that_nobody_is_in_can_be_forgotten() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let of_badges = async || {
        let list = admin.get("/v1/groups").await.expect(200);
        ids(&list, "id").into_iter().filter(|id| id.starts_with("acme-badges.")).collect::<Vec<_>>()
    };
    let path = format!("/v1/groups/{}", of_badges().await[0]);
    assert_eq!(admin.delete(&path).await.expect(409).code(), "group_in_use");
    let file = "id,name,dept,status,mail,phone,start,manager\n7,Ed,Guards,A,,,,\n";
    rig.upload("people_20261122.csv", file.as_bytes()).await;
    rig.settle().await;
    let run = rig.last_run().await;
    if run.state == muster_sync::RunState::Held {
        rig.approve(&run).await.unwrap();
        rig.settle().await;
    }
    assert_eq!(of_badges().await.len(), 2, "the group of the new value stands beside the old one");
    assert_eq!(admin.get(&path).await.expect(200).json["members"], 0);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
    assert_eq!(of_badges().await.len(), 1);
}
