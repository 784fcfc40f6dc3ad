//! Fields, what a source offers, trying settings out, and the values of mapped fields.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::http::Request;
use muster_local::Service;
use muster_sync::{RunState, SecretPlace, Secrets, TriedOut, TryOut};
use muster_tests::api::{Answer, Api, NoWeb, Session};
use muster_tests::faulty::Faulty;
use muster_tests::house::{House, file};
use muster_tests::rig::{Rig, ports_over};
use muster_tests::sample::{DAYS, STAFF, csv, day, staff};
use serde_json::{Value, json};

const HERE: &str = "/v1/connections/acme-payroll-nightly";

/// Everything that is stored or on its way.
async fn everything(rig: &Rig) -> Vec<String> {
    let scan = Request::builder().header("x-amz-target", "DynamoDB_20120810.Scan");
    let scan = scan.body(Bytes::from_static(br#"{"TableName":"muster"}"#)).unwrap();
    let answer = rig.services.call(Service::DynamoDb, scan).await.ok().unwrap();
    let items: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(items["LastEvaluatedKey"], Value::Null, "one page holds all");
    let mut lines: Vec<String> = items["Items"].as_array().unwrap().iter().map(ToString::to_string).collect();
    lines.sort();
    lines.extend(rig.services.objects.list("muster", "").into_iter().map(|object| format!("{object:?}")));
    lines.push(format!("{:?} {:?}", rig.services.sqs.counts(), rig.services.ssm.names()));
    lines.extend(rig.mails());
    lines
}

/// Asks, and sees that nothing was stored, sent or told, and that nothing but reads was even asked for.
async fn without_a_trace(rig: &Rig, ask: impl AsyncFnOnce(Session<'_, NoWeb>) -> Answer) -> Answer {
    let before = everything(rig).await;
    let faulty = Faulty::new(&rig.services, &[]);
    let api = Api::at(ports_over(rig, &faulty), NoWeb);
    let answer = ask(api.as_admin("acme")).await;
    assert_eq!(everything(rig).await, before);
    let reads = ["DynamoDb GetItem", "DynamoDb BatchGetItem", "DynamoDb Query", "S3 GET", "Ssm GetParameter"];
    for call in faulty.log() {
        assert!(reads.iter().any(|read| call.starts_with(read)), "{call}");
    }
    answer
}

async fn settled(toml: &str, files: &[(&str, Vec<u8>)]) -> Rig {
    let rig = Rig::connected(toml).await;
    for (name, bytes) in files {
        rig.upload(name, bytes).await;
        rig.settle().await;
    }
    rig
}

async fn try_toml(rig: &Rig, query: &str, toml: &str) -> Answer {
    let path = format!("{HERE}/trials{query}");
    without_a_trace(rig, async |admin| admin.ask("POST", &path, Some(("application/toml", toml))).await).await
}

fn column<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    let columns = answer.json["columns"].as_array().unwrap();
    columns.iter().find(|column| column["name"] == name).unwrap_or_else(|| panic!("no {name}: {}", answer.text))
}

#[tokio::test]
async fn a_field_is_locked_by_the_connections_that_fill_it() {
    let rig = settled(STAFF, &[]).await;
    let list = without_a_trace(&rig, async |admin| admin.get("/v1/fields").await).await.expect(200);
    let items = list.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 33);
    let field = |name: &str| items.iter().find(|item| item["name"] == name).unwrap();
    let by = json!([{"connection": "acme-payroll-nightly", "name": "Payroll nightly"}]);
    assert_eq!((&field("department")["locked"], &field("department")["locked_by"]), (&json!(true), &by));
    assert_eq!((&field("city")["locked"], &field("city")["locked_by"]), (&json!(false), &json!([])));
    assert_eq!((&field("department")["family"], &field("city")["family"]), (&json!("flexible"), &json!("specific")));
    assert!(field("email_1")["data_types"].as_array().unwrap().contains(&json!("Work")));
    assert_eq!((&field("start_date")["multi_value"], &field("city")["multi_value"]), (&json!(false), &json!(true)));
    let other = Api::of(&rig).as_admin("beta").get("/v1/fields").await.expect(200);
    assert!(!other.text.contains("acme"), "{}", other.text);
}

#[tokio::test]
async fn a_look_at_the_last_file_shows_shapes_and_never_a_value() {
    let mut rows = staff(40);
    rows[3] = "0003,Zebediah Quux,Sales,A".into();
    rows[4] = "0004,zq@quux.example,,A".into();
    let rig = settled(STAFF, &[(DAYS[0], csv(&rows))]).await;
    let look = without_a_trace(&rig, async |admin| admin.get(&format!("{HERE}/source")).await).await.expect(200);
    assert_eq!((&look.json["looked_at"]["kind"], &look.json["looked_at"]["name"]), (&json!("file"), &json!(DAYS[0])));
    assert_eq!((&look.json["rows"], &look.json["complete"]), (&json!(40), &json!(true)));
    let names: Vec<_> = look.json["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(names, ["id", "name", "dept", "status"]);
    for value in ["Zebediah", "Quux", "quux", "0003", "Sales", "Legal", "P17"] {
        assert!(!look.text.contains(value), "{value}: {}", look.text);
    }
    assert_eq!(column(&look, "id")["samples"], json!(["9999"]));
    assert_eq!(column(&look, "name")["samples"], json!(["X9", "Xxxxxxxx Xxxx", "x…@x…", "X99"]));
    assert_eq!((&column(&look, "dept")["filled"], &column(&look, "dept")["fill_rate"]), (&json!(39), &json!(0.975)));
    assert_eq!(column(&look, "dept")["mapped_to"], json!(["department"]));
    assert_eq!(column(&look, "dept")["guess"]["field"], "department");
}

#[tokio::test]
async fn a_blocked_column_is_named_and_never_shown() {
    let rig = settled(STAFF, &[]).await;
    let sample = "id,SSN,Note\n1,quux-1,fine\n2,quux-2,123-45-6789\n";
    let path = format!("{HERE}/source/sample");
    let look = without_a_trace(&rig, async |admin| admin.ask("POST", &path, Some(("text/csv", sample))).await).await;
    let look = look.expect(200);
    for name in ["SSN", "Note"] {
        let column = column(&look, name);
        assert_eq!((&column["blocked"], &column["samples"]), (&json!(true), &json!([])), "{name}");
        assert!(column["blocked_reason"].is_string());
    }
    assert!(!look.text.contains("quux") && !look.text.contains("6789"), "{}", look.text);
    assert_eq!(look.json["missing_fields"], json!(["first_name", "employment_status", "department"]));
}

#[tokio::test]
async fn a_header_alone_is_a_sample_and_what_is_no_people_file_is_refused() {
    let rig = settled(STAFF, &[]).await;
    let api = Api::of(&rig);
    let ask = async |text: &str| {
        api.as_admin("acme").ask("POST", &format!("{HERE}/source/sample"), Some(("text/csv", text))).await
    };
    let look = ask("Badge,Work Email").await.expect(200);
    assert_eq!((&look.json["rows"], &look.json["complete"]), (&json!(0), &json!(true)));
    let guess = &column(&look, "Work Email")["guess"];
    assert_eq!((&guess["field"], &guess["type"]), (&json!("email_1"), &json!("Work")));
    assert_eq!(column(&look, "Badge")["fill_rate"], Value::Null);
    assert_eq!(ask("%PDF-1.7 nothing").await.expect(409).code(), "source_unreadable");
}

#[tokio::test]
async fn without_a_file_there_is_nothing_to_look_at_or_to_try() {
    let rig = settled(STAFF, &[]).await;
    for (method, path) in [("GET", "source"), ("POST", "trials"), ("GET", "values"), ("GET", "values/department")] {
        let path = format!("{HERE}/{path}");
        let answer = without_a_trace(&rig, async |admin| admin.ask(method, &path, None).await).await;
        assert_eq!(answer.expect(409).code(), "no_source", "{path}");
    }
    let live = Api::of(&rig).as_admin("acme").get(&format!("{HERE}/source?live=true")).await;
    assert_eq!(live.expect(409).code(), "no_source");
}

#[tokio::test]
async fn a_trial_gives_the_plan_of_the_real_import_and_stores_nothing() {
    let mut rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    rig.connect(&STAFF.replace("mode = \"active\"", "mode = \"preview\"")).await;
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    let real = rig.last_run().await;
    assert_eq!(real.state, RunState::Held);
    for body in [Value::Null, json!({})] {
        let path = format!("{HERE}/trials");
        let trial = without_a_trace(&rig, async |admin| admin.post(&path, body).await).await.expect(200);
        let plan = &trial.json["plan"];
        assert_eq!(plan["hash"], real.plan.as_ref().unwrap().hash);
        assert_eq!(plan["held"], json!(real.held));
        let counts = |name: &str| plan["counts"][name].as_u64().unwrap();
        let seen = [counts("rows"), counts("added"), counts("updated"), counts("deactivated"), counts("removed")];
        let real = real.counts;
        assert_eq!(seen, [real.rows, real.added, real.updated, real.deactivated, real.removed]);
        assert_eq!(plan["changes"].as_array().unwrap().len(), 4);
        let renamed = plan["changes"].as_array().unwrap().iter().find(|change| change["unique_id"] == "0003").unwrap();
        assert_eq!(renamed["fields"][0], json!({"field": "first_name", "old": ["P3"], "new": ["Renamed"]}));
        let values = json!([{"field": "department", "value": "Research", "people": 1, "unmapped": false}]);
        assert_eq!(plan["new_values"], values);
    }
}

#[tokio::test]
async fn other_settings_are_tried_with_the_last_file_before_they_are_saved() {
    let rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    let stored = rig.stored().await;
    let candidate = STAFF.replace("from = \"name\"", "from = \"name\"\ntransforms = [\"lower\"]");
    let trial = try_toml(&rig, "", &candidate).await.expect(200);
    let plan = &trial.json["plan"];
    assert_eq!((&plan["counts"]["updated"], &plan["held"]), (&json!(40), &json!(["updates", "field_change"])));
    assert_eq!(plan["fields"], json!([{"field": "first_name", "changed": 40, "blanked": 0}]));
    let gate = &plan["gates"][0];
    assert_eq!((&gate["gate"], &gate["meter"], &gate["limit"]), (&json!("updates"), &json!(40), &json!("75%")));
    assert_eq!(rig.stored().await, stored);
}

#[tokio::test]
async fn a_trial_of_a_file_that_the_settings_refuse_says_why() {
    let rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    let other_name = STAFF.replace("people_{yyyymmdd}.csv", "staff_{yyyymmdd}.csv");
    let trial = try_toml(&rig, "", &other_name).await.expect(200);
    assert!(trial.json["refused"].as_str().unwrap().contains("staff_{yyyymmdd}.csv"), "{}", trial.text);
    let other_id = STAFF.replace("from = \"id\"", "from = \"badge\"");
    let trial = try_toml(&rig, "", &other_id).await.expect(200);
    assert_eq!((&trial.json["plan"], &trial.json["findings"][0]["code"]), (&Value::Null, &json!("header")));
}

#[tokio::test]
async fn settings_that_would_not_be_saved_are_told_key_by_key() {
    let mut rig = settled(STAFF, &[]).await;
    rig.connect(&muster_tests::sample::connection("acme", "Other")).await;
    let bad = [
        ("from = \"dept\"", "from = \"Birth Date\"", "fields.department.from"),
        ("from = \"dept\"", "expr = 'row['", "fields.department.expr"),
        ("from = \"dept\"", "from = \"dept\"\ntype = \"Work\"", "fields.department.type"),
        ("[fields.unique_id]\nfrom = \"id\"", "", "fields.unique_id"),
        ("group = \"Acme staff\"", "group = \"acme other\"", "group"),
        ("name = \"Payroll nightly\"", "name = \"Elsewhere\"", "name"),
        ("account = \"acme\"", "account = \"beta\"", "account"),
        ("mode = \"active\"", "connector = \"finch\"", "connector"),
    ];
    for (good, bad, field) in bad {
        let candidate = STAFF.replace(good, bad);
        let checked = try_toml(&rig, "?validate_only=true", &candidate).await.expect(200);
        let fields: BTreeSet<_> = checked.json["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["field"].as_str().unwrap())
            .collect();
        assert!(checked.json["valid"] == false && fields.contains(field), "{field}: {}", checked.text);
        let refused = try_toml(&rig, "", &candidate).await.expect(422);
        assert!(refused.json["errors"].as_array().unwrap().iter().any(|error| error["field"] == field), "{field}");
    }
    let checked = try_toml(&rig, "?validate_only=true", STAFF).await.expect(200);
    assert_eq!((&checked.json["valid"], &checked.json["problems"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn settings_are_tried_as_json_as_they_are_shown() {
    let rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    let api = Api::of(&rig);
    let mut file = api.as_admin("acme").get(&format!("{HERE}/settings")).await.expect(200).json["file"].clone();
    file["fields"]["first_name"]["transforms"] = json!(["lower"]);
    let path = format!("{HERE}/trials");
    let trial = without_a_trace(&rig, async |admin| admin.post(&path, file.clone()).await).await.expect(200);
    assert_eq!(trial.json["plan"]["counts"]["updated"], 40);
    file["fields"]["first_name"]["transforms"] = json!(["louder"]);
    let refused = without_a_trace(&rig, async |admin| admin.post(&path, file.clone()).await).await.expect(422);
    assert_eq!(refused.json["field"], "fields.first_name.transforms");
    file["shoe_size"] = json!(43);
    without_a_trace(&rig, async |admin| admin.post(&path, file.clone()).await).await.expect(422);
}

#[tokio::test]
async fn a_trial_that_runs_out_of_time_says_so() {
    let rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    let ports = rig.ports();
    let mut connection = rig.stored().await;
    connection.settings = STAFF.replace("from = \"name\"", "from = \"name\"\ntransforms = [\"lower\"]");
    let (ledger, objects, clock) = (&ports.table, &ports.bucket, &ports.clock);
    let trial = TryOut { ledger, directory: &ports.table, objects, clock, until_ms: 0 };
    let tried = trial.try_out(&connection).await.unwrap().tried;
    assert!(matches!(tried, TriedOut::TimeUp { people: 0 }), "{tried:?}");
}

/// The staff's connection with a value table that knows `Sales` only.
fn with_table() -> String {
    STAFF.replace("from = \"dept\"", "from = \"dept\"\nvalues = { \"Sales\" = \"Selling\" }")
}

#[tokio::test]
async fn an_unmapped_value_comes_first_and_a_blocked_one_never() {
    let mut rows = staff(40);
    rows[3] = "0003,P3,123-45-6789,A".into();
    rows[4] = "0004,P4,Legal,Z".into();
    let rig = settled(&with_table(), &[(DAYS[0], csv(&rows))]).await;
    let get = async |path: &str| {
        let path = format!("{HERE}/{path}");
        without_a_trace(&rig, async |admin| admin.get(&path).await).await.expect(200)
    };
    let first = get("values/department?limit=2").await;
    assert_eq!((&first.json["blocked"], &first.json["complete"]), (&json!(1), &json!(true)));
    let shown = |answer: &Answer| {
        let items = answer.json["items"].as_array().unwrap().iter();
        items.map(|item| (item["value"].clone(), item["rows"].clone(), item["mapped_to"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), [(json!("Legal"), json!(14), Value::Null), (json!("Ops"), json!(12), Value::Null)]);
    let cursor = first.json["next"].as_str().unwrap();
    let second = get(&format!("values/department?limit=2&cursor={cursor}")).await;
    assert_eq!(shown(&second), [(json!("Sales"), json!(13), json!("Selling"))]);
    assert_eq!(second.json["next"], Value::Null);
    let status = get("values/employment_status").await;
    assert_eq!(shown(&status)[0], (json!("Z"), json!(1), Value::Null));
    let tables = get("values").await;
    let line = tables.json["items"].as_array().unwrap().iter().find(|item| item["field"] == "department").unwrap();
    assert_eq!((&line["distinct"], &line["unmapped"], &line["blocked"]), (&json!(3), &json!(2), &json!(1)));
    for answer in [first, second, tables] {
        assert!(!answer.text.contains("6789"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_value_that_no_table_has_is_mailed_once_and_makes_no_group() {
    let mut rows = staff(40);
    rows.retain(|row| row.contains("Sales"));
    rows[0] = "0000,P0,Opps,A".into();
    let rig = settled(&with_table(), &[(DAYS[0], csv(&rows))]).await;
    rows[0] = "0000,Renamed,Opps,A".into();
    rows[1] = "0003,Renamed,Leagl,A".into();
    rig.upload(DAYS[1], &csv(&rows)).await;
    rig.settle().await;
    let told: Vec<bool> =
        rig.services.ses.mails().iter().map(|mail| format!("{mail:?}").contains("Opps (not in the")).collect();
    assert_eq!(told, [true, false]);
    let values = Api::of(&rig).as_admin("acme").get(&format!("{HERE}/values")).await.expect(200);
    let line = values.json["items"].as_array().unwrap().iter().find(|item| item["field"] == "department").unwrap();
    assert_eq!((&line["unmapped"], &line["new"]), (&json!(2), &json!(1)));
    let (account, _) = rig.connection.clone().unwrap();
    let groups = muster_sync::groups(&rig.ports().table, &account).await.unwrap();
    assert_eq!(
        groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["Acme staff", "Department: Selling"]
    );
}

#[tokio::test]
async fn values_of_fields_that_tell_people_apart_are_not_listed() {
    let rig = settled(STAFF, &[(DAYS[0], day(0))]).await;
    let api = Api::of(&rig);
    let get = async |field: &str| api.as_admin("acme").get(&format!("{HERE}/values/{field}")).await;
    assert_eq!(get("first_name").await.expect(422).code(), "invalid");
    assert_eq!(get("city").await.expect(409).code(), "not_mapped");
    get("shoe_size").await.expect(404);
    let tables = api.as_admin("acme").get(&format!("{HERE}/values")).await.expect(200);
    assert!(tables.text.contains("department"), "{}", tables.text);
    assert!(!tables.text.contains("first_name"), "{}", tables.text);
}

/// A provider's connection that has listed its people, with its credentials where the API finds them.
async fn listed(people: u64) -> House {
    let house = House::settled("bamboohr", people).await;
    let (account, connection) = house.rig.connection.clone().unwrap();
    let place = SecretPlace::Connection(account, connection);
    let set = house.secrets(&place, true).await.unwrap().unwrap();
    house.rig.ports().secrets.put_secrets(&place, &set).await.unwrap();
    house
}

#[tokio::test]
async fn a_provider_is_looked_at_in_its_last_listing_and_live_without_a_trace() {
    let house = listed(25).await;
    let api = Api::over(&house);
    let before = everything(&house.rig).await;
    let last = api.as_admin("acme").get("/v1/connections/acme-people/source").await.expect(200);
    assert_eq!((&last.json["looked_at"]["kind"], &last.json["rows"]), (&json!("listing"), &json!(25)));
    let first_name = column(&last, "firstName");
    assert_eq!((&first_name["looked_at"], &first_name["mapped_to"]), (&json!(true), &json!(["first_name"])));
    let not_mapped = column(&last, "department");
    assert_eq!((&not_mapped["looked_at"], &not_mapped["fill_rate"]), (&json!(false), &Value::Null));
    let sent = house.sent.get();
    let live = api.as_admin("acme").get("/v1/connections/acme-people/source?live=true").await.expect(200);
    assert!(house.sent.get() > sent);
    assert_eq!(
        (&live.json["looked_at"]["kind"], &column(&live, "department")["looked_at"]),
        (&json!("live"), &json!(true))
    );
    assert!(column(&live, "firstName")["filled"].as_u64().unwrap() > 0, "{}", live.text);
    assert_eq!(everything(&house.rig).await, before);
    let people = house.rig.people().await;
    let name = people.values().next().unwrap().recipient.values[&muster_core::field::Field::FIRST_NAME].clone();
    for answer in [last, live] {
        assert!(!answer.text.contains(name.iter().next().unwrap()), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_provider_that_was_never_listed_offers_what_its_connector_knows() {
    let house = House::connected("bamboohr", 5, "").await;
    let api = Api::over(&house);
    let look = api.as_admin("acme").get("/v1/connections/acme-people/source").await.expect(200);
    assert_eq!((&look.json["looked_at"], &look.json["rows"]), (&Value::Null, &json!(0)));
    assert_eq!(column(&look, "firstName")["mapped_to"], json!(["first_name"]));
    let trial = api.as_admin("acme").post("/v1/connections/acme-people/trials", Value::Null).await;
    assert_eq!(trial.expect(409).code(), "no_source");
    assert_eq!(house.sent.get(), 0);
}

#[tokio::test]
async fn a_providers_settings_are_tried_with_its_last_listing() {
    let house = listed(25).await;
    let api = Api::over(&house);
    let before = everything(&house.rig).await;
    let ask = async |toml: &str| {
        let body = Some(("application/toml", toml));
        api.as_admin("acme").ask("POST", "/v1/connections/acme-people/trials", body).await.expect(200)
    };
    let same = ask(&file("bamboohr", "")).await;
    let counts = &same.json["plan"]["counts"];
    assert_eq!((&counts["rows"], &counts["unchanged"], &counts["removed"]), (&json!(25), &json!(25), &json!(0)));
    let lower = file("bamboohr", "").replace("from = \"firstName\"", "from = \"firstName\"\ntransforms = [\"lower\"]");
    assert_eq!(ask(&lower).await.json["plan"]["counts"]["updated"], 25);
    let more = file("bamboohr", "") + "[fields.department]\nfrom = \"department\"\n";
    assert_eq!(ask(&more).await.json["plan"]["not_fetched"], json!(["department"]));
    assert_eq!(everything(&house.rig).await, before);
}
