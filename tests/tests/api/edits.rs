//! Opt-outs, and recipients made and changed by hand.

use muster_core::field::Field;
use muster_sync::ConnectionStatus;
use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::rig::Rig;
use muster_tests::sample::{STAFF, csv, day, staff};
use serde_json::{Value, json};

const PEOPLE: &str = "/v1/connections/acme-payroll-nightly/people";

/// The connection of most tests, its first file applied.
async fn settled() -> Rig {
    settled_with(STAFF).await
}

async fn settled_with(toml: &str) -> Rig {
    let rig = Rig::connected(toml).await;
    rig.upload("people_20261121.csv", &day(0)).await;
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 40);
    rig
}

/// The same connection, filled by uploads and by hand.
fn by_uploads() -> String {
    STAFF.replace("name = \"Payroll nightly\"", "name = \"Payroll nightly\"\nconnector = \"upload\"")
}

fn path(id: &str) -> String {
    format!("{PEOPLE}/{id}")
}

fn fields(fields: Value) -> Value {
    json!({"fields": fields})
}

async fn value(rig: &Rig, id: &str, field: &str) -> Option<String> {
    let people = rig.people().await;
    let value = people.get(id)?.recipient.values.get(&Field::by_name(field).unwrap())?;
    Some(value.iter().collect::<Vec<_>>().join("|"))
}

async fn patch(api: &Api<NoWeb>, id: &str, said: Value) -> Answer {
    api.as_admin("acme").patch(&path(id), fields(said)).await
}

#[tokio::test]
async fn an_opt_out_survives_update_deactivation_removal_and_being_added_again() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let admin = || api.as_admin("acme");
    for id in ["0003", "0005", "0010"] {
        let noted = admin().put(&path(&format!("{id}/opt-outs/email_1")), json!({})).await.expect(200);
        assert_eq!((&noted.json["opted_out"], &noted.json["by"]), (&json!(true), &json!("admin:ana")));
    }
    // The day's file changes 0003, deactivates 0005 and removes 0010; the next one adds 0010 again.
    for (name, at) in [("people_20261122.csv", 1), ("people_20261123.csv", 2)] {
        rig.upload(name, &day(at)).await;
        rig.settle().await;
        for id in ["0003", "0005", "0010"] {
            let list = admin().get(&path(&format!("{id}/opt-outs"))).await.expect(200);
            assert_eq!(list.json["items"][0]["channel"], "email_1", "{id} on day {at}");
        }
    }
    assert_eq!(value(&rig, "0003", "first_name").await.as_deref(), Some("Renamed Again"));
    admin().delete(&path("0003/opt-outs/email_1")).await.expect(204);
    let shown = admin().get(&path("0003/opt-outs/email_1")).await.expect(200);
    assert_eq!(shown.json, json!({"channel": "email_1", "opted_out": false}));
    admin().get(&path("0003/opt-outs/city")).await.expect(404);
    admin().put(&path("nobody/opt-outs/email_1"), json!({})).await.expect(404);
}

#[tokio::test]
async fn opt_outs_of_many_are_read_at_once() {
    let rig = settled().await;
    let api = Api::of(&rig);
    for (id, channel) in [("0001", "email_1"), ("0001", "text_2"), ("0002", "voice_3")] {
        api.as_admin("acme").put(&path(&format!("{id}/opt-outs/{channel}")), json!({})).await.expect(200);
    }
    let (account, connection) = rig.connection.clone().unwrap();
    let ids: Vec<_> = (0..300).map(|n| muster_core::ids::UniqueId::parse(&format!("{n:04}")).unwrap()).collect();
    let found = muster_sync::opt_outs(&rig.ports().table, &account, &connection, &ids).await.unwrap();
    let names: Vec<_> = found.into_iter().map(|(id, channels)| (id.to_string(), channels.len())).collect();
    assert_eq!(names, [("0001".to_owned(), 2), ("0002".to_owned(), 1)]);
}

