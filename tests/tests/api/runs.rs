//! Runs and plans: listed, shown, decided about, undone, downloaded; files brought in by hand.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use muster_local::Service;
use muster_sync::{Admin, RunState};
use muster_tests::api::{Answer, Api, NoWeb};
use muster_tests::hand::dump;
use muster_tests::house::House;
use muster_tests::rig::Rig;
use muster_tests::sample::{DAYS, STAFF, connection, csv, day, staff};
use serde_json::{Value, json};

const CONNECTION: &str = "/v1/connections/acme-payroll-nightly";

/// A rig that has applied so many days.
async fn after_days(days: usize) -> Rig {
    let rig = Rig::connected(STAFF).await;
    for (n, name) in DAYS.iter().enumerate().take(days) {
        rig.upload(name, &day(n)).await;
        rig.settle().await;
    }
    rig
}

/// A rig whose second day waits: it would remove ten of forty.
pub(crate) async fn held() -> Rig {
    let rig = after_days(1).await;
    rig.upload(DAYS[1], &csv(&staff(30))).await;
    rig.settle().await;
    assert_eq!(rig.last_run().await.state, RunState::Held);
    rig
}

async fn get(api: &Api<NoWeb>, path: &str) -> Value {
    api.as_admin("acme").get(path).await.expect(200).json
}

async fn post(api: &Api<NoWeb>, path: &str, body: Value) -> Answer {
    api.as_admin("acme").post(path, body).await
}

/// Every item of a list, page by page, with pages of `limit`.
async fn every(api: &Api<NoWeb>, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), None::<String>);
    let sign = if path.contains('?') { '&' } else { '?' };
    for _ in 0..100 {
        let cursor = next.map(|next| format!("&cursor={next}")).unwrap_or_default();
        let page = get(api, &format!("{path}{sign}limit={limit}{cursor}")).await;
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = Some(cursor.to_owned()),
            None => return items,
        }
    }
    panic!("{path} goes round and round");
}

