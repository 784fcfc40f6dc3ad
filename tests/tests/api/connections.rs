//! Connections: made, changed, switched, deleted.

use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{Admin, Ledger, RunState, SecretPlace, Secrets};
use muster_tests::api::{Answer, Api, NoWeb, Session};
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, connection, day};
use serde_json::{Value, json};

const TOML: &str = "application/toml";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKAXoqFOPkNUgvaYXz9TZJhQEnNSBKGZ0gJkTdMFvR hr@acme";
/// The connection that [`STAFF`] makes.
const ONE: &str = "/v1/connections/acme-payroll-nightly";

/// An account that may have every kind of connection.
async fn entitled(api: &Api<NoWeb>, account: &str) {
    let kinds = json!(["data_connector", "sftp", "scim", "upload"]);
    let wish = json!({"name": account, "entitlements": kinds});
    api.as_operator().put(&format!("/v1/operator/accounts/{account}"), wish).await.expect(200);
}

async fn made(api: &Api<NoWeb>, toml: &str) -> Answer {
    api.as_admin("acme").ask("POST", "/v1/connections", Some((TOML, toml))).await
}

/// A rig with the connection of [`STAFF`], made by the API.
async fn begun() -> (Rig, Api<NoWeb>) {
    let mut rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let created = made(&api, STAFF).await.expect(201);
    let id = ConnectionId::parse(created.json["connection"].as_str().unwrap()).unwrap();
    rig.connection = Some((AccountId::parse("acme").unwrap(), id));
    (rig, api)
}

fn versioned(api: &Api<NoWeb>, version: u64) -> Session<'_, NoWeb> {
    api.as_admin("acme").with("if-match", &format!("\"{version}\""))
}

/// The actions of the account's chain, oldest first, and the whole of it as text.
async fn audited(api: &Api<NoWeb>) -> (Vec<String>, String) {
    let list = api.as_admin("acme").get("/v1/audit").await.expect(200);
    let items = list.json["items"].as_array().unwrap();
    (items.iter().rev().map(|item| item["action"].as_str().unwrap().to_owned()).collect(), list.text)
}

fn json_file(name: &str) -> Value {
    json!({"name": name, "fields": {"unique_id": {"from": "id"}, "first_name": {"from": "name"}}})
}

#[tokio::test]
async fn a_password_is_shown_once() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let session = || api.as_admin("acme").with("idempotency-key", "k");
    let created = session().ask("POST", "/v1/connections", Some((TOML, STAFF))).await.expect(201);
    let password = created.json["sftp_password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 20);
    assert_eq!(created.json["sftp_user"], "acme-payroll-nightly");
    assert_eq!(created.headers["location"], ONE);
    let again = session().ask("POST", "/v1/connections", Some((TOML, STAFF))).await.expect(201);
    assert_eq!(again.json["sftp_password"], Value::Null);
    for path in [ONE, "/v1/connections", &format!("{ONE}/settings"), &format!("{ONE}/sftp"), "/v1/audit"] {
        let shown = api.as_admin("acme").get(path).await.expect(200);
        assert!(!shown.text.contains(&password), "{path}");
    }
}

#[tokio::test]
async fn json_and_toml_make_the_same_connection() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let file = json!({"file": json_file("One"), "public_keys": [KEY]});
    api.as_admin("acme").post("/v1/connections", file).await.expect(201);
    let toml =
        "account = \"acme\"\nname = \"Two\"\n[fields.unique_id]\nfrom = \"id\"\n[fields.first_name]\nfrom = \"name\"\n";
    made(&api, toml).await.expect(201);
    let settings = async |id: &str| {
        let mut shown = api.as_admin("acme").get(&format!("/v1/connections/{id}/settings")).await.expect(200).json;
        shown["file"]["name"] = Value::Null;
        shown["file"]["group"] = Value::Null;
        shown["file"].clone()
    };
    assert_eq!(settings("acme-one").await, settings("acme-two").await);
    let login = api.as_admin("acme").get("/v1/connections/acme-one/sftp").await.expect(200).json;
    assert_eq!(login["keys"][0]["comment"], "hr@acme");
    let exported = api.as_admin("acme").with("accept", TOML).get("/v1/connections/acme-two/settings").await.expect(200);
    assert_eq!((exported.text.as_str(), exported.headers["content-type"].as_str()), (toml, TOML));
}

