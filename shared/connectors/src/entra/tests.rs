use super::*;

fn with<T>(provider: &[(&str, &str)], columns: &[&str], check: impl FnOnce(&Target<'_>) -> T) -> T {
    let provider: BTreeMap<_, _> = provider.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let credentials = [("client_id", "C"), ("client_secret", "S&1")];
    let credentials: BTreeMap<_, _> = credentials.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect();
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let today = jiff::civil::date(2026, 11, 22);
    check(&Target { provider: &provider, credentials: &credentials, token: None, columns: &columns, today })
}

fn answer(status: u16, body: &str) -> HttpResponse<'_> {
    HttpResponse { status, headers: &[], body: body.as_bytes(), now_ms: 0 }
}

#[test]
fn only_links_to_the_api_itself_are_followed() {
    let followed = |base: &str, link: &str| {
        let provider = if base.is_empty() { vec![] } else { vec![("base_url", base)] };
        with(&provider, &[], |target| own(target, link).is_ok())
    };
    assert!(followed("", "https://graph.microsoft.com/v1.0/users/delta?$skiptoken=x"));
    assert!(followed("", "https://graph.microsoft.com:443/v1.0/users/delta"));
    assert!(followed("http://127.0.0.1:9000/", "http://127.0.0.1:9000/v1.0/users/delta?a=b"));
    for link in [
        "http://graph.microsoft.com/v1.0/users/delta",
        "https://graph.microsoft.com:8443/v1.0/users/delta",
        "https://graph.microsoft.com.evil.example/v1.0/users/delta",
        "https://graph.microsoft.com@evil.example/",
        "https://user:pass@graph.microsoft.com/v1.0/users/delta",
        "//evil.example/",
        "/v1.0/users/delta",
        "",
    ] {
        assert!(!followed("", link), "{link}");
    }
    assert!(!followed("http://127.0.0.1:9000", "http://127.0.0.1:9001/"));
}

#[test]
fn a_token_is_asked_for_at_the_tenant_and_its_refusal_is_told() {
    let request = with(&[("tenant_id", "acme.example")], &[], |target| Entra.token_request(target)).unwrap();
    assert_eq!(request.url, "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token");
    let body = String::from_utf8(request.body).unwrap();
    assert!(body.contains("client_secret=S%261&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"), "{body}");
    let read = |status, body: &str| with(&[], &[], |target| Entra.read_token(target, &answer(status, body)));
    let token = read(200, r#"{"token_type":"Bearer","expires_in":3599,"access_token":"A"}"#).unwrap();
    assert_eq!((token.access.reveal(), token.seconds, token.changed.is_none()), ("A", Some(3599), true));
    let fault = read(401, r#"{"error":"invalid_client","error_description":"AADSTS7000215: …"}"#).unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Unauthorized, "the provider answered 401: invalid_client")
    );
    assert_eq!(read(400, "{}").unwrap_err().kind, FaultKind::Unauthorized);
    assert_eq!(read(200, "{}").unwrap_err().kind, FaultKind::Failing);
    assert_eq!(read(503, "").unwrap_err().kind, FaultKind::Failing);
}

#[test]
fn settings_that_would_lead_elsewhere_are_problems() {
    let problems = |tenant: &str, user_type: &str| {
        with(&[("tenant_id", tenant), ("user_type", user_type)], &[], |target| Entra.problems(target).len())
    };
    assert_eq!(problems("72f988bf-86f1-41af-91ab-2d7cd011db47", ""), 0);
    assert_eq!(problems("acme.example", "all"), 0);
    assert_eq!(problems("acme/../evil", "Member"), 1);
    assert_eq!(problems("", "everyone"), 2);
}

#[test]
fn blocked_and_strange_columns_are_not_selected() {
    let columns =
        ["birthday", "manager.id", "jobTitle", "a,b", "employeeOrgData.division", "employeeOrgData.costCenter"];
    let select = with(&[], &columns, |target| people::select(target, false).join(","));
    assert!(select.ends_with(",employeeId,jobTitle,employeeOrgData"), "{select}");
}

#[test]
fn there_are_no_webhooks() {
    let delivery = Delivery { headers: &BTreeMap::new(), body: b"{}", source_ip: "127.0.0.1" };
    assert!(crate::accept(&Entra, delivery, &[Secret::new("")], 0).is_err());
    assert!(Entra.routes(&BTreeMap::new()).is_empty());
}
