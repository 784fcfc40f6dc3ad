use super::*;
use crate::accept;

fn with<T>(provider: &[(&str, &str)], secret: &str, check: impl FnOnce(&Target<'_>) -> T) -> T {
    let provider: BTreeMap<_, _> = provider.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let credentials = [("client_id", "C"), ("client_secret", "S"), ("webhook_secret", secret)];
    let credentials: BTreeMap<_, _> = credentials.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect();
    let today = jiff::civil::date(2026, 11, 22);
    check(&Target { provider: &provider, credentials: &credentials, token: None, columns: &[], today })
}

/// `user:password` under `Basic`, from Paylocity.
const GOOD: &str = "Basic dXNlcjpwYXNzd29yZA==";

fn verified(ip: &str, authorization: Option<&str>, secrets: &[&str]) -> bool {
    let headers = authorization.map(|text| ("authorization".to_owned(), text.to_owned())).into_iter().collect();
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    let delivery = Delivery { headers: &headers, body: b"{}", source_ip: ip };
    accept(&Paylocity, delivery, &secrets, 0).is_ok()
}

#[test]
fn a_webhook_wants_both_the_password_and_the_address() {
    let secrets = ["old:password", "user:password"];
    for ip in ["198.245.157.1", "192.40.49.255", "127.0.0.1", "::1", "::ffff:198.245.157.7"] {
        assert!(verified(ip, Some(GOOD), &secrets), "{ip}");
        assert!(!verified(ip, None, &secrets), "{ip}");
    }
    for ip in ["198.245.158.1", "192.40.48.1", "10.0.0.1", "2001:db8::1", "", "198.245.157.1, 10.0.0.1"] {
        assert!(!verified(ip, Some(GOOD), &secrets), "{ip}");
    }
}

#[test]
fn only_the_whole_pair_opens() {
    let opens = |authorization: &str, secrets: &[&str]| verified("127.0.0.1", Some(authorization), secrets);
    assert!(opens(&GOOD.replace("Basic", "basic"), &["user:password"]));
    assert!(!opens(GOOD, &[]));
    assert!(!opens(GOOD, &["user:password2", "user:", ""]));
    assert!(!opens("Basic ", &[""]));
    assert!(!opens("Basic Og==", &[":"]));
    assert!(!opens("Basic dXNlcjo=", &["user:"]));
    assert!(!opens("Bearer dXNlcjpwYXNzd29yZA==", &["user:password"]));
    assert!(!opens("Basic user:password", &["user:password"]));
    assert!(!opens("Basic", &["user:password"]));
}

#[test]
fn settings_that_cannot_work_are_problems() {
    let problems = |company: &str, environment: &str, secret: &str| {
        with(&[("company_id", company), ("environment", environment)], secret, |target| {
            Paylocity.problems(target).len()
        })
    };
    assert_eq!(problems("C01", "", ""), 0);
    assert_eq!(problems("C01", "demo", "user:pass:word"), 0);
    assert_eq!(problems("", "test", "password"), 3);
    assert_eq!(problems("../x", "production", "user:"), 2);
}

#[test]
fn a_refused_client_is_unauthorized_whatever_the_status() {
    let read = |status, body: &str| {
        let response = HttpResponse { status, headers: &[], body: body.as_bytes(), now_ms: 0 };
        with(&[], "", |target| Paylocity.read_token(target, &response))
    };
    for status in [400, 401, 403] {
        assert_eq!(read(status, "").unwrap_err().kind, FaultKind::Unauthorized, "{status}");
    }
    assert_eq!(read(403, "Developer Over Rate").unwrap_err().kind, FaultKind::Throttled);
    assert_eq!(read(500, "").unwrap_err().kind, FaultKind::Failing);
    assert_eq!(read(200, "{}").unwrap_err().kind, FaultKind::Failing);
    let token = read(200, r#"{"access_token":"A","expires_in":"3600","token_type":"Bearer"}"#).unwrap();
    assert_eq!((token.access.reveal(), token.seconds), ("A", Some(3600)));
    let url = with(&[("environment", "demo")], "", |target| Paylocity.token_request(target).map(|request| request.url));
    assert_eq!(url.as_deref(), Some("https://dc1demogwext.paylocity.com/public/security/v1/token"));
}

#[test]
fn there_is_no_incremental_listing() {
    assert_eq!(with(&[], "", |target| Paylocity.first(target, &Scope::Since(String::new()))), None);
}
