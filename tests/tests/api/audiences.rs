//! Audiences: each address once, nobody who opted out, and the whole list as a file.

use std::collections::BTreeMap;

use muster_core::ids::AccountId;
use muster_core::segment::Filter;
use muster_sync::{AudienceFormat, AudienceWish, Clock, Objects, Part, channel, make_audience};
use muster_tests::api::Api;
use muster_tests::rig::Rig;
use serde_json::{Value, json};

use crate::crowd;

/// Payroll and Badges hold some of the same people.
async fn rig() -> Rig {
    let mut rig = Rig::default();
    let payroll = [
        "1,Ana,Sales,A,Ana@acme.example,+12025550101,,",
        "2,Bo,Sales,A,bo@acme.example,,,",
        "3,Cy,Ops,L,cy@acme.example,,,",
        "4,Di,Ops,A,,,,",
    ];
    crowd::with(&mut rig, "Payroll", &payroll).await;
    let badges =
        ["71,Ana,Guards,A,ANA@ACME.example,,,", "72,Bo,Guards,A,BO@acme.example,,,", "73,Ed,Ops,A,ed@acme.example,,,"];
    crowd::with(&mut rig, "Badges", &badges).await;
    rig
}

const BOTH: [&str; 2] = ["acme-payroll", "acme-badges"];

fn groups(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({"group": id})).collect()
}

fn addresses(audience: &Value) -> Vec<&str> {
    let mut found: Vec<_> =
        audience["items"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

/// The file behind an answer's link.
async fn file(rig: &Rig, audience: &Value) -> String {
    let url = audience["url"].as_str().unwrap();
    let key = &url[url.find("exports/acme/audiences/").unwrap()..url.find('?').unwrap()];
    String::from_utf8(rig.ports().bucket.read(key).await.unwrap().unwrap()).unwrap()
}

async fn made(rig: &Rig, wish: Value) -> Value {
    Api::of(rig).as_admin("acme").post("/v1/audiences", wish).await.expect(200).json
}

fn check(audience: &Value, members: &[&str], counts: &[(&str, u64)]) {
    assert_eq!(addresses(audience), members);
    let counts: BTreeMap<_, _> = counts.iter().copied().collect();
    for name in ["members", "duplicates", "opted_out", "excluded", "without_channel", "inactive"] {
        let expected = if name == "members" { members.len() as u64 } else { counts.get(name).copied().unwrap_or(0) };
        assert_eq!(audience[name], expected, "{name}: {audience}");
    }
}

#[tokio::test]
async fn nobody_gets_it_twice_though_two_connections_hold_the_same_address_in_other_case() {
    let rig = rig().await;
    let audience = made(&rig, json!({"include": groups(&BOTH), "channel": "email_1"})).await;
    let members = ["ana@acme.example", "bo@acme.example", "ed@acme.example"];
    check(&audience, &members, &[("duplicates", 2), ("without_channel", 1), ("inactive", 1)]);
    let text = file(&rig, &audience).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), audience["items"], "the file says what the answer says");
}

#[tokio::test]
async fn an_opt_out_in_one_connection_holds_for_the_address_everywhere() {
    let rig = rig().await;
    let badges = rig.connection.clone().unwrap().1;
    crowd::opt_out(&rig, &badges, "71", "email_1").await;
    crowd::opt_out(&rig, &badges, "73", "text_1").await;
    let audience = made(&rig, json!({"include": groups(&["acme-payroll"]), "channel": "email_1"})).await;
    check(&audience, &["bo@acme.example"], &[("opted_out", 1), ("without_channel", 1), ("inactive", 1)]);
    let audience = made(&rig, json!({"include": groups(&BOTH), "channel": "email_1"})).await;
    let members = ["bo@acme.example", "ed@acme.example"];
    check(&audience, &members, &[("opted_out", 2), ("duplicates", 1), ("without_channel", 1), ("inactive", 1)]);
    let texts = made(&rig, json!({"include": groups(&["acme-payroll"]), "channel": "text_1"})).await;
    check(&texts, &["+12025550101"], &[("without_channel", 2), ("inactive", 1)]);
}

