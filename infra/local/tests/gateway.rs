//! Tokens and API Gateway's part of the admin API, by the real program.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use support::{program::Program, request};

/// `muster-local up`, as its callers see it.
struct Up {
    program: Program,
    http: String,
}

impl Up {
    fn start() -> Self {
        Self::with(&[])
    }

    fn with(options: &[&str]) -> Self {
        let program = Program::start(options);
        Self { http: program.address("http").to_owned(), program }
    }

    fn token(&self, arguments: &[&str]) -> String {
        self.program.said(&[&["token"], arguments].concat()).trim().to_owned()
    }

    /// Status, head in lower case, and body.
    async fn get(&self, path: &str, token: Option<&str>) -> (u16, String, String) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        request("GET", &format!("{}{path}", self.http), &headers, "").await
    }

    async fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path, None).await;
        assert_eq!(status, 200, "{path}");
        serde_json::from_str(&body).unwrap()
    }
}

fn part(token: &str, nth: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(nth).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_names_the_key_and_the_issuer_that_discovery_shows() {
    let up = Up::start();
    let about = up.json("/.well-known/openid-configuration").await;
    assert_eq!(about["issuer"], up.http);
    let keys = up.json(about["jwks_uri"].as_str().unwrap().strip_prefix(up.http.as_str()).unwrap()).await;
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], keys["keys"].as_array().unwrap().len()), (&"RSA".into(), &"RS256".into(), 1));
    assert!(key.get("d").is_none(), "the private part stays where it is");

    let token = up.token(&["--account", "acme", "--role", "member", "--user", "ana", "--permission", "people"]);
    assert_eq!((&part(&token, 0)["kid"], &part(&token, 0)["alg"]), (&key["kid"], &key["alg"]));
    let claims = part(&token, 1);
    assert_eq!((&claims["iss"], &claims["aud"]), (&about["issuer"], &"muster".into()));
    assert_eq!(
        (&claims["account"], &claims["role"], &claims["sub"], &claims["permissions"][0]),
        (&"acme".into(), &"member".into(), &"ana".into(), &"people".into())
    );
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    let operator = up.token(&["--role", "operator", "--expires", "90s"]);
    assert_eq!(part(&operator, 1)["account"], Value::Null);

    for (arguments, named) in [
        (&["--role", "admin"][..], "--account"),
        (&["--role", "root", "--account", "acme"], "root"),
        (&["--role", "operator", "--expires", "soon"], "soon"),
        (&["--role", "editor", "--account", "acme", "--group", "Acme staff"], "one word"),
    ] {
        let output = up.program.muster(&[&["token"], arguments].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty() && error.contains(named), "{error}");
    }
}

#[tokio::test]
async fn nobody_passes_the_gateway_without_a_good_token() {
    let up = Up::start();
    let good = up.token(&["--account", "acme", "--role", "admin"]);
    let expired = up.token(&["--account", "acme", "--role", "admin", "--expires", "0s"]);
    let other = Up::start().token(&["--account", "acme", "--role", "admin"]);
    // `exp` counts in whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    for path in ["/v1/connections", "/v1/nothing/here", "/v1/openapi.json/x", "/v1/operator/accounts"] {
        for token in [None, Some(expired.as_str()), Some(&other), Some(&good[..good.len() - 5]), Some("x")] {
            let (status, head, body) = up.get(path, token).await;
            assert_eq!((status, body.as_str()), (401, r#"{"message":"Unauthorized"}"#), "{path}");
            assert!(head.contains("\r\nwww-authenticate: bearer\r\n"), "{head}");
        }
    }
    assert_eq!(up.get("/v1/account", Some(&good)).await.0, 200);
    assert_eq!(up.get("/v1/openapi.json", None).await.0, 200, "what the API is, everybody may read");
}

#[tokio::test]
async fn a_token_reaches_the_function_with_its_role_and_its_account_alone() {
    let up = Up::start();
    let operator = up.token(&["--role", "operator"]);
    let admin = up.token(&["--account", "acme", "--role", "admin", "--user", "ana"]);
    let put = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let url = format!("{}/v1/operator/accounts/acme", up.http);
        let body = r#"{"name": "Acme", "entitlements": ["sftp"]}"#;
        request("PUT", &url, &[("authorization", &bearer)], body).await.0
    };
    assert_eq!((put(&admin).await, put(&operator).await), (403, 200));
    let (_, _, account) = up.get("/v1/account", Some(&admin)).await;
    let account: Value = serde_json::from_str(&account).unwrap();
    assert_eq!((&account["account"], &account["user"]), (&"acme".into(), &"ana".into()));
    assert_eq!(account["entitlements"], serde_json::json!(["sftp"]));
    assert_eq!(up.get("/v1/account", Some(&operator)).await.0, 403);

    let verified = up.program.muster(&["audit", "verify", "--account", "acme"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let unknown = up.program.muster(&["audit", "verify", "--account", "other"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no account other"));
}

#[tokio::test]
async fn a_body_beyond_the_gateways_limit_is_refused() {
    let up = Up::start();
    let bearer = format!("Bearer {}", up.token(&["--role", "operator"]));
    let send = async |bytes: usize| {
        let url = format!("{}/v1/operator/accounts/acme", up.http);
        request("PUT", &url, &[("authorization", &bearer)], &" ".repeat(bytes)).await
    };
    assert_eq!(send(7 << 20).await.0, 413, "Lambda takes no event of that size");
    let (status, _, body) = send(2 << 20).await;
    assert_eq!((status, body.contains("too_large")), (413, true), "the function's own limit: {body}");
}

#[tokio::test]
async fn a_page_of_the_console_may_call_and_no_other() {
    let up = Up::with(&["--console-origin", "https://console.example"]);
    let asked = async |origin: &str, path: &str, method: &str| {
        let headers = [("origin", origin), ("access-control-request-method", method)];
        request("OPTIONS", &format!("{}{path}", up.http), &headers, "").await.1
    };
    let allowed = "\r\naccess-control-allow-origin: https://console.example\r\n";
    let check = async |origin: &str, path: &str, method: &str, expected: bool| {
        let head = asked(origin, path, method).await;
        let methods = head.split("access-control-allow-methods: ").nth(1).and_then(|rest| rest.lines().next());
        let named = methods.is_some_and(|methods| methods.split(',').any(|one| one == method.to_lowercase()));
        assert_eq!(head.contains(allowed) && named, expected, "{origin} {method} {path}: {head}");
    };
    check("https://console.example", "/v1/connections", "PATCH", true).await;
    check("https://console.example", "/muster-local/inbox/acme/x.csv", "PUT", true).await;
    check("https://console.example", "/muster-local/inbox/acme/x.csv", "DELETE", false).await;
    check("https://elsewhere.example", "/v1/connections", "GET", false).await;
    check("https://console.example", "/webhooks/finch", "POST", false).await;
    let refused =
        request("GET", &format!("{}/v1/account", up.http), &[("origin", "https://console.example")], "").await;
    assert!(refused.0 == 401 && refused.1.contains(allowed), "the page can read why it is refused: {}", refused.1);
    let closed = Up::start();
    let head =
        request("OPTIONS", &format!("{}/v1/account", closed.http), &[("origin", "https://x.example")], "").await.1;
    assert!(!head.contains("allow-origin"), "nobody unless told: {head}");
}
