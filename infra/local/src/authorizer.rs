//! API Gateway's JWT authorizer: who may pass, and what the function is told of them.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::issuer::{AUDIENCE, Key};

/// Takes tokens of one issuer.
pub(crate) struct Authorizer {
    key_id: String,
    key: DecodingKey,
    validation: Validation,
}

impl Authorizer {
    /// Takes tokens that name this issuer, are for Muster, and are signed with its key.
    pub(crate) fn new(issuer: &str, key: &Key) -> Self {
        let (modulus, exponent) = key.public();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let key_id = key.id().to_owned();
        Self { key_id, key: DecodingKey::from_rsa_raw_components(modulus, exponent), validation }
    }

    /// The claims of the `Authorization` header's token, each as text; `None` when it may not pass.
    pub(crate) fn claims(&self, authorization: Option<&str>) -> Option<Map<String, Value>> {
        let sent = authorization?.trim();
        // The gateway takes a token with and without the word.
        let token = match sent.split_once(' ') {
            Some((word, token)) if word.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return None,
            None => sent,
        };
        if decode_header(token).ok()?.kid? != self.key_id {
            return None;
        }
        let claims = decode::<Map<String, Value>>(token, &self.key, &self.validation).ok()?.claims;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        if claims.get("iat").is_some_and(|issued| issued.as_u64().is_none_or(|issued| issued > now)) {
            return None;
        }
        Some(claims.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))).collect())
    }
}

