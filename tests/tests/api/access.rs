//! Who may what: every route × every role, and other accounts.

use muster_tests::api::Api;
use muster_tests::rig::Rig;
use serde_json::{Value, json};

use crate::document::operations;

const ROLES: [&str; 5] = ["owner", "admin", "member", "editor", "operator"];

/// Whether a role without further permissions may pass, as the document says what a route needs.
fn passes(role: &str, need: &str) -> bool {
    match role {
        "owner" | "admin" => need != "Operate",
        "operator" => need == "Operate" || need == "Nobody",
        "editor" => matches!(need, "Nobody" | "Anyone" | "ReadGroups"),
        _ => matches!(need, "Nobody" | "Anyone"),
    }
}

#[tokio::test]
async fn every_route_is_closed_to_every_role_that_it_is_not_for() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    for operation in operations() {
        let path = operation.path_with("acme-none", "0a");
        for role in ROLES {
            let answer = api.signed_in("acme", role, &[]).with("if-match", "\"1\"");
            let answer = answer.ask(&operation.method, &path, Some(("application/json", "{}"))).await;
            let closed = answer.status == 403 && answer.code() == "forbidden";
            assert_eq!(!closed, passes(role, &operation.need), "{role} {} {path}: {}", operation.method, answer.text);
        }
        let nobody = api.as_nobody().ask(&operation.method, &path, Some(("application/json", "{}"))).await;
        assert_eq!(nobody.status == 401, operation.need != "Nobody", "{} {path}: {}", operation.method, nobody.text);
    }
}

#[tokio::test]
async fn what_is_not_yours_looks_like_what_is_not_there() {
    let (mut rig, theirs) = (Rig::default(), "beta-payroll");
    rig.connect(&muster_tests::sample::connection("beta", "Payroll")).await;
    let api = Api::of(&rig);
    for operation in operations().into_iter().filter(|operation| operation.path.contains("{connection}")) {
        for role in ROLES {
            let more = [("permissions", "people segments"), ("groups", "beta-payroll")];
            let session = || api.signed_in("acme", role, &more).with("if-match", "\"1\"");
            let (kind, body) = operation.body();
            let ask = async |connection: &str| {
                let path = operation.path_with(connection, "0a");
                session().ask(&operation.method, &path, Some((&kind, &body))).await
            };
            let (not_yours, not_there) = (ask(theirs).await, ask("acme-nothing").await);
            let shown = format!("{role} {} {}: {}", operation.method, operation.path, not_yours.text);
            assert_eq!((not_yours.status, &not_yours.text), (not_there.status, &not_there.text), "{shown}");
            assert!(not_yours.status >= 400, "{shown}");
            assert!(not_yours.status < 500, "{shown}");
        }
    }
}

#[tokio::test]
async fn an_operator_makes_accounts_and_their_own_people_see_theirs() {
    let rig = Rig::default();
    let api = Api::of(&rig);
    let wish = json!({"name": "Acme", "entitlements": ["sftp", "data_connector"]});
    let made = api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    assert_eq!((made.headers["etag"].as_str(), &made.json["version"]), ("\"1\"", &json!(1)));
    let stale = api.as_operator().with("if-match", "\"7\"");
    let stale = stale.put("/v1/operator/accounts/acme", json!({"entitlements": []})).await.expect(412);
    assert_eq!(stale.code(), "stale");
    let own = api.signed_in("acme", "editor", &[]).get("/v1/account").await.expect(200);
    assert_eq!(own.json["entitlements"], json!(["data_connector", "sftp"]));
    let list = api.as_operator().get("/v1/operator/accounts").await.expect(200);
    assert_eq!(list.json, json!({"items": [{"account": "acme"}], "next": Value::Null}));
    api.as_operator().get("/v1/operator/accounts/-").await.expect(404);
}

#[tokio::test]
async fn an_entitlement_that_is_taken_away_switches_its_connections_off_and_says_why() {
    let mut rig = Rig::default();
    rig.connect(&muster_tests::sample::connection("acme", "Payroll")).await;
    let api = Api::of(&rig);
    let put = async |entitlements: Value| {
        let wish = json!({"name": "Acme", "entitlements": entitlements});
        api.as_operator().put("/v1/operator/accounts/acme", wish).await.expect(200);
    };
    put(json!(["sftp"])).await;
    assert_eq!(rig.stored().await.note, None);
    put(json!(["upload"])).await;
    let stored = rig.stored().await;
    assert_eq!(stored.status, muster_sync::ConnectionStatus::Disabled);
    assert!(stored.note.unwrap().contains("not entitled"));
}