fn texts(items: &[Value], key: &str) -> Vec<String> {
    items.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

/// What was decided, oldest first, as `action by`.
pub(crate) async fn audited(api: &Api<NoWeb>) -> Vec<String> {
    let mut entries = every(api, "/v1/audit", 50).await;
    entries.reverse();
    let told = |entry: &Value| format!("{} {}", entry["action"].as_str().unwrap(), entry["by"].as_str().unwrap());
    entries.iter().map(told).collect()
}

// ---- lists -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let rig = after_days(3).await;
    let api = Api::of(&rig);
    let newest_first: Vec<_> = DAYS.iter().rev().map(|name| (*name).to_owned()).collect();
    for limit in [1, 2, 200] {
        for path in ["/v1/runs", "/v1/connections/acme-payroll-nightly/runs"] {
            assert_eq!(texts(&every(&api, path, limit).await, "source"), newest_first, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn runs_of_all_connections_stand_in_one_list() {
    let mut rig = after_days(2).await;
    rig.connect(&connection("acme", "Second")).await;
    rig.upload(DAYS[2], &day(2)).await;
    rig.settle().await;
    rig.connect(&connection("beta", "Third")).await;
    rig.upload(DAYS[0], &day(0)).await;
    rig.settle().await;
    let api = Api::of(&rig);
    let runs = every(&api, "/v1/runs", 2).await;
    assert_eq!(texts(&runs, "source"), [DAYS[2], DAYS[1], DAYS[0]]);
    assert_eq!(texts(&runs, "connection"), ["acme-second", "acme-payroll-nightly", "acme-payroll-nightly"]);
    let run = rig.last_run().await.id;
    for path in ["acme-payroll-nightly", "beta-third"] {
        api.as_admin("acme").get(&format!("/v1/connections/{path}/runs/{run}")).await.expect(404);
    }
}

#[tokio::test]
async fn runs_are_filtered_by_state_cause_and_time() {
    let rig = held().await;
    let api = Api::of(&rig);
    let runs = every(&api, "/v1/runs", 50).await;
    let (second, first) = (runs[0]["received_at"].as_str().unwrap(), runs[1]["received_at"].as_str().unwrap());
    let cases = [
        ("state=held".to_owned(), vec![DAYS[1]]),
        ("state=applied".to_owned(), vec![DAYS[0]]),
        ("state=rejected".to_owned(), vec![]),
        ("cause=file".to_owned(), vec![DAYS[1], DAYS[0]]),
        ("cause=poll".to_owned(), vec![]),
        (format!("from={second}"), vec![DAYS[1]]),
        (format!("to={first}"), vec![DAYS[0]]),
        (format!("from={first}&to={second}"), vec![DAYS[1], DAYS[0]]),
        (format!("from={second}&to={first}"), vec![]),
        ("from=1969-01-01T00:00:00Z&to=9999-01-01T00:00:00Z".to_owned(), vec![DAYS[1], DAYS[0]]),
    ];
    for (filter, expected) in cases {
        let found = every(&api, &format!("{CONNECTION}/runs?{filter}"), 1).await;
        assert_eq!(texts(&found, "source"), expected, "{filter}");
    }
}

#[tokio::test]
async fn a_list_refuses_what_it_cannot_take() {
    let rig = after_days(1).await;
    let api = Api::of(&rig);
    let forged = ["bm9uc2Vuc2U", "eyJtcyI6LTEsImlkIjoiYSJ9", "eyJtcyI6MSwiaWQiOiJBLyJ9", "%00", ""];
    let cases = [
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=x", 400),
        ("state=lost", 400),
        ("from=today", 422),
        ("other=1", 400),
    ];
    let cursors = forged.map(|cursor| (format!("cursor={cursor}"), 400));
    for (query, status) in cases.map(|(query, status)| (query.to_owned(), status)).into_iter().chain(cursors) {
        api.as_admin("acme").get(&format!("/v1/runs?{query}")).await.expect(status);
        api.as_admin("acme").get(&format!("{CONNECTION}/runs?{query}")).await.expect(status);
    }
    let run = rig.last_run().await.id;
    for (query, status) in [("code=none", 422), ("severity=mild", 400), ("cursor=bm8", 400)] {
        api.as_admin("acme").get(&format!("{CONNECTION}/runs/{run}/issues?{query}")).await.expect(status);
    }
    for (query, status) in [("kind=none", 400), ("field=none", 422), ("unique_id=%00", 422), ("cursor=bm8", 400)] {
        api.as_admin("acme").get(&format!("{CONNECTION}/runs/{run}/changes?{query}")).await.expect(status);
    }
}

// ---- one run -----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_held_run_shows_why_and_whether_it_can_be_approved() {
    let rig = held().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let shown = get(&api, &format!("{CONNECTION}/runs/{}", run.id)).await;
    assert_eq!((&shown["state"], &shown["cause"]["kind"]), (&json!("held"), &json!("file")));
    assert_eq!((&shown["counts"]["removed"], &shown["counts"]["rows"]), (&json!(10), &json!(30)));
    assert_eq!(shown["hash"], run.plan.as_ref().unwrap().hash);
    assert_eq!((&shown["plan"]["approvable"], &shown["plan"]["not_approvable"]), (&json!(true), &Value::Null));
    let gates = shown["plan"]["summary"]["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["gate"] == "removals").unwrap();
    assert_eq!((&gate["meter"], &gate["of"], &gate["holds"]), (&json!(10), &json!(40), &json!(true)));
    assert!(gate["limit"]["percent"].is_number() || gate["limit"]["count"].is_number(), "{gate}");
    assert!(gates.iter().any(|gate| gate["holds"] == json!(false)), "gates within their limits are shown too");
    let groups = shown["plan"]["summary"]["groups"].as_array().unwrap();
    assert!(groups.iter().any(|group| group["left"] == json!(10)), "{groups:?}");
    for link in ["issues", "changes"] {
        get(&api, shown["links"][link].as_str().unwrap()).await;
    }
    let first = &rig.runs().await[0];
    let applied = get(&api, &format!("{CONNECTION}/runs/{}", first.id)).await;
    let plan = &applied["plan"];
    assert_eq!((&plan["approvable"], &plan["not_approvable"]), (&json!(false), &json!("wrong_state")));
}

#[tokio::test]
async fn a_run_without_a_plan_says_why_it_failed() {
    let rig = after_days(1).await;
    rig.upload("wrong.csv", &day(0)).await;
    rig.settle().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let at = format!("{CONNECTION}/runs/{}", run.id);
    let shown = get(&api, &at).await;
    assert_eq!(
        (&shown["state"], &shown["plan"], &shown["issues"]["total"]),
        (&json!("failed"), &Value::Null, &json!(1))
    );
    assert!(shown["reason"].as_str().unwrap().contains("people_{yyyymmdd}.csv"), "{shown}");
    assert_eq!(get(&api, &format!("{at}/issues")).await["items"][0]["code"], "file_name");
    assert_eq!(api.as_admin("acme").get(&format!("{at}/changes")).await.expect(409).code(), "no_plan");
    assert_eq!(post(&api, &format!("{at}/downloads/invites"), Value::Null).await.expect(409).code(), "no_plan");
    assert_eq!(post(&api, &format!("{at}/downloads/errors"), Value::Null).await.expect(409).code(), "no_errors");
}

#[tokio::test]
async fn every_change_of_a_plan_is_listed_once_over_all_its_chunks() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(1_203))).await;
    rig.settle().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    assert_eq!(run.plan.as_ref().unwrap().chunks, 3);
    let path = format!("{CONNECTION}/runs/{}/changes", run.id);
    for limit in [199, 200] {
        let changes = every(&api, &path, limit).await;
        let ids: BTreeSet<_> = texts(&changes, "unique_id").into_iter().collect();
        assert_eq!((changes.len(), ids.len()), (1_203, 1_203), "pages of {limit}");
    }
    let one = every(&api, &format!("{path}?unique_id=1202"), 50).await;
    assert_eq!(texts(&one, "unique_id"), ["1202"]);
}

#[tokio::test]
async fn a_page_of_changes_reads_a_bounded_part_of_the_plan() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(3_001))).await;
    rig.settle().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    assert_eq!(run.plan.as_ref().unwrap().chunks, 7);
    let path = format!("{CONNECTION}/runs/{}/changes?kind=remove", run.id);
    let page = get(&api, &path).await;
    assert_eq!(page["items"], json!([]));
    let next = page["next"].as_str().expect("it goes on, though nothing was found so far");
    let last = get(&api, &format!("{path}&cursor={next}")).await;
    assert_eq!((&last["items"], &last["next"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn changes_show_old_and_new_values_and_are_filtered() {
    let rig = after_days(2).await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let path = format!("{CONNECTION}/runs/{}/changes", run.id);
    let renamed = every(&api, &format!("{path}?unique_id=0003"), 50).await;
    let moves: BTreeMap<_, _> =
        renamed[0]["fields"].as_array().unwrap().iter().map(|m| (m["field"].clone().to_string(), m)).collect();
    assert_eq!(renamed.len(), 1);
    assert_eq!((&moves["\"first_name\""]["old"], &moves["\"first_name\""]["new"]), (&json!("P3"), &json!("Renamed")));
    let ids = async |filter: &str| texts(&every(&api, &format!("{path}?{filter}"), 1).await, "unique_id");
    assert_eq!(ids("kind=add").await, ["0099"]);
    assert_eq!(ids("kind=remove").await, ["0010"]);
    assert_eq!(ids("kind=deactivate").await, ["0005"]);
    assert_eq!(ids("kind=propose").await, [""; 0]);
    assert!(ids("field=employment_status").await.contains(&"0005".to_owned()));
    assert!(!ids("field=first_name").await.contains(&"0005".to_owned()));
    let gone = every(&api, &format!("{path}?kind=remove"), 50).await;
    assert!(gone[0]["fields"].as_array().unwrap().iter().all(|moved| moved["new"].is_null()), "{gone:?}");
    assert_eq!(gone[0]["reason"], "absent");
}

/// A second day with three records that cannot be read.
async fn with_errors() -> Rig {
    let rig = after_days(1).await;
    let mut rows = staff(40);
    for (row, wrong) in [(1, "0001,P1,Sales,?"), (2, ",P2,Ops,A"), (4, "0004,P4,Ops,A,more")] {
        rows[row] = wrong.into();
    }
    rig.upload(DAYS[1], &csv(&rows)).await;
    rig.settle().await;
    rig
}

#[tokio::test]
async fn findings_are_paged_by_code_and_quote_no_record() {
    let rig = with_errors().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let path = format!("{CONNECTION}/runs/{}/issues", run.id);
    let all = every(&api, &path, 1).await;
    let page = get(&api, &path).await;
    assert_eq!((page["total"].as_u64(), page["kept"].as_u64()), (Some(all.len() as u64), Some(all.len() as u64)));
    assert!(all.iter().any(|issue| issue["code"] == "id_missing" && issue["line"] == json!(4)), "{all:#?}");
    assert!(all.iter().all(|issue| issue.get("original").is_none()));
    let one = every(&api, &format!("{path}?code=column_count"), 50).await;
    assert_eq!(texts(&one, "code"), ["column_count"]);
    assert!(every(&api, &format!("{path}?severity=error"), 1).await.len() >= 2);
    let shown = get(&api, &format!("{CONNECTION}/runs/{}", run.id)).await;
    let by_code: u64 =
        shown["issues"]["by_code"].as_array().unwrap().iter().filter_map(|code| code["count"].as_u64()).sum();
    assert_eq!(Some(by_code), shown["issues"]["total"].as_u64());
}

// ---- files -------------------------------------------------------------------------------------------------------

/// What a browser that knows nothing but the address gets.
async fn fetched(
    rig: &Rig,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, BTreeMap<String, String>, String) {
    let request = axum::http::Request::builder().method(method).uri(url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = rig.services.call(Service::S3, request.body(Bytes::copy_from_slice(body)).unwrap()).await.unwrap();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status().as_u16(), headers.collect(), String::from_utf8_lossy(answer.body()).into_owned())
}

async fn downloaded(rig: &Rig, api: &Api<NoWeb>, run: &str, list: &str) -> (u64, Vec<String>) {
    let answer = post(api, &format!("{CONNECTION}/runs/{run}/downloads/{list}"), Value::Null).await.expect(200).json;
    let url = answer["url"].as_str().unwrap();
    let (status, headers, text) = fetched(rig, "GET", url, &[], b"").await;
    assert_eq!(status, 200, "{text}");
    let kept_as = &headers["content-disposition"];
    assert!(kept_as.starts_with("attachment; filename=\"people_2026") && kept_as.contains(list), "{kept_as}");
    assert!(!headers.contains_key("content-encoding"), "a browser would not know it: {headers:?}");
    let (bare, _) = url.split_once('?').unwrap();
    assert_eq!(fetched(rig, "GET", bare, &[], b"").await.0, 403, "not without the signature");
    let rows = text.trim_start_matches('\u{feff}').lines().skip(1).map(str::to_owned).collect();
    (answer["rows"].as_u64().unwrap(), rows)
}

#[tokio::test]
async fn a_plan_is_downloaded_as_three_files() {
    let rig = after_days(2).await;
    let (api, run) = (Api::of(&rig), rig.last_run().await.id);
    let (rows, invites) = downloaded(&rig, &api, run.as_str(), "invites").await;
    assert_eq!((rows, invites.len()), (1, 1));
    assert!(invites[0].starts_with("0099,add,active"), "{invites:?}");
    let (rows, updates) = downloaded(&rig, &api, run.as_str(), "updates").await;
    assert_eq!(rows as usize, updates.len());
    assert!(updates.contains(&"0003,update,first_name,P3,Renamed".to_owned()), "{updates:?}");
    assert!(updates.contains(&"0005,deactivate,employment_status,active,inactive".to_owned()), "{updates:?}");
    let (rows, deletions) = downloaded(&rig, &api, run.as_str(), "deletions").await;
    assert_eq!((rows, deletions), (1, vec!["0010,absent,P10,,".to_owned()]));
    post(&api, &format!("{CONNECTION}/runs/{run}/downloads/everything"), Value::Null).await.expect(404);
}

#[tokio::test]
async fn files_are_made_once_a_day_and_over_all_chunks() {
    let rig = Rig::connected(STAFF).await;
    rig.upload(DAYS[0], &csv(&staff(1_203))).await;
    rig.settle().await;
    let run = rig.last_run().await;
    let ports = || {
        let faulty = muster_tests::faulty::Faulty::new(&rig.services, &[]);
        (muster_tests::rig::ports_over(&rig, &faulty), faulty)
    };
    let stored = |log: &[String]| log.iter().filter(|call| call.starts_with("S3 PUT")).count();
    for (asked, expected) in [(0, 4), (1, 0), (25 * 3_600_000, 4)] {
        rig.clock.advance(asked);
        let (ports, faulty) = ports();
        let api = Api::at(ports, NoWeb);
        assert_eq!(downloaded(&rig, &api, run.id.as_str(), "invites").await.0, 1_203);
        assert_eq!(stored(&faulty.log()), expected, "{:?}", faulty.log());
    }
}

#[tokio::test]
async fn the_error_file_is_downloaded_with_its_records() {
    let rig = with_errors().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let (rows, lines) = downloaded(&rig, &api, run.id.as_str(), "errors").await;
    assert!(rows >= 2 && lines.iter().any(|line| line.contains("P2")), "{lines:?}");
}

/// Asks for a place for a file, and puts it there as the answer says.
async fn brought_in(rig: &Rig, name: &str, bytes: &[u8]) -> u16 {
    rig.clock.advance(1_000);
    let (account, connection) = rig.connection.clone().unwrap();
    let path = format!("/v1/connections/{connection}/uploads");
    let wish = json!({"file_name": name, "size": bytes.len()});
    let place = Api::of(rig).as_admin(account.as_str()).post(&path, wish).await.expect(201).json;
    let header = &place["headers"][0];
    let header = (header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
    fetched(rig, "PUT", place["url"].as_str().unwrap(), &[header], bytes).await.0
}

#[tokio::test]
async fn a_file_brought_in_by_hand_is_imported_like_any_other() {
    let rig = after_days(1).await;
    assert_eq!(brought_in(&rig, DAYS[1], &day(1)).await, 200);
    rig.settle().await;
    let run = rig.last_run().await;
    assert_eq!((run.state, run.source.as_str()), (RunState::Applied, DAYS[1]));
    assert_eq!(rig.people().await.len(), 40);
    assert_eq!(audited(&Api::of(&rig)).await, ["upload.offered admin:ana"]);
}

#[tokio::test]
async fn a_connection_of_uploads_has_a_login_that_lets_nobody_in() {
    let mut rig = Rig::default();
    let toml = STAFF.replace("mode = \"active\"", "connector = \"upload\"\nmode = \"active\"");
    assert_eq!(rig.connect(&toml).await, "", "no login is told");
    let (account, connection) = rig.connection.clone().unwrap();
    let (login, credentials) = rig.ports().table.credentials(connection.as_str()).await.unwrap().unwrap();
    assert_eq!((login.account, credentials.password_hash, credentials.keys), (account, None, Vec::new()));
    assert_eq!(brought_in(&rig, DAYS[0], &day(0)).await, 200);
    rig.settle().await;
    assert_eq!((rig.last_run().await.state, rig.people().await.len()), (RunState::Applied, 40));
}

#[tokio::test]
async fn an_upload_that_would_not_be_read_is_refused_before_it_is_sent() {
    let mut rig = after_days(1).await;
    let uploads = format!("{CONNECTION}/uploads");
    let api = Api::of(&rig);
    for name in [
        "",
        "staff.csv",
        "people_20261301.csv",
        "a/people_20261122.csv",
        "..",
        ".people_20261122.csv",
        "people_20261122.csv.filepart",
        "x\u{0}y",
    ] {
        let refused = post(&api, &uploads, json!({"file_name": name})).await.expect(422);
        assert_eq!(refused.json["field"], "file_name", "{name:?}: {}", refused.text);
    }
    let refused = post(&api, &uploads, json!({"file_name": "staff.csv"})).await;
    assert!(refused.text.contains("people_{yyyymmdd}.csv"), "it says the pattern: {}", refused.text);
    post(&api, &uploads, json!({"file_name": DAYS[1], "size": 6_000_000_000u64})).await.expect(422);
    rig.connect(&STAFF.replace("mode = \"active\"", "mode = \"paused\"")).await;
    assert_eq!(post(&api, &uploads, json!({"file_name": DAYS[1]})).await.expect(409).code(), "switched_off");
    assert_eq!(audited(&api).await, [""; 0], "nothing was promised");
}

// ---- decisions ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn approval_by_another_hash_is_refused_and_names_the_current_one() {
    let rig = held().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let path = format!("{CONNECTION}/runs/{}/approval", run.id);
    let hash = run.plan.as_ref().unwrap().hash.clone();
    let refused = post(&api, &path, json!({"hash": "0".repeat(64)})).await.expect(409);
    assert_eq!((refused.code(), refused.text.contains(&hash)), ("plan_changed", true));
    for hash in ["", "x", &"G".repeat(64), &"a".repeat(65)] {
        post(&api, &path, json!({"hash": hash})).await.expect(422);
    }
    rig.settle().await;
    assert_eq!((rig.people().await.len(), audited(&api).await), (40, Vec::new()));
}

#[tokio::test]
async fn approving_twice_answers_the_same_as_once_and_is_told_once() {
    let rig = held().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let path = format!("{CONNECTION}/runs/{}/approval", run.id);
    let approval = json!({"hash": run.plan.as_ref().unwrap().hash});
    let first = post(&api, &path, approval.clone()).await.expect(200);
    assert_eq!(post(&api, &path, approval.clone()).await.expect(200).json, first.json);
    rig.settle().await;
    assert_eq!(post(&api, &path, approval).await.expect(200).json["state"], "applied");
    assert_eq!((rig.people().await.len(), audited(&api).await), (30, vec!["run.approved admin:ana".to_owned()]));
}

#[tokio::test]
async fn a_plan_that_is_stale_is_made_anew_and_not_approved() {
    let rig = after_days(2).await;
    let second = rig.last_run().await;
    rig.upload(DAYS[2], &csv(&staff(30))).await;
    rig.settle().await;
    let waiting = rig.last_run().await;
    rig.roll_back(&second).await;
    rig.settle().await;
    let api = Api::of(&rig);
    let at = format!("{CONNECTION}/runs/{}", waiting.id);
    let shown = get(&api, &at).await;
    assert_eq!((&shown["plan"]["approvable"], &shown["plan"]["not_approvable"]), (&json!(false), &json!("stale_plan")));
    let approval = json!({"hash": waiting.plan.as_ref().unwrap().hash});
    assert_eq!(post(&api, &format!("{at}/approval"), approval.clone()).await.expect(409).code(), "stale_plan");
    assert_eq!(post(&api, &format!("{at}/approval"), approval.clone()).await.expect(409).code(), "stale_plan");
    rig.settle().await;
    assert_eq!(post(&api, &format!("{at}/approval"), approval).await.expect(409).code(), "plan_changed");
    assert_eq!((rig.people().await.len(), audited(&api).await), (40, Vec::new()));
    let anew = json!({"hash": get(&api, &at).await["hash"]});
    post(&api, &format!("{at}/approval"), anew).await.expect(200);
    rig.settle().await;
    assert_eq!(rig.people().await.len(), 30);
}

#[tokio::test]
async fn a_rejected_plan_is_never_applied() {
    let rig = held().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let at = format!("{CONNECTION}/runs/{}", run.id);
    for reason in ["", "  ", &"x".repeat(501)] {
        post(&api, &format!("{at}/rejection"), json!({"reason": reason})).await.expect(422);
    }
    for _ in 0..2 {
        let answer =
            post(&api, &format!("{at}/rejection"), json!({"reason": " not what we expected "})).await.expect(200);
        assert_eq!(
            (&answer.json["state"], &answer.json["reason"]),
            (&json!("rejected"), &json!("not what we expected"))
        );
    }
    let approval = json!({"hash": run.plan.as_ref().unwrap().hash});
    assert_eq!(post(&api, &format!("{at}/approval"), approval).await.expect(409).code(), "wrong_state");
    assert_eq!(post(&api, &format!("{at}/rollback"), Value::Null).await.expect(409).code(), "wrong_state");
    rig.settle().await;
    assert_eq!((rig.people().await.len(), audited(&api).await), (40, vec!["run.rejected admin:ana".to_owned()]));
}

/// Everything that is stored of people who are not removed, but for who wrote it and when.
async fn directory(rig: &Rig) -> BTreeMap<String, Value> {
    let mut items = dump(rig).await;
    items.retain(|key, item| key.contains("#R#") && item.get("rm").is_none());
    for item in items.values_mut() {
        let item = item.as_object_mut().unwrap();
        item.retain(|name, _| matches!(name.as_str(), "st" | "f" | "h" | "g1" | "g2" | "g3"));
        assert!(item.len() >= 4, "status, fields, hash and group: {item:?}");
    }
    items
}

/// Groups with members, as the picture shows them.
async fn groups(rig: &Rig) -> Vec<String> {
    rig.picture().await.into_iter().filter(|line| line.starts_with("group ") && !line.ends_with(" 0")).collect()
}

#[tokio::test]
async fn a_rollback_restores_every_field_group_and_status_and_is_told() {
    let rig = after_days(1).await;
    let (before, groups_before) = (directory(&rig).await, groups(&rig).await);
    rig.upload(DAYS[1], &day(1)).await;
    rig.settle().await;
    assert_ne!(directory(&rig).await, before);
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let path = format!("{CONNECTION}/runs/{}/rollback", run.id);
    let undo = post(&api, &path, Value::Null).await.expect(202);
    assert_eq!(undo.json["cause"], json!({"kind": "rollback", "undoes": run.id.as_str()}));
    assert_eq!(post(&api, &path, Value::Null).await.expect(202).json["id"], undo.json["id"], "asking twice opens one");
    rig.settle().await;
    let applied = get(&api, &undo.headers["location"]).await;
    assert_eq!(applied["state"], "applied", "{applied}");
    assert_eq!((directory(&rig).await, groups(&rig).await), (before, groups_before));
    assert_eq!(audited(&api).await, ["run.rolled_back admin:ana"]);
    let entry = &every(&api, "/v1/audit", 50).await[0];
    assert_eq!(entry["target"], format!("run/{}", run.id));
    assert_eq!(post(&api, &path, Value::Null).await.expect(409).code(), "wrong_state");
    assert_eq!(audited(&api).await.len(), 1, "what was refused is not told as done");
}

#[tokio::test]
async fn a_look_decides_nothing() {
    let rig = held().await;
    let (api, run) = (Api::of(&rig), rig.last_run().await);
    let before = dump(&rig).await;
    let at = format!("{CONNECTION}/runs/{}", run.id);
    for path in ["approval", "rejection", "rollback", "downloads/invites"].map(|deed| format!("{at}/{deed}")) {
        for method in ["GET", "HEAD", "OPTIONS"] {
            api.as_admin("acme").ask(method, &path, None).await.expect(405);
        }
    }
    for path in [format!("{CONNECTION}/sync"), format!("{CONNECTION}/uploads")] {
        api.as_admin("acme").get(&path).await.expect(405);
    }
    for path in ["", "/issues", "/changes"] {
        api.as_admin("acme").get(&format!("{at}{path}")).await.expect(200);
    }
    assert_eq!(dump(&rig).await, before);
    assert!(rig.services.sqs.counts().values().all(|counts| counts.total() == 0));
}

// ---- listings ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_listing_is_asked_for_and_shows_as_a_run() {
    let house = House::settled("finch", 12).await;
    let api = Api::over(&house);
    let (account, connection) = house.rig.connection.clone().unwrap();
    house.rig.clock.advance(1_000);
    let path = format!("/v1/connections/{connection}/sync");
    let run = api.as_admin(account.as_str()).post(&path, Value::Null).await.expect(202);
    assert_eq!(run.json["cause"], json!({"kind": "poll", "full": true}));
    house.fetch().await.unwrap();
    house.rig.settle().await;
    let shown = api.as_admin(account.as_str()).get(&run.headers["location"]).await.expect(200).json;
    assert_eq!((&shown["state"], &shown["counts"]["unchanged"]), (&json!("applied"), &json!(12)));
    let uploads = format!("/v1/connections/{connection}/uploads");
    let refused = api.as_admin(account.as_str()).post(&uploads, json!({"file_name": "a.csv"})).await.expect(409);
    assert_eq!(refused.code(), "not_files");
}

#[tokio::test]
async fn files_cannot_be_asked_for() {
    let rig = after_days(1).await;
    let api = Api::of(&rig);
    assert_eq!(post(&api, &format!("{CONNECTION}/sync"), Value::Null).await.expect(409).code(), "not_pollable");
    assert_eq!(audited(&api).await, [""; 0]);
}