#[tokio::test]
async fn a_group_name_that_is_taken_is_refused_and_says_whose() {
    let (_rig, api) = begun().await;
    let file = connection("acme", "Other").replace("acme Other", "ACME staff ");
    let taken = made(&api, &file).await.expect(409);
    assert_eq!((taken.code(), &taken.json["field"]), ("group_taken", &json!("group")));
    assert!(taken.json["detail"].as_str().unwrap().contains("acme-payroll-nightly"), "{}", taken.text);
    made(&api, &connection("acme", "Other")).await.expect(201);
    let mut settings = api.as_admin("acme").get("/v1/connections/acme-other/settings").await.expect(200).json;
    settings["file"]["group"] = json!("Acme staff");
    let renamed = versioned(&api, 1).put("/v1/connections/acme-other/settings", settings["file"].take()).await;
    assert_eq!(renamed.expect(409).code(), "group_taken");
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_and_changes_nothing() {
    let (rig, api) = begun().await;
    let before = rig.stored().await;
    let taken = made(&api, &STAFF.replace("Acme staff", "Others")).await.expect(409);
    assert_eq!(taken.code(), "connection_exists");
    assert_eq!(rig.stored().await, before);
}

#[tokio::test]
async fn a_connection_of_another_account_is_not_there_and_cannot_be_made() {
    let (_rig, api) = begun().await;
    entitled(&api, "beta").await;
    api.as_admin("beta").get(ONE).await.expect(404);
    let foreign = api.as_admin("beta").ask("POST", "/v1/connections", Some((TOML, STAFF))).await.expect(422);
    assert_eq!(foreign.json["field"], "account");
    let list = api.as_admin("beta").get("/v1/connections").await.expect(200);
    assert_eq!(list.json["items"], json!([]));
}

#[tokio::test]
async fn a_kind_that_the_account_is_not_entitled_to_is_not_made() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    assert_eq!(made(&api, STAFF).await.expect(403).code(), "not_entitled");
    let wish = json!({"name": "Acme", "entitlements": ["data_connector"]});
    api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    assert_eq!(made(&api, STAFF).await.expect(403).code(), "not_entitled");
    assert_eq!(audited(&api).await.0, [""; 0]);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_by_its_key() {
    let (_rig, api) = begun().await;
    let file = json!({"name": "Payroll nightly", "mode": "fast", "gates": {"removals": "110%"}, "fields": {
        "email_1": {"from": "mail", "type": "Wrk"}, "first_name": {"expr": "row."}, "city": {"from": "ssn"}}});
    let wrong = versioned(&api, 1).put(&format!("{ONE}/settings"), file).await.expect(422);
    let told: Vec<_> =
        wrong.json["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    let keys = [
        "mode",
        "gates.removals",
        "fields.email_1.type",
        "fields.first_name.expr",
        "fields.city.from",
        "fields.unique_id",
    ];
    for key in keys {
        assert!(told.contains(&key), "{key} in {told:?}");
    }
    let lines = made(&api, "account = \"acme\"\nname = \"X\"\nmod = 1\n").await.expect(422);
    assert!(lines.json["errors"][0]["problem"].as_str().unwrap().starts_with("line 3: "), "{}", lines.text);
}

#[tokio::test]
async fn settings_are_saved_over_the_version_that_was_read_only() {
    let (_rig, api) = begun().await;
    let mut file = api.as_admin("acme").get(&format!("{ONE}/settings")).await.expect(200).json["file"].take();
    file["group"] = json!("People of Acme");
    let place = format!("{ONE}/settings");
    let put = async |session: Session<'_, NoWeb>| session.put(&place, file.clone()).await;
    assert_eq!(put(api.as_admin("acme")).await.expect(428).code(), "precondition_required");
    let saved = put(versioned(&api, 1)).await.expect(200);
    assert_eq!((saved.json["version"].clone(), saved.headers["etag"].as_str()), (json!(2), "\"2\""));
    assert_eq!(put(versioned(&api, 1)).await.expect(412).code(), "stale");
    assert_eq!(api.as_admin("acme").get(ONE).await.expect(200).json["group"], "People of Acme");
}

#[tokio::test]
async fn a_connection_keeps_its_name_and_connector() {
    let (_rig, api) = begun().await;
    let put = async |file: String| versioned(&api, 1).ask("PUT", &format!("{ONE}/settings"), Some((TOML, &file))).await;
    let renamed = put(STAFF.replace("Payroll nightly", "Payroll daily")).await.expect(422);
    assert_eq!(renamed.json["field"], "name");
    let moved = STAFF.replace("[file]\npattern = \"people_{yyyymmdd}.csv\"", "[provider]\ncompany_domain = \"acme\"");
    let moved = put(moved.replace("mode =", "connector = \"bamboohr\"\nmode =")).await;
    assert_eq!(moved.expect(409).code(), "connector_fixed");
}

#[tokio::test]
async fn a_version_can_be_looked_at_compared_and_restored() {
    let (_rig, api) = begun().await;
    let admin = || api.as_admin("acme");
    let second = STAFF.replace("mode = \"active\"", "mode = \"paused\"").replace("from = \"dept\"", "from = \"team\"");
    versioned(&api, 1).ask("PUT", &format!("{ONE}/settings"), Some((TOML, &second))).await.expect(200);
    let list = admin().get(&format!("{ONE}/settings/versions?limit=1")).await.expect(200).json;
    assert_eq!((&list["items"][0]["version"], &list["items"][0]["by"]), (&json!(2), &json!("admin:ana")));
    let next = list["next"].as_str().unwrap();
    let older = admin().get(&format!("{ONE}/settings/versions?limit=1&cursor={next}")).await.expect(200).json;
    assert_eq!((&older["items"][0]["version"], &older["items"][0]["current"]), (&json!(1), &json!(false)));
    let diff = admin().get(&format!("{ONE}/settings/diff")).await.expect(200).json;
    let expected = json!([
        {"key": "fields.department.from", "old": "\"dept\"", "new": "\"team\""},
        {"key": "mode", "old": "\"active\"", "new": "\"paused\""}]);
    assert_eq!(diff, json!({"from": 1, "to": 2, "items": expected}));
    let first = admin().with("accept", TOML).get(&format!("{ONE}/settings/versions/1")).await.expect(200);
    assert_eq!(first.text, STAFF);
    let restored = admin().post(&format!("{ONE}/settings/versions/1/restore"), Value::Null).await.expect(200);
    assert_eq!((&restored.json["version"], &restored.json["file"]["mode"]), (&json!(3), &json!("active")));
    let none = admin().get(&format!("{ONE}/settings/diff?from=1&to=3")).await.expect(200).json;
    assert_eq!(none["items"], json!([]));
    admin().get(&format!("{ONE}/settings/versions/9")).await.expect(404);
    admin().get(&format!("{ONE}/settings/versions/x")).await.expect(404);
    let stale =
        admin().with("if-match", "\"2\"").post(&format!("{ONE}/settings/versions/1/restore"), Value::Null).await;
    stale.expect(412);
}

#[tokio::test]
async fn credentials_are_taken_and_never_shown() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let mut file = json!({"name": "Bamboo", "connector": "bamboohr", "provider": {"company_domain": "acme"},
        "credentials": {"api_key": "hidden-1"}, "fields": {"unique_id": {"from": "id"}}});
    api.as_admin("acme").post("/v1/connections", json!({"file": file})).await.expect(201);
    let one = "/v1/connections/acme-bamboo";
    let settings = api.as_admin("acme").get(&format!("{one}/settings")).await.expect(200);
    assert_eq!(settings.json["credentials_set"], json!(["api_key"]));
    file["credentials"] = json!({"api_key": "hidden-2"});
    versioned(&api, 1).put(&format!("{one}/settings"), file.clone()).await.expect(200);
    file.as_object_mut().unwrap().remove("credentials");
    let kept = versioned(&api, 2).put(&format!("{one}/settings"), file).await.expect(200);
    assert_eq!(kept.json["credentials_set"], json!(["api_key"]));
    let paths = ["", "/settings", "/settings/versions/1", "/settings/versions/2", "/settings/diff?from=1&to=2"];
    for path in paths {
        for accept in ["application/json", TOML] {
            let shown = api.as_admin("acme").with("accept", accept).get(&format!("{one}{path}")).await.expect(200);
            assert!(!shown.text.contains("hidden"), "{path}: {}", shown.text);
        }
    }
    let (actions, chain) = audited(&api).await;
    assert_eq!(actions, ["connection.created", "connection.settings_saved", "connection.settings_saved"]);
    assert!(!chain.contains("hidden") && chain.contains("api_key"));
    let place = SecretPlace::Connection(AccountId::parse("acme").unwrap(), ConnectionId::parse("acme-bamboo").unwrap());
    let stored = rig.ports().secrets.secrets(&place, true).await.unwrap().unwrap();
    assert_eq!(stored.current["api_key"].reveal(), "hidden-2");
}