#[tokio::test]
async fn a_locked_field_names_itself_and_the_connection_that_fills_it() {
    let rig = settled().await;
    let api = Api::of(&rig);
    for (field, value) in
        [("first_name", json!("Ana")), ("department", Value::Null), ("employment_status", json!("inactive"))]
    {
        let answer = patch(&api, "0001", json!({field: value})).await.expect(409);
        assert_eq!((answer.code(), &answer.json["field"]), ("field_locked", &json!(field)));
        assert!(answer.json["detail"].as_str().unwrap().contains("Payroll nightly"), "{}", answer.text);
    }
    for answer in [
        api.as_admin("acme").put(&path("9999"), fields(json!({"city": "Bonn"}))).await,
        api.as_admin("acme").delete(&path("0001")).await,
    ] {
        assert_eq!(answer.expect(409).code(), "not_by_hand");
    }
    patch(&api, "9999", json!({"city": "Bonn"})).await.expect(404);
    assert_eq!(value(&rig, "0001", "first_name").await.as_deref(), Some("P1"));
}

#[tokio::test]
async fn a_field_that_no_source_fills_is_changed_by_hand_and_kept_by_the_next_import() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let changed = patch(&api, "0003", json!({"city": " Bonn ", "text_1": "(202) 555-0143"})).await.expect(200);
    assert_eq!(changed.json["outcome"], "changed");
    assert_eq!(value(&rig, "0003", "text_1").await.as_deref(), Some("+12025550143"));
    let again = patch(&api, "0003", json!({"city": "Bonn"})).await.expect(200);
    assert_eq!(again.json, json!({"outcome": "unchanged", "run": null}));
    rig.upload("people_20261122.csv", &day(1)).await;
    rig.settle().await;
    assert_eq!(value(&rig, "0003", "first_name").await.as_deref(), Some("Renamed"));
    assert_eq!(value(&rig, "0003", "city").await.as_deref(), Some("Bonn"));
    patch(&api, "0003", json!({"city": null})).await.expect(200);
    assert_eq!(value(&rig, "0003", "city").await, None);
    // Edits are runs of one person: no list shows them, and no mail tells of them.
    assert_eq!((rig.runs().await.len(), rig.mails().len()), (2, 2));
}

#[tokio::test]
async fn values_that_cannot_be_taken_are_told_with_field_and_reason_and_never_quoted() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let said = json!({"email_1": "nobody-at-all", "city": "219-09-9999", "shoe_size": "9", "raw_address": ["a"]});
    let answer = patch(&api, "0001", said).await.expect(422);
    let errors = answer.json["errors"].as_array().unwrap();
    let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["city", "email_1", "raw_address", "shoe_size"]);
    assert!(!answer.text.contains("219-09") && !answer.text.contains("nobody-at-all"), "{}", answer.text);
    api.as_admin("acme").patch(&path("0001"), json!({"fields": {"city": 7}})).await.expect(422);
}

#[tokio::test]
async fn people_are_made_replaced_and_removed_by_hand_where_uploads_fill_the_connection() {
    let rig = Rig::connected(&by_uploads()).await;
    let api = Api::of(&rig);
    let admin = || api.as_admin("acme");
    let made = admin().put(&path("H-1"), fields(json!({"first_name": "Ana", "department": "Ops"}))).await.expect(200);
    assert_eq!(made.json["outcome"], "created");
    assert!(made.json["run"].as_str().unwrap().starts_with("e-"));
    let people = rig.people().await;
    assert_eq!(people["H-1"].groups, ["Acme staff", "Department: Ops"].map(str::to_owned).to_vec(), "{people:?}");
    let stored = rig.stored().await;
    assert_eq!((stored.owned, stored.confirmed, stored.status), (1, false, ConnectionStatus::Pending));
    let replaced = admin().put(&path("H-1"), fields(json!({"first_name": "Ana B"}))).await.expect(200);
    assert_eq!((&replaced.json["outcome"], value(&rig, "H-1", "department").await), (&json!("changed"), None));
    let removed = admin().delete(&path("H-1")).await.expect(200);
    assert_eq!((&removed.json["outcome"], rig.people().await.len()), (&json!("removed"), 0));
    let stored = rig.stored().await;
    assert_eq!((stored.owned, stored.removals.iter().map(|removal| removal.people).sum::<u64>()), (0, 1));
    admin().delete(&path("H-1")).await.expect(404);
    let back = admin().put(&path("H-1"), fields(json!({"first_name": "Ana"}))).await.expect(200);
    assert_eq!(back.json["outcome"], "created");
    rig.settle().await;
    assert_eq!((rig.people().await.len(), rig.mails().len()), (1, 0));
}

