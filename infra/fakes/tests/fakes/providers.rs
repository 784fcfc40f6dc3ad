//! What each provider insists on, and how its answers look.

use serde_json::{Value, json};

use crate::support::{Bench, keys};

async fn check_refused(provider: &'static str, path: &str, headers: &str, status: u16) {
    let bench = Bench::with(provider, 2).await;
    let reply = bench.try_request("GET", &format!("/{provider}{path}"), headers, "").await.unwrap();
    assert_eq!(reply.status, status, "{provider} {path} {headers:?}");
}

/// One person under control, with this in the fields.
async fn one(provider: &'static str, fields: Value) -> (Bench, String) {
    let bench = Bench::new(provider).await;
    let id = bench.control("POST", "people", &fields).await["id"].as_str().unwrap().to_owned();
    (bench, id)
}

#[tokio::test]
async fn requests_without_the_right_headers_are_refused() {
    let wrong = "authorization: Bearer wrong\r\n";
    for headers in ["", wrong] {
        check_refused("apideck", "/hris/employees", headers, 401).await;
        check_refused("merge", "/employees", headers, 401).await;
        check_refused("finch", "/employer/directory", headers, 401).await;
        check_refused("workos", "/directory_users?directory=directory_1", headers, 401).await;
        check_refused("bamboohr", "/api/v1/employees/directory", headers, 401).await;
    }
    check_refused("apideck", "/hris/employees", "authorization: Bearer apideck-key\r\nx-apideck-app-id: a\r\n", 400)
        .await;
    check_refused("merge", "/employees", "authorization: Bearer merge-key\r\n", 401).await;
    check_refused("finch", "/employer/directory", "authorization: Bearer finch-token\r\n", 400).await;
}

#[tokio::test]
async fn page_sizes_beyond_the_limit_are_refused() {
    let cases = [
        ("apideck", "/hris/employees?limit=201", 400),
        ("apideck", "/hris/employees?limit=0", 400),
        ("merge", "/employees?page_size=101", 400),
        ("workos", "/directory_users?directory=directory_1&limit=101", 422),
        ("bamboohr", "/api/v1/employees?page%5Blimit%5D=2501", 400),
        ("finch", "/employer/directory?limit=0", 400),
    ];
    for (provider, path, status) in cases {
        check_refused(provider, path, keys(provider), status).await;
    }
}

#[tokio::test]
async fn a_person_who_is_gone_is_not_found() {
    let paths = [
        ("apideck", "/hris/employees/"),
        ("merge", "/employees/"),
        ("workos", "/directory_users/"),
        ("bamboohr", "/api/v1/employees/"),
    ];
    for (provider, path) in paths {
        let (bench, id) = one(provider, json!({})).await;
        assert_eq!(bench.get(&format!("{path}{id}")).await.status, 200, "{provider}");
        bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
        assert_eq!(bench.get(&format!("{path}{id}")).await.status, 404, "{provider}");
    }
    let (bench, id) = one("finch", json!({})).await;
    bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
    let batch = bench.post("/employer/employment", &json!({"requests": [{"individual_id": id}]})).await;
    assert_eq!((batch.status, batch.json()["responses"][0]["code"].as_u64()), (200, Some(404)));
}

#[tokio::test]
async fn statuses_are_told_in_the_providers_words() {
    let apideck = [("leave", "inactive"), ("retired", "terminated"), ("terminated", "terminated")];
    for (status, word) in apideck {
        let (bench, id) = one("apideck", json!({"status": status})).await;
        let data = bench.get(&format!("/hris/employees/{id}")).await.json()["data"].clone();
        assert_eq!(
            (&data["employment_status"], data["leaving_reason"] == "retired"),
            (&json!(word), status == "retired")
        );
    }
    for (status, word) in [("active", "ACTIVE"), ("pending", "PENDING"), ("retired", "INACTIVE"), ("odd", "ODD")] {
        let (bench, id) = one("merge", json!({"status": status})).await;
        assert_eq!(bench.get(&format!("/employees/{id}")).await.json()["employment_status"], word);
    }
    for (status, word) in [("inactive", "leave"), ("deceased", "deceased"), ("pending", "onboarding")] {
        let (bench, id) = one("finch", json!({"status": status})).await;
        let batch = bench.post("/employer/employment", &json!({"requests": [{"individual_id": id}]})).await;
        assert_eq!(batch.json()["responses"][0]["body"]["employment_status"], word);
    }
    for (status, word) in [("leave", "Active"), ("retired", "Inactive")] {
        let (bench, id) = one("bamboohr", json!({"status": status})).await;
        assert_eq!(bench.get(&format!("/api/v1/employees/{id}?fields=status")).await.json()["status"], word);
    }
}