#[tokio::test]
async fn a_connection_that_is_switched_off_says_why_and_takes_nothing_until_it_is_on() {
    let (rig, api) = begun().await;
    let off = api.as_admin("acme").post(&format!("{ONE}/disable"), json!({"note": "they move"})).await.expect(200);
    assert_eq!((&off.json["status"], &off.json["reason"]), (&json!("disabled"), &json!("they move")));
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    assert!(rig.runs().await.is_empty());
    let on = api.as_admin("acme").post(&format!("{ONE}/enable"), Value::Null).await.expect(200);
    assert_eq!((&on.json["status"], &on.json["reason"]), (&json!("pending"), &Value::Null));
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    let shown = api.as_admin("acme").get(ONE).await.expect(200).json;
    assert_eq!((&shown["status"], &shown["people"]), (&json!("connected"), &json!(40)));
    let fields = ["unique_id", "first_name", "employment_status", "department"];
    let locked = shown["locked_fields"].as_array().unwrap();
    assert!(locked.len() == 4 && fields.iter().all(|field| locked.contains(&json!(field))), "{locked:?}");
    let wish = json!({"name": "Acme", "entitlements": ["upload"]});
    api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    let refused = api.as_admin("acme").post(&format!("{ONE}/enable"), Value::Null).await.expect(403);
    assert_eq!(refused.code(), "not_entitled");
}

