//! Explanations: what a run did with one person, and why nothing.

use muster_core::ids::UniqueId;
use muster_sync::{Explainer, RunState, SettingsVersion, keep_version};
use muster_tests::api::Api;
use muster_tests::house::House;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use serde_json::{Value, json};

async fn explained(rig: &Rig, run: &str, id: &str) -> Value {
    let connection = &rig.connection.as_ref().unwrap().1;
    let path = format!("/v1/connections/{connection}/runs/{run}/explanations/{id}");
    Api::of(rig).as_admin("acme").get(&path).await.expect(200).json
}

/// `what / state`.
fn told(explained: &Value) -> String {
    format!("{} / {}", explained["decided"]["what"].as_str().unwrap(), explained["applied"]["state"].as_str().unwrap())
}

#[track_caller]
fn check(explained: &Value, expected: &str, why: &str) {
    assert_eq!(told(explained), expected, "{explained:#}");
    let sentence = explained["why"].as_str().unwrap();
    assert!(sentence.contains(why), "{why:?} in {sentence:?}");
    assert_eq!(explained["complete"], true, "{explained:#}");
}

async fn two_days(toml: &str, second: &[u8]) -> Rig {
    let rig = Rig::connected(toml).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    rig.upload(DAYS[1], second).await;
    rig.settle().await;
    rig
}

async fn last(rig: &Rig, id: &str) -> Value {
    let run = rig.last_run().await;
    explained(rig, run.id.as_str(), id).await
}

#[tokio::test]
async fn a_change_is_told_from_its_row_to_its_writing() {
    let rig = two_days(STAFF, &day(1)).await;
    let changed = last(&rig, "0003").await;
    check(&changed, "changed / written", "something else than is stored");
    assert_eq!((&changed["read"]["rows"][0]["record"], &changed["read"]["rows"][0]["line"]), (&json!(4), &json!(5)));
    assert_eq!(changed["read"]["rows"][0]["cells"][1], json!({"column": "name", "value": "Renamed"}));
    let mapped = changed["mapped"].as_array().unwrap();
    let status = mapped.iter().find(|field| field["field"] == "employment_status").unwrap();
    assert_eq!(status["inputs"], json!([{"column": "status", "value": "A"}]));
    assert_eq!((&status["outcome"], &status["value"]), (&json!("set"), &json!("active")));
    assert_eq!(
        (&changed["matched"]["as_of"], &changed["matched"]["fields"]["first_name"]),
        (&json!("plan"), &json!("P3"))
    );
    let expected = json!([
        {"field": "first_name", "old": "P3", "new": "Renamed"},
        {"field": "department", "old": "Sales", "new": "Ops"},
    ]);
    assert_eq!((&changed["decided"]["fields"], &changed["decided"]["change"]), (&expected, &json!("update")));
    check(&last(&rig, "0099").await, "changed / written", "was not in the directory");
    check(&last(&rig, "0010").await, "changed / written", "no row of a complete listing");
    check(&last(&rig, "0005").await, "changed / written", "inactive");
}

