//! The bundled issuer of tokens: an RSA key in the data folder, served as `OpenID` Connect discovery.
//!
//! Whoever can read the data folder can sign; nothing else can, so that tokens mean here what they mean on AWS.

mod claims;
mod key;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};

pub(crate) use claims::{AUDIENCE, Grant, MOMENT, USER, own_grant};
pub(crate) use key::Key;

/// Where the keys are served.
const JWKS: &str = "/jwks.json";

/// Discovery and keys, for `issuer` as tokens name it.
pub(crate) fn router(issuer: &str, key: &Key) -> Router {
    let (about, keys) = (discovery(issuer), json!({"keys": [key.jwk()]}));
    Router::new()
        .route("/.well-known/openid-configuration", get(async move || Json(about)))
        .route(JWKS, get(async move || Json(keys)))
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}{JWKS}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}
