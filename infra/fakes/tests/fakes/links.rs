//! Links: sessions, codes that are good once, keys that are refused.

use serde_json::{Value, json};

use crate::support::{Bench, Reply};

/// `finch-client:finch-client-secret`.
const CLIENT: &str = "authorization: Basic ZmluY2gtY2xpZW50OmZpbmNoLWNsaWVudC1zZWNyZXQ=\r\n";

impl Bench {
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &Value) -> Reply {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.try_request(method, &format!("/{}{path}", self.provider), headers, &text).await.unwrap()
    }

    /// The customer goes through the pages; answers the code.
    async fn walk(&self, session: &str, more: Value) -> String {
        let mut body = json!({"session": session});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.control("POST", "link", &body).await["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn exchange(code: &str) -> Value {
    json!({"client_id": "finch-client", "client_secret": "finch-client-secret", "code": code})
}

async fn finch_session(bench: &Bench) -> String {
    let body = json!({"customer_id": "c-1", "customer_name": "Acme", "products": ["directory"]});
    let opened = bench.ask("POST", "/connect/sessions", CLIENT, &body).await.json();
    opened["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn finch_exchanges_a_code_once_and_for_the_client_only() {
    let bench = Bench::new("finch").await;
    let session = finch_session(&bench).await;
    let code = bench.walk(&session, json!({})).await;
    let mut wrong = exchange(&code);
    wrong["client_secret"] = json!("another");
    assert_eq!(bench.ask("POST", "/auth/token", "", &wrong).await.status, 401);
    let token = bench.ask("POST", "/auth/token", "", &exchange(&code)).await;
    assert_eq!((token.status, &token.json()["customer_id"]), (200, &json!("c-1")), "{}", token.text());
    assert_eq!(bench.ask("POST", "/auth/token", "", &exchange(&code)).await.status, 400, "a code is good once");
    let old = bench.walk(&session, json!({"old": true})).await;
    assert_eq!(bench.ask("POST", "/auth/token", "", &exchange(&old)).await.status, 400, "an old code is not good");
    let basic = "authorization: Basic eDp5\r\n";
    assert_eq!(bench.ask("POST", "/connect/sessions", basic, &json!({})).await.status, 401);
}

#[tokio::test]
async fn finch_wants_the_redirect_of_the_session() {
    let bench = Bench::new("finch").await;
    let body = json!({"customer_id": "c-1", "customer_name": "Acme", "products": ["directory"],
        "redirect_uri": "https://a.example"});
    let opened = bench.ask("POST", "/connect/sessions", CLIENT, &body).await.json();
    let code = bench.walk(opened["session_id"].as_str().unwrap(), json!({})).await;
    assert_eq!(bench.ask("POST", "/auth/token", "", &exchange(&code)).await.status, 400);
}

#[tokio::test]
async fn merge_gives_an_account_token_for_a_public_one_once() {
    let bench = Bench::new("merge").await;
    let key = "authorization: Bearer merge-key\r\n";
    let wish = json!({"end_user_origin_id": "c-1", "end_user_organization_name": "Acme", "end_user_email_address": "",
        "categories": ["hris"], "should_create_magic_link_url": true});
    let opened = bench.ask("POST", "/api/hris/v1/link-token", key, &wish).await.json();
    assert!(opened["magic_link_url"].is_string(), "{opened}");
    let public = bench.walk(opened["link_token"].as_str().unwrap(), json!({})).await;
    let path = format!("/api/hris/v1/account-token/{public}");
    let token = bench.ask("GET", &path, key, &Value::Null).await.json();
    assert_eq!(token["account_token"], "merge-account-token");
    assert_eq!(bench.ask("GET", &path, key, &Value::Null).await.status, 404, "a public token is good once");
    assert_eq!(bench.get("/api/hris/v1/account-details").await.json()["end_user_origin_id"], "c-1");
    assert_eq!(bench.ask("POST", "/api/hris/v1/link-token", key, &json!({})).await.status, 400);
    assert_eq!(bench.ask("POST", "/api/hris/v1/link-token", "", &wish).await.status, 401);
}

#[tokio::test]
async fn apidecks_consumers_have_a_connection_once_they_went_through_the_vault() {
    let bench = Bench::new("apideck").await;
    let opened = bench.post("/vault/sessions", &json!({"settings": {"unified_apis": ["hris"]}})).await.json();
    let list = async || bench.get("/vault/connections?api=hris").await.json()["data"].clone();
    assert_eq!(list().await, json!([]));
    bench.walk(opened["data"]["session_token"].as_str().unwrap(), json!({"state": "authorized"})).await;
    assert_eq!(list().await[0]["state"], "authorized");
    bench.walk(opened["data"]["session_token"].as_str().unwrap(), json!({})).await;
    assert_eq!(list().await[0]["state"], "callable");
}

#[tokio::test]
async fn workos_finds_an_organization_by_the_products_own_id() {
    let bench = Bench::new("workos").await;
    assert_eq!(bench.get("/organizations/external_id/c-1").await.status, 404);
    let made = bench.post("/organizations", &json!({"name": "Acme", "external_id": "c-1"})).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((made.status, &bench.get("/organizations/external_id/c-1").await.json()["id"]), (201, &json!(id)));
    let again = bench.post("/organizations", &json!({"name": "Acme", "external_id": "c-1"})).await;
    assert_eq!(again.status, 422, "external ids are unique");
    let portal = bench.post("/portal/generate_link", &json!({"organization": id, "intent": "dsync"})).await.json();
    let directories = async || bench.get(&format!("/directories?organization_id={id}")).await.json()["data"].clone();
    assert_eq!(directories().await, json!([]));
    bench.walk(portal["link"].as_str().unwrap().rsplit('=').next().unwrap(), json!({})).await;
    assert_eq!(directories().await[0]["id"], "directory_1");
}
