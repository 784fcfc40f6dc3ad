//! Linking connections: flows through fake providers, credentials tried at once, approvers' links, consent.

use std::collections::BTreeMap;

use muster_sync::{ConnectionStatus, Dispatcher, Drawn, Polled, RunState, SecretPlace, Secrets, Terms};
use muster_tests::api::{Answer, Api};
use muster_tests::house::House;
use serde_json::{Value, json};

const PEOPLE: u64 = 12;
/// The connection under test.
const HERE: &str = "/v1/connections/acme-linked";
const BACK: &str = "https://console.example/linked";

/// A connection file without what linking brings.
fn unlinked(provider: &str, name: &str) -> String {
    let whole = muster_tests::house::file(provider, "");
    let (head, rest) = whole.split_once("[provider]\n").unwrap();
    let base = rest.lines().next().unwrap();
    let fields = &rest[rest.find("[fields.unique_id]").unwrap()..];
    let head = head.replace("name = \"People\"", &format!("name = \"{name}\""));
    format!("{head}[provider]\n{base}\n{fields}")
}

async fn save(house: &mut House, provider: &str, name: &str) {
    let drawn = Drawn { seed: 7, password: [9; 20], salt: [3; 16], link_key: [5; 32] };
    let now_ms = i64::try_from(house.rig.clock.now_ms()).unwrap();
    let terms = Terms { drawn, public_keys: &[], base_urls: true, now_ms };
    let ports = house.rig.ports();
    let text = unlinked(provider, name);
    let saved = muster_sync::save_unlinked_connection(&ports.table, &ports.secrets, &text, terms).await.unwrap();
    house.rig.connection = Some((muster_core::ids::AccountId::parse("acme").unwrap(), saved.connection));
}

/// A provider with people and a connection that is not linked to it.
async fn waiting(provider: &'static str) -> House {
    let mut house = House::alone(provider, PEOPLE).await;
    save(&mut house, provider, "Linked").await;
    house
}

/// The product's own keys, as the fakes take them.
fn platform(provider: &str) -> Value {
    match provider {
        "apideck" => json!({"api_key": "apideck-key", "app_id": "app"}),
        "merge" => json!({"api_key": "merge-key"}),
        "finch" => json!({"client_id": "finch-client", "client_secret": "finch-client-secret"}),
        _ => json!({"api_key": "workos-key"}),
    }
}

async fn set_up(api: &Api<&House>, provider: &str) {
    let path = format!("/v1/operator/connectors/{provider}/secrets");
    api.as_operator().put(&path, json!({"secrets": platform(provider)})).await.expect(200);
}

async fn start(api: &Api<&House>, connection: &str) -> Value {
    let body = json!({"redirect_url": BACK, "email": "ann@acme.example", "organization_name": "Acme"});
    api.as_admin("acme").post(&format!("{connection}/link"), body).await.expect(201).json
}

/// The token of the session that an answer opened, as the fake calls it.
fn session(started: &Value) -> String {
    match started["token"].as_str() {
        Some(token) => token.to_owned(),
        None => started["url"].as_str().unwrap().rsplit('=').next().unwrap().to_owned(),
    }
}

/// The customer goes through the provider's pages; answers what they hand over.
async fn walk(house: &House, started: &Value, more: Value) -> Value {
    let mut body = json!({"session": session(started)});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let brought = house.control("POST", "link", body).await;
    match started["brings"].as_str() {
        Some(name) => json!({name: brought["code"]}),
        None => json!({}),
    }
}

async fn finish(api: &Api<&House>, connection: &str, started: &Value, brought: &Value) -> Answer {
    let path = format!("{connection}/link/{}/finish", started["link_id"].as_str().unwrap());
    api.as_admin("acme").post(&path, brought.clone()).await
}