#[tokio::test]
async fn a_failed_run_is_the_reason_of_an_error() {
    let (rig, api) = begun().await;
    rig.upload("other.txt", b"x").await;
    rig.settle().await;
    let shown = api.as_admin("acme").get(ONE).await.expect(200).json;
    assert_eq!(shown["status"], "error");
    assert!(shown["reason"].as_str().unwrap().contains("other.txt"), "{shown}");
}

/// A rig whose connection has 40 people.
async fn settled() -> (Rig, Api<NoWeb>) {
    let (rig, api) = begun().await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    rig.clock.advance(1_000);
    (rig, api)
}

#[tokio::test]
async fn a_deletion_asks_what_becomes_of_the_people() {
    let (rig, api) = settled().await;
    for query in ["", "?people=", "?people=all"] {
        let refused = api.as_admin("acme").delete(&format!("{ONE}{query}")).await.expect(422);
        assert_eq!(refused.json["field"], "people");
    }
    assert_eq!(rig.people().await.len(), 40);
}

#[tokio::test]
async fn a_deletion_with_its_people_is_held_then_deletes_and_frees_the_group() {
    let (rig, api) = settled().await;
    let asked = api.as_admin("acme").delete(&format!("{ONE}?people=remove")).await.expect(202);
    assert_eq!(asked.json["connection"]["status"], "disabled");
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, asked.json["run"].as_str()), (RunState::Held, Some(run.id.as_str())));
    let on = api.as_admin("acme").post(&format!("{ONE}/enable"), Value::Null).await.expect(409);
    assert_eq!(on.code(), "deletion_waits");
    let again = api.as_admin("acme").delete(&format!("{ONE}?people=remove")).await.expect(202);
    assert_eq!(again.json["run"], asked.json["run"]);
    rig.settle().await;
    rig.approve(&rig.last_run().await).await.unwrap();
    rig.settle().await;
    let shown = api.as_admin("acme").get(ONE).await.expect(200).json;
    assert_eq!((&shown["status"], &shown["people"], &shown["due"]), (&json!("deleted"), &json!(0), &Value::Null));
    let other = connection("acme", "Next").replace("acme Next", "Acme staff");
    made(&api, &other).await.expect(201);
    assert_eq!(made(&api, STAFF).await.expect(409).code(), "name_taken");
}

