//! One request, as a handler sees it.

use std::collections::BTreeMap;

use muster_core::ids::{ConnectionId, RunId};
use muster_sync::{Clock, Connection, Ledger, NewEntry, Run, append_audit};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Span;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::serve::Request;
use crate::world::World;

/// One request, as a handler sees it: verified, matched, allowed.
pub(crate) struct Call<'a, W: World> {
    pub(crate) world: &'a W,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    pub(crate) path: &'a BTreeMap<String, String>,
}

impl<W: World> Clone for Call<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: World> Copy for Call<'_, W> {}

impl<'a, W: World> Call<'a, W> {
    /// A part of the path, decoded.
    pub(crate) fn path(&self, name: &str) -> &'a str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The `{connection}` of the path.
    pub(crate) fn connection_id(&self) -> Result<ConnectionId, Problem> {
        ConnectionId::parse(self.path("connection")).map_err(|_| Problem::not_found())
    }

    /// The `{connection}` of the path, in the caller's account.
    pub(crate) async fn connection(&self) -> Result<Connection, Problem> {
        let found = self.world.table().connection(&self.caller.account, &self.connection_id()?).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        // Only what there is: a path may hold anything.
        Span::current().record("connection.id", found.id.as_str());
        Ok(found)
    }

    /// The `{run}` of the path, of its `{connection}`, in the caller's account.
    pub(crate) async fn run(&self) -> Result<Run, Problem> {
        let id = RunId::parse(self.path("run")).map_err(|_| Problem::not_found())?;
        let found = self.world.table().run(&self.caller.account, &self.connection_id()?, &id).await?;
        let found = found.ok_or_else(Problem::not_found)?;
        Span::current().record("connection.id", found.connection.as_str()).record("run.id", found.id.as_str());
        Ok(found)
    }

    /// The query.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_urlencoded::from_str(&self.request.query).map_err(|e| Problem::bad_request(format!("query: {e}")))
    }

    /// The body, as JSON.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(&self.request.body);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|e| {
            let (path, why) = (e.path().to_string(), e.inner());
            if why.is_data() {
                // The parser quotes what it found: only its first words are ours to repeat.
                Problem::invalid(&path, format!("{path}: {}", without_values(&why.to_string())))
            } else {
                Problem::bad_request(format!("the body is no JSON: line {}, column {}", why.line(), why.column()))
            }
        })?;
        reader.end().map_err(|_| Problem::bad_request("the body goes on behind its JSON"))?;
        Ok(read)
    }

    /// The body, as text.
    pub(crate) fn text(&self) -> Result<&'a str, Problem> {
        std::str::from_utf8(&self.request.body).map_err(|_| Problem::bad_request("the body is no UTF-8"))
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers.get(name).map(String::as_str)
    }

    /// The version that `If-Match` names.
    pub(crate) fn if_match(&self) -> Result<u64, Problem> {
        let needed = || Problem::new(428, "precondition_required", "If-Match must name the version that you have read");
        let tag = self.header("if-match").ok_or_else(needed)?.trim();
        let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
        let told = "If-Match must be the ETag that was read, such as \"3\"";
        number.ok_or_else(|| Problem::bad_request(told).field("If-Match"))
    }

    /// Where this API is reached from outside: as set, or by the name that this request came by.
    pub(crate) fn public_url(&self) -> Option<String> {
        let by_name = || self.request.host.as_ref().map(|host| format!("https://{host}"));
        self.world.config().public_url.clone().or_else(by_name)
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.world.clock().now_ms()
    }

    /// Writes a decision or change into the account's chain, before it is carried out.
    pub(crate) async fn audit(
        &self,
        action: &str,
        target: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), Problem> {
        let by = format!("{}:{}", self.caller.role.as_str(), self.caller.user);
        let entry = NewEntry { at_ms: self.now_ms(), by, action: action.into(), target: target.into(), before, after };
        append_audit(self.world.table(), &self.caller.account, entry).await?;
        Ok(())
    }
}

/// A message of the JSON reader without what it quotes of the body.
fn without_values(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    let mut parts = message.split('"');
    let first = parts.next().unwrap_or_default().to_owned();
    // `unknown field` names a key, which is no value.
    if first.ends_with("field `") {
        first
    } else {
        parts.next_back().map_or(first.clone(), |rest| format!("{first}…{rest}"))
    }
}