/// Lets the poller read what the API has stored.
async fn share_secrets(house: &House) {
    let (account, connection) = house.rig.connection.clone().unwrap();
    let store = house.rig.ports().secrets;
    let places = [SecretPlace::Connection(account, connection), SecretPlace::Connector(house.provider.to_owned())];
    for place in places {
        if let Some(set) = store.secrets(&place, true).await.unwrap() {
            house.put_secrets(&place, &set).await.unwrap();
        }
    }
}

async fn check_linked(provider: &'static str, learnt: &[&str], secret: &[&str]) {
    let house = waiting(provider).await;
    let api = Api::over(&house);
    assert_eq!((house.rig.stored().await.status, house.rig.stored().await.due_ms), (ConnectionStatus::Pending, None));
    let (account, id) = house.rig.connection.clone().unwrap();
    let ports = house.rig.ports();
    let dispatcher = Dispatcher { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock };
    assert_eq!(dispatcher.now(&account, &id).await.unwrap(), None, "{provider}: nothing is fetched unlinked");

    set_up(&api, provider).await;
    let started = start(&api, HERE).await;
    let brought = walk(&house, &started, json!({})).await;
    let linked = finish(&api, HERE, &started, &brought).await.expect(200).json;
    assert_eq!((&linked["status"], &linked["linked"]), (&json!("pending"), &json!(true)), "{provider}: {linked}");

    let stored = house.rig.stored().await;
    let settings = muster_core::settings::Settings::from_toml(&stored.settings).unwrap();
    let keys: Vec<&str> = settings.provider.keys().map(String::as_str).filter(|key| *key != "base_url").collect();
    assert_eq!((keys, stored.settings_version), (learnt.to_vec(), 2), "{provider}");
    let place = SecretPlace::Connection(account, id);
    let set = house.rig.ports().secrets.secrets(&place, true).await.unwrap().unwrap_or_default();
    assert_eq!(set.current.keys().map(String::as_str).collect::<Vec<_>>(), secret, "{provider}");

    share_secrets(&house).await;
    house.dispatch().await;
    assert_eq!(house.fetch().await, Some(Polled::Run(RunState::Applying)), "{provider}: {:?}", house.last_run().await);
    house.rig.settle().await;
    assert_eq!(house.rig.people().await.len() as u64, PEOPLE, "{provider}");
}

#[tokio::test]
async fn whoever_links_in_the_providers_pages_is_read_at_once() {
    check_linked("apideck", &["app_id", "consumer_id", "service_id"], &[]).await;
    check_linked("merge", &["end_user_origin_id", "linked_account_id"], &["account_token"]).await;
    check_linked("finch", &["connection_id"], &["access_token"]).await;
    check_linked("workos", &["directory_id", "organization_id"], &[]).await;
}

#[tokio::test]
async fn switching_off_and_on_links_nothing() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    let entitled = json!({"name": "Acme", "entitlements": ["data_connector"]});
    api.as_operator().put("/v1/operator/accounts/acme", entitled).await.expect(200);
    for action in ["disable", "enable"] {
        let version = format!("\"{}\"", house.rig.stored().await.settings_version);
        let session = api.as_admin("acme").with("if-match", &version);
        session.post(&format!("{HERE}/{action}"), Value::Null).await.expect(200);
    }
    let stored = house.rig.stored().await;
    assert_eq!((stored.status, stored.due_ms), (ConnectionStatus::Pending, None));
}

#[tokio::test]
async fn what_was_learnt_is_kept_as_a_version_of_who_linked() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    set_up(&api, "finch").await;
    let started = start(&api, HERE).await;
    let brought = walk(&house, &started, json!({})).await;
    finish(&api, HERE, &started, &brought).await.expect(200);
    let versions = api.as_admin("acme").get(&format!("{HERE}/settings/versions")).await.expect(200);
    let newest = &versions.json["items"][0];
    assert_eq!((&newest["version"], &newest["by"]), (&json!(2), &json!("admin:ana")), "{}", versions.text);
}