#[tokio::test]
async fn who_is_left_out_is_left_out_under_every_name() {
    let rig = rig().await;
    let admin = Api::of(&rig);
    let wish = json!({"name": "Guards", "filter": "person.department == 'Guards'", "visibility": "private"});
    admin.as_admin("acme").post("/v1/segments", wish).await.expect(201);
    let wish = json!({"include": groups(&BOTH), "exclude": [{"segment": "guards"}], "channel": "email_1"});
    let audience = made(&rig, wish).await;
    check(&audience, &["ed@acme.example"], &[("excluded", 4), ("without_channel", 1), ("inactive", 1)]);
    let wish = json!({"include": [{"segment": "guards"}], "exclude": groups(&["acme-badges"]), "channel": "email_1"});
    check(&made(&rig, wish).await, &[], &[("excluded", 2)]);
}

#[tokio::test]
async fn a_value_group_is_a_part_too_and_a_spreadsheet_runs_nothing_of_it() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let list = api.as_admin("acme").get("/v1/groups").await.expect(200);
    let group = list.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["connection"] == "acme-payroll" && group["value"] == "Sales");
    let part = json!({"group": group.unwrap()["id"]});
    let audience = made(&rig, json!({"include": [part], "channel": "text_1", "format": "csv"})).await;
    check(&audience, &["+12025550101"], &[("without_channel", 1)]);
    let text = file(&rig, &audience).await;
    assert_eq!(text, "\u{feff}connection,unique_id,address\r\nacme-payroll,1,'+12025550101\r\n");
}

#[tokio::test]
async fn only_what_the_caller_may_see_can_be_put_together() {
    let rig = rig().await;
    let api = Api::of(&rig);
    let admin = api.as_admin("acme");
    let wish = json!({"name": "Mine", "filter": "true", "visibility": "private"});
    admin.post("/v1/segments", wish).await.expect(201);
    let mine = json!({"include": [{"segment": "mine"}], "channel": "email_1"});
    let member = |permissions| api.signed_in("acme", "member", &[("sub", "bo"), ("permissions", permissions)]);
    member("people").post("/v1/audiences", mine.clone()).await.expect(403);
    let unseen = member("people segments").post("/v1/audiences", mine).await.expect(422);
    assert_eq!(unseen.json["field"], "include[0].segment");
    for (wish, field) in [
        (json!({"include": groups(&["acme-none"]), "channel": "email_1"}), "include[0].group"),
        (json!({"include": [], "channel": "email_1"}), "include"),
        (json!({"include": groups(&BOTH), "channel": "city"}), "channel"),
        (json!({"include": groups(&BOTH), "exclude": groups(&["beta-x"]), "channel": "email_1"}), "exclude[0].group"),
    ] {
        assert_eq!(admin.post("/v1/audiences", wish).await.expect(422).json["field"], field);
    }
    let beta = json!({"include": groups(&["acme-payroll"]), "channel": "email_1"});
    api.as_admin("beta").post("/v1/audiences", beta).await.expect(422);
    let log = admin.get("/v1/audit").await.expect(200).text;
    assert!(!log.contains("audience.made"), "nothing was made");
}

#[tokio::test]
async fn an_audience_that_takes_too_long_leaves_no_file() {
    let rig = rig().await;
    let (ports, clock) = (rig.ports(), crowd::Ticking::from(&rig));
    let account = AccountId::parse("acme").unwrap();
    let wish = AudienceWish {
        include: vec![Part::Segment(Filter::compile("true").unwrap())],
        exclude: Vec::new(),
        channel: channel("email_1").unwrap(),
        format: AudienceFormat::Ndjson,
    };
    for (patience, whole) in [(5, false), (10_000, true)] {
        let (key, until_ms) = (format!("exports/acme/audiences/{patience}"), clock.now_ms() + patience);
        let made = make_audience((&ports.table, &ports.bucket), &clock, &account, &wish, (&key, until_ms)).await;
        assert_eq!(made.unwrap().is_some(), whole);
        assert_eq!(ports.bucket.read(&key).await.unwrap().is_some(), whole);
    }
}
