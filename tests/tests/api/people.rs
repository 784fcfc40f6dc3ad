//! People: where each value came from, who is shown, who is found.

use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_sync::{OptOut, set_opt_out};
use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::house::House;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use serde_json::{Value, json};

const PEOPLE: &str = "/v1/connections/acme-payroll-nightly/people";

async fn uploaded(days: usize) -> Rig {
    let rig = Rig::connected(STAFF).await;
    for (at, name) in DAYS.iter().enumerate().take(days) {
        rig.upload(name, &day(at)).await;
        rig.settle().await;
    }
    rig
}

async fn person(api: &Api<NoWeb>, id: &str) -> Value {
    api.as_admin("acme").get(&format!("{PEOPLE}/{id}")).await.expect(200).json
}

fn field<'v>(person: &'v Value, name: &str) -> &'v Value {
    let fields = person["fields"].as_array().unwrap();
    fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("{name} of {person}"))
}

/// `source record` of a field.
fn from(person: &Value, name: &str) -> String {
    let provenance = &field(person, name)["provenance"];
    format!("{} {}", provenance["source"].as_str().unwrap_or("-"), provenance["record"])
}

#[tokio::test]
async fn each_value_tells_the_file_and_the_record_it_came_from() {
    let rig = uploaded(3).await;
    let api = Api::of(&rig);
    let renamed = person(&api, "0003").await;
    assert_eq!(from(&renamed, "first_name"), format!("{} 4", DAYS[2]));
    assert_eq!(from(&renamed, "department"), format!("{} 4", DAYS[2]));
    assert_eq!(from(&renamed, "employment_status"), format!("{} 4", DAYS[0]));
    let name = field(&renamed, "first_name");
    assert_eq!(
        (&name["value"], &name["locked"], &name["label"]),
        (&json!("Renamed Again"), &json!(true), &json!("First name"))
    );
    let provenance = &name["provenance"];
    let run = rig.last_run().await;
    assert_eq!(provenance["run"], run.id.as_str());
    assert!(provenance["at"].as_str().unwrap().starts_with("2026-09-21T14:13:2"), "{provenance}");
    assert_eq!((&provenance["kind"], &provenance["settings_version"]), (&json!("file"), &json!(run.settings_version)));
    assert_eq!(provenance["connection"], "acme-payroll-nightly");
    assert_eq!(renamed["groups"], json!(["Acme staff", "Department: Sales"]));
}

#[tokio::test]
async fn a_record_of_a_run_in_between_is_found_in_its_plan() {
    let rig = uploaded(2).await;
    // Another row of theirs, and another field: the second day's record is in that day's plan only.
    let rows: Vec<String> =
        staff(40).into_iter().rev().map(|row| row.replace("0005,P5,Legal,A", "0005,P5,Ops,L")).collect();
    let rows: Vec<String> = rows.into_iter().filter(|row| !row.starts_with("0010")).collect();
    rig.upload(DAYS[2], &csv(&rows)).await;
    rig.settle().await;
    let moved = person(&Api::of(&rig), "0005").await;
    assert_eq!(from(&moved, "employment_status"), format!("{} 6", DAYS[1]));
    assert_eq!(from(&moved, "department"), format!("{} 34", DAYS[2]));
    assert_eq!(from(&moved, "first_name"), format!("{} 6", DAYS[0]));
}

#[tokio::test]
async fn a_rollback_is_told_as_what_set_the_value() {
    let rig = uploaded(2).await;
    let run = rig.last_run().await;
    rig.roll_back(&run).await;
    rig.settle().await;
    let undone = person(&Api::of(&rig), "0003").await;
    let provenance = &field(&undone, "first_name")["provenance"];
    assert_eq!((&provenance["kind"], &provenance["record"]), (&json!("rollback"), &Value::Null));
    assert_eq!(from(&undone, "employment_status"), format!("{} 4", DAYS[0]));
}