#[tokio::test]
async fn an_end_that_is_not_there_yet_leaves_the_link_open() {
    for provider in ["apideck", "workos"] {
        let house = waiting(provider).await;
        let api = Api::over(&house);
        set_up(&api, provider).await;
        let started = start(&api, HERE).await;
        assert_eq!(finish(&api, HERE, &started, &json!({})).await.expect(409).code(), "not_finished", "{provider}");
        walk(&house, &started, json!({})).await;
        finish(&api, HERE, &started, &json!({})).await.expect(200);
        assert_eq!(finish(&api, HERE, &started, &json!({})).await.expect(409).code(), "link_used", "{provider}");
    }
}

#[tokio::test]
async fn a_code_of_another_connections_link_is_refused_and_stores_nothing() {
    for provider in ["finch", "merge"] {
        let mut house = waiting(provider).await;
        save(&mut house, provider, "Other").await;
        save(&mut house, provider, "Linked").await;
        let api = Api::over(&house);
        set_up(&api, provider).await;
        let (ours, theirs) = (start(&api, HERE).await, start(&api, "/v1/connections/acme-other").await);
        let brought = walk(&house, &theirs, json!({})).await;
        let refused = finish(&api, HERE, &ours, &brought).await.expect(409);
        assert_eq!(refused.code(), "provider_refused", "{provider}: {}", refused.text);
        assert_eq!(house.rig.stored().await.due_ms, None);
        // The other one's flow is none of this connection's.
        let code = walk(&house, &theirs, json!({})).await;
        finish(&api, HERE, &theirs, &code).await.expect(404);
        finish(&api, "/v1/connections/acme-other", &theirs, &code).await.expect(200);
    }
}

#[tokio::test]
async fn what_another_connection_reads_is_not_linked_twice() {
    let mut house = House::connected("workos", PEOPLE, "").await;
    save(&mut house, "workos", "Linked").await;
    let api = Api::over(&house);
    set_up(&api, "workos").await;
    let started = start(&api, HERE).await;
    walk(&house, &started, json!({})).await;
    assert_eq!(finish(&api, HERE, &started, &json!({})).await.expect(409).code(), "link_taken");
    assert_eq!(house.rig.stored().await.due_ms, None);
}

#[tokio::test]
async fn a_code_is_good_once_and_not_for_long() {
    for provider in ["finch", "merge"] {
        let house = waiting(provider).await;
        let api = Api::over(&house);
        set_up(&api, provider).await;
        let started = start(&api, HERE).await;
        let old = walk(&house, &started, json!({"old": true})).await;
        assert_eq!(finish(&api, HERE, &started, &old).await.expect(409).code(), "provider_refused", "{provider}");
        assert_eq!(finish(&api, HERE, &started, &json!({})).await.expect(422).code(), "invalid", "{provider}");
        let good = walk(&house, &started, json!({})).await;
        finish(&api, HERE, &started, &good).await.expect(200);
        let again = start(&api, HERE).await;
        assert_eq!(finish(&api, HERE, &again, &good).await.expect(409).code(), "provider_refused", "{provider}");
    }
}

#[tokio::test]
async fn a_link_belongs_to_who_asked_for_it_and_ends() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    set_up(&api, "finch").await;
    let started = start(&api, HERE).await;
    let brought = walk(&house, &started, json!({})).await;
    let path = format!("{HERE}/link/{}/finish", started["link_id"].as_str().unwrap());
    let other = api.signed_in("acme", "owner", &[("sub", "bob")]);
    other.post(&path, brought.clone()).await.expect(404);
    house.rig.clock.advance(24 * 3_600_000);
    finish(&api, HERE, &started, &brought).await.expect(404);
    assert_eq!(house.rig.stored().await.due_ms, None);
}

#[tokio::test]
async fn settings_that_were_changed_meanwhile_need_a_new_link() {
    let mut house = waiting("finch").await;
    let started = {
        let api = Api::over(&house);
        set_up(&api, "finch").await;
        start(&api, HERE).await
    };
    save(&mut house, "finch", "Linked").await;
    let api = Api::over(&house);
    let brought = walk(&house, &started, json!({})).await;
    assert_eq!(finish(&api, HERE, &started, &brought).await.expect(409).code(), "settings_changed");
}