#[tokio::test]
async fn merge_shows_changes_since_a_time_and_the_removed_on_request() {
    let (bench, id) = one("merge", json!({})).await;
    let seen = bench.get(&format!("/employees/{id}")).await.json()["modified_at"].as_str().unwrap().to_owned();
    let since = async |more: &str| {
        let page = bench.get(&format!("/employees?modified_after={seen}{more}")).await.json();
        page["results"].as_array().unwrap().iter().map(|row| row["remote_was_deleted"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(since("").await, Vec::<Value>::new());
    bench.control("PATCH", &format!("people/{id}"), &json!({"title": "Chief"})).await;
    assert_eq!(since("").await, [false]);
    bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
    assert_eq!(since("").await, Vec::<Value>::new());
    assert_eq!(since("&include_deleted_data=true").await, [true]);
    assert_eq!(bench.get("/employees?modified_after=yesterday").await.status, 400);
}

#[tokio::test]
async fn merge_gives_ids_or_objects_as_asked() {
    let (bench, id) = one("merge", json!({"title": "Nurse", "department": "Ward 4"})).await;
    let plain = bench.get(&format!("/employees/{id}")).await.json();
    assert!(
        plain["employments"][0].is_string() && plain["groups"][0].is_string() && plain["home_location"].is_string()
    );
    let whole = bench.get(&format!("/employees/{id}?expand=employments,groups,home_location")).await.json();
    assert_eq!(
        (&whole["employments"][0]["job_title"], &whole["groups"][0]["name"]),
        (&json!("Nurse"), &json!("Ward 4"))
    );
    assert_eq!(whole["home_location"]["location_type"], "HOME");
    let prefixed = bench.get(&format!("/api/hris/v1/employees/{id}")).await;
    assert_eq!(prefixed.status, 200);
}

#[tokio::test]
async fn providers_that_can_refresh_do_and_tell() {
    for (provider, path, body, event) in [
        ("merge", "/sync-status/resync", json!({}), "LinkedAccount.sync_completed"),
        ("finch", "/jobs/automated", json!({"type": "data_sync_all"}), "job.data_sync_all.completed"),
    ] {
        let bench = Bench::new(provider).await;
        bench.control("POST", "webhook_url", &json!({"hold": true})).await;
        assert_eq!(bench.post(path, &body).await.status, 200);
        assert_eq!(bench.state().await["webhooks"]["held"][0]["event"], event);
    }
    let bench = Bench::new("finch").await;
    let job = bench.post("/jobs/automated", &json!({"type": "data_sync_all"})).await.json();
    let path = format!("/jobs/automated/{}", job["job_id"].as_str().unwrap());
    assert_eq!(bench.get(&path).await.json()["status"], "complete");
}

#[tokio::test]
async fn the_events_of_workos_go_on_after_the_last_one_seen() {
    let (bench, id) = one("workos", json!({})).await;
    bench.control("PATCH", &format!("people/{id}"), &json!({"title": "Chief"})).await;
    bench.control("DELETE", &format!("people/{id}"), &json!({})).await;
    let all = "/events?events%5B%5D=dsync.user.created&events%5B%5D=dsync.user.updated&events%5B%5D=dsync.user.deleted";
    let first = bench.get(&format!("{all}&limit=2")).await.json();
    let kinds = |page: &Value| {
        let events = page["data"].as_array().unwrap().iter();
        events.map(|event| event["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&first), ["dsync.user.created", "dsync.user.updated"]);
    assert!(first["data"][1]["data"]["previous_attributes"]["job_title"].is_string());
    let after = first["data"][1]["id"].as_str().unwrap();
    let rest = bench.get(&format!("{all}&limit=2&after={after}")).await.json();
    assert_eq!((kinds(&rest), rest["list_metadata"]["after"].is_null()), (vec!["dsync.user.deleted".to_owned()], true));
    assert_eq!(bench.get("/events").await.status, 422);
    assert_eq!(bench.get("/directory_users").await.status, 422);
    let later = bench.get(&format!("{all}&range_start=2999-01-01T00:00:00Z")).await.json();
    assert_eq!(kinds(&later), Vec::<String>::new());
}

// `bamboo-key:x` in base64.
const BASIC: &str = "authorization: Basic YmFtYm9vLWtleTp4\r\naccept: application/json\r\n";

async fn with_key(bench: &Bench, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if method == "GET" { String::new() } else { body.to_string() };
    let reply = bench.try_request(method, &format!("/bamboohr{path}"), BASIC, &body).await.unwrap();
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[tokio::test]
async fn a_key_of_bamboohr_opens_all_but_the_newer_listing() {
    let (bench, id) = one("bamboohr", json!({"end_date": null})).await;
    let get = async |path: &str| with_key(&bench, "GET", path, &json!({})).await;
    assert_eq!(get("/api/v1/employees").await.0, 401);
    assert_eq!(get("/api/v1/employees/directory").await.1["employees"][0]["id"], json!(id));
    let (_, person) = get(&format!("/api/v1/employees/{id}?fields=firstName,terminationDate")).await;
    assert_eq!(person["terminationDate"], "0000-00-00");
    let (_, changed) = get("/api/v1/employees/changed?since=1970-01-01T00:00:00Z").await;
    assert_eq!(changed["employees"][&id]["action"], "Inserted");
    assert_eq!(get("/api/v1/employees/changed").await.0, 400);
}

#[tokio::test]
async fn changes_of_bamboohr_tell_what_happened() {
    let (bench, kept) = one("bamboohr", json!({})).await;
    let gone = bench.control("POST", "people", &json!({})).await["id"].as_str().unwrap().to_owned();
    bench.control("PATCH", &format!("people/{kept}"), &json!({"title": "Chief"})).await;
    bench.control("DELETE", &format!("people/{gone}"), &json!({})).await;
    let changed = bench.get("/api/v1/employees/changed?since=2020-01-01T00:00:00Z").await.json();
    let action = |id: &str| changed["employees"][id]["action"].as_str().unwrap().to_owned();
    assert_eq!((action(&kept), action(&gone)), ("Updated".to_owned(), "Deleted".to_owned()));
    let later = bench.get("/api/v1/employees/changed?since=2999-01-01T00:00:00Z").await.json();
    assert_eq!(later["employees"], json!({}));
}

#[tokio::test]
async fn reports_and_datasets_of_bamboohr_list_everybody_for_a_key() {
    let bench = Bench::with("bamboohr", 7).await;
    let fields = json!({"fields": ["firstName", "workEmail", "status"]});
    let (status, report) = with_key(&bench, "POST", "/api/v1/reports/custom?format=JSON", &fields).await;
    assert_eq!((status, report["employees"].as_array().unwrap().len()), (200, 7));
    let page = json!({"fields": ["firstName"], "page": 2, "pageSize": 5});
    let (_, dataset) = with_key(&bench, "POST", "/api/v2/datasets/employee/data", &page).await;
    assert_eq!((dataset["data"].as_array().unwrap().len(), &dataset["meta"]["totalItems"]), (2, &json!(7)));
    let (_, old) = with_key(&bench, "POST", "/api/v1/datasets/employee?page=1&page_size=5", &fields).await;
    assert_eq!((old["data"].as_array().unwrap().len(), &old["pagination"]["total_pages"]), (5, &json!(2)));
}

#[tokio::test]
async fn the_directory_of_bamboohr_shows_only_who_works() {
    let (bench, id) = one("bamboohr", json!({})).await;
    bench.control("PATCH", &format!("people/{id}"), &json!({"status": "terminated"})).await;
    assert_eq!(bench.get("/api/v1/employees/directory").await.status, 404);
    assert_eq!(bench.get("/api/v1/employees").await.json()["data"][0]["status"], "Inactive");
}

#[tokio::test]
async fn bamboohr_answers_in_xml_unless_json_is_asked_for() {
    let (bench, id) = one("bamboohr", json!({})).await;
    let path = format!("/bamboohr/api/v1/employees/{id}");
    let reply = bench.try_request("GET", &path, "authorization: Bearer bamboo-token\r\n", "").await.unwrap();
    assert!(reply.text().starts_with("<?xml"));
}

#[tokio::test]
async fn finch_gives_one_person_in_three_calls() {
    let (bench, id) = one("finch", json!({"employee_number": "E-7", "custom": {"Badge": "B-9"}})).await;
    let directory = bench.get("/employer/directory").await.json();
    assert_eq!(directory["individuals"][0]["id"], json!(id));
    let asked = json!({"requests": [{"individual_id": id}]});
    let individual = bench.post("/employer/individual", &asked).await.json()["responses"][0]["body"].clone();
    assert_eq!(individual["emails"][0]["type"], "work");
    let employment = bench.post("/employer/employment", &asked).await.json()["responses"][0]["body"].clone();
    assert_eq!((&employment["source_id"], &employment["custom_fields"][0]["value"]), (&json!("E-7"), &json!("B-9")));
    let too_many: Vec<Value> = (0..10_001).map(|_| json!({"individual_id": id})).collect();
    assert_eq!(bench.post("/employer/individual", &json!({"requests": too_many})).await.status, 400);
}