#[tokio::test]
async fn a_value_of_an_event_says_so_even_when_the_events_run_is_forgotten() {
    let house = House::settled("merge", 3).await;
    let id = house.ids().await.remove(0);
    for (event, title) in [("ev-1", "Chief of Everything"), ("ev-2", "Chief of Nothing")] {
        house.change(&id, json!({"title": title})).await;
        house.event(event, &id, None).await.unwrap();
    }
    house.change(&id, json!({"first_name": "Zoë"})).await;
    house.poll().await;
    house.rig.settle().await;
    let path = format!("/v1/connections/{}/people", house.rig.connection.as_ref().unwrap().1);
    let api = Api::over(&house);
    let shown = api.as_admin("acme").get(&format!("{path}?q=zo%C3%AB")).await.expect(200);
    let unique_id = shown.json["items"][0]["unique_id"].as_str().unwrap().to_owned();
    let shown = api.as_admin("acme").get(&format!("{path}/{unique_id}")).await.expect(200).json;
    let kind = |name: &str| field(&shown, name)["provenance"]["kind"].clone();
    assert_eq!(
        (kind("job_title"), kind("first_name"), kind("email_1")),
        (json!("event"), json!("listing"), json!("listing"))
    );
    assert_eq!(
        field(&shown, "job_title")["provenance"]["run"],
        Value::Null,
        "events' runs are found by their event only"
    );
}

#[tokio::test]
async fn a_removed_person_is_hidden_unless_asked_for() {
    let rig = uploaded(2).await;
    let api = Api::of(&rig);
    api.as_admin("acme").get(&format!("{PEOPLE}/0010")).await.expect(404);
    let hidden = api.as_admin("acme").get(&format!("{PEOPLE}/0010?removed=true")).await.expect(200).json;
    assert!(hidden["removed_at"].as_str().unwrap().starts_with("20"), "{hidden}");
    assert_eq!((&hidden["groups"], &hidden["last_written"]["source"]), (&json!([]), &json!(DAYS[1])));
    let listed = api.as_admin("acme").get(&format!("{PEOPLE}?q=0010")).await.expect(200);
    assert_eq!(listed.json["items"], json!([]));
}

#[tokio::test]
async fn opt_outs_stand_beside_the_person() {
    let rig = uploaded(1).await;
    let (account, connection) = rig.connection.clone().unwrap();
    let (table, id) = (rig.ports().table, UniqueId::parse("0003").unwrap());
    let noted = OptOut { by: "admin:ana".to_owned(), at_ms: 1_790_000_000_000 };
    let email = Field::by_name("email_1").unwrap();
    set_opt_out(&table, (&account, &connection, &id), email, Some(noted)).await.unwrap();
    let api = Api::of(&rig);
    let consents = person(&api, "0003").await["consents"].clone();
    let expected = json!([{"channel": "email_1", "opted_out": true, "by": "admin:ana", "at": "2026-09-21T14:13:20Z"}]);
    assert_eq!(consents, expected);
    assert_eq!(person(&api, "0004").await["consents"], json!([]));
}

const STAFF_WITH_MORE: &str = r#"
account = "acme"
name = "Payroll nightly"
mode = "active"
import = "active_and_inactive"
group_by = ["department"]
report_to = ["hr@acme.example"]
[fields.unique_id]
from = "id"
[fields.first_name]
from = "first"
[fields.last_name]
from = "last"
[fields.email_1]
from = "mail"
[fields.department]
from = "dept"
[fields.city]
from = "city"
multiple = true
[fields.manager_id]
from = "boss"
[fields.manager_email]
from = "boss_mail"
[fields.start_date]
from = "start"
[fields.employment_status]
from = "status"
"#;

/// Today is 2026-09-21.
const EVERYBODY: &str = "id,first,last,mail,dept,city,boss,boss_mail,start,status\n\
    b1,Bo,Boss,Bo.Boss@acme.example,Heads,Ulm,,,2020-01-01,active\n\
    e1,Ana,Álvarez,ana@acme.example,Sales,Ulm;Bonn,b1,,2026-09-20,active\n\
    E2,Eva,Evans,eva@acme.example,sales,Köln,,bo.boss@acme.example,2026-09-01,active\n\
    e3,Bob,Baker,bob@acme.example,Ops,KÖLN,B1,,2026-10-01,inactive\n\
    e4,Cy,Anders,cy@acme.example,Ops,Bonn,,,2026-08-21,active\n";

async fn found(api: &Api<NoWeb>, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.as_admin("acme").get(&format!("{PEOPLE}?{query}{cursor}")).await.expect(200);
        let items = page.json["items"].as_array().unwrap().clone();
        ids.extend(items.iter().map(|item| item["unique_id"].as_str().unwrap().to_owned()));
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids.sort();
    ids
}