#[tokio::test]
async fn signing_in_again_keeps_the_providers_connection() {
    for provider in ["finch", "merge", "apideck", "workos"] {
        let house = waiting(provider).await;
        let api = Api::over(&house);
        set_up(&api, provider).await;
        let started = start(&api, HERE).await;
        let brought = walk(&house, &started, json!({})).await;
        finish(&api, HERE, &started, &brought).await.expect(200);
        let before = house.rig.stored().await;
        let refused = muster_sync::Connection { status: ConnectionStatus::ReauthNeeded, ..before.clone() };
        use muster_sync::Admin;
        assert!(house.rig.ports().table.save_connection(&refused, Some(before.settings_version)).await.unwrap());
        let again = start(&api, HERE).await;
        let brought = walk(&house, &again, json!({})).await;
        let after = finish(&api, HERE, &again, &brought).await.expect(200);
        assert_eq!(after.json["status"], "pending", "{provider}");
        assert_eq!(house.rig.stored().await.routes, before.routes, "{provider}");
    }
}

#[tokio::test]
async fn less_than_what_is_read_is_no_link() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    set_up(&api, "finch").await;
    let started = start(&api, HERE).await;
    let brought = walk(&house, &started, json!({"products": ["directory"]})).await;
    let refused = finish(&api, HERE, &started, &brought).await.expect(409);
    assert!(refused.json["detail"].as_str().unwrap().contains("individual"), "{}", refused.text);
}

#[tokio::test]
async fn without_the_products_keys_or_with_wrong_ones_no_link_starts() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    let start = async || api.as_admin("acme").post(&format!("{HERE}/link"), Value::Null).await;
    assert_eq!(start().await.expect(409).code(), "not_set_up");
    set_up(&api, "finch").await;
    let path = "/v1/operator/connectors/finch/secrets";
    api.as_operator().put(path, json!({"secrets": {"client_secret": "wrong"}})).await.expect(200);
    let refused = start().await.expect(409);
    assert_eq!(refused.code(), "provider_refused");
    assert!(!refused.text.contains("wrong"), "{}", refused.text);
}

#[tokio::test]
async fn the_products_keys_are_set_by_operators_and_never_shown() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    let path = "/v1/operator/connectors/finch/secrets";
    set_up(&api, "finch").await;
    let shown = api.as_operator().get(path).await.expect(200);
    let keys = shown.json["keys"].as_array().unwrap();
    let set = |name: &str| keys.iter().find(|key| key["key"] == name).map(|key| key["set"].clone());
    assert_eq!((set("client_id"), set("webhook_secret")), (Some(json!(true)), Some(json!(false))));
    assert!(!shown.text.contains("finch-client"), "{}", shown.text);
    api.as_admin("acme").get(path).await.expect(403);
    for wrong in [json!({"access_token": "x"}), json!({"client_id": " "}), json!({"webhook_secret": "short"})] {
        api.as_operator().put(path, json!({"secrets": wrong})).await.expect(422);
    }
    api.as_operator().get("/v1/operator/connectors/nothing/secrets").await.expect(404);
    // What was set before stays when another key is set.
    api.as_operator().put(path, json!({"secrets": {"webhook_secret": "x".repeat(16)}})).await.expect(200);
    let started = api.as_admin("acme").post(&format!("{HERE}/link"), Value::Null).await;
    started.expect(201);
    let audit = api.as_operator().get("/v1/operator/audit").await.expect(200);
    assert!(audit.text.contains("client_secret") && !audit.text.contains("finch-client"), "{}", audit.text);
}