#[tokio::test]
async fn a_file_after_an_edit_looks_at_that_person_anew() {
    let rig = settled_with(&by_uploads()).await;
    let api = Api::of(&rig);
    patch(&api, "0001", json!({"first_name": "By hand"})).await.expect(200);
    api.as_admin("acme").put(&path("H-1"), fields(json!({"first_name": "Ana", "department": "Ops"}))).await.expect(200);
    api.as_admin("acme").delete(&path("0002")).await.expect(200);
    // The row of 0001 is as it was in the last file, and still it is looked at; H-1 is absent, 0002 is new.
    let mut rows = staff(40);
    rows.push("0050,P50,Ops,A".into());
    rig.upload("people_20261122.csv", &csv(&rows)).await;
    rig.settle().await;
    let run = rig.last_run().await;
    let counts = run.counts;
    assert_eq!((counts.added, counts.updated, counts.removed, run.conflicts), (2, 1, 1, 0), "{run:?}");
    assert_eq!(value(&rig, "0001", "first_name").await.as_deref(), Some("P1"));
    assert_eq!(rig.people().await.len(), 41);
    assert!(rig.stored().await.feed.touched.is_empty());
}

#[tokio::test]
async fn people_made_before_the_first_file_stay_and_are_not_taken_for_new() {
    let rig = Rig::connected(&by_uploads()).await;
    let api = Api::of(&rig);
    for id in ["0001", "H-1"] {
        api.as_admin("acme").put(&path(id), fields(json!({"first_name": "By hand"}))).await.expect(200);
    }
    rig.upload("people_20261121.csv", &day(0)).await;
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.conflicts, run.counts.added, run.counts.updated, run.counts.removed), (0, 39, 1, 0), "{run:?}");
    assert_eq!(rig.people().await.len(), 41);
    assert!(rig.stored().await.confirmed);
}

#[tokio::test]
async fn while_a_plan_is_applied_an_edit_is_told_to_wait() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let (account, connection) = rig.connection.clone().unwrap();
    let ask = muster_sync::TakeLease {
        connection: (&account, &connection),
        holder: "another",
        now_ms: i64::try_from(rig.clock.now_ms()).unwrap(),
        until_ms: i64::try_from(rig.clock.now_ms()).unwrap() + 10_000,
    };
    muster_sync::Ledger::take_lease(&rig.ports().table, ask).await.unwrap();
    assert_eq!(patch(&api, "0001", json!({"city": "Bonn"})).await.expect(409).code(), "busy");
    rig.clock.advance(11_000);
    patch(&api, "0001", json!({"city": "Bonn"})).await.expect(200);
}

#[tokio::test]
async fn the_same_request_again_is_carried_out_once_and_the_audit_names_no_value_and_no_id() {
    let rig = settled().await;
    let api = Api::of(&rig);
    let ask = async || {
        let session = api.as_admin("acme").with("idempotency-key", "k-1");
        session.patch(&path("0001"), fields(json!({"city": "Bonn"}))).await.expect(200)
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first.json, second.json);
    let audit = api.as_admin("acme").get("/v1/audit").await.expect(200);
    let edits: Vec<_> =
        audit.json["items"].as_array().unwrap().iter().filter(|e| e["action"] == "person.changed").collect();
    assert_eq!(edits.len(), 1, "{}", audit.text);
    assert!(!audit.text.contains("Bonn") && !audit.text.contains("0001"), "{}", audit.text);
}