#[tokio::test]
async fn a_deletion_that_keeps_the_people_unlinks_them_and_keeps_the_group() {
    let (rig, api) = settled().await;
    let deleted = api.as_admin("acme").delete(&format!("{ONE}?people=keep")).await.expect(200).json;
    assert_eq!((&deleted["connection"]["status"], &deleted["run"]), (&json!("deleted"), &Value::Null));
    assert_eq!(deleted["connection"]["locked_fields"], json!([]));
    assert_eq!(rig.people().await.len(), 40);
    let other = connection("acme", "Next").replace("acme Next", "Acme staff");
    assert_eq!(made(&api, &other).await.expect(409).code(), "group_taken");
    let (user, admin) = (rig.user(), || api.as_admin("acme"));
    assert!(rig.ports().table.credentials(&user).await.unwrap().unwrap().1.locked);
    assert_eq!(admin().post(&format!("{ONE}/enable"), Value::Null).await.expect(409).code(), "deleted");
    let saved = versioned(&api, 2).ask("PUT", &format!("{ONE}/settings"), Some((TOML, STAFF))).await.expect(409);
    assert_eq!(saved.code(), "deleted");
    assert_eq!(admin().post(&format!("{ONE}/sftp/password"), Value::Null).await.expect(409).code(), "deleted");
}