#[tokio::test]
async fn people_are_found_by_every_kind_of_filter() {
    let rig = Rig::connected(STAFF_WITH_MORE).await;
    rig.upload(DAYS[0], EVERYBODY.as_bytes()).await;
    rig.settle().await;
    let api = Api::of(&rig);
    let check = async |query: &str, expected: &[&str]| assert_eq!(found(&api, query).await, expected, "{query}");
    check("", &["E2", "b1", "e1", "e3", "e4"]).await;
    check("department=SALES", &["E2", "e1"]).await;
    check("department=Sales&status=inactive", &[]).await;
    check("city=bonn", &["e1", "e4"]).await;
    check("city=k%C3%B6ln", &["E2", "e3"]).await;
    check("city=bonn&department=ops", &["e4"]).await;
    check("manager_id=b1", &["e1"]).await;
    check("manager_email=BO.BOSS%40acme.example", &["E2"]).await;
    check("team=b1", &["E2", "e1"]).await;
    check("team=bo.boss@acme.example", &["E2"]).await;
    check("joined_within_days=0", &[]).await;
    check("joined_within_days=1", &["e1"]).await;
    check("joined_within_days=31", &["E2", "e1", "e4"]).await;
    check("status=inactive", &["e3"]).await;
    check("q=an", &["e1", "e4"]).await;
    check("q=%C3%A1lv", &["e1"]).await;
    check("q=EVA%20ev", &["E2"]).await;
    check("q=bo", &["b1", "e3"]).await;
    check("q=e", &["E2", "e1", "e3", "e4"]).await;
    check("limit=1", &["E2", "b1", "e1", "e3", "e4"]).await;
}

fn refused(answer: &Answer, status: u16, code: &str, field: &str) {
    let told = (answer.status, answer.code(), answer.json["field"].as_str().unwrap_or_default());
    assert_eq!(told, (status, code, field), "{}", answer.text);
}

#[tokio::test]
async fn a_query_that_says_nothing_sensible_is_refused_by_name() {
    let rig = uploaded(1).await;
    let api = Api::of(&rig);
    let long = format!("department={}", "x".repeat(151));
    for (query, status, code, field) in [
        ("colour=red", 400, "bad_request", ""),
        ("first_name=Ana", 400, "bad_request", ""),
        ("limit=0", 422, "invalid", "limit"),
        ("limit=x", 422, "invalid", "limit"),
        ("status=retired", 422, "invalid", "status"),
        ("joined_within_days=-1", 422, "invalid", "joined_within_days"),
        ("department=", 422, "invalid", "department"),
        (&long, 422, "invalid", "department"),
        ("cursor=AAAA", 400, "bad_cursor", ""),
    ] {
        refused(&api.as_admin("acme").get(&format!("{PEOPLE}?{query}")).await, status, code, field);
    }
}

#[tokio::test]
async fn people_are_read_by_whoever_may_and_by_nobody_else() {
    let rig = uploaded(1).await;
    let api = Api::of(&rig);
    let allowed = api.signed_in("acme", "member", &[("permissions", "people")]);
    allowed.get(&format!("{PEOPLE}/0003")).await.expect(200);
    api.signed_in("acme", "member", &[]).get(PEOPLE).await.expect(403);
    api.signed_in("beta", "owner", &[]).get(&format!("{PEOPLE}/0003")).await.expect(404);
    let nobody = api.signed_in("beta", "owner", &[]).get("/v1/people").await.expect(200);
    assert_eq!(nobody.json["items"], json!([]));
}

#[tokio::test]
async fn an_id_with_odd_characters_is_found_by_its_encoded_path() {
    let rig = Rig::connected(STAFF).await;
    let ids = ["a/b c?", "100%25", "~1", "plain"];
    rig.upload(DAYS[0], &csv(&ids.map(|id| format!("{id},Odd,Ops,A")))).await;
    rig.settle().await;
    // What a path can hold as it is, percent-encoded as ever; what it cannot, as `~` and base64url.
    for (path, id) in
        [("~YS9iIGM_", "a/b c?"), ("100%2525", "100%25"), ("~fjE", "~1"), ("plain", "plain"), ("~cGxhaW4", "plain")]
    {
        assert!(UniqueId::parse(id).is_ok());
        assert_eq!(person(&Api::of(&rig), path).await["unique_id"], id);
    }
    Api::of(&rig).as_admin("acme").get(&format!("{PEOPLE}/~1")).await.expect(404);
}