#[tokio::test]
async fn whoever_the_run_did_not_change_learns_why_nothing_happened() {
    let mut rows = staff(40);
    rows[7] = "0007,P7,Ops,whatever".into();
    rows.push("0008,Another,Ops,A".into());
    rows.push("0077,Gone,Ops,T".into());
    let rig = two_days(STAFF, &csv(&rows)).await;
    let same = last(&rig, "0001").await;
    check(&same, "unchanged / nothing", "the row says what is stored");
    assert_eq!((&same["matched"]["as_of"], &same["matched"]["known"]), (&json!("now"), &json!(true)));
    let flagged = last(&rig, "0007").await;
    check(&flagged, "flagged / nothing", "not a mapped employment status");
    assert_eq!(flagged["issues"][0]["code"], "unknown_status");
    let twice = last(&rig, "0008").await;
    check(&twice, "flagged / nothing", "same unique id");
    assert_eq!(twice["read"]["rows"].as_array().unwrap().len(), 2);
    check(&last(&rig, "0077").await, "skipped / nothing", "terminated, which is not imported");
    let nobody = last(&rig, "4711").await;
    check(&nobody, "nobody / nothing", "nobody's in the directory");
    assert_eq!((&nobody["matched"]["known"], &nobody["mapped"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn an_absent_person_who_is_kept_learns_why() {
    let mut rows = staff(40);
    rows.remove(10);
    let keep = |more: &str| STAFF.replace("mode = \"active\"", &format!("mode = \"active\"\n{more}"));
    for (more, expected, why) in [
        ("on_absent = \"ignore\"", "kept_absent / nothing", "on_absent is ignore"),
        ("absent_grace = 2", "kept_absent / nothing", "absent_grace"),
        ("never_remove = [\"0010\"]", "protected / nothing", "never_remove"),
    ] {
        let rig = two_days(&keep(more), &csv(&rows)).await;
        check(&last(&rig, "0010").await, expected, why);
    }
    let switched = STAFF.to_owned() + "[switches]\nremovals = false\n";
    let rig = two_days(&switched, &csv(&rows)).await;
    let off = last(&rig, "0010").await;
    check(&off, "switched_off / nothing", "switch is off");
    assert_eq!(off["decided"]["change"], "remove");
    // A row that nobody can tell: it may be anybody's.
    rows[3] = ",Nameless,Ops,A".into();
    let rig = two_days(STAFF, &csv(&rows)).await;
    check(&last(&rig, "0010").await, "withheld / nothing", "a row could not be told");
}

#[tokio::test]
async fn a_plan_that_waits_or_was_rejected_is_not_told_as_written() {
    let rig = two_days(&STAFF.replace("mode = \"active\"", "mode = \"preview\""), &day(1)).await;
    let run = rig.last_run().await;
    check(&last(&rig, "0003").await, "changed / held", "preview");
    rig.reject(&run).await;
    rig.settle().await;
    check(&last(&rig, "0003").await, "changed / never", "not what we expected");
}

#[tokio::test]
async fn a_run_without_a_plan_says_what_ended_it() {
    let rig = Rig::connected(STAFF).await;
    rig.upload("people.csv", &day(0)).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Failed);
    let failed = last(&rig, "0003").await;
    check(&failed, "not_planned / nothing", "failed without a plan");
    assert_eq!(failed["read"]["rows"][0]["record"], 4, "the file itself is read all the same");
}

#[tokio::test]
async fn columns_that_are_not_mapped_are_named_and_not_shown() {
    let text = "id,name,dept,status,SSN,note\n0001,Ana,Ops,A,078-05-1120,likes tea\n";
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], text.as_bytes()).await;
    rig.settle().await;
    let told = last(&rig, "0001").await;
    let cells = told["read"]["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(cells[4], json!({"column": "SSN", "value": null}));
    assert_eq!(cells[5], json!({"column": "note", "value": null}));
    assert!(!told.to_string().contains("078-05") && !told.to_string().contains("tea"));
}

#[tokio::test]
async fn the_run_is_told_by_the_settings_it_was_planned_with() {
    let mut rig = two_days(STAFF, &day(1)).await;
    let run = rig.last_run().await;
    rig.connect(&STAFF.replace("from = \"name\"", "from = \"dept\"")).await;
    let (account, connection) = rig.connection.clone().unwrap();
    let now = explained(&rig, run.id.as_str(), "0001").await;
    assert!(now["notes"][0].as_str().unwrap().contains("is not kept"), "{now:#}");
    let kept = SettingsVersion { version: run.settings_version, toml: STAFF.to_owned(), by: String::new(), at_ms: 0 };
    keep_version(&rig.ports().table, &account, &connection, &kept).await.unwrap();
    let then = explained(&rig, run.id.as_str(), "0001").await;
    check(&then, "unchanged / nothing", "the row says what is stored");
    assert_eq!(then["notes"], json!([]));
}

#[tokio::test]
async fn when_time_runs_out_the_explanation_says_that_it_is_not_complete() {
    let rig = two_days(STAFF, &day(1)).await;
    let (run, connection) = (rig.last_run().await, rig.stored().await);
    let ports = rig.ports();
    let explainer = Explainer { ports: &ports.table, objects: &ports.bucket, clock: &ports.clock };
    let id = UniqueId::parse("0001").unwrap();
    let told = explainer.explain(&connection, &run, &id, 0).await.unwrap();
    assert!(!told.complete, "{told:?}");
}

#[tokio::test]
async fn a_listing_is_told_while_its_parts_are_kept() {
    let house = House::settled("finch", 4).await;
    let run = house.last_run().await;
    let id = house.rig.people().await.keys().next().unwrap().clone();
    let told = explained(&house.rig, run.id.as_str(), &id).await;
    check(&told, "changed / written", "was not in the directory");
    assert_eq!((&told["read"]["kind"], &told["read"]["rows"].as_array().unwrap().len()), (&json!("listing"), &1));
    house.leave(&id).await;
    house.poll().await;
    house.rig.settle().await;
    let gone = explained(&house.rig, house.last_run().await.id.as_str(), &id).await;
    check(&gone, "changed / written", "no row of a complete listing");
    let nobody = explained(&house.rig, run.id.as_str(), "nobody-at-all").await;
    check(&nobody, "nobody / nothing", "nobody's in the directory");
}

#[tokio::test]
async fn rollbacks_and_later_runs_are_told_apart() {
    let rig = two_days(STAFF, &day(1)).await;
    let second = rig.last_run().await;
    let undo = rig.roll_back(&second).await;
    rig.settle().await;
    check(&explained(&rig, undo.as_str(), "0003").await, "changed / written", "a run is undone");
    check(&explained(&rig, undo.as_str(), "0001").await, "not_about / nothing", "which this one undoes");
    check(&explained(&rig, second.id.as_str(), "0003").await, "changed / written", "other runs have written");
}

#[tokio::test]
async fn an_explanation_is_for_those_who_read_settings() {
    let rig = two_days(STAFF, &day(1)).await;
    let run = rig.last_run().await.id;
    let path = format!("/v1/connections/acme-payroll-nightly/runs/{run}/explanations/0003");
    let api = Api::of(&rig);
    api.signed_in("acme", "member", &[("permissions", "people")]).get(&path).await.expect(403);
    api.as_admin("beta").get(&path).await.expect(404);
    let none = "/v1/connections/acme-payroll-nightly/runs/f-00/explanations/0003";
    api.as_admin("acme").get(none).await.expect(404);
}
