//! The commands' client of the admin API: over HTTP like everybody's, with tokens that it signs itself.

use std::path::Path;

use anyhow::Context;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    issuer::{Key, own_grant},
    running,
};

/// What a part of a path may hold as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The admin API of a running stack.
pub(crate) struct Api {
    base: String,
    key: Key,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// The API's own words about why it did not carry a request out.
#[derive(Debug, thiserror::Error)]
#[error("{}", said(.status, .problem))]
pub(crate) struct NotDone {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The problem, as the API says it.
    problem: Value,
}

impl NotDone {
    /// Whether an error says that there is no such thing.
    pub(crate) fn is_unknown(error: &anyhow::Error) -> bool {
        error.downcast_ref::<Self>().is_some_and(|not_done| not_done.status == 404)
    }
}

/// Everything that is wrong, a line each.
fn said(status: &u16, problem: &Value) -> String {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let lines: Vec<String> = errors
        .filter_map(|error| Some(format!("{}: {}", error["field"].as_str()?, error["problem"].as_str()?)))
        .collect();
    if !lines.is_empty() {
        return lines.join("\n");
    }
    let detail = problem["detail"].as_str().or_else(|| problem["message"].as_str());
    detail.map_or_else(|| format!("the admin API answered {status}"), str::to_owned)
}

impl Api {
    /// The API of the stack that runs in `data`.
    ///
    /// # Errors
    /// When none runs there.
    pub(crate) fn running(data: &Path) -> anyhow::Result<Self> {
        let ready = running(data)?;
        let base = ready["http"].as_str().context("ready.json: no http address")?;
        Self::at(data, base)
    }

    /// The API of a stack with this data folder and address.
    ///
    /// # Errors
    /// When the folder's key cannot be read.
    pub(crate) fn at(data: &Path, base: &str) -> anyhow::Result<Self> {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { base: base.to_owned(), key: Key::read(data)?, http })
    }

    /// As the product team.
    pub(crate) fn operator(&self) -> Caller<'_> {
        Caller { api: self, account: None }
    }

    /// As an admin of an account.
    pub(crate) fn admin<'a>(&'a self, account: &'a str) -> Caller<'a> {
        Caller { api: self, account: Some(account) }
    }

    /// Every account's id.
    ///
    /// # Errors
    /// When the API refuses or cannot be reached.
    pub(crate) async fn accounts(&self) -> anyhow::Result<Vec<String>> {
        let accounts = self.operator().all("/v1/operator/accounts").await?;
        Ok(accounts.iter().filter_map(|account| account["account"].as_str().map(str::to_owned)).collect())
    }

    async fn send(&self, account: Option<&str>, method: &str, path: &str, sent: Sent<'_>) -> anyhow::Result<Value> {
        let token = self.key.sign(&own_grant(account).claims(&self.base, crate::issuer::MOMENT))?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some((kind, _)) = sent.body {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(version) = sent.over {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        let request = request.body(Full::from(sent.body.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()))?;
        let reached = || format!("reach the admin API at {}", self.base);
        let answer = self.http.request(request).await.with_context(reached)?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.with_context(reached)?.to_bytes();
        let said: Value = match bytes.as_ref() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes).with_context(|| format!("{method} {path}: an answer of JSON"))?,
        };
        if status < 300 { Ok(said) } else { Err(NotDone { status, problem: said }.into()) }
    }
}

/// What is sent along.
#[derive(Clone, Copy, Default)]
struct Sent<'a> {
    /// A body's type, and the body.
    body: Option<(&'a str, &'a [u8])>,
    /// The version that it is to change.
    over: Option<u64>,
}

/// Somebody who asks the API.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    api: &'a Api,
    account: Option<&'a str>,
}

impl Caller<'_> {
    /// Reads.
    ///
    /// # Errors
    /// [`NotDone`] when the API refuses; others when it cannot be reached.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.api.send(self.account, "GET", path, Sent::default()).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let sent = Sent { body: Some(("application/json", body.as_bytes())), over: None };
        self.api.send(self.account, method, path, sent).await
    }

    /// Sends a connection file, as a change of the version that was read where there was one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn send_file(
        &self,
        method: &str,
        path: &str,
        text: &str,
        over: Option<u64>,
    ) -> anyhow::Result<Value> {
        let sent = Sent { body: Some(("application/toml", text.as_bytes())), over };
        self.api.send(self.account, method, path, sent).await
    }

    /// Asks for something to be done that needs no words.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn post(&self, path: &str) -> anyhow::Result<Value> {
        self.api.send(self.account, "POST", path, Sent::default()).await
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let first = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.get(&format!("{path}{first}limit=200{cursor}")).await?;
            items.extend(page["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", segment(next)),
                None => return Ok(items),
            }
        }
    }
}

/// A value as a part of a path or query.
pub(crate) fn segment(value: &str) -> String {
    utf8_percent_encode(value, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_apis_words() {
        let check = |problem: Value, expected: &str| assert_eq!(said(&422, &problem), expected);
        check(json!({"detail": "a: no"}), "a: no");
        let errors = json!([{"field": "a", "problem": "no"}, {"field": "b.c", "problem": "not so"}]);
        check(json!({"detail": "a: no", "errors": errors}), "a: no\nb.c: not so");
        check(json!({"message": "Unauthorized"}), "Unauthorized");
        check(Value::Null, "the admin API answered 422");
    }

    #[test]
    fn a_part_of_a_path_cannot_be_another_path() {
        assert_eq!(segment("../x?y=é"), "..%2Fx%3Fy%3D%C3%A9");
        assert_eq!(segment("acme-hr_1.~"), "acme-hr_1.~");
    }
}