#[tokio::test]
async fn a_login_is_changed_piece_by_piece() {
    let (rig, api) = begun().await;
    let hash = async || rig.ports().table.credentials(&rig.user()).await.unwrap().unwrap().1.password_hash;
    let before = hash().await;
    let rotated = api.as_admin("acme").post(&format!("{ONE}/sftp/password"), Value::Null).await.expect(200);
    assert_eq!(rotated.json["password"].as_str().unwrap().len(), 20);
    assert_ne!(hash().await, before);
    let keys = api.as_admin("acme").put(&format!("{ONE}/sftp/keys"), json!({"keys": [KEY]})).await.expect(200).json;
    assert!(keys["keys"][0]["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    let networks = json!({"allowed_ips": ["192.0.2.7", "2001:db8::/32"]});
    let login = api.as_admin("acme").put(&format!("{ONE}/sftp/allowed_ips"), networks).await.expect(200).json;
    assert_eq!(login["allowed_ips"], json!(["192.0.2.7/32", "2001:db8::/32"]));
    assert_eq!((&login["keys"], &login["host"]), (&keys["keys"], &json!("sftp.muster.test")));
    let (actions, chain) = audited(&api).await;
    let changes = ["connection.sftp_password_rotated", "connection.sftp_keys_set", "connection.sftp_allowed_ips_set"];
    assert_eq!(actions[1..], changes);
    assert!(!chain.contains(rotated.json["password"].as_str().unwrap()));
}

#[tokio::test]
async fn a_login_takes_public_keys_and_networks_only() {
    let (_rig, api) = begun().await;
    let keys = json!({"keys": [KEY, "-----BEGIN OPENSSH PRIVATE KEY-----", KEY]});
    let refused = api.as_admin("acme").put(&format!("{ONE}/sftp/keys"), keys).await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "keys[1]");
    assert!(refused.json["errors"][0]["problem"].as_str().unwrap().starts_with("is a private key"));
    assert_eq!(refused.json["errors"][1]["field"], "keys[2]");
    let networks = json!({"allowed_ips": ["192.0.2.0/24", "192.0.2.1/24"]});
    let refused = api.as_admin("acme").put(&format!("{ONE}/sftp/allowed_ips"), networks).await.expect(422);
    assert_eq!(refused.json["errors"][0]["field"], "allowed_ips[1]");
    let login = api.as_admin("acme").get(&format!("{ONE}/sftp")).await.expect(200).json;
    assert_eq!((&login["keys"], &login["allowed_ips"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn whoever_is_never_to_be_touched_is_in_the_settings() {
    let (rig, api) = settled().await;
    let admin = || api.as_admin("acme");
    admin().put(&format!("{ONE}/never-touch/0010"), json!({})).await.expect(200);
    admin().put(&format!("{ONE}/never-touch/0010"), json!({})).await.expect(200);
    let list = admin().get(&format!("{ONE}/never-touch")).await.expect(200).json;
    assert_eq!(list, json!({"items": [{"unique_id": "0010"}], "next": Value::Null}));
    assert_eq!(rig.stored().await.settings_version, 2);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    assert!(rig.people().await.contains_key("0010"), "day 1 has nobody of that id");
    admin().delete(&format!("{ONE}/never-touch/0010")).await.expect(204);
    admin().get(&format!("{ONE}/never-touch/0010")).await.expect(404);
    admin().put(&format!("{ONE}/never-touch/%01"), json!({})).await.expect(422);
}

#[tokio::test]
async fn the_catalogue_says_how_a_system_is_reached_and_whether_that_is_allowed() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let wish = json!({"name": "Acme", "entitlements": ["sftp"]});
    api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    let found = api.as_admin("acme").get("/v1/providers?q=bambohr").await.expect(200).json;
    assert_eq!(found["items"][0]["name"], "BambooHR");
    let ways = found["items"][0]["ways"].as_array().unwrap();
    let own = ways.iter().find(|way| way["connector"] == "bamboohr").unwrap();
    assert_eq!((&own["kind"], &own["entitled"]), (&json!("data_connector"), &json!(false)));
    assert!(own["credential_keys"].as_array().unwrap().iter().any(|key| key["key"] == "api_key"));
    assert!(own["columns"].as_array().unwrap().contains(&json!("firstName")));
    let foreign = api.as_admin("acme").get("/v1/providers?q=zzzzzz").await.expect(200).json;
    assert!(foreign["items"][0]["ways"].as_array().unwrap().iter().any(|way| way["entitled"] == true));
    let page = api.as_admin("acme").get("/v1/providers?limit=3").await.expect(200).json;
    let next = page["next"].as_str().unwrap();
    let second = api.as_admin("acme").get(&format!("/v1/providers?limit=3&cursor={next}")).await.expect(200).json;
    assert_ne!(page["items"], second["items"]);
    api.as_admin("acme").get("/v1/providers?limit=0").await.expect(422);
    api.as_admin("acme").get("/v1/providers?cursor=x").await.expect(400);
}

#[tokio::test]
async fn connections_are_listed_page_by_page() {
    let (_rig, api) = begun().await;
    made(&api, &connection("acme", "Beta")).await.expect(201);
    made(&api, &connection("acme", "Alpha")).await.expect(201);
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let page = api.as_admin("acme").get(&format!("/v1/connections?limit=2{next}")).await.expect(200).json;
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["connection"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(ids, ["acme-alpha", "acme-beta", "acme-payroll-nightly"]);
}

fn finch(name: &str, link: &str) -> Value {
    json!({"file": {"name": name, "connector": "finch", "provider": {"connection_id": link},
        "credentials": {"access_token": "hidden-token", "webhook_secret": "aGlkZGVuLWhvb2stc2VjcmV0"},
        "fields": {"unique_id": {"from": "id"}}}})
}

#[tokio::test]
async fn an_account_at_a_provider_is_linked_once_and_free_again_after_a_deletion() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let make = async |name: &str| api.as_admin("acme").post("/v1/connections", finch(name, "c-1")).await;
    make("One").await.expect(201);
    let taken = make("Two").await.expect(409);
    assert_eq!((taken.code(), &taken.json["field"]), ("link_taken", &json!("provider")));
    api.as_admin("acme").delete("/v1/connections/acme-one?people=remove").await.expect(202);
    make("Two").await.expect(201);
    rig.settle().await;
    let account = AccountId::parse("acme").unwrap();
    let one = ConnectionId::parse("acme-one").unwrap();
    let run = rig.ports().table.runs(&account, &one).await.unwrap().remove(0);
    rig.reject(&run).await;
    let on = api.as_admin("acme").post("/v1/connections/acme-one/enable", Value::Null).await.expect(409);
    assert_eq!(on.code(), "link_taken");
    api.as_admin("acme").delete("/v1/connections/acme-two?people=keep").await.expect(200);
    api.as_admin("acme").post("/v1/connections/acme-one/enable", Value::Null).await.expect(200);
    let settings = api.as_admin("acme").get("/v1/connections/acme-two/settings").await.expect(200);
    assert_eq!(settings.json["credentials_set"], json!(["webhook_secret"]), "the others are forgotten");
}

#[tokio::test]
async fn what_has_no_room_is_refused_by_its_key() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    entitled(&api, "acme").await;
    let long = "x".repeat(5_000);
    let mut new = finch("Long", &long);
    new["file"]["credentials"]["access_token"] = json!(long);
    let refused = api.as_admin("acme").post("/v1/connections", new).await.expect(422);
    let errors = refused.json["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["provider.connection_id", "credentials"]);
    let mut new = json!({"file": json_file("Long")});
    new["file"]["never_remove"] = json!((0..5_000).map(|n| format!("id-{n:06}")).collect::<Vec<_>>());
    assert_eq!(api.as_admin("acme").post("/v1/connections", new).await.expect(422).json["field"], "file");
}