#[tokio::test]
async fn replacing_the_products_key_serves_every_linked_connection() {
    let house = waiting("apideck").await;
    let api = Api::over(&house);
    set_up(&api, "apideck").await;
    let started = start(&api, HERE).await;
    walk(&house, &started, json!({})).await;
    finish(&api, HERE, &started, &json!({})).await.expect(200);
    house.control("POST", "credentials", json!({"api_key": "new-apideck-key"})).await;
    let path = "/v1/operator/connectors/apideck/secrets";
    api.as_operator().put(path, json!({"secrets": {"api_key": "new-apideck-key"}})).await.expect(200);
    share_secrets(&house).await;
    house.dispatch().await;
    assert_eq!(house.fetch().await, Some(Polled::Run(RunState::Applying)));
}

async fn give(api: &Api<&House>, body: Value) -> Answer {
    api.as_admin("acme").post(&format!("{HERE}/credentials"), body).await
}

#[tokio::test]
async fn credentials_are_tried_at_once_and_only_good_ones_are_stored() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    let with = |key: &str| json!({"provider": {"company_domain": "acme"}, "credentials": {"api_key": key}});
    assert_eq!(give(&api, json!({"credentials": {"api_key": "bamboo-key"}})).await.expect(422).code(), "invalid");
    assert_eq!(give(&api, json!({"credentials": {"nonsense": "x"}})).await.expect(422).code(), "invalid");
    let refused = give(&api, with("wrong")).await.expect(200).json;
    assert_eq!((&refused["said"], &refused["stored"]), (&json!("unauthorized"), &json!(false)), "{refused}");
    assert_eq!(house.rig.stored().await.due_ms, None);
    let good = give(&api, with("bamboo-key")).await.expect(200);
    assert_eq!((&good.json["said"], &good.json["stored"]), (&json!("good"), &json!(true)), "{}", good.text);
    assert!(!good.text.contains("bamboo-key"), "{}", good.text);
    assert!(house.rig.stored().await.due_ms.is_some() && house.rig.people().await.is_empty());
    share_secrets(&house).await;
    house.dispatch().await;
    assert_eq!(house.fetch().await, Some(Polled::Run(RunState::Applying)));
}

#[tokio::test]
async fn refused_credentials_are_stored_only_by_force() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    let body = json!({"provider": {"company_domain": "acme"}, "credentials": {"api_key": "wrong"}, "force": true});
    let forced = give(&api, body).await.expect(200).json;
    assert_eq!((&forced["said"], &forced["stored"]), (&json!("unauthorized"), &json!(true)), "{forced}");
    assert!(house.rig.stored().await.due_ms.is_some());
}

#[tokio::test]
async fn tokens_of_aggregators_may_be_given_by_hand() {
    let house = waiting("merge").await;
    let api = Api::over(&house);
    set_up(&api, "merge").await;
    let given =
        json!({"provider": {"linked_account_id": "la-1"}, "credentials": {"account_token": "merge-account-token"}});
    let good = give(&api, given).await.expect(200).json;
    assert_eq!((&good["said"], &good["stored"]), (&json!("good"), &json!(true)), "{good}");
}

#[tokio::test]
async fn a_provider_that_fails_says_nothing_about_credentials() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    house.misbehave("status:503", json!({})).await;
    let body = json!({"provider": {"company_domain": "acme"}, "credentials": {"api_key": "bamboo-key"}});
    let tried = give(&api, body).await.expect(200).json;
    assert_eq!((&tried["said"], &tried["stored"]), (&json!("not_now"), &json!(false)), "{tried}");
}

#[tokio::test]
async fn what_cannot_be_linked_says_so() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    let no_flow = api.as_admin("acme").post(&format!("{HERE}/link"), Value::Null).await.expect(409);
    assert_eq!(no_flow.code(), "no_link_flow");
    let bad = [
        json!({"redirect_url": "javascript:alert(1)"}),
        json!({"redirect_url": "http://evil.example"}),
        json!({"email": "nobody"}),
        json!({"organization_name": "a\nb"}),
    ];
    for body in bad {
        api.as_admin("acme").post(&format!("{HERE}/link"), body).await.expect(422);
    }
    let mut rig = muster_tests::rig::Rig::default();
    rig.connect(muster_tests::sample::STAFF).await;
    let files = Api::of(&rig);
    let path = format!("/v1/connections/{}", rig.connection.as_ref().unwrap().1);
    let refused = files.as_admin("acme").post(&format!("{path}/link"), Value::Null).await.expect(409);
    assert_eq!(refused.code(), "nothing_to_link");
    let refused = files.as_admin("acme").post(&format!("{path}/credentials"), json!({})).await.expect(409);
    assert_eq!(refused.code(), "nothing_to_link");
}