/// A claim as the gateway hands it over: a list as `[a b]`, a number by its digits.
fn text(value: &Value) -> String {
    let all = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", all(list.iter().map(text).collect())),
        Value::Object(map) => {
            format!("map[{}]", all(map.iter().map(|(name, value)| format!("{name}:{}", text(value))).collect()))
        }
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;
    use std::{sync::LazyLock, time::Duration};

    use super::*;
    use crate::issuer::Grant;

    const ISSUER: &str = "http://127.0.0.1:7300";

    /// Two issuers' keys and the PEM of the first, made once.
    static KEYS: LazyLock<(Key, Key, String)> = LazyLock::new(|| {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [own, other] = [0, 1].map(|at: usize| Key::open(folders[at].path()).unwrap());
        let pem = std::fs::read_to_string(folders[0].path().join("issuer-key.pem")).unwrap();
        (own, other, pem)
    });

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn claims() -> Value {
        let grant = Grant {
            account: Some("acme".to_owned()),
            role: "member".to_owned(),
            user: "ana".to_owned(),
            permissions: vec!["people".to_owned(), "segments".to_owned()],
            groups: Vec::new(),
        };
        grant.claims(ISSUER, Duration::from_secs(60))
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn passes(authorization: &str) -> bool {
        Authorizer::new(ISSUER, &KEYS.0).claims(Some(authorization)).is_some()
    }

    #[test]
    fn a_good_token_passes_and_every_claim_is_handed_over_as_text() {
        let token = KEYS.0.sign(&claims()).unwrap();
        let authorizer = Authorizer::new(ISSUER, &KEYS.0);
        for sent in [format!("Bearer {token}"), format!("bearer  {token} "), token] {
            let handed = authorizer.claims(Some(&sent)).unwrap();
            assert!(handed.values().all(Value::is_string), "{handed:?}");
            assert_eq!(handed["account"], "acme");
            assert_eq!(handed["permissions"], "[people segments]");
            assert_eq!(handed["exp"], claims()["exp"].as_u64().map(|exp| exp.to_string()).unwrap());
            assert!(!handed.contains_key("groups"), "an empty list is left out");
        }
        assert!(passes(&KEYS.0.sign(&with("aud", json!(["other", "muster"]))).unwrap()));
    }

    #[test]
    fn a_token_with_a_wrong_claim_does_not_pass() {
        let hour = 3_600;
        for (name, value) in [
            ("exp", json!(now() - 1)),
            ("exp", json!(null)),
            ("exp", json!("soon")),
            ("nbf", json!(now() + hour)),
            ("iat", json!(now() + hour)),
            ("aud", json!("another")),
            ("aud", json!(["another"])),
            ("aud", json!(null)),
            ("iss", json!("http://127.0.0.1:7301")),
            ("iss", json!(null)),
        ] {
            let token = KEYS.0.sign(&with(name, value.clone())).unwrap();
            assert!(!passes(&format!("Bearer {token}")), "{name} {value}");
        }
    }

    #[test]
    fn a_token_that_another_key_signed_does_not_pass() {
        let (own, other, _) = &*KEYS;
        assert!(!passes(&other.sign(&claims()).unwrap()), "with the other's key id");
        // The other's signature under the own key's id.
        let part = |token: &str, nth: usize| token.split('.').nth(nth).unwrap().to_owned();
        let (ours, theirs) = (own.sign(&claims()).unwrap(), other.sign(&claims()).unwrap());
        assert!(!passes(&format!("{}.{}.{}", part(&ours, 0), part(&ours, 1), part(&theirs, 2))));
        // The own signature under other claims.
        let forged = other.sign(&with("account", json!("other"))).unwrap();
        assert!(!passes(&format!("{}.{}.{}", part(&ours, 0), part(&forged, 1), part(&ours, 2))));
        assert!(passes(&ours));
    }

    #[test]
    fn only_rs256_with_a_known_key_id_passes() {
        let (own, _, pem) = &*KEYS;
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = encoded(&claims());
        for signature in ["", "AAAA"] {
            for alg in ["none", "None", "NONE"] {
                let header = encoded(&json!({"alg": alg, "typ": "JWT", "kid": own.id()}));
                assert!(!passes(&format!("Bearer {header}.{body}.{signature}")), "{alg}");
            }
        }
        // The public key is no secret: whoever takes it for one lets everybody in.
        let der = rsa_public_der(pem);
        let public_pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", base64(&der));
        for secret in [der.as_slice(), public_pem.as_bytes(), own.public().0, own.jwk().to_string().as_bytes()] {
            let header = Header { kid: Some(own.id().to_owned()), ..Header::new(Algorithm::HS256) };
            let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert!(!passes(&token), "HS256");
        }
        // Signed with the right key, but not as agreed.
        for (algorithm, kid) in [
            (Algorithm::RS512, Some(own.id())),
            (Algorithm::PS256, Some(own.id())),
            (Algorithm::RS256, Some("another")),
            (Algorithm::RS256, None),
        ] {
            let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
            let token = jsonwebtoken::encode(&header, &claims(), &private(pem)).unwrap();
            assert!(!passes(&token), "{algorithm:?} {kid:?}");
        }
        let header = Header { kid: Some(own.id().to_owned()), ..Header::new(Algorithm::RS256) };
        assert!(passes(&jsonwebtoken::encode(&header, &claims(), &private(pem)).unwrap()));
    }

    #[test]
    fn what_is_no_whole_token_does_not_pass() {
        let token = KEYS.0.sign(&claims()).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        for sent in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Basic {token}"),
            format!("Bearer Bearer {token}"),
            token[..token.len() - 4].to_owned(),
            token[..token.len() / 2].to_owned(),
            format!("{}.{}", parts[0], parts[1]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}..{}", parts[0], parts[2]),
            format!("{token}.x"),
            format!("{token}x"),
            format!("x{token}"),
            "ü.ü.ü".to_owned(),
        ] {
            assert!(!passes(&sent), "{sent}");
        }
        assert!(Authorizer::new(ISSUER, &KEYS.0).claims(None).is_none());
    }

    #[test]
    fn claims_are_written_as_the_gateway_writes_them() {
        let check = |value: Value, expected: &str| assert_eq!(text(&value), expected);
        check(json!("a b"), "a b");
        check(json!(["a", "b"]), "[a b]");
        check(json!([]), "[]");
        check(json!(1_800_000_000), "1800000000");
        check(json!(true), "true");
        check(json!({"a": "b", "c": [1]}), "map[a:b c:[1]]");
        check(json!(null), "<nil>");
    }

    fn base64(bytes: &[u8]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn rsa_public_der(pem: &str) -> Vec<u8> {
        use rsa::{pkcs1::EncodeRsaPublicKey, pkcs8::DecodePrivateKey};
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
        key.to_public_key().to_pkcs1_der().unwrap().into_vec()
    }

    fn private(pem: &str) -> EncodingKey {
        use rsa::{pkcs1::EncodeRsaPrivateKey, pkcs8::DecodePrivateKey};
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
        EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes())
    }
}
