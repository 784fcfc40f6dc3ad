use std::collections::BTreeMap;

use super::*;
use crate::accept;

fn with<T>(provider: &[(&str, &str)], credentials: &[(&str, &str)], check: impl FnOnce(&Target<'_>) -> T) -> T {
    let provider: BTreeMap<_, _> = provider.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let credentials: BTreeMap<_, _> = credentials.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect();
    let today = jiff::civil::date(2026, 11, 22);
    check(&Target { provider: &provider, credentials: &credentials, token: None, columns: &[], today })
}

fn answer(status: u16, body: &str) -> HttpResponse<'_> {
    HttpResponse { status, headers: &[], body: body.as_bytes(), now_ms: 0 }
}

#[test]
fn only_a_plain_label_is_a_company_domain() {
    let problems = |domain: &str| {
        with(&[("company_domain", domain)], &[("api_key", "K")], |target| BambooHr.problems(target).len())
    };
    for good in ["acme", "a", "acme-2"] {
        assert_eq!(problems(good), 0, "{good}");
    }
    for bad in ["", "a.b", "evil.example/", "-acme", "acme-", "acme@x", "acme#", "äcme", "acme:80", &"a".repeat(64)] {
        assert_eq!(problems(bad), 1, "{bad}");
    }
}

#[test]
fn credentials_decide_how_it_authenticates_unless_told() {
    let refresh = [("client_id", "C"), ("client_secret", "S"), ("refresh_token", "R")];
    let domain = ("company_domain", "acme");
    let asks = |provider: &[(&str, &str)], credentials: &[(&str, &str)]| {
        with(provider, credentials, |t| (BambooHr.token_request(t).is_some(), BambooHr.problems(t).len()))
    };
    let both = [&refresh[..], &[("api_key", "K")]].concat();
    assert_eq!(asks(&[domain], &refresh), (true, 0));
    assert_eq!(asks(&[domain], &both), (false, 0));
    assert_eq!(asks(&[domain, ("auth", "oauth")], &both), (true, 0));
    assert_eq!(asks(&[domain, ("auth", "api_key")], &refresh), (false, 1));
    assert_eq!(asks(&[domain], &[("access_token", "A")]), (false, 0));
    assert_eq!(asks(&[domain], &[]), (false, 1));
    assert_eq!(asks(&[domain, ("auth", "magic")], &both).1, 1);
}

#[test]
fn a_new_refresh_token_is_told_and_the_same_one_is_not() {
    let changed = |body: &str| {
        let token = with(&[], &[("refresh_token", "OLD")], |t| BambooHr.read_token(t, &answer(200, body))).unwrap();
        assert_eq!((token.access.reveal(), token.seconds), ("A", Some(3600)));
        token.changed.map(|(key, secret)| (key, secret.reveal().to_owned()))
    };
    let body = |refresh: &str| format!(r#"{{"access_token":"A","expires_in":3600,"refresh_token":"{refresh}"}}"#);
    assert_eq!(changed(&body("NEW")), Some(("refresh_token", "NEW".to_owned())));
    assert_eq!(changed(&body("OLD")), None);
    let kind = |status| with(&[], &[], |t| BambooHr.read_token(t, &answer(status, "{}"))).unwrap_err().kind;
    assert_eq!(kind(400), FaultKind::ReauthNeeded);
    assert_eq!(kind(401), FaultKind::Unauthorized);
    assert_eq!(kind(200), FaultKind::Failing);
}

#[test]
fn more_changes_than_are_worth_reading_one_by_one_ask_for_a_full_listing() {
    let changed = |count: usize| {
        let employees: serde_json::Map<_, _> =
            (0..count).map(|id| (id.to_string(), json!({ "action": "Updated" }))).collect();
        let body = json!({ "latest": "2026-11-22T00:00:00Z", "employees": employees }).to_string();
        read::read_changed("", &answer(200, &body)).map(|page| page.next.is_some()).map_err(|fault| fault.kind)
    };
    assert_eq!(changed(1000), Ok(true));
    assert_eq!(changed(1001), Err(FaultKind::MarkLost));
}

#[test]
fn the_error_message_of_bamboohr_is_told_and_cut() {
    let headers = [("x-bamboohr-error-message".to_owned(), "n\r\no".to_owned() + &"x".repeat(500))];
    let response = HttpResponse { status: 403, headers: &headers, body: b"", now_ms: 0 };
    let message = checked(&response).unwrap_err().message;
    assert!(message.starts_with("the provider answered 403: nox"), "{message}");
    assert_eq!(message.len(), "the provider answered 403: ".len() + 200);
}

/// The signature of the first is a foreign one (fusebit/integrations, MIT).
#[test]
fn only_a_fresh_signature_over_body_and_timestamp_is_believed() {
    const SECRET: &str = "123b929362d51613054f71e5e5d4bf2c";
    const SIGNATURE: &str = "56491dd9c2b352bc5f4fc627159aae20ddff9c8cb19f239a6de6771dc5310bac";
    let body = r##"{"employees":[{"changedFields":["First name"],"fields":{"Employee #":{"value":"300"},"First name":{"value":"Tefi"},"Last name":{"value":"Adams"}},"id":"5"}]}"##;
    let accepted = |body: &str, at: &str, signature: &str, secrets: &[&str], now: i64| {
        let headers = [("x-bamboohr-timestamp", at), ("x-bamboohr-signature", signature)];
        let headers: BTreeMap<_, _> = headers.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let delivery = Delivery { headers: &headers, body: body.as_bytes(), source_ip: "" };
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        accept(&BambooHr, delivery, &secrets, now * 1000).is_ok()
    };
    let at = "1658248023";
    assert!(accepted(body, at, SIGNATURE, &[SECRET], 1_658_248_030));
    assert!(accepted(body, at, SIGNATURE, &["other", SECRET], 1_658_248_323));
    assert!(!accepted(body, at, SIGNATURE, &[SECRET], 1_658_248_324));
    assert!(!accepted(body, at, SIGNATURE, &["other", ""], 1_658_248_030));
    assert!(!accepted(body, at, SIGNATURE, &[], 1_658_248_030));
    assert!(!accepted(&body.replace("Tefi", "Eve"), at, SIGNATURE, &[SECRET], 1_658_248_030));
    assert!(!accepted(body, "1658248024", SIGNATURE, &[SECRET], 1_658_248_030));
    assert!(!accepted(body, "9999999999999999", SIGNATURE, &[SECRET], 1_658_248_030));
    assert!(!accepted(body, at, &SIGNATURE.to_uppercase(), &[SECRET], 1_658_248_030));
}