#[tokio::test]
async fn consent_names_exactly_the_columns_that_are_read() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    let consent = api.as_admin("acme").get(&format!("{HERE}/consent")).await.expect(200).json;
    let fields: BTreeMap<String, Value> = consent["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["field"].as_str().unwrap().to_owned(), one["columns"].clone()))
        .collect();
    let expected = [
        ("email_1", "emails[work]"),
        ("employment_status", "employment_status"),
        ("first_name", "first_name"),
        ("job_title", "title"),
        ("unique_id", "id"),
    ];
    let expected = expected.map(|(field, column)| (field.to_owned(), json!([column])));
    assert_eq!(fields, BTreeMap::from(expected));
    assert_eq!(consent["scopes"], json!(["directory", "individual", "employment"]));
    assert!(consent["never"].as_array().unwrap().iter().any(|never| never == "gender is never stored"));
    assert_eq!(house.sent.get(), 0, "nothing was read to say so");
}

/// An approver's link, as a path.
async fn approver_link(api: &Api<&House>) -> String {
    let made = api.as_admin("acme").post(&format!("{HERE}/approver-link"), json!({"days": 2})).await.expect(201);
    made.json["url"].as_str().unwrap().strip_prefix("https://muster.test").unwrap().to_owned()
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn post_form(api: &Api<&House>, path: &str, form: &str) -> Answer {
    api.as_nobody().ask("POST", path, Some((FORM, form))).await
}

#[tokio::test]
async fn an_approver_sees_what_will_be_read_and_looking_starts_nothing() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    set_up(&api, "finch").await;
    let path = approver_link(&api).await;
    for _ in 0..3 {
        let page = api.as_nobody().get(&path).await.expect(200);
        for shown in ["emails[work]", "ana", "Linked", "gender is never stored", "individual"] {
            assert!(page.text.contains(shown), "{shown}: {}", page.text);
        }
        assert!(!page.text.contains("<script"), "{}", page.text);
        assert!(page.headers["content-security-policy"].contains("default-src 'none'"), "{:?}", page.headers);
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    assert_eq!((house.sent.get(), house.rig.stored().await.settings_version), (0, 1));
}

#[tokio::test]
async fn an_approver_links_in_the_providers_pages() {
    for provider in ["finch", "apideck", "workos"] {
        let house = waiting(provider).await;
        let api = Api::over(&house);
        set_up(&api, provider).await;
        let path = approver_link(&api).await;
        let gone = post_form(&api, &path, "").await.expect(303);
        let location = &gone.headers["location"];
        let token = location.rsplit(['=', '/']).next().unwrap();
        let brought = house.control("POST", "link", json!({"session": token})).await;
        assert_eq!(brought["redirect"], "https://muster.test/consents/return", "{provider}");

        let cookie = gone.headers["set-cookie"].split(';').next().unwrap().to_owned();
        let query = brought["code"].as_str().map(|code| format!("?code={code}&state=x")).unwrap_or_default();
        let back = api.as_nobody().with("cookie", &format!("a=b; {cookie}"));
        let back = back.get(&format!("/consents/return{query}")).await.expect(200);
        assert!(back.text.contains(&format!("action=\"{path}/finish\"")), "{provider}: {}", back.text);
        assert_eq!(house.rig.stored().await.due_ms, None, "{provider}: coming back finishes nothing");

        let form = query.trim_start_matches('?');
        let done = post_form(&api, &format!("{path}/finish"), form).await.expect(200);
        assert!(done.text.contains("linked"), "{provider}: {}", done.text);
        assert!(house.rig.stored().await.due_ms.is_some(), "{provider}");
        let page = api.as_nobody().get(&path).await.expect(409);
        assert!(page.text.contains("nothing is left to do"), "{provider}: {}", page.text);
        post_form(&api, &path, "").await.expect(409);
    }
}

#[tokio::test]
async fn an_approver_gives_credentials() {
    let house = waiting("bamboohr").await;
    let api = Api::over(&house);
    let path = approver_link(&api).await;
    let page = api.as_nobody().get(&path).await.expect(200);
    assert!(page.text.contains("name=\"company_domain\"") && page.text.contains("name=\"api_key\""), "{}", page.text);
    post_form(&api, &path, "").await.expect(422);
    let refused = post_form(&api, &path, "company_domain=acme&api_key=wrong").await.expect(422);
    assert!(refused.text.contains("refused") && !refused.text.contains("wrong"), "{}", refused.text);
    // Keys that the page does not ask for are not taken.
    let other = "company_domain=acme&api_key=bamboo-key&base_url=http%3A%2F%2Fevil.example";
    post_form(&api, &path, other).await.expect(200);
    assert!(!house.rig.stored().await.settings.contains("evil"));
    let audit = api.as_admin("acme").get("/v1/audit").await.expect(200);
    assert!(audit.text.contains("approver:") && !audit.text.contains("bamboo-key"), "{}", audit.text);
}

#[tokio::test]
async fn an_approvers_link_ends_with_its_time_with_changes_and_with_the_connection() {
    let mut house = waiting("finch").await;
    let path = {
        let api = Api::over(&house);
        set_up(&api, "finch").await;
        let path = approver_link(&api).await;
        let mut forged = path.clone();
        let last = forged.pop().unwrap();
        forged.push(if last == 'A' { 'B' } else { 'A' });
        forged.insert(12, 'x');
        for bad in [forged.as_str(), "/consents/x", "/consents/e30.e30"] {
            api.as_nobody().get(bad).await.expect(404);
            post_form(&api, bad, "").await.expect(404);
            post_form(&api, &format!("{bad}/finish"), "").await.expect(404);
        }
        path
    };
    save(&mut house, "finch", "Linked").await;
    let api = Api::over(&house);
    let page = api.as_nobody().get(&path).await.expect(409);
    assert!(page.text.contains("changed since") && !page.text.contains("<form"), "{}", page.text);
    post_form(&api, &path, "").await.expect(409);
    let path = approver_link(&api).await;
    house.rig.clock.advance(2 * 24 * 3_600_000);
    api.as_nobody().get(&path).await.expect(410);
    post_form(&api, &path, "").await.expect(410);
    assert_eq!(house.sent.get(), 0);
    assert_eq!(house.rig.stored().await.due_ms, None);
}

#[tokio::test]
async fn coming_back_without_having_left_leads_nowhere() {
    let house = waiting("finch").await;
    let api = Api::over(&house);
    api.as_nobody().get("/consents/return?code=x").await.expect(409);
    let forged = api.as_nobody().with("cookie", "muster_consent=e30.e30");
    forged.get("/consents/return?code=x").await.expect(404);
}

#[tokio::test]
async fn what_linking_will_bring_is_nothing_wrong_with_settings_that_are_tried() {
    for provider in ["finch", "merge", "bamboohr"] {
        let house = waiting(provider).await;
        let api = Api::over(&house);
        let path = "/v1/connections/acme-linked/trials?validate_only=true";
        let shown = api.as_admin("acme").get("/v1/connections/acme-linked/settings").await.expect(200);
        let tried = api.as_admin("acme").post(path, shown.json["file"].clone()).await.expect(200);
        assert_eq!((&tried.json["valid"], &tried.json["problems"]), (&json!(true), &json!([])), "{provider}");
    }
}
